"""Peers with habits of their own, as the configuration names them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import orjson
import pytest

from connector.config import Approvals
from connector.exchange.conversation import LEASE_MICROSECONDS
from connector.exchange.ports import HttpAnswer
from connector.model import JsonObject
from connector.protocol.transfer import PULL
from tests.exchange.deals import OTHER_TERMS, STRICTER, ask
from tests.exchange.test_hostile import access_for, play, proof, say, services, settled
from tests.network import Request
from tests.simulator import Node, World


@pytest.mark.parametrize(("not_now", "end"), [((), "TERMINATED"), ((404,), "FINALIZED")])
def test_what_a_peer_means_by_a_status_is_its_profiles_to_say(
    tmp_path: Path, not_now: tuple[int, ...], end: str
) -> None:
    """The first requests get 404: a refusal by DSP, tried again at a peer of which the configuration knows better."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        services(customer).outbox.not_now = {supplier.config.did: frozenset(not_now)}
        refused = 0

        async def leased(request: Request) -> HttpAnswer:
            nonlocal refused
            if request.url.endswith("/negotiations/request") and refused < 3:
                refused += 1
                return HttpAnswer(status=404, headers={}, body=b"{}")
            return await supplier.serve(request)

        world.network.sites[supplier.config.public_url.removeprefix("http://")] = leased
        assert (await settled(customer, supplier))["state"] == end
        assert refused == (3 if not_now else 1)

    play(tmp_path, scene)


def test_an_opening_message_may_come_again_under_another_id(tmp_path: Path) -> None:
    """The same words get the same answer, whatever was reached meanwhile; other words are another message."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        openings = world.network.overheard(supplier.config.public_url, "/negotiations/request")
        assert (await settled(customer, supplier))["state"] == "FINALIZED"
        first = orjson.loads(openings[0].body or b"")

        async def again(**other: str) -> HttpAnswer:
            body = orjson.dumps({**first, "@id": "urn:uuid:another", **other})
            return await say(
                supplier, "/dsp/2025-1/negotiations/request", body, await proof(customer, supplier.config.did)
            )

        answer = await again()
        assert (answer.status, orjson.loads(answer.body)["state"]) == (201, "REQUESTED")
        assert (await again(callbackAddress="http://localhost:1/other")).status == 400
        rows = await services(supplier).store.newest_processes("", "negotiation")
        assert len(rows) == 1

    play(tmp_path, scene)


@pytest.mark.parametrize("ending", ["/events", "/agreement/verification"])
def test_what_was_said_may_come_again_under_another_id(tmp_path: Path, ending: str) -> None:
    """The last message, while what it led to stands, and one that is said but once, where the negotiation has gone on:
    the same words get their answer; other words are refused.
    """

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        heard_by, said_by = (customer, supplier) if ending == "/events" else (supplier, customer)
        said = world.network.overheard(heard_by.config.public_url, ending)
        assert (await settled(customer, supplier))["state"] == "FINALIZED"
        path = said[0].url.removeprefix(heard_by.config.public_url)
        for more, status in (({}, 200), ({"x": "else"}, 400)):
            body = {**orjson.loads(said[0].body or b""), "@id": f"urn:uuid:{status}", **more}
            bearer = await proof(said_by, heard_by.config.did)
            assert (await say(heard_by, path, orjson.dumps(body), bearer)).status == status

    play(tmp_path, scene)


def test_a_second_request_is_no_repeat(tmp_path: Path) -> None:
    """The same counter-request under another id wants something again, and it is not the consumer's turn."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        said = world.network.overheard(supplier.config.public_url, "/request")
        deal = await ask(customer, supplier, terms=OTHER_TERMS)
        await deal.decide(supplier, "counter", terms=STRICTER)
        await deal.decide(customer, "counter", terms=OTHER_TERMS)
        assert await deal.states() == ("REQUESTED", "REQUESTED")
        _, counter = said
        path = counter.url.removeprefix(supplier.config.public_url)
        body = {**orjson.loads(counter.body or b""), "@id": "urn:uuid:another"}
        bearer = await proof(customer, supplier.config.did)
        assert (await say(supplier, path, orjson.dumps(body), bearer)).status == 400

    play(tmp_path, scene, approvals=Approvals(counter_request="hold"))


