"""Footprints along a chain: the nearest claim of each path counts once, steps add up, and only plain contradictions are
findings.

The chain of `chains.py`: of lot L1's nickel (100 kg, in 250 kg of lot) 98 kg went into lot L2 (148 kg, in 660 kg), and
of L2's 48 kg into battery B.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from connector.model import Json, JsonObject
from connector.provenance.client import for_client
from connector.provenance.events import Attribution, MakeEvent, Product, Thing
from connector.provenance.footprints import Footprint, figure, read_footprints
from connector.provenance.masses import Mass
from connector.provenance.origin import Chain, Ground
from connector.provenance.outcomes import Outcome
from connector.provenance.report import AuditReport
from connector.provenance.retelling import read_report
from connector.provenance.rollup import Comparison, FootprintReport, claimed, roll_up
from tests.core.provenance.chains import (
    MAKER,
    MINE,
    REFINER,
    SEALED,
    WIDEST,
    World,
    audit,
    chain,
    claim,
    kg,
    lot,
    metal,
)

MINE_S, REFINER_S = lot("250", claim("7")), lot("660", claim("6"))


def told(report: AuditReport) -> dict[str, tuple[str, str]]:
    """Record -> what it brings into the battery, and what of it is counted; in whole kilograms."""
    ids = {node.key: node.id for node in report.nodes}
    return {
        ids[part.node]: (f"{Decimal(part.kilograms):.0f}", f"{Decimal(part.counted):.0f}")
        for part in report.footprint.parts
    }


def opened(report: AuditReport) -> dict[str, str]:
    """Record -> why its claim can't be added."""
    ids = {node.key: node.id for node in report.nodes}
    return {ids[one.node]: one.open for one in report.footprint.stated if one.open}


def compared(report: AuditReport, kind: str) -> Comparison:
    """The one comparison of this kind."""
    (found,) = [one for one in report.footprint.comparisons if one.kind == kind]
    return found


def test_of_each_path_only_the_nearest_claim_is_counted() -> None:
    """The refiner's cradle-to-gate claim holds the mine's: 48 kg x 660 kg x 6 / 148 kg, and no more."""
    report = audit(chain(claims={"L1": MINE_S, "L2": REFINER_S}))
    assert told(report) == {"rec:L1": ("556", "0"), "rec:L2": ("1284", "1284")}
    assert f"{Decimal(report.footprint.total):.0f}" == "1284"
    assert [one.stated for one in report.footprint.metals] == ["1"]
    assert (report.verdict, report.findings) == ("verified", ())


def test_where_the_nearer_lot_states_nothing_the_farther_claim_counts_for_its_share() -> None:
    """98 of 148 parts came from the mine; what was bought without proof has no footprint."""
    report = audit(chain(claims={"L1": MINE_S}))
    assert told(report) == {"rec:L1": ("556", "556")}
    (nickel,) = report.footprint.metals
    assert (nickel.mass, f"{Decimal(nickel.stated):.3f}", nickel.assured) == ("48", "0.662", "0")


def test_gate_to_gate_claims_add_up_with_what_lies_behind_them() -> None:
    """A step of 660 kg x 2 / 148 kg on the mine's claim; the step alone covers nothing from the cradle on."""
    step = lot("660", claim("2", boundary="gateToGate"))
    report = audit(chain(claims={"L1": MINE_S, "L2": step}))
    assert told(report) == {"rec:L1": ("556", "556"), "rec:L2": ("428", "428")}
    assert f"{Decimal(report.footprint.total):.0f}" == "984"
    assert f"{Decimal(report.footprint.metals[0].stated):.3f}" == "0.662"
    alone = audit(chain(claims={"L2": step}))
    assert (told(alone), alone.footprint.metals[0].stated) == ({"rec:L2": ("428", "428")}, "0")


