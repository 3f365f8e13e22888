"""The provider sends what a pull would give, to an inbox of ours or to any address, over a good network."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import orjson
import pytest

from connector.credentials.digest import digest_multibase
from connector.errors import TooLarge
from connector.exchange import push as pushing
from connector.exchange.ports import HttpAnswer
from connector.exchange.rows import CommandRow, ProcessRow
from connector.exchange.stored import token_digest, without_token
from connector.model import Json, JsonObject, Pid
from connector.policy.odrl import digest
from connector.policy.reading import load
from connector.protocol import compose, transfer
from connector.protocol import messages as m
from connector.protocol.process import Process, Role
from connector.server import fetching, files, processes, transfers
from connector.server.requests import PublishFile
from connector.server.trouble import trouble
from tests.exchange.test_hostile import play, proof, say, services, settled
from tests.network import Request
from tests.simulator import SEALED, SHARED, Node, World


def scene(folder: Path, what: Callable[[World, str], Awaitable[None]]) -> None:
    """Two companies with a contract."""

    async def whole(world: World) -> None:
        agreement = str((await settled(world.nodes[0], world.nodes[1]))["agreement"])
        await asyncio.sleep(1)
        await what(world, agreement)

    play(folder, whole)


async def fetched(node: Node, agreement: str, key: str = "p", wait: float = 60) -> JsonObject:
    """`fetch --push`."""
    return await fetching.fetch(services(node), agreement, key, wait, lambda _: None, push=True)


async def rows(world: World, pid: str) -> list[ProcessRow]:
    """The customer's and the supplier's process."""
    customer, supplier = world.nodes[:2]
    here = await customer.store.load_process("", "transfer", pid)
    there = await supplier.store.find_process("", "transfer", customer.config.did, pid)
    assert here is not None
    assert there is not None
    return [here, there]


async def shut(node: Node) -> None:
    """Nobody gets the shared dataset any more."""
    for row in await node.store.list_datasets(""):
        if row.title == SHARED:
            policy = SEALED.encode()
            await node.store.commit_dataset(replace(row, policy=policy, policy_digest=digest(load(policy))))


@dataclass
class Sink:
    """Somebody's address for pushes."""

    script: list[int] = field(default_factory=list)
    heard: list[Request] = field(default_factory=list)

    async def serve(self, request: Request) -> HttpAnswer:
        """Take it."""
        self.heard.append(request)
        return HttpAnswer(status=self.script.pop(0) if self.script else 204, headers={}, body=b"")

    async def reached(self, count: int) -> None:
        """Wait until so many requests have come, and the last one is answered."""
        while len(self.heard) < count:  # noqa: ASYNC110 - an event would come before the answer
            await asyncio.sleep(0.1)


async def ordered(world: World, agreement: str, address: JsonObject) -> str:
    """A push to that address, asked for as a real EDC asks; the customer's pid of it."""
    customer, supplier = world.nodes[:2]
    pid = services(customer).ids.urn()
    process = Process(role=Role.CONSUMER, pid=Pid(pid))
    content: JsonObject = {
        "agreement": agreement, "dataset": "", "format": transfer.PUSH,
        "peer_base": f"{supplier.config.public_url}/dsp/2025-1",
    }  # fmt: skip
    here = services(customer).transfer
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(here.opening), "address", lambda *_: address)
        command = CommandRow(tenant="", key=pid, request_digest="", pid=pid, at=1)
        await here.conversation.begin(process, content, supplier.config.did, transfer.Kind.REQUEST, command)
    return pid


