"""Contract negotiation, both roles: load, decide, commit, hand over effects.

As consumer we ask for an offer of a peer's catalogue, check the agreement against it and verify it. As provider we look
the offer up, let the policy decide on the caller's facts, and answer with an agreement or with a termination that names
the operands that failed; the owner's evidence holds the whole reason. What moves is decided in `protocol/`, what is
allowed in `policy/`, delivery is the outbox's. DSP 2025-1, section 7.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import orjson

from connector.credentials.datamodel import time_text
from connector.errors import BadMessage, NotFound
from connector.exchange.conversation import Conversation
from connector.exchange.draft import Answer, Caller, Draft, Incoming, micros
from connector.exchange.policies import Policies
from connector.exchange.ports import Ids, Store
from connector.exchange.rows import AgreementRow, CommandRow, ProcessKind
from connector.model import Did, Finding, JsonObject, Pid
from connector.policy.evaluate import evaluate
from connector.policy.operands import Stage
from connector.protocol import compose, negotiation
from connector.protocol.messages import (
    ContractAgreementMessage,
    ContractNegotiationTerminationMessage,
    ContractRequestMessage,
    parse,
)
from connector.protocol.negotiation import Kind, State
from connector.protocol.process import Process, Reached, Reply, Role, Table
from connector.vocabulary.admission import admit

_PATHS = {
    Kind.REQUEST: "request",
    Kind.OFFER: "offers",
    Kind.ACCEPT: "events",
    Kind.FINALIZE: "events",
    Kind.AGREEMENT: "agreement",
    Kind.VERIFICATION: "agreement/verification",
    Kind.TERMINATION: "termination",
}


@dataclass(slots=True, kw_only=True)
class Negotiate:
    """The journey, and the topic of its conversation."""

    tenant: str
    did: Did
    base: str
    """Our versioned DSP address: what we name as `callbackAddress`."""
    store: Store
    ids: Ids
    policies: Policies
    max_message_bytes: int
    kind: ProcessKind = "negotiation"
    table: Table = negotiation.TABLE
    at_rest: frozenset[str] = frozenset({State.FINALIZED, State.TERMINATED})
    conversation: Conversation = field(init=False)

    # --- consumer ----------------------------------------------------------------------------------------------------

    async def request(self, peer: Did, peer_base: str, dataset_id: str, offer: JsonObject, command: CommandRow) -> str:
        """Ask for a contract on an offer of the peer's catalogue. Returns our pid; `command` makes repeats harmless."""
        process = Process(role=Role.CONSUMER, pid=Pid(command.pid))
        asked = compose.offer_in_message(offer, target=dataset_id, assigner=peer, assignee=self.did)
        content: JsonObject = {"dataset": dataset_id, "offer": asked, "peer_base": peer_base}
        await self.conversation.begin(process, content, peer, Kind.REQUEST, command)
        return process.pid

    # --- a peer's messages -------------------------------------------------------------------------------------------

    async def receive(self, pid: str | None, allowed: tuple[Kind, ...], body: bytes, caller: Caller) -> Answer:
        """A message at one of our addresses: `pid` as in the path (None: `/negotiations/request`)."""
        message = parse(admit(body, self.max_message_bytes))
        if not isinstance(message, negotiation.Message) or negotiation.kind_of(message) not in allowed:
            raise BadMessage(f"@type: expected {' or '.join(kind.partition(':')[0] for kind in allowed)}")
        kind = negotiation.kind_of(message)
        peer_pid = message.provider_pid if pid is not None and kind in _FROM_PROVIDER else None
        if pid is None:
            assert isinstance(message, ContractRequestMessage), "the route admits only a request"
            return await self._requested(message, body, caller)
        row = await self.conversation.load(pid)
        if row.counterparty != caller.facts.party:
            raise NotFound
        if row.role == Role.CONSUMER.value:
            peer_pid = message.provider_pid
        incoming = Incoming(kind=kind, message_id=message.id, peer_pid=peer_pid, body=body, caller=caller)
        taken = await self._taken(message)
        return await self.conversation.receive(row, incoming, lambda draft: (*taken, *self._objections(draft, message)))

    async def _taken(self, message: negotiation.Message) -> tuple[Finding, ...]:
        """An agreement's id stands for one agreement for ever: agreements are kept by it, whoever they are with."""
        if not isinstance(message, ContractAgreementMessage):
            return ()
        if await self.store.load_agreement(self.tenant, message.agreement.id) is None:
            return ()
        sentence = "An agreement of this id is there already."
        return (Finding(code="agreement-id-taken", message=sentence, term="agreement.@id"),)

    async def state(self, pid: str, caller: Caller) -> bytes:
        """`GET` of a process: the same for both roles."""
        row = await self.conversation.load(pid)
        if row.counterparty != caller.facts.party:
            raise NotFound
        return self.acknowledgement(self.conversation.draft(row).process)

    async def _requested(self, message: ContractRequestMessage, body: bytes, caller: Caller) -> Answer:
        party = caller.facts.party
        incoming = Incoming(
            kind=Kind.REQUEST, message_id=message.id, peer_pid=message.consumer_pid, body=body, caller=caller
        )
        known = await self.store.find_process(self.tenant, "negotiation", party, message.consumer_pid)
        if known is not None:
            return await self.conversation.receive(known, incoming, lambda draft: self._objections(draft, message))
        process = Process(role=Role.PROVIDER, pid=Pid(self.ids.urn()))
        offer = message.offer.as_json()
        dataset = await self.store.load_dataset(self.tenant, str(offer.get("target", "")))
        content: JsonObject = {
            "dataset": offer.get("target"), "offer": offer, "peer_base": (message.callback_address or "").rstrip("/")
        }  # fmt: skip
        objections = list(negotiation.check_request(message, process, consumer=party, provider=self.did))
        if dataset is None:
            objections.append(
                Finding(code="unknown-dataset", message="No such dataset is offered.", term="offer.target")
            )
        elif not objections:
            compiled, stands_for = self.policies.of(dataset), self.policies.offer(dataset)
            if offer["@id"] != stands_for["@id"] or negotiation.is_counter_offer(offer, stands_for):
                objections.append(
                    Finding(
                        code="offer-mismatch", message="This is not the offer that its id stands for.", term="offer"
                    )
                )
            else:
                decision = evaluate(compiled, caller.facts, self.conversation.clock.now(), stage=Stage.NEGOTIATION)
                content["decision"] = decision.as_json()
                content["permitted"] = decision.permit
                content["told"] = decision.for_peer()
        return await self.conversation.open(process, content, incoming, tuple(objections))

    def _objections(self, draft: Draft, message: negotiation.Message) -> tuple[Finding, ...]:
        process, content = draft.process, draft.content
        if isinstance(message, ContractAgreementMessage):
            offer = content["offer"]
            assert isinstance(offer, dict), "every negotiation of ours has its offer"
            found = negotiation.check_agreement(
                message, process, offer=offer, consumer=self.did, provider=draft.counterparty
            )
            content["received_agreement"] = message.agreement.as_json()
            return found
        if isinstance(message, ContractNegotiationTerminationMessage):
            content["termination"] = {"code": message.code, "reason": list(message.reason or ()), "by": "peer"}
        if isinstance(message, ContractRequestMessage):
            return negotiation.check_request(message, process, consumer=draft.counterparty, provider=self.did)
        return negotiation.check_pids(message, process)

    # --- what follows from a state -----------------------------------------------------------------------------------

    def reached(self, draft: Draft, reached: Reached) -> None:
        """The next message of ours, and what goes on record."""
        content = draft.content
        match reached.state, draft.process.role:
            case State.REQUESTED, Role.PROVIDER:
                self._answer_request(draft)
            case State.AGREED, Role.CONSUMER:
                content["agreement"] = content.pop("received_agreement")
                self._keep_agreement(draft)
                draft.asks.append(Kind.VERIFICATION)
            case State.AGREED, Role.PROVIDER:
                self._keep_agreement(draft)
            case State.VERIFIED, Role.PROVIDER:
                draft.asks.append(Kind.FINALIZE)
            case State.FINALIZED, _:
                draft.note(self.tenant, "negotiation-finalized", {"agreement": content.get("agreement")})
            case State.TERMINATED, _:
                draft.note(
                    self.tenant,
                    "negotiation-terminated",
                    {"termination": content.get("termination"), "decision": content.get("decision")},
                )

    def _answer_request(self, draft: Draft) -> None:
        content = draft.content
        draft.note(self.tenant, "negotiation-decided", {"dataset": content["dataset"], "decision": content["decision"]})
        if not content["permitted"]:
            content["termination"] = {"code": "policy-denied", "reason": [content["told"]], "by": "us"}
            draft.asks.append(Kind.TERMINATION)
            return
        offer = content["offer"]
        assert isinstance(offer, dict), "a request has an offer"
        content["agreement"] = compose.agreement(
            self.ids.urn(), offer=offer, assigner=self.did, assignee=draft.counterparty, timestamp=time_text(draft.now)
        )
        draft.asks.append(Kind.AGREEMENT)

    def _keep_agreement(self, draft: Draft) -> None:
        agreement = draft.content["agreement"]
        assert isinstance(agreement, dict), "kept only where there is one"
        # sorted, so that both sides keep the same bytes
        draft.agreement = AgreementRow(
            tenant=self.tenant, agreement_id=str(agreement["@id"]), negotiation_pid=draft.process.pid,
            role=draft.process.role.value, counterparty=draft.counterparty, dataset_id=str(agreement["target"]),
            agreement=orjson.dumps(agreement, option=orjson.OPT_SORT_KEYS), at=micros(draft.now),
        )  # fmt: skip

    def replaced(self, draft: Draft) -> None:
        """An agreement came again under a new id (a real EDC does that): the later one counts."""
        later = draft.content.pop("received_agreement", None)
        earlier = draft.content.get("agreement")
        if not isinstance(later, dict) or not isinstance(earlier, dict):
            return
        draft.content["agreement"] = later
        self._keep_agreement(draft)
        if later["@id"] != earlier["@id"]:
            draft.replaced_agreement = (str(earlier["@id"]), str(later["@id"]))

    # --- bytes -------------------------------------------------------------------------------------------------------

    def compose(self, draft: Draft, kind: str, message_id: str) -> tuple[str, bytes]:
        """Address and bytes of a message of ours."""
        process, content = draft.process, draft.content
        base = f"{content['peer_base']}/negotiations"
        path = _PATHS[Kind(kind)]
        url = f"{base}/{path}" if process.peer_pid is None else f"{base}/{process.peer_pid}/{path}"
        match kind:
            case Kind.REQUEST:
                message = compose.contract_request(
                    message_id, process, offer=_dict(content["offer"]), callback_address=self.base
                )
            case Kind.AGREEMENT:
                message = compose.contract_agreement(message_id, process, agreement=_dict(content["agreement"]))
            case Kind.VERIFICATION:
                message = compose.contract_verification(message_id, process)
            case Kind.FINALIZE:
                message = compose.contract_finalized(message_id, process)
            case _:
                why = _dict(content.get("termination") or {"code": "gave-up", "reason": ["no longer wanted"]})
                reasons = why["reason"]
                message = compose.contract_termination(
                    message_id, process, code=str(why["code"]), reasons=reasons if isinstance(reasons, list) else []
                )
        return url, compose.dump(message)

    def acknowledgement(self, process: Process) -> bytes:
        """A ContractNegotiation."""
        return compose.dump(compose.process_answer(self.table, process))

    def refusal(self, process: Process, reply: Reply) -> bytes:
        """A ContractNegotiationError."""
        return compose.dump(compose.process_error(self.table, process, code=reply.code, findings=reply.findings))


_FROM_PROVIDER = (Kind.OFFER, Kind.AGREEMENT, Kind.FINALIZE)


def _dict(value: object) -> JsonObject:
    assert isinstance(value, dict), "this part of a negotiation is an object"
    return value
