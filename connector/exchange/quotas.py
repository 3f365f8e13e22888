"""How much each caller may ask for: what is beyond gets "not now" before a row is written for it.

A known party (it has shown a claim that counts, or the configuration names it) has a bucket of its own. Strangers share
one: identities are free (any host can have any number of did:web names), so a bucket for each would bound nothing. The
answer is 503 with `Retry-After`, because peers take each 4xx as final (DECISIONS, "The protocol's step"); it uses up no
token. Who a party is, is settled before (`authenticate`).

Settling that takes look-ups at addresses that the stranger chooses. They have a small room of their own, in which no
host's names take more than a part, so that they never keep a known party, or our own messages, waiting.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from weakref import WeakValueDictionary

from connector.errors import PeerUnreachable, TooMany
from connector.exchange.ports import Clock
from connector.model import Did

_MOST_PARTIES = 10_000
_KNOWN_BURST_SECONDS = 5.0
_STRANGER_BURST_SECONDS = 300.0
_SECONDS_PER_MINUTE = 60.0
_PIECE_BYTES = 16_384
"""What a message is kept as takes room on the disk: one that is larger counts as so many."""
_QUERIES_PER_SECOND = 2.0
_STRANGERS_AT_ONCE = 16
_STRANGERS_AT_ONE_HOST = 4
_MOST_WAITING = 256
_LONGEST_WAIT_SECONDS = 5.0
_CROWD = "too many unknown parties are looked into just now"


@dataclass(slots=True)
class Bucket:
    """A token bucket: `rate` per second, as many at once as `burst`."""

    rate: float
    burst: float
    at: datetime
    left: float = field(init=False)

    def __post_init__(self) -> None:
        self.left = self.burst

    def take(self, now: datetime, count: float = 1.0) -> float:
        """Take so many. Nothing: they were there; else in how many seconds they will be."""
        count = min(count, self.burst)
        wait = self.wait(now, count)
        if not wait:
            self.left -= count
        return wait

    def wait(self, now: datetime, count: float = 1.0) -> float:
        """In how many seconds so many will be there; nothing: they are."""
        passed = max(0.0, (now - self.at).total_seconds())  # the clock may jump back
        self.left, self.at = min(self.burst, self.left + passed * self.rate), now
        return 0.0 if self.left >= count else (count - self.left) / self.rate


@dataclass(slots=True, kw_only=True)
class Quotas:
    """The buckets of one connector."""

    clock: Clock
    known_per_second: int
    strangers_per_minute: int
    configured: Collection[str]
    """Parties that the configuration names: peers, and issuers whom we trust."""
    _known: dict[Did, Bucket] = field(default_factory=dict)
    _bearers: dict[Did, Bucket] = field(default_factory=dict)
    _queries: dict[Did, Bucket] = field(default_factory=dict)
    _strangers: Bucket | None = None
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_STRANGERS_AT_ONCE))
    _hosts: WeakValueDictionary[str, asyncio.Semaphore] = field(default_factory=WeakValueDictionary)
    _waiting: int = 0

    def admit(self, party: Did, *, known: bool, size: int = 0) -> None:
        """Count one request of so many bytes. `TooMany`: not now."""
        now = self.clock.now()
        bucket = self._of(self._known, party, now) if known or party in self.configured else self._shared(now)
        wait = bucket.take(now, 1.0 + size // _PIECE_BYTES)
        if wait:
            raise TooMany(math.ceil(wait))

    def admit_bearer(self, party: Did) -> None:
        """Count one request of who shows a token that we gave it, for our credentials or to renew it. That makes nobody
        a known party, and takes nothing from what else it may ask. `TooMany`: not now.
        """
        now = self.clock.now()
        if wait := self._of(self._bearers, party, now).take(now):
            raise TooMany(math.ceil(wait))

    def admit_query(self, party: Did) -> None:
        """Count one question of ours to who is refused by what is remembered of it: it may be many at each of its
        messages. `TooMany`: not now.
        """
        now = self.clock.now()
        if wait := self._of(self._queries, party, now, rate=_QUERIES_PER_SECOND).take(now):
            raise TooMany(math.ceil(wait))

    def knows(self, party: str) -> bool:
        """Whether the party was admitted as a known one, or the configuration names it."""
        return party in self.configured or party in self._known

    @asynccontextmanager
    async def room(self, party: str) -> AsyncIterator[None]:
        """Look something up for who may be this party. A known one never waits. `PeerUnreachable`: not now."""
        async with AsyncExitStack() as held:
            if not self.knows(party):
                await self._enter(held, _host_of(party))
            yield

    async def _enter(self, held: AsyncExitStack, host: str) -> None:
        if self._waiting >= _MOST_WAITING:
            raise PeerUnreachable(_CROWD)
        turn = self._hosts.setdefault(host, asyncio.Semaphore(_STRANGERS_AT_ONE_HOST))
        self._waiting += 1
        try:
            async with asyncio.timeout(_LONGEST_WAIT_SECONDS):
                await held.enter_async_context(turn)
                await held.enter_async_context(self._room)
        except TimeoutError:
            raise PeerUnreachable(_CROWD) from None
        finally:
            self._waiting -= 1

    def _of(self, buckets: dict[Did, Bucket], party: Did, now: datetime, rate: float = 0) -> Bucket:
        bucket = buckets.get(party)
        if bucket is None:
            if len(buckets) >= _MOST_PARTIES:
                buckets.pop(next(iter(buckets)))
            rate = rate or float(self.known_per_second)
            bucket = buckets[party] = Bucket(rate, rate * _KNOWN_BURST_SECONDS, now)
        return bucket

    def _shared(self, now: datetime) -> Bucket:
        if self._strangers is None:
            rate = self.strangers_per_minute / _SECONDS_PER_MINUTE
            self._strangers = Bucket(rate, max(1.0, rate * _STRANGER_BURST_SECONDS), now)
        return self._strangers


def _host_of(did: str) -> str:
    """The end of the host's name in a did:web: who owns that has names below it without end, and ports."""
    host = did.removeprefix("did:web:").partition(":")[0].partition("%3A")[0]
    return ".".join(host.split(".")[-2:])
