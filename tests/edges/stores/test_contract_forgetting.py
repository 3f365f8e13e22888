"""What every store promises of what it forgets: only what nothing goes on in and nothing needs, and then for good."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.errors import Conflict
from connector.exchange.ports import Store
from connector.exchange.rows import DataTokenRow, StepCommit, TimerRow
from connector.provenance.evidence import check
from tests.edges.stores.rows import PEER, T, agreement, attempt, command, entry, message, outbox, process


async def forgettable(store: Store, *, before: int = 100, limit: int = 9) -> list[str]:
    """The pids of what may go."""
    return [row.pid for row in await store.forgettable_processes(T, before=before, limit=limit)]


@pytest.mark.parametrize(
    ("state", "more", "goes"),
    [
        ("TERMINATED", {}, True),
        ("COMPLETED", {}, True),
        ("", {}, True),
        ("FINALIZED", {}, False),
        ("STARTED", {}, False),
        ("REQUESTED", {}, False),
        ("TERMINATED", {"agreement": replace(agreement(), negotiation_pid="p1")}, False),
        ("TERMINATED", {"outbox": [outbox()]}, False),
        ("", {"timers": [TimerRow(tenant=T, kind="negotiation", pid="p1", name="patience", due=900)]}, False),
    ],
)
async def test_only_what_is_over_and_needed_by_nothing_may_go(
    store: Store, state: str, more: dict[str, object], *, goes: bool
) -> None:
    """Ended, or never begun; nothing to be sent, nothing due, no agreement; and not changed since the time named."""
    await store.commit_step(StepCommit(process=process(state=state), expected_version=0, **more))  # type: ignore[arg-type]  # parts of a step by name
    assert await forgettable(store) == (["p1"] if goes else [])
    assert await forgettable(store, before=1) == [], "its last change was then"
    assert await store.forgettable_processes("other", before=100, limit=9) == []


async def test_what_goes_takes_everything_with_it_and_its_pid_is_never_used_again(store: Store) -> None:
    """Messages, attempts and data tokens go; another process stays as it is, and so does the evidence, whole."""
    token = DataTokenRow(tenant=T, transfer_pid="p1", sha256="s", refresh_sha256="r", expires=9, live=False)
    for pid in ("p1", "p2"):
        await store.commit_step(
            StepCommit(
                process=process(pid, peer_pid=f"peer-{pid}", state="TERMINATED"), expected_version=0,
                messages=[message(pid)], attempt=attempt(outbox(pid)), evidence=[entry()],
                data_token=replace(token, transfer_pid=pid, sha256=f"s-{pid}"),
            )
        )  # fmt: skip
    [first, _] = await store.forgettable_processes(T, before=100, limit=9)
    await store.commit_forgotten([first], [entry("processes-forgotten")])
    assert await store.load_process(T, "negotiation", "p1") is None
    assert await store.find_process(T, "negotiation", PEER, "peer-p1") is None
    assert await store.messages(T, "negotiation", "p1") == []
    assert await store.find_message(T, "negotiation", "p1", PEER, "m1") is None
    assert await store.attempts(T, "negotiation", "p1") == []
    assert await store.find_data_token(T, "s-p1") is None
    assert len(await store.messages(T, "negotiation", "p2")) == len(await store.attempts(T, "negotiation", "p2")) == 1
    assert await store.find_data_token(T, "s-p2") is not None
    log = await store.evidence(T)
    assert [row.event for row in log] == ["step", "step", "processes-forgotten"]
    assert check(log) == []
    with pytest.raises(Conflict):
        await store.commit_step(StepCommit(process=process("p1"), expected_version=0))


async def test_what_has_changed_meanwhile_stays_and_all_with_it(store: Store) -> None:
    """A portion goes as a whole or not at all."""
    for pid in ("p1", "p2"):
        await store.commit_step(StepCommit(process=process(pid, state="TERMINATED"), expected_version=0))
    rows = await store.forgettable_processes(T, before=100, limit=9)
    await store.commit_step(StepCommit(process=process("p2", 2, state="TERMINATED"), expected_version=1))
    with pytest.raises(Conflict):
        await store.commit_forgotten(rows, [entry()])
    assert await store.load_process(T, "negotiation", "p1") is not None
    assert await store.evidence(T) == []
    assert await forgettable(store) == ["p1", "p2"], "the longest unchanged ones first"
    assert await forgettable(store, limit=1) == ["p1"]


async def test_old_commands_are_forgotten(store: Store) -> None:
    """By their age alone: a key counts for so long."""
    for number in range(3):
        row = replace(command(f"k{number}"), at=number)
        step = StepCommit(process=process(f"p{number}"), expected_version=0, command=row)
        await store.commit_step(step)
    assert await store.forget_commands(before=2) == 2
    assert await store.forget_commands(before=2) == 0
    assert [await store.load_command(T, f"k{number}") is None for number in range(3)] == [True, True, False]


async def test_open_processes_of_a_party_are_counted(store: Store) -> None:
    """Begun and not ended, of whatever kind; up to a number."""
    states = ("", "REQUESTED", "STARTED", "SUSPENDED", "AGREED", "FINALIZED", "COMPLETED", "TERMINATED")
    for place, state in enumerate(states):
        row = replace(process(f"p{place}", state=state), kind="transfer" if state == "STARTED" else "negotiation")
        await store.commit_step(StepCommit(process=row, expected_version=0))
    assert [await store.count_open(T, PEER, most=most) for most in (9, 2)] == [4, 2]
    assert await store.count_open(T, "did:web:else", most=9) == await store.count_open("other", PEER, most=9) == 0
