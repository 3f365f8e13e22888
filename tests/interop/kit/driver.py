"""The person at our connector: looks at what waits and says what the script says, by the management API alone.

It also answers the kit's two requests to begin something as consumer. A word waits half a second (`not_before`): the
kit listens only some time after its own request has returned.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from connector.errors import ConnectorError
from connector.model import Json, JsonObject
from tests.interop.company import Company
from tests.interop.kit.script import Part
from tests.listening import Asked, listening

PEER = "kit"
_DELAY_SECONDS = 0.5
_LOOK_SECONDS = 0.1


@dataclass(slots=True)
class Driver:
    """It knows the parts by what a process is about: a dataset, or an agreement."""

    us: Company
    parts: Mapping[str, Part]
    errors: list[str] = field(default_factory=list)
    said: dict[str, int] = field(default_factory=dict)
    """Process -> how many words of its part were said."""
    done: dict[str, int] = field(default_factory=dict)
    rests: dict[tuple[str, str], float] = field(default_factory=dict)
    """Process and state -> since when it is seen there with nothing under way."""

    def look(self) -> None:
        """Once: say and do what is due."""
        for row in _objects(self.us.get("/v1/approvals")["approvals"]):
            self._speak(row)
        for row in _objects(self.us.get("/v1/transfers")["transfers"]):
            self._act(row, str(row["agreement"]), "transfers")
        for row in _objects(self.us.get("/v1/processes")["processes"]):
            if row["kind"] == "negotiation":
                self._act(row, str(row["dataset"]), "negotiations")

    def _speak(self, row: JsonObject) -> None:
        pid, words = str(row["id"]), self.parts.get(str(row["dataset"]), Part()).words
        number = self.said.get(pid, 0)
        if row["decision"] is not None or number >= len(words) or words[number][0] != row["turn"]:
            return
        self.said[pid] = number + 1
        body: JsonObject = {
            "decision": words[number][1],
            "not_before": (datetime.now(UTC) + timedelta(seconds=_DELAY_SECONDS)).isoformat(),
        }
        if words[number][1] == "counter":
            terms = row["ours"] or row["terms"]
            assert isinstance(terms, dict), row
            body |= {"terms": terms, "offer_id": str(terms["@id"])}
        self.us.post(f"/v1/approvals/{_path(pid)}", body)

    def _act(self, row: JsonObject, subject: str, kind: str) -> None:
        pid, state, commands = str(row["pid"]), str(row["state"]), self.parts.get(subject, Part()).commands
        number = self.done.get(pid, 0)
        if number >= len(commands) or commands[number][0] != state:
            return
        if self.us.get(f"/v1/processes/{_path(pid)}")["pending"] is not None:
            return
        if time.monotonic() - self.rests.setdefault((pid, f"{state} {number}"), time.monotonic()) < _DELAY_SECONDS:
            return
        self.done[pid] = number + 1
        self.us.post(f"/v1/{kind}/{_path(pid)}/{commands[number][1]}", {"wait_seconds": 5})

    def begin(self, what: JsonObject) -> None:
        """What the kit asks us to begin: a request for a dataset, or a transfer under an agreement."""
        if "datasetId" in what:
            offer: JsonObject = {"@id": what["offerId"], "@type": "Offer", "permission": [{"action": "use"}]}
            body: JsonObject = {"peer": PEER, "dataset": what["datasetId"], "offer": offer, "wait_seconds": 0}
            self.us.post("/v1/request", body)
        else:
            self.us.post("/v1/fetch", {"agreement": what["agreementId"], "pull": False, "wait_seconds": 0})


@contextmanager
def driving(us: Company, parts: Mapping[str, Part]) -> Iterator[tuple[Driver, str]]:
    """A driver at work until the block ends, and the address at which it is asked to begin something."""
    driver, over = Driver(us, parts), threading.Event()

    def work() -> None:
        while not over.wait(_LOOK_SECONDS):
            try:
                driver.look()
            except ConnectorError as error:  # a word may come too late; the kit judges
                driver.errors.append(f"{error.detail} {error.hint}")

    def rung(asked: Asked) -> tuple[int, bytes]:
        threading.Timer(_LOOK_SECONDS, driver.begin, (json.loads(asked.body),)).start()  # once this has its answer
        return 200, b""

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        with listening(rung) as port:
            yield driver, f"http://localhost:{port}/"
    finally:
        over.set()
        thread.join()


def _path(pid: str) -> str:
    return quote(pid, safe=":")


def _objects(value: Json) -> list[JsonObject]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
