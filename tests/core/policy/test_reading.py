"""Reading policies: forms that are taken, and everything that is wrong at once."""

from __future__ import annotations

import orjson
import pytest

from connector.errors import BadPolicy
from connector.model import Json
from connector.policy.odrl import Action, Constraint, Group
from connector.policy.operands import OPERANDS, Operator, Stage
from connector.policy.reading import MAX_CONSTRAINTS, load, read
from connector.vocabulary.terms import NAMESPACE
from tests.core.policy.policies import c, policy, rule


def codes(document: Json) -> list[tuple[str, str]]:
    """Code and path of each finding."""
    return [(finding.code, finding.place.column) for finding in read(document)[1]]


def use(*constraints: Json) -> Json:
    """A document with one rule."""
    return {"permission": [rule("use", *constraints)]}


def test_short_names_full_names_and_prefixes_are_the_same_operand() -> None:
    """A file may say `membership`, the wire says the IRI."""
    for name in ("dateTime", "http://www.w3.org/ns/odrl/2/dateTime", "odrl:dateTime"):
        (found,) = policy(rule("use", c(name, "odrl:lt", "2028-01-01T01:00:00+01:00"))).rules
        assert found.constraints == (
            Constraint(left="dateTime", operator=Operator.LT, right=("2028-01-01T00:00:00Z",)),
        )
    (found,) = policy(rule("http://www.w3.org/ns/odrl/2/use", c(f"{NAMESPACE}role", "isAnyOf", "recycler"))).rules
    assert found.action is Action.USE
    assert found.constraints[0] == Constraint(left="role", operator=Operator.IS_ANY_OF, right=("recycler",))


def test_single_objects_and_numbers_are_taken_from_our_own_files() -> None:
    """A single object counts as an array of one, a number as its text."""
    found, findings = read({"permission": {"action": "use", "constraint": c("retentionDays", "lteq", 365.0)}})
    assert findings == ()
    assert found is not None
    assert found.rules[0].constraints == (Constraint(left="retentionDays", operator=Operator.LTEQ, right=("365",)),)


def test_a_key_that_stands_twice_is_refused() -> None:
    """Else the first list of prohibitions would be lost, and the rest still be a policy."""
    octets = (
        b'{"permission": [{"action": "use"}], "prohibition": [{"action": "use"}], "prohibition": [{"action": "audit"}]}'
    )
    with pytest.raises(BadPolicy, match="twice"):
        load(octets)


def test_an_assignee_of_our_own_file_is_refused() -> None:
    """On the wire the parties of a deal stand there; in a file it would be a limit that nobody keeps."""
    document: Json = {"assignee": "did:web:friend.example", "permission": [{"action": "use"}]}
    assert read(document)[1] == ()
    assert [finding.code for finding in read(document, own=True)[1]] == ["assignee-unsupported"]
    with pytest.raises(BadPolicy, match="assignee"):
        load(orjson.dumps(document), own=True)


def test_the_unit_stands_alone_and_without_the_mark_of_the_page() -> None:
    """`@unit` would be a material of that name, and beside another value no mandate would do."""
    assert codes({"permission": [rule("audit", c("mandateMaterial", "hasPart", "@unit"))]}) == [
        ("value-type", "$.permission[0].constraint[0].rightOperand")
    ]
    assert codes({"permission": [rule("audit", c("mandateClass", "hasPart", ["unit", "PUB"]))]}) == [
        ("value-count", "$.permission[0].constraint[0].rightOperand")
    ]


def test_groups_nest() -> None:
    """`or` and `and` become groups."""
    (found,) = policy(rule("use", {"or": [c("role", "eq", "recycler"), {"and": [c("mandate", "eq", "active")]}]})).rules
    assert isinstance(found.constraints[0], Group)
    assert found.constraints[0].kind == "or"


def test_everything_wrong_is_said_at_once_with_its_place() -> None:
    """One reading tells all mistakes, each with the path to it."""
    document: Json = {
        "@type": "Sett",
        "permissions": [],
        "obligation": [{"action": "delete"}],
        "permission": [
            {"action": "sell", "constraints": []},
            {"action": "use", "duty": {"action": "pay"}, "constraint": [
                c("shoeSize", "eq", "44"),
                c("membership", "gt", "active"),
                c("dateTime", "lt", "tomorrow"),
                c("accessClass", "isAnyOf", ["PUB", "SECRET"]),
                c("unitBuyer", "eq", "did:web:somebody.example"),
                c("membership", "eq", ["active", "former"]),
                {"xone": [c("role", "eq", "recycler")]},
                {"or": []},
                17,
            ]},
        ],
    }  # fmt: skip
    place = "$.permission[1].constraint"
    assert sorted(codes(document)) == sorted(
        [
            ("policy-type", "$.@type"),
            ("unknown-key", "$.permissions"),
            ("obligation-unsupported", "$.obligation"),
            ("unknown-action", "$.permission[0].action"),
            ("unknown-key", "$.permission[0].constraints"),
            ("obligation-unsupported", "$.permission[1].duty"),
            ("unknown-operand", f"{place}[0].leftOperand"),
            ("operator-not-allowed", f"{place}[1].operator"),
            ("value-type", f"{place}[2].rightOperand"),
            ("value-type", f"{place}[3].rightOperand"),
            ("value-type", f"{place}[4].rightOperand"),
            ("value-count", f"{place}[5].rightOperand"),
            ("unknown-key", f"{place}[6].xone"),
            ("unknown-operand", f"{place}[6].leftOperand"),
            ("policy-form", f"{place}[7].or"),
            ("policy-form", f"{place}[8]"),
        ]
    )


