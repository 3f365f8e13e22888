"""Reading what peers send: the recorded wire, the traps of the schemas, and anything at all."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import BadMessage
from connector.model import Json, JsonObject
from connector.protocol import messages as m
from connector.protocol.contexts import DSP_CONTEXT
from connector.protocol.terms import rules_digest, rules_of, same_rules
from connector.vocabulary.admission import admit

WIRE = Path(__file__).parents[2] / "vectors" / "dsp" / "edc-wire.jsonl"
NO_MESSAGE = {"mistake of ours: version document", "mistake of ours: empty object"}


def recorded() -> list[tuple[str, JsonObject]]:
    """Every JSON object that went over the recorded wire."""
    lines = [json.loads(line) for line in WIRE.read_text("utf-8").splitlines()]
    return [
        (line["story"], part) for line in lines for part in (line["body"], line["answer"]) if isinstance(part, dict)
    ]


def constraint(**more: Json) -> JsonObject:
    """A comparison, changed as asked."""
    return {"leftOperand": "https://example.org/purpose", "operator": "eq", "rightOperand": "audit", **more}


def offer(**more: Json) -> JsonObject:
    """An offer as a message carries it, changed as asked."""
    rule: JsonObject = {"action": "use", "constraint": [constraint()]}
    return {"@id": "urn:offer:1", "@type": "Offer", "target": "urn:dataset:1", "permission": [rule], **more}


def request(**more: Json) -> JsonObject:
    """A first contract request, changed as asked."""
    return {
        "@context": [DSP_CONTEXT],
        "@type": "ContractRequestMessage",
        "@id": "urn:uuid:1",
        "consumerPid": "urn:uuid:c",
        "callbackAddress": "https://c.example/cb",
        "offer": offer(),
        **more,
    }


def without(document: JsonObject, *names: str) -> JsonObject:
    """The document less these members."""
    return {name: value for name, value in document.items() if name not in names}


def refusal(raw: JsonObject) -> str:
    """What `parse` says about a wrong message."""
    with pytest.raises(BadMessage) as caught:
        m.parse(raw)
    return caught.value.detail


def test_the_recorded_wire_is_read() -> None:
    """Whatever two real EDC said to each other is read, save what was wrong on purpose."""
    types = {
        type(m.parse(admit(json.dumps(raw).encode(), 1 << 20))) for story, raw in recorded() if _is_right(story, raw)
    }
    assert {m.RootCatalog, m.RootDataset, m.CatalogError, m.ContractNegotiation, m.TransferProcess} < types
    assert {m.ContractAgreementMessage, m.TransferStartMessage, m.TransferCompletionMessage, m.ProcessError} < types


def _is_right(story: str, raw: JsonObject) -> bool:
    lacks_offer = raw.get("@type") == "ContractRequestMessage" and "offer" not in raw
    return story not in NO_MESSAGE and not lacks_offer


def test_no_message_waits_for_its_model() -> None:
    """What the first peer says is read at once."""
    built = list(m.build_models())
    assert {*get_args(m.Message)} < {*built}
    assert all(model.__pydantic_complete__ for model in built)


def test_what_was_wrong_on_purpose_is_refused() -> None:
    """The recorded mistakes are named."""
    wrong = {story: refusal(raw) for story, raw in recorded() if not _is_right(story, raw)}
    assert wrong["mistake of ours: contract request without offer"] == "offer: Field required"
    assert wrong["mistake of ours: empty object"].startswith("@type")


def test_the_address_of_an_edc_is_found_among_the_properties() -> None:
    """EDC names endpoint and token as properties with full IRIs, and leaves `endpoint` out."""
    start = next(raw for _, raw in recorded() if raw.get("@type") == "TransferStartMessage" and "dataAddress" in raw)
    address = m.parse_as(m.TransferStartMessage, start).data_address
    assert address is not None
    assert address.url() == "http://localhost:19195/public"
    assert (address.named("authorization") or "").startswith("<compact JWS")
    assert address.named("refreshToken") is None


def test_a_valid_request_is_read() -> None:
    """The message as we send it; unknown members, contexts and types around it don't matter."""
    message = m.parse({**request(unknown={"a": [1]}), "@context": ["https://other.example/c", DSP_CONTEXT]})
    assert isinstance(message, m.ContractRequestMessage)
    assert (message.id, message.consumer_pid, message.provider_pid) == ("urn:uuid:1", "urn:uuid:c", None)
    assert message.offer.as_json() == offer()


