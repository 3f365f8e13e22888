"""ANSI ASC X12 interchanges (X12.5, X12.6) to flat records: the segment of the plan's path.

A path begins with the transaction set's number, then the levels of its HL hierarchy by their codes (HL03), then
segments: `856/S/O/I`, `861/RCD`. Columns are a segment and the place of an element, as guides write it: `BSN/02`,
`N1[ST]/04`, a component `REF/04-2`. Pairs of qualifier and value (LIN, SLN, PO1, MAN) make as many segments, each with
its pair at the place of the first: `LIN[LT]/03`. Envelopes have to agree with what they hold.
"""

from __future__ import annotations

from collections.abc import Iterator

from connector.mapping.delimited import decoded
from connector.mapping.elements import Component, Marks, Raw, cell
from connector.mapping.envelopes import Level, Message, messages_in
from connector.mapping.groups import MAX_DEPTH, Group, Nest
from connector.mapping.interchanges import Syntax
from connector.mapping.segments import Segment
from connector.mapping.source import SourceFile, content, unreadable
from connector.mapping.x12_directory import PAIRS, SETS

_LEVELS = (
    Level("ISA", "IEA", 13, "functional groups"),
    Level("GS", "GE", 6, "transaction sets"),
    Level("ST", "SE", 2, "segments"),
)
_ISA, _SEPARATORS = 106, (3, 6, 17, 20, 31, 34, 50, 53, 69, 76, 81, 83, 89, 99, 101, 103)
"""The length of ISA, and where its element separators stand (X12.5, 4.1)."""
_REPEATING = "00402"
"""The first version whose ISA11 is the repetition separator."""


class _Hierarchy(Nest):
    """A transaction set's loops, and the levels of its HL segments (X12.22, segment HL)."""

    def __init__(self, file: SourceFile, top: Segment, group: Group) -> None:
        super().__init__(top, group)
        self.file = file
        self.levels: dict[str, tuple[Segment, int]] = {"": (top, 0)}

    def put(self, segment: Segment) -> bool:
        """A level stands below the one that its HL02 names. Raises `Unreadable` where there is none."""
        if segment.name != "HL":
            return super().put(segment)
        number, above = segment.fields.get("01", ""), segment.fields.get("02", "")
        parent, depth = self.levels.get(above, (None, 0))
        if parent is None or number in self.levels:
            wrong = (
                f"there is no HL `{above[:20]}` before it" if parent is None else f"there are two HL `{number[:20]}`"
            )
            raise unreadable(
                self.file, "bad-structure", f"Segment {segment.line} (HL) has no place in the hierarchy: {wrong}.",
                hint="HL01 counts up, HL02 names an HL before it, or is empty", segment=segment.line,
            )  # fmt: skip
        if depth >= MAX_DEPTH:
            message = f"Segment {segment.line} (HL) is nested deeper than {MAX_DEPTH}."
            raise unreadable(self.file, "too-large", message, segment=segment.line)
        segment.step = segment.fields.get("03", "")
        self.levels[number] = segment, depth + 1
        return self.put_below(parent, segment)


def _segments(raw: Raw) -> Iterator[Segment]:
    """The segment; one for each pair where it repeats qualifier and value."""
    begin, size = PAIRS.get(raw.name, (0, 0))
    if not begin or len(raw.elements) < begin:
        yield _segment(raw, raw.elements)
        return
    once, many = raw.elements[: begin - 1], raw.elements[begin - 1 :]
    pairs = [many[place : place + size] for place in range(0, len(many), size)]
    filled = [pair for pair in pairs if any(part.text for element in pair for one in element for part in one)]
    for pair in filled or [[]]:
        yield _segment(raw, [*once, *pair])


def _segment(raw: Raw, elements: list[list[list[Component]]]) -> Segment:
    fields: dict[str, str] = {}
    for place, element in enumerate(elements, start=1):
        for number, repetition in enumerate(element, start=1):
            for part, component in enumerate(repetition, start=1):
                if component.text:
                    name = f"{place:02d}" + (f"-{part}" if part > 1 else "") + (f"*{number}" if number > 1 else "")
                    fields[name] = cell(component, raw)
    return Segment(raw.name, raw.number, fields=fields)


def _messages(file: SourceFile, encoding: str | None) -> Iterator[Message]:
    """The transaction sets of all interchanges of the file. Raises `Unreadable` where an envelope does not hold."""
    text = decoded(file, content(file), encoding or "ascii", said="the plan" if encoding else "X12")

    def begin(text: str, place: int, number: int) -> tuple[Marks, int]:
        return _marks(file, text[place : place + _ISA], number), place

    return messages_in(file, text, _LEVELS, begin, passed=frozenset({"TA1"}))


def _marks(file: SourceFile, isa: str, number: int) -> Marks:
    """The separators, by their places in ISA, whose elements all have a fixed width."""
    element = isa[3:4]
    rest = isa[_ISA - 2 :]
    good = len(isa) == _ISA and isa.startswith("ISA") and {isa[at] for at in _SEPARATORS} == {element}
    if not good or len({element, *rest}) < 3 or (element + rest).strip().isalnum():  # noqa: PLR2004  # three marks
        raise unreadable(
            file, "header-missing", "No interchange begins here: ISA, with 105 characters before its terminator.",
            hint="elements of ISA have fixed widths: was the file changed, or trailing blanks cut?", segment=number,
        )  # fmt: skip
    repetition = isa[82] if isa[84:89] >= _REPEATING and not isa[82].isalnum() else ""
    return Marks(component=rest[0], element=element, terminator=rest[1], repetition=repetition.strip())


SYNTAX = Syntax(
    noun="transaction set",
    type_element=1,
    orders=SETS,
    messages=_messages,
    segments=_segments,
    nest=_Hierarchy,
)
