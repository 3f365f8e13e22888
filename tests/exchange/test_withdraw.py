"""An offer is withdrawn: the catalogue, what is negotiated, what runs and what was agreed, as both sides see it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest

from connector.config import Approvals
from connector.errors import Conflict, NotFound, NotOffered, PeerUnreachable
from connector.exchange.contents import Contents
from connector.exchange.crowd import Crowd
from connector.exchange.ports import HttpAnswer
from connector.exchange.rows import DatasetRow
from connector.exchange.withdraw import Withdrawn
from connector.model import Claim, Did
from connector.policy.evaluate import Compiled
from connector.policy.pinning import pins_of
from connector.protocol.catalog_query import Selection
from connector.server import commands, decisions, fetching
from connector.server.withdrawing import own_dataset
from tests.exchange.deals import ask, dataset, offer
from tests.exchange.test_hostile import play, services
from tests.exchange.test_transfers import started
from tests.network import Request
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
        assert len(await supplier.store.list_approvals("", limit=99)) == 1
        row = await dataset(supplier)
        await services(supplier).withdraw.run(row)
        await asyncio.sleep(5)
        assert await supplier.store.list_approvals("", limit=99) == []
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


def test_an_agreement_whose_finalization_is_not_answered_yet_stands(tmp_path: Path) -> None:
    """The customer has it, and its answer is lost: what we count is what we serve, and it is not ended."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        there = urlsplit(customer.config.public_url).netloc
        reach, lost = world.network.sites[there], True

        async def cut(request: Request) -> HttpAnswer:
            answer = await reach(request)
            if lost and b"FINALIZED" in (request.body or b""):
                raise PeerUnreachable("lost on the way back")
            return answer

        world.network.sites[there] = cut
        deal = await ask(customer, supplier)
        assert await deal.states() == ("FINALIZED", "VERIFIED")
        withdrawn = await services(supplier).withdraw.run(await dataset(supplier))
        assert withdrawn.agreements == [one.agreement_id for one in await supplier.store.list_agreements("")]
        assert (len(withdrawn.agreements), withdrawn.terminated["negotiation"]) == (1, [])
        lost = False
        await asyncio.sleep(3600)
        assert await deal.states() == ("FINALIZED", "FINALIZED")

    play(tmp_path, scene)


def test_a_withdrawal_while_a_request_is_weighed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes between the look at the offer and the commit: nothing is opened, and the customer is told why."""
    admitted, done = Crowd.admitted, list[Withdrawn]()

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        row = await dataset(supplier)

        @asynccontextmanager
        async def meanwhile(crowd: Crowd, party: str) -> AsyncIterator[None]:
            async with admitted(crowd, party):
                if not done and crowd is services(supplier).negotiate.conversation.crowd:
                    done.append(await services(supplier).withdraw.run(row))
                yield

        monkeypatch.setattr(Crowd, "admitted", meanwhile)
        deal = await ask(customer, supplier)
        assert done[0].terminated == {"negotiation": [], "transfer": []}
        assert await deal.states() == ("TERMINATED", "")
        assert await deal.agreements() == []

    play(tmp_path, scene)


def test_a_withdrawal_while_a_person_offers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes while the peer's address is looked up: nothing is offered, and the person is told."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        kind = type(services(supplier).peers)
        find = kind.dsp_base

        async def meanwhile(peers: Any, peer: Did) -> str:
            await services(supplier).withdraw.run(await dataset(supplier))
            return await find(peers, peer)

        monkeypatch.setattr(kind, "dsp_base", meanwhile)
        with pytest.raises(NotOffered, match="withdrawn"):
            await decisions.offer(services(supplier), Did(customer.config.did), SHARED, "", 0)
        assert await supplier.store.list_processes("", "negotiation", without=()) == []

    play(tmp_path, scene)


def test_a_withdrawal_while_an_acceptance_is_weighed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The row says it, the open negotiations are not looked for yet: the agreement is not said any more."""
    claims, asked = Contents.claims, list[str]()

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        made, row = await offer(supplier, customer), await dataset(supplier)

        async def meanwhile(contents: Contents, policy: Compiled, dataset_id: str) -> tuple[Claim, ...]:
            if contents is services(supplier).negotiate.contents:
                asked.append(dataset_id)
                await supplier.store.commit_dataset(replace(row, withdrawn=1))
            return await claims(contents, policy, dataset_id)

        monkeypatch.setattr(Contents, "claims", meanwhile)
        await made.decide(customer, "approve")
        assert asked == [row.dataset_id]
        assert await made.states() == ("TERMINATED", "TERMINATED")
        assert "agreement" not in await made.content(supplier)

    play(tmp_path, scene)


def test_two_that_pin_one_dataset_at_once(tmp_path: Path) -> None:
    """Both come through, one after the other; the offer is pinned to what is there after both."""

    async def scene(world: World) -> None:
        supplier = world.nodes[1]
        row, under_way, most = await dataset(supplier), 0, 0

        def publishing(at: int) -> Awaitable[tuple[None, str | None]]:
            async def work(open_to: DatasetRow) -> None:
                nonlocal under_way, most
                under_way += 1
                most = max(most, under_way)
                await supplier.store.commit_dataset(open_to)
                await asyncio.sleep(1)
                under_way -= 1

            return commands.offered(services(supplier), replace(row, at=at), True, work)

        (_, first), (_, second) = await asyncio.gather(publishing(1), publishing(2))
        assert first == second == pins_of(orjson.loads((await dataset(supplier)).policy))[0]
        assert (most, (await dataset(supplier)).at) == (1, 2)

    play(tmp_path, scene)


def test_a_withdrawal_and_a_publication_at_the_same_time(tmp_path: Path) -> None:
    """A pin does not bring back what was withdrawn, nor a withdrawal the terms from before a publication."""

    async def scene(world: World) -> None:
        supplier = world.nodes[1]
        row = await dataset(supplier)

        async def meanwhile(open_to: DatasetRow) -> None:
            await supplier.store.commit_dataset(open_to)
            await services(supplier).withdraw.run(await dataset(supplier))

        with pytest.raises(Conflict, match="withdrawn at the same time"):
            await commands.offered(services(supplier), row, True, meanwhile)
        assert (await dataset(supplier)).withdrawn
        await supplier.store.commit_dataset(row)
        with pytest.raises(Conflict, match="published anew"):
            await services(supplier).withdraw.run(replace(row, policy_digest="earlier"))
        assert await dataset(supplier) == row

    play(tmp_path, scene)
