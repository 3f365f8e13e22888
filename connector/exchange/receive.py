"""The consumer's end of a transfer: pages are followed, octets fetched, files brought in; what is good is kept.

Pages and credentials are small and come whole, files of any size in pieces (`download`). A provider that has no pages
(an EDC gives what lies behind its asset) gives one file. What is checked, and what is kept, is `arrivals`'.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote, unquote, urlsplit

from connector.errors import BadMessage, NotAllowed, PeerUnreachable, TooLarge, Unavailable
from connector.exchange.arrivals import Arrivals, Received, Way
from connector.exchange.download import Authorize, Download, Wanted
from connector.exchange.keeping import DeliveredRow
from connector.exchange.pages import FileItem, Item, Page, is_page, origin_of, read_page, reason_of
from connector.exchange.ports import HttpAnswer, Peers
from connector.exchange.rows import DatasetRow
from connector.model import Did, Finding, JsonObject, Place
from connector.vocabulary.admission import MAX_PAGE_VALUES, admit_message

_OK, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND = 200, 401, 403, 404
_PAGE_LIMIT_BYTES = 16 << 20
_OCTETS_LIMIT_BYTES = 1 << 20
_MAX_PAGES = 100_000
_MAX_FINDINGS = 10_000

Tell = Callable[[JsonObject], None]
"""Says how far it is: `done` records, and `at` what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pull:
    """One pull while it goes on."""

    way: Way
    authorize: Authorize
    tell: Tell
    result: Received


