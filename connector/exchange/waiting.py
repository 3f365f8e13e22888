"""Who waits for a process to come somewhere: told by the commit that brings it there, without asking the store.

Only commits of this operating system's process are told, so a waiting one also looks from time to time: where several
share a store, another one may have moved it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from connector.exchange.rows import ProcessRow

_LOOK_SECONDS = 1.0
Done = Callable[[ProcessRow], bool]
"""Whether a process is where somebody waits for it to be."""
_Wish = tuple[Done, asyncio.Future[ProcessRow]]


@dataclass(slots=True)
class Waiting:
    """The wishes by pid."""

    _wishes: dict[str, list[_Wish]] = field(default_factory=dict)

    async def settled(self, load: Callable[[], Awaitable[ProcessRow]], done: Done, seconds: float) -> ProcessRow:
        """The process that `load` gives, once it is there, or as it is after so many seconds."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while True:
            row = await load()
            left = deadline - loop.time()
            if done(row) or left <= 0:
                return row
            future: asyncio.Future[ProcessRow] = loop.create_future()
            wish = done, future
            self._wishes.setdefault(row.pid, []).append(wish)
            try:
                await asyncio.wait((future,), timeout=min(left, _LOOK_SECONDS))
            finally:
                self._forget(row.pid, wish)
            if future.done():
                return future.result()

    def tell(self, row: ProcessRow) -> None:
        """A process was committed."""
        for done, future in self._wishes.get(row.pid, ()):
            if not future.done() and done(row):
                future.set_result(row)

    def _forget(self, pid: str, wish: _Wish) -> None:
        wishes = self._wishes[pid]
        wishes.remove(wish)
        if not wishes:
            del self._wishes[pid]
