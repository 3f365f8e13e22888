"""What every store promises, run against each of them: what people look at, the queue of what waits for them."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest

from connector.exchange.ports import Store
from connector.exchange.rows import ApprovalKind, StepCommit, TimerRow
from tests.edges.stores.rows import T, approval, entry, outbox, process


async def test_what_waits_for_a_word_is_kept_until_it_is_done(store: Store) -> None:
    """Held with the step, replaced by the word, gone with the end; the longest waiting first, each tenant its own."""
    one, two = process("p1"), process("p2")
    await store.commit_step(StepCommit(process=one, expected_version=0, approval=approval(one, asked=5)))
    await store.commit_step(StepCommit(process=two, expected_version=0, approval=approval(two, asked=3)))
    assert await store.list_approvals(T) == [approval(two, asked=3), approval(one, asked=5)]
    assert await store.list_approvals("other") == []
    decided = replace(approval(one, asked=5), decision="approve", not_before=9, detail=b'{"x":1}', turn="acceptance")
    await store.commit_step(StepCommit(process=process("p1", 2), expected_version=1, approval=decided))
    assert await store.load_approval(T, "negotiation", "p1") == decided
    await store.commit_step(StepCommit(process=process("p1", 3), expected_version=2, approval_done=True))
    assert await store.load_approval(T, "negotiation", "p1") is None
    assert await store.list_approvals(T) == [approval(two, asked=3)]
    await store.commit_step(StepCommit(process=process("p1", 4), expected_version=3, approval_done=True))


@pytest.mark.parametrize("kind", ["audit", "credential", "issuance"])
async def test_an_approval_without_a_process_is_kept_with_its_evidence(store: Store, kind: ApprovalKind) -> None:
    """Of an audit read, or of what an issuer was asked for: inserted, then decided, each on record."""
    row = replace(approval(process("r1")), kind=kind)
    await store.commit_approval(row, entry("held"))
    assert await store.load_approval(T, kind, "r1") == row
    assert await store.load_approval(T, "negotiation", "r1") is None
    await store.commit_approval(replace(row, decision="reject"), entry("decided"))
    assert await store.list_approvals(T) == [replace(row, decision="reject")]
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
