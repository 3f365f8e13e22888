"""Multikeys: one text for one key, three kinds, and nothing that only looks like a key."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from connector.credentials.multikey import decode_base58, encode_base58, key_from_multikey, multikey_of
from connector.credentials.refused import Refused
from connector.credentials.signing import PublicKey, key_from_jwk
from connector.keys.memory import MemorySigner

KEYS = {
    "Ed25519": "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2",
    "P-256": "zDnaepBuvsQ8cpsWrVKw8fbpGpvPeNSjVPTWoq6cRqaYzBKVP",
    "P-384": "z82LkuBieyGShVBhvtE2zoiD6Kma4tJGFtkAhxR5pfkp5QPw4LutoYWhvQCnGjdVn14kujQ",
}


@given(st.binary(max_size=99))
def test_octets_and_text_belong_together(octets: bytes) -> None:
    """Leading zeros included."""
    assert decode_base58(encode_base58(octets)) == octets


def test_base58_of_others() -> None:
    """Examples of the Multibase and Base58 drafts of the IETF."""
    assert encode_base58(b"Hello World!") == "z2NEpo7TZRRrLZSi2U"
    assert encode_base58(bytes.fromhex("0000287fb4cd")) == "z11233QC4"


@pytest.mark.parametrize(
    "text", ["", "2NEpo7", "uAAAA", "Z2NEpo7", "z0", "zI", "zl", "zO", "z2 ", "zé", "z" + "2" * 160]
)
def test_other_texts_are_refused(text: str) -> None:
    """Another base, letters that are left out because they look alike, and more than anything here has."""
    with pytest.raises(Refused, match="bad-multibase"):
        decode_base58(text)


@pytest.mark.parametrize("kind", KEYS)
def test_keys_of_the_standards_come_back(kind: str) -> None:
    """As Multikey and as JWK."""
    key = key_from_multikey(KEYS[kind])
    assert (key.kind, multikey_of(key)) == (kind, KEYS[kind])
    assert multikey_of(key_from_jwk(key.as_jwk())) == KEYS[kind]


def test_a_signers_key_comes_back(signer: MemorySigner) -> None:
    """Of both kinds that we sign with."""
    public = PublicKey(signer.key.public_key())
    assert key_from_multikey(multikey_of(public)).as_jwk() == signer.public_jwk


def test_a_p384_key_is_good_for_no_token() -> None:
    """No `alg` of ours stands for it, and its signatures have another length."""
    private = ec.generate_private_key(ec.SECP384R1())
    key = PublicKey(private.public_key())
    assert not any(key.fits(alg) for alg in ("ES256", "ES384", "EdDSA", "Ed25519", ""))
    assert not key.holds(b"\1" * 64, b"")


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\xed",
        b"\xed\x01",
        b"\xed\x01" + bytes(31),
        b"\xed\x01" + b"\7" * 33,
        b"\xed\x01" + bytes(32),
        b"\x80\x26" + b"\7" * 32,
        b"\x13\x00" + b"\7" * 32,
        b"\x80\x24" + b"\2" + b"\xff" * 32,
        b"\x80\x24" + b"\4" + b"\7" * 64,
        b"\x80\x24" + b"\2" + b"\7" * 48,
        b"\x81\x24" + b"\2" + b"\7" * 32,
        b"\x82\x24" + b"\2" + b"\7" * 66,
    ],
)
def test_what_is_no_public_key_of_these_kinds_is_refused(octets: bytes) -> None:
    """Too short, too long, of small order, private, P-521, off the curve, uncompressed, of the other curve."""
    with pytest.raises(Refused, match="key-unsupported"):
        key_from_multikey(encode_base58(octets))


def test_a_point_has_one_form() -> None:
    """Uncompressed it is the same key in another text."""
    key = key_from_multikey(KEYS["P-256"]).key
    assert isinstance(key, ec.EllipticCurvePublicKey)
    whole = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    with pytest.raises(Refused, match="key-unsupported"):
        key_from_multikey(encode_base58(b"\x80\x24" + whole))
