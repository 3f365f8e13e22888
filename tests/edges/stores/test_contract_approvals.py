"""What every store promises, run against each of them: what people look at, the queue of what waits for them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Literal

import pytest

from connector.errors import Conflict
from connector.exchange.ports import Store
from connector.exchange.rows import ApprovalKind, StepCommit, TimerRow
from tests.edges.stores.rows import T, approval, entry, outbox, process


async def test_what_waits_for_a_word_is_kept_until_it_is_done(store: Store) -> None:
    """Held with the step, replaced by the word, gone with the end; the longest waiting first, each tenant its own."""
    one, two = process("p1"), process("p2")
    await store.commit_step(StepCommit(process=one, expected_version=0, approval=approval(one, asked=5)))
    await store.commit_step(StepCommit(process=two, expected_version=0, approval=approval(two, asked=3)))
    assert await store.list_approvals(T, limit=9) == [approval(two, asked=3), approval(one, asked=5)]
    assert await store.list_approvals("other", limit=9) == []
    decided = replace(approval(one, asked=5), decision="approve", not_before=9, detail=b'{"x":1}', turn="acceptance")
    await store.commit_step(StepCommit(process=process("p1", 2), expected_version=1, approval=decided))
    assert await store.load_approval(T, "negotiation", "p1") == decided
    await store.commit_step(StepCommit(process=process("p1", 3), expected_version=2, approval_done=True))
    assert await store.load_approval(T, "negotiation", "p1") is None
    assert await store.list_approvals(T, limit=9) == [approval(two, asked=3)]
    await store.commit_step(StepCommit(process=process("p1", 4), expected_version=3, approval_done=True))


@pytest.mark.parametrize("kind", ["audit", "credential", "issuance"])
async def test_an_approval_without_a_process_is_kept_with_its_evidence(store: Store, kind: ApprovalKind) -> None:
    """Of an audit read, or of what an issuer was asked for: inserted, then decided, each on record."""
    row = replace(approval(process("r1")), kind=kind)
    await store.commit_approval(row, entry("held"))
    assert await store.load_approval(T, kind, "r1") == row
    assert await store.load_approval(T, "negotiation", "r1") is None
    await store.commit_approval(replace(row, decision="reject"), entry("decided"))
    assert await store.list_approvals(T, limit=9) == [replace(row, decision="reject")]
    assert [one.event for one in await store.evidence(T)] == ["held", "decided"]


async def test_what_a_holder_is_to_get_is_its_own_timer(store: Store) -> None:
    """Due at `not_before` among the timers; nothing else of the queue is. Those that wait can be counted."""
    row = replace(approval(process("r1")), kind="issuance", due=100)
    await store.commit_approval(row, entry("asked"))
    await store.commit_approval(replace(row, pid="r2", counterparty="did:web:other"), None)
    await store.commit_approval(replace(row, pid="r3", kind="credential", not_before=5), None)
    assert [await store.count_issuances(T, now=now) for now in (99, 100)] == [2, 0]
    assert [await store.count_issuances(one, now=9, counterparty=row.counterparty) for one in (T, "x")] == [1, 0]
    assert await store.due_timers(now=1_000, limit=9) == []
    timer, delivery = due("negotiation", "p1", "limit", 8), due("issuance", "r1", "delivery", 7)
    await store.commit_step(StepCommit(process=process(), expected_version=0, timers=[timer]))
    await store.commit_approval(replace(row, decision="issued", not_before=7), None)
    assert await store.due_timers(now=6, limit=9) == []
    assert await store.due_timers(now=8, limit=9) == [delivery, timer]
    assert await store.due_timers(now=8, limit=1) == [delivery]
    assert await store.count_issuances(T, now=9) == 1
    await store.commit_approval(replace(row, decision="issued", not_before=0), None)
    assert await store.due_timers(now=8, limit=9) == [timer]
    assert [one.event for one in await store.evidence(T)] == ["asked"]


def due(kind: Literal["negotiation", "issuance"], pid: str, name: str, at: int) -> TimerRow:
    """A timer."""
    return TimerRow(tenant=T, kind=kind, pid=pid, name=name, due=at)


async def test_what_is_to_be_said_next_can_be_looked_at(store: Store) -> None:
    """The first of a process's messages, until it is delivered; looking claims nothing."""
    said = [outbox(message_id="o1"), outbox(message_id="o2", not_before=99)]
    await store.commit_step(StepCommit(process=process(), expected_version=0, outbox=said))
    head = await store.head_of_outbox(T, "negotiation", "p1")
    assert head is not None
    assert (head.message_id, head.not_before, head.fence) == ("o1", 10, 0)
    (claimed,) = await store.claim_outbox(now=20, owner="w", lease_until=50, limit=9)
    done = (claimed.seq, claimed.fence)
    await store.commit_step(StepCommit(process=process("p1", 2), expected_version=1, outbox_done=done))
    head = await store.head_of_outbox(T, "negotiation", "p1")
    assert head is not None
    assert (head.message_id, head.not_before) == ("o2", 99)
    assert await store.head_of_outbox(T, "negotiation", "p2") is None
    assert await store.head_of_outbox(T, "transfer", "p1") is None


