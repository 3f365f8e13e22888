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
from connector.mapping.plan import Source
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


@dataclass(slots=True)
class Shape:
    """A segment's layout: its type (`E1EDL24`, whatever its release), its fields with their places in the line."""

    kind: str
    fields: list[tuple[str, slice]] = field(default_factory=list)


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
    shape: Shape | None = None
    name, at = "", _DATA
    for number, line in enumerate(decoded(file, content(file), "utf-8").split("\n"), start=1):
        key, _, rest = line.strip().partition(" ")
        value = rest.strip()
        if key == "BEGIN_SEGMENT" and value:
            shape, name, at = shapes.setdefault(value, Shape(value)), "", _DATA
        elif shape is not None and key in {"SEGMENTTYPE", "SEGMENT_TYPE"}:
            shape.kind = value
        elif shape is not None and key == "NAME":
            name = value
        elif shape is not None and name and key == "LENGTH":
            length = _counted(file, value, number)
            shape.fields.append((name, slice(at, at + length)))
            at += length
        elif shape is not None and name and key in {"BYTE_FIRST", "CHARACTER_FIRST"}:
            first = _counted(file, value, number) - 1
            _, place = shape.fields.pop()
            at = first + place.stop - place.start
            shape.fields.append((name, slice(first, at)))
    if not any(shape.fields for shape in shapes.values()):
        raise unreadable(
            file, "bad-structure", "The layout names no field: it has no BEGIN_SEGMENT with NAME and LENGTH.",
            hint="in SAP: WE60, the IDoc type, documentation as parser", line=1,
        )  # fmt: skip
    return shapes


def _counted(file: SourceFile, written: str, line: int) -> int:
    if not (written.isascii() and written.isdecimal() and 0 < int(written) <= _LONGEST):
        message = f"`{written[:20]}` in line {line} of the layout is no place in a record."
        raise unreadable(file, "bad-structure", message, line=line)
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
