"""Next steps that somebody would regret to have copied."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.cli.audit import _command
from connector.cli.companies import free_ports
from connector.cli.exchange import _show_published
from connector.config import load
from connector.model import JsonObject
from tests.edges.cli.companies import found


def test_a_client_is_handed_its_own_bundle() -> None:
    """Not the whole one, which holds what is sealed for it."""
    command = _command("CM27", "car", Path("for the client.json"))
    assert command == "battery-connector audit CM27 --peer car --client 'for the client.json'"
    assert _command("CM27", "", None) == "battery-connector audit CM27"


def test_what_a_policy_offers_to_nobody_is_not_called_offered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For auditors alone: no peer finds it in the catalogue."""
    company = load(found(tmp_path, "mine", *free_ports(2)).config)
    answer: JsonObject = {"documents": 1, "credentials": 1, "rows": 1, "title": "lots", "dataset": "urn:x"}
    for policy, said, step in (("audit-only", "kept as 'lots'", "audit NUMBER"), ("public", "offered as", "catalog")):
        _show_published(answer, [], company, Path(__file__).resolve().parents[3] / "policies" / f"{policy}.json")
        text = capsys.readouterr().out
        assert said in text
        assert step in text
