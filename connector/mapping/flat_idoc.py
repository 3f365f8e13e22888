"""Flat IDocs (SAP port type file, record types of version 3) to the same segments as IDocs in XML.

A line is the control record (EDI_DC40), or a data record (EDI_DD40): 63 characters that say which segment it is and
where it hangs, then its fields in fixed places. These places are the layout, as SAP writes it: WE60 or RSEIDOC3,
documentation of the IDoc type as "parser". A layout may be cut down to the segments and fields that a plan needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from connector.mapping.delimited import decoded
from connector.mapping.exports import Source
from connector.mapping.records import Flat
from connector.mapping.segments import Flattening, Naming, Segment
from connector.mapping.source import SourceFile, content, unreadable

MAX_DEPTH = 32
_CONTROL = "EDI_DC40"
_CONTROL_WIDTHS = (
    ("TABNAM", 10), ("MANDT", 3), ("DOCNUM", 16), ("DOCREL", 4), ("STATUS", 2), ("DIRECT", 1), ("OUTMOD", 1),
    ("EXPRSS", 1), ("TEST", 1), ("IDOCTYP", 30), ("CIMTYP", 30), ("MESTYP", 30), ("MESCOD", 3), ("MESFCT", 3),
    ("STD", 1), ("STDVRS", 6), ("STDMES", 6), ("SNDPOR", 10), ("SNDPRT", 2), ("SNDPFC", 2), ("SNDPRN", 10),
    ("SNDSAD", 21), ("SNDLAD", 70), ("RCVPOR", 10), ("RCVPRT", 2), ("RCVPFC", 2), ("RCVPRN", 10), ("RCVSAD", 21),
    ("RCVLAD", 70), ("CREDAT", 8), ("CRETIM", 6), ("REFINT", 14), ("REFGRP", 14), ("REFMES", 14), ("ARCKEY", 70),
    ("SERIAL", 20),
)  # fmt: skip
_SEGNAM, _DOCNUM, _SEGNUM, _PSGNUM, _HLEVEL = slice(30), slice(33, 49), slice(49, 55), slice(55, 61), slice(61, 63)
_DATA, _LONGEST = 63, 1_063
"""Where the fields of a data record begin, and how long it is at most."""
_FIRST, _DIGITS = ("CHARACTER_FIRST", "BYTE_FIRST"), 6
"""In a layout: what says where a field begins, counted from 1, and how many digits a number has."""
_CUT = "the layout was cut within a field, or changed; export it again, or take only whole fields out"


@dataclass(slots=True)
class Shape:
    """A segment's layout: its type (`E1EDL24`, whatever its release), its fields with their places in the line."""

    kind: str
    fields: list[tuple[str, slice]] = field(default_factory=list)


@dataclass(slots=True)
class _Field:
    """A field as the layout describes it: the line of its NAME, and the numbers in the lines below."""

    name: str
    line: int
    told: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Idoc:
    """An IDoc while it is read."""

    top: Segment
    number: str
    by_number: dict[str, tuple[Segment, int]] = field(default_factory=dict)
    path: list[tuple[int, Segment]] = field(default_factory=list)


def records(file: SourceFile, source: Source, layouts: Sequence[SourceFile]) -> Iterator[Flat]:
    """One flat record per segment at the path. Raises `Unreadable`."""
    steps = (source.record or "").split("/")
    flattening = Flattening(file, Naming(qualifiers=source.qualifiers, short=True))
    for top in idocs(file, source.encoding or "utf-8", layouts):
        yield from flattening.below(top, steps[1:])


# --- the layout ---


def is_layout(file: SourceFile) -> bool:
    """Whether this is a layout: it begins as WE60's documentation does."""
    return file.data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"BEGIN_")


def layout_of(file: SourceFile) -> dict[str, Shape]:
    """Per segment definition (`E2EDL24009`) its layout. Raises `Unreadable`."""
    shapes: dict[str, Shape] = {}
    described: list[tuple[Shape, list[_Field]]] = []
    for number, line in enumerate(decoded(file, content(file), "utf-8").split("\n"), start=1):
        key, _, rest = line.strip().partition(" ")
        value = rest.strip()
        if key == "BEGIN_SEGMENT" and value:
            described.append((shapes.setdefault(value, Shape(value)), []))
        elif not described:
            continue
        elif key in {"SEGMENTTYPE", "SEGMENT_TYPE"}:
            described[-1][0].kind = value
        elif key == "NAME":
            described[-1][1].append(_Field(value, number))
        elif key in {"LENGTH", *_FIRST}:
            _tell(file, described[-1][1], key, _counted(file, value, number), number)
    for shape, fields in described:
        shape.fields += _placed(file, fields)
    if not any(shape.fields for shape in shapes.values()):
        raise unreadable(
            file, "bad-structure", "The layout names no field: it has no BEGIN_SEGMENT with NAME and LENGTH.",
            hint="in SAP: WE60, the IDoc type, documentation as parser", line=1,
        )  # fmt: skip
    return shapes


