"""Mass balance, cross-checks and origin shares on events as values."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from connector.provenance.balance import Books, make_findings, site_balances
from connector.provenance.crosscheck import all_findings
from connector.provenance.events import (
    Attribution,
    MakeEvent,
    MoveEvent,
    Product,
    SourceKind,
    StocktakeEvent,
    Thing,
)
from connector.provenance.masses import Mass, plain, read_mass, total
from connector.provenance.origin import Chain, Coverage, Ground, coverage
from tests.core.provenance.chains import WIDEST, audit, chain, kg

TOO_WIDE = "tolerance-too-wide"


def mass(value: str, uncertainty: str = "0") -> Mass:
    """A mass."""
    return Mass(value=Decimal(value), uncertainty=Decimal(uncertainty))


def day(number: int, month: int = 2) -> datetime:
    """A day of 2027."""
    return datetime(2027, month, number, tzinfo=UTC)


def part(thing: str, value: str, kind: SourceKind = "primary", *, link: str = "", attested: bool = True) -> Product:
    """So much copper."""
    return Product(thing=thing, contained={"Cu": mass(value)}, source_kind=kind, link=link, attested=attested)


def pair(source: str, target: str, value: str, *, allocated: bool = False, kind: SourceKind = "") -> Attribution:
    """So much copper of one in the other."""
    return Attribution(
        metal="Cu",
        source=source,
        target=target,
        mass=mass(value),
        custody_model="massBalance",
        basis="allocated" if allocated else "physical",
        source_kind=kind,
    )


def codes(*events: MakeEvent | MoveEvent | StocktakeEvent, **things: Thing) -> list[str]:
    """Codes of all findings."""
    return [finding.code for finding in all_findings(Books(widest=WIDEST, events=events, things=things))]


def test_the_official_sample_is_flagged_with_minus_999() -> None:
    """30 000 kg of concentrate at 0.3 make no 10 000 kg at 0.9999: 999 kg of copper too many."""
    concentrate = Decimal(30000) * Decimal("0.3")
    cathode = Decimal(10000) * Decimal("0.9999")
    event = MakeEvent(
        id="e", time=day(1), site="s", inputs=(part("in", str(concentrate)),), outputs=(part("out", str(cathode)),)
    )
    (finding,) = make_findings(Books(widest=WIDEST, events=(event,)))
    assert (finding.code, finding.metal, finding.site) == ("make-balance", "Cu", "s")
    assert plain(finding.residual) == "-999"
    assert finding.as_json()["unit"] == "KGM"
    assert "more went out" in finding.message


def test_more_metal_out_than_in_is_named_with_site_metal_period_and_residual() -> None:
    """The fault `inflated`: one finding for that site and no other, with the event that explains it."""
    report = audit(chain(refined="160"))
    (finding,) = report.findings
    assert (finding.code, finding.site, finding.metal) == ("site-balance", "site:refiner", "Ni")
    assert (finding.period, plain(finding.residual)) == ("2027-01-01/2027-03-01", "-12")
    assert finding.subject == "evt:R1"
    assert "make event of 2027-02-05: Ni: more went out (with losses) than came in (-12 kg)" in finding.message
    assert report.verdict == "qualified"
    assert set(report.outcomes) == {"verified"}


def test_a_residual_within_the_uncertainties_is_no_finding() -> None:
    """Tolerance is the root of the sum of the squares."""

    def event(out: str) -> MakeEvent:
        ins = Product(thing="i", contained={"Cu": mass("100", "3")})
        return MakeEvent(
            id="e",
            time=day(1),
            site="s",
            inputs=(ins,),
            outputs=(Product(thing="o", contained={"Cu": mass(out, "4")}),),
        )

    assert make_findings(Books(widest=WIDEST, events=(event("105"),))) == ()
    assert len(make_findings(Books(widest=WIDEST, events=(event("105.1"),)))) == 1


@pytest.mark.parametrize(("spread", "found"), [("20", []), ("20.1", [TOO_WIDE]), ("200", [TOO_WIDE])])
def test_who_states_that_anything_may_be_proves_nothing(spread: str, found: list[str]) -> None:
    """Nothing is left of 100 kg, or all of it: within 200 per cent both would balance."""
    ins = Product(thing="i", contained={"Cu": mass("100", spread)})
    event = MakeEvent(id="e", time=day(1), site="s", inputs=(ins,), outputs=(part("o", "100"),))
    books = Books(widest=WIDEST, events=(event,))
    assert [one.code for one in make_findings(books)] == found
    for one in make_findings(books):
        assert one.message == (
            "Cu: whether less went out (with losses) than came in could not be checked: "
            f"the stated uncertainties explain {spread} kg of 100 kg, at most 0.2 of it count"
        )


def test_a_site_and_a_lot_and_a_move_are_bounded_too() -> None:
    """Each comparison that wide uncertainties would hide says that it could not be made."""
    wide = {"Cu": mass("10", "20")}
    move = MoveEvent(
        id="m", time=day(2), site="s", direction="received", sender="x", receiver="us",
        moved=(Product(thing="P", contained=wide, link="l"),),
    )  # fmt: skip
    books = _site(move, opening="0", closing="1")
    (balance,) = site_balances(books)
    assert (balance.outcome, balance.as_json()["outcome"]) == ("unchecked", "unchecked")
    assert [one.code for one in all_findings(books)] == [TOO_WIDE]
    other = replace(move, id="m", direction="sent", site="x", moved=(part("P", "1"),))
    assert codes(move, other) == [TOO_WIDE]
    use = MakeEvent(id="u", time=day(3), site="t", inputs=(part("L", "10"),), outputs=(part("O", "10"),))
    assert codes(use, L=Thing(id="L", name="", contained=wide)) == [TOO_WIDE]
    half = replace(use, attributions=(pair("L", "O", "10"),), inputs=(Product(thing="L", contained=wide),))
    assert codes(half) == [TOO_WIDE, TOO_WIDE], "the event, and what it attributes"


def test_a_wide_statement_does_not_make_a_part_the_whole() -> None:
    """What is not attributed stays so beyond the bound: else one proven kilogram would stand for a hundred."""
    made = Product(thing="B", contained={"Cu": mass("100", "200")})
    event = MakeEvent(
        id="e", time=day(1), site="s", inputs=(part("i", "1"),), outputs=(made,), attributions=(pair("i", "B", "1"),)
    )
    (found,) = coverage(Chain(widest=WIDEST, events=(event,), extraction={"e": Ground.VERIFIED}), "B")
    assert (found.fraction(Ground.VERIFIED), found.fraction(Ground.UNATTRIBUTED)) == (Decimal("0.01"), Decimal("0.99"))


def test_a_lot_used_twice_is_found_also_over_two_sites() -> None:
    """Sum of consumption over all receivers <= mass of the lot."""
    uses = [MakeEvent(id=f"e{n}", time=day(n), site=f"s{n}", inputs=(part("L", "60", link="l"),)) for n in (1, 2)]
    outs = [MakeEvent(id=e.id, time=e.time, site=e.site, inputs=e.inputs, outputs=(part(e.id, "60"),)) for e in uses]
    lot = Thing(id="L", name="", contained={"Cu": mass("100", "5")})
    assert codes(*outs, L=lot) == ["double-consumption"]
    assert codes(outs[0], L=lot) == []


def test_two_sides_of_a_move_must_agree() -> None:
    """Another mass at the receiver than at the sender, and a receipt before the dispatch."""

    def side(direction: str, value: str, when: datetime) -> MoveEvent:
        return MoveEvent(
            id="m",
            time=when,
            site=direction,
            direction="sent" if direction == "sent" else "received",
            sender="a",
            receiver="b",
            moved=(part("L", value, link="l"),),
        )

    assert codes(side("sent", "10", day(1)), side("received", "10", day(2))) == []
    assert codes(side("sent", "10", day(1)), side("received", "12", day(2))) == ["move-disagrees"]
    assert codes(side("sent", "10", day(3)), side("received", "10", day(2))) == ["time-order"]


def test_claims_above_what_went_in_are_found() -> None:
    """ISO 22095: no more is attributed to an input than came in of it."""
    event = MakeEvent(
        id="e",
        time=day(1),
        site="s",
        inputs=(part("green", "10", link="g"), part("grey", "90", link="h")),
        outputs=(part("out", "100"),),
        attributions=(pair("green", "out", "50", allocated=True), pair("grey", "out", "50")),
    )
    (one,) = all_findings(Books(widest=WIDEST, events=(event,)))
    assert (one.code, one.subject, plain(one.residual)) == ("claims-above-certified", "green", "-40")


def _site(*flow: MakeEvent | MoveEvent, opening: str, closing: str) -> Books:
    first = StocktakeEvent(
        id="o", time=day(1), site="s", kind="opening", start=day(1), end=day(1), stock={"Cu": mass(opening)}
    )
    last = StocktakeEvent(
        id="c", time=day(28), site="s", kind="closing", start=day(1), end=day(28), stock={"Cu": mass(closing)}
    )
    named = frozenset({"o", *(event.id for event in flow)})
    return Books(widest=WIDEST, events=(first, last, *flow), covers={"c": named})


def _move(ident: str, when: datetime, value: str, *, sent: bool) -> MoveEvent:
    direction, ends = ("sent", ("us", "you")) if sent else ("received", ("you", "us"))
    return MoveEvent(
        id=ident,
        time=when,
        site="s",
        direction="sent" if direction == "sent" else "received",
        sender=ends[0],
        receiver=ends[1],
        moved=(part(f"lot-{ident}", value, link="l"),),
    )


def test_stock_below_zero_inside_the_period_is_found_though_the_end_is_right() -> None:
    """Sent on the 3rd, received on the 20th: the sums are right, the order is not."""
    books = _site(
        _move("a", day(3), "50", sent=True), _move("b", day(20), "50", sent=False), opening="10", closing="10"
    )
    assert [item.outcome for item in site_balances(books)] == ["balanced"]
    assert [finding.code for finding in all_findings(books)] == ["negative-stock"]


def test_an_event_that_the_stocktake_leaves_out_is_found() -> None:
    """Known at the site, within the period, not covered."""
    books = _site(opening="10", closing="10")
    hidden = _move("x", day(5), "5", sent=True)
    found = all_findings(Books(widest=WIDEST, events=(*books.events, hidden), covers=books.covers))
    assert [finding.code for finding in found] == ["event-not-covered"]


def test_a_bought_lot_is_counted_once() -> None:
    """What came by a move without a link and is then used is no second entry."""
    bought = MoveEvent(
        id="b", time=day(2), site="s", direction="received", sender="x", receiver="us", moved=(part("P", "5"),)
    )
    used = MakeEvent(id="m", time=day(3), site="s", inputs=(part("P", "5", attested=False),), outputs=(part("Q", "5"),))
    (balance,) = site_balances(_site(bought, used, opening="0", closing="5"))
    assert (balance.outcome, plain(balance.received.value), plain(balance.extracted.value)) == ("balanced", "5", "0")


def test_an_incomplete_balance_is_no_finding() -> None:
    """Where an event of the period was not given, the residual proves nothing."""
    books = _site(opening="10", closing="3")
    unknown = Books(widest=WIDEST, events=books.events, covers=books.covers, gaps={"c": ("x is sealed",)})
    assert [item.outcome for item in site_balances(unknown)] == ["incomplete"]
    assert all_findings(unknown) == ()


def test_a_corrected_event_does_not_count() -> None:
    """A reversal replaces what it corrects."""
    wrong = _move("wrong", day(3), "50", sent=True)
    right = MoveEvent(
        id="right",
        time=day(3),
        site="s",
        direction="sent",
        sender="us",
        receiver="you",
        moved=(part("l", "5", link="l"),),
        corrects=("wrong",),
    )
    assert all_findings(_site(wrong, right, opening="10", closing="5")) == ()


def _origin(*events: MakeEvent, **links: Ground) -> Coverage:
    extraction = dict.fromkeys((event.id for event in events), Ground.VERIFIED)
    (found,) = coverage(
        Chain(widest=WIDEST, events=events, links=links, extraction=extraction, bought=frozenset({"P"})), "B"
    )
    return found


def test_shares_multiply_and_one_allocated_step_makes_them_allocated() -> None:
    """Half of half; the other half bought without proof."""
    mine = MakeEvent(
        id="m",
        time=day(1),
        site="mine",
        inputs=(part("ORE", "10"),),
        outputs=(part("L", "10"),),
        attributions=(pair("ORE", "L", "10"),),
    )
    blend = MakeEvent(
        id="b",
        time=day(2),
        site="works",
        inputs=(part("L", "5", link="toL"), part("P", "5", attested=False)),
        outputs=(part("B", "10"),),
        attributions=(pair("L", "B", "5", allocated=True), pair("P", "B", "5")),
    )
    found = _origin(mine, blend, toL=Ground.VERIFIED)
    assert found.fraction(Ground.VERIFIED) == found.fraction(Ground.VERIFIED, allocated=True) == Decimal("0.5")
    assert found.fraction(Ground.VERIFIED, allocated=False) == 0
    assert found.fraction(Ground.UNATTESTED) == Decimal("0.5")
    sealed = _origin(mine, blend, toL=Ground.SEALED)
    assert sealed.fraction(Ground.SEALED) == Decimal("0.5")


def test_recycled_content_is_split_and_run_around_scrap_is_none() -> None:
    """A recovered lot of an old battery and of another maker's scrap; own scrap counts as what it was made from."""
    recycler = MakeEvent(
        id="r",
        time=day(1),
        site="recycler",
        inputs=(part("A", "30", "postConsumer", link="toA"), part("S", "10", "manufacturingWaste", link="toS")),
        outputs=(part("REC", "40"),),
        attributions=(pair("A", "REC", "30"), pair("S", "REC", "10")),
    )
    first = MakeEvent(
        id="f",
        time=day(2),
        site="works",
        inputs=(part("ORE", "20"),),
        outputs=(part("OWN", "20"),),
        attributions=(pair("ORE", "OWN", "20"),),
    )
    battery = MakeEvent(
        id="b",
        time=day(3),
        site="works",
        inputs=(part("REC", "40", "postConsumer", link="toR"), part("OWN", "20", "runAround"), part("ORE2", "40")),
        outputs=(part("B", "100"),),
        attributions=(pair("REC", "B", "40"), pair("OWN", "B", "20"), pair("ORE2", "B", "40")),
    )
    found = _origin(recycler, first, battery, toA=Ground.VERIFIED, toS=Ground.VERIFIED, toR=Ground.VERIFIED)
    assert found.fraction(Ground.VERIFIED) == 1
    assert found.as_json()["recycled"] == {"manufacturingWaste": "0.1", "postConsumer": "0.3"}
    assert found.fraction(Ground.VERIFIED, source_kind="runAround") == 0


