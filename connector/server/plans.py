"""A plan's exports, read and mapped, for who publishes or signs what comes out. What a plan means is `mapping`'s."""

from __future__ import annotations

import asyncio
from functools import partial

from connector.credentials.ids import mint
from connector.errors import BadInput
from connector.mapping import engine
from connector.mapping.plan import Plan
from connector.server.services import Services


async def map_plan(services: Services, plan: Plan) -> engine.Result:
    """Read the plan's exports from the first folder that has them, and map them off the event loop."""
    folders = [services.config.path(folder) for folder in services.config.exports]
    problem: BadInput | None = None
    for folder in folders:
        try:
            files = await services.exports.read(plan, folder)
        except BadInput as error:
            problem = problem or error
            continue
        minted = partial(mint, services.id_key, services.tenant)
        today = services.clock.now().date().isoformat()
        return await asyncio.to_thread(engine.run, plan, files, mint=minted, today=today)
    raise problem or BadInput("the configuration names no folder of exports")
