"""What one company signs about another's sites, events and ids: it moves nothing of theirs and gains nothing by it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from connector.model import Did, Json, JsonObject
from connector.provenance.assemble import assemble
from connector.provenance.events import each
from connector.provenance.nodes import Check
from connector.provenance.origin import Ground
from connector.provenance.outcomes import Outcome
from connector.provenance.reads import Page, Read
from connector.provenance.report import AuditReport
from connector.provenance.walk import Walk
from tests.core.provenance.chains import (
    MAKER,
    MINE,
    NOW,
    REFINER,
    SEALED,
    World,
    attribution,
    audit,
    chain,
    facility,
    finish,
    metal,
    product,
    words,
)
from tests.core.provenance.claims import mined, shares

LIAR = Did("did:web:liar.example")


def test_a_mine_is_run_by_whoever_signs_what_came_out_of_it() -> None:
    """A trader that names another company's permitted mine as the place of its event gets no verified origin for it."""
    world = chain()
    honest = audit(world, root="rec:L1", holder=MINE).coverage[0]
    assert honest.fraction(Ground.VERIFIED) == 1
    site: JsonObject = {"id": "site:mine", "type": "Facility", "operatedBy": MINE}
    world.add(MINE, "FacilityRecord", "rec:pit", ("PUB", site | {"permit": world.link(MINE, "rec:permit:site:mine")}))
    for trader, share in ((MINE, 1), (REFINER, 0)):
        event: JsonObject = {"id": f"evt:{trader}", "type": "MakeEvent", "facility": "site:mine"}
        event |= {"eventTime": "2027-01-05T00:00:00Z", "output": [product("T", "10")]}
        event["input"] = [product("DUST", "10", sourceKind="primary", attested=True)]
        event |= {"attribution": [attribution("DUST", "T", "10")], "facilityRecord": world.link(trader, "rec:pit")}
        world.add(trader, "MakeEvent", f"rec:made:{trader}", ("ORG", event))
        lot: JsonObject = {"id": "T", "type": "MaterialLot", "madeIn": world.link(trader, f"rec:made:{trader}")}
        world.add(trader, "MineralLotPassport", f"rec:T:{trader}", ("B2B", lot))
        (found,) = audit(world, root=f"rec:T:{trader}", holder=trader).coverage
        assert found.fraction(Ground.VERIFIED) == share


def test_a_permit_counts_for_whom_it_was_given() -> None:
    """A trader that calls a mine's site its own, in a record of its own, gets no origin by the permit of the mine."""
    world = chain()
    site: JsonObject = {"id": "site:mine", "type": "Facility", "operatedBy": REFINER}
    site["permit"] = world.link(REFINER, "rec:permit:site:mine")
    world.add(REFINER, "FacilityRecord", "rec:pit", ("PUB", site))
    event: JsonObject = {"id": "evt:T", "type": "MakeEvent", "facility": "site:mine"}
    event |= {"eventTime": "2027-01-05T00:00:00Z", "output": [product("T", "10")]}
    event["input"] = [product("DUST", "10", sourceKind="primary", attested=True)]
    event |= {"attribution": [attribution("DUST", "T", "10")], "facilityRecord": world.link(REFINER, "rec:pit")}
    world.add(REFINER, "MakeEvent", "rec:T1", ("ORG", event))
    lot: JsonObject = {"id": "T", "type": "MaterialLot", "madeIn": world.link(REFINER, "rec:T1")}
    world.add(REFINER, "MineralLotPassport", "rec:T", ("B2B", lot))
    report = audit(world, root="rec:T", holder=REFINER)
    assert [found.fraction(Ground.UNPROVEN) for found in report.coverage] == [1]


def _mined(world: World, who: Did, place: str, **more: Json) -> AuditReport:
    """The audit of a lot that was made there."""
    event: JsonObject = {"id": "evt:T", "type": "MakeEvent", "facility": place.removeprefix("rec:facility:")}
    event |= {"eventTime": "2027-01-05T00:00:00Z", "output": [product("T", "10")], **more}
    event["input"] = [product("DUST", "10", sourceKind="primary", attested=True)]
    event |= {"attribution": [attribution("DUST", "T", "10")], "facilityRecord": world.link(who, place)}
    world.add(who, "MakeEvent", "rec:made:T", ("ORG", event))
    lot: JsonObject = {"id": "T", "type": "MaterialLot", "madeIn": world.link(who, "rec:made:T")}
    world.add(who, "MineralLotPassport", "rec:T", ("B2B", lot))
    return audit(world, root="rec:T", holder=who)


