"""`passport view` on files: classes, audiences, choice of a record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from connector.cli.passport import app
from connector.model import Json

BATTERY: dict[str, Json] = {
    "id": "urn:uuid:1",
    "type": "Battery",
    "identifier": [{"type": "Identifier", "scheme": "serialNumber", "value": "S-1"}],
    "batteryCategory": "ev",
    "batteryMass": {"type": "Quantity", "value": "450", "unit": "KGM"},
    "passportStatus": "active",
    "contains": [{"type": "UpstreamLink", "id": "urn:uuid:2"}],
}


def view(file: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Exit code and the machine's answer."""
    result = CliRunner().invoke(app, ["view", str(file), *arguments, "--json"])
    return result.exit_code, json.loads(result.stdout) if result.exit_code == 0 else {"said": result.output}


@pytest.mark.parametrize("wrapped", [True, False])
def test_the_public_sees_public_values(tmp_path: Path, wrapped: bool) -> None:
    """A subject alone or with its record type; what is withheld is counted, not named."""
    file = tmp_path / "one.json"
    file.write_text(json.dumps({"type": "BatteryPassport", "subject": BATTERY} if wrapped else BATTERY))
    code, answer = view(file)
    assert (code, answer["type"], answer["classes"]) == (0, "BatteryPassport", ["PUB"])
    assert "contains" not in answer["subject"]
    assert answer["withheld"] == {"B2B": 1}
    assert {"term": "batteryMass", "class": "PUB", "level": "model"}.items() <= next(
        one for one in answer["values"] if one["term"] == "batteryMass"
    ).items()
    assert view(file, "--audience", "b2b")[1]["subject"]["contains"] == BATTERY["contains"]


def test_people_read_labels_and_units(tmp_path: Path) -> None:
    """Words of the vocabulary, a unit's sign."""
    file = tmp_path / "one.json"
    file.write_text(json.dumps(BATTERY))
    said = CliRunner().invoke(app, ["view", str(file)]).output
    assert "battery mass" in said
    assert "450 kg" in said


def test_an_ended_passport_says_only_that(tmp_path: Path) -> None:
    """Battery Regulation, Art. 77(8)."""
    file = tmp_path / "one.json"
    file.write_text(json.dumps(BATTERY | {"passportStatus": "ceased"}))
    for audience in ("public", "authority", "b2b"):
        _, answer = view(file, "--audience", audience)
        assert (answer["ended"], answer["subject"]) == (True, {"passportStatus": "ceased"})


def test_one_record_of_many_is_chosen(tmp_path: Path) -> None:
    """By serial number or id; without a choice the numbers are listed."""
    file = tmp_path / "many.jsonl"
    other = BATTERY | {"id": "urn:uuid:9", "identifier": [{"scheme": "serialNumber", "value": "S-9"}]}
    file.write_text(json.dumps(BATTERY) + "\n" + json.dumps(other) + "\n")
    assert view(file, "--id", "S-9")[1]["subject"]["identifier"] == other["identifier"]
    assert view(file, "--id", "urn:uuid:1")[0] == 0
    code, told = view(file)
    assert (code, "S-1, S-9" in told["said"]) == (2, True)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"type": "Nothing"}', '{"a": 1}\n{'])
def test_a_file_that_holds_no_record_is_bad_input(tmp_path: Path, text: str) -> None:
    """Exit code 2 and a sentence."""
    file = tmp_path / "bad.json"
    file.write_text(text)
    assert view(file)[0] == 2
    assert view(tmp_path / "absent.json")[0] == 2
