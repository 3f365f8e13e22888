"""Strict YAML for plans: everything is text, everything knows its line, nothing is executed or repeated.

A plan is read from YAML's event stream, so that `0010`, `no` and `2026-12-31` stay what was written, and so that
anchors, aliases, tags, duplicate keys, second documents and deep nesting are refused where they stand.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import yaml

from connector.errors import BadPlan

MAX_BYTES = 1 << 20
MAX_DEPTH = 40


class Text(str):
    """A scalar as written, with its line."""

    __slots__ = ("line",)
    line: int


class Block(dict[str, "Tree"]):
    """A mapping, with its line and the line of each key."""

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.key_lines: dict[str, int] = {}


class Items(list["Tree"]):
    """A sequence, with its line."""

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line


_YAML = (
    "what stands side by side begins in one column, moved in by blanks, not tabs (a proposed line loses its `# `, the "
    'blank too); a text with one of %*&!@`:#{}[]," in it stands in "quotes"'
)

Tree: TypeAlias = Text | Block | Items


def text(value: str, line: int) -> Text:
    """A scalar with a line."""
    made = Text(value)
    made.line = line
    return made


def block(entries: dict[str, Tree], line: int) -> Block:
    """A mapping with a line, made from other parts."""
    made = Block(line)
    made.update(entries)
    made.key_lines = dict.fromkeys(entries, line)
    return made


def refuse(message: str, line: int, *, hint: str = "") -> BadPlan:
    """The error for a plan, with its line."""
    return BadPlan(message, hint=hint, place=f"line {line}")


def load(data: bytes) -> Block:
    """The plan's tree. Raises `BadPlan` with the line."""
    if len(data) > MAX_BYTES:
        raise BadPlan(f"The plan is larger than {MAX_BYTES} bytes.")
    try:
        source = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise refuse("The plan is not UTF-8.", line, hint="save it as UTF-8") from error
    try:
        return _document(yaml.parse(source, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        line = int(getattr(error.problem_mark, "line", -1)) + 1
        raise refuse(f"The plan is not YAML: {error.problem}.", line, hint=_YAML) from error
    except yaml.YAMLError as error:
        raise BadPlan(f"The plan is not YAML: {error}.") from error


def _document(events: Iterator[yaml.Event]) -> Block:
    tree: Tree | None = None
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            if tree is not None:
                raise refuse("The plan has a second document.", _line(event))
        elif isinstance(event, yaml.NodeEvent):
            tree = _tree(event, events, 1)
    if not isinstance(tree, Block):
        raise BadPlan("The plan is not a mapping of keys to values.", hint="begin with `mapping: name/1`")
    return tree


def _line(event: yaml.Event) -> int:
    return int(getattr(event.start_mark, "line", -1)) + 1


def _tree(event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Tree:
    line = _line(event)
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
        raise refuse("Anchors and aliases are not allowed in a plan.", line, hint="write the part out")
    tag = getattr(event, "tag", None)
    if tag:
        raise refuse(f"The tag {tag} is not allowed in a plan.", line)
    if depth > MAX_DEPTH:
        raise refuse(f"The plan is nested deeper than {MAX_DEPTH} levels.", line)
    if isinstance(event, yaml.ScalarEvent):
        return text(event.value, line)
    if isinstance(event, yaml.SequenceStartEvent):
        items = Items(line)
        while not isinstance(inner := next(events), yaml.SequenceEndEvent):
            items.append(_tree(inner, events, depth + 1))
        return items
    found = Block(line)
    while not isinstance(inner := next(events), yaml.MappingEndEvent):
        key = _tree(inner, events, depth + 1)
        if not isinstance(key, Text):
            raise refuse("A key must be plain text.", _line(inner))
        if key in found:
            first = found.key_lines[key]
            raise refuse(f"The key `{key}` stands twice.", key.line, hint=f"the first is in line {first}")
        found[str(key)] = _tree(next(events), events, depth + 1)
        found.key_lines[str(key)] = key.line
    return found
