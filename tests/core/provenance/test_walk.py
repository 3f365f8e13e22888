"""The audit walk over a small chain: words, what rests on what, what stays unreached, in any order of answers."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from connector.model import Did, Json, JsonObject
from connector.provenance.assemble import assemble
from connector.provenance.nodes import Check, node_key
from connector.provenance.outcomes import Outcome
from connector.provenance.reads import Gap, LaterEntry, Page, Read, Served, parse_path, understand
from connector.provenance.walk import Limits, Walk
from tests.core.provenance.chains import (
    MAKER,
    MINE,
    NOW,
    REFINER,
    SEALED,
    World,
    audit,
    chain,
    change,
    digest_of,
    finish,
    kg,
    metal,
    product,
    withhold,
    words,
)


def _others(report: dict[str, str], *named: str) -> set[str]:
    return {word for record, word in report.items() if record not in named}


def test_a_clean_chain_is_verified_from_battery_to_permit() -> None:
    """Every node is verified, nothing is unreached, no finding; the unattested purchase is coverage only."""
    report = audit(chain())
    assert report.verdict == "verified"
    assert report.outcomes == {"verified": 21}
    assert report.unreached == 0
    assert report.findings == ()
    assert {balance.outcome for balance in report.balances} == {"balanced"}
    assert "rec:permit:site:mine" in words(report)
    assert report.parties[REFINER] == "refiner.example"
    assert report.places["site:mine"] == "North pit"


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_answers_does_not_matter(seed: int) -> None:
    """Reads and checks may come back in any order."""
    dice = random.Random(seed)
    walk = Walk("rec:B", holder=MAKER, now=NOW)
    finish(walk, chain(), order=lambda wants: dice.sample(wants, len(wants)))
    assert assemble(walk).as_json() == audit(chain()).as_json() | {"chain": assemble(walk).as_json()["chain"]}


def test_a_tampered_assay_is_named_and_nothing_else() -> None:
    """Other octets under the same id: digest-mismatch there; what leans on it keeps its word and says so."""
    world = chain()
    change(world, "rec:assay:L2", name="better sample")
    report = audit(world)
    assert words(report)["rec:assay:L2"] == "digest-mismatch"
    assert _others(words(report), "rec:assay:L2") == {"verified"}
    rests = {node.id: node.rests_on for node in report.nodes}
    assert rests["rec:B"] == rests["rec:L2"] == (node_key("rec:assay:L2", 1, REFINER),)
    assert rests["rec:L1"] == ()
    assert report.verdict == "failed"
    assert [item.as_json()["verified"] for item in report.coverage] == ["0"]  # what leans on it proves no origin


def test_a_credential_that_the_link_does_not_name_is_a_mismatch_even_withheld() -> None:
    """The sets of digests must be the same; a dynamic credential is not counted."""
    world = chain()
    page = world.pages["rec:L1", 1]
    extra = Served(digest="uExtra", media_type="application/vc+jwt", access_class="ORG", level="item")
    world.pages["rec:L1", 1] = replace(page, credentials=(*page.credentials, replace(extra, level="dynamic")))
    assert words(audit(world))["rec:L1"] == "verified"
    world.pages["rec:L1", 1] = replace(page, credentials=(*page.credentials, extra))
    assert words(audit(world))["rec:L1"] == "digest-mismatch"


def test_octets_that_are_not_what_the_page_lists_are_a_mismatch() -> None:
    """A page that lists the right digest and serves other octets is caught by the octets' own digest."""
    world = chain()
    page = world.pages["rec:assay:L2", 1]
    forged = replace(page.credentials[0], octets=(page.credentials[0].octets or "").replace("sample 2", "sample 3"))
    world.pages["rec:assay:L2", 1] = replace(page, credentials=(forged,))
    assert words(audit(world))["rec:assay:L2"] == "digest-mismatch"


def test_what_is_called_dynamic_must_be_signed_so() -> None:
    """Dynamic credentials stand in no link: under that name other content would come in beside withheld true one."""
    world = chain()
    page = world.pages["rec:L1", 1]
    other = json.loads(page.credentials[0].octets or "")
    other["credentialSubject"]["containedMetal"] = [metal("Ni", "150")]
    octets = json.dumps(other)
    foisted = Served(
        digest=digest_of(octets), media_type="application/vc+jwt", access_class="B2B", level="dynamic", octets=octets
    )
    world.pages["rec:L1", 1] = replace(
        page, credentials=(replace(page.credentials[0], octets=None), *page.credentials[1:], foisted)
    )
    report = audit(world)
    assert {node.id for node in report.nodes if node.outcome == "digest-mismatch"} == {"rec:L1"}
    assert report.verdict == "failed"


