"""What a hostile supplier has no end of, and an audit does: names to be asked, bad records behind bad records."""

from __future__ import annotations

from dataclasses import replace

from connector.model import Did, Json, JsonObject
from connector.provenance.assemble import assemble
from connector.provenance.nodes import Check, node_key
from connector.provenance.outcomes import MOST_RESTED, Outcome
from connector.provenance.reads import Later, LaterEntry
from connector.provenance.walk import Limits, Walk
from tests.core.provenance.chains import MINE, NOW, REFINER, audit, chain, change


def test_names_without_end_do_not_lead_on_without_end() -> None:
    """Each of a hostile company's names tells of one more that is to be asked what came of the same lot."""
    world, most = chain(), 50
    names = (Did(f"did:web:{number}.evil.example") for number in range(1000 * most))
    entry = LaterEntry(record="rec:L1", version=1, type="MoveEvent", holder=REFINER)
    walk, asked = Walk("rec:L1", holder=REFINER, now=NOW, limits=Limits(nodes=most)), 0
    while wants := walk.wanted():
        for want in wants:
            if isinstance(want, Check):
                walk.take_check(want, world.check(want))
                continue
            if want.kind == "later" and want.ident == "rec:L1":
                asked += 1
                walk.take_read(want, Later(entries=(replace(entry, receiver=next(names)),)))
            else:
                walk.take_read(want, world.answer(want))
    assert most < asked <= 8 * most
    assert assemble(walk).unreached > 0


def test_of_many_bad_records_behind_one_the_first_are_named() -> None:
    """A supplier with thousands of them would else make the report as large as their square, and end whoever walks."""
    world = chain()
    most, links, bad = MOST_RESTED, list[Json](), list[str]()
    for number in range(most + 20):
        lot: JsonObject = {"id": f"X{number}", "type": "MaterialLot"}
        record = world.add(MINE, "MineralLotPassport", f"rec:X{number:03}", ("B2B", lot))
        links.append(world.link(MINE, record))
        change(world, record, name="another")
        bad.append(node_key(record, 1, MINE))
    last: JsonObject = {"id": "Y", "type": "MaterialLot", "upstream": links}
    world.add(MINE, "MineralLotPassport", "rec:Y", ("B2B", last))
    behind: JsonObject = {"id": "Z", "type": "MaterialLot", "upstream": [world.link(MINE, "rec:Y")]}
    world.add(MINE, "MineralLotPassport", "rec:Z", ("B2B", behind))
    nodes = {node.id: node for node in audit(world, root="rec:Z", holder=MINE).nodes}
    assert nodes["rec:Z"].rests_on == nodes["rec:Y"].rests_on == tuple(sorted(bad)[:most])
    assert {nodes[f"rec:X{number:03}"].outcome for number in range(most + 20)} == {Outcome.DIGEST_MISMATCH}
