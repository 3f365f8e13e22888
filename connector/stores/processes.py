"""Processes in SQL: their messages, outbox, timers, agreements, data tokens, and what is remembered of requests.

The other half, records, stands in `records`; `tables` puts both together. What waits for a person is `queue`'s.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from connector.errors import Conflict, NotOffered, Taken
from connector.exchange.rows import (
    AttemptRow,
    CommandRow,
    DataTokenRow,
    EvidenceEntry,
    MessageRow,
    OutboxRow,
    ProcessKind,
    ProcessRow,
    ReplayRow,
    StepCommit,
    TimerRow,
)
from connector.stores import evidence_log
from connector.stores.agreements import AGREEMENT, AgreementTables, claim
from connector.stores.engine import Engine, Transaction, Violated
from connector.stores.queue import APPROVAL
from connector.stores.recent import Recent
from connector.stores.statements import LATEST, Bindings, Shape, listed, number

PROCESS = Shape(ProcessRow)
MESSAGE = Shape(MessageRow)
OUTBOX = Shape(OutboxRow)
ATTEMPT = Shape(AttemptRow)
TIMER = Shape(TimerRow)
REPLAY = Shape(ReplayRow)
COMMAND = Shape(CommandRow)
DATA_TOKEN = Shape(DataTokenRow, flags=("live",))

FORGET_AT_ONCE = 1000


class ProcessTables(AgreementTables):
    """The methods of the `Store` port that are about processes."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._recent = Recent(alone=engine.alone)

    async def load_process(self, tenant: str, kind: ProcessKind, pid: str) -> ProcessRow | None:
        """The process by our pid."""
        recent = self._recent.find(tenant, kind, pid)
        if recent is not None:
            return recent
        return PROCESS.one(await self._engine.point("load_process", _key(tenant, kind, pid)))

    async def find_process(self, tenant: str, kind: ProcessKind, counterparty: str, peer_pid: str) -> ProcessRow | None:
        """The process by the peer's pid."""
        bindings: Bindings = {"tenant": tenant, "kind": kind, "counterparty": counterparty, "peer_pid": peer_pid}
        return PROCESS.one(await self._engine.point("find_process", bindings))

    async def newest_processes(
        self, tenant: str, *kinds: ProcessKind, behind: Collection[str] = (), counterparty: str = "", role: str = "",
        states: Collection[str] = (), before: tuple[int, str] | None = None, limit: int = 100,
    ) -> list[ProcessRow]:  # fmt: skip
        """Those that changed last, last change first; those in the states `behind` after all others."""
        updated, pid = before or (LATEST, "")
        bindings: Bindings = {
            "tenant": tenant, "kinds": listed(kinds), "behind": listed(behind), "counterparty": counterparty,
            "role": role, "states": listed(states), "before": updated, "before_pid": pid, "limit": limit,
        }  # fmt: skip
        return [PROCESS.read(row) for row in await self._engine.many("newest_processes", bindings)]

    async def processes_of_peer_pid(self, tenant: str, peer_pid: str) -> list[ProcessRow]:
        """Those that some peer knows by this pid, for people: no index leads there."""
        bindings: Bindings = {"tenant": tenant, "peer_pid": peer_pid}
        return [PROCESS.read(row) for row in await self._engine.many("processes_of_peer_pid", bindings)]

    async def list_processes(
        self, tenant: str, kind: ProcessKind, *, without: Collection[str], after: str = "", limit: int = 1000
    ) -> list[ProcessRow]:
        """Those in none of these states, by pid."""
        bindings: Bindings = {
            "tenant": tenant, "kind": kind, "without": listed(without), "after": after, "limit": limit
        }  # fmt: skip
        return [PROCESS.read(row) for row in await self._engine.many("list_processes", bindings)]

    async def count_open(self, tenant: str, counterparty: str, *, most: int) -> int:
        """How many processes with this party have begun and not ended."""
        bindings: Bindings = {"tenant": tenant, "counterparty": counterparty, "most": most}
        return number((await self._engine.many("count_open", bindings))[0])

    async def find_message(
        self, tenant: str, kind: ProcessKind, pid: str, counterparty: str, message_id: str
    ) -> MessageRow | None:
        """The newest received message of that `@id`."""
        if self._recent.never_heard(tenant, kind, pid, message_id):
            return None
        bindings = {**_key(tenant, kind, pid), "counterparty": counterparty, "message_id": message_id}
        return MESSAGE.one(await self._engine.point("find_message", bindings))

    async def messages(self, tenant: str, kind: ProcessKind, pid: str) -> list[MessageRow]:
        """Everything said in a process, oldest first."""
        return [MESSAGE.read(row) for row in await self._engine.few("messages", _key(tenant, kind, pid))]

    async def settle_receipts(self, found: Sequence[tuple[OutboxRow, str]], evidence: Sequence[EvidenceEntry]) -> None:
        """Write what receipts that were only `signed` so far are worth."""

        async def work(tx: Transaction) -> None:
            for row, receipt in found:
                key = _key(row.tenant, row.kind, row.pid)
                await tx.change("settle_receipt", {**key, "message_id": row.message_id, "receipt": receipt})
            await evidence_log.append(tx, evidence)

        await self._engine.write(work, long=True)

    async def attempts(self, tenant: str, kind: ProcessKind, pid: str) -> list[AttemptRow]:
        """Delivery attempts of a process, oldest first."""
        return [ATTEMPT.read(row) for row in await self._engine.few("attempts", _key(tenant, kind, pid))]

    async def find_replay(self, tenant: str, issuer: str, jti: str) -> ReplayRow | None:
        """A token that was accepted before."""
        return REPLAY.one(await self._engine.point("find_replay", {"tenant": tenant, "issuer": issuer, "jti": jti}))

    async def commit_replay(self, row: ReplayRow) -> None:
        """Remember a token of a request that changes no process."""
        await self._engine.write(lambda tx: _use_token(tx, row))

    async def forget_replays(self, *, before: int) -> int:
        """Drop tokens that expired before this time, some at a time; how many were dropped."""
        bindings: Bindings = {"before": before, "limit": FORGET_AT_ONCE}
        return await self._engine.write(lambda tx: tx.change("forget_replays", bindings), long=True)

    async def forget_commands(self, *, before: int) -> int:
        """Drop commands that were given before this time, some at a time; how many were dropped."""
        bindings: Bindings = {"before": before, "limit": FORGET_AT_ONCE}
        return await self._engine.write(lambda tx: tx.change("forget_commands", bindings), long=True)

    async def forgettable_processes(self, tenant: str, *, before: int, limit: int) -> list[ProcessRow]:
        """Those in which nothing goes on, and that no agreement needs; the longest unchanged ones first."""
        bindings: Bindings = {"tenant": tenant, "before": before, "limit": limit}
        return [PROCESS.read(row) for row in await self._engine.many("forgettable_processes", bindings)]

    async def commit_forgotten(self, rows: Sequence[ProcessRow], evidence: Sequence[EvidenceEntry]) -> None:
        """Drop these processes with all that was said in them."""

        async def work(tx: Transaction) -> None:
            for row in rows:
                key: Bindings = {**_key(row.tenant, row.kind, row.pid), "version": row.version}
                if not await tx.change("forget_process", key):
                    raise Conflict(f"{row.kind} {row.pid} has changed")
                await tx.change("forget_data_tokens", key)
            await evidence_log.append(tx, evidence)

        await self._engine.write(work, long=True, kept=lambda: self._recent.drop(rows))

    async def commit_step(self, step: StepCommit) -> tuple[int, ...]:
        """One step of a process; the numbers that its outbox rows got."""
        return await self._engine.write(lambda tx: _step(tx, step), kept=lambda: self._recent.keep(step))

    async def claim_outbox(
        self, *, now: int, owner: str, lease_until: int, limit: int, each: int = 1_000, without: Collection[str] = ()
    ) -> list[OutboxRow]:
        """Lease the due heads, at most `each` of one counterparty, each with a new, higher fence."""
        due = await self.next_outbox(without=without)
        if due is None or due > now:
            return []  # most calls find nothing: no reason to take part in a commit
        bindings: Bindings = {
            "now": now, "owner": owner, "lease_until": lease_until, "limit": limit, "each": each,
            "without": listed(without),
        }  # fmt: skip
        rows = await self._engine.write(lambda tx: tx.rows("claim_outbox", bindings))
        return sorted((OUTBOX.read(row) for row in rows), key=lambda row: (row.not_before, row.created, row.pid))

    async def next_outbox(self, *, without: Collection[str] = ()) -> int | None:
        """When the next row is due, leaving some counterparties aside."""
        row = await self._engine.point("next_outbox", {"without": listed(without)})
        return None if row is None or row[0] is None else number(row)

    async def head_of_outbox(self, tenant: str, kind: ProcessKind, pid: str) -> OutboxRow | None:
        """The message of a process that is to be delivered next."""
        return OUTBOX.one(await self._engine.point("head_of_outbox", _key(tenant, kind, pid)))

    async def undelivered(self, tenant: str, *, limit: int) -> list[ProcessRow]:
        """Those with a message that was tried in vain, or a push under way of which some try was in vain."""
        rows = await self._engine.many("undelivered", {"tenant": tenant, "limit": limit})
        return [PROCESS.read(row) for row in rows]

    async def postpone_outbox(self, row: OutboxRow, *, not_before: int, attempt: AttemptRow) -> None:
        """Give a claimed row back."""
        bindings = {**OUTBOX.bind(row), "not_before": not_before}

        async def work(tx: Transaction) -> None:
            if not await tx.change("postpone_outbox", bindings):
                raise Conflict("the outbox row was claimed by another worker, or is gone")
            await tx.change("insert_attempt", ATTEMPT.bind(attempt))

        await self._engine.write(work)

    async def release_outbox(self, owner: str) -> None:
        """Give back every row that is leased to this owner."""
        await self._engine.write(lambda tx: tx.change("release_outbox", {"owner": owner}))

    async def wake_outbox(self, tenant: str, counterparty: str, now: int) -> None:
        """Make every waiting row for this peer due."""
        bindings: Bindings = {"tenant": tenant, "counterparty": counterparty, "now": now}
        if await self._engine.point("waiting_outbox", bindings):  # called at every message; seldom is anything waiting
            await self._engine.write(lambda tx: tx.change("wake_outbox", bindings))

    async def wake_beyond(self, *, now: int, beyond: int) -> int:
        """Make due what was put off while the clock was ahead."""
        bindings: Bindings = {"now": now, "beyond": beyond}

        async def work(tx: Transaction) -> int:
            woken = await tx.change("wake_beyond", bindings) + await tx.change("wake_issuances", bindings)
            return woken + await tx.change("wake_timers", {"now": now})

        return await self._engine.write(work)

    async def due_timers(self, *, now: int, limit: int) -> list[TimerRow]:
        """Timers that are due."""
        return [TIMER.read(row) for row in await self._engine.few("due_timers", {"now": now, "limit": limit})]

    async def load_command(self, tenant: str, key: str) -> CommandRow | None:
        """A command by idempotency key."""
        return COMMAND.one(await self._engine.point("load_command", {"tenant": tenant, "key": key}))

    async def find_data_token(self, tenant: str, sha256: str) -> DataTokenRow | None:
        """A data token by digest."""
        return DATA_TOKEN.one(await self._engine.point("find_data_token", {"tenant": tenant, "sha256": sha256}))

    async def data_tokens_of(self, tenant: str, transfer_pid: str) -> list[DataTokenRow]:
        """The data tokens of a transfer, by digest."""
        bindings: Bindings = {"tenant": tenant, "transfer_pid": transfer_pid}
        return [DATA_TOKEN.read(row) for row in await self._engine.few("data_tokens_of", bindings)]

    async def renew_data_token(self, used: DataTokenRow, fresh: DataTokenRow, evidence: EvidenceEntry) -> None:
        """Put a fresh token beside the one that was used for it."""

        async def work(tx: Transaction) -> None:
            await tx.change("delete_data_tokens", {**_transfer(used), "kept": used.sha256})
            if not await tx.change("renew_data_token", {**DATA_TOKEN.bind(fresh), "kept": used.sha256}):
                raise Conflict("the data token was replaced")
            await evidence_log.append(tx, [evidence])

        await self._engine.write(work)


