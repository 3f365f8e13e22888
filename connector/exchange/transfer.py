"""Transfer processes, both roles, and the data token that a started transfer opens.

As consumer we ask for the data of an agreement and complete when all is kept. As provider we decide by the policy
again, at each start, and start with a token bound to the agreement, which lives while the transfer is STARTED; what it
opens is decided anew at each data request (`serve`). Either side's operator may suspend, resume and end a transfer: a
provider's stop closes the data when it is asked for, not when it is acknowledged. DSP 2025-1, section 9.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import orjson

from connector.errors import BadMessage, IllegalTransition, Unavailable
from connector.exchange.alarms import look_later
from connector.exchange.contents import Contents
from connector.exchange.conversation import Conversation
from connector.exchange.draft import Answer, Caller, Draft, Incoming
from connector.exchange.looks import address_of
from connector.exchange.opening import PUSH_ALARM, Opening, gives_data, is_push, is_stopped
from connector.exchange.policies import Policies
from connector.exchange.ports import Ids, Store
from connector.exchange.receipts import SIGNED
from connector.exchange.rows import AgreementRow, CommandRow, DatasetRow, ProcessKind, ProcessRow
from connector.exchange.stored import content_of, is_in_force, under_way, without_token
from connector.model import Did, Finding, Json, JsonObject, Pid
from connector.policy.evaluate import evaluate
from connector.policy.operands import Stage
from connector.policy.pinning import PIN, pins_of
from connector.protocol import compose, transfer
from connector.protocol.messages import (
    TransferRequestMessage,
    TransferStartMessage,
    TransferSuspensionMessage,
    TransferTerminationMessage,
    parse,
)
from connector.protocol.process import START, Ask, Event, Process, Reached, Role, Table
from connector.protocol.terms import rules_of
from connector.protocol.transfer import PULL, PUSH, Kind, State
from connector.vocabulary.admission import admit_message

_PATHS = {
    Kind.REQUEST: "request",
    Kind.START: "start",
    Kind.SUSPENSION: "suspension",
    Kind.COMPLETION: "completion",
    Kind.TERMINATION: "termination",
}
_EACH_BYTES, _MOST_HEARD_BYTES = 2_048, 4 << 20
"""What a message leaves beside its body, and how much of a peer's starts and suspensions is kept of one transfer: both
may be said for ever, and each is kept with its receipt. An end is always taken."""


def is_open(row: ProcessRow) -> bool:
    """Whether data can flow: a consumer that resumed a pull still waits for the provider's address."""
    if row.state != State.STARTED:
        return False
    content = content_of(row)
    return row.role == Role.PROVIDER.value or "address" in content or is_push(content)


