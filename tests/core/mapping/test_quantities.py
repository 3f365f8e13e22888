"""Quantities: contained metal, sums and their uncertainties, each said a second time as a person would reckon it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from connector.mapping.quantities import Measured, contained, node, percent_of, total
from connector.mapping.unfit import Unfit


def measured(written: str) -> Measured:
    """`1000 KGM ±2`; with `<` before it a detection limit."""
    value, unit, *spread = written.removeprefix("<").split()
    uncertainty = Decimal(spread[0].removeprefix("±")) if spread else None
    return Measured(Decimal(value), unit, uncertainty, below=written.startswith("<"))


def written(result: Measured, places: int | None = 3) -> str:
    """As a document has it: the uncertainty in three significant digits, as none is stated."""
    out = node(result, places)
    assert out["type"] == "Quantity"
    below = "<" if out.get("qualifier") == "belowDetection" and out["detectionLimit"] == out["value"] else ""
    return f"{below}{out['value']} {out['unit']}" + (f" ±{out['uncertainty']}" if "uncertainty" in out else "")


@pytest.mark.parametrize(
    ("mass", "fraction", "moisture", "metal"),
    [
        ("1000 KGM", "20 P1", "", "200 KGM"),
        ("1 TNE", "0.2 C62", "", "0.2 TNE"),
        ("1000 KGM", "200000 59", "", "200 KGM"),
        ("1000 KGM", "0 P1", "", "0 KGM"),
        ("1000 KGM", "100 P1", "", "1000 KGM"),
        ("1000 KGM", "20 P1", "10 P1", "180 KGM"),
        ("1000 KGM", "20 P1", "0 P1", "200 KGM"),
        ("1000 KGM ±2", "20 P1 ±0.1", "", "200 KGM ±1.08"),  # 0.2 % and 0.5 %
        ("1000 KGM ±2", "20 P1", "", "200 KGM ±0.4"),
        ("1000 KGM", "20 P1 ±0.1", "", "200 KGM ±1"),
        ("1000 KGM ±2", "20 P1 ±0.1", "10 P1 ±1", "180 KGM ±2.22"),  # and one per cent of ninety
        ("1000 KGM", "20 P1", "10 P1 ±1", "180 KGM ±2"),
        ("0 KGM ±2", "20 P1", "", "0 KGM"),  # of nothing there is no share
        ("-1000 KGM ±2", "20 P1", "", "-200 KGM ±0.4"),
        ("<1000 KGM", "20 P1", "", "<200 KGM"),
        ("1000 KGM", "<20 P1", "", "<200 KGM"),
    ],
)
def test_contained_metal(mass: str, fraction: str, moisture: str, metal: str) -> None:
    """Mass x (1 - moisture) x fraction; the relative uncertainties by the root of the sum of squares."""
    wet = measured(moisture) if moisture else None
    assert written(contained(measured(mass), measured(fraction), wet, (None, None))) == metal


@pytest.mark.parametrize(
    ("weighing", "assay", "metal"),
    [
        ("0.3", "0.4", "200 KGM ±1"),
        ("0.3", None, "200 KGM ±1.17"),  # and 0.5 % of the fraction itself
        (None, "0", "200 KGM ±0.4"),
    ],
)
def test_uncertainties_that_the_plan_says(weighing: str | None, assay: str | None, metal: str) -> None:
    """In per cent, in place of the inputs' own."""
    percents = (None if weighing is None else Decimal(weighing), None if assay is None else Decimal(assay))
    assert written(contained(measured("1000 KGM ±2"), measured("20 P1 ±0.1"), None, percents)) == metal


@pytest.mark.parametrize(
    ("fraction", "moisture"),
    [("100.1 P1", ""), ("-0.1 P1", ""), ("22 C62", ""), ("20 P1", "100 P1"), ("20 P1", "-1 P1"), ("20 P1", "120 P1")],
)
def test_what_is_no_share_of_anything(fraction: str, moisture: str) -> None:
    """More than all, less than nothing, or no dry mass at all."""
    with pytest.raises(Unfit) as raised:
        contained(measured("1000 KGM"), measured(fraction), measured(moisture) if moisture else None, (None, None))
    assert raised.value.code == "bad-fraction"


@pytest.mark.parametrize(
    ("parts", "unit", "sum_of_all"),
    [
        ([], "KGM", "0 KGM"),
        (["1 TNE", "500 KGM"], "KGM", "1500 KGM"),
        (["0.1 KGM", "0.2 KGM"], "KGM", "0.3 KGM"),
        (["3 KGM ±0.3", "4 KGM ±0.4"], "KGM", "7 KGM ±0.5"),
        (["1 TNE ±0.003", "4 KGM ±4"], "KGM", "1004 KGM ±5"),
        (["3 KGM ±0.3", "4 KGM"], "KGM", "7 KGM ±0.3"),
        (["3 KGM", "<4 GRM", "1 KGM"], "KGM", "<4.004 KGM"),
        (["3 KGM", "-1 KGM"], "KGM", "2 KGM"),
    ],
)
def test_sums(parts: list[str], unit: str, sum_of_all: str) -> None:
    """In one unit, exactly; uncertainties of independent parts do not add up."""
    assert written(total([measured(part) for part in parts], unit)) == sum_of_all


def test_what_the_export_states_keeps_its_digits() -> None:
    """A reckoned uncertainty has three significant digits; one of the laboratory's has its own."""
    assert node(Measured(Decimal(5), "KGM", Decimal("0.12345"), stated=True), None)["uncertainty"] == "0.12345"
    assert node(Measured(Decimal(5), "KGM", Decimal("0.12345")), None)["uncertainty"] == "0.123"
    there = Measured(Decimal(5), "TNE", Decimal("0.0012345"), below=True, stated=True).to("KGM")
    assert there == Measured(Decimal(5000), "KGM", Decimal("1.2345"), below=True, stated=True)
    assert percent_of(Decimal(-400), Decimal("0.5")) == Decimal(2)
