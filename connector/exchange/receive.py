"""What comes in: the pages of a transfer, or a file that somebody handed over -> verified, checked, kept.

Each credential is pulled in its exact octets, held to its digest, verified as of now and checked against the shapes.
What is invalid, or could not be checked, is reported and not kept; the rest is. A record that comes again with other
digests under the same version is reported: its holder changed a signed statement without saying so. Ids are only words
until then: they mean something beside the company that they came from, and a record stays with who signs it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import orjson

from connector.credentials.datamodel import Credential
from connector.credentials.digest import digest_multibase
from connector.credentials.verify import Report
from connector.errors import BadInput, BadMessage, PeerUnreachable
from connector.exchange.draft import micros
from connector.exchange.ports import Clock, HttpAnswer, Peers, Store, Verifier
from connector.exchange.rows import CredentialRow, DatasetRow, EvidenceEntry, LinkRow, Origin, RecordRow, RecordsCommit
from connector.exchange.subjects import identifiers, record_header, upstream_links
from connector.model import Did, Finding, JsonObject, Level, Place
from connector.vocabulary.admission import admit

_OK, _UNAUTHORIZED = 200, 401
_PAGE_LIMIT_BYTES = 16 << 20
_OCTETS_LIMIT_BYTES = 1 << 20
_MAX_PAGES = 100_000
_AT_ONCE = 8
_MAX_FINDINGS = 10_000
_MAX_VERSION = 1 << 31


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One line of a page: a credential of a record's version. Without `url` it is only named."""

    record_id: str
    version: int
    record_type: str
    level: str
    media_type: str
    digest: str
    url: str | None


Authorize = Callable[[str], Awaitable[str]]
"""The `Authorization` of a data request, given the one that was refused with 401, or nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How something came: from whom, under which agreement (empty: handed over as a file)."""

    holder: Did
    agreement_id: str
    origin: Origin
    dataset: DatasetRow | None = None
    authorize: Authorize | None = None


