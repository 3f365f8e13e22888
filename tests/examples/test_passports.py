"""The example passports: they fit their shapes, and their figures fit each other."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from connector.cli.passport import app
from connector.model import Json, JsonObject
from connector.vocabulary.bundle import Bundle

FOLDER = Path("examples/passports")
NAMES = ("ev", "lmt", "industrial")
OPEN_ACTS = ("carbonFootprint", "dueDiligenceReport", "instructionsForUse")


def passport(name: str) -> JsonObject:
    """One of the three."""
    found: JsonObject = json.loads((FOLDER / f"{name}.json").read_bytes())
    return found


def number(value: Json) -> Decimal:
    """The value of a quantity, whatever its unit."""
    assert isinstance(value, dict)
    return Decimal(str(value["value"]))


def total(nodes: Json, name: str) -> Decimal:
    """The sum of a quantity over the nodes of a list."""
    assert isinstance(nodes, list)
    return sum((number(node[name]) for node in nodes if isinstance(node, dict)), Decimal(0))


def test_there_is_one_of_each_category() -> None:
    """No file more, and each says what it is."""
    assert {path.stem for path in FOLDER.glob("*.json")} == set(NAMES)
    assert [passport(name)["batteryCategory"] for name in NAMES] == list(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_it_fits_its_shape(bundle: Bundle, name: str) -> None:
    """Nothing is unknown, missing or badly written; what waits for an act is not filled."""
    subject = passport(name)
    assert bundle.check("BatteryPassport", subject) == []
    assert [key for key in subject if key.startswith(OPEN_ACTS)] == []


@pytest.mark.parametrize("name", NAMES)
def test_masses_and_shares_add_up(name: str) -> None:
    """Materials make the whole battery, and each recycled share is the sum of its two sources."""
    subject = passport(name)
    assert total(subject["detailedComposition"], "mass") == number(subject["batteryMass"])
    assert total(subject["detailedComposition"], "massShare") == 100
    for metal in ("Cobalt", "Lithium", "Nickel"):
        parts = [f"{source}ConsumerRecycled{metal}Share" for source in ("pre", "post")]
        if any(part in subject for part in parts):
            assert number(subject[f"recycled{metal}Share"]) == sum(number(subject[part]) for part in parts)
        else:
            assert subject[f"recycled{metal}Share"] == {
                "type": "Quantity", "value": "0", "unit": "P1", "qualifier": "notContained",
            }  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_its_electric_figures_fit_each_other(name: str) -> None:
    """Energy is charge times voltage, power over energy is the ratio, the histograms tell the same hours."""
    subject = passport(name)
    watt_hours = number(subject["ratedCapacity"]) * number(subject["nominalVoltage"])
    assert abs(watt_hours / 1000 / number(subject["ratedEnergy"]) - 1) < Decimal("0.005")
    assert number(subject["minimumVoltage"]) < number(subject["nominalVoltage"]) < number(subject["maximumVoltage"])
    power = subject["originalPower"]
    assert isinstance(power, dict)
    watts = number(power) * (1000 if power["unit"] == "KWT" else 1)
    assert abs(watts / 1000 / number(subject["ratedEnergy"]) - number(subject["powerToEnergyRatio"])) < Decimal("0.01")
    assert total(subject["temperatureHistory"], "duration") == total(subject["stateOfChargeHistory"], "duration")


def test_the_state_of_health_follows_from_the_certified_energy() -> None:
    """State of certified energy of the vehicle battery: what is left over what was certified."""
    subject = passport("ev")
    left = number(subject["remainingUsableEnergy"]) / number(subject["certifiedUsableEnergy"]) * 100
    assert abs(left - number(subject["stateOfCertifiedEnergy"])) < Decimal("0.05")


@pytest.mark.parametrize("name", NAMES)
def test_each_audience_sees_its_part(name: str) -> None:
    """The command that the README names; state of charge is for persons with a legitimate interest only."""
    seen: dict[str, JsonObject] = {}
    for audience in ("public", "legitimate-interest", "authority", "b2b"):
        result = CliRunner().invoke(app, ["view", str(FOLDER / f"{name}.json"), "--audience", audience, "--json"])
        assert result.exit_code == 0
        seen[audience] = json.loads(result.stdout)["subject"]
    assert [audience for audience, subject in seen.items() if "stateOfCharge" in subject] == ["legitimate-interest"]
    assert [audience for audience, subject in seen.items() if "complianceTestReport" in subject] == ["authority"]
    assert all(subject["batteryCategory"] == name for subject in seen.values())
