"""Footprints where somebody's word is odd: passports and events of unlike metals, sites of any name, forged answers."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from connector.errors import BadInput
from connector.model import Json, JsonObject
from connector.provenance.events import Attribution, MakeEvent, Product, SourceKind, Thing
from connector.provenance.footprints import read_footprints
from connector.provenance.masses import Mass
from connector.provenance.origin import Chain, Ground
from connector.provenance.retelling import read_report
from connector.provenance.rollup import Claimed, claimed, roll_up
from tests.core.provenance.chains import WIDEST, audit, chain, claim, kg, lot


def _pair(metal: str) -> Attribution:
    return Attribution(
        metal=metal, source="X", target="S", mass=Mass(value=Decimal(60)), custody_model="massBalance",
        basis="allocated", source_kind="",
    )  # fmt: skip


def _of_metals(said: JsonObject, net: str, **contained: str) -> Claimed:
    """The claim of a thing of so many kilograms, whose passport tells of these metals."""
    (found,) = read_footprints(({"netMass": kg(net), "footprint": said},))
    held = {metal: Mass(value=Decimal(value)) for metal, value in contained.items()}
    return claimed("S", found, Thing(id="S", name="S", contained=held), issuer="")


def _two_metals(*metals: str, site: str = "", **grounds: Ground) -> Chain:
    """Lot X becomes S, of as much of these metals; whether X's record may be followed is said by `grounds`."""
    held = {metal: Mass(value=Decimal(60)) for metal in metals}
    event = MakeEvent(
        id="made", time=datetime(2027, 1, 1, tzinfo=UTC), site=site,
        inputs=(Product(thing="X", contained=held, link="to-X", source_kind="primary", attested=True),),
        outputs=(Product(thing="S", contained=held),),
        attributions=tuple(_pair(metal) for metal in metals),
    )  # fmt: skip
    ground = grounds.get("ground", Ground.VERIFIED)
    things = {"X": ground, "S": Ground.VERIFIED}
    return Chain(events=(event,), things=things, links={"to-X": ground}, widest=WIDEST)


def test_a_lot_brings_no_more_than_it_states_whatever_metals_an_event_adds() -> None:
    """Its passport tells of nickel, the event of cobalt too: 300 kg CO2e stay 300."""
    report = roll_up(_two_metals("Ni", "Co"), "S", {"X": _of_metals(claim("1"), "300", Ni="60")}, (), ())
    assert report.total == "300"
    assert [part.kilograms for part in report.parts] == ["300"]


@pytest.mark.parametrize(("contained", "outcome"), [
    ({"Ni": "60"}, "holds"), ({"Ni": "60", "Co": "60"}, "holds"), ({"Co": "60"}, "not-comparable"),
])  # fmt: skip
def test_a_passport_with_more_metals_than_the_event_states_no_less(contained: dict[str, str], outcome: str) -> None:
    """All of the product came out, with 300 kg CO2e of 250: that its cobalt is in no event makes it no smaller."""
    claims = {"X": _of_metals(claim("1"), "250", Ni="60"), "S": _of_metals(claim("1"), "300", **contained)}
    (found,) = roll_up(_two_metals("Ni"), "S", claims, (), ()).comparisons
    assert found.outcome == outcome


def _out(thing: str, quantity: str, metal: str = "Ni", mass: str = "30") -> Product:
    contained = {metal: Mass(value=Decimal(mass))}
    return Product(thing=thing, contained=contained, quantity=Mass(value=Decimal(quantity)))


def _several(*outputs: Product, kind: SourceKind = "primary", **stated: Claimed) -> list[str]:
    """What comes of comparing X, of 1000 kg CO2e, with what several products of one making state."""
    nickel = {"Ni": Mass(value=Decimal(100))}
    event = MakeEvent(
        id="made", time=datetime(2027, 1, 1, tzinfo=UTC), site="", inputs=(Product(
            thing="X", contained=nickel, source_kind=kind),), outputs=outputs,
    )  # fmt: skip
    claims = {"X": _of_metals(claim("1"), "1000", Ni="100"), **stated}
    return [one.outcome for one in roll_up(Chain(events=(event,), widest=WIDEST), "W", claims, (), ()).comparisons]


def _by_mass(value: str, allocation: str = "mass") -> Claimed:
    return _of_metals(claim(value, allocation=allocation), "300", Ni="30")


