"""What a decision tells its owner, of each kind of constraint, and where no rule decides at all."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from connector.model import Claim, Json
from connector.policy.operands import Stage
from tests.core.policy.policies import CALLER, NOW, c, decide, facts, policy, rule


def test_no_rule_is_told_like_any_decision() -> None:
    """What was asked, where and when, and what was shown in vain."""
    doubted = replace(facts(membership="active"), doubted=("RoleCredential by did:web:x.example: revoked",))
    decision = decide(policy(rule("audit")), doubted, Stage.TRANSFER)
    assert decision.as_json() == {
        "decision": "deny", "reason": "no-rule", "action": "use", "stage": "transfer", "at": NOW.isoformat(),
        "rules": [], "doubted": [*doubted.doubted],
    }  # fmt: skip
    assert decision.failed_operands() == ()


@pytest.mark.parametrize(
    ("constraint", "value", "source"),
    [
        (c("party", "isAnyOf", [CALLER]), CALLER, "token"),
        (c("role", "isAllOf", ["refiner", "trader"]), "refiner, trader", "a, b"),
        (c("membership", "isAnyOf", ["active", "former"]), "active", "a"),
        (c("unitBuyer", "eq", "caller"), CALLER, "unit"),
        (c("accessClass", "eq", "B2B"), "B2B", "unit"),
        (c("recordType", "isAnyOf", ["MakeEvent", "X"]), "MakeEvent, X", "unit"),
        (c("retentionDays", "lteq", "30"), "7", "us"),
        (c("dateTime", "lteq", "2027-03-15T09:00:00Z"), NOW.isoformat(), "clock"),
        (c("onwardSharing", "eq", "none"), "", "contract"),
    ],
)
@pytest.mark.parametrize("kind", ["permission", "prohibition"])
def test_what_held_is_told_with_where_it_came_from(constraint: Json, value: str, source: str, kind: str) -> None:
    """The value that was found, and who said so; in a prohibition as in a permission."""
    told = (
        ("role", "refiner", "a"), ("role", "trader", "b"), ("membership", "active", "a"), ("retentionDays", "7", "us"),
        ("unitBuyer", "did:web:other.example", "unit"), ("unitBuyer", CALLER, "unit"), ("accessClass", "B2B", "unit"),
        ("recordType", "MakeEvent", "unit"), ("recordType", "X", "unit"),
    )  # fmt: skip
    known = facts().with_claims(*(Claim(name=name, value=said, source=by) for name, said, by in told))
    one = rule("use", constraint)
    given = policy(one) if kind == "permission" else policy(rule("use"), prohibition=[one])
    (entry,) = cast("list[dict[str, Json]]", decide(given, known, Stage.DATA).as_json()["rules"])
    if (kind, entry["left"]) == ("prohibition", "recordType"):
        value = "MakeEvent"  # one of them is enough
    assert (entry["value"], entry["source"]) == (value, source)
    assert entry["state"] == ("accepted" if source == "contract" else "satisfied")
