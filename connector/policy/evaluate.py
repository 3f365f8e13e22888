"""Deciding by a policy: compiled once, evaluated against facts, with a reason for every constraint.

Deny by default: no permission, an unknown fact, a fact of the wrong type each mean no. Prohibitions first. Facts come
verified; the time is an argument; nothing here raises for what a policy or a fact says. After the idea of the ODRL
Formal Semantics draft: policy, request and state of the world in, a report out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeAlias

from connector.model import Claim, Facts, Json, JsonObject
from connector.policy.comparisons import Known, State, Verdict, comparison
from connector.policy.odrl import Action, Constraint, Effect, Policy, Rule, Term
from connector.policy.operands import LIST_OPERATORS, OPERANDS, Stage

ACTION_AT: Final[Mapping[Stage, Action]] = MappingProxyType(
    {
        Stage.CATALOGUE: Action.LIST,
        Stage.NEGOTIATION: Action.USE,
        Stage.TRANSFER: Action.USE,
        Stage.DATA: Action.USE,
        Stage.AUDIT: Action.AUDIT,
    }
)
"""What is decided at a stage."""


class Reason(StrEnum):
    """Why a decision is what it is."""

    PERMITTED = "permitted"
    NO_RULE = "no-rule"
    PROHIBITED = "prohibited"
    NOT_PERMITTED = "not-permitted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A constraint's place in its policy, for the report."""

    path: str
    rule: int
    constraint: Constraint


@dataclass(frozen=True, slots=True)
class Decision:
    """Yes or no, with what became of each constraint. `blamed`: the rules (by number) that said no."""

    permit: bool
    reason: Reason
    action: Action
    stage: Stage
    checks: tuple[Check, ...]
    verdicts: tuple[Verdict, ...]
    blamed: frozenset[int]

    def as_json(self) -> JsonObject:
        """The owner's whole reason (`policy explain --json`)."""
        rules: list[Json] = [_entry(check, verdict) for check, verdict in zip(self.checks, self.verdicts, strict=True)]
        return {
            "decision": "permit" if self.permit else "deny",
            "reason": self.reason.value,
            "action": self.action.value,
            "stage": self.stage.value,
            "rules": rules,
        }

    def for_peer(self) -> JsonObject:
        """What the asker is told: the operands that failed, no values, not even the policy's."""
        failed: list[Json] = [*self.failed_operands()]
        return {"decision": "permit" if self.permit else "deny", "failed": failed}

    def failed_operands(self) -> tuple[str, ...]:
        """Names of the operands that made it a no, in the policy's order."""
        if self.permit:
            return ()
        bad = _APPLIES if self.reason is Reason.PROHIBITED else _FAILS
        names = (
            check.constraint.left
            for check, verdict in zip(self.checks, self.verdicts, strict=True)
            if check.rule in self.blamed and verdict[0] in bad
        )
        return tuple(dict.fromkeys(names))


_Node: TypeAlias = Callable[[Known, list[Verdict]], State]
_Ranks: TypeAlias = dict[State, int]

_FAILS: Final = frozenset({State.NOT_SATISFIED, State.UNKNOWN})
_APPLIES: Final = frozenset({State.SATISFIED, State.UNKNOWN})

