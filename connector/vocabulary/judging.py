"""Judging a battery passport by the rules: every data point gets its word and its reason.

Which rules speak is decided twice: the day of asking chooses the editions that were known, the battery's own date the
rules in force for it. The newest edition that speaks of a point answers; where an older one says otherwise (the law
beside the guidance), it is cited with it. What an answer is stands in `completeness`, the tables in `rules`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from connector.errors import BadInput
from connector.model import Finding, Json, JsonObject
from connector.vocabulary.completeness import WORDS, Answer, Completeness, Day, Reason, State
from connector.vocabulary.rules import DUTY, Edition, Fact, Obligation, Point, Rule, Rules

PLACED, IN_SERVICE = "placedOnMarketDate", "putIntoServiceDate"
_BASES: Mapping[str, tuple[str, ...]] = {
    "placed-on-market": (PLACED, IN_SERVICE),
    "put-into-service": (IN_SERVICE, PLACED),
}
"""A rule's date basis -> the terms that hold the battery's date, the first that is stated: a battery that was never
placed on the market comes under the duty when it is put into service (Art. 77(1))."""
NONE_WORD, NONE_QUALIFIER = "none", "notContained"
"""How a list and a quantity say that the battery does not contain it: that is a value (vocab/README.md)."""
_PATH = re.compile(r"\$\.(?P<term>[A-Za-z0-9]+)(?P<within>.*)", re.DOTALL)


def judge(
    rules: Rules, document: JsonObject, category: str, *, at: date, findings: Sequence[Finding] = ()
) -> Completeness:
    """All points of a passport's values, flat as they were mapped, by the rules that were known `at` that day.

    `findings`: what its shapes say; a value that they refuse is no value. `BadInput`: no rules were known then, or no
    rule knows the category.
    """
    editions = rules.known(at)
    if not editions:
        first = rules.editions[0]
        raise BadInput(f"no rules were known on {at}", hint=f"the first are known from {first.known_from}")
    duty = _cited(rules, editions, DUTY, category)
    if not duty:
        raise BadInput(f"no rule speaks of batteries of the category {category!r}", hint="ev, lmt or industrial")
    judging = _Judging(
        rules=rules, editions=editions, document=document, category=category,
        assumed=max(at, duty[0].in_force_from),
        given=frozenset(name for name, value in document.items() if has_value(value)),
        unusable={name: finding.message for finding in reversed(findings) if (name := _spoilt(finding))},
    )  # fmt: skip
    owed, because = judging.duty(duty[0])
    answers = (judging.answer(point) if owed else judging.outside(point, duty, because) for point in rules.points)
    return Completeness(
        category=category, owed=owed, because=because, edition=editions[0], day=judging.day(duty[0]),
        answers=tuple(answers),
    )  # fmt: skip


def of_values(findings: Sequence[Finding]) -> list[Finding]:
    """The findings about values that are there. What a shape misses is answered per point."""
    return [finding for finding in findings if finding.code != "missing-term" or _spoilt(finding)]


def _spoilt(finding: Finding) -> str:
    """The subject's term whose value a finding is about; none where the whole term is missing or unknown."""
    path = _PATH.fullmatch(finding.place.column)
    if path is None or (not path["within"] and finding.code in {"missing-term", "unknown-term"}):
        return ""
    return path["term"]


def has_value(value: Json) -> bool:
    """Whether anything is said: not an empty text, list or node."""
    match value:
        case None:
            return False
        case str():
            return bool(value.strip())
        case list():
            return any(has_value(one) for one in value)
        case dict():
            return any(name != "type" and has_value(one) for name, one in value.items())
    return True


