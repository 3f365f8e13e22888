"""Negotiations that one side ends while the other side, or a person at ours, has the word."""

from __future__ import annotations

import json
from collections.abc import Callable

from connector.model import JsonObject
from tests.interop.company import WAIT_SECONDS
from tests.interop.edc import actions, settled
from tests.interop.edc.journeys import Scene

_REASON = "changed our mind"


def edc_ends_its_request(scene: Scene) -> str:
    """EDC asked, nobody here has decided, and EDC ends it: what waited is gone, and its reason is kept."""
    ident = asked_by_edc(scene)
    actions.end_negotiation(scene.edc, ident, _REASON)
    settled.negotiation(scene.edc, scene.careful, ident, ("TERMINATED",))
    return ended_by_edc(scene, ident)


def we_end_its_request(scene: Scene) -> str:
    """EDC asked, and we end it: EDC has ended it too."""
    ident = asked_by_edc(scene)
    said = scene.careful.post(f"/v1/negotiations/{ident}/terminate", {"reason": _REASON, "wait_seconds": WAIT_SECONDS})
    assert said["state"] == "TERMINATED", said
    settled.negotiation(scene.edc, scene.careful, ident, ("TERMINATED",))
    return ended_by_us(scene, ident)


def edc_ends_its_agreement(scene: Scene) -> str:
    """EDC agreed, nobody here has verified yet, and EDC ends it: its reason is kept, and no agreement counts."""
    pid, ident = agreed_by_edc(scene)
    actions.end_negotiation(scene.edc, ident, _REASON)
    settled.negotiation(scene.edc, scene.careful, ident, ("TERMINATED",))
    return ended_by_edc(scene, pid)


def we_end_its_agreement(scene: Scene) -> str:
    """EDC agreed, and we end it in place of a verification: EDC has ended it too."""
    pid, ident = agreed_by_edc(scene)
    said = scene.careful.post(f"/v1/negotiations/{pid}/terminate", {"reason": _REASON, "wait_seconds": WAIT_SECONDS})
    assert said["state"] == "TERMINATED", said
    settled.negotiation(scene.edc, scene.careful, ident, ("TERMINATED",))
    return ended_by_us(scene, pid)


def asked_by_edc(scene: Scene) -> str:
    """A request of EDC's that waits here for a person. Returns EDC's id."""
    edc, careful = scene.edc, scene.careful
    dataset = actions.catalog(edc, careful.dsp, careful.did)["open"]
    ident = actions.ask_for(edc, careful.dsp, careful.did, dataset)
    settled.negotiation(edc, careful, ident, ("REQUESTED",))
    careful.until(ident, "REQUESTED")
    return ident


def agreed_by_edc(scene: Scene) -> tuple[str, str]:
    """An agreement of EDC's that waits here for a person. Returns our pid, and EDC's."""
    body: JsonObject = {"peer": scene.edc.participant, "dataset": "open", "wait_seconds": 0}
    pid = str(scene.careful.post("/v1/request", body)["negotiation"])
    scene.careful.until(pid, "AGREED")
    ident = str(actions.found(scene.edc, "contractnegotiations", pid)["@id"])
    settled.negotiation(scene.edc, scene.careful, ident, ("AGREED",))
    return pid, ident


def ended_by_edc(scene: Scene, pid: str) -> str:
    """What we have of EDC's end."""
    return _ended(scene, pid, "peer")


def ended_by_us(scene: Scene, pid: str) -> str:
    """What we have of our own end."""
    return _ended(scene, pid, "us")


def _ended(scene: Scene, pid: str, by: str) -> str:
    row = scene.careful.until(pid, "TERMINATED")
    content = row["content"]
    assert isinstance(content, dict), row
    ended = content.get("termination")
    assert isinstance(ended, dict), row
    assert ended["by"] == by, ended
    assert _REASON in json.dumps(ended), ended
    waiting = scene.careful.get("/v1/approvals")["approvals"]
    assert pid not in json.dumps(waiting), waiting
    return _REASON


JOURNEYS: tuple[Callable[[Scene], str], ...] = (
    edc_ends_its_request, we_end_its_request, edc_ends_its_agreement, we_end_its_agreement,
)  # fmt: skip
