"""Presentations with a proof inside: for whom, on which occasion, by whose key; each departure under its own word."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from connector.credentials import data_integrity, issue
from connector.credentials.canonical import canonical
from connector.credentials.data_integrity import hash_data, proof_config
from connector.credentials.datamodel import VC_CONTEXT
from connector.credentials.did import DidDocument
from connector.credentials.proved_presentation import Expected, verify_proved
from connector.credentials.refused import Refused
from connector.keys.memory import MemorySigner
from connector.model import Did, Json, JsonObject
from tests.core.credentials.conftest import OURS, REFINER

ASKED = Expected(domain="buyer.example", challenge="n-1", contexts=frozenset({VC_CONTEXT, OURS}))
UNASKED = Expected(domain=None, challenge=None, contexts=frozenset({VC_CONTEXT, OURS}))
PROVED: JsonObject = {"id": "urn:uuid:1", "proof": {"b": 1, "a": 2}}

Show = Callable[..., bytes]


@pytest.fixture
def show(prover: MemorySigner) -> Show:
    """The refiner shows this, with such a proof; None takes a member away."""

    def make(document: JsonObject | None = None, by: MemorySigner = prover, **changed: Json) -> bytes:
        whole: JsonObject = {
            "@context": [VC_CONTEXT], "type": ["VerifiablePresentation"], "holder": REFINER,
            "verifiableCredential": ["a.b.c"], **(document or {}),
        }  # fmt: skip
        whole = {name: value for name, value in whole.items() if value is not None}
        config = proof_config(
            whole, suite=issue.SUITES[by.alg], key_id=by.key_id, created="2027-03-15T09:00:00Z",
            purpose="authentication",
        )  # fmt: skip
        config |= {"domain": ASKED.domain, "challenge": ASKED.challenge, **changed}
        config = {name: value for name, value in config.items() if value is not None}
        return data_integrity.attach(whole, config, by.sign_now(hash_data(config, whole)))

    return make


def refusal(octets: bytes, document: DidDocument, now: datetime, expected: Expected = ASKED) -> str:
    """The word with which it is refused; empty: it is taken."""

    def of(did: Did) -> DidDocument:
        assert did == REFINER, "nobody else's is asked for"
        return document

    try:
        verify_proved(octets, of, expected, now)
    except Refused as error:
        return error.reason
    return ""


@pytest.mark.parametrize(
    ("shown", "found"),
    [
        (["a.b.c", PROVED], (b"a.b.c", canonical(PROVED))),
        ("a.b.c", (b"a.b.c",)),
        (PROVED, (canonical(PROVED),)),
        ({"type": "EnvelopedVerifiableCredential", "id": "data:application/vc+jwt,a.b.c"}, (b"a.b.c",)),
        ([], ()),
        (None, ()),
        (["x"] * 16, (b"x",) * 16),
    ],
)
def test_its_credentials_come_out_as_they_are_hashed(
    show: Show, document: DidDocument, now: datetime, shown: Json, found: tuple[bytes, ...]
) -> None:
    """Compact, enveloped, or with proofs of their own; one or several; none as well."""
    octets = show({"verifiableCredential": shown})
    assert verify_proved(octets, lambda _did: document, ASKED, now) == found


@pytest.mark.parametrize(
    ("document_says", "proof_says", "reason"),
    [
        ({}, {}, ""),
        ({}, {"domain": ["buyer.example"]}, ""),
        ({"@context": [VC_CONTEXT, OURS], "type": "VerifiablePresentation", "holder": {"id": REFINER}}, {}, ""),
        ({"holder": None}, {"created": None}, ""),
        ({}, {"expires": "2027-03-15T09:00:00Z"}, ""),
        ({}, {"created": "2027-03-15T08:00:00Z"}, ""),
        ({}, {"created": "2027-03-15T09:00:01Z"}, ""),
        ({}, {"proofPurpose": "assertionMethod"}, "proof-purpose-mismatch"),
        ({}, {"domain": "other.example"}, "domain-mismatch"),
        ({}, {"domain": ["buyer.example", "other.example"]}, "domain-mismatch"),
        ({}, {"domain": None}, "domain-mismatch"),
        ({}, {"challenge": "n-2"}, "challenge-mismatch"),
        ({}, {"challenge": None}, "challenge-mismatch"),
        ({}, {"expires": "2027-03-15T08:59:59Z"}, "expired"),
        ({}, {"expires": ["2027-03-15T09:00:00Z"]}, "bad-time"),
        ({}, {"created": ["2027-03-15T09:00:00Z"]}, "bad-time"),
        ({}, {"created": "yesterday"}, "bad-time"),
        ({"@context": []}, {}, "bad-presentation"),
        ({"@context": VC_CONTEXT}, {}, "bad-presentation"),
        ({"@context": {"a": "b"}}, {}, "bad-presentation"),
        ({"@context": [OURS, VC_CONTEXT]}, {}, "bad-presentation"),
        ({"@context": [VC_CONTEXT, "https://evil.example"]}, {}, "context-error"),
        ({"@context": [VC_CONTEXT, {"a": "b"}]}, {}, "context-error"),
        ({"type": ["VerifiableCredential"]}, {}, "bad-presentation"),
        ({"type": "TheVerifiablePresentation"}, {}, "bad-presentation"),
        ({"holder": "did:web:other.example"}, {}, "holder-binding"),
        ({"holder": {"id": "did:web:other.example"}}, {}, "holder-binding"),
        ({"verifiableCredential": ["x"] * 17}, {}, "too-many-credentials"),
        ({"verifiableCredential": [7]}, {}, "bad-presentation"),
    ],
)
def test_each_departure_has_its_word(
    *, show: Show, document: DidDocument, now: datetime, document_says: JsonObject, proof_says: JsonObject, reason: str
) -> None:
    """All signed by the holder: what was signed for somebody else or another time is good for nothing here."""
    assert refusal(show(document_says, **proof_says), document, now) == reason


def test_what_was_not_asked_for_must_not_be_said(show: Show, document: DidDocument, now: datetime) -> None:
    """A proof that was made for a domain or a challenge is good for that alone."""
    assert refusal(show(domain=None, challenge=None), document, now, UNASKED) == ""
    assert refusal(show(challenge=None), document, now, UNASKED) == "domain-mismatch"
    assert refusal(show(domain=None), document, now, UNASKED) == "challenge-mismatch"
    assert refusal(show(expires="2027-03-15T10:00:00Z"), document, now + timedelta(hours=2)) == "expired"


def test_the_key_is_one_with_which_the_holder_proves_itself(
    show: Show, document: DidDocument, signer: MemorySigner, now: datetime
) -> None:
    """Not the one for credentials; and a changed word has no signature."""
    assert refusal(show(by=signer), document, now) == "relationship-missing"
    changed = show().replace(b"a.b.c", b"a.b.d")
    assert refusal(changed, document, now) == "bad-signature"
