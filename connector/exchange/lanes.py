"""Which deliveries may be under way: a lane per counterparty, so that a silent one holds up nobody else.

A lane takes some rows at once, one alone after its counterparty gave no answer, and silent lanes together never take
more than half of the room. A party that nobody knows counts as silent until it answers: any stranger can have us answer
to an address that takes everything and says nothing. Lanes take turns. What waits here is in the store as well and
leased to us; a row that waits too long is left to the next claim. Delivering is the outbox's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from connector.exchange.rows import OutboxRow

ROOM = 192
"""Deliveries under way at once, to all counterparties together."""
WIDTH = 32
"""Deliveries under way at once to one counterparty: as many connections as the client opens to a host."""
_MOST_WAITING = 1_024
"""Rows of one counterparty that wait in memory; more are left in the store."""
_MOST_LANES = 10_000


@dataclass(slots=True)
class _Lane:
    waiting: deque[OutboxRow] = field(default_factory=deque)
    under_way: int = 0
    silent: bool = False
    queued: bool = False
    """Whether it is in line for its turn."""

    @property
    def has_room(self) -> bool:
        return self.under_way < (1 if self.silent else WIDTH)


@dataclass(slots=True)
class Lanes:
    """All lanes, by counterparty."""

    room: int = ROOM
    known: Callable[[str], bool] = lambda _: True
    """Whether a counterparty is one that we know."""
    under_way: int = 0
    _lanes: dict[str, _Lane] = field(default_factory=dict)
    _line: deque[str] = field(default_factory=deque)
    _silent_under_way: int = 0

    def put(self, row: OutboxRow) -> None:
        """Let a row wait for its turn."""
        lane = self._lanes.get(row.counterparty)
        if lane is None:
            lane = self._lanes[row.counterparty] = _Lane(silent=not self.known(row.counterparty))
        if len(lane.waiting) < _MOST_WAITING:
            lane.waiting.append(row)
            self._queue(row.counterparty, lane)

    def take(self, now: int) -> OutboxRow | None:
        """The next row to deliver, if there is room. `now`: a row whose lease does not last is passed over."""
        for _ in range(len(self._line)):
            if self.under_way >= self.room:
                return None
            name = self._line.popleft()
            lane = self._lanes[name]
            lane.queued = False
            while lane.waiting and lane.waiting[0].lease_until <= now:
                lane.waiting.popleft()
            if not lane.waiting or not lane.has_room:
                self._forget(name, lane)
                continue
            if lane.silent and self._silent_under_way >= self.room // 2:
                self._queue(name, lane)
                continue
            row = lane.waiting.popleft()
            lane.under_way += 1
            self.under_way += 1
            self._silent_under_way += lane.silent
            self._queue(name, lane)
            return row
        return None

    def done(self, counterparty: str, *, answered: bool | None) -> None:
        """A delivery ended. `answered`: whether anything came back (None: nothing was asked)."""
        lane = self._lanes[counterparty]
        lane.under_way -= 1
        self.under_way -= 1
        self._silent_under_way -= lane.silent
        if answered is not None and lane.silent is answered:
            self._turn(lane, silent=not answered)
        self._queue(counterparty, lane)
        self._forget(counterparty, lane)

    def heard(self, counterparty: str) -> None:
        """The counterparty spoke, so it is there."""
        lane = self._lanes.get(counterparty)
        if lane is not None and lane.silent:
            self._turn(lane, silent=False)
            self._queue(counterparty, lane)

    def full(self) -> tuple[str, ...]:
        """Counterparties that have enough to do: nothing more is claimed for them."""
        return tuple(
            name for name, lane in self._lanes.items()
            if lane.under_way + len(lane.waiting) >= (1 if lane.silent else WIDTH)
        )  # fmt: skip

    def _turn(self, lane: _Lane, *, silent: bool) -> None:
        lane.silent = silent
        self._silent_under_way += lane.under_way if silent else -lane.under_way

    def _queue(self, name: str, lane: _Lane) -> None:
        if lane.waiting and lane.has_room and not lane.queued:
            lane.queued = True
            self._line.append(name)

    def _forget(self, name: str, lane: _Lane) -> None:
        """A lane with nothing in it says nothing, unless its counterparty is silent."""
        if not lane.waiting and not lane.under_way and (not lane.silent or len(self._lanes) > _MOST_LANES):
            del self._lanes[name]
