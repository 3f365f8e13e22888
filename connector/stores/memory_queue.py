"""What waits for a person, and the log, in memory: the base of both halves of the twin."""

from __future__ import annotations

from collections.abc import Sequence

from connector.errors import Conflict
from connector.exchange.rows import ApprovalKind, ApprovalRow, EvidenceEntry, EvidenceRow, TimerRow
from connector.provenance.evidence import GENESIS, entry_hash


class MemoryQueue:
    """The methods of the `Store` port that are about approvals and evidence."""

    def __init__(self) -> None:
        self._approvals: dict[tuple[str, str, str], ApprovalRow] = {}
        self._evidence: dict[str, list[EvidenceRow]] = {}

    async def load_approval(self, tenant: str, kind: ApprovalKind, pid: str) -> ApprovalRow | None:
        """What waits there for a person's word, or has it."""
        return self._approvals.get((tenant, kind, pid))

    async def list_approvals(self, tenant: str, kind: ApprovalKind | None = None, *, limit: int) -> list[ApprovalRow]:
        """The newest of all that is kept there, the oldest of these first."""
        rows = [row for row in self._approvals.values() if row.tenant == tenant and kind in {None, row.kind}]
        return sorted(rows, key=lambda row: (row.asked, row.kind, row.pid))[-limit:]

    async def list_requests(
        self, tenant: str, *, after: tuple[int, str] = (0, ""), limit: int = 1000
    ) -> list[ApprovalRow]:
        """Of credentials, ours and those of holders, the oldest first."""
        rows = [
            row for row in self._approvals.values() if row.tenant == tenant and row.kind in {"credential", "issuance"}
        ]
        rows.sort(key=lambda row: (row.asked, row.pid))
        return [row for row in rows if (row.asked, row.pid) > after][:limit]

    async def waiting_approvals(self, tenant: str, *, now: int, limit: int) -> tuple[list[ApprovalRow], int]:
        """What waits for a word, or has one for later; and how many there are."""
        rows = [row for row in self._approvals.values() if row.tenant == tenant and _waits(row, now)]
        rows.sort(key=lambda row: (row.kind == "issuance", row.asked, row.kind, row.pid))
        return rows[:limit], len(rows)

    async def count_issuances(self, tenant: str, *, now: int, counterparty: str | None = None) -> int:
        """How many requests of holders wait for a word."""
        return sum(
            (row.kind, row.decision, row.tenant) == ("issuance", "", tenant)
            and row.due > now
            and counterparty in {None, row.counterparty}
            for row in self._approvals.values()
        )

    async def commit_approval(
        self, row: ApprovalRow, evidence: EvidenceEntry | None, *, undecided: bool = False
    ) -> None:
        """Insert or replace one that belongs to no process."""
        there = self._approvals.get((row.tenant, row.kind, row.pid))
        if undecided and there is not None and there.decision:
            raise Conflict("another word was said first")
        self._approvals[row.tenant, row.kind, row.pid] = row
        self._append([evidence] if evidence is not None else [])

    async def claim_approval(
        self, row: ApprovalRow, evidence: EvidenceEntry | None, *, seen: ApprovalRow | None
    ) -> None:
        """Insert one, or replace one that stands as it was seen."""
        there = self._approvals.get((row.tenant, row.kind, row.pid))
        stood = seen and (seen.decision, seen.not_before)
        if there is not None and (there.decision, there.not_before) != stood:
            raise Conflict("what waits there changed, or another process has it")
        await self.commit_approval(row, evidence)

    async def forgettable_requests(self, tenant: str, *, before: int, limit: int) -> list[ApprovalRow]:
        """Requests for credentials, of holders and ours, that were over before then, with nothing left to do."""
        kinds = {"issuance", "credential"}
        rows = [row for row in self._approvals.values() if row.tenant == tenant and row.kind in kinds]
        rows = [row for row in rows if not row.not_before and row.due < before]
        return sorted(rows, key=lambda row: (row.due, row.pid))[:limit]

    async def commit_forgotten_requests(self, rows: Sequence[ApprovalRow], evidence: Sequence[EvidenceEntry]) -> None:
        """Drop these requests."""
        for row in rows:
            if self._approvals.get((row.tenant, row.kind, row.pid)) != row:
                raise Conflict(f"the request {row.pid} has changed")
        for row in rows:
            del self._approvals[row.tenant, row.kind, row.pid]
        self._append(evidence)

    def _due_issuances(self, now: int) -> list[TimerRow]:
        return [
            TimerRow(tenant=row.tenant, kind="issuance", pid=row.pid, name="delivery", due=row.not_before)
            for row in self._approvals.values()
            if row.kind == "issuance" and 0 < row.not_before <= now
        ]

    async def append_evidence(self, entries: Sequence[EvidenceEntry]) -> None:
        """Record entries that belong to no other commit."""
        self._append(entries)

    async def evidence(self, tenant: str, *, after: int = 0, limit: int = 1000) -> list[EvidenceRow]:
        """The log, by number."""
        return self._evidence.get(tenant, [])[after : after + limit]

    def _append(self, entries: Sequence[EvidenceEntry]) -> None:
        for entry in entries:
            log = self._evidence.setdefault(entry.tenant, [])
            seq, previous = len(log) + 1, log[-1].hash if log else GENESIS
            log.append(EvidenceRow(
                tenant=entry.tenant, seq=seq, at=entry.at, event=entry.event, body=entry.body, previous=previous,
                hash=entry_hash(previous, seq, entry.at, entry.event, entry.body),
            ))  # fmt: skip


def _waits(row: ApprovalRow, now: int) -> bool:
    if row.kind == "negotiation":
        return True
    return not row.decision and (row.kind == "audit" or (row.kind == "issuance" and row.due > now))
