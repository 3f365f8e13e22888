"""What a supplier's pages may not do: take over records of ours or of others, lie about what they list, never end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from connector.credentials import issue
from connector.credentials.did import DidDocument, MethodKey, build_document, parse_document
from connector.credentials.digest import digest_multibase
from connector.credentials.sd_jwt import Challenge
from connector.credentials.status import Unobtained
from connector.credentials.verify import Material, Report, verify
from connector.errors import BadMessage
from connector.exchange.arrivals import Arrivals, Received
from connector.exchange.download import Download
from connector.exchange.ports import HttpAnswer, Sent
from connector.exchange.receive import Receive
from connector.exchange.room import Room
from connector.exchange.rows import DatasetRow, RecordRow, RecordsCommit
from connector.keys.memory import MemorySigner, signer_from_seed
from connector.model import Did, Json, JsonObject
from connector.peers.nowhere import NoNetwork
from connector.stores.files import FileStore
from connector.stores.memory import MemoryStore
from connector.vocabulary.bundle import load_bundle

US, SUPPLIER, HOSTILE = (Did(f"did:web:{name}.example") for name in ("us", "supplier", "hostile"))
NOW = datetime(2027, 3, 15, 9, tzinfo=UTC)
CONTEXTS = ["https://www.w3.org/ns/credentials/v2", load_bundle().context_url]
DATA = "https://data.example/data"


def _key(did: str) -> MemorySigner:
    return signer_from_seed(did.encode(), "EdDSA", f"{did}#assertion-1")


def _document(did: Did) -> DidDocument:
    method = MethodKey(key_id=_key(did).key_id, public_jwk=_key(did).public_jwk)
    return parse_document(orjson.dumps(build_document(did, assertion=[method], authentication=[], services=[])))


DOCUMENTS: dict[str, DidDocument | Unobtained] = {did: _document(did) for did in (US, SUPPLIER, HOSTILE)}


def credential(
    issuer: Did, record: str, *, version: int = 1, level: str = "item", proof: bool = False, **subject: Json
) -> bytes:
    """A signed credential of a record's version, as a token or with a proof in it."""
    signer = _key(issuer)
    payload: JsonObject = {
        "@context": [*CONTEXTS], "type": ["VerifiableCredential", "FacilityRecord"], "issuer": issuer,
        "validFrom": "2027-01-01T00:00:00Z",
        "record": {"id": record, "type": "Record", "version": str(version), "accessClass": "B2B", "level": level},
        "credentialSubject": {"id": f"{record}:subject", "type": "Facility", **subject},
    }  # fmt: skip
    if proof:
        unproved = issue.prepare_proof(payload, key_id=signer.key_id, alg=signer.alg, created=NOW)
        return issue.attach_proof(unproved, signer.sign_now(unproved.message)).octets
    unsigned = issue.prepare(payload, key_id=signer.key_id, alg=signer.alg)
    return issue.attach(unsigned, signer.sign_now(unsigned)).octets


@dataclass
class Pages:
    """A supplier's data address."""

    pages: dict[str, JsonObject] = field(default_factory=dict)
    octets: dict[str, bytes] = field(default_factory=dict)

    def line(self, octets: bytes, record: str, **said: Json) -> JsonObject:
        """A credential, served, and its line on a page."""
        digest = digest_multibase(octets)
        url = f"{DATA}/{digest}"
        self.octets[url] = octets
        return {
            "id": record, "version": 1, "type": "FacilityRecord", "level": "item", "mediaType": "application/vc+jwt",
            "digest": digest, "url": url, **said,
        }  # fmt: skip

    async def pull(self, url: str, authorization: str, *, limit_bytes: int) -> HttpAnswer:
        """GET."""
        assert authorization == "Bearer t"
        assert limit_bytes
        if url in self.octets:
            return HttpAnswer(status=200, headers={}, body=self.octets[url])
        page = self.pages.get(url)
        return HttpAnswer(status=200 if page else 404, headers={}, body=orjson.dumps(page))

    async def renew(
        self, peer: Did, url: str, refresh_token: str, access_token: str, *, in_url: bool = False
    ) -> HttpAnswer:
        """Not used."""
        raise NotImplementedError

    async def post(self, peer: Did, url: str, body: bytes, *, limit_bytes: int = 0) -> Sent:
        """Not used, like the rest of the port."""
        raise NotImplementedError

    async def get(self, peer: Did, url: str) -> Sent:
        """Not used."""
        raise NotImplementedError

    async def dsp_base(self, peer: Did) -> str:
        """Not used."""
        raise NotImplementedError

    async def presentations(self, peer: Did, access_token: str, scopes: object) -> list[str]:
        """Not used."""
        raise NotImplementedError


