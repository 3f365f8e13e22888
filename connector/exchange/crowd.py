"""How many negotiations and transfers of one party may be open here: more get "not now" before a row is written.

Each leaves some 15 kB here, and a started transfer has no end of its own. The answer is 503: the same message is
welcome when there is room (DECISIONS, "The protocol's step"). How much a party may ask in a time is `quotas`'; what it
may have us keep is `room`'s.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from connector.errors import Unavailable
from connector.exchange.ports import Store

_log = logging.getLogger("connector.crowd")
_MOST_PARTIES = 10_000


@dataclass(slots=True, kw_only=True)
class Crowd:
    """Those of one connector."""

    tenant: str
    store: Store
    most: int
    _left: dict[str, int] = field(default_factory=dict)
    """How many a party may surely open before they are counted again; some may have ended since they were counted."""
    _entering: Counter[str] = field(default_factory=Counter)
    """How many of a party are let in and perhaps not written yet."""
    _turns: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    @asynccontextmanager
    async def admitted(self, party: str) -> AsyncIterator[None]:
        """One more of this party, which is written within. `Unavailable`: not now."""
        async with self._turns.setdefault(party, asyncio.Lock()):
            await self._admit(party)
            self._entering[party] += 1
        try:
            yield
        finally:
            self._entering[party] -= 1
            if not self._entering[party]:
                del self._entering[party]

    async def _admit(self, party: str) -> None:
        left = self._left.get(party, 0)
        if left <= 0:
            entering = self._entering[party]  # read first: one that is written meanwhile may not be counted yet
            left = self.most - entering - await self.store.count_open(self.tenant, party, most=self.most)
        if left <= 0:
            _log.warning("%s has %d open negotiations and transfers here, and opens no more", party, self.most)
            raise Unavailable(
                f"{self.most} negotiations and transfers of yours are open here", hint="end some of them first"
            )
        if party not in self._left and len(self._left) >= _MOST_PARTIES:
            self._left.clear()
        self._left[party] = left - 1
