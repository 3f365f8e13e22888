r"""Patterns of texts: the part of regular expressions that ECMA-262 (JSON Schema), XPath (SHACL) and Python read alike.

Characters, `[a-z0-9]`, groups with `|`, and `? * + {2} {2,4} {2,}` behind any of them; a backslash takes a sign for
itself. No anchors (a pattern is for the whole text), no negation, no classes by letter such as `\d`, whose meaning
differs. A pattern is read into a maker of texts that fit it, so whatever is read is also understood.
"""

from __future__ import annotations

from collections.abc import Callable

from connector.errors import BadInput

Draw = Callable[[int], int]
"""One of the numbers from 0 to n - 1, by chance or by plan."""
Maker = Callable[[Draw], str]

_SPECIAL = frozenset(r"\^$.|?*+()[]{}")
_MORE = 3
"""How many more than the least an open-ended repetition gets."""


def read_pattern(pattern: str) -> Maker:
    """A maker of texts that fit. Raises `BadInput` where the pattern uses what is not read alike everywhere."""
    reader = _Reader(pattern)
    maker = reader.alternatives()
    if reader.rest:
        raise reader.refused()
    return maker


class _Reader:
    """Reads a pattern from left to right."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self.rest = pattern

    def refused(self) -> BadInput:
        """What can't be read stands here."""
        place = len(self._pattern) - len(self.rest) + 1
        return BadInput(
            f"the pattern {self._pattern!r} is not read alike everywhere, from character {place}",
            hint="characters, [a-z], groups with |, and ? * + {2,4}; no ^ $ . or \\d",
        )

    def _take(self, wanted: str) -> bool:
        found = self.rest.startswith(wanted)
        if found:
            self.rest = self.rest[len(wanted) :]
        return found

    def _character(self, special: frozenset[str]) -> str:
        """One character that stands for itself."""
        escaped = self._take("\\")
        if not self.rest or (escaped and self.rest[0].isalnum()) or (not escaped and self.rest[0] in special):
            raise self.refused()
        one, self.rest = self.rest[0], self.rest[1:]
        return one

    def alternatives(self) -> Maker:
        """Sequences, set apart by `|`."""
        branches = [self._sequence()]
        while self._take("|"):
            branches.append(self._sequence())
        return branches[0] if len(branches) == 1 else lambda draw: branches[draw(len(branches))](draw)

    def _sequence(self) -> Maker:
        parts: list[Maker] = []
        while self.rest and self.rest[0] not in "|)":
            parts.append(self._repeated(self._one()))
        return lambda draw: "".join(part(draw) for part in parts)

    def _one(self) -> Maker:
        """A group, a set of characters, or a character."""
        if self._take("("):
            inner = self.alternatives()
            if not self._take(")"):
                raise self.refused()
            return inner
        letters = self._set() if self._take("[") else self._character(_SPECIAL)
        return lambda draw: letters[draw(len(letters))]

    def _set(self) -> str:
        """The characters of `[...]`."""
        special, letters = frozenset("\\[]^"), ""
        while not self._take("]"):
            first = last = self._character(special)
            if self.rest[:1] == "-" and self.rest[1:2] != "]":
                self.rest = self.rest[1:]
                last = self._character(special)
            letters += "".join(map(chr, range(ord(first), ord(last) + 1)))
        if not letters:
            raise self.refused()
        return letters

    def _repeated(self, one: Maker) -> Maker:
        least, most = self._times()
        if (least, most) == (1, 1):
            return one
        return lambda draw: "".join(one(draw) for _ in range(least + draw(most - least + 1)))

    def _times(self) -> tuple[int, int]:
        """How often, at least and at most."""
        for sign, times in (("?", (0, 1)), ("*", (0, _MORE)), ("+", (1, 1 + _MORE))):
            if self._take(sign):
                return times
        if not self._take("{"):
            return 1, 1
        inside, closed, rest = self.rest.partition("}")
        least, comma, most = inside.partition(",")
        if not closed or not least.isdecimal() or (most and (not most.isdecimal() or int(most) < int(least))):
            raise self.refused()
        self.rest = rest
        return int(least), int(most) if most else int(least) + (_MORE if comma else 0)
