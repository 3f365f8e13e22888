"""UN/EDIFACT interchanges (ISO 9735-1, syntax versions 1 to 4) to flat records: the segment of the plan's path.

A path begins with the message's type: `DESADV/CPS/LIN`. The interchange's header is its parent (`UNB/0020`). An
element that may repeat (GIN, PIA, GIR) makes as many segments. Envelopes have to agree with what they hold: references
and counts of UNT, UNE and UNZ. The directory's part that is needed: `edifact_directory`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from connector.mapping.delimited import decoded
from connector.mapping.edifact_directory import MESSAGES, elements_of, qualifiers
from connector.mapping.elements import MAX_MESSAGE, Marks, Raw, behind_breaks, cell, segments
from connector.mapping.groups import Group, Nest, group_of
from connector.mapping.plan import Source
from connector.mapping.records import Flat
from connector.mapping.segments import Flattening, Naming, Segment, known
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


@dataclass(slots=True)
class Message:
    """A message: its header in its interchange's, and the segments between header and trailer."""

    interchange: Segment
    header: Raw
    body: list[Raw] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """Its type (0065)."""
        return self.header.value(2)


def records(file: SourceFile, source: Source) -> Iterator[Flat]:
    """One flat record per segment at the path. Raises `Unreadable`."""
    kind, *steps = (source.record or "").split("/")
    naming = Naming(qualifiers=qualifiers() | source.qualifiers, deep=True)
    flattening = Flattening(file, naming)
    seen: dict[str, int] = {}
    for message in messages(file, source.encoding):
        seen[message.kind] = seen.get(message.kind, 0) + 1
        if message.kind == kind:
            tree(file, message, source.groups)
            yield from flattening.below(message.interchange, [kind, *steps])
            message.interchange.children.clear()
    if kind not in seen:
        raise unreadable(
            file, "header-missing", f"The file has no message {kind}.", hint=f"`record` begins with: {known(seen)}"
        )


def tree(file: SourceFile, message: Message, groups: str | None) -> Segment:
    """The message's segments in their groups, below its interchange. Raises `Unreadable`."""
    (top,) = _segments(message.header)
    top.step = message.kind
    message.interchange.children.append(top)
    nest = Nest(top, groups_of(message.kind, groups))
    for raw in message.body:
        for segment in _segments(raw):
            if not nest.put(segment):
                raise unreadable(
                    file, "bad-structure", f"Segment {raw.number} ({raw.name[:20]}) has no place in a {message.kind}.",
                    hint="`groups` writes down another order, such as `BGM DTM RFF(DTM)`", segment=raw.number,
                )  # fmt: skip
    return top


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
    place, number, size = 0, 1, len(text.rstrip())
    while place < size:
        again, marks, start = _begin(file, text, place, number)
        if again != said:
            message = f"One interchange is {said}, the next one {again[:20]}."
            raise unreadable(file, "bad-encoding", message, hint="split the file", segment=number)
        envelope = _Envelope(file)
        for raw, end in segments(file, text, start, marks, number):
            yield from envelope.take(raw)
            place, number = end, raw.number + 1
            if envelope.closed:
                break
        envelope.check_closed(number)


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


class _Envelope:
    """What the service segments of one interchange say, held against what there is (ISO 9735-1, 8)."""

    def __init__(self, file: SourceFile) -> None:
        self.file = file
        self.interchange: tuple[Raw, Segment] | None = None
        self.group: Raw | None = None
        self.message: Message | None = None
        self.messages = self.groups = self.in_group = 0
        self.closed = False

    def take(self, raw: Raw) -> Iterator[Message]:
        """One segment more; the message that it closes."""
        if raw.name == "UNB" and self.interchange is None:
            (segment,) = _segments(raw)
            self.interchange = raw, segment
        elif raw.name == "UNG" and self.group is None and self.message is None:
            self.group, self.in_group = raw, 0
        elif raw.name == "UNH" and self.message is None and self.interchange is not None:
            self.message = Message(self.interchange[1], raw)
        elif raw.name == "UNT" and self.message is not None:
            self._agree(raw, len(self.message.body) + 2, self.message.header.value(1), "segments")
            self.messages, self.in_group = self.messages + 1, self.in_group + 1
            yield self.message
            self.message = None
        elif raw.name == "UNE" and self.group is not None and self.message is None:
            self._agree(raw, self.in_group, self.group.value(5), "messages")
            self.groups, self.group = self.groups + 1, None
        elif raw.name == "UNZ" and self.interchange is not None and self.group is None and self.message is None:
            self._agree(raw, self.groups or self.messages, self.interchange[0].value(5), "messages or groups")
            self.closed = True
        elif self.message is not None and raw.name not in {"UNB", "UNG", "UNH", "UNE", "UNZ"}:
            if raw.offset - self.message.header.offset > MAX_MESSAGE:
                message = f"A message has more than {MAX_MESSAGE} characters."
                raise unreadable(self.file, "too-large", message, hint="split the message", segment=raw.number)
            self.message.body.append(raw)
        else:
            raise self._broken(raw.number, f"Segment {raw.number} ({raw.name[:20]}) may not stand there.")

    def _agree(self, raw: Raw, count: int, reference: str, what: str) -> None:
        if raw.value(1) != str(count) and raw.value(1).lstrip("0") != str(count):
            text = f"{raw.name} (segment {raw.number}) counts {raw.value(1)[:20]} {what}, there are {count}."
            raise self._broken(raw.number, text)
        if raw.value(2) != reference:
            text = f"{raw.name} (segment {raw.number}) closes `{raw.value(2)[:40]}`, open is `{reference[:40]}`."
            raise self._broken(raw.number, text)

    def _broken(self, number: int, text: str) -> Unreadable:
        hint = "the file was cut, joined or changed on its way; fetch it again"
        return unreadable(self.file, "bad-structure", text, hint=hint, segment=number)

    def check_closed(self, number: int) -> None:
        """Raises `Unreadable` where the file ends within the interchange."""
        if not self.closed:
            missing = "UNT" if self.message is not None else "UNE" if self.group is not None else "UNZ"
            raise unreadable(
                self.file, "truncated-file", f"The file ends without {missing}.",
                hint="the file is cut off; fetch it again", segment=number - 1,
            )  # fmt: skip