@pytest.mark.parametrize(("runs", "ground"), [(REFINER, Ground.VERIFIED), (MINE, Ground.UNPROVEN)])
def test_a_permit_of_ones_own_at_a_site_that_another_runs_makes_no_origin(runs: Did, ground: Ground) -> None:
    """Whoever runs the site, and got the permit, signs what came out of it."""
    world = chain()
    world.proofs["site:pit"] = {"operatedBy": runs}
    report = _mined(world, REFINER, facility(world, REFINER, "site:pit", "Pit", permit=True))
    assert {share.ground for share in report.coverage[0].shares} == {ground}


def test_an_event_that_corrects_what_nobody_gave_us_counts() -> None:
    """What it takes back is in no book."""
    world = chain()
    link = world.link(MINE, world.add(MINE, "MakeEvent", "rec:old", ("ORG", {"id": "evt:old"})))
    world.refuse[MINE, str(link["id"])] = SEALED
    report = _mined(world, MINE, "rec:facility:site:mine", corrects=link)
    assert {share.ground for share in report.coverage[0].shares} == {Ground.VERIFIED}
    assert words(report)[str(link["id"])] == "sealed"


def _mixed(event_id: str) -> float:
    """The verified share of what the refiner made of the mine's lot and of dust, half and half."""
    world = chain()
    inputs: list[Json] = [
        product("L1", "10", link=world.link(REFINER, "rec:L1"), sourceKind="primary", attested=True),
        product("DUST", "10", sourceKind="primary", attested=True),
    ]
    event: JsonObject = {"id": event_id, "type": "MakeEvent", "facility": "site:refiner", "input": inputs}
    event |= {"eventTime": "2027-02-06T00:00:00Z", "output": [product("T", "20")]}
    event["attribution"] = [attribution("L1", "T", "10"), attribution("DUST", "T", "10")]
    world.add(REFINER, "MakeEvent", "rec:mix", ("ORG", event))
    lot: JsonObject = {"id": "T", "type": "MaterialLot", "upstream": [world.link(REFINER, "rec:L1")]}
    world.add(REFINER, "MineralLotPassport", "rec:T", ("B2B", lot | {"madeIn": world.link(REFINER, "rec:mix")}))
    (found,) = audit(world, root="rec:T", holder=REFINER).coverage
    return float(found.fraction(Ground.VERIFIED))


@pytest.mark.parametrize("event_id", ["evt:mix", "evt:M1"])
def test_the_id_of_a_mines_event_makes_no_origin(event_id: str) -> None:
    """Who signs an event chooses its id: under that of the mine's, dust would have come out of the ground."""
    assert _mixed(event_id) == 0.5


def test_nobody_takes_anothers_event_out_of_the_books() -> None:
    """A correction counts for events of the same signer."""
    world = chain()
    moved = dict(world.payloads[world.pages["rec:move:L2:received", 1].credentials[0].octets or ""])[
        "credentialSubject"
    ]
    assert isinstance(moved, dict)
    undone = moved | {"id": "evt:undone", "moved": [], "corrects": world.link(MAKER, "rec:move:L2:sent")}
    world.add(MAKER, "MoveEvent", "rec:undone", ("ORG", undone))
    closing = world.pages["rec:close:site:maker", 1]
    stock = world.payloads[closing.credentials[0].octets or ""]["credentialSubject"]
    assert isinstance(stock, dict)
    covers = stock["covers"]
    assert isinstance(covers, list)
    named: JsonObject = {"covers": [*covers, world.link(MAKER, "rec:undone")]}
    world.add(MAKER, "StocktakeEvent", closing.record, ("ORG", stock | named))
    report = audit(world)
    assert {balance.outcome for balance in report.balances} == {"balanced"}
    assert report.findings == ()