@dataclass(frozen=True)
class Verifier:
    """All checks over documents that are known here; nobody is distrusted unless `trusted` says whom to trust."""

    trusted: dict[str, tuple[str, ...]] | None = None

    async def verify(
        self, octets: bytes, at: datetime | None = None, *, trusted_only: bool = False, asked: Challenge | None = None
    ) -> Report:
        """Verify."""
        material = Material(
            documents=DOCUMENTS, trusted_issuers=self.trusted, contexts=CONTEXTS, check_shape=None, challenge=asked
        )  # fmt: skip
        return verify(octets, at=at or NOW, now=NOW, material=material)


class Noon:
    """The story's clock."""

    def now(self) -> datetime:
        """Now."""
        return NOW


async def _shown(_refused: str) -> str:
    return "Bearer t"


class Roomy(FileStore):
    """A folder that is never made."""

    async def room(self) -> int:
        """Enough."""
        return 1 << 40


@dataclass
class Desk:
    """Our end."""

    store: MemoryStore = field(default_factory=MemoryStore)
    pages: Pages = field(default_factory=Pages)
    max_peer_bytes: int = 1 << 30
    verifier: Verifier = Verifier()

    @property
    def journey(self) -> Receive:
        """The journey."""
        desk = Arrivals(tenant="", did=US, store=self.store, verifier=self.verifier, clock=Noon())
        files = Roomy(Path("unused"))
        room = Room(tenant="", store=self.store, files=files, min_free_bytes=0, max_peer_bytes=self.max_peer_bytes)
        download = Download(files=files, carrier=NoNetwork(), room=room, max_file_bytes=1 << 20)
        return Receive(peers=self.pages, download=download, arrivals=desk)

    def pull(self, holder: Did, *lines: JsonObject, following: str = "") -> Received:
        """One page from this company."""
        page: JsonObject = {"dataset": "d", "items": [*lines]}
        self.pages.pages[DATA] = {**page, "next": following} if following else page
        return asyncio.run(self.journey.pull(holder, "agreement", DATA, _shown, lambda _: None))

    def record(self, record: str, holder: Did) -> RecordRow:
        """The newest version that this company holds."""
        row = asyncio.run(self.store.load_record("", holder, record))
        assert row is not None
        return row


def codes(received: Received) -> list[str]:
    """What was found."""
    return [finding.code for finding in received.findings]


def own(record: str) -> RecordRow:
    """A record of ours."""
    return RecordRow(
        tenant="", record_id=record, version=1, record_type="FacilityRecord", key="k", subject_id="s", holder=US,
        origin="own", dataset_id="d", agreement_id="", content_digest="c", content=b"{}", lineage=b"", digests=("u1",),
        buyers=(), at=1,
    )  # fmt: skip


def test_an_issuer_whom_nobody_trusts_yet() -> None:
    """The first fetch of most companies ends so: the finding says where it is said whom to trust."""
    desk = Desk(verifier=Verifier(trusted={}))
    found = desk.pull(SUPPLIER, desk.pages.line(credential(SUPPLIER, "urn:r"), "urn:r"))
    assert (found.records, found.rejected, codes(found)) == (0, 1, ["issuer-not-anchored"])
    assert "connector.toml under [trusted_issuers]" in found.findings[0].hint


@pytest.mark.parametrize("version", [1, 2, 7])
def test_one_id_at_several_companies(version: int) -> None:
    """Whatever version others give under an id of ours, ours stays the newest of ours; nor do they block each other."""
    desk = Desk()
    commit = RecordsCommit(tenant="", holder=US, expected={"urn:r": 0}, records=[own("urn:r")])
    asyncio.run(desk.store.commit_records(commit))
    for party in (HOSTILE, SUPPLIER):
        found = desk.pull(party, desk.pages.line(credential(party, "urn:r", version=version), "urn:r", version=version))
        assert (found.records, found.findings) == (1, [])
    assert desk.record("urn:r", US) == own("urn:r")
    for party in (HOSTILE, SUPPLIER):
        kept = asyncio.run(desk.store.credentials("", party, "urn:r", version))
        assert [row.issuer for row in kept] == [party]


