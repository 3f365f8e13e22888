"""The messages of credential issuance as a holder and as an issuer says and reads them (DCP 1.0.1 section 6).

A holder asks an issuer for credentials, it delivers them to the holder's credential service, or offers some first. What
is delivered is only read here: whether it was asked for is the journey's to know, and each credential must still pass
`verify`. Members that we do not use are passed over; a form (`format`) is told by the credential itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from connector.credentials.full_names import compacted
from connector.credentials.query import DCP_CONTEXT, message_of
from connector.errors import BadMessage
from connector.model import Did, Json, JsonObject

SERVICE: Final = "IssuerService"
"""The service of an issuer's DID document (section 6.3)."""
MAX_CREDENTIALS: Final = 16
_LONGEST: Final = 512
_STATUSES: Final = ("ISSUED", "REJECTED")
_FORMATS: Final = {"vc20-bssl/jwt": "VC2_0_JOSE", "vc11-sl2021/jwt": "VC1_0_JWT"}
"""The protocol has no list of them; Eclipse's IdentityHub and the conformance kit take these words and no others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Supported:
    """What an issuer can issue, or offers: its own id for it, and the credential's type where it says one."""

    id: str
    credential_type: str
    profile: str = ""
    schema: str = ""
    """Of what we issue: where it is said what such a credential holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What came for a request of ours."""

    holder_pid: str
    issuer_pid: str
    status: Literal["ISSUED", "REJECTED"]
    credentials: tuple[bytes, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a holder asks us for, under its own id for that."""

    holder_pid: str
    ids: tuple[str, ...]


# --- a holder's ------------------------------------------------------------------------------------------------------


def request_message(holder_pid: str, ids: Sequence[str]) -> JsonObject:
    """A CredentialRequestMessage (section 6.4.1). `ids` are the issuer's own."""
    return {
        "@context": [DCP_CONTEXT],
        "type": "CredentialRequestMessage",
        "holderPid": holder_pid,
        "credentials": [{"id": one} for one in ids],
    }


def read_delivery(message: Json) -> Delivery:
    """A CredentialMessage (section 6.5.1). Without our own id for the request it belongs to none."""
    body = message_of(message, "CredentialMessage")
    status = next((one for one in _STATUSES if body.get("status") == one), None)
    if status is None:
        raise BadMessage(f"status must be one of {', '.join(_STATUSES)}")
    listed = _list(body, "credentials") if status == "ISSUED" else []
    reason = body.get("rejectionReason")
    return Delivery(
        holder_pid=_text(body, "holderPid"), issuer_pid=_text(body, "issuerPid"),
        status="ISSUED" if status == "ISSUED" else "REJECTED", credentials=tuple(map(_payload, listed)),
        reason=reason[:_LONGEST] if isinstance(reason, str) else "",
    )  # fmt: skip


def read_offer(message: JsonObject, issuer: Did) -> tuple[Supported, ...]:
    """What a CredentialOfferMessage of this issuer offers (section 6.6.1); of a sparse object there is only the id."""
    body = message_of(compacted(message), "CredentialOfferMessage")
    if body.get("issuer") != issuer:
        raise BadMessage("issuer is not the sender")
    return tuple(map(_supported, _list(body, "credentials")))


def read_status(message: Json, holder_pid: str) -> str:
    """How far a request of ours is, by a CredentialStatus (section 6.8). `BadMessage`: of another request."""
    body = message_of(message, "CredentialStatus")
    if _text(body, "holderPid") != holder_pid:
        raise BadMessage("the status is of another request")
    return _text(body, "status")


def read_metadata(message: Json, issuer: Did) -> tuple[Supported, ...]:
    """What this issuer can issue (section 6.7)."""
    body = message_of(message, "IssuerMetadata")
    if body.get("issuer") != issuer:
        raise BadMessage("the metadata is of another issuer")
    listed = body.get("credentialsSupported", [])
    if not isinstance(listed, list):
        raise BadMessage("credentialsSupported is not a list")
    return tuple(map(_supported, listed))


# --- an issuer's -----------------------------------------------------------------------------------------------------


def read_request(message: JsonObject) -> Request:
    """A CredentialRequestMessage (section 6.4.1). A single credential may stand there without its list: the protocol's
    context makes that of it (eclipse-dataspace-dcp/decentralized-claims-protocol#272).
    """
    body = message_of(compacted(message), "CredentialRequestMessage")
    listed = [body["credentials"]] if isinstance(body.get("credentials"), dict) else _list(body, "credentials")
    asked = [_text(node if isinstance(node, dict) else {}, "id") for node in listed]
    return Request(holder_pid=_text(body, "holderPid"), ids=tuple(dict.fromkeys(asked)))


def metadata_message(issuer: Did, supported: Sequence[Supported]) -> JsonObject:
    """What we can issue (section 6.7), with every member that its schema asks for."""
    listed: list[Json] = [
        {
            "id": one.id, "type": "CredentialObject", "credentialType": one.credential_type, "profile": one.profile,
            "credentialSchema": one.schema, "offerReason": "issue",
            "bindingMethods": ["did:web"],
        }
        for one in supported
    ]  # fmt: skip
    return {"@context": [DCP_CONTEXT], "type": "IssuerMetadata", "issuer": issuer, "credentialsSupported": listed}


def credential_message(
    *, issuer_pid: str, holder_pid: str, credentials: Sequence[tuple[Supported, bytes]] = (), reason: str = ""
) -> JsonObject:
    """A CredentialMessage (section 6.5.1): these, or none of what was asked for, for a reason."""
    body: JsonObject = {
        "@context": [DCP_CONTEXT], "type": "CredentialMessage", "issuerPid": issuer_pid, "holderPid": holder_pid,
    }  # fmt: skip
    if not credentials:
        return {**body, "status": "REJECTED", "rejectionReason": reason[:_LONGEST]}
    listed: list[Json] = [
        {"credentialType": one.credential_type, "format": _FORMATS[one.profile], "payload": octets.decode("ascii")}
        for one, octets in credentials
    ]
    return {**body, "status": "ISSUED", "credentials": listed}


def status_message(*, issuer_pid: str, holder_pid: str, status: str) -> JsonObject:
    """A CredentialStatus (section 6.8)."""
    pids: JsonObject = {"issuerPid": issuer_pid, "holderPid": holder_pid}
    return {"@context": [DCP_CONTEXT], "type": "CredentialStatus", **pids, "status": status}


# --- both ------------------------------------------------------------------------------------------------------------


def _supported(node: Json) -> Supported:
    if not isinstance(node, dict):
        raise BadMessage("a credential that is no object")
    kind, profile = node.get("credentialType", ""), node.get("profile", "")
    if not isinstance(kind, str) or len(kind) > _LONGEST or not isinstance(profile, str) or len(profile) > _LONGEST:
        raise BadMessage("credentialType or profile is no text, or too long")
    if kind and kind.split() != [kind]:  # a list of what was asked for must not be longer than it looks
        raise BadMessage("credentialType is no one word")
    return Supported(id=_text(node, "id"), credential_type=kind, profile=profile)


def _payload(node: Json) -> bytes:
    payload = node.get("payload") if isinstance(node, dict) else None
    if not isinstance(payload, str) or not payload.isascii():
        raise BadMessage("a payload that is no compact token", hint="profiles vc20-bssl/jwt, vc11-sl2021/jwt")
    return payload.encode("ascii")


def _list(body: JsonObject, name: str) -> list[Json]:
    listed = body.get(name)
    if not isinstance(listed, list) or not 0 < len(listed) <= MAX_CREDENTIALS:
        raise BadMessage(f"{name} must be a list of 1 to {MAX_CREDENTIALS}")
    return listed


def _text(node: JsonObject, name: str) -> str:
    value = node.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST:
        raise BadMessage(f"{name} must be a text of 1 to {_LONGEST} characters")
    return value
