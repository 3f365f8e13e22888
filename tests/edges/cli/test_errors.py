"""What commands say when they cannot do what was asked: to people, to machines, and by their exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints
from unittest import mock

import pytest
import typer
from typer.testing import CliRunner

from connector.cli.companies import free_ports
from connector.cli.console import BUG, finite
from connector.stores.connection import open_file
from tests.commands import app
from tests.edges.cli.companies import found


@pytest.fixture
def stopped(tmp_path: Path) -> str:
    """The configuration of a connector that does not run."""
    return str(found(tmp_path, "mine", *free_ports(2)).config)


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (["request", "mine", "--json"], 2, "bad-usage"),
        (["request", "mine", "lots", "--wait", "-1", "--json"], 2, "bad-usage"),
        (["request", "mine", "lots", "--wait", "nan", "--json"], 2, "bad-usage"),
        (["no-such-command", "--json"], 2, "bad-usage"),
        (["policy", "check", "nothing.json", "--json"], 2, "bad-input"),
        (["catalog", "mine", "--json", "--config", "nothing.toml"], 2, "bad-config"),
        (["catalog", "mine", "--json", "--config", "STOPPED"], 3, "peer-unreachable"),
    ],
)
def test_a_machine_is_told_what_is_wrong_on_standard_output(
    stopped: str, words: list[str], code: int, error: str
) -> None:
    """One object and nothing else; the exit code is that of the error for people."""
    words = [stopped if word == "STOPPED" else word for word in words]
    result = CliRunner().invoke(app, words)
    told = json.loads(result.stdout)
    assert (list(told), sorted(told["error"])) == (["error"], ["code", "hint", "message", "place"])
    assert (result.exit_code, told["error"]["code"], result.stderr) == (code, error, "")
    assert told["error"]["message"]
    people = CliRunner().invoke(app, [word for word in words if word != "--json"])
    assert (people.exit_code, people.stdout) == (code, "")
    assert people.stderr


def test_a_store_that_is_in_use_is_no_bad_usage(stopped: str) -> None:
    """Whoever serves said nothing wrong, and a service manager may try again."""
    with closing(open_file(Path(stopped).parent / "store/connector.db", readers=1)):
        result = CliRunner().invoke(app, ["serve", "--config", stopped])
    assert result.exit_code == 3
    assert "unavailable: the store " in result.stderr


def test_a_bug_is_told_and_stays_one(stopped: str) -> None:
    """With its traceback, so that it can be reported."""
    with mock.patch("connector.cli.client.Management.get", side_effect=ZeroDivisionError("oops")):
        result = CliRunner().invoke(app, ["approvals", "--json", "--config", stopped])
    assert isinstance(result.exception, ZeroDivisionError)
    assert json.loads(result.stdout)["error"]["code"] == "bug"


def test_the_command_itself_tells_machines_too() -> None:
    """As a process, with only the asked command loaded."""
    words = [sys.executable, "-m", "connector", "withdraw", "--json"]
    result = subprocess.run(words, capture_output=True, text=True, cwd=Path(__file__).parents[3], check=False)
    assert result.returncode == 2
    assert json.loads(result.stdout)["error"]["hint"].endswith("withdraw --help")


def numbers(commands: typer.Typer) -> Iterator[tuple[str, type, Any]]:
    """Every argument and option that takes a number: its name, type and bounds."""
    for family in commands.registered_groups:
        assert family.typer_instance is not None
        yield from numbers(family.typer_instance)
    for command in commands.registered_commands:
        assert command.callback is not None
        for name, hint in get_type_hints(command.callback, include_extras=True).items():
            for kind in (int, float):
                if get_origin(hint) is Annotated and kind in {get_args(hint)[0], *get_args(get_args(hint)[0])}:
                    yield f"{command.callback.__name__} {name}", kind, get_args(hint)[1]


def test_every_number_has_its_bounds() -> None:
    """So that a senseless one is refused before anything is done; a bound lets `nan` pass, so there is more to do."""
    found = list(numbers(app))
    assert len(found) > 12
    for name, kind, said in found:
        assert said.max is not None, name
        assert said.min is not None, name
        assert kind is int or said.callback is finite, name


@pytest.mark.parametrize("words", [["serve"], ["approvals"], ["approvals", "--json"], ["audit", "x", "--json"]])
def test_a_bug_ends_with_a_code_of_its_own(stopped: str, words: list[str]) -> None:
    """Not with 1, which means that the answer is no: a monitor and a script have to tell them apart."""
    broken = (
        "import sys, connector.cli, connector.cli.console\n"
        "from unittest import mock\n"
        "with mock.patch('connector.config.load', side_effect=ZeroDivisionError('oops')):\n"
        "    connector.cli.main()\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", broken, *words, "--config", stopped],
        capture_output=True, text=True, cwd=Path(__file__).parents[3], check=False,
    )  # fmt: skip
    assert result.returncode == BUG == 70
    assert "ZeroDivisionError: oops" in result.stderr
    if "--json" in words:
        assert json.loads(result.stdout)["error"]["code"] == "bug"


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (500, b'{"detail": "this is a bug of the connector"}', (BUG, "bug")),
        (200, b"[]", (3, "peer-unreachable")),  # some other program has the port
    ],
)
def test_what_the_connector_that_is_asked_gets_wrong_is_no_bad_input(
    stopped: str, status: int, body: bytes, said: tuple[int, str]
) -> None:
    """Whoever asked did nothing wrong."""
    answer = mock.Mock(status=status, read=lambda: body)
    with mock.patch("connector.cli.client.Management._open", return_value=(mock.Mock(), answer)):
        result = CliRunner().invoke(app, ["approvals", "--json", "--config", stopped])
    assert (result.exit_code, json.loads(result.stdout)["error"]["code"]) == said