def _key(tenant: str, kind: ProcessKind, pid: str) -> Bindings:
    return {"tenant": tenant, "kind": kind, "pid": pid}


def _transfer(row: DataTokenRow) -> Bindings:
    return {"tenant": row.tenant, "transfer_pid": row.transfer_pid}


async def _step(tx: Transaction, step: StepCommit) -> tuple[int, ...]:
    key = _key(step.process.tenant, step.process.kind, step.process.pid)
    last = await _save_process(tx, step)
    await _need_offer(tx, step)
    if step.replay is not None:
        await _use_token(tx, step.replay)
    for message in step.messages:
        await tx.change("insert_message", MESSAGE.bind(message))
    numbers = await _save_outbox(tx, step, key, last)
    if step.timers is not None:
        await tx.change("delete_timers", key)
        for timer in step.timers:
            await tx.change("insert_timer", TIMER.bind(timer))
    await _save_agreement(tx, step)
    if step.approval is not None:
        await tx.change("put_approval", {**APPROVAL.bind(step.approval), "undecided": 0})
    elif step.approval_done:
        await tx.change("delete_approval", key)
    if step.command is not None and not await tx.change("insert_command", COMMAND.bind(step.command)):
        raise Conflict(f"the idempotency key {step.command.key} was used before")
    if step.data_token is not None:
        await tx.change("delete_data_tokens", {**_transfer(step.data_token), "kept": ""})
        await tx.change("insert_data_token", DATA_TOKEN.bind(step.data_token))
    if step.token_live is not None:
        token: Bindings = {"tenant": step.process.tenant, "transfer_pid": step.process.pid, "live": step.token_live}
        await tx.change("set_token_live", token)
    await evidence_log.append(tx, step.evidence)
    return numbers


