"""Errors that a workbook's cells hold (`#N/A`, `#REF!`), as the text that people see. Its reader gives them as empty.

XLSX and ODS are told as text before they are read; of XLS, errors are looked up beside it. An error is stored by its
English name, or its number, whatever the spreadsheet's language shows. What it means for a value: `mangled.py`.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
from collections.abc import Iterator

_XLSX_ERROR = re.compile(rb"""t=(?:"e"|'e')""")
"""The type `e` of a cell (ECMA-376 part 1, 18.3.1.4 and 18.18.11). Of millions of cells few have it."""
_XLSX_CELL = re.compile(rb"<(?:\w+:)?c\s(?:[^<>]*\s)?")
_LONGEST_TAG = 512
_ODS_ERROR = re.compile(rb"""<[\w:]*table-cell\s[^<>]*\bcalcext:value-type="error"[^<>]*>""")
"""What LibreOffice adds to a cell whose formula failed; by OpenDocument alone it is an empty text, or 0."""
_ODS_VALUE = re.compile(rb"""\soffice:(?:string-value|value|value-type)="[^"]*\"""")

_BOUND_SHEET, _BOF, _EOF, _FORMULA, _BOOL_ERR = 0x85, 0x809, 0x0A, 0x06, 0x205
_CODES = {0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!", 0x2A: "#N/A"}
"""[MS-XLS], BErr."""
_FIRST_NAMES = frozenset({"Workbook", "Book"})
_LAST = 0xFFFFFFFA
"""Sectors from here on are none ([MS-CFB] 2.1)."""


def as_text(data: bytes) -> bytes:
    """The same zip package, with texts in place of errors."""
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        changed: dict[str, bytes] = {}
        for name in package.namelist():
            found = package.read(name) if name.endswith(".xml") else b""
            told = _told(name, found)
            if told is not found:
                changed[name] = told
        if not changed:
            return data
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as copy:
            for name in package.namelist():
                copy.writestr(name, changed[name] if name in changed else package.read(name))
    return out.getvalue()


def _told(name: str, part: bytes) -> bytes:
    if name == "content.xml":
        return _ODS_ERROR.sub(_ods_text, part) if b'calcext:value-type="error"' in part else part
    return _XLSX_ERROR.sub(_xlsx_text, part) if b't="e"' in part or b"t='e'" in part else part


def _xlsx_text(kind: re.Match[bytes]) -> bytes:
    at = kind.start()
    begin = kind.string.rfind(b"<", max(0, at - _LONGEST_TAG), at)
    return b't="str"' if begin >= 0 and _XLSX_CELL.fullmatch(kind.string, begin, at) else kind[0]


def _ods_text(cell: re.Match[bytes]) -> bytes:
    return _ODS_VALUE.sub(b"", cell[0]).replace(b"table-cell", b'table-cell office:value-type="string"', 1)


def of_old(data: bytes, sheet: int) -> Iterator[tuple[int, int, str]]:
    """Row, column (from 0) and text of each error in a sheet of an XLS workbook ([MS-XLS] 2.4.24, 2.4.127)."""
    try:
        stream = _workbook_stream(data)
        starts = [struct.unpack_from("<I", body)[0] for kind, body in _records(stream, 0) if kind == _BOUND_SHEET]
        for kind, body in _records(stream, starts[sheet]):
            if kind == _BOOL_ERR and body[7]:
                code = body[6]
            elif kind == _FORMULA and body[6] == 2 and body[12:14] == b"\xff\xff":  # noqa: PLR2004  # an error's mark
                code = body[8]
            else:
                continue
            row, column = struct.unpack_from("<HH", body)
            yield row, column, _CODES.get(code, "#N/A")
    except (struct.error, IndexError):
        return  # what is cut off here, the workbook's reader tells


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