@pytest.mark.parametrize("document", [None, [], "use", 1, True])
def test_what_is_no_object_is_no_policy(document: Json) -> None:
    """Any JSON value gets a finding, never an exception."""
    assert codes(document) == [("policy-form", "$")]


def test_a_policy_without_rules_is_told_so() -> None:
    """An empty rule set permits nothing, which nobody means."""
    assert codes({"@type": "Set", "permission": []}) == [("no-rule", "$")]


def test_foreign_profiles_and_conflict_strategies_are_refused() -> None:
    """What would change the meaning of a rule is not skipped."""
    document: Json = {"permission": [rule("use")], "profile": "https://example.org/p", "conflict": "perm"}
    assert codes(document) == [("unknown-profile", "$.profile"), ("unknown-conflict", "$.conflict")]


def test_a_constraint_never_becomes_none_by_mistake() -> None:
    """A rule whose constraint is refused makes the whole policy unusable: it must not become an open rule."""
    found, findings = read(use(c("shoeSize", "eq", "44")))
    assert found is None
    assert len(findings) == 1


def test_depth_and_number_are_bounded() -> None:
    """A peer's policy cannot cost more than a bounded amount."""
    deep: Json = c("membership", "eq", "active")
    for _ in range(200):
        deep = {"and": [deep]}
    assert [code for code, _ in codes(use(deep))] == ["too-large"]
    many: Json = use(*[c("membership", "eq", "active")] * (MAX_CONSTRAINTS + 5))
    assert [code for code, _ in codes(many)] == ["too-large"]
    assert [code for code, _ in codes({"permission": [rule("use")] * 100})] == ["too-large"]
    assert [code for code, _ in codes(use(c("role", "isAnyOf", ["x"] * 1001)))] == ["value-count"]
    assert [code for code, _ in codes(use(c("role", "eq", "x" * 3000)))] == ["value-type"]


@pytest.mark.parametrize(
    ("operand", "operator", "value"),
    [
        ("dateTime", "lt", "2027-03-15T09:00:00"),  # no time zone
        ("dateTime", "lt", "2027-03-15"),
        ("dateTime", "lt", "0001-01-01T00:00:00+23:59"),  # before the first year in UTC
        ("retentionDays", "lteq", "NaN"),
        ("retentionDays", "lteq", "1e999999999"),
        ("retentionDays", "lteq", "many"),
        ("party", "eq", "caller"),
        ("party", "isAnyOf", ["listedParties"]),
        ("party", "isPartOf", "did:web:caller.example"),
        ("agreementHeld", "eq", "maybe"),
        ("role", "eq", ""),
        ("role", "eq", "a\nb"),
        ("role", "eq", None),
        ("role", "isAnyOf", []),
        ("role", "isAnyOf", [["recycler"]]),
        ("role", "eq", {"@value": {"@value": "x"}}),
    ],
)
def test_values_of_the_wrong_kind_are_findings(operand: str, operator: str, value: Json) -> None:
    """Each operand has one kind of value."""
    assert codes(use(c(operand, operator, value)))


def test_load_tells_the_first_problem() -> None:
    """Who needs a policy gets one or an error that leads to it."""
    with pytest.raises(BadPolicy, match="not JSON"):
        load(b"{")
    with pytest.raises(BadPolicy, match=r"not in the table. \(1 more\)") as caught:
        load(orjson.dumps(use(c("a", "eq", "b"), c("b", "eq", "c"))))
    assert caught.value.place == "$.permission[0].constraint[0].leftOperand"
    with pytest.raises(BadPolicy) as caught:
        load(orjson.dumps(use(c("accesClass", "eq", "PUB"))))
    assert caught.value.hint.startswith('Did you mean "accessClass"? Known: ')
    assert load(orjson.dumps(use(c("membership", "eq", "active")))).offerable


def test_each_operator_of_the_table_can_be_read() -> None:
    """No row of the table is unusable."""
    samples = {"text": "x", "DID": "did:web:x", "time": "2027-01-01T00:00:00Z", "number": "1", "access class": "PUB"}
    for operand in OPERANDS.values():
        for operator in operand.operators:
            constant = next(iter(operand.constants), "true")
            value = constant if operator is Operator.IS_PART_OF else samples.get(operand.kind, constant)
            action = "audit" if operand.stages == {Stage.AUDIT} else "use"
            assert codes({"permission": [rule(action, c(operand.name, operator, value))]}) == []
