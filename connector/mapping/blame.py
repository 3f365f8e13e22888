"""Findings for people: where the cell stands, what is wrong, what to do; and the same finding on many rows as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches

from connector.mapping.columns import MissingColumn, Origins
from connector.mapping.exports import Query
from connector.mapping.mangled import is_error, mend
from connector.mapping.source import Row
from connector.mapping.unfit import Unfit
from connector.model import Finding, Place

ALIKE = 20
"""More findings than these on one column, of one code, become one."""


def letters(index: int) -> str:
    """A workbook's letters of a column, counted from 0."""
    out = ""
    number = index + 1
    while number:
        number, rest = divmod(number - 1, 26)
        out = chr(65 + rest) + out
    return out


def place_of(row: Row, column: str = "", index: int = -1) -> Place:
    """Where a cell stands."""
    origin = row.origin
    value, line = (row.cells[index], row.line_of(index)) if index >= 0 else ("", row.line)
    return Place(
        source=origin.file, sheet=origin.sheet, record=row.record, line=line, column=column, value=str(value),
        unit=origin.unit,
    )  # fmt: skip


def finding(unfit: Unfit, cells: Origins, row: Row, term: str) -> Finding:
    """What does not fit, at the cell that is to blame: the first one whose text the message names, else the first."""
    message = unfit.message
    named = [cell for cell in cells if cell[0].cells[cell[2]] and f"`{cell[0].cells[cell[2]]}`" in message]
    first = cells[-1:] if unfit.code == "bad-dimension" else cells[:1]  # the unit stands behind the number
    blamed = named[:1] or list(first)
    if not blamed:
        return Finding(code=unfit.code, message=message, hint=unfit.hint, term=term, place=place_of(row))
    source, column, index = blamed[0]
    position = source.position(index)
    if position is not None:
        message = f"Segment {position.segment}, character {position.offset + 1}: {message}"
    elif source.origin.sheet:
        message = f"Cell {letters(index)}{source.line}: {message}"
    text = source.cells[index]
    hint = mend(text) if is_error(text) else unfit.hint
    if source.origin.unit == "row" != row.origin.unit:  # what SQL made of a row that it names
        hint = "; ".join(part for part in (hint, f"made from {row.origin.file}, {row.origin.unit} {row.line}") if part)
    return Finding(code=unfit.code, message=message, hint=hint, term=term, place=place_of(source, column, index))


def missing_columns(missing: Sequence[MissingColumn], files: dict[str, str]) -> list[Finding]:
    """One finding per source whose header does not have what the plan names."""
    wanted: dict[str, list[str]] = {}
    known: dict[str, list[str]] = {}
    made = {each.scope.name for each in missing if isinstance(each.scope.source, Query)}
    for each in missing:
        columns = wanted.setdefault(each.scope.name, [])
        known[each.scope.name] = list(each.scope.columns or {})
        if each.column not in columns:
            columns.append(each.column)
    return [
        _header(name, columns, known[name], files.get(name, ""), made=name in made) for name, columns in wanted.items()
    ]


def _header(name: str, columns: list[str], known: list[str], file: str, *, made: bool) -> Finding:
    pairs = []
    for column in columns:
        near = get_close_matches(column, known, n=1)
        pairs.append(f"`{column}`" + (f" (is it `{near[0]}`?)" if near else ""))
    above = (
        ""
        if made or any("is it" in one for one in pairs)
        else f"; below lines of another kind: `skip_until: {columns[0]}`"
    )
    more = f" and {len(known) - 30} more" if len(known) > 30 else ""  # noqa: PLR2004  # what a person reads
    return Finding(
        code="column-missing",
        message=f"The source `{name}` has no column {', '.join(pairs)}.",
        hint=f"its columns are: {', '.join(known[:30])}{more}{above}; `optional` names columns that may be missing",
        place=Place(source=file, line=0, column=columns[0]),
    )


def merged(findings: Sequence[Finding]) -> list[Finding]:
    """One finding per cell and reason, naming all the terms that are made from the cell."""
    found: dict[tuple[str, str, Place], Finding] = {}
    for each in findings:
        key = (each.code, each.message, each.place)
        known = found[key].term.split(", ") if key in found else []
        found[key] = replace(each, term=", ".join(dict.fromkeys([*known, each.term])))
    return list(found.values())


def grouped(findings: Sequence[Finding]) -> list[Finding]:
    """The findings in order of rows; more than a few alike become one that counts them."""
    groups: dict[tuple[str, str, str, str, str], list[Finding]] = {}
    for each in dict.fromkeys(findings):
        place = each.place
        groups.setdefault((place.source, place.sheet, place.column, each.code, each.term), []).append(each)
    out: list[Finding] = []
    for alike in groups.values():
        out.extend(alike if len(alike) <= ALIKE else [_one(alike)])
    return sorted(out, key=lambda each: (each.place.source, each.place.sheet, each.place.line, each.place.column))


def _one(alike: list[Finding]) -> Finding:
    hints: dict[str, int] = {}
    for each in alike:
        hints[each.hint] = hints.get(each.hint, 0) + 1
    hint, first = max(hints, key=lambda text: hints[text]), alike[0]
    lines = ", ".join(str(each.place.line) for each in alike[:5])
    column = f"{first.place.column}: " if first.place.column else ""
    message = f"{column}{len(alike):,} rows, in {first.place.unit}s {lines} and on. The first: {first.message}"
    return replace(first, message=message, hint=hint)
