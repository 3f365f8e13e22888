"""Agreements in memory: the same promises as `agreements`. They are written by a step (`memory_processes`)."""

from __future__ import annotations

from connector.exchange.rows import AgreementRow
from connector.stores.memory_queue import MemoryQueue


class MemoryAgreements(MemoryQueue):
    """The methods of the `Store` port that are about agreements."""

    def __init__(self) -> None:
        super().__init__()
        self._agreements: dict[tuple[str, str], AgreementRow] = {}
        self._claims: dict[tuple[str, str], str] = {}

    async def load_agreement(self, tenant: str, agreement_id: str) -> AgreementRow | None:
        """An agreement by id."""
        return self._agreements.get((tenant, agreement_id))

    async def agreements_with(self, tenant: str, counterparty: str, dataset_id: str | None) -> list[AgreementRow]:
        """The agreements with a party on a dataset, or on any, oldest first."""
        rows = [row for row in self._oldest(tenant) if row.counterparty == counterparty]
        return [row for row in rows if dataset_id in {None, row.dataset_id}]

    async def agreement_taken(self, tenant: str, agreement_id: str, negotiation_pid: str) -> bool:
        """Whether an agreement has this id, or another negotiation has claimed it."""
        return (tenant, agreement_id) in self._agreements or self._claimed(tenant, agreement_id, negotiation_pid)

    def _claimed(self, tenant: str, agreement_id: str, negotiation_pid: str) -> bool:
        return self._claims.get((tenant, agreement_id), negotiation_pid) != negotiation_pid

    async def list_agreements(
        self, tenant: str, *, dataset_id: str = "", after: tuple[int, str] = (0, ""), limit: int = 1000
    ) -> list[AgreementRow]:
        """Replaced ones too, oldest first."""
        rows = [row for row in self._oldest(tenant) if dataset_id in {"", row.dataset_id}]
        return [row for row in rows if (row.at, row.agreement_id) > after][:limit]

    async def agreement_parties(self, tenant: str) -> list[str]:
        """All with whom something was agreed."""
        return sorted({row.counterparty for row in self._oldest(tenant)})

    def _oldest(self, tenant: str) -> list[AgreementRow]:
        rows = [row for row in self._agreements.values() if row.tenant == tenant]
        return sorted(rows, key=lambda row: (row.at, row.agreement_id))

    async def newest_agreements(
        self, tenant: str, *, counterparty: str = "", dataset_id: str = "", before: tuple[int, str] | None = None,
        limit: int,
    ) -> list[AgreementRow]:  # fmt: skip
        """Those that no other one replaced, newest first."""
        rows = [row for row in reversed(self._oldest(tenant)) if row.replaced_by is None]
        rows = [row for row in rows if counterparty in {"", row.counterparty} and dataset_id in {"", row.dataset_id}]
        return [row for row in rows if before is None or (row.at, row.agreement_id) < before][:limit]
