"""Deciding by a policy: compiled once, evaluated against facts, with a reason for every constraint.

Deny by default: no permission, an unknown fact, a fact of the wrong type each mean no. Prohibitions first. Facts come
verified; the time is an argument; nothing here raises for what a policy or a fact says. After the idea of the ODRL
Formal Semantics draft: policy, request and state of the world in, a report out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

from connector.model import Claim, Facts, Json, JsonObject
from connector.policy.blame import APPLIES, FAILS, culprits
from connector.policy.comparisons import Comparison, Known, State, Verdict, comparison
from connector.policy.odrl import ACTION_AT, Action, Constraint, Effect, Policy, Term, operand_told
from connector.policy.operands import LIST_OPERATORS, MANDATE, OF_A_MANDATE, OPERANDS, Stage


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
    constraint: Constraint


class Decision(NamedTuple):
    """Yes or no, with what became of each constraint. `doubted`: what the party showed in vain (`model.Facts`).

    A named tuple, because a frozen dataclass takes longer to make than the decision.
    """

    permit: bool
    reason: Reason
    action: Action
    stage: Stage
    checks: tuple[Check, ...]
    verdicts: tuple[Verdict, ...]
    at: datetime
    doubted: tuple[str, ...] = ()

    def as_json(self) -> JsonObject:
        """The owner's whole reason (`policy explain --json`)."""
        pairs = zip(self.checks, self.verdicts, strict=True)
        rules: list[Json] = [_entry(check, verdict, self.at) for check, verdict in pairs]
        return {
            "decision": "permit" if self.permit else "deny",
            "reason": self.reason.value,
            "action": self.action.value,
            "stage": self.stage.value,
            "at": self.at.isoformat(),
            "rules": rules,
            **({"doubted": [*self.doubted]} if self.doubted else {}),
        }

    def for_peer(self) -> JsonObject:
        """What the asker is told: the operands that failed, as offers name them, no values, not even the policy's."""
        failed: list[Json] = [*dict.fromkeys(map(operand_told, self.failed_operands()))]
        return {"decision": "permit" if self.permit else "deny", "failed": failed}

    def failed_operands(self) -> tuple[str, ...]:
        """Names of the operands that made it a no, in the policy's order."""
        guilty = self._guilty()
        return tuple(dict.fromkeys(check.constraint.left for check in self.checks if check.path in guilty))

    def why(self) -> JsonObject:
        """The owner's reason without what did not count, for where many are told."""
        guilty = self._guilty()
        pairs = zip(self.checks, self.verdicts, strict=True)
        rules: list[Json] = [_entry(check, verdict, self.at) for check, verdict in pairs if check.path in guilty]
        return {**self.as_json(), "rules": rules}

    def _guilty(self) -> frozenset[str]:
        if self.permit:
            return frozenset()
        checked = ((check.path, verdict[0]) for check, verdict in zip(self.checks, self.verdicts, strict=True))
        return frozenset(culprits(checked, prohibited=self.reason is Reason.PROHIBITED))


_Node: TypeAlias = Callable[[Known, list[Verdict]], bool]
"""Whether a rule, or a part of it, holds; what became of its constraints goes into the list."""

_PERMITTED: Final = Reason.PERMITTED  # looking a member up in its enum is slow
_NONE_ODD: Final[frozenset[str]] = frozenset()

