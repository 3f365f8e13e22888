"""How an export is written, found out from its bytes: format, encoding, separator, header rows, marks.

For proposals only: what is found becomes the settings of a source, each with its reason, for a person to confirm. The
readers themselves go on guessing nothing. Left to others: what the columns mean (`suggesting`).
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise, zip_longest

from connector.errors import BadInput
from connector.mapping import edifact, x12
from connector.mapping.dates import written_so
from connector.mapping.delimited import check_text
from connector.mapping.exports import WORKBOOKS
from connector.mapping.flat_idoc import idocs
from connector.mapping.idoc import outline, outline_of
from connector.mapping.interchanges import Syntax
from connector.mapping.mangled import is_mangled
from connector.mapping.numerals import LOCALES, spelled_in
from connector.mapping.source import DateCell, NumberCell, SourceFile, Unreadable, content
from connector.mapping.tables import beginning
from connector.mapping.units import unit_named
from connector.model import counted, objects_in

Setting = str | tuple[str, ...] | dict[str, str]
_LOOKED_AT = 2_000
_FEW = 4
_DELIMITERS = ";,\t|"
_TOTALS = ("*", "Summe", "Gesamt", "Total", "Sum", "Yhteensä")
_NOTHING = ("-", "--", "n.b.", "n.a.", "n/a", "N/A", "NULL", "k.A.", "00000000", "00.00.0000", "e.t.")
_DAY_IN_NAME = re.compile(r"[0-9]{4}-?[0-9]{2}(?:[-_]?[0-9]{2})?(?:_[0-9]{2})?|[0-9]+(?=\.json$)")
_LETTERS = frozenset("äöüßÄÖÜéèêëàâçîïôùûÉÈÀÇåÅøñáíóú€µ°²³\u2013\u2019‰")
_EDIFACT, _X12 = re.compile(rb"(?s)UNB\+|UNA.{6}[ \t\r\n]*UNB"), re.compile(rb"(?s)ISA([^0-9A-Za-z])..\1")
"""How interchanges begin (ISO 9735-1, 6; X12.5, 4.1); SAP's UNAME and others are headings that begin like them."""
_HEADER_WITHIN = 60
_LEVELS = frozenset("IOPST")
"""Codes of HL levels in X12: item, order, pack, shipment, tare."""
_TITLE, _WIDE_ENOUGH, _SECOND_HEADER = 2, 0.6, 2


@dataclass(slots=True)
class Sniffed:
    """Settings of a source in the order in which they are written, and why each; `doubts` want a person's look."""

    settings: dict[str, Setting]
    reasons: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    def note(self, key: str, value: Setting, reason: str) -> None:
        """A setting and its reason."""
        self.settings[key] = value
        self.reasons.append(f"{key}: {reason}")


def sniff(
    file: SourceFile, *, sheet: str = "", record: str = "", layouts: Sequence[SourceFile] = ()
) -> Sniffed:  # fmt: skip
    """How the file is written. Raises `BadInput` where it is no export that can be read. `layouts`: of flat IDocs."""
    found = Sniffed({"file": pattern_of(file.name)})
    if file.grid is not None:
        suffix = file.name.rpartition(".")[2].lower()
        found.note("format", suffix if suffix in WORKBOOKS else "xlsx", "a workbook")
        found.settings["sheet"] = sheet or "1"
        for remark in file.remarks:
            if remark.code == "sheet-chosen":
                found.note("sheet", file.sheet, remark.message)
            else:
                found.doubts.append(f"{remark.message}; {remark.hint}")
        try:
            _tabular(found, [list(row) for row in file.grid[:_LOOKED_AT]])
        except BadInput as error:
            hint = f"{error.hint}; this is sheet {found.settings['sheet']}: --sheet takes another, by name or number"
            hint += " (one that is not there lists those that are)"
            raise BadInput(error.detail, hint=hint, place=file.name) from None
        return found
    data = content(file)
    check_text(file, data)
    begin = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n")
    if _EDIFACT.match(begin):
        found.note("format", "edifact", "it begins with a header of UN/EDIFACT")
        _edi(found, file, record, edifact.SYNTAX)
    elif _X12.match(begin):
        found.note("format", "x12", "it begins with a header of ANSI X12")
        _edi(found, file, record, x12.SYNTAX)
    elif begin[:8] == b"EDI_DC40":
        found.note("format", "idoc", "a flat IDoc: it begins with a control record")
        _flat_idoc(found, file, record, layouts)
    elif begin[:1] == b"<":
        found.note("format", "idoc", "XML")
        _idoc(found, *outline(file), record)
    elif begin[:1] in {b"{", b"["}:
        _json(found, data, record)
    else:
        found.note("format", "csv", "text in lines")
        _delimited(found, data)
    return found


