"""Multibase base58btc and Multikeys (Controlled Identifiers 1.0, sections 2.4 and 2.2.2).

A Multikey is `z`, base58btc of a multicodec prefix and the key: 32 bytes of Ed25519, or a compressed point of P-256 or
P-384. Each octet string has exactly one text. What a proof does with it is `data_integrity`'s.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from connector.credentials.refused import Refused
from connector.credentials.signing import PublicKey, compressed_point, ed25519

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BASE = len(_ALPHABET)
_VALUES = {letter: value for value, letter in enumerate(_ALPHABET)}
_LONGEST = 160
"""A P-384 signature has 132 letters; decoding takes time by the square of the length."""
_PREFIXES = {"Ed25519": b"\xed\x01", "P-256": b"\x80\x24", "P-384": b"\x81\x24"}
_PREFIX_BYTES = 2


def encode_base58(octets: bytes) -> str:
    """The multibase text of these octets, with its `z`."""
    number, letters = int.from_bytes(octets, "big"), ""
    while number:
        number, rest = divmod(number, _BASE)
        letters = _ALPHABET[rest] + letters
    zeros = len(octets) - len(octets.lstrip(b"\0"))
    return "z" + _ALPHABET[0] * zeros + letters


def decode_base58(text: str) -> bytes:
    """The octets of a multibase text. `Refused`: another base, another letter, or longer than anything here is."""
    if not text.startswith("z") or len(text) > _LONGEST:
        raise Refused("bad-multibase", "not a base58btc text of a key or a signature")
    number = 0
    for letter in text[1:]:
        value = _VALUES.get(letter)
        if value is None:
            raise Refused("bad-multibase", "a letter that base58btc does not have")
        number = number * _BASE + value
    zeros = len(text) - 1 - len(text[1:].lstrip(_ALPHABET[0]))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def key_from_multikey(text: str) -> PublicKey:
    """The public key of a Multikey; other kinds, private keys and points off the curve are refused."""
    octets = decode_base58(text)
    prefix, key = octets[:_PREFIX_BYTES], octets[_PREFIX_BYTES:]
    kind = next((name for name, known in _PREFIXES.items() if known == prefix), "")
    if kind == "Ed25519":
        return PublicKey(ed25519(key))
    if not kind:
        raise Refused("key-unsupported", f"multicodec {prefix.hex()}")
    return PublicKey(compressed_point(kind, key))


def multikey_of(public: PublicKey) -> str:
    """The Multikey of a public key."""
    if isinstance(public.key, Ed25519PublicKey):
        octets = public.key.public_bytes_raw()
    else:
        octets = public.key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    return encode_base58(_PREFIXES[public.kind] + octets)
