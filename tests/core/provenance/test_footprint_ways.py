"""By which ways a footprint reaches a battery: each way once, each metal by itself, and steps beside wholes."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from connector.model import JsonObject
from connector.provenance.events import Attribution, MakeEvent, Product, Thing
from connector.provenance.footprints import read_footprints
from connector.provenance.masses import Mass
from connector.provenance.origin import Chain, Ground
from connector.provenance.rollup import claimed, roll_up
from tests.core.provenance.chains import WIDEST, audit, chain, claim, lot


def makes(target: str, *parts: tuple[str, str, str]) -> MakeEvent:
    """A thing of other things: so much of a metal of each."""
    whole: dict[str, Decimal] = {}
    held: dict[str, dict[str, Mass]] = {}
    for source, metal, value in parts:
        held.setdefault(source, {})[metal] = Mass(value=Decimal(value))
        whole[metal] = whole.get(metal, Decimal(0)) + Decimal(value)
    return MakeEvent(
        id=f"making {target}", time=datetime(2027, 1, 1, tzinfo=UTC), site="s",
        inputs=tuple(
            Product(thing=source, contained=masses, source_kind="primary", link=f"to {source}", attested=True)
            for source, masses in held.items()
        ),
        outputs=(Product(thing=target, contained={metal: Mass(value=value) for metal, value in whole.items()}),),
        attributions=tuple(
            Attribution(
                metal=metal, source=source, target=target, mass=Mass(value=Decimal(value)), custody_model="segregated",
                basis="physical", source_kind="",
            )
            for source, metal, value in parts
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    "events",
    [
        [makes("B", ("X", "Ni", "60"))],
        [makes("A", ("X", "Ni", "60")), makes("B", ("A", "Ni", "60"))],
        # through M, and past it; in either order
        [
            makes("A", ("X", "Ni", "60")),
            makes("M", ("A", "Ni", "30")),
            makes("B", ("A", "Ni", "30"), ("M", "Ni", "30")),
        ],
        [
            makes("A", ("X", "Ni", "60")),
            makes("M", ("A", "Ni", "30")),
            makes("B", ("M", "Ni", "30"), ("A", "Ni", "30")),
        ],
        # no more of the cobalt than of iron counts: X says that there is nickel in it
        [makes("B", ("X", "Ni", "60"), ("X", "Co", "40"))],
    ],
)
def test_each_way_counts_once_and_for_the_metals_that_are_stated(events: list[MakeEvent]) -> None:
    """All that X states, 250 kg at 4, is in the battery, and no more."""
    links = {f"to {name}": Ground.VERIFIED for name in "XAM"}
    (found,) = read_footprints(({"netMass": {"value": "250", "unit": "KGM"}, "footprint": claim("4")},))
    thing = Thing(id="X", name="X", contained={"Ni": Mass(value=Decimal(60)), "Fe": Mass(value=Decimal(0))})
    claims = {"X": claimed("X", found, thing, issuer="")}
    report = roll_up(Chain(events=tuple(events), links=links, widest=WIDEST), "B", claims, (), ())
    assert f"{Decimal(report.total):.3f}" == "1000.000"
    assert report.rules == ("Rulebook 2.0",)


@pytest.mark.parametrize(("mine", "refiner"), [("gateToGate", "cradleToGate"), ("cradleToGate", "gateToGate")])
def test_a_step_is_neither_a_whole_nor_what_has_to_lie_within_one(mine: str, refiner: str) -> None:
    """The refiner's 2 is less than the mine's 7: of wholes that would be a finding."""
    claims: dict[str, JsonObject] = {
        "L1": lot("250", claim("7", boundary=mine)), "L2": lot("660", claim("2", boundary=refiner)),
    }  # fmt: skip
    report = audit(chain(claims=claims))
    assert (report.footprint.comparisons, report.findings) == ((), ())


@pytest.mark.parametrize("contained", [{}, {"Ni": Mass(value=Decimal(0))}])
def test_a_lot_of_which_no_metal_is_stated_can_t_be_followed(contained: dict[str, Mass]) -> None:
    """It is said why its claim is added to nothing."""
    (found,) = read_footprints(({"netMass": {"value": "250", "unit": "KGM"}, "footprint": claim("4")},))
    with pytest.raises(ValueError, match="states no contained metal"):
        claimed("X", found, Thing(id="X", name="X", contained=contained), issuer="")
