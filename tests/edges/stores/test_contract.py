"""What every store promises, run against each of them: processes, outbox, evidence, commands."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial

import pytest

from connector.errors import BadConfig, Conflict
from connector.exchange.ports import Store
from connector.exchange.rows import DataTokenRow, StepCommit, TimerRow
from connector.provenance.evidence import check
from connector.stores import open_store
from tests.edges.stores.rows import (
    PEER,
    US,
    T,
    agreement,
    approval,
    attempt,
    command,
    entry,
    message,
    outbox,
    process,
    replay,
)


def token(sha256: str = "s", *, live: bool = False, expires: int = 9, pid: str = "p1") -> DataTokenRow:
    """A data token."""
    return DataTokenRow(
        tenant=T, transfer_pid=pid, sha256=sha256, refresh_sha256=f"r{sha256}", expires=expires, live=live
    )  # fmt: skip


def timer(name: str, due: int) -> TimerRow:
    """A deadline."""
    return TimerRow(tenant=T, kind="negotiation", pid="p1", name=name, due=due)


async def test_a_process_is_found_by_either_pid(store: Store) -> None:
    """Our pid and the peer's lead to the same row, unchanged; another tenant sees neither."""
    row = process(peer_pid="theirs")
    await store.commit_step(StepCommit(process=row, expected_version=0))
    assert await store.load_process(T, "negotiation", "p1") == row
    assert await store.find_process(T, "negotiation", PEER, "theirs") == row
    assert await store.load_process("other", "negotiation", "p1") is None
    assert await store.load_process(T, "transfer", "p1") is None
    assert await store.find_process(T, "negotiation", "did:web:else", "theirs") is None


async def test_a_step_needs_the_expected_version(store: Store) -> None:
    """Creating twice, a stale version and a process that is not there are conflicts; the right version goes through."""
    await store.commit_step(StepCommit(process=process(), expected_version=0))
    with pytest.raises(Conflict):
        await store.commit_step(StepCommit(process=process(), expected_version=0))
    await store.commit_step(StepCommit(process=process(version=2, state="OFFERED"), expected_version=1))
    with pytest.raises(Conflict):
        await store.commit_step(StepCommit(process=process(version=2), expected_version=1))
    with pytest.raises(Conflict):
        await store.commit_step(StepCommit(process=process("p9", 2), expected_version=1))
    loaded = await store.load_process(T, "negotiation", "p1")
    assert loaded is not None
    assert (loaded.version, loaded.state) == (2, "OFFERED")


async def test_a_peer_pid_stands_for_one_process(store: Store) -> None:
    """Two copies of a first message, taken in at once, make one process; a later claim to the pid is refused too."""
    await store.commit_step(StepCommit(process=process("p1", peer_pid="theirs"), expected_version=0))
    with pytest.raises(Conflict):
        await store.commit_step(StepCommit(process=process("p2", peer_pid="theirs"), expected_version=0))
    await store.commit_step(StepCommit(process=process("p3"), expected_version=0))
    with pytest.raises(Conflict):
        await store.commit_step(StepCommit(process=process("p3", 2, peer_pid="theirs"), expected_version=1))


async def test_the_newest_processes_come_first(store: Store) -> None:
    """By their last change, those in the states that were named after all others; as many as were asked for."""
    for pid, changed, state in (("a", 2, "REQUESTED"), ("b", 4, "TERMINATED"), ("c", 3, "AGREED"), ("d", 1, "AGREED")):
        row = replace(process(pid, state=state), updated=changed)
        await store.commit_step(StepCommit(process=row, expected_version=0))
    await store.commit_step(StepCommit(process=replace(process("e"), kind="transfer"), expected_version=0))
    await store.commit_step(StepCommit(process=replace(process("f"), tenant="other"), expected_version=0))
    found = await store.newest_processes(T, "negotiation")
    assert [row.pid for row in found] == ["b", "c", "a", "d"]
    assert found[0] == replace(process("b", state="TERMINATED"), updated=4)
    found = await store.newest_processes(T, "negotiation", "transfer", behind=("TERMINATED", "AGREED"), limit=4)
    assert [row.pid for row in found] == ["a", "e", "b", "c"]


async def test_a_process_is_found_by_a_pid_of_any_peer(store: Store) -> None:
    """For people, who don't say which peer it is; never another tenant's."""
    mine = process("a", peer_pid="theirs")
    for row in (mine, process("b", peer_pid="other"), replace(process("c", peer_pid="theirs"), tenant="other")):
        await store.commit_step(StepCommit(process=row, expected_version=0))
    assert await store.processes_of_peer_pid(T, "theirs") == [mine]
    assert await store.processes_of_peer_pid(T, "nobody's") == []


