"""Issuing, digests and ids: what is signed once must stay so, therefore much here is pinned."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.credentials import ids, issue, jose
from connector.credentials.datamodel import RecordHeader, StatusEntry, credential_payload, parse_credential, time_text
from connector.credentials.digest import digest_multibase, parse_digest
from connector.credentials.jose import Jws
from connector.credentials.refused import Refused
from connector.keys.memory import MemorySigner, signer_from_seed
from connector.model import Did, JsonObject, objects_in

PINNED = json.loads((Path(__file__).parents[2] / "vectors" / "credentials" / "pinned.json").read_text("utf-8"))
REFINER = Did("did:web:refiner.example")
NOON = datetime(2027, 3, 15, 12, tzinfo=UTC)


def full() -> JsonObject:
    """A credential with everything that the envelope can hold."""
    return credential_payload(
        context="https://w3id.org/battery-connector/v1/context/0.1.0.jsonld",
        credential_type="AssayCertificate",
        issuer=REFINER,
        valid_from=datetime(2027, 3, 15, 10, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=1))),
        valid_until=datetime(2028, 3, 15, 9, tzinfo=UTC),
        status=[StatusEntry(purpose="revocation", index=7, list_url="https://refiner.example/status/0")],
        record=RecordHeader(
            id="urn:uuid:1",
            version=2,
            access_class="B2B",
            level="item",
            supersedes=("uEiA",),
            correction_reason="weighed again",
        ),
        subject={"id": "urn:uuid:2", "type": "Sample"},
    )


def test_the_octets_of_a_credential_are_pinned() -> None:
    """Ed25519 is deterministic: the same credential gives the octets and digest that were written down."""
    signer = signer_from_seed(b"pinned", "EdDSA", f"{REFINER}#assertion-1")
    signed = issue.prepare(full(), key_id=signer.key_id, alg=signer.alg)
    done = issue.attach(signed, signer.sign_now(signed))
    assert done.octets.decode() == PINNED["octets"]
    assert done.digest == PINNED["digest"] == digest_multibase(PINNED["octets"].encode())


def test_the_ids_are_pinned() -> None:
    """Ids must come out the same for ever."""
    key = bytes(range(32))
    assert ids.mint(key, "", "MaterialLot", "L-1") == PINNED["thing"]
    assert ids.link_id(key, "urn:uuid:1", "urn:uuid:2", 3) == PINNED["link"]


def test_the_envelope_is_as_agreed() -> None:
    """Two contexts, two types, the record's node; times in whole seconds and UTC."""
    payload = full()
    assert payload["type"] == ["VerifiableCredential", "AssayCertificate"]
    assert (payload["validFrom"], payload["validUntil"]) == ("2027-03-15T09:00:00Z", "2028-03-15T09:00:00Z")
    assert payload["record"] == {
        "id": "urn:uuid:1",
        "type": "Record",
        "version": "2",
        "accessClass": "B2B",
        "level": "item",
        "supersedes": ["uEiA"],
        "correctionReason": "weighed again",
    }
    status = payload["credentialStatus"]
    assert isinstance(status, dict)
    assert status["id"] == "https://refiner.example/status/0#7"
    entries = [StatusEntry(purpose=one, index=7, list_url=f"https://x/{one}") for one in ("revocation", "suspension")]
    bare = partial(credential_payload, context="c", credential_type="t", issuer=REFINER, valid_from=NOON, subject={})
    assert [one["statusPurpose"] for one in objects_in(bare(status=entries)["credentialStatus"])] == [
        "revocation", "suspension"
    ]  # fmt: skip
    assert "credentialStatus" not in bare()


def test_an_issued_credential_reads_back(signer: MemorySigner) -> None:
    """Issuer, types, times and status entry, and the header of VC-JOSE-COSE."""
    signed = issue.prepare(full(), key_id=signer.key_id, alg=signer.alg)
    read = parse_credential(issue.attach(signed, signer.sign_now(signed)).octets)
    assert (read.issuer, read.types) == (REFINER, ("VerifiableCredential", "AssayCertificate"))
    assert read.valid_from == datetime(2027, 3, 15, 9, tzinfo=UTC)
    assert read.status == (StatusEntry(purpose="revocation", index=7, list_url="https://refiner.example/status/0"),)
    assert isinstance(read.securing, Jws)
    assert read.securing.header == {"alg": signer.alg, "kid": signer.key_id, "typ": "vc+jwt", "cty": "vc"}


@pytest.mark.parametrize(
    "make",
    [issue.prepare, issue.prepare_older, partial(issue.prepare_proof, created=NOON)],
)
@pytest.mark.parametrize("issuer", ["did:web:other.example", None, {"name": "x"}, {"id": "did:web:other.example"}])
def test_nobody_signs_for_somebody_else(signer: MemorySigner, make: Callable[..., object], issuer: object) -> None:
    """The key must be one of the issuer named in the credential."""
    with pytest.raises(Refused, match="foreign-key"):
        make({**full(), "issuer": issuer}, key_id=signer.key_id, alg=signer.alg)


def test_a_digest_reads_back() -> None:
    """The SHA-256 within, and nothing else is taken for a digest."""
    assert parse_digest(digest_multibase(b"")).hex().startswith("e3b0c44298fc1c14")
    for odd in (
        "",
        "u",
        "z" + digest_multibase(b"")[1:],
        digest_multibase(b"") + "A",
        digest_multibase(b"")[:-1],
        "uäö",
    ):
        with pytest.raises(Refused):
            parse_digest(odd)


names = st.text(max_size=12)


@given(st.tuples(names, names, names), st.tuples(names, names, names))
def test_ids_differ_where_anything_differs(first: tuple[str, str, str], second: tuple[str, str, str]) -> None:
    """No way to move a character from one part into the next; each is a UUID of version 8."""
    key = b"k" * 32
    one, two = ids.mint(key, *first), ids.mint(key, *second)
    assert (one == two) == (first == second)
    uuid = UUID(one)
    assert (uuid.version, uuid.variant) == (8, "specified in RFC 4122")
    assert ids.mint(b"x" * 32, *first) != one


def test_a_link_tells_neither_end() -> None:
    """Direction and version count; things and links never share an id."""
    key = b"k" * 32
    links = {ids.link_id(key, "a", "b", 1), ids.link_id(key, "b", "a", 1), ids.link_id(key, "a", "b", 2)}
    assert len(links | {ids.mint(key, "a", "b", "1")}) == 4


def test_times_are_written_in_one_form() -> None:
    """Whole seconds, UTC, Z; from the first year to the last."""
    assert time_text(datetime.max.replace(tzinfo=UTC)) == "9999-12-31T23:59:59Z"
    assert time_text(datetime.min.replace(tzinfo=UTC)) == "0001-01-01T00:00:00Z"
    assert time_text(datetime(2027, 3, 15, 11, 30, 1, 5, tzinfo=timezone(timedelta(hours=2)))) == "2027-03-15T09:30:01Z"


def test_the_signing_input_is_what_is_served(signer: MemorySigner) -> None:
    """Nothing is encoded anew between signing and serving."""
    signed = issue.prepare(full(), key_id=signer.key_id, alg=signer.alg)
    assert jose.attach(signed, bytes(64)).startswith(signed + b".")
