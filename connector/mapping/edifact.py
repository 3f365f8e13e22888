"""UN/EDIFACT interchanges (ISO 9735-1, syntax versions 1 to 4) to flat records: the segment of the plan's path.

A path begins with the message's type: `DESADV/CPS/LIN`. The interchange's header is its parent (`UNB/0020`). An
element that may repeat (GIN, PIA, GIR) makes as many segments. Envelopes have to agree with what they hold: references
and counts of UNT, UNE and UNZ. The directory's part that is needed: `edifact_directory`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from connector.mapping.delimited import decoded
from connector.mapping.edifact_directory import MESSAGES, elements_of
from connector.mapping.elements import Marks, Raw, behind_breaks, cell
from connector.mapping.envelopes import Level, Message, messages_in
from connector.mapping.groups import Group, Nest, group_of
from connector.mapping.plan import Source
from connector.mapping.records import Flat
from connector.mapping.segments import Flattening, Naming, Segment, known
from connector.mapping.segments import outline as count_paths
from connector.mapping.source import SourceFile, Unreadable, content, unreadable

CHARACTER_SETS = {
    "UNOA": "ascii", "UNOB": "ascii", "UNOC": "iso-8859-1", "UNOD": "iso-8859-2", "UNOE": "iso-8859-5",
    "UNOF": "iso-8859-7", "UNOG": "iso-8859-3", "UNOH": "iso-8859-4", "UNOI": "iso-8859-6", "UNOJ": "iso-8859-8",
    "UNOK": "iso-8859-9", "UNOW": "utf-8", "UNOY": "utf-8",
}  # fmt: skip
"""Syntax identifier (0001) to encoding; UNOX (escape sequences of ISO 2022) is not read."""
_DEFAULT = ":+.?*'"
"""The separators where no UNA says others: component, element, decimal mark, release, repetition, terminator."""
_UNA = 9
"""The length of a service string advice (ISO 9735-1, 6)."""
_HEAD, _MARK = 200, "\u00ef\u00bb\u00bf"
"""How much of a file is looked at for its character set; the mark of UTF-8 before it is decoded."""
_REPEATING = "4"
"""The first syntax version whose UNA has a repetition separator."""


_LEVELS = (
    Level("UNB", "UNZ", 5, "messages or groups"),
    Level("UNG", "UNE", 5, "messages", optional=True),
    Level("UNH", "UNT", 1, "segments"),
)


def records(file: SourceFile, source: Source, qualifiers: dict[str, str]) -> Iterator[Flat]:
    """One flat record per segment at the path; `qualifiers`: per segment its field. Raises `Unreadable`."""
    kind, *steps = (source.record or "").split("/")
    flattening = Flattening(file, Naming(qualifiers=qualifiers, deep=True))
    seen: dict[str, int] = {}
    for message in messages(file, source.encoding):
        seen[message.header.value(2)] = 1
        if message.header.value(2) == kind:
            top = tree(file, message, source.groups)
            yield from flattening.below(top, [*(raw.name for raw in message.around[1:]), kind, *steps])
    if kind not in seen:
        raise unreadable(
            file, "header-missing", f"The file has no message {kind}.", hint=f"`record` begins with: {known(seen)}"
        )


def tree(file: SourceFile, message: Message, groups: str | None) -> Segment:
    """The message's segments in their groups, below the headers around it. Raises `Unreadable`."""
    kind = message.header.value(2)
    headers = [segment for raw in (*message.around, message.header) for segment in _segments(raw)]
    for outer, inner in pairwise(headers):
        outer.children.append(inner)
    headers[-1].step = kind
    nest = Nest(headers[-1], groups_of(kind, groups))
    for raw in message.body:
        for segment in _segments(raw):
            if not nest.put(segment):
                raise out_of_place(file, raw, kind)
    return headers[0]


def outline(file: SourceFile, encoding: str | None) -> tuple[dict[str, int], dict[str, int]]:
    """For proposals: how often each message stands, and each path of a segment, where the groups are known."""
    kinds: dict[str, int] = {}
    paths: dict[str, int] = {}
    for message in messages(file, encoding):
        kind = message.header.value(2)
        kinds[kind] = kinds.get(kind, 0) + 1
        if kind in MESSAGES:
            count_paths(innermost(tree(file, message, None), message), paths)
    return kinds, paths


