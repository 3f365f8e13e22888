"""Negotiations that are more than a request and its answer: offers of either side, counter-offers, a person's word."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from connector.config import Approvals, Limits
from connector.errors import Conflict, IllegalTransition
from connector.exchange.draft import micros
from connector.exchange.held import Word
from connector.exchange.rows import ApprovalRow, CommandRow, DatasetRow, ProcessRow
from connector.model import Did, JsonObject
from connector.protocol import negotiation
from tests.exchange.test_hostile import play, services
from tests.simulator import KEPT, SHARED, Node, World

OTHER_TERMS: JsonObject = {"@id": "urn:other", "permission": [{"action": "use"}]}
STRICTER: JsonObject = {
    "@id": "urn:stricter",
    "permission": [
        {
            "action": "use",
            "constraint": [{"leftOperand": "dateTime", "operator": "lt", "rightOperand": "2027-04-01T00:00:00Z"}],
        }
    ],
}


@dataclass(slots=True)
class Deal:
    """One negotiation as both sides see it. `pid`: the id at the side that began it."""

    begun_by: Node
    other: Node
    pid: str

    async def row(self, node: Node) -> ProcessRow:
        """The process there."""
        if node is self.begun_by:
            found = await node.store.load_process("", "negotiation", self.pid)
        else:
            found = await node.store.find_process("", "negotiation", self.begun_by.config.did, self.pid)
        assert found is not None
        return found

    async def content(self, node: Node) -> dict[str, Any]:
        """What is known of it there."""
        content: dict[str, Any] = orjson.loads((await self.row(node)).body)["content"]
        return content

    async def states(self) -> tuple[str, str]:
        """At the side that began it, and at the other."""
        return (await self.row(self.begun_by)).state, (await self.row(self.other)).state

    async def decide(self, node: Node, decision: Any, **more: Any) -> None:
        """A person's word there; then everything that follows by itself."""
        row = await self.row(node)
        await services(node).negotiate.decide(row.pid, Word(decision=decision, **more), command(node))
        await asyncio.sleep(5)

    async def agreements(self) -> list[bytes]:
        """The agreements that the two hold on this deal: one on each side when it is final."""
        found = []
        for node in (self.begun_by, self.other):
            pid = (await self.row(node)).pid
            found += [one.agreement for one in await node.store.list_agreements("") if one.negotiation_pid == pid]
        return found


def command(node: Node) -> CommandRow:
    """A command with a key of its own."""
    urn = services(node).ids.urn
    return CommandRow(tenant="", key=urn(), request_digest="", pid=urn(), answer=None, at=0)


async def dataset(node: Node, title: str = SHARED) -> DatasetRow:
    """A dataset of this node."""
    return next(row for row in await node.store.list_datasets("") if row.title == title)


async def ask(customer: Node, supplier: Node, *, terms: JsonObject | None = None, title: str = SHARED) -> Deal:
    """A request, for what the catalogue shows or for other terms."""
    wanted = await dataset(supplier, title)
    offer = terms or services(supplier).offer.policies.offer(wanted)
    peer = Did(supplier.config.did)
    base = await services(customer).peers.dsp_base(peer)
    pid = await services(customer).negotiate.request(peer, base, wanted.dataset_id, offer, command(customer))
    await asyncio.sleep(5)
    return Deal(customer, supplier, pid)


async def offer(supplier: Node, customer: Node, *, terms: JsonObject | None = None, title: str = SHARED) -> Deal:
    """An offer that nobody asked for."""
    given = await dataset(supplier, title)
    made = terms or services(supplier).offer.policies.offer(given)
    peer = Did(customer.config.did)
    base = await services(supplier).peers.dsp_base(peer)
    pid = await services(supplier).negotiate.offer(peer, base, given.dataset_id, made, command(supplier))
    await asyncio.sleep(5)
    return Deal(supplier, customer, pid)


async def queue(node: Node) -> list[ApprovalRow]:
    """What waits there."""
    return await node.store.list_approvals("")


async def timers(node: Node, pid: str) -> set[str]:
    """What is due there, at any time."""
    return {row.name for row in await node.store.due_timers(now=1 << 60, limit=1000) if row.pid == pid}


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
        assert told["reason"] == [{"decision": "deny", "failed": ["role"]}]

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


# --- time ------------------------------------------------------------------------------------------------------------


