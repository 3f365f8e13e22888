"""`config`: every key with its meaning, and the page that tells them."""

from __future__ import annotations

import json
import re
from pathlib import Path

from typer.testing import CliRunner

from connector import config
from connector.cli.companies import free_ports
from connector.cli.settings import as_markdown, settings
from tests.commands import app
from tests.edges.cli.companies import found

PAGE = (Path(__file__).parents[3] / "CONFIGURATION.md").read_text("utf-8")


def test_the_page_is_of_this_model() -> None:
    """Made by the command that it names."""
    told = re.search(r"<!-- keys: battery-connector (.*?) -->\n\n(.*)<!-- /keys -->", PAGE, re.DOTALL)
    assert told is not None
    assert told[2] == as_markdown(settings()) == CliRunner().invoke(app, told[1].split()).stdout


def test_the_example_of_the_page_is_a_configuration() -> None:
    """Somebody will copy it."""
    example = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert example is not None
    assert config.read(example[1], Path("connector.toml")).peer("smelter") == "did:web:smelter.example"


def test_the_page_names_every_secret() -> None:
    """Those that the connector asks for."""
    asked = {value for name, value in vars(config).items() if name.endswith("_VARIABLE")}
    assert asked == set(re.findall(r"`(CONNECTOR_\w+)`", PAGE))


def test_what_a_company_says_is_beside_the_default(tmp_path: Path) -> None:
    """A key of the top, one of a table, those of tables with names."""
    file = found(tmp_path, "mine", *free_ports(2)).config
    file.write_text(
        f'{file.read_text("utf-8")}\n[peers.smelter]\nid = "x"\n[limits]\nretry_cap_seconds = 60\n', "utf-8"
    )
    answer = CliRunner().invoke(app, ["config", "--config", str(file), "--json"])
    told = {one["key"]: one for one in json.loads(answer.stdout)["settings"]}
    assert told["name"]["values"] == {"name": "mine"}
    assert (told["limits.retry_cap_seconds"]["values"], told["limits.retry_cap_seconds"]["default"]) == (
        {"limits.retry_cap_seconds": 60.0},
        3600.0,
    )
    assert told["peers.NAME.id"]["values"] == {"peers.smelter.id": "x"}
    assert told["issues.ID.type"]["values"] == {}
    people = CliRunner().invoke(app, ["config", "retry_cap", "--config", str(file)]).stdout
    assert re.search(r"limits\.retry_cap_seconds +60\.0 \(1 min\) +3600\.0 \(1 h\) +The longest pause", people)
    assert "retry_first" not in people


def test_keys_are_found_by_the_names_under_which_they_are_told() -> None:
    """Large letters stand in those that a company names itself."""
    told = [CliRunner().invoke(app, ["config", "--reference", key]) for key in ("issues.ID.type", "issues.id.type")]
    assert [one.stdout.count("\n| `") for one in told] == [1, 1]


def test_a_key_that_is_not_there_is_said() -> None:
    """With where all of them stand."""
    answer = CliRunner().invoke(app, ["config", "colour", "--reference"])
    assert (answer.exit_code, "--reference" in answer.stderr) == (2, True)
