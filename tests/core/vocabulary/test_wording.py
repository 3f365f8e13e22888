"""Values in people's words: units, dates, codes, countries, nodes."""

from __future__ import annotations

import pytest

from connector.model import Json
from connector.vocabulary.bundle import Bundle, load_bundle
from connector.vocabulary.wording import in_words, label


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    """The shipped vocabulary."""
    return load_bundle()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("batteryMass", {"type": "Quantity", "value": "512", "unit": "KGM"}, "512 kg"),
        ("expectedLifetimeCycles", {"type": "Quantity", "value": "1800", "unit": "C62"}, "1800"),
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
        ("carbonFootprint", {"type": "Quantity", "value": "61", "ucumUnit": "kg/(kW.h)"}, "61 kg/(kW.h)"),
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
            "symbol CE: It meets the law. (English)",
        ),
        ("extinguishingAgent", None, ""),
    ],
)
def test_values_read_as_people_write_them(bundle: Bundle, name: str, value: Json, words: str) -> None:
    """With the terms table at hand."""
    assert in_words(value, bundle.terms, "Battery", name) == words


def test_without_the_table_names_are_spelled_plainly() -> None:
    """The terminal may have a value of another's vocabulary."""
    assert in_words({"type": "X", "massShare": {"value": "1", "unit": "P1"}}) == "mass share 1 %"
    assert in_words({"scheme": "lotNumber", "value": "8"}) == "8 (lot number)"


def test_labels_begin_a_line(bundle: Bundle) -> None:
    """As the table calls the term; unknown ones by their spelling."""
    assert label(bundle.terms, "Battery", "placedOnMarketDate") == "Placed on market date"
    assert label(bundle.terms, "Battery", "notATerm") == "Not a term"
