"""What a message must contain in relation to its process."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import orjson
import pytest

from connector.model import Finding, Json, JsonObject, Pid
from connector.protocol import compose, negotiation, transfer, turns
from connector.protocol import messages as m
from connector.protocol.process import Pending, Process, Role

OFFER: JsonObject = {
    "@id": "urn:d:1#abc",
    "@type": "Offer",
    "target": "urn:d:1",
    "permission": [{"action": "use", "constraint": [{"leftOperand": "a", "operator": "eq", "rightOperand": "b"}]}],
}
PARTIES = {"consumer": "did:web:c", "provider": "did:web:p"}
CONSUMER = Process(role=Role.CONSUMER, pid=Pid("c"), peer_pid=Pid("p"), state="REQUESTED")
PROVIDER = Process(role=Role.PROVIDER, pid=Pid("p"), peer_pid=Pid("c"), state="OFFERED")
FRESH = Process(role=Role.PROVIDER, pid=Pid("p"))


def codes(findings: tuple[Finding, ...]) -> list[str]:
    """The codes of the findings, in order."""
    return [finding.code for finding in findings]


def asked(process: Process, **more: str) -> m.ContractRequestMessage:
    """A request of the consumer behind `process`."""
    said = {**compose.offer_in_message(OFFER, target="urn:d:1", assigner="did:web:p"), **more}
    return m.parse_as(
        m.ContractRequestMessage, compose.contract_request("i", process, offer=said, callback_address="x")
    )


def agreed(**more: str) -> m.ContractAgreementMessage:
    """The provider's agreement."""
    agreement = compose.agreement(
        "urn:uuid:a", offer=OFFER, assigner="did:web:p", assignee="did:web:c", timestamp="2027-03-15T09:00:00Z"
    )
    return m.parse_as(
        m.ContractAgreementMessage, compose.contract_agreement("i", PROVIDER, agreement={**agreement, **more})
    )


def test_a_first_request_names_a_callback_and_the_right_parties() -> None:
    """Later requests name the provider's pid; foreign parties are refused in both."""
    first = asked(Process(role=Role.CONSUMER, pid=Pid("c")))
    later = asked(CONSUMER)
    assert negotiation.check_terms(first, FRESH, **PARTIES) == ()
    assert negotiation.check_terms(later, PROVIDER, **PARTIES) == ()
    assert codes(negotiation.check_terms(first, PROVIDER, **PARTIES)) == ["callback-misplaced"]
    foreign = asked(CONSUMER, assigner="did:web:x", assignee="did:web:p")
    assert codes(negotiation.check_terms(foreign, PROVIDER, **PARTIES)) == ["foreign-party", "foreign-party"]
    aimless = later.model_copy(update={"offer": later.offer.model_copy(update={"target": None})})
    assert codes(negotiation.check_terms(aimless, PROVIDER, **PARTIES)) == ["offer-without-target"]


def test_an_offer_may_begin_or_follow() -> None:
    """The consumer's side: a first offer makes the process, a later one belongs to it."""
    said = compose.offer_in_message(OFFER, target="urn:d:1", assigner="did:web:p")
    body = compose.contract_offer("i", PROVIDER, offer=said, callback_address="x")
    assert negotiation.check_terms(m.parse_as(m.ContractOfferMessage, body), CONSUMER, **PARTIES) == ()
    body = compose.contract_offer("i", FRESH, offer=said, callback_address="x")
    fresh = Process(role=Role.CONSUMER, pid=Pid("c"))
    assert negotiation.check_terms(m.parse_as(m.ContractOfferMessage, body), fresh, **PARTIES) == ()
    waits = Pending(kind=negotiation.Kind.REQUEST, message_id="i", target="REQUESTED")
    began = Process(role=Role.CONSUMER, pid=Pid("c"), pending=waits)
    found = negotiation.check_terms(m.parse_as(m.ContractOfferMessage, body), began, **PARTIES)
    assert codes(found) == ["callback-misplaced"]


