"""What a real EDC and we do with each other, one function each; what a function asserts, both sides say."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from connector.credentials.digest import digest_multibase
from connector.model import JsonObject
from tests.interop.company import ROWS, WAIT_SECONDS, Company, policy
from tests.interop.edc import actions, settled
from tests.interop.edc.runtime import Edc, EdcError
from tests.interop.warehouse import Warehouse

PULL, PUSH = "HttpData-PULL", "HttpData-PUSH"
_LOOK_SECONDS = 0.1
COMPLETED = ("COMPLETED", "DEPROVISIONING", "DEPROVISIONED")
TERMINATED = ("TERMINATED", "DEPROVISIONING", "DEPROVISIONED")
"""As provider EDC cleans up after the end, and then says so."""
GOODS = b'{"cells": 96}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Both, each with something to offer. `careful`: another one of ours, where a person decides each turn with EDC."""

    edc: Edc
    us: Company
    careful: Company
    warehouse: Warehouse


def prepare(edc: Edc, us: Company, careful: Company, warehouse: Warehouse) -> Scene:
    """Offers of all: an open one, one with a time limit, and of ours one that is for members alone."""
    warehouse.goods["/goods"] = GOODS
    limit = "2099-12-31T00:00:00Z"
    actions.offer(edc, "open", warehouse.url("/goods"))
    actions.offer(
        edc, "limited", warehouse.url("/goods"),
        {"leftOperand": "https://w3id.org/edc/v0.0.1/ns/inForceDate", "operator": "lteq", "rightOperand": limit},
    )  # fmt: skip
    for one in (us, careful):
        one.publish("open", policy())
    us.publish("limited", policy({"leftOperand": "dateTime", "operator": "lt", "rightOperand": limit}))
    us.publish(
        "members", policy({"leftOperand": "membership", "operator": "eq", "rightOperand": "active"}, listed=True)
    )
    return Scene(edc=edc, us=us, careful=careful, warehouse=warehouse)


# --- EDC takes from us -----------------------------------------------------------------------------------------------


def agreed_with_us(scene: Scene, title: str) -> str:
    """EDC reads our catalogue and negotiates. Returns the agreement's id."""
    edc, us = scene.edc, scene.us
    dataset = actions.catalog(edc, us.dsp, us.did)[title]
    ident = actions.ask_for(edc, us.dsp, us.did, dataset)
    row = settled.finalized(edc, us, ident)
    scene.us.until(ident, "FINALIZED")
    return str(row["contractAgreementId"])


def pulled(address: JsonObject, url: str = "") -> bytes:
    """What the address gives to who has its token, or another URL there."""
    headers = {"Authorization": str(address["authorization"])}
    request = urllib.request.Request(url or str(address["endpoint"]), headers=headers)
    with urllib.request.urlopen(request, timeout=WAIT_SECONDS) as response:
        octets: bytes = response.read()
        return octets


def is_refused(address: JsonObject) -> bool:
    """Whether its token opens nothing now."""
    try:
        pulled(address)
    except urllib.error.HTTPError as error:
        return error.code in {401, 403}
    return False


def started_with_us(scene: Scene, agreement: str) -> tuple[str, JsonObject]:
    """EDC starts a pull from us. Returns its id, and the address that it got."""
    edc, us = scene.edc, scene.us
    ident = actions.fetch(edc, us.dsp, us.did, agreement, PULL)
    row = settled.transfer(edc, us, ident, ("STARTED", "TERMINATED"))
    assert row["state"] == "STARTED", row
    scene.us.until(ident, "STARTED")
    return ident, address_of(edc, ident)


def edc_pulls(scene: Scene) -> str:
    """Catalogue, negotiation, pull: every credential in the octets that its digest names."""
    _, address = started_with_us(scene, agreed_with_us(scene, "open"))
    page = json.loads(pulled(address))
    assert len(page["items"]) == ROWS, page
    for item in page["items"]:
        assert digest_multibase(pulled(address, item["url"])) == item["digest"]
    return f"{ROWS} credentials"


def edc_accepts_a_limit(scene: Scene) -> str:
    """An offer of ours with a constraint."""
    return agreed_with_us(scene, "limited")


def we_refuse(scene: Scene) -> str:
    """EDC asks for what is for members alone: it is refused. Why, we tell it; it keeps no reason of a consumer's."""
    edc, us = scene.edc, scene.us
    dataset = actions.catalog(edc, us.dsp, us.did)["members"]
    ident = actions.ask_for(edc, us.dsp, us.did, dataset)
    row = settled.negotiation(edc, us, ident)
    assert row["state"] == "TERMINATED", row
    ours = scene.us.until(ident, "TERMINATED")
    assert "'failed': ['membership']" in str(ours["content"]), ours
    return "the policy says no: membership"


