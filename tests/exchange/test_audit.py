"""The audit journey between three companies with stores and signatures of their own; only HTTP is left out."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from connector.errors import NotFound
from connector.exchange.ports import Store
from connector.exchange.rows import RecordsCommit
from connector.model import Claim, Did, Facts
from connector.provenance.assemble import assemble
from connector.provenance.report import AuditReport
from connector.provenance.walk import Walk
from connector.stores.sqlite import SqliteStore
from tests.core.provenance.chains import MAKER, MINE, NOW, REFINER, World, chain, words
from tests.exchange.audited import (
    AUDITOR,
    STRANGER,
    Companies,
    answers_of,
    dataset,
    mandate,
    publish,
    published,
    rows_of,
)
from tests.exchange.signing import Site, digest, seal


@pytest.fixture
async def companies(tmp_path: Path) -> AsyncIterator[Companies]:
    """The chain, with their policies."""
    async with published(tmp_path, chain(world=World(seal=seal, digest=digest))) as found:
        yield found


async def test_an_auditor_with_a_mandate_walks_the_chain(companies: Companies) -> None:
    """From the battery's serial to the mine's permit, every signature checked; progress is told per node."""
    journey, wire = companies.audit(mandate(), AUDITOR)
    told: list[str] = []
    report = await journey.run("SN/rec:B", MAKER, on_node=lambda count, text: told.append(f"{count} {text}"))
    assert (report.verdict, report.outcomes, report.unreached) == ("verified", {"verified": 21}, 0)
    assert report.coverage[0].as_json()["shares"] == {"verified": "0.662162", "unattested": "0.337838"}
    assert len(told) == 21
    assert told[0].startswith("1 BatteryPassport")
    assert 1 < wire.most <= 8


async def test_a_walk_is_judged_beside_the_event_loop(companies: Companies, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand nodes take half a second of CPU; meanwhile peers wait for answers."""
    where: list[threading.Thread] = []

    def judged(walk: Walk) -> AuditReport:
        where.append(threading.current_thread())
        return assemble(walk)

    monkeypatch.setattr("connector.provenance.assemble.assemble", judged)
    journey, _ = companies.audit(mandate(), AUDITOR)
    assert (await journey.run("rec:B", MAKER)).verdict == "verified"
    assert len(where) == 1
    assert where[0] is not threading.main_thread()


async def test_each_read_is_logged_by_its_owner_with_the_decision(companies: Companies) -> None:
    """Refused ones too; one's own look at one's own books is not."""
    journey, _ = companies.audit(mandate(), AUDITOR)
    await journey.run("rec:B", MAKER)
    await companies.answers[MINE].answer("records/rec:L1/1", Facts(party=STRANGER), NOW)
    rows = [orjson.loads(row.body) for row in await companies.stores[MINE].evidence("")]
    assert {row["party"] for row in rows} == {AUDITOR, STRANGER}
    assert rows[-1]["status"] == 403
    assert rows[-1]["decisions"]["B2B"]["decision"] == "deny"


async def test_a_customer_finds_its_supplier_sealed_where_the_policy_says_so(companies: Companies) -> None:
    """The same chain from the maker's own connector: its own books are open to it, the supplier's are not."""
    journey, _ = companies.audit(Facts(party=MAKER), MAKER)
    report = await journey.run("rec:B", MAKER)
    found = words(report)
    assert found["rec:L2"] == "sealed"
    assert found["rec:B1"] == found["rec:close:site:maker"] == "verified"
    assert report.verdict == "qualified"
    assert MINE not in orjson.dumps(report.as_json()).decode()
    assert await companies.stores[MAKER].evidence("") == []


async def test_without_rights_an_answer_tells_nothing(companies: Companies) -> None:
    """Known: 403; unknown: 404; a bad path: 404; the body is empty each time."""
    mine = companies.answers[MINE]
    link = next(ident for holder, ident in companies.world.links if holder == MINE)
    stranger = Facts(party=STRANGER)
    for path, status in (
        ("records/rec:L1/1", 403),
        ("records/rec:L1/latest", 403),
        ("records/rec:L1/later", 403),
        (f"links/{link}", 403),
        ("records/rec:nothing/1", 404),
        ("records/rec:L1/2", 404),
        ("records/rec:nothing/later", 404),
        ("links/urn:uuid:0", 404),
        ("records/rec:L1", 404),
    ):
        answer = await mine.answer(path, stranger, NOW)
        assert (answer.status, answer.body) == (status, b"")


