"""Contract negotiation: its table, and what a message must contain in relation to the process.

The table is the state machine of DSP 2025-1, Contract Negotiation Protocol; a termination is accepted from either side
in each state that is not terminal, which is a superset of the diagram. The shape of messages stands in `messages.py`;
whether the policy grants anything is judged by policy/; which offer an id stands for is looked up by the journey.
"""

from __future__ import annotations

from enum import StrEnum

from connector.model import Finding, JsonObject
from connector.protocol.messages import (
    ContractAgreementMessage,
    ContractAgreementVerificationMessage,
    ContractNegotiationEventMessage,
    ContractNegotiationTerminationMessage,
    ContractOfferMessage,
    ContractRequestMessage,
)
from connector.protocol.process import START, Process, Role, Row, Table
from connector.protocol.terms import Agreement, Offer, same_rules


class State(StrEnum):
    """DSP 2025-1, Contract Negotiation Protocol: States."""

    REQUESTED = "REQUESTED"
    OFFERED = "OFFERED"
    ACCEPTED = "ACCEPTED"
    AGREED = "AGREED"
    VERIFIED = "VERIFIED"
    FINALIZED = "FINALIZED"
    TERMINATED = "TERMINATED"


class Kind(StrEnum):
    """What can be said. An event message counts by its event."""

    REQUEST = "ContractRequestMessage"
    OFFER = "ContractOfferMessage"
    ACCEPT = "ContractNegotiationEventMessage:ACCEPTED"
    AGREEMENT = "ContractAgreementMessage"
    VERIFICATION = "ContractAgreementVerificationMessage"
    FINALIZE = "ContractNegotiationEventMessage:FINALIZED"
    TERMINATION = "ContractNegotiationTerminationMessage"


def _row(state: str, kind: Kind, sender: Role, target: State) -> Row:
    return Row(state=state, kind=kind, senders=(sender,), target=target)


_BOTH = (Role.CONSUMER, Role.PROVIDER)

TABLE = Table(
    name="negotiation",
    terminal=(State.FINALIZED, State.TERMINATED),
    termination=Kind.TERMINATION,
    rows=(
        _row(START, Kind.REQUEST, Role.CONSUMER, State.REQUESTED),
        _row(START, Kind.OFFER, Role.PROVIDER, State.OFFERED),
        _row(State.REQUESTED, Kind.OFFER, Role.PROVIDER, State.OFFERED),
        _row(State.REQUESTED, Kind.AGREEMENT, Role.PROVIDER, State.AGREED),
        _row(State.OFFERED, Kind.REQUEST, Role.CONSUMER, State.REQUESTED),
        _row(State.OFFERED, Kind.ACCEPT, Role.CONSUMER, State.ACCEPTED),
        _row(State.ACCEPTED, Kind.AGREEMENT, Role.PROVIDER, State.AGREED),
        _row(State.AGREED, Kind.VERIFICATION, Role.CONSUMER, State.VERIFIED),
        _row(State.VERIFIED, Kind.FINALIZE, Role.PROVIDER, State.FINALIZED),
        *(
            Row(state=state, kind=Kind.TERMINATION, senders=_BOTH, target=State.TERMINATED)
            for state in (State.REQUESTED, State.OFFERED, State.ACCEPTED, State.AGREED, State.VERIFIED)
        ),
    ),
)

Message = (
    ContractRequestMessage
    | ContractOfferMessage
    | ContractAgreementMessage
    | ContractAgreementVerificationMessage
    | ContractNegotiationEventMessage
    | ContractNegotiationTerminationMessage
)


def kind_of(message: Message) -> Kind:
    """The table's word for a message."""
    if isinstance(message, ContractNegotiationEventMessage):
        return Kind(f"{message.type}:{message.event_type}")
    return Kind(message.type)


def check_pids(message: Message, process: Process) -> tuple[Finding, ...]:
    """The pids of the body name this process. A pid that is not bound yet is bound by `step`, not here."""
    findings: list[Finding] = []
    for term, said, known in (
        ("consumerPid", message.consumer_pid, process.consumer_pid),
        ("providerPid", message.provider_pid, process.provider_pid),
    ):
        if said is not None and known is not None and said != known:
            findings.append(Finding(code="pid-mismatch", message=f"{term} is not that of this process.", term=term))
    return tuple(findings)


def check_terms(
    message: ContractRequestMessage | ContractOfferMessage, process: Process, *, consumer: str, provider: str
) -> tuple[Finding, ...]:
    """A request or an offer: the first of a negotiation names a callback address, a later one the other side's pid."""
    return (
        *check_pids(message, process),
        *_opens_or_follows(message.callback_address, process),
        *_check_parties(message.offer, "offer", consumer=consumer, provider=provider),
        *_target_present(message.offer.target),
    )


def is_counter_offer(offer: JsonObject, stands_for: JsonObject) -> bool:
    """Whether a request asks for other rules, or another dataset, than the offer that its id stands for.

    An offer in a catalogue carries no target; the dataset around it is meant.
    """
    other_target = "target" in stands_for and offer.get("target") != stands_for["target"]
    return other_target or not same_rules(offer, stands_for)


def check_agreement(
    message: ContractAgreementMessage, process: Process, *, offer: JsonObject, consumer: str, provider: str
) -> tuple[Finding, ...]:
    """The agreement holds what was offered or asked for last, between these two, about that dataset."""
    agreement = message.agreement.as_json()
    findings = [
        *check_pids(message, process),
        *_check_parties(message.agreement, "agreement", consumer=consumer, provider=provider),
    ]
    if agreement["target"] != offer.get("target"):
        findings.append(_finding("agreement-mismatch", "The agreement is about another dataset.", "agreement.target"))
    if not same_rules(agreement, offer):
        findings.append(
            _finding("agreement-mismatch", "The agreement's rules are not those of the last offer.", "agreement")
        )
    if message.agreement.timestamp is None:
        findings.append(_finding("agreement-undated", "An agreement names its time.", "agreement.timestamp"))
    return tuple(findings)


def _opens_or_follows(callback_address: str | None, process: Process) -> tuple[Finding, ...]:
    # Both and neither are refused by the model; here: does it fit the process?
    if (process.state == START and process.pending is None) == (callback_address is not None):
        return ()
    sentence = "callbackAddress belongs to the first message of a negotiation, and to no later one."
    return (_finding("callback-misplaced", sentence, "callbackAddress"),)


def _target_present(target: str | None) -> tuple[Finding, ...]:
    if target:
        return ()
    return (_finding("offer-without-target", "An offer in a message names its dataset.", "offer.target"),)


def _check_parties(policy: Offer | Agreement, where: str, *, consumer: str, provider: str) -> tuple[Finding, ...]:
    """An offer may leave its parties out; an agreement without them is none (`terms`)."""
    findings: list[Finding] = []
    for term, said, expected in (
        ("assigner", policy.assigner, provider),
        ("assignee", policy.assignee, consumer),
    ):
        if said is not None and said != expected:
            sentence = f"{term} is not the party that this negotiation is led with."
            findings.append(_finding("foreign-party", sentence, f"{where}.{term}"))
    return tuple(findings)


def _finding(code: str, message: str, term: str) -> Finding:
    return Finding(code=code, message=message, term=term)
