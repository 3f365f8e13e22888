"""What every store promises, run against each of them: records, credentials, links, status."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from connector.errors import Conflict
from connector.exchange.ports import Store
from connector.exchange.rows import DatasetRow, RecordsCommit
from connector.protocol.catalog_query import EVERYTHING, Selection
from connector.provenance.evidence import check
from tests.edges.stores.rows import US, T, change, credential, entry, identifier, link, record

D = DatasetRow(
    tenant=T, dataset_id="ds", title="Cells", plan="cells", record_types=("CellPassport", "MakeEvent"), policy=b"{}",
    policy_digest="p", at=1, approval=True,
)  # fmt: skip


async def test_a_batch_comes_back_as_it_was(store: Store) -> None:
    """Record, credentials, dataset and evidence of one commit are all there, with their exact octets."""
    await store.commit_records(
        RecordsCommit(
            tenant=T, holder=US, expected={"r1": 0}, records=[record()],
            credentials=[credential("d2"), credential("d1", place=(0, 0))], dataset=D, evidence=[entry("published")],
        )
    )  # fmt: skip
    assert await store.load_record(T, US, "r1") == record()
    assert await store.load_record(T, US, "r1", 1) == record()
    assert await store.load_record(T, US, "r1", 2) is None
    assert await store.load_record("other", US, "r1") is None
    assert await store.credentials(T, US, "r1", 1) == [credential("d1", place=(0, 0)), credential("d2")]
    assert await store.find_credential(T, "d2") == credential("d2")
    assert await store.find_credential("other", "d2") is None
    assert await store.load_dataset(T, "ds") == D
    assert check(await store.evidence(T)) == []
    counted = await store.counts(T)
    assert (counted["records"], counted["credentials"]) == (1, 2)


async def test_a_batch_needs_the_expected_versions(store: Store) -> None:
    """One record that somebody changed meanwhile refuses the whole batch, and nothing of it remains."""
    await store.commit_records(RecordsCommit(tenant=T, holder=US, expected={"r1": 0}, records=[record()]))
    for expected in ({"r1": 0}, {"r1": 2}, {"r1": 1, "r2": 1}):
        commit = RecordsCommit(
            tenant=T, holder=US, expected=expected, records=[record("r2"), record(version=2)],
            credentials=[credential("d9")], identifiers=[identifier("L1", "r2")], evidence=[entry()],
        )  # fmt: skip
        with pytest.raises(Conflict):
            await store.commit_records(commit)
    assert await store.load_record(T, US, "r2") is None
    assert await store.find_credential(T, "d9") is None
    assert await store.evidence(T) == []


async def test_the_newest_version_is_the_highest(store: Store) -> None:
    """A new version becomes the newest; an older one that arrives late does not."""
    await store.commit_records(RecordsCommit(tenant=T, holder=US, expected={"r1": 0}, records=[record(version=2)]))
    await store.commit_records(RecordsCommit(tenant=T, holder=US, expected={"r1": 2}, records=[record(version=1)]))
    newest = await store.load_record(T, US, "r1")
    assert newest is not None
    assert newest.version == 2
    await store.commit_records(RecordsCommit(tenant=T, holder=US, expected={"r1": 2}, records=[record(version=3)]))
    assert {k: row.version for k, row in (await store.load_records(T, US, ["r1", "r9"])).items()} == {"r1": 3}
    assert await store.load_records(T, US, []) == {}
    assert [row.version for row in await store.list_records(T)] == [3]
    old = await store.load_record(T, US, "r1", 1)
    assert old is not None
    assert old.version == 1


async def test_the_same_version_signed_otherwise_must_be_declared(store: Store) -> None:
    """Other digests under the same version need `overwritten`: then the old credential and its links are gone."""
    await store.commit_records(
        RecordsCommit(
            tenant=T, holder=US, expected={"r1": 0}, records=[record()], credentials=[credential("d1", place=(0, 0))],
            links=[link("l1", "r1", "up")],
        )
    )  # fmt: skip
    other = record(digests=("d2",))
    with pytest.raises(Conflict):
        await store.commit_records(RecordsCommit(tenant=T, holder=US, expected={"r1": 1}, records=[other]))
    await store.commit_records(
        RecordsCommit(
            tenant=T, holder=US, expected={"r1": 1}, records=[other], credentials=[credential("d2", place=(0, 1))],
            overwritten=["d1"],
        )
    )  # fmt: skip
    assert await store.load_record(T, US, "r1") == other
    assert [row.digest for row in await store.credentials(T, US, "r1", 1)] == ["d2"]
    assert await store.find_credential(T, "d1") is None
    assert await store.find_link(T, "l1") is None


async def test_the_same_version_may_change_what_is_not_signed(store: Store) -> None:
    """With the same digests a record moves to another dataset, gets a new dynamic credential and keeps its links."""
    await store.commit_records(
        RecordsCommit(
            tenant=T, holder=US, expected={"r1": 0}, records=[record()],
            credentials=[credential("d1"), credential("dyn1")], links=[link("l1", "r1", "up")],
        )
    )  # fmt: skip
    moved = record(dataset_id="ds2", at=9)
    await store.commit_records(RecordsCommit(tenant=T, holder=US, expected={"r1": 1}, records=[moved]))
    await store.commit_records(
        RecordsCommit(
            tenant=T, holder=US, expected={"r1": 1}, records=[moved],
            credentials=[credential("d1"), credential("dyn2")], overwritten=["dyn1"],
        )
    )  # fmt: skip
    assert await store.load_record(T, US, "r1") == moved
    assert [row.digest for row in await store.credentials(T, US, "r1", 1)] == ["d1", "dyn2"]
    assert await store.find_link(T, "l1") == link("l1", "r1", "up")


async def test_a_credential_that_is_there_is_left_alone(store: Store) -> None:
    """Receiving the same digest again changes nothing, and needs no record row."""
    first = credential("d1", origin="received")
    await store.commit_records(RecordsCommit(tenant=T, holder=US, expected={}, records=[record()], credentials=[first]))
    again = replace(first, report=b"later", origin="held")
    await store.commit_records(RecordsCommit(tenant=T, holder=US, expected={}, credentials=[again, credential("d2")]))
    assert await store.find_credential(T, "d1") == first
    assert len(await store.credentials(T, US, "r1", 1)) == 2


async def test_status_indices_are_never_given_twice(store: Store) -> None:
    """The next index runs over the lists; taken ones, also of overwritten credentials, are conflicts."""
    assert await store.next_status_index(T) == 0
    rows = [credential("d1", place=(0, 0)), credential("d2", place=(0, 5))]
    await store.commit_records(RecordsCommit(tenant=T, holder=US, expected={}, records=[record()], credentials=rows))
    assert await store.next_status_index(T) == 6
    twice = [credential("d3", place=(0, 7)), credential("d4", place=(0, 7))]
    for taken in ([credential("d3", place=(0, 5))], [credential("d3", place=(0, 3))], twice):
        with pytest.raises(Conflict):
            await store.commit_records(RecordsCommit(tenant=T, holder=US, expected={}, credentials=taken))
    await store.commit_records(RecordsCommit(tenant=T, holder=US, expected={}, overwritten=["d2"]))
    with pytest.raises(Conflict):
        await store.commit_records(
            RecordsCommit(tenant=T, holder=US, expected={}, credentials=[credential("d5", place=(0, 5))])
        )
    await store.commit_records(
        RecordsCommit(tenant=T, holder=US, expected={}, credentials=[credential("d6", place=(1, 2))])
    )
    assert await store.next_status_index(T) == 131_072 + 3
    assert await store.next_status_index("other") == 0


async def test_a_restored_store_gives_nothing_below_its_marks(store: Store) -> None:
    """Versions and status indices start above what was perhaps given; a lower mark lowers nothing."""
    assert (await store.first_version(T), await store.is_copy()) == (1, False)
    marks = [(29_932_966, 131_072 * 2), (7, 0)]
    for version, index in marks:
        await store.commit_restored(T, first_version=version, status_index=index, evidence=entry("restored"))
    assert (await store.first_version(T), await store.next_status_index(T)) == marks[0]
    assert await store.first_version("other") == 1
    assert [row.event for row in await store.evidence(T)] == ["restored", "restored"]
    with pytest.raises(Conflict):
        await store.commit_records(
            RecordsCommit(tenant=T, holder=US, expected={}, credentials=[credential("d1", place=(1, 131_071))])
        )


async def test_status_indices_of_others_are_not_ours(store: Store) -> None:
    """A received credential's index stands in its issuer's list and takes none of ours."""
    rows = [credential("d1", place=(0, 9), origin="received"), credential("d2", place=(0, 9), origin="held")]
    await store.commit_records(RecordsCommit(tenant=T, holder=US, expected={}, credentials=rows))
    assert await store.next_status_index(T) == 0


async def test_an_index_counts_within_its_list(store: Store) -> None:
    """An index past the end of a list is a bug, not a conflict."""
    with pytest.raises(ValueError, match="not within a list"):
        await store.commit_records(
            RecordsCommit(tenant=T, holder=US, expected={}, credentials=[credential("d1", place=(1, 131_072))])
        )


async def test_records_are_found_by_what_people_know(store: Store) -> None:
    """By scheme and value, by value alone, by record id and by subject id; issuer and type narrow it down."""
    identifiers = [
        identifier("L1", "r1"),
        identifier("L1", "r2", issuer="did:web:supplier"),
        identifier("L1", "r3", scheme="serialNumber"),
    ]
    rows = [record("r1"), record("r2"), record("r3", record_type="MakeEvent")]
    commit = RecordsCommit(tenant=T, holder=US, expected={}, records=rows, identifiers=identifiers)
    await store.commit_records(commit)
    await store.commit_records(replace(commit, records=[record("r1", 2)]))

    async def ids(**wanted: str | None) -> list[tuple[str, int]]:
        found = await store.find_records(T, **{"scheme": None, "value": "", **wanted})  # type: ignore[arg-type] # a shorthand
        return [(row.record_id, row.version) for row in found]

    assert await ids(scheme="lotNumber", value="L1") == [("r1", 2), ("r2", 1)]
    assert await ids(scheme="lotNumber", value="L1", issuer="did:web:supplier") == [("r2", 1)]
    assert await ids(value="L1") == [("r1", 2), ("r2", 1), ("r3", 1)]
    assert await ids(value="L1", record_type="MakeEvent") == [("r3", 1)]
    assert await ids(value="r2") == [("r2", 1)]
    assert await ids(value="subject-r1") == [("r1", 2)]
    assert await ids(scheme="lotNumber", value="r2") == []
    assert await ids(value="nothing") == []


async def test_records_are_paged_by_id(store: Store) -> None:
    """Pages by record id, narrowed by origin and dataset."""
    rows = [
        record("c"),
        record("a"),
        record("b", origin="received", dataset_id=""),
        record("d", dataset_id="ds2"),
    ]
    await store.commit_records(RecordsCommit(tenant=T, holder=US, expected={}, records=rows))
    assert [row.record_id for row in await store.list_records(T, limit=2)] == ["a", "b"]
    assert [row.record_id for row in await store.list_records(T, after=("b", US))] == ["c", "d"]
    assert [row.record_id for row in await store.list_records(T, origin="received")] == ["b"]
    assert [row.record_id for row in await store.list_records(T, dataset_id="ds", after=("a", US))] == ["c"]
    assert [row.record_id for row in await store.list_records(T, dataset_id="ds", origin="own", limit=1)] == ["a"]
    assert await store.list_records("other") == []


async def test_a_link_leads_where_we_said(store: Store) -> None:
    """A link is answered for own records only: a received one that carries our link's id takes nothing over."""
    await store.commit_records(
        RecordsCommit(
            tenant=T, holder=US, expected={}, records=[record("mine"), record("theirs", origin="received")],
            links=[link("l1", "mine", "up"), link("l1", "theirs", "elsewhere"), link("l2", "theirs", "mine")],
        )
    )  # fmt: skip
    assert await store.find_link(T, "l1") == link("l1", "mine", "up")
    assert await store.find_link(T, "l2") is None
    assert await store.find_link("other", "l1") is None


