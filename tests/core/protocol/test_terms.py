"""Offers and agreements, form by form: what is read, what is sent, and when two say the same."""

from __future__ import annotations

import orjson
import pytest
from pydantic import TypeAdapter, ValidationError

from connector.errors import BadMessage
from connector.model import Json, JsonObject
from connector.protocol.contexts import DSP_CONTEXT
from connector.protocol.messages import parse
from connector.protocol.terms import Agreement, Constraint, Offer, rules_digest, rules_of, same_rules

CONNECTIVES = ("and", "andSequence", "or", "xone")
PARTS: list[Json] = [
    {"leftOperand": "x", "operator": "eq", "rightOperand": "1"},
    {"leftOperand": "y", "operator": "eq", "rightOperand": "2"},
]
READER: TypeAdapter[Constraint] = TypeAdapter(Constraint)


def policy(constraint: Json, **more: Json) -> JsonObject:
    """One permission with this constraint."""
    return {"permission": [{"action": "use", "constraint": constraint}], **more}


def right(value: Json) -> JsonObject:
    """A comparison with this value."""
    return policy([{"leftOperand": "x", "operator": "eq", "rightOperand": value}])


@pytest.mark.parametrize("word", CONNECTIVES)
def test_each_connective_is_read_and_said_again(word: str) -> None:
    """With all that stands under it."""
    read = READER.validate_python({word: PARTS})
    assert read.as_json() == {word: PARTS}


@pytest.mark.parametrize("beside", ["leftOperand", "operator", "rightOperand"])
def test_a_connective_stands_beside_no_comparison(beside: str) -> None:
    """Not even beside a part of one; two connectives are no constraint either."""
    with pytest.raises(ValidationError, match="can't stand in one object"):
        READER.validate_python({"and": PARTS, beside: "eq"})
    with pytest.raises(ValidationError, match="exactly one of"):
        READER.validate_python({"and": PARTS, "xone": PARTS})


@pytest.mark.parametrize("odd", ["and", ["and"], 7, None])
def test_what_is_no_object_is_no_constraint(odd: Json) -> None:
    """Whatever it holds."""
    with pytest.raises(ValidationError):
        READER.validate_python(odd)


def test_a_policy_permits_or_prohibits_something() -> None:
    """A prohibition alone says something, and so does a permission beside none; an obligation alone does not."""
    rule: Json = [{"action": "use"}]
    head: JsonObject = {"@id": "o", "@type": "Offer"}
    for member in ("permission", "prohibition"):
        assert Offer.model_validate({**head, member: rule}).as_json() == {**head, member: rule}
    with pytest.raises(ValidationError, match="this or permission"):
        Offer.model_validate({**head, "obligation": rule})


@pytest.mark.parametrize("other", ["Offer", "Set", None])
def test_an_agreement_is_called_one(other: str | None) -> None:
    """By its type, under its name on the wire."""
    said: JsonObject = {"@id": "a", "target": "t", "assigner": "p", "assignee": "c", **policy(PARTS)}
    assert Agreement.model_validate({**said, "@type": "Agreement"}).type == "Agreement"
    with pytest.raises(ValidationError):
        Agreement.model_validate({**said, "@type": other})


def test_rules_that_all_differ_are_not_the_same() -> None:
    """Each of the three kinds of rules counts, also where no one of them agrees."""
    kinds = ("permission", "prohibition", "obligation")
    one: JsonObject = {kind: [{"action": "use"}] for kind in kinds}
    two: JsonObject = {kind: [{"action": "read"}] for kind in kinds}
    assert not same_rules(one, two)
    for kind in kinds:
        assert not same_rules(one, {**one, kind: [{"action": "read"}]})
        assert same_rules(one, {**one, kind: [{"action": "use"}]})


