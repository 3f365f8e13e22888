"""Completeness: every point of every category gets the right word and the right reason."""

from __future__ import annotations

import csv
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from connector.errors import BadInput
from connector.model import Json, JsonObject
from connector.vocabulary.bundle import Bundle, load_bundle, load_rules
from connector.vocabulary.completeness import Answer, Completeness, Reason, State
from connector.vocabulary.judging import judge, of_values
from connector.vocabulary.rules import Obligation

ROOT = Path(__file__).parents[3]
TODAY, BEFORE_GUIDANCE = date(2026, 11, 28), date(2026, 7, 27)
CATEGORIES = ("ev", "lmt", "industrial")
RULES = load_rules()
PENDING = {17: "carbonFootprint", 18: "carbonFootprintLabel", 19: "dueDiligenceReport", 44: "instructionsForUse"}
FACTS = {
    "warranty": ("commercialWarranty",),
    "cadmium-or-lead": ("cadmiumShare", "leadShare"),
    "rechargeable": ("rechargeable",),
    "cycles": ("cycleApplication",),
    "rechargeable-cycles": ("rechargeable", "cycleApplication"),
    "efficiency": ("roundTripEfficiencyApplicable",),
    "stationary": ("stationaryStorage",),
    "use-recorded": ("usageDataRecorded",),
}
"""Conditions of points -> what states them."""


def example(category: str, **changes: Json) -> JsonObject:
    """The complete passport of a category, with changes; None takes a value away."""
    whole: JsonObject = json.loads((ROOT / "examples" / "passports" / f"{category}.json").read_text("utf-8"))
    return {name: value for name, value in {**whole, **changes}.items() if value is not None}


def judged(document: JsonObject, category: str, at: date = TODAY) -> Completeness:
    """As the command does it: with what the shapes say."""
    return judge(RULES, document, category, at=at, findings=load_bundle().check("BatteryPassport", document))


def point(made: Completeness, number: int) -> Answer:
    """The answer to one point."""
    return made.answers[number - 1]


def missing(made: Completeness) -> set[int]:
    """The points that are missing."""
    return {answer.point.number for answer in made.answers if answer.state is State.MISSING}


@pytest.mark.parametrize("category", CATEGORIES)
def test_all_points_of_a_complete_passport(category: str) -> None:
    """The right word and reason code for each of the 71."""
    table = csv.DictReader((ROOT / "tests" / "vectors" / "completeness.csv").read_text("utf-8").splitlines())
    made = judged(example(category), category)
    found = {answer.point.number: f"{answer.state.value}/{answer.reason.value}" for answer in made.answers}
    assert found == {int(row["point"]): row[category] for row in table}
    assert (made.owed, made.complete, made.counts[State.MISSING]) == (True, True, 0)
    assert all(answer.sentence and answer.cites for answer in made.answers)


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_value_that_is_taken_away_is_missed_where_it_counts(category: str) -> None:
    """Per point: without its values exactly the points that they feed turn to missing, if they are owed."""
    before = judged(example(category), category)
    owed = {answer.point.number for answer in before.answers if answer.state is State.PRESENT}
    for one in RULES.points:
        gone = set(one.terms)
        made = judged(example(category, **dict.fromkeys(one.terms)), category)
        fed = {other.number for other in RULES.points if any(gone.issuperset(group) for group in other.needs)}
        optional = {5} if one.number == 5 else set()
        assert missing(made) == (fed & owed) - optional, one.number
        others = set(range(1, 72)) - fed
        assert {n: point(made, n).state for n in others} == {n: point(before, n).state for n in others}


@pytest.mark.parametrize("category", CATEGORIES)
def test_each_needed_term_counts(category: str) -> None:
    """A point that needs several terms misses each of them by name."""
    for one in RULES.points:
        rule = RULES.of("guidance-1.0", one.number, category)
        if rule is None or rule.obligation is not Obligation.MANDATORY or len(one.needs) == 1:
            continue
        for group in one.needs:
            answer = point(judged(example(category, **dict.fromkeys(group)), category), one.number)
            assert (answer.state, answer.reason, answer.absent) == (State.MISSING, Reason.INCOMPLETE, group)


def conditional() -> list[tuple[str, int, str]]:
    """Category, point and fact of every conditional point."""
    rows = [
        (category, one.number, RULES.of("guidance-1.0", one.number, category))
        for category in CATEGORIES
        for one in RULES.points
    ]
    return [
        (category, number, rule.condition) for category, number, rule in rows if rule is not None and rule.condition
    ]


