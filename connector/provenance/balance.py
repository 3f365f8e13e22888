"""Mass balance on contained metal, per site and period, and per make event.

For a site, a metal and a period that a closing stocktake closes:

    opening + moves received + extraction and purchases - moves sent - losses = closing

Extraction and purchases are the inputs of make events that come from nowhere: no link, and not something that the site
received by a move or made itself. A make event on its own: inputs = outputs + losses. The residual is judged against
the root of the sum of the squares of all uncertainties involved (k = 2); where that is more than a share of the whole
that a table of the vocabulary bounds (`tolerances.csv`), nothing is proven, and that is said. Checks across events (a
lot consumed twice, two sides of a move) are in `crosscheck.py`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from typing import Final

from connector.model import JsonObject
from connector.provenance.events import Event, MakeEvent, Masses, MoveEvent, StocktakeEvent, Thing
from connector.provenance.masses import NOTHING, ZERO, Mass, plain, total

UNIT: Final = "KGM"
NO_INPUT: Final = "no-input-stated"


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceFinding:
    """Something that does not add up: where, of which metal, when, by how much."""

    code: str
    message: str
    site: str
    metal: str
    period: str
    residual: Decimal
    tolerance: Decimal
    subject: str = ""

    def as_json(self) -> JsonObject:
        """The published shape."""
        return {
            "code": self.code, "message": self.message, "site": self.site, "metal": self.metal, "period": self.period,
            "residual": plain(self.residual), "tolerance": plain(self.tolerance), "unit": UNIT, "subject": self.subject,
        }  # fmt: skip


def compared(finding: BalanceFinding, whole: Decimal, widest: Decimal, *, bad: bool) -> Iterator[BalanceFinding]:
    """The finding where it is bad; that it could not be checked where its tolerance is too much of the whole."""
    if bad:
        yield finding
    elif whole and finding.tolerance > widest * whole:
        told = finding.message.removeprefix(f"{finding.metal}: ")
        explained = f"the stated uncertainties explain {plain(finding.tolerance)} kg of {plain(whole)} kg"
        message = (
            f"{finding.metal}: whether {told} could not be checked: {explained}, at most {plain(widest)} of it count"
        )
        yield replace(finding, code="tolerance-too-wide", message=message)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteBalance:
    """One site, metal and period. `gaps` says why the sum is not complete; then the residual proves nothing.

    `widest`: the share of the whole up to which uncertainties count. `unfed`: the metal stands in what was made, and
    nothing says what it was made of, whether that came, or where it went: zeros on both sides, which balance nothing.
    """

    site: str
    metal: str
    start: datetime
    end: datetime
    opening: Mass
    received: Mass
    extracted: Mass
    sent: Mass
    lost: Mass
    closing: Mass
    widest: Decimal
    gaps: tuple[str, ...] = ()
    unfed: bool = False

    @property
    def whole(self) -> Decimal:
        """What came in or was there, or what went out or is there: the larger."""
        there = (self.opening, self.received, self.extracted)
        gone = (self.sent, self.lost, self.closing)
        return max(total(side).value for side in (there, gone))

    @property
    def residual(self) -> Mass:
        """What the books have too much (positive) or too little (negative) for the stock that was counted."""
        return self.opening + self.received + self.extracted - self.sent - self.lost - self.closing

    @property
    def outcome(self) -> str:
        """`balanced`, `incomplete`, `out-of-tolerance`, `unchecked` (uncertainties too wide), `no-input-stated`."""
        if self.gaps:
            return "incomplete"
        residual = self.residual
        if residual.value.copy_abs() > residual.uncertainty:
            return "out-of-tolerance"
        if self.unfed:
            return NO_INPUT
        return "balanced" if residual.uncertainty <= self.widest * self.whole or not self.whole else "unchecked"

    def as_json(self) -> JsonObject:
        """The published shape."""
        residual = self.residual
        return {
            "site": self.site,
            "metal": self.metal,
            "period": period(self.start, self.end),
            "opening": plain(self.opening.value),
            "received": plain(self.received.value),
            "extracted": plain(self.extracted.value),
            "sent": plain(self.sent.value),
            "lost": plain(self.lost.value),
            "closing": plain(self.closing.value),
            "residual": plain(residual.value),
            "tolerance": plain(residual.uncertainty),
            "widest": plain(self.widest),
            "unit": UNIT,
            "outcome": self.outcome,
            "gaps": list(self.gaps),
        }


@dataclass(frozen=True, kw_only=True)
class Books:
    """What is known for balancing: events and things that may be relied on, and what each stocktake covers.

    `covers`: ids of the events that a closing stocktake names. `gaps`: why the coverage of a stocktake is incomplete.
    `widest`: the share of what is balanced up to which uncertainties count. What is asked for each event or closing is
    worked out once: a chain has thousands of both.
    """

    widest: Decimal

    events: tuple[Event, ...] = ()
    things: Mapping[str, Thing] = field(default_factory=dict)
    covers: Mapping[str, frozenset[str]] = field(default_factory=dict)
    gaps: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @cached_property
    def seen_at(self) -> Mapping[str, Collection[str]]:
        """Site -> things that it moved or made."""
        seen: dict[str, set[str]] = {}
        moved = ((move.site, move.moved) for move in self.moves())
        made = ((make.site, make.outputs) for make in self.makes())
        for place, products in (*moved, *made):
            seen.setdefault(place, set()).update(product.thing for product in products)
        return seen

    @cached_property
    def periods(self) -> Mapping[str, str]:
        """Id of an event -> the period of the first closing stocktake that covers it."""
        found: dict[str, str] = {}
        for closing in self.closings():
            told = period(closing.start, closing.end)
            for ident in self.covers.get(closing.id, ()):
                found.setdefault(ident, told)
        return found

    @cached_property
    def at(self) -> Mapping[str, Mapping[str, Sequence[int]]]:
        """Site -> id -> places among `events`."""
        found: dict[str, dict[str, list[int]]] = {}
        for place, event in enumerate(self.events):
            found.setdefault(event.site, {}).setdefault(event.id, []).append(place)
        return found

    @cached_property
    def flow(self) -> Mapping[str, Sequence[tuple[datetime, int]]]:
        """Site -> time and place among `events` of what was made or moved there, by time."""
        found: dict[str, list[tuple[datetime, int]]] = {}
        for place, event in enumerate(self.events):
            if not isinstance(event, StocktakeEvent):
                found.setdefault(event.site, []).append((event.time, place))
        return {site: sorted(times) for site, times in found.items()}

    def standing(self) -> Books:
        """The same books without the events that a later one corrects."""
        corrected = {reference for event in self.events for reference in event.corrects}
        return replace(self, events=tuple(event for event in self.events if event.id not in corrected))

    def makes(self) -> Iterator[MakeEvent]:
        """The make events."""
        return (event for event in self.events if isinstance(event, MakeEvent))

    def moves(self) -> Iterator[MoveEvent]:
        """The move events, each side its own."""
        return (event for event in self.events if isinstance(event, MoveEvent))

    def closings(self) -> Iterator[StocktakeEvent]:
        """The stocktakes that close a period."""
        return (event for event in self.events if isinstance(event, StocktakeEvent) and event.kind == "closing")


def site_balances(books: Books) -> tuple[SiteBalance, ...]:
    """One balance per closing stocktake and metal. Pass `Books.standing()`."""
    found: list[SiteBalance] = []
    for closing in books.closings():
        covered = covered_events(books, closing)
        openings = [event for event in covered if isinstance(event, StocktakeEvent)]
        flow = [event for event in covered if not isinstance(event, StocktakeEvent)]
        gaps = books.gaps.get(closing.id, ())
        if not openings:
            gaps = (*gaps, "no opening stocktake is covered")
        opening = add_up(event.stock for event in openings)
        metals = _metals((closing.stock, opening, *(_all_of(event) for event in flow)))
        found.extend(_balance(books, closing, metal, opening=opening, flow=flow, gaps=gaps) for metal in metals)
    return tuple(sorted(found, key=lambda balance: (balance.site, balance.start, balance.metal)))


def _balance(
    books: Books,
    closing: StocktakeEvent,
    metal: str,
    *,
    opening: Masses,
    flow: Sequence[MakeEvent | MoveEvent],
    gaps: tuple[str, ...],
) -> SiteBalance:
    makes = [event for event in flow if isinstance(event, MakeEvent)]
    moves = [event for event in flow if isinstance(event, MoveEvent)]
    found = SiteBalance(
        site=closing.site,
        metal=metal,
        start=closing.start,
        end=closing.end,
        opening=opening.get(metal, NOTHING),
        received=total(contained(event, metal) for event in moves if event.direction == "received"),
        extracted=total(mass for event in makes for mass in _from_nowhere(books, event, metal)),
        sent=total(contained(event, metal) for event in moves if event.direction == "sent"),
        lost=total(loss.get(metal, NOTHING) for event in makes for loss in event.losses),
        closing=closing.stock.get(metal, NOTHING),
        widest=books.widest,
        gaps=gaps,
    )
    return replace(found, unfed=not found.whole and _from_nothing(makes, metal))


def _from_nothing(makes: Sequence[MakeEvent], metal: str) -> bool:
    """Whether the metal stands in what was made, and in nothing that it was made of."""
    used = (one for event in makes for one in event.inputs)
    made = (one for event in makes for one in event.outputs)
    here, there = (any(one.contained.get(metal, NOTHING).value for one in products) for products in (used, made))
    return there and not here


def site_findings(books: Books) -> tuple[BalanceFinding, ...]:
    """Sites whose books and stock differ, or whose stock would have been below zero."""
    balances = site_balances(books)
    found: list[BalanceFinding] = []
    for balance in balances:
        if balance.outcome == "incomplete":
            continue
        gap = balance.residual
        finding = BalanceFinding(
            code="site-balance",
            message=f"{balance.metal}: {_more_or_less(gap.value)} went out or is on stock than came in",
            site=balance.site,
            metal=balance.metal,
            period=period(balance.start, balance.end),
            residual=gap.value,
            tolerance=gap.uncertainty,
        )
        found.extend(compared(finding, balance.whole, books.widest, bad=balance.outcome == "out-of-tolerance"))
    closed: dict[tuple[str, datetime], list[SiteBalance]] = {}
    for balance in balances:
        closed.setdefault((balance.site, balance.end), []).append(balance)
    for closing in books.closings():
        found.extend(
            finding
            for balance in closed.get((closing.site, closing.end), ())
            if balance.outcome == "balanced"  # else the residual says it already, or nothing is certain
            for finding in _negative_stock(books, closing, balance)
        )
    return tuple(found)


def make_findings(books: Books) -> tuple[BalanceFinding, ...]:
    """Make events in which inputs differ from outputs and losses."""
    found: list[BalanceFinding] = []
    for event in books.makes():
        inputs = add_up(product.contained for product in event.inputs)
        outputs = add_up((*(product.contained for product in event.outputs), *event.losses))
        for metal in _metals((inputs, outputs)):
            there, gone = inputs.get(metal, NOTHING), outputs.get(metal, NOTHING)
            gap = there - gone
            finding = BalanceFinding(
                code="make-balance",
                message=f"{metal}: {_more_or_less(gap.value)} went out (with losses) than came in",
                site=event.site,
                metal=metal,
                period=period_of(books, event),
                residual=gap.value,
                tolerance=gap.uncertainty,
                subject=event.id,
            )
            bad = gap.value.copy_abs() > gap.uncertainty
            found.extend(compared(finding, max(there.value, gone.value), books.widest, bad=bad))
    return tuple(found)


def _more_or_less(residual: Decimal) -> str:
    return "more" if residual < ZERO else "less"


def covered_events(books: Books, closing: StocktakeEvent) -> list[Event]:
    """The events at the stocktake's site that it names."""
    here = books.at.get(closing.site, {})
    places = sorted(place for ident in books.covers.get(closing.id, ()) for place in here.get(ident, ()))
    return [books.events[place] for place in places]