@pytest.mark.parametrize("word", ["duty", "or", "xone", "and"])
def test_order_says_nothing(word: str) -> None:
    """In duties and in all connectives but the sequence."""
    rule: JsonObject = {"action": "use"}
    parts: list[Json] = [{"action": "delete"}, {"action": "inform"}] if word == "duty" else [*PARTS]

    def of(order: list[Json]) -> JsonObject:
        return {"permission": [{**rule, "duty": order}]} if word == "duty" else policy([{word: order}])

    assert same_rules(of(parts), of(parts[::-1]))
    assert rules_digest(of(parts)) == rules_digest(of(parts[::-1]))
    assert not same_rules(of(parts), of(parts[:1]))


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        ({"action": "odrl:use"}, {"action": "http://www.w3.org/ns/odrl/2/use"}, True),
        ({"action": "odrl:use"}, {"action": "use"}, False),
        ({"action": "edc:x"}, {"action": "https://w3id.org/edc/v0.0.1/ns/x"}, True),
        ({"action": "other:x"}, {"action": "https://w3id.org/edc/v0.0.1/ns/x"}, False),
        ({"action": "use", "note": "odrl:x"}, {"action": "use", "note": "http://www.w3.org/ns/odrl/2/x"}, False),
        ({"action": "use", "constraint": []}, {"action": "use"}, True),
        ({"action": "use", "duty": []}, {"action": "use"}, False),
        ({"action": "use", "@id": "r1"}, {"action": "use", "@id": "r2"}, True),
        ({"action": "use", "@type": "Permission"}, {"action": "use"}, True),
        ({"action": "use", "uid": "r1"}, {"action": "use", "uid": "r2"}, False),
        ({"action": ["odrl:use"]}, {"action": ["http://www.w3.org/ns/odrl/2/use"]}, False),
    ],
)
def test_what_a_rule_is_called_says_nothing(one: JsonObject, two: JsonObject, same: bool) -> None:
    """Ids and types don't count, nor a constraint that is an empty list; every other member does."""
    assert same_rules({"permission": [one]}, {"permission": [two]}) is same


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (7, "7"), (1.5, "1.5"), (True, "true"), (False, "false"), ("x", "x"), ([1, False], ["1", "false"]),
        ({"@value": 7}, {"@value": "7"}), (None, None),
    ],
)  # fmt: skip
def test_values_are_sent_as_texts(value: Json, sent: Json) -> None:
    """What the schema asks for; elsewhere in a rule nothing changes."""
    assert rules_of(right(value)) == right(sent)
    assert same_rules(right(value), right(sent))
    deep: JsonObject = {"permission": [{"action": "use", "duty": [{"action": "delete", "count": 3, "deep": [[7]]}]}]}
    assert rules_of(deep) == deep


@pytest.mark.parametrize(
    "rule",
    [
        {"action": "use", "note": "edc:x"},
        {"action": "odrl:use"},
        {"action": "use", "duty": [{"action": {"@id": "edc:x"}}]},
        {"action": "use", "duty": [{"action": None, "leftOperand": 7}]},
    ],
)
def test_what_is_no_name_of_an_operand_stays_as_it_is(rule: JsonObject) -> None:
    """A prefix means something in a name alone, whatever else a peer puts into its rules."""
    assert rules_of({"permission": [rule]}) == {"permission": [rule]}


def test_values_are_found_in_lists_of_lists() -> None:
    """However a peer nests them."""
    deep: JsonObject = {"permission": [{"action": "use", "deep": [[{"rightOperand": 7}]]}]}
    assert rules_of(deep) == {"permission": [{"action": "use", "deep": [[{"rightOperand": "7"}]]}]}


def test_the_order_of_members_says_nothing() -> None:
    """Of JSON objects: the same rules have the same digest, and the same place among others."""
    first: JsonObject = {"action": "use", "constraint": [*PARTS]}
    second: JsonObject = {"action": "read", "zone": 1}
    turned = [dict(reversed(one.items())) for one in (first, second)]
    one: JsonObject = {"permission": [first, second]}
    for other in ([turned[0], turned[1]], [turned[1], turned[0]], [second, turned[0]]):
        assert rules_digest(one) == rules_digest({"permission": [*other]})
        assert same_rules(one, {"permission": [*other]})


def test_an_invalid_permission_is_told_once() -> None:
    """It is there, so it is not missing."""
    with pytest.raises(ValidationError) as caught:
        Offer.model_validate({"@id": "o", "@type": "Offer", "permission": [{}]})
    assert ("prohibition",) not in [one["loc"] for one in caught.value.errors()]


