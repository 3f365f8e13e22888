"""Negotiations that wait, and how they end: limits of a person's time and of our patience, ends from either side."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from connector.config import Approvals, Limits
from connector.errors import IllegalTransition
from connector.exchange.stored import micros
from connector.model import Did, JsonObject
from connector.protocol import negotiation
from connector.server import commands
from tests.exchange.deals import OTHER_TERMS, ask, offer, queue, timers
from tests.exchange.test_hostile import play, services
from tests.simulator import SHARED, World

# --- time ------------------------------------------------------------------------------------------------------------


def test_without_a_word_it_is_refused_in_time(tmp_path: Path) -> None:
    """After the limit the turn is refused with a code of its own, and the queue is empty."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        deal = await ask(customer, supplier)
        await asyncio.sleep(50)
        assert await deal.states() == ("REQUESTED", "REQUESTED")
        await asyncio.sleep(20)
        assert await deal.states() == ("TERMINATED", "TERMINATED")
        assert (await deal.content(customer))["termination"]["code"] == "not-decided"
        assert await queue(supplier) == []
        for node in world.nodes:
            assert await timers(node, (await deal.row(node)).pid) == set()

    play(tmp_path, scene, approvals=Approvals(request="hold", limit_seconds=60))


def test_who_waits_is_told_for_what(tmp_path: Path) -> None:
    """Once, after a moment: for a person at the peer, or for a peer that is away. Who waits no longer hears nothing."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        here, peer = services(customer), Did(supplier.config.did)
        dataset = (await here.browse.find(peer, SHARED)).dataset
        terms = dataset.has_policy[0].as_json()
        for key, said in (("held", "a person decides there"), ("away", "is not acknowledged yet")):
            told: list[JsonObject] = []
            begun = await commands.request(here, peer, dataset.id, key, 30, offer=terms, tell=told.append)
            assert [one["negotiation"] for one in told] == [begun["negotiation"]]
            assert said in str(told[0]["waiting"])
            await supplier.die()
        supplier.start()
        told = []
        await commands.request(here, peer, dataset.id, "quick", 2, offer=terms, tell=told.append)
        assert told == []

    play(tmp_path, scene, approvals=Approvals(request="hold", limit_seconds=600))


def test_a_word_may_have_its_time(tmp_path: Path) -> None:
    """Until then it waits, also past the limit, survives a restart, and another word may take its place."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        deal = await ask(customer, supplier)
        at = micros(supplier.clock.now()) + 100_000_000
        await deal.decide(supplier, "reject", reason="no", not_before=at)
        await deal.decide(supplier, "approve", not_before=at)
        (waits,) = await queue(supplier)
        assert (waits.decision, waits.not_before) == ("approve", at)
        await supplier.die()
        supplier.start()
        await asyncio.sleep(80)
        assert await deal.states() == ("REQUESTED", "REQUESTED")
        await asyncio.sleep(20)
        assert await deal.states() == ("FINALIZED", "FINALIZED")
        assert await queue(supplier) == []

    play(tmp_path, scene, approvals=Approvals(request="hold", limit_seconds=60))


def test_what_moves_the_process_ends_the_waiting(tmp_path: Path) -> None:
    """The customer gives up while the supplier's person thinks: the queue forgets it, and the word with it."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        deal = await ask(customer, supplier)
        await deal.decide(supplier, "approve", not_before=micros(supplier.clock.now()) + 60_000_000)
        await services(customer).negotiate.terminate(deal.pid, "changed-our-mind", "we bought elsewhere")
        await asyncio.sleep(90)
        assert await deal.states() == ("TERMINATED", "TERMINATED")
        assert await queue(supplier) == []
        content = await deal.content(supplier)
        assert "word" not in content
        assert content["termination"] == {"code": "changed-our-mind", "reason": ["we bought elsewhere"], "by": "peer"}

    play(tmp_path, scene, approvals=Approvals(request="hold"))


def test_nobody_waits_for_ever(tmp_path: Path) -> None:
    """Each side has a patience, also with what the other began; then it is terminated, whatever the other does."""

    async def scene(world: World) -> None:
        supplier, customer = world.nodes
        one, two = await offer(supplier, customer), await ask(customer, supplier)
        await customer.die()
        await asyncio.sleep(400)
        assert (await one.row(supplier)).state == (await two.row(supplier)).state == "TERMINATED"
        assert [await node.store.due_timers(now=1 << 60, limit=9) for node in (supplier,)] == [[]]
        assert await supplier.store.next_outbox() is None
        customer.start()
        await asyncio.sleep(60)
        assert await one.states() == await two.states() == ("TERMINATED", "TERMINATED")
        assert [*await queue(supplier), *await queue(customer)] == []

    short = Limits(retry_budget_seconds=100, retry_cap_seconds=10)
    play(tmp_path, scene, limits=short, approvals=Approvals(request="hold"))


# --- ends ------------------------------------------------------------------------------------------------------------

STAGES = ("OFFERED", "REQUESTED", "ACCEPTED", "AGREED", "VERIFIED")


@pytest.mark.parametrize("state", STAGES)
@pytest.mark.parametrize("by_supplier", [True, False], ids=["supplier", "customer"])
def test_either_side_ends_it_in_every_state(tmp_path: Path, state: str, *, by_supplier: bool) -> None:
    """A termination is taken in each state that is not the end, from whoever's turn it is or is not."""

    async def scene(world: World) -> None:
        supplier, customer = world.nodes
        deal = await offer(supplier, customer)
        for reached in STAGES[: STAGES.index(state)]:
            decision = "counter" if reached == "OFFERED" and state == "REQUESTED" else "approve"
            if reached == "REQUESTED":
                continue
            who = customer if reached in {"OFFERED", "AGREED"} else supplier
            await deal.decide(who, decision, **({"terms": OTHER_TERMS} if decision == "counter" else {}))
        assert await deal.states() == (state, state)
        ending = supplier if by_supplier else customer
        row = await deal.row(ending)
        await services(ending).negotiate.terminate(row.pid, "stopped", "by an operator")
        await asyncio.sleep(5)
        assert await deal.states() == ("TERMINATED", "TERMINATED")
        assert [*await queue(supplier), *await queue(customer)] == []
        with pytest.raises(IllegalTransition):
            await services(ending).negotiate.terminate(row.pid, "stopped", "again")

    everything = Approvals(
        request="hold", counter_request="hold", acceptance="hold", verification="hold", offer="hold", agreement="hold"
    )
    play(tmp_path, scene, approvals=everything)


def test_kinds_have_paths() -> None:
    """Every kind of message of the negotiation is sent somewhere, and both sides' first messages begin one."""
    from connector.exchange.negotiate import _PATHS

    assert set(_PATHS) == set(negotiation.Kind)