def edc_suspends(scene: Scene) -> str:
    """EDC suspends and resumes a pull: the token opens nothing meanwhile, afterwards there is a fresh one."""
    edc = scene.edc
    ident, first = started_with_us(scene, agreed_with_us(scene, "open"))
    actions.command(edc, f"/transferprocesses/{ident}/suspend", reason="stock-taking")
    settled.transfer(edc, scene.us, ident, ("SUSPENDED",))
    scene.us.until(ident, "SUSPENDED")
    assert is_refused(first)
    actions.command(edc, f"/transferprocesses/{ident}/resume")
    settled.transfer(edc, scene.us, ident, ("STARTED",))
    scene.us.until(ident, "STARTED")
    second = address_of(edc, ident, other_than=first)
    assert is_refused(first)
    assert pulled(second)
    return "a fresh token"


def address_of(edc: Edc, ident: str, *, other_than: JsonObject | None = None) -> JsonObject:
    """EDC's address for a transfer. It writes it down after it has said that the transfer is started."""
    deadline, old = time.monotonic() + WAIT_SECONDS, (other_than or {}).get("authorization")
    while True:
        try:
            address = edc.get(f"/edrs/{ident}/dataaddress")
        except EdcError as error:
            if not error.unknown or time.monotonic() > deadline:
                raise
        else:
            if address.get("authorization") != old:
                return address
            assert time.monotonic() < deadline, address
        time.sleep(_LOOK_SECONDS)


def edc_terminates(scene: Scene) -> str:
    """EDC ends a transfer from us: its token opens nothing, and its reason is kept."""
    edc = scene.edc
    ident, address = started_with_us(scene, agreed_with_us(scene, "open"))
    actions.command(edc, f"/transferprocesses/{ident}/terminate", reason="changed our mind")
    row = scene.us.until(ident, "TERMINATED")
    assert is_refused(address)
    assert "changed our mind" in json.dumps(row), row
    return "changed our mind"


def we_suspend_and_end(scene: Scene) -> str:
    """As provider we suspend, resume and terminate: EDC follows."""
    edc, us = scene.edc, scene.us
    ident, first = started_with_us(scene, agreed_with_us(scene, "open"))
    assert us.post(f"/v1/transfers/{ident}/suspend", {"reason": "stock-taking"})["state"] == "SUSPENDED"
    settled.transfer(edc, scene.us, ident, ("SUSPENDED",))
    assert is_refused(first)
    assert us.post(f"/v1/transfers/{ident}/resume", {})["state"] == "STARTED"
    settled.transfer(edc, scene.us, ident, ("STARTED",))
    assert pulled(address_of(scene.edc, ident, other_than=first))
    assert us.post(f"/v1/transfers/{ident}/terminate", {"reason": "certificate withdrawn"})["state"] == "TERMINATED"
    settled.transfer(edc, scene.us, ident, TERMINATED)
    return "a fresh token"


# --- we take from EDC ------------------------------------------------------------------------------------------------


def agreed_with_edc(scene: Scene, dataset: str) -> str:
    """We read its catalogue and negotiate. Returns the agreement's id."""
    said = scene.us.post(
        "/v1/request", {"peer": scene.edc.participant, "dataset": dataset, "wait_seconds": WAIT_SECONDS}
    )
    assert said["state"] == "FINALIZED", scene.us.get(f"/v1/processes/{said['negotiation']}")
    row = actions.found(scene.edc, "contractnegotiations", str(said["negotiation"]))
    assert settled.negotiation(scene.edc, scene.us, str(row["@id"]))["state"] == "FINALIZED"
    return str(said["agreement"])


def started_with_edc(scene: Scene, agreement: str) -> tuple[str, JsonObject]:
    """We start a pull from EDC. Returns our pid, and the address that we have now, also when it is repeated."""
    body: JsonObject = {"agreement": agreement, "pull": False, "wait_seconds": WAIT_SECONDS}
    said = scene.us.post("/v1/fetch", body, key=f"pull {agreement}")
    assert said["state"] == "STARTED", said
    address = said["address"]
    assert isinstance(address, dict), said
    return str(said["transfer"]), address


def we_pull(scene: Scene) -> str:
    """Catalogue, negotiation, pull through its data plane."""
    pid, address = started_with_edc(scene, agreed_with_edc(scene, "open"))
    assert pulled(address) == GOODS
    assert scene.us.post(f"/v1/transfers/{pid}/complete", {})["state"] == "COMPLETED"
    settled.transfer(scene.edc, scene.us, found_at_edc(scene, pid), COMPLETED)
    return f"{len(GOODS)} bytes"