def test_an_agreement_may_be_made_anew_until_all_is_final(tmp_path: Path) -> None:
    """Under other ids and at another time it is the same one, and the later one counts: a real EDC has a second thread.

    Other rules, or another dataset, are refused; so is any agreement once the negotiation is final.
    """

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        statuses: list[int] = []

        async def again(name: str, **other: object) -> int:
            message = orjson.loads(heard[0].body or b"")
            agreement = {
                **message["agreement"],
                "@id": f"urn:uuid:{name}",
                "timestamp": "2026-01-01T00:00:00Z",
                **other,
            }
            body = orjson.dumps({**message, "@id": f"urn:uuid:message-{name}", "agreement": agreement})
            path = heard[0].url.removeprefix(customer.config.public_url)
            return (await say(customer, path, body, await proof(supplier, customer.config.did))).status

        async def slow(request: Request) -> HttpAnswer:
            if request.url.endswith("/agreement/verification"):
                statuses.extend([
                    await again("second"), await again("second"), await again("other", target="urn:uuid:other"),
                    await again("wider", permission=[{"action": "use"}]), await again("third"),
                ])  # fmt: skip
            return await supplier.serve(request)

        async def late(request: Request) -> HttpAnswer:
            if request.url.endswith("/events"):
                statuses.append(await again("last"))
            return await customer.serve(request)

        world.network.sites[customer.config.public_url.removeprefix("http://")] = late
        heard = world.network.overheard(customer.config.public_url, "/agreement")
        world.network.sites[supplier.config.public_url.removeprefix("http://")] = slow
        said = await settled(customer, supplier)
        assert (said["state"], said["agreement"]) == ("FINALIZED", "urn:uuid:last")
        assert statuses == [200, 200, 400, 400, 200, 200]
        assert await again("fourth") == 400
        store = services(customer).store
        second, third, last, fourth = [
            await store.load_agreement("", f"urn:uuid:{name}") for name in ("second", "third", "last", "fourth")
        ]
        assert second is not None
        assert third is not None
        assert last is not None
        assert (second.replaced_by, third.replaced_by) == ("urn:uuid:third", "urn:uuid:last")
        assert (last.replaced_by, fourth) == (None, None)

    play(tmp_path, scene)


def test_who_is_busy_with_itself_is_asked_again_soon(tmp_path: Path) -> None:
    """409, 409, taken: each try has its next time, and a look between them does not hold the message back."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        refused = 0

        async def busy(request: Request) -> HttpAnswer:
            nonlocal refused
            if request.url.endswith("/agreement") and refused < 2:
                refused += 1
                return HttpAnswer(status=409, headers={}, body=b"{}")
            return await customer.serve(request)

        world.network.sites[customer.config.public_url.removeprefix("http://")] = busy
        said = await settled(customer, supplier)
        assert said["state"] == "FINALIZED"
        store = services(supplier).store
        (row,) = await store.newest_processes("", "negotiation")
        tried = await store.attempts("", "negotiation", row.pid)
        assert [one.status for one in tried] == [409, 409, 200]
        assert tried[1].next_at is None
        pauses = [(one.next_at or one.at) - one.at for one in tried]
        assert all(pause < LEASE_MICROSECONDS // 4 for pause in pauses)
        assert row.updated - row.created < LEASE_MICROSECONDS

    play(tmp_path, scene)


@pytest.mark.parametrize("pids", [{}, {"consumerPid": ""}])
def test_of_a_process_that_is_looked_at_the_state_alone_counts(tmp_path: Path, pids: JsonObject) -> None:
    """A peer that refused and has not kept our pid yet is read all the same, and joined."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        looked = 0

        async def forgetful(request: Request) -> HttpAnswer:
            nonlocal looked
            if request.method == "POST" and request.url.endswith("/agreement"):
                await customer.serve(request)
                return HttpAnswer(status=409, headers={}, body=b"{}")
            answer = await customer.serve(request)
            if request.method == "GET" and "/negotiations/" in request.url:
                looked += 1
                said = {"@type": "ContractNegotiation", "state": orjson.loads(answer.body)["state"], **pids}
                return HttpAnswer(status=200, headers={}, body=orjson.dumps(said))
            return answer

        world.network.sites[customer.config.public_url.removeprefix("http://")] = forgetful
        assert (await settled(customer, supplier))["state"] == "FINALIZED"

    play(tmp_path, scene)


async def behind(node: Node, request: Request) -> HttpAnswer:
    """What the company answers, but that it tells of REQUESTED: as a real EDC whose older state was written last."""
    answer = await node.serve(request)
    if request.method == "GET" and "/negotiations/" in request.url:
        said = {**orjson.loads(answer.body), "state": "REQUESTED"}
        return HttpAnswer(status=200, headers={}, body=orjson.dumps(said))
    return answer