def test_who_checked_a_claim_is_its_own_word_and_counts_by_mass() -> None:
    """Third party, and the share of primary data over what states one."""
    third: Json = {"type": "Assurance", "party": "third", "level": "limited"}
    share: Json = {"type": "Quantity", "value": "80", "unit": "P1"}
    report = audit(chain(claims={"L1": lot("250", claim("7", assurance=third, primaryDataShare=share))}))
    (nickel,) = report.footprint.metals
    assert nickel.stated == nickel.assured == nickel.third
    assert nickel.primary == "0.8"
    unchecked: Json = {"type": "Assurance", "party": "third", "level": "none"}
    report = audit(chain(claims={"L1": lot("250", claim("7", assurance=unchecked))}))
    assert [(one.third, one.primary) for one in report.footprint.metals] == [("0", "")]
    second: Json = {"type": "Assurance", "party": "second", "level": "limited"}
    (nickel,) = audit(chain(claims={"L1": lot("250", claim("7", assurance=second))})).footprint.metals
    assert (nickel.assured, nickel.third) == (nickel.stated, "0")
    itself: Json = {"type": "Assurance", "party": "third", "level": "limited", "verifier": [MINE]}
    for own in (claim("7", assurance=itself), claim("7", assurance=third, verifier=MINE)):
        report = audit(chain(claims={"L1": lot("250", own)}))
        assert [(one.assured, one.third) for one in report.footprint.metals] == [("0", "0")]


@pytest.mark.parametrize(
    ("stated", "outcome", "word"),
    [
        (claim("6"), "holds", ""),  # 3960 kg came out, 1750 kg went in
        (claim("2"), "exceeded", "1741.2"),  # 1320 kg came out; within the uncertainty of the masses
        (claim("2.63"), "holds", ""),  # 1736 kg, with the rounding of the figure and the masses more than went in
        (claim("2", allocation="economic"), "exceeded", ""),  # nothing else was made that could hold the rest
        (claim("2", method="Other"), "not-comparable", "unlike methods: Other 2.0; Rulebook 2.0"),
        (claim("2", methodVersion="1.5"), "not-comparable", "unlike methods"),
    ],
)  # fmt: skip
def test_a_claim_below_those_of_its_inputs_is_a_finding(stated: JsonObject, outcome: str, word: str) -> None:
    """Both figures are of one make event; where the methods are not the same that is said, and no finding."""
    report = audit(chain(claims={"L1": MINE_S, "L2": lot("660", stated)}))
    found = compared(report, "making")
    assert found.outcome == outcome
    assert word in found.reason
    ids = {node.key: node.id for node in report.nodes}
    assert [ids[one] for one in (*found.nearer, *found.farther)] == ["rec:L2", "rec:L1"]
    assert (found.subject, found.site) == ("evt:R1", "site:refiner")
    told = [(finding.code, finding.subject, finding.site) for finding in report.findings]
    assert told == ([("footprint-below-inputs", "evt:R1", "site:refiner")] if outcome == "exceeded" else [])
    assert report.verdict == ("qualified" if told else "verified")


def test_a_lot_that_is_audited_itself_is_compared_with_its_inputs() -> None:
    """What it states is not upstream of it: the mine's figure alone is added, and what it states is held against it."""
    report = audit(chain(claims={"L1": MINE_S, "L2": lot("660", claim("2"))}), root="rec:L2", holder=REFINER)
    assert told(report) == {"rec:L1": ("1715", "1715")}
    assert [finding.code for finding in report.findings] == ["footprint-below-inputs"]


