"""Pins: which permissions are bound to a content, in whatever form they are written."""

from __future__ import annotations

import pytest

from connector.model import Json, JsonObject
from connector.policy.operands import Stage
from connector.policy.pinning import by_unit, pinned, pins_of
from connector.policy.reading import read
from connector.vocabulary.terms import NAMESPACE
from tests.core.policy.policies import c, decide, facts, rule

MEMBER = c("membership", "eq", "active")
ODRL_USE = "http://www.w3.org/ns/odrl/2/use"
NOW, BEFORE = "uEiNow", "uEiBefore"


@pytest.mark.parametrize(
    "action", ["use", "odrl:use", ODRL_USE, f"{NAMESPACE}use", ["use"], {"@id": ODRL_USE}, [{"@id": "odrl:use"}]]
)
@pytest.mark.parametrize("constraints", [None, [], MEMBER, [MEMBER], {"or": [MEMBER]}])
def test_each_permission_of_use_is_bound(action: Json, constraints: Json) -> None:
    """However its action is written: one that is passed over would give what comes after the content as well."""
    document: JsonObject = {"permission": {"action": action, "constraint": constraints}}
    bound, findings = read(pinned(document, NOW))
    assert bound is not None, findings
    assert pins_of(pinned(document, NOW)) == (NOW,)
    for digest, permitted in ((NOW, True), (BEFORE, False), ([], False)):
        known = facts(membership="active", contentDigest=digest)
        assert decide(bound, known).permit is permitted


@pytest.mark.parametrize("left", ["contentDigest", f"{NAMESPACE}contentDigest", {"@id": f"{NAMESPACE}contentDigest"}])
def test_a_pin_takes_the_place_of_the_one_before(left: Json) -> None:
    """Else nobody would get anything; what else is asked stays."""
    document: JsonObject = {"permission": [rule("use", {**c("x", "eq", BEFORE), "leftOperand": left}, MEMBER)]}
    assert pins_of(document) == (BEFORE,)
    after = pinned(document, NOW)
    assert pins_of(after) == (NOW,)
    bound, findings = read(after)
    assert bound is not None, findings
    assert decide(bound, facts(membership="active", contentDigest=NOW)).permit
    assert decide(bound, facts(contentDigest=NOW)).failed_operands() == ("membership",)


def test_other_rules_stay_as_they_are() -> None:
    """Who sees an offer and who audits is asked without a content, where a pin would be a finding."""
    document: JsonObject = {
        "title": "ours",
        "permission": [rule("list", MEMBER), rule("use"), rule("audit", MEMBER)],
        "prohibition": [rule("use", c("role", "eq", "trader"))],
    }
    after = pinned(document, NOW)
    assert {**after, "permission": []} == {**document, "permission": []}
    bound, findings = read(after)
    assert bound is not None, findings
    assert decide(bound, facts(membership="active"), Stage.CATALOGUE).permit
    assert decide(bound, facts(membership="active"), Stage.AUDIT).permit


def test_what_is_no_rule_stays_for_the_reader() -> None:
    """Who says what is wrong with it."""
    odd: JsonObject = {"permission": [17, {"action": "use", "constraint": [17]}]}
    assert [finding.place.column for finding in read(pinned(odd, NOW))[1]] == [
        "$.permission[0]", "$.permission[1].constraint[0]",
    ]  # fmt: skip


def test_pins_are_told_once_each_and_of_use_alone() -> None:
    """Of groups too; of terms that cannot be read none."""
    first, second = c("contentDigest", "eq", "uEiA"), c("contentDigest", "eq", "uEiB")
    permissions: list[Json] = [rule("use", first), rule("use", {"or": [second, {"and": [first]}]})]
    assert pins_of({"permission": permissions}) == ("uEiA", "uEiB")
    assert pins_of({"permission": [*permissions, {"action": "sell"}]}) == ()
    assert pins_of({"permission": [rule("use", MEMBER)]}) == ()


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        (c("unitBuyer", "eq", "caller"), True),
        ({"or": [MEMBER, c("accessClass", "eq", "PUB")]}, True),
        (MEMBER, False),
        (c("contentDigest", "eq", "uEiA"), False),
    ],
)
def test_terms_may_give_some_units_and_not_others(constraint: Json, expected: bool) -> None:
    """By what is known of a unit alone; what an audit asks of it gives nobody a unit by contract."""
    assert by_unit({"permission": [rule("use", constraint)]}) is expected
    assert not by_unit({"permission": [rule("use"), rule("audit", c("accessClass", "eq", "PUB"))]})