def test_a_negotiation_that_no_message_joins_ends_with_that_reason(tmp_path: Path) -> None:
    """A real EDC can lose an agreement that it has verified: it stands at REQUESTED, and takes no end of it."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes

        async def lost(request: Request) -> HttpAnswer:
            if request.method == "POST" and request.url.endswith("/events"):
                return HttpAnswer(status=409, headers={}, body=b"{}")
            return await behind(customer, request)

        world.network.sites[customer.config.public_url.removeprefix("http://")] = lost
        assert (await settled(customer, supplier))["state"] == "TERMINATED"
        (row,) = await services(supplier).store.newest_processes("", "negotiation")
        ended = orjson.loads(row.body)["content"]["termination"]
        assert ended == {"code": "gave-up", "reason": ["no message joins our state and yours"], "by": "us"}

    play(tmp_path, scene)


def test_an_agreement_that_a_peer_took_verified_and_lost_is_said_again(tmp_path: Path) -> None:
    """A real EDC tells of REQUESTED then, refuses the end, and knows the `@id` that it took: it needs another one."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        ids: set[str] = set()
        agreements: list[JsonObject] = []

        async def lost(request: Request) -> HttpAnswer:
            if request.url.endswith("/agreement"):
                message = orjson.loads(request.body or b"")
                ids.add(message["@id"])
                agreements.append(message["agreement"])
            if len(ids) != 1:
                return await customer.serve(request)
            if request.url.endswith("/events"):
                return HttpAnswer(status=409, headers={}, body=b"{}")
            return await behind(customer, request)

        world.network.sites[customer.config.public_url.removeprefix("http://")] = lost
        said = await settled(customer, supplier)
        assert said["state"] == "FINALIZED"
        assert agreements == agreements[:1] * 2
        assert agreements[0]["@id"] == said["agreement"]
        (row,) = await services(supplier).store.newest_processes("", "negotiation")
        tried = await services(supplier).store.attempts("", "negotiation", row.pid)
        assert (200, "the peer shows REQUESTED still: told again") in {(one.status, one.detail) for one in tried}

    play(tmp_path, scene)


def test_what_a_refusal_says_is_on_record(tmp_path: Path) -> None:
    """A first message that is refused leaves the status and the peer's own reasons to whoever asks why."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        error = {"@type": "ContractNegotiationError", "code": "400", "reason": ["assigner is unknown", {"x": 1}]}

        async def refuses(request: Request) -> HttpAnswer:
            if request.url.endswith("/negotiations/request"):
                return HttpAnswer(status=400, headers={}, body=orjson.dumps(error))
            return await supplier.serve(request)

        world.network.sites[supplier.config.public_url.removeprefix("http://")] = refuses
        said = await settled(customer, supplier)
        tried = await services(customer).store.attempts("", "negotiation", str(said["negotiation"]))
        assert [(one.status, one.detail, one.next_at) for one in tried] == [
            (400, "HTTP 400: 400; assigner is unknown", None)
        ]

    play(tmp_path, scene)


def test_a_peer_may_call_its_process_and_its_address_as_it_likes(tmp_path: Path) -> None:
    """A pid is any text, and a callback address may hold the word for our paths: both are asked where they are."""
    pid, base = "urn:x:a/b c?d", "/transfers/dsp"

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        asked = await settled(customer, supplier)
        calls: list[tuple[str, str]] = []

        async def own_way(request: Request) -> HttpAnswer:
            if base not in request.url:
                return await customer.serve(request)
            calls.append((request.method, request.url.removeprefix(customer.config.public_url)))
            status = 400 if request.method == "POST" else 404
            return HttpAnswer(status=status, headers={}, body=b"{}")

        world.network.sites[customer.config.public_url.removeprefix("http://")] = own_way
        said = {
            "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"], "@type": "TransferRequestMessage",
            "@id": "urn:uuid:1", "agreementId": asked["agreement"], "consumerPid": pid, "format": PULL,
            "callbackAddress": f"{customer.config.public_url}{base}",
        }  # fmt: skip
        bearer = await proof(customer, supplier.config.did, access=access_for(customer, supplier))
        answer = await say(supplier, "/dsp/2025-1/transfers/request", orjson.dumps(said), bearer)
        assert answer.status == 201, answer.body
        await asyncio.sleep(5)
        mine = f"{base}/transfers/urn:x:a%2Fb%20c%3Fd"
        assert calls == [("POST", f"{mine}/start"), ("GET", mine)]

    play(tmp_path, scene)