def pattern_of(name: str) -> str:
    """The file's name, with `*` where a date or a page number stands."""
    short = _DAY_IN_NAME.sub("*", name)
    return re.sub(r"\*[*_.-]*\*", "*", short)


# --- text in lines ---


def _delimited(found: Sniffed, data: bytes) -> None:
    encoding, text = _decoded(found, data)
    delimiter, grid = _split(text)
    if not grid or max(map(len, grid)) < 2:  # noqa: PLR2004  # one column is no table
        raise BadInput("No separator splits this file into columns.", hint="export it as CSV with `;` or `,` between")
    name = "tab" if delimiter == "\t" else delimiter
    found.settings |= {"encoding": encoding, "delimiter": name}
    found.reasons.append(f"delimiter: `{name}` gives {counted(_width(grid), 'column')} in most lines")
    _tabular(found, grid)


def _decoded(found: Sniffed, data: bytes) -> tuple[str, str]:
    for mark, name in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            found.reasons.append(f"encoding: the file begins with the mark of {name}")
            return name, data.decode(name, "replace")
    if data[1:2000:2].count(0) * 3 > len(data[:2000]):
        found.reasons.append("encoding: every second byte is nought")
        return "utf-16-le", data.decode("utf-16-le", "replace")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return _eight_bits(found, data)
    found.reasons.append("encoding: " + ("only ASCII, which utf-8 contains" if text.isascii() else "valid UTF-8"))
    return "utf-8", text


def _eight_bits(found: Sniffed, data: bytes) -> tuple[str, str]:
    """Which of the common encodings gives letters that people write; the first wins a draw."""
    best, most, shown = "cp1252", -1.0, ""
    for name in ("cp1252", "cp850", "iso-8859-1"):
        try:
            text = data.decode(name)
        except UnicodeDecodeError:
            continue
        beyond = [letter for letter in text if letter > "\x7f"]
        good = sum(letter in _LETTERS for letter in beyond) / max(len(beyond), 1)
        if good > most:
            word = re.search(r"\w*[^\x00-\x7f]\w*", text)
            best, most, shown = name, good, word[0] if word else ""
    found.reasons.append(f"encoding: no UTF-8; as {best} it reads `{shown}`")
    found.doubts.append(f"encoding {best}: is `{shown}` spelled right?")
    return best, data.decode(best, "replace")


def _split(text: str) -> tuple[str, list[list[str]]]:
    """The separator that makes the most lines equally wide, and the lines that it makes."""
    lines = "".join(text.splitlines(keepends=True)[:_LOOKED_AT])
    best, most, chosen = ";", -1, list[list[str]]()
    for delimiter in _DELIMITERS:
        try:
            rows = csv.reader(io.StringIO(lines, newline=""), delimiter=delimiter)
            grid = [[cell.strip() for cell in row] for row in rows]
        except csv.Error:
            continue
        width = _width(grid)
        worth = (width - 1) * sum(len(row) == width for row in grid)
        if worth > most:
            best, most, chosen = delimiter, worth, grid
    return best, chosen


def _width(grid: Sequence[Sequence[str]]) -> int:
    """The commonest number of cells, of rows with more than one."""
    counted = Counter(len(row) for row in grid if len(row) > 1)
    return max(counted, key=lambda width: (counted[width], width)) if counted else 0


# --- tables: header, preamble, totals, marks ---


def _tabular(found: Sniffed, grid: list[list[str]]) -> None:
    at, rows = _header(grid)
    upper, header = grid[at], grid[at : at + rows]
    if rows == _SECOND_HEADER:
        found.note("header", "2", "two rows of names; the upper one has gaps, as merged cells do")
        found.doubts.append("header: two rows name the columns; if the second is data already, take `header` away")
    if any(any(row) for row in grid[:at]):
        found.note("skip_until", next(filter(None, upper)), f"{counted(at, 'line')} before the header")
    body, width = grid[at + rows :], max(map(_filled, header))
    if body and _is_unit_row(body[0]):
        found.note("units_row", "true", "the row under the header holds units")
        body = body[1:]
    at = _another_table(body)
    if at >= 0:
        mark = next(filter(None, body[at]))
        found.note("stop", (mark,), f"behind an empty row `{mark}` begins something else")
        found.doubts.append(f"stop: is `{mark[:40]}` the end of the table? Rows from there on are not read")
        body = body[:at]
    body = [row for row in body if any(row) and row not in header]  # pages repeat it, and no column is numbers then
    firsts = [next(filter(None, row)) for row in body]
    skip = tuple(mark for mark in _TOTALS if any(map(beginning([mark]), firsts)))
    if skip:
        found.note("skip", skip, "rows of totals")
    totals = beginning(_TOTALS)
    body = [row for row in body if not totals(next(filter(None, row))) and _filled(row) <= width]
    null = tuple(mark for mark in _NOTHING if any(mark in row for row in body))
    if null:
        found.note("null", null, "cells that mean: nothing")
    columns = zip_longest(*body, fillvalue="")
    _marks(
        found, [[cell for cell in column if cell and cell not in null and not is_mangled(cell)] for column in columns]
    )


