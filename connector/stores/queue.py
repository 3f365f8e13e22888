"""What waits for a person, and the log: the base of both halves of the tables."""

from __future__ import annotations

from collections.abc import Sequence

from connector.errors import Conflict
from connector.exchange.rows import ApprovalKind, ApprovalRow, EvidenceEntry, EvidenceRow
from connector.stores import evidence_log
from connector.stores.engine import Engine, Transaction
from connector.stores.statements import Bindings, Shape, number

APPROVAL = Shape(ApprovalRow)
EVIDENCE = Shape(EvidenceRow)


class QueueTables:
    """The methods of the `Store` port that are about approvals and evidence."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def load_approval(self, tenant: str, kind: ApprovalKind, pid: str) -> ApprovalRow | None:
        """What waits there for a person's word, or has it."""
        return APPROVAL.one(await self._engine.point("load_approval", {"tenant": tenant, "kind": kind, "pid": pid}))

    async def list_approvals(self, tenant: str, kind: ApprovalKind | None = None, *, limit: int) -> list[ApprovalRow]:
        """The newest of all that is kept there, the oldest of these first."""
        bindings: Bindings = {"tenant": tenant, "kind": kind or "", "limit": limit}
        return [APPROVAL.read(row) for row in reversed(await self._engine.many("list_approvals", bindings))]

    async def list_requests(
        self, tenant: str, *, after: tuple[int, str] = (0, ""), limit: int = 1000
    ) -> list[ApprovalRow]:
        """Of credentials, ours and those of holders, the oldest first."""
        asked, pid = after
        bindings: Bindings = {"tenant": tenant, "after": asked, "after_pid": pid, "limit": limit}
        return [APPROVAL.read(row) for row in await self._engine.many("list_requests", bindings)]

    async def waiting_approvals(self, tenant: str, *, now: int, limit: int) -> tuple[list[ApprovalRow], int]:
        """What waits for a word, or has one for later; and how many there are."""
        found = await self._engine.many("waiting_approvals", {"tenant": tenant, "now": now, "limit": limit})
        return [APPROVAL.read(row[:-1]) for row in found], number(found[0][-1:]) if found else 0

    async def count_issuances(self, tenant: str, *, now: int, counterparty: str | None = None) -> int:
        """How many requests of holders wait for a word."""
        bindings: Bindings = {"tenant": tenant, "now": now, "counterparty": counterparty}
        return number(await self._engine.point("count_issuances", bindings))

    async def commit_approval(
        self, row: ApprovalRow, evidence: EvidenceEntry | None, *, undecided: bool = False
    ) -> None:
        """Insert or replace one that belongs to no process."""

        async def work(tx: Transaction) -> None:
            if not await tx.change("put_approval", {**APPROVAL.bind(row), "undecided": int(undecided)}):
                raise Conflict("another word was said first")
            await evidence_log.append(tx, [evidence] if evidence is not None else [])

        await self._engine.write(work)

    async def claim_approval(
        self, row: ApprovalRow, evidence: EvidenceEntry | None, *, seen: ApprovalRow | None
    ) -> None:
        """Insert one, or replace one that stands as it was seen."""
        stood: Bindings = {"seen_decision": "", "seen_not_before": -1}  # as none does
        if seen is not None:
            stood = {"seen_decision": seen.decision, "seen_not_before": seen.not_before}

        async def work(tx: Transaction) -> None:
            if not await tx.change("claim_approval", {**APPROVAL.bind(row), **stood}):
                raise Conflict("what waits there changed, or another process has it")
            await evidence_log.append(tx, [evidence] if evidence is not None else [])

        await self._engine.write(work)

    async def forgettable_requests(self, tenant: str, *, before: int, limit: int) -> list[ApprovalRow]:
        """Requests for credentials, of holders and ours, that were over before then, with nothing left to do."""
        bindings: Bindings = {"tenant": tenant, "before": before, "limit": limit}
        return [APPROVAL.read(row) for row in await self._engine.many("forgettable_requests", bindings)]

    async def commit_forgotten_requests(self, rows: Sequence[ApprovalRow], evidence: Sequence[EvidenceEntry]) -> None:
        """Drop these requests."""

        async def work(tx: Transaction) -> None:
            for row in rows:
                if not await tx.change("forget_request", APPROVAL.bind(row)):
                    raise Conflict(f"the request {row.pid} has changed")
            await evidence_log.append(tx, evidence)

        await self._engine.write(work)

    async def append_evidence(self, entries: Sequence[EvidenceEntry]) -> None:
        """Record entries that belong to no other commit."""
        await self._engine.write(lambda tx: evidence_log.append(tx, entries))

    async def evidence(self, tenant: str, *, after: int = 0, limit: int = 1000) -> list[EvidenceRow]:
        """The log, by number."""
        bindings: Bindings = {"tenant": tenant, "after": after, "limit": limit}
        return [EVIDENCE.read(row) for row in await self._engine.many("evidence", bindings)]
