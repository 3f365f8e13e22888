"""How a value finds its cells: frames at run time, scopes when the plan is bound to the columns of its exports.

A frame is one row in its surroundings: the row outside its `each`, the rows that were looked up, and the place in the
document that is being made from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from connector.mapping.mangled import error_in, is_error
from connector.mapping.source import Row
from connector.model import Finding

if TYPE_CHECKING:
    from connector.mapping.exports import Source
    from connector.mapping.shape import Condition

Get = Callable[["Frame"], str]
Test = Callable[["Frame"], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRequest:
    """A place in a document that waits for a record. `publish` finds the record by the identifier.

    `path`: JSON pointer where the UpstreamLink goes (empty: none). `id_path`: JSON pointer where the id of the linked
    record's subject goes (empty: none). `own`: a record of this company, else one received or held.
    """

    path: str
    id_path: str
    record_type: str | None
    scheme: str
    value: str
    issuer: str | None
    own: bool
    optional: bool
    place: Origins = ()


class Draft:
    """What gathers while one document is made: links, the trail of lineage, and findings when blame is sought."""

    __slots__ = ("findings", "links", "trail")

    def __init__(self) -> None:
        self.links: list[LinkRequest] = []
        self.trail: list[tuple[Frame, Template]] = []
        self.findings: list[Finding] = []


class Frame:
    """One row in its surroundings."""

    __slots__ = ("cells", "draft", "looked", "offset", "parent", "prefix", "row")

    def __init__(
        self, row: Row, parent: Frame | None, looked: tuple[Frame | None, ...], prefix: str, draft: Draft
    ) -> None:
        self.cells = row.cells
        self.row = row
        self.parent = parent
        self.looked = looked
        self.prefix = prefix
        self.draft = draft
        self.offset = 0

    def at(self, prefix: str, offset: int = 0) -> Frame:
        """The same row, at another place of the document; behind `offset` members where it fills a list."""
        made = Frame(self.row, self.parent, self.looked, prefix, self.draft)
        made.offset = offset
        return made


@dataclass(frozen=True, slots=True)
class Ref:
    """A column that a value is made from: how to reach its row from a frame; `own`: it is the frame's row itself."""

    column: str
    index: int
    row: Callable[[Frame], Row | None]
    own: bool = False


Template = list[tuple[str, tuple[str, ...], tuple[Ref, ...]]]
"""The values of one scope: pointer and terms behind the frame's prefix, and the columns they are made from."""

Origins = tuple[tuple[Row, str, int], ...]
"""Rows, with column name and index."""


@dataclass(slots=True)
class Scope:
    """The columns that a value may name: of its row, of rows looked up, of the rows outside."""

    name: str
    source: Source
    columns: dict[str, int] | None
    parent: Scope | None = None
    lookups: dict[str, tuple[int, Scope]] = field(default_factory=dict)
    read: dict[str, int] = field(default_factory=dict)
    """The columns of its row that values are made from, and where in the row they are."""


class MissingColumn(Exception):
    """The exports do not have this column."""

    def __init__(self, scope: Scope, column: str) -> None:
        self.scope = scope
        self.column = column
        super().__init__(column)


class NoOuterRow(Exception):
    """The plan goes out of more `each` blocks than there are."""


def resolve(name: str, scope: Scope) -> tuple[Get, tuple[Ref, ...], Scope]:
    """How to get a column's cell, where it comes from, and the scope (with the source) that it belongs to."""
    levels = 0
    while name.startswith(".."):
        if scope.parent is None:
            raise NoOuterRow(name)
        name, scope, levels = name[2:], scope.parent, levels + 1
    head, dot, tail = name.partition(".")
    if dot and head in scope.lookups:
        slot, inner = scope.lookups[head]
        index = _index(tail, inner)
        return _looked(levels, slot, index), (Ref(tail, index, _looked_row(levels, slot)),), inner
    index = _index(name, scope)
    return _cell(levels, index), (Ref(name, index, _row(levels), own=not levels and index >= 0),), scope


def _index(column: str, scope: Scope) -> int:
    if scope.columns is None:
        return 0
    found = scope.columns.get(column)
    if found is not None:
        return found
    if column in scope.source.optional:
        return -1
    raise MissingColumn(scope, column)


def _out(frame: Frame, levels: int) -> Frame:
    for _ in range(levels):
        assert frame.parent is not None
        frame = frame.parent
    return frame


def _cell(levels: int, index: int) -> Get:
    if index < 0:
        return lambda _: ""
    if levels == 0:
        return lambda frame: frame.cells[index]
    return lambda frame: _out(frame, levels).cells[index]


def _row(levels: int) -> Callable[[Frame], Row | None]:
    if levels == 0:
        return lambda frame: frame.row
    return lambda frame: _out(frame, levels).row


def _looked(levels: int, slot: int, index: int) -> Get:
    if index < 0:
        return lambda _: ""

    def get(frame: Frame) -> str:
        found = _out(frame, levels).looked[slot]
        return "" if found is None else found.cells[index]

    return get


def _looked_row(levels: int, slot: int) -> Callable[[Frame], Row | None]:
    def row(frame: Frame) -> Row | None:
        found = _out(frame, levels).looked[slot]
        return None if found is None else found.row

    return row


def test_of(condition: Condition, column: Get, source: Source) -> Test:
    """Whether a row is as the condition says. Of a cell with an error nobody can say that: `Unfit`."""
    get = (
        _legible(column, frozenset((*(condition.in_ or ()), *(condition.not_in or ())))) if source.is_listed else column
    )
    if condition.present is not None:
        wanted = condition.present
        return lambda frame: bool(get(frame)) is wanted
    listed = frozenset(condition.in_ if condition.in_ is not None else condition.not_in or ())
    if condition.in_ is not None:
        return lambda frame: get(frame) in listed
    return lambda frame: get(frame) not in listed


def _legible(get: Get, expected: frozenset[str]) -> Get:
    def read(frame: Frame) -> str:
        text = get(frame)
        if is_error(text) and text not in expected:
            raise error_in(text)
        return text

    return read


def origins(refs: tuple[Ref, ...], frame: Frame) -> Origins:
    """The cells behind a value."""
    found = []
    for ref in refs:
        row = ref.row(frame)
        if row is not None and ref.index >= 0:
            row, index = row.traced(ref.index)
            found.append((row, ref.column, index))
    return tuple(found)
