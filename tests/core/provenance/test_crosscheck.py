"""Checks across events: of a lot no more is used or sent than there is, and a finding names the event that shows it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from connector.provenance.balance import BalanceFinding, Books
from connector.provenance.crosscheck import all_findings
from connector.provenance.events import Attribution, Event, MakeEvent, MoveEvent, Product, StocktakeEvent, Thing
from connector.provenance.masses import Mass, plain
from tests.core.provenance.chains import WIDEST


def day(number: int) -> datetime:
    """Of January 2027."""
    return datetime(2027, 1, number, tzinfo=UTC)


def of(thing: str, value: str, metal: str = "Ni", spread: str = "0") -> Product:
    """So much metal in a thing."""
    mass = Mass(value=Decimal(value or 0), uncertainty=Decimal(spread))
    return Product(thing=thing, contained={metal: mass} if value else {})


def made(ident: str, ins: tuple[Product, ...], outs: tuple[Product, ...], when: int = 1, site: str = "s") -> MakeEvent:
    """A making."""
    return MakeEvent(id=ident, time=day(when), site=site, inputs=ins, outputs=outs)


def sent(ident: str, *what: Product, when: int = 5, site: str = "s") -> MoveEvent:
    """A sender's side."""
    return MoveEvent(
        id=ident, time=day(when), site=site, direction="sent", sender="a", receiver="b", moved=what
    )  # fmt: skip


def found(*events: Event, **things: Thing) -> list[BalanceFinding]:
    """All findings, but that a making by itself does not balance."""
    every = all_findings(Books(widest=WIDEST, events=events, things=things))
    return [one for one in every if one.code != "make-balance"]


def test_a_lot_without_a_passport_holds_what_its_making_says() -> None:
    """The finding is told of the last use, about the lot; what nobody made or described proves nothing."""
    unknown = made("u", (of("BOUGHT", "99"),), (), 2)
    uses = [made(f"e{number}", (of("L", "60"),), (), number, site=f"s{number}") for number in (3, 4)]
    for passport in ({}, {"L": Thing(id="L", name="its metals are not for us")}):
        assert found(unknown, made("m", (), (of("L", "120"),)), *uses, **passport) == []
    (one,) = found(unknown, made("m", (), (of("L", "100"),)), *uses[::-1])
    assert (one.code, one.subject, one.site, plain(one.residual)) == ("double-consumption", "L", "s4", "-20")
    (one,) = found(made("m", (), (of("L", ""),)), uses[0])
    assert (one.code, plain(one.residual)) == ("double-consumption", "-60"), "it was made, and of none of that metal"


@pytest.mark.parametrize("second", ["0", "9"])
def test_a_lot_that_two_sites_made_is_sent_once_by_both(second: str) -> None:
    """20 kg, of which the first sends 18 and the second the rest at most; in whatever order they were found."""
    makes = [made(site, (), (of("L", "10"),), site=site) for site in ("s", "t")]
    moves = [sent("m1", of("L", "9")), sent("m2", of("L", "9")), sent("m3", of("L", second), when=6, site="t")]
    onwards = sent("x", of("L", "9"), when=7, site="elsewhere")
    back = replace(sent("y", of("L", "9"), when=7), direction="received")
    for first in (makes, makes[::-1]):
        told = [(one.code, one.subject, one.site) for one in found(*first, *moves, onwards, back)]
        assert told == ([("sent-twice", "L", "t")] if second == "9" else [])


def test_what_names_no_thing_is_not_taken_for_one() -> None:
    """Its class may not have been given: two unnamed lots are not the same one."""
    makes = made("m", (), (of("", "10"),), 4), made("u", (of("", "60"),), (), 3)
    assert found(*makes, sent("x", of("", "60"), when=3)) == []