def test_the_record_that_was_asked_for_is_the_one_that_was_given() -> None:
    """By number: the record of another battery is no answer; where no number is told that is said."""
    world = chain()
    numbered: list[Json] = [{"type": "Identifier", "scheme": "serialNumber", "value": "SN-1"}]
    world.add(MAKER, "BatteryPassport", "rec:N", ("PUB", {"id": "N", "type": "Battery", "identifier": numbered}))
    world.add(MAKER, "BatteryPassport", "rec:M", ("PUB", {"id": "M", "type": "Battery"}))
    for record, asked, word in (
        ("rec:N", "rec:N", "verified"), ("rec:N", "N", "verified"), ("rec:N", "SN-1", "verified"),
        ("rec:N", "SN-2", "rule-violation"), ("rec:M", "SN-2", "verified"),
    ):  # fmt: skip
        walk = Walk(asked, holder=MAKER, now=NOW)
        (first,) = walk.wanted()
        assert isinstance(first, Read)
        walk.take_read(first, world.pages[record, 1])
        finish(walk, world)
        (root,) = assemble(walk).nodes
        assert root.outcome == word, asked
        assert (root.reasons == ()) is (record == "rec:N" and word == "verified")


def test_a_permit_withdrawn_before_the_event_is_revoked_and_later_is_not() -> None:
    """A standing is judged as of the event that leans on it; a change since then is told and is no outcome."""

    def withdrawn(when: datetime) -> World:
        world = chain()
        world.words = lambda octets, at: Outcome.REVOKED if "MinePermit" in octets and at >= when else Outcome.VERIFIED
        return world

    before = audit(withdrawn(datetime(2027, 1, 4, tzinfo=UTC)))
    assert words(before)["rec:permit:site:mine"] == "revoked"
    assert _others(words(before), "rec:permit:site:mine") == {"verified"}
    assert [item.as_json()["verified"] for item in before.coverage] == ["0"]
    after = audit(withdrawn(datetime(2027, 1, 6, tzinfo=UTC)))
    assert after.verdict == "verified"
    permit = next(node for node in after.nodes if node.type == "MinePermit")
    assert any("now revoked" in reason for reason in permit.reasons)


def test_a_statement_that_ran_out_held_when_it_was_made() -> None:
    """A lot passport past its end is judged as of its making; one withdrawn now proves nothing any more."""
    world = chain()
    world.words = lambda octets, at: Outcome.EXPIRED if "Lot one" in octets and at == NOW else Outcome.VERIFIED
    report = audit(world)
    assert words(report)["rec:L1"] == "verified"
    assert any("run out since" in reason for node in report.nodes for reason in node.reasons)
    world.words = lambda octets, at: Outcome.REVOKED if "Lot one" in octets and at == NOW else Outcome.VERIFIED
    assert words(audit(world))["rec:L1"] == "revoked"


def test_a_company_that_is_down_is_missing_and_what_lies_behind_unreached() -> None:
    """Reached nodes keep their word; the verdict is qualified; the share is named missing."""
    world = chain()
    world.down.add(REFINER)
    report = audit(world)
    assert words(report)["rec:L2"] == "missing"
    assert report.outcomes["missing"] == 1
    assert _others(words(report), "rec:L2") == {"verified"}
    assert not any(node.holder == MINE for node in report.nodes)
    assert report.unreached == 1
    assert report.verdict == "qualified"
    assert report.coverage[0].as_json()["shares"] == {"missing": "1"}


def test_a_sealed_link_hides_who_supplied() -> None:
    """The node goes by the link's id; no supplier is named and none is asked."""
    world = chain()
    links = [
        (holder, ident) for (holder, ident), to in world.links.items() if (holder, to.record) == (REFINER, "rec:L1")
    ]
    world.refuse |= dict.fromkeys(links, SEALED)
    report = audit(world)
    assert {node.id for node in report.nodes if node.outcome is Outcome.SEALED} <= {ident for _, ident in links}
    assert report.outcomes["sealed"] == report.unreached == 2  # by the lot's upstream link and by the event's input
    assert MINE not in json.dumps(report.as_json())
    assert "sealed" in str(report.coverage[0].as_json()["shares"])


def test_withheld_classes_are_reasons_and_all_withheld_is_sealed() -> None:
    """Without its ORG class a lot is verified but not followed; without any class it is sealed."""
    world = chain()
    withhold(world, "rec:L2", "ORG")
    report = audit(world)
    lot = next(node for node in report.nodes if node.id == "rec:L2")
    assert (lot.outcome, lot.reasons) == (Outcome.VERIFIED, ("withheld: ORG item",))
    assert report.coverage[0].as_json()["shares"] == {"undisclosed": "1"}
    withhold(world, "rec:L2")
    assert words(audit(world))["rec:L2"] == "sealed"