@dataclass(slots=True, kw_only=True)
class Transfer:
    """The journey, and the topic of its conversation."""

    tenant: str
    did: Did
    base: str
    """Our versioned DSP address."""
    opening: Opening
    store: Store
    ids: Ids
    policies: Policies
    contents: Contents
    by_hand: Callable[[str], bool]
    """Whether a person starts the transfers with this party, once the policy permits them."""
    max_message_bytes: int
    may_ask: Callable[[str], None]
    """Raises `AddressBlocked` for an address to call back or push to that we would never ask: then nothing begins."""
    kind: ProcessKind = "transfer"
    table: Table = transfer.TABLE
    at_rest: frozenset[str] = frozenset({State.STARTED, State.SUSPENDED, State.COMPLETED, State.TERMINATED})
    reminds: bool = False
    conversation: Conversation = field(init=False)

    # --- our own side ------------------------------------------------------------------------------------------------

    async def request(self, agreement: AgreementRow, peer_base: str, command: CommandRow, data_format: str) -> str:
        """Ask for the data of an agreement. Returns our pid; `command` makes repeats harmless."""
        process = Process(role=Role.CONSUMER, pid=Pid(command.pid))
        negotiation = await self.store.load_process(self.tenant, "negotiation", agreement.negotiation_pid)
        content: JsonObject = {
            "agreement": agreement.agreement_id, "dataset": agreement.dataset_id, "peer_base": peer_base,
            "title": content_of(negotiation).get("title") if negotiation is not None else None,
            "format": data_format,
        }  # fmt: skip
        await self.conversation.begin(process, content, agreement.counterparty, Kind.REQUEST, command)
        return process.pid

    async def complete(self, pid: str) -> None:
        """Everything is kept: tell the other side."""
        await self._ask(pid, Kind.COMPLETION, State.COMPLETED)

    async def suspend(self, pid: str, code: str, reason: str) -> None:
        """Pause a transfer from our side."""
        await self._ask(pid, Kind.SUSPENSION, State.SUSPENDED, suspension=_why(code, reason))

    async def resume(self, pid: str) -> None:
        """Go on. As consumer: the provider's start, with an address, follows ours."""
        await self._ask(pid, Kind.START, State.STARTED)

    async def terminate(self, pid: str, code: str, reason: str) -> None:
        """End a transfer from our side."""
        await self._ask(pid, Kind.TERMINATION, State.TERMINATED, termination=_why(code, reason))

    async def _ask(self, pid: str, kind: Kind, target: State, **said: JsonObject) -> None:
        """Send a message of ours. Nothing happens where the transfer is there already, or over.

        `Unavailable`: another message of ours is under way; only a termination waits for its answer by itself.
        """

        def change(draft: Draft) -> Ask:
            pending = draft.process.pending
            if pending is not None and kind not in {pending.kind, Kind.TERMINATION}:
                raise Unavailable("another message of ours is under way", hint=f"battery-connector why {pid}")
            if pending is None or pending.kind != kind:
                draft.content.update(said)
                if gives_data(draft):
                    draft.token_live = False
                    if kind is Kind.START:
                        self.opening.for_pull(draft)
            return Ask(kind=kind, message_id=self.ids.urn())

        if await self._is_there(pid, target):
            return
        try:
            await self.conversation.happen(pid, change)
        except IllegalTransition:
            if not await self._is_there(pid, target):  # it came there between the two looks
                raise

    async def _is_there(self, pid: str, target: State) -> bool:
        row = await self.conversation.load(pid)
        tokens = await self.store.data_tokens_of(self.tenant, pid) if row.state == State.STARTED == target else []
        if tokens and not any(token.live for token in tokens):
            return False  # the peer refused a suspension of ours: the state is the old one, and our token is closed
        content = content_of(row)
        if row.role == Role.PROVIDER.value and row.state == State.STARTED and is_push(content) and is_stopped(content):
            return False  # the same, of a push
        return row.state in self.table.terminal or (row.state == target and not under_way(row))

    # --- a peer's messages -------------------------------------------------------------------------------------------

    async def receive(self, pid: str | None, allowed: Kind, body: bytes, caller: Caller) -> Answer:
        """A message at one of our addresses."""
        message = parse(admit_message(body, self.max_message_bytes))
        if not isinstance(message, transfer.Message) or transfer.kind_of(message) is not allowed:
            raise BadMessage(f"@type: expected {allowed}")
        if pid is None:
            assert isinstance(message, TransferRequestMessage), "the route admits only a request"
            return await self._requested(message, body, caller)
        assert not isinstance(message, TransferRequestMessage), "the route admits no request here"
        row = await self.conversation.of_caller(pid, caller)
        peer_pid = message.provider_pid if row.role == Role.CONSUMER.value else message.consumer_pid
        incoming = _incoming(message, peer_pid, body, caller)
        decided = await self._resumed(row, caller) if allowed is Kind.START else {}
        return await self.conversation.receive(
            row, incoming, lambda draft: self._objections(draft, message, decided, len(body))
        )

    async def _requested(self, message: TransferRequestMessage, body: bytes, caller: Caller) -> Answer:
        party = caller.facts.party
        incoming = _incoming(message, message.consumer_pid, body, caller)
        known = await self.store.find_process(self.tenant, "transfer", party, message.consumer_pid)
        if known is not None:
            return await self.conversation.receive(known, incoming, lambda _: ())
        self.may_ask(message.callback_address)
        agreement, dataset, terms = await self._in_force(message.agreement_id, party)
        objections = transfer.check_request(
            message,
            agreement_id=agreement.agreement_id if agreement else None,
            finalized=agreement is not None,
            pull_formats=(PULL,),
            push_formats=(PUSH,),
        )
        content: JsonObject = {
            "agreement": message.agreement_id, "peer_base": message.callback_address.rstrip("/"),
            "format": message.format,
        }  # fmt: skip
        if message.data_address is not None and not objections:
            push = transfer.read_push(message.data_address)
            self.may_ask(str(push["endpoint"]))
            content["push"] = push
        if not objections and dataset is not None:
            decided = await self._decided(dataset, terms, caller)
            content |= {"dataset": dataset.dataset_id, "terms": terms, **decided}
        process = Process(role=Role.PROVIDER, pid=Pid(self.ids.urn()))
        return await self.conversation.open(process, content, incoming, objections)

    async def _in_force(
        self, agreement_id: str, party: str
    ) -> tuple[AgreementRow | None, DatasetRow | None, JsonObject | None]:
        """The agreement, if we gave it to this party and it is in force; its dataset; its rules, where these are not
        what the dataset was offered under, or pin a content.
        """
        agreement = await self.store.load_agreement(self.tenant, agreement_id)
        if agreement is None or agreement.counterparty != party:
            return None, None, None
        row = await self.store.load_process(self.tenant, "negotiation", agreement.negotiation_pid)
        if row is None or not is_in_force(agreement, row):
            return None, None, None
        bargained = content_of(row).get("bargained")
        agreed = orjson.loads(agreement.agreement)
        pinned = PIN.encode() in agreement.agreement and pins_of(agreed)  # few pin anything: the others are not read
        terms = rules_of(agreed) if bargained or pinned else None
        return agreement, await self.store.load_dataset(self.tenant, agreement.dataset_id), terms

    async def _resumed(self, row: ProcessRow, caller: Caller) -> JsonObject:
        """What a consumer's start means: our policy decides again, on what the consumer is now."""
        if row.role != Role.PROVIDER.value or row.state == START:  # one whose request was refused is about no dataset
            return {}
        content = content_of(row)
        dataset = await self.store.load_dataset(self.tenant, content["dataset"])
        if dataset is None:
            return {"permitted": False, "told": "the dataset is no longer offered"}
        return await self._decided(dataset, content.get("terms"), caller)

    async def _decided(self, dataset: DatasetRow, terms: JsonObject | None, caller: Caller) -> JsonObject:
        policy, now = self.policies.under(dataset, terms), self.conversation.clock.now()
        about = await self.contents.claims(policy, dataset.dataset_id)
        caller = await caller.for_policy(policy, about, now, stage=Stage.TRANSFER)
        decision = evaluate(policy, caller.facts, now, stage=Stage.TRANSFER)
        return {
            "decision": decision.as_json(), "permitted": decision.permit, "told": decision.for_peer(),
            "credentials": [octets.decode("ascii") for octets in caller.shown],
        }  # fmt: skip

    def _objections(
        self, draft: Draft, message: transfer.Message, decided: JsonObject, size: int
    ) -> tuple[Finding, ...]:
        """Findings on the content; what an accepted message says is taken into the draft."""
        draft.content.update(decided)
        if isinstance(message, TransferStartMessage | TransferSuspensionMessage):
            draft.content["heard"] = heard = draft.content.get("heard", 0) + size + _EACH_BYTES
            if heard > _MOST_HEARD_BYTES:
                says = "it was suspended and resumed too often: end it, and request another transfer"
                return (Finding(code="too-many-changes", message=says),)
        if isinstance(message, TransferStartMessage):
            pull = not is_push(draft.content)
            found = transfer.check_start(message, draft.process, pull=pull)
            if pull and not found and message.data_address is not None:
                draft.content["address"] = transfer.read_pull(message.data_address, draft.now)
            return found
        if isinstance(message, TransferTerminationMessage | TransferSuspensionMessage):
            word = "termination" if isinstance(message, TransferTerminationMessage) else "suspension"
            draft.content[word] = {"code": message.code, "reason": list(message.reason or ()), "by": "peer"}
        return transfer.check_pids(message, draft.process)

    # --- what follows from a state -----------------------------------------------------------------------------------

    def reached(self, draft: Draft, reached: Reached) -> None:
        """The next message of ours, the token's life, and what goes on record."""
        provider, content = draft.process.role is Role.PROVIDER, draft.content
        if gives_data(draft) and reached.state != State.REQUESTED:
            draft.token_live = reached.state == State.STARTED
        match reached.state:
            case State.REQUESTED if provider:
                self._answer_request(draft)
            case State.STARTED:
                content.pop("suspension", None)
                draft.note(self.tenant, "transfer-started", {"agreement": content["agreement"]})
                if provider and not reached.by_us:  # the consumer resumes, and waits for our start
                    self._answer_request(draft)
                elif provider and is_push(content):
                    draft.over, draft.alarms = False, {PUSH_ALARM: draft.at}
                elif provider and not _kept_there(draft):
                    look_later(draft)
            case State.SUSPENDED:
                content.pop("address", None)
                said = {"agreement": content["agreement"], "suspension": content.get("suspension")}
                draft.note(self.tenant, "transfer-suspended", said)
            case State.COMPLETED | State.TERMINATED:
                for secret in ("address", "push"):
                    content.pop(secret, None)
                said = {"agreement": content["agreement"], "termination": content.get("termination")}
                draft.note(self.tenant, f"transfer-{reached.state.lower()}", said)

    def _answer_request(self, draft: Draft) -> None:
        content = draft.content
        draft.note(
            self.tenant, "transfer-decided", {"agreement": content["agreement"], "decision": content.get("decision")}
        )
        if not content["permitted"]:
            draft.token_live = False
            content["termination"] = _why("policy-denied", content["told"])
            draft.asks.append(Kind.TERMINATION)
            return
        if draft.process.state == State.REQUESTED and self.by_hand(draft.counterparty):
            draft.note(self.tenant, "transfer-held", {"agreement": content["agreement"]})
            return
        if not is_push(content):
            self.opening.for_pull(draft)
        draft.asks.append(Kind.START)

    def replaced(self, draft: Draft, kind: str) -> None:
        """A start with another address replaces the earlier one; `_objections` has taken the address over."""

    def refused(self, draft: Draft, kind: str) -> None:
        """A start that the peer would not take ends the transfer; anything else leaves it as it was."""
        if kind == Kind.START and draft.process.state == State.REQUESTED:
            draft.content["termination"] = _why("refused-by-peer", f"{kind} was not taken")
            draft.asks.append(Kind.TERMINATION)

    def due(self, draft: Draft, alarm: str) -> Event | None:
        """A push that is due is `push`'s."""

    # --- bytes -------------------------------------------------------------------------------------------------------

    def compose(self, draft: Draft, kind: str, message_id: str) -> tuple[str, bytes]:
        """Address and bytes of a message of ours."""
        process, content = draft.process, draft.content
        url = address_of(self.kind, content["peer_base"], process.peer_pid, _PATHS[Kind(kind)])
        match kind:
            case Kind.REQUEST:
                if is_push(content):
                    self.opening.for_push(draft)
                message = compose.transfer_request(
                    message_id, process, agreement_id=content["agreement"], data_format=content["format"],
                    callback_address=self.base, address=self.opening.address(draft),
                )  # fmt: skip
            case Kind.START:
                message = compose.transfer_start(message_id, process, address=self.opening.address(draft))
            case Kind.COMPLETION:
                message = compose.transfer_completion(message_id, process)
            case Kind.SUSPENSION:
                code, reasons = _said(content.get("suspension"))
                message = compose.transfer_suspension(message_id, process, code=code, reasons=reasons)
            case _:
                code, reasons = _said(content.get("termination"))
                message = compose.transfer_termination(message_id, process, code=code, reasons=reasons)
        return url, compose.dump(message)


def _incoming(message: transfer.Message, peer_pid: str, body: bytes, caller: Caller) -> Incoming:
    kind = transfer.kind_of(message)
    kept = without_token(body)
    return Incoming(kind=kind, message_id=message.id, peer_pid=peer_pid, body=body, caller=caller, kept=kept)


def _kept_there(draft: Draft) -> bool:
    """Whether the peer has signed that our message is kept: who signs a receipt has committed before."""
    return any(one.direction == "out" and one.receipt == SIGNED for one in draft.messages)


def _why(code: str, reason: Json) -> JsonObject:
    return {"code": code, "reason": [reason] if reason else [], "by": "us"}


def _said(why: Json) -> tuple[str, list[Json]]:
    """Code and reasons of a suspension or termination of ours."""
    match why:
        case {"code": str(code), "reason": list(reasons)}:
            return code, reasons
        case _:
            return "gave-up", []
