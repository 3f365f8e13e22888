"""Rows of one key that are one document (`group: true`), or of one value in a list (`distinct`): where a later row says
otherwise than the first, which counts.

A value outside every `each` is taken from the first row of its key. That is right for what a delivery's items repeat,
and loses an amount where two rows of one lot have one each. So it is told, once per column; nothing is refused. An
amount that is the same again is told too where nothing lists the rows: two deliveries of 500 kg look so, and a lot that
another table has doubled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from connector.mapping.blame import place_of
from connector.mapping.columns import Frame, Get
from connector.mapping.lineage import Lineage
from connector.mapping.source import Row
from connector.model import Finding, counted

_HINT = "add them up (`sum`), list them (`each`), or choose a `key` that each row has for itself, without `group`"
_AMOUNTS = f"if each row has an amount of its own: {_HINT}"
_DISTINCT = "if those rows count too, take `distinct` away, or say another column there; else leave out what differs"
_SHOWN = 5


@dataclass(slots=True)
class _Told:
    first: Row
    later: Row
    index: int
    rows: int = 0
    lines: list[int] = field(default_factory=list)

    def add(self, row: Row) -> None:
        self.rows += 1
        if len(self.lines) < _SHOWN:
            self.lines.append(row.line_of(self.index))

    def doubt(self, column: str, key: str, hint: str) -> Finding:
        place = place_of(self.later, column, self.index)
        rows = counted(self.rows, f"later row of {key} says", f"later rows of {key} say")
        message = f"{rows} otherwise than the first, which alone counts: `{place.value}` in {place.unit} {place.line}"
        message += f", `{self.first.cells[self.index]}` in {place.unit} {self.first.line_of(self.index)}"
        if self.rows > 1:
            message += f"; they are {place.unit}s {_some(self.lines, self.rows)}"
        return Finding(code="repeated-key-differs", message=message, hint=hint, place=place)


def _some(lines: list[int], rows: int) -> str:
    return ", ".join(map(str, lines)) + (" ..." if rows > len(lines) else "")


@dataclass(slots=True)
class Distinct:
    """The first row of each value of a column. `read`: the columns that values are made from, bound after this."""

    column: str
    value: Get
    read: Mapping[str, int]
    told: dict[str, _Told] = field(default_factory=dict)
    passed: set[tuple[str, int]] = field(default_factory=set)
    """Columns and rows (which a join keeps) that are told: a row may belong to several documents."""

    def is_first(self, frame: Frame, seen: dict[str, Row]) -> bool:
        """Whether the frame's row is the first of its value. Of another one it is kept what it says otherwise."""
        first, row = seen.setdefault(self.value(frame), frame.row), frame.row
        if first is row:
            return True
        for column, index in self.read.items():
            if row.cells[index] and row.cells[index] != first.cells[index] and (column, id(row)) not in self.passed:
                self.passed.add((column, id(row)))
                self.told.setdefault(column, _Told(first, row, index)).add(row)
        return False

    def doubts(self) -> Iterator[Finding]:
        """One per column. An empty cell says nothing."""
        for column, told in self.told.items():
            yield told.doubt(column, f"one `{self.column}` (`distinct`)", _DISTINCT)


@dataclass(slots=True)
class _Again:
    first: Row
    index: int
    lines: list[int] = field(default_factory=list)
    rows: int = 0
    whole: int = 0
    """So many of the rows are the same in every cell."""


@dataclass(slots=True)
class Repeats:
    """The keys of a run, and what later rows of them said otherwise. `listed`: a join of the plan reads these rows."""

    listed: bool = False
    firsts: dict[str, tuple[Row, frozenset[tuple[str, int]], frozenset[str]] | None] = field(default_factory=dict)
    """Key -> its first row, the columns that plain values are made from, those of amounts among them; None: the row
    made no document."""
    told: dict[str, _Told] = field(default_factory=dict)
    again: dict[str, _Again] = field(default_factory=dict)

    def first(self, key: str, row: Row, lineage: Lineage | None) -> None:
        """The row that makes the key's document."""
        amounts = frozenset[str]() if lineage is None or self.listed else lineage.amounts()
        self.firsts[key] = None if lineage is None else (row, lineage.plain(), amounts)

    def later(self, key: str, row: Row) -> None:
        """A further row of the key. An empty cell says nothing."""
        kept = self.firsts[key]
        first, columns, amounts = kept or (row, frozenset(), frozenset())
        for column, index in columns:
            if not row.cells[index]:
                continue
            if row.cells[index] == first.cells[index]:
                if column in amounts:
                    self._same(column, index, first, row)
            else:
                self.told.setdefault(column, _Told(first, row, index)).add(row)

    def _same(self, column: str, index: int, first: Row, row: Row) -> None:
        again = self.again.setdefault(column, _Again(first, index))
        again.rows += 1
        again.whole += row.cells == first.cells
        if len(again.lines) < _SHOWN:
            again.lines.append(row.line_of(index))

    def doubts(self) -> list[Finding]:
        """One per column, in the export's order."""
        found = sorted(self.told.items(), key=lambda one: one[1].index)
        return [*(told.doubt(column, "a key", _HINT) for column, told in found), *self._repeated()]

    def _repeated(self) -> Iterator[Finding]:
        for column, again in sorted(self.again.items(), key=lambda one: one[1].index):
            place = place_of(again.first, column, again.index)
            rows = counted(again.rows, "later row of a key gives", "later rows of a key give")
            where = _some(again.lines, again.rows)
            unit = place.unit if again.rows == 1 else f"{place.unit}s"
            also = f" ({counted(again.whole, 'row is', 'rows are')} the same in every cell)" if again.whole else ""
            message = f"{rows} the amount of the first again, which counts once: {unit} {where}{also}; the first:"
            message += f" `{place.value}` in {place.unit} {place.line}"
            yield Finding(code="repeated-amount", message=message, hint=_AMOUNTS, place=place)
