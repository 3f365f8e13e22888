"""`vocab` at the command line: exit codes and answers."""

import json
import shutil
from pathlib import Path

from typer.testing import CliRunner

from connector.cli.vocab import app

RUN = CliRunner()


def test_term_tells_every_meaning() -> None:
    """A key with two meanings is shown with both, a code with its list."""
    found = json.loads(RUN.invoke(app, ["term", "value", "--json"]).output)["found"]
    assert [one["label"] for one in found] == ["value", "identifier value"]
    assert "FootprintClaim" in RUN.invoke(app, ["term", "footprint"]).output
    assert json.loads(RUN.invoke(app, ["term", "slag", "--json"]).output)["found"][0]["list"] == "LossKind"


def test_a_typo_gets_near_names() -> None:
    """Exit code 2, and the name that was probably meant."""
    answer = RUN.invoke(app, ["term", "ratedCapasity"])
    assert answer.exit_code == 2
    assert "ratedCapacity" in answer.output
    assert "slag" in json.loads(RUN.invoke(app, ["term", "slagg", "--json"]).output)["near"]


def test_check_finds_what_build_mends(tmp_path: Path) -> None:
    """A hand-edited schema is a finding; after `build` nothing differs."""
    folder = tmp_path / "vocab"
    shutil.copytree("vocab", folder)
    schema = folder / "schemas" / "1.0.0" / "MakeEvent.json"
    schema.write_text("{}")
    told = RUN.invoke(app, ["check", "--folder", str(folder), "--json"])
    assert told.exit_code == 1
    assert [one["code"] for one in json.loads(told.output)["findings"]] == ["not-generated"]
    assert json.loads(RUN.invoke(app, ["build", "--folder", str(folder), "--json"]).output)["written"] == [
        "schemas/1.0.0/MakeEvent.json"
    ]
    assert RUN.invoke(app, ["check", "--folder", str(folder)]).exit_code == 0


def test_a_folder_without_tables_is_bad_usage(tmp_path: Path) -> None:
    """Exit code 2 and a hint."""
    answer = RUN.invoke(app, ["check", "--folder", str(tmp_path)])
    assert answer.exit_code == 2
    assert "versions.csv" in answer.output
