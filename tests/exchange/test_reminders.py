"""A peer that has acknowledged our message, and then is silent: it is looked at, and told again what it lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path

import orjson
import pytest

from connector.config import Approvals, Limits
from connector.exchange.alarms import REMINDER
from connector.exchange.ports import HttpAnswer
from connector.exchange.rows import AttemptRow, ProcessRow
from connector.server import fetching, transfers
from tests.exchange.deals import OTHER_TERMS, STRICTER, Deal, ask
from tests.exchange.test_hostile import play, proof, say, services, settled
from tests.network import Request
from tests.simulator import Node, World

Serve = Callable[[Request], Awaitable[HttpAnswer]]
_ACKNOWLEDGED = HttpAnswer(status=200, headers={}, body=b"")


def stands_between(world: World, node: Node, serve: Serve) -> None:
    """Requests to this company go through this."""
    world.network.sites[node.config.public_url.removeprefix("http://")] = serve


def unsigned(answer: HttpAnswer) -> HttpAnswer:
    """As a peer answers that gives no receipts."""
    return HttpAnswer(status=answer.status, headers={}, body=answer.body)


async def of(node: Node) -> tuple[ProcessRow, list[AttemptRow]]:
    """Its one negotiation, and what was tried."""
    store = services(node).store
    [row] = await store.newest_processes("", "negotiation")
    return row, await store.attempts("", "negotiation", row.pid)


@pytest.mark.parametrize("lost", ["/agreement", "/agreement/verification"])
def test_what_a_peer_acknowledged_and_lost_is_said_again(tmp_path: Path, lost: str) -> None:
    """The same words under another id, as soon as a look shows that it stands where it stood before."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        heard: list[bytes | None] = []

        def forgetful(node: Node) -> Serve:
            async def serve(request: Request) -> HttpAnswer:
                if request.method == "POST" and request.url.endswith(lost):
                    heard.append(request.body)
                    if len(heard) == 1:
                        return _ACKNOWLEDGED
                return await node.serve(request)

            return serve

        for node in world.nodes:
            stands_between(world, node, forgetful(node))
        assert (await settled(customer, supplier))["state"] == "FINALIZED"
        first, again = [orjson.loads(one or b"") for one in heard]
        assert first.pop("@id") != again.pop("@id")
        assert first == again
        _, tried = await of(supplier if lost == "/agreement" else customer)
        shown = "REQUESTED" if lost == "/agreement" else "AGREED"
        assert [(one.status, one.detail) for one in tried] == [(200, f"the peer shows {shown} still: told again")]

    play(tmp_path, scene)


