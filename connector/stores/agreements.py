"""Agreements in SQL: how they are found and listed. They are written by a step of their negotiation (`processes`)."""

from __future__ import annotations

from collections.abc import Sequence

from connector.exchange.rows import AgreementRow
from connector.stores.queue import QueueTables
from connector.stores.statements import LAST, LATEST, Bindings, Shape, listed, number

AGREEMENT = Shape(AgreementRow)


class AgreementTables(QueueTables):
    """The methods of the `Store` port that are about agreements."""

    async def load_agreement(self, tenant: str, agreement_id: str) -> AgreementRow | None:
        """An agreement by id."""
        bindings: Bindings = {"tenant": tenant, "agreement_id": agreement_id}
        return AGREEMENT.one(await self._engine.point("load_agreement", bindings))

    async def agreements_with(self, tenant: str, counterparty: str, dataset_id: str | None) -> list[AgreementRow]:
        """The agreements with a party on a dataset, or on any, oldest first."""
        first, last = ("", LAST) if dataset_id is None else (dataset_id, dataset_id)
        bindings: Bindings = {"tenant": tenant, "counterparty": counterparty, "first": first, "last": last}
        return [AGREEMENT.read(row) for row in await self._engine.few("agreements_with", bindings)]

    async def agreement_taken(self, tenant: str, agreement_id: str, negotiation_pid: str) -> bool:
        """Whether an agreement has this id, or another negotiation has claimed it."""
        return bool(number(await self._engine.point("agreement_taken", claim(tenant, agreement_id, negotiation_pid))))

    async def list_agreements(
        self, tenant: str, *, dataset_id: str = "", after: tuple[int, str] = (0, ""), limit: int = 1000
    ) -> list[AgreementRow]:
        """Replaced ones too, oldest first."""
        at, ident = after
        bindings: Bindings = {
            "tenant": tenant, "dataset_id": dataset_id, "after": at, "after_id": ident, "limit": limit
        }  # fmt: skip
        return [AGREEMENT.read(row) for row in await self._engine.many("list_agreements", bindings)]

    async def count_agreements(self, tenant: str, dataset_ids: Sequence[str]) -> dict[str, int]:
        """How many final ones we have given on each of these datasets, without the replaced."""
        bindings: Bindings = {"tenant": tenant, "dataset_ids": listed(dataset_ids)}
        return {str(row[0]): number(row[1:]) for row in await self._engine.many("count_agreements", bindings)}

    async def agreement_parties(self, tenant: str) -> list[str]:
        """All with whom something was agreed."""
        return [str(row[0]) for row in await self._engine.many("agreement_parties", {"tenant": tenant})]

    async def newest_agreements(
        self, tenant: str, *, counterparty: str = "", dataset_id: str = "", before: tuple[int, str] | None = None,
        limit: int,
    ) -> list[AgreementRow]:  # fmt: skip
        """Those that no other one replaced, newest first."""
        at, ident = before or (LATEST, "")
        bindings: Bindings = {
            "tenant": tenant, "counterparty": counterparty, "dataset_id": dataset_id, "before": at,
            "before_id": ident, "limit": limit,
        }  # fmt: skip
        return [AGREEMENT.read(row) for row in await self._engine.many("newest_agreements", bindings)]


def claim(tenant: str, agreement_id: str, negotiation_pid: str) -> Bindings:
    """An agreement's id with the negotiation that is to have it."""
    return {"tenant": tenant, "agreement_id": agreement_id, "negotiation_pid": negotiation_pid}
