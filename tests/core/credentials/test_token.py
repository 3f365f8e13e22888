"""Self-issued ID tokens: the checks of DCP section 4.3.3, one by one."""

from __future__ import annotations

from datetime import datetime, timedelta

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.credentials import jose, token
from connector.credentials.did import DidDocument, MethodKey, build_document, parse_document
from connector.credentials.refused import Refused
from connector.keys.memory import MemorySigner, signer_from_seed
from connector.model import Did, Json, JsonObject

REFINER = Did("did:web:refiner.example")
CARMAKER = Did("did:web:cars.example")
OTHER = Did("did:web:other.example")


def said(now: datetime, **changes: Json) -> JsonObject:
    claims = token.claims(
        issuer=REFINER, audience=CARMAKER, jti="urn:uuid:1", now=now, lifetime_seconds=300, access_token="opaque"
    )
    return {**claims, **changes}


def signed(claims: JsonObject, signer: MemorySigner, **header: Json) -> bytes:
    head: JsonObject = {"alg": signer.alg, "kid": signer.key_id, "typ": "JWT", **header}
    text = jose.signing_input({name: value for name, value in head.items() if value is not None}, orjson.dumps(claims))
    return jose.attach(text, signer.sign_now(text))


def verified(octets: bytes | str, document: DidDocument, now: datetime) -> token.SelfIssued:
    return token.verify_self_issued(token.peek(octets), document, audience=CARMAKER, now=now, leeway_seconds=20)


def refusal(octets: bytes, document: DidDocument, now: datetime) -> str:
    with pytest.raises(Refused) as caught:
        verified(octets, document, now)
    return caught.value.reason


def test_a_good_token_is_read(document: DidDocument, prover: MemorySigner, now: datetime) -> None:
    """What the receiver learns: who, until when, which id to remember, and the access token."""
    text = token.token_input(said(now), key_id=prover.key_id, alg=prover.alg)
    octets = jose.attach(text, prover.sign_now(text))
    assert token.peek(octets).issuer == REFINER
    assert token.peek(octets).jws.header == {"alg": prover.alg, "kid": prover.key_id, "typ": "JWT"}
    read = verified(octets, document, now)
    assert (read.issuer, read.jti, read.access_token) == (REFINER, "urn:uuid:1", "opaque")
    assert read.expires - read.issued == 300
    assert read.key_id == prover.key_id


def test_forms_that_real_peers_send_are_taken(document: DidDocument, prover: MemorySigner, now: datetime) -> None:
    """No typ, an audience as a list of one, fractions of seconds, no nbf, no access token."""
    claims = said(now, aud=[CARMAKER], iat=now.timestamp() + 0.25)
    del claims["nbf"], claims["token"]
    read = verified(signed(claims, prover, typ=None).decode(), document, now)
    assert read.access_token is None
    bare = token.claims(issuer=REFINER, audience=CARMAKER, jti="i", now=now, lifetime_seconds=600)
    assert "token" not in bare
    for jti in ("i", "j" * 256):
        assert verified(signed({**bare, "jti": jti}, prover), document, now).jti == jti


@pytest.mark.parametrize("name", ["iss", "sub", "aud", "jti", "iat", "exp"])
def test_every_required_claim_is_required(
    document: DidDocument, prover: MemorySigner, now: datetime, name: str
) -> None:
    """DCP 4.3.1: these must stand in a token."""
    claims = said(now)
    del claims[name]
    assert refusal(signed(claims, prover), document, now) in {
        "bad-issuer", "issuer-not-subject", "audience-mismatch", "bad-jti", "bad-time",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"sub": OTHER}, "issuer-not-subject"),
        ({"iss": 1, "sub": 1}, "bad-issuer"),
        ({"iss": "", "sub": ""}, "bad-issuer"),
        ({"iss": "d" * 512, "sub": "d" * 512}, "foreign-key"),
        ({"iss": "d" * 513, "sub": "d" * 513}, "bad-issuer"),
        ({"iss": OTHER, "sub": OTHER}, "foreign-key"),
        ({"aud": OTHER}, "audience-mismatch"),
        ({"aud": [CARMAKER, OTHER]}, "audience-mismatch"),
        ({"aud": [CARMAKER, CARMAKER]}, "audience-mismatch"),
        ({"aud": []}, "audience-mismatch"),
        ({"aud": None}, "audience-mismatch"),
        ({"jti": ""}, "bad-jti"),
        ({"jti": 7}, "bad-jti"),
        ({"jti": "j" * 257}, "bad-jti"),
        ({"token": 1}, "bad-claim"),
        ({"exp": "1805101200"}, "bad-time"),
        ({"exp": 1e300}, "bad-time"),
        ({"exp": True}, "bad-time"),
        ({"exp": None}, "bad-time"),
        ({"exp": -1}, "bad-time"),
        ({"nbf": "now"}, "bad-time"),
        ({"nbf": None}, "bad-time"),
        ({"iat": []}, "bad-time"),
    ],
)
def test_claims_that_are_not_right_are_refused(
    document: DidDocument, prover: MemorySigner, now: datetime, change: JsonObject, reason: str
) -> None:
    """Another party, another audience, odd types."""
    assert refusal(signed(said(now, **change), prover), document, now) == reason