def test_every_wrong_field_is_named_at_once() -> None:
    """One answer names all that is wrong, with paths, so that nobody has to try five times."""
    raw = request(
        consumerPid="",
        providerPid="urn:uuid:p",
        offer=without(offer(permission=[{"constraint": [constraint(operator="odrl:eq")]}]), "@id"),
    )
    said = refusal({**raw, "@context": DSP_CONTEXT, "@id": 7})
    for path in ("@context: ", "@id: ", "consumerPid: ", "providerPid: ", "offer.@id: ", "offer.permission.0.action: "):
        assert path in said
    assert "offer.permission.0.constraint.0.operator: " in said


@pytest.mark.parametrize(
    "context",
    [
        DSP_CONTEXT, [], ["https://other.example/c"], None, {}, [{"tx": "https://w3id.org/tractusx/v0.0.1/ns/"}],
        [DSP_CONTEXT, {"a": "b"}], [DSP_CONTEXT, {"@vocab": "https://x.example/"}], [DSP_CONTEXT, {"a": {"@id": "x"}}],
        [DSP_CONTEXT, {"cx-policy": "https://x.example/"}], [DSP_CONTEXT, {"odrl": "https://x.example/"}],
        [DSP_CONTEXT, {"use": "https://x.example/use"}], [DSP_CONTEXT, {"a": None}], [DSP_CONTEXT, 1],
    ],
)  # fmt: skip
def test_context_names_the_protocol_and_binds_nothing_but_prefixes(context: Json) -> None:
    """A plain string, another version's context, or an object that says more than prefixes is no DSP message."""
    assert "@context" in refusal(request(**{"@context": context}))


@pytest.mark.parametrize(
    "kind", ["contractRequestMessage", "dspace:ContractRequestMessage", "", None, ["ContractRequestMessage"]]
)
def test_the_type_is_exact(kind: Json) -> None:
    """Prefixed, lower-case or array types are not the compact form."""
    assert "@type" in refusal(request(**{"@type": kind}))
    assert "@type" in refusal(without(request(), "@type"))


def test_callback_and_peer_pid_exclude_each_other() -> None:
    """A first message has a callback address, a later one the peer's pid; both or neither is invalid."""
    assert "providerPid" in refusal(request(providerPid="urn:uuid:p"))
    assert "providerPid" in refusal(without(request(), "callbackAddress"))
    m.parse({**without(request(), "callbackAddress"), "providerPid": "urn:uuid:p"})
    first: JsonObject = {
        **without(request(), "consumerPid"),
        "@type": "ContractOfferMessage",
        "providerPid": "urn:uuid:p",
    }
    m.parse(first)
    assert "consumerPid" in refusal({**first, "consumerPid": "urn:uuid:c"})


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        (without(offer(), "permission"), "offer.prohibition"),
        (without(offer(obligation=[{"action": "pay"}]), "permission"), "offer.prohibition"),
        (offer(permission=[]), "offer.permission"),
        (offer(prohibition=[]), "offer.prohibition"),
        (offer(permission={"action": "use"}), "offer.permission"),
        (offer(permission=[{"action": {"@id": "use"}}]), "offer.permission.0.action"),
        (offer(permission=[{"action": "use", "constraint": constraint()}]), "offer.permission.0.constraint"),
        (offer(permission=[{"action": "use", "target": "urn:x"}]), "offer.permission.0.target"),
        (without(offer(), "@type"), "offer.@type"),
        (offer(**{"@type": "Set"}), "offer.@type"),
    ],
)
def test_traps_of_the_offer(wrong: JsonObject, path: str) -> None:
    """Empty arrays, single objects, rules with a target, offers that permit and prohibit nothing."""
    assert f"{path}: " in refusal(request(offer=wrong))


@pytest.mark.parametrize(
    "wrong",
    [
        constraint(operator="in"),
        constraint(operator="odrl:eq"),
        constraint(rightOperand=None),
        without(constraint(), "rightOperand"),
        {"and": [constraint()], "or": [constraint()]},
        {**constraint(), "and": [constraint()]},
        {"and": constraint()},
        {"xone": [{"and": [constraint(leftOperand="")]}]},
        "leftOperand eq rightOperand",
    ],
)
def test_traps_of_constraints(wrong: Json) -> None:
    """Prefixed operators, two connectives, a connective beside a comparison, at any depth."""
    assert "offer.permission.0.constraint.0" in refusal(
        request(offer=offer(permission=[{"action": "use", "constraint": [wrong]}]))
    )


