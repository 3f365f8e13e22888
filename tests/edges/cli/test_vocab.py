"""`vocab` at the command line: exit codes and answers."""

import json
import shutil
from pathlib import Path

from typer.testing import CliRunner

from connector.cli.vocab import app
from connector.vocabulary.versions import read_versions

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
    version = read_versions((folder / "versions.csv").read_bytes())[-1]
    schema = folder / "schemas" / version.number / "MakeEvent.json"
    schema.write_text("{}")
    told = RUN.invoke(app, ["check", "--folder", str(folder), "--json"])
    assert told.exit_code == 1
    codes = [one["code"] for one in json.loads(told.output)["findings"]]
    assert codes == ["not-generated", *(["changed-version"] if version.published else [])]
    assert json.loads(RUN.invoke(app, ["build", "--folder", str(folder), "--json"]).output)["written"] == [
        f"schemas/{version.number}/MakeEvent.json"
    ]
    assert RUN.invoke(app, ["check", "--folder", str(folder)]).exit_code == 0


def test_a_folder_without_tables_is_bad_usage(tmp_path: Path) -> None:
    """Exit code 2 and a hint."""
    answer = RUN.invoke(app, ["check", "--folder", str(tmp_path)])
    assert answer.exit_code == 2
    assert "versions.csv" in answer.output


def test_term_tells_law_points_and_where_it_stands() -> None:
    """For people and for machines."""
    told = RUN.invoke(app, ["term", "ratedCapacity"]).output
    for part in ("Bemessungskapazität", "AMH", "ampere hour", "Annex VI A(6)", "data point 11", "EV mandatory"):
        assert part in told
    (found,) = json.loads(RUN.invoke(app, ["term", "ratedCapacity", "--json"]).output)["found"]
    assert found["points"][0]["obligations"] == {"ev": "mandatory", "lmt": "mandatory", "industrial": "mandatory"}
    assert {"shape": "BatteryPassport", "required": True} in found["shapes"]
    assert found["labels"].keys() == {"en", "de", "fr", "fi"}


def test_a_touched_version_that_was_published_is_found(tmp_path: Path) -> None:
    """An earlier context or schema is as it was, or the check says which is not."""
    folder = tmp_path / "vocab"
    shutil.copytree("vocab", folder)
    schema = folder / "schemas" / "0.1.0" / "MakeEvent.json"
    schema.write_text(schema.read_text().replace('"required"', '"examples"', 1))
    told = json.loads(RUN.invoke(app, ["check", "--folder", str(folder), "--json"]).output)
    assert [one["message"] for one in told["findings"]] == ["the rules of 0.1.0 changed after 2026-11-22"]
    assert told["proven"]["documents"] > 100


def test_publish_fixes_the_version(tmp_path: Path) -> None:
    """The row gets its day and digests, once; a day that is none is bad usage."""
    folder = tmp_path / "vocab"
    shutil.copytree("vocab", folder)
    rows = (folder / "versions.csv").read_text().splitlines()
    (folder / "versions.csv").write_text("\n".join([*rows[:-1], rows[-1].split(",")[0] + ",,,"]) + "\n")
    assert RUN.invoke(app, ["build", "--folder", str(folder), "--publish", "soon"]).exit_code == 2
    assert RUN.invoke(app, ["build", "--folder", str(folder), "--publish", "2027-01-01"]).exit_code == 0
    assert ",2027-01-01," in (folder / "versions.csv").read_text().splitlines()[-1]
    assert RUN.invoke(app, ["build", "--folder", str(folder), "--publish", "2027-01-02"]).exit_code == 2


def test_term_tells_what_may_stand_in_a_class_and_the_words_of_a_list() -> None:
    """What a plan's author asks: what a record has to have, in which unit, with which words."""
    (found,) = json.loads(RUN.invoke(app, ["term", "MineralLotPassport", "--json"]).output)["found"]
    mass = next(one for one in found["terms"] if one["term"] == "netMass")
    assert (mass["asked"], mass["holds"], mass["access"]) == ("yes", "a node Quantity in KGM", "B2B")
    assert "containedMetal" in RUN.invoke(app, ["term", "MineralLotPassport"]).output
    assert "MineralLotPassport" in RUN.invoke(app, ["term", "MaterialLot"]).output
    (listed,) = json.loads(RUN.invoke(app, ["term", "MaterialType", "--json"]).output)["found"]
    assert (listed["kind"], listed["words"][0]["word"]) == ("list", "ore")
    assert "nickelSulphate" in RUN.invoke(app, ["term", "MaterialType"]).output
    assert "sent, received" in RUN.invoke(app, ["term", "direction"]).output
    assert "MaterialType" in RUN.invoke(app, ["term", "MaterialTyp"]).output
