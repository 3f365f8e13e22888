"""Reading policies: what each finding tells, and each bound let through where it lies and refused one beyond."""

from __future__ import annotations

import orjson
import pytest

from connector.errors import BadPolicy
from connector.model import Finding, Json, JsonObject, Place
from connector.policy.reading import (
    MAX_CONSTRAINTS,
    MAX_DEPTH,
    MAX_RULES,
    MAX_TEXT,
    MAX_VALUES,
    load,
    parse_number,
    read,
)
from connector.vocabulary.terms import NAMESPACE
from tests.core.policy.policies import c, rule

MEMBER = c("membership", "eq", "active")
CLASSES = "access class (PUB, LI, AUTH, LI+AUTH, B2B, ORG)"
FINE: JsonObject = {"permission": [rule("use", MEMBER)]}


def codes(document: Json, *, own: bool = False) -> list[tuple[str, str]]:
    """Code and path of each finding."""
    return [(finding.code, finding.place.column) for finding in read(document, own=own)[1]]


def only(document: Json, *, own: bool = False) -> Finding:
    """The one finding."""
    (found,) = read(document, own=own)[1]
    return found


# --- what is told ----------------------------------------------------------------------------------------------------


def test_an_assignee_is_told_with_what_to_write_instead() -> None:
    """Only in a file of our own, and only where there is one."""
    assert codes(FINE, own=True) == []
    assert codes([], own=True) == [("policy-form", "$")]
    found = only({**FINE, "assignee": "did:web:friend.example"}, own=True)
    assert found.place == Place(column="$.assignee", value='"did:web:friend.example"')
    assert found.hint.startswith("Write a constraint")


def test_a_value_is_shown_as_it_was_written_and_not_for_ever() -> None:
    """So that its author finds it; of a long one the beginning."""
    assert only({"permission": [rule("use", c("role", "eq", ["a", "b"]))]}).place.value == '["a","b"]'
    assert only({"permission": [{"action": "x" * 300}]}).place.value == '"' + "x" * 199
    assert only({"permission": [{}]}).place == Place(column="$.permission[0].action", value="")
    assert only(17).place.value == '"int"'
    documents: list[Json] = [{"permission": [17]}, {"permission": [rule("use", 17)]}]
    assert [only(document).place.value for document in documents] == ["17", "17"]
    found = only({"permission": [rule("use", c("role", "gt", "x"))]})
    assert (found.term, found.place.value) == ("role", '"gt"')
    assert only({"permission": [rule("use", c("shoeSize", "eq", "x"))]}).place.value == '"shoeSize"'


def test_a_key_that_is_not_known_is_told_with_those_that_are() -> None:
    """Those that only note something are left out: nobody looks for them."""
    found = only({"permission": [{"action": "use", "k" * 100: 1}]})
    assert found.place.column == f"$.permission[0].{'k' * 80}"
    assert found.hint == "Known here: action, constraint, duty, remedy."


@pytest.mark.parametrize(
    ("action", "operand", "hint"),
    [
        ("audit", "purpose", "It is checked at: negotiation, transfer, data. Nothing is signed at an audit read"),
        ("audit", "contentDigest", "It is checked at: negotiation, transfer, data."),
        ("list", "purpose", "It is checked at: negotiation, transfer, data."),
        ("use", "leadsTo", "It is checked at: audit."),
    ],
)
def test_what_is_never_checked_is_told_with_where_it_is(action: str, operand: str, hint: str) -> None:
    """And of a purpose in an audit what was meant."""
    found = only({"permission": [rule(action, c(operand, "eq", "own"))]})
    assert (found.code, found.term) == ("never-checked", operand)
    assert found.hint.startswith(hint)
    assert ("mandatePurpose" in found.hint) is ("signed" in hint)


