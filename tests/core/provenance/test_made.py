"""What a thing holds beside what came out of its making."""

from __future__ import annotations

import pytest

from connector.provenance.events import MakeEvent, Thing
from tests.core.provenance.chains import audit, chain, metal
from tests.core.provenance.test_balance import codes, day, mass, part


@pytest.mark.parametrize(
    ("held", "found"),
    [
        ("1000", ["more-than-made"]), ("110", ["more-than-made"]), ("105", []), ("90", []),
        ("105 200", ["tolerance-too-wide"]),
    ],
)  # fmt: skip
def test_a_lot_holds_no_more_than_was_made(held: str, found: list[str]) -> None:
    """Else metal of nowhere comes in between the making and the passport, and has the origin of what was made."""
    made = MakeEvent(id="e1", time=day(1), site="s1", inputs=(part("O", "100"),), outputs=(part("L", "100"),))
    value, _, spread = held.partition(" ")
    lot = Thing(id="L", name="", contained={"Cu": mass(value, spread or "5"), "Ni": mass("7")})
    assert codes(made, L=lot) == found


def test_metal_that_no_making_shows_makes_an_audit_say_so() -> None:
    """The refiner's event gave 148 kg, and its passport ten times as much: every signature is good."""
    report = audit(chain(claims={"L2": {"containedMetal": [metal("Ni", "1480")]}}))
    assert [(one.code, one.subject) for one in report.findings] == [("more-than-made", "L2")]
    assert report.verdict == "qualified"
