"""Compact JWS of our own (RFC 7515), strict: one way to write a token, one way to read it.

Accepted: three parts of canonical base64url, a header without doubled or critical members, an `alg` of the short list,
a signature of 64 bytes. A key never comes from the token: `jwk`, `jku`, `x5c`, `x5u` are not looked at. What a payload
must say is left to `token`, `presentation`, `status_list` and `verify`.

The text of a token is no identity: the mirror image of an ECDSA signature verifies as well. Nothing may be keyed on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import orjson

from connector.credentials import base64url
from connector.credentials.refused import Refused
from connector.credentials.signing import ALGORITHMS, SIGNATURE_BYTES, PublicKey
from connector.errors import BadMessage
from connector.model import JsonObject
from connector.vocabulary.admission import admit, admit_message

HEADER_LIMIT_BYTES = 4096
_PARTS = 3
_LATEST = 1 << 40
"""Far beyond any true time in seconds; keeps absurd numbers out of arithmetic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Jws:
    """A token that is well formed and whose signature nobody has checked yet."""

    header: JsonObject
    payload: bytes
    signature: bytes
    signing_input: bytes
    unsaid: str = ""
    """What it is by its claims, where it has no `typ`."""

    @property
    def alg(self) -> str:
        """The header's algorithm; `parse` let only the listed ones through."""
        return cast(str, self.header["alg"])

    @property
    def key_id(self) -> str | None:
        """The header's `kid`."""
        key_id = self.header.get("kid")
        if key_id is not None and not isinstance(key_id, str):
            raise Refused("bad-header", "kid is not a string")
        return key_id

    @property
    def type(self) -> str:
        """The header's `typ` as a media type without `application/`, lower case; empty if there is none.

        RFC 7515 section 4.1.9: case does not count and the prefix may be left out.
        """
        kind = self.header.get("typ", self.unsaid)
        if not isinstance(kind, str):
            raise Refused("bad-header", "typ is not a string")
        return kind.lower().removeprefix("application/")

    def claims(self, *, few: bool = False) -> JsonObject:
        """The payload as a JSON object. `few`: with no more values than a message has."""
        return json_object(self.payload, len(self.payload), "bad-payload", few=few)


def signing_input(header: JsonObject, payload: bytes) -> bytes:
    """What is signed: both parts as they will be served (RFC 7515 section 5.1)."""
    return base64url.encode(orjson.dumps(header)) + b"." + base64url.encode(payload)


def attach(signed: bytes, signature: bytes) -> bytes:
    """The token."""
    return signed + b"." + base64url.encode(signature)


def parse(token: bytes | str, limit_bytes: int) -> Jws:
    """Read a token without checking its signature. Anything unusual is refused before any cryptography."""
    octets = _ascii(token) if isinstance(token, str) else token
    if len(octets) > limit_bytes:
        raise Refused("too-large", f"more than {limit_bytes} bytes")
    parts = octets.split(b".")
    if len(parts) != _PARTS:
        raise Refused("not-a-jws", f"{len(parts)} parts instead of three")
    header = _header(parts[0])
    signature = base64url.decode(parts[2])
    if len(signature) != SIGNATURE_BYTES:
        raise Refused("bad-signature", f"{len(signature)} bytes instead of {SIGNATURE_BYTES}")
    return Jws(
        header=header,
        payload=base64url.decode(parts[1]),
        signature=signature,
        signing_input=octets[: len(parts[0]) + 1 + len(parts[1])],
    )


def key_id_in(token: bytes) -> str | None:
    """The `kid` that a token names, without reading the rest. `Refused`: it has no header that could be read."""
    kid = _header(token[: token.find(b".")]).get("kid")
    return kid if isinstance(kid, str) else None


def verify(jws: Jws, key: PublicKey) -> None:
    """Check the signature. `Refused`: the key is of another kind than `alg`, or the signature is not its."""
    if not key.fits(jws.alg):
        raise Refused("alg-key-mismatch", f"the key cannot make signatures of {jws.alg}")
    if not key.holds(jws.signature, jws.signing_input):
        raise Refused("bad-signature", "the signature was not made over this by this key")


def json_object(body: bytes, limit_bytes: int, reason: str, *, few: bool = False) -> JsonObject:
    """A JSON object through the strict door."""
    try:
        return (admit_message if few else admit)(body, limit_bytes)
    except BadMessage as error:
        raise Refused(reason, error.detail) from error


def numeric_date(claims: JsonObject, name: str) -> float | None:
    """A NumericDate: a JSON number, fractions allowed (RFC 7519 section 2). None: it is not said."""
    if name not in claims:
        return None
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LATEST:
        raise Refused("bad-time", f"{name} is not a time")
    return value


@lru_cache(maxsize=256)
def _header(part: bytes) -> JsonObject:
    """The header that this text holds. A sender's header is the same in each of its tokens, so it is read once."""
    header = json_object(base64url.decode(part), HEADER_LIMIT_BYTES, "bad-header")
    _check_header(header)
    return header


def _check_header(header: JsonObject) -> None:
    alg = header.get("alg")
    if not isinstance(alg, str) or alg not in ALGORITHMS:
        raise Refused("alg-not-allowed", f"alg {alg!r:.40}")
    if "crit" in header:  # RFC 7515 section 4.1.11: what is critical and not understood is refused; we understand none
        raise Refused("crit-not-understood")
    if "b64" in header:  # RFC 7797 needs crit as well, so a lone b64 is a trap
        raise Refused("b64-not-understood")


def _ascii(token: str) -> bytes:
    try:
        return token.encode("ascii")
    except UnicodeEncodeError as error:
        raise Refused("not-a-jws", "not ASCII") from error