async def test_messages_are_kept_in_order(store: Store) -> None:
    """All messages come back as they were; a repeat of an id finds the newest received one."""
    said = [message(body=b"1"), message(direction="out", body=b"2"), message(body=b"3"), message(message_id=None)]
    await store.commit_step(StepCommit(process=process(), expected_version=0, messages=said))
    assert await store.messages(T, "negotiation", "p1") == said
    assert await store.find_message(T, "negotiation", "p1", PEER, "m1") == said[2]
    assert await store.find_message(T, "negotiation", "p1", "did:web:else", "m1") is None
    assert await store.find_message(T, "negotiation", "p1", PEER, "m2") is None


async def test_a_refused_step_leaves_nothing(store: Store) -> None:
    """A used token refuses the whole step: no state, message, outbox row, timer or evidence remains of it."""
    await store.commit_replay(replay())
    step = StepCommit(
        process=process(), expected_version=0, messages=[message()], replay=replay(), outbox=[outbox()],
        timers=[timer("t", 5)], agreement=agreement(), evidence=[entry()], command=command(), data_token=token(),
        approval=approval(process()),
    )  # fmt: skip
    with pytest.raises(Conflict):
        await store.commit_step(step)
    assert await store.load_process(T, "negotiation", "p1") is None
    assert await store.messages(T, "negotiation", "p1") == []
    assert await store.next_outbox() is None
    assert await store.due_timers(now=99, limit=9) == []
    assert await store.load_agreement(T, "a1") is None
    assert await store.evidence(T) == []
    assert await store.load_command(T, "k1") is None
    assert await store.data_tokens_of(T, "p1") == []
    assert await store.list_approvals(T, limit=9) == []


async def test_the_last_part_of_a_step_refuses_the_first(store: Store) -> None:
    """A command that stands for another request, checked late, undoes the state and the token before it."""
    await store.commit_step(StepCommit(process=process("first"), expected_version=0, command=command(digest="other")))
    with pytest.raises(Conflict):
        await store.commit_step(
            StepCommit(process=process(), expected_version=0, replay=replay(), command=command(), evidence=[entry()])
        )
    assert await store.load_process(T, "negotiation", "p1") is None
    assert await store.find_replay(T, PEER, "j1") is None


async def test_a_token_is_accepted_once(store: Store) -> None:
    """The same issuer and jti conflict; others do not; forgetting goes by expiry."""
    await store.commit_replay(replay())
    with pytest.raises(Conflict):
        await store.commit_replay(replay())
    await store.commit_replay(replace(replay(), tenant="other"))
    await store.commit_replay(replay("j2", expires=200))
    assert await store.find_replay(T, PEER, "j1") == replay()
    assert await store.forget_replays(before=150) == 2
    assert await store.find_replay(T, PEER, "j1") is None
    assert await store.find_replay(T, PEER, "j2") is not None


async def test_only_heads_are_claimed_in_order(store: Store) -> None:
    """A process's second row waits for its first, also when only the second is due; another process goes on."""
    rows = [outbox(message_id="o1", not_before=50), outbox(message_id="o2", not_before=10)]
    numbers = await store.commit_step(StepCommit(process=process(), expected_version=0, outbox=rows))
    assert numbers == (1, 2)
    await store.commit_step(StepCommit(process=process("p2"), expected_version=0, outbox=[outbox("p2", "x")]))
    assert await store.next_outbox() == 10
    claimed = await store.claim_outbox(now=20, owner="w", lease_until=100, limit=9)
    assert [(row.pid, row.message_id, row.fence, row.lease_owner) for row in claimed] == [("p2", "x", 1, "w")]
    assert await store.next_outbox() == 50
    claimed = await store.claim_outbox(now=60, owner="w", lease_until=100, limit=9)
    assert [row.message_id for row in claimed] == ["o1"]