def events_within(books: Books, closing: StocktakeEvent) -> list[Event]:
    """What was made or moved at the stocktake's site in its period, whose end does not belong to it."""
    here = books.flow.get(closing.site, ())
    begin, end = (bisect_left(here, (time, 0)) for time in (closing.start, closing.end))
    return [books.events[place] for place in sorted(place for _, place in here[begin:end])]


def contained(event: MoveEvent, metal: str) -> Mass:
    """How much of the metal an event moved."""
    return total(product.contained.get(metal, NOTHING) for product in event.moved)


def add_up(parts: Iterable[Masses]) -> Masses:
    """Masses added metal by metal."""
    found: dict[str, list[Mass]] = {}
    for part in parts:
        for metal, mass in part.items():
            found.setdefault(metal, []).append(mass)
    return {metal: total(masses) for metal, masses in found.items()}


def period(start: datetime, end: datetime) -> str:
    """A period as ISO 8601 interval of days."""
    return f"{start.astimezone(UTC).date()}/{end.astimezone(UTC).date()}"


def period_of(books: Books, event: Event) -> str:
    """The period whose closing stocktake covers the event, else the event's day."""
    return books.periods.get(event.id) or event.time.astimezone(UTC).date().isoformat()


def _from_nowhere(books: Books, event: MakeEvent, metal: str) -> Iterator[Mass]:
    known = books.seen_at.get(event.site, ())
    for product in event.inputs:
        if not product.link and product.thing not in known and product.source_kind != "runAround":
            yield product.contained.get(metal, NOTHING)


