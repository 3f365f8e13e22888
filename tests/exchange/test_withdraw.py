"""An offer is withdrawn: the catalogue, what is negotiated, what runs and what was agreed, as both sides see it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from connector.config import Approvals
from connector.errors import NotFound
from connector.model import Did
from connector.protocol.catalog_query import Selection
from connector.server import commands, decisions, fetching
from connector.server.withdrawing import own_dataset
from tests.exchange.deals import ask, dataset, offer
from tests.exchange.test_hostile import play, services
from tests.exchange.test_transfers import started
from tests.simulator import SHARED, Node, World


async def offered(customer: Node, supplier: Node) -> list[str]:
    """The titles in the supplier's catalogue, as the customer sees it."""
    found = commands.catalog(services(customer), Did(supplier.config.did), Selection(), 100)
    return [str(one["title"]) async for one in found if "dataset" in one]


def test_what_is_negotiated_ends_with_a_reason_and_what_was_agreed_goes_on(tmp_path: Path) -> None:
    """One negotiation waits for a person and one for the customer; a third is agreed, and its transfer runs."""

    async def scene(world: World) -> None:
        running = await started(world)
        customer, supplier = running.customer, running.supplier
        made = await offer(supplier, customer)
        assert await made.states() == ("OFFERED", "OFFERED")
        assert SHARED in await offered(customer, supplier)

        first = await services(supplier).withdraw.run(await dataset(supplier), reason="sold out")
        await asyncio.sleep(5)
        assert SHARED not in await offered(customer, supplier)
        assert await made.states() == ("TERMINATED", "TERMINATED")
        told = (await made.content(customer))["termination"]
        assert (told["code"], told["reason"], told["by"]) == ("offer-withdrawn", ["sold out"], "peer")
        assert first.terminated == {"negotiation": [made.pid], "transfer": []}
        assert first.agreements == [running.agreement]
        assert first.running == [(await running.row(supplier)).pid]

        assert await running.states() == ("STARTED", "STARTED")
        assert await running.pulled((await running.address())["authorization"]) == 200
        again = await fetching.start_transfer(services(customer), running.agreement, "again", 30)
        assert again["state"] == "STARTED", "as agreed"
        with pytest.raises(NotFound, match="withdrawn"):
            await decisions.offer(services(supplier), Did(customer.config.did), SHARED, "", 0)
        refused = await ask(customer, supplier)
        assert (await refused.row(customer)).state == "TERMINATED", "who still has the offer begins nothing with it"

        ended = await services(supplier).withdraw.run(await dataset(supplier), end_transfers=True)
        await asyncio.sleep(5)
        assert await running.states() == ("TERMINATED", "TERMINATED")
        assert len(ended.terminated["transfer"]) == 2
        assert (ended.dataset.withdrawn, ended.terminated["negotiation"]) == (first.dataset.withdrawn, [])
        log = [orjson.loads(one.body) for one in await supplier.store.evidence("") if one.event == "offer-withdrawn"]
        assert [one["reason"] for one in log] == ["sold out"], "once, however often it is said"

    play(tmp_path, scene)


def test_a_turn_that_waits_for_a_person_is_over_with_the_offer(tmp_path: Path) -> None:
    """Nothing is left in the queue; and by title an offer goes before what was withdrawn under the same one."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        deal = await ask(customer, supplier)
        assert len(await supplier.store.list_approvals("")) == 1
        row = await dataset(supplier)
        await services(supplier).withdraw.run(row)
        await asyncio.sleep(5)
        assert await supplier.store.list_approvals("") == []
        assert await deal.states() == ("TERMINATED", "TERMINATED")

        earlier = replace(await dataset(supplier), dataset_id="urn:earlier", withdrawn=1)
        await supplier.store.commit_dataset(earlier)
        assert (await own_dataset(services(supplier), SHARED)).dataset_id == row.dataset_id, "what was withdrawn last"
        await supplier.store.commit_dataset(row)
        assert SHARED in await offered(customer, supplier), "what is published again is offered again"

    play(tmp_path, scene, approvals=Approvals(request="hold"))


def test_an_agreement_that_is_on_its_way_is_no_agreement_yet(tmp_path: Path) -> None:
    """The customer holds the agreement for a person: it ends with the offer, and nothing can be fetched under it."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        deal = await ask(customer, supplier)
        assert await deal.states() == ("AGREED", "AGREED")
        withdrawn = await services(supplier).withdraw.run(await dataset(supplier))
        await asyncio.sleep(5)
        assert await deal.states() == ("TERMINATED", "TERMINATED")
        assert withdrawn.agreements == []

    play(tmp_path, scene, approvals=Approvals(agreement="hold"))