def test_a_push_brings_what_a_pull_would(tmp_path: Path) -> None:
    """Records and a file arrive and are kept, the provider completes; a repeat of the command is the same command."""

    async def what(world: World, agreement: str) -> None:
        customer, supplier = world.nodes
        report = tmp_path / "report.pdf"
        report.write_bytes(b"%PDF" * 1_000)
        policy = tmp_path / "open.json"
        policy.write_text('{"@type": "Set", "permission": [{"action": "use"}]}')
        said = PublishFile.model_validate(
            {"file": str(report), "policy": str(policy), "title": "r", "accessClass": "PUB"}
        )
        await files.publish_file(services(supplier), said, lambda _: None)
        got = await fetched(customer, agreement)
        assert (got["state"], got["records"], got["credentials"], got["findings"]) == ("COMPLETED", 2, 2, [])
        assert await fetched(customer, agreement) == got
        await asyncio.sleep(5)
        for node, row in zip(world.nodes, await rows(world, str(got["transfer"])), strict=True):
            content = orjson.loads(row.body)["content"]
            assert (row.state, "push" in content, "address" in content) == ("COMPLETED", False, False), node.config.name
        [title] = [row.dataset_id for row in await supplier.store.list_datasets("") if row.title == "r"]
        asked = await settled_on(customer, supplier, title)
        got = await fetched(customer, asked, "file")
        assert (got["state"], got["files"], got["records"]) == ("COMPLETED", 1, 0)
        [kept] = await customer.store.list_files("", "", asked)
        assert (kept.name, kept.media_type, kept.digest) == (
            "report.pdf", "application/pdf", digest_multibase(report.read_bytes())
        )  # fmt: skip
        assert services(customer).files.path(kept.digest).read_bytes() == report.read_bytes()

    scene(tmp_path, what)


async def settled_on(customer: Node, supplier: Node, dataset: str) -> str:
    """A contract on this dataset."""
    from connector.model import Did
    from connector.server import commands

    answer = await commands.request(services(customer), Did(supplier.config.did), dataset, "r", 60)
    await asyncio.sleep(1)
    return str(answer["agreement"])


def test_any_address_gets_pages_with_their_octets(tmp_path: Path) -> None:
    """As an EDC names it: its own header opens it; a page holds what a pull's page and its octets hold."""

    async def what(world: World, agreement: str) -> None:
        sink = Sink()
        world.network.sites["localhost:9901"] = sink.serve
        edc = "https://w3id.org/edc/v0.0.1/ns/"
        named = {"baseUrl": "http://localhost:9901/sink", "authKey": "x-api-key", "authCode": "s3cret"}
        properties: list[Json] = [
            {"@type": "EndpointProperty", "name": edc + name, "value": text} for name, text in named.items()
        ]
        address: JsonObject = {
            "@type": "DataAddress", "endpointType": "HttpData", "endpointProperties": properties
        }  # fmt: skip
        pid = await ordered(world, agreement, address)
        await asyncio.sleep(30)
        here, there = await rows(world, pid)
        assert (here.state, there.state) == ("COMPLETED", "COMPLETED")
        [request] = sink.heard
        assert (request.method, request.headers["x-api-key"]) == ("POST", "s3cret")
        assert request.headers["Content-Type"] == "application/json"
        page = orjson.loads(request.body or b"")
        octets = {line["digest"]: line["octets"].encode() for line in page["items"]}
        assert {digest_multibase(body) for body in octets.values()} == set(octets)
        assert len(octets) == 2
        said = await world.nodes[1].store.messages("", "transfer", there.pid)
        assert b"s3cret" not in b"".join(one.body for one in said)
        assert "s3cret" not in str(await world.nodes[1].store.load_process("", "transfer", there.pid))

    scene(tmp_path, what)


def test_a_secret_of_an_address_is_kept_as_digest() -> None:
    """Under each of its names."""
    body = compose.dump(compose.push_address("https://s.example", "s3cret"))
    kept = without_token(body)
    assert b"s3cret" not in kept
    assert token_digest("s3cret").encode() in kept


