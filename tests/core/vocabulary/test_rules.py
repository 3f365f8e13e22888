"""The rule tables: held against the guidance's matrix, against the terms, and against each other."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from connector.errors import BadInput
from connector.model import Level
from connector.vocabulary.bundle import Bundle, default_folder, load_rules
from connector.vocabulary.rules import DUTY, RULE_TABLES, Rules, read_rules

VECTORS = Path(__file__).parents[2] / "vectors"
GUIDANCE, AMENDED, LAW = "guidance-1.0", "law-2025", "law"
CATEGORIES = ("ev", "lmt", "industrial")
DIFFERENT = {
    "ev": {16, 19, 20, 21, 22, 23, 25, 59},
    "lmt": {16, 19, 20, 21, 22, 23, 25, 59, 63, 64, 66},
    "industrial": {16, 19, 20, 21, 22, 23, 25, 31, 32, 36, 37, 39, 63, 64, 66},
}
"""Points of which the law by itself says something else than the guidance: lines that the guidance leaves out as
doubles (16, 25), duties that wait for an act (19 to 23), what the guidance asks of some batteries only (31 to 39), what
the law asks "where possible" (63, 64, 66) or not of non-cycle applications (59)."""


def vector() -> list[dict[str, str]]:
    """The facts of the guidance's matrix, point by point."""
    return list(csv.DictReader((VECTORS / "points.csv").read_text("utf-8").splitlines()))


@pytest.fixture
def rules() -> Rules:
    """The shipped rules."""
    return load_rules()


def test_every_point_is_as_the_guidance_has_it(rules: Rules) -> None:
    """Access, dynamics, level, and the obligation per category, for all 71 points."""
    wanted = vector()
    assert len(rules.points) == len(wanted) == 71
    for point, row in zip(rules.points, wanted, strict=True):
        said = {
            "point": str(point.number), "access": point.access.value, "level": ";".join(point.levels),
            "dynamics": "dynamic" if point.dynamic else "static",
        }  # fmt: skip
        for category in CATEGORIES:
            rule = rules.of(GUIDANCE, point.number, category)
            assert rule is not None, (point.number, category)
            said[category] = rule.obligation.value
        assert said == row


def test_a_point_is_fed_by_terms_of_its_own_access_and_dynamics(rules: Rules, bundle: Bundle) -> None:
    """A public term never feeds a point for authorities, nor a static one a changing point."""
    for point in rules.points:
        for name in point.terms:
            assert bundle.terms.access_class("Battery", name, "BatteryPassport") is point.access, (point.number, name)
            level = bundle.terms.level("Battery", name, "BatteryPassport")
            assert level in point.levels or (level is Level.DYNAMIC and point.dynamic), (point.number, name)


def test_terms_and_points_name_each_other(rules: Rules, bundle: Bundle) -> None:
    """A term of a battery that cites a point of the guidance feeds that point."""
    cited = {
        (int(number), term.name)
        for term in bundle.terms.properties
        if {"Battery", "BatteryModel"} & set(term.domains)
        for number in re.findall(r"\bEC (\d+)", term.guidance)
    }
    feeding = {(point.number, name) for point in rules.points for name in point.terms}
    assert cited <= feeding
    alone = {point.number for point in rules.points} - {number for number, _ in cited}
    assert alone == {16, 25}, "umbrella and double have no term of their own"


@pytest.mark.parametrize("category", CATEGORIES)
def test_where_law_and_guidance_differ(rules: Rules, category: str) -> None:
    """Each difference is known; both editions answer every point."""
    found = set()
    for point in rules.points:
        law, guidance = rules.of(LAW, point.number, category), rules.of(GUIDANCE, point.number, category)
        assert law is not None
        assert guidance is not None
        if (law.obligation, law.condition) != (guidance.obligation, guidance.condition):
            found.add(point.number)
    assert found == DIFFERENT[category]