async def test_a_word_is_said_once(store: Store) -> None:
    """Of two at once the first stands, and the other one leaves nothing; what is there already is not taken anew."""
    row = replace(approval(process("r1")), kind="issuance")
    for _ in range(2):
        await store.commit_approval(row, None, undecided=True)
    await store.commit_approval(replace(row, decision="issued"), entry("issued"), undecided=True)
    for late in (replace(row, decision="rejected"), row):
        with pytest.raises(Conflict):
            await store.commit_approval(late, entry("late"), undecided=True)
    assert await store.load_approval(T, "issuance", "r1") == replace(row, decision="issued")
    assert [one.event for one in await store.evidence(T)] == ["issued"]


async def test_the_queue_has_its_limits(store: Store) -> None:
    """Requests of holders stand behind all others; how many there are is told; the newest of all are listed."""
    kinds: tuple[ApprovalKind, ...] = ("issuance", "issuance", "negotiation", "audit", "credential")
    for number, kind in enumerate(kinds):
        row = replace(approval(process(f"r{number}"), asked=number), kind=kind)
        await store.commit_approval(row, None)
    await store.commit_approval(replace(row, pid="said", kind="audit", decision="approve"), None)
    await store.commit_approval(replace(row, pid="later", kind="negotiation", decision="approve", not_before=9), None)
    found, there = await store.waiting_approvals(T, now=9, limit=4)
    assert ([one.pid for one in found], there) == (["r2", "r3", "later", "r1"], 4)
    found, there = await store.waiting_approvals(T, now=8, limit=4)
    assert ([one.pid for one in found], there) == (["r2", "r3", "later", "r0"], 5)
    assert await store.waiting_approvals("other", now=0, limit=4) == ([], 0)
    assert [one.pid for one in await store.list_approvals(T, "issuance", limit=9)] == ["r0", "r1"]
    assert [one.pid for one in await store.list_approvals(T, limit=3)] == ["said", "r4", "later"]


async def test_requests_of_credentials_page_by_page(store: Store) -> None:
    """Of both kinds, the oldest first, behind one that may be gone; nothing else that waits."""
    kinds: tuple[ApprovalKind, ...] = ("issuance", "credential", "audit", "issuance", "negotiation", "credential")
    for number, kind in enumerate(kinds):
        await store.commit_approval(replace(approval(process(f"r{number}"), asked=number // 4), kind=kind), None)
    assert [one.pid for one in await store.list_requests(T, limit=9)] == ["r0", "r1", "r3", "r5"]
    assert [one.pid for one in await store.list_requests(T, after=(0, "r0"), limit=2)] == ["r1", "r3"]
    assert [one.pid for one in await store.list_requests(T, after=(0, "r4"), limit=2)] == ["r5"]
    assert await store.list_requests("other", limit=9) == []


async def test_requests_that_are_over_may_go(store: Store) -> None:
    """Of holders, and ours. Not while one waits, is to be delivered, or was asked for anew; nothing of another kind."""
    over = replace(approval(process("r1")), kind="issuance", decision="issued", due=10)
    others = [
        replace(over, pid="r2", due=20, decision=""),
        replace(over, pid="r3", not_before=99),
        replace(over, pid="r4", due=100),
        replace(over, pid="r5", kind="audit"),
        replace(over, pid="r6", kind="credential", due=30),
        replace(over, pid="r7", kind="credential", not_before=7),
    ]
    for row in (over, *others):
        await store.commit_approval(row, None)
    assert await store.forgettable_requests(T, before=100, limit=9) == [over, others[0], others[4]]
    assert await store.forgettable_requests(T, before=100, limit=1) == [over]
    assert await store.forgettable_requests("other", before=100, limit=9) == []
    with pytest.raises(Conflict):
        await store.commit_forgotten_requests([over, replace(others[0], not_before=5)], [entry("forgotten")])
    await store.commit_forgotten_requests([over, others[4]], [entry("forgotten")])
    assert [row.pid for row in await store.list_approvals(T, limit=9)] == ["r5", "r7", "r2", "r3", "r4"]
    assert [one.event for one in await store.evidence(T)] == ["forgotten"]


async def test_of_those_who_claim_the_same_one_gets_it(store: Store) -> None:
    """New or as it was seen; the others hear of it, and leave nothing, not on record either."""
    row = replace(approval(process("r1")), kind="credential", not_before=5)
    claims = (replace(row, detail=b'{"by":%d}' % number) for number in range(4))
    came = await asyncio.gather(
        *(store.claim_approval(one, entry("claimed"), seen=None) for one in claims), return_exceptions=True
    )
    assert sorted(map(type, came), key=str) == [type(None), *[Conflict] * 3]
    there = await store.load_approval(T, "credential", "r1")
    assert there is not None
    later = replace(there, not_before=9, detail=b"{}")
    await store.claim_approval(later, None, seen=there)
    for stale in (there, replace(later, decision="issued"), None):
        with pytest.raises(Conflict):
            await store.claim_approval(replace(later, decision="rejected"), entry("late"), seen=stale)
    assert await store.list_approvals(T, limit=9) == [later]
    assert [one.event for one in await store.evidence(T)] == ["claimed"]