async def test_classes_outside_the_mandate_are_listed_by_digest_alone(companies: Companies) -> None:
    """A mandate for B2B opens the lot's business values; its ORG credential and the link in it stay shut."""
    mine, facts = companies.answers[MINE], mandate(AUDITOR, "PUB", "B2B")
    page = orjson.loads((await mine.answer("records/rec:L1/1", facts, NOW)).body)
    assert {item["accessClass"]: "octets" in item for item in page["credentials"]} == {"B2B": True, "ORG": False}
    text = orjson.dumps(companies.world.payloads[companies.world.pages["rec:L1", 1].credentials[1].octets or ""])
    made_in = next(ident for holder, ident in companies.world.links if holder == MINE and ident in text.decode())
    assert (await mine.answer(f"links/{made_in}", facts, NOW)).status == 403
    assert (await mine.answer(f"links/{made_in}", mandate(), NOW)).status == 200


async def test_a_rule_may_keep_back_who_supplied(tmp_path: Path) -> None:
    """Own records stay open, also behind a link; a link to another company's record is sealed."""
    policy = tmp_path / "policy.json"
    own = {"leftOperand": "leadsTo", "operator": "eq", "rightOperand": "own"}
    policy.write_bytes(orjson.dumps({"@type": "Set", "permission": [{"action": "audit", "constraint": [own]}]}))
    world = chain(world=World(seal=seal, digest=digest))
    store: Store = SqliteStore(tmp_path / "refiner.db")
    await publish(store, world, REFINER, str(policy))
    refiner = answers_of(REFINER, store)
    for (holder, ident), target in world.links.items():
        if holder == REFINER:
            answer = await refiner.answer(f"links/{ident}", Facts(party=STRANGER), NOW)
            assert answer.status == (200 if target.holder == REFINER else 403)
    assert (await refiner.answer("records/rec:L2/1", Facts(party=STRANGER), NOW)).status == 200
    await store.close()


async def test_what_came_later_is_told_with_the_receiver_of_a_move(companies: Companies) -> None:
    """The refiner knows what it made of the lot; the mine, to whom it went."""
    body = orjson.loads((await companies.answers[MINE].answer("records/rec:L1/later", mandate(), NOW)).body)
    moved = next(entry for entry in body["later"] if entry["type"] == "MoveEvent")
    assert moved["toParty"] == REFINER
    body = orjson.loads((await companies.answers[REFINER].answer("records/rec:L1/later", mandate(), NOW)).body)
    assert {entry["record"] for entry in body["later"]} >= {"rec:R1", "rec:L2"}
    assert body["withheld"] == 0


