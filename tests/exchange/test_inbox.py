"""What a provider may put into our inbox, and what becomes of it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from pathlib import Path

import orjson
import pytest

from connector.credentials.digest import digest_multibase
from connector.credentials.verify import Report
from connector.exchange.arrivals import Arrivals, Received
from connector.exchange.ports import HttpAnswer
from connector.model import Finding
from connector.protocol import messages as m
from connector.server import fetching, transfers
from tests.exchange.test_hostile import say, services
from tests.exchange.test_push import fetched, rows, scene
from tests.network import Request, handled
from tests.simulator import Node, World


async def waiting(world: World, agreement: str) -> tuple[str, str]:
    """A push that its provider never sends: pid and token."""
    customer, supplier = world.nodes
    heard = world.network.overheard(supplier.config.public_url, "/transfers/request")
    services(supplier).outbox.jobs.clear()
    task = asyncio.create_task(fetched(customer, agreement, wait=3))
    got = await task
    assert got["state"] == "STARTED"
    said = m.parse_as(m.TransferRequestMessage, orjson.loads(heard[0].body or b""))
    assert said.data_address is not None
    assert said.data_address.named("baseUrl") == said.data_address.url() == f"{customer.config.public_url}/inbox"
    token = said.data_address.named("authorization")
    assert said.data_address.named("authCode") == f"Bearer {token}"
    return str(got["transfer"]), str(token)


async def put(node: Node, token: str, body: bytes, **headers: str) -> HttpAnswer:
    """A push."""
    assert node.app is not None
    named = {"Authorization": f"Bearer {token}", "Content-Type": "application/octet-stream"}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    url = f"{node.config.public_url}/inbox"
    return await handled(node.app, Request(method="POST", url=url, headers=named, body=body, timeout_seconds=10))


def test_the_inbox_takes_raw_octets_as_a_file(tmp_path: Path) -> None:
    """An EDC's push: JSON that is no page, CSV, octets; each once, whatever is repeated; the transfer counts them."""

    async def what(world: World, agreement: str) -> None:
        customer, supplier = world.nodes
        pid, token = await waiting(world, agreement)
        for body, kind in ((b'{"a": 1}', "application/json"), (b"a;b", "text/csv"), (b"a;b", "text/csv")):
            answer = await put(customer, token, body, Content_Type=kind)
            assert (answer.status, orjson.loads(answer.body)["files"]) == (200, 1)
        kept = await customer.store.list_files("", "", agreement)
        assert sorted((one.name, one.media_type, one.size) for one in kept) == [
            ("data", "application/json", 8), ("data", "text/csv", 3)
        ]  # fmt: skip
        await transfers.act(services(supplier), "complete", pid, wait_seconds=10)
        got = await fetched(customer, agreement)
        assert (got["state"], got["files"], got["findings"]) == ("COMPLETED", 2, [])
        assert (await put(customer, token, b"late")).status == 401

    scene(tmp_path, what)


def test_a_file_is_what_it_was_promised_to_be(tmp_path: Path) -> None:
    """Its digest decides, its name is only a name."""

    async def what(world: World, agreement: str) -> None:
        customer = world.nodes[0]
        _, token = await waiting(world, agreement)
        good = base64.b64encode(hashlib.sha256(b"x").digest()).decode()
        name = "attachment; filename*=UTF-8''..%2F..%2Fetc%2Fpasswd"
        other = await put(customer, token, b"y", Repr_Digest=f"sha-256=:{good}:")
        assert other.status == 400
        answer = await put(
            customer, token, b"x", Repr_Digest=f"sha-512=:AA==:, sha-256=:{good}:", Content_Disposition=name
        )
        assert answer.status == 200
        [kept] = await customer.store.list_files("", "", agreement)
        assert (kept.name, kept.digest) == ("passwd", digest_multibase(b"x"))
        assert (await put(customer, token, b"")).status == 400
        folder = services(customer).files.path(kept.digest).parent
        assert [path.name for path in folder.iterdir() if path.stat().st_size] == [kept.digest]

    scene(tmp_path, what)


