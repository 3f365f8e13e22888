"""The digest of a credential: `digestMultibase` over its exact octets.

Multibase prefix `u` (base64url), multihash of SHA-256 (0x12, length 0x20). The octets are those that are served: the
compact JWS string of a `vc+jwt`. Nothing is normalised first.
"""

from __future__ import annotations

from hashlib import sha256

from connector.credentials import base64url
from connector.credentials.refused import Refused

_MULTIHASH_SHA256 = b"\x12\x20"
_DIGEST_BYTES = 34


def digest_multibase(octets: bytes) -> str:
    """The digest of these octets, e.g. `uEiB...`."""
    return multibase(sha256(octets).digest())


def multibase(hashed: bytes) -> str:
    """The digest whose SHA-256 was taken elsewhere, piece by piece."""
    return "u" + base64url.encode(_MULTIHASH_SHA256 + hashed).decode()


def parse_digest(text: str) -> bytes:
    """The 32 bytes of the SHA-256 in a digestMultibase; another base or hash is refused."""
    if not text.startswith("u") or not text.isascii():
        raise Refused("bad-digest", "not a base64url multibase")
    octets = base64url.decode(text[1:].encode())
    if len(octets) != _DIGEST_BYTES or not octets.startswith(_MULTIHASH_SHA256):
        raise Refused("bad-digest", "not a SHA-256 multihash")
    return octets[2:]