@pytest.mark.parametrize(
    ("stated", "more", "outcome", "word"),
    [
        (claim("1300", "C62"), {}, "holds", ""),
        (claim("1280", "C62"), {}, "holds", ""),  # the nickel in it is known to a percent
        (claim("1200", "C62"), {}, "exceeded", "1270.9 kg CO2e at least, and the battery 1200"),
        (claim("1200", "C62", boundary="cradleToGrave"), {}, "not-comparable", "cradleToGrave, may take off"),
        (claim("1300", "C62", boundary="cradleToGrave"), {}, "holds", ""),
        (claim("12", "C62", boundary="gateToGate"), {}, "not-comparable", "gateToGate, does not hold"),
        (claim("12", "C62", method="ISO 14067"), {}, "not-comparable", "unlike methods"),
        (claim("12", "KWH"), {}, "not-comparable", "declared per KWH"),
        (claim("12", "KWH", declaredUnitAmount="90"), {}, "exceeded", "1080"),
        (claim("12", "KWH"), {"ratedEnergy": {"value": "90000", "unit": "WHR"}}, "exceeded", "1080"),
        (claim("12", "KGM"), {"batteryMass": kg("100")}, "exceeded", "1200"),
        # under Article 7 a kWh is one that the battery gives in its whole life, of which it holds thousands
        (claim("0.05", "KWH", legalBasis="art7"), {"ratedEnergy": {"value": "90", "unit": "KWH"}}, "not-comparable",
         "declared per KWH"),
        (claim("-12", "C62"), {}, "not-comparable", "below zero"),
        (claim("12", "C62", footprintStatus="deprecated"), {}, "not-comparable", "no longer be used"),
        (claim("many", "C62"), {}, "not-comparable", "no decimal"),
    ],
)  # fmt: skip
def test_the_battery_s_own_footprint_holds_what_upstream_states(
    stated: JsonObject, more: JsonObject, outcome: str, word: str
) -> None:
    """A finding only where the least that upstream states is more than all that the battery states of itself."""
    claims: dict[str, JsonObject] = {"L1": MINE_S, "L2": REFINER_S, "B": {"footprint": stated, **more}}
    report = audit(chain(claims=claims))
    found = compared(report, "battery")
    assert found.outcome == outcome
    assert word in found.reason
    assert found.nearer == (found.subject,)
    codes = [finding.code for finding in report.findings]
    assert codes == (["footprint-below-upstream"] if outcome == "exceeded" else [])


def test_the_declared_whole_life_of_a_battery_is_compared_too() -> None:
    """`absoluteCarbonFootprint`, in kilograms or tonnes; found by the method that is named beside it."""
    tonne: JsonObject = {"type": "Quantity", "value": "1", "unit": "TNE"}
    for quantity in (kg("1000"), tonne):
        stated: JsonObject = {"carbonFootprintMethod": "Rulebook 2.0", "absoluteCarbonFootprint": quantity}
        report = audit(chain(claims={"L2": REFINER_S, "B": stated}))
        assert (compared(report, "battery").outcome, compared(report, "battery").whole) == ("not-comparable", "1000")
    report = audit(chain(claims={"B": {"absoluteCarbonFootprint": kg("1000")}}))
    assert compared(report, "battery").reason == "no footprint upstream can be added"


@pytest.mark.parametrize(
    ("passport", "why"),
    [
        (lot("660", claim("6", "KWH")), "declared per KWH"),
        (lot("660", claim("6", boundary="cradleToGrave")), "cradleToGrave"),
        (lot("660", claim("-6")), "below zero"),
        (lot("660", claim("6", footprintStatus="deprecated")), "no longer be used"),
        (lot("660", claim("6"), claim("7")), "several figures"),
        ({"footprint": claim("6")}, "how many the product holds is unsaid"),
        ({"footprint": claim("6", "C62")}, "how many the product holds is unsaid"),  # one cell, or the whole batch
        ({"footprint": claim("6", "C62", declaredUnitAmount="1")}, "how many the product holds is unsaid"),
        ({"footprint": claim("1" + "0" * 50), "netMass": kg("1")}, "no decimal"),
    ],
)
def test_a_claim_that_cannot_be_added_says_why_and_the_one_behind_it_counts(passport: JsonObject, why: str) -> None:
    """Unlike units and boundaries are never summed: the path goes on to the next claim."""
    report = audit(chain(claims={"L1": MINE_S, "L2": passport}))
    assert why in opened(report)["rec:L2"]
    assert told(report) == {"rec:L1": ("556", "556")}


def test_a_claim_of_a_record_that_is_not_verified_is_told_and_not_counted() -> None:
    """With its word; nothing behind it is followed either."""
    world = chain(claims={"L1": MINE_S, "L2": REFINER_S})
    world.words = lambda octets, _at: Outcome.REVOKED if '"value": "660"' in octets else Outcome.VERIFIED
    report = audit(world)
    assert opened(report) == {"rec:L2": "its record, or what proves it, is not verified"}
    assert (report.footprint.parts, report.footprint.total) == ((), "")


