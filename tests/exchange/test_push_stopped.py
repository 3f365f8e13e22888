"""A push whose transfer an operator pauses or ends, while the consumer's connector does not answer."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from connector.exchange.ports import HttpAnswer
from connector.protocol import compose
from connector.server import transfers
from tests.exchange.test_hostile import services
from tests.exchange.test_push import Sink, ordered, rows, scene
from tests.network import Request
from tests.simulator import World


@pytest.mark.parametrize(("word", "answer"), [("suspend", 503), ("terminate", 503), ("suspend", 400)])
def test_a_push_stops_before_the_consumer_answers(
    tmp_path: Path, word: str, answer: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address may answer while its connector does not, or does not pause: nothing is sent until it is resumed."""
    monkeypatch.setattr("connector.exchange.serve.PAGE_RECORDS", 1)

    async def what(world: World, agreement: str) -> None:
        customer, supplier = world.nodes
        host, sink = customer.config.public_url.removeprefix("http://"), Sink([200, 503])
        site, world.network.sites["localhost:9901"] = world.network.sites[host], sink.serve
        pid = await ordered(world, agreement, compose.data_address("http://localhost:9901/sink", {}))
        await sink.reached(2)

        async def away(_: Request) -> HttpAnswer:
            return HttpAnswer(status=answer, headers={}, body=b"{}")

        async def unwilling(request: Request) -> HttpAnswer:
            return await (away if request.url.endswith("/suspension") else site)(request)

        world.network.sites[host] = away if answer == 503 else unwilling
        await transfers.act(services(supplier), word, pid, wait_seconds=3)
        await asyncio.sleep(600)
        there = (await rows(world, pid))[1]
        assert (len(sink.heard), there.state) == (2, "STARTED")
        assert await supplier.store.due_timers(now=1 << 62, limit=9) == []
        world.network.sites[host] = site
        if word == "suspend":
            resumed = await transfers.act(services(supplier), "resume", pid, wait_seconds=3_600)
            assert resumed["state"] in {"STARTED", "COMPLETED"}
        await asyncio.sleep(3_600)
        end = "COMPLETED" if word == "suspend" else "TERMINATED"
        assert [row.state for row in await rows(world, pid)] == [end, end]

    scene(tmp_path, what)