def test_who_still_says_what_came_before_the_end_is_told_the_end_again(tmp_path: Path) -> None:
    """A verification under another id comes when all is final: once, it is looked whether the end was lost."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        ends: list[bytes | None] = []
        said: list[Request] = []

        async def forgetful(request: Request) -> HttpAnswer:
            if request.url.endswith("/events"):
                ends.append(request.body)
                if len(ends) == 1:
                    return _ACKNOWLEDGED
            return await customer.serve(request)

        async def overheard(request: Request) -> HttpAnswer:
            if request.url.endswith("/agreement/verification"):
                said.append(request)
            return await supplier.serve(request)

        stands_between(world, customer, forgetful)
        stands_between(world, supplier, overheard)
        asking = asyncio.create_task(settled(customer, supplier))
        await asyncio.sleep(40)
        states = [(await of(node))[0].state for node in (customer, supplier)]
        assert (states, len(ends)) == (["VERIFIED", "FINALIZED"], 1)
        again = orjson.dumps({**orjson.loads(said[0].body or b""), "@id": "urn:uuid:again"})
        path = said[0].url.removeprefix(supplier.config.public_url)
        assert (await say(supplier, path, again, await proof(customer, supplier.config.did))).status == 200
        assert (await asking)["state"] == "FINALIZED"
        assert [orjson.loads(one or b"")["eventType"] for one in ends] == ["FINALIZED", "FINALIZED"]
        await asyncio.sleep(3600)
        assert len(ends) == 2
        assert not await services(supplier).store.due_timers(now=1 << 62, limit=9)

    play(tmp_path, scene)


def test_a_peer_that_thinks_it_over_is_looked_at_less_and_less(tmp_path: Path) -> None:
    """Nothing is said again to who has our message; the pauses double, so a peer's weekend costs a dozen requests."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        looks: list[float] = []
        said = 0

        async def slow(request: Request) -> HttpAnswer:
            nonlocal said
            if request.method == "GET" and "/negotiations/" in request.url:
                looks.append(asyncio.get_running_loop().time())
            if request.method == "POST" and request.url.endswith("/agreement"):
                said += 1
            return await customer.serve(request)

        async def never(request: Request) -> HttpAnswer:
            if request.url.endswith("/agreement/verification"):
                return HttpAnswer(status=503, headers={"Retry-After": "100000"}, body=b"")
            return await supplier.serve(request)

        stands_between(world, customer, slow)
        stands_between(world, supplier, never)
        await settled(customer, supplier)
        await asyncio.sleep(2_000)
        pauses = [later - earlier for earlier, later in pairwise(looks)]
        assert len(looks) == 8
        assert all(later == pytest.approx(2 * earlier, rel=0.1) for earlier, later in pairwise(pauses))
        assert said == 1

    play(tmp_path, scene)


async def countered(world: World) -> tuple[Deal, list[Request], Serve]:
    """The supplier has answered a request with another offer: what it said so, and what hears it on the other side."""
    customer, supplier = world.nodes
    offered = world.network.overheard(customer.config.public_url, "/offers")
    deal = await ask(customer, supplier, terms=OTHER_TERMS)
    await deal.decide(supplier, "counter", terms=STRICTER)
    return deal, offered, world.network.sites[customer.config.public_url.removeprefix("http://")]


def test_who_spoke_during_the_look_is_not_told_its_last_offer_again(tmp_path: Path) -> None:
    """It shows REQUESTED then because it has asked for other terms: the offer before would be one more turn of ours."""

    async def scene(world: World) -> None:
        customer, (deal, offered, there) = world.nodes[0], await countered(world)
        looks = 0

        async def speaks_first(request: Request) -> HttpAnswer:
            nonlocal looks
            if request.method == "GET" and "/negotiations/" in request.url:
                looks += 1
                if looks == 1:
                    await deal.decide(customer, "counter", terms=OTHER_TERMS)
            return await there(request)

        stands_between(world, customer, speaks_first)
        await asyncio.sleep(60)
        assert (looks > 0, await deal.states(), len(offered)) == (True, ("REQUESTED", "REQUESTED"), 1)

    play(tmp_path, scene, approvals=Approvals(counter_request="hold"))


def test_what_was_terminated_as_the_alarm_went_off_is_said_no_more(tmp_path: Path) -> None:
    """Whatever the peer shows: with the offer before it would go on with what has ended here."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        deal, offered, there = await countered(world)

        async def behind(request: Request) -> HttpAnswer:
            if request.method == "GET" and "/negotiations/" in request.url:
                body = orjson.dumps({"@type": "ContractNegotiation", "state": "REQUESTED"})
                return HttpAnswer(status=200, headers={}, body=body)
            if request.url.endswith("/termination"):
                return HttpAnswer(status=400, headers={}, body=b"{}")
            return await there(request)

        stands_between(world, customer, behind)
        pid = (await deal.row(supplier)).pid
        await services(supplier).negotiate.terminate(pid, "operator", "enough")
        await asyncio.sleep(5)
        await services(supplier).outbox.jobs[REMINDER](pid)
        assert (await deal.states(), len(offered)) == (("OFFERED", "TERMINATED"), 1)

    play(tmp_path, scene, approvals=Approvals(counter_request="hold"))


def test_a_peer_that_has_ended_is_followed_at_the_second_look(tmp_path: Path) -> None:
    """Its own termination may be on its way; when it never comes, the negotiation has ended here as well."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes

        async def ended(request: Request) -> HttpAnswer:
            if request.method == "GET" and "/negotiations/" in request.url:
                body = orjson.dumps({"@type": "ContractNegotiation", "state": "TERMINATED"})
                return HttpAnswer(status=200, headers={}, body=body)
            if request.method == "POST" and request.url.endswith("/agreement"):
                return _ACKNOWLEDGED
            return await customer.serve(request)

        stands_between(world, customer, ended)
        settling = asyncio.create_task(settled(customer, supplier))
        await asyncio.sleep(22)
        assert (await of(supplier))[0].state == "AGREED"
        await asyncio.sleep(22)
        row, _ = await of(supplier)
        assert row.state == "TERMINATED"
        assert orjson.loads(row.body)["content"]["termination"]["code"] == "ended-by-peer"
        await settling

    play(tmp_path, scene)


