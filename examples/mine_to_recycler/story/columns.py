"""Columns of an export: heading, the table's column behind it, and how its cells are written.

A column is written `HEADING=key` or `HEADING=key:style`. Styles: `kg` (grams as kilograms), `t` (as tonnes), `day` and
`hour` (the two halves of a moment), `moment`; none: text, or a whole day.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from .tables import Cell, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """How a system writes days, hours and numbers."""

    day: str
    hour: str
    moment: str
    decimal: str
    thousands: str


SAP = Spelling(day="%d.%m.%Y", hour="%H:%M:%S", moment="%d.%m.%Y %H:%M:%S", decimal=",", thousands=".")
GERMAN = Spelling(day="%d.%m.%Y", hour="%H:%M", moment="%d.%m.%Y %H:%M", decimal=",", thousands="")
ISO = Spelling(day="%Y-%m-%d", hour="%H:%M:%S", moment="%Y-%m-%dT%H:%M:%SZ", decimal=".", thousands="")
IDOC = Spelling(day="%Y%m%d", hour="%H%M%S", moment="%Y%m%d%H%M%S", decimal=".", thousands="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column."""

    heading: str
    key: str
    style: str


def columns(specs: Iterable[str], metals: Sequence[str] = ()) -> tuple[Column, ...]:
    """Columns from their written form. One with `{m}` in it stands for one column per metal."""
    result: list[Column] = []
    written = list(specs)
    while written:
        group = [written.pop(0)]
        while "{m}" in group[0] and written and "{m}" in written[0]:
            group.append(written.pop(0))
        for metal in metals if "{m}" in group[0] else ("",):
            result.extend(_column(spec.replace("{m}", metal)) for spec in group)
    return tuple(result)


def _column(spec: str) -> Column:
    heading, _, rest = spec.rpartition("=")
    key, _, style = rest.partition(":")
    return Column(heading=heading, key=key, style=style)


def text(row: Row, column: Column, spelling: Spelling) -> str:
    """A cell as this system writes it; a value that the row does not have is an empty cell."""
    if column.key.startswith("'"):
        return column.key[1:]
    return written(row.get(column.key, ""), column.style, spelling)


def written(cell: Cell, style: str, spelling: Spelling) -> str:
    """A value as this system writes it."""
    if isinstance(cell, datetime):
        forms = {"day": spelling.day, "hour": spelling.hour}
        return cell.strftime(forms.get(style, spelling.moment))
    if isinstance(cell, date):
        return cell.strftime(spelling.moment if style == "moment" else spelling.day)
    if isinstance(cell, int):
        return mass(cell, style, spelling)
    return cell


def mass(grams: int, style: str, spelling: Spelling) -> str:
    """Grams as kilograms or tonnes, with every digit."""
    places = {"kg": 3, "t": 6}[style]
    whole, rest = divmod(abs(grams), 10**places)
    grouped = f"{whole:,}".replace(",", spelling.thousands)
    sign = "-" if grams < 0 else ""
    return f"{sign}{grouped}{spelling.decimal}{rest:0{places}d}"
