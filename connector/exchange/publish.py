"""An export becomes records: mapped documents -> links made, shapes checked, credentials signed, one commit a batch.

A record that did not change mints nothing. Changed values of level `dynamic` get a new credential under the same
version; changed static content needs a declared correction (a new version that supersedes) or an overwrite (the same
version again, which breaks every digest that others signed: the answer warns). Rows with findings never reach the
store. Octets, digests and status indices land in one transaction. Mapping is `mapping/`'s, signing `credentials/`'s.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import orjson

from connector.credentials.datamodel import RecordHeader, StatusEntry, credential_payload, parse_time
from connector.credentials.ids import link_id
from connector.credentials.issue import attach, prepare
from connector.credentials.signing import Signer
from connector.credentials.status_list import LIST_BITS
from connector.errors import Conflict
from connector.exchange.conversation import micros
from connector.exchange.pointers import put, without
from connector.exchange.ports import (
    Clock,
    CredentialRow,
    DatasetRow,
    EvidenceEntry,
    IdentifierRow,
    LinkRow,
    RecordRow,
    RecordsCommit,
    Store,
)
from connector.exchange.subjects import identifiers
from connector.mapping.columns import LinkRequest
from connector.mapping.engine import Mapped
from connector.model import AccessClass, Did, Finding, Json, JsonObject, Level, Place
from connector.vocabulary.bundle import Bundle

MEDIA_TYPE = "application/vc+jwt"
_BATCH = 200
_TRIES = 5

Parts = Mapping[tuple[AccessClass, Level], JsonObject]


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What the operator says about changed static content."""

    correction: str = ""
    overwrite: bool = False


