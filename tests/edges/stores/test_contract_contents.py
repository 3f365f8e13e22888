"""What every store promises of contents: each change is counted, what came is kept unit by unit."""

from __future__ import annotations

from dataclasses import replace

from connector.exchange.keeping import DeliveredRow
from connector.exchange.ports import Store
from connector.exchange.rows import DatasetRow, FileRow, LinkRow, Origin, RecordRow, RecordsCommit
from tests.edges.stores.rows import US, T, credential, entry, identifier, link, record

D = DatasetRow(
    tenant=T, dataset_id="ds", title="t", plan="p", record_types=(), policy=b"{}", policy_digest="p", at=1
)  # fmt: skip
FILE = FileRow(
    tenant=T, dataset_id="ds", agreement_id="", digest="f1", holder=US, name="n", media_type="text/plain", size=1,
    access_class="PUB", at=1,
)  # fmt: skip


async def test_changes_of_a_content_are_counted(store: Store) -> None:
    """A new record, a version, other credentials, a move (in both datasets), a file; not what leaves them so."""

    async def after(*records: RecordRow, overwritten: tuple[str, ...] = ()) -> tuple[int, int]:
        await store.commit_records(
            RecordsCommit(tenant=T, holder=US, expected={}, records=records, overwritten=overwritten)
        )
        return await store.content_version(T, "ds"), await store.content_version(T, "other")

    assert await store.content_version(T, "ds") == 0
    assert await after(record(), record("r2")) == (1, 0)
    assert await after(replace(record(), buyers=("did:web:c",), at=9)) == (1, 0)
    assert await after(record(version=2, digests=("d2",))) == (2, 0)
    assert await after(record(version=2, digests=("d3",)), overwritten=("d2",)) == (3, 0)
    assert await after(record("r2", dataset_id="other")) == (4, 1)
    assert await after(record("r9", origin="received", dataset_id="", holder="did:web:x")) == (4, 1)
    await store.commit_file(FILE, D, entry())
    await store.commit_file(replace(FILE, dataset_id="", agreement_id="a"), None, entry())
    assert await store.content_version(T, "ds") == 5
    assert await store.content_version("elsewhere", "ds") == 0


async def test_what_is_kept_of_a_party_is_counted_in_bytes(store: Store) -> None:
    """Credentials and files that came from it, whatever their version; not our own, nor what others gave."""
    them, other = "did:web:x", "did:web:y"
    kept: list[tuple[str, int, Origin, bytes]] = [
        (them, 1, "received", b"12345"), (them, 2, "received", b"123"), (other, 1, "received", b"1"),
        (US, 1, "own", b"12"),
    ]  # fmt: skip
    for holder, version, origin, octets in kept:
        row = replace(record(version=version, digests=(f"d{version}",)), holder=holder, origin=origin)
        one = replace(credential(f"d{version}", version=version), holder=holder, origin=origin, octets=octets)
        one = replace(one, status_list=None, status_index=None)
        await store.commit_records(
            RecordsCommit(tenant=T, holder=holder, expected={}, records=(row,), credentials=(one,))
        )
    came = replace(FILE, dataset_id="", agreement_id="a", holder=them, size=1_000)
    for file in (came, replace(came, agreement_id="b"), replace(came, digest="f2", holder="did:web:y"), FILE):
        await store.commit_file(file, None, entry())
    assert await store.received_bytes(T, them) == 2_008
    assert await store.received_bytes(T, US) == 0
    assert await store.received_bytes("elsewhere", them) == 0


async def test_what_came_is_discarded(store: Store) -> None:
    """Records with all that belongs to them, in all versions; files; never our own, nor another's of the same id."""
    them, other = "did:web:acme", "did:web:y"

    async def put(holder: str, record_id: str, origin: Origin, version: int = 1, **more: LinkRow) -> None:
        digest = f"{holder} {record_id} {version}"
        row = replace(record(record_id, version=version, digests=(digest,)), holder=holder, origin=origin)
        one = replace(credential(digest, record_id, version), holder=holder, origin=origin)
        name = replace(identifier(f"n {record_id}", record_id), holder=holder)
        await store.commit_records(
            RecordsCommit(tenant=T, holder=holder, expected={}, records=(row,), credentials=(one,),
                          identifiers=(name,), links=tuple(more.values()))
        )  # fmt: skip

    await put(US, "ours", "own", link=link("l1", "ours", "used"))
    theirs = replace(link("l2", "r1", "ours", holder=them), holder=US)
    await put(them, "r1", "received", link=theirs)
    await put(them, "r1", "received", 2)
    for record_id in ("r2", "used"):
        await put(them, record_id, "received")
    await put(other, "r1", "received")
    assert await store.used_records(T, them, ["r1", "used", "?"]) == {"used"}
    assert await store.used_records(T, other, ["r1", "used"]) == set()
    assert [row.holder for row in await store.later_records(T, "ours")] == []  # an older version said so
    came = replace(FILE, dataset_id="", agreement_id="a", holder=them)
    for file in (came, replace(came, agreement_id="b"), replace(came, digest="f2"), FILE):
        await store.commit_file(file, None, entry())
    going = [came, replace(came, digest="f2")]
    assert await store.commit_discard(T, [(them, "r1"), (US, "ours")], going, entry()) == ["f2"]
    assert [await store.load_record(T, them, "r1", version) for version in (1, 2, None)] == [None] * 3
    assert await store.credentials(T, them, "r1", 1) == await store.credentials(T, them, "r1", 2) == []
    assert await store.find_credential(T, f"{them} r1 2") is None
    left = [(row.holder, row.record_id) for row in await store.list_records(T)]
    assert left == [(US, "ours"), (other, "r1"), (them, "r2"), (them, "used")]
    assert [row.holder for row in await store.find_records(T, scheme=None, value="n r1")] == [other]
    assert await store.find_link(T, "l1") is not None
    assert await store.find_file(T, "", "a", came.digest) is None
    assert await store.find_file(T, "", "b", came.digest) is not None
    assert [row.event for row in await store.evidence(T)][-1] == "step"
    await put(them, "r1", "received")
    assert (await store.list_records(T, origin="received"))[0].version == 1


async def test_what_came_is_kept_unit_by_unit(store: Store) -> None:
    """By unit, from any one on; what comes again takes the place of what came before."""

    def came(unit: str, version: int = 1, agreement_id: str = "a") -> DeliveredRow:
        return DeliveredRow(
            tenant=T, agreement_id=agreement_id, unit=unit, version=version, digests=("d", "e"), at=version
        )

    await store.commit_delivered([came("r2"), came("r1"), came("r1", agreement_id="b"), came("", 0)])
    await store.commit_delivered([came("r2", 2)])
    assert await store.list_delivered(T, "a") == [came("", 0), came("r1"), came("r2", 2)]
    assert await store.list_delivered(T, "a", start="r1", limit=1) == [came("r1")]
    assert await store.list_delivered("elsewhere", "a") == []
