"""Rows that belong to a row: joins on key equality, look-ups of one row, filters, and the indexes they use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from connector.mapping.columns import Frame, Get, Test
from connector.mapping.source import Row
from connector.mapping.unfit import Unfit

Rows = Callable[[Frame], list[Row]]


@dataclass(slots=True)
class Joined:
    """A source whose rows are found by key: all rows, and the rows of each key."""

    name: str
    keyed: bool = False
    rows: list[Row] = field(default_factory=list)
    index: dict[str, list[Row]] = field(default_factory=dict)


def rows_for(joined: Joined, on: Callable[[Frame], str | None] | None) -> Rows:
    """The rows whose key is what `on` gives; all rows without `on`."""
    if on is None:
        return lambda _: joined.rows
    index = joined.index

    def rows(frame: Frame) -> list[Row]:
        return index.get(on(frame) or "", [])

    return rows


def looker(joined: Joined, on: Callable[[Frame], str | None], *, must: bool) -> Callable[[Frame], Row | None]:
    """The one row whose key is what `on` gives."""

    def find(frame: Frame) -> Row | None:
        key = on(frame) or ""
        rows = joined.index.get(key, []) if key else []
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
    distinct: Get | None,
) -> Callable[[Frame], list[Frame]]:
    """The frames of a join below a frame, filtered, before they have a place in the document."""

    def make(outer: Frame) -> list[Frame]:
        found = []
        seen: set[str] = set()
        for row in rows(outer):
            frame = Frame(row, outer, (), outer.prefix, outer.draft)
            if lookers:
                frame.looked = tuple(look(frame) for look in lookers)
            if not all(test(frame) for test in tests):
                continue
            if distinct is not None:
                value = distinct(frame)
                if value in seen:
                    continue
                seen.add(value)
            found.append(frame)
        return found

    return make


def look_frame(find: Callable[[Frame], Row | None]) -> Callable[[Frame], Frame | None]:
    """The looked-up row as a frame."""

    def look(frame: Frame) -> Frame | None:
        row = find(frame)
        return None if row is None else Frame(row, frame, (), frame.prefix, frame.draft)

    return look
