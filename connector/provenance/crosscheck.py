"""Checks across events: what one event alone cannot show.

A lot holds no more than was made, and is consumed at most once up to its mass; both sides of a move agree; no output
precedes its inputs; what is attributed to an input is no more than went in (a claim above the certified mass); a
closing stocktake names every event of its site and period.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from connector.provenance.balance import (
    BalanceFinding,
    Books,
    add_up,
    compared,
    events_within,
    make_findings,
    period,
    period_of,
    site_findings,
)
from connector.provenance.events import Event, Masses, MoveEvent
from connector.provenance.masses import NOTHING, ZERO, Mass, plain, total


def all_findings(books: Books) -> tuple[BalanceFinding, ...]:
    """Every finding about masses and times, corrected events left out."""
    standing = books.standing()
    return (
        *_explained(standing, site_findings(standing), make_findings(standing)),
        *_more_than_made(standing),
        *_consumed_twice(standing),
        *_sent_twice(standing),
        *_moves_that_differ(standing),
        *_claims_above_certified(standing),
        *_outputs_before_inputs(standing),
        *_not_covered(standing),
    )


def _explained(
    books: Books, sites: tuple[BalanceFinding, ...], makes: tuple[BalanceFinding, ...]
) -> Iterator[BalanceFinding]:
    """A site's finding with the make events that explain it: one fault, one finding. The other make events apart."""
    times = {event.id: event.time for event in books.makes()}
    told: set[BalanceFinding] = set()
    within: dict[tuple[str, ...], list[BalanceFinding]] = {}
    for make in makes:
        within.setdefault(_place(make), []).append(make)
    for site in sites:
        causes = [one for one in within.get(_place(site), ()) if site.code == "site-balance" and _same_side(one, site)]
        told |= {*causes}
        details = [f"make event of {times[make.subject].date()}: {make.message} ({plain(make.residual)} kg)"
                   for make in causes]  # fmt: skip
        subject = causes[0].subject if len(causes) == 1 else site.subject
        yield replace(site, message="; ".join((site.message, *details)), subject=subject)
    yield from (make for make in makes if make not in told)


def _place(finding: BalanceFinding) -> tuple[str, ...]:
    return finding.site, finding.metal, finding.period


def _same_side(one: BalanceFinding, other: BalanceFinding) -> bool:
    return (one.residual < ZERO) is (other.residual < ZERO)


def _consumed_twice(books: Books) -> Iterator[BalanceFinding]:
    """Sum of consumption over all make events <= mass of the lot."""
    uses: dict[str, list[tuple[Event, Masses]]] = {}
    for event in books.makes():
        for product in event.inputs:
            uses.setdefault(product.thing, []).append((event, product.contained))
    yield from _more_than_there_was(books, uses, "double-consumption", "more of a lot is consumed than the lot holds")


def _sent_twice(books: Books) -> Iterator[BalanceFinding]:
    """Sum of what the makers' sites send of a lot <= mass of the lot."""
    made_at = {(product.thing, event.site) for event in books.makes() for product in event.outputs}
    uses: dict[str, list[tuple[Event, Masses]]] = {}
    for event in books.moves():
        for product in event.moved:
            if event.direction == "sent" and (product.thing, event.site) in made_at:
                uses.setdefault(product.thing, []).append((event, product.contained))
    yield from _more_than_there_was(books, uses, "sent-twice", "more of a lot is sent than the lot holds")


def _more_than_made(books: Books) -> Iterator[BalanceFinding]:
    """What a lot holds by its passport <= what came out of the events that made it: else metal of nowhere would be
    followed back as if it had been made. Of a metal that no event states nothing is followed.
    """
    for thing, outputs in _made(books).items():
        known, there = books.things.get(thing), add_up(masses for _, masses in outputs)
        if known is not None:
            stated = {metal: mass for metal, mass in known.contained.items() if metal in there}
            message = "the passport says that more is in it than came out of the makings that were shown"
            yield from _exceeding(books, _latest(outputs), (stated, there), ("more-than-made", message), thing)


def _more_than_there_was(
    books: Books, uses: dict[str, list[tuple[Event, Masses]]], code: str, message: str
) -> Iterator[BalanceFinding]:
    made = _made(books)
    for thing, used in uses.items():
        # What the lot's passport says that it contains, else what the events that made it say.
        known = books.things.get(thing)
        there = (
            known.contained
            if known is not None and known.contained
            else add_up(masses for _, masses in made.get(thing, ()))
        )
        if not thing or (not there and thing not in made):  # no thing is named, or nothing is known of it
            continue
        taken = add_up(masses for _, masses in used)
        yield from _exceeding(books, _latest(used), (taken, there), (code, message), thing)


def _latest(found: list[tuple[Event, Masses]]) -> Event:
    """The last by time, in whatever order they were found."""
    return max((event for event, _ in found), key=lambda event: (event.time, event.site, event.id))


