"""What was written last is not read back: what a connector sees is the same all the same."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from connector.errors import Conflict
from connector.exchange.rows import StepCommit
from connector.stores import recent
from connector.stores.sqlite import SqliteStore
from tests.edges.stores.rows import PEER, T, message, process, replay


async def test_what_a_cancelled_caller_committed_is_seen(tmp_path: Path) -> None:
    """Who stops waiting for a commit leaves no older version behind."""
    store = SqliteStore(tmp_path / "s.db")
    await store.commit_step(StepCommit(process=process(), expected_version=0))
    second = StepCommit(process=process(version=2, state="OFFERED"), expected_version=1, messages=[message()])
    task = asyncio.create_task(store.commit_step(second))
    await asyncio.sleep(0)
    task.cancel()
    await store.commit_step(StepCommit(process=process("other"), expected_version=0))  # on the disk after the first one
    assert await store.load_process(T, "negotiation", "p1") == second.process
    assert await store.find_message(T, "negotiation", "p1", PEER, "m1") == message()
    await store.close()


async def test_a_refused_step_changes_nothing_that_is_seen(tmp_path: Path) -> None:
    """A token that was used before refuses the step: state and messages are those of before."""
    store = SqliteStore(tmp_path / "s.db")
    await store.commit_step(StepCommit(process=process(), expected_version=0, replay=replay()))
    refused = StepCommit(process=process(version=2), expected_version=1, messages=[message()], replay=replay())
    with pytest.raises(Conflict):
        await store.commit_step(refused)
    assert await store.load_process(T, "negotiation", "p1") == process()
    assert await store.find_message(T, "negotiation", "p1", PEER, "m1") is None
    await store.close()


@pytest.mark.parametrize("most", [1, 2])
async def test_what_is_no_longer_remembered_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """The oldest ones make room; of one that comes back, messages from before are still known."""
    monkeypatch.setattr(recent, "_MOST", most)
    store = SqliteStore(tmp_path / "s.db")
    for pid in ("p1", "p2", "p3"):
        await store.commit_step(StepCommit(process=process(pid), expected_version=0, messages=[message(pid)]))
    assert await store.load_process(T, "negotiation", "p1") == process()
    later = StepCommit(process=process(version=2), expected_version=1, messages=[message(message_id="m2")])
    await store.commit_step(later)
    assert await store.load_process(T, "negotiation", "p1") == later.process
    for known in ("m1", "m2"):
        assert await store.find_message(T, "negotiation", "p1", PEER, known) == message(message_id=known)
    assert await store.find_message(T, "negotiation", "p1", PEER, "m3") is None
    await store.close()