async def _save_process(tx: Transaction, step: StepCommit) -> int:
    """Compare and set; the number of the last outbox row, those of this step included."""
    bindings = PROCESS.bind(step.process)
    bindings["queued"] = len(step.outbox)
    if step.expected_version:
        bindings["expected"] = step.expected_version
        try:
            last = await tx.row("update_process", bindings)
        except Violated as error:
            raise Conflict(f"the peer uses {step.process.peer_pid} for another {step.process.kind}") from error
    else:
        last = await tx.row("insert_process", bindings)
    if last is None:
        raise Conflict(f"{step.process.kind} {step.process.pid} is no longer at version {step.expected_version}")
    return number(last)


async def _save_outbox(tx: Transaction, step: StepCommit, key: Bindings, last: int) -> tuple[int, ...]:
    if step.outbox_done is not None:
        seq, fence = step.outbox_done
        if not await tx.change("delete_outbox", {**key, "seq": seq, "fence": fence}):
            raise Conflict("the outbox row was claimed by another worker, or is gone")
    if step.outbox_clear:
        await tx.change("clear_outbox", key)
    numbers = tuple(range(last - len(step.outbox) + 1, last + 1))
    for seq, row in zip(numbers, step.outbox, strict=True):
        await tx.change("insert_outbox", {**OUTBOX.bind(row), "seq": seq})
    if step.attempt is not None:
        await tx.change("insert_attempt", ATTEMPT.bind(step.attempt))
    return numbers


async def _save_agreement(tx: Transaction, step: StepCommit) -> None:
    if step.claim:
        claimed = claim(step.process.tenant, step.claim, step.process.pid)
        if number(await tx.row("agreement_taken", claimed)):
            raise Taken(f"there is an agreement {step.claim} already")
        await tx.change("claim_agreement", claimed)
    if step.agreement is not None and not await tx.change("insert_agreement", AGREEMENT.bind(step.agreement)):
        raise Taken(f"there is an agreement {step.agreement.agreement_id} already")
    if step.replaced_agreement is not None:
        old, new = step.replaced_agreement
        if not await tx.change("replace_agreement", {"tenant": step.process.tenant, "old": old, "new": new}):
            raise Conflict(f"there is no agreement {old} to replace")


async def _need_offer(tx: Transaction, step: StepCommit) -> None:
    offer: Bindings = {"tenant": step.process.tenant, "dataset_id": step.offered}
    if step.offered and await tx.row("offered_dataset", offer) is None:
        raise NotOffered(f"the offer {step.offered} was withdrawn")


async def _use_token(tx: Transaction, row: ReplayRow) -> None:
    if not await tx.change("insert_replay", REPLAY.bind(row)):
        raise Conflict("the token was used before")
