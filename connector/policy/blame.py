"""Which constraints made a decision a no: only those whose rule, and whose group in it, came out that way.

Works on what a decision tells of each constraint (its path and its state): so it reads what was logged years ago too.
What the states are is `comparisons`', how they make a decision `evaluate`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final, TypeAlias

from connector.policy.comparisons import State

FAILS: Final = frozenset({State.NOT_SATISFIED, State.UNKNOWN})
APPLIES: Final = frozenset({State.SATISFIED, State.UNKNOWN})
_STEP: Final = re.compile(r"(\w+)\[([0-9]+)\]")

Way: TypeAlias = list[tuple[str, str]]
"""A path in steps: `permission[1].constraint[0].or[2]` is (permission, 1), (constraint, 0), (or, 2)."""
_Leaf: TypeAlias = tuple[Way, str, bool]
"""Its way, its path, and whether it says no."""


def culprits(checked: Iterable[tuple[str, str]], *, prohibited: bool) -> tuple[str, ...]:
    """Paths of the constraints to blame for a denial, in their order. `checked`: path and state of each.

    `prohibited`: by prohibitions, which wins over whatever the permissions say.
    """
    effect, bad = ("prohibition", APPLIES) if prohibited else ("permission", FAILS)
    leaves = [(way_of(path), path, state in bad) for path, state in checked]
    ours = [leaf for leaf in leaves if len(leaf[0]) > 1 and leaf[0][0][0] == effect]
    rules = [list(parts) for _, parts in groupby(ours, lambda leaf: leaf[0][0])]
    return tuple(path for parts in rules for path in _guilty(parts, 1, prohibited=prohibited))


def way_of(path: str) -> Way:
    """A constraint's path in steps."""
    return _STEP.findall(path)


def rule_of(path: str) -> str:
    """The rule in which a constraint stands, such as `permission[1]`."""
    return path.partition(".")[0]


def _guilty(leaves: list[_Leaf], depth: int, *, prohibited: bool) -> list[str]:
    """Of the parts of a rule or group; empty: it does not say no.

    A permission fails by any part of an `and` and by all of an `or`; a prohibition applies the other way round.
    """
    each = list(_parts(leaves, depth, prohibited=prohibited))
    all_of = (leaves[0][0][depth][0] == "or") is not prohibited
    return [] if all_of and not all(each) else [path for part in each for path in part]


def _parts(leaves: list[_Leaf], depth: int, *, prohibited: bool) -> Iterator[list[str]]:
    for _, group in groupby(leaves, lambda leaf: leaf[0][depth]):
        part = list(group)
        way, path, bad = part[0]
        if len(way) > depth + 1:
            yield _guilty(part, depth + 1, prohibited=prohibited)
        else:
            yield [path] if bad else []
