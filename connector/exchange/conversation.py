"""What negotiation and transfer do alike: one event in, one commit out.

`Conversation` loads a process, lets `protocol.machine.step` decide, lets the journey (its `Topic`) say what follows
from a state that was reached, and commits everything in one transaction before an answer leaves. It leaves what
messages mean to the topics, and delivery to `outbox`. DECISIONS, "The protocol's step", "An acknowledgement waits".
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace

import orjson

from connector.errors import Conflict, NotAuthenticated, NotFound, NotOffered, Taken
from connector.exchange.alarms import FIRST_REMINDER_MICROSECONDS, PATIENCE, REMINDER, timers
from connector.exchange.crowd import Crowd
from connector.exchange.draft import Acknowledged, Answer, Caller, Change, Draft, Incoming, Topic
from connector.exchange.ports import Clock, Ids, Store
from connector.exchange.processes import Processes
from connector.exchange.receipts import Receipts, headers_of, receipt_in
from connector.exchange.repeats import Earlier, heard_before
from connector.exchange.rows import (
    CommandRow,
    MessageRow,
    OutboxRow,
    ProcessRow,
    ReplayRow,
    StepCommit,
)
from connector.exchange.waiting import Done, Waiting
from connector.model import Finding, JsonObject
from connector.protocol import compose
from connector.protocol.machine import step
from connector.protocol.process import (
    START,
    Ask,
    DropPending,
    Effect,
    Event,
    Later,
    Poll,
    Process,
    Reached,
    Received,
    Replaced,
    Reply,
    Retry,
    Seen,
    Send,
    Timeout,
)

_TRIES = 5
"""Two messages of one process may meet; each try decides again on what the other one left."""
LEASE_MICROSECONDS = 30_000_000
_MOST_CHANGES = 1_000
"""Of what is refused nothing is kept after so many: all of a process is read at once."""
_NEXT_WORD_SECONDS = 0.25
"""So long the peer's next word is waited for before an acknowledgement is kept without it."""