def innermost(top: Segment, message: Message) -> Segment:
    """The message itself, below the headers around it."""
    for _ in message.around:
        top = top.children[-1]
    return top


def out_of_place(file: SourceFile, raw: Raw, kind: str) -> Unreadable:
    """A segment that no open group of the message knows."""
    return unreadable(
        file, "bad-structure", f"Segment {raw.number} ({raw.name[:20]}) has no place in a {kind[:20]}.",
        hint="`groups` writes down another order, such as `BGM DTM RFF(DTM)`", segment=raw.number,
    )  # fmt: skip


def groups_of(kind: str, groups: str | None) -> Group:
    """The order of the plan, else that of the directories."""
    return group_of(groups if groups is not None else MESSAGES.get(kind, ""))


def _segments(raw: Raw) -> Iterator[Segment]:
    """The segment; one for each repetition of an element that repeats."""
    known_elements = elements_of(raw.name)
    once, many = raw.elements, []
    if known_elements.repeats:
        once = raw.elements[: known_elements.repeats - 1]
        many = [one for element in raw.elements[known_elements.repeats - 1 :] for one in element]
    fields: dict[str, str] = {}
    for place, element in enumerate(once, start=1):
        for number, repetition in enumerate(element, start=1):
            for part, component in enumerate(repetition, start=1):
                if component.text:
                    column = known_elements.column(place, part)
                    fields[column if number == 1 else f"{column}*{number}"] = cell(component, raw)
    filled = [one for one in many if any(component.text for component in one)]
    for repetition in filled or [[]]:
        own = {
            known_elements.column(known_elements.repeats, part): cell(component, raw)
            for part, component in enumerate(repetition, start=1)
            if component.text
        }
        yield Segment(raw.name, raw.number, fields=fields | own)


# --- envelopes ---


def messages(file: SourceFile, encoding: str | None) -> Iterator[Message]:
    """The messages of all interchanges of the file. Raises `Unreadable` where an envelope does not hold."""
    data = content(file)
    said, _, _ = _begin(file, data[:_HEAD].decode("latin-1").removeprefix(_MARK), 0, 1)
    text = decoded(file, data, encoding or _encoding(file, said), said="the plan" if encoding else "UNB")

    def begin(text: str, place: int, number: int) -> tuple[Marks, int]:
        again, marks, start = _begin(file, text, place, number)
        if again != said:
            message = f"One interchange is {said}, the next one {again[:20]}."
            raise unreadable(file, "bad-encoding", message, hint="split the file", segment=number)
        return marks, start

    return messages_in(file, text, _LEVELS, begin)


def _begin(file: SourceFile, text: str, place: int, number: int) -> tuple[str, Marks, int]:
    """At the beginning of an interchange: its character set, its separators, and where UNB stands."""
    start, given = behind_breaks(text, place), _DEFAULT
    if text.startswith("UNA", start):
        given = text[start + 3 : start + _UNA].ljust(len(_DEFAULT))
        start = behind_breaks(text, start + _UNA)
    component, element, _, release, repetition, terminator = tuple(given)
    used = [mark for mark in given[:2] + release.strip() + repetition.strip() + terminator if mark != " "]
    head = text[start : start + _HEAD]
    if not head.startswith(f"UNB{element}") or len(set(used)) < len(used) or any(map(str.isalnum, used)):
        raise unreadable(
            file, "header-missing", "No interchange begins here: UNB, with UNA before it where separators differ.",
            hint="an EDIFACT file begins with UNA or UNB; messages without their envelope are not read", segment=number,
        )  # fmt: skip
    syntax, version, *_ = [*head[4:].partition(element)[0].split(component), ""]
    marks = Marks(
        component=component, element=element, terminator=terminator, release=release.strip(),
        repetition=repetition.strip() if version >= _REPEATING else "",
    )  # fmt: skip
    return syntax, marks, start


def _encoding(file: SourceFile, said: str) -> str:
    if said not in CHARACTER_SETS:
        raise unreadable(
            file, "bad-encoding", f"UNB says the character set `{said[:20]}`, which is not read.",
            hint=f"say the `encoding` that the file really has; read are {', '.join(CHARACTER_SETS)}", segment=1,
        )  # fmt: skip
    return CHARACTER_SETS[said]
