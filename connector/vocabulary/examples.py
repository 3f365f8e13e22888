"""Documents that fit the contract, made up from it: what checks of the vocabulary and tests run on.

Pure: chance is a function that the caller gives, so the same draws give the same document. The values have the right
form and mean nothing. `whole` makes the subject of a record, `credential` wraps a part of it as it is signed.
"""

from __future__ import annotations

from datetime import date, timedelta
from itertools import count

from connector.model import AccessClass, Json, JsonObject, Level
from connector.vocabulary.contract import Contract, Identity, NodeShape, PropertyShape
from connector.vocabulary.patterns import Draw, read_pattern
from connector.vocabulary.terms import CREDENTIALS_V2, Term

_DEEP = 4
"""Nodes within nodes up to here; deeper only what has to be there."""
_FIRST_DAY = date(2015, 1, 1)
_DAYS = 9_000
_DIGEST = read_pattern("uEi[A-Za-z0-9_-]{43}")
_LETTERS = "abcdefghijklmnopqrstuvwxyzäöüßéåABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -/.,"


class Examples:
    """Makes documents. Each node that has an id gets one of its own."""

    def __init__(self, contract: Contract, draw: Draw, *, first_id: int = 1) -> None:
        self._contract = contract
        self._draw = draw
        self._count = count(first_id)

    def whole(self, record_type: str) -> JsonObject:
        """The subject of a record as it is mapped."""
        return self.node(self._contract.records[record_type].whole)

    def part(self, record_type: str) -> tuple[tuple[AccessClass, Level] | None, JsonObject]:
        """The subject of one credential, and which part of the record it is (a party's has none)."""
        record = self._contract.records[record_type]
        if not record.parts:
            return None, self.whole(record_type)
        key = list(record.parts)[self._draw(len(record.parts))]
        return key, self.node(record.parts[key])

    def credential(self, record_type: str, context_url: str) -> JsonObject:
        """A credential as it is signed."""
        key, subject = self.part(record_type)
        made: JsonObject = {
            "@context": [CREDENTIALS_V2, context_url],
            "type": ["VerifiableCredential", record_type],
            "issuer": "did:web:issuer.example",
            "validFrom": "2027-01-25T00:00:00Z",
        }
        if key is not None:
            record = self.node(self._contract.nodes["Record"])
            made["record"] = {**record, "accessClass": key[0].value, "level": key[1].value}
        return {**made, "credentialSubject": subject}

    def node(self, shape: NodeShape, depth: int = 0, *, certain: bool = False) -> JsonObject:
        """One node; `certain`: with all that it may have."""
        made: JsonObject = {}
        if shape.identity is Identity.NEEDED or (shape.identity is Identity.ALLOWED and self._draw(2)):
            made["id"] = self._id()
        made["type"] = shape.types[self._draw(len(shape.types))]
        banned, needed = self._chosen(shape)
        for one in shape.properties:
            key = one.term.name
            wanted = (
                one.required or key in needed or (key not in banned and (certain or (self._draw(2) and depth < _DEEP)))
            )
            if wanted:
                made[key] = self._values(one, depth)
        if "id" in needed:
            made.setdefault("id", self._id())
        return made

    def _chosen(self, shape: NodeShape) -> tuple[set[str], set[str]]:
        """For each choice one name that has to be there, and, of exactly one, those that may not."""
        banned: set[str] = set()
        needed: set[str] = set()
        for choice in shape.choices:
            name = choice.names[self._draw(len(choice.names))]
            needed.add(name)
            if choice.exactly_one:
                banned.update(other for other in choice.names if other != name)
        return banned, needed

    def _values(self, shape: PropertyShape, depth: int) -> Json:
        if not shape.term.many:
            return self._value(shape, depth)
        return [self._value(shape, depth) for _ in range(1 + self._draw(2))]

    def _value(self, shape: PropertyShape, depth: int) -> Json:
        if shape.words:
            return shape.words[self._draw(len(shape.words))]
        if shape.text is not None:
            return self._id() if shape.term.range.kind == "id" else self._text(shape.term)
        made = self.node(self._contract.nodes[shape.term.range.name], depth + 1)
        units = [key for key in ("unit", "ucumUnit") if key in shape.within]
        if units:
            made.pop("unit", None), made.pop("ucumUnit", None)
            units = [units[self._draw(len(units))]]
        for key in (*units, *(key for key in shape.asked if key not in units)):
            words = shape.within[key]
            made[key] = words[self._draw(len(words))]
        return made

    def _text(self, term: Term) -> str:
        if term.pattern:
            return read_pattern(term.pattern)(self._draw)
        day = _FIRST_DAY + timedelta(days=self._draw(_DAYS))
        match term.range.name:
            case "decimal":
                sign, fraction = ("-" if not self._draw(8) else ""), self._draw(1000)
                return f"{sign}{self._draw(100_000)}" + (f".{fraction:03}" if self._draw(2) else "")
            case "multibase":
                return _DIGEST(self._draw)
            case "positiveInteger":
                return str(1 + self._draw(10_000))
            case "boolean":
                return ("true", "false")[self._draw(2)]
            case "date":
                return day.isoformat()
            case "dateTime":
                seconds = self._draw(24 * 60 * 60)
                return f"{day}T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}Z"
        inner = "".join(_LETTERS[self._draw(len(_LETTERS))] for _ in range(1 + self._draw(12)))
        return f"x{inner}"

    def _id(self) -> str:
        return f"urn:uuid:00000000-0000-8000-8000-{next(self._count):012x}"
