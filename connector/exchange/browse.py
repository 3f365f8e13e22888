"""A peer's catalogue, as it comes: page after page, and the catalogues inside it (DSP 2025-1, section 6).

Pages are followed within the peer's own host and within caps; nothing of a page is kept once it is handed on. A nested
catalogue stands in its page, or is asked for where its service says, if that is the same host; one at another host is
only named, for whoever wants to ask there. A peer that takes no filter (400) is asked for everything, sorted here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlsplit

from connector.errors import BadMessage, NotAllowed, NotFound, PeerUnreachable
from connector.exchange.ports import HttpAnswer, Ids, Peers
from connector.model import Did, Json, JsonObject
from connector.protocol import compose
from connector.protocol.catalog import address_of, read_links
from connector.protocol.catalog_query import EVERYTHING, Selection, filter_json
from connector.protocol.messages import Catalog, Dataset, RootCatalog, RootDataset, parse_as
from connector.vocabulary.admission import MAX_PAGE_VALUES, admit_message

_MAX_PAGES: Final = 10_000
_MAX_DEPTH: Final = 4
_PAGE_LIMIT_BYTES: Final = 8 << 20
_OK: Final = 200
_UNAUTHORIZED: Final = 401
_REFUSED: Final = frozenset({_UNAUTHORIZED, 403})
_UNFILTERED: Final = frozenset({400, 501})
_WHO_ASKS: Final = (
    "it does not accept who we are or what we show: are our credentials in the folder `held`, is our clock right? "
    "battery-connector doctor looks"
)
_NAMED: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A dataset, and whose it is: the peer's, or of the participant whom a nested catalogue names."""

    participant: Did
    dataset: Dataset


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """A nested catalogue at another host: named, not asked for."""

    catalog_id: str
    participant: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ask:
    """One page to ask for. `depth`: of nesting."""

    audience: Did
    url: str
    depth: int = 0


@dataclass(slots=True, kw_only=True)
class _Walk:
    """Where a walk stands."""

    origin: tuple[str, str]
    said: list[Json]
    waiting: deque[_Ask]
    seen: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class Browse:
    """The journey."""

    peers: Peers
    ids: Ids

    async def catalog(self, peer: Did, wanted: Selection = EVERYTHING) -> AsyncGenerator[Shown | Elsewhere]:
        """What the peer shows us of what is wanted, while it comes in."""
        url = f"{await self.peers.dsp_base(peer)}/catalog/request"
        walk = _Walk(origin=_origin(url), said=filter_json(wanted), waiting=deque([_Ask(audience=peer, url=url)]))
        while walk.waiting:
            ask = walk.waiting.popleft()
            if ask.url in walk.seen:
                continue
            if len(walk.seen) >= _MAX_PAGES:
                raise BadMessage(f"the peer's catalogue has more than {_MAX_PAGES} pages")
            walk.seen.add(ask.url)
            page, following = await self._page(walk, ask)
            for shown in self._unfold(walk, ask, page, Did(page.participant_id), ask.depth):
                if isinstance(shown, Elsewhere) or wanted.fits(
                    shown.dataset.id, shown.dataset.name, shown.dataset.types
                ):
                    yield shown
            if following is not None:
                if _origin(following) != walk.origin:
                    raise BadMessage("the catalogue's next page lies at another host")
                walk.waiting.appendleft(_Ask(audience=ask.audience, url=following, depth=ask.depth))

    async def find(self, peer: Did, wanted: str) -> Shown:
        """The one dataset of that id or name. `NotFound`: none, or several."""
        if ":" in wanted and (named := await self._dataset(peer, wanted)) is not None:
            return named
        for narrowed in (Selection(names=frozenset({wanted})), EVERYTHING):
            fitting, names = list[Shown](), list[str]()
            async with aclosing(self.catalog(peer, narrowed)) as shown:
                async for one in shown:
                    if isinstance(one, Shown):
                        fitting += [one] if wanted in {one.dataset.id, one.dataset.name} else []
                        names += [one.dataset.name or one.dataset.id] if len(names) < _NAMED else []
            if len(fitting) == 1:
                return fitting[0]
            if fitting:
                told = ", ".join(one.dataset.id for one in fitting[:_NAMED])
                raise NotFound(f"{len(fitting)} datasets of the peer are called {wanted!r}", hint=f"say which: {told}")
        told = ", ".join(names) or "nothing"
        raise NotFound(f"the peer's catalogue shows us no dataset {wanted!r}", hint=f"it shows: {told}")

    async def _dataset(self, peer: Did, dataset_id: str) -> Shown | None:
        """A dataset request. Not every peer answers it for what its catalogue shows, so no answer is no verdict."""
        url = f"{await self.peers.dsp_base(peer)}/catalog/datasets/{quote(dataset_id, safe='')}"
        answer = (await self.peers.get(peer, url)).answer
        if answer.status != _OK:
            return None
        return Shown(participant=peer, dataset=parse_as(RootDataset, _admitted(answer.body)))

    async def _page(self, walk: _Walk, ask: _Ask) -> tuple[RootCatalog, str | None]:
        answer = await self._asked(walk, ask)
        if answer.status in _UNFILTERED and walk.said:  # DSP 2025-1, 6.1: a provider may take no filter
            walk.said = []
            answer = await self._asked(walk, ask)
        if answer.status in _REFUSED:
            raise NotAllowed(f"the peer refuses its catalogue: HTTP {answer.status}", hint=_WHO_ASKS)
        if answer.status != _OK:
            raise PeerUnreachable(f"the catalogue request was answered with HTTP {answer.status}")
        page = parse_as(RootCatalog, _admitted(answer.body))
        return page, read_links(answer.headers.get("link", "")).get("next")

    async def _asked(self, walk: _Walk, ask: _Ask) -> HttpAnswer:
        body = compose.dump(compose.catalog_request(self.ids.urn(), walk.said))
        answer = (await self.peers.post(ask.audience, ask.url, body, limit_bytes=_PAGE_LIMIT_BYTES)).answer
        if answer.status == _UNAUTHORIZED:  # a copy of our request may have used up its token: a fresh one tells
            answer = (await self.peers.post(ask.audience, ask.url, body, limit_bytes=_PAGE_LIMIT_BYTES)).answer
        return answer

    def _unfold(
        self, walk: _Walk, ask: _Ask, catalog: Catalog, participant: Did, depth: int
    ) -> Iterator[Shown | Elsewhere]:
        """The datasets of a page and of the catalogues in it; those that stand at other addresses wait their turn."""
        for dataset in catalog.dataset or ():
            yield Shown(participant=participant, dataset=dataset)
        for inner in catalog.catalog or ():
            owner = Did(inner.participant_id or participant)
            address = address_of(inner)
            if inner.dataset or inner.catalog:
                if depth < _MAX_DEPTH:
                    yield from self._unfold(walk, ask, inner, owner, depth + 1)
            elif address is None:
                continue  # an empty one
            elif _origin(address) == walk.origin and depth < _MAX_DEPTH:
                # Still the peer's token: one for another would be the peer's to use there in our name.
                walk.waiting.append(_Ask(audience=ask.audience, url=f"{address}/catalog/request", depth=depth + 1))
            else:
                yield Elsewhere(catalog_id=inner.id, participant=owner, address=address)


def _origin(url: str) -> tuple[str, str]:
    try:
        return urlsplit(url)[:2]
    except ValueError:
        raise BadMessage("an address in the peer's catalogue is no URL") from None


def _admitted(body: bytes) -> JsonObject:
    return admit_message(body, _PAGE_LIMIT_BYTES, MAX_PAGE_VALUES)