def _another_table(body: list[list[str]]) -> int:
    """The row behind an empty one that is a title or a header of something narrower; -1: there is none."""
    width, totals = _width([row[: _filled(row)] for row in body]), beginning(_TOTALS)
    for at, (above, row) in enumerate(pairwise(body), start=1):
        words = [cell for cell in row if cell]
        narrow = words and _filled(row) < _WIDE_ENOUGH * width and not totals(words[0])
        if narrow and not any(above) and not any(map(_is_value, words)):
            return at
    return -1


def _header(grid: list[list[str]]) -> tuple[int, int]:
    """Where the header begins, and of how many rows it is."""
    width = max((_filled(row) for row in grid), default=0)
    common = _width([row[: _filled(row)] for row in grid]) or width
    best, most = -1, 0
    for at, row in enumerate(grid[:_HEADER_WITHIN]):
        names = [cell for cell in row if cell]
        if len(names) > most and not any(map(_is_value, names)):
            best, most = at, len(names)
    if most < max(_TITLE, _WIDE_ENOUGH * min(common, width)):
        hint = "the names of the columns have to stand over them"
        raise BadInput("No row of this file looks like a header.", hint=hint)
    if best and _is_upper(grid[best - 1], grid[best]):
        return best - 1, _SECOND_HEADER
    below = grid[best + 1] if best + 1 < len(grid) else []
    return best, _SECOND_HEADER if _is_upper(grid[best], below) else 1


def _is_upper(upper: list[str], lower: list[str]) -> bool:
    """Two rows of words. Gaps in the upper one are cells merged to the right, over two names at least; gaps in the
    lower one are cells merged downwards.
    """
    upper, lower = upper[: _filled(upper)] + [""] * (_filled(lower) - _filled(upper)), lower[: _filled(lower)]
    columns = list(zip_longest(upper, lower, fillvalue=""))
    if not all(map(any, columns)) or any(map(_is_value, filter(None, (*upper, *lower)))):
        return False
    gaps = [at for at, (above, _) in enumerate(columns) if not above]
    merged = all(lower[at - 1] for at in gaps)
    return bool(gaps and upper[0] and merged) and len(columns) - len(gaps) > 1 and not _is_unit_row(lower)


def _filled(row: Sequence[str]) -> int:
    return max((index for index, cell in enumerate(row, start=1) if cell), default=0)


def _is_value(cell: str) -> bool:
    return isinstance(cell, NumberCell | DateCell) or bool(re.fullmatch(r"[<>]?[-+]?[0-9][0-9.,' :/-]*%?", cell))


def _is_unit_row(row: list[str]) -> bool:
    said = [cell for cell in row if cell]
    return bool(said) and all(unit_named(cell) for cell in said)


def _marks(found: Sniffed, columns: Sequence[Sequence[str]]) -> None:
    """How numbers are written: decimal mark, group mark, trailing minus. A column speaks where all of it fits."""
    texts = [sorted({cell for cell in column if not isinstance(cell, NumberCell)}) for column in columns]
    if any(re.fullmatch(r"[0-9.,'\u2019]+-", cell) for column in texts for cell in column):
        found.note("trailing_minus", "true", "cells such as `1,50-`")
    numbers = [
        [cell.lstrip("<> ").removesuffix("%").rstrip().removesuffix("-") for cell in column]
        for column in texts
        if _numeric(column)
    ]
    marked = [cell for column in numbers for cell in column if not cell.isdecimal()]
    if not marked:
        found.note("locale", "plain", "no number has a mark")
        return
    fits = {
        name: sum(len(column) for column in numbers if all(spelled_in(name, cell) for cell in column))
        for name in ("de", "plain", "en", "fr", "ch")
    }
    best = max(fits, key=lambda name: fits[name])
    example = max((cell for cell in marked if spelled_in(best, cell)), key=len, default=marked[0])
    found.note("locale", best, f"numbers are written as `{example}`")
    equal = [name for name in fits if fits[name] == fits[best] and LOCALES[name][1] != LOCALES[best][1]]
    if equal:
        found.doubts.append(f"locale {best}: `{example}` could be {' or '.join(equal)} as well")


