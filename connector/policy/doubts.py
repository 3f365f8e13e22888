"""What in a policy of one's own is allowed and yet hardly meant: values that no party and no record will ever have.

Such a policy is kept to and lets nobody in; whether that is wanted only its owner knows, so these are no findings of
`reading`. The lists of codes are the vocabulary's, and come in as arguments.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from connector.policy.odrl import Constraint, Policy, atoms
from connector.policy.operands import OPERANDS

_LISTS: Final[Mapping[str, tuple[str, ...]]] = {
    "role": ("Role",),
    "unitStatus": ("BatteryStatus",),
    "mandateRole": ("MandateRole",),
    "mandatePurpose": ("Purpose",),
    "mandateMaterial": ("Metal", "MaterialType"),
    "purpose": ("Purpose",),
}
"""Operand -> the code lists of the vocabulary whose words its fact has."""
_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "membership": ("active",), "mandate": ("active",), "leadsTo": ("own", "supplier"),
}  # fmt: skip
"""Operand -> the words that its fact has here."""


def doubts(policy: Policy, codes: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """A sentence for each value that is in no list. `codes`: the words of each code list of the vocabulary."""
    found = [sentence for rule in policy.rules for one in atoms(rule.constraints) for sentence in _doubts(one, codes)]
    return tuple(dict.fromkeys(found))


def _doubts(constraint: Constraint, codes: Mapping[str, Sequence[str]]) -> Iterator[str]:
    known = [*_WORDS.get(constraint.left, ())]
    known += [word for name in _LISTS.get(constraint.left, ()) for word in codes.get(name, ())]
    for value in constraint.right if known else ():
        if value not in known and value not in OPERANDS[constraint.left].constants:
            lower = {word.lower(): word for word in known}
            near = [lower[word] for word in difflib.get_close_matches(value.lower(), lower, n=1)]
            meant = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
            yield f'{constraint.left} "{value}" is no word that is known here, so nothing will ever have it; {meant}'
