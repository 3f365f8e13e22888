"""Cells without a value: errors (`#N/A`, `#REF!`), and formulas that no program has calculated. Told as text, because
a workbook's reader gives them as empty.

XLSX and ODS are told anew before they are read; of XLS, errors are looked up beside it. An error is stored by its
English name, or its number, whatever the spreadsheet's language shows. What both mean for a value: `mangled.py`.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
from collections.abc import Collection, Iterator
from contextlib import suppress

from connector.mapping import percents
from connector.mapping.mangled import NOT_CALCULATED

_XLSX_ERROR = re.compile(rb"""t=(?:"e"|'e')""")
"""The type `e` of a cell (ECMA-376 part 1, 18.3.1.4 and 18.18.11). Of millions of cells few have it."""
_XLSX_CELL = re.compile(rb"<(?:\w+:)?c\s(?:[^<>]*\s)?")
_LONGEST_TAG = 512
_XLSX_SHEET = re.compile(rb"<((?:\w+:)?)worksheet[\s>]")
_XLSX_FORMULA = (
    rb"<%(p)bf(?:\s[^<>]*)?(?:/>|>[^<]*</%(p)bf>)\s*"
    rb"(?:(<%(p)bv>0</%(p)bv>)|(<%(p)bv\s*/>|<%(p)bv>\s*</%(p)bv>))?\s*</%(p)bc>"
)
"""A formula and the end of its cell, with 0, an empty value or none (18.3.1.40)."""
_XLSX_TYPE = re.compile(rb"""\st=(?:"\w*"|'\w*')""")
_NEVER = b'calcId="124519"'
"""openpyxl and XlsxWriter calculate nothing, and write this and `fullCalcOnLoad`; the latter writes 0 as the value."""
_ON_LOAD = re.compile(rb"""\bfullCalcOnLoad=["'](?:1|true)["']""")
_BOOK = "xl/workbook.xml"
_BEGIN = 4096
_VALUE = b"<%(p)bv>" + NOT_CALCULATED.encode() + b"</%(p)bv></%(p)bc>"
_ODS_NOTHING = b'table-cell office:value-type="string" office:string-value="' + NOT_CALCULATED.encode() + b'"'
_ODS_ERROR = re.compile(rb"""<[\w:]*?(?:covered-)?table-cell\s[^<>]*\bcalcext:value-type="error"[^<>]*>""")
"""What LibreOffice adds to a cell whose formula failed; by OpenDocument alone it is an empty text, or 0."""
_ODS_FORMULA = re.compile(
    rb"""<[\w:]*?(?:covered-)?table-cell\s(?:[^<>"]|"[^"]*")*?\btable:formula="[^"]*"(?:[^<>"]|"[^"]*")*>"""
)
_ODS_RESULT = re.compile(rb"""\soffice:(?:(?:string-|date-|time-|boolean-)?value=|value-type="string")""")
_ODS_VALUE = re.compile(rb"""\soffice:(?:string-value|value|value-type)="[^"]*\"""")

_BOUND_SHEET, _BOF, _EOF, _FORMULA, _BOOL_ERR = 0x85, 0x809, 0x0A, 0x06, 0x205
_CODES = {0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!", 0x2A: "#N/A"}
"""[MS-XLS], BErr."""
_EMPTY_TEXT, _ON_OPENING = 3, 0x2
_FIRST_NAMES = frozenset({"Workbook", "Book"})
_LAST = 0xFFFFFFFA
"""Sectors from here on are none ([MS-CFB] 2.1)."""
TORN = (struct.error, IndexError)
"""What the reading of an XLS workbook raises that is cut off."""


def as_text(data: bytes) -> bytes:
    """The same zip package, with texts in place of errors and of formulas that were never calculated, and marks before
    numbers that are shown as percent.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        changed: dict[str, bytes] = {}
        zeros, styles = never_calculated(package), percents.styles_of(package)
        for name in package.namelist():
            found = package.read(name) if name.endswith(".xml") else b""
            told = _told(name, found, styles, zeros=zeros)
            if told is not found:
                changed[name] = told
        if not changed:
            return data
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as copy:
            for name in package.namelist():
                copy.writestr(name, changed[name] if name in changed else package.read(name))
    return out.getvalue()


def never_calculated(package: zipfile.ZipFile) -> bool:
    """Whether a program wrote this XLSX workbook that calculates nothing."""
    return _on_load(package) and _NEVER in package.read(_BOOK)


def stale(package: zipfile.ZipFile) -> bool:
    """Whether another program says that the formulas are to be calculated when the workbook is opened (18.2.2)."""
    return _on_load(package) and _NEVER not in package.read(_BOOK)


def _on_load(package: zipfile.ZipFile) -> bool:
    return _BOOK in package.namelist() and _ON_LOAD.search(package.read(_BOOK)) is not None


def _told(name: str, part: bytes, styles: Collection[bytes], *, zeros: bool) -> bytes:
    if name == "content.xml":
        told = _ODS_ERROR.sub(_ods_text, part) if b'calcext:value-type="error"' in part else part
        told = percents.of_ods(told)
        return _ODS_FORMULA.sub(_ods_formula, told) if b"table:formula=" in part else told
    sheet = _XLSX_SHEET.search(part, 0, _BEGIN)
    told = part if sheet is None else percents.of_xlsx(_xlsx_formulas(part, sheet[1], zeros=zeros), sheet[1], styles)
    return _XLSX_ERROR.sub(_xlsx_text, told) if b't="e"' in told or b"t='e'" in told else told


def _xlsx_text(kind: re.Match[bytes]) -> bytes:
    at = kind.start()
    begin = kind.string.rfind(b"<", max(0, at - _LONGEST_TAG), at)
    return b't="str"' if begin >= 0 and _XLSX_CELL.fullmatch(kind.string, begin, at) else kind[0]


def _xlsx_formulas(sheet: bytes, prefix: bytes, *, zeros: bool) -> bytes:
    """A text in place of each formula without a value. An empty text that one gave is a value: `t="str"`, `<v></v>`."""
    out: list[bytes] = []
    done = 0
    for formula in re.finditer(_XLSX_FORMULA % {b"p": re.escape(prefix)}, sheet):
        zero, empty = formula.groups()
        begin = sheet.rfind(b"<" + prefix + b"c", max(0, formula.start() - _LONGEST_TAG), formula.start())
        tag = sheet[begin : formula.start()].rstrip()
        kind = _XLSX_TYPE.search(tag)
        if begin < 0 or tag.count(b"<") != 1 or (zero and not zeros) or (empty and kind and kind[0][-4:-1] == b"str"):
            continue
        out += [sheet[done:begin], _XLSX_TYPE.sub(b"", tag[:-1]), b' t="str">', _VALUE % {b"p": prefix}]
        done = formula.end()
    return b"".join([*out, sheet[done:]]) if out else sheet


def _ods_text(cell: re.Match[bytes]) -> bytes:
    return _ODS_VALUE.sub(b"", cell[0]).replace(b"table-cell", b'table-cell office:value-type="string"', 1)


def _ods_formula(cell: re.Match[bytes]) -> bytes:
    """OpenDocument 1.3, part 3, 19.385: a cell's value is in `office:value` and its like."""
    if _ODS_RESULT.search(cell[0]):
        return cell[0]
    return _ODS_VALUE.sub(b"", cell[0]).replace(b"table-cell", _ODS_NOTHING, 1)


def of_old(data: bytes, sheet: int) -> Iterator[tuple[int, int, str]]:
    """Row, column (from 0) and text of each error in a sheet of an XLS workbook ([MS-XLS] 2.4.24, 2.4.127)."""
    try:
        for kind, body in book_records(data, sheet):
            if kind == _BOOL_ERR and body[7]:
                code = body[6]
            elif kind == _FORMULA and body[6] == 2 and body[12:14] == b"\xff\xff":  # noqa: PLR2004  # an error's mark
                code = body[8]
            else:
                continue
            row, column = struct.unpack_from("<HH", body)
            yield row, column, _CODES.get(code, "#N/A")
    except TORN:
        return  # what is cut off here, the workbook's reader tells


def stale_old(data: bytes, sheet: int) -> list[tuple[int, int]]:
    """The formulas (row, column from 0) in a sheet of an XLS workbook, where none has another value than those give it
    that calculate none.

    Apache POI writes 0 and the flag to calculate it when it is opened, which is LibreOffice's too; xlwt an empty text.
    A cell alone does not tell, since formulas give both ([MS-XLS] 2.4.127, 2.5.133).
    """
    found, values = [], []
    with suppress(*TORN):
        for kind, body in book_records(data, sheet):
            if kind == _FORMULA:
                text, (flags,) = body[12:14] == b"\xff\xff", struct.unpack_from("<H", body, 14)
                values.append(body[6] == _EMPTY_TEXT if text else body[6:14] == bytes(8) and bool(flags & _ON_OPENING))
                found.append(struct.unpack_from("<HH", body))
    return [(row, column) for row, column in found] if all(values) else []


def percents_of_old(data: bytes, sheet: int) -> Iterator[tuple[int, int]]:
    """Row and column (from 0) of each number in a sheet of an XLS workbook that is shown as percent."""
    with suppress(*TORN):
        yield from percents.of_old(_records(_workbook_stream(data), 0), book_records(data, sheet))


def book_records(data: bytes, sheet: int) -> Iterator[tuple[int, bytes]]:
    """The records of a sheet of an XLS workbook: kind, content. Raises one of `TORN`."""
    stream = _workbook_stream(data)
    starts = [struct.unpack_from("<I", body)[0] for kind, body in _records(stream, 0) if kind == _BOUND_SHEET]
    return _records(stream, starts[sheet])


def _records(stream: bytes, position: int) -> Iterator[tuple[int, bytes]]:
    """The records of one substream; those of charts within it are passed over with it."""
    depth = 0
    while position + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, position)
        depth += (kind == _BOF) - (kind == _EOF)
        if depth == 1:
            yield kind, stream[position + 4 : position + 4 + length]
        if depth < 1:
            return
        position += 4 + length


def _workbook_stream(data: bytes) -> bytes:
    """The stream that holds the workbook ([MS-CFB] 2.2 to 2.6). A shorter one is no workbook."""
    size = 1 << struct.unpack_from("<H", data, 30)[0]
    table = _allocation(data, size)
    directory = _chain(data, struct.unpack_from("<I", data, 48)[0], size, table)
    for at in range(0, len(directory), 128):
        length = struct.unpack_from("<H", directory, at + 64)[0]
        if directory[at : at + max(length - 2, 0)].decode("utf-16-le", "replace") in _FIRST_NAMES:
            start, count = struct.unpack_from("<II", directory, at + 116)
            return _chain(data, start, size, table)[:count]
    return b""


def _allocation(data: bytes, size: int) -> list[int]:
    """Which sector follows each. Where its own sectors stand: 109 in the header, the rest in sectors of their own."""
    per_sector = size // 4
    places = list(struct.unpack_from("<109I", data, 76))
    following, count = struct.unpack_from("<II", data, 68)
    for _ in range(min(count, len(data) // size)):
        more = struct.unpack_from(f"<{per_sector}I", data, (following + 1) * size)
        places += more[:-1]
        following = more[-1]
    table: list[int] = []
    for place in places:
        if place < _LAST:
            table += struct.unpack_from(f"<{per_sector}I", data, (place + 1) * size)
    return table


def _chain(data: bytes, sector: int, size: int, table: list[int]) -> bytes:
    parts: list[bytes] = []
    while sector < _LAST and len(parts) <= len(table):  # a ring ends too
        parts.append(data[(sector + 1) * size : (sector + 2) * size])
        sector = table[sector]
    return b"".join(parts)
