"""Rows of one key that are one document (`group: true`): where a later row says otherwise than the first, which counts.

A value outside every `each` is taken from the first row of its key. That is right for what a delivery's items repeat,
and loses an amount where two rows of one lot have one each. So it is told, once per column; nothing is refused. An
amount that is the same again is told too where nothing lists the rows: two deliveries of 500 kg look so, and a lot that
another table has doubled.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from connector.mapping.blame import place_of
from connector.mapping.lineage import Lineage
from connector.mapping.source import Row
from connector.model import Finding, counted

_HINT = "add them up (`sum`), list them (`each`), or choose a `key` that each row has for itself, without `group`"
_AMOUNTS = f"if each row has an amount of its own: {_HINT}"
_SHOWN = 5


@dataclass(slots=True)
class _Told:
    first: Row
    later: Row
    index: int
    rows: int = 1


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
            elif column in self.told:
                self.told[column].rows += 1
            else:
                self.told[column] = _Told(first, row, index)

    def _same(self, column: str, index: int, first: Row, row: Row) -> None:
        again = self.again.setdefault(column, _Again(first, index))
        again.rows += 1
        again.whole += row.cells == first.cells
        if len(again.lines) < _SHOWN:
            again.lines.append(row.line_of(index))

    def doubts(self) -> list[Finding]:
        """One per column, in the export's order."""
        found = []
        for column, told in sorted(self.told.items(), key=lambda one: one[1].index):
            place = place_of(told.later, column, told.index)
            rows = counted(told.rows, "later row of a key says", "later rows of a key say")
            message = (
                f"{rows} otherwise than the first, which alone counts: `{place.value}` in {place.unit} {place.line}"
            )
            message += f", `{told.first.cells[told.index]}` in {place.unit} {told.first.line_of(told.index)}"
            found.append(Finding(code="repeated-key-differs", message=message, hint=_HINT, place=place))
        return [*found, *self._repeated()]

    def _repeated(self) -> Iterator[Finding]:
        for column, again in sorted(self.again.items(), key=lambda one: one[1].index):
            place = place_of(again.first, column, again.index)
            rows = counted(again.rows, "later row of a key gives", "later rows of a key give")
            where = ", ".join(map(str, again.lines)) + (" ..." if again.rows > len(again.lines) else "")
            unit = place.unit if again.rows == 1 else f"{place.unit}s"
            also = f" ({counted(again.whole, 'row is', 'rows are')} the same in every cell)" if again.whole else ""
            message = f"{rows} the amount of the first again, which counts once: {unit} {where}{also}; the first:"
            message += f" `{place.value}` in {place.unit} {place.line}"
            yield Finding(code="repeated-amount", message=message, hint=_AMOUNTS, place=place)