@pytest.mark.parametrize(
    ("status", "word"), [(202, "pending"), (403, "sealed"), (404, "missing"), (410, "missing"), (503, "missing")]
)
def test_answers_that_give_nothing_have_their_word(status: int, word: str) -> None:
    """Each status of the audit read has one word."""
    answer = understand(Read(holder=MINE, kind="record", ident="x"), status, None)
    assert isinstance(answer, Gap)
    assert answer.outcome == word


def test_an_answer_that_cannot_be_understood_is_missing_with_its_reason() -> None:
    """A broken body is no exception: nothing was obtained."""
    read = Read(holder=MINE, kind="record", ident="x", version="1")
    page: JsonObject = {"id": "x", "type": "T", "holder": MINE, "version": 1}
    served: JsonObject = {"digest": "d", "mediaType": "m", "accessClass": "PUB", "level": "item"}
    assert isinstance(understand(read, 200, {**page, "credentials": [served]}), Page)
    bodies: tuple[Json, ...] = (None, [], {}, {**page, "credentials": [3]}, {**page, "credentials": [served] * 101})
    for body in bodies:
        answer = understand(read, 200, body)
        assert isinstance(answer, Gap)
        assert "understood" in answer.reason


def test_paths_and_reads_are_the_same_thing() -> None:
    """A read's path parses back to it, also with a serial that holds a slash."""
    for read in (
        Read(holder=MINE, kind="party"),
        Read(holder=MINE, kind="link", ident="urn:uuid:1"),
        Read(holder=MINE, kind="record", ident="serial/1 ü"),
        Read(holder=MINE, kind="record", ident="r", version="3"),
        Read(holder=MINE, kind="later", ident="r"),
    ):
        assert parse_path(MINE, read.path) == read
    for path in ("", "links/", "records/x", "records/x/-1", "records/x/1/2", "records/x/٣", "other"):
        assert parse_path(MINE, path) is None


def test_forward_from_a_lot_to_the_battery() -> None:
    """Along later records and moves to the receiver's connector, each proven by its own link back."""
    report = audit(chain(), root="rec:L1", holder=MINE)
    reached = words(report)
    for record in ("rec:R1", "rec:L2", "rec:B1", "rec:B"):
        assert reached[record] == "verified"
    assert not any("no link" in reason for node in report.nodes for reason in node.reasons)


def test_who_signs_a_later_record_is_asked_what_else_came_of_the_thing() -> None:
    """The maker's company only has the certificate of the one that took its battery; that one knows the rest."""
    world = chain()
    world.add(
        REFINER, "RecyclingCertificate", "rec:cert", ("B2B", {"id": "B", "passport": world.link(REFINER, "rec:B")})
    )
    world.add(REFINER, "MakeEvent", "rec:R9", ("ORG", {"id": "evt:9", "type": "MakeEvent", "eventTime": "2027-03-01",
              "input": [product("B", "10", link=world.link(REFINER, "rec:B"))]}))  # fmt: skip
    certificate = next(entry for entry in world.back["rec:B"] if entry.record == "rec:cert")
    world.only[MAKER, "rec:B"] = [certificate]
    reached = words(audit(world))
    assert (reached["rec:cert"], reached["rec:R9"]) == ("verified", "verified")


def test_a_later_record_without_a_link_back_is_not_proven() -> None:
    """A holder may claim that something came of a lot; without the link it says so."""
    world = chain()
    world.add(MINE, "MakeEvent", "rec:liar", ("ORG", {"id": "evt:x", "type": "MakeEvent", "eventTime": "2027-01-09"}))
    world.back["rec:L1"].append(LaterEntry(record="rec:liar", version=1, type="MakeEvent", holder=MINE))
    report = audit(world, root="rec:L1", holder=MINE)
    liar = next(node for node in report.nodes if node.id == "rec:liar")
    assert any("no link" in reason for reason in liar.reasons)


def test_a_loop_ends_and_caps_are_counted() -> None:
    """Records that link to each other are visited once; what the caps cut off counts as unreached."""
    world = chain()
    world.links[REFINER, "urn:loop"] = replace(world.links[next(iter(world.links))], record="rec:B", holder=MAKER)
    loop: JsonObject = {"type": "UpstreamLink", "id": "urn:loop", "recordVersion": "1", "mediaType": "x", "digest": "u"}
    change(world, "rec:R1", input=[product("B", "1", link=loop)])
    assert words(audit(world))["rec:R1"] == "digest-mismatch"
    shallow = audit(chain(), limits=Limits(depth=2))
    assert shallow.unreached > 0
    assert shallow.verdict == "qualified"
    few = audit(chain(), limits=Limits(nodes=5))
    assert len(few.nodes) == 5
    assert few.unreached > 0


