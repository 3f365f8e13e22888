"""How another data model writes a value, and back. A form is a word of the matches table:

    (empty)        as the term's range says: text, date and IRI as they are; numbers and booleans as JSON's; a quantity
                   as a number in the unit that the row names; a code as the other list's word
    number:UNIT    a quantity as a number in that unit
    measure        a quantity as {value, unit}
    month          a date as yyyy-mm
    day            a date as the moment at which it begins in UTC, or a moment as its date
    first          the only item of our list; more than one can't be said
    link           a document, or the only one of our list, as its address
    key:SCHEME     of our identifiers, the value of the one in that scheme
    text           whatever it is, as text

Numbers are JSON numbers on their side and decimal text on ours. A value that can't be said raises `Unfit`, and the
bridge tells it as a loss.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from math import isinf

from connector.errors import BadInput
from connector.mapping.numerals import CONTEXT, spell_decimal
from connector.mapping.unfit import Unfit
from connector.mapping.units import convert
from connector.model import Json, JsonObject
from connector.vocabulary.terms import Term

NUMBERS = frozenset({"decimal", "integer", "positiveInteger", "nonNegativeInteger"})
_MONTH = re.compile(r"\d{4}-\d{2}")
_PLAIN = frozenset({"type", "value", "unit"})
_MIDNIGHT = "T00:00:00Z"
FORMS = frozenset({"", "measure", "month", "day", "first", "link", "text"})
_WITH_MORE = {"number": "", "key": "key"}
"""Forms that say one thing more behind a colon: a unit, a scheme."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How the values of one match are written. `more`: a unit, or a key's scheme. `codes`: our word -> theirs."""

    word: str
    more: str
    term: Term
    codes: Mapping[str, str]

    def write(self, value: Json) -> Json:
        """Our value as they write it."""
        if self.word == "key":
            return self._key(value)
        if self.word in {"first", "link"} and isinstance(value, list):
            if len(value) != 1:
                raise Unfit("one-only", "only one value can be said there")
            value = value[0]
        if isinstance(value, list):
            return [self._write(one) for one in value]
        return self._write(value)

    def read(self, value: Json) -> Json:
        """Their value as we write it."""
        if self.word in {"first", "key"}:
            return [self._read(value)]
        if self.term.many:
            return [self._read(one) for one in (value if isinstance(value, list) else [value])]
        if isinstance(value, list):
            if len(value) != 1:
                raise Unfit("one-only", f"{self.term.name} has one value")
            value = value[0]
        return self._read(value)

    def details(self, value: Json) -> tuple[str, ...]:
        """What else a quantity says that a number can't carry: its qualifier, method, time."""
        nodes = value if isinstance(value, list) else [value]
        if not self._is_quantity:
            return ()
        return tuple(sorted({name for node in nodes if isinstance(node, dict) for name in node.keys() - _PLAIN}))

    @property
    def _is_quantity(self) -> bool:
        return self.term.range.kind == "class" and self.term.range.name == "Quantity"

    def _write(self, value: Json) -> Json:
        if self._is_quantity:
            number = _decimal(_of(value, "value"))
            unit = str(_of(value, "ucumUnit" if self.term.ucum_units else "unit"))
            if self.word == "measure":
                return {"value": _number(number), "unit": unit}
            return _number(convert(number, unit, self.more or unit))
        if self.word == "link":
            return _of(value, "id")
        if not isinstance(value, str):
            raise Unfit("not-a-value", "an object can't be said as one value")
        return value if self.word == "text" else self._write_text(value)

    def _write_text(self, value: str) -> Json:
        kind, name = self.term.range.kind, self.term.range.name
        if kind == "code" and self.codes:
            if value not in self.codes:
                raise Unfit("no-word", f"their list has no word for `{value}`")
            return self.codes[value]
        if self.word == "month":
            return value[:7]
        if self.word == "day":
            return value + _MIDNIGHT if name == "date" else value[:10]
        if kind == "literal" and name in NUMBERS:
            return as_number(value)
        if kind == "literal" and name == "boolean":
            return value == "true"
        return value

    def _read(self, value: Json) -> Json:
        if self._is_quantity:
            return self._quantity(value)
        value = as_text(value)
        if not isinstance(value, str):
            raise Unfit("not-a-value", f"{self.term.name} is a plain value")
        if self.word == "link":
            return {"type": self.term.range.name, "id": value}
        if self.word == "key":
            return {"type": self.term.range.name, "scheme": self.more, "value": value}
        if self.term.range.kind == "code" and self.codes:
            ours = {theirs: our for our, theirs in self.codes.items()}
            if value not in ours:
                raise Unfit("no-word", f"our list has no word for `{value[:40]}`")
            return ours[value]
        if self.word == "month" and _MONTH.fullmatch(value):
            return f"{value}-01"
        if self.word == "day":
            return value[:10] if self.term.range.name == "date" else value + _MIDNIGHT
        return value

    def _quantity(self, value: Json) -> JsonObject:
        key, units = ("ucumUnit", self.term.ucum_units) if self.term.ucum_units else ("unit", self.term.units)
        if isinstance(value, dict):
            unit, value = str(_of(value, "unit")), _of(value, "value")
        else:
            unit = self.more or (units[0] if units else "")
        number = _decimal(value)
        if units and unit not in units:
            number, unit = convert(number, unit, units[0]), units[0]
        return {"type": "Quantity", "value": spell_decimal(number), key: unit}

    def _key(self, value: Json) -> Json:
        """The value of the first identifier in the scheme."""
        for one in value if isinstance(value, list) else []:
            if isinstance(one, dict) and one.get("scheme") == self.more:
                return one.get("value")
        raise Unfit("no-key", f"no identifier is in the scheme {self.more}")


def read_form(word: str, term: Term, codes: Mapping[str, str]) -> Form:
    """The form of a match. `BadInput`: there is none of that name."""
    name, _, more = word.partition(":")
    if more and name in _WITH_MORE:
        return Form(word=_WITH_MORE[name], more=more, term=term, codes=codes)
    if word not in FORMS:
        raise BadInput(f"{word!r} is no form", hint=", ".join(sorted(FORMS - {""})) + ", number:UNIT, key:SCHEME")
    return Form(word=word, more="", term=term, codes=codes)


def as_text(value: Json) -> Json:
    """A number or boolean of theirs as our text; anything else as it is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return spell_decimal(_decimal(value)) if isinstance(value, (int, float)) else value


def _of(value: Json, name: str) -> Json:
    if not isinstance(value, dict) or name not in value:
        raise Unfit("not-there", f"there is no {name}")
    return value[name]


def _decimal(value: Json) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise Unfit("not-a-number", "this is no number")
    try:
        number = CONTEXT.create_decimal(str(value))
    except InvalidOperation:
        raise Unfit("not-a-number", f"`{str(value)[:40]}` is no number") from None
    if not number.is_finite():
        raise Unfit("not-a-number", "this is no number")
    return number


def as_number(value: Json) -> int | float:
    """A decimal of ours as a JSON number. `Unfit`: it is none, or beyond what readers of JSON take."""
    return _number(_decimal(value))


def _number(value: Decimal) -> int | float:
    """What a double can't hold exactly is no loss of this bridge's: JSON has no other numbers (RFC 8259, section 6)."""
    if isinf(float(value)):
        raise Unfit("not-a-number", "no number in JSON is so large")
    return int(value) if value == value.to_integral_value() else float(value)
