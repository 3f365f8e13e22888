"""What the law and the guidance ask of a battery passport: data points, editions of the rules, obligations, facts.

Read from four tables of `vocab/`. `points.csv`: the 71 data points of the Commission's guidance and the terms that
feed them. `editions.csv`: which body of rules was known from when. `obligations.csv`: per edition, point and category
what is owed, for batteries from which date on; an edition that is silent on a point leaves it to the one before.
`facts.csv`: the conditions of conditional points. Judging a passport by them is `judging`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType

from connector.errors import BadInput
from connector.model import AccessClass, Level
from connector.vocabulary.conditions import Condition, compile_condition
from connector.vocabulary.tables import rows
from connector.vocabulary.terms import Terms, words_of

DUTY = "duty"
"""In place of a point: whether a passport is owed at all (Battery Regulation, Art. 77(1))."""
PASSPORT_CLASS = "Battery"
OWING = ("ev", "lmt", "industrial")
"""Categories for which every edition together answers every point."""

RULE_TABLES = ("points", "editions", "facts", "obligations")
"""The tables in `vocab/`, without `.csv`."""

_POINTS = "point,name_en,access,dynamics,level,terms,needs,law"
_EDITIONS = "edition,known_from,source_kind,title_en,reference"
_FACTS = "fact,expression,yes_en,no_en,law"
_OBLIGATIONS = (
    "edition,point,category,obligation,condition,source_kind,source,date_basis,in_force_from,pending_act,note"
)
_DYNAMICS = frozenset({"static", "dynamic"})
_BASES = frozenset({"placed-on-market", "put-into-service"})
_KINDS = frozenset({"law", "guidance"})


class Obligation(StrEnum):
    """What a rule asks for."""

    MANDATORY = "M"
    CONDITIONAL = "C"
    OPTIONAL = "O"
    PENDING = "P"
    NOT_TO_BE_FILLED = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One data point. It is there when of each group in `needs` one term has a value."""

    number: int
    name: str
    access: AccessClass
    dynamic: bool
    levels: tuple[Level, ...]
    terms: tuple[str, ...]
    needs: tuple[tuple[str, ...], ...]
    law: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """A body of rules, with the day from which it was known."""

    name: str
    known_from: date
    source_kind: str
    title: str
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A named condition, and how both of its answers are said of a battery."""

    name: str
    condition: Condition
    yes: str
    no: str
    law: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What one edition asks about one point of some categories, for batteries from a date on."""

    edition: str
    point: str
    categories: tuple[str, ...]
    obligation: Obligation
    condition: str
    source_kind: str
    source: str
    date_basis: str
    in_force_from: date
    pending_act: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The four tables, frozen. `editions` stand in the order in which they became known."""

    points: tuple[Point, ...]
    editions: tuple[Edition, ...]
    facts: Mapping[str, Fact]
    obligations: tuple[Rule, ...]
    _by_key: Mapping[tuple[str, str, str], Rule]

    def known(self, at: date) -> tuple[Edition, ...]:
        """The editions that were known on that day, the newest first."""
        return tuple(edition for edition in reversed(self.editions) if edition.known_from <= at)

    def of(self, edition: str, point: int | str, category: str) -> Rule | None:
        """What this edition itself says of the point, or None where it is silent."""
        return self._by_key.get((edition, str(point), category))


def read_rules(tables: Mapping[str, bytes], terms: Terms) -> Rules:
    """The rules from the bytes of `RULE_TABLES`, held against the terms and against each other."""
    points = tuple(_point(place, row, terms) for place, row in _rows(tables, "points", _POINTS))
    editions = tuple(_edition(place, row) for place, row in _rows(tables, "editions", _EDITIONS))
    facts = {row["fact"]: _fact(place, row, terms) for place, row in _rows(tables, "facts", _FACTS)}
    obligations: list[Rule] = []
    by_key: dict[tuple[str, str, str], Rule] = {}
    names = {edition.name for edition in editions}
    for place, row in _rows(tables, "obligations", _OBLIGATIONS):
        rule = _rule(place, row, facts)
        if rule.edition not in names:
            raise BadInput(f"editions.csv has no edition {rule.edition!r}", place=place)
        obligations.append(rule)
        for category in rule.categories:
            if by_key.setdefault((rule.edition, rule.point, category), rule) is not rule:
                raise BadInput(f"point {rule.point} of {category} has two rows in {rule.edition}", place=place)
    rules = Rules(
        points=points, editions=tuple(sorted(editions, key=lambda one: one.known_from)),
        facts=MappingProxyType(facts), obligations=tuple(obligations), _by_key=MappingProxyType(by_key),
    )  # fmt: skip
    _check_whole(rules)
    return rules


def _rows(tables: Mapping[str, bytes], name: str, columns: str) -> Iterator[tuple[str, dict[str, str]]]:
    return rows(tables[name], f"{name}.csv", columns.split(","))


def _point(place: str, row: Mapping[str, str], terms: Terms) -> Point:
    names = words_of(row["terms"])
    needs = tuple(tuple(group.split("|")) for group in words_of(row["needs"])) or tuple((name,) for name in names)
    _known_terms((*names, *(name for group in needs for name in group)), terms, place)
    if row["dynamics"] not in _DYNAMICS:
        raise BadInput(f"{row['dynamics']!r}: a point is static or dynamic", place=place)
    try:
        return Point(
            number=int(row["point"]), name=row["name_en"], access=AccessClass(row["access"]),
            dynamic=row["dynamics"] == "dynamic", levels=tuple(Level(level) for level in words_of(row["level"])),
            terms=names, needs=needs, law=row["law"],
        )  # fmt: skip
    except ValueError as bad:
        raise BadInput(str(bad), place=place) from bad


def _edition(place: str, row: Mapping[str, str]) -> Edition:
    _word(row["source_kind"], _KINDS, place)
    return Edition(
        name=row["edition"], known_from=_day(row["known_from"], place), source_kind=row["source_kind"],
        title=row["title_en"], reference=row["reference"],
    )  # fmt: skip


def _fact(place: str, row: Mapping[str, str], terms: Terms) -> Fact:
    condition = compile_condition(row["expression"])
    _known_terms(condition.terms, terms, place)
    return Fact(name=row["fact"], condition=condition, yes=row["yes_en"], no=row["no_en"], law=row["law"])


def _rule(place: str, row: Mapping[str, str], facts: Mapping[str, Fact]) -> Rule:
    _word(row["source_kind"], _KINDS, place)
    _word(row["date_basis"], _BASES, place)
    _word(row["obligation"], frozenset(Obligation), place)
    obligation = Obligation(row["obligation"])
    if (obligation is Obligation.CONDITIONAL) != bool(row["condition"]):
        raise BadInput("a conditional point needs its condition, any other has none", place=place)
    if row["condition"] and row["condition"] not in facts:
        raise BadInput(f"facts.csv has no fact {row['condition']!r}", place=place)
    if (obligation is Obligation.PENDING) != bool(row["pending_act"]):
        raise BadInput("a pending point names the act that is open, any other names none", place=place)
    return Rule(
        edition=row["edition"], point=row["point"], categories=words_of(row["category"]), obligation=obligation,
        condition=row["condition"], source_kind=row["source_kind"], source=row["source"],
        date_basis=row["date_basis"], in_force_from=_day(row["in_force_from"], place),
        pending_act=row["pending_act"], note=row["note"],
    )  # fmt: skip


def _check_whole(rules: Rules) -> None:
    """The points are numbered through, and the oldest edition answers all of them."""
    if not rules.editions or [point.number for point in rules.points] != list(range(1, len(rules.points) + 1)):
        raise BadInput("points.csv has to be numbered from 1 without a gap, and editions.csv must not be empty")
    numbers = {DUTY, *(str(point.number) for point in rules.points)}
    strange = sorted({rule.point for rule in rules.obligations} - numbers)
    if strange:
        raise BadInput(f"there is no point {strange[0]!r}", place="obligations.csv")
    first = rules.editions[0].name
    for number in numbers:
        for category in OWING:
            if rules.of(first, number, category) is None:
                raise BadInput(f"{first} says nothing about point {number} of {category}", place="obligations.csv")


def _known_terms(names: tuple[str, ...] | frozenset[str], terms: Terms, place: str) -> None:
    for name in names:
        if terms.find(PASSPORT_CLASS, name) is None:
            near = ", ".join(terms.near(name, PASSPORT_CLASS))
            hint = f"did you mean {near}?" if near else "see vocab/terms.csv"
            raise BadInput(f"a battery has no term {name!r}", place=place, hint=hint)


def _day(text: str, place: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as bad:
        raise BadInput(f"{text!r} is no day, such as 2027-02-18", place=place) from bad


def _word(text: str, known: frozenset[str] | frozenset[Obligation], place: str) -> None:
    if text not in known:
        raise BadInput(f"{text!r} is none of {', '.join(sorted(known))}", place=place)