def test_another_sites_facility_record_breaks_the_rule() -> None:
    """An event that leans on the facility record of another site borrows that site's permit."""
    world = chain()
    page = world.pages["rec:M1", 1]
    subject = json.loads(page.credentials[0].octets or "{}")["credentialSubject"]
    world.links[MINE, subject["facilityRecord"]["id"]] = replace(
        world.links[MINE, subject["facilityRecord"]["id"]], record="rec:facility:site:maker", holder=MAKER
    )
    assert words(audit(world))["rec:M1"] == "rule-violation"


def test_a_move_signed_by_the_other_side_breaks_the_rule() -> None:
    """Sender and receiver each sign their own event."""
    world = chain()
    page = world.pages["rec:move:L2:sent", 1]
    payload = json.loads(page.credentials[0].octets or "{}")
    world.add(REFINER, "MoveEvent", page.record, ("ORG", payload["credentialSubject"]), issuer=MINE)
    report = audit(world)
    node = next(node for node in report.nodes if node.id == "rec:move:L2:sent")
    assert any("not signed by the party" in reason for reason in node.reasons)


def test_content_that_cannot_be_read_is_a_schema_error() -> None:
    """A mass in an unknown unit is told and enters no balance."""
    world = chain()
    lot: JsonObject = {
        "id": "L9",
        "type": "MaterialLot",
        "containedMetal": [metal("Ni", "1") | {"mass": kg("1") | {"unit": "XX"}}],
    }
    world.add(MINE, "MineralLotPassport", "rec:L9", ("B2B", lot))
    assert words(audit(world, root="rec:L9", holder=MINE))["rec:L9"] == "schema-error"


def test_a_page_of_another_record_breaks_the_rule() -> None:
    """The credentials say to which record and version they belong."""
    world = chain()
    world.pages["rec:L1", 1] = replace(world.pages["rec:assay:L2", 1], record="rec:L1", type="MineralLotPassport")
    node = next(node for node in audit(world).nodes if node.id == "rec:L1")
    assert any("another record" in reason for reason in node.reasons)


def test_a_root_that_is_not_there_is_a_report_and_no_exception() -> None:
    """An unknown battery: one missing node, qualified."""
    report = audit(chain(), root="serial-17")
    assert words(report) == {"serial-17": "missing"}
    assert (report.verdict, report.unreached) == ("qualified", 1)


def test_each_want_is_given_out_once() -> None:
    """Whoever drives the walk may ask as often as it likes."""
    walk = Walk("rec:B", holder=MAKER, now=NOW)
    assert walk.wanted() == (Read(holder=MAKER, kind="record", ident="rec:B"),)
    assert walk.wanted() == ()
    world = chain()
    walk.take_read(Read(holder=MAKER, kind="record", ident="rec:B"), world.pages["rec:B", 1])
    wants = walk.wanted()
    assert len([want for want in wants if isinstance(want, Check)]) == 2
    assert isinstance(world.pages["rec:B", 1], Page)
    assert Did("did:web:maker.example") == MAKER


def test_an_event_that_another_corrects_leaves_the_balance() -> None:
    """The correction names it by the digests of its link; the stocktake may cover both."""
    world = chain()
    subject = dict(world.payloads[world.pages["rec:move:L2:sent", 1].credentials[0].octets or ""]["credentialSubject"])  # type: ignore[arg-type]  # an object
    wrong = subject | {"id": "evt:wrong", "moved": [product("L2", "999", link=world.link(REFINER, "rec:L2"))]}
    world.add(REFINER, "MoveEvent", "rec:wrong", ("ORG", wrong))
    undone = subject | {"id": "evt:undone", "moved": [], "corrects": world.link(REFINER, "rec:wrong")}
    world.add(REFINER, "MoveEvent", "rec:undone", ("ORG", undone))
    closing = world.pages["rec:close:site:refiner", 1]
    stock = world.payloads[closing.credentials[0].octets or ""]["credentialSubject"]
    assert isinstance(stock, dict)
    covers = stock["covers"]
    assert isinstance(covers, list)
    both: list[Json] = [world.link(REFINER, "rec:wrong"), world.link(REFINER, "rec:undone")]
    world.add(REFINER, "StocktakeEvent", closing.record, ("ORG", stock | {"covers": [*covers, *both]}))
    report = audit(world)
    assert {balance.outcome for balance in report.balances} == {"balanced"}
    assert report.findings == ()
