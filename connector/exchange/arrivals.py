"""What came is verified, checked and kept: records with their credentials, by whatever way they came.

Each credential is held to its digest, verified as of now and checked against the shapes. What is invalid, or could not
be checked, is reported and not kept; the rest is. A record that comes again with other digests under the same version
is reported: its holder changed a signed statement without saying so. Ids are only words until then: they mean something
beside the company that they came from, and a record stays with who signs it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson

from connector.credentials.datamodel import Credential
from connector.credentials.digest import digest_multibase
from connector.credentials.verify import Report
from connector.errors import BadInput, Conflict
from connector.exchange.keeping import DeliveredRow
from connector.exchange.pages import Item
from connector.exchange.ports import Clock, Store, Verifier
from connector.exchange.rows import (
    CredentialRow,
    DatasetRow,
    EvidenceEntry,
    FileRow,
    LinkRow,
    Origin,
    RecordRow,
    RecordsCommit,
)
from connector.exchange.stored import micros
from connector.exchange.subjects import identifiers, record_header, upstream_links
from connector.model import Did, Finding, JsonObject, Level, Place

_AT_ONCE = 8
_TRIES = 8
"""So often a record is looked at again that other fetches change at the same time."""

_TRUST = (
    'if you trust it for that: in connector.toml under [trusted_issuers] the type = [its DID], or ["members"]; start'
    " the connector anew, fetch again"
)

OctetsOf = Callable[[Item], Awaitable[bytes | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How something came: from whom, under which agreement (empty: handed over as a file)."""

    holder: Did
    agreement_id: str
    origin: Origin
    dataset: DatasetRow | None = None


class Good(NamedTuple):
    """A credential that came and is what its line says."""

    item: Item
    octets: bytes
    report: Report
    credential: Credential


