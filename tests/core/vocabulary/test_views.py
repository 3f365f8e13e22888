"""Audiences as sets, and subjects cut by class and level."""

import pytest

from connector.errors import BadInput
from connector.model import AccessClass, JsonObject, Level
from connector.vocabulary.bundle import Bundle
from connector.vocabulary.views import Audience, Scope, audience_classes

PUB, LI, AUTH, BOTH = "PUB", "LI", "AUTH", "LI+AUTH"


@pytest.mark.parametrize(
    ("audience", "classes"),
    [
        (Audience.PUBLIC, {PUB}),
        (Audience.LEGITIMATE_INTEREST, {PUB, LI, BOTH}),
        (Audience.AUTHORITY, {PUB, AUTH, BOTH}),
        (Audience.B2B, {PUB, "B2B"}),
        (Audience.AUDITOR, set()),
    ],
)
def test_each_audience_has_its_set(audience: Audience, classes: set[str]) -> None:
    """Article 77(2): neither of the two privileged audiences sees all that the other sees."""
    assert audience_classes(audience) == classes


def test_an_auditor_gets_what_the_mandate_says_and_no_more() -> None:
    """ORG only if the mandate says so; a grant gives nothing to any other audience."""
    granted = Scope(classes=frozenset({AccessClass.B2B, AccessClass.ORGANISATION}))
    assert audience_classes(Audience.AUDITOR, granted) == granted.classes
    assert audience_classes(Audience.PUBLIC, granted) == {PUB}


def test_split_covers_every_term_exactly_once(bundle: Bundle, documents: dict[str, JsonObject]) -> None:
    """Nothing is lost, nothing is said twice, and each part passes its own check."""
    for name, subject in documents.items():
        if bundle.shapes.records[name].kind != "record":
            continue
        parts = bundle.split(name, subject)
        terms = [key for part in parts.values() for key in part if key not in {"id", "type"}]
        assert sorted(terms) == sorted(subject.keys() - {"id", "type"})
        assert all(part[key] == subject[key] for part in parts.values() for key in part if key not in {"id", "type"})


def test_model_values_are_about_the_model(bundle: Bundle, documents: dict[str, JsonObject]) -> None:
    """Id and class of a model part are the model's."""
    subject = documents["BatteryPassport"]
    parts = bundle.split("BatteryPassport", subject)
    model = parts[AccessClass.PUBLIC, Level.MODEL]
    assert (model["id"], model["type"]) == (subject["ofModel"], "BatteryModel")
    item = parts[AccessClass.PUBLIC, Level.ITEM]
    assert (item["id"], item["type"]) == (subject["id"], "Battery")


def test_no_public_part_has_a_value_of_another_class(bundle: Bundle, documents: dict[str, JsonObject]) -> None:
    """A leak would start here."""
    for (access, _), part in bundle.split("BatteryPassport", documents["BatteryPassport"]).items():
        for key in part.keys() - {"id", "type"}:
            assert bundle.terms.access_class("Battery", key, "BatteryPassport") is access


def test_model_values_need_the_model(bundle: Bundle, documents: dict[str, JsonObject]) -> None:
    """Without the model's id nothing can be said about it."""
    subject = documents["BatteryPassport"]
    del subject["ofModel"]
    with pytest.raises(BadInput, match="ofModel"):
        bundle.split("BatteryPassport", subject)
    named = bundle.split("BatteryPassport", subject, model_id="urn:uuid:0b5d77f0-3f6b-8d1c-9c1f-6d2a54f0c001")
    assert named[AccessClass.PUBLIC, Level.MODEL]["id"] == "urn:uuid:0b5d77f0-3f6b-8d1c-9c1f-6d2a54f0c001"


def test_an_unknown_term_is_never_published(bundle: Bundle, documents: dict[str, JsonObject]) -> None:
    """No default class: the term is refused."""
    with pytest.raises(BadInput, match="colour"):
        bundle.split("BatteryPassport", documents["BatteryPassport"] | {"colour": "blue"})
    with pytest.raises(BadInput, match="id"):
        bundle.split("BatteryPassport", {"type": "Battery"})
