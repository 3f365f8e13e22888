"""What we send is what we would read, and the catalogue."""

from __future__ import annotations

import json

import pytest

from connector.model import Finding, JsonObject, Pid
from connector.protocol import compose, negotiation, transfer
from connector.protocol import messages as m
from connector.protocol.contexts import DSP_CONTEXT
from connector.protocol.process import Pending, Process, Role
from connector.vocabulary.admission import admit

OFFER: JsonObject = {
    "@id": "urn:d:1#abc",
    "@type": "Offer",
    "assigner": "did:web:p",
    "target": "urn:d:1",
    "permission": [{"action": "use", "constraint": [{"leftOperand": "a", "operator": "eq", "rightOperand": 5}]}],
    "prohibition": [],
}
FIRST = Process(role=Role.CONSUMER, pid=Pid("c"))
LATER = Process(role=Role.CONSUMER, pid=Pid("c"), peer_pid=Pid("p"), state="OFFERED")
PROVIDER = Process(role=Role.PROVIDER, pid=Pid("p"), peer_pid=Pid("c"), state="REQUESTED")
SAID = compose.offer_in_message(OFFER, target="urn:d:1", assigner="did:web:p", assignee="did:web:c")
AGREED = compose.agreement(
    "urn:uuid:a", offer=OFFER, assigner="did:web:p", assignee="did:web:c", timestamp="2027-03-15T09:00:00Z"
)
OPENS = compose.PullToken(
    token="t", refresh_token="r", expires_in=300, refresh_endpoint="https://p.example/token", audience="did:web:p"
)
ADDRESS = compose.pull_address("https://p.example/data", OPENS)

SENT = [
    compose.contract_request("i", FIRST, offer=SAID, callback_address="https://c.example"),
    compose.contract_request("i", LATER, offer=SAID, callback_address="https://c.example"),
    compose.contract_offer("i", Process(role=Role.PROVIDER, pid=Pid("p")), offer=SAID, callback_address="https://p"),
    compose.contract_offer("i", PROVIDER, offer=SAID, callback_address="https://p"),
    compose.contract_agreement("i", PROVIDER, agreement=AGREED),
    compose.contract_verification("i", LATER),
    compose.contract_accepted("i", LATER),
    compose.contract_finalized("i", PROVIDER),
    compose.contract_termination("i", LATER),
    compose.contract_termination("i", PROVIDER, code="denied", reasons=["purpose"]),
    compose.transfer_request("i", FIRST, agreement_id="a", data_format="HttpData-PULL", callback_address="https://c"),
    compose.transfer_request(
        "i", FIRST, agreement_id="a", data_format="PUSH", callback_address="https://c", address=ADDRESS
    ),
    compose.transfer_start("i", PROVIDER, address=ADDRESS),
    compose.transfer_start("i", LATER),
    compose.transfer_completion("i", LATER),
    compose.transfer_suspension("i", LATER, reasons=["stocktake"]),
    compose.transfer_termination("i", PROVIDER, code="done"),
    compose.catalog_request("i"),
]


def test_an_offer_in_a_message_says_between_whom_and_about_what() -> None:
    """Whom it is for only where that is said; of its rules none that are empty, and texts for numbers."""
    said: JsonObject = {
        "@id": "urn:d:1#abc", "@type": "Offer", "assigner": "did:web:p", "target": "urn:d:1",
        "permission": [{"action": "use", "constraint": [{"leftOperand": "a", "operator": "eq", "rightOperand": "5"}]}],
    }  # fmt: skip
    assert {**said, "assignee": "did:web:c"} == SAID
    assert compose.offer_in_message(OFFER, target="urn:d:1", assigner="did:web:p") == said


@pytest.mark.parametrize("message", SENT, ids=lambda message: str(message["@type"]))
def test_what_we_send_is_read_by_the_strict_models(message: JsonObject) -> None:
    """Each message is valid, carries its `@id`, and holds neither empty arrays nor numbers."""
    body = compose.dump(message)
    parsed = m.parse(admit(body, 1 << 16))
    assert isinstance(parsed, m._Message)
    assert parsed.id == "i"
    assert b"[]" not in body
    assert b'"rightOperand":5' not in body


def test_answers_are_read_by_the_strict_models() -> None:
    """Acknowledgements carry both pids and the state; a first answer shows what was accepted."""
    ack = m.parse_as(m.ContractNegotiation, compose.process_answer(negotiation.TABLE, PROVIDER))
    assert (ack.consumer_pid, ack.provider_pid, ack.state) == ("c", "p", "REQUESTED")
    ack2 = m.parse_as(m.TransferProcess, compose.process_answer(transfer.TABLE, PROVIDER))
    assert ack2.type == "TransferProcess"
    waiting = Process(
        role=Role.CONSUMER,
        pid=Pid("c"),
        peer_pid=Pid("p"),
        pending=Pending(kind=negotiation.Kind.REQUEST, message_id="i", target="REQUESTED"),
    )
    assert compose.process_answer(negotiation.TABLE, waiting)["state"] == "REQUESTED"


def test_errors_name_code_reasons_and_pids() -> None:
    """Required members are there; where nothing may be learnt, all answers are the same."""
    finding = Finding(code="pid-mismatch", message="not that of this process.", term="consumerPid")
    error = compose.process_error(negotiation.TABLE, PROVIDER, code="pid-mismatch", findings=[finding])
    assert error["reason"] == ["consumerPid: not that of this process."]
    assert m.parse_as(m.ProcessError, error).provider_pid == "p"
    unknown = compose.process_error(transfer.TABLE, None, code="not-found")
    assert unknown == {
        "@context": [DSP_CONTEXT],
        "@type": "TransferError",
        "consumerPid": "",
        "providerPid": "",
        "code": "not-found",
    }
    assert isinstance(m.parse(compose.catalog_error(code="401")), m.CatalogError)


def test_the_version_document() -> None:
    """Without context; binding and version are the words of the specification."""
    document = compose.version_document(version="2025-1", path="/2025-1", service_id="s", profiles=["vc20-bssl/jwt"])
    (entry,) = json.loads(compose.dump(document))["protocolVersions"]
    assert (entry["binding"], entry["version"], entry["auth"]["profile"]) == ("HTTPS", "2025-1", ["vc20-bssl/jwt"])


def test_a_decision_goes_out_with_a_sentence() -> None:
    """Who reads JSON-LD alone keeps strings, and nothing of an object that no context explains."""
    denied: JsonObject = {"decision": "deny", "failed": ["role", "membership"]}
    nobody: JsonObject = {"decision": "deny", "failed": []}
    said = compose.contract_termination("i", PROVIDER, code="policy-denied", reasons=[denied, nobody, "enough"])
    assert said["reason"] == ["the policy says no: role, membership", denied, "the policy says no", nobody, "enough"]
