"""Masses and events read from what a record says: their figures, or a sentence about what cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

import pytest

from connector.model import Json, JsonObject
from connector.provenance.events import read_event
from connector.provenance.masses import plain, read_mass, root_sum_square, total
from connector.provenance.statements import read_content, read_statement
from tests.core.provenance.chains import chain


@pytest.mark.parametrize(
    ("quantity", "value", "uncertainty"),
    [
        ({"value": "2", "unit": "TNE", "uncertainty": "0.1"}, "2000", "100"),
        ({"value": "1.50", "unit": "KGM"}, "1.5", "0.005"),
        ({"value": "30000", "unit": "KGM"}, "30000", "0.5"),
        ({"value": "0", "unit": "KGM", "qualifier": "belowDetection", "detectionLimit": "0.2"}, "0.1", "0.1"),
        ({"value": "0.2", "unit": "KGM", "qualifier": "belowDetection"}, "0.1", "0.1"),
        ({"value": "5", "ucumUnit": "g"}, "0.005", "0.0005"),
        ({"value": "1000000", "unit": "LBR", "uncertainty": "0"}, "453592.37", "0"),
        ({"value": "2", "unit": "KGM", "uncertainty": {"value": "0.1", "unit": "KGM"}}, "2", "0.1"),
    ],
)
def test_quantities_are_read_as_kilograms(quantity: JsonObject, value: str, uncertainty: str) -> None:
    """Units, unstated uncertainty as rounding, below detection as half the limit."""
    read = read_mass(quantity)
    assert (plain(read.value), plain(read.uncertainty)) == (value, uncertainty)


@pytest.mark.parametrize(
    ("unit", "kilograms"),
    [
        ("KGM", "1"), ("TNE", "1000"), ("KTN", "1000000"), ("DTN", "100"), ("GRM", "0.001"), ("MGM", "0.000001"),
        ("kg", "1"), ("t", "1000"), ("g", "0.001"), ("mg", "0.000001"),
    ],
)  # fmt: skip
def test_units_are_those_of_unece_and_ucum(unit: str, kilograms: str) -> None:
    """UN/ECE Recommendation 20: KTN is the kilotonne, DTN the decitonne of 100 kg."""
    assert plain(read_mass({"value": "1", "unit": unit}).value) == kilograms


def test_a_mass_is_told_in_plain_digits() -> None:
    """No exponent, no trailing zeros, no minus before what is rounded to nothing."""
    told = {"100": "100", "-1.50": "-1.5", "-0.0000001": "0", "1E+3": "1000", "0.0000005": "0", "0.0000015": "0.000002"}
    assert {text: plain(Decimal(text)) for text in told} == told


@pytest.mark.parametrize(
    "quantity",
    [
        None,
        {"value": "1", "unit": ["KGM"]},
        {},
        {"value": "1"},
        {"value": 1.5, "unit": "KGM"},
        {"value": "NaN", "unit": "KGM"},
        {"value": "1,5", "unit": "KGM"},
        {"value": "1", "unit": "KWH"},
        {"value": "1", "unit": "KGM", "uncertainty": "-1"},
        {"value": "-1", "unit": "KGM"},
        {"value": "0", "unit": "KGM", "qualifier": "belowDetection", "detectionLimit": "-1"},
        {"value": "1E-999999999", "unit": "KGM"},
        {"value": "1E+999999", "unit": "KGM"},
        {"value": "1", "unit": "KGM", "uncertainty": "1E+999999"},
        {"value": "9" * 41, "unit": "KGM"},
        {"value": "0." + "9" * 41, "unit": "KGM"},
    ],
)
def test_what_is_no_mass_is_refused(quantity: Json) -> None:
    """Floats, other units, local decimals, numbers that are none, less than nothing, and what no sum can hold."""
    with pytest.raises(ValueError, match=r"."):
        read_mass(quantity)


def test_an_event_that_cannot_be_read_says_why() -> None:
    """No exception: a sentence."""
    event, problems = read_event("MakeEvent", {"id": "e", "eventTime": "2027-01-01T00:00:00"})
    assert event is None
    assert "time zone" in problems[0]
    for edge in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"):
        assert "calendar" in read_event("MakeEvent", {"id": "e", "eventTime": edge})[1][0]
        credential: JsonObject = {"validFrom": edge, "credentialSubject": {"id": "e"}}
        assert read_statement(credential).valid_from is None
    assert read_event("MoveEvent", {"id": "e", "direction": "away"})[1]
    assert read_event("StocktakeEvent", {"id": "e", "stockKind": "x"})[1]


def test_no_sum_is_rounded() -> None:
    """Forty digits on either side, in units a billion apart, ten thousand times: to the last digit."""
    longest = f"{'9' * 40}.{'9' * 40}"
    units = {"KTN": Fraction(1_000_000), "MGM": Fraction(1, 1_000_000), "LBR": Fraction("0.45359237")}
    masses = [read_mass({"value": longest, "unit": unit, "uncertainty": "0"}) for unit in units]
    exact = Fraction(longest) * sum(units.values())
    assert Fraction(total(masses).value) == exact
    assert Fraction(total(masses * 10_000).value) == exact * 10_000
    much, little = read_mass({"value": "9" * 40, "unit": "KGM"}), read_mass({"value": f"0.{'0' * 39}1", "unit": "KGM"})
    assert Fraction((much - little).value) == Fraction("9" * 40) - Fraction(f"0.{'0' * 39}1")
    assert plain((much + little - much).value, 40) == f"0.{'0' * 39}1"


def test_a_root_is_exact_where_it_can_be() -> None:
    """Three and four are five."""
    assert root_sum_square((Decimal(3), Decimal(4))) == 5
    assert root_sum_square(()) == 0


ODD: tuple[Json, ...] = (
    None,
    True,
    -1,
    1.5,
    "",
    "x",
    "9" * 5000,
    "9999-12-31T23:59:59-14:00",
    [],
    [[]],
    {},
    {"id": []},
)


def _with_each(node: Json, odd: Json) -> Iterator[Json]:
    """Copies of a document, in each of which one place holds the odd value."""
    yield odd
    if isinstance(node, dict):
        for key, inner in node.items():
            yield from ({**node, key: changed} for changed in _with_each(inner, odd))
    elif isinstance(node, list):
        for place, inner in enumerate(node):
            yield from ([*node[:place], changed, *node[place + 1 :]] for changed in _with_each(inner, odd))


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: repr(odd)[:12])
def test_whatever_is_signed_wherever_is_read(odd: Json) -> None:
    """An audit reads also what fits no shape, to say what is wrong there: no supplier may end others' audits."""
    world, tried = chain(), 0
    for page in world.pages.values():
        for served in page.credentials:
            for payload in _with_each(world.payloads[served.octets or ""], odd):
                if isinstance(payload, dict):
                    read_content(page.type, page.record, page.version, (read_statement(payload),))
                    tried += 1
    assert tried > 500
