"""Publishing: what is minted, what stays, what is refused; links; buyers of what is passed on."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from connector.credentials.datamodel import parse_credential
from connector.credentials.digest import digest_multibase
from connector.credentials.sd_jwt import SdJwt
from connector.credentials.status_list import scattered
from connector.exchange.in_part import InPart
from connector.exchange.publication import Declared, Published
from connector.exchange.publish import Publish
from connector.exchange.rows import DatasetRow, RecordRow
from connector.keys.memory import keys_from_seed
from connector.mapping.columns import LinkRequest
from connector.mapping.engine import Mapped
from connector.mapping.lineage import Lineage
from connector.mapping.source import Origin, Row
from connector.model import Did, JsonObject, Level
from connector.server.received import shown_of
from connector.stores.memory import MemoryStore
from connector.vocabulary.bundle import load_bundle

DID = Did("did:web:refiner.example")
NOW = datetime(2027, 3, 15, 9, tzinfo=UTC)
VECTORS = Path(__file__).parents[1] / "vectors" / "documents"
POLICY = b'{"@type":"Set","permission":[{"action":"use"}]}'


class FixedClock:
    """The story's day."""

    def now(self) -> datetime:
        """Always the same."""
        return NOW


def subject(record_type: str, **changes: Any) -> JsonObject:
    """The example of a record type, with changes."""
    found: JsonObject = json.loads((VECTORS / f"{record_type}.json").read_text("utf-8"))
    return {**found, **changes}


def document(
    record_type: str, key: str, said: JsonObject, *, links: tuple[LinkRequest, ...] = (), buyers: tuple[str, ...] = ()
) -> Mapped:
    """A mapped document as the engine gives it."""
    origin = Origin(source="lots", file="lots.csv", digest="d")
    return Mapped(
        record_type=record_type, subject_class=str(said["type"]), key=key, record_id=f"urn:record:{record_type}:{key}",
        model_id=None, title=key, subject=said, links=links, identifiers=(), buyers=buyers,
        lineage=Lineage("lots/1", said, []), row=Row([key], origin, 1, 2),
    )  # fmt: skip


def link(path: str, scheme: str, value: str, *, own: bool) -> LinkRequest:
    """A place that waits for a record."""
    return LinkRequest(
        path=path, id_path="", record_type=None, scheme=scheme, value=value, issuer=None, own=own, optional=False
    )


def dataset(name: str = "lots") -> DatasetRow:
    """A dataset under a policy that allows everything."""
    return DatasetRow(
        tenant="", dataset_id=f"urn:dataset:{name}", title=name, plan=name, record_types=(), policy=POLICY,
        policy_digest="p", at=0,
    )  # fmt: skip


