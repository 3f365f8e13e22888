"""What of a dataset a caller did not get, for the evidence log: how much, and why, in the entry of the page itself.

A dataset may have millions of units that one caller may not see. So there is no entry for each: a page counts what it
left out, and of each reason tells the first decision that had it. What a page is stands in `serve`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from connector.model import Json, JsonObject
from connector.policy.comparisons import State
from connector.policy.evaluate import Decision

MOST_REASONS: Final = 5
"""That one page tells of; what it left out for others is in its counts."""

_Why: TypeAlias = tuple[State, ...]
"""What became of each constraint."""


@dataclass(slots=True)
class LeftOut:
    """Of one page. `units`: of which nothing was told; `values`: credentials that are not open, theirs among them."""

    units: int = 0
    values: int = 0
    files: int = 0
    _first: dict[_Why, Decision] = field(default_factory=dict)
    _counts: Counter[_Why] = field(default_factory=Counter)

    def note(self, denial: Decision) -> None:
        """For this reason something is left out."""
        why = tuple(state for state, *_ in denial.verdicts)
        if why in self._first or len(self._first) < MOST_REASONS:
            self._first.setdefault(why, denial)
            self._counts[why] += 1

    def as_json(self) -> JsonObject:
        """What the entry says of it; nothing where all was given."""
        counts: JsonObject = {name: getattr(self, name) for name in ("units", "values", "files") if getattr(self, name)}
        if not counts:
            return {}
        told: list[Json] = [{**one.why(), "leftOut": self._counts[why]} for why, one in self._first.items()]
        return {"leftOut": counts, "decisions": told}