async def test_a_lease_holds_until_its_time_and_the_fence_rises(store: Store) -> None:
    """A leased row is left alone until the lease is over; whoever takes it then has the higher fence and the say."""
    await store.commit_step(StepCommit(process=process(), expected_version=0, outbox=[outbox()]))
    (first,) = await store.claim_outbox(now=10, owner="w1", lease_until=100, limit=9)
    assert await store.claim_outbox(now=99, owner="w2", lease_until=200, limit=9) == []
    assert await store.next_outbox() == 100
    (second,) = await store.claim_outbox(now=100, owner="w2", lease_until=200, limit=9)
    assert second.fence > first.fence
    with pytest.raises(Conflict):
        await store.postpone_outbox(first, not_before=300, attempt=attempt(first))
    with pytest.raises(Conflict):
        await store.commit_step(
            StepCommit(process=process(version=2), expected_version=1, outbox_done=(first.seq, first.fence))
        )
    await store.commit_step(
        StepCommit(process=process(version=2), expected_version=1, outbox_done=(second.seq, second.fence))
    )
    assert await store.next_outbox() is None


async def test_who_stops_gives_its_leases_back(store: Store) -> None:
    """At once, and nobody else's; who comes next has the higher fence all the same."""
    for pid in ("p1", "p2"):
        await store.commit_step(StepCommit(process=process(pid), expected_version=0, outbox=[outbox(pid)]))
    (mine,) = await store.claim_outbox(now=10, owner="w1", lease_until=100, limit=1)
    await store.claim_outbox(now=10, owner="w2", lease_until=100, limit=1)
    await store.release_outbox("w1")
    (again,) = await store.claim_outbox(now=10, owner="w3", lease_until=100, limit=9)
    assert (again.pid, again.fence) == (mine.pid, mine.fence + 1)


async def test_a_number_is_never_given_twice(store: Store) -> None:
    """A row after a delivered one has a new number, so that an old worker cannot mean it."""
    await store.commit_step(StepCommit(process=process(), expected_version=0, outbox=[outbox()]))
    (first,) = await store.claim_outbox(now=10, owner="w1", lease_until=100, limit=9)
    numbers = await store.commit_step(
        StepCommit(
            process=process(version=2), expected_version=1, outbox_done=(first.seq, first.fence), outbox=[outbox()]
        )
    )
    assert numbers == (2,)
    with pytest.raises(Conflict):
        await store.postpone_outbox(first, not_before=300, attempt=attempt(first))


async def test_a_row_may_be_leased_from_the_start(store: Store) -> None:
    """A row that is committed with a lease belongs to that worker until the lease is over."""
    row = replace(outbox(), lease_owner="me", lease_until=100, fence=1)
    (seq,) = await store.commit_step(StepCommit(process=process(), expected_version=0, outbox=[row]))
    assert await store.claim_outbox(now=50, owner="w", lease_until=200, limit=9) == []
    await store.commit_step(StepCommit(process=process(version=2), expected_version=1, outbox_done=(seq, 1)))
    assert await store.next_outbox() is None


async def test_a_postponed_row_waits_and_is_woken(store: Store) -> None:
    """A postponed row waits; hearing from its peer makes it due and its pauses short, another peer does not."""
    await store.commit_step(StepCommit(process=process(), expected_version=0, outbox=[outbox()]))
    (row,) = await store.claim_outbox(now=10, owner="w", lease_until=100, limit=9)
    await store.postpone_outbox(row, not_before=900, attempt=attempt(row, at=11))
    assert await store.attempts(T, "negotiation", "p1") == [attempt(row, at=11)]
    assert await store.next_outbox() == 900
    await store.wake_outbox(T, "did:web:else", 20)
    assert await store.next_outbox() == 900
    await store.wake_outbox(T, PEER, 20)
    (again,) = await store.claim_outbox(now=20, owner="w", lease_until=100, limit=9)
    assert (again.attempts, again.fence) == (0, 2)


async def test_what_waits_for_a_time_that_no_pause_leads_to_is_woken(store: Store) -> None:
    """Put off, or leased by one that died, while a clock was ahead; what is due sooner stays as it is."""
    for pid in ("p1", "p2", "p3"):
        await store.commit_step(StepCommit(process=process(pid), expected_version=0, outbox=[outbox(pid)]))
    (row,) = await store.claim_outbox(now=10, owner="w", lease_until=100, limit=1)
    await store.postpone_outbox(row, not_before=900, attempt=attempt(row))
    await store.claim_outbox(now=10, owner="w", lease_until=901, limit=1)
    await store.claim_outbox(now=10, owner="w", lease_until=800, limit=1)
    held = replace(approval(process("p1")), kind="issuance", decision="issued", not_before=900)
    for kept in (held, replace(held, pid="p2", not_before=800), replace(held, pid="p3", kind="credential")):
        await store.commit_approval(kept, None)
    assert await store.wake_beyond(now=20, beyond=800) == 3
    assert [one.not_before for one in await store.list_approvals(T, limit=9)] == [900, 20, 800]
    assert {one.pid for one in await store.claim_outbox(now=20, owner="v", lease_until=99, limit=9)} == {"p1", "p2"}
    assert await store.wake_beyond(now=20, beyond=800) == 0