@dataclass(frozen=True, slots=True, kw_only=True)
class Receive:
    """The journey, and the import of credentials that came another way."""

    peers: Peers
    download: Download
    arrivals: Arrivals

    async def pull(self, holder: Did, agreement_id: str, endpoint: str, authorize: Authorize, tell: Tell) -> Received:
        """Follow the pages of a started transfer, or take its one file, and keep what is good."""
        way = Way(holder=holder, agreement_id=agreement_id, origin="received")
        pull = _Pull(way=way, authorize=authorize, tell=tell, result=Received())
        origin, seen, url = origin_of(endpoint), set[str](), endpoint
        while url and url not in seen and len(seen) < _MAX_PAGES:
            page = await self._page(pull, url, origin, first=not seen)
            seen.add(url)
            if page is None:
                break
            await self._take(pull, page)
            url = page.following or ""
        return pull.result

    async def pull_units(
        self, holder: Did, agreement_id: str, endpoint: str, authorize: Authorize, tell: Tell, *, units: Sequence[str]
    ) -> Received:
        """Take single units of a dataset: each a number or id of it, the address that its lines name, or that of a data
        carrier, whose last part is an id.
        """
        way = Way(holder=holder, agreement_id=agreement_id, origin="received")
        pull = _Pull(way=way, authorize=authorize, tell=tell, result=Received())
        for unit in units:
            answer = await self._get(pull, _address(endpoint, unit), _PAGE_LIMIT_BYTES)
            if answer.status == _NOT_FOUND:
                why = "the dataset has no such unit, or it is not for us"
                pull.result.findings.append(Finding(code="unknown-unit", message=why, place=Place(source=unit)))
                continue
            if answer.status != _OK:
                raise PeerUnreachable(f"a unit was answered with HTTP {answer.status}")
            said = admit_message(answer.body, _PAGE_LIMIT_BYTES, MAX_PAGE_VALUES)
            if not is_page(said):
                raise BadMessage("a unit's page is none")
            await self._take(pull, read_page(said, origin_of(endpoint)))
        return pull.result

    async def _take(self, pull: _Pull, page: Page) -> None:
        if page.records:
            await self.download.room.check(pull.way.holder, 0)
        came: list[DeliveredRow | None] = []
        for group in page.records:
            came.append(await self.arrivals.take(pull.way, group, partial(self._octets, pull), pull.result))
            pull.tell({"done": pull.result.records})
            _check_findings(pull.result)
        await self.arrivals.delivered(pull.way, came)
        for file in page.files:
            await self._file(pull, file)
            _check_findings(pull.result)

    async def hold(self, octets: bytes, dataset: DatasetRow) -> Received:
        """Keep a third party's credential that was handed over as a file."""
        return await self.arrivals.hold(octets, dataset)

    async def _page(self, pull: _Pull, url: str, origin: tuple[str, str], *, first: bool) -> Page | None:
        """The page at this address; None: it was no page of ours, and is kept as it is."""
        try:
            answer = await self._get(pull, url, _PAGE_LIMIT_BYTES)
        except TooLarge:
            if not first:
                raise
            await self._whole(pull, url)
            return None
        if answer.status == _FORBIDDEN:
            raise NotAllowed(f"the owner refuses the data: {reason_of(answer.body)}")
        if answer.status != _OK:
            raise PeerUnreachable(f"a data page was answered with HTTP {answer.status}")
        try:
            said = admit_message(answer.body, _PAGE_LIMIT_BYTES, MAX_PAGE_VALUES)
        except BadMessage:
            said = {}
        if is_page(said):
            return read_page(said, origin)
        if not first:
            raise BadMessage("the next data page is none")
        await self._whole(pull, url)
        return None

    async def _get(self, pull: _Pull, url: str, limit_bytes: int) -> HttpAnswer:
        """A data request; where the token is refused, once more with a fresh one."""
        shown = await pull.authorize("")
        answer = await self.peers.pull(url, shown, limit_bytes=limit_bytes)
        if answer.status == _UNAUTHORIZED:
            answer = await self.peers.pull(url, await pull.authorize(shown), limit_bytes=limit_bytes)
        return answer

    async def _octets(self, pull: _Pull, item: Item) -> bytes | None:
        answer = await self._get(pull, str(item.url), _OCTETS_LIMIT_BYTES)
        if answer.status != _OK:
            why = f"its octets were answered with HTTP {answer.status}"
            pull.result.miss(item.record_id, item.digest, why)
            return None
        return answer.body

    # --- files -------------------------------------------------------------------------------------------------------

    async def _file(self, pull: _Pull, item: FileItem) -> None:
        """A file of a page, unless it is there already."""
        way, result = pull.way, pull.result
        known = await self.arrivals.store.find_file(self.arrivals.tenant, "", way.agreement_id, item.digest)
        if known is not None and await self.download.files.size(item.digest) is not None:
            result.unchanged += 1
            await self.arrivals.delivered(way, [self.arrivals.file(way.agreement_id, item.digest)])
            return
        wanted = Wanted(
            url=item.url, holder=way.holder, key=f"{way.holder} {item.digest}", digest=item.digest, size=item.size
        )
        try:
            came = await self.download.fetch(wanted, pull.authorize, partial(_tell_bytes, pull, item.name, item.size))
        except (NotAllowed, TooLarge, PeerUnreachable, Unavailable) as error:
            result.miss(item.name, item.digest, error.detail)
            return
        if came.digest != item.digest:
            result.rejected += 1
            place = Place(source=item.name, value=item.digest)
            why = "its octets are not those that the page names"
            result.findings.append(Finding(code="digest-mismatch", message=why, place=place))
            return
        await self.arrivals.keep_file(
            way, name=item.name, media_type=item.media_type, digest=came.digest, size=came.size
        )
        result.files += 1

    async def _whole(self, pull: _Pull, url: str) -> None:
        """Data that has no pages: one file, of whatever kind the provider says."""
        wanted = Wanted(url=url, holder=pull.way.holder, key=f"{pull.way.holder} {pull.way.agreement_id} {url}")
        came = await self.download.fetch(wanted, pull.authorize, partial(_tell_bytes, pull, "data", -1))
        await self.arrivals.keep_file(
            pull.way, name="data", media_type=came.media_type, digest=came.digest, size=came.size
        )
        pull.result.files += 1


def _address(endpoint: str, unit: str) -> str:
    """Where a unit is asked for."""
    if unit.startswith(f"{endpoint}/units/"):
        return unit
    if unit.startswith(("https://", "http://")):
        unit = unquote(urlsplit(unit).path.rstrip("/").rpartition("/")[2])
    return f"{endpoint}/units?number={quote(unit, safe='')}"


def _tell_bytes(pull: _Pull, name: str, size: int, done: int) -> None:
    of = f" of {size / 1e6:,.0f}" if size >= 0 else ""
    pull.tell({"done": pull.result.records + pull.result.files, "at": f"{name}, {done / 1e6:,.0f}{of} MB"})


def _check_findings(result: Received) -> None:
    if len(result.findings) > _MAX_FINDINGS:
        raise BadMessage("the data pages have too much that is not what it should be")
