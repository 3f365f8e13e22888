"""The outbox: committed effects are delivered, and what the peer answers goes back into `step`.

Only the head of a process is under way; a row fresh from a commit is leased to this worker and goes out at once, any
other is claimed when it is due. How many go at once, and to whom, is decided by `lanes`. The same bytes are sent again
with a fresh token, with growing pauses, until the budget of days is spent. After a 4xx to a message that the peer may
have had, its process is looked at (`Poll`), never taken for a refusal at once. What an answer means is
`protocol.machine`'s; what a message says its topic's.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TypeAlias

from connector.errors import (
    AddressBlocked,
    BadMessage,
    Conflict,
    ConnectorError,
    NotFound,
    PeerUnreachable,
)
from connector.exchange.alarms import REMINDER
from connector.exchange.conversation import LEASE_MICROSECONDS, Conversation
from connector.exchange.draft import Draft
from connector.exchange.lanes import WIDTH, Lanes
from connector.exchange.looks import WORDS, look
from connector.exchange.patience import asked_to_wait, growing
from connector.exchange.ports import Clock, HttpAnswer, Ids, Peers, Sent, Store
from connector.exchange.receipts import RECEIPT, WRONG, Receipts, headers_of
from connector.exchange.rows import AttemptRow, MessageRow, OutboxRow
from connector.exchange.stored import micros, without_token
from connector.model import Did, Pid
from connector.protocol import negotiation
from connector.protocol.messages import ContractNegotiation, ProcessError, TransferProcess, parse
from connector.protocol.process import Answered, GiveUp, Observed
from connector.vocabulary.admission import admit_message

_log = logging.getLogger("connector.outbox")
Chore: TypeAlias = Callable[[], Coroutine[None, None, None] | None]

_ANSWER_LIMIT_BYTES = 1 << 20
_ANSWER_KEPT_BYTES = 16_384
_OK, _MULTIPLE_CHOICES, _REFUSALS, _NOT_FOUND, _UNAVAILABLE = 200, 300, 400, 404, 503
_CLAIM = 64
_IDLE_SECONDS = 1.0
_DELIVERY_MICROSECONDS = LEASE_MICROSECONDS // 2
"""A delivery that begins now may need so much of its lease."""
_AWAKE_MICROSECONDS = 1_000_000
_MOST_AWAKE = 10_000


@dataclass(slots=True, kw_only=True)
class Outbox:
    """The worker of one connector process."""

    store: Store
    peers: Peers
    clock: Clock
    ids: Ids
    owner: str
    conversations: Mapping[str, Conversation]
    receipts: Receipts
    retry_first_seconds: float
    retry_cap_seconds: float
    retry_budget_seconds: int
    not_now: Mapping[str, frozenset[int]]
    """Peers that answer "not now" by statuses that refuse by DSP."""
    forget: Callable[[int], Awaitable[None]]
    """Drops what is not kept any longer; told how much else is under way."""
    jobs: dict[str, Callable[[str], Coroutine[None, None, None]]] = field(default_factory=dict)
    """Work that an alarm of this name begins: called with the pid, again and again while the alarm is due."""
    chores: list[Chore] = field(default_factory=list)
    """Asked in each round for work that belongs to no row."""
    lanes: Lanes = field(default_factory=Lanes)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _running: bool = False
    _looked: int = 1 << 62
    """The time of the last round."""
    _awake: dict[str, int] = field(default_factory=dict)
    """Parties for which nothing was postponed when the store was asked last, and when that was."""

    def deliver(self, row: OutboxRow) -> None:
        """Take a row that is leased to us."""
        self.lanes.put(row)
        self._start()

    async def run(self) -> None:
        """Work until cancelled. A fault in one delivery ends neither the others nor the worker."""
        self._running = True
        try:
            self._start()
            await self._deliver_due()
        finally:
            self._running = False
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def heard_from(self, tenant: str, party: Did) -> None:
        """The peer spoke: whatever waits for it is due now.

        The store is asked once a second at most: between, only we postpone. Whoever shares the store is a second off.
        """
        self.lanes.heard(party)
        now = micros(self.clock.now())
        asked = self._awake.get(party)
        if asked is not None and 0 <= now - asked < _AWAKE_MICROSECONDS:
            return
        if len(self._awake) >= _MOST_AWAKE:
            self._awake.clear()
        self._awake[party] = now
        await self.store.wake_outbox(tenant, party, now)

    async def _deliver_due(self) -> None:
        while True:
            try:
                await self._round()
                pause = await self._pause()
            except Exception:  # noqa: BLE001 - one bad row, or a full disk for a while, must not end all deliveries
                _log.exception("a round of the outbox failed")
                pause = _IDLE_SECONDS
            await asyncio.sleep(pause)

    async def _round(self) -> None:
        """Whatever is due now."""
        now = micros(self.clock.now())
        if now < self._looked:
            await self._set_back(now)
        self._looked = now
        for row in await self.store.claim_outbox(
            now=now, owner=self.owner, lease_until=now + LEASE_MICROSECONDS, limit=_CLAIM, each=WIDTH,
            without=self.lanes.full(),
        ):  # fmt: skip
            self.deliver(row)
        for timer in await self.store.due_timers(now=now, limit=_CLAIM):
            if timer.name in self.jobs:
                self._do(self.jobs[timer.name](timer.pid))
                continue
            with suppress(Conflict, NotFound):  # it changed just now: the next round decides on what it is then
                await self.conversations[timer.kind].time_out(timer.pid, timer.name)
        for chore in self.chores:
            if (work := chore()) is not None:
                self._do(work)
        if not self._tasks:
            await self.receipts.prove_some()
        await self.forget(len(self._tasks))

    async def _set_back(self, now: int) -> None:
        """At the start, and when the clock was set back: nothing waits for the time that it had been ahead."""
        pause = int(2 * self.retry_cap_seconds * 1_000_000)
        if woken := await self.store.wake_beyond(now=now, beyond=now + max(pause, 2 * LEASE_MICROSECONDS)):
            _log.warning(
                "the clock was ahead: %d things waited for a time that is still to come, and are due now", woken
            )

    async def _pause(self) -> float:
        due = await self.store.next_outbox(without=self.lanes.full())
        if due is None:
            return _IDLE_SECONDS
        return min(_IDLE_SECONDS, max(0.02, (due - micros(self.clock.now())) / 1_000_000))

    def _start(self) -> None:
        now = micros(self.clock.now()) + _DELIVERY_MICROSECONDS
        while self._running and (row := self.lanes.take(now)) is not None:
            self._do(self._deliver(row))

    def _do(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("bug while delivering", exc_info=error)
        self._start()

    # --- one row -----------------------------------------------------------------------------------------------------

    async def _deliver(self, row: OutboxRow) -> None:
        answered: bool | None = None
        try:
            answered = await self._attempt(row)
        finally:
            self.lanes.done(row.counterparty, answered=answered)

    async def _attempt(self, row: OutboxRow) -> bool:
        """Send, or look at the peer's process. Whether anything came back."""
        if row.fence > 1 and await self._is_polling(row):  # claimed again, also after a restart: look, do not send
            return await self._look(row)
        sent, detail = await self._send(row)
        answer = sent.answer if sent is not None else None
        peer_pid = _peer_pid(answer, row) if answer is not None else None
        status = answer.status if answer is not None else 0
        if status in self.not_now.get(row.counterparty, ()):
            status = _UNAVAILABLE
        if answer is not None and _OK <= status < _MULTIPLE_CHOICES and peer_pid is None and _is_first(row):
            status, detail = 0, f"HTTP {status} without a readable process"
        draft = await self._tell(row, status, peer_pid, sent, detail)
        if draft is not None and draft.poll:
            return await self._look(row)
        if draft is not None and draft.retry:
            await self._postpone(row, status, detail, wait_seconds=asked_to_wait(answer.headers) if answer else 0)
        return answer is not None

    async def _is_polling(self, row: OutboxRow) -> bool:
        conversation = self.conversations[row.kind]
        pending = conversation.draft(await conversation.load(row.pid)).process.pending
        return pending is not None and pending.message_id == row.message_id and pending.polling

    async def _send(self, row: OutboxRow) -> tuple[Sent | None, str]:
        try:
            sent = await self.peers.post(Did(row.counterparty), row.url, row.body)
        except AddressBlocked as error:
            return Sent(answer=HttpAnswer(status=_NOT_FOUND, headers={}, body=b""), token=""), error.detail
        except ConnectorError as error:
            return None, error.detail
        return sent, _said(sent.answer)

    async def _tell(
        self, row: OutboxRow, status: int, peer_pid: str | None, sent: Sent | None, detail: str
    ) -> Draft | None:
        """Give the answer to the machine. Commits what follows, unless it is to be tried again."""
        conversation, named = self.conversations[row.kind], Pid(peer_pid) if peer_pid else None
        accepted = sent if sent is not None and _OK <= status < _MULTIPLE_CHOICES else None
        taken = await self.receipts.read(row, accepted.answer) if accepted is not None else ""
        key = "" if isinstance(taken, str) else taken.jwk
        leads_to, sha256 = conversation.topic.table.leads_to(row.message_type), hashlib.sha256(row.body).hexdigest()

        def change(draft: Draft) -> Answered:
            if accepted is not None:
                process = draft.process if draft.process.peer_pid else replace(draft.process, peer_pid=named)
                receipt = self.receipts.judge(taken, row, process, leads_to, sha256=sha256, now=draft.now)
                draft.messages.append(_kept(row, accepted, draft.at, sha256=sha256, receipt=receipt, key=key))
                if receipt.startswith(WRONG):
                    draft.evidence.append(self.receipts.note(row, receipt))
            elif sent is not None:
                draft.attempt = _attempted(row, status, detail, draft.at)
            return Answered(message_id=row.message_id, status=status, peer_pid=named)

        settle = conversation.accepted if accepted is not None else conversation.settle
        try:
            draft = await settle(row, change)
        except (Conflict, NotFound):
            return None  # the row was settled meanwhile, by the peer's own message or by another worker
        self.receipts.prove_later(row, taken)
        return draft

    async def _look(self, row: OutboxRow) -> bool:
        """`GET` the peer's process and go on by what it says. Whether anything came back."""
        conversation = self.conversations[row.kind]
        process = conversation.draft(await conversation.load(row.pid)).process
        base = row.url.rpartition(f"/{WORDS[row.kind]}/")[0]
        try:
            state = await look(self.peers, row.kind, row.counterparty, base, process.peer_pid or "")
        except ConnectorError as error:
            await self._postpone(row, 0, f"looking at the peer's process: {error.detail}")
            return not isinstance(error, PeerUnreachable)
        observed = Observed(message_id=row.message_id, state=state, fresh_id=self.ids.urn())
        with suppress(Conflict, NotFound):  # settled meanwhile
            draft = await conversation.settle(row, lambda _: observed)
            if draft.retry:
                await self._postpone(row, _OK, f"looking at the peer's process: {state}")
                if state != draft.process.state and conversation.topic.reminds:
                    await self.jobs[REMINDER](row.pid)  # it may have lost what it took before
        return True

    async def _postpone(self, row: OutboxRow, status: int, detail: str, *, wait_seconds: int = 0) -> None:
        """Try again later, not before the peer asked for it; give up when the budget is spent."""
        now = self.clock.now()
        if micros(now) - row.created > self.retry_budget_seconds * 1_000_000:
            with suppress(Conflict, NotFound):  # settled meanwhile
                await self.conversations[row.kind].settle(row, lambda _: GiveUp())
            return
        pause = growing(self.retry_first_seconds, self.retry_cap_seconds, row.attempts, self.ids.jitter())
        pause = max(pause, min(self.retry_cap_seconds, wait_seconds))
        not_before = micros(now + timedelta(seconds=pause))
        attempt = _attempted(row, status, detail, micros(now), not_before)
        self._awake.pop(row.counterparty, None)
        with suppress(Conflict):  # settled meanwhile
            await self.store.postpone_outbox(row, not_before=not_before, attempt=attempt)


