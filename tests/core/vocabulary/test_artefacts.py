"""The files that are made for readers: ontology, reference, matrices. One changed row changes every one of them."""

from __future__ import annotations

import csv
import difflib
import io
import re

import pytest
import rdflib
from rdflib.namespace import OWL, RDF, RDFS, SKOS

from connector.errors import BadInput
from connector.vocabulary.build import build, read_dictionary
from connector.vocabulary.dictionary import Dictionary
from connector.vocabulary.matches import read_matches
from connector.vocabulary.terms import LANGUAGES, NAMESPACE
from tests.core.vocabulary.tables import changed, in_work, sources

MATCHES = (
    b"subject,predicate,object_source,object,form,note\n"
    b"BatteryModel.ratedCapacity,exact,batterypass-1.2,PerformanceAndDurability.ratedCapacity,,\n"
    b"BatteryModel.batteryMass,close,untp-0.7.0,Product.dimensions.weight,measure,a | of several\n"
    b"Battery,exact,epcis-2.0,epcList,,\n"
    b"BatteryStatus/reused,broad,ec-guidance,re-used,,\n"
)


@pytest.fixture(scope="module")
def tables() -> dict[str, bytes]:
    """The committed tables, with a few matches of each kind."""
    return {**in_work(sources()), "matches.csv": MATCHES}


@pytest.fixture(scope="module")
def made(tables: dict[str, bytes]) -> dict[str, bytes]:
    """Everything that is made from them."""
    return build(tables)


@pytest.fixture(scope="module")
def dictionary(tables: dict[str, bytes]) -> Dictionary:
    """The same tables as values."""
    return read_dictionary(tables)


def test_the_ontology_names_every_term_in_four_languages(made: dict[str, bytes], dictionary: Dictionary) -> None:
    """Each class, property and code of ours, with kind, labels and definition; nothing is said of others' terms."""
    graph = rdflib.Graph().parse(data=made["ontology.ttl"], format="turtle")
    kinds = {OWL.DatatypeProperty, OWL.ObjectProperty}
    entries = [one for one in dictionary.terms.properties if not one.borrowed] + [*dictionary.terms.classes.values()]
    for entry in entries:
        subject = rdflib.URIRef(entry.iri)
        assert set(graph.objects(subject, RDF.type)) & {OWL.Class, *kinds}, entry.name
        assert {label.language for label in graph.objects(subject, RDFS.label)} == set(LANGUAGES)  # type: ignore[attr-defined]  # labels are literals
        assert str(graph.value(subject, SKOS.definition)) == entry.definition
    codes = [code for listed in dictionary.terms.codes.values() for code in listed]
    assert len(set(graph.subjects(RDF.type, SKOS.Concept))) == len(codes)
    assert (rdflib.URIRef(f"{NAMESPACE}Battery"), RDFS.subClassOf, rdflib.URIRef(f"{NAMESPACE}Product")) in graph
    assert all(str(one).startswith(NAMESPACE) for one in graph.subjects(SKOS.definition))


def test_matches_are_in_the_ontology_and_the_reference(made: dict[str, bytes]) -> None:
    """By predicate and source, with the other side's own name."""
    graph = rdflib.Graph().parse(data=made["ontology.ttl"], format="turtle")
    found = graph.value(rdflib.URIRef(f"{NAMESPACE}ratedCapacity"), SKOS.exactMatch)
    assert str(graph.value(found, SKOS.notation)) == "PerformanceAndDurability.ratedCapacity"
    assert graph.value(rdflib.URIRef(f"{NAMESPACE}codes-BatteryStatus-reused"), SKOS.broadMatch)
    assert graph.value(rdflib.URIRef(f"{NAMESPACE}Battery"), SKOS.exactMatch)
    page = made["reference/terms.html"].decode()
    assert "<dt>close match</dt><dd>UN Transparency Protocol 0.7.0: <code>Product.dimensions.weight</code>" in page
    assert "a \\| of several" in made["reference/terms.md"].decode()


@pytest.mark.parametrize(
    "row",
    [
        b"Battery.colour,exact,untp-0.7.0,x,,\n",
        b"Vehicle,exact,untp-0.7.0,x,,\n",
        b"BatteryStatus/new,exact,untp-0.7.0,x,,\n",
        b"Battery,same,untp-0.7.0,x,,\n",
        b"Battery,exact,untp-9,x,,\n",
        b"Battery,exact,untp-0.7.0,,,\n",
        b"Battery,exact,untp-0.7.0\n",
        b"Battery,close,epcis-2.0,epcList,,\n",
    ],
)
def test_a_match_that_leads_nowhere_is_refused(dictionary: Dictionary, row: bytes) -> None:
    """An unknown subject, predicate or source, no object, too few cells, the same pair twice."""
    with pytest.raises(BadInput):
        read_matches(MATCHES + row, dictionary.terms)