class Company:
    """A journey over a store in memory."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.journey = Publish(
            tenant="", did=DID, status_url="https://refiner.example/status", id_key=b"k" * 32,
            store=self.store, keys=keys_from_seed("s", DID), clock=FixedClock(),
            bundle=load_bundle(),
        )  # fmt: skip

    async def publish(self, *documents: Mapped, into: str = "lots", **declared: Any) -> Published:
        """Publish some documents."""
        return await self.journey.publish(documents, dataset(into), Declared(**declared), lambda _: None)

    async def digests(self, record_id: str) -> tuple[int, tuple[str, ...]]:
        """Version and digests that stand."""
        record = await self.store.load_record("", DID, record_id)
        assert record is not None
        return record.version, record.digests


LOT = "urn:record:MineralLotPassport:L1"


async def test_a_document_becomes_one_credential_per_class_and_level() -> None:
    """Each part is signed apart; together they hold every term once; all carry the record and a status entry."""
    company = Company()
    said = subject("MineralLotPassport")
    result = await company.publish(document("MineralLotPassport", "L1", said))
    assert (result.documents, result.minted, result.findings) == (1, 1, [])
    rows = await company.store.credentials("", DID, LOT, 1)
    assert len(rows) == result.credentials == len({(row.access_class, row.level) for row in rows})
    assert result.classes == {row.access_class for row in rows}
    terms: list[str] = []
    for row in rows:
        credential = parse_credential(row.octets)
        terms += [name for name in credential.subject if name not in {"id", "type"}]
        assert credential.payload["record"] == {
            "id": LOT, "type": "Record", "version": "1", "accessClass": row.access_class, "level": row.level,
        }  # fmt: skip
        revocation, suspension = credential.status
        assert (revocation.purpose, revocation.list_url) == ("revocation", "https://refiner.example/status/0")
        assert (suspension.purpose, suspension.list_url) == ("suspension", f"{revocation.list_url}/suspension")
        assert revocation.index == suspension.index
    assert sorted(terms) == sorted(name for name in said if name not in {"id", "type"})
    assert sorted(row.status_index or 0 for row in rows) == list(range(len(rows)))
    entries = [parse_credential(row.octets).status[0].index for row in rows]
    assert [scattered(b"k" * 32, 0, row.status_index or 0) for row in rows] == entries


async def test_a_repeat_mints_nothing() -> None:
    """The same content again: the same digests, and the same counts in the answer."""
    company = Company()
    lot = document("MineralLotPassport", "L1", subject("MineralLotPassport"))
    first = await company.publish(lot)
    before = await company.digests(LOT)
    again = await company.publish(lot)
    assert (again.documents, again.credentials) == (first.documents, first.credentials)
    assert (again.minted, again.unchanged) == (0, 1)
    assert await company.digests(LOT) == before


async def test_changed_content_needs_a_word() -> None:
    """Changed static content is a finding; declared it is a new version that names what it supersedes.

    Why, is told in the credentials that changed alone: others' readers did not see what was wrong.
    """
    company = Company()
    await company.publish(document("MineralLotPassport", "L1", subject("MineralLotPassport")))
    _, before = await company.digests(LOT)
    changed = document("MineralLotPassport", "L1", subject("MineralLotPassport", productionDate="2026-01-31"))
    refused = await company.publish(changed)
    assert [finding.code for finding in refused.findings] == ["changed-without-correction"]
    assert refused.findings[0].place.source == "lots.csv"
    assert await company.digests(LOT) == (1, before)
    await company.publish(changed, correction="typing error")
    version, after = await company.digests(LOT)
    assert version == 2
    assert set(after).isdisjoint(before)
    rows = await company.store.credentials("", DID, LOT, 2)
    headers: dict[Any, Any] = {
        (row.access_class, row.level): parse_credential(row.octets).payload["record"] for row in rows
    }
    assert {name: one.get("correctionReason") for name, one in headers.items()} == {
        ("B2B", "item"): "typing error", ("B2B", "dynamic"): None, ("ORG", "item"): None, ("ORG", "dynamic"): None,
    }  # fmt: skip
    assert all(set(one["supersedes"]) == set(before) for one in headers.values())


async def test_an_overwrite_keeps_the_version_and_warns() -> None:
    """The same version under other digests: what others linked is gone, and the answer says so."""
    company = Company()
    await company.publish(document("MineralLotPassport", "L1", subject("MineralLotPassport")))
    _, before = await company.digests(LOT)
    changed = document("MineralLotPassport", "L1", subject("MineralLotPassport", productionDate="2026-01-31"))
    result = await company.publish(changed, overwrite=True)
    version, after = await company.digests(LOT)
    assert version == 1
    assert set(after).isdisjoint(before)
    assert result.warnings
    assert await company.store.find_credential("", before[0]) is None


async def test_a_changed_state_is_no_correction() -> None:
    """A dynamic term changes under the same version: the static credentials stay as they are."""
    company = Company()
    said = subject("BatteryPassport", passportStatus="active")
    record = "urn:record:BatteryPassport:B1"
    await company.publish(document("BatteryPassport", "B1", said))
    _, before = await company.digests(record)
    await company.publish(document("BatteryPassport", "B1", {**said, "passportStatus": "ceased"}))
    assert await company.digests(record) == (1, before)
    rows = [row for row in await company.store.credentials("", DID, record, 1) if row.level == Level.DYNAMIC]
    states = [parse_credential(row.octets).subject.get("passportStatus") for row in rows]
    assert "ceased" in states
    assert "active" not in states
    services: Any = SimpleNamespace(tenant="", store=company.store)
    kept = await company.store.load_record("", DID, record)
    assert kept is not None
    shown = await shown_of(services, kept)
    assert shown["named"] == shown["credentials"], "the state's own is no one too many"


async def test_links_are_made_in_any_order() -> None:
    """A document may come before the one that it links to; the link names digests and no supplier."""
    company = Company()
    site = document("FacilityRecord", "0110", subject("FacilityRecord"))
    lot = subject("MineralLotPassport", facilityRecord={})
    scheme = _identifier(subject("FacilityRecord"))
    wanted = link("/facilityRecord", *scheme, own=True)
    result = await company.publish(document("MineralLotPassport", "L1", lot, links=(wanted,)), site)
    assert result.findings == []
    content = orjson.loads((await _load(company, LOT)).content)
    made = content["facilityRecord"]
    _, digests = await company.digests("urn:record:FacilityRecord:0110")
    assert (made["digest"], made["mediaType"]) == (list(digests), "application/vc+jwt")
    assert "refiner" not in json.dumps(made)
    row = await company.store.find_link("", made["id"])
    assert row is not None
    assert (row.to_record, row.holder) == ("urn:record:FacilityRecord:0110", DID)


async def test_a_link_tells_the_media_type_of_what_it_leads_to() -> None:
    """A signed sentence: credentials with a proof inside are no compact tokens."""
    company = Company()
    site = document("FacilityRecord", "0110", subject("FacilityRecord"))
    wanted = link("/facilityRecord", *_identifier(subject("FacilityRecord")), own=True)
    lot = document("MineralLotPassport", "L1", subject("MineralLotPassport", facilityRecord={}), links=(wanted,))
    proving = replace(company.journey, proofs=True)
    await proving.publish([site], dataset("sites"), Declared(), lambda _: None)
    await company.publish(lot)
    assert orjson.loads((await _load(company, LOT)).content)["facilityRecord"]["mediaType"] == "application/vc"
    kept = await company.store.credentials("", DID, site.record_id, 1)
    assert {(row.media_type, row.octets[:1]) for row in kept} == {("application/vc", b"{")}


async def test_what_is_shown_in_part_is_corrected_and_linked_to_by_none() -> None:
    """Two places are left to the holder, each in the credential that has it; nothing is to rest on it."""
    company = Company()
    said = subject("FacilityRecord")
    places = ("/address/locality", "/mineral/1", "/identifier/0/value")
    fresh = (f"{number:022d}" for number in range(99))
    in_part = replace(company.journey, in_part=InPart(pointers=places, decoys=1, salt=lambda: next(fresh)))
    result = await in_part.publish(
        [document("FacilityRecord", "0110", said)], dataset("sites"), Declared(), lambda _: None
    )
    assert [finding.code for finding in result.findings] == ["not-disclosable"], "an identifier without its value"
    in_part = replace(company.journey, in_part=InPart(pointers=places[:2], decoys=1, salt=lambda: next(fresh)))
    cases: tuple[tuple[JsonObject, Declared], ...] = (
        (said, Declared()),
        ({**said, "mineral": ["nickel", "copper"]}, Declared(correction="assayed anew")),
    )
    for site, declared in cases:
        result = await in_part.publish([document("FacilityRecord", "0110", site)], dataset("sites"), declared, _silent)
        assert (result.findings, result.minted) == ([], 1)
    kept = await company.store.credentials("", DID, "urn:record:FacilityRecord:0110", 2)
    assert {(row.media_type, row.digest) for row in kept} == {
        ("application/vc+sd-jwt", digest_multibase(row.octets)) for row in kept
    }
    shown = [parse_credential(row.octets, selective=True) for row in kept]
    assert {place for one in shown if isinstance(one.securing, SdJwt) for place in one.securing.places} == {
        "/credentialSubject/address/locality", "/credentialSubject/mineral/1"
    }  # fmt: skip
    assert all(isinstance(one.securing, SdJwt) and one.securing.hidden == 1 for one in shown)
    wanted = link("/facilityRecord", *_identifier(said), own=True)
    lot = document("MineralLotPassport", "L1", subject("MineralLotPassport", facilityRecord={}), links=(wanted,))
    assert [finding.code for finding in (await company.publish(lot)).findings] == ["link-to-part"]


def _silent(_: int) -> None:
    """Nobody watches."""


async def test_a_link_that_leads_nowhere_keeps_its_document_back() -> None:
    """Nothing reaches the store of a document whose supplier's record was never received."""
    company = Company()
    lot = subject("MineralLotPassport", facilityRecord={})
    wanted = link("/facilityRecord", "lotNumber", "unknown", own=False)
    result = await company.publish(document("MineralLotPassport", "L1", lot, links=(wanted,)))
    assert [finding.code for finding in result.findings] == ["link-unresolved"]
    assert result.findings[0].hint
    assert await company.store.load_record("", DID, LOT) is None


