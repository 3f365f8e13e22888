"""Nothing is used or moved before it was made."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from connector.provenance.balance import Books
from connector.provenance.crosscheck import all_findings
from connector.provenance.events import MakeEvent, MoveEvent, Product
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
    found = [(one.code, one.subject, one.message) for one in all_findings(Books(widest=WIDEST, events=events))]
    told = [("used", "an input is used", "make event"), ("moved", "a thing is moved", "move")] if early else []
    assert found == [
        ("time-order", event, f"{what} before it was made: {who} of 2027-01-04, not before 2027-01-05 possible")
        for event, what, who in told
    ]


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
