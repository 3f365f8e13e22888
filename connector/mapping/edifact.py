"""UN/EDIFACT interchanges (ISO 9735-1, syntax versions 1 to 4) to flat records: the segment of the plan's path.

A path begins with the message's type: `DESADV/CPS/LIN`. The interchange's header is its parent (`UNB/0020`). An
element that may repeat (GIN, PIA, GIR) makes as many segments. Envelopes have to agree with what they hold: references
and counts of UNT, UNE and UNZ. The directory's part that is needed: `edifact_directory`.
"""

from __future__ import annotations

from collections.abc import Iterator

from connector.mapping.delimited import decoded
from connector.mapping.edifact_directory import MESSAGES, elements_of
from connector.mapping.elements import Marks, Raw, behind_breaks, cell
from connector.mapping.envelopes import Level, Message, messages_in
from connector.mapping.groups import Nest
from connector.mapping.interchanges import Syntax
from connector.mapping.segments import Segment
from connector.mapping.source import SourceFile, content, unreadable

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


def _messages(file: SourceFile, encoding: str | None) -> Iterator[Message]:
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


SYNTAX = Syntax(
    noun="message",
    type_element=2,
    orders=MESSAGES,
    messages=_messages,
    segments=_segments,
    nest=lambda _, top, group: Nest(top, group),
)