@pytest.mark.parametrize(("category", "number", "fact"), conditional())
def test_a_condition_is_stated_or_missed(category: str, number: int, fact: str) -> None:
    """True: owed. False: not applicable, whatever else is there. Nobody says: missing, with what to state."""
    terms = RULES.points[number - 1].terms
    quantities = fact == "cadmium-or-lead"

    def stated(word: str) -> dict[str, Any]:
        share = {"type": "Quantity", "value": "1" if word == "true" else "0", "unit": "P1"}
        return dict.fromkeys(FACTS[fact], share if quantities else word)

    empty = dict.fromkeys(terms)
    owed = point(judged(example(category, **empty, **stated("true")), category), number)
    assert (owed.state, owed.reason, owed.fact) == (State.MISSING, Reason.NO_VALUE, fact)
    free = point(judged(example(category, **empty, **stated("false")), category), number)
    assert (free.state, free.reason, free.fact) == (State.NOT_APPLICABLE, Reason.CONDITION_FALSE, fact)
    open_ = point(judged(example(category, **empty, **dict.fromkeys(FACTS[fact])), category), number)
    assert (open_.state, open_.reason, open_.fact) == (State.MISSING, Reason.CONDITION_UNSTATED, fact)
    assert all(name in open_.sentence for name in FACTS[fact])
    there = point(judged(example(category, **stated("false")), category), number)
    assert (there.state, there.filled) == (State.NOT_APPLICABLE, not quantities)


@pytest.mark.parametrize("category", CATEGORIES)
def test_what_is_pending_is_no_error_and_no_compliance(category: str, bundle: Bundle) -> None:
    """Also with a value: it is not to be filled yet, counts as nothing, and says which act is open."""
    document = {"type": "Document", "mediaType": "application/pdf", "documentNumber": "D-1"}
    footprint = {"type": "Quantity", "value": "61", "ucumUnit": "kg/(kW.h)"}
    for number, term in PENDING.items():
        bare = point(judged(example(category), category), number)
        assert (bare.state, bare.reason, bare.filled) == (State.PENDING, Reason.ACT_PENDING, False)
        value: Any = footprint if term == "carbonFootprint" else document
        made = judged(example(category, **{term: value}), category)
        answer = point(made, number)
        assert (answer.state, answer.reason, answer.filled) == (State.PENDING, Reason.NOT_TO_BE_FILLED_YET, True)
        assert answer.cites[0].pending_act in answer.sentence
        assert (made.complete, made.counts[State.PRESENT]) == (
            True,
            judged(example(category), category).counts[State.PRESENT],
        )


def test_the_day_of_asking_chooses_the_edition() -> None:
    """Before the guidance the law stood alone: shares of recycled metal waited for an act, its other lines counted."""
    document = example("industrial", recycledLithiumShare=None, stationaryStorage="false")
    then, now = judged(document, "industrial", BEFORE_GUIDANCE), judged(document, "industrial")
    assert (then.edition.name, now.edition.name) == ("law-2025", "guidance-1.0")
    assert (point(then, 21).reason, point(now, 21).reason) == (Reason.ACT_PENDING, Reason.NO_VALUE)
    assert (point(then, 16).state, point(now, 16).reason) == (State.PRESENT, Reason.NOT_TO_BE_FILLED)
    assert (point(then, 64).state, point(now, 64).reason) == (State.PRESENT, Reason.CONDITION_FALSE)
    assert {len(answer.cites) for answer in then.answers} == {1}
    with pytest.raises(BadInput, match="no rules were known on 2023-07-27"):
        judged(document, "industrial", date(2023, 7, 27))


def test_law_and_guidance_are_both_cited_where_they_differ() -> None:
    """With what the law says, from when, and which act is open."""
    made = judged(example("ev"), "ev")
    both = point(made, 20)
    assert [(rule.source_kind, rule.obligation.value) for rule in both.cites] == [("guidance", "M"), ("law", "P")]
    assert both.otherwise == (
        "law: pending from 18 August 2028, open is the delegated act under Art. 8(1) (Annex XIII 1(e); Art. 8(1))"
    )
    assert len(point(made, 24).cites) == 1
    assert point(made, 24).otherwise == ""


def test_the_batterys_own_date_chooses_the_law() -> None:
    """By the law alone due diligence is reported of batteries placed on the market from August 2027 on."""
    early, late = (
        point(judged(example("ev", placedOnMarketDate=day), "ev", BEFORE_GUIDANCE), 19)
        for day in ("2027-08-17", "2027-08-18")
    )
    assert (early.state, early.reason) == (State.NOT_APPLICABLE, Reason.NOT_IN_FORCE)
    assert (late.state, late.reason) == (State.MISSING, Reason.NO_VALUE)


def test_a_law_is_known_as_it_was_before_its_amendment() -> None:
    """Due diligence was owed from August 2025 on, until Regulation (EU) 2025/1561 said: from August 2027."""
    battery = example("ev", placedOnMarketDate="2027-03-01")
    before, after = (point(judged(battery, "ev", date(2025, 7, day)), 19) for day in (29, 30))
    assert (before.reason, after.reason) == (Reason.NO_VALUE, Reason.NOT_IN_FORCE)
    assert point(judged(battery, "ev"), 19).otherwise.count("law:") == 1


ONE_VOLT = {"type": "Quantity", "value": "1", "unit": "VLT"}
ENERGY = {"type": "Quantity", "value": "2.0", "unit": "KWH"}


