"""Random records in which every value that can be unique is: a canary, known by the access class of its term.

A canary holds nine digits that no other value of its record has, or is a day of another age. Words of code lists,
units, truth values and texts with a fixed spelling can't be unique and are none; neither are ids of what a record is
about, which every part of it names.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

import orjson

from connector.model import AccessClass, Json, JsonObject
from connector.vocabulary.bundle import Bundle
from connector.vocabulary.contract import make_contract
from connector.vocabulary.examples import Examples
from connector.vocabulary.terms import MODEL_ID, Term
from connector.vocabulary.views import HEAD

MARK = re.compile(r"(?<!\d)\d{9}(?!\d)|(?:1[0-7]|2[1-9])\d\d-\d\d-\d\d(?!T)")
"""What a canary is found by."""
_AGES = ((date(1000, 1, 1), 280_000), (date(2100, 1, 1), 320_000))
"""First day and number of days of the ages in which no real date of a record lies."""
_LETTERS = 0xAAAAAAAA_AAAA_AAAA_AAAA_AAAAAAAAAAAA
"""Makes an id of letters: nine digits in a row are a canary's."""

_POOL, _FILL = 25, 0.5
"""Of how many records the values of mixed ones are, and how likely a value is that may be left out."""


@dataclass
class Planted:
    """A record and its canaries, each with the class of the term that it stands under."""

    record_type: str
    subject: JsonObject
    canaries: dict[str, AccessClass]

    def seen(self, classes: frozenset[AccessClass]) -> set[str]:
        """The canaries that these classes open."""
        return {mark for mark, access in self.canaries.items() if access in classes}


Pool = dict[str, list[tuple[Json, dict[str, AccessClass]]]]
"""Term -> values that it may have, each with its canaries."""


class _Values(Examples):
    """Made-up documents whose texts and ids are canaries."""

    def __init__(self, bundle: Bundle, chance: random.Random) -> None:
        super().__init__(make_contract(bundle.terms, bundle.shapes), lambda count: int(chance.random() * count))
        self._chance = chance
        self.used: set[str] = set()

    def _text(self, term: Term) -> str:
        name = term.range.name
        if term.pattern or name == "boolean":
            return super()._text(term)
        if name == "date":
            return self._new(self._day)
        mark = self._new(self._digits)
        forms = {"decimal": f"{mark}.5", "positiveInteger": mark, "multibase": f"uEi{mark}"}
        return forms.get(name) or (f"2027-03-01T09:30:00.{mark}Z" if name == "dateTime" else f"canary {mark}")

    def _id(self) -> str:
        return "urn:canary:" + self._new(self._digits)

    def _digits(self) -> str:
        return str(100_000_000 + int(self._chance.random() * 900_000_000))

    def _day(self) -> str:
        first, days = self._chance.choice(_AGES)
        return f"{first + timedelta(days=self._chance.randrange(days))}"

    def _new(self, draw: Callable[[], str]) -> str:
        mark = draw()
        while mark in self.used:
            mark = draw()
        self.used.add(mark)
        return mark


class Planter:
    """Makes records of a vocabulary by chance: the same seed gives the same."""

    def __init__(self, bundle: Bundle, seed: int) -> None:
        self._terms = bundle.terms
        self._chance = random.Random(seed)
        self._types = [name for name, shape in bundle.shapes.records.items() if shape.kind == "record"]
        self._values = _Values(bundle, self._chance)
        self._pools: dict[str, tuple[str, Pool]] = {}

    def record(self, record_type: str = "") -> Planted:
        """One record, of this type or of any. No canary of it stands in any other record."""
        record_type = record_type or self._chance.choice(self._types)
        subject = {**self._values.whole(record_type), "id": self._urn()}
        subject_class = str(subject["type"])
        if (model := MODEL_ID.get(subject_class, "")) in subject:
            subject[model] = self._urn()
        canaries = {
            mark: self._terms.access_class(subject_class, name, record_type)
            for name, value in subject.items()
            if name not in HEAD
            for mark in marks(orjson.dumps(value))
        }
        return Planted(record_type, subject, canaries)

    def mixed(self, record_type: str = "") -> Planted:
        """As `record`, from values that earlier ones had, so that very many are made: each value with its canaries."""
        record_type = record_type or self._chance.choice(self._types)
        subject_class, pool = self._pool(record_type)
        canaries: dict[str, AccessClass] = {}
        subject: JsonObject = {"id": self._urn(), "type": subject_class}
        most = max(map(len, pool.values()))  # what all records have is required
        names = [name for name, told in pool.items() if len(told) == most or self._chance.random() < _FILL]
        self._chance.shuffle(names)
        for name in names:
            value, planted = self._chance.choice(pool[name])
            subject[name] = value
            canaries |= planted
        return Planted(record_type, subject, canaries)

    def _pool(self, record_type: str) -> tuple[str, Pool]:
        """The class of a first record, and the values of each term in many records of that class."""
        if record_type not in self._pools:
            first = self.record(record_type)
            pool: Pool = {}
            for one in (first, *(self.record(record_type) for _ in range(_POOL))):
                if one.subject["type"] == first.subject["type"]:
                    for name in one.subject.keys() - HEAD:
                        planted = {mark: one.canaries[mark] for mark in marks(orjson.dumps(one.subject[name]))}
                        pool.setdefault(name, []).append((one.subject[name], planted))
            self._pools[record_type] = str(first.subject["type"]), {name: pool[name] for name in sorted(pool)}
        return self._pools[record_type]

    def _urn(self) -> str:
        return UUID(int=self._chance.getrandbits(128) | _LETTERS).urn


def marks(octets: bytes) -> set[str]:
    """All canaries in some octets."""
    return set(MARK.findall(octets.decode("utf-8", "replace")))