def _other_supplier(world: World, page: Page) -> None:
    """The maker has another supplier, whose lot leads to a page of its own under the id of the mine's lot."""
    world.copies[LIAR, "rec:L1"] = page
    ours, world.pages["rec:L1", 1] = world.pages["rec:L1", 1], page
    _leaning_on(world, "rec:L1")
    world.pages["rec:L1", 1] = ours


@pytest.mark.parametrize("order", [list, reversed])
def test_who_uses_anothers_id_is_a_node_of_its_own(
    order: Callable[[list[Read | Check]], Iterable[Read | Check]],
) -> None:
    """Else whichever page came first stood for both, and the honest one's digests were not those of its link."""
    world = chain()
    page = world.pages["rec:L1", 1]
    lot: JsonObject = {"id": "L1", "type": "MaterialLot"}
    world.add(LIAR, "MineralLotPassport", "rec:L1", ("B2B", lot))
    theirs, world.pages["rec:L1", 1] = world.pages["rec:L1", 1], page
    _other_supplier(world, theirs)
    walk = Walk("rec:B", holder=MAKER, now=NOW)
    finish(walk, world, order)
    report = assemble(walk)
    assert {(one.holder, one.outcome.value) for one in report.nodes if one.id == "rec:L1"} == {
        (MINE, "verified"), (LIAR, "verified")
    }  # fmt: skip
    assert report.balances == audit(chain()).balances


def test_one_record_that_two_hold_counts_once() -> None:
    """A trader passes on what the mine signed: two places to read it, one event, the same sums and shares."""
    world, alone = chain(), audit(chain())
    world.received["rec:L1"].add(LIAR)
    _other_supplier(world, replace(world.pages["rec:L1", 1], holder=LIAR))
    world.copies[LIAR, "rec:M1"] = replace(world.pages["rec:M1", 1], holder=LIAR)
    mine = [target for (holder, _), target in world.links.items() if holder == MINE]
    for (holder, ident), target in list(world.links.items()):
        if holder == MINE and target in mine:
            world.links[LIAR, ident] = replace(target, holder=LIAR) if target.record == "rec:M1" else target
    report = audit(world)
    assert sorted(one.holder for one in report.nodes if one.id == "rec:M1") == [LIAR, MINE]
    assert (report.balances, report.findings, report.coverage) == (alone.balances, (), alone.coverage)


# --- what is another's ------------------------------------------------------------------------------------------------


def _leaning_on(world: World, *records: str) -> World:
    """The maker has another supplier, whose lot leads to these records of its own."""
    lot: JsonObject = {"id": "X", "type": "MaterialLot", "upstream": [world.link(LIAR, one) for one in records]}
    world.add(LIAR, "MineralLotPassport", "rec:X", ("B2B", lot))
    (public, made) = (world.payloads[one.octets or ""] for one in world.pages["rec:B", 1].credentials)
    battery, madein = public["credentialSubject"], made["credentialSubject"]
    assert isinstance(battery, dict)
    assert isinstance(madein, dict)
    more: JsonObject = {"upstream": [world.link(MAKER, "rec:X")]}
    world.add(MAKER, "BatteryPassport", "rec:B", ("PUB", battery | more), ("ORG", madein))
    return world


def _made(world: World, thing: str, **more: Json) -> str:
    """A make event of the liar's whose output is this."""
    event: JsonObject = {
        "id": "evt:fake",
        "type": "MakeEvent",
        "facility": "site:liar",
        "eventTime": "2027-01-04T00:00:00Z",
    }
    return world.add(LIAR, "MakeEvent", "rec:fake", ("ORG", event | {"output": [product(thing, "9999")]} | more))


def _same_as_without(world: World) -> None:
    found, alone = audit(world), audit(chain())
    told, known = ([replace(share, site="") for share in one.coverage[0].shares] for one in (found, alone))
    assert (told, found.findings, found.verdict) == (known, (), alone.verdict)
    assert {one.outcome for one in found.balances} == {"balanced"}


def test_nobody_makes_anothers_lot_into_recycled_metal() -> None:
    """Ten tonnes of waste that are said to have become the mine's lot would be all that the battery is made of."""
    world = chain()
    waste: JsonObject = {"id": "W", "type": "MaterialLot", "containedMetal": [metal("Ni", "9999")]}
    world.add(LIAR, "MineralLotPassport", "rec:W", ("B2B", waste))
    used = product("W", "9999", link=world.link(LIAR, "rec:W"), sourceKind="postConsumer", attested=True)
    fake = _made(world, "L1", input=[used], attribution=[attribution("W", "L1", "9999")])
    _same_as_without(_leaning_on(world, fake))


