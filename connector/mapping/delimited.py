"""Delimited text (CSV and list exports) to lines of cells, on an explicit encoding.

RFC 4180 as far as exports keep to it, with the delimiter and the quote that the plan says. A byte that does not fit
the encoding, or a quote that never ends, means that the structure is lost: a finding for the whole file.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable, Iterator

from connector.mapping.exports import Source
from connector.mapping.source import SourceFile, content, unreadable

MAX_CELL = 1 << 17
_OTHER_KINDS = (
    (
        b"PK\x03\x04",
        "a workbook or another archive",
        "a workbook is read with `format: xlsx` (or `ods`); unpack other archives",
    ),
    (b"\xd0\xcf\x11\xe0", "a workbook of the old kind (XLS)", "it is read with `format: xls`"),
    (b"\x1f\x8b", "a packed file (gzip)", "unpack it"),
    (b"%PDF", "a PDF", "export a table instead: CSV, XLSX, XML or JSON"),
)
"""How files of other kinds begin, what they are, and what to do."""
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def lines(source: Source, file: SourceFile) -> Iterator[tuple[int, list[str]]]:
    """Line number (where the record begins) and cells. Raises `Unreadable`."""
    text = decoded(file, content(file), source.encoding or "utf-8")
    csv.field_size_limit(MAX_CELL)
    quote = None if source.quote == "none" else source.quote
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=source.delimiter or ",",
        quotechar=quote,
        quoting=csv.QUOTE_NONE if quote is None else csv.QUOTE_MINIMAL,
        strict=True,
    )
    line = 1
    try:
        for cells in reader:
            yield line, [cell.strip() for cell in cells]
            line = reader.line_num + 1
    except csv.Error as error:
        raise unreadable(
            file, "bad-structure", f"The record that begins in line {line} cannot be split: {error}.",
            hint="an unbalanced quote, or a file cut off; if the export does not quote, say `quote: none`", line=line,
        ) from error  # fmt: skip


def code_rows(text: str, fits: Callable[[list[str]], bool]) -> list[list[str]]:
    """A code list's lines, trimmed. It is split at commas, or at what Excel writes for them in other countries where
    only so the header fits. Raises `csv.Error`.
    """
    begin = text.partition("\n")[0]
    headers = {mark: [name.strip().strip('"') for name in begin.split(mark)] for mark in ",;\t"}
    delimiter = next((mark for mark, names in headers.items() if fits(names)), ",")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    return [[cell.strip() for cell in row] for row in reader if any(row)]


def decoded(file: SourceFile, data: bytes, encoding: str, *, said: str = "the plan") -> str:
    """The text. What is plainly no text, or in another encoding, is refused even where it could be decoded.

    `said`: who says the encoding.
    """
    check_text(file, data)
    for mark, name in _MARKS:
        if data.startswith(mark) and not encoding.startswith(name):
            raise unreadable(
                file, "bad-encoding", f"The file begins with the mark of {name}, {said} says {encoding}.",
                hint=f"say `encoding: {name}`", line=1,
            )  # fmt: skip
    try:
        text = data.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError as error:
        raise _undecodable(file, data, encoding, error) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        hint = "perhaps `encoding: utf-16-le`" if text.count("\0") * 3 > len(text) else "the file is damaged"
        raise unreadable(file, "bad-encoding", "The file has NUL characters.", hint=hint, line=line)
    if not encoding.startswith(("utf", "ascii")) and not data.isascii() and _is_utf8(data):
        line = data[: next(i for i, byte in enumerate(data) if byte > 127)].count(b"\n") + 1  # noqa: PLR2004  # ASCII ends there
        raise unreadable(
            file, "bad-encoding", f"The file is UTF-8 throughout, {said} says {encoding}.",
            hint="say `encoding: utf-8`", line=line,
        )  # fmt: skip
    return text


def check_text(file: SourceFile, data: bytes) -> None:
    """Refuse what is plainly of another kind. Raises `Unreadable`."""
    for mark, kind, hint in _OTHER_KINDS:
        if data.startswith(mark):
            raise unreadable(file, "not-text", f"The file is {kind}, no text.", hint=hint, line=1)


def _undecodable(file: SourceFile, data: bytes, encoding: str, error: UnicodeDecodeError) -> Exception:
    good = data[: error.start].decode(encoding, "replace")
    line = good.count("\n") + 1
    byte = data[error.start : error.start + 1].hex().upper()
    message = f"Byte {error.start + 1} (hexadecimal {byte}) in line {line} is not {encoding}."
    if encoding.startswith("utf-16") or error.end >= len(data):
        hint = "the file may be cut off; export it again"
    else:
        hint = "say the encoding that the export really has, perhaps cp1252"
    return unreadable(file, "bad-encoding", message, hint=hint, line=line)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
