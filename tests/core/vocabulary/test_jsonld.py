"""Our expansion is PyLD's, also beside the contexts of others; what would be lost is told."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import cast

import pytest
from pyld import jsonld

from connector.errors import BadInput
from connector.model import Json, JsonObject
from connector.vocabulary.bundle import Bundle
from connector.vocabulary.contract import make_contract
from connector.vocabulary.examples import Examples
from connector.vocabulary.jsonld import Expander, Problem, iris
from connector.vocabulary.terms import CREDENTIALS_V2, NAMESPACE

BESIDE: JsonObject = json.loads(Path("tests/vectors/contexts/class-vocab.jsonld").read_bytes())["@context"]
PRODUCT = "https://passports.example/v7/Product"


def contexts(bundle: Bundle) -> tuple[JsonObject, JsonObject]:
    """The W3C's and ours."""
    found = []
    for url in (CREDENTIALS_V2, bundle.context_url):
        document = bundle.contexts[url]
        assert isinstance(document, dict)
        assert isinstance(document["@context"], dict)
        found.append(document["@context"])
    return found[0], found[1]


def judged(document: JsonObject, listed: list[JsonObject]) -> list[JsonObject]:
    """PyLD's expansion."""
    expanded: list[JsonObject] = jsonld.expand({**document, "@context": listed}, {"base": None})
    return expanded


def test_every_type_expands_as_in_pyld(bundle: Bundle) -> None:
    """Made-up credentials, alone."""
    listed = [*contexts(bundle)]
    contract, expander = make_contract(bundle.terms, bundle.shapes), Expander(listed)
    for seed, name in enumerate(contract.records):
        document = Examples(contract, random.Random(seed).randrange).credential(name, bundle.context_url)
        expanded = expander.expand(document)
        assert [expanded.node] == judged(document, listed)
        assert not expanded.problems


def test_our_terms_keep_their_meaning_beside_a_class_with_vocab(
    bundle: Bundle, documents: dict[str, JsonObject]
) -> None:
    """In a product, under its characteristics, under its claims; whichever context comes first."""
    theirs, ours = contexts(bundle)
    alone = Expander([theirs, ours])
    for name, subject in documents.items():
        plain = alone.expand(subject).node
        around: JsonObject = {
            "type": "Product",
            "idGranularity": "item",
            "colour": "red",
            "dimensions": {"type": "Measure", "value": "2.5", "unit": "MTR"},
            "characteristics": {**subject, "type": ["Characteristics", str(subject["type"])]},
            "performanceClaim": [subject, subject],
        }
        for listed in ([theirs, BESIDE, ours], [theirs, ours, BESIDE]):
            (expanded,) = judged(around, listed)
            assert expanded == Expander(listed).expand(around).node
            said = [_only(expanded, f"{PRODUCT}#characteristics"), _only(expanded, f"{PRODUCT}#performanceClaim")]
            for one in said:
                assert {key: value for key, value in one.items() if key != "@type"} == {
                    key: value for key, value in plain.items() if key != "@type"
                }, name
            assert said[1]["@type"] == plain["@type"]
            assert expanded[f"{PRODUCT}#colour"] == [{"@value": "red"}]
            assert "https://passports.example/v7/Measure#value" in _only(expanded, f"{PRODUCT}#dimensions")


def _only(node: JsonObject, iri: str) -> JsonObject:
    """The first node behind a property; all of them say the same."""
    values = node[iri]
    assert isinstance(values, list)
    assert all(value == values[0] for value in values)
    assert isinstance(values[0], dict)
    return values[0]


@pytest.mark.parametrize(
    ("change", "code", "path"),
    [
        ({"grade": "A+"}, "dropped-key", "$.grade"),
        ({"permitHolder": "somebody"}, "relative-iri", "$.permitHolder"),
        ({"permitHolder": "urn:a b"}, "relative-iri", "$.permitHolder"),
        ({"type": "Plant"}, "relative-iri", "$.type"),
        ({"id": ""}, "relative-iri", "$.id"),
        ({"validity": {"type": "Period", "begin": "x"}}, "dropped-key", "$.validity.begin"),
        ({"mineral": ["nickel", {"carat": "1"}]}, "dropped-key", "$.mineral[1].carat"),
    ],
)
def test_what_would_be_lost_is_told(
    bundle: Bundle, documents: dict[str, JsonObject], change: JsonObject, code: str, path: str
) -> None:
    """With its path."""
    expanded = Expander(contexts(bundle)).expand(documents["MinePermit"] | change)
    assert expanded.problems == (Problem(code, path),)


def test_iris_names_properties_and_classes(bundle: Bundle, documents: dict[str, JsonObject]) -> None:
    """Datatypes are none of them."""
    found = set(iris(Expander(contexts(bundle)).expand(documents["MinePermit"]).node))
    assert {f"{NAMESPACE}Facility", f"{NAMESPACE}permitNumber", f"{NAMESPACE}start"} <= found
    assert not [iri for iri in found if "XMLSchema" in iri]


@pytest.mark.parametrize(
    "context",
    [
        {"permitNumber": "https://example.org/other"},
        {"Facility": "https://example.org/other"},
        {"@base": "https://example.org/"},
        {"x": 1},
        {"Facility": {"@id": f"{NAMESPACE}Facility", "@context": None}},
        "https://example.org/context",
        None,
    ],
)
def test_a_context_that_takes_or_hides_meaning_is_refused(bundle: Bundle, context: Json) -> None:
    """Protected terms stay; what is not read is not guessed."""
    with pytest.raises(BadInput):
        Expander([*contexts(bundle), cast(JsonObject, context)])


def test_a_protected_term_keeps_its_container() -> None:
    """The same definition once more is none; one that differs in its container alone is another."""
    first: JsonObject = {"@protected": True, "a": {"@id": "https://x.example/a"}}
    again: JsonObject = {"@id": "https://x.example/a"}
    Expander([first, {"a": again}])
    with pytest.raises(BadInput, match="protected"):
        Expander([first, {"a": {**again, "@container": "@set"}}])


@pytest.mark.parametrize(
    "feature", [{"@container": "@language"}, {"@type": "@json"}, {"@reverse": "https://x.example/r"}]
)
def test_a_feature_that_is_not_read_is_refused_where_it_is_used(feature: JsonObject) -> None:
    """A context may have it; a document that uses it can't be expanded here."""
    expander = Expander([{"a": {"@id": "https://x.example/a", **feature}, "b": "https://x.example/b"}])
    assert not expander.expand({"b": "1"}).problems
    with pytest.raises(BadInput, match="not read"):
        expander.expand({"a": "1"})
