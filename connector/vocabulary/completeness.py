"""How complete a battery passport is, as values: per data point one of four words, a reason code and a sentence.

`present`, `missing`, `pending` (an act is open: neither an error nor compliance), `not-applicable`. How they are come
by is `judging`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from connector.model import JsonObject
from connector.vocabulary.rules import Edition, Obligation, Point, Rule

WORDS: Mapping[Obligation, str] = {
    Obligation.MANDATORY: "mandatory",
    Obligation.CONDITIONAL: "conditional",
    Obligation.OPTIONAL: "optional",
    Obligation.PENDING: "pending",
    Obligation.NOT_TO_BE_FILLED: "not to be filled",
}


class State(StrEnum):
    """The answer to a point."""

    PRESENT = "present"
    MISSING = "missing"
    PENDING = "pending"
    NOT_APPLICABLE = "not-applicable"


class Reason(StrEnum):
    """Why a point has its state."""

    VALUE = "value"
    NOT_CONTAINED = "not-contained"
    NO_VALUE = "no-value"
    INCOMPLETE = "incomplete"
    UNUSABLE = "unusable-value"
    CONDITION_UNSTATED = "condition-unstated"
    ACT_PENDING = "act-pending"
    NOT_TO_BE_FILLED_YET = "not-to-be-filled-yet"
    NOT_TO_BE_FILLED = "not-to-be-filled"
    OPTIONAL_ABSENT = "optional-absent"
    CONDITION_FALSE = "condition-false"
    NOT_IN_FORCE = "not-in-force"
    NO_PASSPORT_OWED = "no-passport-owed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """The battery's own date, which selects the law. `stated`: the document gives it in `term`."""

    day: date
    term: str

    @property
    def stated(self) -> bool:
        """Whether the document gives the date."""
        return bool(self.term)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is said of one point. `cites`: the rule that decided, then those of older editions that differ from it.

    `otherwise`: what these say, in words. `absent`: terms that would help. `filled`: a term of it has a value.
    """

    point: Point
    state: State
    reason: Reason
    sentence: str
    otherwise: str
    absent: tuple[str, ...]
    fact: str
    filled: bool
    cites: tuple[Rule, ...]

    def as_json(self) -> JsonObject:
        """The published shape (`passport check --json`)."""
        return {
            "point": self.point.number,
            "name": self.point.name,
            "state": self.state.value,
            "reason": self.reason.value,
            "sentence": self.sentence,
            "otherwise": self.otherwise,
            "access": self.point.access.value,
            "terms": [*self.point.terms],
            "absent": [*self.absent],
            "fact": self.fact,
            "filled": self.filled,
            "cites": [_cited(rule) for rule in self.cites],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """The whole answer. `owed`: whether the battery needs a passport at all, and `because` why."""

    category: str
    owed: bool
    because: str
    edition: Edition
    day: Day
    answers: tuple[Answer, ...]

    @property
    def complete(self) -> bool:
        """Whether nothing that is owed is missing. What is pending counts for nothing."""
        return not any(answer.state is State.MISSING for answer in self.answers)

    @property
    def counts(self) -> dict[State, int]:
        """How many points have each state."""
        return {state: sum(answer.state is state for answer in self.answers) for state in State}

    def as_json(self) -> JsonObject:
        """The published shape (`passport check --json`)."""
        return {
            "category": self.category,
            "owed": self.owed,
            "because": self.because,
            "complete": self.complete,
            "edition": {
                "name": self.edition.name, "title": self.edition.title, "reference": self.edition.reference,
                "knownFrom": self.edition.known_from.isoformat(),
            },
            "date": {"day": self.day.day.isoformat(), "stated": self.day.stated, "term": self.day.term},
            "counts": {state.value: count for state, count in self.counts.items()},
            "points": [answer.as_json() for answer in self.answers],
        }  # fmt: skip


def _cited(rule: Rule) -> JsonObject:
    return {
        "edition": rule.edition,
        "kind": rule.source_kind,
        "source": rule.source,
        "obligation": WORDS[rule.obligation],
        "condition": rule.condition,
        "dateBasis": rule.date_basis,
        "inForceFrom": rule.in_force_from.isoformat(),
        "pendingAct": rule.pending_act,
        "note": rule.note,
    }