@pytest.mark.parametrize(
    ("category", "changes", "owed", "because"),
    [
        ("ev", {"placedOnMarketDate": "2027-02-18"}, True, "placed on the market on 18 February 2027"),
        ("ev", {"placedOnMarketDate": "2027-02-17"}, False, "before 18 February 2027"),
        ("lmt", {"placedOnMarketDate": "2026-01-01", "putIntoServiceDate": "2027-06-01"}, False, "placed on"),
        ("lmt", {"placedOnMarketDate": None, "putIntoServiceDate": "2027-02-17"}, False, "put into service on 17"),
        ("lmt", {"placedOnMarketDate": None, "putIntoServiceDate": "2027-02-18"}, True, "put into service on 18"),
        ("ev", {"placedOnMarketDate": None, "putIntoServiceDate": None}, True, "no date is stated"),
        ("industrial", {"ratedEnergy": ENERGY}, False, "not above 2 kWh"),
        ("industrial", {"ratedEnergy": ENERGY | {"value": "2.001"}}, True, "owed since"),
        ("industrial", {"ratedEnergy": ENERGY | {"value": "1999", "unit": "WHR"}}, False, "not above 2 kWh"),
        ("industrial", {"ratedEnergy": None}, True, "owed since"),
        ("industrial", {"ratedEnergy": None, "nominalVoltage": ONE_VOLT}, False, "not above 2 kWh"),
        ("industrial", {"ratedEnergy": None, "nominalVoltage": None}, True, "state nominalVoltage, ratedCapacity"),
        ("portable", {}, False, "light means of transport, industrial and electric vehicle"),
        ("sli", {}, False, "light means of transport, industrial and electric vehicle"),
    ],
)  # fmt: skip
def test_who_owes_a_passport(category: str, changes: Any, owed: bool, because: str) -> None:
    """Art. 77(1): by date, category and energy; outside the duty no point is asked, and nothing is missing."""
    made = judged(example(category if category in CATEGORIES else "lmt", **changes), category)
    assert (made.owed, because in made.because) == (owed, True), made.because
    if not owed:
        assert made.complete
        assert "no passport owed" in made.because
        assert {(one.state, one.reason) for one in made.answers} == {(State.NOT_APPLICABLE, Reason.NO_PASSPORT_OWED)}


def test_an_unknown_category_is_no_answer() -> None:
    """It is refused, not judged as something else."""
    with pytest.raises(BadInput, match="'car'"):
        judged(example("ev"), "car")


@pytest.mark.parametrize(
    ("number", "changes", "reason"),
    [
        (10, {"batteryMass": {"type": "Quantity", "value": "452", "unit": "VLT"}}, Reason.UNUSABLE),
        (10, {"batteryMass": "452 kg"}, Reason.UNUSABLE),
        (12, {"batteryChemistry": "unobtainium"}, Reason.UNUSABLE),
        (34, {"maximumIdleTemperature": {"type": "Quantity", "value": "hot", "unit": "CEL"}}, Reason.UNUSABLE),
        (14, {"extinguishingAgent": []}, Reason.NO_VALUE),
        (3, {"manufacturerName": "  "}, Reason.NO_VALUE),
    ],
)
def test_what_the_shapes_refuse_is_no_value(number: int, changes: Any, reason: Reason) -> None:
    """A wrong unit, an unknown word, an empty list: the point is missing, and the sentence says why."""
    answer = point(judged(example("ev", **changes), "ev"), number)
    assert (answer.state, answer.reason) == (State.MISSING, reason)
    if reason is Reason.UNUSABLE:
        assert "can't be used" in answer.sentence


def test_findings_about_values_are_told_apart_from_missing_terms(bundle: Bundle) -> None:
    """What is missing is answered per point; what is wrong stays a finding."""
    document = example("ev", batteryMass=None, colour="red", ratedCapacity={"type": "Quantity", "unit": "AMH"})
    codes = {(one.code, one.place.column) for one in of_values(bundle.check("BatteryPassport", document))}
    assert ("unknown-term", "$.colour") in codes
    assert not [column for _, column in codes if "batteryMass" in column]
    assert [column for _, column in codes if "ratedCapacity" in column]


@pytest.mark.parametrize(
    ("number", "term", "value"),
    [
        (23, "recycledLeadShare", {"type": "Quantity", "value": "0", "unit": "P1", "qualifier": "notContained"}),
        (15, "criticalRawMaterial", ["none"]),
        (13, "hazardousSubstance", [{"type": "Substance", "name": "none"}]),
        (69, "harmfulEvent", ["none"]),
    ],
)
def test_not_contained_is_a_value(number: int, term: str, value: Json) -> None:
    """It is said, not left out; a plain zero is a figure."""
    only = dict.fromkeys(RULES.points[number - 1].terms) | {term: value}
    answer = point(judged(example("ev", **only), "ev"), number)
    assert (answer.state, answer.reason) == (State.PRESENT, Reason.NOT_CONTAINED)
    zero: Json = {"type": "Quantity", "value": "0", "unit": "P1"}
    assert point(judged(example("ev", recycledLeadShare=zero), "ev"), 23).reason is Reason.VALUE