# What is open differs: an unknown fact denies a permission, while a prohibition that also waits for a later stage, or
# for a promise, does not apply yet.
_HOLDS: Final[Mapping[Effect, frozenset[State]]] = MappingProxyType(
    {"permission": frozenset(State) - FAILS, "prohibition": APPLIES}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Programme:
    """The rules that count for one action at one stage; verdicts come in the order of `checks`."""

    action: Action
    prohibitions: tuple[_Node, ...]
    permissions: tuple[_Node, ...]
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """A policy ready for decisions. Immutable; keep it as long as the policy stands."""

    policy: Policy
    programmes: Mapping[Stage, _Programme]
    operands: frozenset[str]
    """What it speaks of, at any stage."""


def compile_policy(policy: Policy) -> Compiled:
    """Compile all stages of a policy."""
    programmes = {stage: _programme(policy, action, stage) for stage, action in ACTION_AT.items()}
    spoken = frozenset(check.constraint.left for one in programmes.values() for check in one.checks)
    return Compiled(policy=policy, programmes=programmes, operands=spoken)


def evaluate(compiled: Compiled, facts: Facts, now: datetime, *, stage: Stage) -> Decision:
    """Decide on the action that belongs to the stage.

    Who shows several mandates acts under one of them: it is decided under each alone, and any one is enough. Else the
    chain of one and the access classes of another would make a third that nobody gave.
    """
    programme = compiled.programmes[stage]
    if not programme.permissions:
        return Decision(False, Reason.NO_RULE, programme.action, stage, (), (), now, facts.doubted)
    known = _known(facts, now)
    mandates = known.claims.get(MANDATE, ())
    if len(mandates) > 1 and not compiled.operands.isdisjoint(OF_A_MANDATE):
        under = [
            _decide(programme, _under(known, source), stage, facts)
            for source in dict.fromkeys(claim.source for claim in mandates)
        ]
        return min(under, key=lambda one: (not one.permit, len(one.failed_operands())))
    return _decide(programme, known, stage, facts)


def _decide(programme: _Programme, known: Known, stage: Stage, facts: Facts) -> Decision:
    report: list[Verdict] = []
    forbidden = True in [node(known, report) for node in programme.prohibitions]  # each runs, the report is whole
    permitted = True in [node(known, report) for node in programme.permissions]
    reason = Reason.PROHIBITED if forbidden else _PERMITTED if permitted else Reason.NOT_PERMITTED
    return Decision(
        reason is _PERMITTED, reason, programme.action, stage, programme.checks, tuple(report), known.now,
        facts.doubted,
    )  # fmt: skip


def _under(known: Known, mandate: str) -> Known:
    """The same facts with those of one mandate alone."""
    claims = {
        name: held
        for name, every in known.claims.items()
        if (held := every if name not in OF_A_MANDATE else [claim for claim in every if claim.source == mandate])
    }
    return replace(known, claims=claims)


def _known(facts: Facts, now: datetime) -> Known:
    claims: dict[str, list[Claim]] = {}
    odd = _NONE_ODD
    for claim in facts.claims:
        name = claim.name
        if claim.value.__class__ is not str:
            odd |= {name}
        elif name in claims:
            claims[name].append(claim)
        else:
            claims[name] = [claim]
    return Known(facts.party, now, claims, odd)


def _counting_action(policy: Policy, action: Action) -> Action:
    """Who may use an offer sees it, unless rules of their own say who sees it."""
    if action is Action.LIST and not any(rule.action is Action.LIST for rule in policy.rules):
        return Action.USE
    return action


def _programme(policy: Policy, action: Action, stage: Stage) -> _Programme:
    counting = _counting_action(policy, action)
    chosen: dict[Effect, list[_Node]] = {"prohibition": [], "permission": []}
    checks: list[Check] = []
    for effect, nodes in chosen.items():
        for path, rule in policy.named():
            if rule.effect == effect and rule.action is counting:
                forbids = effect == "prohibition"
                compiler = _RuleCompiler(stage=stage, forbids=forbids, checks=checks)
                nodes.append(compiler.all_of(rule.constraints, f"{path}.constraint"))
    return _Programme(
        action=action,
        prohibitions=tuple(chosen["prohibition"]),
        permissions=tuple(chosen["permission"]),
        checks=tuple(checks),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _RuleCompiler:
    """Turns one rule into nodes and notes its constraints, in the order in which they will be evaluated."""

    stage: Stage
    forbids: bool
    checks: list[Check]

    @property
    def holds(self) -> frozenset[State]:
        return _HOLDS["prohibition" if self.forbids else "permission"]

    def all_of(self, terms: tuple[Term, ...], path: str) -> _Node:
        atoms = [term for term in terms if isinstance(term, Constraint)]
        if len(atoms) == len(terms):
            return _flat(tuple(self.atom(term, f"{path}[{index}]") for index, term in enumerate(atoms)), self.holds)
        return _all(self.nodes(terms, path))

    def nodes(self, terms: tuple[Term, ...], path: str) -> tuple[_Node, ...]:
        result: list[_Node] = []
        for index, term in enumerate(terms):
            here = f"{path}[{index}]"
            if isinstance(term, Constraint):
                result.append(_flat((self.atom(term, here),), self.holds))
            elif term.kind == "and":
                result.append(self.all_of(term.parts, f"{here}.and"))
            else:
                result.append(_any(self.nodes(term.parts, f"{here}.or")))
        return tuple(result)

    def atom(self, constraint: Constraint, path: str) -> Comparison:
        self.checks.append(Check(path=path, constraint=constraint))
        return comparison(constraint, OPERANDS[constraint.left], self.stage, forbids=self.forbids)


def _flat(comparisons: tuple[Comparison, ...], holding: frozenset[State]) -> _Node:
    """`_all` of plain constraints, without a call between: what most rules are."""

    def run(known: Known, report: list[Verdict]) -> bool:
        holds = True
        for compare in comparisons:
            verdict = compare(known)
            report.append(verdict)
            if verdict[0] not in holding:
                holds = False
        return holds

    return run


def _all(nodes: tuple[_Node, ...]) -> _Node:
    """Each node runs, so that the report is whole."""
    return lambda known, report: False not in [node(known, report) for node in nodes]


def _any(nodes: tuple[_Node, ...]) -> _Node:
    """The same for `or`."""
    return lambda known, report: True in [node(known, report) for node in nodes]


def _entry(check: Check, verdict: Verdict, at: datetime) -> JsonObject:
    constraint = check.constraint
    state, value, source = verdict
    several: list[Json] = [*constraint.right]
    return {
        "constraint": check.path,
        "left": constraint.left,
        "operator": constraint.operator.value,
        "right": several if constraint.operator in LIST_OPERATORS else constraint.right[0],
        "value": at.isoformat() if source == "clock" else value,
        "state": state.value,
        "source": source,
    }