def test_pids_of_the_body_are_those_of_the_process() -> None:
    """A body for another process is refused, whatever the path said; an unbound pid is bound by the step."""
    wrong = asked(Process(role=Role.CONSUMER, pid=Pid("c9"), peer_pid=Pid("p9"), state="OFFERED"))
    assert codes(negotiation.check_pids(wrong, PROVIDER)) == ["pid-mismatch", "pid-mismatch"]
    unbound = Process(role=Role.CONSUMER, pid=Pid("c"))
    assert negotiation.check_pids(agreed(), unbound) == ()


def test_a_request_that_differs_from_its_offer_is_a_counter_offer() -> None:
    """Other rules or another dataset; parties and ids don't matter, and a listed offer has no target."""
    listed = {name: value for name, value in OFFER.items() if name != "target"}
    said = asked(CONSUMER).offer.as_json()
    assert not negotiation.is_counter_offer(said, OFFER)
    assert not negotiation.is_counter_offer(said, listed)
    assert negotiation.is_counter_offer({**said, "target": "urn:d:2"}, OFFER)
    assert negotiation.is_counter_offer({**said, "permission": [{"action": "use"}]}, OFFER)


def test_an_agreement_is_what_was_offered_between_these_two() -> None:
    """Swapped or foreign parties, another dataset, other rules, no time: each is named."""
    right = negotiation.check_agreement(agreed(), CONSUMER, offer=OFFER, **PARTIES)
    assert right == ()
    swapped = agreed(assigner="did:web:c", assignee="did:web:p")
    assert codes(negotiation.check_agreement(swapped, CONSUMER, offer=OFFER, **PARTIES)) == ["foreign-party"] * 2
    other: JsonObject = {**OFFER, "permission": [{"action": "use"}], "target": "urn:d:2"}
    found = negotiation.check_agreement(agreed(), CONSUMER, offer=other, **PARTIES)
    assert codes(found) == ["agreement-mismatch"] * 2
    message = agreed()
    undated = message.model_copy(update={"agreement": message.agreement.model_copy(update={"timestamp": None})})
    assert codes(negotiation.check_agreement(undated, CONSUMER, offer=OFFER, **PARTIES)) == ["agreement-undated"]


def terms(findings: tuple[Finding, ...]) -> list[str]:
    """The members that the findings are about, in order."""
    return [finding.term for finding in findings]


ELSEWHERE = Process(role=Role.CONSUMER, pid=Pid("c9"), peer_pid=Pid("p9"), state="REQUESTED")
PIDS = ["consumerPid", "providerPid"]


def test_each_message_is_held_against_its_process_and_its_parties() -> None:
    """Request, offer and agreement: whose process it is, between whom, about what; the peer reads which member."""
    body = compose.offer_in_message({**OFFER, "assignee": "did:web:x"}, target="urn:d:1", assigner="did:web:x")
    said = compose.contract_offer("i", PROVIDER, offer={**body, "assignee": "did:web:x"}, callback_address="x")
    offered = m.parse_as(m.ContractOfferMessage, said)
    aimless = offered.model_copy(update={"offer": offered.offer.model_copy(update={"target": None})})
    parties = ["offer.assigner", "offer.assignee"]
    assert terms(negotiation.check_terms(aimless, ELSEWHERE, **PARTIES)) == [*PIDS, *parties, "offer.target"]
    again = negotiation.check_terms(
        asked(CONSUMER, assigner="did:web:x"), replace(ELSEWHERE, role=Role.PROVIDER), **PARTIES
    )
    assert terms(again) == [*PIDS, "offer.assigner"]
    first = asked(Process(role=Role.CONSUMER, pid=Pid("c")))
    assert terms(negotiation.check_terms(first, PROVIDER, **PARTIES)) == ["callbackAddress"]
    message = agreed(assigner="did:web:x", assignee="did:web:x", target="urn:d:2")
    bare = message.model_copy(update={"agreement": message.agreement.model_copy(update={"timestamp": None})})
    other: JsonObject = {**OFFER, "permission": [{"action": "use"}]}
    assert terms(negotiation.check_agreement(bare, ELSEWHERE, offer=other, **PARTIES)) == [
        *PIDS, "agreement.assigner", "agreement.assignee", "agreement.target", "agreement", "agreement.timestamp",
    ]  # fmt: skip


