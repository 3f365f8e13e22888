"""Compact JWS: what the standards print is taken, and every odd form is refused before any cryptography."""

from __future__ import annotations

from collections.abc import Callable

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.credentials import base64url, jose
from connector.credentials.refused import Refused
from connector.credentials.signing import PublicKey, key_from_jwk
from connector.keys.memory import MemorySigner, signer_from_seed
from connector.model import JsonObject
from connector.vocabulary.admission import MAX_MESSAGE_VALUES

LIMIT = 1 << 20
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
Forge = Callable[[MemorySigner, JsonObject, bytes], bytes]


def refusal(token: bytes | str, limit: int = LIMIT) -> str:
    with pytest.raises(Refused) as caught:
        jose.parse(token, limit)
    return caught.value.reason


@pytest.mark.parametrize("which", [0, 1])
def test_the_examples_of_the_rfcs_verify(rfc: JsonObject, which: int) -> None:
    """RFC 7515 A.3 and RFC 8037 A.4, printed by others."""
    vectors = rfc["jws"]
    assert isinstance(vectors, list)
    vector = vectors[which]
    assert isinstance(vector, dict)
    jwk, token, payload = vector["jwk"], vector["token"], vector["payload"]
    assert isinstance(jwk, dict)
    assert isinstance(token, str)
    assert isinstance(payload, str)
    jws = jose.parse(token, LIMIT)
    jose.verify(jws, key_from_jwk(jwk))
    assert jws.payload == payload.encode()


def test_a_token_comes_back_as_it_was_made(signer: MemorySigner, forged: Forge) -> None:
    """Header, payload and signature survive the round trip."""
    token = forged(signer, {"alg": signer.alg, "kid": "k", "typ": "application/VC+JWT"}, b'{"a":1}')
    jws = jose.parse(token, LIMIT)
    jose.verify(jws, key_from_jwk(signer.public_jwk))
    assert (jws.alg, jws.key_id, jws.type, jws.claims()) == (signer.alg, "k", "vc+jwt", {"a": 1})


@pytest.mark.parametrize("alg", ["none", "None", "HS256", "RS256", "ES384", "ES256K", "es256", "", 1, None, ["ES256"]])
def test_algorithms_off_the_list_are_refused(signer: MemorySigner, forged: Forge, alg: str) -> None:
    """`none`, HMAC with the public key as secret, other curves, other spellings."""
    assert refusal(forged(signer, {"alg": alg}, b"{}")) == "alg-not-allowed"


def test_a_missing_algorithm_is_refused(signer: MemorySigner, forged: Forge) -> None:
    """A header must say what it is signed with."""
    assert refusal(forged(signer, {"typ": "JWT"}, b"{}")) == "alg-not-allowed"


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        ({"crit": ["exp"]}, "crit-not-understood"),
        ({"crit": []}, "crit-not-understood"),
        ({"b64": False, "crit": ["b64"]}, "crit-not-understood"),
        ({"b64": False}, "b64-not-understood"),
        ({"b64": True}, "b64-not-understood"),
    ],
)
def test_critical_members_are_refused(signer: MemorySigner, forged: Forge, member: JsonObject, reason: str) -> None:
    """We understand no extension, so a critical one is never satisfied."""
    assert refusal(forged(signer, {"alg": signer.alg, **member}, b"{}")) == reason


def test_keys_that_come_with_the_token_are_not_used(signer: MemorySigner, forged: Forge) -> None:
    """`jwk`, `jku` and `x5u` stand in the header and change nothing: the key is an argument."""
    thief = signer_from_seed(b"thief", "EdDSA", "did:web:thief.example#1")
    header: JsonObject = {"alg": "EdDSA", "jwk": thief.public_jwk, "jku": "https://thief.example/k", "x5u": "https://t"}
    jws = jose.parse(forged(thief, header, b"{}"), LIMIT)
    with pytest.raises(Refused):
        jose.verify(jws, key_from_jwk(signer.public_jwk))


def test_a_key_of_another_kind_is_refused(signer: MemorySigner, forged: Forge) -> None:
    """The header cannot make an Ed25519 key check ES256, nor the other way round."""
    alg = "EdDSA" if signer.alg == "ES256" else "ES256"
    jws = jose.parse(forged(signer, {"alg": alg}, b"{}"), LIMIT)
    with pytest.raises(Refused, match="alg-key-mismatch"):
        jose.verify(jws, PublicKey(signer.key.public_key()))


