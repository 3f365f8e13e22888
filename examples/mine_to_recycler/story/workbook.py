"""XLSX workbooks, written by hand: a zip with a few XML parts (ECMA-376). Two header rows, text kept as text, days and
moments as Excel's serial numbers, masses as numbers. The same input gives the same bytes.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from xml.sax.saxutils import escape, quoteattr

from .columns import ISO, Column, text
from .tables import Row

_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_EPOCH = datetime(1899, 12, 30, tzinfo=UTC)
_STYLES = (
    f'{_HEAD}<styleSheet xmlns="{_MAIN}">'
    '<fonts count="1"><font><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    '</fills><borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="3"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="14" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="22" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)
_DAY, _MOMENT = 1, 2

Sheets = Mapping[str, tuple[Sequence[Column], Sequence[Row]]]


def workbook(sheets: Sheets) -> bytes:
    """The workbook. A heading `Upper|lower` fills both header rows; a bare one stands in the upper row."""
    names = list(sheets)
    parts = {
        "[Content_Types].xml": _content_types(len(names)),
        "_rels/.rels": _relations([("officeDocument", "xl/workbook.xml")]),
        "xl/workbook.xml": _book(names),
        "xl/_rels/workbook.xml.rels": _relations(
            [*(("worksheet", f"worksheets/sheet{place}.xml") for place in range(1, len(names) + 1)),
             ("styles", "styles.xml")]
        ),
        "xl/styles.xml": _STYLES,
    }  # fmt: skip
    for place, (columns, rows) in enumerate(sheets.values(), start=1):
        parts[f"xl/worksheets/sheet{place}.xml"] = _sheet(columns, rows)
    return _zip(parts)


def _zip(parts: Mapping[str, str]) -> bytes:
    """Stored, not deflated: compressors differ between machines, and these bytes are compared."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, xml in parts.items():
            info = zipfile.ZipInfo(name, date_time=(2027, 3, 1, 0, 0, 0))
            info.create_system = 0
            archive.writestr(info, xml.encode())
    return buffer.getvalue()


def _content_types(count: int) -> str:
    sheets = "".join(
        f'<Override PartName="/xl/worksheets/sheet{place}.xml" ContentType="{_SHEET}.worksheet+xml"/>'
        for place in range(1, count + 1)
    )
    return (
        f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_SHEET}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_SHEET}.styles+xml"/>{sheets}</Types>'
    )


def _relations(targets: Sequence[tuple[str, str]]) -> str:
    lines = "".join(
        f'<Relationship Id="rId{place}" Type="{_REL}/{kind}" Target="{target}"/>'
        for place, (kind, target) in enumerate(targets, start=1)
    )
    return f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">{lines}</Relationships>'


def _book(names: Sequence[str]) -> str:
    sheets = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{place}" r:id="rId{place}"/>'
        for place, name in enumerate(names, start=1)
    )
    return f'{_HEAD}<workbook xmlns="{_MAIN}" xmlns:r="{_REL}"><sheets>{sheets}</sheets></workbook>'


def _sheet(columns: Sequence[Column], rows: Sequence[Row]) -> str:
    headings = [column.heading.partition("|") for column in columns]
    upper = [pair[0] for pair in headings]
    shown = [name if place == 0 or upper[place - 1] != name else "" for place, name in enumerate(upper)]
    lines = [_row(1, [_text(name) for name in shown]), _row(2, [_text(pair[2]) for pair in headings])]
    lines.extend(_row(place, [_cell(row, column) for column in columns]) for place, row in enumerate(rows, start=3))
    return f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetData>{"".join(lines)}</sheetData></worksheet>'


def _row(place: int, cells: Sequence[tuple[str, str]]) -> str:
    filled = "".join(
        f'<c r="{_letters(column)}{place}"{attributes}>{inner}</c>'
        for column, (attributes, inner) in enumerate(cells)
        if inner
    )
    return f'<row r="{place}">{filled}</row>'


def _letters(column: int) -> str:
    """0 -> A, 26 -> AA."""
    high, low = divmod(column, 26)
    return (_letters(high - 1) if high else "") + chr(ord("A") + low)


def _text(value: str) -> tuple[str, str]:
    return ' t="inlineStr"', f"<is><t>{escape(value)}</t></is>" if value else ""


def _cell(row: Row, column: Column) -> tuple[str, str]:
    value = row.get(column.key, "")
    if isinstance(value, datetime):
        return f' s="{_MOMENT}"', f"<v>{_serial(value)}</v>"
    if isinstance(value, date):
        return f' s="{_DAY}"', f"<v>{_serial(datetime(value.year, value.month, value.day, tzinfo=UTC))}</v>"
    if isinstance(value, int):
        return "", f"<v>{text(row, column, ISO)}</v>"
    return _text(text(row, column, ISO))


def _serial(moment: datetime) -> str:
    """Days since 30 December 1899, to the second."""
    gap = moment - _EPOCH
    return f"{gap.days + gap.seconds / 86_400:.10f}".rstrip("0").rstrip(".")
