"""What is not kept any longer is dropped, bit by bit: used tokens, old commands, what ended without an agreement, and
requests for credentials.

A used token goes when it could not be used again anyhow, a day after its end (`authenticate`). A transfer that has
ended, a negotiation that was refused or never began, a request for credentials that is over, and an idempotency key
stay for the configured days: until then a repeat gets its stored answer, and people see what happened. What an
agreement rests on stays: its negotiation with all messages, tokens and receipts. So does the evidence, which tells of
each process that it was forgotten, and its pid, which never stands for anything else.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import orjson

from connector.credentials.digest import digest_multibase
from connector.errors import Conflict
from connector.exchange.ports import Clock, Store
from connector.exchange.rows import ApprovalRow, EvidenceEntry, ProcessRow
from connector.exchange.stored import micros, said_of, time_of
from connector.model import JsonObject

_DAY_MICROSECONDS = 86_400_000_000
_SETTLING_MICROSECONDS = 600_000_000
"""So long after the start only tokens are dropped: a machine that has just begun may not know the time yet."""
_PAUSE_MICROSECONDS = 60_000_000
"""Between two looks, when the last one found nothing."""
_BUSY_MICROSECONDS = 1_000_000
"""Between two portions, when there is other work."""
_REQUESTS: Final = (("issuances", "issuance"), ("credential-requests", "credential"))
_PORTION = 50
"""Processes that are dropped in one commit: about a megabyte of messages."""


@dataclass(slots=True, kw_only=True)
class Forget:
    """The journey of one connector."""

    tenant: str
    store: Store
    clock: Clock
    keep_ended_days: int
    shown: Callable[[], Collection[bytes]]
    """Our own credentials: while one is shown, the request that brought it, or is to renew it, is needed."""
    _due: int = 0
    _settled: int | None = None

    async def some(self, under_way: int) -> None:
        """Drop a portion, if it is time. `under_way`: how much else is done; else the next one may follow at once."""
        now = micros(self.clock.now())
        if self._settled is None:
            self._settled = now + _SETTLING_MICROSECONDS
        if now < self._due <= now + _PAUSE_MICROSECONDS:  # beyond: the clock was set back
            return
        dropped = await self.store.forget_replays(before=now)
        if now >= self._settled:
            before = now - self.keep_ended_days * _DAY_MICROSECONDS
            dropped += await self.store.forget_commands(before=before)
            dropped += await self._processes(before, now) + await self._requests(before, now)
        self._due = now + (_PAUSE_MICROSECONDS if not dropped else _BUSY_MICROSECONDS if under_way else 0)

    async def _processes(self, before: int, now: int) -> int:
        """Drop a portion of what ended before then; how many."""
        rows = await self.store.forgettable_processes(self.tenant, before=before, limit=_PORTION)
        if not rows:
            return 0
        with suppress(Conflict):  # one of them changed just now: the next portion is made anew
            await self.store.commit_forgotten(rows, [self._entry("processes", rows, before, now)])
        return len(rows)

    async def _requests(self, before: int, now: int) -> int:
        """The same of requests of holders that were answered, or that nobody decided in time; and of our own."""
        needed = {digest_multibase(octets) for octets in self.shown()}
        most = _PORTION + 2 * len(needed)
        rows = await self.store.forgettable_requests(self.tenant, before=before, limit=most)
        rows = [row for row in rows if needed.isdisjoint(_about(row))][:_PORTION]
        if rows:
            with suppress(Conflict):  # the holder asked again just now
                theirs = [(what, [row for row in rows if row.kind == kind]) for what, kind in _REQUESTS]
                entries = [self._entry(what, some, before, now) for what, some in theirs if some]
                await self.store.commit_forgotten_requests(rows, entries)
        return len(rows)

    def _entry(self, what: str, rows: Sequence[ProcessRow | ApprovalRow], before: int, now: int) -> EvidenceEntry:
        said: JsonObject = {"unchanged_since": time_of(before), what: [row.pid for row in rows]}
        return EvidenceEntry(tenant=self.tenant, at=now, event=f"{what}-forgotten", body=orjson.dumps(said))


def _about(row: ApprovalRow) -> list[str]:
    """The digests of what a request of ours brought, and of what it is to renew."""
    said = said_of(row) if row.kind == "credential" else {}
    return [*said.get("digests", ()), *said.get("renews", ())]
