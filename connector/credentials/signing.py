"""Keys: the `Signer` port, public keys as values, and their JWK form.

Two kinds are accepted: Ed25519 (JWK `OKP`, RFC 8037) and P-256 (JWK `EC`, RFC 7518 section 6.2). A JWS signature of
ES256 is R || S in 64 bytes (RFC 7518 section 3.4), never DER. Where private keys lie is left to `keys/`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePublicKey,
    EllipticCurvePublicNumbers,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from connector.credentials import base64url
from connector.credentials.refused import Refused
from connector.model import JsonObject

Algorithm = Literal["EdDSA", "Ed25519", "ES256"]
"""What may stand in a header's `alg`. `Ed25519` is the name of RFC 9864 for the same signature."""

ALGORITHMS: frozenset[str] = frozenset({"EdDSA", "Ed25519", "ES256"})

SIGNATURE_BYTES = 64
_COORDINATE_BYTES = 32
_HALF = _COORDINATE_BYTES
_FIELD = 2**255 - 19
_ECDSA = ECDSA(SHA256())

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
class PublicKey:
    """A public key that checks signatures of its own kind only."""

    key: Ed25519PublicKey | EllipticCurvePublicKey

    def fits(self, alg: str) -> bool:
        """Whether signatures of this `alg` can be checked with this key."""
        if isinstance(self.key, Ed25519PublicKey):
            return alg in {"EdDSA", "Ed25519"}
        return alg == "ES256"

    def holds(self, signature: bytes, message: bytes) -> bool:
        """Whether the signature was made over the message by the private half."""
        if len(signature) != SIGNATURE_BYTES:
            return False
        try:
            if isinstance(self.key, Ed25519PublicKey):
                self.key.verify(signature, message)
            else:
                self.key.verify(raw_to_der(signature), message, _ECDSA)
        except InvalidSignature:
            return False
        return True

    def as_jwk(self) -> JsonObject:
        """The members of the JWK that make the key, and no others."""
        if isinstance(self.key, Ed25519PublicKey):
            return {"kty": "OKP", "crv": "Ed25519", "x": _text(self.key.public_bytes_raw())}
        numbers = self.key.public_numbers()
        x, y = (number.to_bytes(_COORDINATE_BYTES, "big") for number in (numbers.x, numbers.y))
        return {"kty": "EC", "crv": "P-256", "x": _text(x), "y": _text(y)}


def key_from_jwk(jwk: JsonObject) -> PublicKey:
    """The public key of a JWK. Other kinds, private keys, points off the curve or of small order are refused."""
    if "d" in jwk:
        raise Refused("private-key-published", "the JWK has a private member")
    match (jwk.get("kty"), jwk.get("crv")):
        case ("OKP", "Ed25519"):
            return PublicKey(_ed25519(_coordinate(jwk, "x")))
        case ("EC", "P-256"):
            return PublicKey(_p256(_coordinate(jwk, "x"), _coordinate(jwk, "y")))
    raise Refused("key-unsupported", f"kty {jwk.get('kty')}, crv {jwk.get('crv')}")


def raw_to_der(signature: bytes) -> bytes:
    """R || S as the DER that the crypto library reads."""
    return encode_dss_signature(
        int.from_bytes(signature[:_HALF], "big"),
        int.from_bytes(signature[_HALF:], "big"),
    )


def der_to_raw(signature: bytes) -> bytes:
    """The crypto library's DER as R || S."""
    r, s = decode_dss_signature(signature)
    return r.to_bytes(_COORDINATE_BYTES, "big") + s.to_bytes(_COORDINATE_BYTES, "big")


def _ed25519(octets: bytes) -> Ed25519PublicKey:
    y = int.from_bytes(octets, "little") & ((1 << 255) - 1)
    if y >= _FIELD or y in _SMALL_ORDER_Y:
        raise Refused("key-unsupported", "an Ed25519 point of small order or not canonical")
    return Ed25519PublicKey.from_public_bytes(octets)


def _p256(x: bytes, y: bytes) -> EllipticCurvePublicKey:
    numbers = EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), SECP256R1())
    try:
        return numbers.public_key()
    except ValueError as error:
        raise Refused("key-unsupported", "the point is not on P-256") from error


def _coordinate(jwk: JsonObject, name: str) -> bytes:
    value = jwk.get(name)
    if not isinstance(value, str) or not value.isascii():
        raise Refused("key-unsupported", f"no member {name}")
    octets = base64url.decode(value.encode())
    if len(octets) != _COORDINATE_BYTES:
        raise Refused("key-unsupported", f"member {name} is not {_COORDINATE_BYTES} bytes")
    return octets


def _text(octets: bytes) -> str:
    return base64url.encode(octets).decode()