def _made(books: Books) -> dict[str, list[tuple[Event, Masses]]]:
    """Thing -> the events that made it, with what came out."""
    made: dict[str, list[tuple[Event, Masses]]] = {}
    for event in books.makes():
        for product in event.outputs:
            made.setdefault(product.thing, []).append((event, product.contained))
    return made


def _exceeding(
    books: Books, event: Event, masses: tuple[Masses, Masses], told: tuple[str, str], thing: str
) -> Iterator[BalanceFinding]:
    """The metals of which the first masses are more than the second."""
    (taken, there), (code, message) = masses, told
    for metal, mass in taken.items():
        held = there.get(metal, NOTHING)
        finding = _finding(
            books, event, code, message=f"{metal}: {message}", metal=metal, gap=held - mass, subject=thing
        )
        yield from compared(finding, max(held.value, mass.value), books.widest, bad=mass.exceeds(held))


def _moves_that_differ(books: Books) -> Iterator[BalanceFinding]:
    """Sender's and receiver's event of one move: the same masses, within both weighings."""
    received = {event.id: event for event in books.moves() if event.direction == "received"}
    for sent in books.moves():
        other = received.get(sent.id)
        if sent.direction != "sent" or other is None:
            continue
        ours, theirs = (add_up(product.contained for product in event.moved) for event in (sent, other))
        for metal in sorted({*ours, *theirs}):
            given, taken = ours.get(metal, NOTHING), theirs.get(metal, NOTHING)
            gap = given - taken
            message = f"{metal}: sender and receiver state different masses for the same move"
            finding = _finding(books, other, "move-disagrees", message=message, metal=metal, gap=gap, subject=sent.id)
            bad = gap.value.copy_abs() > gap.uncertainty
            yield from compared(finding, max(given.value, taken.value), books.widest, bad=bad)
        if other.time < sent.time:
            yield _too_early(books, other, sent.time, "received before it was sent")


def _claims_above_certified(books: Books) -> Iterator[BalanceFinding]:
    """ISO 22095: what a site attributes to an input over time is no more than it took in of it."""
    taken: dict[tuple[str, str, str], list[Mass]] = {}
    claimed: dict[tuple[str, str, str], list[Mass]] = {}
    last: dict[tuple[str, str, str], Event] = {}
    for event in books.makes():
        for product in event.inputs:
            for metal, mass in product.contained.items():
                taken.setdefault((event.site, product.thing, metal), []).append(mass)
        for part in event.attributions:
            key = (event.site, part.source, part.metal)
            claimed.setdefault(key, []).append(part.mass)
            last[key] = event
    for (site, thing, metal), masses in claimed.items():
        certified, claim = total(taken.get((site, thing, metal), ())), total(masses)
        message = f"{metal}: more is attributed to an input than went in of it"
        finding = _finding(
            books, last[(site, thing, metal)], "claims-above-certified", message=message, metal=metal,
            gap=certified - claim, subject=thing,
        )  # fmt: skip
        yield from compared(finding, max(certified.value, claim.value), books.widest, bad=claim.exceeds(certified))


def _outputs_before_inputs(books: Books) -> Iterator[BalanceFinding]:
    """No event uses or moves a thing before the event that made it; a lot of several, before the first."""
    made = {thing: min(event.time for event, _ in outputs) for thing, outputs in _made(books).items() if thing}
    for event in books.makes():
        for product in event.inputs:
            time = made.get(product.thing)
            if time is not None and event.time < time:
                yield _too_early(books, event, time, "an input is used before it was made")
    for move in books.moves():
        for product in move.moved:
            time = made.get(product.thing)
            if time is not None and move.time < time:
                yield _too_early(books, move, time, "a thing is moved before it was made")


def _not_covered(books: Books) -> Iterator[BalanceFinding]:
    """A closing stocktake that leaves out an event of its site and period leaves it out of the balance."""
    for closing in books.closings():
        if books.gaps.get(closing.id):
            continue  # what it covers is not fully known
        named = books.covers.get(closing.id, frozenset())
        for event in events_within(books, closing):
            if event.id not in named:
                yield BalanceFinding(
                    code="event-not-covered",
                    message=f"the closing stocktake leaves out an event of {event.time.date()}",
                    site=event.site,
                    metal="",
                    period=period(closing.start, closing.end),
                    residual=ZERO,
                    tolerance=ZERO,
                    subject=event.id,
                )


def _too_early(books: Books, event: Event, earliest: datetime, message: str) -> BalanceFinding:
    who = "move" if isinstance(event, MoveEvent) else "make event"
    return BalanceFinding(
        code="time-order",
        message=f"{message}: {who} of {event.time.date()}, not before {earliest.date()} possible",
        site=event.site,
        metal="",
        period=period_of(books, event),
        residual=ZERO,
        tolerance=ZERO,
        subject=event.id,
    )


def _finding(
    books: Books, event: Event, code: str, *, message: str, metal: str, gap: Mass, subject: str
) -> BalanceFinding:
    return BalanceFinding(
        code=code,
        message=message,
        site=event.site,
        metal=metal,
        period=period_of(books, event),
        residual=gap.value,
        tolerance=gap.uncertainty,
        subject=subject,
    )
