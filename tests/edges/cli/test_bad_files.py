"""Files as people and programs really spoil them: each is refused with the place, or its findings are told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from connector.cli.passport import app
from connector.model import JsonObject

RUN = CliRunner()
PASSPORT = Path("examples/passports/ev.json")


def asked(path: Path) -> list[str]:
    """The command about this file."""
    return ["check", str(path), "--category", "ev"]


@pytest.mark.parametrize(
    ("spoilt", "told"),
    [
        (lambda text: text.encode("utf-16-le"), "save it as UTF-8"),
        (lambda text: text.encode("utf-16")[:-1], "the file says that it is utf-16-le, and is not"),
        (lambda text: text.replace("e", "é", 1).encode("latin-1"), "save it as UTF-8"),
        (lambda text: b"// from the ERP\n" + text.encode(), "JSON has no comments"),
        (lambda text: text.replace("{", "{ /* model */", 1).encode(), "JSON has no comments"),
        (
            lambda text: text.replace('"batteryMass": {', '"batteryMass": {"unit": "TNE",').encode(),
            "$.batteryMass.unit",
        ),
        (lambda text: text.replace("{", '{"note": "' + "x" * 10_000_000 + '",', 1).encode(), "at most 4194304"),
        (lambda text: text.encode()[: len(text) // 2], "is not JSON"),
        (lambda _text: b"[]", "holds no record"),
    ],
)
def test_a_file_that_can_not_be_trusted_is_refused(tmp_path: Path, spoilt: object, told: str) -> None:
    """Exit code 2, the reason, and nothing judged."""
    assert callable(spoilt)
    path = tmp_path / "passport.json"
    path.write_bytes(spoilt(PASSPORT.read_text("utf-8")))
    answer = RUN.invoke(app, asked(path))
    assert answer.exit_code == 2
    assert told in " ".join(answer.output.split())
    assert "present" not in answer.output


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
@pytest.mark.parametrize(
    "words",
    [["check"], ["view"], ["view", "--id", "{id}"], ["convert", "--to", "catena-x"], ["import", "--from", "untp"]],
)
def test_every_command_reads_what_programs_write(tmp_path: Path, words: list[str], encoding: str) -> None:
    """A byte order mark, or UTF-16 with one, is as good as plain UTF-8 for each of them."""
    document = json.loads(PASSPORT.read_text("utf-8"))
    text, path = json.dumps(document), tmp_path / "passport.json"
    if words[0] == "import":
        RUN.invoke(app, ["convert", str(PASSPORT), "--to", "untp", "--out", str(path)])
        text = path.read_text("utf-8")
    asked = [words[0], str(path), *(one.replace("{id}", document["id"]) for one in words[1:]), "--json"]
    path.write_text(text, "utf-8")
    plain = RUN.invoke(app, asked)
    assert plain.exit_code in {0, 1}, plain.output
    path.write_text(text, encoding)
    assert RUN.invoke(app, asked).output == plain.output


def test_a_converted_document_can_be_piped() -> None:
    """Losses and the next step stand on standard error."""
    done = RUN.invoke(app, ["convert", str(PASSPORT), "--to", "catena-x"])
    assert json.loads(done.stdout)
    assert "next:" in done.stderr


def test_what_is_wrong_in_a_readable_file_is_told_with_path_and_meaning(tmp_path: Path) -> None:
    """Unknown key, wrong unit and dimension, wrong datatype: findings, all at once."""
    document: JsonObject = json.loads(PASSPORT.read_text("utf-8"))
    document |= {
        "colour": "red",
        "batteryMass": {"type": "Quantity", "value": "0.452", "unit": "TNE"},
        "ratedEnergy": {"type": "Quantity", "value": "0.08", "unit": "MWH"},
        "recycledCobaltShare": {"type": "Quantity", "value": "0.16", "unit": "C62"},
        "ratedCapacity": {"type": "Quantity", "value": "94", "unit": "KWH"},
        "placedOnMarketDate": "12.03.2027",
        "batteryChemistry": 811,
    }
    path = tmp_path / "passport.json"
    path.write_text(json.dumps(document))
    answer = json.loads(RUN.invoke(app, [*asked(path), "--json"]).output)
    found = {finding["column"]: finding for finding in answer["findings"]}
    assert {path: one["code"] for path, one in found.items()} == {
        "$.colour": "unknown-term",
        "$.batteryMass.unit": "bad-unit",
        "$.ratedEnergy.unit": "bad-unit",
        "$.recycledCobaltShare.unit": "bad-unit",
        "$.ratedCapacity.unit": "bad-dimension",
        "$.placedOnMarketDate": "bad-value",
        "$.batteryChemistry": "number",
    }
    assert "Mass of the whole battery." in found["$.batteryMass.unit"]["message"]
    assert all(one["hint"] for one in found.values())
