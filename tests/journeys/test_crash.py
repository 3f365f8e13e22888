"""Death at each boundary between commit and send of one negotiation and one transfer, of either side.

Two real processes over SQLite; the one that dies is started again, the commands are repeated with their idempotency
keys, and both ends finish with the same agreement and the data. A round without a death is behind the last boundary.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from connector.cli.companies import free_ports
from connector.model import Json, JsonObject
from tests.bench.authority import Authority
from tests.journeys.companies import Keeper, Member, make_pair, publish, until_answered
from tests.journeys.crashing import DEAD, POINTS
from tests.listening import beside

SETTLE_SECONDS = 120.0
LEAST = {
    ("giver", "after-commit"): 6, ("giver", "after-post"): 3, ("taker", "after-commit"): 8, ("taker", "after-post"): 5,
}  # fmt: skip
"""Boundaries of a round in which everybody answers at once."""


@dataclass(slots=True)
class Trade:
    """One gives, one takes; each round has one new row to carry."""

    giver: Member
    taker: Member
    rows: int = 0

    def publish(self) -> None:
        """Offer one row more."""
        self.rows += 1
        answer = until_answered(lambda: publish(self.giver, self.rows))
        assert not answer["findings"], answer

    def exchange(self) -> JsonObject:
        """A contract and its data, judged from both ends."""
        taker, key = self.taker, self.rows
        body: JsonObject = {"peer": self.giver.config.did, "dataset": "bench-sites", "wait_seconds": 120}
        asked = until_answered(lambda: taker.management.post("/v1/request", body, key=f"r{key}"))
        assert asked["state"] == "FINALIZED", asked
        wanted: JsonObject = {"agreement": asked["agreement"], "wait_seconds": 120}
        got = until_answered(lambda: taker.management.work("/v1/fetch", wanted, key=f"f{key}"))
        assert got["state"] == "COMPLETED", got
        assert (got["records"], got["findings"]) == (1, []), got
        return {"negotiation": asked["negotiation"], "transfer": got["transfer"], "agreement": asked["agreement"]}

    def judge(self, trade: JsonObject) -> None:
        """Both ends have ended alike, over one agreement."""
        for kind, end in (("negotiation", "FINALIZED"), ("transfer", "COMPLETED")):
            pid = str(trade[kind])
            assert self._state(self.taker, pid, end) == end
            assert self._state(self.giver, pid, end) == end
        terms = [self._terms(one, str(trade["agreement"])) for one in (self.taker, self.giver)]
        assert len(terms[0]) == 1, "one agreement"
        assert terms[0] == terms[1], "the same on both sides"
        assert self._agreements(self.taker) == self._agreements(self.giver) == self.rows

    def _state(self, member: Member, pid: str, end: str) -> Json:
        """The state, awaited: the one who is told last may need a moment."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            row = until_answered(lambda: member.management.get(f"/v1/processes/{pid}"))
            if (row["state"] == end and row["pending"] is None) or time.monotonic() > deadline:
                return row["state"]
            time.sleep(0.05)

    def _terms(self, member: Member, agreement: str) -> list[Json]:
        return [one["terms"] for one in self._held(member) if one["agreement"] == agreement]

    def _agreements(self, member: Member) -> int:
        return len(self._held(member))

    @staticmethod
    def _held(member: Member) -> list[JsonObject]:
        found = until_answered(lambda: member.management.get("/v1/received"))["agreements"]
        assert isinstance(found, list)
        return [one for one in found if isinstance(one, dict)]


def site_of(authority: Authority) -> AbstractContextManager[None]:
    """The authority's static web site."""

    @asynccontextmanager
    async def served() -> AsyncIterator[None]:
        runner = await authority.serve()
        try:
            yield
        finally:
            await runner.cleanup()

    return beside(served())


def test_both_ends_finish_after_a_death_at_each_boundary(tmp_path: Path) -> None:
    """Each commit and each message of either side, one death each."""
    ports = free_ports(5)
    authority = Authority(ports.pop())
    pair = make_pair(tmp_path, authority, ports)
    trade = Trade(*pair)
    with site_of(authority), Keeper(pair) as keeper:
        trade.publish()
        trade.judge(trade.exchange())  # the first round also asks for memberships; all later ones are alike
        died = {(one.config.folder.name, point): deaths(trade, keeper, one, point) for one in pair for point in POINTS}
    print(f"deaths: {died}, of them as ordered: {keeper.deaths[DEAD]}")
    assert keeper.deaths.total() == keeper.deaths[DEAD] == sum(died.values())
    assert all(died[place] >= least for place, least in LEAST.items()), "a boundary was not reached"


def deaths(trade: Trade, keeper: Keeper, member: Member, point: str) -> int:
    """A round for each boundary, until one ends that has no more of them. (How many there are is the machine's: what a
    peer answers late is kept in a commit of its own.)
    """
    for number in count(1):
        trade.publish()
        before = keeper.deaths.total()
        member.orders.write_text(f"{point} {number}", "ascii")
        try:
            trade.judge(trade.exchange())
        except BaseException as error:
            error.add_note(f"{member.config.folder.name} died at {point} {number}")
            raise
        member.orders.unlink(missing_ok=True)
        if keeper.deaths.total() == before:
            break
    return number - 1