def test_a_declaration_of_its_own_counts_where_its_signer_made_the_lot() -> None:
    """Another's declaration about the lot is told, and brings nothing into the sum."""
    for issuer, counted in ((REFINER, [1284]), (MAKER, [])):
        world = World()
        subject: JsonObject = {"id": "L2", "type": "MaterialLot", "netMass": kg("660"), "footprint": claim("6")}
        world.add(REFINER, "FootprintDeclaration", "rec:D2", ("B2B", subject), issuer=issuer)
        linked: JsonObject = {"inputFootprint": [world.link(REFINER, "rec:D2")]}
        report = audit(chain(world=world, claims={"L2": linked}))
        assert [one.footprint.value for one in report.footprint.stated] == ["6"]
        assert [int(one.counted.split(".")[0]) for one in report.footprint.parts] == counted


def _sealed(world: World) -> World:
    for (holder, ident), target in world.links.items():
        if holder == REFINER and target.record in {"rec:L1", "rec:R1"}:
            world.refuse[holder, ident] = SEALED
    return world


def test_a_sealed_supplier_s_footprint_stays_with_the_auditor() -> None:
    """Neither its figure nor a sum, share or comparison that it is part of; a finding keeps its code alone."""
    secret = lot("250", claim("7.7777", method="Rulebook", verifier="did:web:checker.example"))
    claims: dict[str, JsonObject] = {
        "L1": secret,
        "L2": lot("660", claim("2")),
        "B": {"footprint": claim("9000", "C62")},
    }
    full, client = audit(chain(claims=claims)), audit(_sealed(chain(claims=claims)))
    report = for_client(full, client)
    assert report.footprint == client.footprint
    assert {one.footprint.value for one in report.footprint.stated} == {"2", "9000"}
    assert [(one.code, one.site, one.message) for one in report.findings] == [
        ("footprint-below-inputs", "sealed", "found at a company that is sealed for you")
    ]
    said = json.dumps(report.as_json())
    hidden = {compared(full, "making").part, *(part.kilograms for part in full.footprint.parts if part.counted == "0")}
    assert [word for word in ("7.7777", "checker.example", "rec:L1", *hidden) if word in said] == []


def test_footprints_are_read_back_as_they_were_written() -> None:
    """From an audit's JSON; an older one has none."""
    report = audit(chain(claims={"L1": MINE_S, "L2": lot("660", claim("2")), "B": {"footprint": claim("12", "C62")}}))
    again = read_report(json.loads(json.dumps(report.as_json())))
    assert again.footprint == report.footprint
    assert again.as_json() == report.as_json()
    older = {name: value for name, value in report.as_json().items() if name != "footprint"}
    assert read_report(older).footprint == FootprintReport()


@pytest.mark.parametrize("value", ["9" * 40, "0." + "0" * 39 + "1", "0"])
def test_no_figure_stops_an_audit(value: str) -> None:
    """The largest and the smallest that are read, for footprint, mass and metal."""
    tiny: JsonObject = {"netMass": kg(value, "0"), "footprint": claim(value), "containedMetal": [metal("Ni", "1")]}
    report = audit(chain(claims={"L1": tiny, "L2": tiny, "B": {"footprint": claim(value, "C62")}}))
    assert read_report(report.as_json()).as_json() == report.as_json()


def test_water_in_a_lot_is_no_product() -> None:
    """A dry mass goes before the net mass; a claim per tonne, or per so many kilograms, is one per kilogram."""
    wet: JsonObject = {"dryMass": kg("100"), "netMass": kg("180")}
    for stated, whole in (
        (claim("7"), 700), (claim("7000", "TNE"), 700), (claim("7", "LTR", massPerDeclaredUnit=kg("2")), 350),
    ):  # fmt: skip
        (found,) = read_footprints(({**wet, "footprint": stated},))
        assert figure(found) == whole


# --- make events of several products ---------------------------------------------------------------------------------


def _product(thing: str, nickel: str, quantity: str = "", link: str = "", **more: str) -> Product:
    return Product(
        thing=thing, link=link, contained={"Ni": Mass(value=Decimal(nickel))}, attested=True,
        quantity=Mass(value=Decimal(quantity)) if quantity else None,
        source_kind="postConsumer" if more.get("waste") else "primary",
    )  # fmt: skip


