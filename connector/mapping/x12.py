"""ANSI ASC X12 interchanges (X12.5, X12.6) to flat records: the segment of the plan's path.

A path begins with the transaction set's number, then the levels of its HL hierarchy by their codes (HL03), then
segments: `856/S/O/I`, `861/RCD`. Columns are a segment and the place of an element, as guides write it: `BSN/02`,
`N1[ST]/04`, a component `REF/04-2`. Pairs of qualifier and value (LIN, SLN, PO1, MAN) make as many segments, each with
its pair at the place of the first: `LIN[LT]/03`. Envelopes have to agree with what they hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from connector.mapping.delimited import decoded
from connector.mapping.edifact import innermost, out_of_place
from connector.mapping.elements import Component, Marks, Raw, cell
from connector.mapping.envelopes import Level, Message, messages_in
from connector.mapping.groups import MAX_DEPTH, Nest, group_of
from connector.mapping.plan import Source
from connector.mapping.records import Flat
from connector.mapping.segments import Flattening, Naming, Segment, known
from connector.mapping.segments import outline as count_paths
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


def records(file: SourceFile, source: Source, qualifiers: dict[str, str]) -> Iterator[Flat]:
    """One flat record per segment at the path; `qualifiers`: per segment its field. Raises `Unreadable`."""
    kind, *steps = (source.record or "").split("/")
    flattening = Flattening(file, Naming(qualifiers=qualifiers, deep=True))
    seen: dict[str, int] = {}
    for message in messages(file, source.encoding):
        seen[message.header.value(1)] = 1
        if message.header.value(1) == kind:
            yield from flattening.below(tree(file, message, source.groups), ["GS", kind, *steps])
    if kind not in seen:
        raise unreadable(
            file, "header-missing", f"The file has no transaction set {kind}.",
            hint=f"`record` begins with: {known(seen)}",
        )  # fmt: skip


def tree(file: SourceFile, message: Message, groups: str | None) -> Segment:
    """The set's segments in their loops and levels, below the headers around it. Raises `Unreadable`."""
    kind = message.header.value(1)
    headers = [_segment(raw, raw.elements) for raw in (*message.around, message.header)]
    for outer, inner in pairwise(headers):
        outer.children.append(inner)
    headers[-1].step = kind
    nest = Nest(headers[-1], group_of(groups if groups is not None else SETS.get(kind, "")))
    levels: dict[str, tuple[Segment, int]] = {"": (headers[-1], 0)}
    for raw in message.body:
        for segment in _segments(raw):
            placed = _level(file, raw, segment, nest, levels) if raw.name == "HL" else nest.put(segment)
            if not placed:
                raise out_of_place(file, raw, kind)
    return headers[0]


def outline(file: SourceFile, encoding: str | None) -> tuple[dict[str, int], dict[str, int]]:
    """For proposals: how often each transaction set stands, and each path of a segment, where the loops are known."""
    kinds: dict[str, int] = {}
    paths: dict[str, int] = {}
    for message in messages(file, encoding):
        kind = message.header.value(1)
        kinds[kind] = kinds.get(kind, 0) + 1
        if kind in SETS:
            count_paths(innermost(tree(file, message, None), message), paths)
    return kinds, paths


def _level(file: SourceFile, raw: Raw, segment: Segment, nest: Nest, levels: dict[str, tuple[Segment, int]]) -> bool:
    """A level of the hierarchy, below the one that its HL02 names (X12.22, segment HL)."""
    number, above = raw.value(1), raw.value(2)
    parent, depth = levels.get(above, (None, 0))
    if parent is None or number in levels:
        wrong = f"there is no HL `{above[:20]}` before it" if parent is None else f"there are two HL `{number[:20]}`"
        raise unreadable(
            file, "bad-structure", f"Segment {raw.number} (HL) has no place in the hierarchy: {wrong}.",
            hint="HL01 counts up, HL02 names an HL before it, or is empty", segment=raw.number,
        )  # fmt: skip
    if depth >= MAX_DEPTH:
        message = f"Segment {raw.number} (HL) is nested deeper than {MAX_DEPTH}."
        raise unreadable(file, "too-large", message, segment=raw.number)
    segment.step = raw.value(3)
    levels[number] = segment, depth + 1
    return nest.put_below(parent, segment)


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


def messages(file: SourceFile, encoding: str | None) -> Iterator[Message]:
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
