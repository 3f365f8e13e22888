"""Keys: the `Signer` port, public keys as values, and their JWK form.

Ed25519 (JWK `OKP`, RFC 8037) and P-256 (JWK `EC`, RFC 7518 section 6.2) are accepted; P-384 as well, which only others'
Data Integrity proofs use: no `alg` of ours stands for it. An ECDSA signature is R || S in 64 or 96 bytes (RFC 7518
section 3.4), never DER. Where private keys lie is left to `keys/`, the Multikey form to `multikey`.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Literal, Protocol

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    SECP384R1,
    EllipticCurve,
    EllipticCurvePublicKey,
    EllipticCurvePublicNumbers,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384

from connector.credentials import base64url
from connector.credentials.refused import Refused
from connector.model import JsonObject

Algorithm = Literal["EdDSA", "ES256"]
"""What our keys sign with, and write into a header's `alg`."""

_KINDS_BY_ALG = {"EdDSA": "Ed25519", "Ed25519": "Ed25519", "ES256": "P-256"}
"""What may stand there, and the kind of key. `Ed25519` is the name of RFC 9864 for the same signature as `EdDSA`."""
ALGORITHMS = frozenset(_KINDS_BY_ALG)

SIGNATURE_BYTES = 64
"""Of a JWS: EdDSA and ES256 alike."""
_ED25519_BYTES = 32
_FIELD = 2**255 - 19

_SMALL_ORDER_Y = frozenset(
    {
        0,
        1,
        _FIELD - 1,
        2707385501144840649318225287225658788936804267575313519463743609750303402022,
        55188659117513257062467267217118295137698188065244968500265048394206261417927,
    }
)
"""The y coordinates of the eight points of order 1, 2, 4 and 8: with such a "key" anybody can make signatures."""


class Signer(Protocol):
    """A private key that never leaves its custody."""

    @property
    def key_id(self) -> str:
        """The verification method: a DID URL such as `did:web:example.com#assertion-1`."""

    @property
    def alg(self) -> Algorithm:
        """The `alg` that goes into headers."""

    @property
    def public_jwk(self) -> JsonObject:
        """The public key as it stands in the DID document."""

    async def sign(self, message: bytes) -> bytes:
        """The JWS signature over these bytes."""


@dataclass(frozen=True, slots=True)
class _Curve:
    """A curve with the size of its coordinates and its hash."""

    curve: EllipticCurve
    size: int
    ecdsa: ECDSA


_CURVES = {"P-256": _Curve(SECP256R1(), 32, ECDSA(SHA256())), "P-384": _Curve(SECP384R1(), 48, ECDSA(SHA384()))}
_NAMES = {known.curve.name: name for name, known in _CURVES.items()}


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key that checks signatures of its own kind only."""

    key: Ed25519PublicKey | EllipticCurvePublicKey

    @property
    def kind(self) -> str:
        """`Ed25519`, `P-256` or `P-384`."""
        return "Ed25519" if isinstance(self.key, Ed25519PublicKey) else _NAMES[self.key.curve.name]

    def fits(self, alg: str) -> bool:
        """Whether signatures of this `alg` can be checked with this key."""
        return _KINDS_BY_ALG.get(alg) == self.kind

    def holds(self, signature: bytes, message: bytes) -> bool:
        """Whether the signature was made over the message by the private half."""
        try:
            if isinstance(self.key, Ed25519PublicKey):
                self.key.verify(signature, message)
            else:
                known = _CURVES[self.kind]
                if len(signature) != 2 * known.size:
                    return False
                self.key.verify(raw_to_der(signature), message, known.ecdsa)
        except InvalidSignature:
            return False
        return True

    def as_jwk(self) -> JsonObject:
        """The members of the JWK that make the key, and no others."""
        if isinstance(self.key, Ed25519PublicKey):
            return {"kty": "OKP", "crv": "Ed25519", "x": _text(self.key.public_bytes_raw())}
        numbers, size = self.key.public_numbers(), _CURVES[self.kind].size
        x, y = (number.to_bytes(size, "big") for number in (numbers.x, numbers.y))
        return {"kty": "EC", "crv": self.kind, "x": _text(x), "y": _text(y)}


def key_from_jwk(jwk: JsonObject) -> PublicKey:
    """The public key of a JWK. Other kinds, private keys, points off the curve or of small order are refused."""
    if "d" in jwk:
        raise Refused("private-key-published", "the JWK has a private member")
    match (jwk.get("kty"), jwk.get("crv")):
        case ("OKP", "Ed25519"):
            return PublicKey(ed25519(_coordinate(jwk, "x", _ED25519_BYTES)))
        case ("EC", ("P-256" | "P-384") as name):
            known = _CURVES[name]
            return PublicKey(_point(known, _coordinate(jwk, "x", known.size), _coordinate(jwk, "y", known.size)))
    raise Refused("key-unsupported", f"kty {jwk.get('kty')}, crv {jwk.get('crv')}")


def thumbprint(jwk: JsonObject) -> str:
    """What people compare of a key, by telephone say: the SHA-256 of its JWK's members (RFC 7638), base64url.

    The JWK holds no others: it is one of `as_jwk`.
    """
    return _text(sha256(orjson.dumps(jwk, option=orjson.OPT_SORT_KEYS)).digest())


def raw_to_der(signature: bytes) -> bytes:
    """R || S as the DER that the crypto library reads."""
    half = len(signature) // 2
    return encode_dss_signature(int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big"))


def der_to_raw(signature: bytes) -> bytes:
    """The crypto library's DER as R || S of a P-256 signature."""
    r, s = decode_dss_signature(signature)
    half = SIGNATURE_BYTES // 2
    return r.to_bytes(half, "big") + s.to_bytes(half, "big")


def ed25519(octets: bytes) -> Ed25519PublicKey:
    """The Ed25519 key of 32 bytes. One of small order, for which anybody can sign, is refused."""
    if len(octets) != _ED25519_BYTES:
        raise Refused("key-unsupported", f"not {_ED25519_BYTES} bytes")
    y = int.from_bytes(octets, "little") & ((1 << 255) - 1)
    if y >= _FIELD or y in _SMALL_ORDER_Y:
        raise Refused("key-unsupported", "an Ed25519 point of small order or not canonical")
    return Ed25519PublicKey.from_public_bytes(octets)


def compressed_point(kind: str, octets: bytes) -> EllipticCurvePublicKey:
    """The key of a point in its compressed form (SEC 1 section 2.3.3)."""
    known = _CURVES[kind]
    if len(octets) != 1 + known.size:
        raise Refused("key-unsupported", f"not a compressed point of {kind}")
    try:
        return EllipticCurvePublicKey.from_encoded_point(known.curve, octets)
    except ValueError as error:
        raise Refused("key-unsupported", f"the point is not on {kind}") from error


def _point(known: _Curve, x: bytes, y: bytes) -> EllipticCurvePublicKey:
    numbers = EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), known.curve)
    try:
        return numbers.public_key()
    except ValueError as error:
        raise Refused("key-unsupported", "the point is not on its curve") from error


def _coordinate(jwk: JsonObject, name: str, size: int) -> bytes:
    value = jwk.get(name)
    if not isinstance(value, str) or not value.isascii():
        raise Refused("key-unsupported", f"no member {name}")
    octets = base64url.decode(value.encode())
    if len(octets) != size:
        raise Refused("key-unsupported", f"member {name} is not {size} bytes")
    return octets


def _text(octets: bytes) -> str:
    return base64url.encode(octets).decode()
