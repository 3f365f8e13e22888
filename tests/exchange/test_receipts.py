"""Receipts between connectors: each accepted message has one; a peer without, or with wrong ones, is served too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest import mock

import orjson
import pytest

from connector.credentials.did import DidDocument
from connector.errors import PeerUnreachable
from connector.exchange.ports import HttpAnswer
from connector.exchange.receipts import worth
from connector.exchange.rows import MessageRow, ProcessKind
from connector.model import Did, JsonObject
from connector.server import fetching, site
from connector.server.received import received
from connector.server.requests import Received
from tests.exchange.test_hostile import play, proof, say, services, settled
from tests.network import Request, handled
from tests.simulator import Node, World

Change = Callable[[Request, HttpAnswer], HttpAnswer]


def through(world: World, node: Node, change: Change) -> None:
    """What this node answers is changed on the way."""

    async def serve(request: Request) -> HttpAnswer:
        return change(request, await node.serve(request))

    world.network.sites[node.config.public_url.removeprefix("http://")] = serve


async def said(node: Node) -> list[MessageRow]:
    """Everything that was said in the node's processes."""
    found: list[MessageRow] = []
    kinds: tuple[ProcessKind, ...] = ("negotiation", "transfer")
    for kind in kinds:
        for row in await node.store.newest_processes("", kind):
            found += await node.store.messages("", kind, row.pid)
    return found


def test_every_accepted_message_has_its_receipt(tmp_path: Path) -> None:
    """Negotiation and transfer, both ways: what one side keeps as verified is what the other side keeps as given."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        asked = await settled(customer, supplier)
        await fetching.fetch(services(customer), str(asked["agreement"]), "f", 60, lambda _: None)
        await asyncio.sleep(5)
        for one, other in ((customer, supplier), (supplier, customer)):
            ours = [row for row in await said(one) if row.direction == "out"]
            theirs = {row.sha256: row.answer_headers for row in await said(other) if row.direction == "in"}
            assert len(ours) >= 3
            for row in ours:
                assert row.receipt == "verified", (row.message_type, row.receipt)
                assert orjson.loads(theirs[row.sha256])["message-receipt"] in row.answer_headers
        shown = await received(services(customer), Received())
        agreements = shown["agreements"]
        assert isinstance(agreements, list)
        assert isinstance(agreements[0], dict)
        assert agreements[0]["receipts"] == {"verified": 2}

    play(tmp_path, scene)


def test_a_repeat_gets_the_very_same_receipt(tmp_path: Path) -> None:
    """It is kept with the answer, also where its signature would be another one each time."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        await settled(customer, supplier)
        (first,) = [row for row in await said(customer) if row.message_type == "ContractRequestMessage"]
        again = await say(
            supplier, "/dsp/2025-1/negotiations/request", first.body, await proof(customer, supplier.config.did)
        )
        assert (again.status, again.body) == (first.status, first.answer_body)
        assert again.headers["message-receipt"] == orjson.loads(first.answer_headers)["message-receipt"]

    play(tmp_path, scene)


def _none(_: Request, answer: HttpAnswer) -> HttpAnswer:
    return replace(answer, headers={k: v for k, v in answer.headers.items() if k != "message-receipt"})


def _broken(_: Request, answer: HttpAnswer) -> HttpAnswer:
    text = answer.headers.get("message-receipt")
    return (
        answer if text is None else replace(answer, headers={**answer.headers, "message-receipt": text[:-4] + "AAAA"})
    )