def _numeric(column: Sequence[str]) -> bool:
    """Whether all of a column are numbers in some way of writing, with a mark in one of them; dates are none."""
    if not column or not all(
        re.fullmatch(r"[<>]?\s*-?[0-9][0-9.,'\u2019\u00a0\u202f ]*-?\s*%?", cell) for cell in column
    ):
        return False
    dated = written_so(*column) or written_so(*column, times=True)
    return any(not cell.rstrip("% ").isdecimal() for cell in column) and not dated


# --- records in trees ---


def _flat_idoc(found: Sniffed, file: SourceFile, record: str, layouts: Sequence[SourceFile]) -> None:
    data = content(file)
    if not layouts:
        kind = data[39:69].decode("latin-1").strip() or "without a name"
        hint = "in SAP, WE60 writes that down (documentation, parser): give it with --beside LAYOUT"
        raise BadInput(f"This is a flat IDoc of type {kind}, which does not say where its fields stand.", hint=hint)
    found.note("layout", layouts[0].name, "says where the fields stand")
    encoding, _ = _decoded(found, data)
    if encoding != "utf-8":
        found.settings["encoding"] = encoding
    _idoc(found, *outline_of(idocs(file, encoding, layouts)), record)


def _idoc(found: Sniffed, paths: dict[str, int], qualifiers: dict[str, str], record: str) -> None:
    if not paths:
        raise BadInput("The IDoc has no segment with fields.", hint="an IDoc: IDOC with segments such as E1EDL20")
    lists = [path for path in paths if paths[path] > 1 and path.rpartition("/")[2].startswith("E1")]
    chosen = record or next((path for path in paths if path.endswith("/E1EDL24")), "")
    chosen = chosen or max(lists or paths, key=lambda path: (paths[path], -path.count("/")))
    found.note("record", chosen, f"the segment that makes a row; there are {', '.join(paths)}")
    if qualifiers:
        found.note("qualifiers", qualifiers, "fields that tell segments of one name apart")


def _edi(found: Sniffed, file: SourceFile, record: str, syntax: Syntax) -> None:
    """The messages of an EDI file, and which of their groups makes a row: items, where there are any."""
    try:
        kinds, paths = syntax.outline(file, None)
    except Unreadable as broken:
        if broken.finding.code != "bad-encoding":
            raise
        encoding, _ = _decoded(found, content(file))
        found.settings["encoding"] = encoding
        found.doubts.append(f"encoding {encoding}: the file says another one, which it is not")
        kinds, paths = syntax.outline(file, encoding)
    if not paths:
        hint = "a plan by hand reads it, with `groups`: see the mapping's README"
        raise BadInput(f"The groups of {', '.join(kinds) or 'no message'} are not known here.", hint=hint)
    items = [path for path in paths if path.endswith(("/LIN", "/RCD"))]
    chosen = record or (_item(items[0]) if items else next(iter(paths)))
    below = ", ".join(path for path in paths if path.count("/") <= chosen.count("/") + 1)
    found.note("record", chosen, f"the segment that makes a row; there are {below}")


def _item(path: str) -> str:
    """What an item is: its own segment, or in X12 the level of the hierarchy that LIN stands in."""
    above = path.rpartition("/")[0]
    return above if "/" in above and above.rpartition("/")[2] in _LEVELS else path


def _is_lines(data: bytes) -> bool:
    """Whether the first lines are an object each; the reader looks at all."""
    lines = [line for line in data.splitlines()[:_LOOKED_AT] if line.strip()]
    try:
        return len(lines) > 1 and all(isinstance(json.loads(line), dict) for line in lines)
    except (ValueError, RecursionError):
        return False


def _json(found: Sniffed, data: bytes, record: str) -> None:
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError) as error:
        if _is_lines(data):
            found.note("format", "json", "one JSON object per line")
            found.settings["record"] = "."
            return
        raise BadInput(f"The file begins like JSON and is none: {error}.") from error
    path, paged = "", isinstance(tree, dict) and any(key.startswith("@odata") for key in tree)
    while isinstance(tree, dict):
        inner = next((key for key, value in tree.items() if objects_in(value) or key in {"d", "results"}), None)
        if inner is None:
            raise BadInput("The JSON holds no list of objects.")
        path, tree = f"{path}/{inner}".strip("/"), tree[inner]
    path = record or path
    found.note("format", "odata" if paged or path.startswith("d/") else "json", "pages of records")
    if path != "value" or not paged:
        found.settings["record"] = path or "."
    nested = {key for row in objects_in(tree)[:_FEW] for key, value in row.items() if objects_in(value)}
    if nested and not record:
        below = ", ".join(f"--record {path}/{key}".replace(" /", " ") for key in sorted(nested))
        found.reasons.append(f"record: each one holds lists of its own: {below}")
