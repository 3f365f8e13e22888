"""What the first peer would wait for is done before it comes."""

from __future__ import annotations

import asyncio
import gc
from importlib import import_module
from typing import Final

from connector.protocol.messages import build_models
from connector.server.management import operations
from connector.server.services import Services

LATER: Final = (
    "connector.mapping.plan",
    "connector.server.plans",
    "connector.peers.shaper",
    "connector.provenance.rollup",
    "connector.provenance.assemble",
    "connector.exchange.walking",
    "connector.exchange.obtained",
    "connector.server.bundling",
)
"""What publishing and audits need and no peer does. A start does not wait for it, so it is imported where it is used;
here it is loaded soon after, so that nothing of a newer version comes into a connector that is running.
"""
_COLLECT_EVERY = 50_000
"""New objects between two collections of the youngest generation."""


async def get_ready(services: Services) -> None:
    """What the first peer would wait for, between what is asked already; then the collector gets its pace.

    What is loaded by now stays loaded, and a message makes objects by the hundred that die without the collector: its
    default pace took a twentieth of the CPU of a negotiation. Others are asked last: they may let us wait.
    """
    for _ in build_models():
        await asyncio.sleep(0)
    for operation in operations():
        if operation.asked is not None:
            operation.asked.model_rebuild()
            await asyncio.sleep(0)
    for name in LATER:
        import_module(name)
        await asyncio.sleep(0)
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_EVERY)
    await services.ahead.look()
