"""Mass balance of a site: which event counts, as what, and where a residual stops to be within its tolerance."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from connector.provenance.balance import Books, SiteBalance, make_findings, site_balances
from connector.provenance.crosscheck import all_findings
from connector.provenance.events import MakeEvent, Masses, MoveEvent, Product, StocktakeEvent
from connector.provenance.masses import Mass, plain
from connector.provenance.outcomes import Verdict
from connector.provenance.report import AuditReport
from connector.provenance.retelling import read_report
from tests.core.provenance.chains import WIDEST

START, END = datetime(2027, 2, 1, tzinfo=UTC), datetime(2027, 3, 1, tzinfo=UTC)


def metals(text: str) -> Masses:
    """`10 Cu, 5+1 Ni`: ten kilograms of copper, and five of nickel give or take one."""
    parts = [part.split() for part in text.split(",") if part]
    split = [(metal, *(*stated.split("+"), "0")[:2]) for stated, metal in parts]
    return {metal: Mass(value=Decimal(value), uncertainty=Decimal(spread)) for metal, value, spread in split}


def thing(name: str, text: str, *, link: str = "", run_around: bool = False) -> Product:
    """So much in one thing."""
    return Product(
        thing=name,
        contained=metals(text),
        source_kind="runAround" if run_around else "primary",
        link=link,
        attested=True,
    )


def moved(direction: str, what: Product, *, day: datetime = START, ident: str = "") -> MoveEvent:
    """One side of a move."""
    side, ends = ("sent", ("us", "you")) if direction == "sent" else ("received", ("you", "us"))
    return MoveEvent(
        id=ident or f"{direction}-{what.thing}", time=day, site="s", moved=(what,), sender=ends[0], receiver=ends[1],
        direction="sent" if side == "sent" else "received",
    )  # fmt: skip


def made(ins: tuple[Product, ...] = (), outs: tuple[Product, ...] = (), lost: str = "", ident: str = "m") -> MakeEvent:
    """A making with what was lost."""
    return MakeEvent(
        id=ident, time=START.replace(day=9), site="s", inputs=ins, outputs=outs, losses=(metals(lost),) if lost else ()
    )


def site(*flow: MakeEvent | MoveEvent, opening: str = "", closing: str = "") -> Books:
    """February at one site, its events covered."""
    first = StocktakeEvent(id="o", time=START, site="s", kind="opening", start=START, end=START, stock=metals(opening))
    last = StocktakeEvent(id="c", time=END, site="s", kind="closing", start=START, end=END, stock=metals(closing))
    named = frozenset({"o", *(event.id for event in flow)})
    return Books(widest=WIDEST, events=(first, last, *flow), covers={"c": named})


def codes(books: Books) -> list[str]:
    """Of all findings."""
    return [one.code for one in all_findings(books)]


def only(books: Books) -> SiteBalance:
    """The one balance."""
    (balance,) = site_balances(books)
    return balance


@pytest.mark.parametrize(
    ("event", "extracted"),
    [
        (made((thing("ORE", "10 Cu"),)), "10"),
        (made((thing("LOT", "10 Cu", link="l"),)), "0"),  # the move by which it came counts
        (made((thing("SCRAP", "10 Cu", run_around=True),)), "0"),
        (made((thing("OWN", "10 Cu"),), (thing("OWN", "10 Cu"),)), "0"),  # made here before
    ],
)
def test_what_comes_from_nowhere_is_counted_as_extracted(event: MakeEvent, extracted: str) -> None:
    """Neither what has a link, nor own scrap, nor what the site made."""
    assert plain(only(site(event, opening="1 Cu")).extracted.value) == extracted


@pytest.mark.parametrize(
    ("books", "found"),
    [
        (site(moved("received", thing("L", "5 Ni", link="l"))), "5"),
        (site(moved("sent", thing("L", "5 Ni"))), "-5"),
        (site(made((thing("ORE", "5 Ni"),))), "5"),
        (site(made(lost="5 Ni")), "-5"),
    ],
)
def test_a_metal_that_no_stocktake_counts_is_balanced_too(books: Books, found: str) -> None:
    """What came and is not there, or went and was not there."""
    assert plain(only(books).residual.value) == found
    assert "site-balance" in codes(books)


@pytest.mark.parametrize(
    ("events", "outcome"),
    [
        ((made(outs=(thing("LOT", "5 Li"),)),), "no-input-stated"),
        ((made((thing("ORE", "0 Li"),), (thing("LOT", "5 Li"),)),), "no-input-stated"),
        ((made((thing("IN", "5 Li", link="l"),), (thing("LOT", "5 Li"),)),), "balanced"),  # what was used is told
        ((made((thing("S", "5 Li", run_around=True),), (thing("S", "5 Li"),)),), "balanced"),
        ((made(outs=(thing("LOT", "5 Li"),)), moved("sent", thing("LOT", "5 Li"))), "out-of-tolerance"),
        ((made((thing("ORE", "5 Li"),)), made(outs=(thing("LOT", "5 Li"),), ident="n")), "out-of-tolerance"),
    ],
)
def test_zeros_of_a_metal_of_no_input_balance_nothing(events: tuple[MakeEvent, ...], outcome: str) -> None:
    """It stands in what was made alone: that is a word of its own, also told again."""
    balance = only(site(*events))
    assert balance.outcome == outcome
    report = AuditReport(root="r", at=END, verdict=Verdict.VERIFIED, nodes=(), balances=(balance,))
    assert [one.outcome for one in read_report(report.as_json()).balances] == [outcome]
    assert (codes(site(*events)) == []) is (outcome == "balanced"), "it is a finding, whatever the word"


@pytest.mark.parametrize(
    ("opening", "closing", "outcome"),
    [
        ("100+20 Cu", "90 Cu", "balanced"),  # a fifth of what was there, not of what is
        ("90 Cu", "100+20 Cu", "balanced"),
        ("100+20.1 Cu", "90 Cu", "unchecked"),
        ("100+10 Cu", "90 Cu", "balanced"),
        ("100+9.9 Cu", "90 Cu", "out-of-tolerance"),
        ("0+1 Cu", "0+1 Cu", "balanced"),  # of nothing no share can be told
    ],
)
def test_a_residual_is_held_against_the_tolerance_and_that_against_the_larger_side(
    opening: str, closing: str, outcome: str
) -> None:
    """Up to the bound, the bound included; the same for a make event of such masses."""
    told = {"balanced": [], "unchecked": ["tolerance-too-wide"], "out-of-tolerance": ["site-balance"]}
    assert only(site(opening=opening, closing=closing)).outcome == outcome
    assert codes(site(opening=opening, closing=closing)) == told[outcome]
    event = made((thing("i", opening, link="l"),), (thing("o", closing),))
    found = make_findings(Books(widest=WIDEST, events=(event,)))
    assert [one.code.replace("make", "site") for one in found] == told[outcome]
    assert {one.period for one in found} <= {"2027-02-09"}


def test_without_an_opening_stocktake_nothing_is_balanced() -> None:
    """It is said beside other gaps; nor is such a stocktake an event that was left out, nor a wide tolerance told."""
    books = site(opening="10 Cu", closing="5+5 Cu, 1 Ni")
    bare = replace(books, covers={"c": frozenset[str]()})
    assert [one.gaps for one in site_balances(bare)] == [("no opening stocktake is covered",)] * 2
    assert all_findings(bare) == ()
    more = replace(bare, gaps={"c": ("x is sealed",)})
    assert {one.gaps for one in site_balances(more)} == {("x is sealed", "no opening stocktake is covered")}
    (closing,) = books.closings()
    second = replace(closing, id="d", site="t", stock=metals("7 Cu"))
    other = replace(books, events=(*books.events, second), covers={"c": frozenset[str](), "d": frozenset({"e"})})
    first = replace(second, id="e", kind="opening", stock={})
    assert codes(replace(other, events=(*other.events, first))) == ["site-balance"], "one gap ends no others"


@pytest.mark.parametrize(
    ("flow", "found"),
    [
        ([("sent", "10", 3), ("received", "10", 3)], ""),  # what comes on a day may go on it
        ([("sent", "15", 3), ("received", "15", 4)], "-5"),
        ([("sent", "10", 3), ("received", "10", 4)], ""),  # nothing left is not less than nothing
        ([("sent", "15+5", 3), ("received", "15", 4)], ""),  # within the uncertainty
        ([("received", "5", 2), ("sent", "16", 3), ("received", "11", 4)], "-1"),
        ([("lost", "4", 9), ("sent", "10", 10), ("received", "14", 11)], "-4"),
        ([("dug", "4", 9), ("sent", "14", 10), ("received", "10", 11)], ""),
    ],
)
def test_stock_is_followed_through_the_period(flow: list[tuple[str, str, int]], found: str) -> None:
    """From ten kilograms to ten: more than is there can't go out at any time."""
    events: list[MakeEvent | MoveEvent] = []
    for number, (what, value, day) in enumerate(flow):
        text = f"{value} Cu"
        if what == "lost":
            events.append(made(lost=text))
        elif what == "dug":
            events.append(made((thing("ORE", text),), (thing("OUT", text),)))
        else:
            events.append(
                moved(what, thing(f"L{number}", text, link="l"), day=START.replace(day=day), ident=f"e{number}")
            )
    told = [
        one for one in all_findings(site(*events, opening="10 Cu", closing="10 Cu")) if one.code == "negative-stock"
    ]
    assert [plain(one.residual) for one in told] == ([found] if found else [])
    for one in told:
        sender = next(event.id for event in events if isinstance(event, MoveEvent) and event.direction == "sent")
        assert (one.subject, one.period) == (sender, "2027-02-01/2027-03-01")


@pytest.mark.parametrize(
    ("time", "found"),
    [
        (datetime(2027, 1, 31, 23, tzinfo=UTC), []),
        (START, ["event-not-covered"]),
        (datetime(2027, 2, 28, 23, tzinfo=UTC), ["event-not-covered"]),
        (END, []),
    ],
)
def test_a_period_has_its_beginning_and_not_its_end(time: datetime, found: list[str]) -> None:
    """Whichever order events come in."""
    books = site(opening="1 Cu", closing="1 Cu")
    hidden = moved("sent", thing("L", "1 Cu", link="l"), day=time)
    later = replace(hidden, id="later", time=datetime(2027, 5, 1, tzinfo=UTC))
    for events in ((later, hidden, *books.events), (*books.events, later, hidden)):
        assert codes(replace(books, events=events)) == found
