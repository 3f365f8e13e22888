"""Shorthand for the tests of this folder: policies and facts in one line each."""

from __future__ import annotations

from datetime import UTC, datetime

from connector.model import Claim, Did, Facts, Json, JsonObject
from connector.policy.evaluate import Decision, compile_policy, evaluate
from connector.policy.odrl import Policy
from connector.policy.operands import Stage
from connector.policy.reading import read

NOW = datetime(2027, 3, 15, 9, tzinfo=UTC)
CALLER = Did("did:web:caller.example")


def c(left: str, operator: str, right: Json) -> JsonObject:
    """A constraint."""
    return {"leftOperand": left, "operator": operator, "rightOperand": right}


def rule(action: str, *constraints: Json) -> JsonObject:
    """A rule."""
    return {"action": action, "constraint": list(constraints)}


def policy(*permissions: Json, prohibition: Json = None) -> Policy:
    """A policy that has to be good."""
    document: JsonObject = {"permission": list(permissions)}
    if prohibition is not None:
        document["prohibition"] = prohibition
    found, findings = read(document)
    assert found is not None, findings
    return found


def facts(party: str = CALLER, /, **claims: str | list[str]) -> Facts:
    """Facts of a caller."""
    values = {name: [value] if isinstance(value, str) else value for name, value in claims.items()}
    return Facts(
        party=Did(party),
        claims=tuple(Claim(name=name, value=item, source="test") for name, items in values.items() for item in items),
    )


def decide(given: Policy, known: Facts, stage: Stage = Stage.NEGOTIATION, now: datetime = NOW) -> Decision:
    """The decision."""
    return evaluate(compile_policy(given), known, now, stage=stage)


def states(decision: Decision) -> list[str]:
    """The states in the order of the report."""
    return [state.value for state, _, _ in decision.verdicts]
