"""No constraint of a policy lets everybody through because nobody looks at it."""

from __future__ import annotations

import pytest

from connector.policy.odrl import ACTION_AT
from connector.policy.operands import OPERANDS, Enforced, Operand, Operator, Stage, ValueKind
from connector.policy.reading import read
from tests.core.policy.policies import c, decide, facts, policy, rule, states


def test_one_value_of_the_unit_is_enough_for_a_prohibition() -> None:
    """A permission asks that each of them fits; what is forbidden can't be had in company."""
    given = policy(rule("use"), prohibition=[rule("use", c("accessClass", "eq", "ORG"))])
    assert not decide(given, facts(accessClass=["PUB", "ORG"]), Stage.DATA).permit
    assert decide(given, facts(accessClass=["PUB", "B2B"]), Stage.DATA).permit
    only = policy(rule("use", c("accessClass", "eq", "PUB")))
    assert not decide(only, facts(accessClass=["PUB", "ORG"]), Stage.DATA).permit


SOME_VALUE = {
    "DID": "did:web:other.example", "time": "2020-01-01T00:00:00Z", "number": "1", "true, false": "true",
    "access class": "PUB", "text": "something",
}  # fmt: skip


@pytest.mark.parametrize("action", ["list", "use", "audit"])
@pytest.mark.parametrize("operand", OPERANDS.values(), ids=OPERANDS.keys())
def test_no_constraint_is_passed_over(operand: Operand, action: str) -> None:
    """Each one that a policy may hold keeps strangers out somewhere, or they sign it; all others are refused."""
    operator = Operator.LT if operand.name == "dateTime" else operand.operators[0]
    right = next(iter(operand.constants)) if operand.kind is ValueKind.NONE else SOME_VALUE[operand.kind.value]
    found, findings = read({"permission": [rule(action, c(operand.name, operator, right))]})
    stages = [stage for stage, decided in ACTION_AT.items() if decided == action]
    if found is None:
        assert [finding.code for finding in findings] == ["never-checked"]
        assert not operand.stages.intersection(stages)
        return
    decisions = [decide(found, facts(), stage) for stage in stages]
    signed = any("accepted" in states(decision) for decision in decisions)
    assert signed == (operand.enforced is Enforced.CONTRACTUAL)
    assert signed or not all(decision.permit for decision in decisions)