def test_without_a_mine_permit_nothing_comes_out_of_the_ground() -> None:
    """An input from nowhere at a site without a permit is bought without proof, whatever it is called."""
    event = MakeEvent(
        id="e",
        time=day(1),
        site="works",
        inputs=(part("X", "6", attested=False), part("Y", "4")),
        outputs=(part("B", "10"),),
        attributions=(pair("X", "B", "6"), pair("Y", "B", "4")),
    )
    (found,) = coverage(Chain(widest=WIDEST, events=(event,)), "B")
    assert found.fraction(Ground.UNATTESTED) == Decimal("0.6")
    assert found.fraction(Ground.UNPROVEN) == Decimal("0.4")
    (found,) = coverage(Chain(widest=WIDEST, events=(event,), extraction={"e": Ground.FAILED}), "B")
    assert found.fraction(Ground.FAILED) == 1


def test_what_is_not_attributed_or_turns_in_a_circle_is_no_origin() -> None:
    """Missing attribution is named; a thing made from itself proves nothing; shares never exceed one."""
    gap = MakeEvent(
        id="g",
        time=day(1),
        site="s",
        inputs=(part("ORE", "10"),),
        outputs=(part("B", "10"),),
        attributions=(pair("ORE", "B", "6"),),
    )
    assert _origin(gap).fraction(Ground.UNATTRIBUTED) == Decimal("0.4")
    circle = MakeEvent(
        id="c",
        time=day(1),
        site="s",
        inputs=(part("B", "10"),),
        outputs=gap.outputs,
        attributions=(pair("B", "B", "10"),),
    )
    assert _origin(circle).fraction(Ground.UNPROVEN) == 1
    greedy = MakeEvent(
        id="x", time=day(1), site="s", inputs=gap.inputs, outputs=gap.outputs, attributions=(pair("ORE", "B", "25"),)
    )
    assert _origin(greedy).fraction(Ground.VERIFIED) == 1


def test_a_thousand_steps_are_followed() -> None:
    """A site that blends each day what is left of the day before."""
    steps = [
        MakeEvent(
            id=f"e{number}",
            time=day(1),
            site="s",
            inputs=(part(f"T{number - 1}", "10"),),
            outputs=(part(f"T{number}", "10"),),
            attributions=(pair(f"T{number - 1}", f"T{number}", "10"),),
        )
        for number in range(1, 1001)
    ]
    (found,) = coverage(Chain(widest=WIDEST, events=tuple(steps), extraction={"e1": Ground.VERIFIED}), "T1000")
    assert found.fraction(Ground.VERIFIED) == 1


def test_a_sum_of_masses_carries_the_root_of_the_sum_of_squares() -> None:
    """Three and four make five."""
    assert total((mass("1", "3"), mass("1", "4"))) == mass("2", "5")
    assert read_mass(kg("1", "0.25")).uncertainty == Decimal("0.25")
