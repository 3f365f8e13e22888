"""Next steps that somebody would regret to have copied."""

from __future__ import annotations

from pathlib import Path

from connector.cli.audit import _command


def test_a_client_is_handed_its_own_bundle() -> None:
    """Not the whole one, which holds what is sealed for it."""
    command = _command("CM27", "car", Path("for the client.json"))
    assert command == "battery-connector audit CM27 --peer car --client 'for the client.json'"
    assert _command("CM27", "", None) == "battery-connector audit CM27"