def test_a_dynamic_credential_takes_no_record_over() -> None:
    """Naming the digests of somebody's record beside a new state of one's own changes nothing of that record."""
    desk = Desk()
    static = credential(SUPPLIER, "urn:r")
    assert desk.pull(SUPPLIER, desk.pages.line(static, "urn:r")).records == 1
    before = desk.record("urn:r", SUPPLIER)
    named = {**desk.pages.line(static, "urn:r")}
    del named["url"]
    state = credential(HOSTILE, "urn:r", level="dynamic")
    desk.pull(HOSTILE, named, desk.pages.line(state, "urn:r", level="dynamic"))
    assert desk.record("urn:r", SUPPLIER) == before
    assert [row.level for row in asyncio.run(desk.store.credentials("", SUPPLIER, "urn:r", 1))] == ["item"]


def test_the_same_credential_by_two_ways_is_no_fault() -> None:
    """A third party's credential that two suppliers pass on is kept from each."""
    desk = Desk()
    line = desk.pages.line(credential(SUPPLIER, "urn:r"), "urn:r")
    for party in (SUPPLIER, HOSTILE):
        assert desk.pull(party, line).records == 1
        again = desk.pull(party, line)
        assert (again.unchanged, again.findings) == (1, [])


class Slow(Pages):
    """Everybody has read what is there before anybody gets an answer."""

    async def pull(self, url: str, authorization: str, *, limit_bytes: int) -> HttpAnswer:
        """GET."""
        await asyncio.sleep(0.01)
        return await super().pull(url, authorization, limit_bytes=limit_bytes)


@pytest.mark.parametrize("parts", [1, 2])
def test_fetches_at_once_keep_a_record_once(parts: int) -> None:
    """Whoever comes second finds that it is there, or keeps what it has more of it; nobody is told of a conflict."""
    desk = Desk(pages=Slow())
    lines = [desk.pages.line(credential(SUPPLIER, "urn:r", name=str(n)), "urn:r") for n in range(parts)]
    without = [{name: one for name, one in line.items() if name != "url"} for line in lines]
    for number, given in enumerate(([*lines[:1], *without[1:]], lines)):
        desk.pages.pages[f"{DATA}{number}"] = {"dataset": "d", "items": [*given]}

    async def both() -> list[Received]:
        pulls = (desk.journey.pull(SUPPLIER, "a", f"{DATA}{n}", _shown, lambda _: None) for n in (0, 1, 1))
        return await asyncio.gather(*pulls)

    found = asyncio.run(both())
    assert [codes(one) for one in found] == [[], [], []]
    assert sum(one.credentials for one in found) == parts
    assert len(asyncio.run(desk.store.credentials("", SUPPLIER, "urn:r", 1))) == parts


def test_a_record_keeps_its_signer() -> None:
    """A laboratory's record that came by a supplier cannot be corrected by the supplier itself."""
    desk = Desk()
    assert desk.pull(SUPPLIER, desk.pages.line(credential(US, "urn:r"), "urn:r")).records == 1
    octets = credential(SUPPLIER, "urn:r", version=2)
    found = desk.pull(SUPPLIER, desk.pages.line(octets, "urn:r", version=2))
    assert codes(found) == ["foreign-issuer"]
    assert desk.record("urn:r", SUPPLIER).version == 1


@pytest.mark.parametrize("lie", [{"level": "dynamic"}, {"type": "BatteryPassport"}, {"version": 2}, {"id": "urn:x"}])
def test_a_page_that_lies_about_a_credential(lie: JsonObject) -> None:
    """Record, version, level and type are those that were signed."""
    desk = Desk()
    found = desk.pull(SUPPLIER, desk.pages.line(credential(SUPPLIER, "urn:r"), "urn:r", **lie))
    assert codes(found) == ["record-mismatch"]
    assert found.records == 0


