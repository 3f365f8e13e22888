"""Callback addresses that look good and lead inside, over real sockets with the guarded client: who waits there is
never asked, whatever a name leads to by then and wherever an answer sends us.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import orjson
import pytest

from connector.exchange.ports import HttpAnswer
from connector.exchange.rows import ProcessKind
from connector.exchange.streams import HttpStream
from connector.model import Pid
from connector.peers.client import GuardedClient
from connector.protocol import compose, transfer
from connector.protocol.process import Process, Role
from tests.edges.peers.test_client import Names, Server
from tests.exchange.besieged import BASE, Siege, nodding
from tests.exchange.deals import ask, dataset
from tests.exchange.test_hostile import services
from tests.network import GOOD, Wire
from tests.simulator import Node, World


@dataclass(frozen=True, slots=True)
class Ways:
    """The connectors' own world by its simulated wire; everywhere else by the guarded client."""

    wire: Wire
    guarded: GuardedClient

    def _way(self, url: str) -> Any:
        return self.wire if urlsplit(url).netloc in self.wire.network.sites else self.guarded

    async def request(self, method: Literal["GET", "POST"], url: str, **options: Any) -> HttpAnswer:
        """One request."""
        answer: HttpAnswer = await self._way(url).request(method, url, **options)
        return answer

    def stream(
        self, url: str, *, headers: Mapping[str, str] | None = None, idle_seconds: float = 30.0
    ) -> AbstractAsyncContextManager[HttpStream]:
        """One stream."""
        streamed: AbstractAsyncContextManager[HttpStream] = self._way(url).stream(
            url, headers=headers, idle_seconds=idle_seconds
        )
        return streamed

    async def upload(self, url: str, chunks: AsyncIterator[bytes], **options: Any) -> HttpAnswer:
        """One upload."""
        answer: HttpAnswer = await self._way(url).upload(url, chunks, **options)
        return answer


@asynccontextmanager
async def watched(folder: Path, client: GuardedClient) -> AsyncIterator[Siege]:
    """A connector that leaves its world by this client, and a member that asks it for things."""
    world = World(folder=folder, seed=7, weather=GOOD)
    await world.populate(2, 1)
    here = world.nodes[0]
    await here.die()
    here.http = Ways(here.http, client)  # type: ignore[assignment]  # the simulator's nodes know no other way out
    here.start()
    ours = await dataset(here)
    siege = Siege(world)
    siege.offer = {**services(here).offer.policies.offer(ours), "target": ours.dataset_id}
    try:
        yield siege
    finally:
        await world.end()


async def trap() -> tuple[Server, asyncio.Server]:
    """Somebody inside who must not be asked."""
    waiting = Server()
    listening = await asyncio.start_server(waiting.serve, "127.0.0.1", 0)
    waiting.port = listening.sockets[0].getsockname()[1]
    return waiting, listening


async def asked_for(siege: Siege, callback: str) -> str:
    """A request for a contract with this callback; the id of what it began."""
    process = Process(role=Role.CONSUMER, pid=Pid(services(siege.here).ids.urn()))
    said = {**siege.message("ContractRequestMessage", process), "callbackAddress": callback}
    answer = await siege.send(f"{BASE}/negotiations/request", said)
    assert answer.status == 201, answer
    return str(orjson.loads(answer.body)["providerPid"])


async def tried(node: Node, pid: str, kind: ProcessKind = "negotiation") -> list[str]:
    """What came of the attempts to answer, once there was one."""
    for _ in range(1_200):
        row = await node.store.load_process("", kind, pid)
        attempts = [one.detail for one in await node.store.attempts("", kind, pid)]
        if attempts or (row is not None and row.state == "TERMINATED"):
            return attempts
        await asyncio.sleep(0.05)
    raise AssertionError("nothing was tried")


@pytest.mark.parametrize(
    "answers", [[["127.0.0.1"]], [["10.0.0.1", "127.0.0.1", "::1"]], [["192.0.2.1"], ["127.0.0.1"]]],
    ids=["inside", "several", "rebinding"],
)  # fmt: skip
async def test_a_name_that_leads_inside_by_then_is_not_asked(tmp_path: Path, answers: list[list[str]]) -> None:
    """The name is good when the request comes; where it leads is judged at each connection. The process ends."""
    waiting, listening = await trap()
    async with listening, GuardedClient(resolver=Names(*answers)) as client, watched(tmp_path, client) as siege:
        pid = await asked_for(siege, f"https://peer.example:{waiting.port}/dsp")
        assert any("peer.example" in one for one in await tried(siege.here, pid))
        for _ in answers:
            await asyncio.sleep(0.2)
        assert waiting.connections == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_to_somebody_inside_is_not_followed(tmp_path: Path, status: int) -> None:
    """It is an answer like a fault of the peer's: asked again later, there and nowhere else."""
    waiting, listening = await trap()
    sender, sending = await trap()
    sender.answer = (
        f"HTTP/1.1 {status} x\r\nLocation: http://127.0.0.1:{waiting.port}/x\r\nContent-Length: 0\r\n\r\n".encode()
    )
    async with (
        listening, sending, GuardedClient(unsafe_allow_loopback=True) as client, watched(tmp_path, client) as siege
    ):  # fmt: skip
        pid = await asked_for(siege, f"http://127.0.0.1:{sender.port}/dsp")
        assert await tried(siege.here, pid) == [f"HTTP {status}"]
        assert sender.requests[0].startswith(b"POST /dsp/negotiations/")
        assert waiting.connections == 0
        row = await siege.here.store.load_process("", "negotiation", pid)
        assert row is not None
        assert row.state == "REQUESTED"


async def test_an_address_to_push_to_that_leads_inside_gets_nothing(tmp_path: Path) -> None:
    """The data goes out by the same client."""
    waiting, listening = await trap()
    async with listening, GuardedClient(resolver=Names(["127.0.0.1"])) as client, watched(tmp_path, client) as siege:
        here, caller = siege.here, siege.peer
        deal = await ask(caller, here)
        agreement = next(iter(await here.store.list_agreements("")))
        assert (await deal.row(here)).state == "FINALIZED"
        siege.world.network.sites[urlsplit(caller.config.public_url).netloc] = nodding(siege)
        process = Process(role=Role.CONSUMER, pid=Pid(services(here).ids.urn()))
        to = compose.push_address(f"https://peer.example:{waiting.port}/sink", "t")
        said = {**siege.message(transfer.Kind.REQUEST, process), "agreementId": agreement.agreement_id}
        answer = await siege.send(f"{BASE}/transfers/request", {**said, "format": transfer.PUSH, "dataAddress": to})
        assert answer.status == 201, answer
        pid = str(orjson.loads(answer.body)["providerPid"])
        assert await tried(here, pid, "transfer") == []  # nothing to try again
        row = await here.store.load_process("", "transfer", pid)
        assert row is not None
        assert "peer.example" in str(orjson.loads(row.body)["content"]["termination"])
        assert waiting.connections == 0