def test_ed25519_is_another_name_for_eddsa(forged: Forge) -> None:
    """RFC 9864 names the curve; the signature is the same."""
    key = signer_from_seed(b"x", "EdDSA", "did:web:a.example#1")
    jws = jose.parse(forged(key, {"alg": "Ed25519"}, b"{}"), LIMIT)
    jose.verify(jws, key_from_jwk(key.public_jwk))


def test_the_mirrored_signature_verifies_too_and_so_text_is_no_identity(forged: Forge) -> None:
    """The other root n - s is as good as s: the same claims, another text, and nobody may key on the text."""
    key = signer_from_seed(b"x", "ES256", "did:web:a.example#1")
    token = forged(key, {"alg": "ES256"}, b'{"jti":"1"}')
    jws = jose.parse(token, LIMIT)
    s = P256_ORDER - int.from_bytes(jws.signature[32:], "big")
    mirrored = jose.attach(jws.signing_input, jws.signature[:32] + s.to_bytes(32, "big"))
    again = jose.parse(mirrored, LIMIT)
    jose.verify(again, key_from_jwk(key.public_jwk))
    assert mirrored != token
    assert again.claims() == jws.claims()


def test_a_der_signature_is_refused(forged: Forge) -> None:
    """ES256 in a JWS is R and S in 64 bytes, nothing else (RFC 7518 section 3.4)."""
    from connector.credentials.signing import raw_to_der

    key = signer_from_seed(b"x", "ES256", "did:web:a.example#1")
    jws = jose.parse(forged(key, {"alg": "ES256"}, b"{}"), LIMIT)
    assert refusal(jose.attach(jws.signing_input, raw_to_der(jws.signature))) == "bad-signature"


@pytest.mark.parametrize("signature", [b"", b"\0" * 64, b"\xff" * 64, b"\0" * 63, b"\0" * 65])
def test_made_up_signatures_are_refused(signer: MemorySigner, signature: bytes) -> None:
    """Zeros, too large numbers, wrong lengths: never valid, never an exception of the library."""
    token = jose.attach(jose.signing_input({"alg": signer.alg}, b"{}"), signature)
    with pytest.raises(Refused, match="bad-signature"):
        jose.verify(jose.parse(token, LIMIT), key_from_jwk(signer.public_jwk))


def test_other_shapes_are_refused(signer: MemorySigner, forged: Forge) -> None:
    """Parts missing, parts added, white space, padding, the other alphabet, stray bits, not ASCII."""
    token = forged(signer, {"alg": signer.alg}, b'{"a":"~~~???"}')
    header, payload, signature = token.split(b".")
    assert refusal(b"") == "not-a-jws"
    assert refusal(header + b"." + payload) == "not-a-jws"
    assert refusal(token + b".") == "not-a-jws"
    assert refusal("häder.b.c") == "not-a-jws"
    for odd in (signature + b"==", signature + b"\n", b" " + signature, signature[:-1] + b"+"):
        assert refusal(b".".join([header, payload, odd])) == "bad-base64url"
    assert refusal(b".".join([header, payload + b"=", signature])) == "bad-base64url"
    assert refusal(b".".join([header + b" ", payload, signature])) == "bad-base64url"


def test_stray_bits_at_the_end_are_refused(signer: MemorySigner, forged: Forge) -> None:
    """64 bytes leave four spare bits in the last character; only zero is canonical."""
    token = forged(signer, {"alg": signer.alg}, b"{}")
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other = alphabet[alphabet.index(token[-1]) | 1]
    assert refusal(token[:-1] + bytes([other])) == "bad-base64url"


def test_doubled_members_are_refused(signer: MemorySigner) -> None:
    """Two readers could take different ones, in the header as in the payload."""
    octets = b'{"alg":"ES256","alg":"%s"}' % signer.alg.encode()
    signed = base64url.encode(octets) + b"." + base64url.encode(b"{}")
    assert refusal(jose.attach(signed, signer.sign_now(signed))) == "bad-header"
    signed = jose.signing_input({"alg": signer.alg}, b'{"iss":"a","iss":"b"}')
    with pytest.raises(Refused, match="bad-payload"):
        jose.parse(jose.attach(signed, signer.sign_now(signed)), LIMIT).claims()


