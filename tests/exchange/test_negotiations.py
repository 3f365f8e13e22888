"""Negotiations that are more than a request and its answer: offers of either side, counter-offers, a person's word."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from connector.config import Approvals
from connector.errors import Conflict, IllegalTransition, Taken
from connector.model import JsonObject
from connector.server import fetching
from tests.exchange.deals import OTHER_TERMS, STRICTER, STRICTER_CONSTRAINT, ask, dataset, offer, queue, timers
from tests.exchange.test_hostile import play, say, services
from tests.simulator import KEPT, World

# --- who decides what ------------------------------------------------------------------------------------------------


def test_by_default_nobody_is_asked(tmp_path: Path) -> None:
    """Request, agreement, verification, finalization: both policies decide, and nothing is left to be done."""

    async def scene(world: World) -> None:
        deal = await ask(*world.nodes)
        assert await deal.states() == ("FINALIZED", "FINALIZED")
        one, two = await deal.agreements()
        assert one == two
        for node in world.nodes:
            assert await queue(node) == []
            assert await timers(node, (await deal.row(node)).pid) == set()

    play(tmp_path, scene)


def test_other_terms_are_refused_by_default(tmp_path: Path) -> None:
    """A first request with terms that nobody offered begins nothing."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        deal = await ask(customer, supplier, terms=OTHER_TERMS)
        assert (await deal.row(customer)).state == "TERMINATED"
        assert await timers(supplier, (await deal.row(supplier)).pid) == set()
        assert await queue(supplier) == []

    play(tmp_path, scene)


def test_an_offer_that_nobody_asked_for_waits_for_a_person(tmp_path: Path) -> None:
    """Accepted by hand: then the supplier's policy decides on who the customer is, and all goes on by itself."""

    async def scene(world: World) -> None:
        supplier, customer = world.nodes
        deal = await offer(supplier, customer)
        assert await deal.states() == ("OFFERED", "OFFERED")
        (waits,) = await queue(customer)
        assert (waits.turn, waits.counterparty, waits.subject) == (
            "offer", supplier.config.did, (await dataset(supplier)).dataset_id,
        )  # fmt: skip
        assert await queue(supplier) == []
        await deal.decide(customer, "approve")
        assert await deal.states() == ("FINALIZED", "FINALIZED")
        one, two = await deal.agreements()
        assert one == two
        assert await queue(customer) == []

    play(tmp_path, scene)


def test_an_offer_does_not_go_round_the_policy(tmp_path: Path) -> None:
    """Who accepts an offer that its policy denies it is refused, with the operands that failed."""

    async def scene(world: World) -> None:
        supplier, customer = world.nodes
        deal = await offer(supplier, customer, title=KEPT)
        await deal.decide(customer, "approve")
        assert await deal.states() == ("TERMINATED", "TERMINATED")
        told = (await deal.content(customer))["termination"]
        assert told["code"] == "policy-denied"
        assert told["reason"] == ["the policy says no: role", {"decision": "deny", "failed": ["role"]}]

    play(tmp_path, scene)


def test_a_request_can_be_held_until_a_person_approves(tmp_path: Path) -> None:
    """Held by configuration: the peer sees REQUESTED; the agreement may have an id of our choice."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        deal = await ask(customer, supplier)
        assert await deal.states() == ("REQUESTED", "REQUESTED")
        row = await deal.row(supplier)
        (waits,) = await queue(supplier)
        assert (waits.turn, waits.pid, waits.due - waits.asked) == ("request", row.pid, 60_000_000)
        assert row.deadline == waits.due
        assert await timers(supplier, row.pid) == {"patience", "limit"}
        with pytest.raises(IllegalTransition):
            await deal.decide(customer, "approve")
        await deal.decide(supplier, "approve", agreement_id="urn:agreement:7")
        assert await deal.states() == ("FINALIZED", "FINALIZED")
        assert (await customer.store.load_agreement("", "urn:agreement:7")) is not None
        with pytest.raises(IllegalTransition):
            await deal.decide(supplier, "approve")
        again = await ask(customer, supplier)
        with pytest.raises(Conflict):
            await again.decide(supplier, "approve", agreement_id="urn:agreement:7")

    play(tmp_path, scene, approvals=Approvals(request="hold", limit_seconds=60))


def test_one_agreement_id_is_not_given_to_two_negotiations_at_once(tmp_path: Path) -> None:
    """Words said before either peer has answered: the second is told, and may be said with another id."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        deals = [await ask(customer, supplier), await ask(customer, supplier)]
        words = [deal.decide(supplier, "approve", agreement_id="urn:agreement:7") for deal in deals]
        said = await asyncio.gather(*words, return_exceptions=True)
        assert [type(one) for one in said if one is not None] == [Taken]
        second = deals[[one is not None for one in said].index(True)]
        assert await second.states() == ("REQUESTED", "REQUESTED")
        await second.decide(supplier, "approve", agreement_id="urn:agreement:8")
        for deal in deals:
            assert await deal.states() == ("FINALIZED", "FINALIZED")

    play(tmp_path, scene, approvals=Approvals(request="hold", limit_seconds=60))


