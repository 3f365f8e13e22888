"""`passport view` on files: classes, audiences, choice of a record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from connector.cli.passport import app
from connector.model import Json, JsonObject
from connector.vocabulary.bundle import load_bundle
from tests.core.provenance.chains import MAKER
from tests.exchange.signing import sign

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
    """A subject alone or with its record type; of what is withheld the class is told, neither name nor number."""
    file = tmp_path / "one.json"
    file.write_text(json.dumps({"type": "BatteryPassport", "subject": BATTERY} if wrapped else BATTERY))
    code, answer = view(file)
    assert (code, answer["type"], answer["classes"]) == (0, "BatteryPassport", ["PUB"])
    assert "contains" not in answer["subject"]
    assert answer["withheld"] == ["B2B"]
    assert {"term": "batteryMass", "class": "PUB", "level": "model"}.items() <= next(
        one for one in answer["values"] if one["term"] == "batteryMass"
    ).items()
    assert view(file, "--audience", "b2b")[1]["subject"]["contains"] == BATTERY["contains"]


def test_a_number_is_asked_of_the_company_where_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with other commands; where there is none, both that were looked for are named."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "connector.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    said = CliRunner().invoke(app, ["view", "CM27-84-000201"])
    text = " ".join(said.output.split())
    assert said.exit_code == 2
    assert "there is no file CM27-84-000201; as a number it would be asked of a running connector, but there" in text
    assert "--config FILE (mine/connector.toml)" in text
    monkeypatch.chdir(tmp_path / "mine")
    assert "connector.toml:" in CliRunner().invoke(app, ["check", "CM27-84-000201"]).output


def test_people_read_labels_and_units(tmp_path: Path) -> None:
    """Words of the vocabulary, a unit's sign."""
    file = tmp_path / "one.json"
    file.write_text(json.dumps(BATTERY))
    said = CliRunner().invoke(app, ["view", str(file)]).output
    assert "battery mass" in said
    assert "450 kg" in said


def test_the_next_view_is_one_that_sees_more(tmp_path: Path) -> None:
    """Of values for partners an authority sees as little as the public: that led round in a circle."""
    file = tmp_path / "one.json"
    file.write_text(json.dumps({"type": "MaterialLot", "id": "urn:uuid:5", "materialType": "nickelSulphate"}))
    assert "--audience b2b\n" in CliRunner().invoke(app, ["view", str(file)]).output
    assert "--audience public\n" in CliRunner().invoke(app, ["view", str(file), "--audience", "b2b"]).output
    file.write_text(json.dumps({"type": "Battery", "id": "urn:uuid:6"}))
    assert "--audience authority\n" in CliRunner().invoke(app, ["view", str(file)]).output, "nothing is withheld"


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


SECRET: dict[str, Json] = BATTERY | {
    "fullCycleCount": {"type": "Quantity", "value": "12", "unit": "C62"},
    "componentPartNumber": ["MOD-1"],
    "complianceTestDate": "2026-11-30",
}


@pytest.mark.parametrize(
    ("arguments", "classes"),
    [
        (("--audience", "legitimate-interest"), "LI LI+AUTH PUB"),
        (("--audience", "legitimate-interest", "--purpose", "recycling", "--item", "S-1"), "LI LI+AUTH PUB"),
        (("--audience", "legitimate-interest", "--item", "urn:uuid:1"), "LI LI+AUTH PUB"),
        (("--audience", "legitimate-interest", "--item", "S-2"), "PUB"),
        (("--audience", "legitimate-interest", "--purpose", "research"), "PUB"),
        (("--audience", "authority"), "AUTH LI+AUTH PUB"),
    ],
)
def test_an_interest_holds_for_its_purpose_and_its_item(tmp_path: Path, arguments: Any, classes: str) -> None:
    """Battery Regulation, Art. 77(2)(c)."""
    file = tmp_path / "one.json"
    file.write_text(json.dumps(SECRET))
    code, answer = view(file, *arguments)
    assert (code, answer["classes"]) == (0, classes.split())
    assert ("fullCycleCount" in answer["subject"]) == ("LI" in classes.split())
    assert ("complianceTestDate" in answer["subject"]) == ("AUTH" in classes.split())


MANDATE = {"type": "Party", "mandateRole": "auditor", "accessClassGranted": ["B2B", "LI"], "purpose": ["audit"]}
OWNER = {"mandateRole": "legitimateInterest", "accessClassGranted": ["LI"], "purpose": ["purchase"]}


def test_a_slip_in_the_purpose_is_no_lack_of_rights(tmp_path: Path) -> None:
    """It would look like one: nothing but public values."""
    file = tmp_path / "one.json"
    file.write_text(json.dumps(BATTERY))
    code, answer = view(file, "--audience", "legitimate-interest", "--purpose", "recyclng")
    assert code == 2
    assert "recycling" in answer["said"]


