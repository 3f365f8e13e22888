"""What one company signs about another's sites, events and ids: it moves nothing of theirs and gains nothing by it."""

from __future__ import annotations

from connector.model import Json, JsonObject
from connector.provenance.origin import Ground
from tests.core.provenance.chains import MAKER, MINE, REFINER, attribution, audit, chain, product


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


def test_the_id_of_a_mines_event_makes_no_origin() -> None:
    """Who signs an event chooses its id: under that of the mine's, dust would have come out of the ground."""
    assert _mixed("evt:mix") == 0.5
    assert _mixed("evt:M1") == 0


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
