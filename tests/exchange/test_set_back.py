"""A clock that was a day ahead and is set right: nothing waits for the day to pass."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from connector.model import Did
from connector.protocol import compose
from connector.server import commands
from tests.exchange.test_hostile import play, services
from tests.exchange.test_push import Sink, ordered, rows, scene
from tests.exchange.test_reissue import Ahead
from tests.simulator import SHARED, World


def test_a_message_that_was_put_off_then_goes_now(tmp_path: Path) -> None:
    """The peer was away meanwhile, and says nothing by itself when it is back."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        here, peer = services(customer), Did(supplier.config.did)
        dataset = (await here.browse.find(peer, SHARED)).dataset
        await supplier.die()
        clock = here.outbox.clock = Ahead(customer.clock, timedelta(days=1))
        await asyncio.sleep(10)
        begun = await commands.request(here, peer, dataset.id, "r", 0, offer=dataset.has_policy[0].as_json())
        await asyncio.sleep(600)
        supplier.start()
        clock.by = timedelta()
        await asyncio.sleep(600)
        row = await customer.store.load_process("", "negotiation", str(begun["negotiation"]))
        assert row is not None
        assert row.state == "FINALIZED"

    play(tmp_path, scene)


@pytest.mark.parametrize("restarted", [False, True])
def test_a_push_that_was_put_off_then_goes_on_now(tmp_path: Path, *, restarted: bool) -> None:
    """Its next try is the alarm's alone: no peer's word wakes it. Who began it may be gone when the clock is right."""

    async def what(world: World, agreement: str) -> None:
        supplier, sink = world.nodes[1], Sink([200, *[503] * 4])
        world.network.sites["localhost:9901"] = sink.serve
        clock = Ahead(supplier.clock)
        await supplier.die()
        supplier.clock = clock
        supplier.start()
        pid = await ordered(world, agreement, compose.data_address("http://localhost:9901/sink", {}))
        await sink.reached(2)
        clock.by = timedelta(days=1)
        await sink.reached(4)
        if restarted:
            await supplier.die()
        clock.by = timedelta()
        if restarted:
            supplier.start()
        await asyncio.sleep(600)
        assert [row.state for row in await rows(world, pid)] == ["COMPLETED", "COMPLETED"]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("connector.exchange.serve.PAGE_RECORDS", 1)
        scene(tmp_path, what)
