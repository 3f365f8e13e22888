"""A key in this process's memory: what a file is opened into, and by itself the signer of tests and examples."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import TypeAlias

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    derive_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from connector.credentials.signing import Algorithm, PublicKey, der_to_raw
from connector.model import JsonObject

PrivateKey: TypeAlias = Ed25519PrivateKey | EllipticCurvePrivateKey

_ECDSA = ECDSA(SHA256())
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass(frozen=True, slots=True)
class MemorySigner:
    """Signs where it is called: that takes microseconds, less than handing it to a thread."""

    key: PrivateKey = field(repr=False)
    key_id: str

    @property
    def alg(self) -> Algorithm:
        """The `alg` of the key's kind."""
        return "EdDSA" if isinstance(self.key, Ed25519PrivateKey) else "ES256"

    @property
    def public_jwk(self) -> JsonObject:
        """The public key as it stands in the DID document."""
        return PublicKey(self.key.public_key()).as_jwk()

    async def sign(self, message: bytes) -> bytes:
        """The JWS signature over these bytes."""
        return self.sign_now(message)

    def sign_now(self, message: bytes) -> bytes:
        """The same without waiting: 64 bytes for both kinds."""
        if isinstance(self.key, Ed25519PrivateKey):
            return self.key.sign(message)
        return der_to_raw(self.key.sign(message, _ECDSA))


def signer_from_seed(seed: bytes, alg: Algorithm, key_id: str) -> MemorySigner:
    """The signer whose key follows from the seed: for tests and examples, whose keys protect nothing."""
    octets = sha256(seed).digest()
    key: PrivateKey
    if alg == "ES256":
        key = derive_private_key(int.from_bytes(octets, "big") % (_P256_ORDER - 1) + 1, SECP256R1())
    else:
        key = Ed25519PrivateKey.from_private_bytes(octets)
    return MemorySigner(key, key_id)
