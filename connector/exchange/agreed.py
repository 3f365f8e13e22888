"""The part of the store's port that is about agreements, and the walk through all of them.

There may be very many: whoever wants all of them takes page after page. What holds for every method stands in `ports`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from connector.exchange.rows import AgreementRow


class AgreementStore(Protocol):
    """What was agreed, for ever."""

    async def load_agreement(self, tenant: str, agreement_id: str) -> AgreementRow | None:
        """An agreement by id."""

    async def agreements_with(self, tenant: str, counterparty: str, dataset_id: str | None) -> list[AgreementRow]:
        """The agreements with a party on a dataset (None: on any), oldest first."""

    async def agreement_taken(self, tenant: str, agreement_id: str, negotiation_pid: str) -> bool:
        """Whether an agreement has this id, or another negotiation has claimed it."""

    async def list_agreements(
        self, tenant: str, *, dataset_id: str = "", after: tuple[int, str] = (0, ""), limit: int = 1000
    ) -> list[AgreementRow]:
        """Replaced ones too, oldest first; on one dataset, if named. `after`: time and id of the last one before."""

    async def count_agreements(self, tenant: str, dataset_ids: Sequence[str]) -> dict[str, int]:
        """How many final ones we have given on each of these datasets; none that was replaced; no dataset without."""

    async def agreement_parties(self, tenant: str) -> list[str]:
        """All with whom something was agreed, in either role."""

    async def newest_agreements(
        self, tenant: str, *, counterparty: str = "", dataset_id: str = "", before: tuple[int, str] | None = None,
        limit: int,
    ) -> list[AgreementRow]:  # fmt: skip
        """Those that no other one replaced, newest first, with one party or on one dataset where they are named.

        `before`: time and id of the last one of the page before.
        """


async def agreements(
    store: AgreementStore, tenant: str, dataset_id: str = "", *, after: tuple[int, str] = (0, "")
) -> AsyncIterator[AgreementRow]:
    """All, or all on one dataset, oldest first; `after`: time and id of the last one before."""
    while rows := await store.list_agreements(tenant, dataset_id=dataset_id, after=after):
        for row in rows:
            yield row
        after = rows[-1].at, rows[-1].agreement_id
