"""How an export is written, found out from its bytes: format, encoding, separator, records.

For proposals only: what is found becomes the settings of a source, each with its reason, for a person to confirm. The
readers themselves go on guessing nothing. Left to others: where in a table its header is, and how its numbers are
written (`tabular`); what the columns mean (`suggesting`).
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence

from connector.errors import BadInput
from connector.mapping import edifact, x12
from connector.mapping.delimited import check_text
from connector.mapping.exports import WORKBOOKS
from connector.mapping.flat_idoc import idocs
from connector.mapping.idoc import outline, outline_of
from connector.mapping.interchanges import Syntax
from connector.mapping.source import SourceFile, Unreadable, content
from connector.mapping.tabular import Sniffed, tabular, usual_width
from connector.model import Json, JsonObject, counted, objects_in

_LOOKED_AT = 2_000
_FEW = 4
_SHOWN = 8
_DELIMITERS = ";,\t|"
_DAY_IN_NAME = re.compile(r"[0-9]{4}[-.]?[0-9]{2}(?:[-_.]?[0-9]{2})?(?:_[0-9]{2})?|[0-9]+(?=\.json$)")
_LETTERS = frozenset("äöüßÄÖÜéèêëàâçîïôùûÉÈÀÇåÅøñáíóú€µ°²³\u2013\u2019‰")
_EDIFACT, _X12 = re.compile(rb"(?s)UNB\+|UNA.{6}[ \t\r\n]*UNB"), re.compile(rb"(?s)ISA([^0-9A-Za-z])..\1")
"""How interchanges begin (ISO 9735-1, 6; X12.5, 4.1); SAP's UNAME and others are headings that begin like them."""
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_LEVELS = frozenset("IOPST")
"""Codes of HL levels in X12: item, order, pack, shipment, tare."""


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
            tabular(found, [list(row) for row in file.grid[:_LOOKED_AT]])
        except BadInput as error:
            hint = f"{error.hint}; this is sheet {found.settings['sheet']}: --sheet takes another, by name or number"
            hint += " (one that is not there lists those that are)"
            raise BadInput(error.detail, hint=hint, place=file.name) from None
        return found
    data = content(file)
    check_text(file, data)
    begin = _beginning(data)
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


def _beginning(data: bytes) -> bytes:
    begin = data[:512]
    text = begin.decode("utf-16", "ignore").encode() if begin.startswith(_UTF_16) else begin
    return text.lstrip(b"\xef\xbb\xbf \t\r\n")


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
    found.reasons.append(f"delimiter: `{name}` gives {counted(usual_width(grid), 'column')} in most lines")
    tabular(found, grid)


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
    """Which of the encodings that Excel calls ANSI gives letters that people write; the first wins a draw."""
    best, most, shown = "cp1252", -1.0, ""
    for name in ("cp1252", "cp850", "iso-8859-1", "cp949"):
        try:
            text = data.decode(name)
        except UnicodeDecodeError:
            continue
        beyond = [letter for letter in text if letter > "\x7f"]
        good = sum(letter in _LETTERS or "가" <= letter <= "힣" for letter in beyond) / max(len(beyond), 1)
        if good > most:
            word = re.search(r"\w*[^\x00-\x7f]\w*", text)
            best, most, shown = name, good, word[0] if word else ""
    found.reasons.append(f"encoding: no UTF-8; as {best} it reads `{shown}`")
    found.doubts.append(f"encoding {best}: is `{shown}` spelled right? If not, export it as `CSV UTF-8`")
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
        common = usual_width(grid)
        worth = (common - 1) * sum(len(row) == common for row in grid)
        if worth > most:
            best, most, chosen = delimiter, worth, grid
    return best, chosen


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
        tree = json.loads(data)  # which knows the encodings of Unicode
    except (ValueError, RecursionError) as error:
        if _is_lines(data):
            found.note("format", "json", "one JSON object per line")
            found.settings["record"] = "."
            return
        raise BadInput(f"The file begins like JSON and is none: {error}.") from error
    lists = dict(_lists(tree, ""))
    if not lists and not record:
        hint = "--record PATH says where the records are; an export without any shows no columns"
        raise BadInput("The JSON holds no list of objects.", hint=hint)
    path = record or max(lists, key=lambda one: len(lists[one]))
    paged = isinstance(tree, dict) and (
        any(key.startswith("@odata") for key in tree) or "$metadata" in str(tree.get("@context"))  # JSON-LD has one too
    )
    found.note("format", "odata" if paged or path.startswith("d/") else "json", "pages of records")
    if data.startswith(_UTF_16):
        found.note("encoding", "utf-16", "the file begins with its mark")
    if path != "value" or not paged:
        found.settings["record"] = path or "."
    nested = {key for row in lists.get(path, ())[:_FEW] for key, _ in _lists(row, "")}
    below = [f"{path}/{key.removesuffix('/results')}".strip("/") for key in sorted(nested)]
    others = [one for one in lists if one != path]
    for said, paths in (("there are others", others), ("each one holds lists of its own", below)):
        if paths and not record:
            more = " ..." if len(paths) > _SHOWN else ""
            found.reasons.append(f"record: {said}: {', '.join(f'--record {one}' for one in paths[:_SHOWN])}{more}")


def _lists(tree: Json, path: str) -> Iterator[tuple[str, list[JsonObject]]]:
    """The lists of objects that objects alone lead to, by their paths."""
    if objects_in(tree):
        yield path, objects_in(tree)
    for key, value in tree.items() if isinstance(tree, dict) and path.count("/") < _FEW else ():
        yield from _lists(value, f"{path}/{key}".strip("/"))
