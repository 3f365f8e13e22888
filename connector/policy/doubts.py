"""What in a policy of one's own is allowed and yet hardly meant: rules that let nobody in, or everybody; words that no
party and no record will ever have.

Such a policy is kept to; whether that is wanted only its owner knows, so these are no findings of `reading`. The lists
of codes are the vocabulary's, and come in as arguments, as does the time.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from connector.policy.odrl import Action, Constraint, Group, Policy, Rule, Term, atoms
from connector.policy.operands import OPERANDS, Enforced, Operator, Subject
from connector.policy.reading import parse_time

RECORD_TYPE: Final = "RecordType"
"""Of the lists of codes: the types of record, and of what else is decided on."""
_LISTS: Final[Mapping[str, tuple[str, ...]]] = {
    "role": ("Role",),
    "recordType": (RECORD_TYPE,),
    "unitStatus": ("BatteryStatus",),
    "mandateRole": ("MandateRole",),
    "mandatePurpose": ("Purpose",),
    "mandateMaterial": ("Metal", "MaterialType"),
    "purpose": ("Purpose",),
}
"""Operand -> the code lists of the vocabulary whose words its fact has."""
_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "membership": ("active",), "mandate": ("active",), "leadsTo": ("own", "supplier"), "onwardSharing": ("none",),
}  # fmt: skip
"""Operand -> the words that its fact has here."""
_EVERY_CLASS: Final = (
    "it does not say of which accessClass, so it opens values of every class; for a file that is right"
)
_CLASSES: Final = frozenset({"accessClass", "mandateClass"})
_FROM: Final = frozenset({Operator.GT, Operator.GTEQ})
_CHOOSES: Final = frozenset({Operator.EQ, Operator.IS_ANY_OF})
_OF_NO_PARTY: Final = frozenset({Subject.UNIT, Subject.CLOCK})
_ONE_VALUE: Final = frozenset({Subject.UNIT, Subject.PARTY})
"""What has one value, or of whose values each has to be wanted: two constraints that share none never hold together."""
_FORMS: Final[Mapping[str, tuple[str, str]]] = {
    "businessPartnerNumber": ("BPNL000000000001", "BPNL[0-9A-Z]{12}"),
    "frameworkAgreement": ("DataExchangeGovernance:1.0", "DataExchangeGovernance(:[^:]+)?"),
}
"""Fact -> how Catena-X writes its values (CX-0152): an example, and a pattern."""


def doubts(
    policy: Policy, codes: Mapping[str, Sequence[str]], now: datetime, *, of_values: bool = True
) -> tuple[str, ...]:
    """A sentence for each, with its rule. `codes`: the words of each code list of the vocabulary.

    `of_values`: of a file, which has no values of several classes, it is not asked which of them a rule opens.
    """
    named = list(policy.named())
    found = [f"{name}: {one}" for name, rule in named for one in _of_a_rule(rule, codes, now)]
    if of_values:
        found += [f"{name}: {_EVERY_CLASS}" for name, rule in named if _opens_every_class(rule)]
    found += [
        f"{name}: whom it lets in, {other} shuts out, and a prohibition wins"
        for name, rule in named
        for other, against in named
        if rule.effect == "permission" and _shuts_out(against, rule)
    ]
    return tuple(dict.fromkeys(found))


def _of_a_rule(rule: Rule, codes: Mapping[str, Sequence[str]], now: datetime) -> Iterator[str]:
    for one in atoms(rule.constraints):
        yield from _unknown_words(one, codes)
    if rule.effect == "prohibition":
        if not rule.constraints:
            yield f"it has no constraint, so nobody may {rule.action}, whatever the permissions say"
        return
    needed = list(_needed(rule.constraints))
    if classes := _classes_for_everybody(rule, needed):
        yield f"it asks nothing of the party, so everybody gets values of class {' or '.join(sorted(classes))}"
    yield from _times(needed, now)
    for index, one in enumerate(needed):
        for other in needed[:index]:
            if _exclude_each_other(one, other):
                yield f"{one.left} can't be {_listed(other)} and {_listed(one)} at once, so it lets nobody in"
    for term in rule.constraints:
        yield from _open_groups(term)


def _opens_every_class(rule: Rule) -> bool:
    of_values = rule.effect == "permission" and rule.action is not Action.LIST
    return of_values and not any(one.left in _CLASSES for one in atoms(rule.constraints))


def _classes_for_everybody(rule: Rule, needed: Sequence[Constraint]) -> set[str]:
    """The classes beside the public one that it opens without a look at who asks."""
    if any(OPERANDS[one.left].subject not in _OF_NO_PARTY and not _promise(one) for one in atoms(rule.constraints)):
        return set()
    opened = [{*one.right} for one in needed if one.left == "accessClass"]
    return set.intersection(*opened) - {"PUB"} if opened else set()


def _unknown_words(constraint: Constraint, codes: Mapping[str, Sequence[str]]) -> Iterator[str]:
    operand = OPERANDS[constraint.left]
    example, form = _FORMS.get(operand.fact, ("", ""))
    for value in constraint.right if form else ():
        if not re.fullmatch(form, value):
            yield f'{constraint.left} "{value}" is not written as any credential has it; such as {example}'
    known = [*_WORDS.get(operand.fact, ())]
    known += [word for name in _LISTS.get(constraint.left, ()) for word in codes.get(name, ())]
    follows = "nothing will ever have it"
    if operand.enforced is Enforced.CONTRACTUAL:
        follows = "it goes into the contract as it stands"
    for value in constraint.right if known else ():
        if value not in known and value not in operand.constants:
            lower = {word.lower(): word for word in known}
            near = [lower[word] for word in difflib.get_close_matches(value.lower(), lower, n=1)]
            meant = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
            yield f'{constraint.left} "{value}" is no word that is known here, so {follows}; {meant}'


def _needed(terms: Sequence[Term]) -> Iterator[Constraint]:
    """The constraints without which the rule can't hold."""
    for term in terms:
        if isinstance(term, Constraint):
            yield term
        elif term.kind == "and" or len(term.parts) == 1:
            yield from _needed(term.parts)


