"""What a workbook keeps out of sight: sheets, and rows and columns of the sheet that is read.

A number counts the sheets that a person sees. Hidden rows and columns are data and are read, which is told once: a
filter left on, or a hidden row of technical names, explains a table that nobody understands.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from posixpath import normpath
from typing import Final, NamedTuple, TypeAlias

from python_calamine import SheetMetadata, SheetTypeEnum, SheetVisibleEnum

from connector.mapping.blame import letters
from connector.mapping.cell_errors import TORN, book_records, stale, stale_old
from connector.mapping.source import Grid
from connector.model import Finding, counted

_ROW, _COLUMNS = 0x208, 0x7D
"""[MS-XLS] 2.4.221 (its fDyZero is 0x20 of the octet at 12), 2.4.53 (fHidden: 1 of the one at 8)."""
_XLSX_HIDDEN = re.compile(rb"""<(?:\w+:)?(row|col)\s([^<>]*\bhidden=["'](?:1|true)["'][^<>]*)>""")
_XLSX_PLACE = re.compile(rb"""\b(?:r|min|max)=["']([0-9]{1,7})["']""")
_XLSX_SHEET = re.compile(rb"""<(?:\w+:)?sheet\s[^<>]*\w:id=["']([^"']*)["']""")
_XLSX_VALUE = re.compile(rb"</(?:\w+:)?f>\s*<(?:\w+:)?v>[^<]")
_XLSX_ZERO = re.compile(rb"</(?:\w+:)?f>\s*<(?:\w+:)?v>0\.0<")
"""What Apache POI writes for a formula that it has not calculated, and for one that gave 0; spreadsheets say `0`."""
_ODS_TABLE = re.compile(rb"<table:table\s[^<>]*>")
_ODS_PART = re.compile(rb"<table:table-(row|column)(\s[^<>]*?)?/?>")
_ODS_REPEATED = re.compile(rb'\btable:number-(?:rows|columns)-repeated="([0-9]{1,7})"')
_ODS_HIDDEN = re.compile(rb'\btable:visibility="(?:collapse|filter)"')
_SHOWN: Final = 5
Area: TypeAlias = tuple[tuple[int, int], tuple[int, int]]
"""Row and column of the first and of the last cell, from 0."""


class NoSheet(Exception):
    """The workbook has no sheet of this name or number."""


class Lines(NamedTuple):
    """Rows or columns of a sheet, from 0: the first one and the one behind the last."""

    kind: str
    first: int
    end: int


def chosen(sheets: Sequence[SheetMetadata], wanted: str) -> tuple[str, list[Finding]]:
    """The sheet of this name or number, and what to say where a number chose one of several. Raises `NoSheet`."""
    seen = [one.name for one in sheets if (one.typ, one.visible) == (SheetTypeEnum.WorkSheet, SheetVisibleEnum.Visible)]
    number = int(wanted) if wanted.isdecimal() else 0
    if not 0 < number <= len(seen):
        if wanted not in {one.name for one in sheets}:
            raise NoSheet(wanted)
        return wanted, []
    name = seen[number - 1]
    others = [one for one in listed(sheets) if not one.startswith(f"`{name}`")]
    if not others:
        return name, []
    message = f"the sheet `{name}` is read; there are others too: {', '.join(others)}"
    return name, [Finding(code="sheet-chosen", message=message, hint=f"if it is the right one, say `sheet: {name}`")]


def listed(sheets: Sequence[SheetMetadata]) -> list[str]:
    """Their names, for a person; at most ten."""
    return [f"`{one.name}`{'' if one.visible == SheetVisibleEnum.Visible else ' (hidden)'}" for one in sheets[:10]]


def unseen(data: bytes, index: int, grid: Grid, *, old: bool) -> list[Finding]:
    """What is to be told of the sheet with this index, whose cells are these."""
    if old:
        cells = [f"{letters(column)}{row + 1}" for row, column in stale_old(data, index)]
        empty = f"has formulas that are all 0 or empty ({_some(cells)}), as programs write that calculate none"
        return [*_told(_of_old(data, index), grid), *([_not_calculated(empty)] if cells else [])]
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        if "content.xml" in package.namelist():
            return _told(_of_ods(package.read("content.xml"), index), grid)
        sheet = _xlsx_part(package, index)
        found = _told(_of_xlsx(sheet), grid)
        if stale(package) and _XLSX_VALUE.search(sheet):
            found.append(_not_calculated("asks to be calculated when it is opened; its formulas have values of before"))
        elif b">0.0<" in sheet and _XLSX_ZERO.search(sheet):
            found.append(_not_calculated("has formulas with the value 0.0, as programs write that calculate none"))
        return found


def _not_calculated(what: str) -> Finding:
    hint = "open the file in a spreadsheet and save it there, if cells with formulas are read"
    return Finding(code="not-calculated", message=f"the workbook {what}", hint=hint)


def merged(ranges: Iterable[Area] | None, grid: Grid) -> list[Finding]:
    """What is to be told of cells that are merged over rows, below the headers: where the first number stands."""
    begin = next((at for at, row in enumerate(grid) if any(cell[:1].isdecimal() for cell in row)), 0)
    over = [
        f"{letters(left)}{top + 1}:{letters(right)}{bottom + 1}"
        for (top, left), (bottom, right) in ranges or ()
        if begin <= top < min(bottom, len(grid)) and grid[top][left : left + 1] > ("",)
    ]
    if not over:
        return []
    message = f"cells are merged over rows ({_some(over)}): the upper row of each has the value, the others are empty"
    hint = "what holds for all of them (a day, a site) is filled by `fill_down: [COLUMN]`; an amount counts once"
    return [Finding(code="merged-cells", message=message, hint=hint)]


def _told(hidden: Iterable[Lines], grid: Grid) -> list[Finding]:
    """One sentence for rows and columns with anything in them."""
    rows, columns = set[int](), set[int]()
    for kind, first, end in hidden:
        if kind == "row":
            rows.update(at for at in range(first, min(end, len(grid))) if any(grid[at]))
        else:
            columns.update(range(first, min(end, len(grid[0]) if grid else 0)))
    columns = {at for at in columns if any(row[at] for row in grid)}
    said = []
    if rows:
        said.append(f"{counted(len(rows), 'row')} ({_some(str(at + 1) for at in sorted(rows))})")
    if columns:
        said.append(f"{counted(len(columns), 'column')} ({_some(letters(at) for at in sorted(columns))})")
    if not said:
        return []
    message = f"the sheet hides {' and '.join(said)}, read like the others"
    hint = "is a filter left on? Rows that do not count: delete them, or say so in the plan (`where`, `skip`)"
    return [Finding(code="hidden-cells", message=message, hint=hint)]


def _some(names: Iterable[str]) -> str:
    every = list(names)
    return ", ".join(every[:_SHOWN]) + (" ..." if len(every) > _SHOWN else "")


def _xlsx_part(package: zipfile.ZipFile, index: int) -> bytes:
    """The part of a sheet, by its relation (ECMA-376 part 1, 18.2.19); nothing where the workbook does not say it."""
    names = frozenset(package.namelist())
    relations = "xl/_rels/workbook.xml.rels"
    sheets = _XLSX_SHEET.findall(package.read("xl/workbook.xml"))
    if relations not in names or index >= len(sheets):
        return b""
    for relation in re.findall(rb"<(?:\w+:)?Relationship\s[^<>]*>", package.read(relations)):
        said = dict(re.findall(rb"""\b(Id|Target)=["']([^"']*)["']""", relation))
        if said.get(b"Id") == sheets[index]:
            target = said.get(b"Target", b"").decode("utf-8", "replace")
            name = target[1:] if target.startswith("/") else normpath(f"xl/{target}")
            return package.read(name) if name in names else b""
    return b""


def _of_xlsx(sheet: bytes) -> Iterator[Lines]:
    for hidden in _XLSX_HIDDEN.finditer(sheet) if b"hidden=" in sheet else ():
        places = [int(number) for number in _XLSX_PLACE.findall(hidden[2])]
        if places:
            yield Lines(hidden[1].decode(), min(places) - 1, max(places))


def _of_ods(content: bytes, index: int) -> Iterator[Lines]:
    """OpenDocument 1.3, part 3, 19.749 (table:visibility)."""
    if b"table:visibility=" not in content:
        return
    tables = [table.end() for table in _ODS_TABLE.finditer(content)]
    begin, end = (*tables, len(content), len(content))[index : index + 2]
    at = {b"row": 0, b"column": 0}
    for part in _ODS_PART.finditer(content, begin, end):
        said = part[2] or b""
        repeated = _ODS_REPEATED.search(said)
        first = at[part[1]]
        at[part[1]] += int(repeated[1]) if repeated else 1
        if _ODS_HIDDEN.search(said):
            yield Lines("row" if part[1] == b"row" else "col", first, at[part[1]])


def _of_old(data: bytes, index: int) -> Iterator[Lines]:
    with suppress(*TORN):
        for kind, body in book_records(data, index):
            if kind == _ROW and body[12] & 0x20:
                row = struct.unpack_from("<H", body)[0]
                yield Lines("row", row, row + 1)
            elif kind == _COLUMNS and body[8] & 1:
                first, last = struct.unpack_from("<HH", body)
                yield Lines("col", first, last + 1)