@dataclass(slots=True, kw_only=True)
class Received:
    """What came of it, for people."""

    records: int = 0
    credentials: int = 0
    files: int = 0
    unchanged: int = 0
    findings: list[Finding] = field(default_factory=list)
    unchecked: int = 0
    """What could be neither accepted nor rejected: keys, status or octets were out of reach."""
    rejected: int = 0
    """Credentials (or a record's version), and files, that are not what they should be."""

    def refuse(self, item: Item, code: str, why: str) -> None:
        """Count something that is not what it should be."""
        self.rejected += 1
        self.findings.append(Finding(code=code, message=why, place=Place(source=item.record_id, value=item.digest)))

    def miss(self, source: str, digest: str, why: str) -> None:
        """Count something that was not given."""
        self.unchecked += 1
        self.findings.append(Finding(code="not-served", message=why, place=Place(source=source, value=digest)))

    def as_json(self) -> JsonObject:
        """The published shape."""
        return {
            "records": self.records,
            "credentials": self.credentials,
            "files": self.files,
            "unchanged": self.unchanged,
            "unchecked": self.unchecked,
            "rejected": self.rejected,
            "findings": [finding.as_json() for finding in self.findings],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """One company's desk for what comes in."""

    tenant: str
    did: Did
    store: Store
    verifier: Verifier
    clock: Clock

    async def hold(self, octets: bytes, dataset: DatasetRow) -> Received:
        """Keep a third party's credential that was handed over as a file (a permit, a laboratory's certificate).

        It is passed on unchanged, and opened to audits, under the policy of the dataset that it joins.
        """
        result = Received()
        report = await self.verifier.verify(octets)
        credential = self._good(report, report.digest, result)
        if credential is None:
            return result
        header = record_header(credential)
        if header is None:
            raise BadInput("the credential names no record", hint="it must carry a `record` node with id and version")
        item = Item(
            record_id=header[0], version=header[1], record_type=_own_type(credential), level=header[2],
            media_type=credential.media_type, digest=report.digest, url=None,
        )  # fmt: skip
        newest = await self.store.load_record(self.tenant, self.did, item.record_id)
        if newest and (newest.origin != "held" or credential.issuer not in await self._signers(newest)):
            result.refuse(item, "foreign-record", "a record of that id is ours, or another party signs it")
            return result
        await self._keep(
            Way(holder=self.did, agreement_id="", origin="held", dataset=dataset),
            [item],
            [Good(item, octets, report, credential)],
            newest,
            result,
        )
        return result

    async def keep_file(self, way: Way, *, name: str, media_type: str, digest: str, size: int) -> None:
        """A file that came whole is this company's under the agreement; its octets are kept already."""
        now = micros(self.clock.now())
        row = FileRow(
            tenant=self.tenant, dataset_id="", agreement_id=way.agreement_id, digest=digest, holder=way.holder,
            name=name, media_type=media_type, size=size, access_class="", at=now,
        )  # fmt: skip
        said = {"holder": way.holder, "agreement": way.agreement_id, "digest": digest, "size": size}
        entry = EvidenceEntry(tenant=self.tenant, at=now, event="file-received", body=orjson.dumps(said))
        await self.store.commit_file(row, None, entry)
        await self.delivered(way, [self.file(way.agreement_id, digest)])

    async def delivered(self, way: Way, rows: Sequence[DeliveredRow | None]) -> None:
        """Keep what came whole and good, for whoever compares it with what was agreed."""
        if way.agreement_id and (kept := [row for row in rows if row is not None]):
            await self.store.commit_delivered(kept)

    def whole(self, agreement_id: str) -> DeliveredRow:
        """All that the agreement gives came in one transfer."""
        return self._unit(agreement_id, "", 0, ())

    def file(self, agreement_id: str, digest: str) -> DeliveredRow:
        """A file that came."""
        return self._unit(agreement_id, digest, 0, (digest,))

    def _unit(self, agreement_id: str, unit: str, version: int, digests: Iterable[str]) -> DeliveredRow:
        return DeliveredRow(
            tenant=self.tenant, agreement_id=agreement_id, unit=unit, version=version, digests=tuple(sorted(digests)),
            at=micros(self.clock.now()),
        )  # fmt: skip

    async def take(self, way: Way, items: Sequence[Item], octets_of: OctetsOf, result: Received) -> DeliveredRow | None:
        """Keep what is good of a record's version; `octets_of` gives the octets of a line, or says that it has none.
        The unit as delivered, if all of it was good.
        """
        lasting = {item.digest for item in items if item.level != Level.DYNAMIC}
        unit = self._unit(way.agreement_id, items[0].record_id, items[0].version, lasting)
        checked: dict[str, Good | None] = {}
        for _ in range(_TRIES):
            known = await self.store.load_record(self.tenant, way.holder, items[0].record_id, items[0].version)
            have = {row.digest for row in await self._have(way, items[0])} if known else set[str]()
            wanted = [item for item in items if item.given and item.digest not in have]
            if known and not wanted:
                result.unchanged += 1
                return unit
            newest = await self.store.load_record(self.tenant, way.holder, items[0].record_id)
            if known and set(known.digests) != lasting:
                result.refuse(items[0], "digest-changed", "its holder changed a signed statement without a new version")
                return None
            await self._check([item for item in wanted if item.digest not in checked], octets_of, checked, result)
            good = [one for item in wanted if (one := checked[item.digest]) is not None]
            kept = _of_one_party(good, await self._signers(newest))
            try:
                if kept:
                    await self._keep(way, items, kept, newest, result)
            except Conflict:  # another fetch kept some of it just now: what is left of ours?
                continue
            for one in good:
                if one not in kept:
                    result.refuse(one.item, "foreign-issuer", "the record was signed by another party before")
            return unit if len(kept) == len(wanted) else None
        raise Conflict("other fetches keep changing the same record", hint="repeat the command")

    async def _check(
        self, items: Sequence[Item], octets_of: OctetsOf, checked: dict[str, Good | None], result: Received
    ) -> None:
        """Get and verify these, some at once."""
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(item: Item) -> None:
            async with gate:
                checked[item.digest] = await self._checked(item, await octets_of(item), result)

        await asyncio.gather(*map(one, items))

    async def _signers(self, record: RecordRow | None) -> set[str]:
        """Who signs a record: one party, in all of its credentials and versions."""
        if record is None:
            return set()
        rows = await self.store.credentials(self.tenant, record.holder, record.record_id, record.version)
        return {row.issuer for row in rows}

    async def _have(self, way: Way, item: Item) -> list[CredentialRow]:
        return await self.store.credentials(self.tenant, way.holder, item.record_id, item.version)

    async def _checked(self, item: Item, octets: bytes | None, result: Received) -> Good | None:
        if octets is None:
            return None
        if digest_multibase(octets) != item.digest:
            result.refuse(item, "digest-mismatch", "its octets are not those that the page names")
            return None
        report = await self.verifier.verify(octets, trusted_only=True)
        credential = self._good(report, item.digest, result)
        if credential is None:
            return None
        found = record_header(credential)
        said = (item.record_id, item.version, item.level)
        if found is None or found[:3] != said or _own_type(credential) != item.record_type:
            result.refuse(item, "record-mismatch", "it belongs to another record, level or type than the page says")
            return None
        return Good(item, octets, report, credential)

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
                    Finding(
                        code=check.code or check.name,
                        message=f"{check.name}: {check.detail}",
                        place=place,
                        hint=_TRUST if check.code == "issuer-not-anchored" else "",
                    )
                )
        return None

    async def _keep(
        self,
        way: Way,
        items: Sequence[Item],
        good: Sequence[Good],
        newest: RecordRow | None,
        result: Received,
    ) -> None:
        """`Conflict`: `newest` is not what its holder's record is by now."""
        first, now = items[0], micros(self.clock.now())
        same = newest is not None and newest.version == first.version
        subject = next((one for one in good if one.item.level != Level.MODEL), good[0]).credential.subject
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
                links=[link for one in good for link in await self._links(record, one.credential.subject)],
                identifiers=[
                    row
                    for one in good
                    for row in identifiers(self.tenant, record, one.credential.subject)
                    if _may_number(row.issuer, one.credential.issuer, way.holder)
                ],
                dataset=way.dataset,
                evidence=[self._evidence(record, good, now)],
            )
        )
        result.records += 1
        result.credentials += len(good)

    async def _stale(self, way: Way, item: Item, good: Sequence[Good]) -> list[str]:
        """What the newer dynamic credentials take the place of."""
        if not any(one.item.level == Level.DYNAMIC for one in good):
            return []
        return [row.digest for row in await self._have(way, item) if row.level == Level.DYNAMIC]

    def _row(self, way: Way, item: Item, octets: bytes, report: Report, credential: Credential) -> CredentialRow:
        header = record_header(credential)
        return CredentialRow(
            tenant=self.tenant, digest=item.digest, holder=way.holder, record_id=item.record_id, version=item.version,
            credential_type=_own_type(credential), access_class=header[3] if header else "", level=item.level,
            subject_id=str(credential.subject.get("id", "")), issuer=credential.issuer,
            media_type=credential.media_type, octets=octets, status_list=None, status_index=None, origin=way.origin,
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

    def _evidence(self, record: RecordRow, good: Sequence[Good], now: int) -> EvidenceEntry:
        body = {
            "record": record.record_id, "version": record.version, "holder": record.holder,
            "agreement": record.agreement_id, "credentials": {one.item.digest: one.report.verdict for one in good},
        }  # fmt: skip
        return EvidenceEntry(tenant=self.tenant, at=now, event=f"record-{record.origin}", body=orjson.dumps(body))


def _of_one_party(good: Sequence[Good], signers: set[str]) -> list[Good]:
    """Those that the record's one signer signed; the first one is it where there is none yet."""
    kept: list[Good] = []
    for one in good:
        if not signers or one.credential.issuer in signers:
            signers = signers | {one.credential.issuer}
            kept.append(one)
    return kept


def _may_number(numbering: str, *parties: str) -> bool:
    """Whether a number counts: in a party's own numbering only what that party signed or passed on itself."""
    return not numbering.startswith("did:") or numbering in parties


def _own_type(credential: Credential) -> str:
    return next((name for name in credential.types if name != "VerifiableCredential"), "")
