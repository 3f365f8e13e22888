"""The parties of the audit's tests: their keys, DID documents and signatures, and a verifier that knows them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import orjson

from connector.credentials import issue
from connector.credentials.did import DidDocument, MethodKey, build_document, parse_document
from connector.credentials.digest import digest_multibase
from connector.credentials.status_list import changes_url
from connector.errors import CannotCheck, PeerUnreachable
from connector.exchange.ports import AuditAnswer
from connector.keys.memory import MemorySigner, signer_from_seed
from connector.model import Did, JsonObject
from connector.peers.verifier import FetchingVerifier
from connector.vocabulary.bundle import load_bundle
from tests.core.provenance.chains import MAKER, MINE, NOW, REFINER

AUTHORITY = Did("did:web:authority.example")
CONTEXTS = ["https://www.w3.org/ns/credentials/v2", load_bundle().context_url]


def key(did: str) -> MemorySigner:
    """The key of this party."""
    return signer_from_seed(did.encode(), "EdDSA", f"{did}#assertion-1")


def document(did: Did) -> DidDocument:
    """Its DID document."""
    own, other = key(did), signer_from_seed(b"other", "EdDSA", f"{did}#authentication-1")
    method = MethodKey(key_id=own.key_id, public_jwk=own.public_jwk)
    proving = MethodKey(key_id=other.key_id, public_jwk=other.public_jwk)
    return parse_document(orjson.dumps(build_document(did, assertion=[method], authentication=[proving], services=[])))


DOCUMENTS = {did: document(did) for did in (MINE, REFINER, MAKER, AUTHORITY)}
TYPES = (
    "AssayCertificate", "BatteryPassport", "FacilityRecord", "MakeEvent", "MinePermit", "MineralLotPassport",
    "MoveEvent", "StocktakeEvent",
)  # fmt: skip


def seal(payload: JsonObject) -> str:
    """A credential as its issuer secures it: the authority puts a proof in, companies make compact tokens."""
    if payload["issuer"] != AUTHORITY:
        return sign(payload)
    signer, whole = key(AUTHORITY), _whole(payload)
    unproved = issue.prepare_proof(whole, key_id=signer.key_id, alg=signer.alg, created=NOW)
    return issue.attach_proof(unproved, signer.sign_now(unproved.message)).octets.decode()


def sign(payload: JsonObject) -> str:
    """A credential in its compact octets."""
    signer, whole = key(str(payload["issuer"])), _whole(payload)
    signed = issue.prepare(whole, key_id=signer.key_id, alg=signer.alg)
    return issue.attach(signed, signer.sign_now(signed)).octets.decode()


def _whole(payload: JsonObject) -> JsonObject:
    return {"@context": [*CONTEXTS], **payload}


def digest(octets: str) -> str:
    """Its digest."""
    return digest_multibase(octets.encode())


@dataclass
class Site:
    """The StatusResolver port over DID documents that are known here. `unreachable` parties cannot be asked; of those
    that `rotated` a document without the new key is kept, until that is looked for.
    """

    unreachable: set[str] = field(default_factory=set)
    rotated: set[str] = field(default_factory=set)
    lists: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def did_document(self, did: Did, key_id: str | None = None) -> DidDocument:
        """The document of a party."""
        self.asked.append(did)
        if did in self.unreachable:
            raise PeerUnreachable("no answer")
        if did in self.rotated and key_id is None:
            return parse_document(orjson.dumps(build_document(did, assertion=[], authentication=[], services=[])))
        return DOCUMENTS[did]

    async def status_list(self, url: str) -> bytes:
        """A list."""
        self.asked.append(url)
        if url not in self.lists:
            raise CannotCheck(f"{url} answered 404")
        return self.lists[url]

    async def status_changes(self, url: str) -> bytes:
        """Its changes."""
        return await self.status_list(changes_url(url))


class Noon:
    """The story's clock."""

    def now(self) -> datetime:
        """Now."""
        return NOW


class Silent:
    """Audit reads at nobody."""

    async def read(self, holder: Did, path: str) -> AuditAnswer:
        """Never answered."""
        raise PeerUnreachable(f"{holder} does not answer {path}")


def verifier(site: Site) -> FetchingVerifier:
    """All checks but that of shapes: the records of the chain are sketches."""
    return FetchingVerifier(
        resolver=site, reads=Silent(), clock=Noon(), contexts=CONTEXTS, check_shape=lambda _kind, _document: [],
        trusted_issuers=dict.fromkeys(TYPES, tuple(DOCUMENTS)),
    )  # fmt: skip
