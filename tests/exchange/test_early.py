"""A peer acts on a message of ours before its acknowledgement is back; and who waits for a state is told."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import orjson
import pytest

from connector.app import SystemIds
from connector.exchange.contents import Contents
from connector.exchange.opening import Opening
from connector.exchange.policies import Policies
from connector.exchange.rows import AgreementRow, ProcessRow, StepCommit
from connector.exchange.transfer import Transfer
from connector.exchange.waiting import Waiting
from connector.model import Did, Pid
from connector.protocol import negotiation
from connector.protocol.process import Pending, Process, Role
from connector.stores.memory import MemoryStore

PEER = "did:web:peer.example"
UNDER_WAY = Pending(kind=negotiation.Kind.FINALIZE, message_id="urn:uuid:1", target=negotiation.State.FINALIZED)
AGREEMENT = AgreementRow(
    tenant="", agreement_id="a", negotiation_pid="n", role="provider", counterparty=PEER, dataset_id="d",
    agreement=b"{}", at=1,
)  # fmt: skip


def row(state: str, pending: Pending | None = None) -> ProcessRow:
    """A negotiation in which we provide."""
    process = Process(role=Role.PROVIDER, pid=Pid("n"), peer_pid=Pid("c"), state=state, pending=pending)
    body = orjson.dumps({"process": process, "content": {}})
    return ProcessRow(
        tenant="", kind="negotiation", pid="n", peer_pid="c", counterparty=PEER, role="provider", state=state,
        version=1, body=body, created=1, updated=1,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("state", "pending", "good"),
    [
        (negotiation.State.FINALIZED, None, True),
        (negotiation.State.VERIFIED, UNDER_WAY, True),
        (negotiation.State.VERIFIED, None, False),
        (negotiation.State.AGREED, None, False),
        (negotiation.State.TERMINATED, None, False),
    ],
)
async def test_an_agreement_holds_from_our_finalization_on(state: str, pending: Pending | None, *, good: bool) -> None:
    """A transfer may be asked for as soon as the FINALIZED event is out, and not before."""
    store = MemoryStore()
    await store.commit_step(StepCommit(process=row(state, pending), expected_version=0, agreement=AGREEMENT))
    opening = Opening(
        tenant="", did=Did("did:web:us.example"), ids=SystemIds(), data_url="", inbox_url="", data_token_seconds=60
    )
    transfer = Transfer(
        tenant="", did=opening.did, base="", opening=opening, store=store, ids=SystemIds(), policies=Policies(),
        contents=Contents(tenant="", did=opening.did, store=store),
        max_message_bytes=1 << 20, by_hand=lambda _: False, may_ask=lambda _: None,
    )  # fmt: skip
    found, _, _ = await transfer._in_force("a", PEER)
    assert (found is not None) is good


def is_final(at: ProcessRow) -> bool:
    """What the waiting ones wait for."""
    return at.state == negotiation.State.FINALIZED


async def test_a_waiting_one_is_told() -> None:
    """The commit that brings the state ends the wait; another state does not."""
    waiting, now = Waiting(), row(negotiation.State.REQUESTED)

    async def load() -> ProcessRow:
        return now

    task = asyncio.create_task(waiting.settled(load, is_final, 60))
    await asyncio.sleep(0)
    waiting.tell(replace(now, state=negotiation.State.AGREED))
    await asyncio.sleep(0)
    assert not task.done()
    end = replace(now, state=negotiation.State.FINALIZED)
    waiting.tell(end)
    assert await task == end
    assert not waiting._wishes


async def test_waiting_ends() -> None:
    """After the time given the process comes back as it is, also where several wait and one is cancelled."""
    waiting, now = Waiting(), row(negotiation.State.REQUESTED)

    async def load() -> ProcessRow:
        return now

    gone = asyncio.create_task(waiting.settled(load, is_final, 60))
    await asyncio.sleep(0)
    gone.cancel()
    assert await waiting.settled(load, is_final, 0.01) == now
    assert await waiting.settled(load, lambda at: at.state == negotiation.State.REQUESTED, 60) == now
    assert not waiting._wishes
