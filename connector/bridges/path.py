"""Where a value stands in another data model: names set apart by dots, as the matches table writes them.

    a.b            a value in an object
    a[]            each item of a list
    a[0].b         in the first item
    a[kind=x].b    in the item whose `kind` is `x`; it is made when it is not there

Values go in by `put` and are found by `get`; nothing here knows what they mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from connector.errors import BadInput
from connector.model import Json, JsonObject

_STEP = re.compile(r"([^.\[\]=]+)(?:\[(?:(\d+)|([^=\[\]]+)=([^\[\]]+))?\])?(?:\.|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One name, and which item of its list: every one (`each`), one by number, or the one that `where` tells."""

    name: str
    each: bool = False
    number: int | None = None
    where: tuple[str, str] | None = None


Path: TypeAlias = tuple[Step, ...]


def parse(text: str) -> Path:
    """The steps of a path. `BadInput`: it is not written as above."""
    steps, at = [], 0
    while at < len(text):
        found = _STEP.match(text, at)
        if found is None:
            raise BadInput(
                f"{text!r} is no path", hint="names set apart by dots; lists as name[], name[0], name[key=x]"
            )
        name, number, key, value = found.groups()
        steps.append(
            Step(
                name=name, each="[]" in found[0], number=int(number) if number else None,
                where=(key, value) if key else None,
            )
        )  # fmt: skip
        at = found.end()
    return tuple(steps)


def put(root: JsonObject, path: Path, value: Json) -> None:
    """Set a value, making what is on the way. A last step of `each` takes the whole list."""
    node = root
    for step in path[:-1]:
        node = _made(node, step)
    last = path[-1]
    if last.number is None and last.where is None:
        node[last.name] = value
        return
    items = _list(node, last.name)
    if last.where is not None:
        raise BadInput(f"{last.name}[{last.where[0]}=...] names an object, so a value can't stand there")
    assert last.number is not None, "a step is one of the four kinds"
    items[last.number :] = [value, *items[last.number + 1 :]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A value, where it stands (with numbers), and the places that were read to find it."""

    value: Json
    place: str
    told: tuple[str, ...]


def get(root: Json, path: Path, at: str = "") -> Found | None:
    """The value at a path, or None where there is none. A last step of `each` gives the whole list."""
    node, place, told = root, at, []
    for step in path:
        if not isinstance(node, dict):
            return None
        node, place = node.get(step.name), f"{place}.{step.name}" if place else step.name
        if step.number is not None or step.where is not None:
            number = _position(node, step)
            if number is None or not isinstance(node, list):
                return None
            node, place = node[number], f"{place}[{number}]"
            if step.where is not None:
                told.append(f"{place}.{step.where[0]}")
    return None if node is None else Found(value=node, place=place, told=tuple(told))


def leaves(node: Json, at: str = "") -> Iterator[str]:
    """Every place of a document that holds a plain value, as a path with numbers."""
    if isinstance(node, dict):
        for name, value in node.items():
            yield from leaves(value, f"{at}.{name}" if at else name)
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from leaves(value, f"{at}[{number}]")
    else:
        yield at


def _made(node: JsonObject, step: Step) -> JsonObject:
    """The object behind a step, made where it is not there."""
    if step.number is None and step.where is None:
        return _object(node.setdefault(step.name, {}), step.name)
    items = _list(node, step.name)
    number = _position(items, step)
    if number is None:
        items.append({step.where[0]: _told(step.where[1])} if step.where else {})
        number = len(items) - 1
    return _object(items[number], step.name)


def _position(items: Json, step: Step) -> int | None:
    """Which item of the list a step means, if it is there."""
    if not isinstance(items, list):
        return None
    if step.where is None:
        return step.number if step.number is not None and step.number < len(items) else None
    key, value = step.where
    return next((at for at, one in enumerate(items) if isinstance(one, dict) and one.get(key) == _told(value)), None)


def _told(value: str) -> Json:
    """What tells an item apart: a number where it is written as one."""
    return int(value) if value.isdecimal() else value


def _object(value: Json, name: str) -> JsonObject:
    if not isinstance(value, dict):
        raise BadInput(f"{name} holds a plain value already, so nothing can stand in it")
    return value


def _list(node: JsonObject, name: str) -> list[Json]:
    value = node.setdefault(name, [])
    if not isinstance(value, list):
        raise BadInput(f"{name} holds a plain value already, so it can't be a list")
    return value
