"""Whom a denial blames: a rule that said no, and of its groups what made it so; never what stands beside."""

from __future__ import annotations

import pytest

from connector.model import Facts, Json
from connector.policy.blame import culprits
from connector.policy.evaluate import Decision, Reason
from connector.policy.operands import Stage
from tests.core.policy.policies import c, decide, facts, policy, rule

MEMBER = c("membership", "eq", "active")
TRADER = c("role", "eq", "trader")
MAKER = c("role", "eq", "cellMaker")
GOOD = c("party", "eq", "did:web:good.example")


def blamed(decision: Decision) -> tuple[str, ...]:
    """From what is kept of a decision."""
    kept = decision.as_json()
    rules = kept["rules"]
    assert isinstance(rules, list)
    checked = [(str(one["constraint"]), str(one["state"])) for one in rules if isinstance(one, dict)]
    return culprits(checked, prohibited=kept["reason"] == Reason.PROHIBITED)


def test_a_group_that_holds_is_not_to_blame() -> None:
    """One word of the `or` was enough: nobody has to show the other."""
    given = policy(rule("use", MEMBER, {"or": [MAKER, TRADER]}))
    decision = decide(given, facts(role="trader"))
    assert decision.failed_operands() == ("membership",)
    assert blamed(decision) == ("permission[0].constraint[0]",)


def test_a_prohibition_that_did_not_apply_is_not_to_blame() -> None:
    """Nor is one constraint of it that holds, while another does not."""
    forbids: Json = [
        rule("use", TRADER),
        rule("use", c("role", "eq", "miner"), c("party", "neq", "did:web:good.example")),
    ]
    given = policy(rule("use", MEMBER), prohibition=forbids)
    decision = decide(given, facts(role="cellMaker"))
    assert decision.reason is Reason.NOT_PERMITTED
    assert blamed(decision) == ("permission[0].constraint[0]",)


NESTED: Json = {"or": [{"and": [TRADER, MEMBER]}, c("party", "eq", "did:web:rival.example")]}


@pytest.mark.parametrize(
    ("known", "told"),
    [
        (facts(role="trader", membership="active"), ("or[0].and[0]", "or[0].and[1]")),
        (facts("did:web:rival.example", role="cellMaker", membership="active"), ("or[1]",)),
        (facts(), ("or[0].and[0]", "or[0].and[1]")),
    ],
)
def test_of_a_prohibition_only_what_applies_is_told(known: Facts, told: tuple[str, ...]) -> None:
    """In a group that forbids, `or` needs one and `and` all; what is not known applies as well."""
    decision = decide(policy(rule("use"), prohibition=[rule("use", NESTED)]), known)
    assert decision.reason is Reason.PROHIBITED
    assert blamed(decision) == tuple(f"prohibition[0].constraint[0].{one}" for one in told)


def test_of_a_permission_the_whole_or_is_told_and_of_an_and_what_failed() -> None:
    """Every way in that was open, with what it lacks."""
    given = policy(rule("use", {"or": [{"and": [MEMBER, MAKER]}, GOOD]}), rule("use", TRADER))
    decision = decide(given, facts(membership="active"), Stage.NEGOTIATION)
    assert blamed(decision) == (
        "permission[0].constraint[0].or[0].and[1]",
        "permission[0].constraint[0].or[1]",
        "permission[1].constraint[0]",
    )
    assert decision.failed_operands() == ("role", "party")


def test_what_forbids_everybody_has_nothing_to_blame() -> None:
    """A prohibition without a constraint; and who is permitted is blamed for nothing."""
    assert blamed(decide(policy(rule("use", MEMBER), prohibition=[rule("use")]), facts())) == ()
    either = policy(rule("use", MEMBER), rule("use", MAKER))
    assert decide(either, facts(membership="active")).failed_operands() == ()
