"""That our message was taken is kept with the peer's next word, or by itself where none follows, or we die before."""

from __future__ import annotations

import asyncio
from pathlib import Path

from connector.config import Approvals
from connector.exchange.rows import ProcessRow
from connector.model import Pid
from connector.protocol import compose
from connector.protocol.process import Process, Role
from tests.exchange.deals import Deal, ask
from tests.exchange.test_hostile import play, proof, say, services, settled
from tests.simulator import Node, World

AT_ONCE = 0.001
"""Less than any way over the network takes."""


async def begun(customer: Node, supplier: Node) -> Deal:
    """A request that is held at the supplier; its acknowledgement has just come, and is not kept yet."""
    deal = asyncio.create_task(ask(customer, supplier))
    for _ in range(1_000):
        await asyncio.sleep(AT_ONCE)
        if (row := await held(customer, supplier)) is not None:
            deal.cancel()
            return Deal(customer, supplier, str(row.peer_pid))
    raise AssertionError("the request never came")


async def held(customer: Node, supplier: Node) -> ProcessRow | None:
    """The supplier's side of it."""
    rows = await supplier.store.newest_processes("", "negotiation", counterparty=customer.config.did)
    return rows[0] if rows else None


async def shown(node: Node, asking: Node, pid: str) -> bytes:
    """What a peer sees of a negotiation there."""
    answer = await say(node, f"/dsp/2025-1/negotiations/{pid}", b"", await proof(asking, node.config.did), "GET")
    return answer.body


async def sent(customer: Node, deal: Deal) -> list[int]:
    """With which statuses our messages are kept."""
    return [one.status for one in await customer.store.messages("", "negotiation", deal.pid) if one.direction == "out"]


def test_one_commit_keeps_an_acknowledgement_and_what_follows(tmp_path: Path) -> None:
    """Three commits a side make a contract between two that know each other; they were five and four."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        await settled(customer, supplier, "first")
        pid = str((await settled(customer, supplier, "second"))["negotiation"])
        await asyncio.sleep(1)
        deal = Deal(customer, supplier, pid)
        assert await deal.states() == ("FINALIZED", "FINALIZED")
        assert [(await deal.row(node)).version for node in (customer, supplier)] == [3, 3]
        assert await sent(customer, deal) == [201, 200]
        assert await customer.store.next_outbox() is None

    play(tmp_path, scene)


def test_where_nothing_follows_it_is_kept_by_itself(tmp_path: Path) -> None:
    """A person is to answer. The peer that asks sees at once what it has told us itself."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        deal = await begun(customer, supplier)
        assert (await deal.row(customer)).version == 1
        assert b'"REQUESTED"' in await shown(customer, supplier, deal.pid)
        assert await sent(customer, deal) == []
        await asyncio.sleep(1)
        assert ((await deal.row(customer)).version, await deal.states()) == (2, ("REQUESTED", "REQUESTED"))
        assert await sent(customer, deal) == [201]

    play(tmp_path, scene, approvals=Approvals(request="hold"))


def test_what_is_refused_meanwhile_costs_no_acknowledgement(tmp_path: Path) -> None:
    """The refusal is decided on the state after it, and both are kept."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        deal = await begun(customer, supplier)
        pid = (await deal.row(supplier)).pid
        peer = Process(role=Role.PROVIDER, pid=Pid(pid), peer_pid=Pid(deal.pid))
        body = compose.dump(compose.contract_finalized("urn:uuid:1", peer))
        answer = await say(
            customer, f"/dsp/2025-1/negotiations/{deal.pid}/events", body, await proof(supplier, customer.config.did)
        )
        assert answer.status == 400
        assert b"not possible in the state REQUESTED" in answer.body
        await asyncio.sleep(1)
        assert ((await deal.row(customer)).version, (await deal.row(customer)).state) == (2, "REQUESTED")
        assert await sent(customer, deal) == [201]

    play(tmp_path, scene, approvals=Approvals(request="hold"))


def test_who_dies_before_it_is_kept_says_it_again(tmp_path: Path) -> None:
    """The peer has the message once, and answers as before."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        deal = await begun(customer, supplier)
        await customer.die()
        assert await sent(customer, deal) == []
        customer.start()
        await asyncio.sleep(60)
        assert await sent(customer, deal) == [201]
        await deal.decide(supplier, "approve")
        assert await deal.states() == ("FINALIZED", "FINALIZED")
        assert len(await services(supplier).store.newest_processes("", "negotiation")) == 1

    play(tmp_path, scene, approvals=Approvals(request="hold"))
