"""What operators of either side do to a running transfer, over a good network in virtual time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import orjson
import pytest

from connector.errors import NotAllowed, NotFound, Unavailable
from connector.exchange.ports import HttpAnswer
from connector.exchange.rows import ProcessRow
from connector.model import Did, Json, JsonObject, Pid, object_in
from connector.protocol import compose
from connector.protocol.process import Process, Role
from connector.server import agreements, fetching, processes, site, transfers
from connector.server.sessions import SESSIONS, cookie_name, place_of
from tests.exchange.test_hostile import access_for, play, proof, say, services, settled
from tests.network import Request, handled
from tests.simulator import SEALED, SHARED, Node, World, dataset_row


@dataclass(slots=True)
class Running:
    """A started pull."""

    customer: Node
    supplier: Node
    agreement: str
    pid: str
    """The customer's id of it."""

    async def row(self, node: Node) -> ProcessRow:
        """The process, as this side sees it."""
        if node is self.customer:
            found = await node.store.load_process("", "transfer", self.pid)
        else:
            found = await node.store.find_process("", "transfer", self.customer.config.did, self.pid)
        assert found is not None
        return found

    async def states(self) -> tuple[str, str]:
        """Customer's, supplier's."""
        return (await self.row(self.customer)).state, (await self.row(self.supplier)).state

    async def address(self) -> JsonObject:
        """Where the customer may pull now."""
        content = orjson.loads((await self.row(self.customer)).body)["content"]
        found = content.get("address")
        return found if isinstance(found, dict) else {}

    async def pulled(self, token: Json) -> int:
        """The status of a data request."""
        answer = await pull(self.supplier, str(token))
        return answer.status

    async def act(self, node: Node, word: str, **said: str) -> JsonObject:
        """An operator's command."""
        return await transfers.act(services(node), word, self.pid, wait_seconds=30, **said)


async def pull(node: Node, token: str, path: str = "/data") -> HttpAnswer:
    """A data request."""
    return await say(node, path, b"", token, "GET")


async def started(world: World) -> Running:
    """A contract, and its transfer."""
    customer, supplier = world.nodes[:2]
    agreement = str((await settled(customer, supplier))["agreement"])
    begun = await fetching.start_transfer(services(customer), agreement, "t", 60)
    assert begun["state"] == "STARTED"
    await asyncio.sleep(1)  # until the supplier knows, too
    return Running(customer, supplier, agreement, str(begun["transfer"]))


def both(scene: Callable[[Running, Node, World], Awaitable[None]], folder: Path, *, by_supplier: bool) -> None:
    """A scene in which one of the two sides acts."""

    async def whole(world: World) -> None:
        running = await started(world)
        await scene(running, running.supplier if by_supplier else running.customer, world)

    play(folder, whole)


@pytest.mark.parametrize("by_supplier", [True, False])
@pytest.mark.parametrize("resumed_by_supplier", [True, False])
def test_suspend_closes_the_data_and_resume_gives_a_fresh_address(
    tmp_path: Path, *, by_supplier: bool, resumed_by_supplier: bool
) -> None:
    """Whoever suspends and whoever resumes; the old token stays closed, and the reason is known to both."""

    async def scene(running: Running, actor: Node, world: World) -> None:
        before = (await running.address())["authorization"]
        assert await running.pulled(before) == 200
        answer = await running.act(actor, "suspend", code="stock", reason="stock-taking")
        assert (answer["state"], answer["pending"]) == ("SUSPENDED", None)
        assert await running.states() == ("SUSPENDED", "SUSPENDED")
        assert await running.address() == {}
        assert await running.pulled(before) == 401
        for node in (running.customer, running.supplier):
            content = orjson.loads((await running.row(node)).body)["content"]
            assert content["suspension"]["reason"] == ["stock-taking"]
            assert content["suspension"]["by"] == ("us" if node is actor else "peer")

        resumer = running.supplier if resumed_by_supplier else running.customer
        assert (await running.act(resumer, "resume"))["state"] == "STARTED"
        await asyncio.sleep(5)
        assert await running.states() == ("STARTED", "STARTED")
        after = (await running.address())["authorization"]
        assert after != before
        assert await running.pulled(before) == 401
        assert await running.pulled(after) == 200
        assert "suspension" not in orjson.loads((await running.row(actor)).body)["content"]
        got = await fetching.fetch(services(running.customer), running.agreement, "t2", 60, lambda _: None)
        assert (got["state"], got["findings"]) == ("COMPLETED", [])

    both(scene, tmp_path, by_supplier=by_supplier)