def _tell(file: SourceFile, fields: list[_Field], key: str, number: int, line: int) -> None:
    """Each line belongs to the NAME above it: where one is lost, its length would become that of the field before."""
    if not fields or key in fields[-1].told:
        _refuse(file, line, f"{key} in line {line} of the layout belongs to no field: NAME is missing.", _CUT)
    fields[-1].told[key] = number


def _placed(file: SourceFile, fields: list[_Field]) -> Iterator[tuple[str, slice]]:
    """The fields with their places; where none is said, the lengths add up."""
    at = _DATA
    for one in fields:
        if not one.name or "LENGTH" not in one.told:
            message = f"The field `{one.name[:30]}` in line {one.line} of the layout lacks its name or LENGTH."
            _refuse(file, one.line, message, _CUT)
        first = next((one.told[key] - 1 for key in _FIRST if key in one.told), at)
        at = first + one.told["LENGTH"]
        yield one.name, slice(first, at)


def _counted(file: SourceFile, written: str, line: int) -> int:
    plain = written.isascii() and written.isdecimal() and len(written) <= _DIGITS
    if not plain or not 0 < int(written) <= _LONGEST:
        _refuse(file, line, f"`{written[:20]}` in line {line} of the layout is no place in a record.", "")
    return int(written)


# --- the file ---


def idocs(file: SourceFile, encoding: str, layouts: Sequence[SourceFile]) -> Iterator[Segment]:
    """The IDocs of the file as trees of segments. Raises `Unreadable`."""
    shapes = {name: shape for each in layouts for name, shape in layout_of(each).items()}
    idoc: _Idoc | None = None
    for number, ended in enumerate(decoded(file, content(file), encoding).split("\n"), start=1):
        line = ended.removesuffix("\r")
        if not line.strip():
            continue
        if len(line) > _LONGEST:
            raise unreadable(
                file, "bad-structure", f"Line {number} has {len(line)} characters; a record has at most {_LONGEST}.",
                hint="is each record a line of its own, and the encoding right?", line=number,
            )  # fmt: skip
        if line[:10].strip() == _CONTROL:
            if idoc is not None:
                yield idoc.top
            idoc = _begun(line, number)
        elif idoc is None:
            raise unreadable(
                file, "header-missing", "The file does not begin with a control record (EDI_DC40).",
                hint="a flat IDoc of version 3; the path of its `record` begins with IDOC", line=number,
            )  # fmt: skip
        else:
            _add(file, idoc, line, number, shapes)
    if idoc is None:
        raise unreadable(file, "empty-file", "The file has no IDoc.", hint="was it still being written?")
    yield idoc.top


def _begun(line: str, number: int) -> _Idoc:
    fields, at = {}, 0
    for name, width in _CONTROL_WIDTHS:
        value = line[at : at + width].strip()
        at += width
        if value:
            fields[name] = value
    top = Segment("IDOC", number, children=[Segment(_CONTROL, number, fields=fields)])
    return _Idoc(top, fields.get("DOCNUM", ""))


def _add(file: SourceFile, idoc: _Idoc, line: str, number: int, shapes: dict[str, Shape]) -> None:
    name = line[_SEGNAM].strip()
    shape = shapes.get(name)
    if shape is None:
        _refuse(file, number, f"The layout has no segment `{name[:30]}`, which stands in line {number}.",
                "export it for the type that IDOCTYP and CIMTYP say, in the release of its segments")  # fmt: skip
    if line[_DOCNUM].strip() != idoc.number:
        _refuse(file, number, f"Line {number} belongs to IDoc `{line[_DOCNUM].strip()}`, and stands in "
                f"`{idoc.number}`.", "a control record is missing: the file was cut or joined")  # fmt: skip
    fields = {field_name: value for field_name, place in shape.fields if (value := line[place].strip())}
    segment = Segment(shape.kind, number, fields=fields)
    parent, depth = _parent(file, idoc, line, number)
    if depth >= MAX_DEPTH:
        _refuse(file, number, f"The segment in line {number} hangs deeper than {MAX_DEPTH}.", "")
    parent.children.append(segment)
    idoc.by_number[line[_SEGNUM]] = segment, depth + 1
    idoc.path.append((_level(line), segment))


def _parent(file: SourceFile, idoc: _Idoc, line: str, number: int) -> tuple[Segment, int]:
    """The segment that PSGNUM names; where none is named, the last one of a higher level (HLEVEL)."""
    level, above = _level(line), line[_PSGNUM]
    while idoc.path and idoc.path[-1][0] >= level:
        idoc.path.pop()
    if above.strip(" 0"):
        if above not in idoc.by_number:
            _refuse(file, number, f"Line {number} hangs below segment {above}, which is not there.",
                    "the file was cut or changed on its way; fetch it again")  # fmt: skip
        return idoc.by_number[above]
    return (idoc.path[-1][1], len(idoc.path)) if idoc.path else (idoc.top, 0)


def _level(line: str) -> int:
    written = line[_HLEVEL].strip()
    return int(written) if written.isascii() and written.isdecimal() else 1


def _refuse(file: SourceFile, line: int, message: str, hint: str) -> NoReturn:
    raise unreadable(file, "bad-structure", message, hint=hint, line=line)
