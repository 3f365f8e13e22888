"""Conditions on a document's values, as data writes them: a small closed language with three answers.

    condition  = either { "else" either }          the first that is known
    either     = both { "or" both }
    both       = single { "and" single }
    single     = "not" single | "(" condition ")" | term "=" word | term { "*" term } ">" number unit { "*" unit }

An answer is yes, no, or None: the document does not say. `or` and `and` are Kleene's. A quantity counts only in the
unit that the condition names, so nothing is converted here; a term of several values has no one answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation, localcontext

from connector.errors import BadInput
from connector.model import Json, JsonObject

Answer = bool | None
_Node = Callable[[JsonObject], Answer]

_TOKEN = re.compile(r"\s*(?:([A-Za-z][A-Za-z0-9]*)|([0-9]+(?:\.[0-9]+)?)|([=>*()]))")
_WORDS = frozenset({"else", "or", "and", "not"})
_MOST_DIGITS = 64


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition: its text, the terms that it reads, and how it is answered."""

    text: str
    terms: frozenset[str]
    _node: _Node

    def answer(self, document: JsonObject) -> Answer:
        """Yes, no, or None where the document does not say."""
        return self._node(document)


def compile_condition(text: str) -> Condition:
    """The condition of a table's cell. `BadInput`: not of this language."""
    parser = _Parser(text)
    node = parser.condition()
    parser.end()
    return Condition(text=text, terms=frozenset(parser.terms), _node=node)


class _Parser:
    """Recursive descent over the tokens of one cell."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        self._at = 0
        self.terms: set[str] = set()

    def condition(self) -> _Node:
        """A sequence of which the first known one answers."""
        parts = self._several("else", self._either)
        return parts[0] if len(parts) == 1 else lambda document: _first(part(document) for part in parts)

    def end(self) -> None:
        """Nothing may be left over."""
        if self._at < len(self._tokens):
            raise self._bad(f"{self._tokens[self._at]!r} is one too many")

    def _either(self) -> _Node:
        parts = self._several("or", self._both)
        return parts[0] if len(parts) == 1 else lambda document: _any(part(document) for part in parts)

    def _both(self) -> _Node:
        parts = self._several("and", self._single)
        return parts[0] if len(parts) == 1 else lambda document: _all(part(document) for part in parts)

    def _several(self, word: str, part: Callable[[], _Node]) -> list[_Node]:
        parts = [part()]
        while self._take(word):
            parts.append(part())
        return parts

    def _single(self) -> _Node:
        if self._take("not"):
            inner = self._single()
            return lambda document: _not(inner(document))
        if self._take("("):
            inner = self.condition()
            self._expect(")")
            return inner
        names = self._names()
        self.terms.update(names)
        if len(names) == 1 and self._take("="):
            return _equals(names[0], self._word())
        self._expect(">")
        limit, units = self._number(), self._names()
        if len(names) != len(units):
            raise self._bad(f"{' * '.join(names)} needs as many units as terms")
        return _above(names, limit, units)

    def _names(self) -> list[str]:
        names = [self._word()]
        while self._take("*"):
            names.append(self._word())
        return names

    def _take(self, token: str) -> bool:
        taken = self._at < len(self._tokens) and self._tokens[self._at] == token
        self._at += taken
        return taken

    def _expect(self, token: str) -> None:
        if not self._take(token):
            raise self._bad(f"{token!r} is missing")

    def _word(self) -> str:
        token = self._next()
        if not token[0].isalpha() or token in _WORDS:
            raise self._bad(f"{token!r} is no name")
        return token

    def _number(self) -> Decimal:
        token = self._next()
        if not token[0].isdecimal():
            raise self._bad(f"{token!r} is no number")
        return Decimal(token)

    def _next(self) -> str:
        if self._at == len(self._tokens):
            raise self._bad("it breaks off")
        self._at += 1
        return self._tokens[self._at - 1]

    def _bad(self, what: str) -> BadInput:
        return BadInput(f"the condition {self._text!r} can't be read: {what}")


def _tokens(text: str) -> Iterator[str]:
    position = 0
    while position < len(text.rstrip()):
        match = _TOKEN.match(text, position)
        if match is None:
            raise BadInput(f"the condition {text!r} can't be read at {text[position:].strip()[:20]!r}")
        yield match.group().strip()
        position = match.end()


def _equals(name: str, word: str) -> _Node:
    def answer(document: JsonObject) -> Answer:
        value = document.get(name)
        return value == word if isinstance(value, str) else None

    return answer


def _above(names: list[str], limit: Decimal, units: list[str]) -> _Node:
    def answer(document: JsonObject) -> Answer:
        numbers = [_number(document.get(name), unit) for name, unit in zip(names, units, strict=True)]
        product = Decimal(1)
        with localcontext(prec=2 * _MOST_DIGITS * len(numbers)):
            for number in numbers:
                if number is None:
                    return None
                product *= number
        return product > limit

    return answer


def _number(value: Json, unit: str) -> Decimal | None:
    """The number of a quantity in this unit."""
    match value:
        case {"value": str(text), "unit": str(stated)} if stated == unit and len(text) <= _MOST_DIGITS:
            try:
                number = Decimal(text)
            except InvalidOperation:
                return None
            return number if number.is_finite() else None
    return None


def _first(answers: Iterator[Answer]) -> Answer:
    return next((answer for answer in answers if answer is not None), None)


def _any(answers: Iterator[Answer]) -> Answer:
    """Yes if one is; no if all are; else unknown."""
    found = set(answers)
    return True if True in found else None if None in found else False


def _all(answers: Iterator[Answer]) -> Answer:
    """No if one is; yes if all are; else unknown."""
    found = set(answers)
    return False if False in found else None if None in found else True


def _not(answer: Answer) -> Answer:
    return None if answer is None else not answer
