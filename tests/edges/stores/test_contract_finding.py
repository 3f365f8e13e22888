"""What every store promises of finding: units by number, later records, processes by peer, state and page, what is not
delivered, and what belongs to whom.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.errors import Conflict
from connector.exchange.ports import Store
from connector.exchange.rows import Origin, RecordsCommit, StepCommit, TimerRow
from tests.edges.stores.rows import PEER, US, T, attempt, credential, identifier, link, outbox, process, record


async def test_units_of_a_dataset_are_found_by_number(store: Store) -> None:
    """By identifier, record id or subject, within the dataset and the holder; the newest version, so many at most."""
    await store.commit_records(
        RecordsCommit(
            tenant=T, holder=US, expected={},
            records=[
                record("r1"), record("r1", 2), record("r2"), record("r3", dataset_id="other"),
                record("r1", origin="received", holder="did:web:x"),
            ],
            identifiers=[identifier("SN 1", "r1"), identifier("SN 1", "r2", scheme="lot"), identifier("SN 1", "r3")],
        )
    )  # fmt: skip

    async def found(value: str, dataset_id: str = "ds", limit: int = 9) -> list[tuple[str, int, str]]:
        rows = await store.find_units(T, US, dataset_id, value, limit=limit)
        return [(row.record_id, row.version, row.holder) for row in rows]

    assert await found("SN 1") == [("r1", 2, US), ("r2", 1, US)]
    assert await found("SN 1", limit=1) == [("r1", 2, US)]
    assert await found("SN 1", "other") == [("r3", 1, US)]
    assert await found("r1") == await found("subject-r1") == [("r1", 2, US)]
    assert await found("r3") == await found("nothing") == []


async def test_later_records_lead_back(store: Store) -> None:
    """Own and received records whose newest version links back, each once, in pages; no held ones, no former links."""
    await store.commit_records(
        RecordsCommit(
            tenant=T, holder=US, expected={},
            records=[
                record("r1"), record("own", at=3), record("got", origin="received", at=2),
                record("held", origin="held"), record("was"), record("was", 2),
            ],
            links=[
                link("1", "own", "r1"), link("2", "got", "r1"), link("3", "held", "r1"), link("4", "was", "r1"),
                link("5", "own", "else"), link("6", "own", "r1"),
            ],
        )
    )  # fmt: skip
    assert [row.record_id for row in await store.later_records(T, "r1")] == ["got", "own"]
    assert [row.record_id for row in await store.later_records(T, "r1", limit=1)] == ["got"]
    assert [row.record_id for row in await store.later_records(T, "r1", after=("got", US), limit=1)] == ["own"]
    assert await store.later_records(T, "r1", after=("own", US)) == []
    assert await store.later_records(T, "nothing") == []


async def test_processes_that_are_in_none_of_some_states_are_paged_by_pid(store: Store) -> None:
    """Of one kind and tenant."""
    for pid, state in (("c", "REQUESTED"), ("a", "OFFERED"), ("b", "TERMINATED"), ("d", "")):
        await store.commit_step(StepCommit(process=process(pid, state=state), expected_version=0))

    async def found(after: str = "", limit: int = 9, *without: str) -> str:
        rows = await store.list_processes(T, "negotiation", without=without, after=after, limit=limit)
        return "".join(row.pid for row in rows)

    assert [await found(), await found("", 9, "TERMINATED", ""), await found("a", 1, "TERMINATED")] == [
        "abcd",
        "ac",
        "c",
    ]
    assert await store.list_processes(T, "transfer", without=()) == []
    assert await store.list_processes("other", "negotiation", without=()) == []


async def test_holders_share_no_ids(store: Store) -> None:
    """Two companies use one record id: versions, credentials, links and numbers of the one say nothing of the other."""
    other = "did:web:other"
    for holder, version in ((US, 2), (other, 1)):
        origin: Origin = "own" if holder == US else "received"
        await store.commit_records(
            RecordsCommit(
                tenant=T, holder=holder, expected={"r1": 0},
                records=[record(version=version, origin=origin, holder=holder)],
                credentials=[credential("d1", version=version, origin=origin, holder=holder)],
                links=[link("l1", "r1", f"to-{holder}", version, holder=holder)],
                identifiers=[identifier("L1", "r1", holder=holder)],
            )
        )  # fmt: skip
    with pytest.raises(Conflict):
        await store.commit_records(RecordsCommit(tenant=T, holder=other, expected={"r1": 2}))
    for holder, version in ((US, 2), (other, 1)):
        there = await store.load_record(T, holder, "r1")
        assert there is not None
        assert (there.holder, there.version) == (holder, version)
        assert set(await store.load_records(T, holder, ["r1"])) == {"r1"}
        assert [row.holder for row in await store.credentials(T, holder, "r1", version)] == [holder]
        assert await store.credentials(T, holder, "r1", 3 - version) == []
    found = await store.find_records(T, scheme=None, value="L1")
    assert [(row.holder, row.version) for row in found] == [(US, 2), (other, 1)]
    assert [row.holder for row in await store.list_records(T, limit=1)] == [US]
    assert [row.holder for row in await store.list_records(T, after=("r1", US))] == [other]
    assert [row.record_id for row in await store.later_records(T, f"to-{other}")] == ["r1"]
    await store.commit_records(RecordsCommit(tenant=T, holder=other, expected={"r1": 1}, overwritten=["d1"]))
    kept = await store.find_credential(T, "d1")
    assert kept is not None
    assert kept.holder == US


async def test_what_we_hold_ourselves_is_found_first(store: Store) -> None:
    """A credential that also came back from others is served as ours, whatever version they gave it."""
    other = "did:web:other"
    mine, theirs = credential("d1"), credential("d1", version=7, origin="received", holder=other)
    await store.commit_records(RecordsCommit(tenant=T, holder=other, expected={}, records=[], credentials=[theirs]))
    await store.commit_records(RecordsCommit(tenant=T, holder=US, expected={}, records=[record()], credentials=[mine]))
    assert await store.find_credential(T, "d1") == mine


async def test_processes_are_found_by_peer_and_state(store: Store) -> None:
    """The newest change first; both together, and neither says all."""
    for pid, state in (("a", "REQUESTED"), ("b", "TERMINATED"), ("c", "AGREED"), ("d", "AGREED")):
        await store.commit_step(StepCommit(process=process(pid, state=state), expected_version=0))
    other = replace(process("e", state="AGREED"), counterparty="did:web:else")
    await store.commit_step(StepCommit(process=other, expected_version=0))
    found = await store.newest_processes(T, "negotiation", counterparty="did:web:else")
    assert found == [other]
    found = await store.newest_processes(T, "negotiation", counterparty=PEER, states=("AGREED", "TERMINATED"), limit=2)
    assert [row.pid for row in found] == ["d", "c"]
    found = await store.newest_processes(T, "negotiation", "transfer", states=("AGREED",))
    assert [row.pid for row in found] == ["e", "d", "c"]
    assert await store.newest_processes(T, "transfer", states=("AGREED",)) == []
    ours = replace(process("f", state="AGREED"), role="consumer")
    await store.commit_step(StepCommit(process=ours, expected_version=0))
    assert await store.newest_processes(T, "negotiation", role="consumer") == [ours]
    found = await store.newest_processes(T, "negotiation", role="provider", states=("AGREED",))
    assert [row.pid for row in found] == ["e", "d", "c"]


async def test_pages_of_processes_leave_out_and_repeat_nothing(store: Store) -> None:
    """Those that changed at one time too: page by page it is the same as at once."""
    for number in range(7):
        row = replace(process(f"p{number}"), updated=5 + number % 2)
        await store.commit_step(StepCommit(process=row, expected_version=0))
    paged, before = list[str](), None
    while page := await store.newest_processes(T, "negotiation", before=before, limit=2):
        paged += [row.pid for row in page]
        before = page[-1].updated, page[-1].pid
    assert paged == ["p5", "p3", "p1", "p6", "p4", "p2", "p0"]
    assert [row.pid for row in await store.newest_processes(T, "negotiation")] == paged


async def test_what_was_tried_in_vain_is_found(store: Store) -> None:
    """The oldest first, so many at most; neither what was never tried nor another tenant's."""
    for pid, tenant, created in (("a", T, 3), ("b", T, 1), ("c", T, 2), ("d", "other", 1)):
        row = replace(outbox(pid), tenant=tenant, created=created)
        step = StepCommit(
            process=replace(process(pid), tenant=tenant, created=created), expected_version=0, outbox=[row]
        )
        await store.commit_step(step)
    assert await store.undelivered(T, limit=9) == []
    for row in await store.claim_outbox(now=10, owner="w", lease_until=100, limit=9):
        if row.pid != "c":
            await store.postpone_outbox(row, not_before=900, attempt=attempt(row))
    assert [row.pid for row in await store.undelivered(T, limit=9)] == ["b", "a"]
    assert await store.undelivered(T, limit=1) == [replace(process("b"), created=1)]