def test_every_iri_leads_to_its_place_in_the_reference(made: dict[str, bytes], dictionary: Dictionary) -> None:
    """Its fragment is an anchor, anchors are unique, and no link of any page is dead."""
    pages = {name: made[f"reference/{name}.html"].decode() for name in ("terms", "obligations", "audiences")}
    anchors = {name: re.findall(r'id="([^"]+)"', page) for name, page in pages.items()}
    for name, found in anchors.items():
        assert len(found) == len(set(found)), name
    iris = [one.iri for one in dictionary.terms.properties] + [one.iri for one in dictionary.terms.classes.values()]
    assert {iri.removeprefix(NAMESPACE) for iri in iris if iri.startswith(NAMESPACE)} <= set(anchors["terms"])
    for name, page in pages.items():
        for target in re.findall(r'href="([^"]+)"', page):
            file, _, fragment = target.partition("#")
            assert not fragment or fragment in anchors[file.removesuffix(".html") or name], target


def test_pages_stand_alone(made: dict[str, bytes]) -> None:
    """No script, nothing from elsewhere; text of the tables is no markup."""
    for name in ("terms", "obligations", "audiences"):
        page = made[f"reference/{name}.html"].decode()
        assert "<script" not in page
        assert not re.findall(r'(?:src|href)="(?:https?:)?//', page)
        assert "<pattern>" not in page


def test_the_obligation_matrix_says_what_the_rules_say(made: dict[str, bytes]) -> None:
    """Every point once; a point where law and guidance differ tells both."""
    rows = {row["point"]: row for row in csv.DictReader(io.StringIO(made["reference/obligations.csv"].decode()))}
    assert list(rows) == ["duty", *map(str, range(1, 72))]
    assert rows["duty"]["law industrial"].startswith("C ")
    assert rows["11"]["law ev"] == rows["11"]["guidance-1.0 ev"] == "M"
    assert rows["50"]["access"] == "AUTH"
    assert rows["17"]["guidance-1.0 ev"].startswith("P ")


def test_the_audience_matrix_follows_the_lattice(made: dict[str, bytes]) -> None:
    """Neither privileged audience sees all that the other sees (Art. 77(2))."""
    rows = list(csv.DictReader(io.StringIO(made["reference/audiences.csv"].decode())))
    passport = [row for row in rows if row["record"] == "BatteryPassport"]
    seen = {name: {row["term"] for row in passport if row[name] == "yes"} for name in passport[0] if name in _AUDIENCES}
    assert seen["public"] < seen["legitimate interest"]
    assert seen["legitimate interest"] - seen["authority"]
    assert seen["authority"] - seen["legitimate interest"]
    assert "detailedComposition" in seen["legitimate interest"] & seen["authority"]
    assert not {row["term"] for row in passport if row["access"] == "ORG"} & set.union(*seen.values())


_AUDIENCES = ("public", "legitimate interest", "authority", "business partner")


def test_one_changed_row_changes_every_artefact(tables: dict[str, bytes], made: dict[str, bytes]) -> None:
    """A term with another name, audience and meaning; a point with another name. Each diff is short."""
    old = tables["terms.csv"].split(b"\nbatteryMass,", 1)[1].split(b"\n", 1)[0]
    new = old.replace(b"BatteryModel,,class", b"BatteryModel,massOfBattery,class").replace(b",PUB,", b",LI,")
    new = new.replace(b"whole battery", b"complete battery")
    later = build(changed(tables, "terms.csv", b"\nbatteryMass," + old, b"\nbatteryMass," + new))
    same = {name for name in made if later[name] == made[name]}
    unconcerned = {name for name in made if name.startswith("schemas/") and b"batteryMass" not in made[name]}
    assert same == {*unconcerned, "reference/obligations.csv"}  # which names terms and says no more of them
    for name in made.keys() - same:
        before, after = (files[name].decode().splitlines() for files in (made, later))
        lines = [line for line in difflib.unified_diff(before, after, lineterm="", n=0) if line[0] in "+-"]
        assert len(lines) < 60, name
    later = build(changed(tables, "points.csv", b"\n10,Total mass,", b"\n10,Mass of it all,"))
    assert {name for name in made if later[name] != made[name]} == {
        f"reference/{name}"
        for name in ("obligations.csv", "obligations.md", "obligations.html", "terms.md", "terms.html")
    }


def test_two_builds_are_the_same(tables: dict[str, bytes], made: dict[str, bytes]) -> None:
    """To the byte."""
    assert build(tables) == made