# From "does not hold" to "holds"; `and` takes the lowest, `or` the highest. What is open differs: an unknown fact
# denies a permission, while a prohibition that also waits for a later stage, or for a promise, does not apply yet.
_RANKS: Final[dict[Effect, _Ranks]] = {
    "permission": {
        State.NOT_SATISFIED: 0,
        State.UNKNOWN: 1,
        State.NOT_CHECKED_HERE: 2,
        State.ACCEPTED: 3,
        State.SATISFIED: 4,
    },
    "prohibition": {
        State.NOT_SATISFIED: 0,
        State.NOT_CHECKED_HERE: 1,
        State.ACCEPTED: 2,
        State.UNKNOWN: 3,
        State.SATISFIED: 4,
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Programme:
    """The rules that count for one action at one stage; verdicts come in the order of `checks`."""

    prohibitions: tuple[tuple[int, _Node], ...]
    permissions: tuple[tuple[int, _Node], ...]
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """A policy ready for decisions. Immutable; keep it as long as the policy stands."""

    policy: Policy
    programmes: Mapping[tuple[Action, Stage], _Programme]


def compile_policy(policy: Policy) -> Compiled:
    """Compile all stages of a policy."""
    programmes = {
        (action, stage): _programme(policy, _action_for(policy, action), stage) for stage, action in ACTION_AT.items()
    }
    return Compiled(policy=policy, programmes=MappingProxyType(programmes))


def evaluate(
    compiled: Compiled, facts: Facts, now: datetime, *, stage: Stage, action: Action | None = None
) -> Decision:
    """Decide. `action` is the stage's own unless said; one that does not belong to the stage is denied."""
    asked = ACTION_AT[stage] if action is None else action
    programme = compiled.programmes.get((asked, stage))
    if programme is None or not programme.permissions:
        return Decision(False, Reason.NO_RULE, asked, stage, (), (), frozenset())
    known = _known(facts, now)
    report: list[Verdict] = []
    forbidding = [rule for rule, node in programme.prohibitions if node(known, report) in _APPLIES]
    failing: list[int] = []
    permitted = False
    for rule, node in programme.permissions:
        if node(known, report) in _FAILS:
            failing.append(rule)
        else:
            permitted = True
    if forbidding:
        reason, blamed = Reason.PROHIBITED, frozenset(forbidding)
    elif permitted:
        reason, blamed = Reason.PERMITTED, _NOBODY
    else:
        reason, blamed = Reason.NOT_PERMITTED, frozenset(failing)
    return Decision(reason is Reason.PERMITTED, reason, asked, stage, programme.checks, tuple(report), blamed)


_NOBODY: Final[frozenset[int]] = frozenset()


def _known(facts: Facts, now: datetime) -> Known:
    claims: dict[str, list[Claim]] = {}
    odd: set[str] = set()
    for claim in facts.claims:
        if type(claim.value) is not str or type(claim.name) is not str:
            odd.add(str(claim.name))
        elif claim.name in claims:
            claims[claim.name].append(claim)
        else:
            claims[claim.name] = [claim]
    return Known(facts.party, now, claims, frozenset(odd) if odd else _NONE_ODD)


_NONE_ODD: Final[frozenset[str]] = frozenset()


def _action_for(policy: Policy, action: Action) -> Action:
    """Who may use an offer sees it, unless rules of their own say who sees it."""
    if action is Action.LIST and not any(rule.action is Action.LIST for rule in policy.rules):
        return Action.USE
    return action


def _programme(policy: Policy, action: Action, stage: Stage) -> _Programme:
    chosen: dict[Effect, list[tuple[int, _Node]]] = {"prohibition": [], "permission": []}
    checks: list[Check] = []
    positions = list(_positions(policy))
    for effect, nodes in chosen.items():
        for number, path, rule in positions:
            if rule.effect == effect and rule.action is action:
                ranks = _RANKS[effect]
                compiler = _RuleCompiler(rule=number, stage=stage, ranks=ranks, checks=checks)
                nodes.append((number, _all(compiler.nodes(rule.constraints, f"{path}.constraint"), ranks)))
    return _Programme(
        prohibitions=tuple(chosen["prohibition"]), permissions=tuple(chosen["permission"]), checks=tuple(checks)
    )


def _positions(policy: Policy) -> Iterator[tuple[int, str, Rule]]:
    """Each rule with its number and its path in the document."""
    counts: dict[Effect, int] = {"permission": 0, "prohibition": 0}
    for number, rule in enumerate(policy.rules):
        yield number, f"{rule.effect}[{counts[rule.effect]}]", rule
        counts[rule.effect] += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _RuleCompiler:
    """Turns one rule into nodes and notes its constraints, in the order in which they will be evaluated."""

    rule: int
    stage: Stage
    ranks: _Ranks
    checks: list[Check]

    def nodes(self, terms: tuple[Term, ...], path: str) -> tuple[_Node, ...]:
        result: list[_Node] = []
        for index, term in enumerate(terms):
            here = f"{path}[{index}]"
            if isinstance(term, Constraint):
                self.checks.append(Check(path=here, rule=self.rule, constraint=term))
                result.append(_leaf(term, self.stage))
            else:
                parts = self.nodes(term.parts, f"{here}.{term.kind}")
                result.append(_all(parts, self.ranks) if term.kind == "and" else _one(parts, self.ranks))
        return tuple(result)


def _leaf(constraint: Constraint, stage: Stage) -> _Node:
    compare = comparison(constraint, OPERANDS[constraint.left], stage)

    def run(known: Known, report: list[Verdict]) -> State:
        verdict = compare(known)
        report.append(verdict)
        return verdict[0]

    return run


def _all(nodes: tuple[_Node, ...], ranks: _Ranks) -> _Node:
    """The lowest of all; each node runs, so that the report is whole."""

    def run(known: Known, report: list[Verdict]) -> State:
        lowest = State.SATISFIED
        for node in nodes:
            state = node(known, report)
            if state is not lowest and ranks[state] < ranks[lowest]:
                lowest = state
        return lowest

    return run


def _one(nodes: tuple[_Node, ...], ranks: _Ranks) -> _Node:
    """The highest of all."""

    def run(known: Known, report: list[Verdict]) -> State:
        highest = State.NOT_SATISFIED
        for node in nodes:
            state = node(known, report)
            if state is not highest and ranks[state] > ranks[highest]:
                highest = state
        return highest

    return run


def _entry(check: Check, verdict: Verdict) -> JsonObject:
    constraint = check.constraint
    several: list[Json] = [*constraint.right]
    return {
        "constraint": check.path,
        "left": constraint.left,
        "operator": constraint.operator.value,
        "right": several if constraint.operator in LIST_OPERATORS else constraint.right[0],
        "value": verdict[1],
        "state": verdict[0].value,
        "source": verdict[2],
    }