@pytest.mark.parametrize(
    ("mandate", "arguments", "classes"),
    [
        (MANDATE, (), "B2B LI"),
        ({"credentialSubject": MANDATE}, ("--audience", "auditor", "--purpose", "audit"), "B2B LI"),
        (MANDATE, ("--purpose", "recycling"), ""),
        (MANDATE | {"accessClassGranted": []}, (), ""),
        (OWNER | {"chainRoot": "urn:uuid:1"}, (), "LI PUB"),
        (OWNER | {"chainRoot": "urn:uuid:9"}, (), "PUB"),
        (OWNER | {"chainRoot": "S-1"}, ("--purpose", "recycling"), "PUB"),
        (OWNER | {"chainRoot": "S-1", "purpose": ["research"]}, (), "PUB"),
        ({"role": ["recycler"], "purpose": ["recycling"]}, ("--audience", "legitimate-interest"), "LI LI+AUTH PUB"),
    ],
)
def test_a_mandate_limits_the_view(tmp_path: Path, mandate: Any, arguments: Any, classes: str) -> None:
    """Classes, purposes and the item that it names; an auditor sees what is granted and nothing beside it."""
    file, proof = tmp_path / "one.json", tmp_path / "mandate.json"
    file.write_text(json.dumps(SECRET))
    proof.write_text(json.dumps(mandate))
    code, answer = view(file, "--mandate", str(proof), *arguments)
    assert (code, answer["classes"]) == (0, classes.split())


@pytest.mark.parametrize(
    ("mandate", "arguments"),
    [
        (MANDATE, ("--audience", "authority")),
        (MANDATE | {"accessClassGranted": ["TOP"]}, ()),
        ([], ()),
        ("{", ()),
        (None, ("--audience", "auditor")),
        (None, ("--audience", "nobody")),
    ],
)
def test_a_mandate_that_is_none_is_bad_usage(tmp_path: Path, mandate: Any, arguments: Any) -> None:
    """Exit code 2: another audience than mandated, an unknown class, no credential, no mandate at all."""
    file, proof = tmp_path / "one.json", tmp_path / "mandate.json"
    file.write_text(json.dumps(SECRET))
    proof.write_text(mandate if isinstance(mandate, str) else json.dumps(mandate))
    assert view(file, *(("--mandate", str(proof)) if mandate is not None else ()), *arguments)[0] == 2


def test_credentials_are_put_together_by_record(tmp_path: Path) -> None:
    """A file of compact credentials, one per line or as a JSON list, is the record that they are parts of."""
    model = {"id": "urn:uuid:m", "type": "BatteryModel", "batteryCategory": "ev", "componentPartNumber": ["MOD-1"]}
    item = {name: value for name, value in BATTERY.items() if name in {"id", "type", "identifier", "passportStatus"}}
    held = [
        signed(item, "urn:uuid:r1"),
        signed(model, "urn:uuid:r1"),
        signed(item | {"id": "urn:uuid:2"}, "urn:uuid:r2"),
    ]
    for text in ("\n".join(held), json.dumps(held)):
        file = tmp_path / "held.jwt"
        file.write_text(text)
        code, answer = view(file, "--id", "urn:uuid:1", "--audience", "authority")
        assert (code, sorted(answer["subject"])) == (
            0, ["batteryCategory", "componentPartNumber", "identifier", "passportStatus"],
        )  # fmt: skip
        assert view(file, "--id", "urn:uuid:2")[1]["subject"]["passportStatus"] == "active"


