"""What operators decide, by the management API: the queue, words with their times and ids, offers, ends."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from connector.config import Approvals
from connector.exchange.stored import micros
from connector.model import JsonObject
from connector.server import site
from tests.edges.server.documented import check
from tests.exchange.deals import OTHER_TERMS, STRICTER, ask, dataset, offer
from tests.exchange.test_hostile import play, services
from tests.network import Request, handled
from tests.simulator import KEPT, SHARED, Node, World


async def call(node: Node, method: str, path: str, body: JsonObject | None = None, key: str = "") -> tuple[int, Any]:
    """One management request: status and JSON."""
    app = site.management_site(services(node), "secret")
    app.freeze()
    headers = {"Authorization": "Bearer secret", "Content-Type": "application/json", "Idempotency-Key": key}
    octets = orjson.dumps({"wait_seconds": 20, **(body or {})}) if method == "POST" else None
    asked = Request(method=method, url=f"http://localhost{path}", headers=headers, body=octets, timeout_seconds=60)
    answer = await handled(app, asked)
    said = orjson.loads(answer.body)
    check(method, path, answer.status, said)
    return answer.status, said


async def waiting(node: Node) -> list[dict[str, Any]]:
    """The queue as people see it."""
    status, answer = await call(node, "GET", "/v1/approvals")
    assert status == 200
    found: list[dict[str, Any]] = answer["approvals"]
    return found


def test_the_queue_shows_what_is_to_be_decided(tmp_path: Path) -> None:
    """Who asks for what, which terms and which are ours, what our policy says, what can be said, and until when."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        assert await waiting(supplier) == []
        deal = await ask(customer, supplier, terms=STRICTER)
        (shown,) = await waiting(supplier)
        ours = services(supplier).offer.policies.offer(await dataset(supplier))
        assert shown["id"] == (await deal.row(supplier)).pid
        assert (shown["turn"], shown["with"], shown["title"]) == ("counter-request", customer.config.did, SHARED)
        assert shown["terms"]["permission"] == STRICTER["permission"]
        assert shown["ours"] == ours
        assert shown["policy"]["decision"] == "permit"
        assert shown["can"] == ["approve", "counter", "reject"]
        assert (shown["decision"], shown["not_before"], shown["note"]) == (None, None, None)
        assert shown["due"][:10] == (supplier.clock.now() + timedelta(days=7)).isoformat()[:10]
        assert await waiting(customer) == []

    play(tmp_path, scene, approvals=Approvals(counter_request="hold"))


def test_a_word_is_given_by_either_id_and_repeated_by_its_key(tmp_path: Path) -> None:
    """The peer's id leads to the same turn; the repeated command finds the end and changes nothing."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        deal = await ask(customer, supplier)
        said: JsonObject = {"decision": "approve", "agreement_id": "urn:agreement:9"}
        status, answer = await call(supplier, "POST", f"/v1/approvals/{deal.pid}", said, key="a")
        assert (status, answer["state"], answer["agreement"]) == (200, "FINALIZED", "urn:agreement:9")
        assert await call(supplier, "POST", f"/v1/approvals/{deal.pid}", said, key="a") == (200, answer)
        status, _ = await call(supplier, "POST", f"/v1/approvals/{deal.pid}", {"decision": "reject"}, key="a")
        assert status == 409
        status, problem = await call(supplier, "POST", f"/v1/approvals/{deal.pid}", said)
        assert status == 409
        status, problem = await call(supplier, "POST", f"/v1/approvals/{deal.pid}", {"decision": "reject"})
        assert (status, problem["detail"]) == (400, "nothing waits for a decision here")
        status, _ = await call(supplier, "POST", "/v1/approvals/urn:nobody", said)
        assert status == 404

    play(tmp_path, scene, approvals=Approvals(request="hold"))


def test_a_repeated_counter_is_one(tmp_path: Path) -> None:
    """Its offer gets a fresh id each time, yet by its key it is the same command."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        deal = await ask(customer, supplier)
        said: JsonObject = {"decision": "counter", "terms": STRICTER}
        for _ in range(2):
            status, answer = await call(supplier, "POST", f"/v1/approvals/{deal.pid}", said, key="c")
            assert (status, answer["state"]) == (200, "OFFERED")
        assert len(await customer.store.messages("", "negotiation", deal.pid)) == 2

    play(tmp_path, scene, approvals=Approvals(request="hold"))


