"""What waits for a person, and the log: the base of both halves of the tables."""

from __future__ import annotations

from collections.abc import Sequence

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

    async def list_approvals(self, tenant: str) -> list[ApprovalRow]:
        """All that waits for a word or for its time."""
        return [APPROVAL.read(row) for row in await self._engine.many("list_approvals", {"tenant": tenant})]

    async def count_issuances(self, tenant: str, *, now: int, counterparty: str | None = None) -> int:
        """How many requests of holders wait for a word."""
        bindings: Bindings = {"tenant": tenant, "now": now, "counterparty": counterparty}
        return number(await self._engine.point("count_issuances", bindings))

    async def commit_approval(self, row: ApprovalRow, evidence: EvidenceEntry | None) -> None:
        """Insert or replace one that belongs to no process."""

        async def work(tx: Transaction) -> None:
            await tx.change("put_approval", APPROVAL.bind(row))
            await evidence_log.append(tx, [evidence] if evidence is not None else [])

        await self._engine.write(work)

    async def append_evidence(self, entries: Sequence[EvidenceEntry]) -> None:
        """Record entries that belong to no other commit."""
        await self._engine.write(lambda tx: evidence_log.append(tx, entries))

    async def evidence(self, tenant: str, *, after: int = 0, limit: int = 1000) -> list[EvidenceRow]:
        """The log, by number."""
        bindings: Bindings = {"tenant": tenant, "after": after, "limit": limit}
        return [EVIDENCE.read(row) for row in await self._engine.many("evidence", bindings)]
