"""Connections cut at every byte of every message and of its answer: both sides find together again, without a hand.

Two real processes, each behind a proxy that cuts (`fault_proxy`). `make test` cuts at every 193rd byte; the long test
at every one. What must hold stands in `judge`: the same states on both sides, nothing left to send, one agreement.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import orjson
import pytest

from connector.cli.companies import free_ports
from connector.exchange.rows import ProcessRow
from connector.model import JsonObject
from connector.stores.sqlite import SqliteStore
from tests.bench.authority import Authority
from tests.bench.pair import PLAN, POLICY
from tests.journeys.companies import Keeper, Member, make_pair
from tests.journeys.fault_proxy import FaultProxy, Sweep, proxies
from tests.journeys.test_crash import site_of
from tests.listening import beside

FEW, MANY = 4, 20
"""Hands at once: most of the time goes into pauses before a repeat."""
TIMES = 2
"""Whole exchanges cost most, so each of their messages is cut twice: faults come one after the other, too."""
WAIT_SECONDS = 120
QUIET_SECONDS = 60.0
REFUSING = POLICY.replace('"refiner", "cathodeMaker"', '"recycler"').replace(
    '"permission": [', '"permission": [{"action": "list"}, '
)
REFUSAL = frozenset({"ContractRequestMessage", "ContractNegotiationTerminationMessage"})
OFFER = frozenset(
    {
        "ContractOfferMessage", "ContractNegotiationEventMessage:ACCEPTED",
        "TransferSuspensionMessage", "TransferTerminationMessage",
    }
)  # fmt: skip
GRANT = frozenset(
    {
        "ContractAgreementMessage", "ContractAgreementVerificationMessage", "ContractNegotiationEventMessage:FINALIZED",
        "TransferRequestMessage", "TransferStartMessage", "TransferCompletionMessage",
    }
)  # fmt: skip
KINDS = REFUSAL | OFFER | GRANT
"""Every message of both protocols; each of three plays is repeated until its own kinds have been cut everywhere."""
NOT_YET = frozenset({400, 403, 404, 409, 503})
"""What a command is answered whose process is not there yet, or not so far."""


@dataclass(slots=True, kw_only=True)
class Desk:
    """The taker's operator, with as many hands as needed."""

    session: aiohttp.ClientSession
    taker: Member
    giver: Member
    count: int = 0

    async def post(self, path: str, body: JsonObject, at: Member | None = None, *, again: bool = False) -> JsonObject:
        """A command, under a key of its own; of long work the result. `again`: until it can be done."""
        self.count += 1
        member, deadline = at or self.taker, time.monotonic() + WAIT_SECONDS
        url = f"http://127.0.0.1:{member.config.listen.management_port}{path}"
        headers = {"Authorization": f"Bearer {member.management.token}", "Idempotency-Key": f"k{self.count}"}
        while True:
            async with self.session.post(url, json=body, headers=headers) as response:
                told = (await response.read()).strip().splitlines()
            if response.status == 200:
                break
            assert again, told
            assert response.status in NOT_YET, told
            assert time.monotonic() < deadline, told
            await asyncio.sleep(0.05)
        answer: JsonObject = orjson.loads(told[-1])
        result = answer.get("result", answer)
        assert isinstance(result, dict), answer
        return result

    async def granted(self, offer: JsonObject) -> None:
        """A contract and its data, to their ends."""
        asked = await self.post("/v1/request", self._wanted(offer))
        assert asked["state"] == "FINALIZED", asked
        ended = await self.post("/v1/fetch", {"agreement": asked["agreement"], "wait_seconds": WAIT_SECONDS})
        assert ended.get("state") == "COMPLETED", ended

    async def refused(self, offer: JsonObject) -> None:
        """A contract that the policy refuses."""
        asked = await self.post("/v1/request", self._wanted(offer))
        assert asked["state"] == "TERMINATED", asked

    async def offered(self, offer: JsonObject) -> None:
        """A contract that the giver offers and a person accepts; its transfer is suspended and ended."""
        to: JsonObject = {"peer": self.taker.config.did, "dataset": offer["dataset"], "wait_seconds": 0}
        made = await self.post("/v1/offer", to, self.giver)
        waits: JsonObject = {"wait_seconds": WAIT_SECONDS}
        word: JsonObject = {"decision": "approve", **waits}
        asked = await self.post(f"/v1/approvals/{made['negotiation']}", word, again=True)
        assert asked["state"] == "FINALIZED", asked
        started = await self.post("/v1/fetch", {"agreement": asked["agreement"], "pull": False, **waits})
        for word_, state in (("suspend", "SUSPENDED"), ("terminate", "TERMINATED")):
            ended = await self.post(f"/v1/transfers/{started['transfer']}/{word_}", waits, again=True)
            assert ended["state"] == state, ended

    def _wanted(self, offer: JsonObject) -> JsonObject:
        return {**offer, "peer": self.giver.config.did, "wait_seconds": WAIT_SECONDS}


def behind_proxies(pair: tuple[Member, ...], ports: list[int], sweep: Sweep) -> list[FaultProxy]:
    """Let each member listen elsewhere; its public address is a proxy's."""
    made = []
    for one in pair:
        public, inner = one.config.listen.port, ports.pop()
        text = one.file.read_text("utf-8").replace(f"\nport = {public}\n", f"\nport = {inner}\n")
        one.file.write_text(text.replace("retry_first_seconds = 0.2", "retry_first_seconds = 0.05"), "utf-8")
        made.append(FaultProxy(listen=public, target=inner, sweep=sweep))
    return made