def _pair(source: str, target: str, nickel: str) -> Attribution:
    mass = Mass(value=Decimal(nickel))
    return Attribution(
        metal="Ni", source=source, target=target, mass=mass, custody_model="massBalance", basis="allocated",
        source_kind="",
    )  # fmt: skip


def _report(stated: dict[str, JsonObject], *, quantity: str = "400", waste: str = "") -> FootprintReport:
    """X (100 kg) becomes salt S (60 kg Ni in 300 kg) and a by-product R (30 kg Ni); S goes into battery B."""
    time = datetime(2027, 1, 1, tzinfo=UTC)
    refining = MakeEvent(
        id="refining", time=time, site="", inputs=(_product("X", "100", link="to-X", waste=waste),),
        outputs=(_product("S", "60", "300"), _product("R", "30", quantity)),
        attributions=(_pair("X", "S", "60"), _pair("X", "R", "30")),
    )  # fmt: skip
    building = MakeEvent(
        id="building", time=time, site="", inputs=(_product("S", "60", link="to-S"),), outputs=(_product("B", "60"),),
        attributions=(_pair("S", "B", "60"),),
    )  # fmt: skip
    grounds = {"X": Ground.VERIFIED, "S": Ground.VERIFIED, "B": Ground.VERIFIED}
    links = {"to-X": Ground.VERIFIED, "to-S": Ground.VERIFIED}
    known = Chain(events=(refining, building), things=grounds, links=links, widest=WIDEST)
    masses = {"X": ("100", "250"), "S": ("60", "300"), "R": ("30", quantity or "1")}
    claims = {}
    for thing, said in stated.items():
        nickel, net = masses[thing]
        (found,) = read_footprints(({"netMass": kg(net), "footprint": said},))
        held = Thing(id=thing, name=thing, contained={"Ni": Mass(value=Decimal(nickel))})
        claims[thing] = claimed(thing, found, held, issuer="")
    return roll_up(known, "B", claims, (), ())


@pytest.mark.parametrize(
    ("allocation", "quantity", "value", "outcome"),
    [
        # 1000 kg CO2e went in; per kilogram of salt 1.4 is 980 by mass of 700 kg, and 630 by mass of metal
        ("mass", "400", "1.40", "exceeded"),
        ("mass", "400", "1.50", "holds"),
        ("mass", "", "1.4", "not-comparable"),
        ("economic", "400", "0.1", "not-comparable"),
        ("cutOff", "400", "0.1", "not-comparable"),
        ("", "400", "0.1", "not-comparable"),
    ],
)
def test_of_several_products_one_tells_the_whole_only_where_it_was_shared_by_mass(
    allocation: str, quantity: str, value: str, outcome: str
) -> None:
    """By value or by rules that are not stated the other product may hold nearly all of it."""
    stated = {"X": claim("4"), "S": claim(value, allocation=allocation)}
    (found,) = _report(stated, quantity=quantity).comparisons
    assert found.outcome == outcome


def test_products_that_all_state_theirs_are_added_whatever_the_sharing() -> None:
    """300 kg x 1 + 400 kg x 1.8 is 1020 of 1000; with 1.5 it is 900."""
    for value, outcome in (("1.80", "holds"), ("1.50", "exceeded")):
        stated = {"X": claim("4"), "S": claim("1.00", allocation="economic"), "R": claim(value)}
        (found,) = _report(stated).comparisons
        assert found.outcome == outcome


def test_behind_recycled_waste_nothing_is_followed_or_compared() -> None:
    """Waste has its own rules (cut-off): its past is in no sum, and no finding."""
    report = _report({"X": claim("400")}, waste="yes")
    assert (report.parts, report.comparisons, report.total) == ((), (), "")
    assert _report({"X": claim("400")}).total == "60000"


def test_two_claims_of_one_record_are_both_told() -> None:
    """A claim is a value: the same one in two credentials is one."""
    one, other = claim("6"), claim("7")
    assert len(read_footprints(({"footprint": one}, {"footprint": [one, other]}))) == 2
    assert read_footprints(({"footprint": "six"},)) == ()
    assert read_footprints(({"footprint": {"value": "6"}},)) == (Footprint(value="6"),)
