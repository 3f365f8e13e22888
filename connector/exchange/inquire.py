"""An issuer that has said nothing is asked how far our request is (DCP 1.0.1 section 6.8).

It may have refused without a word: ours does so for many at once. Each request is looked at an hour after it was made,
then after pauses as long as it has waited, a day at most, until it counts no longer. When which one was asked about is
kept in memory alone: after a restart once more is no harm.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Final

from connector.errors import ConnectorError
from connector.exchange.ports import Clock, Store
from connector.exchange.rows import ApprovalRow
from connector.exchange.stored import micros, said_of

_log = logging.getLogger("connector.inquire")

_PAUSE: Final = 600_000_000
_SHORTEST, _LONGEST = 3_600_000_000, 86_400_000_000
_MOST: Final = 1_000
"""The newest requests: who has more than these open has asked enough."""


@dataclass(slots=True, kw_only=True)
class Inquire:
    """The journey of one connector."""

    tenant: str
    store: Store
    clock: Clock
    id_name: str
    """Under which name a request's row keeps the issuer's id for it."""
    inquire: Callable[[ApprovalRow], Awaitable[None]]
    _next: int = 0
    _due: dict[str, int] = field(default_factory=dict)

    def work(self) -> Coroutine[None, None, None] | None:
        """A look, if it is time for one; also when the clock was set back."""
        now = micros(self.clock.now())
        if self._next - _PAUSE <= now < self._next:
            return None
        self._next = now + _PAUSE
        return self.look()

    async def look(self) -> None:
        """Ask about all that has waited long enough."""
        now = micros(self.clock.now())
        rows = await self.store.list_approvals(self.tenant, "credential", limit=_MOST)
        waiting = [row for row in rows if not row.decision and not row.not_before and row.due > now]
        waiting = [row for row in waiting if self.id_name in said_of(row)]
        self._due = {row.pid: self._due.get(row.pid, row.asked + _SHORTEST) for row in waiting}
        for row in waiting:
            if self._due[row.pid] > now:
                continue
            self._due[row.pid] = now + min(_LONGEST, max(_SHORTEST, now - row.asked))
            try:
                await self.inquire(row)
            except ConnectorError as error:
                _log.info("%s of %s: how far our request is, is not known: %s", row.subject, row.counterparty, error)
