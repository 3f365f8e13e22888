"""A connector of ours that takes everybody's word, as a process, with peers that have an address and no identity."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from connector.cli.companies import free_ports
from connector.config import load
from connector.model import Json, JsonObject
from tests.bench.pair import COMMAND, PLAN, Running, start

ROWS = 3
WAIT_SECONDS = 150
_LOOK_SECONDS = 0.1
_ANYTHING: JsonObject = {"leftOperand": "accessClass", "operator": "isAnyOf", "rightOperand": ["PUB", "B2B"]}
_SETTINGS = """
[limits]
retry_first_seconds = 0.2
retry_cap_seconds = 2.0
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """One of ours, running."""

    running: Running

    @property
    def did(self) -> str:
        """Its participant id."""
        return self.running.config.did

    @property
    def dsp(self) -> str:
        """Its versioned DSP address."""
        return f"{self.running.config.public_url}/dsp/2025-1"

    def get(self, path: str) -> JsonObject:
        """GET from its management API."""
        return self.running.management.get(path)

    def post(self, path: str, body: JsonObject, *, key: str = "") -> JsonObject:
        """POST to its management API; with a key the command may be repeated."""
        return self.running.management.post(path, body, key=key)

    def until(self, pid: str, *states: str) -> JsonObject:
        """A process, by a pid of either side, once it is in one of these states."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            row = self.get(f"/v1/processes/{quote(pid, safe=':')}")
            if row["state"] in states:
                return row
            assert time.monotonic() < deadline, row
            time.sleep(_LOOK_SECONDS)

    def publish(self, name: str, policy: JsonObject, *, dataset: str = "") -> str:
        """Offer a few sites under a policy. Returns the dataset's id: this one, if it is given."""
        folder = self.running.config.folder
        plan, terms = folder / "plans" / f"{name}.yaml", folder / "policies" / f"{name}.json"
        plan.write_text(PLAN.replace("bench-sites/1", f"{name}/1").replace("sites.csv", f"{name}.csv"), "utf-8")
        terms.write_text(json.dumps(policy), "utf-8")
        lines = ["number,name,country", *(f"{name}-{number},Works {number},FI" for number in range(ROWS))]
        (folder / "exports" / f"{name}.csv").write_text("\n".join(lines) + "\n", "utf-8")
        body: JsonObject = {"plan": str(plan), "policy": str(terms), "title": name, "dataset": dataset}
        return str(self.running.management.work("/v1/publish", body)["dataset"])

    def offer(self, dataset: str) -> JsonObject:
        """What a peer finds in our catalogue under this id."""
        request = urllib.request.Request(
            f"{self.dsp}/catalog/datasets/{dataset}", headers={"Authorization": json.dumps({"clientId": "anybody"})}
        )
        with urllib.request.urlopen(request, timeout=WAIT_SECONDS) as response:
            offer: JsonObject = json.loads(response.read())["hasPolicy"][0]
        return offer


@contextmanager
def running(
    folder: Path,
    peers: Mapping[str, Mapping[str, Json]],
    *,
    by_hand: str = "",
    limits: str = "",
    unsafe: str = "claimed_identity = true",
    more: str = "",
) -> Iterator[Company]:
    """Ours, until the block ends. `peers`: name -> what `[peers.NAME]` says; `by_hand`: with whom a person decides.

    `limits`, `unsafe`: further lines of these parts of its configuration; `more`: further parts.
    """
    port, management_port = free_ports(2)
    subprocess.run(
        [*COMMAND, "init", str(folder), "--unsafe-loopback", "--port", str(port), "--management-port",
         str(management_port)],
        check=True, capture_output=True,
    )  # fmt: skip
    file = folder / "connector.toml"
    text = file.read_text("utf-8").replace("[unsafe]", f"{_SETTINGS}{limits}\n[unsafe]", 1)
    text = text.replace("allow_loopback_http", f"{unsafe}\nallow_loopback_http", 1) + more
    text += f"\n[approvals]\npeers = {json.dumps([by_hand] if by_hand else [])}\n"
    for name, said in peers.items():
        text += f"\n[peers.{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in said.items())
    file.write_text(text, "utf-8")
    process = start(load(file))
    try:
        yield Company(running=process)
    finally:
        process.stop()


def policy(*constraints: JsonObject, listed: bool = False) -> JsonObject:
    """Use under these constraints; `listed`: everybody sees the offer, whoever may use it."""
    use: JsonObject = {"action": "use", "constraint": [_ANYTHING, *constraints]}
    return {"@type": "Set", "permission": [{"action": "list"}, use] if listed else [use]}
