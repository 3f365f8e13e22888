"""A catalogue request, from both ends: what this caller may see, and what a peer lets us see.

Who sees an offer is decided by the policy's `list` rules (without such a rule: whoever may `use`). DSP 2025-1,
section 5. Pages follow dataset ids; a peer's pages are followed within its own address and within caps.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from connector.errors import BadMessage, NotAllowed, NotFound, PeerUnreachable
from connector.exchange.policies import Policies
from connector.exchange.ports import Clock, Ids, Peers, Store
from connector.exchange.rows import DatasetRow
from connector.model import Did, Facts, JsonObject
from connector.policy.evaluate import evaluate
from connector.policy.operands import Stage
from connector.protocol import compose
from connector.protocol.catalog import Service, catalog_page, link_header, read_links, root_dataset
from connector.protocol.messages import Dataset, RootCatalog, parse_as
from connector.vocabulary.admission import admit

PAGE = 100
_MAX_PAGES = 1_000
_MAX_DATASETS = 20_000
_OK = 200
_REFUSED = frozenset({401, 403})
_WHO_ASKS = "it does not accept who we are or what we show; are our credentials in the folder `held`?"
_PAGE_LIMIT_BYTES = 8 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page of our catalogue: body, and the `Link` header or nothing."""

    body: JsonObject
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """The catalogue, given and read."""

    tenant: str
    did: Did
    base: str
    store: Store
    peers: Peers
    clock: Clock
    ids: Ids
    policies: Policies

    # --- given -------------------------------------------------------------------------------------------------------

    async def catalog(self, facts: Facts, after: str) -> Page:
        """The page behind `after` (empty: the first). A page may show fewer datasets than it looked at."""
        rows = await self.store.list_datasets(self.tenant, after=after, limit=PAGE)
        offered = [self.policies.offered(row) for row in rows if self._visible(row, facts)]
        body = catalog_page(self._catalog_id, self.did, offered, self._service)
        following = f"{self.base}/catalog/request?after={rows[-1].dataset_id}" if len(rows) == PAGE else None
        return Page(body=body, link=link_header(following=following))

    async def dataset(self, facts: Facts, dataset_id: str) -> JsonObject:
        """One dataset. What may not be seen is not there."""
        row = await self.store.load_dataset(self.tenant, dataset_id)
        if row is None or not self._visible(row, facts):
            raise NotFound("no such dataset")
        return root_dataset(self.policies.offered(row), self._service)

    def _visible(self, row: DatasetRow, facts: Facts) -> bool:
        compiled = self.policies.of(row)
        return compiled.policy.offerable and evaluate(compiled, facts, self.clock.now(), stage=Stage.CATALOGUE).permit

    @property
    def _service(self) -> Service:
        return Service(service_id=f"{self.did}#data", endpoint=self.base)

    @property
    def _catalog_id(self) -> str:
        return f"{self.did}#catalog"

    # --- read --------------------------------------------------------------------------------------------------------

    async def read(self, peer: Did) -> list[Dataset]:
        """All datasets that the peer shows us."""
        url = f"{await self.peers.dsp_base(peer)}/catalog/request"
        origin, seen = _origin(url), set[str]()
        found: list[Dataset] = []
        while url not in seen and len(seen) < _MAX_PAGES:
            seen.add(url)
            body = compose.dump(compose.catalog_request(self.ids.urn()))
            answer = (await self.peers.post(peer, url, body)).answer
            if answer.status in _REFUSED:
                raise NotAllowed(f"the peer refuses its catalogue: HTTP {answer.status}", hint=_WHO_ASKS)
            if answer.status != _OK:
                raise PeerUnreachable(f"the catalogue request was answered with HTTP {answer.status}")
            catalog = parse_as(RootCatalog, admit(answer.body, _PAGE_LIMIT_BYTES))
            found += catalog.dataset or ()
            if len(found) > _MAX_DATASETS:
                raise BadMessage(f"the peer's catalogue shows more than {_MAX_DATASETS} datasets")
            following = read_links(answer.headers.get("link", "")).get("next")
            if following is None:
                return found
            if _origin(following) != origin:
                raise BadMessage("the catalogue's next page lies at another host")
            url = following
        return found


def _origin(url: str) -> tuple[str, str]:
    try:
        return urlsplit(url)[:2]
    except ValueError:
        raise BadMessage("an address in the peer's catalogue is no URL") from None
