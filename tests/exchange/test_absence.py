"""A peer that is away for seven days, in virtual time: whatever was begun with it ends by itself after its return."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from connector.model import Did
from connector.server import commands
from tests.exchange.test_simulated import ENDS, KINDS, judge, quiet
from tests.network import GOOD, VirtualLoop
from tests.simulator import SHARED, World

AWAY_SECONDS = 7 * 86_400
DESKS = 6


async def play(folder: Path, seed: int) -> dict[str, int]:
    """Contracts are under way when the supplier goes, and more are asked for while it is away."""
    world = World(folder=folder, seed=seed, weather=GOOD)
    await world.populate(2, 2)
    customer, supplier = world.nodes
    chance = random.Random(seed)
    services = customer.services
    assert services is not None
    peer = Did(supplier.config.did)
    dataset = (await services.browse.find(peer, SHARED)).dataset
    offer = dataset.has_policy[0].as_json()
    try:
        for number in range(DESKS):
            await commands.request(services, peer, dataset.id, f"r{number}", 0, offer=offer)
            await asyncio.sleep(chance.uniform(0, 0.1))
        await supplier.die()
        for number in range(DESKS):
            await commands.request(services, peer, dataset.id, f"later{number}", 0, offer=offer)
        await asyncio.sleep(AWAY_SECONDS)
        supplier.start()
        async with asyncio.timeout(2 * 3_600):  # the longest pause between two tries is an hour
            while not await quiet(world):  # noqa: ASYNC110 - nobody could set an event for "nothing is left to do"
                await asyncio.sleep(10)
        await judge(world)
        rows = [row for kind in KINDS for row in await customer.store.newest_processes("", kind, limit=1000)]
        assert all(row.state in ENDS[row.kind] for row in rows)
        return {state: sum(row.state == state for row in rows) for state in {row.state for row in rows}}
    finally:
        await world.end()


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 4))
def test_a_week_away_needs_no_hand(tmp_path: Path, seed: int) -> None:
    """Both sides hold the same agreements in the end, and nothing was given up."""
    loop = VirtualLoop()
    try:
        ended = loop.run_until_complete(play(tmp_path, seed))
    finally:
        loop.close()
    assert ended == {"FINALIZED": 2 * DESKS}
