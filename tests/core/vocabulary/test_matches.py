"""The matches table: every subject is ours, and what it calls exact can be carried both ways."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from connector.vocabulary.bundle import Bundle
from connector.vocabulary.terms import Term

SOURCES = {
    "ec-guidance", "din-spec-99100", "batterypass-1.2", "catena-x-battery-pass-6", "untp-0.7.0", "idta-02035",
    "en-18223", "epcis-2.0",
}  # fmt: skip
PREDICATES = {"exact", "close", "broad", "narrow"}


def rows() -> list[dict[str, str]]:
    """The table."""
    with Path("vocab/matches.csv").open(encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table))


def matched(bundle: Bundle) -> Iterator[tuple[dict[str, str], Term]]:
    """The rows about properties, each with its term."""
    for row in rows():
        class_name, dot, name = row["subject"].partition(".")
        if dot and name != "id":
            yield row, bundle.terms.of(class_name)[name]


def test_every_subject_is_in_the_vocabulary(bundle: Bundle) -> None:
    """A class, a term in its class, or a code in its list; no row twice."""
    terms = bundle.terms
    known = {*terms.classes, *(f"{name}/{code.name}" for name, listed in terms.codes.items() for code in listed)}
    known |= {f"{name}.{key}" for name in terms.classes for key in (*terms.of(name), "id")}
    found = [(row["subject"], row["object_source"], row["object"]) for row in rows()]
    assert [subject for subject, _, _ in found if subject not in known] == []
    assert len(found) == len(set(found))


def test_each_match_says_what_it_is_worth() -> None:
    """A known predicate and source; what is not exact says where the difference lies."""
    for row in rows():
        assert row["predicate"] in PREDICATES
        assert row["object_source"] in SOURCES
        if row["predicate"] != "exact" and "." in row["subject"]:
            assert row["note"], row


def test_a_bare_number_is_exact_for_one_unit_only(bundle: Bundle) -> None:
    """Where their side has a number without its unit, ours may have no unit to choose."""
    for row, term in matched(bundle):
        bare = row["object_source"] in {"batterypass-1.2", "catena-x-battery-pass-6", "din-spec-99100", "ec-guidance"}
        if bare and row["predicate"] == "exact" and term.range.name == "Quantity":
            assert len([*term.units, *term.ucum_units]) == 1, row["subject"]


def test_the_data_points_are_those_of_the_terms_table(bundle: Bundle) -> None:
    """A term's guidance and its matches name the same points, and a point that the terms of `points.csv` feed."""
    with Path("vocab/points.csv").open(encoding="utf-8", newline="") as table:
        fed = {(row["point"], name) for row in csv.DictReader(table) for name in row["terms"].split(";")}
    told = {(row["object"], term.name) for row, term in matched(bundle) if row["object_source"] == "ec-guidance"}
    said = {(point, term.name) for term in bundle.terms.properties for point in re.findall(r"EC (\d+),", term.guidance)}
    assert told == said
    assert said <= fed


def test_names_are_spelled_as_the_other_side_spells_them() -> None:
    """Also where that is a slip: a mapper has to speak them."""
    objects = " ".join(row["object"] for row in rows() if row["object_source"] == "batterypass-1.2")
    for name in (
        "warrentyPeriod", "batteryTechicalProperties", "thirdPartyAussurances", "supplyChainIndicies",
        "remainingEnergyalue",
    ):  # fmt: skip
        assert name in objects
