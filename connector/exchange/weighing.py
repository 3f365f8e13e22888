"""What a peer's message puts before us in a negotiation: its terms, whose turn it makes, what speaks against it.

As provider the dataset's policy decides on the caller's facts, and a request is held against the offer that its id
stands for: one that differs is a counter-offer. As consumer the terms are compared with what we asked for. What follows
is `negotiate`'s; the checks of each message stand in `protocol.negotiation`. DSP 2025-1, Contract Negotiation Protocol.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connector.exchange.policies import Policies
from connector.exchange.ports import Clock
from connector.exchange.rows import DatasetRow
from connector.exchange.stored import Content
from connector.model import Did, Facts, Finding, JsonObject
from connector.policy.evaluate import evaluate
from connector.policy.operands import Stage
from connector.policy.reading import read
from connector.protocol import negotiation
from connector.protocol.messages import (
    ContractAgreementMessage,
    ContractNegotiationEventMessage,
    ContractNegotiationTerminationMessage,
    ContractOfferMessage,
    ContractRequestMessage,
)
from connector.protocol.process import Process, Role
from connector.protocol.turns import How, Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighing:
    """What is needed for it."""

    did: Did
    clock: Clock
    policies: Policies
    rules: Mapping[Turn, How]
    by_hand: frozenset[str]
    """Parties with whom a person decides every turn."""

    def weigh(
        self, process: Process, content: Content, message: negotiation.Message, facts: Facts,
        dataset: DatasetRow | None,
    ) -> tuple[JsonObject, tuple[Finding, ...]]:  # fmt: skip
        """What the message adds to the content if it is accepted, its turn with it; and what speaks against it."""
        peer, provides = facts.party, process.role is Role.PROVIDER
        consumer, provider = (peer, self.did) if provides else (self.did, peer)
        match message:
            case ContractRequestMessage():
                found = negotiation.check_terms(message, process, consumer=consumer, provider=provider)
                heard, found = self._request(message.offer.as_json(), found, facts, dataset)
                return {**heard, **_where(message)}, found
            case ContractOfferMessage():
                offer, asked = message.offer.as_json(), content.get("offer")
                matches = asked is not None and not negotiation.is_counter_offer(offer, asked)
                found = negotiation.check_terms(message, process, consumer=consumer, provider=provider)
                heard = self._turn(Turn.OFFER, peer, matches=matches)
                return {**heard, **_where(message), "offer": offer, "dataset": offer.get("target")}, found
            case ContractAgreementMessage():
                offer = content.get("offer") or {}
                found = negotiation.check_agreement(message, process, offer=offer, consumer=consumer, provider=provider)
                return {**self._turn(Turn.AGREEMENT, peer), "agreement": message.agreement.as_json()}, found
            case ContractNegotiationTerminationMessage():
                why: JsonObject = {"code": message.code, "reason": list(message.reason or ()), "by": "peer"}
                heard = {"termination": why}
            case ContractNegotiationEventMessage(event_type="ACCEPTED"):
                offered = content.get("offer") or {}
                bargained = dataset is not None and negotiation.is_counter_offer(offered, self.policies.offer(dataset))
                judged = self._judged(dataset, facts)
                heard = {**self._turn(Turn.ACCEPTANCE, peer), **judged, "bargained": bargained}
            case ContractNegotiationEventMessage():
                heard = {}
            case _:
                heard = self._turn(Turn.VERIFICATION, peer)
        return heard, negotiation.check_pids(message, process)

    def _request(
        self, offer: JsonObject, found: tuple[Finding, ...], facts: Facts, dataset: DatasetRow | None
    ) -> tuple[JsonObject, tuple[Finding, ...]]:
        heard: JsonObject = {"offer": offer, "dataset": offer.get("target")}
        if dataset is None:
            sentence = "No such dataset is offered."
            return heard, (*found, Finding(code="unknown-dataset", message=sentence, term="offer.target"))
        if found:
            return heard, found
        ours = self.policies.offer(dataset)
        counters = offer["@id"] != ours["@id"] or negotiation.is_counter_offer(offer, ours)
        turn = self._turn(Turn.COUNTER_REQUEST if counters else Turn.REQUEST, facts.party)
        if counters and turn["how"] == "refuse":
            sentence = "This is not the offer that its id stands for."
            return heard, (Finding(code="offer-mismatch", message=sentence, term="offer"),)
        if counters and (unknown := _unknown(offer)):
            return heard, unknown
        if not counters:  # the same rules, in our own words: a real EDC sends them back in others, and expects ours
            heard["offer"] = {**offer, **ours}
        if dataset.approval:
            turn["how"] = "hold"
        if turn["how"] == "offer":
            heard["ours"] = ours
        return {**heard, **turn, **self._judged(dataset, facts), "bargained": counters}, ()

    def _turn(self, turn: Turn, peer: Did, *, matches: bool = False) -> JsonObject:
        how = "hold" if peer in self.by_hand else self.rules[turn]
        return {"turn": turn.value, "how": how, "matches": matches}

    def _judged(self, dataset: DatasetRow | None, facts: Facts) -> JsonObject:
        if dataset is None:  # no longer offered
            return {"decision": None, "permitted": False, "told": None}
        decision = evaluate(self.policies.of(dataset), facts, self.clock.now(), stage=Stage.NEGOTIATION)
        return {"decision": decision.as_json(), "permitted": decision.permit, "told": decision.for_peer()}


def _unknown(offer: JsonObject) -> tuple[Finding, ...]:
    """Terms that our policies have no words for could be agreed to, and never be kept."""
    _, findings = read(offer)
    return tuple(Finding(code="terms-unknown", message=one.message, term="offer") for one in findings)


def _where(message: ContractRequestMessage | ContractOfferMessage) -> JsonObject:
    """Where a first message says that it wants to be answered."""
    return {"peer_base": message.callback_address.rstrip("/")} if message.callback_address else {}
