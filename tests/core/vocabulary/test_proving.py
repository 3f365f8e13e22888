"""`vocab check` proves: the shipped vocabulary stands, and each way to spoil it is found."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from copy import deepcopy
from typing import cast

import pytest

from connector.model import Finding, JsonObject
from connector.vocabulary.build import CREDENTIALS_FILE, build, read_dictionary
from connector.vocabulary.proving import prove
from connector.vocabulary.terms import CREDENTIALS_V2
from connector.vocabulary.versions import read_versions
from tests.core.vocabulary.tables import changed, sources

Spoil = Callable[[JsonObject], object]


def proven(tables: dict[str, bytes], spoil: Spoil = lambda _context: None, rounds: int = 4) -> tuple[Finding, ...]:
    """The findings about these tables, with the context spoilt on the way."""
    version = read_versions(tables["versions.csv"])[-1]
    made = json.loads(build(tables)[version.context_file])
    spoil(cast(JsonObject, made["@context"]))
    contexts = {CREDENTIALS_V2: json.loads(tables[CREDENTIALS_FILE]), version.context_url: made}
    proof = prove(read_dictionary(tables), version.context_url, contexts, random.Random(1).randrange, rounds)
    assert proof.terms > 100
    assert proof.documents > 10 * rounds
    return proof.findings


def test_the_shipped_vocabulary_stands() -> None:
    """No finding."""
    assert proven(sources()) == ()


def test_missing_texts_are_found() -> None:
    """An empty label in any language, a definition that is no sentence."""
    old = sources()["terms.csv"].split(b"\nbatteryMass,", 1)[1].split(b"\n", 1)[0]
    cells = old.decode().split(",")
    german = cells.index("battery mass") + 1
    spoilt = ",".join([*cells[:german], "", *cells[german + 1 :]]).replace("whole battery.", "whole battery")
    found = proven(changed(sources(), "terms.csv", old, spoilt.encode()))
    assert [(one.code, one.term) for one in found] == [("no-label", "batteryMass"), ("no-definition", "batteryMass")]
    assert "de" in found[0].message


def _rename(context: JsonObject) -> None:
    context["metal"] = "https://w3id.org/battery-connector/v1#metall"


def _unscope(context: JsonObject) -> None:
    del cast(JsonObject, cast(JsonObject, context["Identifier"])["@context"])["value"]


def _relative(context: JsonObject) -> None:
    cast(JsonObject, context["containedMetal"])["@id"] = "containedMetal"


def _bucket(context: JsonObject) -> None:
    del context["eventTime"]
    context["@vocab"] = "https://bucket.example/"


@pytest.mark.parametrize(
    ("spoil", "codes"),
    [
        (_rename, {"unresolved"}),
        (lambda context: context.pop("eventTime"), {"unresolved", "dropped-key", "changed-beside"}),
        (_unscope, {"unresolved", "dropped-key", "changed-beside"}),
        (_relative, {"unresolved", "dropped-key"}),
        (_bucket, {"unresolved", "changed-beside", "strange-iri"}),
    ],
)
def test_a_spoilt_context_is_found(spoil: Spoil, codes: set[str]) -> None:
    """Another IRI, a key that is gone, a key without its class, a relative IRI, an @vocab that hides a loss."""
    assert {one.code for one in proven(deepcopy(sources()), spoil)} == codes
