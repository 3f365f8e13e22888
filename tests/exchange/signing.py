"""The parties of the audit's tests: their keys, DID documents and signatures, and a verifier that knows them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import orjson

from connector.credentials import issue
from connector.credentials.did import DidDocument, MethodKey, build_document, parse_document
from connector.credentials.digest import digest_multibase
from connector.credentials.status import Unobtained
from connector.credentials.verify import Material, Report, verify
from connector.keys.memory import MemorySigner, signer_from_seed
from connector.model import Did, JsonObject
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


DOCUMENTS: dict[str, DidDocument | Unobtained] = {did: document(did) for did in (MINE, REFINER, MAKER, AUTHORITY)}


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
class Checker:
    """The Verifier port over DID documents that are known here; `unreachable` issuers cannot be asked."""

    unreachable: set[str] = field(default_factory=set)

    async def verify(self, octets: bytes, at: datetime | None = None, *, trusted_only: bool = False) -> Report:
        """All checks."""
        away: dict[str, DidDocument | Unobtained] = {did: Unobtained(reason="no answer") for did in self.unreachable}
        material = Material(documents={**DOCUMENTS, **away}, trusted_issuers=None, contexts=CONTEXTS, check_shape=None)
        return verify(octets, at=at or NOW, now=NOW, material=material)
