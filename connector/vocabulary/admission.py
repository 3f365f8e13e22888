"""Strict admission of JSON from outside: bytes in, one JSON object out, or `BadMessage` with the reason.

Parsers disagree about duplicate keys, huge numbers, lone surrogates and deep nesting, and such disagreements are how
signed or checked content gets swapped. So what any two readers could read differently is refused here, before anybody
looks at it. RFC 8259 with the limits of I-JSON (RFC 7493). What the members mean is left to the rooms of the standards.

Speed: orjson parses; three counts over the bytes show for nearly every message that the slower look is not needed.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import NoReturn

import orjson

from connector.errors import BadMessage, TooLarge
from connector.model import Json, JsonObject

MAX_DEPTH = 64
MAX_MESSAGE_VALUES = 20_000
"""A protocol message has some hundred. Checking one takes time by its values: a megabyte of brackets took seconds."""
MAX_PAGE_VALUES = 100_000
"""The same for pages of what a peer lists, which come with 16 MiB at most."""
MAX_INTEGER = 2**53 - 1
"""RFC 7493 section 2.2: beyond it, readers that use doubles disagree."""

_DIGITS_AS_NULLS = bytes(0x30 if 0x30 <= byte <= 0x39 else byte for byte in range(256))  # noqa: PLR2004 - "0" to "9"
_LONGEST_PLACE = 200
_SQUARE_AS_CURLY = bytes.maketrans(b"[]", b"{}")
_ALL_BUT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"{}[]")
_LONG_DIGITS = b"0" * len(str(MAX_INTEGER))


def admit(body: bytes, limit_bytes: int) -> JsonObject:
    """The JSON object in `body`. Raises `TooLarge` or `BadMessage`; never looks at more than `limit_bytes`."""
    value = admit_value(body, limit_bytes)
    if not isinstance(value, dict):
        raise BadMessage("The body is JSON, but not an object.")
    return value


def admit_message(body: bytes, limit_bytes: int, most_values: int = MAX_MESSAGE_VALUES) -> JsonObject:
    """The same for what a peer says in a protocol, which has far fewer values than its bytes could hold."""
    counts = len(body) > most_values  # each value has a byte at least; each bracket or comma brings one
    if counts and body.count(b",") + body.count(b"[") + body.count(b"{") > most_values:
        raise TooLarge(f"The body holds more than the {most_values} values that are accepted.")
    return admit(body, limit_bytes)


def admit_value(body: bytes, limit_bytes: int) -> Json:
    """Any JSON value, under the same rules as `admit`."""
    if len(body) > limit_bytes:
        raise TooLarge(f"The body has {len(body)} bytes; at most {limit_bytes} are accepted.")
    try:
        value: Json = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadMessage(f"The body is not JSON in UTF-8: {error}.", hint=_advice(body, error.pos)) from None
    # Depth can't exceed the number of opening brackets, so only long bodies are looked at.
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH and _is_deep(body):
        raise BadMessage(f"The body is nested deeper than {MAX_DEPTH} levels.")
    # Without a backslash each quote mark delimits a string, so a dropped duplicate key shows as missing quotes.
    odd = b"\\" in body or _LONG_DIGITS in body.translate(_DIGITS_AS_NULLS)
    if odd or body.count(b'"') != orjson.dumps(value).count(b'"'):
        _look_closely(body)
    return value


def _is_deep(body: bytes) -> bool:
    """Whether more layers than allowed are left when brackets are taken off from the innermost outwards.

    On the bytes of what is JSON, because a walk over a megabyte of brackets takes a second.
    """
    if b"\\" in body:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    outside = b"".join(body.split(b'"')[::2])  # now each quote mark delimits a string
    brackets = outside.translate(_SQUARE_AS_CURLY, _ALL_BUT_BRACKETS)
    for _ in range(MAX_DEPTH):
        if not brackets:
            return False
        brackets = brackets.replace(b"{}", b"")
    return bool(brackets)


def _advice(body: bytes, position: int) -> str:
    """What may have happened to a body that is not JSON."""
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\x00" in body[:4]:
        return "this looks like UTF-16: save it as UTF-8"
    if body.startswith(codecs.BOM_UTF8):
        return "save it without a byte order mark"
    try:
        rest = body.decode()[position:].lstrip(", \t\r\n")
    except UnicodeDecodeError:
        return "save it as UTF-8"
    if rest.startswith(("//", "/*", "#")):
        return "JSON has no comments: take them out"
    if rest.startswith(("}", "]")):
        return "take the last comma out, or put the value in"
    return "keys and texts stand in double quotes" if rest.startswith("'") else ""


class _Twice(dict[str, Json]):
    """An object that names a key twice, while the rest is still being read."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self.key = key


def _look_closely(body: bytes) -> None:
    if b"\\u0000" in body.replace(b"\\\\", b""):  # C ends a text there, and PostgreSQL keeps none that holds it
        raise BadMessage("The body holds the character U+0000, at which some readers end a text.", hint="take it out")
    doubled = False

    def unique(pairs: list[tuple[str, Json]]) -> JsonObject:
        nonlocal doubled
        members = dict(pairs)
        if len(members) == len(pairs):
            return members
        doubled = True
        return _Twice(_first_again(pairs))

    value = json.loads(body, object_pairs_hook=unique, parse_int=_small_int, parse_constant=_constant)
    for path, found in _objects(value, "$") if doubled else ():
        if isinstance(found, _Twice):
            place = f"{path}.{found.key}"
            text = "The body names the same key twice in one object."
            raise BadMessage(text, hint="keep one of the two", place=place[:_LONGEST_PLACE])


def _first_again(pairs: list[tuple[str, Json]]) -> str:
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            break
        seen.add(key)
    return key


def _objects(value: Json, path: str) -> Iterator[tuple[str, JsonObject]]:
    """Every object with its JSON path."""
    if isinstance(value, dict):
        yield path, value
        for key, inner in value.items():
            yield from _objects(inner, f"{path}.{key}")
    if isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _objects(inner, f"{path}[{place}]")


def _small_int(digits: str) -> int:
    # The length is checked first: converting a million digits takes seconds.
    if len(digits) > len(str(MAX_INTEGER)) + 1 or abs(number := int(digits)) > MAX_INTEGER:
        raise BadMessage(f"The body holds an integer beyond {MAX_INTEGER}; write it as a string.")
    return number


def _constant(word: str) -> NoReturn:
    raise BadMessage(f"The body holds {word}, which is not JSON.")