def test_nobody_takes_the_origin_of_anothers_lot() -> None:
    """Ten tonnes that nothing is attributed to."""
    world = chain()
    _same_as_without(_leaning_on(world, _made(world, "L1", input=[product("Y", "9999")])))


def test_an_event_at_anothers_site_is_not_in_its_books() -> None:
    """A closing stocktake need not name it; its place is told with who says so."""
    world = chain()
    fake = _made(world, "Z", facility="site:refiner", input=[product("Y", "9999")], eventTime="2027-02-04T00:00:00Z")
    world = _leaning_on(world, fake)
    _same_as_without(world)
    report = audit(world)
    (balance,) = (one for one in report.balances if one.site.startswith("site:refiner"))
    assert report.places[balance.site] == f"Refinery of {REFINER}"


@pytest.mark.parametrize("own_record", [False, True])
def test_an_event_of_another_does_not_say_when_a_permit_had_to_hold(*, own_record: bool) -> None:
    """The mine's permit ran out after its making and before what a stranger did later; nor may he describe its site."""
    world = chain()
    place = "rec:facility:site:mine"
    if own_record:
        site: JsonObject = {"id": "site:mine", "type": "Facility", "permit": world.link(LIAR, "rec:permit:site:mine")}
        place = world.add(LIAR, "FacilityRecord", "rec:pit", ("PUB", site))
    told: JsonObject = {"facilityRecord": world.link(LIAR, place), "eventTime": "2027-02-04T00:00:00Z"}
    world = _leaning_on(world, _made(world, "Z", facility="site:mine", input=[product("Y", "9999")], **told))
    ran_out = datetime(2027, 1, 20, tzinfo=UTC)
    world.words = lambda octets, at: Outcome.EXPIRED if "MinePermit" in octets and at >= ran_out else Outcome.VERIFIED
    _same_as_without(world)
    world.words = lambda octets, at: (
        Outcome.EXPIRED if "MinePermit" in octets and at.year == 2027 and at.month == 1 else Outcome.VERIFIED
    )
    assert audit(world).coverage[0].fraction(Ground.VERIFIED) == 0  # as of its own making it is judged as ever


@pytest.mark.parametrize("relation", ["permit", "assay"])
def test_nor_does_an_event_of_another_that_leads_to_the_permit_itself(relation: str) -> None:
    """Without any record of a site between them."""
    world = chain()
    told: JsonObject = {relation: world.link(LIAR, "rec:permit:site:mine"), "eventTime": "2027-02-04T00:00:00Z"}
    world = _leaning_on(world, _made(world, "Z", input=[product("Y", "9999")], **told))
    ran_out = datetime(2027, 1, 20, tzinfo=UTC)
    world.words = lambda octets, at: Outcome.EXPIRED if "MinePermit" in octets and at >= ran_out else Outcome.VERIFIED
    assert audit(world).coverage[0].fraction(Ground.VERIFIED) == audit(chain()).coverage[0].fraction(Ground.VERIFIED)


def test_nor_does_a_record_of_another_site_that_leads_to_an_attestation() -> None:
    """The attestation was given to the mine, and ran out after its making."""
    world = mined()
    site: JsonObject = {"id": "site:liar", "type": "Facility", "attestation": world.link(LIAR, "rec:attestation")}
    told: JsonObject = {"facilityRecord": world.link(LIAR, world.add(LIAR, "FacilityRecord", "rec:pit", ("PUB", site)))}
    world = _leaning_on(
        world, _made(world, "Z", input=[product("Y", "9999")], eventTime="2027-02-04T00:00:00Z", **told)
    )
    ran_out = datetime(2027, 1, 20, tzinfo=UTC)
    world.words = lambda octets, at: (
        Outcome.EXPIRED if '"id": "rec:attestation"' in octets and at >= ran_out else Outcome.VERIFIED
    )
    assert shares(audit(world)) == {"attested": "0.662", "unverified": "0.338"}


