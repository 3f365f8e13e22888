"""Rows of one key that are one document (`group: true`): where a later row says otherwise than the first, which counts.

A value outside every `each` is taken from the first row of its key. That is right for what a delivery's items repeat,
and loses an amount where two rows of one lot have one each. So it is told, once per column; nothing is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from connector.mapping.blame import place_of
from connector.mapping.lineage import Lineage
from connector.mapping.source import Row
from connector.model import Finding, counted

_HINT = "add them up (`sum`), list them (`each`), or choose a `key` that each row has for itself, without `group`"


@dataclass(slots=True)
class _Told:
    first: Row
    later: Row
    index: int
    rows: int = 1


@dataclass(slots=True)
class Repeats:
    """The keys of a run, and what later rows of them said otherwise."""

    firsts: dict[str, tuple[Row, frozenset[tuple[str, int]]] | None] = field(default_factory=dict)
    """Key -> its first row, and the columns that plain values are made from; None: the row made no document."""
    told: dict[str, _Told] = field(default_factory=dict)

    def first(self, key: str, row: Row, lineage: Lineage | None) -> None:
        """The row that makes the key's document."""
        self.firsts[key] = None if lineage is None else (row, lineage.plain())

    def later(self, key: str, row: Row) -> None:
        """A further row of the key. An empty cell says nothing."""
        kept = self.firsts[key]
        first, columns = kept or (row, frozenset())
        for column, index in columns:
            if row.cells[index] and row.cells[index] != first.cells[index]:
                if column in self.told:
                    self.told[column].rows += 1
                else:
                    self.told[column] = _Told(first, row, index)

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
        return found
