"""Workbooks to a grid of cells: XLSX (ECMA-376), ODS (OpenDocument), XLS. A zip's directory is checked beforehand.

Cells keep what the file says: text is text; numbers, dates and truth values are marked. Formulas give their stored
value, which may be an error (`cell_errors.py`). The reader runs in this process; `peers/files.py` runs it in a child
that can be killed.
"""

from __future__ import annotations

import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta

from python_calamine import CalamineError, CalamineWorkbook, PasswordError, WorksheetNotFound

from connector.mapping import cell_errors
from connector.mapping.hidden import NoSheet, chosen, listed, merged, unseen
from connector.mapping.numerals import plain
from connector.mapping.percents import MARK, cell_of
from connector.mapping.source import DateCell, NumberCell, SourceFile, Unreadable, content, unreadable
from connector.mapping.unfit import Unfit
from connector.model import Place

MAX_ENTRIES = 2_000
MAX_UNPACKED = 1 << 28
MAX_ENTRY_RATIO = 200
MAX_SHEETS = 256
MAX_CELLS = 20_000_000
_ENCRYPTED = 0x1
_DIGITS = 15
_DIMENSION = re.compile(rb'<dimension ref="[A-Z]{1,3}[0-9]{1,7}:([A-Z]{1,3})([0-9]{1,7})"')
_OLE = b"\xd0\xcf\x11\xe0"
_PARTS = {"xl/workbook.xml": "XLSX", "content.xml": "ODS"}
"""The part by which a zip archive is a workbook."""
_TORN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, NotImplementedError)
"""What parts raise that cannot be unpacked; `OSError` is bzip2's."""
_STREAMS = tuple(name.encode("utf-16-le") for name in ("Workbook", "Book"))
_LOCKED_STREAM = "EncryptedPackage".encode("utf-16-le")
_MANIFEST, _MANIFEST_LOCK = "META-INF/manifest.xml", b"encryption-data"


def is_workbook(data: bytes) -> bool:
    """Whether these bytes begin as a workbook does."""
    return data.startswith((b"PK\x03\x04", _OLE))


def lines(file: SourceFile) -> Iterator[tuple[int, list[str]]]:
    """Row number and cells of a sheet that was read."""
    if file.broken is not None:
        raise Unreadable(file.broken)
    for line, cells in enumerate(file.grid or (), start=1):
        yield line, list(cells)


def opened(file: SourceFile, sheet: str) -> SourceFile:
    """The file with all cells of a sheet, and what is to be told of it. Raises `Unreadable`."""
    data = content(file)
    check_package(file, data)
    try:
        return _opened(file, data, sheet)
    except PasswordError as error:
        raise unreadable(file, "encrypted-file", "The workbook has a password.", hint="save it without") from error
    except NoSheet as error:
        names = ", ".join(listed(CalamineWorkbook.from_filelike(io.BytesIO(data)).sheets_metadata))
        hint = f"there are: {names}; a number counts those that are not hidden"
        raise unreadable(file, "no-sheet", f"There is no sheet `{sheet}`.", hint=hint) from error
    except WorksheetNotFound as error:
        raise _damaged(file, f"it lists the sheet `{error}`, which is not in it") from error
    except (CalamineError, *_TORN) as error:
        raise _damaged(file, str(error)) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # what the reader's own bugs are; it has no name to import
            raise
        raise _damaged(file, "its reader gives up") from error


def _opened(file: SourceFile, data: bytes, sheet: str) -> SourceFile:
    old = data[:4] == _OLE
    book = CalamineWorkbook.from_filelike(io.BytesIO(data if old else cell_errors.as_text(data)))
    if len(book.sheet_names) > MAX_SHEETS:
        raise unreadable(file, "too-large", f"The workbook has more than {MAX_SHEETS} sheets.")
    name, remarks = chosen(book.sheets_metadata, sheet)
    found, index = book.get_sheet_by_name(name), book.sheet_names.index(name)
    if found.total_height * found.total_width > MAX_CELLS:
        raise unreadable(file, "too-large", f"The sheet spans more than {MAX_CELLS} cells.")
    rows = found.to_python(skip_empty_area=False)
    for row, column, text in cell_errors.of_old(data, index) if old else ():
        if row < len(rows) and column < len(rows[row]):
            rows[row][column] = text
    for row, column in cell_errors.percents_of_old(data, index) if old else ():
        if row < len(rows) and column < len(rows[row]) and isinstance(rows[row][column], float | int):
            rows[row][column] = f"{MARK}{rows[row][column]}"
    grid = tuple(tuple(_cell(value) for value in row) for row in rows)
    remarks += [*unseen(data, index, grid, old=old), *merged(found.merged_cell_ranges, grid)]
    place = Place(source=file.name, sheet=name)
    return replace(file, grid=grid, sheet=name, remarks=tuple(replace(one, place=place) for one in remarks))


