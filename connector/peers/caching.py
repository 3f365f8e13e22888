"""A bounded cache of things fetched from others: a time to live, refusals too, one fetch at a time per key.

Time comes as an argument. What is fetched, and what it means, is `resolver`'s.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from connector.errors import ConnectorError, PeerUnreachable

V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept(Generic[V]):
    """What came of a fetch, until when it counts, and what it weighs."""

    until: datetime
    value: V | None
    error: ConnectorError | None
    weight: int
    asked: datetime


@dataclass(slots=True, kw_only=True)
class FetchCache(Generic[V]):
    """Keeps the newest answers within `max_weight`; several callers for one key share one fetch."""

    lifetime: timedelta
    refusal_lifetime: timedelta
    unreachable_lifetime: timedelta
    max_weight: int
    weigh: Callable[[V], int]
    _kept: OrderedDict[str, _Kept[V]] = field(default_factory=OrderedDict)
    _fetching: dict[str, asyncio.Task[_Kept[V]]] = field(default_factory=dict)
    _weight: int = 0

    async def get(self, key: str, now: Callable[[], datetime], fetch: Callable[[str], Awaitable[V]]) -> V:
        """The value, or the error that fetching it gave."""
        kept = self._kept.get(key)
        if kept is None or not kept.asked <= now() < kept.until:  # the clock may have jumped back
            task = self._fetching.get(key)
            if task is None:
                task = asyncio.create_task(self._fetch(key, now, fetch))
                self._fetching[key] = task
            # One caller that goes away must not take the answer from the others.
            kept = await asyncio.shield(task)
        else:
            self._kept.move_to_end(key)
        if kept.error is not None:
            raise kept.error.afresh()
        assert kept.value is not None, "a fetch gives a value or an error"
        return kept.value

    async def get_newer(
        self, key: str, now: Callable[[], datetime], fetch: Callable[[str], Awaitable[V]], pause: timedelta
    ) -> V:
        """The value fetched anew, unless it was asked for within the pause; what is kept, where it can't be had now."""
        kept = self._kept.get(key)
        due = kept is not None and kept.value is not None and not kept.asked <= now() < kept.asked + pause
        if due and key not in self._fetching:
            self._fetching[key] = asyncio.create_task(self._fetch(key, now, fetch, kept))
        if (task := self._fetching.get(key)) is not None:
            await asyncio.shield(task)
        return await self.get(key, now, fetch)

    def forget(self, key: str) -> None:
        """Fetch it again the next time."""
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._weight -= kept.weight

    def forget_refusals(self) -> None:
        """Fetch again what was refused."""
        for key in [key for key, kept in self._kept.items() if kept.error is not None]:
            self.forget(key)

    async def _fetch(
        self,
        key: str,
        now: Callable[[], datetime],
        fetch: Callable[[str], Awaitable[V]],
        former: _Kept[V] | None = None,
    ) -> _Kept[V]:
        asked = now()
        try:
            try:
                value = await fetch(key)
                until, weight = now() + self.lifetime, self.weigh(value)
                kept = _Kept(until=until, value=value, error=None, weight=weight, asked=asked)
            except ConnectorError as error:
                # A peer that is down may be back in a moment; one that answers wrongly will do so for a while.
                unreachable = isinstance(error, PeerUnreachable)
                lifetime = self.unreachable_lifetime if unreachable else self.refusal_lifetime
                kept = _Kept(until=now() + lifetime, value=None, error=error.afresh(), weight=1, asked=asked)
                kept = kept if former is None else replace(former, asked=asked)
            self._keep(key, kept)
            return kept
        finally:
            del self._fetching[key]

    def _keep(self, key: str, kept: _Kept[V]) -> None:
        self.forget(key)
        self._kept[key] = kept
        self._weight += kept.weight
        while self._weight > self.max_weight and len(self._kept) > 1:
            self.forget(next(iter(self._kept)))
