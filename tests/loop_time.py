"""The time of the running event loop, which a test moves on: a long wait ends at once, on the slowest machine too.

Beside real sockets and threads; where there are none, `tests/network.py` has a loop whose time is virtual altogether.
"""

from __future__ import annotations

import asyncio


class LoopTime:
    """The loop's clock from here on, for as long as that loop lives."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._real, self._ahead = loop.time, 0.0
        loop.time = self._now  # type: ignore[method-assign]  # this loop's alone

    def _now(self) -> float:
        return self._real() + self._ahead

    def move(self, seconds: float) -> None:
        """So many seconds pass."""
        self._ahead += seconds


async def all_wait() -> None:
    """Everybody has come to where only time, a thread, a socket or the test lets it go on."""
    for _ in range(1_000):
        await asyncio.sleep(0)
