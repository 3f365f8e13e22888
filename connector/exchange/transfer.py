"""Transfer processes, both roles, and the data token that a started transfer opens.

As consumer we ask for the data of an agreement and complete when all is kept. As provider we decide by the policy
again and start with a token bound to the agreement, which lives while the transfer is STARTED; what it opens is decided
anew at each data request (`serve`). DSP 2025-1, section 9.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from connector.errors import BadMessage, IllegalTransition, NotFound
from connector.exchange.conversation import Conversation
from connector.exchange.draft import Answer, Caller, Draft, Incoming, token_digest, under_way, without_token
from connector.exchange.policies import PULL, Policies
from connector.exchange.ports import Ids, Store
from connector.exchange.rows import AgreementRow, CommandRow, DatasetRow, DataTokenRow, ProcessKind
from connector.model import Did, Finding, JsonObject, Pid
from connector.policy.evaluate import evaluate
from connector.policy.operands import Stage
from connector.protocol import compose, negotiation, transfer
from connector.protocol.messages import (
    TransferRequestMessage,
    TransferStartMessage,
    TransferTerminationMessage,
    parse,
)
from connector.protocol.process import Ask, Process, Reached, Reply, Role, Table
from connector.protocol.transfer import Kind, State
from connector.vocabulary.admission import admit

ENDPOINT_TYPE = "https://w3id.org/idsa/v4.1/HTTP"
_PATHS = {
    Kind.REQUEST: "request",
    Kind.START: "start",
    Kind.SUSPENSION: "suspension",
    Kind.COMPLETION: "completion",
    Kind.TERMINATION: "termination",
}


@dataclass(slots=True, kw_only=True)
class Transfer:
    """The journey, and the topic of its conversation."""

    tenant: str
    did: Did
    base: str
    """Our versioned DSP address."""
    data_url: str
    """Where a data token is good for something."""
    store: Store
    ids: Ids
    policies: Policies
    max_message_bytes: int
    kind: ProcessKind = "transfer"
    table: Table = transfer.TABLE
    at_rest: frozenset[str] = frozenset({State.STARTED, State.SUSPENDED, State.COMPLETED, State.TERMINATED})
    conversation: Conversation = field(init=False)

    # --- our own side ------------------------------------------------------------------------------------------------

    async def request(self, agreement: AgreementRow, peer_base: str, command: CommandRow) -> str:
        """Ask for the data of an agreement. Returns our pid; `command` makes repeats harmless."""
        process = Process(role=Role.CONSUMER, pid=Pid(command.pid))
        content: JsonObject = {
            "agreement": agreement.agreement_id, "dataset": agreement.dataset_id, "peer_base": peer_base
        }  # fmt: skip
        await self.conversation.begin(process, content, agreement.counterparty, Kind.REQUEST, command)
        return process.pid

    async def complete(self, pid: str) -> None:
        """Everything is kept: tell the provider."""
        await self._ask(pid, Kind.COMPLETION, None)

    async def terminate(self, pid: str, code: str, reason: str) -> None:
        """End a transfer from our side."""
        await self._ask(pid, Kind.TERMINATION, {"code": code, "reason": [reason], "by": "us"})

    async def _ask(self, pid: str, kind: Kind, termination: JsonObject | None) -> None:
        def change(draft: Draft) -> Ask:
            if termination is not None:
                draft.content["termination"] = termination
            return Ask(kind=kind, message_id=self.ids.urn())

        if await self._is_over(pid):
            return
        try:
            await self.conversation.happen(pid, change)
        except IllegalTransition:
            if not await self._is_over(pid):  # it ended between the two looks
                raise

    async def _is_over(self, pid: str) -> bool:
        return (await self.conversation.load(pid)).state in self.table.terminal

    # --- a peer's messages -------------------------------------------------------------------------------------------

    async def receive(
        self, pid: str | None, allowed: Kind, body: bytes, caller: Caller, shown: Sequence[bytes]
    ) -> Answer:
        """A message at one of our addresses; `shown`: the credentials that the caller's facts rest on."""
        message = parse(admit(body, self.max_message_bytes))
        if not isinstance(message, transfer.Message) or transfer.kind_of(message) is not allowed:
            raise BadMessage(f"@type: expected {allowed}")
        if pid is None:
            assert isinstance(message, TransferRequestMessage), "the route admits only a request"
            return await self._requested(message, body, caller, shown)
        assert not isinstance(message, TransferRequestMessage), "the route admits no request here"
        row = await self.conversation.load(pid)
        if row.counterparty != caller.facts.party:
            raise NotFound
        peer_pid = message.provider_pid if row.role == Role.CONSUMER.value else message.consumer_pid
        incoming = Incoming(
            kind=allowed, message_id=message.id, peer_pid=peer_pid, body=body, caller=caller, kept=without_token(body)
        )
        return await self.conversation.receive(row, incoming, lambda draft: self._objections(draft, message))

    async def state(self, pid: str, caller: Caller) -> bytes:
        """`GET` of a process: the same for both roles."""
        row = await self.conversation.load(pid)
        if row.counterparty != caller.facts.party:
            raise NotFound
        return self.acknowledgement(self.conversation.draft(row).process)

    async def _requested(
        self, message: TransferRequestMessage, body: bytes, caller: Caller, shown: Sequence[bytes]
    ) -> Answer:
        party = caller.facts.party
        incoming = Incoming(
            kind=Kind.REQUEST, message_id=message.id, peer_pid=message.consumer_pid, body=body, caller=caller
        )
        known = await self.store.find_process(self.tenant, "transfer", party, message.consumer_pid)
        if known is not None:
            return await self.conversation.receive(known, incoming, lambda _: ())
        agreement, dataset = await self._in_force(message.agreement_id, party)
        objections = transfer.check_request(
            message,
            agreement_id=agreement.agreement_id if agreement else None,
            finalized=agreement is not None,
            pull_formats=(PULL,),
        )
        content: JsonObject = {
            "agreement": message.agreement_id, "peer_base": message.callback_address.rstrip("/"),
            "credentials": [octets.decode("ascii") for octets in shown],
        }  # fmt: skip
        if not objections and dataset is not None:
            content["dataset"] = dataset.dataset_id
            decision = evaluate(
                self.policies.of(dataset), caller.facts, self.conversation.clock.now(), stage=Stage.TRANSFER
            )
            content["decision"], content["permitted"] = decision.as_json(), decision.permit
            content["told"] = decision.for_peer()
        process = Process(role=Role.PROVIDER, pid=Pid(self.ids.urn()))
        return await self.conversation.open(process, content, incoming, objections)

    async def _in_force(self, agreement_id: str, party: str) -> tuple[AgreementRow | None, DatasetRow | None]:
        """The agreement, if it is between exactly this party and us and its negotiation is finalized.

        A request may be here before the answer to our FINALIZED event: whoever has the event may ask.
        """
        agreement = await self.store.load_agreement(self.tenant, agreement_id)
        if agreement is None or agreement.counterparty != party or agreement.role != Role.PROVIDER.value:
            return None, None
        row = await self.store.load_process(self.tenant, "negotiation", agreement.negotiation_pid)
        if row is None or agreement.replaced_by is not None:
            return None, None
        if row.state != negotiation.State.FINALIZED and under_way(row) != negotiation.Kind.FINALIZE:
            return None, None
        return agreement, await self.store.load_dataset(self.tenant, agreement.dataset_id)

    def _objections(self, draft: Draft, message: transfer.Message) -> tuple[Finding, ...]:
        if isinstance(message, TransferStartMessage):
            found = transfer.check_start(message, draft.process, pull=True)
            if not found and message.data_address is not None:
                draft.content["address"] = {
                    "endpoint": message.data_address.url(),
                    "authorization": message.data_address.named("authorization") or "",
                    "authType": message.data_address.named("authType") or "bearer",
                }
            return found
        if isinstance(message, TransferTerminationMessage):
            draft.content["termination"] = {"code": message.code, "reason": list(message.reason or ()), "by": "peer"}
        return transfer.check_pids(message, draft.process)

    # --- what follows from a state -----------------------------------------------------------------------------------

    def reached(self, draft: Draft, reached: Reached) -> None:
        """The next message of ours, the token's life, and what goes on record."""
        provider = draft.process.role is Role.PROVIDER
        match reached.state:
            case State.REQUESTED if provider:
                self._answer_request(draft)
            case State.STARTED:
                draft.token_live = True if provider else None
                draft.note(self.tenant, "transfer-started", {"agreement": draft.content["agreement"]})
            case State.SUSPENDED:
                draft.token_live = False if provider else None
            case State.COMPLETED | State.TERMINATED:
                draft.token_live = False if provider else None
                draft.content.pop("address", None)
                draft.note(
                    self.tenant,
                    f"transfer-{reached.state.lower()}",
                    {"agreement": draft.content["agreement"], "termination": draft.content.get("termination")},
                )

    def _answer_request(self, draft: Draft) -> None:
        content = draft.content
        draft.note(
            self.tenant, "transfer-decided", {"agreement": content["agreement"], "decision": content["decision"]}
        )
        if not content["permitted"]:
            content["termination"] = {"code": "policy-denied", "reason": [content["told"]], "by": "us"}
            draft.asks.append(Kind.TERMINATION)
            return
        draft.secret = self.ids.secret()
        draft.data_token = DataTokenRow(
            tenant=self.tenant, transfer_pid=draft.process.pid, sha256=token_digest(draft.secret), token="", live=False
        )
        draft.asks.append(Kind.START)

    def replaced(self, draft: Draft) -> None:
        """A start with another address replaces the earlier one; `_objections` has taken the address over."""

    # --- bytes -------------------------------------------------------------------------------------------------------

    def compose(self, draft: Draft, kind: str, message_id: str) -> tuple[str, bytes]:
        """Address and bytes of a message of ours."""
        process, content = draft.process, draft.content
        base = f"{content['peer_base']}/transfers"
        path = _PATHS[Kind(kind)]
        url = f"{base}/{path}" if process.peer_pid is None else f"{base}/{process.peer_pid}/{path}"
        match kind:
            case Kind.REQUEST:
                message = compose.transfer_request(
                    message_id, process, agreement_id=str(content["agreement"]), data_format=PULL,
                    callback_address=self.base,
                )  # fmt: skip
            case Kind.START:
                assert draft.secret, "a pull starts with a fresh token"
                properties = {"authorization": draft.secret, "authType": "bearer"}
                address = compose.data_address(ENDPOINT_TYPE, self.data_url, properties)
                message = compose.transfer_start(message_id, process, address=address)
            case Kind.COMPLETION:
                message = compose.transfer_completion(message_id, process)
            case _:
                why = content.get("termination")
                reasons = why.get("reason") if isinstance(why, dict) else None
                code = str(why.get("code")) if isinstance(why, dict) else "gave-up"
                message = compose.transfer_termination(
                    message_id, process, code=code, reasons=reasons if isinstance(reasons, list) else []
                )
        return url, compose.dump(message)

    def acknowledgement(self, process: Process) -> bytes:
        """A TransferProcess."""
        return compose.dump(compose.process_answer(self.table, process))

    def refusal(self, process: Process, reply: Reply) -> bytes:
        """A TransferError."""
        return compose.dump(compose.process_error(self.table, process, code=reply.code, findings=reply.findings))
