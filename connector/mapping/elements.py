"""EDI files to segments, elements and components: separators, release character, positions. For EDIFACT and X12.

Each scan goes once over the text, whatever it holds. What segments mean is left to `edifact` and `x12`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from connector.mapping.source import ElementCell, SourceFile, unreadable

MAX_SEGMENT, MAX_MESSAGE = 1 << 16, 1 << 24
"""Characters of a segment, and of a message: it is held whole, in some twenty times the memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """The separators of an interchange. Empty: there is none of this kind."""

    component: str
    element: str
    terminator: str
    release: str = ""
    repetition: str = ""


class Component(NamedTuple):
    """A component's text, and where it begins in the file, in characters from 0."""

    text: str
    offset: int


class Raw(NamedTuple):
    """A segment as it stands: its number in the file (from 1), where it begins, its name, its elements.

    An element is its repetitions, each of them its components.
    """

    number: int
    offset: int
    name: str
    elements: list[list[list[Component]]]

    def value(self, element: int, component: int = 1) -> str:
        """A component by its place from 1; nothing where the segment ends before it."""
        if element > len(self.elements):
            return ""
        found = self.elements[element - 1][0]
        return found[component - 1].text if component <= len(found) else ""


def segments(file: SourceFile, text: str, start: int, marks: Marks, number: int = 1) -> Iterator[tuple[Raw, int]]:
    """The segments from a place on, each with the place behind it. Raises `Unreadable` where one is cut off."""
    scan = _until(marks.terminator, marks.release)
    place = behind_breaks(text, start)
    while place < len(text):
        found = scan.match(text, place)
        end = found.end() if found else place
        if end >= len(text):
            raise unreadable(
                file, "truncated-file", f"Segment {number} does not end: the file stops within it.",
                hint="the file is cut off; fetch it again", segment=number,
            )  # fmt: skip
        yield _raw(file, Component(text[place:end], place), number, marks), end + 1
        place = behind_breaks(text, end + 1)
        number += 1


def cell(component: Component, raw: Raw) -> ElementCell:
    """A component as a cell that knows where it stands."""
    return ElementCell.at(component.text, raw.number, component.offset)


def _raw(file: SourceFile, whole: Component, number: int, marks: Marks) -> Raw:
    if "\n" in whole.text or "\r" in whole.text:
        raise unreadable(
            file, "bad-structure", f"A line ends within segment {number}.", segment=number,
            hint="a terminator is missing, or the file was broken into lines of equal length: send it as it is",
        )  # fmt: skip
    if len(whole.text) > MAX_SEGMENT:
        raise unreadable(file, "too-large", f"Segment {number} has more than {MAX_SEGMENT} characters.", segment=number)
    first, *rest = _split(whole, marks.element, marks.release)
    elements = [
        [_components(part, marks) for part in _split(element, marks.repetition, marks.release)] for element in rest
    ]
    return Raw(number, whole.offset, first.text.strip(), elements)


def _components(element: Component, marks: Marks) -> list[Component]:
    return [_plain(part, marks.release) for part in _split(element, marks.component, marks.release)]


def _plain(part: Component, release: str) -> Component:
    text = part.text
    if release and release in text:
        text = _released(release).sub(r"\1", text)
    plain = text.strip()
    return part if plain == part.text else Component(plain, part.offset)


def _split(whole: Component, mark: str, release: str) -> list[Component]:
    """The parts between the marks; a mark behind a release character is no mark."""
    text, offset = whole
    if not mark or mark not in text:
        return [whole]
    parts = []
    if not release or release not in text:
        for part in text.split(mark):
            parts.append(Component(part, offset))
            offset += len(part) + 1
        return parts
    scan, start = _until(mark, release), 0
    while True:
        found = scan.match(text, start)
        end = found.end() if found else len(text)
        parts.append(Component(text[start:end], offset + start))
        if end >= len(text):
            return parts
        start = end + 1


@lru_cache(maxsize=64)
def _until(mark: str, release: str) -> re.Pattern[str]:
    """Up to the next mark that counts. Possessive: it never looks back, so it takes linear time."""
    if not release:
        return re.compile(rf"[^{re.escape(mark)}]*+")
    return re.compile(rf"(?:[^{re.escape(mark + release)}]++|{re.escape(release)}.?)*+", re.DOTALL)


@lru_cache(maxsize=16)
def _released(release: str) -> re.Pattern[str]:
    return re.compile(rf"{re.escape(release)}(.)", re.DOTALL)


def behind_breaks(text: str, place: int) -> int:
    """The place behind line breaks and blanks."""
    found = _BREAKS.match(text, place)
    return found.end() if found else place


_BREAKS = re.compile(r"[ \t\r\n]*+")
