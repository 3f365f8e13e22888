"""Rows that belong to a row: joins on key equality, look-ups of one row, filters, and the indexes they use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from connector.mapping.columns import Frame, Test
from connector.mapping.repeats import Distinct
from connector.mapping.source import Row
from connector.mapping.unfit import Unfit
from connector.model import Finding, Place

_KEPT = 1_000
Rows = Callable[[Frame], list[Row]]


@dataclass(slots=True)
class Joined:
    """A source whose rows are found by key: all rows, and the rows of each key."""

    name: str
    keyed: bool = False
    rows: list[Row] = field(default_factory=list)
    index: dict[str, list[Row]] = field(default_factory=dict)
    met: bool = False
    distinct: list[Distinct] = field(default_factory=list)
    missed: dict[str, None] = field(default_factory=dict)
    """Keys that no row here has, a thousand at most."""

    def of(self, key: str) -> list[Row]:
        """The rows of a key."""
        rows = self.index.get(key, [])
        if rows:
            self.met = True
        elif key and len(self.missed) < _KEPT:
            self.missed[key] = None
        return rows

    def doubt(self, file: str) -> Finding | None:
        """Where no key at all was met, or some would be but for leading zeros: what is joined vanishes unseen then."""
        bare = {key.lstrip("0").lower(): key for key in self.index} if self.missed else {}
        near = next(((key, bare[one]) for key in self.missed if (one := key.lstrip("0").lower()) in bare), None)
        if near is None and (self.met or not self.missed):
            return None
        key, own = near or (next(iter(self.missed)), next(iter(self.index), ""))
        there = f"there they are such as `{own}`" if own else "it has none"
        message = f"`{key}` is no key of `{self.name}`, {there}" + ("" if self.met else "; no key was found")
        hint = "does `on` give what the source's `key` is, and is it the right export?"
        if near:
            hint = (
                "say `alpha: strip` (and `case`) on both sides: `on: {from: COLUMN, alpha: strip}`, the source's `key`"
            )
        return Finding(code="join-missed", message=message, hint=hint, place=Place(source=file, value=key))


def rows_for(joined: Joined, on: Callable[[Frame], str | None] | None) -> Rows:
    """The rows whose key is what `on` gives; all rows without `on`."""
    if on is None:
        return lambda _: joined.rows
    return lambda frame: joined.of(on(frame) or "")


def looker(joined: Joined, on: Callable[[Frame], str | None], *, must: bool) -> Callable[[Frame], Row | None]:
    """The one row whose key is what `on` gives."""

    def find(frame: Frame) -> Row | None:
        key = on(frame) or ""
        rows = joined.of(key) if key else []
        if len(rows) > 1:
            lines = ", ".join(str(row.line) for row in rows[:3])
            raise Unfit(
                "lookup-ambiguous",
                f"{len(rows)} rows of `{joined.name}` have the key `{key}`.",
                f"{rows[0].origin.unit}s {lines}",
            )
        if rows:
            return rows[0]
        if must:
            raise Unfit("lookup-missing", f"No row of `{joined.name}` has the key `{key}`.")
        return None

    return find


def frames(
    rows: Rows,
    lookers: tuple[Callable[[Frame], Frame | None], ...],
    tests: tuple[Test, ...],
    distinct: Distinct | None,
) -> Callable[[Frame], list[Frame]]:
    """The frames of a join below a frame, filtered, before they have a place in the document."""

    def make(outer: Frame) -> list[Frame]:
        found = []
        seen: dict[str, Row] = {}
        for row in rows(outer):
            frame = Frame(row, outer, (), outer.prefix, outer.draft)
            if lookers:
                frame.looked = tuple(look(frame) for look in lookers)
            if not all(test(frame) for test in tests):
                continue
            if distinct is None or distinct.is_first(frame, seen):
                found.append(frame)
        return found

    return make


def look_frame(find: Callable[[Frame], Row | None]) -> Callable[[Frame], Frame | None]:
    """The looked-up row as a frame."""

    def look(frame: Frame) -> Frame | None:
        row = find(frame)
        return None if row is None else Frame(row, frame, (), frame.prefix, frame.draft)

    return look
