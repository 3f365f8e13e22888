"""What waits for a person, and the log, in memory: the base of both halves of the twin."""

from __future__ import annotations

from collections.abc import Sequence

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

    async def list_approvals(self, tenant: str) -> list[ApprovalRow]:
        """All that waits for a word or for its time."""
        rows = [row for row in self._approvals.values() if row.tenant == tenant]
        return sorted(rows, key=lambda row: (row.asked, row.kind, row.pid))

    async def count_issuances(self, tenant: str, *, now: int, counterparty: str | None = None) -> int:
        """How many requests of holders wait for a word."""
        return sum(
            (row.kind, row.decision, row.tenant) == ("issuance", "", tenant)
            and row.due > now
            and counterparty in {None, row.counterparty}
            for row in self._approvals.values()
        )

    async def commit_approval(self, row: ApprovalRow, evidence: EvidenceEntry | None) -> None:
        """Insert or replace one that belongs to no process."""
        self._approvals[row.tenant, row.kind, row.pid] = row
        self._append([evidence] if evidence is not None else [])

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