def signed(subject: Any, record: str) -> str:
    """A compact credential of a battery passport; nobody checks its signature here."""
    header: JsonObject = {"id": record, "type": "Record", "version": "1", "accessClass": "PUB", "level": "item"}
    payload: JsonObject = {
        "type": ["VerifiableCredential", "BatteryPassport"], "issuer": MAKER, "credentialSubject": subject,
        "record": header,
    }  # fmt: skip
    return sign(payload)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"type": "Nothing"}', '{"a": 1}\n{'])
def test_a_file_that_holds_no_record_is_bad_input(tmp_path: Path, text: str) -> None:
    """Exit code 2 and a sentence."""
    file = tmp_path / "bad.json"
    file.write_text(text)
    assert view(file)[0] == 2
    assert view(tmp_path / "absent.json")[0] == 2


EXAMPLES = Path(__file__).parents[3] / "examples" / "passports"


def check(file: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Exit code and the machine's answer."""
    result = CliRunner().invoke(app, ["check", str(file), *arguments, "--json"])
    return result.exit_code, json.loads(result.stdout) if result.exit_code in {0, 1} else {"said": result.output}


@pytest.mark.parametrize("category", ["ev", "lmt", "industrial"])
def test_a_complete_passport_has_nothing_missing(category: str) -> None:
    """All 71 points in the machine's answer, with their counts; exit code 0."""
    code, answer = check(EXAMPLES / f"{category}.json", "--category", category, "--at", "2026-11-28")
    assert (code, answer["complete"], answer["owed"], answer["findings"]) == (0, True, True, [])
    assert [one["point"] for one in answer["points"]] == list(range(1, 72))
    assert sum(answer["counts"].values()) == 71
    assert (answer["edition"]["name"], answer["date"]["stated"]) == ("guidance-1.0", True)
    assert {one["state"] for one in answer["points"]} == {"present", "pending", "not-applicable"}
    assert {"obligation": "pending", "kind": "law"}.items() <= answer["points"][19]["cites"][1].items()


def changed(tmp_path: Path, **changes: Json) -> Path:
    """The vehicle battery's passport with changes; None takes a value away."""
    whole = {**json.loads((EXAMPLES / "ev.json").read_text("utf-8")), **changes}
    file = tmp_path / "changed.json"
    file.write_text(json.dumps({name: value for name, value in whole.items() if value is not None}))
    return file


def test_what_is_missing_is_exit_code_one(tmp_path: Path) -> None:
    """With the term to give; people see it on top, with a next step."""
    file = changed(tmp_path, batteryMass=None)
    code, answer = check(file)
    assert (code, answer["complete"], answer["counts"]["missing"]) == (1, False, 1)
    assert {"state": "missing", "reason": "no-value", "absent": ["batteryMass"]}.items() <= answer["points"][9].items()
    said = CliRunner().invoke(app, ["check", str(file)]).output
    assert said.index("missing (1)") < said.index("pending (4)") < said.index("present (58)")
    assert "needs batteryMass" in said
    assert "next: add what is missing" in said


def test_what_map_run_wrote_is_judged_before_its_links_are_made(tmp_path: Path) -> None:
    """A link that waits for publishing is no finding: what is missing shows before anything is signed."""
    code, answer = check(changed(tmp_path, facilityRecord={}))
    assert (code, answer["complete"], answer["findings"]) == (0, True, [])


def test_credentials_are_judged_as_the_passport_that_they_are_parts_of(tmp_path: Path) -> None:
    """All of them: nothing is missing. The public ones alone: what others would see is."""
    whole = json.loads((EXAMPLES / "ev.json").read_text("utf-8"))
    parts = load_bundle().split("BatteryPassport", whole)
    file = tmp_path / "held.jwt"
    file.write_text("\n".join(signed(part, "urn:uuid:r1") for part in parts.values()))
    code, answer = check(file)
    assert (code, answer["complete"], answer["subject"]) == (0, True, whole["id"])
    file.write_text("\n".join(signed(part, "urn:uuid:r1") for (access, _), part in parts.items() if access == "PUB"))
    code, answer = check(file)
    assert (code, {one["access"] for one in answer["points"] if one["state"] == "missing"}) == (
        1,
        {"LI", "LI+AUTH", "AUTH"},
    )


def test_a_value_that_is_wrong_is_a_finding(tmp_path: Path) -> None:
    """Exit code 1 also where only something beside the points is wrong."""
    code, answer = check(changed(tmp_path, colour="red"))
    assert (code, answer["complete"], [one["code"] for one in answer["findings"]]) == (1, True, ["unknown-term"])


def test_another_category_than_stated_is_told() -> None:
    """It is judged as asked, and the contradiction is a finding; no category at all is bad usage."""
    code, answer = check(EXAMPLES / "ev.json", "--category", "lmt")
    assert (code, answer["category"], answer["findings"][-1]["code"]) == (1, "lmt", "other-category")


def test_outside_the_duty_no_passport_is_owed(tmp_path: Path) -> None:
    """Exit code 0: nothing is missing. Not a word of compliance."""
    file = changed(tmp_path, placedOnMarketDate="2027-02-17")
    code, answer = check(file, "--category", "ev")
    assert (code, answer["owed"]) == (0, False)
    assert {(one["state"], one["reason"]) for one in answer["points"]} == {("not-applicable", "no-passport-owed")}
    said = CliRunner().invoke(app, ["check", str(file)]).output
    assert "no passport owed" in said
    assert "present" not in said


@pytest.mark.parametrize(
    "arguments", [("--at", "tomorrow"), ("--at", "2020-01-01"), ("--category", "car"), ("--id", "none")]
)
def test_what_can_not_be_judged_is_bad_usage(arguments: tuple[str, str]) -> None:
    """Exit code 2."""
    assert check(EXAMPLES / "ev.json", *arguments)[0] == 2


def test_only_battery_passports_have_points(tmp_path: Path) -> None:
    """Another record, and a passport that does not say its category."""
    lot = Path(__file__).parents[2] / "vectors" / "documents" / "MineralLotPassport.json"
    assert check(lot)[0] == 2
    assert check(changed(tmp_path, batteryCategory=None))[0] == 2
    assert check(changed(tmp_path, batteryCategory=None), "--category", "ev")[0] == 1
