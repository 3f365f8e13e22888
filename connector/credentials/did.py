"""DID documents.

A document is read into keys by id with their relationships, and service endpoints (Controlled Identifiers 1.0, DCP
1.0.1 section 4.2). Fetching is left to `peers/`, identifiers to `did_web`. Which key may be used for what is `key_for`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import orjson

from connector.credentials.datamodel import parse_time, time_text
from connector.credentials.did_web import did_of_key
from connector.credentials.jose import json_object
from connector.credentials.multikey import key_from_multikey
from connector.credentials.refused import Refused
from connector.credentials.signing import PublicKey, key_from_jwk
from connector.model import Did, Json, JsonObject

DOCUMENT_LIMIT_BYTES = 256 * 1024
MEDIA_TYPE = "application/did+json"
CONTEXTS = ("https://www.w3.org/ns/did/v1", "https://w3id.org/security/suites/jws-2020/v1")

Relationship = Literal["assertionMethod", "authentication", "capabilityInvocation"]
RELATIONSHIPS: tuple[Relationship, ...] = ("assertionMethod", "authentication", "capabilityInvocation")

_MAX_METHODS = 100
_MAX_SERVICES = 100
_UNUSED = ("keyAgreement", "capabilityDelegation")
_NAMED = (*RELATIONSHIPS, *_UNUSED)
"""The relationships of DID Core 1.0, section 5.3."""
_PROVING: tuple[Relationship, ...] = ("authentication", "capabilityInvocation")
_OWN_TYPE = "JsonWebKey2020"
"""An Eclipse EDC knows no other type with a JWK; whoever knows `JsonWebKey` knows this older name of it, too."""
_JWK_TYPES = frozenset({"JsonWebKey", _OWN_TYPE})


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodKey:
    """A public key that we put into our own document. `key_id` is the DID URL with its fragment.

    `retired`: listed under no relationship; it proves what was signed before, and nothing new.
    """

    key_id: str
    public_jwk: JsonObject
    retired: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service entry: where this party can be reached for what."""

    id: str
    type: str
    endpoint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A verification method. `key` is None where the material is of a kind that we do not use."""

    id: str
    controller: str
    key: PublicKey | None
    jwk: str = ""
    """The key's own members as JSON, to be kept with what it verified."""
    ended: str = ""
    """Why it may be used no more: its owner revoked it, or it expired."""

    @property
    def revoked(self) -> bool:
        """Its owner took it back: what it signed proves nothing, whatever time that says of itself."""
        return self.ended.startswith("revoked")


@dataclass(frozen=True, slots=True, kw_only=True)
class DidDocument:
    """What a party says about its keys and services."""

    id: Did
    methods: Mapping[str, Method]
    relationships: Mapping[str, frozenset[str]]
    services: tuple[Service, ...]
    unused: frozenset[str] = frozenset()
    """Keys that it lists for purposes that we have no use for."""
    octets: bytes = field(default=b"", repr=False, compare=False)
    """As it was read."""

    def endpoint(self, service_type: str) -> str | None:
        """The first endpoint of that type."""
        return next((service.endpoint for service in self.services if service.type == service_type), None)


# --- our own document ------------------------------------------------------------------------------------------------


def build_document(
    did: Did,
    *,
    assertion: Sequence[MethodKey],
    authentication: Sequence[MethodKey],
    services: Iterable[Service],
) -> JsonObject:
    """Our DID document. Both lists hold the key in use and the old ones that something still rests on.

    Credentials are signed under `assertionMethod`. Tokens need `capabilityInvocation` and presentations
    `authentication` (DCP 1.0.1 sections 4.3.3 and 5.4.3): one key has both. Only members that strict readers know.
    """
    signing: list[Json] = [key.key_id for key in assertion if not key.retired]
    proving: list[Json] = [key.key_id for key in authentication if not key.retired]
    return {
        "@context": list(CONTEXTS),
        "id": did,
        "verificationMethod": [
            {"id": key.key_id, "type": _OWN_TYPE, "controller": did, "publicKeyJwk": key.public_jwk}
            for key in (*assertion, *authentication)
        ],
        "assertionMethod": signing,
        "authentication": proving,
        "capabilityInvocation": list(proving),
        "service": [
            {"id": service.id, "type": service.type, "serviceEndpoint": service.endpoint} for service in services
        ],
    }


def services_of(
    did: Did, *, data: str, catalog: str, credentials: str, audit: str, issuer: str = ""
) -> tuple[Service, ...]:
    """The services of a connector: DSP version document and catalogue (DSP 2025-1, 4.3.2), credentials, audit reads;
    of one that issues what it is asked for, that too (DCP 1.0.1 section 6.3).
    """
    issues = (Service(id=f"{did}#issuer", type="IssuerService", endpoint=issuer),) if issuer else ()
    return (
        *issues,
        Service(id=f"{did}#data", type="DataService", endpoint=data),
        Service(id=f"{did}#catalog", type="CatalogService", endpoint=catalog),
        Service(id=f"{did}#credentials", type="CredentialService", endpoint=credentials),
        Service(id=f"{did}#audit", type="AuditService", endpoint=audit),
    )


# --- others' documents -----------------------------------------------------------------------------------------------


