"""Receipts: whose they are, what they say, and what they can't be taken for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from connector.credentials import jose, token
from connector.credentials.did import DidDocument, MethodKey, build_document, key_for, parse_document
from connector.credentials.receipt import TYPE, Receipt, check_receipt, open_receipt, prove, prove_kept, receipt_input
from connector.credentials.refused import Refused
from connector.keys.memory import MemorySigner, signer_from_seed
from connector.model import Did, Json, JsonObject

NOW = datetime(2027, 3, 15, 9, 0, tzinfo=UTC)
ISSUER, SENDER = Did("did:web:provider.example"), Did("did:web:consumer.example")
RECEIPT = Receipt(
    issuer=ISSUER, audience=SENDER, sha256="ab" * 32, message="ContractRequestMessage", consumer_pid="c",
    provider_pid="p", state="REQUESTED",
)  # fmt: skip


@pytest.fixture(params=["EdDSA", "ES256"])
def signer(request: pytest.FixtureRequest) -> MemorySigner:
    return signer_from_seed(b"provider", request.param, f"{ISSUER}#authentication-1")


def document(signer: MemorySigner, relationship: str = "authentication") -> DidDocument:
    key = [MethodKey(key_id=signer.key_id, public_jwk=signer.public_jwk)]
    proving, vouching = (key, []) if relationship == "authentication" else ([], key)
    return parse_document(orjson.dumps(build_document(ISSUER, assertion=vouching, authentication=proving, services=())))


def signed(signer: MemorySigner, unsigned: bytes) -> str:
    return jose.attach(unsigned, signer.sign_now(unsigned)).decode()


def test_a_receipt_says_what_was_accepted(signer: MemorySigner) -> None:
    """Signed, opened with the issuer's document, and equal in all that counts."""
    text = signed(signer, receipt_input(RECEIPT, NOW, key_id=signer.key_id, alg=signer.alg))
    opened = open_receipt(text, ISSUER, document(signer))
    assert (opened.claims["iat"], opened.claims["state"]) == (1_805_101_200, "REQUESTED")
    check_receipt(opened.claims, RECEIPT, NOW - timedelta(minutes=9))
    prove(opened)
    prove_kept(text, opened.jwk)


def test_a_receipt_is_good_when_its_key_has_retired(signer: MemorySigner) -> None:
    """An answer is repeated for days; a key for another purpose vouches for no answer even then."""
    text = signed(signer, receipt_input(RECEIPT, NOW, key_id=signer.key_id, alg=signer.alg))
    key = MethodKey(key_id=signer.key_id, public_jwk=signer.public_jwk, retired=True)
    other = MethodKey(key_id=f"{ISSUER}#authentication-9", public_jwk=signer.public_jwk)
    later = parse_document(orjson.dumps(build_document(ISSUER, assertion=[], authentication=[key, other], services=())))
    prove(open_receipt(text, ISSUER, later))
    with pytest.raises(Refused, match="relationship-missing"):
        key_for(later, signer.key_id, "authentication")
    with pytest.raises(Refused, match="relationship-missing"):
        open_receipt(text, ISSUER, document(signer, "assertionMethod"))
    written = build_document(ISSUER, assertion=[], authentication=[key, other], services=())
    for purpose in ("keyAgreement", "capabilityDelegation"):
        for said in ([signer.key_id], ["#authentication-1"], "#authentication-1", [None, {"id": signer.key_id}]):
            listed = parse_document(orjson.dumps({**written, purpose: said}))
            with pytest.raises(Refused, match="relationship-missing"):
                open_receipt(text, ISSUER, listed)


@pytest.mark.parametrize(
    "other",
    [
        {"issuer": Did("did:web:x")}, {"audience": Did("did:web:x")}, {"sha256": "cd" * 32}, {"consumer_pid": "x"},
        {"message": "ContractOfferMessage"}, {"provider_pid": ""}, {"state": "AGREED"},
    ],
)  # fmt: skip
def test_a_receipt_for_anything_else_is_none(signer: MemorySigner, other: dict[str, str]) -> None:
    """Each claim counts, and the one that differs is named."""
    text = signed(signer, receipt_input(replace(RECEIPT, **other), NOW, key_id=signer.key_id, alg=signer.alg))  # type: ignore[arg-type]  # one of its texts
    with pytest.raises(Refused, match="receipt-mismatch"):
        check_receipt(open_receipt(text, ISSUER, document(signer)).claims, RECEIPT, NOW)


@pytest.mark.parametrize("at", [None, "now", True, -1, 1e300, 10**18, int((NOW + timedelta(minutes=11)).timestamp())])
def test_a_receipt_has_a_time_that_has_come(at: Json) -> None:
    """No time, no number, or one that lies ahead."""
    said: JsonObject = {**RECEIPT.claims(NOW), "iat": at}
    with pytest.raises(Refused, match="bad-time"):
        check_receipt(said, RECEIPT, NOW)


def test_whose_it_is_decides_its_own_key_for_that_purpose(signer: MemorySigner) -> None:
    """Another party's key, a key that vouches only, a changed text, another type: none is the issuer's receipt."""
    good = receipt_input(RECEIPT, NOW, key_id=signer.key_id, alg=signer.alg)
    foreign = signer_from_seed(b"x", "EdDSA", f"{SENDER}#authentication-1")
    said = token.claims(issuer=ISSUER, audience=SENDER, jti="j", now=NOW, lifetime_seconds=60)
    bad = [
        (signed(foreign, receipt_input(RECEIPT, NOW, key_id=foreign.key_id, alg=foreign.alg)), document(signer)),
        (signed(foreign, good), document(signer)),
        (signed(signer, good), document(signer, "assertionMethod")),
        (signed(signer, token.token_input(said, key_id=signer.key_id, alg=signer.alg)), document(signer)),
        (signed(signer, jose.signing_input({"alg": signer.alg, "typ": TYPE}, b"{}")), document(signer)),
        ("", document(signer)),
        ("a.b.c", document(signer)),
        ("x" * 9000, document(signer)),
    ]
    for text, whose in bad:
        with pytest.raises(Refused):
            prove(open_receipt(text, ISSUER, whose))
    other = signer_from_seed(b"x", signer.alg, signer.key_id)
    with pytest.raises(Refused, match="bad-signature"):
        prove_kept(signed(signer, good), orjson.dumps(other.public_jwk).decode())


def test_a_receipt_is_no_token(signer: MemorySigner) -> None:
    """Shown as a token it is refused by its type."""
    with pytest.raises(Refused, match="bad-typ"):
        token.peek(signed(signer, receipt_input(RECEIPT, NOW, key_id=signer.key_id, alg=signer.alg)))
