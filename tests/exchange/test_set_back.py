"""A clock that was a day ahead and is set right: nothing waits for the day to pass."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

from connector.model import Did
from connector.server import commands
from tests.exchange.test_hostile import play, services
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