def parse_document(body: bytes, *, now: datetime | None = None) -> DidDocument:
    """Read a document. Methods and services of kinds that we do not use are kept without their content.

    A method that is revoked or has expired by `now` can be used no more, also for what it signed before. The keys of a
    document that names no relationship at all, as an Eclipse IdentityHub's, may prove who their party is (DECISIONS).
    """
    document = json_object(body, DOCUMENT_LIMIT_BYTES, "bad-did-document")
    did = document.get("id")
    if not isinstance(did, str) or not did.startswith("did:"):
        raise Refused("bad-did-document", "no id")
    methods: dict[str, Method] = {}
    for entry in _entries(document, "verificationMethod", _MAX_METHODS):
        _add_method(methods, did, entry, now)
    relationships: dict[str, frozenset[str]] = {
        name: _relationship(document, name, did, methods, now) for name in RELATIONSHIPS
    }
    if not any(document.get(name) for name in _NAMED):
        relationships |= dict.fromkeys(_PROVING, frozenset(methods))
    return DidDocument(
        id=Did(did),
        methods=methods,
        relationships=relationships,
        services=tuple(_services(document, did)),
        unused=frozenset(key_id for name in _UNUSED for key_id in _listed(document, name, did)),
        octets=body,
    )


def key_for(document: DidDocument, key_id: str, relationship: Relationship, *, retired: bool = False) -> PublicKey:
    """The key of this verification method, if its document allows it for this purpose.

    `retired`: one that is listed for no purpose any more is good as well, for what was signed before.
    Controlled Identifiers 1.0 section 3.3 (Retrieve Verification Method): each test fails under its own name.
    """
    if document.id != did_of_key(key_id):
        raise Refused("document-id-mismatch", f"the document is of {document.id:.80}")
    method = document.methods.get(key_id)
    if method is None:
        raise Refused("method-not-found", f"{key_id:.120}")
    if method.controller != document.id:
        raise Refused("controller-mismatch", f"the key is controlled by {method.controller:.80}")
    if key_id not in document.relationships[relationship] and not (retired and _is_retired(document, key_id)):
        raise Refused("relationship-missing", f"the key is not listed under {relationship}")
    if method.ended:
        raise Refused("method-ended", f"{key_id:.120} {method.ended}")
    if method.key is None:
        raise Refused("key-unsupported", f"{key_id:.120}")
    return method.key


def _is_retired(document: DidDocument, key_id: str) -> bool:
    return not any(key_id in listed for listed in (*document.relationships.values(), document.unused))


def _add_method(methods: dict[str, Method], did: str, entry: Json, now: datetime | None) -> str:
    if not isinstance(entry, dict):
        raise Refused("bad-did-document", "a verification method is not an object")
    key_id, controller = entry.get("id"), entry.get("controller")
    if not isinstance(key_id, str) or not isinstance(controller, str):
        raise Refused("bad-did-document", "a verification method without id or controller")
    key_id = _absolute(did, key_id)
    if key_id in methods:
        raise Refused("bad-did-document", f"two verification methods {key_id:.120}")
    key = _key(entry)
    text = orjson.dumps(key.as_jwk()).decode() if key is not None else ""
    methods[key_id] = Method(id=key_id, controller=controller, key=key, jwk=text, ended=_ended(entry, now))
    return key_id


def _ended(entry: JsonObject, now: datetime | None) -> str:
    """Whether its owner says that it is used no more (Controlled Identifiers 1.0, 2.2); a time in no form is past."""
    for name in ("revoked", "expires"):
        said = entry.get(name)
        try:
            moment = None if said is None else parse_time(said if isinstance(said, str) else "")
        except Refused:
            return f"{name} at a time that is none"
        if moment is not None and now is not None and moment <= now:
            return f"{name} at {time_text(moment)}"
    return ""


def _key(entry: JsonObject) -> PublicKey | None:
    """The key in the one form that the method's type names (Controlled Identifiers 1.0 sections 2.2.2 and 2.2.3)."""
    said = {name: value for name, value in entry.items() if value is not None}  # an IdentityHub writes every member
    try:
        match said:
            case {"publicKeyJwk": _, "publicKeyMultibase": _} | {"secretKeyMultibase": _}:
                return None  # which of the two is meant? And a private key that is published is everybody's
            case {"type": str(kind), "publicKeyJwk": dict(jwk)} if kind in _JWK_TYPES:
                return key_from_jwk(jwk)
            case {"type": "Multikey", "publicKeyMultibase": str(text)}:
                return key_from_multikey(text)
    except Refused:  # one odd key of a document does no harm to the others; using it is refused by `key_for`
        return None
    return None


def _relationship(
    document: JsonObject, name: str, did: str, methods: dict[str, Method], now: datetime | None
) -> frozenset[str]:
    listed: set[str] = set()
    for entry in _entries(document, name, _MAX_METHODS):
        # DID Core section 5.3: a reference, or a method that stands here alone and serves this purpose only
        listed.add(_absolute(did, entry) if isinstance(entry, str) else _add_method(methods, did, entry, now))
    return frozenset(listed)


def _listed(document: JsonObject, name: str, did: str) -> Iterable[str]:
    """The keys listed under a relationship that we have no use for: an odd entry there does no harm to the others."""
    listed = document.get(name)
    for entry in listed if isinstance(listed, list) else [listed]:
        key_id = entry.get("id") if isinstance(entry, dict) else entry
        if isinstance(key_id, str):
            yield _absolute(did, key_id)


def _services(document: JsonObject, did: str) -> Iterable[Service]:
    for entry in _entries(document, "service", _MAX_SERVICES):
        if not isinstance(entry, dict):
            raise Refused("bad-did-document", "a service is not an object")
        match entry:
            case {"id": str(name), "type": str(kind), "serviceEndpoint": str(endpoint)}:
                yield Service(id=_absolute(did, name), type=kind, endpoint=endpoint)


def _entries(document: JsonObject, name: str, most: int) -> list[Json]:
    entries = document.get(name, [])
    if not isinstance(entries, list):
        raise Refused("bad-did-document", f"{name} is not a list")
    if len(entries) > most:
        raise Refused("bad-did-document", f"more than {most} entries in {name}")
    return entries


def _absolute(did: str, reference: str) -> str:
    return did + reference if reference.startswith("#") else reference
