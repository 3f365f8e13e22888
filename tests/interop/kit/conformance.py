"""One round of the conformance kit against one connector of ours."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from connector.model import JsonObject
from tests.bench.pair import free_ports
from tests.interop import company
from tests.interop.company import Company
from tests.interop.kit import run
from tests.interop.outcome import Outcome

_UNUSED = "http://localhost:1"


def rounds(folder: Path, packages: Sequence[str] = run.PACKAGES[:2]) -> Iterator[Outcome]:
    """Every id of these packages, and that the kit ran to its end in time."""
    (port,) = free_ports(1, 0)
    peer: JsonObject = {"id": run.PARTICIPANT, "address": f"http://localhost:{port}", "retryable_statuses": [404]}
    with company.running(folder / "us", {"kit": peer}) as us:
        settings = _settings(us, port)
        began = time.monotonic()
        report = run.run(folder, settings, packages)
        seconds = time.monotonic() - began
    yield from report.outcomes
    said = f"{len(report.outcomes)} ids in {seconds:.0f} s, {report.skipped} switched off by the kit"
    yield Outcome(ident="kit", passed=report.complete, said=said)


def _settings(us: Company, port: int) -> dict[str, str]:
    dataset = us.publish("open", company.policy())
    return {
        "dataspacetck.dsp.local.connector": "false",
        "dataspacetck.port": str(port),
        "dataspacetck.callback.address": f"http://localhost:{port}",
        "dataspacetck.dsp.connector.agent.id": us.did,
        "dataspacetck.dsp.connector.http.url": us.dsp,
        "dataspacetck.dsp.connector.http.base.url": us.running.config.public_url,
        "dataspacetck.dsp.connector.http.headers.authorization": json.dumps({"clientId": run.PARTICIPANT}),
        "dataspacetck.dsp.connector.negotiation.initiate.url": _UNUSED,
        "dataspacetck.dsp.connector.transfer.initiate.url": _UNUSED,
        "CAT_01_01_DATASETID": dataset,
        "CAT_01_02_DATASETID": dataset,
    }