def _negative_stock(books: Books, closing: StocktakeEvent, balance: SiteBalance) -> Iterator[BalanceFinding]:
    stock = balance.opening
    flow = [event for event in covered_events(books, closing) if not isinstance(event, StocktakeEvent)]
    for event in sorted(flow, key=lambda event: (event.time, _comes_out(event))):
        stock = _after(books, event, balance.metal, stock)
        if stock.value + stock.uncertainty < ZERO:
            yield BalanceFinding(
                code="negative-stock",
                message=f"{balance.metal}: more left the site by {event.time.date()} than was there",
                site=balance.site,
                metal=balance.metal,
                period=period(balance.start, balance.end),
                residual=stock.value,
                tolerance=stock.uncertainty,
                subject=event.id,
            )
            return


def _after(books: Books, event: MakeEvent | MoveEvent, metal: str, stock: Mass) -> Mass:
    if isinstance(event, MoveEvent):
        moved = contained(event, metal)
        return stock + moved if event.direction == "received" else stock - moved
    lost = total(loss.get(metal, NOTHING) for loss in event.losses)
    return stock + total(_from_nowhere(books, event, metal)) - lost


def _comes_out(event: Event) -> bool:
    return isinstance(event, MoveEvent) and event.direction == "sent"


def _all_of(event: MakeEvent | MoveEvent) -> Masses:
    if isinstance(event, MakeEvent):
        return add_up((*(product.contained for product in (*event.inputs, *event.outputs)), *event.losses))
    return add_up(product.contained for product in event.moved)


def _metals(parts: Iterable[Masses]) -> list[str]:
    return sorted({metal for part in parts for metal in part})