@pytest.mark.parametrize(
    "payload", [b"[]", b"null", b'"text"', b"1", b"", b"{", b'{"exp":NaN}', b'\xef\xbb\xbf{"a":1}']
)
def test_payloads_that_are_no_objects_are_refused(signer: MemorySigner, forged: Forge, payload: bytes) -> None:
    """Claims are a JSON object in UTF-8 (RFC 7519 section 7.2)."""
    jws = jose.parse(forged(signer, {"alg": signer.alg}, payload), LIMIT)
    with pytest.raises(Refused, match="bad-payload"):
        jws.claims()


def test_large_tokens_are_refused_unread(signer: MemorySigner, forged: Forge) -> None:
    """The size is looked at before anything else, and a header has a limit of its own."""
    assert refusal(b"a" * (LIMIT + 1)) == "too-large"
    assert refusal(forged(signer, {"alg": signer.alg, "x": "y" * 5000}, b"{}")) == "bad-header"


def test_a_token_may_be_as_large_as_the_limit(signer: MemorySigner, forged: Forge) -> None:
    """The limit itself is let through; one octet beyond it is not."""
    token = forged(signer, {"alg": signer.alg}, b"{}")
    assert jose.parse(token, len(token)).claims() == {}
    assert refusal(token, len(token) - 1) == "too-large"


def test_a_payload_of_few_values_has_no_more(signer: MemorySigner, forged: Forge) -> None:
    """Where few are asked for, as of what a stranger shows: a signature over more is not worth their reading."""
    for number, fits in ((MAX_MESSAGE_VALUES - 1, True), (MAX_MESSAGE_VALUES, False)):
        payload = orjson.dumps({"a": [0] * number})
        jws = jose.parse(forged(signer, {"alg": signer.alg}, payload), LIMIT)
        assert len(jws.claims()) == 1
        if fits:
            assert jws.claims(few=True) == jws.claims()
            continue
        with pytest.raises(Refused, match="bad-payload"):
            jws.claims(few=True)


def test_the_key_of_a_token_is_read_from_its_header_alone(signer: MemorySigner, forged: Forge) -> None:
    """Whatever else it holds; and no header is no answer."""
    for kid, found in (("k", "k"), (7, None), (None, None)):
        header: JsonObject = {"alg": signer.alg} if kid is None else {"alg": signer.alg, "kid": kid}
        token = forged(signer, header, b"{}")
        assert jose.key_id_in(token) == found
        assert jose.key_id_in(token.partition(b".")[0] + b".!") == found
    for odd in (b"", b".", b"!.", b"abc"):
        with pytest.raises(Refused):
            jose.key_id_in(odd)


def test_a_key_id_that_is_no_text_is_refused(signer: MemorySigner, forged: Forge) -> None:
    """Both kid and typ are texts."""
    jws = jose.parse(forged(signer, {"alg": signer.alg, "kid": 1, "typ": []}, b"{}"), LIMIT)
    with pytest.raises(Refused, match="bad-header"):
        _ = jws.key_id
    with pytest.raises(Refused, match="bad-header"):
        _ = jws.type


@given(st.binary(max_size=200))
def test_base64url_has_one_text_per_octets(octets: bytes) -> None:
    """What is encoded decodes to the same."""
    assert base64url.decode(base64url.encode(octets)) == octets


@given(st.binary(max_size=60))
def test_what_decodes_encodes_to_itself(text: bytes) -> None:
    """No other text of the same octets is taken."""
    try:
        octets = base64url.decode(text)
    except Refused:
        return
    assert base64url.encode(octets) == text


@given(st.binary(max_size=120), st.sampled_from([b"", orjson.dumps({"alg": "EdDSA"})]))
def test_garbage_is_refused_and_never_breaks(garbage: bytes, header: bytes) -> None:
    """Any bytes at all give a refusal, not another exception."""
    token = base64url.encode(header) + b"." + garbage
    try:
        jose.parse(token, LIMIT)
    except Refused:
        return
    assert token.count(b".") == 2
