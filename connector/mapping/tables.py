"""From lines of cells to a table: preamble, headers, unit rows, rulers, totals and repeated headers.

List exports are made for eyes; the plan says where the table begins and what in it is no record. Files of one source
follow each other; their columns may stand in another order, but have to be the same ones.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from connector.mapping.exports import Source
from connector.mapping.source import MAX_COLUMNS, Origin, Row, SourceFile, unreadable
from connector.model import Finding, Place, counted

Lines = Iterator[tuple[int, list[str]]]
_RULER = frozenset("-=_+|* ")


@dataclass(frozen=True, slots=True)
class Header:
    """The columns of one file, the row(s) that named them, and the cells of its unit row."""

    columns: tuple[str, ...]
    rows: tuple[list[str], ...]
    units: list[str]


def header_of(source: Source, file: SourceFile, lines: Lines) -> Header:
    """Read up to and with the header. Raises `Unreadable` where it is not found."""
    first = _first_row(source, file, lines)
    rows = [first]
    names = first
    if source.header == 2:  # noqa: PLR2004  # two header rows
        second = _next_row(file, lines)
        rows.append(second)
        names = _joined(first, second)
    if len(names) > MAX_COLUMNS:
        raise unreadable(file, "too-large", f"The header has more than {MAX_COLUMNS} columns.", line=1)
    columns = numbered(names)
    units: list[str] = []
    if source.units_row:
        units = _next_row(file, lines)
        rows.append(units)
        units = (units + [""] * len(columns))[: len(columns)]
        columns += [f"{name}@unit" if name else "" for name in columns]
    return Header(tuple(columns), tuple(rows), units)


def _first_row(source: Source, file: SourceFile, lines: Lines) -> list[str]:
    for _, cells in lines:
        if source.skip_until is None:
            if any(cells) and not _is_ruler(cells):
                return cells
        elif source.skip_until in cells:
            return cells
    sought = f"no row has the cell `{source.skip_until}`" if source.skip_until else "the file has no header row"
    raise unreadable(
        file, "header-missing", f"The table was not found: {sought}.",
        hint="check `skip_until`, `delimiter` and `encoding`", column=source.skip_until or "",
    )  # fmt: skip


def _next_row(file: SourceFile, lines: Lines) -> list[str]:
    for _, cells in lines:
        if not _is_ruler(cells):
            return cells
    raise unreadable(file, "header-missing", "The file ends within its header rows.", hint="check `header`")


def _joined(upper: list[str], lower: list[str]) -> list[str]:
    names, last = [], ""
    for index in range(max(len(upper), len(lower))):
        above = upper[index] if index < len(upper) else ""
        below = lower[index] if index < len(lower) else ""
        last = above or last
        names.append(f"{above or (last if below else '')} {below}".strip())
    return names


def numbered(names: list[str]) -> list[str]:
    """Column names where the second `ME` is `ME#2`; a column without a name keeps none."""
    seen: Counter[str] = Counter()
    out = []
    for name in names:
        flat = " ".join(name.split())
        seen[flat] += 1
        out.append(f"{flat}#{seen[flat]}" if flat and seen[flat] > 1 else flat)
    return out


def _is_ruler(cells: list[str]) -> bool:
    joined = "".join(cells)
    return joined.strip("-=_+|") == "" and "--" in joined


def beginning(words: Sequence[str]) -> Callable[[str], object]:
    """Whether a text begins with one of these, as a word: `Sum` is none of `Sumitomo`, a supplier."""
    marks = [re.escape(word) + (r"(?!\w)" if word[-1:].isalnum() else "") for word in words]
    return re.compile("|".join(marks) if marks else r"(?!)").match


def rows_of(source: Source, origin: Origin, header: Header, lines: Lines, findings: list[Finding]) -> Iterator[Row]:
    """The records under the header, cleaned. A row of another width is a finding, and no record."""
    width = len(header.columns) - len(header.units)
    null, units = frozenset(source.null), header.units
    skips, stops = beginning(source.skip), beginning(source.stop)
    closed = not header.columns[width - 1 : width][0] if width else False
    fill = [header.columns.index(column) for column in source.fill_down if column in header.columns]
    above = [""] * width
    record = 0
    for line, cells in lines:
        first = next(filter(None, cells), "")
        if not first or cells in header.rows or (first[0] in _RULER and _is_ruler(cells)):
            continue
        if source.stop and stops(first):
            return
        if source.skip and skips(first):
            continue
        record += 1
        if len(cells) != width and not _fit(cells, width, closed=closed):
            findings.append(_wrong_width(origin, record, line, len(cells), width))
            continue
        if null:
            cells[:] = ["" if cell in null else cell for cell in cells]
        for index in fill:
            cells[index] = above[index] = cells[index] or above[index]
        if units:
            cells.extend(units)
        yield Row(cells, origin, record, line)


def _fit(cells: list[str], width: int, *, closed: bool) -> bool:
    """Empty cells after the last column are no cells. `closed`: the last one has no name, as behind the closing `|` of
    a list; what stands there comes from a mark within a value, which has moved all cells behind it.
    """
    while len(cells) > width and not cells[-1]:
        cells.pop()
    return len(cells) == width and not (closed and cells[-1])


def _wrong_width(origin: Origin, record: int, line: int, found: int, width: int) -> Finding:
    return Finding(
        code="row-width",
        message=f"The row has {counted(found, 'cell')}, the header {counted(width, 'column')}.",
        hint="a delimiter inside a value, or a file cut off",
        place=Place(source=origin.file, sheet=origin.sheet, record=record, line=line),
    )


def reordered(rows: Iterator[Row], columns: tuple[str, ...], wanted: tuple[str, ...]) -> Iterator[Row]:
    """The same rows with their cells in the order of the first file."""
    order = [columns.index(column) for column in wanted]
    for row in rows:
        cells = row.cells
        row.cells = [cells[index] for index in order]
        yield row
