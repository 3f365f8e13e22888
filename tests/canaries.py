"""Random records in which every value that can be unique is: a canary, known by the access class of its term.

A canary holds nine digits that no other value of its record has, or is a day of a far year. Words of code lists, units,
truth values and texts with a fixed spelling can't be unique and are none; neither are ids of what a record is about,
which every part of it names.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from uuid import UUID

from connector.model import AccessClass, Json, JsonObject
from connector.vocabulary.bundle import Bundle
from connector.vocabulary.shapes import Shape
from connector.vocabulary.terms import MODEL_ID, Term

MARK = re.compile(r"(?<!\d)\d{9}(?!\d)|[4-9]\d{3}-\d\d-\d\d(?!T)")
"""What a canary is found by."""
_FAR = date(4000, 1, 1)
_DAYS = 2_000_000
_SPELLED = {"[A-Z]{2}": "FI"}
"""Patterns of texts -> a text that fits."""


@dataclass
class Planted:
    """A record and its canaries, each with the class of the term that it stands under."""

    record_type: str
    subject: JsonObject
    canaries: dict[str, AccessClass] = field(default_factory=dict)

    def seen(self, classes: frozenset[AccessClass]) -> set[str]:
        """The canaries that these classes open."""
        return {mark for mark, access in self.canaries.items() if access in classes}


class Planter:
    """Makes records of a vocabulary by chance: the same seed gives the same."""

    def __init__(self, bundle: Bundle, seed: int, *, fill: float = 0.7) -> None:
        self._bundle = bundle
        self._chance = random.Random(seed)
        self._fill = fill
        self._records = [shape for shape in bundle.shapes.records.values() if shape.kind == "record"]
        self._marks: set[str] = set()
        self._fresh: list[str] = []

    def record(self, record_type: str = "") -> Planted:
        """One record, of this type or of any."""
        shape = self._bundle.shapes.records[record_type] if record_type else self._chance.choice(self._records)
        subject_class = self._chance.choice(shape.subjects)
        self._marks = set()
        planted = Planted(shape.name, {"id": self._urn(), "type": subject_class})
        about = MODEL_ID.get(subject_class, "")
        terms = self._bundle.terms
        for name in self._names(shape):
            term = terms.term(subject_class, name)
            self._fresh = []
            planted.subject[name] = self._urn() if name == about else self._value(term)
            planted.canaries |= dict.fromkeys(self._fresh, terms.access_class(subject_class, name, shape.name))
        return planted

    def _names(self, shape: Shape) -> list[str]:
        """The required terms and some of the others, in any order."""
        names = [*shape.required, *(name for name in shape.optional if self._chance.random() < self._fill)]
        self._chance.shuffle(names)
        return names

    def _value(self, term: Term) -> Json:
        if not term.many:
            return self._one(term)
        if term.range.kind == "code":
            words = self._codes(term)
            return [*self._chance.sample(words, min(len(words), self._chance.randint(1, 2)))]
        if term.pattern:
            return [self._one(term)]
        return [self._one(term) for _ in range(self._chance.randint(1, 3))]

    def _one(self, term: Term) -> Json:
        if term.range.kind == "class":
            return self._node(term)
        if term.range.kind == "code":
            return self._chance.choice(self._codes(term))
        if term.range.kind == "id":
            return f"urn:canary:{self._mark()}"
        return _SPELLED[term.pattern] if term.pattern else self._literal(term.range.name)

    def _literal(self, name: str) -> str:
        if name == "boolean":
            return self._chance.choice(("true", "false"))
        if name == "date":
            return self._day()
        if name == "dateTime":
            return f"2027-03-01T09:30:00.{self._mark()}Z"
        mark = self._mark()
        return {"decimal": f"{mark}.5", "positiveInteger": mark}.get(name, f"canary {mark}")

    def _codes(self, term: Term) -> list[str]:
        return [code.name for code in self._bundle.terms.codes[term.range.name]]

    def _node(self, holder: Term) -> JsonObject:
        name = holder.range.name
        shape = self._bundle.shapes.nodes[name]
        alternatives = {one for choice in shape.choices for one in choice.names}
        wanted = [one for one in shape.required if one not in alternatives]
        wanted += [one for one in shape.optional if one not in alternatives and self._chance.random() < self._fill]
        for choice in shape.choices:
            wanted.append(self._chance.choice(choice.names) if name != "Quantity" else choice.names[0])
        node: JsonObject = {"type": name}
        for one in wanted:
            node[one] = self._part(name, one, holder)
        return node

    def _part(self, class_name: str, name: str, holder: Term) -> Json:
        if name == "id":
            return f"urn:canary:{self._mark()}"
        if class_name == "Quantity" and name == "unit":
            return self._chance.choice(holder.units) if holder.units else "KGM"
        return self._value(self._bundle.terms.term(class_name, name))

    def _mark(self) -> str:
        return self._new(lambda: str(self._chance.randrange(100_000_000, 1_000_000_000)))

    def _day(self) -> str:
        return self._new(lambda: f"{_FAR + timedelta(days=self._chance.randrange(_DAYS))}")

    def _new(self, draw: Callable[[], str]) -> str:
        mark = draw()
        while mark in self._marks:
            mark = draw()
        self._marks.add(mark)
        self._fresh.append(mark)
        return mark

    def _urn(self) -> str:
        # letters only in the groups of an id: nine digits in a row are a canary's
        return UUID(int=self._chance.getrandbits(128) | 0xAAAAAAAA_AAAA_AAAA_AAAA_AAAAAAAAAAAA).urn


def marks(octets: bytes) -> set[str]:
    """All canaries in some octets."""
    return set(MARK.findall(octets.decode("utf-8", "replace")))