@pytest.mark.parametrize("status", [404, 500])
def test_a_look_that_says_nothing_changes_nothing(tmp_path: Path, status: int) -> None:
    """A peer that shows no process now may show it later: nothing is said, nothing ends."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        said = 0

        async def blind(request: Request) -> HttpAnswer:
            nonlocal said
            if request.method == "GET" and "/negotiations/" in request.url:
                return HttpAnswer(status=status, headers={}, body=b"")
            if request.method == "POST" and request.url.endswith("/agreement"):
                said += 1
                return _ACKNOWLEDGED
            return await customer.serve(request)

        stands_between(world, customer, blind)
        await settled(customer, supplier)
        await asyncio.sleep(3600)
        row, tried = await of(supplier)
        assert (row.state, said) == ("AGREED", 1)
        seen = {(one.status, one.detail) for one in tried}
        assert seen == (set() if status == 404 else {(0, "looking at the peer's process: HTTP 500")})

    play(tmp_path, scene)


@pytest.mark.parametrize("times", [1, 2])
def test_a_start_that_a_consumer_lost_is_said_anew(tmp_path: Path, times: int) -> None:
    """With a fresh token, as often as it is lost; the data then comes. Who knows its start is left alone, and who signs
    that it has it is not even looked at.
    """

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        agreement = str((await settled(customer, supplier))["agreement"])
        heard: list[bytes | None] = []
        looks: list[str] = []
        signs = True

        async def forgetful(request: Request) -> HttpAnswer:
            if request.url.endswith("/start"):
                heard.append(request.body)
                if len(heard) <= times:
                    return _ACKNOWLEDGED
                return await customer.serve(request) if signs else unsigned(await customer.serve(request))
            if request.method == "GET" and "/transfers/" in request.url:
                looks.append(request.url)
            return await customer.serve(request)

        stands_between(world, customer, forgetful)
        got = await fetching.fetch(services(customer), agreement, "f", 600, lambda _: None)
        assert (got["state"], got["records"], len(looks)) == ("COMPLETED", 2, times)
        assert len(set(heard)) == len(heard) == times + 1
        for signs, looked in ((True, times), (False, times + 1)):
            begun = await fetching.start_transfer(services(customer), agreement, f"signs: {signs}", 60)
            await asyncio.sleep(1_000)
            assert (begun["state"], len(looks)) == ("STARTED", looked)
        assert len(heard) == times + 3
        for word in ("suspend", "resume"):
            got = await transfers.act(services(customer), word, str(begun["transfer"]), wait_seconds=60)
        await asyncio.sleep(1_000)
        row = await supplier.store.find_process("", "transfer", customer.config.did, str(begun["transfer"]))
        assert row is not None
        assert (got["state"], row.state) == ("STARTED", "STARTED"), "the patience with a peer ends no started transfer"

    play(tmp_path, scene, limits=Limits(retry_budget_seconds=600))