@pytest.mark.parametrize(
    ("times", "reason"),
    [
        ((0, 10 * 365 * 86_400, 0), "bad-time"),
        ((0, 601, 0), "bad-time"),
        ((0, 0, 0), "bad-time"),
        ((10, 5, 0), "bad-time"),
        ((60, 360, 0), "not-yet-valid"),
        ((0, 300, 60), "not-yet-valid"),
        ((360, 600, 360), "not-yet-valid"),
        ((-360, -60, -360), "expired"),
        ((-321, -20, -321), "expired"),
    ],
)
def test_times_are_checked_with_little_leeway(
    document: DidDocument, prover: MemorySigner, now: datetime, times: tuple[int, int, int], reason: str
) -> None:
    """The DCP kit wants 60 seconds refused in either direction; a lifetime beyond ten minutes is refused as well."""
    issued, expires, not_before = (int(now.timestamp()) + seconds for seconds in times)
    claims = said(now, iat=issued, exp=expires, nbf=not_before)
    assert refusal(signed(claims, prover), document, now) == reason


def test_a_little_clock_skew_is_forgiven(document: DidDocument, prover: MemorySigner, now: datetime) -> None:
    """Within the leeway both ways."""
    for seconds in (-20, 20):
        claims = said(now + timedelta(seconds=seconds))
        verified(signed(claims, prover), document, now)
    late = now + timedelta(seconds=319)
    verified(signed(said(now), prover), document, late)


def test_keys_for_other_uses_are_refused(document: DidDocument, signer: MemorySigner, now: datetime) -> None:
    """The key for credentials is not listed under capabilityInvocation."""
    assert refusal(signed(said(now), signer), document, now) == "relationship-missing"


@pytest.mark.parametrize(
    ("kid", "reason"),
    [
        (f"{OTHER}#authentication-1", "foreign-key"),
        (f"{REFINER}.evil.example#authentication-1", "foreign-key"),
        ("#authentication-1", "foreign-key"),
        ("", "foreign-key"),
        (f"{REFINER}#unknown", "method-not-found"),
        (f"{REFINER}#", "bad-key-id"),
        (1, "bad-header"),
        (None, "no-key-id"),
    ],
)
def test_keys_of_others_and_unknown_keys_are_refused(
    document: DidDocument, prover: MemorySigner, now: datetime, kid: Json, reason: str
) -> None:
    """A kid names a key of the issuer; without one there must be no choice (DCP 4.3.3, step 4)."""
    assert refusal(signed(said(now), prover, kid=kid), document, now) == reason


def test_without_kid_the_only_key_is_taken(prover: MemorySigner, now: datetime) -> None:
    """DCP 4.3.3, step 4."""
    key = MethodKey(key_id=prover.key_id, public_jwk=prover.public_jwk)
    lone = parse_document(orjson.dumps(build_document(REFINER, assertion=[], authentication=[key], services=[])))
    read = verified(signed(said(now), prover, kid=None), lone, now)
    assert read.key_id == prover.key_id


def test_the_document_of_another_party_is_refused(document: DidDocument, now: datetime) -> None:
    """Whoever resolves the wrong document must not verify with it."""
    thief = signer_from_seed(b"t", "EdDSA", f"{OTHER}#1")
    octets = signed(said(now, iss=OTHER, sub=OTHER), thief)
    assert refusal(octets, document, now) == "document-id-mismatch"
    key = MethodKey(key_id=thief.key_id, public_jwk=thief.public_jwk)
    own = parse_document(orjson.dumps(build_document(OTHER, assertion=[], authentication=[key], services=[])))
    nameless = signed(said(now), thief, kid=None)
    assert refusal(nameless, own, now) == "document-id-mismatch", "our name over the only key of another party"


def test_a_signature_of_another_key_is_refused(document: DidDocument, prover: MemorySigner, now: datetime) -> None:
    """The right kid over a wrong signature."""
    thief = signer_from_seed(b"thief", prover.alg, prover.key_id)
    assert refusal(signed(said(now), thief), document, now) == "bad-signature"


@pytest.mark.parametrize("kind", ["vc+jwt", "vp+jwt", "at+jwt", "status-changes+jwt", "application/vp+jwt"])
def test_other_documents_are_no_tokens(document: DidDocument, prover: MemorySigner, now: datetime, kind: str) -> None:
    """A presentation carries the same claims and is still no token (RFC 8725 section 3.11)."""
    assert refusal(signed(said(now), prover, typ=kind), document, now) == "bad-typ"


@pytest.mark.parametrize("member", ["vc", "vp", "credentialSubject", "verifiableCredential"])
def test_what_says_something_of_its_own_is_no_token(
    document: DidDocument, prover: MemorySigner, now: datetime, member: str
) -> None:
    """Each of these alone: the same `typ` or none, the same key and our name in `aud` make no token of a credential."""
    for kind in ("JWT", None):
        assert refusal(signed(said(now, **{member: None}), prover, typ=kind), document, now) == "bad-typ"


def test_a_large_token_is_refused_before_its_issuer_is_read() -> None:
    """1 MB costs nothing and leads to no DID look-up."""
    with pytest.raises(Refused, match="too-large"):
        token.peek(b"a." * 500_000)


@settings(max_examples=150)
@given(data=st.data())
def test_no_changed_byte_goes_through(
    data: st.DataObject, document: DidDocument, prover: MemorySigner, now: datetime
) -> None:
    """One byte changed anywhere: always refused."""
    octets = bytearray(signed(said(now), prover))
    place = data.draw(st.integers(0, len(octets) - 1))
    octets[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Refused):
        verified(bytes(octets), document, now)