def test_what_the_policy_denies_is_not_held(tmp_path: Path) -> None:
    """A person decides beside the policy, never against it."""

    async def scene(world: World) -> None:
        deal = await ask(*world.nodes, title=KEPT)
        assert await deal.states() == ("TERMINATED", "TERMINATED")
        assert await queue(world.nodes[1]) == []

    play(tmp_path, scene, approvals=Approvals(request="hold"))


def test_a_dataset_may_ask_for_approval(tmp_path: Path) -> None:
    """Marked when it was published: then each request for it is held, and one for another dataset is not."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        await supplier.store.commit_dataset(replace(await dataset(supplier), approval=True))
        deal = await ask(customer, supplier)
        assert await deal.states() == ("REQUESTED", "REQUESTED")
        await deal.decide(supplier, "reject", code="no-capacity", reason="not this year")
        assert await deal.states() == ("TERMINATED", "TERMINATED")
        told = (await deal.content(customer))["termination"]
        assert (told["code"], told["reason"], told["by"]) == ("no-capacity", ["not this year"], "peer")

    play(tmp_path, scene)


def test_with_some_peers_a_person_decides_every_turn(tmp_path: Path) -> None:
    """Both sides name the other: request, agreement and verification each wait for a word."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        deal = await ask(customer, supplier)
        for node, turn in ((supplier, "request"), (customer, "agreement"), (supplier, "verification")):
            (waits,) = await queue(node)
            assert waits.turn == turn
            await deal.decide(node, "approve")
        assert await deal.states() == ("FINALIZED", "FINALIZED")

    dids = ("did:web:localhost%3A7001", "did:web:localhost%3A7002")
    play(tmp_path, scene, approvals=Approvals(peers=dids))


# --- bargaining ------------------------------------------------------------------------------------------------------


def test_two_counter_offers_and_an_agreement(tmp_path: Path) -> None:
    """The supplier counters a request, the customer the offer, the supplier again; what was accepted last is agreed."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        deal = await ask(customer, supplier, terms=OTHER_TERMS)
        (waits,) = await queue(supplier)
        assert waits.turn == "counter-request"
        await deal.decide(supplier, "counter", terms=STRICTER)
        assert await deal.states() == ("OFFERED", "OFFERED")
        await deal.decide(customer, "counter", terms=OTHER_TERMS)
        assert await deal.states() == ("REQUESTED", "REQUESTED")
        await deal.decide(supplier, "counter", terms={**STRICTER, "@id": "urn:last"})
        await deal.decide(customer, "approve")
        assert await deal.states() == ("FINALIZED", "FINALIZED")
        one, two = map(orjson.loads, await deal.agreements())
        assert one == two
        assert one["permission"] == STRICTER["permission"]
        kinds = [
            row.message_type for row in await supplier.store.messages("", "negotiation", (await deal.row(supplier)).pid)
        ]
        assert [kind.removeprefix("Contract").removesuffix("Message") for kind in kinds] == [
            "Request", "Offer", "Request", "Offer", "NegotiationEventMessage:ACCEPTED", "Agreement",
            "AgreementVerification", "NegotiationEventMessage:FINALIZED",
        ]  # fmt: skip

    play(tmp_path, scene, approvals=Approvals(counter_request="hold"))


def test_our_own_offer_answers_other_terms(tmp_path: Path) -> None:
    """By configuration: whoever wants other terms is told ours; who insists is refused after a few rounds."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        deal = await ask(customer, supplier, terms=OTHER_TERMS)
        assert await deal.states() == ("OFFERED", "OFFERED")
        ours = services(supplier).offer.policies.offer(await dataset(supplier))
        shown = (await deal.content(customer))["offer"]
        assert (shown["@id"], shown["permission"]) == (ours["@id"], ours["permission"])
        for _ in range(5):
            await deal.decide(customer, "counter", terms=OTHER_TERMS)
        assert await deal.states() == ("TERMINATED", "TERMINATED")
        assert (await deal.content(customer))["termination"]["code"] == "terms-refused"
        again = await ask(customer, supplier, terms=OTHER_TERMS)
        await again.decide(customer, "approve")
        assert await again.states() == ("FINALIZED", "FINALIZED")

    play(tmp_path, scene, approvals=Approvals(counter_request="offer"))