@dataclass(slots=True, kw_only=True)
class Received:
    """What came of it, for people."""

    records: int = 0
    credentials: int = 0
    unchanged: int = 0
    findings: list[Finding] = field(default_factory=list)
    unchecked: int = 0
    """Credentials that could be neither accepted nor rejected: keys, status or octets were out of reach."""
    rejected: int = 0
    """Credentials (or a record's version) that are not what they should be."""

    def refuse(self, item: Item, code: str, why: str) -> None:
        """Count something that is not what it should be."""
        self.rejected += 1
        self.findings.append(_finding(item, code, why))

    def as_json(self) -> JsonObject:
        """The published shape."""
        return {
            "records": self.records,
            "credentials": self.credentials,
            "unchanged": self.unchanged,
            "unchecked": self.unchecked,
            "rejected": self.rejected,
            "findings": [finding.as_json() for finding in self.findings],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Receive:
    """The consumer's end of a transfer, and the import of credentials that came another way."""

    tenant: str
    did: Did
    store: Store
    peers: Peers
    verifier: Verifier
    clock: Clock

    async def pull(
        self, holder: Did, agreement_id: str, endpoint: str, authorize: Authorize, on_record: Callable[[int], None]
    ) -> Received:
        """Follow the pages of a started transfer and keep what is good."""
        result, way = Received(), Way(holder=holder, agreement_id=agreement_id, origin="received", authorize=authorize)
        origin, seen, url = _origin(endpoint), set[str](), endpoint
        while url not in seen and len(seen) < _MAX_PAGES:
            seen.add(url)
            answer = await self._get(way, url, _PAGE_LIMIT_BYTES)
            if answer.status != _OK:
                raise PeerUnreachable(f"a data page was answered with HTTP {answer.status}")
            page = admit(answer.body, _PAGE_LIMIT_BYTES)
            for group in _records(_items(page, origin)):
                await self._take(way, group, result)
                on_record(result.records)
                if len(result.findings) > _MAX_FINDINGS:
                    raise BadMessage("the data pages have too much that is not what it should be")
            following = page.get("next")
            if not isinstance(following, str):
                return result
            if _origin(following) != origin:
                raise BadMessage("the next data page lies at another host")
            url = following
        return result

    async def hold(self, octets: bytes, dataset: DatasetRow) -> Received:
        """Keep a third party's credential that was handed over as a file (a permit, a laboratory's certificate).

        It is passed on unchanged, and opened to audits, under the policy of the dataset that it joins.
        """
        result = Received()
        report = await self.verifier.verify(octets, self.clock.now())
        credential = self._good(report, report.digest, result)
        if credential is None:
            return result
        header = record_header(credential)
        if header is None:
            raise BadInput("the credential names no record", hint="it must carry a `record` node with id and version")
        item = Item(
            record_id=header[0], version=header[1], record_type=_own_type(credential), level=header[2],
            media_type="application/vc+jwt", digest=report.digest, url=None,
        )  # fmt: skip
        newest = await self.store.load_record(self.tenant, self.did, item.record_id)
        if newest and (newest.origin != "held" or credential.issuer not in await self._signers(newest)):
            result.refuse(item, "foreign-record", "a record of that id is ours, or another party signs it")
            return result
        await self._keep(
            Way(holder=self.did, agreement_id="", origin="held", dataset=dataset),
            [item],
            [(item, octets, report, credential)],
            result,
        )
        return result

    async def _get(self, way: Way, url: str, limit_bytes: int) -> HttpAnswer:
        """A data request; where the token is refused, once more with a fresh one."""
        assert way.authorize is not None, "what came as a file is not asked for"
        shown = await way.authorize("")
        answer = await self.peers.pull(url, shown, limit_bytes=limit_bytes)
        if answer.status == _UNAUTHORIZED:
            answer = await self.peers.pull(url, await way.authorize(shown), limit_bytes=limit_bytes)
        return answer

    # --- one record --------------------------------------------------------------------------------------------------

    async def _take(self, way: Way, items: Sequence[Item], result: Received) -> None:
        known = await self.store.load_record(self.tenant, way.holder, items[0].record_id, items[0].version)
        have = {row.digest for row in await self._have(way, items[0])} if known else set[str]()
        if known and have >= {item.digest for item in items if item.url}:
            result.unchanged += 1
            return
        newest = await self.store.load_record(self.tenant, way.holder, items[0].record_id)
        if known and set(known.digests) != {item.digest for item in items if item.level != Level.DYNAMIC}:
            result.refuse(items[0], "digest-changed", "its holder changed a signed statement without a new version")
            return
        gate = asyncio.Semaphore(_AT_ONCE)

        async def fetched(item: Item) -> tuple[Item, bytes, Report, Credential] | None:
            async with gate:
                return await self._fetch(way, item, result)

        good = await asyncio.gather(*(fetched(item) for item in items if item.url and item.digest not in have))
        signers = await self._signers(newest)
        kept: list[tuple[Item, bytes, Report, Credential]] = []
        for one in good:
            if one is not None and (not signers or one[3].issuer in signers):
                signers |= {one[3].issuer}
                kept.append(one)
            elif one is not None:
                result.refuse(one[0], "foreign-issuer", "the record was signed by another party before")
        if kept:
            await self._keep(way, items, kept, result)

    async def _signers(self, record: RecordRow | None) -> set[str]:
        """Who signs a record: one party, in all of its credentials and versions."""
        if record is None:
            return set()
        rows = await self.store.credentials(self.tenant, record.holder, record.record_id, record.version)
        return {row.issuer for row in rows}

    async def _have(self, way: Way, item: Item) -> list[CredentialRow]:
        return await self.store.credentials(self.tenant, way.holder, item.record_id, item.version)

    async def _fetch(self, way: Way, item: Item, result: Received) -> tuple[Item, bytes, Report, Credential] | None:
        answer = await self._get(way, str(item.url), _OCTETS_LIMIT_BYTES)
        if answer.status != _OK:
            result.unchecked += 1
            result.findings.append(_finding(item, "not-served", f"its octets were answered with HTTP {answer.status}"))
            return None
        if digest_multibase(answer.body) != item.digest:
            result.refuse(item, "digest-mismatch", "its octets are not those that the page names")
            return None
        report = await self.verifier.verify(answer.body, self.clock.now())
        credential = self._good(report, item.digest, result)
        if credential is None:
            return None
        found = record_header(credential)
        said = (item.record_id, item.version, item.level)
        if found is None or found[:3] != said or _own_type(credential) != item.record_type:
            result.refuse(item, "record-mismatch", "it belongs to another record, level or type than the page says")
            return None
        return item, answer.body, report, credential

    def _good(self, report: Report, digest: str, result: Received) -> Credential | None:
        """The credential of a valid report; for any other a finding per check."""
        if report.verdict == "valid":
            return report.credential
        result.unchecked += report.verdict == "indeterminate"
        result.rejected += report.verdict != "indeterminate"
        for check in report.checks:
            if check.outcome in {"failed", "unchecked"}:
                place = Place(source=digest)
                result.findings.append(
                    Finding(code=check.code or check.name, message=f"{check.name}: {check.detail}", place=place)
                )
        return None

    async def _keep(
        self,
        way: Way,
        items: Sequence[Item],
        good: Sequence[tuple[Item, bytes, Report, Credential]],
        result: Received,
    ) -> None:
        first, now = items[0], micros(self.clock.now())
        newest = await self.store.load_record(self.tenant, way.holder, first.record_id)
        same = newest is not None and newest.version == first.version
        subject = next((one[3].subject for one in good if one[0].level != Level.MODEL), good[0][3].subject)
        record = RecordRow(
            tenant=self.tenant, record_id=first.record_id, version=first.version, record_type=first.record_type,
            key="", subject_id=str(subject.get("id", "")), holder=way.holder, origin=way.origin,
            dataset_id=way.dataset.dataset_id if way.dataset else "",
            agreement_id=way.agreement_id, content_digest="", content=b"", lineage=b"",
            digests=tuple(sorted(item.digest for item in items if item.level != Level.DYNAMIC)),
            buyers=newest.buyers if newest else (), at=now,
        )  # fmt: skip
        stale = await self._stale(way, first, good) if same else []
        await self.store.commit_records(
            RecordsCommit(
                tenant=self.tenant,
                holder=way.holder,
                expected={first.record_id: newest.version if newest else 0},
                records=[record],
                credentials=[self._row(way, *one) for one in good],
                overwritten=stale,
                links=[link for one in good for link in await self._links(record, one[3].subject)],
                identifiers=[
                    row
                    for one in good
                    for row in identifiers(self.tenant, record, one[3].subject)
                    if _may_number(row.issuer, one[3].issuer, way.holder)
                ],
                dataset=way.dataset,
                evidence=[self._evidence(record, good, now)],
            )
        )
        result.records += 1
        result.credentials += len(good)

    async def _stale(self, way: Way, item: Item, good: Sequence[tuple[Item, bytes, Report, Credential]]) -> list[str]:
        """What the newer dynamic credentials take the place of."""
        if not any(one[0].level == Level.DYNAMIC for one in good):
            return []
        return [row.digest for row in await self._have(way, item) if row.level == Level.DYNAMIC]

    def _row(self, way: Way, item: Item, octets: bytes, report: Report, credential: Credential) -> CredentialRow:
        header = record_header(credential)
        return CredentialRow(
            tenant=self.tenant, digest=item.digest, holder=way.holder, record_id=item.record_id, version=item.version,
            credential_type=_own_type(credential), access_class=header[3] if header else "", level=item.level,
            subject_id=str(credential.subject.get("id", "")), issuer=credential.issuer, media_type=item.media_type,
            octets=octets, status_list=None, status_index=None, origin=way.origin,
            report=orjson.dumps(report.as_json()),
        )  # fmt: skip

    async def _links(self, record: RecordRow, subject: JsonObject) -> list[LinkRow]:
        """Links of what came that lead to records of ours: our records' later life."""
        rows: list[LinkRow] = []
        for link in upstream_links(subject):
            digests = link.get("digest")
            for digest in digests if isinstance(digests, list) else []:
                own = await self.store.find_credential(self.tenant, str(digest))
                if own is not None:
                    rows.append(
                        LinkRow(
                            tenant=self.tenant, link_id=str(link.get("id")), from_holder=record.holder,
                            from_record=record.record_id, from_version=record.version, to_record=own.record_id,
                            to_version=own.version, holder=own.holder,
                        )
                    )  # fmt: skip
                    break
        return rows

    def _evidence(
        self, record: RecordRow, good: Sequence[tuple[Item, bytes, Report, Credential]], now: int
    ) -> EvidenceEntry:
        body = {
            "record": record.record_id, "version": record.version, "holder": record.holder,
            "agreement": record.agreement_id, "credentials": {one[0].digest: one[2].verdict for one in good},
        }  # fmt: skip
        return EvidenceEntry(tenant=self.tenant, at=now, event=f"record-{record.origin}", body=orjson.dumps(body))


# --- reading pages and subjects --------------------------------------------------------------------------------------


def _items(page: JsonObject, origin: tuple[str, str]) -> Iterator[Item]:
    """The lines of a page, strictly: a line that cannot be read makes the page unusable."""
    lines = page.get("items")
    for line in lines if isinstance(lines, list) else []:
        match line:
            case {
                "id": str(record_id), "version": int(version), "type": str(record_type), "level": str(level),
                "mediaType": str(media_type), "digest": str(digest),
                **others,
            } if 1 <= version < _MAX_VERSION:  # fmt: skip
                url = others.get("url")
                if isinstance(url, str) and _origin(url) != origin:
                    raise BadMessage("a credential's address lies at another host than its page")
                yield Item(
                    record_id=record_id, version=version, record_type=record_type, level=level, media_type=media_type,
                    digest=digest, url=url if isinstance(url, str) else None,
                )  # fmt: skip
            case _:
                raise BadMessage("a data page has a line that is none: id, version, type, level, mediaType, digest")


def _origin(url: str) -> tuple[str, str]:
    """Scheme and host of an address that a peer gave."""
    try:
        return urlsplit(url)[:2]
    except ValueError:
        raise BadMessage("an address of the data is no URL") from None


def _records(items: Iterator[Item]) -> Iterator[list[Item]]:
    """The lines of one record's version together. A page never splits a record."""
    groups: dict[tuple[str, int], list[Item]] = {}
    for item in items:
        group = groups.setdefault((item.record_id, item.version), [])
        group.append(item)
        if item.record_type != group[0].record_type:
            raise BadMessage("a data page gives one record two types")
    yield from groups.values()


def _may_number(numbering: str, *parties: str) -> bool:
    """Whether a number counts: in a party's own numbering only what that party signed or passed on itself."""
    return not numbering.startswith("did:") or numbering in parties


def _own_type(credential: Credential) -> str:
    return next((name for name in credential.types if name != "VerifiableCredential"), "")


def _finding(item: Item, code: str, message: str) -> Finding:
    return Finding(code=code, message=message, place=Place(source=item.record_id, value=item.digest))
