"""What the first peer would wait for is done before it comes."""

from __future__ import annotations

import asyncio
import gc

from connector.protocol.messages import build_models

_COLLECT_EVERY = 50_000
"""New objects between two collections of the youngest generation."""


async def get_ready() -> None:
    """What the first peer would wait for, between what is asked already; then the collector gets its pace.

    What is loaded by now stays loaded, and a message makes objects by the hundred that die without the collector: its
    default pace took a twentieth of the CPU of a negotiation.
    """
    for _ in build_models():
        await asyncio.sleep(0)
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_EVERY)