@pytest.mark.parametrize("value", ["a", 5, 1.5, True, ["a", "b"], {"@value": "5", "@type": "xsd:integer"}])
def test_numbers_are_read_but_never_sent(value: Json) -> None:
    """A real EDC sends numbers as right operands, which the schema forbids: read, and sent as strings."""
    policy = offer(permission=[{"action": "use", "constraint": [{"or": [constraint(rightOperand=value)]}]}])
    message = m.parse_as(m.ContractRequestMessage, request(offer=policy))
    assert message.offer.as_json() == policy
    sent = json.dumps(rules_of(policy))
    expected = json.dumps(
        str(value) if isinstance(value, float) or type(value) is int else "true" if value is True else value
    )
    assert f'"rightOperand": {expected}' in sent


def test_an_agreement_says_who_and_what() -> None:
    """Target, assigner and assignee are required, and the time has the form of xsd:dateTime."""
    agreement: JsonObject = {
        **offer(),
        "@type": "Agreement",
        "assigner": "a",
        "assignee": "b",
        "timestamp": "2027-03-15T09:00:00Z",
    }
    raw: JsonObject = {
        "@context": [DSP_CONTEXT],
        "@type": "ContractAgreementMessage",
        "consumerPid": "c",
        "providerPid": "p",
        "agreement": agreement,
    }
    m.parse(raw)
    for name in ("@id", "target", "assigner", "assignee"):
        assert f"agreement.{name}: " in refusal({**raw, "agreement": without(agreement, name)})
    assert "agreement.timestamp: " in refusal({**raw, "agreement": {**agreement, "timestamp": "15.03.2027"}})


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda c: c.update(dataset=[]), "dataset"),
        (lambda c: c.update(service=[]), "service"),
        (lambda c: c.pop("participantId"), "participantId"),
        (lambda c: c["dataset"][0].update(hasPolicy=[]), "dataset.0.hasPolicy"),
        (lambda c: c["dataset"][0].pop("distribution"), "dataset.0.distribution"),
        (
            lambda c: c["dataset"][0]["distribution"][0].update(accessService={"@id": "x"}),
            "dataset.0.distribution.0.accessService",
        ),
        (lambda c: c["dataset"][0]["hasPolicy"][0].update(target="urn:x"), "dataset.0.hasPolicy.0.target"),
    ],
)
def test_traps_of_the_catalogue(change: Callable[[dict[str, object]], object], path: str) -> None:
    """Empty arrays, a bare reference as access service, and offers with a target are invalid."""
    catalog = copy.deepcopy(next(raw for _, raw in recorded() if raw.get("@type") == "Catalog"))
    m.parse(catalog)
    change(catalog)  # type: ignore[arg-type]  # a catalogue as JSON
    assert path in refusal(catalog)


# --- equal rules -----------------------------------------------------------------------------------------------------


def test_equal_rules() -> None:
    """Ids, parties, target, empty arrays, types and the order of rules and constraints don't count."""
    one, two = constraint(), constraint(operator="neq", rightOperand=5)
    first = offer(permission=[{"action": "use", "constraint": [one, two]}, {"action": "read"}])
    second: JsonObject = {
        "@id": "urn:agreement:1",
        "@type": "Agreement",
        "prohibition": [],
        "permission": [
            {"action": "read", "constraint": []},
            {"@type": "Permission", "action": "use", "constraint": [{**two, "rightOperand": "5"}, one]},
        ],
    }
    assert same_rules(first, second)
    assert rules_digest(first) == rules_digest(second)


@pytest.mark.parametrize(
    "other",
    [
        [{"action": "read", "constraint": [constraint()]}],
        [{"action": "use"}],
        [{"action": "use", "constraint": [constraint(), constraint(operator="neq")]}],
        [{"action": "use", "constraint": [constraint(rightOperand=["audit"])]}],
        [{"action": "use", "constraint": [constraint()], "duty": [{"action": "delete"}]}],
        [{"action": "use", "constraint": [constraint()]}, {"action": "use"}],
    ],
)
def test_other_rules(other: Json) -> None:
    """Whatever grants or asks for something else is not equal, an added or removed duty included."""
    assert not same_rules(offer(), offer(permission=other))
    assert not same_rules(offer(permission=other), offer())
    assert not same_rules(offer(), without(offer(prohibition=offer()["permission"]), "permission"))