def _damaged(file: SourceFile, why: str) -> Unreadable:
    hint = "save it again, without a password"
    return unreadable(file, "damaged-file", f"The workbook cannot be read: {why}.", hint=hint)


def _cell(value: object) -> str:
    if type(value) is str:  # by their types, which is quicker than to ask
        return cell_of(value) if value[:1] == MARK else value.strip()
    if type(value) is float or type(value) is int:
        return _number(repr(value))
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime):
        midnight = value.time() == time()
        return DateCell(value.date().isoformat() if midnight else value.isoformat())
    if isinstance(value, date | time):
        return DateCell(value.isoformat())
    if isinstance(value, timedelta):
        return DateCell(str(value))
    return str(value)


def _number(text: str) -> str:
    """A stored number as a spreadsheet shows it at most: of a fraction fifteen digits count. The rest is noise of
    binary calculation: 0.1 + 0.2 is stored as 0.30000000000000004. One that is beyond all measure is a text, which no
    rule takes for a number: Excel's greatest one stands in cells that nothing reads.
    """
    if "e" in text or "n" in text or text == "-0.0":
        try:
            return NumberCell(plain(text))
        except Unfit:
            return text
    if text.endswith(".0"):
        return NumberCell(text[:-2])
    return NumberCell(text if len(text) <= _DIGITS or "." not in text else plain(f"{float(text):.15g}"))


def check_package(file: SourceFile, data: bytes) -> None:
    """Refuse, by the zip directory alone, what would unpack to too much or to somewhere else."""
    if data[:4] == _OLE:
        _check_old(file, data)
        return
    try:
        entries = zipfile.ZipFile(io.BytesIO(data)).infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise unreadable(
            file, "truncated-file", "The workbook is damaged or ends too early.", hint="copy or save it again"
        ) from error
    names = [entry.filename for entry in entries]
    if len(names) != len(set(names)) or any(_escapes(name) for name in names):
        raise unreadable(file, "damaged-file", "The workbook's directory has double names or paths that lead outside.")
    if any(entry.flag_bits & _ENCRYPTED for entry in entries):
        raise unreadable(file, "encrypted-file", "The workbook is encrypted.", hint="save it without a password")
    packed = sum(entry.compress_size for entry in entries)
    unpacked = sum(entry.file_size for entry in entries)
    bomb = any(
        entry.file_size > (1 << 20) and entry.file_size > entry.compress_size * MAX_ENTRY_RATIO for entry in entries
    )
    if len(entries) > MAX_ENTRIES or unpacked > MAX_UNPACKED or packed > len(data) or bomb:
        raise unreadable(
            file,
            "too-large",
            f"The workbook's {len(entries)} parts unpack to {unpacked} bytes.",
            hint="split the export",
        )
    if not _PARTS.keys() & set(names):
        raise unreadable(file, "not-a-workbook", "The file is a zip archive but no workbook (XLSX or ODS).")
    _check_parts(file, data, names)


def _check_old(file: SourceFile, data: bytes) -> None:
    """A compound file is an XLS workbook, a locked XLSX, or something else altogether ([MS-CFB]). It packs nothing."""
    if _LOCKED_STREAM in data:
        raise unreadable(file, "encrypted-file", "The workbook has a password.", hint="save it without")
    if not any(stream in data for stream in _STREAMS):
        raise unreadable(
            file, "not-a-workbook", "The file is of the kind that old office programs write, and no workbook.",
            hint="was it cut off, or is it another document?",
        )  # fmt: skip


def _check_parts(file: SourceFile, data: bytes, names: list[str]) -> None:
    """Look at the beginning of each XML part: no DOCTYPE, and no sheet that says it spans the whole grid."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            for name in names:
                if not name.endswith((".xml", ".rels")):
                    continue
                with package.open(name) as part:
                    begin = part.read(4096)
                if name == _MANIFEST and _MANIFEST_LOCK in begin:
                    raise unreadable(file, "encrypted-file", "The workbook has a password.", hint="save it without")
                if b"<!DOCTYPE" in begin:
                    raise unreadable(file, "xml-doctype-forbidden", f"The part {name} has a DOCTYPE.")
                found = _DIMENSION.search(begin)
                if found and _column_number(found[1]) * int(found[2]) > MAX_CELLS:
                    far = (found[1] + found[2]).decode()
                    raise unreadable(
                        file, "too-large", f"The sheet in {name} says it reaches to cell {far}.",
                        hint="delete the empty rows and columns behind the data",
                    )  # fmt: skip
    except (*_TORN, ValueError) as error:  # `ValueError`: a part that would stand before the file
        raise unreadable(file, "damaged-file", f"The workbook is damaged: {error}.", hint="save it again") from error


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _escapes(name: str) -> bool:
    return name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/") or ":" in name
