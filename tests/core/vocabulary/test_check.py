"""Shapes at run time: examples pass, each kind of mistake is named with its path."""

from collections.abc import Mapping
from typing import cast

import pytest

from connector.model import Finding, Json, JsonObject
from connector.vocabulary.bundle import Bundle

BATTERY = "BatteryPassport"


def put(document: Mapping[str, Json], path: str, value: Json) -> None:
    """Set the value at a dotted path; numbers are places in lists."""
    *steps, last = path.split(".")
    node: Json = cast(JsonObject, document)
    for step in steps:
        node = node[int(step)] if isinstance(node, list) else cast(JsonObject, node)[step]
    if isinstance(node, list):
        node[int(last)] = value
    else:
        cast(JsonObject, node)[last] = value


def places(findings: list[Finding]) -> list[tuple[str, str]]:
    """Code and JSON path of each finding."""
    return [(finding.code, finding.place.column) for finding in findings]


def test_every_record_type_has_an_example_that_passes(bundle: Bundle, documents: dict[str, JsonObject]) -> None:
    """Whole, and before its links are made."""
    assert documents.keys() == bundle.shapes.records.keys()
    for name, subject in documents.items():
        assert bundle.check(name, subject) == []
        assert bundle.check_mapped(name, subject) == []


def test_every_part_passes_as_a_credential(bundle: Bundle, documents: dict[str, JsonObject]) -> None:
    """A credential has to have the required terms of its own class and level only."""
    for name, subject in documents.items():
        if bundle.shapes.records[name].kind == "party":
            assert bundle.check(name, {"credentialSubject": subject}) == []
            continue
        for (access, level), part in bundle.split(name, subject).items():
            assert bundle.check(name, as_credential(part, access, level)) == []


def as_credential(part: Json, access: str, level: str) -> JsonObject:
    """The members of a credential that the check reads."""
    identifier = "urn:uuid:0b5d77f0-3f6b-8d1c-9c1f-6d2a54f0c001"
    record: JsonObject = {"id": identifier, "type": "Record", "version": "1", "accessClass": access, "level": level}
    return {"record": record, "credentialSubject": part}


@pytest.mark.parametrize(
    ("where", "value", "code"),
    [
        (f"{BATTERY}.colour", "blue", "unknown-term"),
        (f"{BATTERY}.batteryMass.grade", "A", "unknown-term"),
        (f"{BATTERY}.batteryMass.value", 452.0, "number"),
        (f"{BATTERY}.batteryMass.value", "452,0", "bad-value"),
        (f"{BATTERY}.batteryMass.value", "1e3", "bad-value"),
        (f"{BATTERY}.batteryMass.unit", "TNE", "bad-unit"),
        (f"{BATTERY}.batteryMass.unit", "kg", "bad-unit"),
        (f"{BATTERY}.cycleLifeTestRate.unit", "HUR", "bad-dimension"),
        (f"{BATTERY}.carbonFootprint.ucumUnit", "kg/kWh", "bad-unit"),
        (f"{BATTERY}.batteryMass", "452", "wrong-type"),
        (f"{BATTERY}.footprint.declaredUnit", "kWh", "bad-unit"),
        (f"{BATTERY}.batteryCategory", "car", "bad-code"),
        (f"{BATTERY}.batteryCategory", 1, "number"),
        (f"{BATTERY}.manufacturingDate", "20.02.2027", "bad-value"),
        (f"{BATTERY}.manufacturingDate", "2027-02-30", "bad-value"),
        (f"{BATTERY}.itemCapacity.at", "2027-02-20T10:00:00+01:00", "bad-value"),
        (f"{BATTERY}.economicOperator", "Example Cars", "bad-value"),
        (f"{BATTERY}.extinguishingAgent", "water", "wrong-type"),
        (f"{BATTERY}.extinguishingAgent", [], "bad-value"),
        (f"{BATTERY}.manufacturerName", "", "bad-value"),
        (f"{BATTERY}.manufacturerAddress.country", "Germany", "bad-value"),
        (f"{BATTERY}.type", "MaterialLot", "bad-code"),
        ("MakeEvent.input.1.attested", False, "wrong-type"),
        ("MakeEvent.attribution.0.custodyModel", "bookAndClaim", "bad-code"),
        ("MakeEvent.input.0.link.href", "https://supplier.example", "unknown-term"),
        ("MoveEvent.moved.0.contained.0.metal", "Zn", "bad-code"),
    ],
)
def test_each_mistake_is_one_finding_with_its_path(
    bundle: Bundle, documents: dict[str, JsonObject], where: str, value: Json, code: str
) -> None:
    """Exactly the planted mistake is named, at its place, whole or mapped."""
    put(documents, where, value)
    name, *steps = where.split(".")
    path = "$" + "".join(f"[{step}]" if step.isdigit() else f".{step}" for step in steps)
    assert places(bundle.check(name, documents[name])) == [(code, path)]
    if "link" not in steps:
        assert places(bundle.check_mapped(name, documents[name])) == [(code, path)]