def _times(needed: Sequence[Constraint], now: datetime) -> Iterator[str]:
    limits = [(one, at) for one in needed if one.left == "dateTime" and (at := parse_time(one.right[0])) is not None]
    ends = [(at, one.right[0]) for one, at in limits if one.operator not in _FROM]
    begins = [(at, one.right[0]) for one, at in limits if one.operator in _FROM]
    if ends and min(ends)[0] <= now:
        yield f"it ended at {min(ends)[1]}, so it lets nobody in any more"
    if ends and begins and min(ends)[0] <= max(begins)[0]:
        yield f"it ends at {min(ends)[1]}, before it begins at {max(begins)[1]}, so it lets nobody in"


def _exclude_each_other(one: Constraint, other: Constraint) -> bool:
    chosen = one.left == other.left and OPERANDS[one.left].subject in _ONE_VALUE
    return chosen and {one.operator, other.operator} <= _CHOOSES and not {*one.right} & {*other.right}


def _open_groups(term: Term) -> Iterator[str]:
    """An `or` of which one part is a promise: whoever makes it needs nothing else."""
    if not isinstance(term, Group):
        return
    promised = next((part for part in term.parts if _promise(part)), None)
    if term.kind == "or" and promised is not None and len(term.parts) > 1:
        word = next(atoms((promised,))).left
        yield f"an `or` in it holds for whoever signs, because nobody can check {word}; the rest of it is never needed"
        return
    for part in term.parts:
        yield from _open_groups(part)


def _promise(term: Term) -> bool:
    return all(OPERANDS[one.left].enforced is Enforced.CONTRACTUAL for one in atoms((term,)))


def _shuts_out(against: Rule, rule: Rule) -> bool:
    """Whether the prohibition applies wherever the permission holds."""
    if (against.effect, against.action) != ("prohibition", rule.action) or not against.constraints:
        return False
    needed = list(_needed(rule.constraints))
    return all(
        isinstance(term, Constraint) and any(_implies(one, term) for one in needed) for term in against.constraints
    )


def _implies(one: Constraint, other: Constraint) -> bool:
    same = one.left == other.left and OPERANDS[one.left].subject is not Subject.CLOCK
    return same and {one.operator, other.operator} <= _CHOOSES and {*one.right} <= {*other.right}


def _listed(constraint: Constraint) -> str:
    return " or ".join(constraint.right)