@pytest.mark.parametrize("member", ["prohibition", "obligation"])
def test_an_agreement_leaves_no_rule_of_its_offer_out(member: str) -> None:
    """A prohibition or an obligation that is gone would free somebody; nothing else of the two differs."""
    stricter: JsonObject = {**OFFER, member: [{"action": "list"}]}
    found = negotiation.check_agreement(agreed(), CONSUMER, offer=stricter, **PARTIES)
    assert codes(found) == ["agreement-mismatch"]


def test_kinds_follow_the_event() -> None:
    """An event message counts by its event, every other by its type."""
    event = m.parse_as(m.ContractNegotiationEventMessage, compose.contract_finalized("i", PROVIDER))
    assert negotiation.kind_of(event) is negotiation.Kind.FINALIZE
    assert negotiation.kind_of(agreed()) is negotiation.Kind.AGREEMENT


def transfer_asked(data_format: str, address: JsonObject | None = None) -> m.TransferRequestMessage:
    """A transfer request."""
    process = Process(role=Role.CONSUMER, pid=Pid("c"))
    body = compose.transfer_request(
        "i", process, agreement_id="a", data_format=data_format, callback_address="x", address=address
    )
    return m.parse_as(m.TransferRequestMessage, body)


def test_a_transfer_request_needs_an_agreement_in_force_and_an_offered_format() -> None:
    """Unknown, foreign and unfinished agreements give the same code; a push brings an address, a pull none."""
    address = compose.data_address("https://sink.example", {})
    formats = {"pull_formats": {transfer.PULL}, "push_formats": {"HttpData-PUSH"}}

    def check(
        message: m.TransferRequestMessage, agreement_id: str | None = "a", *, finalized: bool = True
    ) -> list[str]:
        found = transfer.check_request(message, agreement_id=agreement_id, finalized=finalized, **formats)
        return codes(found)

    pull = transfer_asked(transfer.PULL)
    assert check(pull) == []
    assert check(pull, None) == check(pull, "b") == check(pull, finalized=False) == ["unknown-agreement"]
    assert check(transfer_asked("Ftp")) == ["unknown-format"]
    assert check(transfer_asked(transfer.PULL, address)) == ["data-address-misplaced"]
    assert check(transfer_asked("HttpData-PUSH")) == ["data-address-missing"]
    assert check(transfer_asked("HttpData-PUSH", address)) == []
    nowhere: JsonObject = {"@type": "DataAddress", "endpointType": "x"}
    assert check(transfer_asked("Ftp", nowhere)) == ["unknown-format"]


@pytest.mark.parametrize(
    ("data_format", "address", "agreement", "term"),
    [
        (transfer.PULL, None, "b", "agreementId"),
        ("Ftp", None, "a", "format"),
        (transfer.PUSH, None, "a", "dataAddress"),
        (transfer.PULL, compose.data_address("https://sink.example", {}), "a", "dataAddress"),
    ],
)
def test_a_refused_request_says_which_member(
    data_format: str, address: JsonObject | None, agreement: str, term: str
) -> None:
    """So that its sender can mend it."""
    found = transfer.check_request(
        transfer_asked(data_format, address), agreement_id=agreement, finalized=True, pull_formats={transfer.PULL},
        push_formats={transfer.PUSH},
    )  # fmt: skip
    assert [one.term for one in found] == [term]