def test_all_mistakes_are_told_at_once(bundle: Bundle, documents: dict[str, JsonObject]) -> None:
    """Findings are collected."""
    subject = documents["MakeEvent"]
    put(subject, "eventTime", "yesterday")
    put(subject, "loss.0.lossKind", "slagg")
    put(subject, "output.0.quantity.value", 3)
    del subject["identifier"]
    found = bundle.check("MakeEvent", subject)
    assert sorted(finding.code for finding in found) == ["bad-code", "bad-value", "missing-term", "number"]


def test_a_finding_tells_meaning_and_advice(bundle: Bundle, documents: dict[str, JsonObject]) -> None:
    """Term, definition, value and what may stand there instead."""
    put(documents["MakeEvent"], "loss.0.lossKind", "slagg")
    (finding,) = bundle.check("MakeEvent", documents["MakeEvent"])
    assert finding.term == "lossKind"
    assert "Where the metal went" in finding.message
    assert "slag" in finding.hint.split()[-1] or "slag," in finding.hint
    assert finding.place.value == "slagg"
    put(documents[BATTERY], "batteryChemestry", "LFP")
    (typo,) = bundle.check(BATTERY, documents[BATTERY])
    assert "batteryChemistry" in typo.hint


@pytest.mark.parametrize(
    ("where", "value", "told"),
    [
        (
            f"{BATTERY}.batteryMass.unit",
            "TNE",
            ("bad-unit", "batteryMass is not given in TNE (tonne", "KGM (kilogram)"),
        ),
        (f"{BATTERY}.batteryMass.unit", "KWH", ("bad-dimension", "batteryMass is a mass, and KWH", "one of KGM")),
        (f"{BATTERY}.ratedEnergy.unit", "MWH", ("bad-unit", "ratedEnergy is not given in MWH", "KWH (kilowatt hour)")),
        (f"{BATTERY}.capacityFade.unit", "C62", ("bad-unit", "capacityFade is not given in C62", "P1 (per cent)")),
        (f"{BATTERY}.batteryMass.unit", "kg", ("bad-unit", "'kg' is no unit code", "did you mean KGM (kilogram)?")),
        (f"{BATTERY}.batteryMass.unit", "stone", ("bad-unit", "'stone' is no unit code", "one of KGM (kilogram)")),
        (f"{BATTERY}.footprint.declaredUnit", "kW.h", ("bad-unit", "'kW.h' is no unit code", "did you mean KWH")),
        ("MineralLotPassport.dryMass.basis", "wet", ("bad-code", "dryMass is given dry, not wet", "convert")),
        (f"{BATTERY}.batteryMass.ratedCapacity", "1", ("unknown-term", "one of BatteryModel", "vocab term Quantity")),
    ],
)
def test_units_and_dimensions_are_told_apart(
    bundle: Bundle, documents: dict[str, JsonObject], where: str, value: Json, told: tuple[str, str, str]
) -> None:
    """Which quantity, what it is measured in, what to do; with the meaning of the term."""
    name, term, *_ = where.split(".")
    quantity: JsonObject = {"type": "Quantity", "value": "1", "unit": "KGM", "basis": "dry"}
    documents[name].setdefault(term, quantity)
    put(documents[name], where.partition(".")[2], value)
    finding = bundle.check(name, documents[name])[-1]
    assert (finding.code, finding.place.column) == (told[0], f"$.{where.partition('.')[2]}")
    assert told[1] in finding.message
    assert told[2] in finding.hint
    meant = finding.term
    assert str(next(one for one in bundle.terms.properties if one.name == meant).definition) in finding.message