async def test_datasets_are_replaced(store: Store) -> None:
    """The same id again replaces, also under another policy."""
    await store.commit_dataset(D)
    await store.commit_dataset(replace(D, title="Other", policy_digest="q"))
    assert await store.load_dataset(T, "ds") == replace(D, title="Other", policy_digest="q")
    assert await store.load_dataset("other", "ds") is None
    await store.commit_dataset(replace(D, dataset_id="a"))
    assert [row.title for row in await store.list_datasets(T)] == ["Cells", "Other"]
    assert [row.dataset_id for row in await store.list_datasets(T, after="a", limit=1)] == ["ds"]
    assert [digest for digest, _ in await store.dataset_policies(T, start=None)] == ["p", "q"]


async def test_policies_are_listed_once(store: Store) -> None:
    """By digest, however many datasets each has; from one on, or from one down, that one included."""
    for name, policy in (("a", "p2"), ("b", "p1"), ("c", "p3"), ("d", "p1"), ("e", "p3")):
        await store.commit_dataset(replace(D, dataset_id=name, policy_digest=policy, policy=policy.encode()))

    async def listed(start: str | None, **others: Any) -> list[tuple[str, bytes]]:
        return await store.dataset_policies(T, start=start, **others)

    assert await listed(None) == [("p1", b"p1"), ("p2", b"p2"), ("p3", b"p3")]
    assert await listed(None, backwards=True, limit=2) == [("p3", b"p3"), ("p2", b"p2")]
    assert [one for one, _ in await listed("p2")] == ["p2", "p3"]
    assert [one for one, _ in await listed("p11", limit=1)] == ["p2"]
    assert [one for one, _ in await listed("p2", backwards=True)] == ["p2", "p1"]
    assert await store.dataset_policies("other", start=None) == []


