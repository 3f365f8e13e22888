"""What a thing holds, and what it is called, beside what came out of its making."""

from __future__ import annotations

import pytest

from connector.model import Did, JsonObject
from connector.provenance.balance import Books
from connector.provenance.crosscheck import all_findings
from connector.provenance.events import MakeEvent, SourceKind, Thing, each
from connector.provenance.origin import Chain, Ground, coverage
from tests.core.provenance.chains import WIDEST, World, audit, chain, metal
from tests.core.provenance.test_balance import codes, day, mass, pair, part


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


def test_a_making_that_is_not_shown_may_be_the_reason() -> None:
    """A passport names one making, and a lot may have had two: the last that was shown is named, and nobody accused."""
    makings = [
        MakeEvent(id=f"e{at}", time=day(at), site=f"s{at}", inputs=(part("O", "50"),), outputs=(part("L", "50"),))
        for at in (1, 2)
    ]
    lot = {"L": Thing(id="L", name="", contained={"Cu": mass("150", "5")})}
    for order in (makings, makings[::-1]):
        (found,) = all_findings(Books(widest=WIDEST, events=tuple(order), things=lot))
        assert (found.code, found.site) == ("more-than-made", "s2")
        assert found.message.endswith("more is in it than came out of the makings that were shown")


def test_metal_that_no_making_shows_makes_an_audit_say_so() -> None:
    """The refiner's event gave 148 kg, and its passport ten times as much: every signature is good."""
    report = audit(chain(claims={"L2": {"containedMetal": [metal("Ni", "1480")]}}))
    assert [(one.code, one.subject) for one in report.findings] == [("more-than-made", "L2")]
    assert report.verdict == "qualified"


MINED = MakeEvent(
    id="m", time=day(1), site="mine", inputs=(part("ORE", "100"),), outputs=(part("L", "100"),),
    attributions=(pair("ORE", "L", "100"),),
)  # fmt: skip
SMELTED = MakeEvent(
    id="s", time=day(2), site="smelter", inputs=(part("L", "100", link="toL"),), outputs=(part("S", "100"),),
    attributions=(pair("L", "S", "100"),),
)  # fmt: skip
SHREDDED = MakeEvent(
    id="d", time=day(2), site="dismantler", inputs=(part("OLD", "100", "", link="toOld"),),
    outputs=(part("D", "100"),), attributions=(pair("OLD", "D", "100"),),
)  # fmt: skip


@pytest.mark.parametrize(
    ("thing", "kind", "counts"),
    [
        ("L", "postConsumer", False),  # straight out of the ground
        ("L", "manufacturingWaste", False),
        ("S", "postConsumer", False),  # one step further
        ("S", "manufacturingWaste", True),  # what a works rejects was made of what it bought
        ("D", "postConsumer", True),  # an old battery, shredded by who does not say so
        ("OLD", "postConsumer", True),
        ("X", "postConsumer", True),  # whose making nobody shows: the buyer's word
    ],
)
def test_metal_is_waste_only_where_its_makers_show_nothing_else(thing: str, kind: SourceKind, *, counts: bool) -> None:
    """A buyer's word alone would make recycled metal of a mine's, and every signature would be good."""
    bought = MakeEvent(
        id="b", time=day(5), site="works", inputs=(part(thing, "100", kind, link="to"),), outputs=(part("B", "100"),),
        attributions=(pair(thing, "B", "100"),),
    )  # fmt: skip
    links = dict.fromkeys(("to", "toL", "toOld"), Ground.VERIFIED)
    known = Chain(
        widest=WIDEST, events=(MINED, SMELTED, SHREDDED, bought), links=links, extraction={"m": Ground.VERIFIED},
        used=frozenset({"OLD"}),

    )  # fmt: skip
    (found,) = coverage(known, "B")
    assert found.fraction(Ground.VERIFIED, source_kind=kind) == int(counts)
    assert found.fraction(Ground.VERIFIED) == 1


class Relabelled(World):
    """What the refiner used is called waste."""

    kind = ""

    def add(
        self, holder: Did, kind: str, record: str, *subjects: tuple[str, JsonObject], issuer: str = "", version: int = 1
    ) -> str:
        for _, subject in subjects:
            for one in each(subject.get("input")) if record == "rec:R1" else ():
                one["sourceKind"] = self.kind
        return super().add(holder, kind, record, *subjects, issuer=issuer, version=version)


@pytest.mark.parametrize("kind", ["postConsumer", "manufacturingWaste"])
def test_a_mines_lot_is_no_recycled_metal_in_an_audit(kind: str) -> None:
    """The refiner signs that it is; the mine and its permit show where it came from."""
    world = Relabelled()
    world.kind = kind
    (found,), (alone,) = audit(chain(world=world)).coverage, audit(chain()).coverage
    assert found.as_json()["recycled"] == {"manufacturingWaste": "0", "postConsumer": "0"}
    assert found.fraction(Ground.VERIFIED) == alone.fraction(Ground.VERIFIED)
