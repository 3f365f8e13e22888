"""One closure per constraint: it compares a known fact and says what it found.

The states and how they combine into a decision are `evaluate`'s use; this file knows what each operand's values mean.
No closure raises: a value of the wrong type is `unknown`, with `wrong-type` as its source.
"""

from __future__ import annotations

import operator as compare
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeAlias

from connector.model import Claim
from connector.policy.odrl import Constraint
from connector.policy.operands import (
    ANY,
    CALLER,
    LISTED_PARTIES,
    UNIT,
    Enforced,
    Operand,
    Operator,
    Stage,
    Subject,
    ValueKind,
)
from connector.policy.reading import parse_number, parse_time


class State(StrEnum):
    """What became of one constraint. `accepted`: a term of the contract that nobody can check."""

    SATISFIED = "satisfied"
    NOT_SATISFIED = "not-satisfied"
    UNKNOWN = "unknown"
    NOT_CHECKED_HERE = "not-checked-here"
    ACCEPTED = "accepted"


@dataclass(slots=True)
class Known:
    """The facts of one evaluation, by name. `odd` names claims whose value was no text. Never changed; not frozen,
    because that would take a third of a decision's time.
    """

    party: str
    now: datetime
    claims: dict[str, list[Claim]]
    odd: frozenset[str]


Verdict: TypeAlias = tuple[State, str, str]
"""State, the value found, and where it came from."""
Comparison: TypeAlias = Callable[[Known], Verdict]
_Test: TypeAlias = Callable[[list[Claim], Known], Verdict]

_YES: Final = State.SATISFIED  # looking a member up in its enum takes longer than comparing a claim (CPython 3.11)
_NO: Final = State.NOT_SATISFIED

_WRONG_TYPE: Final[Verdict] = (State.UNKNOWN, "", "wrong-type")
_NOT_KNOWN: Final[Verdict] = (State.UNKNOWN, "", "")
_NOT_HERE: Final[Verdict] = (State.NOT_CHECKED_HERE, "", "")
_BY_CONTRACT: Final[Verdict] = (State.ACCEPTED, "", "contract")
_IN_TIME: Final[Verdict] = (_YES, "", "clock")  # the decision knows the time; writing it here costs 1 us
_NOT_IN_TIME: Final[Verdict] = (_NO, "", "clock")
_ORDER: Final = {Operator.GT: compare.gt, Operator.GTEQ: compare.ge, Operator.LT: compare.lt, Operator.LTEQ: compare.le}
_DATE_LENGTH: Final = len("2027-03-01")


def comparison(constraint: Constraint, operand: Operand, stage: Stage, *, forbids: bool = False) -> Comparison:
    """Of a constraint at a stage. `forbids`: of a prohibition, for which one of a unit's values is enough."""
    if stage not in operand.stages:
        return lambda _known: _NOT_HERE
    if operand.subject is Subject.CLOCK:
        return _clock(constraint)
    if operand.subject is Subject.PARTY:
        return _party(constraint)
    if CALLER in operand.constants:
        return _caller(operand.fact)
    absent = _BY_CONTRACT if operand.enforced is Enforced.CONTRACTUAL else _NOT_KNOWN
    wanted = frozenset(constraint.right)
    if operand.subject is Subject.UNIT:
        return _any_of(operand.fact, wanted, absent) if forbids else _every_of(operand.fact, wanted)
    if operand.subject is Subject.MANDATE:
        unit_fact = operand.unit_fact if wanted == {UNIT} else ""
        within = _within_period if operand.kind is ValueKind.TIME else _within
        return _claims(operand.fact, within(wanted, unit_fact), absent)
    if operand.kind is ValueKind.NUMBER:
        return _claims(operand.fact, _at_most(Decimal(constraint.right[0])), absent)
    if constraint.operator is Operator.IS_ALL_OF:
        return _claims(operand.fact, _all_held(wanted), absent)
    if constraint.operator is Operator.IS_NONE_OF:
        return _claims(operand.fact, _none_held(wanted), absent)
    return _any_of(operand.fact, wanted, absent)


def _claims(fact: str, test: _Test, absent: Verdict) -> Comparison:
    """A test of the fact's claims, if there are any."""

    def run(known: Known) -> Verdict:
        claims = known.claims.get(fact)
        if claims is None:
            return _WRONG_TYPE if fact in known.odd else absent
        return test(claims, known)

    return run


def _any_of(fact: str, wanted: frozenset[str], absent: Verdict) -> Comparison:
    """One of the values is wanted. Written out, as the two below: it runs for each constraint of each unit."""

    def run(known: Known) -> Verdict:
        claims = known.claims.get(fact)
        if claims is None:
            return _WRONG_TYPE if fact in known.odd else absent
        for claim in claims:
            if claim.value in wanted:
                return _YES, claim.value, claim.source
        return _found(False, claims)

    return run