async def test_datasets_of_a_policy_are_paged_both_ways(store: Store) -> None:
    """By id: behind a place, with some left out; or before it, downwards."""
    for name in "dbeac":
        await store.commit_dataset(replace(D, dataset_id=name))
    await store.commit_dataset(replace(D, dataset_id="bb", policy_digest="q"))

    async def found(**others: Any) -> str:
        return "".join(row.dataset_id for row in await store.find_datasets(T, "p", EVERYTHING, **others))

    assert await found() == "abcde"
    assert [await found(limit=2), await found(place="b"), await found(place="b", skip=1, limit=1)] == ["ab", "cde", "d"]
    assert [await found(backwards=True), await found(backwards=True, place="d", limit=2)] == ["edcba", "cb"]
    assert await store.count_datasets(T, "p", EVERYTHING) == 5
    assert await store.count_datasets("other", "p", EVERYTHING) == 0


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (EVERYTHING, ["1", "2", "3", "4"]),
        (Selection(ids=frozenset({"1", "3", "9"})), ["1", "3"]),
        (Selection(names=frozenset({"Lots 2027", "lots"})), ["1", "2"]),
        (Selection(name_like="Lots%"), ["1"]),
        (Selection(name_like="%o_s%"), ["1", "2"]),
        (Selection(name_like="[x]*?"), ["3"]),
        (Selection(record_types=frozenset({"MakeEvent", "Battery"})), ["2", "4"]),
        (Selection(record_types=frozenset({"MakeEvent"}), name_like="l%"), ["2"]),
        (Selection(ids=frozenset()), []),
    ],
)
async def test_a_filter_narrows_datasets(store: Store, wanted: Selection, found: list[str]) -> None:
    """By ids, names, a pattern of the name where case counts, and record types; all that is said has to hold."""
    for ident, title, types in (
        ("1", "Lots 2027", ("Cell",)), ("2", "lots", ("MakeEvent",)), ("3", "[x]*?", ()),
        ("4", "x", ("Cell", "MakeEvent")),
    ):  # fmt: skip
        await store.commit_dataset(replace(D, dataset_id=ident, title=title, record_types=types))
    assert [row.dataset_id for row in await store.find_datasets(T, "p", wanted)] == found
    assert await store.count_datasets(T, "p", wanted) == len(found)


