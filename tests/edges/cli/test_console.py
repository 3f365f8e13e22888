"""What peers say never moves a terminal's cursor, also where it is printed as JSON."""

from __future__ import annotations

import json

import pytest

from connector.cli.console import shown_json


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