def test_a_resumed_transfer_stays_open_when_the_claims_are_looked_at_anew(tmp_path: Path) -> None:
    """The customer's start brings what it shows now. What a transfer keeps never stands for what the party can show."""

    async def scene(world: World) -> None:
        running = await started(world)
        for word in ("suspend", "resume"):
            await running.act(running.customer, word)
            await asyncio.sleep(5)
        await asyncio.sleep(400)
        answer = await pull(running.supplier, str((await running.address())["authorization"]))
        assert [line["id"] for line in orjson.loads(answer.body)["items"]]

        here = services(running.supplier).authenticate
        party = Did(running.customer.config.did)
        await asyncio.sleep(400)
        assert (await here.facts_from(party, ())).claims == ()
        assert (await settled(running.customer, running.supplier, "again"))["state"] == "FINALIZED"

    play(tmp_path, scene)


@pytest.mark.parametrize("by_supplier", [True, False])
@pytest.mark.parametrize(("word", "end"), [("complete", "COMPLETED"), ("terminate", "TERMINATED")])
def test_either_side_ends_it(tmp_path: Path, word: str, end: str, *, by_supplier: bool) -> None:
    """Both know, the token is closed, a repeat changes nothing, and nothing else is possible afterwards."""

    async def scene(running: Running, actor: Node, world: World) -> None:
        token = (await running.address())["authorization"]
        said = {"reason": "certificate withdrawn"} if word == "terminate" else {}
        assert (await running.act(actor, word, **said))["state"] == end
        assert await running.states() == (end, end)
        assert await running.pulled(token) == 401
        versions = [(await running.row(node)).version for node in world.nodes]
        assert (await running.act(actor, word, **said))["state"] == end
        assert (await running.act(actor, "resume"))["state"] == end
        assert [(await running.row(node)).version for node in world.nodes] == versions
        if word == "terminate":
            other = running.customer if by_supplier else running.supplier
            content = orjson.loads((await running.row(other)).body)["content"]
            assert content["termination"] == {"code": "operator", "reason": ["certificate withdrawn"], "by": "peer"}

    both(scene, tmp_path, by_supplier=by_supplier)


@pytest.mark.parametrize("word", ["suspend", "terminate"])
def test_the_supplier_closes_the_data_before_the_customer_answers(tmp_path: Path, word: str) -> None:
    """The token is dead although the message is not through, and comes through later."""

    async def scene(world: World) -> None:
        running = await started(world)
        token = (await running.address())["authorization"]
        host = running.customer.config.public_url.removeprefix("http://")
        site = world.network.sites.pop(host)
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(world.network.sites, host, _away)
            answer = await transfers.act(services(running.supplier), word, running.pid, reason="now", wait_seconds=3)
            assert answer["pending"]
            assert await running.pulled(token) == 401
            if word == "suspend":
                await transfers.act(services(running.supplier), "terminate", running.pid, wait_seconds=3)
                shown = await processes.whole(services(running.supplier), await running.row(running.supplier))
                pending = {"message": "TransferSuspensionMessage", "lookingAtPeer": False, "ending": True}
                assert shown["pending"] == pending, "that it ends afterwards is told"
        world.network.sites[host] = site
        await asyncio.sleep(60)
        assert len(set(await running.states())) == 1
        assert await running.pulled(token) == 401

    play(tmp_path, scene)


async def _away(_: Request) -> HttpAnswer:
    return HttpAnswer(status=503, headers={}, body=b"")