def test_a_quantity_has_one_unit_and_something_to_say(bundle: Bundle, documents: dict[str, JsonObject]) -> None:
    """Both unit notations, or neither value nor detection limit, is a finding."""
    subject = documents["AssayCertificate"]
    put(subject, "measurement.0.ucumUnit", "kg/(kW.h)")
    put(subject, "measurement.1", {"type": "Quantity", "unit": "P1"})
    found = bundle.check("AssayCertificate", subject)
    assert places(found) == [("choice", "$.measurement[0]"), ("choice", "$.measurement[1]")]
    assert "unit, ucumUnit" in found[0].message


def test_a_mapped_document_may_wait_for_its_links(bundle: Bundle, documents: dict[str, JsonObject]) -> None:
    """Placeholders pass before the links are made, and only then."""
    subject = documents["MakeEvent"]
    put(subject, "input.0.link", {})
    put(subject, "attribution.0.from", "")
    put(subject, "input.1", {"type": "EventProduct", "quantity": {"type": "Quantity", "value": "1", "unit": "KGM"}})
    assert bundle.check_mapped("MakeEvent", subject) == []
    codes = {code for code, _ in places(bundle.check("MakeEvent", subject))}
    assert codes == {"missing-term", "bad-value"}


def test_a_part_may_not_carry_terms_of_another_class(bundle: Bundle, documents: dict[str, JsonObject]) -> None:
    """An item's secret in a public credential is a finding, whoever signed it."""
    parts = bundle.split(BATTERY, documents[BATTERY])
    part: JsonObject = {}
    for (access, level), found in parts.items():
        if (access.value, level.value) == ("PUB", "item"):
            part = {**found, "madeIn": documents[BATTERY]["madeIn"]}
    findings = bundle.check(BATTERY, as_credential(part, "PUB", "item"))
    assert places(findings) == [("unknown-term", "$.credentialSubject.madeIn")]


def test_envelope_and_names_are_checked(bundle: Bundle, documents: dict[str, JsonObject]) -> None:
    """No record, an unknown class, a part that the type has not, an unknown type: each is told."""
    permit = documents["MinePermit"]
    assert places(bundle.check("MinePermit", {"credentialSubject": permit})) == [("wrong-type", "$.record")]
    found = bundle.check("MinePermit", as_credential(permit, "SECRET", "item"))
    assert places(found) == [("bad-code", "$.record.accessClass")]
    found = bundle.check("MinePermit", as_credential(permit, "ORG", "item"))
    assert places(found) == [("unknown-part", "$.credentialSubject")]
    assert [one.code for one in bundle.check("Passport", permit)] == ["unknown-record-type"]
    assert "did you mean MinePermit?" in [one.hint for one in bundle.check("MinePermitt", permit)]


def test_nothing_but_an_object_is_a_subject(bundle: Bundle) -> None:
    """A list or a text in the subject's place is a finding, no crash."""
    values: list[Json] = [[], "text", None, 3, [{"id": "urn:x:y"}]]
    for value in values:
        document = as_credential(value, "PUB", "item")
        assert [one.code for one in bundle.check("MinePermit", document)] in (["wrong-type"], ["number"])
