"""Stocktakes: what a site counted on the first and on the last day of its period.

A count is a measurement. The closing count differs from the books by a third of its own uncertainty, up for one metal
and down for the next, as real ones do; the audit has to find that within tolerance.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time

from .masses import Campaign, Contained, Delivery, Stocktake, computed_closing, expanded


def stocktakes(
    numbers: tuple[str, str],
    period: tuple[date, date],
    opening: Contained,
    *,
    campaigns: Sequence[Campaign],
    sent: Sequence[Delivery],
    received: Sequence[Delivery],
    extra: Contained | None = None,
) -> tuple[Stocktake, Stocktake]:
    """The opening and the closing count. `extra` is metal that no input explains (the planted fault `inflated`)."""
    start, end = period
    books = computed_closing(opening, campaigns, sent, received)
    counted = {}
    for place, (metal, mass) in enumerate(books.items()):
        if mass < 0:
            raise ValueError(f"{numbers[1]}: {metal} would be {mass} g")
        off = expanded(metal, mass) // 3
        counted[metal] = mass + (off if place % 2 else -off) + (extra or {}).get(metal, 0)
    return (
        Stocktake(
            number=numbers[0],
            kind="opening",
            at=datetime.combine(start, time(5), UTC),
            start=start,
            end=end,
            contained=dict(opening),
        ),
        Stocktake(
            number=numbers[1],
            kind="closing",
            at=datetime.combine(end, time(20), UTC),
            start=start,
            end=end,
            contained=counted,
        ),
    )