def test_the_start_of_a_pull_says_where() -> None:
    """The provider's start holds an endpoint; the consumer's resumption needs none, a push neither."""
    address = compose.data_address("https://p.example/data", {})
    start = m.parse_as(m.TransferStartMessage, compose.transfer_start("i", PROVIDER, address=address))
    bare = m.parse_as(m.TransferStartMessage, compose.transfer_start("i", PROVIDER))
    nowhere = m.parse_as(
        m.TransferStartMessage,
        compose.transfer_start("i", PROVIDER, address={"@type": "DataAddress", "endpointType": "x"}),
    )
    assert transfer.check_start(start, CONSUMER, pull=True) == ()
    for message, code, term in (
        (bare, "data-address-missing", "dataAddress"),
        (nowhere, "endpoint-missing", "dataAddress.endpoint"),
    ):
        (found,) = transfer.check_start(message, CONSUMER, pull=True)
        assert (found.code, found.term) == (code, term)
    for odd in ("x\r\nHost: y", "x\0", "x\x7f", "x\u00fc"):
        address = compose.data_address("https://p.example/data", {"authorization": odd})
        broken = m.parse_as(m.TransferStartMessage, compose.transfer_start("i", PROVIDER, address=address))
        (found,) = transfer.check_start(broken, CONSUMER, pull=True)
        assert (found.code, found.term) == ("authorization-unusable", "dataAddress.endpointProperties")
    assert transfer.check_start(bare, CONSUMER, pull=False) == ()
    assert transfer.check_start(bare, PROVIDER, pull=True) == ()
    assert transfer.kind_of(start) is transfer.Kind.START
    assert terms(transfer.check_pids(bare, ELSEWHERE)) == PIDS
    assert codes(transfer.check_pids(bare, ELSEWHERE)) == ["pid-mismatch"] * 2
    assert transfer.check_pids(bare, replace(CONSUMER, peer_pid=None)) == ()
    assert terms(transfer.check_pids(transfer_asked(transfer.PULL), replace(ELSEWHERE, role=Role.PROVIDER))) == PIDS[:1]


NOW = datetime(2027, 3, 15, 9, tzinfo=UTC)


def read_address(address: JsonObject) -> JsonObject:
    """What a consumer keeps of a data address."""
    return transfer.read_pull(m.DataAddress.model_validate(address), NOW)


def test_a_data_address_of_ours_says_how_to_renew() -> None:
    """Under plain names, under EDC's and under Catena-X's: whoever reads one kind has all it needs."""
    opens = compose.PullToken(token="t", refresh_token="r", expires_in=60, refresh_endpoint="https://p/t", audience="p")
    address = compose.pull_address("https://p/data", opens)
    kept = {
        "endpoint": "https://p/data", "authorization": "t", "expires": int(NOW.timestamp() + 60) * 1_000_000,
        "refreshToken": "r", "refreshEndpoint": "https://p/t",
    }  # fmt: skip
    assert read_address(address) == kept
    properties = address["endpointProperties"]
    assert isinstance(properties, list)
    plain: list[Json] = [one for one in properties if isinstance(one, dict) and "/" not in str(one["name"])]
    assert read_address({**address, "endpointProperties": plain}) == kept
    foreign: list[Json] = [one for one in properties if one not in plain]
    named: JsonObject = {"@type": "DataAddress", "endpointType": "x", "endpointProperties": foreign}
    assert read_address(named) == {**kept, "refreshEndpoint": "https://p/t/token", "grantInUrl": True, "bare": True}
    ending: JsonObject = orjson.loads(orjson.dumps(named).replace(b'"https://p/t"', b'"https://p/t/token"'))
    assert read_address(ending)["refreshEndpoint"] == "https://p/t/token"


@pytest.mark.parametrize(
    ("lifetime", "good"),
    [("300", True), ("0", True), ("-1", False), ("soon", False), ("9" * 9, True), ("9" * 10, False), ("9" * 40, False)],
)
def test_a_lifetime_is_a_number_of_seconds(lifetime: str, good: bool) -> None:
    """Anything else says nothing: the token is tried until it is refused. Without an endpoint the data's own renews."""
    address = compose.data_address("https://p/data", {"authorization": "t", "refreshToken": "r", "expiresIn": lifetime})
    kept = read_address(address)
    assert kept["expires"] == (int(NOW.timestamp() + int(lifetime)) * 1_000_000 if good else 0)
    assert kept["refreshEndpoint"] == "https://p/data"
    bare = read_address(compose.data_address("https://p/data", {"authorization": "t"}))
    assert bare == {"endpoint": "https://p/data", "authorization": "t", "expires": 0}
    assert read_address(compose.data_address("https://p/data", {}))["authorization"] == "", "none is none"


