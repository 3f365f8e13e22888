"""Several credentials in one file: the answer of a passport's page, a list, a presentation, a message of DCP.

Each of them covers credentials (VC Data Model 2.0, 4.13; VC-JOSE-COSE 3.1.2; DCP 1.0.1, 5.4.2 and 6.5.1). Whose
presentation it is and for whom is not looked at: only the credentials within are. What a cover says beside them is
handed over, so that nobody takes it for signed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from connector.credentials import jose
from connector.credentials.canonical import canonical
from connector.credentials.datamodel import CREDENTIAL_LIMIT_BYTES
from connector.credentials.refused import Refused
from connector.errors import BadInput, BadMessage
from connector.model import Json, JsonObject, object_in
from connector.vocabulary.admission import admit_value

if TYPE_CHECKING:
    from collections.abc import Collection

_FILE_LIMIT_BYTES: Final = 16 << 20
_MOST: Final = 100
_DEEPEST: Final = 4
"""A list, in an answer, a presentation, an envelope."""
_DATA_URL: Final = re.compile(r"data:application/v[cp]\+(?:sd-)?jwt,")
_ENVELOPES: Final = {"EnvelopedVerifiableCredential", "EnvelopedVerifiablePresentation"}
_CLAIMS: Final = {"iss", "sub", "aud", "jti", "iat", "nbf", "exp", "nonce", "vp"}
_PRESENTED: Final = {"@context", "id", "type", "holder", "proof", *_CLAIMS}
_ENVELOPED: Final = {"@context", "id", "type", "credentialType", "format", "payload"}
_ISSUED: Final = {"@context", "type", "status", "issuerPid", "holderPid", "requestId", "rejectionReason"}
_LISTS: Final = ("verifiableCredential", "presentation", "credentials")
"""The member in which a cover holds what it covers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Several:
    """Credentials of one file as they are served, and what it says beside them."""

    credentials: tuple[bytes, ...]
    beside: JsonObject


def unpacked(octets: bytes) -> Several | None:
    """None: it is one credential, or nothing. `BadInput`: what it is."""
    value = _read(octets)
    if _covered(_opened(value)) is None:
        return None
    beside: JsonObject = {}
    found = tuple(islice(_each(value, beside, _DEEPEST), _MOST + 1))
    if len(found) > _MOST:
        raise BadInput(f"it holds more than {_MOST} credentials", hint="check them in several files")
    if not found and not beside:
        raise BadInput("it holds no credential")
    return Several(credentials=found, beside=beside)


def _read(octets: bytes) -> Json:
    """What a file says, where it may be a cover. What is not admitted is nothing: verification says what is wrong."""
    if not octets.startswith((b"{", b"[")):
        return octets.decode()
    try:
        return admit_value(octets, _FILE_LIMIT_BYTES)
    except BadMessage:
        return None


def _each(value: Json, beside: JsonObject, depth: int) -> Iterator[bytes]:
    value = _opened(value)
    inner = _covered(value)
    if inner is None:
        yield _octets(value)
        return
    if not depth:
        raise BadInput(f"credentials in more than {_DEEPEST} covers")
    if isinstance(value, dict):
        own = _own_words(value)
        said = {name: one for name, one in value.items() if name not in own}
        if said and depth < _DEEPEST:
            raise BadInput("an answer with values of its own, within another", hint="check each in a file of its own")
        beside.update(said)
    for one in inner:
        yield from _each(one, beside, depth - 1)


def _covered(value: Json) -> list[Json] | None:
    """What this is a cover of; None: it is none."""
    if isinstance(value, list):
        return value
    match value:
        case {"status": int(), "title": _, "detail": str(detail)}:
            raise BadInput(f"it tells of an error, and holds no credential: {detail:.200}")
        case {"type": str(kind) | [str(kind)], "id": str(url)} if kind in _ENVELOPES and _DATA_URL.match(url):
            return [_DATA_URL.sub("", url, count=1)]
        case {"credentialType": _, "payload": payload}:
            return [payload]
    said = object_in(value)
    for name in _LISTS:
        if name in said and ("proof" not in said or name == "verifiableCredential"):
            inner = said[name]
            return inner if isinstance(inner, list) else [inner]
    return None


def _opened(value: Json) -> Json:
    """What a presentation says that is a token; all else stays as it is."""
    if not isinstance(value, str):
        return value
    try:
        jws = jose.parse(value.strip().encode(), CREDENTIAL_LIMIT_BYTES)
        said = jws.claims()
    except Refused:  # verification says what is wrong with it
        return value
    if jws.type != "vp+jwt" and "vp" not in said:
        return value
    return {"verifiableCredential": [], **said, **object_in(said.get("vp"))}


def _own_words(cover: JsonObject) -> Collection[str]:
    """What such a cover says of itself, with what it covers."""
    inner = next((name for name in _LISTS if name in cover), "")
    if not inner:
        return _ENVELOPED
    own = {"verifiableCredential": _PRESENTED, "presentation": _ISSUED, "credentials": set()}[inner]
    if cover.get("type") == "CredentialMessage":
        own = _ISSUED
    return {inner, *own}


def _octets(entry: Json) -> bytes:
    if isinstance(entry, str) and entry.strip():
        return entry.strip().encode()
    if isinstance(entry, dict):
        return canonical(entry)
    raise BadInput(f"{entry!r:.40} stands where a credential should")