async def test_what_is_withdrawn_stays_and_is_in_no_catalogue(store: Store) -> None:
    """Under its policy nothing is found, nor the policy itself; its row stays, and what is put again is offered."""
    for name, policy in (("a", "p"), ("b", "p"), ("c", "q")):
        await store.commit_dataset(replace(D, dataset_id=name, policy_digest=policy))
    for name, policy in (("a", "p"), ("c", "q")):
        gone = replace(D, dataset_id=name, policy_digest=policy, withdrawn=7)
        await store.commit_dataset(gone, [entry("offer-withdrawn")])
        assert await store.load_dataset(T, name) == gone
    for backwards in (False, True):
        found = await store.find_datasets(T, "p", EVERYTHING, backwards=backwards)
        assert [row.dataset_id for row in found] == ["b"]
        assert [digest for digest, _ in await store.dataset_policies(T, start=None, backwards=backwards)] == ["p"]
    assert [await store.count_datasets(T, policy, EVERYTHING) for policy in "pq"] == [1, 0]
    assert [row.withdrawn for row in await store.list_datasets(T)] == [7, 0, 7]
    assert [row.event for row in await store.evidence(T)] == ["offer-withdrawn"] * 2
    await store.commit_dataset(replace(D, dataset_id="a"))
    assert await store.count_datasets(T, "p", EVERYTHING) == 2


