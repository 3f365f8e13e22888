"""Our catalogue: what a caller may see of it, page by page (DSP 2025-1, section 6).

Who sees an offer is decided by the policy's `list` rules (without such a rule: whoever may `use`). Datasets come in the
order of their policies, so that each policy is decided once, and what a caller may not see is never read: a page costs
the same among a hundred datasets and a hundred thousand. Reading a peer's catalogue is `browse`'s.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace

from connector.errors import NotFound
from connector.exchange.policies import Policies
from connector.exchange.ports import Clock, Store
from connector.exchange.rows import DatasetRow
from connector.model import Did, Facts, Json, JsonObject
from connector.policy.evaluate import evaluate
from connector.policy.operands import Stage
from connector.protocol.catalog import Service, catalog_page, link_header, root_dataset
from connector.protocol.catalog_query import Place, Query, read_filter, seal, unseal

_AT_ONCE = 100
_MOST_DECISIONS = 500
"""Policies decided for one page: a caller who may see nothing of very many gets empty pages with a next one."""
_NEXT_ID = "\0"
"""Behind an id: what comes right after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of our catalogue: body, and the `Link` header or nothing."""

    body: JsonObject
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The datasets of a page in their order, and where the pages before and after it begin."""

    rows: list[DatasetRow]
    previous: Place | None = None
    following: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """The catalogue as we give it."""

    tenant: str
    did: Did
    base: str
    store: Store
    clock: Clock
    policies: Policies
    link_key: bytes
    """Seals where a page begins."""

    async def catalog(self, facts: Facts, filters: list[Json], token: str | None) -> Page:
        """A page: that of the token of a link, or the first one of what the filter asks for."""
        query = read_filter(filters) if token is None else unseal(self.link_key, token)
        found = await (self._named(facts, query) if query.wanted.ids is not None else self._paged(facts, query))
        offered = [self.policies.offered(row) for row in found.rows]
        body = catalog_page(f"{self.did}#catalog", self.did, offered, self._service)
        link = link_header(following=self._link(query, found.following), previous=self._link(query, found.previous))
        return Page(body=body, link=link)

    async def dataset(self, facts: Facts, dataset_id: str) -> JsonObject:
        """One dataset. What may not be seen is not there."""
        row = await self.store.load_dataset(self.tenant, dataset_id)
        if row is None or row.withdrawn or not self._visible(facts, row.policy_digest, row.policy):
            raise NotFound("no such dataset")
        return root_dataset(self.policies.offered(row), self._service)

    # --- pages -------------------------------------------------------------------------------------------------------

    async def _named(self, facts: Facts, query: Query) -> Found:
        """Datasets that are asked for by their ids: few, so on one page."""
        loaded = [await self.store.load_dataset(self.tenant, one) for one in sorted(query.wanted.ids or ())]
        offered = [row for row in loaded if row is not None and not row.withdrawn]
        rows = [row for row in offered if query.wanted.fits(row.dataset_id, row.title, row.record_types)]
        seen = [row for row in rows if self._visible(facts, row.policy_digest, row.policy)]
        return Found(rows=seen[query.skip : query.skip + query.limit])

    async def _paged(self, facts: Facts, query: Query) -> Found:
        """The page from the query's place on, in its direction."""
        place, rows, edge = query.place or Place(), list[DatasetRow](), None
        skip, decided = query.skip, 0
        async with aclosing(self._policies(place)) as policies:
            async for digest, octets in policies:
                decided += 1
                if decided > _MOST_DECISIONS:
                    edge = replace(place, policy=digest, dataset="")
                    break
                if not self._visible(facts, digest, octets):
                    continue
                if skip and (count := await self.store.count_datasets(self.tenant, digest, query.wanted)) <= skip:
                    skip -= count
                    continue
                rows += await self.store.find_datasets(
                    self.tenant, digest, query.wanted, skip=skip, backwards=place.backwards,
                    place=place.dataset if digest == place.policy else "", limit=query.limit + 1 - len(rows),
                )  # fmt: skip
                skip = 0
                if len(rows) > query.limit:
                    break
        return _cut(query, rows, edge)

    async def _policies(self, place: Place) -> AsyncGenerator[tuple[str, bytes]]:
        """All distinct policies from the place on, in its direction."""
        start: str | None = place.policy or None
        while True:
            found = await self.store.dataset_policies(
                self.tenant, start=start, backwards=place.backwards, limit=_AT_ONCE + 1
            )
            for one in found[:_AT_ONCE]:
                yield one
            if len(found) <= _AT_ONCE:
                return
            start = found[-1][0]

    def _visible(self, facts: Facts, digest: str, octets: bytes) -> bool:
        compiled = self.policies.terms(digest, octets).compiled
        return compiled.policy.offerable and evaluate(compiled, facts, self.clock.now(), stage=Stage.CATALOGUE).permit

    def _link(self, query: Query, place: Place | None) -> str | None:
        if place is None:
            return None
        token = seal(self.link_key, replace(query, place=place, skip=0))
        return f"{self.base}/catalog/request?continuationToken={token}"

    @property
    def _service(self) -> Service:
        return Service(service_id=f"{self.did}#data", endpoint=self.base)


def _cut(query: Query, rows: list[DatasetRow], edge: Place | None) -> Found:
    """What fits on the page; `edge`: where the search broke off before it was full."""
    backwards = query.place is not None and query.place.backwards
    more = len(rows) > query.limit
    page = rows[: query.limit]
    if more:
        edge = Place(policy=page[-1].policy_digest, dataset=page[-1].dataset_id, backwards=backwards)
    back: Place | None = None
    if page and (query.place is not None or query.skip):
        back = Place(policy=page[0].policy_digest, dataset=page[0].dataset_id, backwards=not backwards)
    elif query.place is not None:  # an empty page: back to what lies right at its place
        here = "" if backwards else query.place.dataset + _NEXT_ID
        back = Place(policy=query.place.policy, dataset=here, backwards=not backwards)
    if backwards:
        return Found(rows=page[::-1], previous=edge, following=back)
    return Found(rows=page, previous=back, following=edge)
