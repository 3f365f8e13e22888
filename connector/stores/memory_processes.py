"""Processes in memory: the same promises as `processes`, kept with dictionaries.

Each method runs from its first check to its last change without an await, so it is one transaction; a commit checks
everything before it changes anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace

from connector.errors import Conflict, Taken
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
from connector.stores.memory_agreements import MemoryAgreements

ProcessKey = tuple[str, ProcessKind, str]
_OUR_OWN = {"push", "reminder", "start-again"}


class MemoryProcesses(MemoryAgreements):
    """The methods of the `Store` port that are about processes."""

    def __init__(self) -> None:
        super().__init__()
        self._processes: dict[ProcessKey, ProcessRow] = {}
        self._messages: dict[ProcessKey, list[MessageRow]] = {}
        self._attempts: dict[ProcessKey, list[AttemptRow]] = {}
        self._timers: dict[ProcessKey, list[TimerRow]] = {}
        self._outbox: dict[ProcessKey, dict[int, OutboxRow]] = {}
        self._last_seq: dict[ProcessKey, int] = {}
        self._buried: set[ProcessKey] = set()
        self._replays: dict[tuple[str, str, str], ReplayRow] = {}
        self._commands: dict[tuple[str, str], CommandRow] = {}
        self._tokens: dict[tuple[str, str], list[DataTokenRow]] = {}

    async def load_process(self, tenant: str, kind: ProcessKind, pid: str) -> ProcessRow | None:
        """The process by our pid."""
        return self._processes.get((tenant, kind, pid))

    async def find_process(self, tenant: str, kind: ProcessKind, counterparty: str, peer_pid: str) -> ProcessRow | None:
        """The process by the peer's pid."""
        wanted = (tenant, kind, counterparty, peer_pid)
        return next((row for row in self._processes.values() if _peer_key(row) == wanted), None)

    async def count_agreements(self, tenant: str, dataset_ids: Sequence[str]) -> dict[str, int]:
        """How many final ones we have given on each of these datasets, without the replaced."""
        given = [row for row in self._oldest(tenant) if (row.role, row.replaced_by) == ("provider", None)]
        final = {row.pid for row in self._processes.values() if (row.tenant, row.state) == (tenant, "FINALIZED")}
        return Counter(
            row.dataset_id for row in given if row.dataset_id in dataset_ids and row.negotiation_pid in final
        )

    async def newest_processes(
        self, tenant: str, *kinds: ProcessKind, behind: Collection[str] = (), counterparty: str = "", role: str = "",
        states: Collection[str] = (), before: tuple[int, str] | None = None, limit: int = 100,
    ) -> list[ProcessRow]:  # fmt: skip
        """Those that changed last, last change first; those in the states `behind` after all others."""
        rows = sorted(self._processes.values(), key=lambda row: (row.updated, row.pid), reverse=True)
        rows = [row for row in rows if row.tenant == tenant and row.kind in kinds and role in {"", row.role}]
        rows = [row for row in rows if counterparty in {"", row.counterparty} and row.state in (states or {row.state})]
        rows = [row for row in rows if before is None or (row.updated, row.pid) < before]
        return sorted(rows, key=lambda row: row.state in behind)[:limit]

    async def processes_of_peer_pid(self, tenant: str, peer_pid: str) -> list[ProcessRow]:
        """Those that some peer knows by this pid, for people: no index leads there."""
        return [row for row in self._processes.values() if (row.tenant, row.peer_pid) == (tenant, peer_pid)]

    async def list_processes(
        self, tenant: str, kind: ProcessKind, *, without: Collection[str], after: str = "", limit: int = 1000
    ) -> list[ProcessRow]:
        """Those in none of these states, by pid."""
        rows = [row for row in self._processes.values() if (row.tenant, row.kind) == (tenant, kind) and row.pid > after]
        return sorted((row for row in rows if row.state not in without), key=lambda row: row.pid)[:limit]

    async def count_open(self, tenant: str, counterparty: str, *, most: int) -> int:
        """How many processes with this party have begun and not ended."""
        rows = [row for row in self._processes.values() if (row.tenant, row.counterparty) == (tenant, counterparty)]
        return min(most, sum(row.state not in {"", "FINALIZED", "COMPLETED", "TERMINATED"} for row in rows))

    async def find_message(
        self, tenant: str, kind: ProcessKind, pid: str, counterparty: str, message_id: str
    ) -> MessageRow | None:
        """The newest received message of that `@id`."""
        wanted = ("in", counterparty, message_id)
        rows = self._messages.get((tenant, kind, pid), [])
        return next((m for m in reversed(rows) if (m.direction, m.counterparty, m.message_id) == wanted), None)

    async def messages(self, tenant: str, kind: ProcessKind, pid: str) -> list[MessageRow]:
        """Everything said in a process, oldest first."""
        return list(self._messages.get((tenant, kind, pid), []))

    async def settle_receipts(self, found: Sequence[tuple[OutboxRow, str]], evidence: Sequence[EvidenceEntry]) -> None:
        """Write what receipts that were only `signed` so far are worth."""
        for row, receipt in found:
            said = self._messages.get(_key(row), [])
            for index, one in enumerate(said):
                if (one.direction, one.message_id, one.receipt) == ("out", row.message_id, "signed"):
                    said[index] = replace(one, receipt=receipt)
        self._append(evidence)

    async def attempts(self, tenant: str, kind: ProcessKind, pid: str) -> list[AttemptRow]:
        """Delivery attempts of a process, oldest first."""
        return list(self._attempts.get((tenant, kind, pid), []))

    async def find_replay(self, tenant: str, issuer: str, jti: str) -> ReplayRow | None:
        """A token that was accepted before."""
        return self._replays.get((tenant, issuer, jti))

    async def commit_replay(self, row: ReplayRow) -> None:
        """Remember a token of a request that changes no process."""
        self._check_token(row)
        self._replays[row.tenant, row.issuer, row.jti] = row

    async def forget_replays(self, *, before: int) -> int:
        """Drop tokens that expired before this time; how many were dropped."""
        there = len(self._replays)
        self._replays = {key: row for key, row in self._replays.items() if row.expires >= before}
        return there - len(self._replays)

    async def forget_commands(self, *, before: int) -> int:
        """Drop commands that were given before this time; how many were dropped."""
        there = len(self._commands)
        self._commands = {key: row for key, row in self._commands.items() if row.at >= before}
        return there - len(self._commands)

    async def forgettable_processes(self, tenant: str, *, before: int, limit: int) -> list[ProcessRow]:
        """Those in which nothing goes on, and that no agreement needs; the longest unchanged ones first."""
        agreed = {row.negotiation_pid for row in self._agreements.values() if row.tenant == tenant}
        rows = [
            row for key, row in self._processes.items()
            if row.tenant == tenant and row.updated < before and row.state in {"", "COMPLETED", "TERMINATED"}
            and row.pid not in agreed and not self._outbox.get(key) and not self._timers.get(key)
        ]  # fmt: skip
        return sorted(rows, key=lambda row: row.updated)[:limit]

    async def commit_forgotten(self, rows: Sequence[ProcessRow], evidence: Sequence[EvidenceEntry]) -> None:
        """Drop these processes with all that was said in them."""
        for row in rows:
            there = self._processes.get(_key(row))
            if there is None or there.version != row.version:
                raise Conflict(f"{row.kind} {row.pid} has changed")
        for row in rows:
            key = _key(row)
            for kept in (self._processes, self._messages, self._attempts, self._outbox, self._timers, self._last_seq):
                kept.pop(key, None)
            self._tokens.pop((row.tenant, row.pid), None)
            self._buried.add(key)
        self._append(evidence)

    async def commit_step(self, step: StepCommit) -> tuple[int, ...]:
        """One step of a process; the numbers that its outbox rows got."""
        key = _key(step.process)
        self._check_step(step, key)
        self._processes[key] = step.process
        if step.replay is not None:
            self._replays[step.replay.tenant, step.replay.issuer, step.replay.jti] = step.replay
        self._messages.setdefault(key, []).extend(step.messages)
        numbers = self._save_outbox(step, key)
        if step.timers is not None:
            self._timers[key] = list(step.timers)
        self._save_agreement(step)
        if step.approval is not None:
            self._approvals[key] = step.approval
        elif step.approval_done:
            self._approvals.pop(key, None)
        if step.command is not None:
            self._commands[step.command.tenant, step.command.key] = step.command
        if step.data_token is not None:
            self._keep_tokens(step.data_token, [])
        if step.token_live is not None:
            tokens = self._tokens.get((step.process.tenant, step.process.pid), [])
            tokens[:] = [replace(token, live=step.token_live) for token in tokens]
        self._append(step.evidence)
        return numbers

    async def claim_outbox(
        self, *, now: int, owner: str, lease_until: int, limit: int, each: int = 1_000, without: Collection[str] = ()
    ) -> list[OutboxRow]:
        """Lease the due heads, at most `each` of one counterparty, each with a new, higher fence."""
        due = [row for row in self._heads(without) if _due(row) <= now]
        due.sort(key=lambda row: (row.not_before, row.created, row.pid))
        taken: Counter[str] = Counter()
        claimed: list[OutboxRow] = []
        for row in due:
            taken[row.counterparty] += 1
            if taken[row.counterparty] <= each and len(claimed) < limit:
                claimed.append(replace(row, lease_owner=owner, lease_until=lease_until, fence=row.fence + 1))
        for row in claimed:
            self._outbox[_key(row)][row.seq] = row
        return claimed

    async def next_outbox(self, *, without: Collection[str] = ()) -> int | None:
        """When the next row is due, leaving some counterparties aside."""
        return min(map(_due, self._heads(without)), default=None)

    async def head_of_outbox(self, tenant: str, kind: ProcessKind, pid: str) -> OutboxRow | None:
        """The message of a process that is to be delivered next."""
        rows = self._outbox.get((tenant, kind, pid), {})
        return rows[min(rows)] if rows else None

    async def undelivered(self, tenant: str, *, limit: int) -> list[ProcessRow]:
        """Those with a message that was tried in vain, or a push under way of which some try was in vain."""
        tried = {key for key, rows in self._outbox.items() if any(row.attempts for row in rows.values())}
        pushes = {key for key, rows in self._timers.items() if any(row.name == "push" for row in rows)}
        tried |= {key for key in pushes if any(row.seq == 0 for row in self._attempts.get(key, ()))}
        rows = [row for key, row in self._processes.items() if key in tried and row.tenant == tenant]
        return sorted(rows, key=lambda row: (row.created, row.pid))[:limit]

    async def postpone_outbox(self, row: OutboxRow, *, not_before: int, attempt: AttemptRow) -> None:
        """Give a claimed row back."""
        key = _key(row)
        self._check_fence(key, row.seq, row.fence)
        there = self._outbox[key]
        tries = there[row.seq].attempts + 1
        there[row.seq] = replace(there[row.seq], not_before=not_before, lease_owner="", lease_until=0, attempts=tries)
        self._attempts.setdefault(key, []).append(attempt)

    async def release_outbox(self, owner: str) -> None:
        """Give back every row that is leased to this owner."""
        for rows in self._outbox.values():
            for seq, row in rows.items():
                if row.lease_owner == owner:
                    rows[seq] = replace(row, lease_owner="", lease_until=0)

    async def wake_outbox(self, tenant: str, counterparty: str, now: int) -> None:
        """Make every waiting row for this peer due, its pauses short again."""
        for rows in self._outbox.values():
            for seq, row in rows.items():
                if (row.tenant, row.counterparty) == (tenant, counterparty) and row.not_before > now:
                    rows[seq] = replace(row, not_before=now, attempts=0)

    async def wake_beyond(self, *, now: int, beyond: int) -> int:
        """Make due what was put off while the clock was ahead."""
        far = [(rows, seq) for rows in self._outbox.values() for seq, row in rows.items() if _due(row) > beyond]
        for rows, seq in far:
            rows[seq] = replace(rows[seq], not_before=now, lease_owner="", lease_until=0)
        late = [row for row in self._approvals.values() if row.kind == "issuance" and row.not_before > beyond]
        for one in late:
            self._approvals[one.tenant, one.kind, one.pid] = replace(one, not_before=now)
        woken = 0
        for key, timers in self._timers.items():
            if self._processes[key].updated > now:
                early = [one for one in timers if one.name in _OUR_OWN and one.due > now]
                self._timers[key] = [replace(one, due=now) if one in early else one for one in timers]
                woken += len(early)
        return len(far) + len(late) + woken

    async def due_timers(self, *, now: int, limit: int) -> list[TimerRow]:
        """Timers that are due."""
        due = [timer for timers in self._timers.values() for timer in timers if timer.due <= now]
        due += self._due_issuances(now)
        return sorted(due, key=lambda row: (row.due, row.tenant, row.kind, row.pid, row.name))[:limit]

    async def load_command(self, tenant: str, key: str) -> CommandRow | None:
        """A command by idempotency key."""
        return self._commands.get((tenant, key))

    async def find_data_token(self, tenant: str, sha256: str) -> DataTokenRow | None:
        """A data token by digest."""
        every = (row for tokens in self._tokens.values() for row in tokens)
        return next((row for row in every if (row.tenant, row.sha256) == (tenant, sha256)), None)

    async def data_tokens_of(self, tenant: str, transfer_pid: str) -> list[DataTokenRow]:
        """The data tokens of a transfer, by digest."""
        return sorted(self._tokens.get((tenant, transfer_pid), []), key=lambda row: row.sha256)

    async def renew_data_token(self, used: DataTokenRow, fresh: DataTokenRow, evidence: EvidenceEntry) -> None:
        """Put a fresh token beside the one that was used for it."""
        there = [row for row in await self.data_tokens_of(used.tenant, used.transfer_pid) if row.sha256 == used.sha256]
        if not there:
            raise Conflict("the data token was replaced")
        self._keep_tokens(replace(fresh, live=there[0].live), there)
        self._append([evidence])

    def _check_step(self, step: StepCommit, key: ProcessKey) -> None:
        there = self._processes.get(key)
        if (there.version if there else 0) != step.expected_version or key in self._buried:
            raise Conflict(f"{step.process.kind} {step.process.pid} is no longer at version {step.expected_version}")
        wanted = _peer_key(step.process)
        if wanted and any(_peer_key(row) == wanted for other, row in self._processes.items() if other != key):
            raise Conflict(f"the peer uses {step.process.peer_pid} for another {step.process.kind}")
        if step.replay is not None:
            self._check_token(step.replay)
        if step.outbox_done is not None:
            self._check_fence(key, *step.outbox_done)
        new = (step.agreement.tenant, step.agreement.agreement_id) if step.agreement else None
        for ident in filter(None, (step.claim, new[1] if new else "")):
            kept = (step.process.tenant, ident) in self._agreements
            if kept or self._claimed(step.process.tenant, ident, step.process.pid):
                raise Taken(f"there is an agreement {ident} already")
        if step.replaced_agreement is not None:
            old = (step.process.tenant, step.replaced_agreement[0])
            if old not in self._agreements and old != new:
                raise Conflict(f"there is no agreement {old[1]} to replace")
        if step.command is not None:
            self._check_command(step.command)

    def _check_token(self, row: ReplayRow) -> None:
        if (row.tenant, row.issuer, row.jti) in self._replays:
            raise Conflict("the token was used before")

    def _check_fence(self, key: ProcessKey, seq: int, fence: int) -> None:
        row = self._outbox.get(key, {}).get(seq)
        if row is None or row.fence != fence:
            raise Conflict("the outbox row was claimed by another worker, or is gone")

    def _check_command(self, row: CommandRow) -> None:
        if (row.tenant, row.key) in self._commands:
            raise Conflict(f"the idempotency key {row.key} was used before")

    def _save_outbox(self, step: StepCommit, key: ProcessKey) -> tuple[int, ...]:
        rows = self._outbox.setdefault(key, {})
        if step.outbox_done is not None:
            del rows[step.outbox_done[0]]
        if step.outbox_clear:
            rows.clear()
        last = self._last_seq.get(key, 0)
        numbers = tuple(range(last + 1, last + len(step.outbox) + 1))
        rows.update({seq: replace(row, seq=seq) for seq, row in zip(numbers, step.outbox, strict=True)})
        self._last_seq[key] = last + len(step.outbox)
        if step.attempt is not None:
            self._attempts.setdefault(key, []).append(step.attempt)
        return numbers

    def _save_agreement(self, step: StepCommit) -> None:
        if step.claim:
            self._claims[step.process.tenant, step.claim] = step.process.pid
        if step.agreement is not None:
            self._agreements[step.agreement.tenant, step.agreement.agreement_id] = step.agreement
        if step.replaced_agreement is not None:
            old, new = step.replaced_agreement
            key = step.process.tenant, old
            self._agreements[key] = replace(self._agreements[key], replaced_by=new)

    def _keep_tokens(self, fresh: DataTokenRow, others: list[DataTokenRow]) -> None:
        self._tokens[fresh.tenant, fresh.transfer_pid] = [*others, fresh]

    def _heads(self, without: Collection[str]) -> list[OutboxRow]:
        heads = (rows[min(rows)] for rows in self._outbox.values() if rows)
        return [row for row in heads if row.counterparty not in without]


def _key(row: ProcessRow | OutboxRow) -> ProcessKey:
    return (row.tenant, row.kind, row.pid)


def _peer_key(row: ProcessRow) -> tuple[str, str, str, str] | None:
    return None if row.peer_pid is None else (row.tenant, row.kind, row.counterparty, row.peer_pid)


def _due(row: OutboxRow) -> int:
    return max(row.not_before, row.lease_until)