def test_without_a_word_it_is_refused_in_time(tmp_path: Path) -> None:
    """After the limit the turn is refused with a code of its own, and the queue is empty."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        deal = await ask(customer, supplier)
        await asyncio.sleep(50)
        assert await deal.states() == ("REQUESTED", "REQUESTED")
        await asyncio.sleep(20)
        assert await deal.states() == ("TERMINATED", "TERMINATED")
        assert (await deal.content(customer))["termination"]["code"] == "not-decided"
        assert await queue(supplier) == []
        for node in world.nodes:
            assert await timers(node, (await deal.row(node)).pid) == set()

    play(tmp_path, scene, approvals=Approvals(request="hold", limit_seconds=60))


def test_a_word_may_have_its_time(tmp_path: Path) -> None:
    """Until then it waits, also past the limit, survives a restart, and another word may take its place."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        deal = await ask(customer, supplier)
        at = micros(supplier.clock.now()) + 100_000_000
        await deal.decide(supplier, "reject", reason="no", not_before=at)
        await deal.decide(supplier, "approve", not_before=at)
        (waits,) = await queue(supplier)
        assert (waits.decision, waits.not_before) == ("approve", at)
        await supplier.die()
        supplier.start()
        await asyncio.sleep(80)
        assert await deal.states() == ("REQUESTED", "REQUESTED")
        await asyncio.sleep(20)
        assert await deal.states() == ("FINALIZED", "FINALIZED")
        assert await queue(supplier) == []

    play(tmp_path, scene, approvals=Approvals(request="hold", limit_seconds=60))


def test_what_moves_the_process_ends_the_waiting(tmp_path: Path) -> None:
    """The customer gives up while the supplier's person thinks: the queue forgets it, and the word with it."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        deal = await ask(customer, supplier)
        await deal.decide(supplier, "approve", not_before=micros(supplier.clock.now()) + 60_000_000)
        await services(customer).negotiate.terminate(deal.pid, "changed-our-mind", "we bought elsewhere")
        await asyncio.sleep(90)
        assert await deal.states() == ("TERMINATED", "TERMINATED")
        assert await queue(supplier) == []
        content = await deal.content(supplier)
        assert "word" not in content
        assert content["termination"] == {"code": "changed-our-mind", "reason": ["we bought elsewhere"], "by": "peer"}

    play(tmp_path, scene, approvals=Approvals(request="hold"))


def test_nobody_waits_for_ever(tmp_path: Path) -> None:
    """Each side has a patience, also with what the other began; then it is terminated, whatever the other does."""

    async def scene(world: World) -> None:
        supplier, customer = world.nodes
        one, two = await offer(supplier, customer), await ask(customer, supplier)
        await customer.die()
        await asyncio.sleep(400)
        assert (await one.row(supplier)).state == (await two.row(supplier)).state == "TERMINATED"
        assert [await node.store.due_timers(now=1 << 60, limit=9) for node in (supplier,)] == [[]]
        assert await supplier.store.next_outbox() is None
        customer.start()
        await asyncio.sleep(60)
        assert await one.states() == await two.states() == ("TERMINATED", "TERMINATED")
        assert [*await queue(supplier), *await queue(customer)] == []

    short = Limits(retry_budget_seconds=100, retry_cap_seconds=10)
    play(tmp_path, scene, limits=short, approvals=Approvals(request="hold"))


# --- ends ------------------------------------------------------------------------------------------------------------

STAGES = ("OFFERED", "REQUESTED", "ACCEPTED", "AGREED", "VERIFIED")


@pytest.mark.parametrize("state", STAGES)
@pytest.mark.parametrize("by_supplier", [True, False], ids=["supplier", "customer"])
def test_either_side_ends_it_in_every_state(tmp_path: Path, state: str, *, by_supplier: bool) -> None:
    """A termination is taken in each state that is not the end, from whoever's turn it is or is not."""

    async def scene(world: World) -> None:
        supplier, customer = world.nodes
        deal = await offer(supplier, customer)
        for reached in STAGES[: STAGES.index(state)]:
            decision = "counter" if reached == "OFFERED" and state == "REQUESTED" else "approve"
            if reached == "REQUESTED":
                continue
            who = customer if reached in {"OFFERED", "AGREED"} else supplier
            await deal.decide(who, decision, **({"terms": OTHER_TERMS} if decision == "counter" else {}))
        assert await deal.states() == (state, state)
        ending = supplier if by_supplier else customer
        row = await deal.row(ending)
        await services(ending).negotiate.terminate(row.pid, "stopped", "by an operator")
        await asyncio.sleep(5)
        assert await deal.states() == ("TERMINATED", "TERMINATED")
        assert [*await queue(supplier), *await queue(customer)] == []
        with pytest.raises(IllegalTransition):
            await services(ending).negotiate.terminate(row.pid, "stopped", "again")

    everything = Approvals(
        request="hold", counter_request="hold", acceptance="hold", verification="hold", offer="hold", agreement="hold"
    )
    play(tmp_path, scene, approvals=everything)


def test_kinds_have_paths() -> None:
    """Every kind of message of the negotiation is sent somewhere, and both sides' first messages begin one."""
    from connector.exchange.negotiate import _PATHS

    assert set(_PATHS) == set(negotiation.Kind)