async def test_a_push_that_failed_is_found_while_it_goes_on(store: Store) -> None:
    """By its alarm and a try of it: not one that never failed, nor one that is over, nor a message's try."""
    for pid, alarm, seq in (("fails", "push", 0), ("over", "", 0), ("first", "push", None), ("said", "push", 3)):
        row = replace(process(pid, state="STARTED"), kind="transfer")
        timer = TimerRow(tenant=T, kind="transfer", pid=pid, name=alarm, due=9)
        tried = None if seq is None else replace(attempt(outbox(pid)), kind="transfer", seq=seq)
        timers = [timer] if alarm else []
        await store.commit_step(StepCommit(process=row, expected_version=0, timers=timers, attempt=tried))
    assert [row.pid for row in await store.undelivered(T, limit=9)] == ["fails"]
    assert await store.undelivered("other", limit=9) == []


async def test_what_a_clock_that_was_ahead_put_off_is_due(store: Store) -> None:
    """Of a process that changes later than now, and of that what it begins by itself: no person's time, no patience."""
    for pid, updated in (("then", 900), ("now", 20)):
        timers = [
            TimerRow(tenant=T, kind="negotiation", pid=pid, name=name, due=950)
            for name in ("push", "reminder", "start-again", "patience", "limit", "word")
        ]
        row = replace(process(pid), updated=updated)
        await store.commit_step(StepCommit(process=row, expected_version=0, timers=timers))
    assert await store.wake_beyond(now=20, beyond=2_000) == 3
    due = await store.due_timers(now=20, limit=9)
    assert [(one.pid, one.name) for one in due] == [("then", "push"), ("then", "reminder"), ("then", "start-again")]
    assert await store.wake_beyond(now=20, beyond=2_000) == 0
