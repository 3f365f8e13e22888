"""Nothing is used or moved before it was made; what several makings brought forth is judged in whatever order."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from connector.provenance.balance import Books
from connector.provenance.crosscheck import all_findings
from connector.provenance.events import MakeEvent, MoveEvent, Product, Thing
from connector.provenance.masses import Mass
from tests.core.provenance.chains import WIDEST

THING = (Product(thing="X", contained={}),)


@pytest.mark.parametrize(("day", "early"), [(4, True), (5, False), (6, False)])
def test_a_thing_is_used_and_moved_from_the_time_of_its_making_on(day: int, *, early: bool) -> None:
    """At the same moment it may be: events of a day are often told by the day."""
    made, later = (datetime(2027, 1, one, tzinfo=UTC) for one in (5, day))
    events = (
        MakeEvent(id="made", time=made, site="s", outputs=THING),
        MakeEvent(id="used", time=later, site="s", inputs=THING),
        MoveEvent(id="moved", time=later, site="s", direction="sent", sender="a", receiver="b", moved=THING),
    )
    found = [(one.code, one.subject) for one in all_findings(Books(widest=WIDEST, events=events))]
    assert found == ([("time-order", "used"), ("time-order", "moved")] if early else [])


def test_a_lot_of_several_makings_is_there_from_the_first_on() -> None:
    """In whatever order the events were found."""
    first, between, last = (datetime(2027, 1, one, tzinfo=UTC) for one in (2, 4, 6))
    events = (
        MakeEvent(id="first", time=first, site="s", outputs=THING),
        MakeEvent(id="used", time=between, site="s", inputs=THING),
        MakeEvent(id="last", time=last, site="s", outputs=THING),
    )
    for found in (events, events[::-1]):
        assert all_findings(Books(widest=WIDEST, events=found)) == ()


@pytest.mark.parametrize("second", ["0", "9"])
def test_a_lot_that_two_sites_made_is_sent_once_by_both(second: str) -> None:
    """20 kg, of which the first sends 18 and the second the rest at most."""
    day = datetime(2027, 1, 5, tzinfo=UTC)
    made = tuple(MakeEvent(id=site, time=day, site=site, outputs=THING) for site in ("s", "t"))
    sent = tuple(
        MoveEvent(
            id=f"m{number}", time=day, site=site, direction="sent", sender="a", receiver="b",
            moved=(Product(thing="X", contained={"Ni": Mass(value=Decimal(value))}),),
        )
        for number, (site, value) in enumerate([("s", "9"), ("s", "9"), ("t", second)])
    )  # fmt: skip
    lot = {"X": Thing(id="X", name="", contained={"Ni": Mass(value=Decimal(20))})}
    for first in (made, made[::-1]):
        found = all_findings(Books(widest=WIDEST, events=(*first, *sent), things=lot))
        assert [one.code for one in found] == (["sent-twice"] if second == "9" else [])