@pytest.mark.parametrize(
    ("properties", "kept"),
    [
        ({"authorization": "t"}, ("https://sink", "Authorization", "Bearer t")),
        ({"authorization": "Basic t"}, ("https://sink", "Authorization", "Basic t")),
        ({"authorization": "t", "authKey": "X-Key"}, ("https://sink", "Authorization", "Bearer t")),
        ({"authorization": "t", "authKey": "X-Key", "authCode": "c"}, ("https://sink", "X-Key", "c")),
        ({"authorization": "t", "authCode": "c"}, ("https://sink", "Authorization", "Bearer t")),
        ({"authKey": "X-Key"}, ("https://sink", None, None)),
        ({"authCode": "c"}, ("https://sink", None, None)),
        ({}, ("https://sink", None, None)),
        ({"authKey": "Host", "authCode": "c"}, None),
        ({"authKey": "content-length", "authCode": "1"}, None),
        ({"authKey": "X-Key", "authCode": "a\r\nb"}, None),
        ({"authKey": "X-Key", "authCode": "ü"}, None),
    ],
)
def test_a_push_opens_the_consumers_door(
    properties: dict[str, str], kept: tuple[str, str | None, str | None] | None
) -> None:
    """As a bearer token or as any header that its address names; none that would shape the request itself."""
    said = transfer.read_push(m.DataAddress.model_validate(compose.data_address("https://sink", properties)))
    assert (tuple(said.values()) or None) == kept


def test_a_push_to_nowhere_is_refused() -> None:
    """An EDC names its endpoint `baseUrl`; whoever names none can be sent nothing."""
    named: JsonObject = {"@type": "DataAddress", "endpointType": "x"}
    base: Json = [{"@type": "EndpointProperty", "name": "baseUrl", "value": "https://sink"}]
    edc = m.DataAddress.model_validate({**named, "endpointProperties": base})
    assert transfer.read_push(edc) == {"endpoint": "https://sink", "header": None, "value": None}
    found = transfer.check_request(
        transfer_asked(transfer.PUSH, named), agreement_id="a", finalized=True, pull_formats={transfer.PULL},
        push_formats={transfer.PUSH},
    )  # fmt: skip
    assert [(finding.code, finding.term) for finding in found] == [("endpoint-missing", "dataAddress.endpoint")]


HOW: tuple[turns.How, ...] = ("decide", "match", "refuse", "offer", "hold")


@pytest.mark.parametrize(
    ("permitted", "matches", "moves"),
    [
        (True, True, ("approve", "approve", "approve", "approve", "hold")),
        (True, False, ("approve", "hold", "refuse", "counter", "hold")),
        (False, True, ("refuse",) * 5),
        (False, False, ("refuse",) * 5),
    ],
)
def test_what_is_answered_by_rule(permitted: bool, matches: bool, moves: tuple[str, ...]) -> None:
    """Nothing without the policy's yes, nothing over the head of a person who is asked."""
    assert tuple(turns.move(how, permitted=permitted, matches=matches) for how in HOW) == moves


def test_what_can_be_said_but_once() -> None:
    """Kinds from whose target no way leads back: their repeats can be known by what they say."""
    once = {str(row.kind) for row in negotiation.TABLE.rows if negotiation.TABLE.happens_once(row.kind)}
    assert once == {
        "ContractAgreementMessage", "ContractAgreementVerificationMessage", "ContractNegotiationEventMessage:ACCEPTED",
        "ContractNegotiationEventMessage:FINALIZED", "ContractNegotiationTerminationMessage",
    }  # fmt: skip
    once = {str(row.kind) for row in transfer.TABLE.rows if transfer.TABLE.happens_once(row.kind)}
    assert once == {"TransferRequestMessage", "TransferCompletionMessage", "TransferTerminationMessage"}
