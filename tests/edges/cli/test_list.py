"""The list of commands, as a newcomer and a shell get it: complete, without loading what it names."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from tests.commands import app


def said(*arguments: str, **environment: str) -> str:
    """What the command prints in a process of its own."""
    script = Path(sys.executable).with_name("battery-connector")
    command = [sys.executable, "-X", "importtime", str(script), *arguments]
    ended = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    assert "connector.exchange" not in ended.stderr, "nothing is loaded that is not needed for the list"
    return ended.stdout


def test_the_list_names_every_command_in_a_line_of_its_own() -> None:
    """No line is cut off at the width of a terminal."""
    commands = said("--help", COLUMNS="80").partition("Commands:")[2]
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    assert [line.split()[0] for line in commands.strip().splitlines()] == [*group.commands]
    assert "..." not in commands


@pytest.mark.parametrize(
    ("line", "at", "found"), [("pub", "1", ["publish", "publish-file"]), ("transfers st", "2", ["start"])]
)
def test_a_shell_completes_commands(line: str, at: str, found: list[str]) -> None:
    """The first word from the list, the next one from the family that it names."""
    bash = {"_BATTERY_CONNECTOR_COMPLETE": "complete_bash", "COMP_WORDS": f"battery-connector {line}", "COMP_CWORD": at}
    assert said(**bash).split() == found
