"""The refiner with keys of its own, at the story's time. A test that asks for `signer` runs for both algorithms."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from connector.credentials import issue, jose
from connector.credentials.datamodel import VC_CONTEXT, StatusEntry, credential_payload
from connector.credentials.did import DidDocument, MethodKey, build_document, parse_document
from connector.credentials.status_list import Change, changes_input, list_payload
from connector.credentials.verify import Material
from connector.keys.memory import MemorySigner, signer_from_seed
from connector.model import Did, Json, JsonObject

OURS = "https://w3id.org/battery-connector/v1/context/0.1.0.jsonld"
LIST_URL = "https://refiner.example/status/0"
REFINER = Did("did:web:refiner.example")
VECTORS = Path(__file__).parents[2] / "vectors" / "credentials"


@pytest.fixture
def now() -> datetime:
    """The story's morning."""
    return datetime(2027, 3, 15, 9, tzinfo=UTC)


@pytest.fixture(params=["EdDSA", "ES256"])
def signer(request: pytest.FixtureRequest) -> MemorySigner:
    """The refiner's key for credentials, of each kind in turn."""
    return signer_from_seed(b"assertion", request.param, f"{REFINER}#assertion-1")


@pytest.fixture
def prover(signer: MemorySigner) -> MemorySigner:
    """The refiner's key for tokens and presentations, of the same kind."""
    return signer_from_seed(b"proof", signer.alg, f"{REFINER}#authentication-1")


@pytest.fixture
def document(signer: MemorySigner, prover: MemorySigner) -> DidDocument:
    """The refiner's DID document."""
    body = build_document(
        REFINER,
        assertion=[MethodKey(key_id=signer.key_id, public_jwk=signer.public_jwk)],
        authentication=[MethodKey(key_id=prover.key_id, public_jwk=prover.public_jwk)],
        services=[],
    )
    return parse_document(orjson.dumps(body))


@pytest.fixture
def credential(now: datetime) -> JsonObject:
    """An unsigned lot passport of the refiner with a status entry."""
    return credential_payload(
        context=OURS,
        credential_type="MineralLotPassport",
        issuer=REFINER,
        valid_from=now,
        subject={"id": "urn:uuid:7e1f6b2e-0000-8000-8000-000000000001", "type": "MaterialLot", "materialType": "NiSO4"},
        status=[StatusEntry(purpose="revocation", index=7, list_url=LIST_URL)],
    )


@pytest.fixture
def form() -> str:
    """How `issued` secures: by an envelope. Files that hold both forms to one contract override it."""
    return "vc+jwt"


@pytest.fixture
def issued(signer: MemorySigner, form: str, now: datetime) -> Callable[[JsonObject], bytes]:
    """Signs a credential as the refiner."""

    def sign(credential: JsonObject) -> bytes:
        if form == "proof":
            unproved = issue.prepare_proof(credential, key_id=signer.key_id, alg=signer.alg, created=now)
            return issue.attach_proof(unproved, signer.sign_now(unproved.message)).octets
        signed = issue.prepare(credential, key_id=signer.key_id, alg=signer.alg)
        return issue.attach(signed, signer.sign_now(signed)).octets

    return sign


@pytest.fixture
def forged() -> Callable[[MemorySigner, JsonObject, bytes], bytes]:
    """Signs whatever header and payload it gets: what an attacker with a key of their own could make."""

    def sign(signer: MemorySigner, header: JsonObject, payload: bytes) -> bytes:
        signed = jose.signing_input(header, payload)
        return jose.attach(signed, signer.sign_now(signed))

    return sign


@pytest.fixture
def rfc() -> JsonObject:
    """Examples printed in the standards."""
    vectors: JsonObject = json.loads((VECTORS / "rfc.json").read_text("utf-8"))
    return vectors


@pytest.fixture
def contexts() -> tuple[str, ...]:
    """The contexts that this connector knows."""
    return (VC_CONTEXT, OURS)


@pytest.fixture
def listed(issued: Callable[[JsonObject], bytes], now: datetime) -> Callable[..., bytes]:
    """The refiner's status list with these bits set, changed as told."""

    def make(*indices: int, **changes: Json) -> bytes:
        payload = list_payload(
            url=LIST_URL,
            issuer=REFINER,
            indices=indices,
            valid_from=now - timedelta(days=1),
            valid_until=now + timedelta(days=1),
        )
        return issued({**payload, **changes})

    return make


@pytest.fixture
def changes(signer: MemorySigner, now: datetime) -> Callable[..., bytes]:
    """The refiner's signed changes."""

    def make(*changed: Change, url: str = LIST_URL, by: MemorySigner = signer) -> bytes:
        text = changes_input(list_url=url, key_id=by.key_id, alg=by.alg, now=now, changes=changed)
        return jose.attach(text, by.sign_now(text))

    return make


@pytest.fixture
def material(
    document: DidDocument, contexts: tuple[str, ...], listed: Callable[..., bytes], changes: Callable[..., bytes]
) -> Material:
    """Everything that a good lot passport needs."""
    return Material(
        documents={REFINER: document},
        lists={LIST_URL: listed()},
        changes={LIST_URL: changes()},
        trusted_issuers={"MineralLotPassport": {REFINER}},
        contexts=contexts,
        check_shape=lambda _kind, _document: [],
    )