@pytest.mark.parametrize("odd", [_out("S", "0"), _out("S", "300", mass="0"), _out("S", "300", "Co")])
def test_a_product_of_no_mass_or_of_other_metals_tells_nothing_of_the_whole(odd: Product) -> None:
    """Nothing can be divided by it, and the audit goes on."""
    assert _several(odd, _out("W", "400"), S=_by_mass("0.7")) == ["not-comparable"]


def test_of_several_wholes_the_smallest_counts() -> None:
    """1400 kg CO2e by one product's word and 700 by the other's, of 1000 that went in; each shared by mass."""
    products = _out("S", "300"), _out("R", "300"), _out("W", "400", mass="40")
    assert _several(*products, S=_by_mass("1.40")) == ["holds"]
    for own in ("mass", "none"):
        assert _several(*products, S=_by_mass("1.40"), R=_by_mass("0.70", own)) == ["exceeded"]


@pytest.mark.parametrize("kind", ["runAround", "manufacturingWaste", "postConsumer"])
def test_waste_and_what_goes_round_is_no_input_to_compare(kind: SourceKind) -> None:
    """It enters by its own rules, or was counted before."""
    assert _several(_out("S", "300"), S=_by_mass("0.7")) == ["exceeded"]
    assert _several(_out("S", "300"), kind=kind, S=_by_mass("0.7")) == []


def test_what_went_in_holds_no_more_than_the_metals_of_its_claim() -> None:
    """250 kg CO2e of its nickel, whatever cobalt the event adds; 300 came out of both."""
    claims = {"X": _of_metals(claim("1"), "250", Ni="60"), "S": _of_metals(claim("1"), "300", Ni="60", Co="60")}
    (found,) = roll_up(_two_metals("Ni", "Co"), "S", claims, (), ()).comparisons
    assert (found.outcome, found.part) == ("holds", "250")


@pytest.mark.parametrize("site", ["on", ""])
def test_no_name_of_a_site_lets_a_way_go_on(site: str) -> None:
    """A supplier chooses the name; what is behind a record that failed stays out of the sum."""
    claims = {"X": _of_metals(claim("1"), "300", Ni="60")}
    assert roll_up(_two_metals("Ni", site=site), "S", claims, (), ()).total == "300"
    assert roll_up(_two_metals("Ni", site=site, ground=Ground.FAILED), "S", claims, (), ()).total == ""


@pytest.mark.parametrize("odd", [5, None, [], [[]], ["KWH"], {"unit": ["KWH"], "value": 5}, {"verifier": {"id": 5}}])
def test_no_odd_shape_stops_an_audit(odd: Json) -> None:
    """Where a text is expected a list, a number or nothing: the claim tells less, and the audit goes on."""
    per_kwh = claim("6", "KWH")
    shapes: list[JsonObject] = [
        {"footprint": odd}, {"absoluteCarbonFootprint": odd}, {"footprint": per_kwh, "ratedEnergy": odd},
        {"footprint": per_kwh, "ratedEnergy": {"value": "5", "unit": odd}},
    ]  # fmt: skip
    names = (*per_kwh, "period", "massPerDeclaredUnit", "verifier")
    shapes += [{"footprint": {**per_kwh, name: odd}} for name in names]
    for shape in shapes:
        report = audit(chain(claims={"L1": lot("250", claim("7")), "L2": lot("660"), "B": shape}))
        assert [part.counted for part in report.footprint.parts] == ["556.216216"]


@pytest.mark.parametrize("figure", ["abc", "1e999999999", "NaN", "9" * 500])
def test_a_forged_figure_in_an_audit_s_answer_is_told(figure: str) -> None:
    """It is reckoned with when the page is written: as a sentence, and no traceback or page of a billion zeros."""
    for path in (("upstream", "kgCO2e"), ("upstream", "parts", 0, "counted"), ("upstream", "metals", "Ni", "stated"),
                 ("comparisons", 0, "part")):  # fmt: skip
        world = chain(claims={"L1": lot("250", claim("7")), "L2": lot("660", claim("6"))})
        answer = json.loads(json.dumps(audit(world).as_json()))
        place = answer["footprint"]
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = figure
        with pytest.raises(BadInput, match=str(path[-1])):
            read_report(answer)