@pytest.mark.parametrize(
    ("action", "constraint", "message", "hint"),
    [
        ("use", c("role", "eq", ["a", "b"]), "role eq takes one value.", ""),
        ("use", c("role", "isAnyOf", []), f"role isAnyOf takes 1 to {MAX_VALUES} values.", ""),
        ("use", c("accessClass", "eq", "X"), f"accessClass eq takes: {CLASSES}.", ""),
        ("use", c("retentionDays", "lteq", "X"), "retentionDays lteq takes: number.", ""),
        ("use", c("agreementHeld", "eq", "X"), 'agreementHeld eq takes: "true", "false".', ""),
        ("use", c("unitBuyer", "eq", "X"), 'unitBuyer eq takes: "caller".', ""),
        ("use", c("party", "isPartOf", "X"), 'party isPartOf takes: "listedParties".', ""),
        ("use", c("party", "eq", "X"), "party eq takes: a DID, like did:web:customer.example.", ""),
        ("audit", c("mandateClass", "hasPart", "X"), f'mandateClass hasPart takes: {CLASSES} or "unit".', ""),
        (
            "use",
            c("dateTime", "lt", "X"),
            "dateTime lt takes: a time with its zone, like 2027-03-15T09:00:00Z.",
            "",
        ),
        (
            "audit",
            c("mandateSite", "hasPart", ["unit", "X"]),
            'mandateSite: "unit" stands alone; with a value beside it no mandate would do.',
            "Write two constraints.",
        ),
    ],
)
def test_a_value_that_does_not_fit_is_told_with_what_would(
    action: str, constraint: JsonObject, message: str, hint: str
) -> None:
    """In the words of the operand, with the value as it was written."""
    found = only({"permission": [rule(action, constraint)]})
    assert (found.message, found.hint, found.term) == (message, hint, constraint["leftOperand"])
    assert found.place.value == orjson.dumps(constraint["rightOperand"]).decode()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("accesClass", "accessClass"),
        ("Membership", "membership"),
        ("https://example.org/policy/Membership", "membership"),
        ("odrl:datetime", "dateTime"),
        ("UsagePurpose", "cx-policy:UsagePurpose"),
        ("https://example.org/policy#BusinessPartnerNumber", "cx-policy:BusinessPartnerNumber"),
        ("cx-policy:BusinessPartnerGroup", "cx-policy:BusinessPartnerNumber"),
        ("shoeSize", ""),
        ("", ""),
        (7, ""),
    ],
)
def test_an_operand_of_another_profile_leads_to_ours(written: Json, meant: str) -> None:
    """By its last word, its nearest spelling, or what it is called there; else the table alone is told."""
    hint = only({"permission": [rule("use", {**MEMBER, "leftOperand": written})]}).hint
    assert hint.startswith(f'Did you mean "{meant}"? Known: membership, ' if meant else "Known: membership, ")
    assert hint.endswith("retentionDays.")


def test_unit_is_a_word_like_any_other_where_it_means_nothing() -> None:
    """And where it does, several values without it are several values."""
    assert codes({"permission": [rule("use", c("role", "isAnyOf", ["unit", "x"]))]}) == []
    assert codes({"permission": [rule("audit", c("mandateClass", "hasPart", ["PUB", "B2B"]))]}) == []


def test_what_load_says_names_the_policy_and_counts_the_rest() -> None:
    """One problem has no others beside it."""
    with pytest.raises(BadPolicy, match=r"^The policy is JSON, but|^The policy is not JSON"):
        load(b"{")
    with pytest.raises(BadPolicy) as caught:
        load(orjson.dumps({"permission": [rule("use", c("a", "eq", "b"))]}))
    assert caught.value.detail == "The operand is not in the table."


@pytest.mark.parametrize(
    ("member", "value", "code"),
    [
        ("type", "Nonsense", "policy-type"),
        ("@type", "odrl:Nonsense", "policy-type"),
        ("profile", "x", "unknown-profile"),
        ("profile", [NAMESPACE, "x"], "unknown-profile"),
        ("conflict", "perm", "unknown-conflict"),
        *((name, 7, "policy-form") for name in ("@id", "id", "uid", "target", "assigner", "assignee", "timestamp")),
        ("target", {"@id": 7}, "policy-form"),
        ("target", "x" * (MAX_TEXT + 1), "policy-form"),
    ],
)
def test_what_stands_beside_the_rules_is_read_too(member: str, value: Json, code: str) -> None:
    """It could say something else than was meant."""
    assert codes({**FINE, member: value}) == [(code, f"$.{'@type' if member == 'type' else member}")]


@pytest.mark.parametrize(
    "beside",
    [
        {"@type": "Offer"},
        {"@type": "Agreement"},
        {"@type": {"@id": "http://www.w3.org/ns/odrl/2/Set"}},
        {"type": "odrl:Set"},
        {"profile": NAMESPACE},
        {"profile": NAMESPACE.rstrip("#")},
        {"conflict": "odrl:prohibit"},
        {"target": {"@id": "urn:uuid:1"}},
        {"target": "x" * MAX_TEXT},
        {"obligation": [], "@context": "x", "@id": "x", "id": "x", "uid": "x", "title": "x", "description": "x"},
    ],
)
def test_forms_that_say_the_same_are_taken(beside: JsonObject) -> None:
    """Ours, and those of ODRL."""
    assert codes({**FINE, **beside}) == []


# --- bounds ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "read_as"),
    [
        ("1" * 40, "1" * 40),
        ("1" * 41, None),
        ("1e40", "1E+40"),
        ("1e41", None),
        ("1e-40", "1E-40"),
        ("1e-41", None),
        ("Infinity", None),
        ("-Infinity", None),
    ],
)
def test_numbers_are_of_moderate_length(text: str, read_as: str | None) -> None:
    """Neither by their digits nor by an exponent may one become a text of gigabytes."""
    number = parse_number(text)
    assert (None if number is None else str(number)) == read_as


def nested(depth: int) -> Json:
    """A constraint below so many groups."""
    inner: Json = MEMBER
    for number in range(depth):
        inner = {("and", "or")[number % 2]: [inner]}
    return {"permission": [rule("use", inner)]}