def says_none(value: Json) -> bool:
    """Whether the value says that the battery does not contain it."""
    match value:
        case list():
            return bool(value) and all(says_none(one) for one in value)
        case dict():
            return value.get("qualifier") == NONE_QUALIFIER or value.get("name") == NONE_WORD
    return value == NONE_WORD


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judging:
    """One document under the editions that count.

    `assumed`: its date where it states none. `given`: the terms that have a value. `unusable`: why a value is none.
    """

    rules: Rules
    editions: tuple[Edition, ...]
    document: JsonObject
    category: str
    assumed: date
    given: frozenset[str]
    unusable: Mapping[str, str]

    def duty(self, rule: Rule) -> tuple[bool, str]:
        """Whether a passport is owed, and why (Art. 77(1))."""
        if rule.obligation is Obligation.NOT_TO_BE_FILLED:
            return False, f"no passport owed: {rule.note} ({rule.source})"
        since = _written(rule.in_force_from)
        if self.day(rule).day < rule.in_force_from:
            return False, f"no passport owed: {_dated(self.day(rule))}, before {since} ({rule.source})"
        if rule.obligation is Obligation.CONDITIONAL:
            fact = self.rules.facts[rule.condition]
            answer = fact.condition.answer(self.document)
            if answer is False:
                return False, f"no passport owed: {fact.no} ({rule.source})"
            if answer is None:
                return True, f"owed ({rule.source}), unless it turns out that {fact.no}: {_asked(fact)}"
        return True, f"owed since {since} ({rule.source}): {_dated(self.day(rule))}"

    def outside(self, point: Point, duty: tuple[Rule, ...], because: str) -> Answer:
        """A point of a battery that owes no passport."""
        return self._made(point, duty[:1], State.NOT_APPLICABLE, Reason.NO_PASSPORT_OWED, because)

    def answer(self, point: Point) -> Answer:
        """One point."""
        cites = _cited(self.rules, self.editions, str(point.number), self.category)
        rule = cites[0]
        if rule.obligation is Obligation.PENDING:
            return self._pending(point, cites)
        if rule.obligation is Obligation.NOT_TO_BE_FILLED:
            text = "not to be filled for this category" + (", though it has a value" if self._filled(point) else "")
            return self._made(point, cites, State.NOT_APPLICABLE, Reason.NOT_TO_BE_FILLED, _with_note(text, rule))
        day = self.day(rule)
        if day.day < rule.in_force_from:
            text = f"asked of batteries from {_written(rule.in_force_from)} on: {_dated(day)}"
            return self._made(point, cites, State.NOT_APPLICABLE, Reason.NOT_IN_FORCE, _with_note(text, rule))
        return self._by_value(point, cites)

    def _pending(self, point: Point, cites: tuple[Rule, ...]) -> Answer:
        act = cites[0].pending_act
        if self._filled(point):
            text = f"has a value that is not to be filled yet and counts for nothing: open is {act}"
            return self._made(point, cites, State.PENDING, Reason.NOT_TO_BE_FILLED_YET, text)
        return self._made(point, cites, State.PENDING, Reason.ACT_PENDING, f"not to be filled yet: open is {act}")

    def _by_value(self, point: Point, cites: tuple[Rule, ...]) -> Answer:
        """A point that can be owed: its condition, then its values."""
        rule = cites[0]
        fact = self.rules.facts.get(rule.condition)
        holds = True if fact is None else fact.condition.answer(self.document)
        if holds is False and fact is not None:
            text = f"not asked, as {fact.no}" + (", though it has a value" if self._filled(point) else "")
            return self._made(point, cites, State.NOT_APPLICABLE, Reason.CONDITION_FALSE, text, fact=fact.name)
        absent = tuple(group for group in point.needs if not self._has(group))
        if point.needs and not absent:
            return self._present(point, cites)
        if rule.obligation is Obligation.OPTIONAL and not self._filled(point):
            text = _with_note("may be left out", rule)
            return self._made(point, cites, State.NOT_APPLICABLE, Reason.OPTIONAL_ABSENT, text)
        if holds is None and fact is not None:
            text = f"asked if {fact.yes}, and the passport does not say: {_asked(fact)}"
            return self._made(
                point, cites, State.MISSING, Reason.CONDITION_UNSTATED, text, absent=absent, fact=fact.name
            )
        return self._missing(point, cites, absent, fact.name if fact else "")

    def _present(self, point: Point, cites: tuple[Rule, ...]) -> Answer:
        used = [name for group in point.needs for name in group if name in self.given]
        if all(says_none(self.document[name]) for name in used):
            return self._made(point, cites, State.PRESENT, Reason.NOT_CONTAINED, "stated as not contained")
        return self._made(point, cites, State.PRESENT, Reason.VALUE, f"given by {', '.join(used)}")

    def _missing(self, point: Point, cites: tuple[Rule, ...], absent: tuple[tuple[str, ...], ...], fact: str) -> Answer:
        spoilt = [name for group in absent for name in group if name in self.given]
        wanted = "; ".join(" or ".join(group) for group in absent)
        if spoilt:
            text = f"{spoilt[0]} can't be used: {self.unusable[spoilt[0]]}"
            return self._made(point, cites, State.MISSING, Reason.UNUSABLE, text, absent=absent, fact=fact)
        if len(absent) < len(point.needs):
            return self._made(
                point, cites, State.MISSING, Reason.INCOMPLETE, f"also needs {wanted}", absent=absent, fact=fact
            )
        text = f"needs {wanted}" if wanted else "no term can say it yet"
        return self._made(point, cites, State.MISSING, Reason.NO_VALUE, text, absent=absent, fact=fact)

    def _made(
        self, point: Point, cites: tuple[Rule, ...], state: State, reason: Reason, sentence: str, *,
        absent: tuple[tuple[str, ...], ...] = (), fact: str = "",
    ) -> Answer:  # fmt: skip
        return Answer(
            point=point, state=state, reason=reason, sentence=sentence, fact=fact,
            otherwise="; ".join(self._said(rule) for rule in cites[1:]),
            absent=tuple(name for group in absent for name in group), filled=self._filled(point), cites=cites,
        )  # fmt: skip

    def _has(self, group: tuple[str, ...]) -> bool:
        return any(name in self.given and name not in self.unusable for name in group)

    def _filled(self, point: Point) -> bool:
        return not self.given.isdisjoint(point.terms)

    def _said(self, rule: Rule) -> str:
        """What an older edition says, in a few words."""
        later = f" from {_written(rule.in_force_from)}" if self.day(rule).day < rule.in_force_from else ""
        act = f", open is {rule.pending_act}" if rule.pending_act else ""
        return f"{rule.source_kind}: {WORDS[rule.obligation]}{later}{act} ({rule.source})"

    def day(self, rule: Rule) -> Day:
        """The battery's date by the rule's basis; one that states none is judged as if it comes under the duty now."""
        for term in _BASES[rule.date_basis]:
            text = self.document.get(term)
            if isinstance(text, str):
                try:
                    return Day(day=date.fromisoformat(text), term=term)
                except ValueError:
                    continue
        return Day(day=self.assumed, term="")


def _cited(rules: Rules, editions: tuple[Edition, ...], point: str, category: str) -> tuple[Rule, ...]:
    """The newest rule that was known, and of each other source the newest one, where it says otherwise."""
    found = [rules.of(edition.name, point, category) for edition in editions]
    known = [rule for rule in found if rule is not None]
    return tuple(
        rule
        for place, rule in enumerate(known)
        if rule.source_kind not in {newer.source_kind for newer in known[:place]}
        and (place == 0 or (rule.obligation, rule.condition) != (known[0].obligation, known[0].condition))
    )


def _dated(day: Day) -> str:
    words = {PLACED: "placed on the market on ", IN_SERVICE: "put into service on "}
    return words.get(day.term, "no date is stated, so it is judged as of ") + _written(day.day)


def _written(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _asked(fact: Fact) -> str:
    return "state " + ", ".join(sorted(fact.condition.terms))


def _with_note(text: str, rule: Rule) -> str:
    return f"{text} ({rule.note})" if rule.note else text
