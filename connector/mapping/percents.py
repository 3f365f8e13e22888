"""Cells that a workbook shows as percent. It stores 0.223 and shows 22.3 %: the stored number alone is a hundredth.

XLSX and ODS are told anew before they are read, with a mark before such numbers; a cell is then the text that people
see (`22.3%`), which only a percentage (`unit: P1`) takes. Of XLS such cells are looked up beside it.
"""

from __future__ import annotations

import re
import struct
import zipfile
from collections.abc import Collection, Iterable, Iterator
from decimal import Decimal, InvalidOperation
from typing import TypeAlias

from connector.mapping.numerals import spell_decimal
from connector.mapping.source import PercentCell

Records: TypeAlias = Iterable[tuple[int, bytes]]
"""Kinds and contents of the records of an XLS workbook."""
_OLD_FORMULA, _NO_NUMBER = 0x06, b"\xff\xff"
_OLD_FORMAT, _OLD_XF, _OLD_NUMBERS, _OLD_ROW_OF_NUMBERS = 0x41E, 0xE0, frozenset({0x203, 0x27E, _OLD_FORMULA}), 0xBD
MARK = "\ue000"
"""Of the private use area, so that no text of a cell begins with it."""
_STYLES = "xl/styles.xml"
_BUILT_IN = frozenset({b"9", b"10"})
"""`0%` and `0.00%` (ECMA-376 part 1, 18.8.30)."""
_LITERAL = re.compile(rb'&quot;.*?&quot;|"[^"]*"|\\.')
_FORMAT = re.compile(rb"<(?:\w+:)?numFmt\s[^<>]*>")
_USED = re.compile(rb"<(?:\w+:)?cellXfs[\s>].*?</(?:\w+:)?cellXfs>", re.DOTALL)
_XF = re.compile(rb"<(?:\w+:)?xf\s[^<>]*>")
_XLSX_CELL = (
    rb""" s=%(q)b(?:%(styles)b)%(q)b[^<>]*()>(?:\s*<%(p)bf(?:\s[^<>]*)?(?:/>|>[^<]*</%(p)bf>))?"""
    rb"\s*<%(p)bv(?:\s[^<>]*)?>([^<]+)</%(p)bv>"
)
"""From the style on: of millions of cells few have it, and their beginning is looked up then."""
_LONGEST_TAG = 512
_XLSX_TYPE = re.compile(rb"""\st=["'](\w*)["']""")
_ODS_CELL = re.compile(
    rb"""<[\w:]*?(?:covered-)?table-cell(?=\s)(?:[^<>"]|"[^"]*")*?\soffice:value-type="percentage"(?:[^<>"]|"[^"]*")*>"""
)
_ODS_VALUE = re.compile(rb'\soffice:value="([^"]*)"')


def styles_of(package: zipfile.ZipFile) -> tuple[bytes, ...]:
    """The cell styles of an XLSX workbook that show percent, by their numbers."""
    if _STYLES not in package.namelist():
        return ()
    styles = package.read(_STYLES)
    listed = _FORMAT.findall(styles)
    formats = {_attribute(one, b"numFmtId") for one in listed if _scales(_attribute(one, b"formatCode"))} | _BUILT_IN
    used = _USED.search(styles)
    kinds = _XF.findall(used[0]) if used else []
    return tuple(str(at).encode() for at, kind in enumerate(kinds) if _attribute(kind, b"numFmtId") in formats)


def _scales(number_format: bytes) -> bool:
    """A percent sign in quotes or behind a backslash is only a sign, and scales nothing."""
    return b"%" in _LITERAL.sub(b"", number_format)


def _attribute(tag: bytes, name: bytes) -> bytes:
    found = re.search(rb"\b" + name + rb"""=(?:"([^"]*)"|'([^']*)')""", tag)
    return (found[1] or found[2] or b"") if found else b""


def of_xlsx(sheet: bytes, prefix: bytes, styles: Collection[bytes]) -> bytes:
    """The sheet with marks."""
    for quote in (b'"', b"'") if styles else ():
        said = {b"p": re.escape(prefix), b"styles": b"|".join(styles), b"q": quote}
        sheet = _marked(sheet, prefix, re.compile(_XLSX_CELL % said))
    return sheet


def _marked(sheet: bytes, prefix: bytes, wanted: re.Pattern[bytes]) -> bytes:
    out: list[bytes] = []
    done = 0
    for cell in wanted.finditer(sheet):
        begin = sheet.rfind(b"<", max(0, cell.start() - _LONGEST_TAG), cell.start())
        tag = sheet[begin : cell.start(1)]
        kind = _XLSX_TYPE.search(tag)
        if begin < 0 or not tag.startswith(b"<" + prefix + b"c ") or (kind is not None and kind[1] != b"n"):
            continue
        value = b' t="str"><%(p)bv>%(value)b</%(p)bv>' % {b"p": prefix, b"value": MARK.encode() + cell[2]}
        out += [sheet[done:begin], _XLSX_TYPE.sub(b"", tag), value]
        done = cell.end()
    return b"".join([*out, sheet[done:]]) if out else sheet


def of_ods(content: bytes) -> bytes:
    """The content with marks (OpenDocument 1.3, part 3, 19.389)."""
    return _ODS_CELL.sub(_ods, content) if b'office:value-type="percentage"' in content else content


def _ods(cell: re.Match[bytes]) -> bytes:
    value = _ODS_VALUE.search(cell[0])
    if value is None:
        return cell[0]
    told = b' office:value-type="string" office:string-value="' + MARK.encode() + value[1] + b'"'
    return _ODS_VALUE.sub(b"", cell[0]).replace(b' office:value-type="percentage"', told, 1)


def of_old(book: Records, sheet: Records) -> Iterator[tuple[int, int]]:
    """Row and column of each number of an XLS sheet that is shown as percent ([MS-XLS] 2.4.126, 2.4.353, 2.5.282)."""
    formats, used = {int(number) for number in _BUILT_IN}, list[int]()
    for kind, body in book:
        if kind == _OLD_FORMAT:
            text = body[5:].decode("utf-16-le" if body[4] & 1 else "latin-1", "replace")
            formats |= {struct.unpack_from("<H", body)[0]} if _scales(text.encode()) else set()
        elif kind == _OLD_XF:
            used.append(struct.unpack_from("<H", body, 2)[0])
    shown = {style for style, number in enumerate(used) if number in formats}
    for kind, body in sheet if shown else ():
        if kind == _OLD_FORMULA and body[12:14] == _NO_NUMBER:
            continue  # a text, an error, true or false (2.5.133)
        if kind in _OLD_NUMBERS:
            row, column, *styles = struct.unpack_from("<HHH", body)
        elif kind == _OLD_ROW_OF_NUMBERS:
            row, column = struct.unpack_from("<HH", body)
            styles = [struct.unpack_from("<H", body, at)[0] for at in range(4, len(body) - 6, 6)]
        else:
            continue
        yield from ((row, column + further) for further, style in enumerate(styles) if style in shown)


def cell_of(text: str) -> str:
    """What a marked text is; any other as it is."""
    try:
        number = Decimal(format(float(text.removeprefix(MARK)), ".15g"))
        return PercentCell(f"{spell_decimal(number.scaleb(2))}%") if number.is_finite() else text
    except (ValueError, InvalidOperation):
        return text