async def test_status_changes_count_from_their_time(store: Store) -> None:
    """A bit is set from its effective time on; the changes stay in the order in which they were made."""
    for row in (change(7, 20), change(3, 10), change(7, 15), change(1, 5, list_number=1)):
        await store.commit_status_change(row, entry("status"))
    assert await store.status_bits(T, 0, now=9) == []
    assert await store.status_bits(T, 0, now=10) == [3]
    assert await store.status_bits(T, 0, now=30) == [3, 7]
    assert await store.status_bits(T, 1, now=30) == [1]
    assert await store.status_changes(T, 0) == [change(7, 20), change(3, 10), change(7, 15)]
    assert len(await store.evidence(T)) == 4


async def test_a_reinstatement_clears_the_bit_of_a_suspension_and_of_nothing_else(store: Store) -> None:
    """Whoever reads only the list sees what holds now: the latest word by its time, and a revocation for ever."""
    told = [(7, 10, "suspension"), (7, 30, "reinstatement"), (7, 20, "reinstatement"), (7, 20, "suspension")]
    gone = [(3, 10, "suspension"), (3, 15, "revocation"), (3, 20, "reinstatement"), (4, 10, "reinstatement")]
    for index, effective, purpose in (*told, *gone):
        await store.commit_status_change(replace(change(index, effective), purpose=purpose), entry("status"))
    assert [await store.status_bits(T, 0, now=now) for now in (9, 10, 20, 30)] == [[], [3, 7], [3, 7], [3]]


async def test_a_large_batch_is_one_transaction(store: Store) -> None:
    """Two thousand records and their credentials go in together, or not at all."""
    ids = [f"r{i:04}" for i in range(2000)]
    commit = RecordsCommit(
        tenant=T, holder=US, expected=dict.fromkeys(ids, 0), records=[record(i) for i in ids],
        credentials=[credential(f"d{n}", i, place=(0, n)) for n, i in enumerate(ids)],
    )  # fmt: skip
    bad = replace(commit, credentials=[*commit.credentials, credential("last", place=(0, 5))])
    with pytest.raises(Conflict):
        await store.commit_records(bad)
    assert await store.list_records(T) == []
    await store.commit_records(commit)
    assert (await store.counts(T))["credentials"] == 2000
