"""Values in people's words: units, dates, codes, countries, nodes."""

from __future__ import annotations

from datetime import date

import pytest

from connector.model import Json
from connector.vocabulary.bundle import Bundle, load_bundle
from connector.vocabulary.terms import LANGUAGES


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    """The shipped vocabulary."""
    return load_bundle()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("batteryMass", {"type": "Quantity", "value": "512", "unit": "KGM"}, "512 kg"),
        ("expectedLifetimeCycles", {"type": "Quantity", "value": "1800", "unit": "C62"}, "1800"),
        ("batteryMass", {"type": "Quantity", "value": "-12345.60", "unit": "KGM"}, "-12,345.60 kg"),
        ("warrantyPeriod", {"type": "Quantity", "value": "120", "unit": "MON"}, "120 months"),
        ("batteryMass", {"type": "Quantity", "value": "1", "unit": "XYZ"}, "1 XYZ"),
        ("identifier", [{"type": "Identifier", "scheme": "serialNumber", "value": "7"}], "7 (serial number)"),
        ("batteryCategory", "ev", "electric vehicle battery"),
        ("batteryCategory", "something", "something"),
        ("placedOnMarketDate", "2027-03-01", "1 March 2027"),
        ("placedOnMarketDate", "soon", "soon"),
        ("manufacturingPlace", {"type": "Address", "locality": "Dresden", "country": "DE"}, "Dresden, Germany"),
        (
            "manufacturerAddress",
            {"type": "Address", "streetAddress": "Werkring 40", "postalCode": "01099", "locality": "Dresden"},
            "Werkring 40, 01099 Dresden",
        ),
        (
            "hazardousSubstance",
            [{"type": "Substance", "name": "LiPF6", "casNumber": "21324-40-3"}],
            "LiPF6, CAS number 21324-40-3",
        ),
        (
            "footprint",
            {"type": "FootprintClaim", "value": "64.7", "declaredUnit": "KWH", "declaredUnitAmount": "83.8"},
            "64.7 kg CO₂e/kWh, declared unit amount 83.8",
        ),
        ("footprint", {"type": "FootprintClaim", "value": "5", "declaredUnit": "H87"}, "value 5, declared unit piece"),
        ("criticalRawMaterial", ["cobalt", "lithium"], "cobalt; lithium"),
        ("rechargeable", "true", "yes"),
        ("cycleLifeTestRate", {"type": "Quantity", "value": "0.33", "unit": "H10"}, "0.33 per hour"),
        (
            "recycledLeadShare",
            {"type": "Quantity", "value": "0", "unit": "P1", "qualifier": "notContained"},
            "not contained",
        ),
        (
            "leadShare",
            {"type": "Quantity", "unit": "P1", "qualifier": "belowDetection", "detectionLimit": "0.001"},
            "below 0.001 %",
        ),
        ("leadShare", {"type": "Quantity", "value": "1", "unit": "P1", "qualifier": "estimated"}, "about 1 %"),
        (
            "stateOfCharge",
            {"type": "Quantity", "value": "30", "unit": "P1", "at": "2027-02-20T10:00:00Z"},
            "30 % (20 February 2027, 10:00 UTC)",
        ),
        (
            "powerLimit",
            {"type": "Quantity", "value": "2", "unit": "KWT", "fromTemperature": "-10", "toTemperature": "45"},
            "2 kW from -10 to 45 °C",
        ),
        ("carbonFootprint", {"type": "Quantity", "value": "61", "ucumUnit": "kg/(kW.h)"}, "61 kg CO₂e/kWh"),
        (
            "declarationOfConformity",
            {
                "type": "Document",
                "name": "EU declaration",
                "documentNumber": "D-1",
                "language": "fi",
                "id": "https://x",
            },
            "EU declaration, D-1 (Finnish)",
        ),
        ("declarationOfConformity", {"type": "Document", "id": "https://x.example"}, "https://x.example"),
        (
            "labelMeaning",
            [{"type": "LabelMeaning", "symbol": "CE", "text": "It meets the law.", "language": "en"}],
            "symbol CE: It meets the law.",
        ),
        ("extinguishingAgent", None, ""),
    ],
)
def test_values_read_as_people_write_them(bundle: Bundle, name: str, value: Json, words: str) -> None:
    """With the terms table at hand."""
    assert bundle.wording().value(value, "Battery", name) == words


def test_what_the_table_does_not_know_is_spelled_plainly(bundle: Bundle) -> None:
    """The terminal may have a value of another's vocabulary."""
    wording = bundle.wording()
    assert wording.value({"type": "X", "massShare": {"value": "1", "unit": "P1"}}) == "mass share 1 %"
    assert wording.value({"scheme": "someNumber", "value": "8"}) == "8 (some number)"
    assert wording.label("Battery", "notATerm") == "Not a term"


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Rated capacity", "about 1,234,567.5 Ah", "1 month", "1 July 2027", "2 February 2027, 09:05 UTC")),
        (
            "de",
            (
                "Bemessungskapazität", "etwa 1.234.567,5 Ah", "1 Monat", "1. Juli 2027",
                "2. Februar 2027, 09:05 Uhr UTC",
            ),
        ),
        (
            "fr",
            (
                "Capacité assignée", "environ 1\u202f234\u202f567,5 Ah", "1 mois", "1er juillet 2027",
                "2 février 2027 à 09:05 UTC",
            ),
        ),
        (
            "fi",
            (
                "Nimelliskapasiteetti", "noin 1\u00a0234\u00a0567,5 Ah", "1 kuukausi", "1. heinäkuuta 2027",
                "2. helmikuuta 2027 klo 09.05 UTC",
            ),
        ),
    ],
)  # fmt: skip
def test_each_language_has_its_own_habits(bundle: Bundle, language: str, words: tuple[str, ...]) -> None:
    """Labels, figures, numbers of a unit, days and times."""
    wording = bundle.wording(language)
    capacity: Json = {"type": "Quantity", "value": "1234567.5", "unit": "AMH", "qualifier": "estimated"}
    said = (
        wording.label("Battery", "ratedCapacity"), wording.value(capacity, "Battery", "ratedCapacity"),
        wording.value({"type": "Quantity", "value": "1", "unit": "MON"}), wording.day(date(2027, 7, 1)),
        wording.value("2027-02-02T09:05:00Z", "Battery", "lastUpdated"),
    )  # fmt: skip
    assert said == words


def test_a_number_of_thousands_of_digits_is_shown_too(bundle: Bundle) -> None:
    """A file may be looked at that no shape has seen; Python reads no whole number of so many digits."""
    assert bundle.wording("en").figure("9" * 6000) == ",".join(["999"] * 2000)


def test_what_somebody_wrote_is_said_alike_everywhere(bundle: Bundle) -> None:
    """Numbers that count nothing, names, texts."""
    for language in LANGUAGES:
        wording = bundle.wording(language)
        assert wording.value("85076000", "Battery", "commodityCode") == "85076000"
        assert wording.value("IEC 62660-1:2018", "Battery", "cycleLifeReferenceTest") == "IEC 62660-1:2018"
        assert wording.value("-1234.50 or so", "Quantity", "value") == "-1234.50 or so"