async def by_page(node: Node, word: str) -> None:
    """A word on the one transfer that waits at the operators' pages."""
    app = site.management_site(services(node), "token")
    app.freeze()

    async def ask(method: str, path: str, body: bytes = b"", **headers: str) -> HttpAnswer:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"http://localhost{path}"
        return await handled(app, Request(method=method, url=url, headers=sent, body=body, timeout_seconds=1))

    secret, session = app[SESSIONS].sign_in(app[SESSIONS].code())
    cookie, place = f"{cookie_name(session.place)}={secret}", place_of(session)
    page = (await ask("GET", place, Cookie=cookie)).body.decode()
    action, _ = re.findall(r'action="([^"]+/starts/[^"]+)"', page)
    body = urlencode({"form_token": session.form_token, "decision": word, "reason": "now"}).encode()
    form = {"Content_Type": "application/x-www-form-urlencoded", "Content_Length": str(len(body))}
    done = await ask("POST", action, body, Cookie=cookie, Origin="http://localhost", **form)
    assert (done.status, done.headers["location"]) == (303, action.replace("/starts/", "/exchanges/"))
    assert "/starts/" not in (await ask("GET", place, Cookie=cookie)).body.decode()


@pytest.mark.parametrize(("word", "end"), [("start", "STARTED"), ("terminate", "TERMINATED")])
def test_a_transfer_may_wait_for_a_person(tmp_path: Path, word: str, end: str) -> None:
    """It stays requested until somebody on the supplier's side starts or ends it; before, nothing can be pulled."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        services(supplier).transfer.by_hand = lambda party: party == customer.config.did
        agreement = str((await settled(customer, supplier))["agreement"])
        begun = await fetching.start_transfer(services(customer), agreement, "t", 30)
        assert (begun["state"], begun["address"]) == ("REQUESTED", None)
        running = Running(customer, supplier, agreement, str(begun["transfer"]))
        await by_page(supplier, word)
        assert await running.states() == (end, end)
        assert ("authorization" in await running.address()) is (end == "STARTED")
        with pytest.raises(NotFound):  # the supplier's own id of it: who has begun it goes on
            await fetching.fetch(services(supplier), (await running.row(supplier)).pid, "", 30, lambda _: None)
        got = await fetching.fetch(services(customer), running.pid, "", 30, lambda _: None)
        assert (got["transfer"], got["state"]) == (running.pid, "COMPLETED" if end == "STARTED" else end)
        assert got["records"] == (2 if end == "STARTED" else 0)
        assert len(await customer.store.newest_processes("", "transfer")) == 1

    play(tmp_path, scene)


def test_a_part_is_not_the_whole_because_its_transfer_is_named(tmp_path: Path) -> None:
    """Of a pinned agreement it would be told that what came is not what was agreed."""

    async def scene(world: World) -> None:
        running = await started(world)
        here = services(running.customer)
        lines = orjson.loads((await pull(running.supplier, str((await running.address())["authorization"]))).body)
        unit = str(lines["items"][0]["id"])
        part = await fetching.fetch(here, running.agreement, "part", 60, lambda _: None, units=[unit])
        for pid, whole in ((str(part["transfer"]), False), (running.pid, True)):
            got = await fetching.fetch(here, pid, "", 60, lambda _: None)
            assert (got["transfer"], got["state"]) == (pid, "COMPLETED")
            shown = await agreements.whole(here, running.agreement)
            assert object_in(shown["delivered"])["whole"] is whole

    play(tmp_path, scene)


def test_a_resume_is_decided_anew(tmp_path: Path) -> None:
    """The policy was changed meanwhile: the consumer's start ends in a refusal that names what failed."""

    async def scene(world: World) -> None:
        running = await started(world)
        await running.act(running.customer, "suspend")
        shut = dataset_row(running.supplier, SHARED, SEALED)
        await running.supplier.store.commit_dataset(shut)
        answer = await running.act(running.customer, "resume")
        assert answer["state"] == "TERMINATED"
        assert answer["termination"] == {
            "code": "policy-denied", "by": "peer",
            "reason": ["the policy says no: role", {"decision": "deny", "failed": ["role"]}],
        }  # fmt: skip
        await asyncio.sleep(5)
        assert await running.states() == ("TERMINATED", "TERMINATED")

    play(tmp_path, scene)


def test_what_is_not_possible_is_said(tmp_path: Path) -> None:
    """A suspended transfer can't be completed; one whose message is under way waits; others' ids are unknown."""

    async def scene(world: World) -> None:
        running = await started(world)
        await running.act(running.customer, "suspend")
        with pytest.raises(NotAllowed, match="SUSPENDED can't be completed"):
            await running.act(running.customer, "complete")
        with pytest.raises(NotFound):
            await transfers.act(services(running.customer), "suspend", "urn:uuid:none", wait_seconds=1)
        here = services(running.customer).transfer
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(world.network.sites, running.supplier.config.public_url.removeprefix("http://"), _away)
            await here.resume(running.pid)
            await here.resume(running.pid)  # the same once more
            with pytest.raises(Unavailable):
                await here.suspend(running.pid, "", "")
            await here.terminate(running.pid, "x", "y")  # waits by itself
        await asyncio.sleep(60)
        assert await running.states() == ("TERMINATED", "TERMINATED")

    play(tmp_path, scene)


