"""Which rows of another export belong to the rows of this one: where one column's values are the other's key.

Told with the share of values that are found there. A join that is not sure is commented out in the plan
(`proposal`); what it brings is offered to the document only where it runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from connector.mapping.profile import Column
from connector.mapping.tabular import Setting

_SURE, _WORTH_TELLING = 0.95, 0.5
_TELLING_VALUES, _TELLING_LENGTH = 3, 3
"""Fewer or shorter values are found in many a column by chance: line numbers, flags, years' ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """Another export: its name in the plan, how it is read, its columns."""

    name: str
    settings: Mapping[str, Setting]
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """The best pair of columns: `on` here, `key` there. `many`: several rows there belong to one here."""

    beside: Beside
    on: str
    key: str
    many: bool
    found: int
    asked: int
    sure: bool

    @property
    def runs(self) -> bool:
        """A list over rows has its place in the document, which only a person knows."""
        return self.sure and not self.many

    @property
    def reason(self) -> str:
        """The share in words."""
        here, there = (self.key, self.on) if self.many else (self.on, self.key)
        said = f"{self.found} of {self.asked} values of `{here}` are a `{there}` {'here' if self.many else 'there'}"
        return f"{round(100 * self.found / self.asked)} %: {said}"

    @property
    def columns(self) -> tuple[Column, ...]:
        """What one row there adds to a row here, under its names in the plan."""
        others = (column for column in self.beside.columns if column.name != self.key)
        return tuple(replace(column, name=f"{self.beside.name}.{column.name}") for column in others)


def joined(columns: Sequence[Column], beside: Beside) -> Joined | None:
    """The join of most values; None: no column has half of its values there.

    One row there is looked up by its key, whose cells all differ; several rows there have the key of a row here.
    """
    pairs = [
        pair
        for here in columns
        for there in beside.columns
        for pair in (_pair(here, there, beside, many=False), _pair(here, there, beside, many=True))
        if pair is not None
    ]
    return max(pairs, key=lambda pair: (pair.sure, pair.found / pair.asked, pair.found), default=None)


def _pair(here: Column, there: Column, beside: Beside, *, many: bool) -> Joined | None:
    asking, key = (there, here) if many else (here, there)
    if not key.unique or (many and asking.unique) or not asking.values:
        return None
    found = len(set(asking.values).intersection(key.values))
    share = found / len(asking.values)
    if share < _WORTH_TELLING:
        return None
    telling = found >= _TELLING_VALUES and min(map(len, asking.values)) >= _TELLING_LENGTH
    alike = here.words == there.words
    return Joined(
        beside=beside, on=here.name, key=there.name, many=many, found=found, asked=len(asking.values),
        sure=share >= _SURE and (telling or alike),
    )  # fmt: skip
