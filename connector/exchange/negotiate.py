"""Contract negotiation, both roles: load, decide, commit, hand over effects.

A negotiation begins on either side: as consumer we ask for an offer, as provider we make one. Each message of the peer
that leaves the word with us is a turn (`protocol.turns`): it is weighed (`weighing`) and answered by rule, or held for
a person (`held`). What is kept of that from message to message, `content`, has its keys in the README. A refusal tells
the operands that failed; the owner's evidence holds the whole reason. What moves is decided in `protocol/`, what is
allowed in `policy/`, delivery is the outbox's. DSP 2025-1, section 7.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import orjson

from connector.credentials.datamodel import time_text
from connector.errors import BadMessage, NotOffered, Taken
from connector.exchange import held
from connector.exchange.contents import Contents
from connector.exchange.conversation import Conversation
from connector.exchange.draft import Answer, Caller, Draft, Incoming
from connector.exchange.held import Word
from connector.exchange.looks import address_of
from connector.exchange.ports import Ids, Store
from connector.exchange.rows import AgreementRow, CommandRow, DatasetRow, ProcessKind, ProcessRow
from connector.exchange.stored import Content
from connector.exchange.weighing import Weighing
from connector.model import Did, Facts, Finding, Json, JsonObject, Pid
from connector.policy.operands import Stage
from connector.protocol import compose, negotiation, turns
from connector.protocol.messages import (
    ContractAgreementMessage,
    ContractNegotiationEventMessage,
    ContractOfferMessage,
    ContractRequestMessage,
    parse,
)
from connector.protocol.negotiation import Kind, State
from connector.protocol.process import Ask, Event, Process, Reached, Role, Table, Timeout
from connector.protocol.turns import Move, Turn
from connector.vocabulary.admission import admit_message

_PATHS = {
    Kind.REQUEST: "request",
    Kind.OFFER: "offers",
    Kind.ACCEPT: "events",
    Kind.FINALIZE: "events",
    Kind.AGREEMENT: "agreement",
    Kind.VERIFICATION: "agreement/verification",
    Kind.TERMINATION: "termination",
}
_NOT_JOINED: Content = {"code": "gave-up", "reason": ["no message joins our state and yours"], "by": "us"}
_MOST_COUNTERS = 5
"""How often one negotiation is answered with our own offer by rule; who then asks for other terms again is refused."""
_LONGEST_TITLE = 200
_TAKEN = (
    Finding(code="agreement-id-taken", message="An agreement of this id is there already.", term="agreement.@id"),
)


@dataclass(slots=True, kw_only=True)
class Negotiate:
    """The journey, and the topic of its conversation."""

    tenant: str
    did: Did
    base: str
    """Our versioned DSP address: what we name as `callbackAddress`."""
    store: Store
    ids: Ids
    weighing: Weighing
    contents: Contents
    limit_seconds: int
    """How long a held turn waits."""
    max_message_bytes: int
    may_ask: Callable[[str], None]
    """Raises `AddressBlocked` for a callback address that we would never ask: then nothing begins."""
    kind: ProcessKind = "negotiation"
    table: Table = negotiation.TABLE
    at_rest: frozenset[str] = frozenset({State.FINALIZED, State.TERMINATED})
    reminds: bool = True
    conversation: Conversation = field(init=False)

    # --- our own side ------------------------------------------------------------------------------------------------

    async def request(
        self, peer: Did, peer_base: str, dataset_id: str, offer: JsonObject, command: CommandRow, *, title: str = ""
    ) -> str:
        """Ask for a contract on an offer of the peer's catalogue. Returns our pid; `command` makes repeats harmless.

        `title`: what the catalogue calls the dataset, for those who read of it here.
        """
        asked = compose.offer_in_message(offer, target=dataset_id, assigner=peer, assignee=self.did)
        return await self._begin(Role.CONSUMER, asked, peer, peer_base, command, title=title[:_LONGEST_TITLE])

    async def offer(self, peer: Did, peer_base: str, dataset_id: str, offer: JsonObject, command: CommandRow) -> str:
        """Offer a contract to a peer that has not asked. `NotOffered`: the dataset was withdrawn meanwhile."""
        made = compose.offer_in_message(offer, target=dataset_id, assigner=self.did, assignee=peer)
        return await self._begin(Role.PROVIDER, made, peer, peer_base, command)

    async def _begin(
        self, role: Role, offer: JsonObject, peer: Did, peer_base: str, command: CommandRow, *, title: str = ""
    ) -> str:
        kind = Kind.REQUEST if role is Role.CONSUMER else Kind.OFFER
        process = Process(role=role, pid=Pid(command.pid))
        content: JsonObject = {"dataset": offer["target"], "title": title, "offer": offer, "peer_base": peer_base}
        offered = str(offer["target"]) if role is Role.PROVIDER else ""
        await self.conversation.begin(process, content, peer, kind, command, offered=offered)
        return process.pid

    async def decide(self, pid: str, word: Word, command: CommandRow) -> None:
        """A person's word to a turn that is held. `IllegalTransition`: nothing waits, or not for this; `Taken`: another
        negotiation has, or is to have, the agreement's id.
        """
        if word.agreement_id and await self.store.agreement_taken(self.tenant, word.agreement_id, pid):
            raise Taken("there is an agreement of this id already")

        def change(draft: Draft) -> Event | None:
            turn = held.check_word(draft, word)
            draft.command, draft.claim = command, word.agreement_id
            if word.not_before > draft.at:
                held.postpone(draft, self.tenant, word)
                return None
            return self._speak(draft, turn, word)

        await self.conversation.happen(pid, change)

    async def terminate(self, pid: str, code: str, reason: str, command: CommandRow | None = None) -> None:
        """End a negotiation, whoever's turn it is. `IllegalTransition`: it has ended."""

        def change(draft: Draft) -> Event:
            draft.command = command
            held.release(draft)
            return Ask(kind=self._refuse(draft, code, reason), message_id=self.ids.urn())

        await self.conversation.happen(pid, change)

    # --- a peer's messages -------------------------------------------------------------------------------------------

    async def receive(self, pid: str | None, allowed: tuple[Kind, ...], body: bytes, caller: Caller) -> Answer:
        """A message at one of our addresses: `pid` as in the path (None: one that may begin a negotiation)."""
        message = parse(admit_message(body, self.max_message_bytes))
        if not isinstance(message, negotiation.Message) or negotiation.kind_of(message) not in allowed:
            raise BadMessage(f"@type: expected {' or '.join(kind.partition(':')[0] for kind in allowed)}")
        if pid is None:
            return await self._opened(message, body, caller)
        row = await self.conversation.of_caller(pid, caller)
        return await self._continued(row, message, body, caller)

    async def _opened(self, message: negotiation.Message, body: bytes, caller: Caller) -> Answer:
        assert isinstance(message, ContractRequestMessage | ContractOfferMessage), "the routes admit only these"
        role = Role.PROVIDER if isinstance(message, ContractRequestMessage) else Role.CONSUMER
        incoming = _incoming(role, message, body, caller)
        peer_pid = Pid(str(incoming.peer_pid))
        known = await self.store.find_process(self.tenant, self.kind, caller.facts.party, peer_pid)
        if known is not None:
            return await self._continued(known, message, body, caller)
        if message.callback_address is not None:
            self.may_ask(message.callback_address)
        process = Process(role=role, pid=Pid(self.ids.urn()), peer_pid=peer_pid)
        dataset = await self._dataset(message, None)
        try:
            return await self._weighed(process, message, incoming, dataset)
        except NotOffered:  # withdrawn between the look and the commit
            return await self._weighed(process, message, incoming, None)

    async def _weighed(
        self, process: Process, message: negotiation.Message, incoming: Incoming, dataset: DatasetRow | None
    ) -> Answer:
        facts = await self._facts(incoming.caller, dataset)
        content, objections = self.weighing.weigh(process, {}, message, facts, dataset)
        return await self.conversation.open(process, content, incoming, objections, offered=_id(dataset))

    async def _continued(self, row: ProcessRow, message: negotiation.Message, body: bytes, caller: Caller) -> Answer:
        taken = await self._taken(message, row.pid)
        dataset = await self._dataset(message, row)
        facts = await self._facts(caller, dataset)

        def objections(draft: Draft) -> tuple[Finding, ...]:
            draft.offered = _id(dataset)
            draft.heard, found = self.weighing.weigh(draft.process, draft.content, message, facts, dataset)
            return (*taken, *found)

        try:
            return await self.conversation.receive(row, _incoming(Role(row.role), message, body, caller), objections)
        except Taken:  # another negotiation took the id between the look and the commit
            taken = _TAKEN
        except NotOffered:
            dataset = None
        return await self.conversation.receive(row, _incoming(Role(row.role), message, body, caller), objections)

    async def _taken(self, message: negotiation.Message, pid: str) -> tuple[Finding, ...]:
        """An agreement's id stands for one agreement for ever: agreements are kept by it, whoever they are with."""
        if not isinstance(message, ContractAgreementMessage):
            return ()
        return _TAKEN if await self.store.agreement_taken(self.tenant, message.agreement.id, pid) else ()

    async def _facts(self, caller: Caller, dataset: DatasetRow | None) -> Facts:
        """What is proven of the caller, and what the dataset's policy asks about its content."""
        if dataset is None:
            return caller.facts
        policy, now = self.weighing.policies.of(dataset), self.weighing.clock.now()
        about = await self.contents.claims(policy, dataset.dataset_id)
        return (await caller.for_policy(policy, about, now, stage=Stage.NEGOTIATION)).facts

    async def _dataset(self, message: negotiation.Message, row: ProcessRow | None) -> DatasetRow | None:
        """The dataset that we offer and the message is about, where the policy has to decide."""
        if isinstance(message, ContractRequestMessage):
            wanted = message.offer.target or ""
        elif row is None or row.role != Role.PROVIDER.value or not isinstance(message, ContractNegotiationEventMessage):
            return None
        else:
            wanted = str(self.conversation.draft(row).content.get("dataset"))
        dataset = await self.store.load_dataset(self.tenant, wanted)
        return None if dataset is None or dataset.withdrawn else dataset

    # --- what follows from a state -----------------------------------------------------------------------------------

    def reached(self, draft: Draft, reached: Reached) -> None:
        """The next message of ours, and what goes on record."""
        content = draft.content
        held.release(draft)
        content.pop("earlier", None)
        if not reached.by_us:
            content.update(draft.heard)
        if reached.state == State.AGREED:
            self._keep_agreement(draft)
        if reached.state == State.FINALIZED:
            content.pop("termination", None)
            draft.note(self.tenant, "negotiation-finalized", {"agreement": content.get("agreement")})
        elif reached.state == State.TERMINATED:
            why: JsonObject = {"termination": content.get("termination"), "decision": content.get("decision")}
            draft.note(self.tenant, "negotiation-terminated", why)
        elif not reached.by_us:
            self._take(draft, Turn(content["turn"]))

    def _take(self, draft: Draft, turn: Turn) -> None:
        """The word is with us."""
        content = draft.content
        if draft.process.role is Role.PROVIDER and turn is not Turn.VERIFICATION:
            judged: JsonObject = {"dataset": content["dataset"], "decision": content["decision"]}
            draft.note(self.tenant, "negotiation-decided", judged)
        permitted = content.get("permitted") is not False
        counters = content.get("counters", 0)
        move = turns.move(content["how"], permitted=permitted, matches=content["matches"] is True)
        if move is Move.HOLD:
            held.hold(draft, self.tenant, turn, self.limit_seconds)
        elif move is Move.APPROVE:
            draft.asks.append(self._approve(draft, turn))
        elif move is Move.COUNTER and counters < _MOST_COUNTERS:
            content["counters"] = counters + 1
            draft.asks.append(self._counter(draft, turn, content.pop("ours")))
        else:
            code, reason = (
                ("terms-refused", "these terms are not accepted here")
                if permitted
                else ("policy-denied", content["told"])
            )
            draft.asks.append(self._refuse(draft, code, reason))

    def _approve(self, draft: Draft, turn: Turn, agreement_id: str = "") -> Kind:
        kind = turns.APPROVES[turn]
        if kind is Kind.AGREEMENT:
            draft.content["agreement"] = compose.agreement(
                agreement_id or self.ids.urn(), offer=draft.content["offer"], assigner=self.did,
                assignee=draft.counterparty, timestamp=time_text(draft.now),
            )  # fmt: skip
        return kind

    def _counter(self, draft: Draft, turn: Turn, terms: JsonObject) -> Kind:
        kind, content = turns.COUNTERS[turn], draft.content
        asks = kind is Kind.REQUEST
        provider, consumer = (draft.counterparty, self.did) if asks else (self.did, draft.counterparty)
        content["earlier"] = content["offer"]
        content["offer"] = compose.offer_in_message(
            terms, target=content["offer"]["target"], assigner=provider, assignee=consumer
        )
        return kind

    def _refuse(self, draft: Draft, code: str, reason: Json) -> Kind:
        draft.content["termination"] = {"code": code, "reason": [reason], "by": "us"}
        return Kind.TERMINATION

    def _speak(self, draft: Draft, turn: Turn, word: Word) -> Ask:
        """A person's word is carried out."""
        held.release(draft)
        draft.content["by_hand"] = turn.value
        draft.note(self.tenant, "negotiation-decided-by-hand", {"turn": turn.value, **word.as_json()})
        if word.decision == "counter":
            kind = self._counter(draft, turn, word.terms or {})
        elif word.decision == "approve":
            kind = self._approve(draft, turn, word.agreement_id)
        else:
            kind = self._refuse(draft, word.code or "rejected", word.reason)
        return Ask(kind=kind, message_id=self.ids.urn())

    def due(self, draft: Draft, alarm: str) -> Event | None:
        """The time of a person's word has come, or the time for one is over."""
        turn, word = held.held(draft), held.kept_word(draft)
        if turn is None:
            draft.alarms = {}
            return None
        if alarm == held.WORD and word is not None:
            return self._speak(draft, turn, word)
        held.release(draft)
        self._refuse(draft, "not-decided", "nobody decided within the time")
        return Timeout(fresh_id=self.ids.urn())

    def refused(self, draft: Draft, kind: str) -> None:
        """The peer would not take our message though it could: a person looks again, a rule has nothing to add."""
        content = draft.content
        content["offer"] = content.pop("earlier", content["offer"])
        if draft.process.pending is not None or draft.process.closing is not None:
            return
        if "by_hand" in content:
            held.hold(draft, self.tenant, Turn(content["by_hand"]), self.limit_seconds, f"the peer refused our {kind}")
        else:
            draft.asks.append(self._refuse(draft, "refused-by-peer", f"the peer did not take the {kind}"))

    def _keep_agreement(self, draft: Draft) -> None:
        agreement = draft.content["agreement"]
        # sorted, so that both sides keep the same bytes
        draft.agreement = AgreementRow(
            tenant=self.tenant, agreement_id=agreement["@id"], negotiation_pid=draft.process.pid,
            role=draft.process.role.value, counterparty=draft.counterparty, dataset_id=agreement["target"],
            agreement=orjson.dumps(agreement, option=orjson.OPT_SORT_KEYS), at=draft.at,
        )  # fmt: skip

    def replaced(self, draft: Draft, kind: str) -> None:
        """The peer said it anew, and the later one counts: a request or offer only until we have answered it.

        A real EDC repeats its agreement under a new agreement id.
        """
        content = draft.content
        if kind == Kind.AGREEMENT:
            old = content["agreement"]["@id"]
            content.update(draft.heard)
            self._keep_agreement(draft)
            new = content["agreement"]["@id"]
            if new != old:
                draft.replaced_agreement = (old, new)
        elif kind in {Kind.REQUEST, Kind.OFFER} and draft.process.pending is None:
            held.release(draft)
            content.update(draft.heard)
            self._take(draft, Turn(content["turn"]))

    # --- bytes -------------------------------------------------------------------------------------------------------

    def compose(self, draft: Draft, kind: str, message_id: str) -> tuple[str, bytes]:
        """Address and bytes of a message of ours."""
        process, content = draft.process, draft.content
        url = address_of(self.kind, content["peer_base"], process.peer_pid, _PATHS[Kind(kind)])
        match kind:
            case Kind.REQUEST | Kind.OFFER:
                say = compose.contract_request if kind == Kind.REQUEST else compose.contract_offer
                message = say(message_id, process, offer=content["offer"], callback_address=self.base)
            case Kind.ACCEPT:
                message = compose.contract_accepted(message_id, process)
            case Kind.AGREEMENT:
                message = compose.contract_agreement(message_id, process, agreement=content["agreement"])
            case Kind.VERIFICATION:
                message = compose.contract_verification(message_id, process)
            case Kind.FINALIZE:
                message = compose.contract_finalized(message_id, process)
            case _:
                why = content["termination"] = content.get("termination") or _NOT_JOINED
                message = compose.contract_termination(message_id, process, code=why["code"], reasons=why["reason"])
        return url, compose.dump(message)


def _incoming(role: Role, message: negotiation.Message, body: bytes, caller: Caller) -> Incoming:
    peer_pid = message.provider_pid if role is Role.CONSUMER else message.consumer_pid
    kind = negotiation.kind_of(message)
    return Incoming(kind=kind, message_id=message.id, peer_pid=peer_pid, body=body, caller=caller)


def _id(dataset: DatasetRow | None) -> str:
    return "" if dataset is None else dataset.dataset_id
