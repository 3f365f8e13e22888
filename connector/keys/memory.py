"""Keys in this process's memory: what a file is opened into, and by themselves the keys of tests and examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import TypeAlias

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    derive_private_key,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from connector.credentials.did_key import key_did, key_id_in
from connector.credentials.multikey import multikey_of
from connector.credentials.own_methods import OwnMethod, first_methods, signing
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


def throwaway_signer(alg: Algorithm) -> MemorySigner:
    """A signer whose key is made now, kept nowhere, and is its own identifier (`did:key`): for trials."""
    key: PrivateKey = generate_private_key(SECP256R1()) if alg == "ES256" else Ed25519PrivateKey.generate()
    return MemorySigner(key, key_id_in(key_did(multikey_of(PublicKey(key.public_key())))))


@dataclass(slots=True)
class MemoryKeys:
    """Implements `OwnKeys` over signers in memory, by the names of their methods."""

    signers: dict[str, MemorySigner]
    known: tuple[OwnMethod, ...]

    def assertion(self, now: datetime) -> MemorySigner:
        """The signer of credentials, status lists and their changes."""
        return self.signers[signing(self.known, "assertionMethod", now).name]

    def authentication(self, now: datetime) -> MemorySigner:
        """The signer of tokens, presentations and receipts."""
        return self.signers[signing(self.known, "authentication", now).name]

    def methods(self, now: datetime) -> Sequence[OwnMethod]:  # noqa: ARG002 - they change by no clock
        """All that ever were."""
        return self.known


def keys_from_seed(seed: str, did: str, *, assertion: Algorithm = "EdDSA") -> MemoryKeys:
    """The two first keys of a company, which follow from the seed."""
    first = {
        "assertion-1": signer_from_seed(f"{seed} assertion".encode(), assertion, f"{did}#assertion-1"),
        "authentication-1": signer_from_seed(f"{seed} authentication".encode(), "EdDSA", f"{did}#authentication-1"),
    }
    return MemoryKeys(first, first_methods(*(one.public_jwk for one in first.values())))