@pytest.mark.parametrize(
    ("script", "end", "times"),
    [
        ([503, 429, 408], "COMPLETED", 4),
        ([401], "TERMINATED", 1),
        ([404], "TERMINATED", 1),
        ([302], "TERMINATED", 1),
    ],
)
def test_a_sink_that_does_not_take_it(tmp_path: Path, script: list[int], end: str, times: int) -> None:
    """Not now means later, with growing pauses that `why` shows; a refusal ends the transfer, with its reason."""

    async def what(world: World, agreement: str) -> None:
        sink = Sink([*script])
        world.network.sites["localhost:9901"] = sink.serve
        pid = await ordered(world, agreement, compose.data_address("http://localhost:9901/sink", {}))
        if end == "COMPLETED":
            await sink.reached(2)
            await asyncio.sleep(0.2)
            paused = (await rows(world, pid))[1]
            assert await processes._next(services(world.nodes[1]), paused) is not None
            (told,) = [one for one in await trouble(services(world.nodes[1])) if one.pid]
            assert (told.pid, "our data did not get through" in told.says) == (paused.pid, True)
        await asyncio.sleep(120)
        here, there = await rows(world, pid)
        assert (here.state, there.state, len(sink.heard)) == (end, end, times)
        assert await processes._next(services(world.nodes[1]), there) is None
        assert [one for one in await trouble(services(world.nodes[1])) if one.pid] == []
        if end == "TERMINATED":
            said = orjson.loads(here.body)["content"]["termination"]
            assert (said["code"], said["by"]) == ("push-failed", "peer")
            assert str(script[0]) in said["reason"][0]
        attempts = await world.nodes[1].store.attempts("", "transfer", there.pid)
        assert [one.detail for one in attempts] == [
            f"pushing: the consumer's address answered HTTP {status}: no reason was given"
            for status in script if end == "COMPLETED"
        ]  # fmt: skip

    scene(tmp_path, what)


def test_a_sink_that_answers_without_end_ends_the_transfer(tmp_path: Path) -> None:
    """Its answer is cut off (`TooLarge`): the pages would have gone out every minute, and each time on record."""

    async def what(world: World, agreement: str) -> None:
        async def serve(_: Request) -> HttpAnswer:
            raise TooLarge("more than is accepted")

        world.network.sites["localhost:9901"] = serve
        pid = await ordered(world, agreement, compose.data_address("http://localhost:9901/sink", {}))
        await asyncio.sleep(10)
        assert [one.state for one in await rows(world, pid)] == ["TERMINATED", "TERMINATED"]

    scene(tmp_path, what)