class Swapped:
    """The first receipt for all that follows."""

    first = ""

    def __call__(self, _: Request, answer: HttpAnswer) -> HttpAnswer:
        """An answer with another one's receipt."""
        if "message-receipt" not in answer.headers:
            return answer
        self.first = self.first or answer.headers["message-receipt"]
        return replace(answer, headers={**answer.headers, "message-receipt": self.first})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_none, ["unsigned", "unsigned"]),
        (_broken, ["wrong: bad-signature: the signature was not made over this by this key"] * 2),
        (Swapped(), ["verified", "wrong: receipt-mismatch: sha256, message, state of another message or answer"]),
    ],
)
def test_what_a_peer_signs_does_not_decide_what_is_agreed(tmp_path: Path, change: Change, words: list[str]) -> None:
    """The contract stands; what the receipts are worth is kept with the messages, and a wrong one is on record."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        through(world, supplier, change)
        assert (await settled(customer, supplier))["state"] == "FINALIZED"
        await asyncio.sleep(5)
        assert [row.receipt for row in await said(customer) if row.direction == "out"] == words
        noted = [row for row in await customer.store.evidence("") if row.event == "wrong-receipt"]
        assert len(noted) == sum(word.startswith("wrong") for word in words)

    play(tmp_path, scene)


class Away:
    """Nobody's DID document can be had."""

    async def did_document(self, did: Did, key_id: str | None = None) -> DidDocument:
        """No answer."""
        raise PeerUnreachable(f"{did} is away")


def test_a_receipt_whose_key_cannot_be_had_is_unchecked(tmp_path: Path) -> None:
    """Neither good nor bad, with the reason; the token itself is kept."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        outbox = services(customer).outbox
        outbox.receipts = replace(outbox.receipts, resolver=Away())
        assert (await settled(customer, supplier))["state"] == "FINALIZED"
        (row,) = [row for row in await said(customer) if row.message_type == "ContractRequestMessage"]
        assert row.receipt == f"unchecked: {supplier.config.did} is away"
        assert "message-receipt" in row.answer_headers

    play(tmp_path, scene)


def test_a_message_is_kept_though_the_peer_went_on_before_its_answer(tmp_path: Path) -> None:
    """The answer comes late, when the agreement has acknowledged the request already: kept once, with its receipt."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        site = supplier.config.public_url.removeprefix("http://")

        async def slow(request: Request) -> HttpAnswer:
            answer = await supplier.serve(request)
            if request.url.endswith("/negotiations/request"):
                await asyncio.sleep(3)
            return answer

        world.network.sites[site] = slow
        assert (await settled(customer, supplier))["state"] == "FINALIZED"
        await asyncio.sleep(10)
        kept = [row for row in await said(customer) if row.direction == "out"]
        assert sorted((row.message_type, row.receipt) for row in kept) == [
            ("ContractAgreementVerificationMessage", "verified"), ("ContractRequestMessage", "verified"),
        ]  # fmt: skip

    play(tmp_path, scene)


def test_a_signature_is_looked_at_in_a_quiet_moment_or_when_somebody_asks(tmp_path: Path) -> None:
    """What the receipt says is checked with the answer; `why` and `received` do not wait for the rest."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        through(world, supplier, _broken)
        outbox = services(customer).outbox
        with mock.patch.object(type(outbox.receipts), "prove_some"):
            asked = await settled(customer, supplier)
            kept = [row for row in await said(customer) if row.direction == "out"]
            assert {row.receipt for row in kept} == {"signed"}
            assert all(worth(row).startswith("wrong: bad-signature") for row in kept)
            shown = await processes_of(customer, str(asked["negotiation"]))
            assert {str(one["receipt"]).partition(":")[0] for one in shown} == {"wrong", "given"}
        await asyncio.sleep(5)
        assert {row.receipt for row in await said(customer) if row.direction == "out"} == {
            "wrong: bad-signature: the signature was not made over this by this key"
        }

    play(tmp_path, scene)


async def processes_of(node: Node, pid: str) -> list[JsonObject]:
    """The messages of a process as `why` shows them."""
    app = site.management_site(services(node), "secret")
    app.freeze()
    asked = Request(
        method="GET", url=f"http://localhost/v1/processes/{pid}", headers={"Authorization": "Bearer secret"},
        body=None, timeout_seconds=9,
    )  # fmt: skip
    messages: list[JsonObject] = orjson.loads((await handled(app, asked)).body)["messages"]
    return messages