async def test_what_came_later_is_told_in_pages(companies: Companies, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page leads to the next by a sealed place that is good for this record alone; the walk reads them all."""
    whole = orjson.loads((await companies.answers[REFINER].answer("records/rec:L1/later", mandate(), NOW)).body)
    before = await companies.audit(mandate(), AUDITOR)[0].run("rec:L1", MINE)
    monkeypatch.setattr("connector.exchange.answer.PAGE_LATER", 1)
    listed, path = [], "records/rec:L1/later"
    while path:
        page = orjson.loads((await companies.answers[REFINER].answer(path, mandate(), NOW)).body)
        listed += page["later"]
        path = f"records/rec:L1/later/{page['next']}" if "next" in page else ""
        assert len(page["later"]) <= 1
        assert "rec:" not in page.get("next", "")
    assert listed == whole["later"]
    assert len(listed) > 1
    first = orjson.loads((await companies.answers[REFINER].answer("records/rec:L1/later", mandate(), NOW)).body)
    for wrong in (f"records/rec:L2/later/{first['next']}", "records/rec:L1/later/rec:L1"):
        assert (await companies.answers[REFINER].answer(wrong, mandate(), NOW)).status == 404
    after = await companies.audit(mandate(), AUDITOR)[0].run("rec:L1", MINE)
    assert words(after) == words(before)


async def test_forward_from_the_mines_lot_to_the_battery(companies: Companies) -> None:
    """Along moves from connector to connector."""
    journey, _ = companies.audit(mandate(), AUDITOR)
    assert words(await journey.run("rec:L1", MINE))["rec:B"] == "verified"


async def test_a_peer_that_is_down_is_missing(companies: Companies) -> None:
    """No exception: a gap with its reason."""
    journey, wire = companies.audit(mandate(), AUDITOR)
    wire.down.add(REFINER)
    report = await journey.run("rec:B", MAKER)
    lot = next(node for node in report.nodes if node.id == "rec:L2")
    assert lot.outcome == "missing"
    assert "peer-unreachable" in lot.reasons[0]
    assert (report.verdict, report.unreached) == ("qualified", 1)


async def test_keys_out_of_reach_are_unchecked_unless_a_copy_was_verified_at_receipt(companies: Companies) -> None:
    """A customer that kept the lot's credential with its report need not ask for the key again."""
    journey, _ = companies.audit(mandate(), AUDITOR, Site(unreachable={MINE}))
    assert words(await journey.run("rec:B", MAKER))["rec:L1"] == "unchecked"
    record, credentials, _ = rows_of(companies.world, companies.world.pages["rec:L1", 1], "")
    kept = [replace(row, report=b'{"verdict":"valid"}', origin="received") for row in credentials]
    received = replace(record, origin="received")
    commit = RecordsCommit(tenant="", holder=MINE, expected={"rec:L1": 0}, records=[received], credentials=kept)
    await companies.stores[AUDITOR].commit_records(commit)
    assert words(await journey.run("rec:B", MAKER))["rec:L1"] == "verified"


async def test_an_owner_that_decides_by_hand_answers_202_until_then(companies: Companies) -> None:
    """The nodes are pending until a person's word, which counts for the caller's reads of the dataset, for its time;
    who has no right anyway is not held but refused.
    """
    refiner, store = companies.answers[REFINER], companies.stores[REFINER]
    await store.commit_dataset(replace(dataset("composition.json"), approval=True))
    journey, _ = companies.audit(mandate(), AUDITOR)
    assert words(await journey.run("rec:B", MAKER))["rec:L2"] == "pending"
    assert (await refiner.answer("records/rec:L2/1", Facts(party=STRANGER), NOW)).status == 403
    (waits,) = await store.list_approvals("", limit=99)
    assert (waits.kind, waits.counterparty, waits.subject, waits.decision) == ("audit", AUDITOR, "d", "")

    async def status(after: int = 0) -> int:
        return (await refiner.answer("records/rec:L2/1", mandate(), NOW + timedelta(seconds=after))).status

    assert await status(after=999) == 202
    assert await store.list_approvals("", limit=99) == [waits]
    await refiner.decide(waits.pid, "approve", "", NOW)
    assert words(await journey.run("rec:B", MAKER))["rec:L2"] == "verified"
    assert (await refiner.answer("records/rec:L2/1", mandate(Did("did:web:other.example")), NOW)).status == 202
    await refiner.decide(waits.pid, "reject", "not this year", NOW)
    assert (await status(), await status(after=59), await status(after=60)) == (403, 403, 202)
    with pytest.raises(NotFound):
        await refiner.decide("urn:uuid:0", "approve", "", NOW)
    told = [orjson.loads(row.body) for row in await store.evidence("") if row.event == "audit-decided-by-hand"]
    assert [(one["party"], one["decision"], one["reason"]) for one in told] == [
        (AUDITOR, "approve", ""), (AUDITOR, "reject", "not this year"),
    ]  # fmt: skip


async def test_a_record_without_rules_is_shut(companies: Companies) -> None:
    """No dataset, no audit rules: no."""
    store = companies.stores[MINE]
    record, credentials, _ = rows_of(companies.world, companies.world.pages["rec:L1", 1], "")
    alone = replace(record, record_id="rec:alone", digests=())
    row = replace(credentials[0], record_id="rec:alone", digest="uAlone")
    commit = RecordsCommit(tenant="", holder=MINE, expected={"rec:alone": 0}, records=[alone], credentials=[row])
    await store.commit_records(commit)
    assert (await companies.answers[MINE].answer("records/rec:alone/1", mandate(), NOW)).status == 403


async def test_a_mandate_for_another_site_or_time_opens_nothing(companies: Companies) -> None:
    """Under `audit-only.json` the event's site and time must lie within the mandate."""
    await companies.stores[MINE].commit_dataset(dataset("audit-only.json"))

    async def status(**limits: str) -> int:
        claims = [claim for claim in mandate().claims if claim.name not in limits]
        claims += [Claim(name=name, value=value, source="uM") for name, value in limits.items()]
        answer = await companies.answers[MINE].answer(
            "records/rec:M1/1", Facts(party=AUDITOR, claims=tuple(claims)), NOW
        )
        return answer.status

    assert await status() == 200
    assert await status(mandateSite="site:mine") == 200
    assert await status(mandateSite="site:other") == 403
    assert await status(mandatePeriod="2025-01-01T00:00:00Z/2026-01-01T00:00:00Z") == 403