def offers_of(giver: Member, taker: Member) -> dict[str, JsonObject]:
    """What the giver publishes, as the taker asks for it: a dataset that it gets, and one that it is refused."""
    (giver.config.folder / "policies" / "kept.json").write_text(REFUSING, "utf-8")
    folder, found = giver.config.folder, {}
    for name, policy in (("shared", "members.json"), ("kept", "kept.json")):
        plan = folder / "plans" / f"{name}.yaml"  # each dataset has records of its own
        plan.write_text(PLAN.replace("bench-sites", name).replace("sites.csv", f"{name}.csv"), "utf-8")
        (folder / "exports" / f"{name}.csv").write_text(f"number,name,country\n{name}-1,Works,FI\n", "utf-8")
        body: JsonObject = {"plan": str(plan), "policy": str(folder / "policies" / policy), "title": name}
        answer = giver.management.work("/v1/publish", body)
        assert not answer["findings"], answer
        found[name] = answer["dataset"]
    listed = taker.management.get(f"/v1/catalog?peer={giver.config.did.replace('%', '%25')}")["datasets"]
    assert isinstance(listed, list)
    offers = {one["dataset"]: one["offers"][0] for one in listed if isinstance(one, dict)}  # type: ignore[index]  # the shape of /v1/catalog
    return {name: {"dataset": dataset, "offer": offers[dataset]} for name, dataset in found.items()}


async def drive(desk: Desk, offers: dict[str, JsonObject], sweep: Sweep, at_once: int) -> None:
    """Contracts until each kind of message has been cut everywhere."""

    async def hand(work: Callable[[JsonObject], Awaitable[None]], offer: JsonObject, kinds: frozenset[str]) -> None:
        while not kinds <= sweep.whole.keys():
            await work(offer)

    async with asyncio.TaskGroup() as hands:
        for _ in range(at_once):
            hands.create_task(hand(desk.granted, offers["shared"], GRANT))
            hands.create_task(hand(desk.offered, offers["shared"], OFFER))
            hands.create_task(hand(desk.refused, offers["kept"], REFUSAL))


def wait_until_quiet(pair: tuple[Member, ...]) -> None:
    """Until nobody has anything left to send, of which a reader of the files sees the end."""
    deadline = time.monotonic() + QUIET_SECONDS
    while any(_waiting(one) for one in pair):
        assert time.monotonic() < deadline, "something waits for ever"
        time.sleep(0.1)


def _waiting(member: Member) -> int:
    with closing(sqlite3.connect(f"file:{_store(member)}?mode=ro", uri=True)) as file:
        count: int = file.execute("SELECT count(*) FROM outbox").fetchone()[0]
        return count


def _store(member: Member) -> Path:
    return member.config.path(member.config.store.removeprefix("sqlite:"))


async def processes(member: Member) -> dict[str, ProcessRow]:
    """Every process of a member that has been stopped, by our pid."""
    store = SqliteStore(_store(member))
    try:
        rows = await store.newest_processes("", "negotiation", "transfer", limit=1_000_000)
    finally:
        await store.close()
    return {row.pid: row for row in rows}


def judge(taken: dict[str, ProcessRow], given: dict[str, ProcessRow]) -> None:
    """Each process has its other end, and both have ended alike."""
    assert {row.pid: row.state for row in taken.values()} == {row.peer_pid: row.state for row in given.values()}
    assert {row.state for row in taken.values()} == {"FINALIZED", "TERMINATED", "COMPLETED"}
    terms = [
        {orjson.dumps(orjson.loads(row.body)["content"].get("agreement"), option=orjson.OPT_SORT_KEYS)
         for row in rows.values() if row.state == "FINALIZED"}
        for rows in (taken, given)
    ]  # fmt: skip
    assert terms[0] == terms[1], "other agreements on the two sides"


def run(folder: Path, step: int, at_once: int) -> Sweep:
    """Cut at every so many bytes."""
    ports = free_ports(7)
    authority, sweep = Authority(ports.pop()), Sweep(step=step, times=TIMES)
    pair = make_pair(folder, authority, ports)

    async def trade() -> None:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            await drive(Desk(session=session, taker=pair[1], giver=pair[0]), offers_of(*pair), sweep, at_once)

    made = behind_proxies(pair, ports, sweep)
    with site_of(authority), beside(proxies(*made)), Keeper(pair):
        asyncio.run(trade())
        wait_until_quiet(pair)
    judge(*(asyncio.run(processes(one)) for one in reversed(pair)))
    return sweep


def test_cut_here_and_there(tmp_path: Path) -> None:
    """Every 193rd byte: a request is cut about ten times, an answer a few."""
    sweep = run(tmp_path, 193, FEW)
    print(f"cut {sweep.cuts.total()} connections: {dict(sweep.cuts)}")
    assert sweep.whole.keys() == KINDS


@pytest.mark.long
def test_cut_at_every_byte(tmp_path: Path) -> None:
    """All of them."""
    sweep = run(tmp_path, 1, MANY)
    print(f"cut {sweep.cuts.total()} connections: {dict(sweep.cuts)}; whole lengths {sweep.whole}")
    assert sweep.whole.keys() == KINDS
    assert all(sweep.cuts[kind] >= length for kind, length in sweep.whole.items())
