"""One closure per constraint: it compares a known fact and says what it found.

The states and how they combine into a decision are `evaluate`'s use; this file knows what each operand's values mean.
No closure raises: a value of the wrong type is `unknown`, with `wrong-type` as its source.
"""

from __future__ import annotations

import operator as compare
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple, TypeAlias

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


class Known(NamedTuple):
    """The facts of one evaluation, by name. `odd` names claims whose value was no text."""

    party: str
    now: datetime
    claims: dict[str, list[Claim]]
    odd: frozenset[str]


Verdict: TypeAlias = tuple[State, str, str]
"""State, the value found, and where it came from."""
Comparison: TypeAlias = Callable[[Known], Verdict]

_WRONG_TYPE: Final[Verdict] = (State.UNKNOWN, "", "wrong-type")
_NOT_KNOWN: Final[Verdict] = (State.UNKNOWN, "", "")
_NOT_HERE: Final[Verdict] = (State.NOT_CHECKED_HERE, "", "")
_BY_CONTRACT: Final[Verdict] = (State.ACCEPTED, "", "contract")
_ORDER: Final = {Operator.GT: compare.gt, Operator.GTEQ: compare.ge, Operator.LT: compare.lt, Operator.LTEQ: compare.le}
_DATE_LENGTH: Final = len("2027-03-01")


def comparison(constraint: Constraint, operand: Operand, stage: Stage) -> Comparison:
    """The closure for a constraint at a stage."""
    if stage not in operand.stages:
        return lambda _known: _NOT_HERE
    if operand.subject is Subject.CLOCK:
        return _clock(constraint)
    if operand.subject is Subject.PARTY:
        return _party(constraint)
    if constraint.right == (CALLER,) and CALLER in operand.constants:
        return _caller(operand.fact)
    # At an audit read nothing is signed, so nothing is accepted: the fact is needed there.
    contractual = operand.enforced is Enforced.CONTRACTUAL and stage is not Stage.AUDIT
    return _claims(operand.fact, _test(constraint, operand), absent=_BY_CONTRACT if contractual else _NOT_KNOWN)


def _test(constraint: Constraint, operand: Operand) -> Callable[[list[Claim], Known], Verdict]:
    """How the claims of the operand's fact are compared."""
    wanted = frozenset(constraint.right)
    if operand.subject is Subject.MANDATE:
        unit_fact = operand.unit_fact if wanted == {UNIT} else ""
        return _within_period(wanted, unit_fact) if operand.kind is ValueKind.TIME else _within(wanted, unit_fact)
    if operand.kind is ValueKind.NUMBER:
        return _at_most(Decimal(constraint.right[0]))
    if constraint.operator is Operator.IS_ALL_OF:
        return lambda claims, _known: _found(wanted <= {claim.value for claim in claims}, claims)
    if operand.subject is Subject.UNIT:
        return lambda claims, _known: _found(all(claim.value in wanted for claim in claims), claims)
    return _any_of(wanted)


def _claims(fact: str, test: Callable[[list[Claim], Known], Verdict], *, absent: Verdict) -> Comparison:
    def run(known: Known) -> Verdict:
        claims = known.claims.get(fact)
        if claims is None:
            return _WRONG_TYPE if fact in known.odd else absent
        return test(claims, known)

    return run


def _any_of(wanted: frozenset[str]) -> Callable[[list[Claim], Known], Verdict]:
    def test(claims: list[Claim], _known: Known) -> Verdict:
        for claim in claims:
            if claim.value in wanted:
                return State.SATISFIED, claim.value, claim.source
        return _found(False, claims)

    return test


def _caller(fact: str) -> Comparison:
    """The caller is one of the values."""

    def test(claims: list[Claim], known: Known) -> Verdict:
        return _found(bool(known.party) and any(claim.value == known.party for claim in claims), claims)

    return _claims(fact, test, absent=_NOT_KNOWN)


def _party(constraint: Constraint) -> Comparison:
    wanted = frozenset(constraint.right)
    inside = constraint.operator in {Operator.EQ, Operator.IS_ANY_OF}

    def run(known: Known) -> Verdict:
        # A list that only its owner has can't be looked up in an offer.
        if not known.party or LISTED_PARTIES in wanted:
            return _NOT_KNOWN
        holds = (known.party in wanted) is inside
        return State.SATISFIED if holds else State.NOT_SATISFIED, known.party, "token"

    return run


def _clock(constraint: Constraint) -> Comparison:
    holds = _ORDER[constraint.operator]
    limit = parse_time(constraint.right[0])

    def run(known: Known) -> Verdict:
        if limit is None or known.now.tzinfo is None:
            return _WRONG_TYPE
        state = State.SATISFIED if holds(known.now, limit) else State.NOT_SATISFIED
        return state, known.now.isoformat(), "clock"

    return run


def _at_most(limit: Decimal) -> Callable[[list[Claim], Known], Verdict]:
    def test(claims: list[Claim], _known: Known) -> Verdict:
        numbers = [parse_number(claim.value) for claim in claims]
        if None in numbers:
            return _WRONG_TYPE
        return _found(all(number <= limit for number in numbers if number is not None), claims)

    return test


def _within(literal: frozenset[str], unit_fact: str) -> Callable[[list[Claim], Known], Verdict]:
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


def _within_period(literal: frozenset[str], unit_fact: str) -> Callable[[list[Claim], Known], Verdict]:
    """Each time lies in one of the mandate's periods, `START/END`; a date means its whole day."""

    def test(claims: list[Claim], known: Known) -> Verdict:
        if any(claim.value == ANY for claim in claims):
            return _found(True, claims)
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
    start, slash, end = text.partition("/")
    first, last = _span(start), _span(end)
    return (first[0], last[1]) if slash and first is not None and last is not None else None


def _span(text: str) -> tuple[datetime, datetime] | None:
    """First and last moment of a time or of a date (a whole day, UTC)."""
    if len(text) != _DATE_LENGTH:
        moment = parse_time(text)
        return None if moment is None else (moment, moment)
    try:
        day = date.fromisoformat(text)
        first = datetime(day.year, day.month, day.day, tzinfo=UTC)
        return first, first + timedelta(days=1, microseconds=-1)
    except (ValueError, OverflowError):
        return None


def _found(holds: bool, claims: list[Claim], about: Iterable[str] = ()) -> Verdict:
    values = _joined(claim.value for claim in claims)
    asked = _joined(about)
    sources = _joined(claim.source for claim in claims)
    return (
        State.SATISFIED if holds else State.NOT_SATISFIED,
        f"{values} (unit: {asked})" if asked else values,
        sources,
    )


def _joined(values: Iterable[str]) -> str:
    return ", ".join(sorted(set(values)))