@dataclass(slots=True, kw_only=True)
class Conversation:
    """The four beats of one kind of process."""

    tenant: str
    topic: Topic
    store: Store
    clock: Clock
    ids: Ids
    owner: str
    deliver: Callable[[OutboxRow], None]
    """Hands a committed row, leased to us, to the outbox."""
    receipts: Receipts
    crowd: Crowd
    patience_seconds: int
    """How long a process of ours may be on its way before it is ended."""
    waiting: Waiting = field(default_factory=Waiting)
    _processes: Processes = field(init=False)
    _acknowledged: dict[str, Acknowledged] = field(default_factory=dict)
    """By pid: what the peer answered to our last message and is not kept yet."""

    def __post_init__(self) -> None:
        self._processes = Processes(tenant=self.tenant, kind=self.topic.kind, store=self.store)

    async def begin(
        self, process: Process, content: JsonObject, counterparty: str, kind: str, command: CommandRow | None,
        *, offered: str = "",
    ) -> Draft:  # fmt: skip
        """Start a process of ours with its first message."""
        draft = Draft(
            row=None, process=process, content=content, counterparty=counterparty, now=self.clock.now(), alarms={},
            command=command, offered=offered,
        )  # fmt: skip
        self._run(draft, Ask(kind=kind, message_id=self.ids.urn()))
        await self._commit(draft)
        return draft

    async def receive(
        self, row: ProcessRow, incoming: Incoming, objections: Callable[[Draft], tuple[Finding, ...]]
    ) -> Answer:
        """A peer's message for a process that is here."""
        turn = self._processes.turn(row.pid)
        passed = turn.locked()
        async with turn:
            return await self._receive(await self.load(row.pid) if passed else row, incoming, objections)

    async def _receive(
        self, row: ProcessRow, incoming: Incoming, objections: Callable[[Draft], tuple[Finding, ...]]
    ) -> Answer:
        for _ in range(_TRIES):
            draft = self._next(row)
            draft.caller = incoming.caller
            before = draft.content.copy()
            earlier = await heard_before(self.store, self.topic.table, row, draft.process.state, incoming)
            if incoming.caller.repeat and earlier is None:
                raise NotAuthenticated("the token was used before")
            self._run(draft, self._received(draft, incoming, earlier, objections))
            assert draft.reply is not None, "every received message gets an answer"
            if draft.reply.what == "stored":
                await self._use_up(incoming.caller)
                if earlier is not None and earlier.how == "words":
                    await self._watch(draft)
                return self._stored(draft, earlier.row if earlier else None)
            answer = await self._answer(draft, incoming)
            if not draft.reply.remembered:
                return answer
            if draft.reply.what == "error":  # what a refused message says changes nothing
                if row.version >= _MOST_CHANGES:
                    return answer
                draft.content = before
            draft.messages.append(self._processes.message(draft, incoming, answer, headers_of(answer.receipt)))
            try:
                await self._commit(draft, replay=None if incoming.caller.repeat else incoming.caller.replay)
            except (Taken, NotOffered):
                raise
            except Conflict:
                row = await self.load(row.pid)
                continue
            return answer
        raise Conflict("the process changes too quickly")

    async def open(
        self, process: Process, content: JsonObject, incoming: Incoming, objections: tuple[Finding, ...],
        *, offered: str = "",
    ) -> Answer:  # fmt: skip
        """A peer's first message: it makes the process."""
        async with self.crowd.admitted(incoming.caller.facts.party):
            draft = Draft(
                row=None, process=process, content=content, counterparty=incoming.caller.facts.party,
                now=self.clock.now(), caller=incoming.caller, alarms={}, offered=offered,
            )  # fmt: skip
            self._run(draft, self._received(draft, incoming, None, lambda _: objections))
            if draft.process.state == START:  # refused: there is nothing to be patient with
                draft.alarms = None
            answer = await self._answer(draft, incoming)
            draft.messages.append(self._processes.message(draft, incoming, answer, headers_of(answer.receipt)))
            await self._commit(draft, replay=None if incoming.caller.repeat else incoming.caller.replay)
            return answer

    async def happen(self, pid: str, change: Change) -> Draft:
        """Something other than a received message happens to a process. Tried again when another change came first."""
        async with self._processes.turn(pid):
            for _ in range(_TRIES):
                draft = self._next(await self.load(pid))
                event = change(draft)
                if event is not None:
                    self._run(draft, event)
                try:
                    await self._commit(draft)
                except Taken:
                    raise
                except Conflict:
                    continue
                return draft
            raise Conflict("the process changes too quickly")

    async def time_out(self, pid: str, alarm: str) -> None:
        """What was to happen at a time. At the end of our patience the process is terminated, and no longer timed."""

        def change(draft: Draft) -> Event | None:
            if alarm != PATIENCE:
                return self.topic.due(draft, alarm)
            draft.over = True
            draft.content.setdefault(
                "termination", {"code": "timed-out", "reason": ["no answer within the time"], "by": "us"}
            )
            return Timeout(fresh_id=self.ids.urn())

        await self.happen(pid, change)

    async def settle(self, row: OutboxRow, change: Callable[[Draft], Event]) -> Draft:
        """One delivery ended. The row stays when it is to be tried again or the peer is to be looked at first.

        `Conflict`: the row is another worker's now, or gone.
        """
        async with self._processes.turn(row.pid):
            for _ in range(_TRIES):
                draft = self.draft(await self.load(row.pid))
                before = draft.process
                self._run(draft, change(draft))
                overtaken = draft.process is before
                if overtaken and not (draft.messages and await self._is_new(row)):
                    return draft
                draft.delivered = None if draft.poll or draft.retry or overtaken else row
                try:
                    await self._commit(draft)
                except Conflict:
                    continue
                return draft
            raise Conflict("the process changes too quickly")

    async def accepted(self, row: OutboxRow, change: Callable[[Draft], Event]) -> Draft:
        """`settle` for a message that the peer took: where the peer speaks next, one commit keeps its answer and that.

        Nobody waits for the record of an acknowledgement. If it is lost, the message goes out again, and is a repeat.
        """
        if self.topic.table.leads_to(row.message_type) in self.topic.at_rest:
            return await self.settle(row, change)
        kept: asyncio.Future[Draft] = asyncio.get_running_loop().create_future()
        self._acknowledged[row.pid] = Acknowledged(row=row, change=change, kept=kept)
        try:
            async with asyncio.timeout(_NEXT_WORD_SECONDS):
                return await kept
        except TimeoutError:
            self._acknowledged.pop(row.pid, None)
            return await self.settle(row, change)

    async def _is_new(self, row: OutboxRow) -> bool:
        """Whether nothing is kept of this message of ours yet: the peer went on before its answer was here."""
        said = await self.store.messages(self.tenant, self.topic.kind, row.pid)
        return not any(one.direction == "out" and one.message_id == row.message_id for one in said)

    async def load(self, pid: str) -> ProcessRow:
        """The process as stored. `NotFound`: none of that pid."""
        return await self._processes.load(pid)

    async def of_caller(self, pid: str, caller: Caller) -> ProcessRow:
        """The process with this caller. `NotFound`: another party's looks like none."""
        row = await self.load(pid)
        if row.counterparty != caller.facts.party:
            raise NotFound
        return row

    async def state(self, pid: str, caller: Caller) -> bytes:
        """The answer to `GET` of a process: the same for both roles."""
        return self._shown(self._next(await self.of_caller(pid, caller)).process)

    async def settled(self, pid: str, done: Done, seconds: float) -> ProcessRow:
        """The process once it is there, or as it is after so many seconds."""
        return await self.waiting.settled(lambda: self.load(pid), done, seconds)

    def draft(self, row: ProcessRow) -> Draft:
        """The stored process, ready for its next event."""
        return self._processes.draft(row, self.clock.now())

    def _next(self, row: ProcessRow) -> Draft:
        """The stored process for its next event: after what the peer answered to our last message."""
        draft, waiting = self.draft(row), self._acknowledged.get(row.pid)
        if waiting is None:
            return draft
        before = draft.process
        self._run(draft, waiting.change(draft))
        if draft.process is before or draft.process.pending is not None:  # overtaken, or more follows from it
            return self.draft(row)
        draft.acknowledged, draft.delivered = waiting, waiting.row
        return draft

    # --- deciding ----------------------------------------------------------------------------------------------------

    def _received(
        self,
        draft: Draft,
        incoming: Incoming,
        earlier: Earlier | None,
        objections: Callable[[Draft], tuple[Finding, ...]],
    ) -> Received:
        known = earlier if incoming.message_id is not None else None
        return Received(
            kind=incoming.kind,
            message_id=(known.row.message_id if known else None) or incoming.message_id,
            digest=earlier.row.sha256 if earlier and earlier.how == "words" else incoming.digest,
            peer_pid=incoming.peer_pid,  # type: ignore[arg-type]  # a Pid is any string that the peer chose
            seen=Seen(digest=known.row.sha256, status=known.row.status, anew=known.how == "anew") if known else None,
            objections=objections(draft),
        )

    def _run(self, draft: Draft, event: Event) -> None:
        """Step, and let the topic's own next messages step as well, until nothing follows."""
        draft.process, effects = step(self.topic.table, draft.process, event)
        for effect in effects:
            self._note(draft, effect)
        while draft.asks:
            draft.process, effects = step(
                self.topic.table, draft.process, Ask(kind=draft.asks.popleft(), message_id=self.ids.urn())
            )
            for effect in effects:
                self._note(draft, effect)

    def _note(self, draft: Draft, effect: Effect) -> None:
        match effect:
            case Reply():
                draft.reply = effect
            case Reached():
                draft.over = draft.over or effect.state in self.topic.at_rest
                self.topic.reached(draft, effect)
            case Replaced():
                self.topic.replaced(draft, effect.kind)
            case Send():
                draft.sends.append(self._outgoing(draft, effect))
            case DropPending():
                draft.dropped = True
                if effect.why == "refused" and draft.process.state not in self.topic.table.terminal:
                    self.topic.refused(draft, effect.kind)
            case Retry():
                draft.retry = True
            case Poll():
                draft.poll = effect.message_id
            case Later():
                pass  # the machine keeps a termination that waits; nothing else is ever asked while one is under way

    def _outgoing(self, draft: Draft, send: Send) -> OutboxRow:
        url, body = self.topic.compose(draft, send.kind, send.message_id)
        now = draft.at
        return OutboxRow(
            tenant=self.tenant, kind=self.topic.kind, pid=draft.process.pid, seq=0, counterparty=draft.counterparty,
            message_type=send.kind, message_id=send.message_id, url=url, body=body, not_before=now,
            lease_owner=self.owner, lease_until=now + LEASE_MICROSECONDS, fence=1, created=now,
        )  # fmt: skip

    # --- committing --------------------------------------------------------------------------------------------------

    async def _commit(self, draft: Draft, *, replay: ReplayRow | None = None) -> None:
        old, waits, now, delivered = draft.row, draft.content.get("waits"), draft.at, draft.delivered
        acknowledged, draft.acknowledged = draft.acknowledged, None  # no circle that only the collector takes away
        if acknowledged is not None:
            self._acknowledged.pop(draft.process.pid, None)  # a second try does without
        row = ProcessRow(
            tenant=self.tenant, kind=self.topic.kind, pid=draft.process.pid, peer_pid=draft.process.peer_pid,
            counterparty=draft.counterparty, role=draft.process.role.value, state=draft.process.state,
            version=(old.version if old else 0) + 1,
            body=orjson.dumps({"process": draft.process, "content": draft.content}),
            deadline=waits["due"] if waits else None,
            created=old.created if old else now, updated=now,
        )  # fmt: skip
        numbers = await self.store.commit_step(
            StepCommit(
                process=row, expected_version=old.version if old else 0, messages=draft.messages, replay=replay,
                outbox=draft.sends, outbox_done=(delivered.seq, delivered.fence) if delivered else None,
                outbox_clear=draft.dropped and delivered is None, attempt=None if draft.retry else draft.attempt,
                timers=timers(self.topic, draft, row, self.patience_seconds), agreement=draft.agreement,
                replaced_agreement=draft.replaced_agreement, claim=draft.claim, evidence=draft.evidence,
                command=draft.command, offered=draft.offered,
                data_token=draft.data_token, token_live=draft.token_live, approval=draft.approval,
                approval_done=draft.approval_done,
            )
        )  # fmt: skip
        self._processes.written(row, draft)
        if acknowledged is not None and not acknowledged.kept.done():
            acknowledged.kept.set_result(draft)
        for send, number in zip(draft.sends, numbers, strict=True):
            self.deliver(replace(send, seq=number))
        self.waiting.tell(row)

    async def _watch(self, draft: Draft) -> None:
        """The peer says again, under another id, what we have: it may have lost what we said since (`reminders`)."""
        nothing_to_say = {START, self.topic.table.target_of_termination()}  # it never began, or has been ended
        if self.topic.reminds and draft.process.state not in nothing_to_say and "waits" not in draft.content:
            draft.alarms = {REMINDER: draft.at + FIRST_REMINDER_MICROSECONDS}
            with suppress(Conflict):  # it has moved on
                await self._commit(draft)

    async def _use_up(self, caller: Caller) -> None:
        """A repeat changes nothing, yet its fresh token is good for nothing else."""
        if caller.replay is not None and not caller.repeat:
            with suppress(Conflict):
                await self.store.commit_replay(caller.replay)

    async def _answer(self, draft: Draft, incoming: Incoming) -> Answer:
        reply = draft.reply
        assert reply is not None, "every received message gets an answer"
        if reply.what == "ack":
            receipt = await self.receipts.give(draft, incoming.kind, incoming.digest)
            return Answer(status=reply.status, body=self._shown(draft.process), receipt=receipt)
        table, findings = self.topic.table, reply.findings
        body = compose.dump(compose.process_error(table, draft.process, code=reply.code, findings=findings))
        return Answer(status=reply.status, body=body)

    def _stored(self, draft: Draft, earlier: MessageRow | None) -> Answer:
        if earlier is not None:
            return Answer(status=earlier.status, body=earlier.answer_body, receipt=receipt_in(earlier.answer_headers))
        return Answer(status=200, body=self._shown(draft.process))

    def _shown(self, process: Process) -> bytes:
        return compose.dump(compose.process_answer(self.topic.table, process))
