"""Hundreds of negotiations and transfers among three connectors over a bad network, in virtual time.

What must hold at the end, whatever the network did and whoever died: both sides agree, there is at most one agreement
per negotiation and it has the same bytes on both sides, the data is there, the evidence is whole, nothing waits.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from connector.errors import CannotCheck, ConnectorError, NotAllowed, Unavailable
from connector.exchange.rows import ProcessKind, ProcessRow
from connector.model import Did, JsonObject
from connector.provenance.evidence import check
from connector.server import commands, fetching, transfers
from tests.network import BAD, GOOD, VirtualLoop, Weather, spell
from tests.simulator import KEPT, SHARED, Died, Node, World

KINDS: tuple[ProcessKind, ...] = ("negotiation", "transfer")
ENDS = {"negotiation": {"FINALIZED", "TERMINATED"}, "transfer": {"COMPLETED", "TERMINATED"}}
NODES, ROWS, JOBS = 3, 4, 12
PATIENCE_SECONDS = 3_600


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What a run came to."""

    ended: Counter[str] = field(default_factory=Counter)
    trace: str = ""
    carried: int = 0
    deaths: int = 0


async def job(world: World, chance: random.Random, number: int) -> str:
    """One contract and, if it is given, its data; commands are repeated with their keys until they are answered."""
    customer, supplier = chance.sample(world.nodes, 2)
    wanted = KEPT if chance.random() < 0.2 else SHARED
    stop, push = chance.random() < 0.3, chance.random() < 0.3
    await asyncio.sleep(chance.uniform(0, 30))
    peer = Did(supplier.config.did)
    while True:
        asked = await _repeated(customer, lambda services: commands.request(services, peer, wanted, f"r{number}", 60))
        if asked["state"] in ENDS["negotiation"]:
            break
    if asked["state"] == "TERMINATED":
        return "refused"
    agreement = str(asked["agreement"])
    if stop:
        started = await _repeated(
            customer, lambda services: fetching.start_transfer(services, agreement, f"s{number}", 60)
        )
        sides = [customer, supplier]
        for word in chance.choices(("suspend", "resume"), k=chance.randrange(6)):
            await asyncio.gather(
                *(_operate(who, word, str(started["transfer"])) for who in chance.sample(sides, chance.randint(1, 2)))
            )
        await _terminate(chance.choice(sides), customer, str(started["transfer"]))
    while True:
        got = await _repeated(
            customer, lambda services: fetching.fetch(services, agreement, f"f{number}", 60, lambda _: None, push=push)
        )
        if got["state"] in ENDS["transfer"]:
            assert not got["rejected"], got["findings"]
            assert got["state"] == "COMPLETED" or not push, got["termination"]
            return str(got["state"])


async def _repeated(node: Node, call: object) -> JsonObject:
    while True:
        try:
            assert callable(call)
            asked = node.turn()
            if asked.services is not None:
                answer: JsonObject = await asked.run(call(asked.services))
                return answer
        except (Died, CannotCheck, Unavailable):  # as the command line does: anything else is an answer
            pass
        except NotAllowed:
            pass  # a late copy of our catalogue request was answered first, and used up its token
        await asyncio.sleep(1)


async def _operate(who: Node, word: str, pid: str) -> None:
    """An operator tries once; both may at the same time, each the other's opposite."""
    who = who.turn()
    if who.services is not None:
        with suppress(Died, ConnectorError):
            await who.run(transfers.act(who.services, word, pid, wait_seconds=5))


async def _terminate(who: Node, customer: Node, pid: str) -> None:
    """An operator of either side stops the transfer, and tries again when the connector died under it."""
    while True:
        row = await customer.store.load_process("", "transfer", pid)
        wanted = pid if who is customer else row.peer_pid if row else None
        asked = who.turn()
        if wanted is not None and asked.services is not None:
            try:
                await asked.run(asked.services.transfer.terminate(wanted, "stopped", "by an operator"))
            except (Died, ConnectorError):
                pass  # as the command line does: again
            else:
                return
        await asyncio.sleep(1)


async def deaths(world: World, chance: random.Random, count: int) -> None:
    """So many deaths, each followed by a restart."""
    for _ in range(count):
        await asyncio.sleep(chance.uniform(0, 12))
        node = chance.choice(world.processes)
        if node.services is not None:
            await node.die()
            await asyncio.sleep(chance.uniform(0, 5))
            node.start()