@pytest.mark.parametrize(("wrong", "more"), [(49, ""), (50, "and 1 more"), (19_000, "and 18951 more")])
def test_of_very_many_wrong_fields_the_first_are_told(wrong: int, more: str) -> None:
    """Else each zero in an array would bring a sentence. Beside them: that the array holds nothing that is a rule."""
    said: JsonObject = {
        "@context": [DSP_CONTEXT], "@type": "ContractRequestMessage", "consumerPid": "c", "callbackAddress": "x",
        "offer": {"@id": "o", "@type": "Offer", "permission": [0] * wrong},
    }  # fmt: skip
    with pytest.raises(BadMessage) as caught:
        parse(said)
    sentences = caught.value.detail.split("; ")
    assert (len(sentences), caught.value.place) == (51 if more else 50, "offer.permission.0")
    assert not more or sentences[-1] == more


def test_no_rules_are_sent_as_nothing() -> None:
    """The schema knows no empty list of rules."""
    assert rules_of({"permission": [], "prohibition": [{"action": "use"}]}) == {"prohibition": [{"action": "use"}]}


@pytest.mark.parametrize(
    ("odd", "last"),
    [('[{"@value":"a"},["b"]]', ["b"]), ('[{"@value":"a"},"b"]', "b"), ('[{"@value":"a"},null]', None)],
)
def test_odd_parts_of_a_folded_list_stay_as_they_are(odd: str, last: Json) -> None:
    """Beside those that were expanded."""
    assert same_rules(right(odd), right(["a", last]))


def test_a_folded_list_that_is_cut_off_is_a_text_like_any_other() -> None:
    """Two of them are two values."""
    one, two = '[{"@value":"a"', '[{"@value":"b"'
    assert same_rules(right(one), right(one))
    assert not same_rules(right(one), right(two))
    assert rules_digest(right(one)) != rules_digest(right(two))


def test_an_operand_of_a_real_edc_goes_back_as_what_it_means() -> None:
    """It writes it with a prefix of its own context, which our messages do not name: it refused its own offer."""
    operand: Json = {"leftOperand": "edc:membership", "operator": "eq", "rightOperand": "active"}
    offered: JsonObject = {"permission": [{"action": "use", "constraint": [{"and": [operand]}, operand]}]}
    sent = rules_of(offered)
    assert b"edc:" not in orjson.dumps(sent)
    assert orjson.dumps(sent).count(b"https://w3id.org/edc/v0.0.1/ns/membership") == 2
    assert same_rules(sent, offered)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("odrl:prohibition", [{"action": "use"}]),
        ("http://www.w3.org/ns/odrl/2/obligation", [{"action": "compensate"}]),
        ("x:permission", [{"action": "use"}]),
        ("duty", [{"action": "compensate"}]),
        ("odrl:duty", {"action": "compensate"}),
        ("inheritFrom", "https://provider.example/terms"),
        ("@context", {"note": "http://www.w3.org/ns/odrl/2/prohibition"}),
        ("@included", [{"prohibition": [{"action": "use"}]}]),
        ("@graph", [{}]),
        ("@reverse", {"odrl:hasPolicy": "x"}),
    ],
)
@pytest.mark.parametrize("model", [Offer, Agreement])
def test_rules_stand_under_their_names_alone(model: type[Offer | Agreement], name: str, value: Json) -> None:
    """Else an agreement could hold rules for who reads JSON-LD that nobody compared with the offer."""
    said: JsonObject = {
        "@id": "a", "@type": model.__name__, "target": "t", "assigner": "p", "assignee": "c", **policy(PARTS)
    }  # fmt: skip
    with pytest.raises(ValidationError, match="rules stand under permission, prohibition, obligation"):
        model.model_validate({**said, name: value})
    more: JsonObject = {"odrl:obligation": [], "odrl:profile": "https://w3id.org/x", "dct:title": "Rules", "note": {}}
    assert model.model_validate({**said, **more}).permission


@pytest.mark.parametrize(
    "folded",
    [
        f'[{{"@value":{"[" * 90}{"]" * 90}}}]',
        f'[{{"@value":{"[" * 300}{"]" * 300}}}]',
        f'[{{"@value":{"[" * 600}{"]" * 600}}}]',
        '[{"@value":"a","@value":"b"}]',
        f'[{{"@value":{"9" * 30}}}]',
    ],
)
def test_a_text_that_no_two_readers_read_alike_is_a_text(folded: str) -> None:
    """What stands within a value was never admitted as a message is: it may be deeper than can be walked."""
    assert not same_rules(right(folded), right(["b"]))
    assert same_rules(right(folded), policy([{"operator": "eq", "leftOperand": "x", "rightOperand": folded}]))
    assert rules_digest(right(folded)) != rules_digest(right([]))
