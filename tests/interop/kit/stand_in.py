"""The kit's participant before the kit runs: it makes the agreements that the kit's transfers need.

The negotiations are real: as consumer it asks for an offer and verifies the agreement, as provider it agrees to
whatever is asked for.
"""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from queue import Queue
from uuid import uuid4

from connector.model import JsonObject
from tests.interop.kit.run import PARTICIPANT
from tests.listening import Asked, listening

CONTEXT = "https://w3id.org/dspace/2025/1/context.jsonld"
AUTHORIZATION = json.dumps({"clientId": PARTICIPANT})
_SECONDS = 60


@dataclass(slots=True)
class StandIn:
    """It listens where the kit will."""

    port: int
    heard: Queue[JsonObject] = field(default_factory=Queue)
    peers: dict[str, JsonObject] = field(default_factory=dict)
    """Its pid as provider -> the request that made the negotiation."""

    @property
    def address(self) -> str:
        """Its DSP address."""
        return f"http://localhost:{self.port}"

    def agree_as_consumer(self, provider: str, dataset: str, offer: JsonObject) -> str:
        """One agreement about a dataset of the provider at that address. Returns its id."""
        pid = uuid4().urn
        asked: JsonObject = {**offer, "@type": "Offer", "target": dataset}
        said = self._post(
            f"{provider}/negotiations/request", "ContractRequestMessage",
            {"consumerPid": pid, "callbackAddress": self.address, "offer": asked},
        )  # fmt: skip
        assert said is not None, "a first request is acknowledged with the process"
        pids: JsonObject = {"consumerPid": pid, "providerPid": said["providerPid"]}
        agreement = self._await("ContractAgreementMessage", pid)["agreement"]
        assert isinstance(agreement, dict), agreement
        base = f"{provider}/negotiations/{said['providerPid']}"
        self._post(f"{base}/agreement/verification", "ContractAgreementVerificationMessage", pids)
        self._await("ContractNegotiationEventMessage", pid)
        return str(agreement["@id"])

    def answer(self, path: str, message: JsonObject) -> JsonObject | None:
        """As provider: what a message gets, and what it sets going."""
        self.heard.put(message)
        if path == "/negotiations/request":
            pid = uuid4().urn
            self.peers[pid] = message
            threading.Thread(target=self._agree_as_provider, args=(pid, message), daemon=True).start()
            return {
                "@context": [CONTEXT], "@type": "ContractNegotiation", "state": "REQUESTED", "providerPid": pid,
                "consumerPid": message["consumerPid"],
            }  # fmt: skip
        return None

    def _agree_as_provider(self, pid: str, request: JsonObject) -> None:
        offer, consumer = request["offer"], request["consumerPid"]
        assert isinstance(offer, dict), offer
        pids: JsonObject = {"consumerPid": consumer, "providerPid": pid}
        agreement: JsonObject = {
            "@id": uuid4().urn, "@type": "Agreement", "target": offer["target"], "permission": offer["permission"],
            "assigner": PARTICIPANT, "assignee": offer["assignee"],
            "timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }  # fmt: skip
        base = f"{request['callbackAddress']}/negotiations/{consumer}"
        self._post(f"{base}/agreement", "ContractAgreementMessage", {**pids, "agreement": agreement})
        self._await("ContractAgreementVerificationMessage", str(consumer))
        self._post(f"{base}/events", "ContractNegotiationEventMessage", {**pids, "eventType": "FINALIZED"})

    def _await(self, kind: str, consumer_pid: str) -> JsonObject:
        while True:
            message = self.heard.get(timeout=_SECONDS)
            if message["@type"] == kind and message["consumerPid"] == consumer_pid:
                return message
            self.heard.put(message)

    def _post(self, url: str, kind: str, body: JsonObject) -> JsonObject | None:
        message = {"@context": [CONTEXT], "@type": kind, "@id": uuid4().urn, **body}
        request = urllib.request.Request(
            url, data=json.dumps(message).encode(),
            headers={"Content-Type": "application/json", "Authorization": AUTHORIZATION},
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=_SECONDS) as response:
            octets = response.read()
        said: JsonObject | None = json.loads(octets) if octets else None
        return said


@contextmanager
def standing_in(port: int) -> Iterator[StandIn]:
    """It listens until the block ends."""
    stand_in = StandIn(port)

    def answer(asked: Asked) -> tuple[int, bytes]:
        said = stand_in.answer(asked.path, json.loads(asked.body))
        return (201, json.dumps(said).encode()) if said else (200, b"")

    with listening(answer, port):
        yield stand_in
