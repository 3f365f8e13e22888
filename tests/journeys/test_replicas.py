"""Two processes of one company on one PostgreSQL, behind a front that gives each connection to the next of them; one or
the other is killed (`kill -9`) again and again, while the company publishes and another one trades with it.

At the end nothing is lost and nothing is there twice: each command has made one process, both ends of each have ended
alike over one agreement, the data is there, the evidence is one whole chain. Nothing that is judged depends on when the
deaths came. The same in virtual time, without kills of real processes: `tests/exchange/test_replicas.py`.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from itertools import cycle
from pathlib import Path

import pytest

from connector.cli.companies import free_ports
from connector.config import load
from connector.exchange.ports import Store
from connector.exchange.rows import ProcessKind
from connector.model import JsonObject
from connector.provenance.evidence import check
from connector.stores import open_store
from tests import postgres
from tests.bench.authority import Authority
from tests.journeys.companies import Keeper, Member, make_pair, publish, until_answered
from tests.journeys.test_crash import site_of

KILLS, TRADERS = 5, 2
SETTLE_SECONDS = 120.0
ENDS: dict[ProcessKind, str] = {"negotiation": "FINALIZED", "transfer": "COMPLETED"}


@pytest.mark.long
def test_two_processes_of_one_company_are_as_one(tmp_path: Path) -> None:
    """Kills of either, trade and publication all the while."""
    ports = free_ports(8)
    authority = Authority(ports.pop())
    giver, taker = make_pair(tmp_path, authority, ports[:4])
    url = asyncio.run(postgres.create())
    giver, second = _doubled(giver, url, ports[4:])
    with site_of(authority), _front(giver, second), Keeper((giver, second, taker)) as keeper:
        traded, published = _besieged(giver, second, taker, keeper)
        print(f"{traded} trades, {published} publications, deaths: {keeper.deaths}")
        _settled(giver, taker, traded)
    asyncio.run(_judge(giver, taker, url, traded, published))


def _doubled(giver: Member, url: str, ports: list[int]) -> tuple[Member, Member]:
    """The company's two processes: one folder, one store, one address, each with ports of its own."""
    text = giver.file.read_text("utf-8").replace("\npublic_url", f'\nstore = "{url}"\npublic_url')
    listen = giver.config.listen

    def member(name: str, port: int, management_port: int) -> Member:
        own = text.replace(f"\nport = {listen.port}", f"\nport = {port}")
        own = own.replace(f"management_port = {listen.management_port}", f"management_port = {management_port}")
        file = giver.config.folder / name
        file.write_text(own, "utf-8")
        return Member(load(file), name=name)

    return member("connector.toml", ports[0], listen.management_port), member("second.toml", ports[1], ports[2])