def test_a_word_for_later_is_shown(tmp_path: Path) -> None:
    """With its time, answered at once; then it happens."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        deal = await ask(customer, supplier)
        at = (supplier.clock.now() + timedelta(seconds=30)).isoformat()
        said: JsonObject = {"decision": "reject", "code": "no", "reason": "closed", "not_before": at}
        before = micros(supplier.clock.now())
        status, answer = await call(supplier, "POST", f"/v1/approvals/{deal.pid}", said)
        assert (status, answer["state"], answer["waits"]) == (200, "REQUESTED", "request")
        assert micros(supplier.clock.now()) - before < 5_000_000
        (shown,) = await waiting(supplier)
        assert (shown["decision"], shown["not_before"][:19]) == ("reject", at[:19])
        await asyncio.sleep(40)
        assert await deal.states() == ("TERMINATED", "TERMINATED")
        assert await waiting(supplier) == []

    play(tmp_path, scene, approvals=Approvals(request="hold"))


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"decision": "perhaps"}, 422),
        ({}, 422),
        ({"decision": "approve", "terms": OTHER_TERMS}, 422),
        ({"decision": "counter"}, 422),
        ({"decision": "counter", "terms": {"permission": []}}, 422),
        ({"decision": "counter", "terms": {"permission": [{"action": "list"}]}}, 422),
        ({"decision": "approve", "not_before": "soon"}, 422),
        ({"decision": "approve", "agreement_id": 7}, 422),
    ],
)
def test_a_word_that_makes_no_sense_is_refused(tmp_path: Path, said: JsonObject, status: int) -> None:
    """With a sentence that says what is wrong; the turn goes on waiting."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        deal = await ask(customer, supplier)
        answer, problem = await call(supplier, "POST", f"/v1/approvals/{deal.pid}", said)
        assert (answer, bool(problem["detail"])) == (status, True)
        assert len(await waiting(supplier)) == 1

    play(tmp_path, scene, approvals=Approvals(request="hold"))


def test_an_offer_is_made_by_title_and_with_an_id_of_our_choice(tmp_path: Path) -> None:
    """The catalogue's offer, or other terms; the repeated command is one negotiation."""

    async def scene(world: World) -> None:
        supplier, customer = world.nodes
        wanted: JsonObject = {"peer": customer.config.did, "dataset": SHARED, "wait_seconds": 5}
        status, first = await call(supplier, "POST", "/v1/offer", wanted, key="o")
        assert (status, first["state"]) == (200, "OFFERED")
        assert await call(supplier, "POST", "/v1/offer", wanted, key="o") == (200, first)
        named: JsonObject = {**wanted, "terms": STRICTER, "offer_id": "urn:offer:5"}
        status, second = await call(supplier, "POST", "/v1/offer", named)
        shown = {one["terms"]["@id"]: one for one in await waiting(customer)}
        ours = services(supplier).offer.policies.offer(await dataset(supplier))
        assert shown.keys() == {"urn:offer:5", ours["@id"]}
        assert shown["urn:offer:5"]["terms"]["permission"] == STRICTER["permission"]
        assert shown["urn:offer:5"]["id"] == (await offered_to(customer, supplier, str(second["negotiation"])))
        assert (await call(supplier, "POST", "/v1/offer", {**wanted, "dataset": "nothing"}))[0] == 404
        assert (await call(supplier, "POST", "/v1/offer", {**wanted, "terms": "free"}))[0] == 422

    play(tmp_path, scene)


async def offered_to(customer: Node, supplier: Node, pid: str) -> str:
    """The customer's id of what the supplier calls so."""
    row = await customer.store.find_process("", "negotiation", supplier.config.did, pid)
    assert row is not None
    return row.pid


def test_a_negotiation_is_ended_with_code_and_reason(tmp_path: Path) -> None:
    """The peer is told both; ended already is good enough, final is not, and a transfer is no negotiation."""

    async def scene(world: World) -> None:
        supplier, customer = world.nodes
        deal = await offer(supplier, customer, title=KEPT)
        path = f"/v1/negotiations/{deal.pid}/terminate"
        status, answer = await call(supplier, "POST", path, {"code": "sold", "reason": "to somebody else"})
        assert (status, answer["state"]) == (200, "TERMINATED")
        assert answer["termination"] == {"code": "sold", "reason": ["to somebody else"], "by": "us"}
        await asyncio.sleep(5)
        assert (await deal.content(customer))["termination"]["code"] == "sold"
        assert await call(supplier, "POST", path, {"code": "again"}) == (200, answer)
        final = await ask(customer, supplier)
        status, problem = await call(supplier, "POST", f"/v1/negotiations/{final.pid}/terminate")
        assert (status, "FINALIZED" in problem["detail"]) == (400, True)
        asked: JsonObject = {"agreement": (await final.content(customer))["agreement"]["@id"], "pull": False}
        _, started = await call(customer, "POST", "/v1/fetch", asked)
        status, problem = await call(customer, "POST", f"/v1/negotiations/{started['transfer']}/terminate")
        assert (status, problem["hint"]) == (404, "battery-connector transfers")

    play(tmp_path, scene)
