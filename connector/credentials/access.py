"""Access tokens for our credential service (DCP 1.0.1 section 5.1): opaque to others, an HMAC to us.

A token goes out in the `token` claim of a self-issued ID token and comes back with a presentation query. It is good for
one verifier, for the scopes that it names, until it expires; nothing is stored for it. The key is the tenant's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest, digest

import orjson

from connector.credentials import base64url
from connector.credentials.jose import json_object
from connector.credentials.refused import Refused
from connector.model import Did

_LIMIT_BYTES = 8192
_PURPOSE = b"dcp-access-token\x00"
"""Keeps this use of a key apart from any other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What the bearer may ask for."""

    verifier: Did
    scopes: tuple[str, ...]
    expires: int


def mint_access(key: bytes, *, verifier: Did, scopes: Sequence[str], expires: datetime) -> str:
    """A token that this verifier may use until then."""
    body = base64url.encode(orjson.dumps([verifier, list(scopes), int(expires.timestamp())]))
    return (body + b"." + base64url.encode(_mac(key, body))).decode()


def check_access(key: bytes, token: str, *, verifier: Did, now: datetime) -> Access:
    """What the token allows to this verifier. `Refused`: forged, expired, or made for somebody else."""
    if len(token) > _LIMIT_BYTES or not token.isascii():
        raise Refused("bad-access-token", "not one of ours")
    body, _, mac = token.encode().partition(b".")
    if not compare_digest(base64url.encode(_mac(key, body)), mac):
        raise Refused("bad-access-token", "not one of ours")
    access = _read(body)
    if access.verifier != verifier:
        raise Refused("foreign-access-token", "it was made for another verifier")
    if access.expires <= now.timestamp():
        raise Refused("expired", "the access token has expired")
    return access


def _mac(key: bytes, body: bytes) -> bytes:
    return digest(key, _PURPOSE + body, sha256)


def _read(body: bytes) -> Access:
    match json_object(b'{"a":' + base64url.decode(body) + b"}", _LIMIT_BYTES, "bad-access-token"):
        case {"a": [str(verifier), list(scopes), int(expires)]}:
            return Access(
                verifier=Did(verifier),
                scopes=tuple(scope for scope in scopes if isinstance(scope, str)),
                expires=expires,
            )
    raise Refused("bad-access-token", "not one of ours")
