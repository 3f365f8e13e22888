"""The digest of a credential: `digestMultibase` over its exact octets.

Multibase prefix `u` (base64url), multihash of SHA-256 (0x12, length 0x20). The octets are those that are served: the
compact JWS string of a `vc+jwt`, or the canonical JSON of a credential with a proof inside (`securing`). Nothing is
normalised here.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

import orjson

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


def unit_part(record_id: str, version: int, digests: Iterable[str]) -> bytes:
    """A version of a record as a part of a content: by the digests of its credentials, dynamic ones left out."""
    return sha256(orjson.dumps([record_id, version, sorted(digests)])).digest()


def file_part(digest: str) -> bytes:
    """A file as a part of a content."""
    return parse_digest(digest)


def content_digest(parts: Iterable[bytes]) -> str:
    """The digest of a content, whatever the order of its parts; of one part it is that part's (so of one file the
    file's), of nothing it is empty.
    """
    ordered = sorted(parts)
    if len(ordered) < 2:  # noqa: PLR2004 - one is its own digest
        return multibase(ordered[0]) if ordered else ""
    return multibase(sha256(b"".join(ordered)).digest())