def test_a_pushed_page_is_checked_as_a_pulled_one(tmp_path: Path) -> None:
    """What is not what it should be is reported and not kept; who leads elsewhere by an address is refused."""

    async def what(world: World, agreement: str) -> None:
        customer, supplier = world.nodes
        pid, token = await waiting(world, agreement)
        process = (await rows(world, pid))[1]
        grant = await services(supplier).grants.of(process)
        items, _ = await services(supplier).serve.listed(grant, "")
        octets = [await services(supplier).serve.octets(grant, str(item["digest"])) for item in items]  # type: ignore[index, call-overload]  # lines of ours

        def page(first: str) -> bytes:
            texts = [first, octets[1].octets.decode()]
            lines = [
                {**{name: value for name, value in item.items() if name != "url"}, "octets": text}  # type: ignore[union-attr]  # lines of ours
                for item, text in zip(items, texts, strict=True)
            ]
            return orjson.dumps({"dataset": "d", "items": lines})

        answer = await put(customer, token, page("tampered"), Content_Type="application/json")
        said = orjson.loads(answer.body)
        assert (answer.status, said["records"], said["rejected"]) == (200, 1, 1)
        assert [one["code"] for one in said["findings"]] == ["digest-mismatch"]
        again = orjson.loads(
            (await put(customer, token, page(octets[0].octets.decode()), Content_Type="application/json")).body
        )
        assert (again["records"], again["unchanged"], again["rejected"]) == (1, 1, 0)
        led = orjson.dumps({"dataset": "d", "items": items})
        assert (await put(customer, token, led, Content_Type="application/json")).status == 400
        content = orjson.loads((await rows(world, pid))[0].body)["content"]["received"]
        assert (content["records"], content["rejected"], len(content["findings"])) == (2, 1, 1)

    scene(tmp_path, what)


def test_a_page_that_cannot_be_checked_now_comes_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An issuer is away: nothing is lost and nothing is accepted; when it is back the push goes through by itself."""
    good, away = Arrivals._good, [True]

    def looked(self: Arrivals, report: Report, digest: str, result: Received) -> object:
        if away:
            result.unchecked += 1
            result.findings.append(Finding(code="did-unreachable", message="the issuer is away"))
            return None
        return good(self, report, digest, result)

    async def what(world: World, agreement: str) -> None:
        customer = world.nodes[0]
        monkeypatch.setattr(Arrivals, "_good", looked)
        got = await fetched(customer, agreement)
        assert (got["state"], got["records"], got["unchecked"]) == ("STARTED", 0, 2)
        assert {one["code"] for one in got["findings"]} == {"did-unreachable"}  # type: ignore[index, union-attr, call-overload]  # findings of ours
        away.clear()
        await asyncio.sleep(300)
        got = await fetched(customer, agreement)
        assert (got["state"], got["records"], got["unchecked"], got["findings"]) == ("COMPLETED", 2, 0, [])

    scene(tmp_path, what)


def test_the_inbox_opens_to_its_own_token_alone(tmp_path: Path) -> None:
    """Not to a data token of ours, not while it is suspended; and a push's token opens no data."""

    async def what(world: World, agreement: str) -> None:
        customer, supplier = world.nodes
        pid, token = await waiting(world, agreement)
        assert (await put(customer, "", b"x")).status == 401
        assert (await put(customer, "other", b"x")).status == 401
        assert (await say(customer, "/data", b"", token, "GET")).status == 401
        begun = await fetching.start_transfer(services(customer), agreement, "t", 60)
        address = begun["address"]
        assert isinstance(address, dict)
        assert (await put(supplier, str(address["authorization"]), b"x")).status == 401
        await transfers.act(services(customer), "suspend", pid, wait_seconds=10)
        assert (await put(customer, token, b"x")).status == 503
        await transfers.act(services(customer), "resume", pid, wait_seconds=10)
        assert (await put(customer, token, b"x")).status == 200
        await transfers.act(services(customer), "terminate", pid, wait_seconds=10)
        assert (await put(customer, token, b"y")).status == 401

    scene(tmp_path, what)