def _attempted(row: OutboxRow, status: int, detail: str, at: int, next_at: int | None = None) -> AttemptRow:
    return AttemptRow(
        tenant=row.tenant, kind=row.kind, pid=row.pid, seq=row.seq, at=at, status=status, detail=detail, next_at=next_at
    )


def _said(answer: HttpAnswer) -> str:
    """An answer in a line: the status, and of a refusal what the peer says about it."""
    status = f"HTTP {answer.status}"
    if answer.status < _REFUSALS:
        return status
    try:
        error = parse(admit_message(answer.body, _ANSWER_LIMIT_BYTES))
    except BadMessage:
        return status
    if not isinstance(error, ProcessError):
        return status
    told = [error.code, *(reason for reason in error.reason or () if isinstance(reason, str))]
    return f"{status}: {'; '.join(filter(None, told)):.500}"


def _kept(row: OutboxRow, sent: Sent, at: int, *, sha256: str, receipt: str, key: str) -> MessageRow:
    """Our message with the peer's acknowledgement, for the record. A data token is kept as its SHA-256."""
    answer = sent.answer
    return MessageRow(
        tenant=row.tenant, kind=row.kind, pid=row.pid, direction="out", counterparty=row.counterparty,
        message_type=row.message_type, message_id=row.message_id, sha256=sha256, body=without_token(row.body),
        token=sent.token, verification_key=key, status=answer.status, receipt=receipt,
        answer_headers=headers_of(answer.headers.get(RECEIPT, "")), answer_body=answer.body[:_ANSWER_KEPT_BYTES], at=at,
    )  # fmt: skip


def _is_first(row: OutboxRow) -> bool:
    """Whether the message opens its process: then the path names none."""
    return row.url.endswith(("/negotiations/request", "/negotiations/offers", "/transfers/request"))


def _peer_pid(answer: HttpAnswer, row: OutboxRow) -> str | None:
    """The pid that the acknowledgement of a first message names. Later acknowledgements are not read (DSP 5.1)."""
    if not _OK <= answer.status < _MULTIPLE_CHOICES or not _is_first(row):
        return None
    try:
        message = parse(admit_message(answer.body, _ANSWER_LIMIT_BYTES))
    except BadMessage:
        return None
    if not isinstance(message, ContractNegotiation | TransferProcess):
        return None
    return message.consumer_pid if row.message_type == negotiation.Kind.OFFER else message.provider_pid