@pytest.mark.parametrize("version", [0, -1, 1 << 31, (1 << 53) - 1])
def test_a_version_that_is_none(version: int) -> None:
    """A number that no store can hold makes the page unusable, and nothing breaks."""
    desk = Desk()
    line = desk.pages.line(credential(SUPPLIER, "urn:r"), "urn:r", version=version)
    with pytest.raises(BadMessage):
        desk.pull(SUPPLIER, line)


@pytest.mark.parametrize("address", ["https://[::1", "https://data.example.evil/x", "//data.example/data"])
def test_pages_stay_where_they_are(address: str) -> None:
    """Another host, or no address at all, as next page or as place of a credential."""
    desk = Desk()
    with pytest.raises(BadMessage):
        desk.pull(SUPPLIER, following=address)
    with pytest.raises(BadMessage):
        desk.pull(SUPPLIER, desk.pages.line(credential(SUPPLIER, "urn:r"), "urn:r", url=address))


def test_too_many_findings_end_the_pull(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong is reported, but not without end."""
    monkeypatch.setattr("connector.exchange.receive._MAX_FINDINGS", 3)
    desk = Desk()
    lines = [desk.pages.line(credential(SUPPLIER, f"urn:{n}"), f"urn:other-{n}") for n in range(5)]
    with pytest.raises(BadMessage):
        desk.pull(SUPPLIER, *lines)


def test_numbers_of_others_lead_nowhere() -> None:
    """Who claims a lot number in another company's numbering is not found under it; its own numbers are."""
    desk = Desk()
    numbers: list[Json] = [
        {"type": "Identifier", "scheme": "lotNumber", "value": "L1", "issuer": SUPPLIER},
        {"type": "Identifier", "scheme": "lotNumber", "value": "L2", "issuer": HOSTILE},
        {"type": "Identifier", "scheme": "permitNumber", "value": "P1"},
    ]
    octets = credential(HOSTILE, "urn:r", identifier=numbers)
    assert desk.pull(HOSTILE, desk.pages.line(octets, "urn:r")).records == 1

    def found(value: str) -> int:
        return len(asyncio.run(desk.store.find_records("", scheme=None, value=value)))

    assert [found("L1"), found("L2"), found("P1")] == [0, 1, 1]


@pytest.mark.parametrize("proof", [False, True])
def test_a_file_takes_no_record_over_and_keeps_its_buyers(*, proof: bool) -> None:
    """An imported credential is no new version of a record of ours; imported again it stays open to its buyers."""
    desk = Desk()
    dataset = DatasetRow(
        tenant="", dataset_id="d", title="", plan="", record_types=(), policy=b"{}", policy_digest="", at=1
    )
    commit = RecordsCommit(tenant="", holder=US, expected={"urn:r": 0}, records=[own("urn:r")])
    asyncio.run(desk.store.commit_records(commit))
    found = asyncio.run(desk.journey.hold(credential(SUPPLIER, "urn:r", version=2, proof=proof), dataset))
    assert codes(found) == ["foreign-record"]
    permit = credential(SUPPLIER, "urn:p", proof=proof)
    assert asyncio.run(desk.journey.hold(permit, dataset)).records == 1
    bought = replace(desk.record("urn:p", US), buyers=(HOSTILE,))
    asyncio.run(desk.store.commit_records(RecordsCommit(tenant="", holder=US, expected={"urn:p": 1}, records=[bought])))
    asyncio.run(desk.journey.hold(permit, dataset))
    assert desk.record("urn:p", US).buyers == (HOSTILE,)


def test_a_credential_with_a_proof_comes_by_a_page_in_its_one_form() -> None:
    """Under the media type that it has, whatever the line says; laid out otherwise it is not the one that was named."""
    desk = Desk()
    octets = credential(SUPPLIER, "urn:r", proof=True)
    found = desk.pull(SUPPLIER, desk.pages.line(octets, "urn:r"))
    assert (found.records, found.findings) == (1, [])
    kept = asyncio.run(desk.store.credentials("", SUPPLIER, "urn:r", 1))
    assert [(row.octets, row.media_type, row.digest) for row in kept] == [
        (octets, "application/vc", digest_multibase(octets))
    ]
    spread = orjson.dumps(orjson.loads(credential(SUPPLIER, "urn:s", proof=True)), option=orjson.OPT_INDENT_2)
    found = desk.pull(SUPPLIER, desk.pages.line(spread, "urn:s"))
    assert (found.records, codes(found)) == (0, ["not-canonical"])
