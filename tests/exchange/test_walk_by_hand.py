"""Every order of words, times and messages in a negotiation that two people decide, by the journey's own code.

`tests/core/protocol` walks the machine alone, where either side may say at any time whatever the table allows. Here the
queue is part of the walk: two connectors as the product composes them, over the store in memory. In each joint state
each person may approve, counter, reject, give a word for later or end it; each alarm that is set may go off; a message
may arrive, or arrive while its answer is lost, or be on its way for long, or come once more though it was answered.
States that differ in ids and times alone are one. From each one, once the network is well and nobody says more, both
sides must agree, exactly one of them must wait for a person, with a row in its queue and an alarm, and the alarms alone
must bring both to the same end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import urlsplit

import orjson
import pytest

from connector.errors import PeerUnreachable
from connector.exchange import held
from connector.exchange.draft import Draft
from connector.exchange.held import Word
from connector.exchange.negotiate import Negotiate
from connector.exchange.ports import HttpAnswer
from connector.exchange.rows import OutboxRow, ProcessRow
from connector.protocol import machine
from connector.protocol.machine import Ruling
from connector.protocol.negotiation import TABLE
from connector.protocol.process import Event, Process, Table
from connector.protocol.turns import COUNTERS
from tests.exchange.besieged import BY_HAND
from tests.exchange.deals import STRICTER, command, dataset
from tests.exchange.test_hostile import access_for, play, proof, say, services
from tests.kept import Kept, connection, kept, put_back
from tests.network import Request, Site
from tests.simulator import Node, World

MOST_COUNTERS = 1
LATER = 1 << 60
_LONGEST_WAY = 12
Act: TypeAlias = Callable[[], Awaitable[None]]


class Joint(NamedTuple):
    """Both stores, what each said last, and how often there were other terms."""

    kept: tuple[Kept, Kept]
    said: tuple[OutboxRow | None, OutboxRow | None]
    counters: int


class Parted(AssertionError):
    """What must hold does not."""


@dataclass(slots=True, repr=False)
class Walk:
    """One walk. The first node is the consumer."""

    world: World
    lose_answers: bool = False
    said: list[OutboxRow | None] = field(default_factory=lambda: [None, None])
    counters: int = 0

    def __post_init__(self) -> None:
        for node in self.nodes:
            self.world.network.sites[urlsplit(node.config.public_url).netloc] = self._site(node)

    @property
    def nodes(self) -> list[Node]:
        """The two."""
        return self.world.nodes

    def _site(self, node: Node) -> Site:
        async def site(request: Request) -> HttpAnswer:
            answer = await node.serve(request)
            if self.lose_answers and request.method == "POST" and "/negotiations/" in request.url:
                raise PeerUnreachable("the answer was lost")
            return answer

        return site

    # --- where they are ----------------------------------------------------------------------------------------------

    def keep(self) -> Joint:
        """As it is now."""
        one, two = (kept(node.store) for node in self.nodes)
        return Joint((one, two), (self.said[0], self.said[1]), self.counters)

    def put_back(self, joint: Joint) -> None:
        """As it was."""
        for node, then in zip(self.nodes, joint.kept, strict=True):
            put_back(node.store, then)
        self.said, self.counters = list(joint.said), joint.counters

    async def row(self, node: Node) -> ProcessRow | None:
        """The negotiation there."""
        pids = connection(node.store).execute("SELECT pid FROM process").fetchall()
        assert len(pids) < 2
        return await node.store.load_process("", "negotiation", str(pids[0][0])) if pids else None

    async def alarms(self, node: Node) -> list[str]:
        """What is set there, the end of all patience apart."""
        return [
            row.name for row in await node.store.due_timers(now=LATER, limit=10) if row.name in {held.LIMIT, held.WORD}
        ]

    async def head(self, node: Node) -> OutboxRow | None:
        """What goes out there next."""
        row = await self.row(node)
        return await node.store.head_of_outbox("", "negotiation", row.pid) if row else None

    async def view(self) -> tuple[Any, ...]:
        """The joint state without ids and times."""
        seen: list[Any] = [self.counters]
        for node in self.nodes:
            row = await self.row(node)
            if row is None:
                seen.append(None)
                continue
            body = orjson.loads(row.body)
            process, content = body["process"], body["content"]
            pending, word = process["pending"] or {}, content.get("word") or {}
            last = self.said[self.nodes.index(node)]
            seen.append((
                row.state, pending.get("kind"), pending.get("polling"), process["closing"] is not None,
                (process["accepted"] or {}).get("kind"), (content.get("waits") or {}).get("turn"), word.get("decision"),
                tuple(await self.alarms(node)), last.message_type if last else None,
            ))  # fmt: skip
        return tuple(seen)

    # --- what may happen ---------------------------------------------------------------------------------------------

    async def acts(self) -> list[Act]:
        """Everything that may happen next."""
        found: list[Act] = []
        for index, node in enumerate(self.nodes):
            row = await self.row(node)
            if row is None:
                continue
            found += self._words(node, row)
            found += [self._goes_off(node, row.pid, name) for name in await self.alarms(node)]
            head = await node.store.head_of_outbox("", "negotiation", row.pid)
            if head is not None:
                found += [self._arrives(index), self._arrives(index, lost=True), self._delayed(index, head)]
            if self.said[index] is not None:
                found.append(self._comes_again(index))
        return found

    def _words(self, node: Node, row: ProcessRow) -> Iterator[Act]:
        journey = services(node).negotiate

        async def end() -> None:
            await journey.terminate(row.pid, "x", "why")

        def say_it(word: Word) -> Act:
            async def said() -> None:
                await journey.decide(row.pid, word, command(node))
                self.counters += word.decision == "counter" and not word.not_before

            return said

        if row.state not in TABLE.terminal:
            yield end
        if "waits" in orjson.loads(row.body)["content"]:
            yield say_it(Word(decision="approve"))
            yield say_it(Word(decision="reject", code="no", reason="no"))
            yield say_it(Word(decision="approve", not_before=LATER))
            if self.counters < MOST_COUNTERS and orjson.loads(row.body)["content"]["waits"]["turn"] in COUNTERS:
                yield say_it(Word(decision="counter", terms=STRICTER))

    def _goes_off(self, node: Node, pid: str, name: str) -> Act:
        async def alarm() -> None:
            await services(node).negotiate.conversation.time_out(pid, name)

        return alarm

    def _arrives(self, index: int, *, lost: bool = False) -> Act:
        async def arrive() -> None:
            head = await self.head(self.nodes[index])
            assert head is not None
            self.lose_answers = lost
            try:
                await services(self.nodes[index]).outbox._attempt(head)
            finally:
                self.lose_answers = False
            self.said[index] = head

        return arrive

    def _delayed(self, index: int, head: OutboxRow) -> Act:
        async def leaves() -> None:
            self.said[index] = head

        return leaves

    def _comes_again(self, index: int) -> Act:
        async def again() -> None:
            mine, peer, last = self.nodes[index], self.nodes[1 - index], self.said[index]
            assert last is not None
            path = last.url.removeprefix(peer.config.public_url)
            await say(peer, path, last.body, await proof(mine, peer.config.did, access=access_for(mine, peer)))

        return again

    # --- what must hold ----------------------------------------------------------------------------------------------

    async def heal(self) -> None:
        """Everything that is on its way arrives."""
        for _ in range(_LONGEST_WAY):
            heads = [index for index, node in enumerate(self.nodes) if await self.head(node) is not None]
            if not heads:
                return
            for index in heads:
                if await self.head(self.nodes[index]) is not None:
                    await self._arrives(index)()
        raise Parted("they never come to rest")

    async def judge(self) -> None:
        """From here both come to the same end by what is set already."""
        for _ in range(_LONGEST_WAY):
            await self.heal()
            rows = [row for node in self.nodes if (row := await self.row(node)) is not None]
            if len({row.state for row in rows}) != 1:
                raise Parted(f"at rest in {[row.state for row in rows]}")
            queues = [len(await node.store.list_approvals("", limit=99)) for node in self.nodes]
            alarms = [await self.alarms(node) for node in self.nodes]
            if rows[0].state in TABLE.terminal:
                if any(queues) or any(alarms):
                    raise Parted(f"over, and something waits: {queues}, {alarms}")
                await self._same_agreement(rows[0].state)
                return
            if sorted(queues) != [0, 1] or [len(one) for one in alarms] != queues:
                raise Parted(f"in {rows[0].state} nobody, or everybody, waits: {queues}, {alarms}")
            holder = queues.index(1)
            await self._goes_off(self.nodes[holder], rows[holder].pid, alarms[holder][0])()
        raise Parted("it never ends")

    async def _same_agreement(self, state: str) -> None:
        kept = [[one.agreement for one in await node.store.list_agreements("")] for node in self.nodes]
        if state == "FINALIZED" and (kept[0] != kept[1] or len(kept[0]) != 1):
            raise Parted(f"other agreements: {kept}")


async def walked(world: World, *, offered: bool) -> int:
    """Visit everything. How many joint states there are."""
    walk, (consumer, provider) = Walk(world), world.nodes
    for node in world.nodes:
        working = list(node.tasks)
        for task in working:
            task.cancel()
    ours = await dataset(provider)
    offer = services(provider).offer.policies.offer(ours)
    begins, peer = (provider, consumer) if offered else (consumer, provider)
    journey, did = services(begins).negotiate, services(peer).authenticate.did
    begin = journey.offer if offered else journey.request
    await begin(did, f"{peer.config.public_url}/dsp/2025-1", ours.dataset_id, offer, command(begins))
    known, todo = {await walk.view()}, deque([walk.keep()])
    while todo:
        joint = todo.popleft()
        walk.put_back(joint)
        await walk.judge()
        walk.put_back(joint)
        for index in range(len(await walk.acts())):
            walk.put_back(joint)
            await (await walk.acts())[index]()
            view = await walk.view()
            if view not in known:
                known.add(view)
                todo.append(walk.keep())
    return len(known)


@pytest.mark.parametrize("offered", [False, pytest.param(True, marks=pytest.mark.long)], ids=["asked", "offered"])
def test_people_on_both_sides_always_come_to_an_end(tmp_path: Path, *, offered: bool) -> None:
    """All joint states up to a counter-offer."""
    assert play(tmp_path, lambda world: walked(world, offered=offered), approvals=BY_HAND) > 250


# --- planted faults --------------------------------------------------------------------------------------------------


def found(folder: Path) -> str:
    """What the walk finds wrong."""
    with pytest.raises(Parted) as caught:
        play(folder, lambda world: walked(world, offered=False), approvals=BY_HAND)
    return str(caught.value)


def test_a_time_limit_that_ends_nothing_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then both wait for a person for ever."""
    right = Negotiate.due

    def patient(self: Negotiate, draft: Draft, alarm: str) -> Event | None:
        return None if alarm == held.LIMIT else right(self, draft, alarm)

    monkeypatch.setattr(Negotiate, "due", patient)
    assert "never ends" in found(tmp_path)


def test_a_turn_that_stays_in_the_queue_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If what the peer says leaves the held turn as it is, a person is asked about what is over."""
    monkeypatch.setattr(held, "release", lambda _draft: None)
    assert "waits" in found(tmp_path)


@pytest.mark.long
def test_taking_a_message_under_a_pending_end_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person ends it while the peer's last word is on its way: one side is final, the other has ended."""
    right = machine.rule

    def wrong(table: Table, process: Process, kind: str) -> Ruling:
        ruling = right(table, process, kind)
        return Ruling.TAKE if ruling is Ruling.REFUSE and process.pending is not None else ruling

    monkeypatch.setattr(machine, "rule", wrong)
    assert "at rest in" in found(tmp_path)
