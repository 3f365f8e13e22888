"""How much a peer may fill: what stays free on the disk, and what is kept of one peer at most.

Looked at before anything of a peer is taken, and while a file of any size comes. What comes at once counts together, so
that nobody gets more by sending in parallel. Making room again is `discard`'s.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from connector.errors import TooLarge, Unavailable
from connector.exchange.ports import Store
from connector.exchange.streams import Files
from connector.model import Did

_log = logging.getLogger("connector.room")

_LOOK_BYTES: Final = 64 << 20
"""After so much of a file the room is looked at again."""
_KNOWN_SECONDS: Final = 10.0
_MOST_KNOWN: Final = 10_000
_MEGA: Final = 1_000_000

More = Callable[[int], Awaitable[None]]
"""So many bytes more have come; 0: that was all."""


@dataclass(slots=True, kw_only=True)
class Room:
    """The room of one company. `min_free_bytes` stay free on the disk, `max_peer_bytes` are kept of a peer."""

    tenant: str
    store: Store
    files: Files
    min_free_bytes: int
    max_peer_bytes: int
    _coming: Counter[Did] = field(default_factory=Counter)
    _kept: dict[Did, tuple[float, int]] = field(default_factory=dict)

    @asynccontextmanager
    async def filled(self, holder: Did, promised: int = 0) -> AsyncIterator[More]:
        """Room for one thing of this peer that comes, of this size or of an unknown one (0); told while it comes.

        `Unavailable`: the disk is nearly full, for now; `TooLarge`: it is more than the peer may fill.
        """
        await self.check(holder, promised)
        came = 0

        async def more(size: int) -> None:
            nonlocal came
            looked, came = came // _LOOK_BYTES, came + size
            self._coming[holder] += size
            if not size or came // _LOOK_BYTES > looked:
                await self.check(holder, 0)

        try:
            yield more
        finally:
            self._coming[holder] -= came
            self.changed(holder)

    async def check(self, holder: Did, size: int) -> None:
        """Whether so much more may come. The same errors."""
        free = await self.files.room()
        if size > free - self.min_free_bytes:
            _log.warning("nothing is taken from %s: %d MB are free on the disk", holder, free // _MEGA)
            raise Unavailable(
                "the receiver's disk is nearly full",
                hint="free some of it, or remove what is not needed any more: battery-connector discard",
            )
        if await self.kept(holder) + self._coming[holder] + size > self.max_peer_bytes:
            _log.warning("nothing is taken from %s: limits.max_peer_bytes is reached", holder)
            raise TooLarge(
                f"the receiver keeps at most {self.max_peer_bytes / _MEGA:,.0f} MB of {holder}, and it would be more",
                hint=f"remove what is not needed any more: battery-connector discard --from {holder};"
                " or raise [limits] max_peer_bytes",
            )  # fmt: skip

    def changed(self, holder: Did) -> None:
        """What is kept of it has changed."""
        self._kept.pop(holder, None)

    async def kept(self, holder: Did) -> int:
        """The bytes that are kept of a peer, credentials and files, as of some seconds ago at most."""
        now = asyncio.get_running_loop().time()
        known = self._kept.get(holder)
        if known is None or not now < known[0]:
            if len(self._kept) >= _MOST_KNOWN:
                self._kept.clear()
            known = self._kept[holder] = now + _KNOWN_SECONDS, await self.store.received_bytes(self.tenant, holder)
        return known[1]
