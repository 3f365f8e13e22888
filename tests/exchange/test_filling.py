"""What one party can have a process keep: of what is refused little, and not without end."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import pytest

from connector.exchange.draft import Caller, Incoming
from connector.exchange.ports import HttpAnswer
from connector.exchange.receipts import receipt_in
from connector.exchange.repeats import heard_before
from connector.model import Did, Facts, Pid
from connector.protocol import compose, negotiation
from connector.protocol.process import Process, Role
from tests.exchange.test_hostile import play, proof, say, settled
from tests.exchange.test_transfers import started
from tests.network import Request
from tests.simulator import Node, World


async def _refused(customer: Node, supplier: Node, pid: str, message_id: str) -> HttpAnswer:
    """A termination of a contract that is final, with a reason of 100 kB."""
    row = await customer.store.load_process("", "negotiation", pid)
    assert row is not None
    peer = Process(role=Role.PROVIDER, pid=Pid(str(row.peer_pid)), peer_pid=Pid(row.pid))
    body = compose.dump(compose.contract_termination(message_id, peer, code="x", reasons=["gone" * 25_000]))
    path = f"/dsp/2025-1/negotiations/{row.pid}/termination"
    return await say(customer, path, body, await proof(supplier, customer.config.did))


def test_what_is_refused_fills_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its beginning is kept, so many times; the answer is the same before and after, and to a repeat."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        pid = str((await settled(customer, supplier))["negotiation"])
        before = await customer.store.load_process("", "negotiation", pid)
        assert before is not None
        monkeypatch.setattr("connector.exchange.conversation._MOST_CHANGES", before.version + 3)
        answers = [await _refused(customer, supplier, pid, f"urn:uuid:{number}") for number in (0, 1, 2, 3, 4, 0)]
        assert {(one.status, one.body) for one in answers} == {(400, answers[0].body)}
        after = await customer.store.load_process("", "negotiation", pid)
        assert after is not None
        assert after.version == before.version + 3
        kept = [one for one in await customer.store.messages("", "negotiation", pid) if one.status == 400]
        assert [one.message_id for one in kept] == ["urn:uuid:0", "urn:uuid:1", "urn:uuid:2"]
        assert all(len(one.body) < 5_000 for one in kept)
        row, token = kept[0], await proof(supplier, customer.config.did)
        caller = Caller(facts=Facts(party=Did(supplier.config.did)), token=token, verification_key="", replay=None)
        late = Incoming(
            kind=negotiation.Kind.AGREEMENT, message_id="urn:x", peer_pid=None, body=b'{"x": 1}', caller=caller
        )
        with mock.patch.object(customer.store, "messages", return_value=[row]):  # it came first, and was refused
            assert await heard_before(customer.store, negotiation.TABLE, after, after.state, late) is None

    play(tmp_path, scene)


def test_a_transfer_is_not_suspended_and_resumed_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each message is kept, so there is a limit; beyond it nothing more is kept, and an end is taken still."""
    monkeypatch.setattr("connector.exchange.transfer._MOST_HEARD_BYTES", 10_240)

    async def scene(world: World) -> None:
        running = await started(world)
        row = await running.row(running.supplier)
        states = list[str]()
        for word in ("suspend", "resume", "suspend", "resume", "suspend"):
            await running.act(running.customer, word)
            states.append((await running.row(running.supplier)).state)
        assert states == ["SUSPENDED", "STARTED", "SUSPENDED", "STARTED", "STARTED"]
        assert (await running.act(running.customer, "terminate"))["state"] == "TERMINATED"
        said = await running.supplier.store.messages("", "transfer", row.pid)
        refused = [one for one in said if one.direction == "in" and one.status == 400]
        assert refused
        assert b"too-many-changes" in refused[0].answer_body

    play(tmp_path, scene)


def test_of_an_answer_the_receipt_is_kept(tmp_path: Path) -> None:
    """A peer may put a hundred headers of 32 kB beside it, to each message of an agreement, which is kept for ever."""

    async def scene(world: World) -> None:
        customer, supplier = world.nodes

        async def wordy(request: Request) -> HttpAnswer:
            answer = await customer.serve(request)
            more = {f"x-{number}": "x" * 30_000 for number in range(50)}
            body = answer.body + b" " * 60_000
            return HttpAnswer(status=answer.status, headers={**answer.headers, **more}, body=body)

        world.network.sites[customer.config.public_url.removeprefix("http://")] = wordy
        asked = await settled(customer, supplier)
        assert asked["state"] == "FINALIZED"
        row = await supplier.store.find_process("", "negotiation", customer.config.did, str(asked["negotiation"]))
        assert row is not None
        ours = [one for one in await supplier.store.messages("", "negotiation", row.pid) if one.direction == "out"]
        assert ours
        assert all(receipt_in(one.answer_headers) for one in ours)
        assert all(len(one.answer_headers) + len(one.answer_body) < 20_000 for one in ours)

    play(tmp_path, scene)