async def test_clearing_drops_what_was_queued_but_not_what_comes(store: Store) -> None:
    """A step that ends the process drops its waiting rows and may queue the last word."""
    await store.commit_step(StepCommit(process=process(), expected_version=0, outbox=[outbox(), outbox()]))
    numbers = await store.commit_step(
        StepCommit(process=process(version=2), expected_version=1, outbox_clear=True, outbox=[outbox(message_id="end")])
    )
    assert numbers == (3,)
    claimed = await store.claim_outbox(now=10, owner="w", lease_until=100, limit=9)
    assert [row.message_id for row in claimed] == ["end"]


async def test_claims_are_limited(store: Store) -> None:
    """No more rows than asked for; the rest stays for others."""
    for i in range(5):
        await store.commit_step(StepCommit(process=process(f"p{i}"), expected_version=0, outbox=[outbox(f"p{i}")]))
    first = await store.claim_outbox(now=10, owner="a", lease_until=100, limit=3)
    second = await store.claim_outbox(now=10, owner="b", lease_until=100, limit=3)
    assert (len(first), len(second)) == (3, 2)
    assert not {row.pid for row in first} & {row.pid for row in second}


async def test_claims_take_some_of_each_counterparty(store: Store) -> None:
    """A counterparty for which much is due leaves room for others; one that has enough to do is left aside."""
    for i in range(6):
        peer = PEER if i < 4 else f"did:web:{i}.example"
        step = StepCommit(
            process=replace(process(f"p{i}"), counterparty=peer), expected_version=0,
            outbox=[replace(outbox(f"p{i}", not_before=10 + i), counterparty=peer)],
        )  # fmt: skip
        await store.commit_step(step)
    claim = partial(store.claim_outbox, now=20, owner="a", lease_until=100, limit=9)
    assert [row.pid for row in await claim(each=1, without=[PEER, "did:web:4.example"])] == ["p5"]
    assert await store.next_outbox(without=[PEER]) == 14
    assert await store.next_outbox(without=[PEER, "did:web:4.example", "did:web:5.example"]) is None
    assert [row.pid for row in await claim(each=2)] == ["p0", "p1", "p4"]
    assert [row.pid for row in await claim(each=2)] == ["p2", "p3"]
    assert await claim(each=2) == []


async def test_timers_are_replaced_as_a_whole(store: Store) -> None:
    """Due timers come by time and stay until a step replaces them; a step without timers leaves them."""
    await store.commit_step(StepCommit(process=process(), expected_version=0, timers=[timer("b", 20), timer("a", 10)]))
    assert await store.due_timers(now=9, limit=9) == []
    assert [row.name for row in await store.due_timers(now=20, limit=9)] == ["a", "b"]
    assert [row.name for row in await store.due_timers(now=20, limit=1)] == ["a"]
    await store.commit_step(StepCommit(process=process(version=2), expected_version=1))
    assert len(await store.due_timers(now=20, limit=9)) == 2
    await store.commit_step(StepCommit(process=process(version=3), expected_version=2, timers=[]))
    assert await store.due_timers(now=20, limit=9) == []


async def test_a_key_stands_for_one_command(store: Store) -> None:
    """Whoever comes later with it, for the same request or another one, begins nothing."""
    await store.commit_step(StepCommit(process=process(), expected_version=0, command=command()))
    for again in (command(pid="p2"), command(digest="other", pid="p2")):
        with pytest.raises(Conflict):
            await store.commit_step(StepCommit(process=process("p2"), expected_version=0, command=again))
    assert await store.load_command(T, "k1") == command()
    assert await store.load_command("other", "k1") is None


