"""A policy in plain words. The words of each operand stand in `operands`; this file joins them to sentences.

One sentence per rule, so that a compliance officer can sign what the machine will do. Never shorter than the policy:
each constraint is said. A value that is not one plain word stands in quotes: a peer's offer could hold half a sentence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Final

from connector.policy.odrl import Action, Constraint, Effect, Policy, Rule, Term, atoms
from connector.policy.operands import OPERANDS, Enforced, Operator, Subject

_ORDER: Final = (Action.LIST, Action.USE, Action.AUDIT)
_MAY: Final[dict[tuple[Effect, Action], str]] = {
    ("permission", Action.LIST): "The offer is shown to",
    ("permission", Action.USE): "The data may be had by",
    ("permission", Action.AUDIT): "Audit reads are open to",
    ("prohibition", Action.LIST): "The offer is in no case shown to",
    ("prohibition", Action.USE): "The data may in no case be had by",
    ("prohibition", Action.AUDIT): "Audit reads are in no case open to",
}
_NOBODY: Final[dict[Action, str]] = {
    Action.LIST: "The offer is shown to nobody.",
    Action.USE: "The data may be had by nobody.",
    Action.AUDIT: "Audit reads are open to nobody.",
}

_WORD: Final = re.compile(r"[\w.:/%#@+-]*[\w/#]")


def plain(policy: Policy, *, actions: Sequence[Action] = _ORDER) -> str:
    """What the policy says, in sentences; of an offer or agreement only `USE` is known."""
    sentences: list[str] = []
    for action in actions:
        rules = [rule for rule in policy.rules if rule.action is action]
        if action is Action.LIST and not (rules and policy.offerable):
            sentences.append("The offer is shown to whoever may have the data." if policy.offerable else "No offer.")
            continue
        if not any(rule.effect == "permission" for rule in rules):
            sentences.append(_NOBODY[action])
        sentences += [_sentence(rule) for rule in rules]
    return " ".join(sentences)


def _sentence(rule: Rule) -> str:
    opening = _MAY[rule.effect, rule.action]
    if not rule.constraints:
        return f"{opening} anybody."
    forbids = rule.effect == "prohibition"
    said = _joined([_term(term, forbids=forbids) for term in rule.constraints], "and")
    # A prohibition applies to what is not known as well (`evaluate`).
    doubt = ", or of which this is not known" if forbids and any(map(_may_be_unknown, atoms(rule.constraints))) else ""
    return f"{opening} a party that {said}{doubt}."


def _may_be_unknown(constraint: Constraint) -> bool:
    operand = OPERANDS[constraint.left]
    return operand.subject is not Subject.CLOCK and operand.enforced is Enforced.TECHNICAL


def _term(term: Term, *, forbids: bool) -> str:
    if isinstance(term, Constraint):
        return _constraint(term, forbids=forbids)
    word = "and" if term.kind == "and" else "or"
    return "(" + _joined([_term(part, forbids=forbids) for part in term.parts], word) + ")"


def _constraint(constraint: Constraint, *, forbids: bool) -> str:
    operand = OPERANDS[constraint.left]
    phrase = (operand.forbidden if forbids else "") or operand.phrases[constraint.operator]
    word = "or" if constraint.operator in {Operator.IS_ANY_OF, Operator.IS_NONE_OF} else "and"
    right = _joined([operand.constants.get(value) or _quoted(value) for value in constraint.right], word)
    note = " (by contract)" if operand.enforced is Enforced.CONTRACTUAL else ""
    return phrase.format(right=right) + note


def _quoted(value: str) -> str:
    return value if _WORD.fullmatch(value) else json.dumps(value, ensure_ascii=False)


def _joined(parts: Sequence[str], word: str) -> str:
    if len(parts) == 1:
        return parts[0]
    return ", ".join(parts[:-1]) + f" {word} " + parts[-1]
