"""One round of the conformance kit: a connector of ours, datasets and agreements for its tests, the run.

Every test of the kit has a dataset or an agreement of its own, by which the driver knows its part. Offers come from
publications, agreements from negotiations with the kit's stand-in.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from connector.cli.companies import free_ports
from connector.model import JsonObject
from tests.interop import company
from tests.interop.company import Company
from tests.interop.kit import driver, run, script
from tests.interop.kit.script import Part
from tests.interop.kit.stand_in import standing_in
from tests.interop.outcome import Outcome

ACTIVE = 65
"""Ids of the kit that it has not switched off itself."""
_FORMAT = "HttpData-PULL"
_GIVEN, _TAKEN = "given", "taken"
_WAIT_SECONDS = "15"
_POLICY: JsonObject = {"@type": "Set", "permission": [{"action": "use"}]}
"""The kit's requests name no constraint."""


def rounds(folder: Path, packages: Sequence[str] = run.PACKAGES) -> Iterator[Outcome]:
    """Every id of these packages, and that the kit ran to its end in time."""
    (port,) = free_ports(1)
    peer: JsonObject = {"id": run.PARTICIPANT, "address": f"http://localhost:{port}", "retryable_statuses": [404]}
    with company.running(folder / "us", {driver.PEER: peer}, by_hand=driver.PEER) as us:
        settings, parts = _prepare(us, port)
        with driver.driving(us, parts) as (person, bell):
            asked = {f"dataspacetck.dsp.connector.{what}.initiate.url": bell for what in ("negotiation", "transfer")}
            began = time.monotonic()
            report = run.run(folder, settings | asked, packages)
            seconds = time.monotonic() - began
    yield from report.outcomes
    said = f"{len(report.outcomes)} ids in {seconds:.0f} s, {report.skipped} switched off by the kit"
    whole = report.complete and (len(report.outcomes) == ACTIVE or packages != run.PACKAGES)
    yield Outcome(ident="kit", passed=whole, said="; ".join([said, *person.errors])[:600])


def _prepare(us: Company, port: int) -> tuple[dict[str, str], dict[str, Part]]:
    """The kit's settings, and the parts by dataset or agreement."""
    settings = {
        "dataspacetck.launcher": "org.eclipse.dataspacetck.dsp.system.DspSystemLauncher",
        "dataspacetck.ansi": "false",
        "dataspacetck.dsp.local.connector": "false",
        "dataspacetck.port": str(port),
        "dataspacetck.callback.address": f"http://localhost:{port}",
        "dataspacetck.dsp.default.wait": _WAIT_SECONDS,
        "dataspacetck.dsp.connector.agent.id": us.did,
        "dataspacetck.dsp.connector.http.url": us.dsp,
        "dataspacetck.dsp.connector.http.base.url": us.running.config.public_url,
        "dataspacetck.dsp.connector.http.headers.authorization": json.dumps({"clientId": run.PARTICIPANT}),
    }
    parts: dict[str, Part] = {}
    for ident, part in script.NEGOTIATIONS.items():
        name = ident.replace("CN:", "ACN").replace("-", "")
        settings[f"{_key(ident)}_DATASETID"] = us.publish(name, _POLICY, dataset=name)
        settings[f"{_key(ident)}_OFFERID"] = str(us.offer(name)["@id"])
        parts[name] = part
    for ident in ("CAT:01-01", "CAT:01-02"):
        settings[f"{_key(ident)}_DATASETID"] = name
    for ident, part in script.REQUESTS.items():
        asked = ident.replace("CN_C:", "ACNC").replace("-", "")
        settings[f"{_key(ident)}_DATASETID"] = asked
        parts[asked] = part
    agreements = _agreements(us, port)
    for ident, part in {**script.DELIVERIES, **script.FETCHES}.items():
        agreement = agreements[ident]
        settings |= {f"{_key(ident)}_AGREEMENTID": agreement, f"{_key(ident)}_FORMAT": _FORMAT}
        parts[agreement] = part
    return settings, parts


def _agreements(us: Company, port: int) -> dict[str, str]:
    """One for each test of a transfer, negotiated now."""
    us.publish(_GIVEN, _POLICY, dataset=_GIVEN)
    offer = us.offer(_GIVEN)
    with standing_in(port) as peer, driver.driving(us, {_GIVEN: script.TO_PROVIDE, _TAKEN: script.TO_CONSUME}):
        made = {ident: peer.agree_as_consumer(us.dsp, _GIVEN, offer) for ident in script.DELIVERIES}
        return made | {ident: _as_consumer(us) for ident in script.FETCHES}


def _as_consumer(us: Company) -> str:
    body: JsonObject = {
        "peer": driver.PEER, "dataset": _TAKEN, "wait_seconds": 0,
        "offer": {"@id": "urn:uuid:offer", "@type": "Offer", "permission": [{"action": "use"}]},
    }  # fmt: skip
    pid = str(us.post("/v1/request", body)["negotiation"])
    match us.until(pid, "FINALIZED")["content"]:
        case {"agreement": {"@id": str(ident)}}:
            return ident
        case other:
            raise AssertionError(other)


def _key(ident: str) -> str:
    """How the kit's settings name a test."""
    return ident.replace(":", "_").replace("-", "_")