async def test_a_data_token_is_switched_on_and_off_and_replaced(store: Store) -> None:
    """Found by digest and by transfer; a step's token takes the place of all that the transfer had."""
    await store.commit_step(StepCommit(process=process(), expected_version=0, data_token=token(), token_live=True))
    assert await store.find_data_token(T, "s") == token(live=True)
    await store.commit_step(StepCommit(process=process(version=2), expected_version=1, token_live=False))
    assert await store.data_tokens_of(T, "p1") == [token()]
    await store.renew_data_token(token(), token("t"), entry())
    await store.commit_step(StepCommit(process=process(version=3), expected_version=2, token_live=True))
    assert await store.data_tokens_of(T, "p1") == [token(live=True), token("t", live=True)]
    fresh = token("u", live=True)
    await store.commit_step(StepCommit(process=process(version=4), expected_version=3, data_token=fresh))
    assert await store.data_tokens_of(T, "p1") == [fresh]
    assert await store.find_data_token(T, "s") is None
    assert await store.find_data_token("other", "u") is None


async def test_a_renewed_token_stands_beside_the_one_that_was_used(store: Store) -> None:
    """So an answer that was lost can be asked for again; older ones go. It is live as the used one is, not as asked."""
    await store.commit_step(StepCommit(process=process(), expected_version=0, data_token=token(live=True)))
    await store.renew_data_token(token(), token("t", expires=12), entry())
    assert await store.data_tokens_of(T, "p1") == [token(live=True), token("t", expires=12, live=True)]
    await store.renew_data_token(token(), token("u"), entry())
    assert [row.sha256 for row in await store.data_tokens_of(T, "p1")] == ["s", "u"]
    await store.renew_data_token(token("u"), token("v"), entry())
    assert [row.sha256 for row in await store.data_tokens_of(T, "p1")] == ["u", "v"]
    with pytest.raises(Conflict):
        await store.renew_data_token(token("s"), token("w"), entry())
    await store.commit_step(StepCommit(process=process(version=2), expected_version=1, token_live=False))
    await store.renew_data_token(token("v"), token("x", live=True), entry())
    assert not any(row.live for row in await store.data_tokens_of(T, "p1"))
    assert len(await store.evidence(T)) == 4


async def test_evidence_is_a_chain_without_gaps(store: Store) -> None:
    """Entries of steps, of their own and of refused steps: numbers run on per tenant and the links hold."""
    await store.append_evidence([entry("a"), entry("x", "other"), entry("b")])
    await store.commit_step(StepCommit(process=process(), expected_version=0, evidence=[entry("c")]))
    with pytest.raises(Conflict):
        await store.commit_step(StepCommit(process=process(), expected_version=0, evidence=[entry("lost")]))
    await store.append_evidence([entry("d")])
    log = await store.evidence(T)
    assert [(row.seq, row.event) for row in log] == [(1, "a"), (2, "b"), (3, "c"), (4, "d")]
    assert check(log) == []
    assert [row.seq for row in await store.evidence(T, after=1, limit=2)] == [2, 3]
    assert [row.seq for row in await store.evidence("other")] == [1]


async def test_two_hundred_at_once(store: Store) -> None:
    """Concurrent commits all arrive, and those that must be refused are, without harm to their neighbours."""
    steps = [
        StepCommit(process=process(f"p{i}"), expected_version=0, evidence=[entry(f"e{i}")], outbox=[outbox(f"p{i}")])
        for i in range(200)
    ]
    steps.insert(50, steps[10])
    steps.insert(150, steps[20])
    outcomes = await asyncio.gather(*(store.commit_step(step) for step in steps), return_exceptions=True)
    assert [i for i, outcome in enumerate(outcomes) if isinstance(outcome, Conflict)] == [50, 150]
    assert sum(outcome == (1,) for outcome in outcomes) == 200
    log = await store.evidence(T)
    assert len(log) == 200
    assert check(log) == []
    assert (await store.counts(T))["negotiation REQUESTED"] == 200


async def test_counts_are_for_people(store: Store) -> None:
    """Processes by kind and state, and how much of the rest there is."""
    await store.commit_step(StepCommit(process=process(), expected_version=0, outbox=[outbox()], agreement=agreement()))
    await store.commit_step(StepCommit(process=process("p2", state="FINALIZED"), expected_version=0))
    await store.append_evidence([entry()])
    assert await store.counts(T) == {
        "records": 0, "credentials": 0, "agreements": 1, "outbox": 1, "evidence": 1, "negotiation REQUESTED": 1,
        "negotiation FINALIZED": 1,
    }  # fmt: skip


async def test_an_unknown_address_is_refused() -> None:
    """Only the known kinds of store are opened."""
    for url in ("", "sqlite:", "mysql://x", "memory:x"):
        with pytest.raises(BadConfig):
            await open_store(url, company=US)
