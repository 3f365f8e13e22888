"""UNTP and EN 18223 carry a whole passport: there and back nothing is lost but the spelling of numbers."""

from __future__ import annotations

import json
from importlib.metadata import distribution
from pathlib import Path

import jsonschema_rs
import pytest

from connector.bridges.formats import Format, detect
from connector.errors import BadInput
from connector.model import Json, JsonObject
from tests.core.bridges.crossings import CATEGORIES, ISSUER, NOW, bridges, passport, same


def there(category: str, target: Format, *, compressed: bool = False) -> JsonObject:
    """An example in the words of the other model; nothing of it is lost."""
    crossed = bridges().convert(passport(category), target, issuer=ISSUER, now=NOW, compressed=compressed)
    assert not crossed.losses, crossed.losses
    found: JsonObject = json.loads(json.dumps(crossed.document))
    return found


@pytest.mark.parametrize("category", CATEGORIES)
@pytest.mark.parametrize(
    ("target", "compressed"), [(Format.UNTP, False), (Format.EN18223, False), (Format.EN18223, True)]
)
def test_there_and_back(category: str, target: Format, compressed: bool) -> None:
    """The same subject comes back."""
    document = there(category, target, compressed=compressed)
    assert detect(document) is target
    [back] = bridges().read(document)
    assert not back.losses, back.losses
    given = passport(category)
    differing = {
        name for name in given.keys() | back.document.keys() if not same(given.get(name), back.document.get(name))
    }
    assert differing == set()


@pytest.mark.parametrize("category", CATEGORIES)
def test_untp_takes_it(category: str) -> None:
    """What goes out fits UNTP's own schema, as a package of the registry carries it."""
    file = distribution("dppvalidator").locate_file("dppvalidator/schemas/data/untp-dpp-schema-0.7.0.json")
    schema = json.loads(Path(str(file)).read_text("utf-8"))
    validator = jsonschema_rs.validator_for(schema)
    wrong = [f"{error.instance_path}: {error.message}" for error in validator.iter_errors(there(category, Format.UNTP))]
    assert not wrong


def test_each_element_names_its_term() -> None:
    """Whoever knows the dictionary needs nothing else."""
    elements = there("ev", Format.EN18223)["elements"]
    assert isinstance(elements, list)
    iris = {one["dictionaryReference"] for one in elements if isinstance(one, dict)}
    assert iris <= {term.iri for term in bridges().terms.properties}


def test_what_means_nothing_is_told() -> None:
    """Unknown elements and characteristics are losses at their place, and hinder nothing."""
    document = there("lmt", Format.EN18223)
    assert isinstance(document["elements"], list)
    document["elements"].append(
        {"elementId": "taste", "dictionaryReference": "https://x.example/taste", "value": "salty"}
    )
    [back] = bridges().read(document)
    assert [loss.code for loss in back.losses] == ["not-read"]
    assert back.losses[0].term.startswith("elements[")
    untp = there("lmt", Format.UNTP)
    product = untp["credentialSubject"]
    assert isinstance(product, dict)
    assert isinstance(product["characteristics"], dict)
    product["characteristics"]["taste"] = "salty"
    [back] = bridges().read(untp)
    assert [(loss.code, loss.term) for loss in back.losses] == [("not-read", "characteristics.taste")]


def test_what_belonged_to_the_credential_is_told_in_its_order() -> None:
    """One list for one document, however often it is read."""
    ends: JsonObject = {"renderMethod": {}, "credentialStatus": {}, "proof": {}, "evidence": {}}
    [back] = bridges().read(there("lmt", Format.UNTP) | ends)
    assert [loss.term for loss in back.losses] == [*ends]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("economicOperatorAddress", "Main Street 1", "economicOperatorAddress"),
        ("cellCount", {"type": "Quantity", "value": "many"}, "value"),
        ("cellCount", {"type": "Quantity", "value": "9" * 400}, "value"),
    ],
)
def test_what_is_no_passport_of_ours_is_bad_input(name: str, value: Json, told: str) -> None:
    """A file is converted as it stands: nobody has checked it, so what is wrong in it is told with its term."""
    subject = passport("ev") | {name: value}
    with pytest.raises(BadInput, match=told):
        bridges().convert(subject, Format.EN18223, issuer=ISSUER, now=NOW, compressed=False)


def test_untp_0_6_is_read() -> None:
    """The former shape: a passport about a product, with other names."""
    document: JsonObject = {
        "type": ["DigitalProductPassport", "VerifiableCredential"], "@context": ["https://test.uncefact.org/vocabulary/untp/dpp/0.6.1/"],
        "id": "urn:uuid:1", "issuer": {"id": "did:web:x.example", "name": "X"},
        "credentialSubject": {
            "type": ["ProductPassport"], "granularityLevel": "item",
            "product": {
                "id": "urn:uuid:2", "name": "battery", "serialNumber": "S-1", "productionDate": "2027-02-20",
                "dimensions": {"weight": {"value": 462.0, "unit": "KGM"}},
            },
        },
    }  # fmt: skip
    [back] = bridges().read(document)
    assert back.document["granularity"] == "item"
    assert back.document["manufacturingDate"] == "2027-02-20"
    assert back.document["batteryMass"] == {"type": "Quantity", "value": "462", "unit": "KGM"}
    assert back.document["identifier"] == [{"type": "Identifier", "scheme": "serialNumber", "value": "S-1"}]