def test_editions_are_known_from_their_day(rules: Rules) -> None:
    """The newest comes first; before the law was published there is none."""
    assert [one.name for one in rules.known(date(2026, 7, 28))] == [GUIDANCE, AMENDED, LAW]
    assert [one.name for one in rules.known(date(2026, 7, 27))] == [AMENDED, LAW]
    assert [one.name for one in rules.known(date(2025, 7, 29))] == [LAW]
    assert [one.name for one in rules.known(date(2023, 7, 28))] == [LAW]
    assert rules.known(date(2023, 7, 27)) == ()


def test_the_duty_is_a_rule_like_any_other(rules: Rules) -> None:
    """Art. 77(1): three categories, from one day on; industrial ones above 2 kWh; the other two never."""
    words = {}
    for category in (*CATEGORIES, "portable", "sli"):
        rule = rules.of(LAW, DUTY, category)
        assert rule is not None
        assert (rule.source, rule.in_force_from) == ("Art. 77(1)", date(2027, 2, 18))
        words[category] = rule.obligation.value + rule.condition
    assert words == {"ev": "M", "lmt": "M", "industrial": "Cabove-2-kwh", "portable": "-", "sli": "-"}


def test_categories_are_words_of_the_vocabulary(rules: Rules, bundle: Bundle) -> None:
    """Whatever a passport may say of its category, a rule speaks of it."""
    known = {code.name for code in bundle.terms.codes["BatteryCategory"]}
    assert {category for rule in rules.obligations for category in rule.categories} == known


Change = Callable[[str], str]


@pytest.mark.parametrize(
    ("table", "change", "told"),
    [
        ("points", lambda text: text.replace("point,name_en", "nr,name_en"), "columns"),
        ("points", lambda text: text.replace("batteryMass", "batteryMas"), "no term 'batteryMas'"),
        ("points", lambda text: text.replace("\n3,", "\n4,"), "without a gap"),
        ("points", lambda text: text.replace(",static,", ",still,", 1), "static or dynamic"),
        ("points", lambda text: text.replace(",PUB,", ",PUBLIC,", 1), "PUBLIC"),
        ("editions", lambda text: text.replace("2026-07-28", "28.7.2026"), "no day"),
        ("editions", lambda text: text.replace("guidance-1.0", "guidance-0.9"), "no edition 'guidance-1.0'"),
        ("editions", lambda text: text.replace(",guidance,", ",advice,"), "none of"),
        ("facts", lambda text: text.replace("rechargeable = true", "rechargable = true", 1), "no term 'rechargable'"),
        ("facts", lambda text: text.replace("rechargeable = true", "rechargeable == true", 1), "can't be read"),
        ("facts", lambda text: text.replace("\nwarranty,", "\nguarantee,"), "no fact 'warranty'"),
        ("obligations", lambda text: text.replace(",C,warranty,", ",C,,", 1), "needs its condition"),
        ("obligations", lambda text: text.replace(",P,,law", ",M,,law", 1), "names the act"),
        ("obligations", lambda text: text.replace(",M,,law", ",X,,law", 1), "none of"),
        ("obligations", lambda text: text.replace("placed-on-market", "sold", 1), "none of"),
        ("obligations", lambda text: text.replace("law,24,ev;", "law,24,"), "says nothing about point 24 of ev"),
        ("obligations", lambda text: text.replace("law,24,", "law,26,"), "two rows"),
        ("obligations", lambda text: text.replace("guidance-1.0,24,", "guidance-1.0,99,"), "no point '99'"),
        ("obligations", lambda text: text + "law,1\n", "too few cells"),
    ],
)
def test_a_table_that_can_not_be_used_is_refused(bundle: Bundle, table: str, change: Change, told: str) -> None:
    """With its line, and what is wrong."""
    files = {name: (default_folder() / f"{name}.csv").read_text("utf-8") for name in RULE_TABLES}
    changed = change(files[table])
    assert changed != files[table]
    files[table] = changed
    with pytest.raises(BadInput) as refused:
        read_rules({name: text.encode() for name, text in files.items()}, bundle.terms)
    assert told in refused.value.detail
