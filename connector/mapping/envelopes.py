"""Envelopes of EDI files, held against what is in them: what opens is closed, by its reference, with the true count.

ISO 9735-1, 8 (UNB, UNG, UNH) and X12.5 (ISA, GS, ST) build alike: a closing segment has the count first, then the
reference. Raises `Unreadable` at the segment where they do not agree: the file was cut, joined or changed on its way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from connector.mapping.elements import MAX_MESSAGE, Marks, Raw, behind_breaks, segments
from connector.mapping.source import SourceFile, Unreadable, unreadable


@dataclass(frozen=True, slots=True)
class Level:
    """One envelope: its first and last segment, the element of the reference, what the last one counts."""

    opens: str
    closes: str
    reference: int
    counts: str
    optional: bool = False


@dataclass(slots=True)
class Message:
    """A message: the headers around it, its own header, and the segments between header and trailer."""

    around: list[Raw]
    header: Raw
    body: list[Raw] = field(default_factory=list)


Begin = Callable[[str, int, int], tuple[Marks, int]]
"""Text, place and number of the next segment to the separators of the interchange there, and where it begins."""


def messages_in(
    file: SourceFile, text: str, levels: tuple[Level, ...], begin: Begin, passed: frozenset[str] = frozenset()
) -> Iterator[Message]:
    """The messages of all interchanges of a file. Raises `Unreadable` where an envelope does not hold."""
    place, number, size = behind_breaks(text, 0), 1, len(text.rstrip())
    while place < size:
        marks, start = begin(text, place, number)
        envelope = Envelope(file, levels, passed)
        for raw, end in segments(file, text, start, marks, number):
            yield from envelope.take(raw)
            place, number = behind_breaks(text, end), raw.number + 1
            if envelope.closed:
                break
        envelope.check_closed(number - 1)


@dataclass(slots=True)
class _Open:
    level: int
    header: Raw
    count: int = 0


class Envelope:
    """One interchange while it is read. `closed`: its last segment was there."""

    def __init__(self, file: SourceFile, levels: tuple[Level, ...], passed: frozenset[str] = frozenset()) -> None:
        self.file = file
        self.levels = levels
        self.passed = passed
        self.open: list[_Open] = []
        self.body: list[Raw] = []
        self.closed = False
        self._opens = {level.opens: place for place, level in enumerate(levels)}
        self._closes = {level.closes: place for place, level in enumerate(levels)}

    def take(self, raw: Raw) -> Iterator[Message]:
        """One segment more; the message that it closes."""
        innermost = bool(self.open) and self.open[-1].level == len(self.levels) - 1
        if raw.name in self._opens:
            self._begin(raw, self._opens[raw.name])
        elif raw.name in self._closes:
            if innermost and raw.name == self.levels[-1].closes:
                self.open[-1].count = len(self.body) + 2
                self._end(raw)
                *around, header = [one.header for one in self.open]
                yield Message(around, header, self.body)
                self.body = []
            else:
                self._end(raw)
            self.open.pop()
            if self.open:
                self.open[-1].count += 1
            self.closed = not self.open
        elif innermost:
            self._keep(raw)
        elif raw.name not in self.passed:
            raise self._misplaced(raw)

    def _begin(self, raw: Raw, level: int) -> None:
        above = self.open[-1].level if self.open else -1
        if above >= level or any(not one.optional for one in self.levels[above + 1 : level]):
            raise self._misplaced(raw)
        self.open.append(_Open(level, raw))

    def _end(self, raw: Raw) -> None:
        if not self.open or self.levels[self.open[-1].level].closes != raw.name:
            raise self._misplaced(raw)
        here = self.open[-1]
        level, counted, said = self.levels[here.level], str(here.count), raw.value(1)
        if (said.lstrip("0") or "0") != counted:
            text = f"{raw.name} (segment {raw.number}) counts {said[:20] or 'no'} {level.counts}, there are {counted}."
            raise self._broken(raw, text)
        reference = here.header.value(level.reference)
        if raw.value(2) != reference:
            text = f"{raw.name} (segment {raw.number}) closes `{raw.value(2)[:40]}`, open is `{reference[:40]}`."
            raise self._broken(raw, text)

    def _keep(self, raw: Raw) -> None:
        if raw.offset - self.open[-1].header.offset > MAX_MESSAGE:
            text = f"A message has more than {MAX_MESSAGE} characters."
            raise unreadable(self.file, "too-large", text, hint="split the message", segment=raw.number)
        self.body.append(raw)

    def _misplaced(self, raw: Raw) -> Unreadable:
        return self._broken(raw, f"Segment {raw.number} ({raw.name[:20]}) may not stand there.")

    def _broken(self, raw: Raw, text: str) -> Unreadable:
        hint = "the file was cut, joined or changed on its way; fetch it again"
        return unreadable(self.file, "bad-structure", text, hint=hint, segment=raw.number)

    def check_closed(self, number: int) -> None:
        """Raises `Unreadable` where the file ends within the interchange; `number`: the last segment's."""
        if not self.closed:
            missing = self.levels[self.open[-1].level if self.open else 0].closes
            raise unreadable(
                self.file, "truncated-file", f"The file ends without {missing}.",
                hint="the file is cut off; fetch it again", segment=number,
            )  # fmt: skip
