"""A story's steps against connectors that say what a test tells them to: who is away for a moment leaves no gap."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from connector.cli import storyline
from connector.cli.companies import Companies, Company, free_ports
from connector.cli.storyline import Storyline
from connector.config import load
from connector.model import JsonObject
from tests.edges.cli.companies import found
from tests.listening import Asked, listening

MADE: JsonObject = {"state": "FINALIZED", "agreement": "urn:agreement:1"}
EXCHANGE: dict[str, object] = {"do": "exchange", "supplier": "mine", "customer": "refiner", "datasets": ["sites"]}
AUDIT: dict[str, object] = {"do": "audit", "company": "refiner", "peer": "mine", "battery": "1"}


@contextmanager
def playing(folder: Path, *answers: JsonObject) -> Iterator[tuple[Storyline, list[Asked]]]:
    """A mine that nobody asks, and a refiner whose connector gives these answers, one after the other."""
    asked, following = list[Asked](), iter(answers)

    def answer(request: Asked) -> tuple[int, bytes]:
        asked.append(request)
        said = next(following)
        return 200, json.dumps(said if request.path == "/v1/request" else {"result": said}).encode()

    companies = Companies(story=folder, folder=folder, fence=False)
    for name in ("mine", "refiner"):
        made = found(folder, name, *free_ports(2))
        config = load(made.config)
        companies.connectors[name] = Company(name=name, title=name, folder=made.folder, config=config)
    with listening(answer, companies.connectors["refiner"].config.listen.management_port):
        yield Storyline(companies=companies, story={}, fault="", items=1, on_stage=lambda *_: None), asked


def fetched(state: str, **more: int) -> JsonObject:
    """What `fetch` says."""
    return {"state": state, "findings": [], **more}


def report(*outcomes: str) -> JsonObject:
    """What `audit` says."""
    return {"nodes": [{"outcome": one} for one in outcomes], "bundle": ""}


def test_a_negotiation_and_a_transfer_are_followed_to_their_ends(tmp_path: Path) -> None:
    """By the same commands: a supplier that is away for some seconds leaves something unchecked for as long."""
    begun: JsonObject = {"state": "REQUESTED", "agreement": None}
    with playing(tmp_path, begun, MADE, fetched("STARTED", unchecked=1), fetched("COMPLETED")) as (story, asked):
        story._exchange(EXCHANGE)
    assert (story.told.negotiations_finalized, story.told.transfers_completed, story.told.findings) == (1, 1, [])
    keys = [(one.path, one.headers["Idempotency-Key"]) for one in asked]
    assert keys == [("/v1/request", keys[0][1])] * 2 + [("/v1/fetch", keys[2][1])] * 2


def test_an_audit_is_made_again_while_somebody_is_away(tmp_path: Path) -> None:
    """The last one counts; where a company was stopped the gap is what is to be shown."""
    with playing(tmp_path, report("missing"), report("unchecked"), report("verified", "revoked")) as (story, asked):
        story._audit(AUDIT)
    (told,) = [one for _, one in story.told.audits]
    assert (len(asked), told) == (3, {"nodes": [{"outcome": "verified"}, {"outcome": "revoked"}]})
    with playing(tmp_path / "stopped", report("missing")) as (story, _):
        story.companies.connectors["mine"].stopped = True
        story._audit(AUDIT)
    assert story.told.audits[0][1] == {"nodes": [{"outcome": "missing"}]}


def test_who_stays_away_is_told_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Patience has an end."""
    monkeypatch.setattr(storyline, "PATIENCE_SECONDS", 0.0)
    with playing(tmp_path, report("missing"), report("missing")) as (story, _):
        story._audit(AUDIT)
    assert story.told.audits[0][1] == {"nodes": [{"outcome": "missing"}]}