async def test_a_subject_that_breaks_its_shape_keeps_only_itself_back() -> None:
    """One bad document is reported, its neighbours are published."""
    company = Company()
    bad = document("MineralLotPassport", "L2", subject("MineralLotPassport", netMass={"type": "Quantity", "value": 3}))
    good = document("MineralLotPassport", "L1", subject("MineralLotPassport"))
    result = await company.publish(bad, good)
    assert result.documents == 1
    assert result.findings
    assert await company.store.load_record("", DID, "urn:record:MineralLotPassport:L2") is None


async def test_another_dataset_is_told() -> None:
    """Records that change their dataset are gone for who holds an agreement on the old one: the answer warns."""
    company = Company()
    lot = document("MineralLotPassport", "L1", subject("MineralLotPassport"))
    await company.publish(lot)
    result = await company.publish(lot, into="others")
    assert "another dataset" in result.warnings[0]


@pytest.mark.parametrize("count", [450])
async def test_many_documents_have_distinct_status_entries(count: int) -> None:
    """Batches share one row of status indices without a gap or a double."""
    company = Company()
    said = subject("FacilityRecord")
    result = await company.publish(
        *(
            document("FacilityRecord", str(number), {**said, "id": f"urn:uuid:002a0eef-a1c3-823c-a3c3-{number:012d}"})
            for number in range(count)
        )
    )
    assert result.documents == count
    assert await company.store.next_status_index("") == result.credentials