def test_an_offer_that_is_what_was_asked_for_is_accepted(tmp_path: Path) -> None:
    """A supplier may answer with an offer instead of an agreement: word for word the same, it needs nobody."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        deal = await ask(customer, supplier)
        terms = (await deal.content(supplier))["offer"]
        await deal.decide(supplier, "counter", terms={**terms, "@id": "urn:again"})
        assert await deal.states() == ("FINALIZED", "FINALIZED")

    play(tmp_path, scene, approvals=Approvals(request="hold"))


def test_offers_can_be_refused_by_rule(tmp_path: Path) -> None:
    """Who wants no offers is bothered with none."""

    async def scene(world: World) -> None:
        deal = await offer(*world.nodes)
        assert await deal.states() == ("TERMINATED", "TERMINATED")
        assert (await deal.content(world.nodes[0]))["termination"]["code"] == "terms-refused"

    play(tmp_path, scene, approvals=Approvals(offer="refuse"))


def test_a_refused_counter_request_leaves_the_offer_on_the_table(tmp_path: Path) -> None:
    """The supplier takes no other terms (400): the customer's person looks again, and may accept what was offered."""

    async def scene(world: World) -> None:
        supplier, customer = world.nodes
        deal = await offer(supplier, customer)
        await deal.decide(customer, "counter", terms=OTHER_TERMS)
        assert await deal.states() == ("OFFERED", "OFFERED")
        (waits,) = await queue(customer)
        assert waits.turn == "offer"
        content = await deal.content(customer)
        assert content["waits"]["note"] == "the peer refused our ContractRequestMessage"
        assert content["offer"]["@id"] != "urn:other"
        await deal.decide(customer, "approve")
        assert await deal.states() == ("FINALIZED", "FINALIZED")

    play(tmp_path, scene)


def test_there_is_nothing_to_counter_in_a_verification(tmp_path: Path) -> None:
    """Only terms on the table can be countered; the turn goes on waiting."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        deal = await ask(customer, supplier)
        with pytest.raises(IllegalTransition):
            await deal.decide(supplier, "counter", terms=OTHER_TERMS)
        assert len(await queue(supplier)) == 1
        await deal.decide(supplier, "reject", reason="second thoughts")
        assert await deal.states() == ("TERMINATED", "TERMINATED")

    play(tmp_path, scene, approvals=Approvals(verification="hold"))


# --- what was agreed counts -------------------------------------------------------------------------------------------


def test_agreed_terms_count_beside_the_policy(tmp_path: Path) -> None:
    """A counter-offer for an hour gives data for that hour, though the dataset's policy would give it for ever."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        constraint = {**STRICTER_CONSTRAINT, "rightOperand": "2027-03-15T09:30:00Z"}
        terms: JsonObject = {"@id": "urn:hour", "permission": [{"action": "use", "constraint": [constraint]}]}
        short, long = await ask(customer, supplier, terms=terms), await ask(customer, supplier)
        await short.decide(supplier, "approve")
        deals = [str((await deal.content(customer))["agreement"]["@id"]) for deal in (short, long)]
        got = [await fetching.fetch(services(customer), one, one, 60, lambda _: None) for one in deals]
        assert [one["state"] for one in got] == ["COMPLETED", "COMPLETED"]
        running = await fetching.start_transfer(services(customer), deals[0], "late", 60)
        address = running["address"]
        assert isinstance(address, dict)
        assert (await say(supplier, "/data", b"", str(address["authorization"]), "GET")).status == 200
        await asyncio.sleep(1_800)
        page = await say(supplier, "/data", b"", str(address["authorization"]), "GET")
        assert orjson.loads(page.body)["items"] == []
        got = [await fetching.fetch(services(customer), one, f"{one} later", 60, lambda _: None) for one in deals]
        assert [one["state"] for one in got] == ["TERMINATED", "COMPLETED"]
        told = got[0]["termination"]
        assert isinstance(told, dict)
        assert (told["code"], told["by"]) == ("policy-denied", "peer")
        assert "dateTime" in str(told["reason"])

    play(tmp_path, scene, approvals=Approvals(counter_request="hold"))


def test_terms_without_words_are_refused(tmp_path: Path) -> None:
    """What our policies could not keep is not put before a person: 400 with the reason, and nothing begins."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        constraint = {**STRICTER_CONSTRAINT, "leftOperand": "https://example.com/moon"}
        terms: JsonObject = {"@id": "urn:moon", "permission": [{"action": "use", "constraint": [constraint]}]}
        deal = await ask(customer, supplier, terms=terms)
        assert (await deal.row(customer)).state == "TERMINATED"
        (refused,) = await supplier.store.messages("", "negotiation", (await deal.row(supplier)).pid)
        assert refused.status == 400
        assert b"terms-unknown" in refused.answer_body
        assert await queue(supplier) == []

    play(tmp_path, scene, approvals=Approvals(counter_request="hold"))