def _every_of(fact: str, wanted: frozenset[str]) -> Comparison:
    """All values are wanted: what is asked for lies inside what is granted."""

    def run(known: Known) -> Verdict:
        claims = known.claims.get(fact)
        if claims is None:
            return _WRONG_TYPE if fact in known.odd else _NOT_KNOWN
        for claim in claims:
            if claim.value not in wanted:
                return _found(False, claims)
        return (_YES, claim.value, claim.source) if len(claims) == 1 else _found(True, claims)

    return run


def _caller(fact: str) -> Comparison:
    """The caller is one of the values."""

    def run(known: Known) -> Verdict:
        claims = known.claims.get(fact)
        if claims is None or not known.party:
            return _WRONG_TYPE if fact in known.odd else _NOT_KNOWN
        for claim in claims:
            if claim.value == known.party:
                return _YES, claim.value, claim.source
        return _found(False, claims)

    return run


def _party(constraint: Constraint) -> Comparison:
    wanted = frozenset(constraint.right)
    inside = constraint.operator in {Operator.EQ, Operator.IS_ANY_OF}

    def run(known: Known) -> Verdict:
        # A list that only its owner has can't be looked up in an offer.
        if not known.party or LISTED_PARTIES in wanted:
            return _NOT_KNOWN
        holds = (known.party in wanted) is inside
        return _YES if holds else _NO, known.party, "token"

    return run


def _clock(constraint: Constraint) -> Comparison:
    holds = _ORDER[constraint.operator]
    limit = parse_time(constraint.right[0])

    def run(known: Known) -> Verdict:
        if limit is None or known.now.tzinfo is None:
            return _WRONG_TYPE
        return _IN_TIME if holds(known.now, limit) else _NOT_IN_TIME

    return run


def _all_held(wanted: frozenset[str]) -> _Test:
    return lambda claims, _known: _found(wanted <= {claim.value for claim in claims}, claims)


def _none_held(wanted: frozenset[str]) -> _Test:
    return lambda claims, _known: _found(wanted.isdisjoint({claim.value for claim in claims}), claims)


def _at_most(limit: Decimal) -> _Test:
    def test(claims: list[Claim], _known: Known) -> Verdict:
        numbers = [parse_number(claim.value) for claim in claims]
        if None in numbers:
            return _WRONG_TYPE
        return _found(all(number <= limit for number in numbers if number is not None), claims)

    return test


def _within(literal: frozenset[str], unit_fact: str) -> _Test:
    """Each value (of the unit, if so asked) is in the mandate."""

    def test(claims: list[Claim], known: Known) -> Verdict:
        mandated = {claim.value for claim in claims}
        if ANY in mandated:
            return _found(True, claims)
        wanted = _unit_values(known, unit_fact) if unit_fact else literal
        if not wanted:
            return _unit_unknown(claims, known, unit_fact)
        return _found(wanted <= mandated, claims, about=wanted if unit_fact else ())

    return test


def _within_period(literal: frozenset[str], unit_fact: str) -> _Test:
    """Each time lies in one of the mandate's periods, `START/END`; a date means its whole day."""

    def test(claims: list[Claim], known: Known) -> Verdict:
        wanted = _unit_values(known, unit_fact) if unit_fact else literal
        if not wanted:
            return _unit_unknown(claims, known, unit_fact)
        periods = [_period(claim.value) for claim in claims]
        moments = [_span(text) for text in wanted]
        if None in periods or None in moments:
            return _WRONG_TYPE
        holds = all(
            any(period is not None and period[0] <= first and last <= period[1] for period in periods)
            for first, last in (moment for moment in moments if moment is not None)
        )
        return _found(holds, claims, about=wanted if unit_fact else ())

    return test


def _unit_values(known: Known, unit_fact: str) -> frozenset[str]:
    return frozenset(claim.value for claim in known.claims.get(unit_fact, ()))


def _unit_unknown(claims: list[Claim], known: Known, unit_fact: str) -> Verdict:
    source = "wrong-type" if unit_fact in known.odd else ""
    return State.UNKNOWN, f"{_joined(claim.value for claim in claims)} (unit: not known)", source


def _period(text: str) -> tuple[datetime, datetime] | None:
    start, _, end = text.partition("/")
    first, last = _span(start), _span(end)
    return (first[0], last[1]) if first is not None and last is not None else None


def _span(text: str) -> tuple[datetime, datetime] | None:
    """First and last moment of a time or of a date (a whole day, UTC)."""
    if len(text) != _DATE_LENGTH:
        moment = parse_time(text)
        return None if moment is None else (moment, moment)
    try:
        day = date.fromisoformat(text)
        first = datetime(day.year, day.month, day.day, tzinfo=UTC)
        return first, first + timedelta(days=1, microseconds=-1)
    except ValueError:
        return None


def _found(holds: bool, claims: list[Claim], about: Iterable[str] = ()) -> Verdict:
    values = _joined(claim.value for claim in claims)
    asked = _joined(about)
    sources = _joined(claim.source for claim in claims)
    return (
        _YES if holds else _NO,
        f"{values} (unit: {asked})" if asked else values,
        sources,
    )


def _joined(values: Iterable[str]) -> str:
    return ", ".join(sorted(set(values)))