@pytest.mark.parametrize(
    ("fits", "beyond", "code"),
    [
        (nested(MAX_DEPTH), nested(MAX_DEPTH + 1), "too-large"),
        ({"permission": [rule("use")] * MAX_RULES}, {"permission": [rule("use")] * (MAX_RULES + 1)}, "too-large"),
        (
            {"permission": [rule("use")] * 32, "prohibition": [rule("use")] * (MAX_RULES - 32)},
            {"permission": [rule("use")] * 32, "prohibition": [rule("use")] * (MAX_RULES - 31)},
            "too-large",
        ),
        (
            {"permission": [rule("use", *[MEMBER] * MAX_CONSTRAINTS)]},
            {"permission": [rule("use", *[MEMBER] * (MAX_CONSTRAINTS + 1))]},
            "too-large",
        ),
        (
            {"permission": [rule("use", c("role", "isAnyOf", ["x"] * MAX_VALUES))]},
            {"permission": [rule("use", c("role", "isAnyOf", ["x"] * (MAX_VALUES + 1)))]},
            "value-count",
        ),
        (
            {"permission": [rule("use", c("role", "eq", "x" * MAX_TEXT))]},
            {"permission": [rule("use", c("role", "eq", "x" * (MAX_TEXT + 1)))]},
            "value-type",
        ),
    ],
    ids=["depth", "permissions", "both kinds of rules", "constraints", "values", "text"],
)
def test_each_bound_is_let_through(fits: Json, beyond: Json, code: str) -> None:
    """And what lies one beyond it is refused, once."""
    assert codes(fits) == []
    assert [found for found, _ in codes(beyond)] == [code]


# --- rules and constraints in the forms of JSON-LD -------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    [
        {"action": ["use"], "constraint": [MEMBER]},
        {"action": {"@id": "odrl:use"}, "constraint": MEMBER},
        {"action": f"{NAMESPACE}use", "constraint": [{**MEMBER, "comment": "x"}], "duty": [], "remedy": None},
        {"action": "use", "constraint": [c("membership", "eq", ["active"])]},
        {"action": "use", "constraint": [c("membership", "eq", {"@value": "active"})]},
        {"action": "use", "constraint": [c("membership", "eq", {"@id": "active"})]},
        {"action": "use", "constraint": [{**MEMBER, "leftOperand": {"@id": f"{NAMESPACE}membership"}}]},
        {"action": "use", "constraint": [{**MEMBER, "operator": {"@id": "http://www.w3.org/ns/odrl/2/eq"}}]},
    ],
)
def test_one_rule_in_many_forms(written: JsonObject) -> None:
    """All of them are the same rule."""
    assert read({"permission": [written]}) == read(FINE)


@pytest.mark.parametrize(("written", "text"), [(True, "true"), (False, "false"), ("true", "true")])
def test_a_truth_value_is_its_text(written: Json, text: str) -> None:
    """As JSON writes it."""
    found = read({"permission": [rule("use", c("agreementHeld", "eq", written))]})
    assert found == read({"permission": [rule("use", c("agreementHeld", "eq", text))]})
    assert found[0] is not None


RULE, FIRST = "$.permission[0]", "$.permission[0].constraint[0]"


@pytest.mark.parametrize(
    ("written", "code", "path"),
    [
        (17, "policy-form", RULE),
        ({}, "unknown-action", f"{RULE}.action"),
        ({"action": []}, "unknown-action", f"{RULE}.action"),
        ({"action": ["use", "list"]}, "unknown-action", f"{RULE}.action"),
        ({"action": "use", "remedy": {"action": "pay"}}, "obligation-unsupported", f"{RULE}.remedy"),
        ({"action": "use", "constraint": [17]}, "policy-form", FIRST),
        (rule("use", {"or": [MEMBER], "leftOperand": "role"}), "unknown-key", f"{FIRST}.leftOperand"),
        (rule("use", {"and": [17]}), "policy-form", f"{FIRST}.and[0]"),
        (rule("use", {"leftOperand": 7}), "unknown-operand", f"{FIRST}.leftOperand"),
        (rule("use", {"leftOperand": ["role"]}), "unknown-operand", f"{FIRST}.leftOperand"),
        (rule("sell", MEMBER), "unknown-action", f"{RULE}.action"),
        (rule("use", {**MEMBER, "operator": None}), "operator-not-allowed", f"{FIRST}.operator"),
        (rule("audit", c("contentDigest", "eq", "x")), "never-checked", f"{FIRST}.leftOperand"),
        (rule("use", c("leadsTo", "eq", "own")), "never-checked", f"{FIRST}.leftOperand"),
        (rule("list", c("unitBuyer", "eq", "caller")), "never-checked", f"{FIRST}.leftOperand"),
    ],
)
def test_what_cannot_be_read_is_told_where_it_stands(written: Json, code: str, path: str) -> None:
    """In a prohibition as in a permission: a rule that is skipped is a rule that is broken."""
    assert codes({"permission": [written]}) == [(code, path)]
    forbidden = path.replace("permission", "prohibition")
    assert codes({**FINE, "prohibition": [written]}) == [(code, forbidden)]
