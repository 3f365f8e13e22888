"""How well a column fits a place of a record: by its heading, by what its cells hold, by its unit. With the reason.

Between 0 and 1. A value that cannot stand in the place rules it out; a heading alone is never certain.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from connector.mapping.dates import days_in_times
from connector.mapping.likeness import EQUAL, RUN_TOGETHER, Words, alike, best, telling
from connector.mapping.profile import Column
from connector.mapping.slots import LINKED, MINTED, NAMED, PARTIES, Slot, phrases_of
from connector.mapping.source import DateCell
from connector.mapping.units import UNITS
from connector.vocabulary.headings import NEARLY, NOTHING, SCHEME, Headings
from connector.vocabulary.terms import Term, Terms

_FIELD, _NEXT, _DEEPER, _WEAK = 0.95, 0.04, 0.92, 0.4
_NEAR, _GENERAL = 0.65, 0.45
_EVERYWHERE = frozenset({"name", "country", "documentNumber"})
"""Terms of many nodes: within one that no record needs, the heading has to speak of the node."""
_WORDS_OF_LIST, _KNOWN_NUMBERS = 0.72, 0.2
_SHOWN = 4


class Score(NamedTuple):
    """How well, and why."""

    worth: float
    reason: str


NO_FIT = Score(0.0, "")


@dataclass(frozen=True, slots=True)
class Scoring:
    """What is known when columns are judged. `parties`: numbers of parties whose DIDs are known."""

    terms: Terms
    headings: Headings
    parties: frozenset[str]
    _spoken: dict[Words, dict[str, Score]] = field(default_factory=dict, compare=False)

    def concepts(self, column: Column) -> dict[str, Score]:
        """What the heading says by the table of headings, and by the labels of schemes."""
        found: dict[str, Score] = {}
        name = column.name.partition("#")[0]
        tail = name.rpartition("/")[2]
        for whose, fields in (("SAP's", self.headings.fields), ("an ERP's", self.headings.systems)):
            listed = next((fields[each] for each in (name, name.upper(), tail, tail.upper()) if each in fields), ())
            _said(found, listed, _FIELD, f"`{tail}` is {whose} name for it")
        _said(found, self.headings.elements.get(name, ()), _FIELD, f"`{name}` is EDI's name for it")
        if NOTHING not in found:
            for says, score in self.spoken(column.words).items():
                _better(found, says, score)
        return _known(found)

    def spoken(self, words: Words) -> dict[str, Score]:
        """What words of a heading say."""
        known = self._spoken.get(words)
        if known is not None:
            return known
        found = self._spoken[words] = dict[str, Score]()
        for word, listed in self.headings.words.items():
            worth = alike(words, telling(word))
            if worth >= RUN_TOGETHER or (worth and not listed[0].endswith((NOTHING, NEARLY))):
                _said(found, listed, worth, f"the heading says `{word}`")
        for code in self.terms.codes["IdentifierScheme"]:
            worth = best(words, phrases_of(code))
            _better(found, SCHEME + code.name, Score(worth, f"the heading says `{code.label}`"))
        return found

    def score(self, column: Column, slot: Slot, concepts: dict[str, Score]) -> Score:
        """How well the column fits the slot. What its cells cannot be needs no look at its heading."""
        if not _can_stand(column, slot.term):
            return NO_FIT
        named = self._named(column, slot, concepts)
        if concepts.get(NOTHING, NO_FIT).worth > named.worth:
            return NO_FIT
        kind = slot.term.range.kind
        if kind == "code":
            return self._coded(column, slot.term, named)
        if not named.worth and kind != "id":
            return NO_FIT
        if kind == "class":
            return _measured(column, named)
        return self._party(column, slot, named) if kind == "id" else _literal(column, slot.term, named)

    def spoiled(self, column: Column, slot: Slot, concepts: dict[str, Score]) -> tuple[float, str]:
        """How sure the heading is of a slot that one cell, or a few, keep the column from; and what to tell of it."""
        if _can_stand(column, slot.term):
            return 0.0, ""
        amount = slot.term.range.kind == "class" and slot.term.range.name == "Quantity"
        kind, cell = ("number", column.unnumbered) if amount else ("date", column.undated)
        if not cell or not (amount or slot.term.range.name in {"date", "dateTime"}):
            return 0.0, ""
        named = self._named(column, slot, concepts)
        return named.worth, f"{named.reason}, but `{cell[:40]}` is no {kind}; `null` lists cells that mean nothing"

    def _named(self, column: Column, slot: Slot, concepts: dict[str, Score]) -> Score:
        around = {word for words in slot.around for word in words} - {word for words in slot.phrases for word in words}
        own = tuple(word for word in column.words if word not in around)
        said = [concepts] if own == column.words or not own else [concepts, self.spoken(own)]
        found = max((one[says] for one in said for says in slot.says if says in one), default=NO_FIT)
        for words in {column.words, own}:
            label = best(words, slot.phrases)
            if label > found.worth:
                found = Score(label, f"the heading is like `{slot.term.label}`")
        deeper = 1.0 if len(own) < len(column.words) else _DEEPER ** (len(slot.path) - 1)
        if (
            deeper < 1
            and slot.term.name in _EVERYWHERE
            and not slot.required
            and ".".join(slot.path[-2:]) not in concepts
        ):
            deeper = _GENERAL
        return Score(found.worth * deeper, found.reason) if found.worth else NO_FIT

    def _coded(self, column: Column, term: Term, named: Score) -> Score:
        words = self.code_words(column, term)
        shown = ", ".join(column.values[:_SHOWN])
        if words is not None:
            worth = max(named.worth, _WORDS_OF_LIST if _telling_codes(column) else 0.0)
            return Score(min(worth + 0.15, 0.98), _and(named, f"its cells are words of {term.range.name} ({shown})"))
        numbers = column.number and not (named.worth >= EQUAL and all(cell.isdecimal() for cell in column.values))
        if numbers or column.dates or not named.worth:  # a material's number is none that counts
            return NO_FIT
        return Score(named.worth * 0.8, _and(named, f"its cells are no words of {term.range.name} ({shown})"))

    def code_words(self, column: Column, term: Term) -> dict[str, str] | None:
        """Cell -> word of the term's list, where every cell is one or is called so in one of the languages."""
        codes = self.terms.codes[term.range.name]
        known = {label.lower(): code.name for code in codes for label in code.labels.values()}
        known |= {code.name.lower(): code.name for code in codes}
        found: dict[str, str] = {}
        for cell in column.values:
            word = known.get(cell.lower())
            if word is None:
                return None
            found[cell] = word
        return found or None

    def _party(self, column: Column, slot: Slot, named: Score) -> Score:
        name = slot.term.name
        if name not in PARTIES:
            fits = name not in {*MINTED, *LINKED, *NAMED} and _is_iri(column)
            return Score(named.worth, _and(named, "its cells are addresses")) if fits else NO_FIT
        if column.values and self.parties.issuperset(column.values):
            worth = max(named.worth, 0.2) + _KNOWN_NUMBERS
            return Score(min(worth, 0.98), _and(named, "its cells are numbers of known parties"))
        if column.dates or column.boolean or not named.worth:
            return NO_FIT
        return Score(named.worth if _is_iri(column) else named.worth * 0.8, named.reason)