def test_a_transfer_is_shown_to_its_two_sides_alone(tmp_path: Path) -> None:
    """`GET` gives the same at both; to anybody else, and of what is not there, the same 404 with an error body."""

    async def scene(world: World) -> None:
        running, other = await started(world), world.nodes[2]
        rows = [await running.row(node) for node in (running.customer, running.supplier)]

        async def shown(at: Node, by: Node, pid: str) -> HttpAnswer:
            path = f"/dsp/2025-1/transfers/{pid}"
            return await say(at, path, b"", await proof(by, at.config.did), "GET")

        told = [
            await shown(running.customer, running.supplier, rows[0].pid),
            await shown(running.supplier, running.customer, rows[1].pid),
        ]
        assert [one.status for one in told] == [200, 200]
        assert told[0].body == told[1].body
        assert orjson.loads(told[0].body)["state"] == "STARTED"
        foreign = [
            await shown(running.customer, other, rows[0].pid),
            await shown(running.supplier, other, rows[1].pid),
            await shown(running.supplier, running.customer, "urn:uuid:none"),
        ]
        assert {one.status for one in foreign} == {404}
        assert len({one.body for one in foreign}) == 1
        assert orjson.loads(foreign[0].body)["@type"] == "TransferError"

    play(tmp_path, scene, nodes=3)


def test_a_suspension_that_is_refused_leaves_the_data_closed(tmp_path: Path) -> None:
    """A peer that does not suspend stays STARTED, so we do; the token stays closed until our operator resumes."""

    async def scene(world: World) -> None:
        running = await started(world)
        host = running.customer.config.public_url.removeprefix("http://")
        site = world.network.sites[host]

        async def stubborn(request: Request) -> HttpAnswer:
            if request.url.endswith("/suspension"):
                return HttpAnswer(status=400, headers={}, body=b"{}")
            return await site(request)

        world.network.sites[host] = stubborn
        token = (await running.address())["authorization"]
        answer = await running.act(running.supplier, "suspend")
        assert (answer["state"], answer["pending"]) == ("STARTED", None)
        assert await running.pulled(token) == 401
        assert (await running.act(running.supplier, "resume"))["state"] == "STARTED"
        assert await running.pulled((await running.address())["authorization"]) == 200

    play(tmp_path, scene)


def test_an_edc_resumes_by_a_start_from_each_side(tmp_path: Path) -> None:
    """Its consumer's start carries no address; ours that follows does, under EDC's names and DSP's."""

    async def scene(world: World) -> None:
        running = await started(world)
        await running.act(running.customer, "suspend")
        heard = world.network.overheard(running.customer.config.public_url, "/start")
        theirs = await running.row(running.supplier)
        peer = Process(role=Role.CONSUMER, pid=Pid(running.pid), peer_pid=Pid(theirs.pid), state="SUSPENDED")
        body = compose.dump(compose.transfer_start("urn:uuid:1", peer))
        path = f"/dsp/2025-1/transfers/{theirs.pid}/start"
        access = access_for(running.customer, running.supplier)
        answer = await say(
            running.supplier, path, body, await proof(running.customer, running.supplier.config.did, access=access)
        )
        assert answer.status == 200
        await asyncio.sleep(5)
        assert await running.states() == ("STARTED", "STARTED")
        properties = orjson.loads(heard[0].body or b"")["dataAddress"]["endpointProperties"]
        named = {one["name"]: one["value"] for one in properties}
        edc = "https://w3id.org/edc/v0.0.1/ns/"
        assert named[f"{edc}endpoint"] == f"{running.supplier.config.public_url}/data"
        assert named["authorization"] == named[f"{edc}authorization"] == (await running.address())["authorization"]
        assert named[f"{edc}endpointType"] == "https://w3id.org/idsa/v4.1/HTTP"

    play(tmp_path, scene)
