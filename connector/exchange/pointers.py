"""JSON pointers (RFC 6901) into documents that are never changed in place: `put` and `without` give new ones."""

from __future__ import annotations

from collections.abc import Iterable

from connector.model import Json, JsonObject


def put(document: JsonObject, pointer: str, value: Json) -> JsonObject:
    """The document with the value at the pointer, whose place exists already."""
    changed = _changed(document, _parts(pointer), value)
    assert isinstance(changed, dict), "a pointer into an object gives an object"
    return changed


def without(document: JsonObject, pointers: Iterable[str]) -> JsonObject:
    """The document less these places; list members are taken out, and what is empty then goes too."""
    gone = {_parts(pointer) for pointer in pointers}
    if not gone:
        return document
    changed = _thinned(document, (), gone)
    return changed if isinstance(changed, dict) else {}


def _changed(value: Json, path: tuple[str, ...], new: Json) -> Json:
    if not path:
        return new
    if isinstance(value, dict):
        return {**value, path[0]: _changed(value.get(path[0]), path[1:], new)}
    assert isinstance(value, list), "a pointer leads through objects and lists only"
    position = int(path[0])
    return [*value[:position], _changed(value[position], path[1:], new), *value[position + 1 :]]


def _thinned(value: Json, here: tuple[str, ...], gone: set[tuple[str, ...]]) -> Json:
    if not any(path[: len(here)] == here for path in gone):
        return value
    if isinstance(value, dict):
        inner = {name: _thinned(part, (*here, name), gone) for name, part in value.items() if (*here, name) not in gone}
        return {name: part for name, part in inner.items() if part not in ({}, [])}
    if isinstance(value, list):
        kept = [
            _thinned(part, (*here, str(number)), gone)
            for number, part in enumerate(value)
            if (*here, str(number)) not in gone
        ]
        return [part for part in kept if part not in ({}, [])]
    return value


def _parts(pointer: str) -> tuple[str, ...]:
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])