def _identifier(said: JsonObject) -> tuple[str, str]:
    listed = said["identifier"]
    assert isinstance(listed, list)
    first = listed[0]
    assert isinstance(first, dict)
    return str(first["scheme"]), str(first["value"])


async def _load(company: Company, record_id: str) -> RecordRow:
    record = await company.store.load_record("", DID, record_id)
    assert record is not None
    return record


async def test_what_nothing_came_out_for_is_not_offered_and_was_never_withdrawn() -> None:
    """Not at first, and not where it was withdrawn; with a document that is good it is, whatever else is refused."""
    company = Company()
    bad = document("MineralLotPassport", "L1", subject("MineralLotPassport", batchMass="much"))
    refused = await company.publish(bad)
    assert (refused.documents, refused.assets, len(refused.refused)) == (0, 0, 1)
    assert await company.store.load_dataset("", "urn:dataset:lots") is None
    assert await company.store.evidence("") == []

    good = document("MineralLotPassport", "L2", subject("MineralLotPassport"))
    assert (await company.publish(bad, good)).assets == 1
    gone = replace(dataset(), withdrawn=7)
    await company.store.commit_dataset(gone)
    assert (await company.publish(bad)).assets == 0
    assert await company.store.load_dataset("", "urn:dataset:lots") == gone
    assert (await company.publish(good)).unchanged == 1
    assert await company.store.load_dataset("", "urn:dataset:lots") == dataset()