def test_a_fault_of_a_site_is_explained_by_its_own_makings_of_that_metal() -> None:
    """Two sites and two metals: each finding has its cause, and no other's."""
    books: list[Event] = []
    covers: dict[str, frozenset[str]] = {}
    for site, metal in (("s", "Ni"), ("t", "Ni"), ("t", "Co")):
        name = f"{site}{metal}"
        books.append(made(f"e{name}", (of(f"i{name}", "10", metal),), (of(f"o{name}", "15", metal),), 5, site))
    for site, metals in (("s", ["Ni"]), ("t", ["Ni", "Co"])):
        opening = StocktakeEvent(
            id=f"o{site}", time=day(1), site=site, kind="opening", start=day(1), end=day(1), stock={}
        )  # fmt: skip
        stock = dict.fromkeys(metals, Mass(value=Decimal(15)))
        closing = replace(opening, id=f"c{site}", time=day(28), kind="closing", end=day(28), stock=stock)
        books += [opening, closing]
        covers[f"c{site}"] = frozenset(one.id for one in books if one.site == site and one is not closing)
    told = all_findings(Books(widest=WIDEST, events=tuple(books), covers=covers))
    assert sorted((one.code, one.site, one.metal, one.subject) for one in told) == [
        ("site-balance", "s", "Ni", "esNi"), ("site-balance", "t", "Co", "etCo"), ("site-balance", "t", "Ni", "etNi"),
    ]  # fmt: skip


def test_what_a_stocktake_leaves_out_is_told_where_all_that_it_names_is_known() -> None:
    """One with gaps accuses nobody, and the next one is looked at all the same."""
    closing = StocktakeEvent(
        id="c", time=day(9), site="s", kind="closing", start=day(1), end=day(9), stock={}
    )  # fmt: skip
    events = (closing, replace(closing, id="d"), sent("x", of("L", "1")))
    known = Books(widest=WIDEST, events=events, gaps={"c": ("y is sealed",)})
    (one,) = all_findings(known)
    assert (one.code, one.subject, one.period, one.metal) == ("event-not-covered", "x", "2027-01-01/2027-01-09", "")


def test_a_metal_that_one_side_of_a_move_leaves_out_is_a_difference() -> None:
    """Whichever side it is."""
    both, nickel = (of("L", "5"), of("L", "1", "Co")), (of("L", "5"),)
    for ours, theirs, gap in ((both, nickel, "1"), (nickel, both, "-1")):
        (one,) = found(sent("m", *ours), replace(sent("m", *theirs, site="t"), direction="received"))
        assert (one.code, one.metal, plain(one.residual), one.site) == ("move-disagrees", "Co", gap, "t")


def test_an_uncertainty_is_held_against_the_larger_of_two_masses() -> None:
    """1.9 kg is less than a fifth of 10 kg, and more than a fifth of 8.5 kg."""
    ten, less = of("L", "10", spread="1.9"), of("L", "8.5")
    move = sent("m", ten)
    assert found(move, replace(sent("m", less, site="t"), direction="received")) == []
    lot = {"L": Thing(id="L", name="", contained=ten.contained)}
    assert found(made("u", (less,), ()), **lot) == []
    claim = Attribution(
        metal="Ni", source="L", target="B", mass=less.contained["Ni"], custody_model="massBalance", basis="physical",
        source_kind="",
    )  # fmt: skip
    assert found(replace(made("u", (ten,), ()), attributions=(claim,))) == []


def test_a_making_that_is_off_the_other_way_explains_nothing() -> None:
    """The site lacks 5 kg: one making gave 7 kg too much, the other 2 kg too little, which is a finding of its own."""
    makes = made("much", (of("i", "10"),), (of("o", "17"),), 5), made("little", (of("j", "10"),), (of("p", "8"),), 6)
    opening = StocktakeEvent(id="o", time=day(1), site="s", kind="opening", start=day(1), end=day(1), stock={})
    stock = {"Ni": Mass(value=Decimal(25))}
    closing = replace(opening, id="c", time=day(28), kind="closing", end=day(28), stock=stock)
    covers = {"c": frozenset({"o", "much", "little"})}
    told = all_findings(Books(widest=WIDEST, events=(*makes, opening, closing), covers=covers))
    assert [(one.code, one.subject, plain(one.residual)) for one in told] == [
        ("site-balance", "much", "-5"), ("make-balance", "little", "2")
    ]  # fmt: skip