def _said(found: dict[str, Score], listed: Sequence[str], worth: float, reason: str) -> None:
    """What a row of the table says, at most nearly where the table does."""
    for number, says in enumerate(listed):
        if says.endswith(NEARLY):
            near = f"{reason}, or nearly: LOOK"
            _better(found, says.removesuffix(NEARLY), Score(min(worth - number * _NEXT, _NEAR), near))
        else:
            _better(found, says, Score(worth - number * _NEXT, reason))


def _known(found: dict[str, Score]) -> dict[str, Score]:
    """Without what a heading says less surely than nothing."""
    nothing = found.get(NOTHING, NO_FIT).worth
    return {says: score for says, score in found.items() if score.worth >= nothing}


def _better(found: dict[str, Score], says: str, score: Score) -> None:
    if score.worth > found.get(says, NO_FIT).worth:
        found[says] = score


def _and(named: Score, reason: str) -> str:
    return f"{named.reason}; {reason}" if named.reason else reason


def _telling_codes(column: Column) -> bool:
    """Whether the cells alone say which list it is: long words, not `1` or `A` or `Ni`."""
    return all(len(cell) > _SHOWN for cell in column.values)


def _is_iri(column: Column) -> bool:
    return bool(column.values) and all(re.match(r"(did|urn|https?):", cell) for cell in column.values)


def _can_stand(column: Column, term: Term) -> bool:
    """Whether the cells, as they are written, can be what the term holds."""
    kind, name = term.range.kind, term.range.name
    if kind == "class":
        fits = not column.unit or not term.units or any(_same_dimension(column.unit, one) for one in term.units)
        return name == "Quantity" and column.number and fits and column.dates in {(), ("sap",)}
    if kind == "literal":
        return {
            "date": bool(column.dates) or _days_in_times(column), "dateTime": bool(column.dates or column.times),
            "boolean": column.boolean is not None, "decimal": column.number, "positiveInteger": column.number,
        }.get(name, True)  # fmt: skip
    return True


def _days_in_times(column: Column) -> bool:
    """Whether its cells are days with a time of day, which a date would leave out."""
    if not column.times:
        return False
    written = [cell for cell in column.values if not isinstance(cell, DateCell)]
    return not written or bool(days_in_times(*written))


def _measured(column: Column, named: Score) -> Score:
    said = bool(column.unit or column.unit_row)
    return Score(min(named.worth + 0.05 * said, 0.98), _and(named, f"numbers such as {column.shown}"))


def _same_dimension(one: str, other: str) -> bool:
    return one == other or (one in UNITS and other in UNITS and UNITS[one].dimension == UNITS[other].dimension)


def _literal(column: Column, term: Term, named: Score) -> Score:
    if term.range.name in {"string", "multibase"}:
        return _text(column, term, named)
    sure = 0.05 * (named.worth > _WEAK)  # of two days with a date each nobody knows which
    return Score(min(named.worth + sure, 0.98), _and(named, f"cells such as {column.shown}"))


def _text(column: Column, term: Term, named: Score) -> Score:
    if not column.values:
        return Score(named.worth * 0.8, _and(named, "all its cells are empty"))
    if term.pattern and not all(re.fullmatch(term.pattern, cell) for cell in column.values):
        return NO_FIT
    odd = bool(column.dates or column.times or column.unit or column.unit_row)
    return Score(named.worth * (0.7 if odd else 1.0), named.reason)
