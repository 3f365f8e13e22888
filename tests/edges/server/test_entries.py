"""How a denial is told to its owner: which rule, what was found, what it asks; nothing that did not count."""

from __future__ import annotations

import pytest

from connector.model import Facts, Json
from connector.policy.odrl import Policy
from connector.server.entries import because, policy_in_words
from tests.core.policy.policies import c, decide, facts, policy, rule

MEMBER = c("membership", "eq", "active")
BY_ROLE = policy(rule("use", MEMBER), prohibition=[rule("use", c("role", "isAnyOf", ["trader", "miner"]))])


@pytest.mark.parametrize(
    ("given", "known", "told"),
    [
        (BY_ROLE, facts(membership="active", role="trader"), "prohibition[0] forbids it: role is trader"),
        (BY_ROLE, facts(membership="active"), "prohibition[0] forbids it: role is not known"),
        (BY_ROLE, facts(role="recycler"), "permission[0]: membership is not known, asked: active"),
        (policy(rule("audit", MEMBER)), facts(), "no rule permits this"),
        (
            policy(rule("use"), prohibition=[rule("use")]),
            facts(), "a prohibition without a constraint forbids it to everybody",
        ),
        (
            policy(
                rule("use", MEMBER, c("dateTime", "lteq", "2026-06-30T00:00:00Z")),
                rule("use", c("party", "isNoneOf", ["did:web:caller.example"])),
            ),
            facts(),
            (
                "permission[0]: membership is not known, asked: active; dateTime is 2027-03-15T09:00:00+00:00, "
                "asked: up to 2026-06-30T00:00:00Z, or else permission[1]: party is did:web:caller.example, "
                "asked: none of did:web:caller.example"
            ),
        ),
        (
            policy(
                rule("use", {"or": [c("role", "eq", "miner"), {"and": [MEMBER, c("mandate", "eq", "active")]}]}, MEMBER)
            ),
            facts(role="trader"),
            (
                "permission[0]: one of: (role is trader, asked: miner) or (membership is not known, asked: active; "
                "mandate is not known, asked: active); membership is not known, asked: active"
            ),
        ),
        (
            policy(rule("use"), prohibition=[rule("use", {"or": [MEMBER, c("role", "eq", "trader")]})]),
            facts(role="trader", membership="suspended"), "prohibition[0] forbids it: role is trader",
        ),
    ],
)  # fmt: skip
def test_a_denial_says_which_rule_and_why(given: Policy, known: Facts, told: str) -> None:
    """Also by a prohibition, whose constraint holds; of one that does not apply, nothing."""
    decision = decide(given, known).as_json()
    assert because(decision) == told
    entry: dict[str, Json] = {"body": {"decision": decision}}
    assert policy_in_words(entry) == f"deny: {told}"


def test_a_permission_needs_no_reason() -> None:
    """Nothing was refused."""
    decision = decide(BY_ROLE, facts(membership="active", role="recycler")).as_json()
    assert (because(decision), policy_in_words({"body": {"decision": decision}})) == ("", "permit")