async def play(folder: Path, seed: int, weather: Weather, dying: int, replicas: int = 1) -> Outcome:
    """One run, judged."""
    world = World(folder=folder, seed=seed, weather=weather, replicas=replicas)
    await world.populate(NODES, ROWS)
    chance = random.Random(seed + 1)
    chances = [random.Random(chance.getrandbits(64)) for _ in range(JOBS + 1)]
    outcome = Outcome()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            results = await asyncio.gather(
                deaths(world, chances[JOBS], dying), *(job(world, chances[number], number) for number in range(JOBS))
            )
            while not await quiet(world):  # noqa: ASYNC110 - nobody could set an event for "nothing is left to do"
                await asyncio.sleep(1)
        outcome.ended.update(one for one in results if one is not None)
        await judge(world)
    finally:
        await world.end()
    outcome.trace, outcome.carried = world.network.trace.hexdigest(), world.network.carried
    outcome.deaths = sum(node.deaths - 1 for node in world.processes)
    return outcome


async def quiet(world: World) -> bool:
    """Whether no copy flies, nothing waits and every process has ended."""
    if world.network.copies:
        return False
    for node in world.nodes:
        if await node.store.next_outbox() is not None:
            return False
        for kind in KINDS:
            rows = await node.store.newest_processes("", kind, limit=1000)
            if any(row.state not in ENDS[kind] for row in rows):
                return False
    return True


async def judge(world: World) -> None:
    """The promises."""
    for node in world.nodes:
        assert not check(await node.store.evidence("", limit=100_000)), "the evidence is broken"
        for kind in KINDS:
            for row in await node.store.newest_processes("", kind, limit=1000):
                await _both_sides(world, node, row)
        for agreement in await node.store.list_agreements(""):
            assert agreement.replaced_by is None, "this network has no peer that makes agreements twice"


async def _both_sides(world: World, node: Node, row: ProcessRow) -> None:
    other = next(one for one in world.nodes if one.config.did == row.counterparty)
    theirs = await other.store.find_process("", row.kind, node.config.did, row.pid)
    if theirs is None:
        assert row.role == "consumer", "a provider's process has a consumer"
        assert row.state == "TERMINATED", "a process that the peer never saw has no other end"
        return
    assert theirs.state == row.state, f"{row.kind} {row.pid}: {row.state} here, {theirs.state} there"
    assert theirs.peer_pid == row.pid
    assert row.peer_pid in {theirs.pid, None}
    if row.kind == "negotiation":
        own = [one for one in await node.store.list_agreements("") if one.negotiation_pid == row.pid]
        their = [one for one in await other.store.list_agreements("") if one.negotiation_pid == theirs.pid]
        assert [one.agreement for one in own] == [one.agreement for one in their], "two agreements, or other bytes"
        assert len(own) == (row.state == "FINALIZED"), "one agreement per contract, none without"
    elif row.role == "consumer" and row.state == "COMPLETED":
        await _same_octets(node, other)


async def _same_octets(customer: Node, supplier: Node) -> None:
    given = [row for row in await supplier.store.list_records("") if row.holder == supplier.config.did]
    assert len(given) == ROWS
    for record in given:
        left = {
            row.octets for row in await supplier.store.credentials("", record.holder, record.record_id, record.version)
        }
        kept = {
            row.octets for row in await customer.store.credentials("", record.holder, record.record_id, record.version)
        }
        assert kept, "no data"
        assert kept <= left, "other octets than those that were given"


def run(folder: Path, seed: int, weather: Weather, dying: int, replicas: int = 1) -> Outcome:
    """A run in a loop of its own; its seed stands in the failure."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(play(folder, seed, weather, dying, replicas))
    except BaseException as error:
        error.add_note(f"seed {seed}, {weather}, {dying} deaths, {replicas} processes of each company")
        raise
    finally:
        loop.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the connectors' memberships lie, the same for all runs."""
    return tmp_path_factory.mktemp("world")


def test_a_good_network_ends_everything_at_once(tmp_path: Path) -> None:
    """Without faults all jobs end as they should: contracts with data, refusals, stopped transfers."""
    outcome = run(tmp_path, 1, GOOD, 0)
    print(outcome)
    assert sum(outcome.ended.values()) == JOBS
    assert outcome.ended["COMPLETED"]
    assert outcome.ended["refused"]


@pytest.mark.parametrize("seed", range(100, 110))
def test_a_bad_network(folder: Path, seed: int) -> None:
    """Lost requests, lost answers, late copies and deaths change nothing of what must hold."""
    outcome = run(folder, seed, BAD, 4)
    print(seed, outcome)
    assert sum(outcome.ended.values()) == JOBS


@pytest.mark.long
@pytest.mark.parametrize("decade", range(20))
def test_bad_networks_for_long(folder: Path, decade: int) -> None:
    """Two hundred other seeds, with worse weather and more deaths."""
    for seed in range(1000 + decade * 10, 1010 + decade * 10):
        outcome = run(folder, seed, spell(BAD, lose_request=0.25, lose_answer=0.25, until=200.0), 8)
        assert sum(outcome.ended.values()) == JOBS


def test_the_same_seed_gives_the_same_run(folder: Path) -> None:
    """Every byte that was carried, at the same time."""
    first, second = (run(folder, 7, BAD, 2) for _ in range(2))
    assert first.trace == second.trace
    assert first.carried == second.carried
