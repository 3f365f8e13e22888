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
    found = [(one.code, one.subject) for one in all_findings(Books(widest=WIDEST, events=events))]
    assert found == ([("time-order", "used"), ("time-order", "moved")] if early else [])
