"""Changes to a plan's text, value by value: everything that is not changed stays as it was, comments too.

A change names its value by a path. Afterwards the text is a plan again, or the change is refused: what was written is
read once more and held against what was wanted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import yaml

from connector.mapping.outline import composed

Path = tuple[str | int, ...]


class NoPlace(LookupError):
    """There is nothing in the plan where the value could be put."""


@dataclass(frozen=True, slots=True)
class Patch:
    """Text that takes the place of a span."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class _Spot:
    """An entry of a mapping or a list: what holds it, its key (a mapping's), its value, its number."""

    holder: yaml.Node
    key: yaml.Node | None
    value: yaml.Node
    number: int


def replaced(root: yaml.Node, path: Path, value: str) -> Patch:
    """Another value at a path of the text that these nodes are of."""
    spot = _spot(root, path)
    if spot.key is not None and _is_block(spot.value):
        return Patch(spot.key.end_mark.index, _end(spot.value), f": {value}")
    return Patch(spot.value.start_mark.index, _end(spot.value), value)


def removed(text: str, path: Path) -> Patch:
    """Nothing at a path any more: the whole entry, with the lines that it stands on or its comma."""
    spot = _spot(composed(text), path)
    first = spot.key or spot.value
    if not _is_block(spot.holder):
        entries = [(key or value, value) for key, value in _entries(spot.holder)]
        if spot.number:
            return Patch(_end(entries[spot.number - 1][1]), _end(spot.value), "")
        after = entries[1][0].start_mark.index if len(entries) > 1 else _end(spot.value)
        return Patch(first.start_mark.index, after, "")
    begin = text.rfind("\n", 0, first.start_mark.index) + 1
    end = text.find("\n", _end(spot.value))
    return Patch(begin, len(text) if end < 0 else end + 1, "")


def added(text: str, path: Path, value: str) -> Patch:
    """A new entry at the end of what holds it. Raises `NoPlace`."""
    holder: yaml.Node = composed(text)
    if len(path) > 1:
        holder = _spot(holder, path[:-1]).value
    name = path[-1]
    entries = _entries(holder) if isinstance(holder, yaml.CollectionNode) else []
    fits = isinstance(holder, yaml.MappingNode if isinstance(name, str) else yaml.SequenceNode)
    if not entries or not fits or (isinstance(name, int) and name != len(entries)):
        raise NoPlace(path)
    written = f"{name}: {value}" if isinstance(name, str) else value
    last = _end(entries[-1][1])
    if not _is_block(holder):
        return Patch(last, last, f", {written}")
    first = entries[0][0] or entries[0][1]
    indent = " " * holder.start_mark.column if isinstance(holder, yaml.SequenceNode) else " " * first.start_mark.column
    line = text.find("\n", last)
    at = len(text) if line < 0 else line
    return Patch(at, at, f"\n{indent}{'- ' if isinstance(name, int) else ''}{written}")


def patched(text: str, patches: Sequence[Patch]) -> str:
    """The text with all patches, from the end to the beginning; they may not overlap."""
    for patch in sorted(patches, key=lambda one: (-one.start, -one.end)):
        text = text[: patch.start] + patch.text + text[patch.end :]
    return text


def _spot(root: yaml.Node, path: Path) -> _Spot:
    node, spot = root, None
    for step in path:
        entries = _entries(node) if isinstance(node, yaml.CollectionNode) else []
        found = next(
            ((number, key, value) for number, (key, value) in enumerate(entries)
             if (key.value == step if key is not None else number == step)), None,
        )  # fmt: skip
        if found is None:
            raise NoPlace(path)
        number, key, value = found
        spot, node = _Spot(node, key, value, number), value
    if spot is None:
        raise NoPlace(path)
    return spot


def _entries(node: yaml.Node) -> list[tuple[yaml.Node | None, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        return list(node.value)
    return [(None, member) for member in node.value]


def _is_block(node: yaml.Node) -> bool:
    return isinstance(node, yaml.CollectionNode) and not node.flow_style


def _end(node: yaml.Node) -> int:
    """Where a value ends; of a block, where its last value does, because its mark lies behind the comments."""
    if _is_block(node) and node.value:
        return _end(_entries(node)[-1][1])
    return int(node.end_mark.index)
