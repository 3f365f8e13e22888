"""Pushes both ways: our pages to a place that EDC names, and what EDC's data plane sends to our inbox."""

from __future__ import annotations

import json
from collections.abc import Callable

from connector.credentials.digest import digest_multibase
from connector.model import JsonObject
from tests.interop.company import ROWS, WAIT_SECONDS
from tests.interop.edc import actions, settled
from tests.interop.edc.journeys import COMPLETED, GOODS, PUSH, Scene, agreed_with_edc, agreed_with_us, found_at_edc


def we_push(scene: Scene) -> str:
    """EDC asks us to send: its place gets a page with the octets of every credential, and both say that it is done."""
    edc, us = scene.edc, scene.us
    agreement = agreed_with_us(scene, "open")
    place: JsonObject = {"type": "HttpData", "baseUrl": scene.warehouse.url("/from-us")}
    ident = actions.fetch(edc, us.dsp, us.did, agreement, PUSH, place)
    row = settled.transfer(edc, us, ident, (*COMPLETED, "TERMINATED"))
    assert row["state"] in COMPLETED, row
    us.until(ident, "COMPLETED")
    path, body = scene.warehouse.delivered.get(timeout=WAIT_SECONDS)
    page = json.loads(body)
    assert (path, len(page["items"])) == ("/from-us", ROWS), page
    for item in page["items"]:
        assert digest_multibase(item["octets"].encode()) == item["digest"]
    return f"{ROWS} credentials"


def edc_pushes(scene: Scene) -> str:
    """We ask EDC to send: our inbox keeps the octets, under the agreement, and both say that it is done."""
    us = scene.us
    agreement = agreed_with_edc(scene, "open")
    body: JsonObject = {"agreement": agreement, "push": True, "wait_seconds": WAIT_SECONDS}
    said = us.running.management.work("/v1/fetch", body, key=f"push {agreement}")
    assert (said["state"], said["files"], said["findings"]) == ("COMPLETED", 1, []), said
    settled.transfer(scene.edc, us, found_at_edc(scene, str(said["transfer"])), COMPLETED)
    files = us.get("/v1/received")["files"]
    assert isinstance(files, list), files
    kept = [one["digest"] for one in files if isinstance(one, dict) and one["agreement"] == agreement]
    assert kept == [digest_multibase(GOODS)], files
    return f"{len(GOODS)} bytes"


JOURNEYS: tuple[Callable[[Scene], str], ...] = (we_push, edc_pushes)
