"""Many negotiations with an EDC at once, half of them begun by it: each ends alike on both sides."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from connector.model import JsonObject
from tests.interop.company import WAIT_SECONDS
from tests.interop.edc import actions, journeys, settled
from tests.interop.edc.journeys import Scene

COUNT, AT_ONCE = 500, 20
BOTH_FINAL, BY_EDC, LOST = "finalized on both sides", "ended by EDC, on record at both", "lost by EDC"
_MOST_LOST = 5
_ENDS = ("FINALIZED", "TERMINATED")


def negotiations(scene: Scene) -> str:
    """So many, so many at once. Fails if one hangs, or ends differently, or is ended by us, or EDC loses many."""
    offered = actions.catalog(scene.edc, scene.us.dsp, scene.us.did)["open"]
    theirs = journeys.our_view(scene)["open"]

    def one(number: int) -> str:
        return _begun_by_edc(scene, offered) if number % 2 else _begun_by_us(scene, theirs)

    began = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        ends = Counter(pool.map(_tried(one), range(COUNT)))
    seconds = time.monotonic() - began
    said = ", ".join(f"{count} {end}" for end, count in ends.most_common())
    assert not ends.keys() - {BOTH_FINAL, BY_EDC, LOST}, said
    assert ends[LOST] <= _MOST_LOST, said
    return f"{said}; {COUNT / seconds:.0f} per second, {AT_ONCE} at once"


def _tried(one: Callable[[int], str]) -> Callable[[int], str]:
    def tried(number: int) -> str:
        try:
            return one(number)
        except settled.LostByEdcError:
            return LOST
        except (AssertionError, TimeoutError, OSError) as error:
            return f"failed: {error!r:.300}"

    return tried


def _begun_by_edc(scene: Scene, offered: JsonObject) -> str:
    ident = actions.ask_for(scene.edc, scene.us.dsp, scene.us.did, offered)
    row = settled.negotiation(scene.edc, scene.us, ident)
    return _end(scene, row, str(row.get("correlationId") or ident))


def _begun_by_us(scene: Scene, offer: JsonObject) -> str:
    body: JsonObject = {
        "peer": scene.edc.participant, "dataset": "open", "offer": {**offer, "@type": "Offer"},
        "wait_seconds": WAIT_SECONDS,
    }  # fmt: skip
    said = scene.us.post("/v1/request", body)
    assert said["state"] in _ENDS, said
    pid = str(said["negotiation"])
    found = actions.found(scene.edc, "contractnegotiations", pid)
    return _end(scene, settled.negotiation(scene.edc, scene.us, str(found["@id"])), pid)


def _end(scene: Scene, theirs: JsonObject, pid: str) -> str:
    ours = scene.us.until(pid, *_ENDS)
    assert ours["state"] == theirs["state"], f"we say {ours['state']}, EDC says {theirs['state']}"
    if ours["state"] == "FINALIZED":
        return BOTH_FINAL
    content = ours["content"]
    ended = content.get("termination") if isinstance(content, dict) else None
    assert isinstance(ended, dict), ours
    assert ended.get("by") == "peer", ours
    return BY_EDC