@pytest.mark.parametrize("contained", ["1", "1000"])
def test_what_anothers_lot_contains_is_its_makers_word(contained: str) -> None:
    """Else somebody else's passport of it would make its sale a sale of what was not there, or hide one."""
    lot: JsonObject = {"id": "L1", "type": "MaterialLot", "containedMetal": [metal("Ni", contained)]}
    world = chain()
    world.add(LIAR, "MineralLotPassport", "rec:L1:liar", ("B2B", lot | {"madeIn": world.link(LIAR, "rec:M1")}))
    far = "rec:L1:liar"
    for number in range(4):  # it comes after the maker's own
        behind: JsonObject = {"id": f"Y{number}", "type": "MaterialLot", "upstream": [world.link(LIAR, far)]}
        far = world.add(LIAR, "MineralLotPassport", f"rec:Y{number}", ("B2B", behind))
    _same_as_without(_leaning_on(world, far))


class _Unlinked(World):
    """The refiner's event names what it used by its id alone; the lot that it made has the link."""

    def add(
        self, holder: Did, kind: str, record: str, *subjects: tuple[str, JsonObject], issuer: str = "", version: int = 1
    ) -> str:
        for _, subject in subjects:
            for one in each(subject.get("input")) if record == "rec:R1" else ():
                one.pop("link", None)
        return super().add(holder, kind, record, *subjects, issuer=issuer, version=version)


@pytest.mark.parametrize("how", ["passport", "event"])
def test_what_is_named_by_its_id_alone_stays_what_its_user_links_to(how: str) -> None:
    """Else anybody's paper about the mine's lot would leave the refiner with metal that nothing proves."""
    world = chain(world=_Unlinked())
    lot: JsonObject = {"id": "L1", "type": "MaterialLot", "containedMetal": [metal("Ni", "1")]}
    world.add(LIAR, "MineralLotPassport", "rec:L1:liar", ("B2B", lot))
    fake = _made(world, "L1", input=[product("Y", "9999")])
    _same_as_without(_leaning_on(world, fake if how == "event" else "rec:L1:liar"))


def test_a_lot_that_another_signs_for_its_maker_keeps_its_origin() -> None:
    """Who lets others work names their event: the lot is what came out of it."""
    world = chain()
    lot: JsonObject = {"id": "L1", "type": "MaterialLot", "madeIn": world.link(LIAR, "rec:M1")}
    world.add(LIAR, "MineralLotPassport", "rec:L1:trader", ("B2B", lot))
    (found,) = audit(world, root="rec:L1:trader", holder=LIAR).coverage
    assert found.fraction(Ground.VERIFIED) == 1


def test_a_record_has_one_signer() -> None:
    """With a mine's public half beside its own, a trader's event would be the mine's, at the mine's permitted site."""
    world = chain()
    site: JsonObject = {"id": "site:mine", "type": "Facility", "operatedBy": MINE}
    world.add(MINE, "FacilityRecord", "rec:pit", ("PUB", site | {"permit": world.link(MINE, "rec:permit:site:mine")}))
    said: JsonObject = {"id": "evt:Q", "type": "MakeEvent"}
    world.add(MINE, "MakeEvent", "rec:Q", ("PUB", said))
    genuine = world.pages["rec:Q", 1].credentials
    said |= {"facility": "site:mine", "eventTime": "2027-01-05T00:00:00Z", "output": [product("T", "10")]}
    said |= {"input": [product("DUST", "10", sourceKind="primary")], "attribution": [attribution("DUST", "T", "10")]}
    world.add(LIAR, "MakeEvent", "rec:Q", ("ORG", said | {"facilityRecord": world.link(LIAR, "rec:pit")}))
    page = world.pages["rec:Q", 1]
    world.pages["rec:Q", 1] = replace(page, credentials=(*genuine, *page.credentials))
    lot: JsonObject = {"id": "T", "type": "MaterialLot", "madeIn": world.link(LIAR, "rec:Q")}
    world.add(LIAR, "MineralLotPassport", "rec:T", ("B2B", lot))
    report = audit(world, root="rec:T", holder=LIAR)
    assert {one.id: one.outcome.value for one in report.nodes}["rec:Q"] == "rule-violation"
    assert sum(found.fraction(Ground.VERIFIED) for found in report.coverage) == 0
