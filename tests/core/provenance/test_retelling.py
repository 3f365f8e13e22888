"""An audit's JSON read back: the same JSON again, the same page, the same report for a client."""

from __future__ import annotations

import json

import pytest

from connector.errors import BadInput
from connector.model import Json, JsonObject
from connector.provenance.client import for_client
from connector.provenance.report import AuditReport
from connector.provenance.retelling import read_report
from connector.provenance.sourcing import TERMS
from tests.core.provenance.chains import REFINER, SEALED, audit, chain


def _again(report: AuditReport) -> AuditReport:
    return read_report(json.loads(json.dumps(report.as_json())))


@pytest.mark.parametrize("refined", ["100", "160", "9" * 40])
def test_what_was_written_is_read_back(refined: str) -> None:
    """Reading and writing changes nothing, with and without findings, and with the largest mass that is accepted."""
    report = audit(chain(refined=refined))
    assert _again(report).as_json() == report.as_json()


def test_the_client_gets_the_same_from_files() -> None:
    """Two kept audits give the client's report as the two values do."""
    world = chain()
    for (holder, ident), target in world.links.items():
        if holder == REFINER and target.record in {"rec:L1", "rec:R1"}:
            world.refuse[holder, ident] = SEALED
    full, client = audit(chain()), audit(world)
    assert for_client(_again(full), _again(client)).as_json() == for_client(full, client).as_json()


@pytest.mark.parametrize(
    ("name", "value"),
    [("verdict", "fine"), ("nodes", [1]), ("at", "soon"), ("coverage", []), ("unreached", True), ("parties", {"a": 1})],
)
def test_other_json_is_bad_input(name: str, value: Json) -> None:
    """The place is named."""
    with pytest.raises(BadInput, match=r"JSON object|audit writes"):
        read_report({**audit(chain()).as_json(), name: value})
    with pytest.raises(BadInput):
        read_report([])


STATED: JsonObject = {"node": "n", "kind": "social", "site": "s", "standing": "", "notCounted": "", "note": ""}
STATED |= dict.fromkeys(TERMS.values(), "")


@pytest.mark.parametrize(
    "part",
    [
        {"stated": [{**STATED, "standing": "splendid"}]},
        {"sites": [{"site": "s", "standing": "splendid"}]},
        {"sites": [{"site": "s", "standing": ""}]},
        {"metals": {"Ni": {"splendid": "1"}}},
    ],
)
def test_a_standing_that_there_is_not_is_bad_input(part: JsonObject) -> None:
    """The page has words for those that there are, and ended as our bug for others."""
    whole: JsonObject = {"stated": [STATED], "sites": [], "metals": {"Ni": {"unverified": "1", "attested": "0"}}}
    report = read_report({**audit(chain()).as_json(), "sourcing": whole})
    assert report.sourcing.as_json() == {
        **whole,
        "stated": [{key: one for key, one in STATED.items() if key != "note"}],
    }
    with pytest.raises(BadInput, match=r"splendid|standing"):
        read_report({**audit(chain()).as_json(), "sourcing": {**whole, **part}})


def test_a_time_beyond_the_calendar_is_bad_input() -> None:
    """It is one in its own zone only; in UTC there is none."""
    for edge in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"):
        with pytest.raises(BadInput, match="'at'"):
            read_report({**audit(chain()).as_json(), "at": edge})