@contextmanager
def _front(*members: Member) -> Iterator[None]:
    """What stands before them at the public address: each connection goes to the next one that takes it."""
    turn, loop = cycle(one.config.listen.port for one in members), asyncio.new_event_loop()
    port = int(members[0].config.public_url.rpartition(":")[2])

    async def pipe(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while piece := await source.read(1 << 16):
                target.write(piece)
                await target.drain()
        target.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in members:
            with suppress(OSError):
                inner, outer = await asyncio.open_connection("127.0.0.1", next(turn))
                await asyncio.gather(pipe(reader, outer), pipe(inner, writer))
                return
        writer.close()

    server = loop.run_until_complete(asyncio.start_server(connected, "127.0.0.1", port))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        for task in asyncio.all_tasks(loop):
            task.cancel()
            with suppress(asyncio.CancelledError):
                loop.run_until_complete(task)
        loop.close()


def _besieged(giver: Member, second: Member, taker: Member, keeper: Keeper) -> tuple[int, int]:
    """Trade and publish until enough have died; how many trades and publications were made."""
    until_answered(lambda: publish(giver, 1))
    over = threading.Event()

    def trade(trader: int) -> int:
        rounds = 0
        while not over.is_set():
            _exchange(giver, taker, f"{trader}-{rounds}")
            rounds += 1
        return rounds

    def offer() -> int:
        rows, turn = 1, cycle((second, giver))
        while not over.is_set():
            rows += 1
            answer = until_answered(partial(publish, next(turn), rows))
            assert not answer["findings"], answer
        return rows

    with ThreadPoolExecutor() as pool:
        work = [pool.submit(trade, number) for number in range(TRADERS)]
        offering = pool.submit(offer)
        try:
            chance = random.Random(20270315)
            for victim in chance.choices((giver, second), k=KILLS):
                until_answered(partial(victim.management.get, "/health/ready"))
                before = keeper.deaths.total()
                time.sleep(chance.uniform(0.2, 2.0))
                assert victim.process is not None
                os.kill(victim.process.pid, signal.SIGKILL)
                while keeper.deaths.total() == before:
                    time.sleep(0.02)
        finally:
            over.set()
        return sum(one.result() for one in work), offering.result()


def _exchange(giver: Member, taker: Member, key: str) -> None:
    """A contract and its data."""
    wanted: JsonObject = {"peer": giver.config.did, "dataset": "bench-sites", "wait_seconds": 120}
    asked = until_answered(lambda: taker.management.post("/v1/request", wanted, key=f"r{key}"))
    assert asked["state"] == "FINALIZED", asked
    body: JsonObject = {"agreement": asked["agreement"], "wait_seconds": 120}
    got = until_answered(lambda: taker.management.work("/v1/fetch", body, key=f"f{key}"))
    assert (got["state"], got["findings"]) == ("COMPLETED", []), got


def _settled(giver: Member, taker: Member, traded: int) -> None:
    """Wait until nothing is left to be said: whoever was told last may need a lease's time."""
    expected = {f"{kind} {state}": traded for kind, state in ENDS.items()} | {"outbox": 0}
    deadline = time.monotonic() + SETTLE_SECONDS
    for one in (giver, taker):
        while True:
            counts = until_answered(partial(one.management.get, "/v1/counts"))
            if expected.items() <= counts.items():
                break
            assert time.monotonic() < deadline, (one.config.name, counts)
            time.sleep(0.2)


async def _judge(giver: Member, taker: Member, url: str, traded: int, published: int) -> None:
    given = await open_store(url, company=giver.config.did)
    taken = await open_store(f"sqlite:{taker.config.path('store/connector.db')}", company=taker.config.did)
    try:
        for kind, end in ENDS.items():
            rows = await taken.newest_processes("", kind, limit=10_000)
            theirs = {row.pid: row for row in await given.newest_processes("", kind, limit=10_000)}
            assert len(rows) == len(theirs) == traded
            assert {row.state for row in (*rows, *theirs.values())} == {end}
            assert {row.peer_pid for row in rows} == set(theirs)
        agreements = [sorted(one.agreement for one in await store.list_agreements("")) for store in (given, taken)]
        assert len(agreements[0]) == traded, "one agreement for each contract"
        assert agreements[0] == agreements[1], "the same on both sides"
        for store in (given, taken):
            await _check_evidence(store)
        records = await given.list_records("", origin="own", limit=10_000)
        assert (len(records), {row.version for row in records}) == (published, {1})
        held = {row.record_id: row for row in await taken.list_records("", origin="received", limit=10_000)}
        assert held.keys() <= {row.record_id for row in records}
        assert all(set(held[row.record_id].digests) == set(row.digests) for row in records if row.record_id in held)
        places = [
            one.status_index
            for row in records for one in await given.credentials("", row.holder, row.record_id, row.version)
        ]  # fmt: skip
        assert len(set(places)) == len(places), "each index of the status list is one credential's"
    finally:
        await given.close()
        await taken.close()


async def _check_evidence(store: Store) -> None:
    rows = await store.evidence("", limit=1_000_000)
    assert rows
    assert not check(rows)
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
