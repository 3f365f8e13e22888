"""Trees of segments (IDoc, EDIFACT, X12) to flat records: the segment of the plan's path, with its parents.

Columns of a record, the nearest first: `SEGMENT/FIELD` of the segment, its children, its parents and theirs;
`CHILD[QUALIFIER]/FIELD` where a field of the child says which of several it is. A segment that is there hides the ones
of its name further out whole, so that no row holds half of two. The path's own siblings are rows, and no columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

from connector.mapping.records import Flat
from connector.mapping.source import MAX_COLUMNS, SourceFile, unreadable

MAX_CELLS = 20_000_000
_SHOWN = 10
Cells = dict[str, dict[str, str]]
"""By segment, as columns name it, its cells by column."""


@dataclass(slots=True)
class Segment:
    """A segment: its name, its line (or its number in the file), its fields and its child segments.

    `step`: what a path calls it where that is another word, such as a message's type.
    """

    name: str
    line: int
    step: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    children: list[Segment] = field(default_factory=list)

    @property
    def path_name(self) -> str:
        """Its name in a path."""
        return self.step or self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """How columns are named. `qualifiers`: the field by which segments of one name differ.

    `short`: a field is a column by its bare name too, and a qualified one without its qualifier (IDoc). `deep`: a
    child's children are columns too (`N1[ST]/N4/01`).
    """

    qualifiers: Mapping[str, str]
    short: bool = False
    deep: bool = False


class Flattening:
    """Makes the flat records of one file; counts their cells, so that a small file can't become a large table."""

    def __init__(self, file: SourceFile, naming: Naming) -> None:
        self.file = file
        self.naming = naming
        self.cells = 0
        self.names: dict[tuple[str, str], str] = {}

    def below(self, top: Segment, steps: list[str]) -> Iterator[Flat]:
        """One flat record per segment at the path below this one. Raises `Unreadable`."""
        yield from self._below(top, steps, {}, {})

    def _below(self, segment: Segment, steps: list[str], bare: dict[str, str], outer: Cells) -> Iterator[Flat]:
        own: Cells = {segment.name: self._named(segment.name, segment.fields)}
        skip = steps[0] if steps else ""
        for child in segment.children:
            if child.path_name != skip:
                self._child(own, child, "")
        bare = {**segment.fields, **bare, **segment.fields} if self.naming.short else bare
        own = {**own, **outer, **own}
        if len(own) > MAX_COLUMNS:
            raise unreadable(self.file, "too-large", f"More than {MAX_COLUMNS} segments would be columns of one row.")
        if not steps:
            yield segment.line, self._record(bare, own)
            return
        for child in segment.children:
            if child.path_name == skip:
                yield from self._below(child, steps[1:], bare, own)

    def _child(self, into: Cells, child: Segment, prefix: str) -> None:
        """The columns of a child, the first of its name; whole with its own children, where these are columns."""
        qualifier = child.fields.get(self.naming.qualifiers.get(child.name, ""))
        plain = f"{prefix}{child.name}"
        names = [f"{plain}[{qualifier}]"] if qualifier else []
        if not qualifier or self.naming.short:
            names.append(plain)
        for name in names:
            if name in into:
                continue
            into[name] = self._named(name, child.fields)
            if self.naming.deep:
                inner: Cells = {}
                for grandchild in child.children:
                    self._child(inner, grandchild, f"{name}/")
                into[name].update(chain.from_iterable(cells.items() for cells in inner.values()))

    def _record(self, bare: dict[str, str], groups: Cells) -> dict[str, str]:
        cells = dict(bare)
        for group in groups.values():
            cells.update(group)
        self.cells += len(cells)
        if self.cells > MAX_CELLS:
            hint = "split the export; or a segment further out makes fewer rows (`record`)"
            raise unreadable(self.file, "too-large", f"The rows have more than {MAX_CELLS} cells.", hint=hint)
        return cells

    def _named(self, name: str, fields: dict[str, str]) -> dict[str, str]:
        """The cells of a segment by column; a column's name is made once."""
        names = self.names
        return {names.get((name, key)) or self._name(name, key): value for key, value in fields.items()}

    def _name(self, name: str, key: str) -> str:
        made = self.names[name, key] = f"{name}/{key}"
        return made


def count_paths(top: Segment, into: dict[str, int]) -> None:
    """For proposals: count the segments that have fields, by their path."""
    waiting = [(top.path_name, top)]
    while waiting:
        path, segment = waiting.pop()
        if segment.fields:
            into[path] = into.get(path, 0) + 1
        waiting += [(f"{path}/{child.path_name}", child) for child in reversed(segment.children)]


def known(paths: Mapping[str, int]) -> str:
    """Some of these paths, for a hint."""
    return ", ".join(list(paths)[:_SHOWN])