def test_the_order_of_a_sequence_counts() -> None:
    """`andSequence` is the one connective in which the order says something."""

    def of(word: str, *parts: JsonObject) -> JsonObject:
        return offer(permission=[{"action": "use", "constraint": [{word: list(parts)}]}])

    one, two = constraint(), constraint(operator="neq")
    assert same_rules(of("and", one, two), of("and", two, one))
    assert not same_rules(of("andSequence", one, two), of("andSequence", two, one))


@pytest.mark.parametrize(
    ("agreed", "instead"),
    [
        ({"action": {"@id": "odrl:attribute"}}, {"action": {"@id": "odrl:compensate"}}),
        ({"@id": "urn:duty:pay-1"}, {"@id": "urn:duty:pay-1000000"}),
        ({"@type": "Duty", "@id": "urn:duty:pay-1"}, {"@type": "Duty", "@id": "urn:duty:pay-1000000"}),
    ],
)
def test_a_duty_that_is_only_named_is_another_by_another_name(agreed: JsonObject, instead: JsonObject) -> None:
    """An agreement in which a duty was put in another's place is not the offer; an id beside content says nothing."""
    first, second = (offer(permission=[{"action": "use", "duty": [duty]}]) for duty in (agreed, instead))
    assert not same_rules(first, second)
    named = offer(permission=[{"action": "use", "@id": "urn:x", "@type": "Permission", "duty": [agreed]}])
    assert same_rules(first, named)


def test_names_of_odrl_may_come_back_shortened() -> None:
    """A real EDC sends `odrl:dateTime` where it read the whole name; a value is not a name."""

    def of(left: str, right: str = "x") -> JsonObject:
        return offer(permission=[{"action": "use", "constraint": [constraint(leftOperand=left, rightOperand=right)]}])

    whole = of("http://www.w3.org/ns/odrl/2/dateTime")
    assert same_rules(whole, of("odrl:dateTime"))
    assert rules_digest(whole) == rules_digest(of("odrl:dateTime"))
    assert not same_rules(whole, of("dateTime"))
    assert not same_rules(of("x", "odrl:dateTime"), of("x", "http://www.w3.org/ns/odrl/2/dateTime"))


def test_a_list_may_come_back_as_a_text() -> None:
    """A real EDC keeps the expanded list as a text; the values and their order count."""

    def of(right: Json) -> JsonObject:
        return offer(permission=[{"action": "use", "constraint": [constraint(rightOperand=right)]}])

    assert same_rules(of(["PUB", "B2B"]), of('[{"@value":"PUB"},{"@value":"B2B"}]'))
    assert not same_rules(of(["PUB", "B2B"]), of('[{"@value":"PUB"},{"@value":"LI"}]'))
    assert not same_rules(of(["PUB"]), of('[{"@value":"PUB","@type":"x"}]'))
    assert not same_rules(of(["PUB"]), of('[{"@value":"PUB"'))


# --- anything at all -------------------------------------------------------------------------------------------------

scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5)
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def _paths(node: Json, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found = [path] if path else []
    if isinstance(node, dict):
        for name, member in node.items():
            found += _paths(member, (*path, name))
    elif isinstance(node, list):
        for place, member in enumerate(node):
            found += _paths(member, (*path, place))
    return found


@given(data=st.data())
def test_a_message_with_anything_anywhere_is_read_or_refused(data: st.DataObject) -> None:
    """Whatever stands in whatever place of a real message: a message, or `BadMessage`; never another exception."""
    raw = copy.deepcopy(data.draw(st.sampled_from([raw for _, raw in recorded()])))
    paths = _paths(raw)
    if paths:
        *parents, last = data.draw(st.sampled_from(paths))
        node: object = raw
        for step in parents:
            node = node[step]  # type: ignore[index]  # a path through JSON
        node[last] = data.draw(trees)  # type: ignore[index]  # a path through JSON
    with suppress(BadMessage):
        m.parse(raw)


def _rules(value: Json) -> JsonObject:
    return offer(permission=[{"action": "use", "constraint": [constraint(rightOperand=value), {"or": [constraint()]}]}])


@given(one=trees, two=trees)
def test_equal_means_equal_bytes(one: Json, two: Json) -> None:
    """Two right operands are equal exactly where their texts are."""
    assert same_rules(_rules(one), _rules(two)) == (rules_digest(_rules(one)) == rules_digest(_rules(two)))
    assert same_rules(_rules(one), rules_of(_rules(one)))