@pytest.mark.parametrize("by", ["customer", "supplier"])
def test_a_push_pauses_and_goes_on(tmp_path: Path, by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is suspended nothing is sent; behind the page that came, it goes on; a death changes nothing."""
    monkeypatch.setattr("connector.exchange.serve.PAGE_RECORDS", 1)

    async def what(world: World, agreement: str) -> None:
        customer, supplier = world.nodes
        sink = Sink([200, 503])
        world.network.sites["localhost:9901"] = sink.serve
        pid = await ordered(world, agreement, compose.data_address("http://localhost:9901/sink", {}))
        await sink.reached(2)
        actor = customer if by == "customer" else supplier
        assert (await transfers.act(services(actor), "suspend", pid, wait_seconds=30))["state"] == "SUSPENDED"
        before = len(sink.heard)
        await asyncio.sleep(600)
        assert len(sink.heard) == before
        await supplier.die()
        supplier.start()
        assert (await transfers.act(services(customer), "resume", pid, wait_seconds=30))["state"] == "STARTED"
        await asyncio.sleep(60)
        assert [row.state for row in await rows(world, pid)] == ["COMPLETED", "COMPLETED"]
        pages = [orjson.loads(request.body or b"")["items"] for request in sink.heard]
        assert [page[0]["id"] for page in pages].count(pages[0][0]["id"]) == 1
        assert len({page[0]["id"] for page in pages}) == 2

    scene(tmp_path, what)


def test_a_push_goes_on_after_a_death(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The supplier dies while it pushes; it begins again by itself, behind what was sent."""
    monkeypatch.setattr("connector.exchange.serve.PAGE_RECORDS", 1)

    async def what(world: World, agreement: str) -> None:
        supplier = world.nodes[1]
        sink = Sink([200, 503, 503, 503])
        world.network.sites["localhost:9901"] = sink.serve
        pid = await ordered(world, agreement, compose.data_address("http://localhost:9901/sink", {}))
        await sink.reached(2)
        await supplier.die()
        await asyncio.sleep(5)
        supplier.start()
        await asyncio.sleep(300)
        assert [row.state for row in await rows(world, pid)] == ["COMPLETED", "COMPLETED"]

    scene(tmp_path, what)


def test_what_the_policy_does_not_open_is_not_pushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is decided at each page: what is shut meanwhile stays here."""
    monkeypatch.setattr("connector.exchange.serve.PAGE_RECORDS", 1)

    async def what(world: World, agreement: str) -> None:
        sink = Sink([200, 503])
        world.network.sites["localhost:9901"] = sink.serve
        pid = await ordered(world, agreement, compose.data_address("http://localhost:9901/sink", {}))
        await sink.reached(2)
        await shut(world.nodes[1])
        await asyncio.sleep(120)
        assert [row.state for row in await rows(world, pid)] == ["COMPLETED", "COMPLETED"]
        assert len(sink.heard) == 2

    scene(tmp_path, what)


def test_a_name_that_leads_inside_by_then_ends_the_transfer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The guarded client refuses it. An address that says it by itself begins nothing (`test_siege`)."""
    from connector.errors import AddressBlocked

    async def blocked(*_: object, **__: object) -> HttpAnswer:
        raise AddressBlocked("not asked")

    async def what(world: World, agreement: str) -> None:
        monkeypatch.setattr("tests.network.Wire.upload", blocked)
        pid = await ordered(world, agreement, compose.data_address("https://peer.example/sink", {}))
        await asyncio.sleep(30)
        here, there = await rows(world, pid)
        assert (here.state, there.state) == ("TERMINATED", "TERMINATED")

    scene(tmp_path, what)


# --- addresses -------------------------------------------------------------------------------------------------------


def read(address: JsonObject) -> JsonObject:
    """What a provider keeps of an address to push to."""
    return transfer.read_push(m.DataAddress.model_validate(address))


def test_an_address_to_push_to_is_read() -> None:
    """Ours, DSP's, an EDC's; none without an endpoint, none with a header that would shape the request."""
    ours = {"endpoint": "https://s/in", "header": "Authorization", "value": "Bearer t"}
    assert read(compose.push_address("https://s/in", "t")) == ours
    assert read(compose.data_address("https://s/in", {"authorization": "t", "authType": "bearer"})) == ours
    assert read(compose.data_address("https://s/in", {"authorization": "Basic eA=="}))["value"] == "Basic eA=="
    assert read(compose.data_address("https://s/in", {})) == {"endpoint": "https://s/in", "header": None, "value": None}
    assert read({"@type": "DataAddress", "endpointType": "HttpData"}) == {}
    for header in ("Host", "content-length", "Transfer-Encoding", "x y", "a:b", "x" * 65):
        assert read(compose.data_address("https://s", {"authKey": header, "authCode": "v"})) == {}, header
    for value in ("a\r\nb", "\x00", "ä"):
        assert read(compose.data_address("https://s", {"authKey": "x-key", "authCode": value})) == {}, value


def test_pages_of_a_push_are_bounded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Some mebibytes each; a record is never split."""
    monkeypatch.setattr(pushing, "_PAGE_BYTES", 1)

    async def what(world: World, agreement: str) -> None:
        sink = Sink()
        world.network.sites["localhost:9901"] = sink.serve
        pid = await ordered(world, agreement, compose.data_address("http://localhost:9901/sink", {}))
        await asyncio.sleep(30)
        assert (await rows(world, pid))[0].state == "COMPLETED"
        assert [len(orjson.loads(request.body or b"")["items"]) for request in sink.heard] == [1, 1]

    scene(tmp_path, what)


def test_a_push_needs_somewhere_to_go(tmp_path: Path) -> None:
    """A request whose address names no endpoint, or which has none, is refused with its finding."""

    async def what(world: World, agreement: str) -> None:
        customer, supplier = world.nodes
        process = Process(role=Role.CONSUMER, pid=Pid("urn:uuid:x"))
        base = f"{customer.config.public_url}/dsp/2025-1"
        nowhere: JsonObject = {"@type": "DataAddress", "endpointType": "x"}
        for address, code in ((None, "data-address-missing"), (nowhere, "endpoint-missing")):
            body = compose.dump(
                compose.transfer_request(
                    "urn:uuid:1", process, agreement_id=agreement, data_format=transfer.PUSH, callback_address=base,
                    address=address,
                )
            )  # fmt: skip
            answer = await say(
                supplier, "/dsp/2025-1/transfers/request", body, await proof(customer, supplier.config.did)
            )
            assert (answer.status, orjson.loads(answer.body)["code"]) == (400, code)

    scene(tmp_path, what)
