"""How much each caller may ask for: what is beyond gets "not now" before a row is written for it.

A known party (it has shown a claim that counts, or the configuration names it) has a bucket of its own. Strangers share
one: identities are free (any host can have any number of did:web names), so a bucket for each would bound nothing. The
answer is 503 with `Retry-After`, because peers take each 4xx as final (DECISIONS, "The protocol's step"); it uses up no
token. Who a party is, is settled before (`authenticate`).
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from connector.errors import TooMany
from connector.exchange.ports import Clock
from connector.model import Did

_MOST_PARTIES = 10_000
_KNOWN_BURST_SECONDS = 5.0
_STRANGER_BURST_SECONDS = 300.0
_SECONDS_PER_MINUTE = 60.0


@dataclass(slots=True)
class Bucket:
    """A token bucket: `rate` per second, as many at once as `burst`."""

    rate: float
    burst: float
    at: datetime
    left: float = field(init=False)

    def __post_init__(self) -> None:
        self.left = self.burst

    def take(self, now: datetime) -> float:
        """Take one. Nothing: it was there; else in how many seconds one will be."""
        wait = self.wait(now)
        if not wait:
            self.left -= 1.0
        return wait

    def wait(self, now: datetime) -> float:
        """In how many seconds one will be there; nothing: it is."""
        passed = max(0.0, (now - self.at).total_seconds())  # the clock may jump back
        self.left, self.at = min(self.burst, self.left + passed * self.rate), now
        return 0.0 if self.left >= 1.0 else (1.0 - self.left) / self.rate


@dataclass(slots=True, kw_only=True)
class Quotas:
    """The buckets of one connector."""

    clock: Clock
    known_per_second: int
    strangers_per_minute: int
    configured: Collection[str]
    """Parties that the configuration names."""
    _known: dict[Did, Bucket] = field(default_factory=dict)
    _strangers: Bucket | None = None

    def admit(self, party: Did, *, known: bool) -> None:
        """Count one request. `TooMany`: not now."""
        now = self.clock.now()
        bucket = self._of(party, now) if known or party in self.configured else self._shared(now)
        wait = bucket.take(now)
        if wait:
            raise TooMany(math.ceil(wait))

    def _of(self, party: Did, now: datetime) -> Bucket:
        bucket = self._known.get(party)
        if bucket is None:
            if len(self._known) >= _MOST_PARTIES:
                self._known.pop(next(iter(self._known)))
            rate = float(self.known_per_second)
            bucket = self._known[party] = Bucket(rate, rate * _KNOWN_BURST_SECONDS, now)
        return bucket

    def _shared(self, now: datetime) -> Bucket:
        if self._strangers is None:
            rate = self.strangers_per_minute / _SECONDS_PER_MINUTE
            self._strangers = Bucket(rate, max(1.0, rate * _STRANGER_BURST_SECONDS), now)
        return self._strangers