@dataclass(slots=True, kw_only=True)
class Published:
    """What came of it. `documents` and `credentials` count what stands now, so that a repeat gives the same."""

    documents: int = 0
    credentials: int = 0
    assets: int = 0
    minted: int = 0
    unchanged: int = 0
    findings: list[Finding] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def as_json(self) -> JsonObject:
        """The published shape (`publish --json`)."""
        return {
            "documents": self.documents,
            "credentials": self.credentials,
            "assets": self.assets,
            "minted": self.minted,
            "unchanged": self.unchanged,
            "findings": [finding.as_json() for finding in self.findings],
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A document whose links are made and whose parts are known, beside the version that stands now."""

    mapped: Mapped
    subject: JsonObject
    parts: Parts
    links: tuple[LinkRow, ...]
    held: tuple[RecordRow, ...]
    """Third parties' credentials that this document links to: they are passed on with it."""
    standing: RecordRow | None
    static: str
    dynamic: str

    @property
    def content_digest(self) -> str:
        """Both digests, as the record keeps them."""
        return f"{self.static}:{self.dynamic}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """The journey."""

    tenant: str
    did: Did
    context: str
    status_url: str
    """Address of our status lists, without the number."""
    id_key: bytes
    store: Store
    signer: Signer
    clock: Clock
    bundle: Bundle

    async def publish(
        self, documents: Sequence[Mapped], dataset: DatasetRow, declared: Declared, on_document: Callable[[int], None]
    ) -> Published:
        """Publish what a plan gave, under its policy. Documents that link to each other may come in any order."""
        result = Published(assets=1)
        waiting = list(documents)
        await self.store.commit_dataset(dataset)
        while waiting:
            made, waiting, unresolved = await self._pass(waiting, dataset, declared, result, on_document)
            if not made and waiting:
                result.findings += unresolved
                break
        if declared.overwrite and result.minted:
            result.warnings.append(
                "overwritten without a new version: whoever linked the former credentials will find other digests"
            )
        return result

    async def _pass(
        self,
        waiting: Sequence[Mapped],
        dataset: DatasetRow,
        declared: Declared,
        result: Published,
        on_document: Callable[[int], None],
    ) -> tuple[int, list[Mapped], list[Finding]]:
        """Publish whatever has its links by now. Returns how many were settled, the rest, and why it waits."""
        settled, rest, unresolved = 0, list[Mapped](), list[Finding]()
        for start in range(0, len(waiting), _BATCH):
            batch = waiting[start : start + _BATCH]
            for _ in range(_TRIES):
                try:
                    done, later, missing = await self._batch(batch, dataset, declared)
                    break
                except Conflict:
                    continue
            else:
                raise Conflict("somebody else publishes the same records")
            settled += len(batch) - len(later)
            rest += later
            unresolved += missing
            _add(result, done)
            on_document(result.documents)
        return settled, rest, unresolved

    async def _batch(
        self, batch: Sequence[Mapped], dataset: DatasetRow, declared: Declared
    ) -> tuple[Published, list[Mapped], list[Finding]]:
        # load
        targets = await self._targets(batch)
        standing = await self.store.load_records(self.tenant, [mapped.record_id for mapped in batch])
        index = await self.store.next_status_index(self.tenant)
        # decide
        done, later, missing = Published(), list[Mapped](), list[Finding]()
        commit = _Commit(index=index)
        for mapped in batch:
            absent = [link for link in mapped.links if not link.optional and _key(link) not in targets]
            if absent:
                later.append(mapped)
                missing += [_unresolved(link, mapped) for link in absent]
                continue
            ready, findings = self._ready(mapped, targets, standing.get(mapped.record_id))
            done.findings += findings
            if ready is not None:
                await self._decide(ready, dataset, declared, commit, done)
        # commit
        if commit.records:
            await self.store.commit_records(commit.rows(self.tenant, dataset, micros(self.clock.now())))
        return done, later, missing

    # --- links -------------------------------------------------------------------------------------------------------

    async def _targets(self, batch: Iterable[Mapped]) -> dict[tuple[str, ...], RecordRow]:
        """The records that the links of these documents mean. An ambiguous identifier leads nowhere."""
        found: dict[tuple[str, ...], RecordRow] = {}
        for link in {_key(link): link for mapped in batch for link in mapped.links}.values():
            rows = await self.store.find_records(
                self.tenant, scheme=link.scheme, value=link.value, issuer=link.issuer, record_type=link.record_type
            )
            fitting = [row for row in rows if (row.origin == "own") == link.own]
            if len(fitting) == 1:
                found[_key(link)] = fitting[0]
        return found

    def _ready(
        self, mapped: Mapped, targets: Mapping[tuple[str, ...], RecordRow], standing: RecordRow | None
    ) -> tuple[Ready | None, list[Finding]]:
        subject, rows, held, empty = mapped.subject, list[LinkRow](), list[RecordRow](), list[str]()
        for link in mapped.links:
            target = targets.get(_key(link))
            if target is None:
                empty += [pointer for pointer in (link.path, link.id_path) if pointer]
                continue
            if link.id_path:
                subject = put(subject, link.id_path, target.subject_id)
            if link.path:
                row = self._link(mapped.record_id, standing, target)
                rows.append(row)
                held += [target] if target.origin == "held" else []
                subject = put(subject, link.path, _upstream_link(row, target))
        subject = without(subject, empty)
        findings = [_placed(finding, mapped) for finding in self.bundle.check(mapped.record_type, subject)]
        if findings:
            return None, findings
        parts = self.bundle.split(mapped.record_type, subject, model_id=mapped.model_id or "")
        return Ready(
            mapped=mapped, subject=subject, parts=parts, links=tuple(rows), held=tuple(held), standing=standing,
            static=_digest(part for key, part in parts.items() if key[1] is not Level.DYNAMIC),
            dynamic=_digest(part for key, part in parts.items() if key[1] is Level.DYNAMIC),
        ), []  # fmt: skip

    def _link(self, record_id: str, standing: RecordRow | None, target: RecordRow) -> LinkRow:
        return LinkRow(
            tenant=self.tenant, link_id=link_id(self.id_key, record_id, target.record_id, target.version),
            from_record=record_id, from_version=standing.version if standing else 1, to_record=target.record_id,
            to_version=target.version, holder=target.holder,
        )  # fmt: skip

    # --- versions ----------------------------------------------------------------------------------------------------

    async def _decide(
        self, ready: Ready, dataset: DatasetRow, declared: Declared, commit: _Commit, done: Published
    ) -> None:
        """What becomes of a document: a new record, nothing, a new state, a correction, an overwrite, or a finding."""
        standing = ready.standing
        old = await self.store.credentials(self.tenant, standing.record_id, standing.version) if standing else []
        static, _, _ = standing.content_digest.partition(":") if standing else ("", "", "")
        if standing and standing.content_digest == ready.content_digest and standing.dataset_id == dataset.dataset_id:
            done.documents, done.credentials = done.documents + 1, done.credentials + len(old)
            done.unchanged += 1
            return
        if standing is None:
            made = await self._sign(ready, commit, version=1)
        elif static == ready.static:
            kept = [row for row in old if row.level != Level.DYNAMIC]
            made = await self._sign(ready, commit, version=standing.version, kept=kept)
            commit.overwritten += [row.digest for row in old if row.level == Level.DYNAMIC]
        elif declared.correction:
            before = tuple(row.digest for row in old if row.level != Level.DYNAMIC)
            made = await self._sign(
                ready, commit, version=standing.version + 1, supersedes=before, reason=declared.correction
            )
        elif declared.overwrite:
            made = await self._sign(ready, commit, version=standing.version)
            commit.overwritten += [row.digest for row in old]
        else:
            done.findings.append(_changed(ready.mapped))
            return
        commit.add(self._record(ready, dataset, made), made, ready, standing)
        done.documents += 1
        done.credentials += len(made)
        done.minted += 1

    async def _sign(
        self,
        ready: Ready,
        commit: _Commit,
        *,
        version: int,
        kept: Sequence[CredentialRow] = (),
        supersedes: tuple[str, ...] = (),
        reason: str = "",
    ) -> list[CredentialRow]:
        """One credential per access class and level; `kept` ones stand for their parts as they are."""
        rows = list(kept)
        have = {(row.access_class, row.level) for row in kept}
        for (access, level), part in ready.parts.items():
            if (access.value, level.value) in have:
                continue
            header = RecordHeader(
                id=ready.mapped.record_id, version=version, access_class=access.value, level=level.value,
                supersedes=supersedes, correction_reason=reason,
            )  # fmt: skip
            rows.append(await self._credential(ready.mapped.record_type, part, header, commit.take_index()))
        return rows

    async def _credential(self, record_type: str, part: JsonObject, header: RecordHeader, index: int) -> CredentialRow:
        number, position = divmod(index, LIST_BITS)
        start, end = _validity(part)
        payload = credential_payload(
            context=self.context, credential_type=record_type, issuer=self.did,
            valid_from=start or self.clock.now(), valid_until=end,
            subject=part, record=header,
            status=StatusEntry(purpose="revocation", index=position, list_url=f"{self.status_url}/{number}"),
        )  # fmt: skip
        unsigned = prepare(payload, key_id=self.signer.key_id, alg=self.signer.alg)
        issued = attach(unsigned, await self.signer.sign(unsigned))
        return CredentialRow(
            tenant=self.tenant, digest=issued.digest, record_id=header.id, version=header.version,
            credential_type=record_type, access_class=header.access_class, level=header.level,
            subject_id=str(part["id"]), issuer=self.did, media_type=MEDIA_TYPE, octets=issued.octets,
            status_list=number, status_index=position, origin="own",
        )  # fmt: skip

    def _record(self, ready: Ready, dataset: DatasetRow, made: Sequence[CredentialRow]) -> RecordRow:
        mapped = ready.mapped
        return RecordRow(
            tenant=self.tenant, record_id=mapped.record_id, version=made[0].version, record_type=mapped.record_type,
            key=mapped.key, subject_id=str(ready.subject["id"]), holder=self.did, origin="own",
            dataset_id=dataset.dataset_id, agreement_id="", content_digest=ready.content_digest,
            content=orjson.dumps(ready.subject), lineage=orjson.dumps(mapped.lineage.as_json()),
            digests=tuple(row.digest for row in made if row.level != Level.DYNAMIC), buyers=mapped.buyers,
            at=micros(self.clock.now()),
        )  # fmt: skip


@dataclass(slots=True, kw_only=True)
class _Commit:
    """What a batch will write."""

    index: int
    records: list[RecordRow] = field(default_factory=list)
    credentials: list[CredentialRow] = field(default_factory=list)
    overwritten: list[str] = field(default_factory=list)
    links: list[LinkRow] = field(default_factory=list)
    expected: dict[str, int] = field(default_factory=dict)
    held: dict[str, RecordRow] = field(default_factory=dict)

    def take_index(self) -> int:
        """The next status index. A batch that loses the race for it is made again."""
        self.index += 1
        return self.index - 1

    def add(self, record: RecordRow, made: Sequence[CredentialRow], ready: Ready, standing: RecordRow | None) -> None:
        """One record with its credentials and links."""
        self.records.append(record)
        self.credentials += made
        for row in ready.held:
            self.pass_on(row, ready.mapped.buyers)
        self.links += [replace(link, from_version=record.version) for link in ready.links]
        self.expected[record.record_id] = standing.version if standing else 0

    def pass_on(self, row: RecordRow, buyers: tuple[str, ...]) -> None:
        """Whoever may get the document may get what it rests on."""
        known = self.held.get(row.record_id, row)
        self.held[row.record_id] = replace(known, buyers=tuple(dict.fromkeys((*known.buyers, *buyers))))
        self.expected[row.record_id] = row.version

    def rows(self, tenant: str, dataset: DatasetRow, now: int) -> RecordsCommit:
        """The transaction."""
        body: JsonObject = {
            "dataset": dataset.dataset_id,
            "records": [
                {"id": row.record_id, "version": row.version, "digests": list(row.digests)} for row in self.records
            ],
        }  # fmt: skip
        return RecordsCommit(
            tenant=tenant, expected=self.expected, records=[*self.records, *self.held.values()],
            credentials=self.credentials,
            overwritten=self.overwritten, links=self.links,
            identifiers=[row for record in self.records for row in _identifiers(tenant, record)],
            evidence=[EvidenceEntry(tenant=tenant, at=now, event="published", body=orjson.dumps(body))],
        )  # fmt: skip


def _identifiers(tenant: str, record: RecordRow) -> list[IdentifierRow]:
    subject = orjson.loads(record.content)
    return list(identifiers(tenant, record, subject))


def _validity(subject: JsonObject) -> tuple[datetime | None, datetime | None]:
    """What a permit or attestation says of its own time is also the credential's (VC Data Model 2.0, 4.9)."""
    match subject.get("validity"):
        case {"start": str(start), "end": str(end)}:
            return parse_time(start), parse_time(end)
    return None, None


def _key(link: LinkRequest) -> tuple[str, ...]:
    return (link.record_type or "", link.scheme, link.value, link.issuer or "", str(link.own))


def _upstream_link(row: LinkRow, target: RecordRow) -> JsonObject:
    return {
        "type": "UpstreamLink",
        "id": row.link_id,
        "recordVersion": str(target.version),
        "mediaType": MEDIA_TYPE,
        "digest": list(target.digests),
    }


def _digest(parts: Iterable[JsonObject]) -> str:
    content: list[Json] = list(parts)
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _add(total: Published, part: Published) -> None:
    total.documents += part.documents
    total.credentials += part.credentials
    total.minted += part.minted
    total.unchanged += part.unchanged
    total.findings += part.findings


def _placed(finding: Finding, mapped: Mapped) -> Finding:
    """A finding on the document, led back to the cell that its value came from where the lineage knows it."""
    place = mapped.place
    wanted = finding.term.lstrip("$./").partition("/")[0]
    for pointer, cells in mapped.lineage.cells().items():
        if cells and wanted and pointer.lstrip("/").partition("/")[0] == wanted:
            cell = cells[0]
            place = Place(
                source=cell.file, sheet=cell.sheet, record=cell.record, line=cell.line, column=cell.column,
                value=cell.value,
            )  # fmt: skip
            break
    return Finding(code=finding.code, message=finding.message, hint=finding.hint, term=finding.term, place=place)


def _unresolved(link: LinkRequest, mapped: Mapped) -> Finding:
    what = link.record_type or "record"
    whose = "of this company was published" if link.own else "was received or imported"
    return Finding(
        code="link-unresolved",
        message=f"no {what} with {link.scheme} {link.value!r} {whose}",
        hint="publish it first" if link.own else "request and fetch the supplier's data first, or import the file",
        term=link.path or link.id_path,
        place=mapped.place,
    )


def _changed(mapped: Mapped) -> Finding:
    return Finding(
        code="changed-without-correction",
        message=f"{mapped.record_type} {mapped.key} was published with other values, and others may rest on them",
        hint="declare it: publish --correct REASON",
        place=mapped.place,
    )
