"""What the readers give: rows of text cells with positions; and what they take: the bytes of one export file.

A cell is text as written. A workbook knows more: a cell that was stored as a number or a date is marked as such, so
that the plan's conversions can refuse a number where text was meant (its leading zeros are lost).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from connector.errors import BadInput
from connector.model import Finding, Place

Grid = tuple[tuple[str, ...], ...]
"""A sheet of a workbook, parsed already (`peers/files.py` does that in a child process)."""

MAX_INFLATED = 1 << 29
MAX_RATIO = 200
MAX_COLUMNS = 16_384


class NumberCell(str):
    """A cell that the file stores as a number, as plain decimal text."""

    __slots__ = ()


class ComputedCell(NumberCell):
    """A number that SQL computed: no zeros of a text were lost."""

    __slots__ = ()


class PercentCell(NumberCell):
    """A number that a workbook shows as percent, as it shows it: `22.3%`."""

    __slots__ = ()

    @property
    def number(self) -> str:
        """Without the sign."""
        return self[:-1]


class DateCell(str):
    """A cell that a workbook stores as a date or time, in ISO 8601."""

    __slots__ = ()


class FromList:
    """What stands in a list of JSON, in a cell of its record."""

    __slots__ = ()


class MemberCell(FromList, str):
    """The text of a list's only member."""

    __slots__ = ()


class MemberNumberCell(FromList, NumberCell):
    """The number of a list's only member."""

    __slots__ = ()


class SeveralCell(FromList, str):
    """A list of several: text to look at, and no value."""

    __slots__ = ()


class Position(NamedTuple):
    """Where a cell of an EDI file stands: its segment's number in the file, its first character's, counted from 0."""

    segment: int
    offset: int


class ElementCell(str):
    """A cell of an EDI file on its way to a row, which keeps text and position apart."""

    __slots__ = ("position",)

    position: Position

    @classmethod
    def at(cls, text: str, segment: int, offset: int) -> ElementCell:
        """A cell that stands there."""
        made = cls(text)
        made.position = Position(segment, offset)
        return made


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One export file: its name, the SHA-256 of its bytes (hexadecimal), and its content.

    `broken`: why a workbook has no grid; it is not opened a second time. `remarks`: what a person should know of the
    sheet that was read, and no finding (`hidden.py`). `made`: of a source that SQL makes; its digest
    is of the SQL and of the files that it is over.
    """

    name: str
    digest: str
    data: bytes = b""
    grid: Grid | None = None
    sheet: str = ""
    broken: Finding | None = None
    remarks: tuple[Finding, ...] = ()
    made: Made | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What SQL made of other sources (`peers/shaper.py` runs it): columns, rows; what of those could not be read."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A file, or a sheet of it, that rows come from. `unit`: what the lines of its rows count, or `segment`."""

    source: str
    file: str
    digest: str
    sheet: str = ""
    unit: str = "line"


Spots: TypeAlias = tuple[tuple[int, int], ...]
"""Of each cell, the row that it stands in, by its number among some, and where there."""


class Row:
    """One record of an export. A plain class for speed; nobody changes it after reading.

    `whence`: of a row that SQL made of rows that it names, where each cell stands: which of these (the SQL's result is
    one), and where there. Rows whose cells stand alike share the second part, for there are many.
    """

    __slots__ = ("cells", "line", "origin", "places", "record", "whence")

    def __init__(
        self, cells: list[str], origin: Origin, record: int, line: int, places: list[Position | None] | None = None
    ) -> None:
        self.cells = cells
        self.places = places
        self.origin = origin
        self.record = record
        self.line = line
        self.whence: tuple[tuple[Row, ...], Spots] | None = None

    def traced(self, index: int) -> tuple[Row, int]:
        """The row that a cell stands in, and its index there."""
        if self.whence is None:
            return self, index
        rows, spots = self.whence
        which, place = spots[index]
        return rows[which], place

    def line_of(self, index: int) -> int:
        """Where a cell stands: its own segment, which may be another than the row's, or the row's line."""
        position = self.position(index)
        return self.line if position is None else position.segment

    def position(self, index: int) -> Position | None:
        """Where in an EDI file a cell stands."""
        return self.places[index] if self.places is not None else None


@dataclass(slots=True, kw_only=True)
class Table:
    """All rows of a source: columns first, rows as they are read. `findings` grows while rows are read.

    `lost`: rows that these are made of could not be read, so that none of these counts.
    """

    name: str
    columns: tuple[str, ...]
    rows: Iterator[Row]
    findings: list[Finding] = field(default_factory=list)
    read: int = 0
    lost: bool = False


class Unreadable(BadInput):
    """An export cannot be read further; what was read before it does not count either."""

    code = "unreadable"

    def __init__(self, finding: Finding) -> None:
        self.finding = finding
        super().__init__(finding.message, hint=finding.hint, place=finding.place.source)


def unreadable(
    file: SourceFile, code: str, message: str, *, hint: str = "", line: int = 0, column: str = "", segment: int = 0
) -> Unreadable:
    """The structural finding about a file, at a line or, in EDI, at a segment."""
    unit = "segment" if segment else "line"
    place = Place(source=file.name, sheet=file.sheet, line=segment or line, column=column, unit=unit)
    return Unreadable(Finding(code=code, message=message, hint=hint, place=place))


def content(file: SourceFile) -> bytes:
    """The file's bytes, unpacked where it is gzip."""
    data = file.data
    if not data:
        raise unreadable(file, "empty-file", "The file has no content.", hint="was it still being written?")
    if data[:2] == b"\x1f\x8b":
        return _inflate(file, data)
    return data


def _inflate(file: SourceFile, data: bytes) -> bytes:
    machine = zlib.decompressobj(wbits=31)
    limit = min(MAX_INFLATED, max(len(data) * MAX_RATIO, 1 << 20))
    try:
        plain = machine.decompress(data, limit)
    except zlib.error as error:
        raise unreadable(file, "damaged-file", f"The gzip file is damaged: {error}.", hint="export it again") from error
    if machine.unconsumed_tail:
        raise unreadable(file, "too-large", f"The gzip file unpacks to more than {limit} bytes.")
    if not machine.eof:
        raise unreadable(file, "truncated-file", "The gzip file ends too early.", hint="copy or export it again")
    return plain