def kept_from_edc(scene: Scene, dataset: str) -> None:
    """We negotiate, pull with the token that its address names, and keep the octets."""
    agreement = agreed_with_edc(scene, dataset)
    body: JsonObject = {"agreement": agreement, "pull": True, "wait_seconds": WAIT_SECONDS}
    said = scene.us.running.management.work("/v1/fetch", body, key=f"keep {agreement}")
    assert (said["state"], said["files"], said["findings"]) == ("COMPLETED", 1, []), said
    files = scene.us.get("/v1/received")["files"]
    assert isinstance(files, list), files
    kept = [one["digest"] for one in files if isinstance(one, dict) and one["agreement"] == agreement]
    assert kept == [digest_multibase(GOODS)], files


def we_keep(scene: Scene) -> str:
    """The same, by our own client of its data plane."""
    kept_from_edc(scene, "open")
    return f"{len(GOODS)} bytes"


def found_at_edc(scene: Scene, pid: str) -> str:
    """EDC's id of a transfer of ours."""
    return str(actions.found(scene.edc, "transferprocesses", pid)["@id"])


def we_suspend(scene: Scene) -> str:
    """We suspend and resume a pull from EDC, and end it: it follows, with a fresh token for us."""
    edc, us = scene.edc, scene.us
    agreement = agreed_with_edc(scene, "open")
    pid, first = started_with_edc(scene, agreement)
    ident = found_at_edc(scene, pid)
    assert us.post(f"/v1/transfers/{pid}/suspend", {"reason": "stock-taking"})["state"] == "SUSPENDED"
    settled.transfer(edc, scene.us, ident, ("SUSPENDED",))
    assert us.post(f"/v1/transfers/{pid}/resume", {})["state"] == "STARTED"
    settled.transfer(edc, scene.us, ident, ("STARTED",))
    _, second = started_with_edc(scene, agreement)
    assert second["authorization"] != first["authorization"]
    assert pulled(second) == GOODS
    assert us.post(f"/v1/transfers/{pid}/terminate", {"reason": "enough"})["state"] == "TERMINATED"
    settled.transfer(edc, scene.us, ident, TERMINATED)
    return "a fresh token"


def edc_ends_what_it_gives(scene: Scene) -> str:
    """As provider EDC suspends, resumes and terminates: we follow."""
    edc = scene.edc
    agreement = agreed_with_edc(scene, "open")
    pid, first = started_with_edc(scene, agreement)
    ident = found_at_edc(scene, pid)
    actions.command(edc, f"/transferprocesses/{ident}/suspend", reason="stock-taking")
    scene.us.until(pid, "SUSPENDED")
    actions.command(edc, f"/transferprocesses/{ident}/resume")
    scene.us.until(pid, "STARTED")
    assert started_with_edc(scene, agreement)[1]["authorization"] != first["authorization"]
    actions.command(edc, f"/transferprocesses/{ident}/terminate", reason="certificate withdrawn")
    row = scene.us.until(pid, "TERMINATED")
    assert "certificate withdrawn" in json.dumps(row), row
    return "certificate withdrawn"


def we_accept_a_limit(scene: Scene) -> str:
    """An offer of EDC's with a constraint."""
    return agreed_with_edc(scene, "limited")


def our_view(scene: Scene) -> dict[str, JsonObject]:
    """EDC's datasets as we read them: their first offers by their ids."""
    datasets = scene.us.get(f"/v1/catalog?peer={quote(scene.edc.participant, safe='')}")["datasets"]
    found: dict[str, JsonObject] = {}
    for one in datasets if isinstance(datasets, list) else []:
        match one:
            case {"dataset": str(name), "offers": [dict(offer), *_]}:
                found[name] = offer
    return found


def edc_refuses(scene: Scene) -> str:
    """We ask for other terms than it offers: it ends the negotiation, and we know."""
    offer = our_view(scene)["limited"]
    body: JsonObject = {
        "peer": scene.edc.participant, "dataset": "limited", "wait_seconds": WAIT_SECONDS,
        "offer": {"@id": offer["@id"], "@type": "Offer", "permission": [{"action": "use"}]},
    }  # fmt: skip
    said = scene.us.post("/v1/request", body)
    assert said["state"] == "TERMINATED", said
    return str(said["termination"])[:60]


PROVOKED = ("agreement-mismatch",)
"""What a journey means EDC to hear from us, and EDC calls an error."""
JOURNEYS: tuple[Callable[[Scene], str], ...] = (
    edc_pulls, edc_accepts_a_limit, we_refuse, edc_suspends, edc_terminates, we_suspend_and_end,
    we_pull, we_keep, we_accept_a_limit, edc_refuses, we_suspend, edc_ends_what_it_gives,
)  # fmt: skip
