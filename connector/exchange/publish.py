"""An export becomes records: mapped documents -> links made, shapes checked, credentials signed, one commit a batch.

A record that did not change mints nothing. Changed values of level `dynamic` get a new credential under the same
version; changed static content needs a declared correction (a new version that supersedes) or an overwrite (the same
version again, which breaks every digest that others signed: the answer warns). Rows with findings never reach the
store. Octets, digests and status indices land in one transaction. Mapping is `mapping/`'s, signing `credentials/`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

import orjson

from connector.credentials.datamodel import MEDIA_TYPE, RecordHeader, credential_payload, parse_credential
from connector.credentials.digest import digest_multibase
from connector.credentials.ids import link_id
from connector.credentials.issue import Issued, attach, attach_proof, prepare, prepare_older, prepare_proof
from connector.credentials.own_methods import OwnKeys, revoked_ids
from connector.credentials.securing import SELECTIVE, key_id_of, media_type_of
from connector.credentials.status_list import LIST_BITS, entries, scattered
from connector.errors import Conflict
from connector.exchange.in_part import InPart
from connector.exchange.pointers import put, without
from connector.exchange.ports import Clock, Store
from connector.exchange.publication import (
    Batch,
    Declared,
    Published,
    Ready,
    Target,
    Words,
    changed_content,
    link_key,
    link_to_part,
    parts_digest,
    revoked_key,
    same_thing,
    unresolved_link,
    upstream_link,
    validity,
)
from connector.exchange.rows import CredentialRow, DatasetRow, LinkRow, RecordRow
from connector.exchange.stored import micros
from connector.mapping.lineage import placed
from connector.model import Did, Finding, JsonObject, Level, counted

if TYPE_CHECKING:
    from connector.mapping.engine import Mapped

_BATCH = 200
_TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """The journey."""

    tenant: str
    did: Did
    status_url: str
    """Address of our status lists, without the number."""
    id_key: bytes
    store: Store
    keys: OwnKeys
    clock: Clock
    bundle: Words
    proofs: bool = False
    """Whether credentials get a proof inside, for who reads no tokens. What the exchange publishes does not."""
    older: bool = False
    """Whether they are of VC Data Model 1.1, for holders that read no other."""
    in_part: InPart | None = None
    """What a holder may leave out of them, where that was asked for."""
    valid_days: int = 0
    """How long they are good that say nothing of it themselves; 0: without end."""

    async def publish(
        self, documents: Sequence[Mapped], dataset: DatasetRow, declared: Declared, on_document: Callable[[int], None]
    ) -> Published:
        """Publish what a plan gave, under its policy. Documents that link to each other may come in any order.

        What is not offered is offered once something is in it: who made a contract on nothing would get nothing.
        """
        before = await self.store.load_dataset(self.tenant, dataset.dataset_id)
        result = Published()
        waiting = list(documents)
        if before is not None and not before.withdrawn:
            await self._offer(dataset, result)
        while waiting:
            made, waiting, unresolved = await self._pass(waiting, dataset, declared, result, on_document)
            if not made and waiting:
                result.findings += unresolved
                result.refused |= {mapped.record_id for mapped in waiting}
                break
        if declared.overwrite and result.minted:
            result.warnings.append(
                "overwritten without a new version: whoever linked the former credentials will find other digests"
            )
        if result.skipped:
            result.warnings.append(
                f"{counted(result.skipped, 'record')} went on with a high version: this store was brought back from a "
                "copy, and lower ones may have been given since the copy was made"
            )
        if result.moved:
            result.warnings.append(
                f"{counted(result.moved, 'record was', 'records were')} offered under another dataset or policy "
                "before, and no longer: who holds an agreement on that one gets them no more"
            )
        return result

    async def _offer(self, dataset: DatasetRow, result: Published) -> None:
        await self.store.commit_dataset(dataset)
        result.assets = 1

    async def _pass(
        self,
        waiting: Sequence[Mapped],
        dataset: DatasetRow,
        declared: Declared,
        result: Published,
        on_document: Callable[[int], None],
    ) -> tuple[int, list[Mapped], list[Finding]]:
        """Publish whatever has its links by now. Returns how many were settled, the rest, and why it waits."""
        rest: list[Mapped] = []
        settled, unresolved = 0, list[Finding]()
        for start in range(0, len(waiting), _BATCH):
            batch = waiting[start : start + _BATCH]
            for _ in range(_TRIES):
                try:
                    done, later, missing = await self._batch(batch, dataset, declared, result)
                    break
                except Conflict:
                    continue
            else:
                raise Conflict("somebody else publishes the same records")
            settled += len(batch) - len(later)
            rest += later
            unresolved += missing
            result.add(done)
            on_document(result.documents)
        return settled, rest, unresolved

    async def _batch(
        self, batch: Sequence[Mapped], dataset: DatasetRow, declared: Declared, result: Published
    ) -> tuple[Published, list[Mapped], list[Finding]]:
        # load
        targets = await self._targets(batch)
        standing = await self.store.load_records(self.tenant, self.did, [mapped.record_id for mapped in batch])
        index = await self.store.next_status_index(self.tenant)
        first = await self.store.first_version(self.tenant)
        # decide
        later: list[Mapped] = []
        done, missing = Published(), list[Finding]()
        commit = Batch(index=index, first=first)
        for mapped in batch:
            absent = [link for link in mapped.links if not link.optional and link_key(link) not in targets]
            if absent:
                later.append(mapped)
                missing += [unresolved_link(link, mapped) for link in absent]
                continue
            ready, findings = self._ready(mapped, targets, standing.get(mapped.record_id))
            done.findings += findings
            if ready is None:
                done.refused.add(mapped.record_id)
            else:
                done.classes |= {access for access, _ in ready.parts}
                await self._decide(ready, dataset, declared, commit, done)
        # commit
        if done.documents and not result.assets:  # before the records: they never stand under an earlier policy
            await self._offer(dataset, result)
        if commit.records:
            rows = commit.rows(self.tenant, self.did, dataset, micros(self.clock.now()))
            await self.store.commit_records(rows)
        return done, later, missing

    # --- links -------------------------------------------------------------------------------------------------------

    async def _targets(self, batch: Iterable[Mapped]) -> dict[tuple[str, ...], Target]:
        """The records that the links of these documents mean. An ambiguous identifier leads nowhere."""
        found: dict[tuple[str, ...], Target] = {}
        for link in {link_key(link): link for mapped in batch for link in mapped.links}.values():
            rows = await self.store.find_records(
                self.tenant, scheme=link.scheme, value=link.value, issuer=link.issuer, record_type=link.record_type
            )
            meant = same_thing([row for row in rows if (row.origin == "own") == link.own], link.issuer)
            if meant is not None:
                found[link_key(link)] = Target(meant, await self._media_type(meant))
        return found

    async def _media_type(self, record: RecordRow) -> str:
        """How the record's credentials are secured: one party signed them, so any that we have tells it."""
        for digest in record.digests:
            row = await self.store.find_credential(self.tenant, digest)
            if row is not None:
                return row.media_type
        return MEDIA_TYPE

    def _ready(
        self, mapped: Mapped, targets: Mapping[tuple[str, ...], Target], standing: RecordRow | None
    ) -> tuple[Ready | None, list[Finding]]:
        subject, rows, held, empty = mapped.subject, list[LinkRow](), list[RecordRow](), list[str]()
        for link in mapped.links:
            target = targets.get(link_key(link))
            if target is None:
                empty += [pointer for pointer in (link.path, link.id_path) if pointer]
                continue
            if link.id_path:
                subject = put(subject, link.id_path, target.record.subject_id)
            if target.media_type == SELECTIVE:
                return None, [link_to_part(link, mapped)]
            if link.path:
                row = self._link(mapped.record_id, standing, target.record)
                rows.append(row)
                held += [target.record] if target.record.origin == "held" else []
                subject = put(subject, link.path, upstream_link(row, target))
        subject = without(subject, empty)
        findings = [
            placed(finding, mapped.lineage, mapped.place) for finding in self.bundle.check(mapped.record_type, subject)
        ]
        if findings:
            return None, findings
        parts = self.bundle.split(mapped.record_type, subject, model_id=mapped.model_id or "")
        if self.in_part:
            check = partial(self.bundle.check, mapped.record_type)
            problems = self.in_part.problems(subject, parts.values(), check)
            if problems:
                return None, [placed(finding, mapped.lineage, mapped.place) for finding in problems]
        return Ready(
            mapped=mapped, subject=subject, parts=parts, links=tuple(rows), held=tuple(held), standing=standing,
            static=parts_digest(part for key, part in parts.items() if key[1] is not Level.DYNAMIC),
            dynamic=parts_digest(part for key, part in parts.items() if key[1] is Level.DYNAMIC),
        ), []  # fmt: skip

    def _link(self, record_id: str, standing: RecordRow | None, target: RecordRow) -> LinkRow:
        return LinkRow(
            tenant=self.tenant, link_id=link_id(self.id_key, record_id, target.record_id, target.version),
            from_holder=self.did, from_record=record_id, from_version=standing.version if standing else 1,
            to_record=target.record_id, to_version=target.version, holder=target.holder,
        )  # fmt: skip

    # --- versions ----------------------------------------------------------------------------------------------------

    async def _decide(
        self, ready: Ready, dataset: DatasetRow, declared: Declared, commit: Batch, done: Published
    ) -> None:
        """What becomes of a document: a new record, nothing, a new state, a correction, an overwrite, or a finding."""
        standing = ready.standing
        old = await self._issued(standing) if standing else []
        same = standing and (standing.content_digest, standing.dataset_id) == (ready.content_digest, dataset.dataset_id)
        if same and not self._orphaned(old):
            done.documents, done.credentials = done.documents + 1, done.credentials + len(old)
            done.unchanged += 1
            return
        made = await self._signed_anew(ready, old, declared, commit)
        if isinstance(made, Finding):
            done.findings.append(made)
            done.refused.add(ready.mapped.record_id)
            return
        if standing and standing.dataset_id != dataset.dataset_id:
            done.moved += 1
            done.left.add(standing.dataset_id)
        commit.add(self._record(ready, dataset, made), made, ready)
        done.documents += 1
        done.credentials += len(made)
        done.minted += 1
        done.skipped += standing is not None and made[0].version > standing.version + 1

    async def _signed_anew(
        self, ready: Ready, old: Sequence[CredentialRow], declared: Declared, commit: Batch
    ) -> list[CredentialRow] | Finding:
        """The document's credentials, under the version that they belong to; or why it takes a declaration."""
        standing = ready.standing
        if standing is None:
            return await self._sign(ready, commit, version=commit.first)
        fixed = [row for row in old if row.level != Level.DYNAMIC]
        unchanged = standing.content_digest.partition(":")[0] == ready.static
        if unchanged and not self._orphaned(fixed):
            commit.overwritten += [row.digest for row in old if row.level == Level.DYNAMIC]
            return await self._sign(ready, commit, version=standing.version, kept=fixed)
        if declared.correction:
            before = tuple(row.digest for row in fixed)
            said = {(row.access_class, row.level): parse_credential(row.octets, selective=True).subject for row in old}
            return await self._sign(
                ready, commit, version=max(standing.version + 1, commit.first), supersedes=before,
                reason=declared.correction, said=said,
            )  # fmt: skip
        if declared.overwrite:
            commit.overwritten += [row.digest for row in old]
            return await self._sign(ready, commit, version=standing.version)
        return (revoked_key if unchanged else changed_content)(ready.mapped)

    async def _sign(
        self,
        ready: Ready,
        commit: Batch,
        *,
        version: int,
        kept: Sequence[CredentialRow] = (),
        supersedes: tuple[str, ...] = (),
        reason: str = "",
        said: Mapping[tuple[str, str], JsonObject] = MappingProxyType({}),
    ) -> list[CredentialRow]:
        """One credential per access class and level; `kept` ones stand for their parts as they are.

        `said`: the parts as they were before. Why something was corrected is told to those alone who saw it: a reason
        about a recipe does not belong into public credentials, whose values are the same.
        """
        rows = list(kept)
        have = {(row.access_class, row.level) for row in kept}
        for (access, level), part in ready.parts.items():
            if (access.value, level.value) in have:
                continue
            header = RecordHeader(
                id=ready.mapped.record_id, version=version, access_class=access.value, level=level.value,
                supersedes=supersedes,
                correction_reason="" if said.get((access.value, level.value)) == part else reason,
            )  # fmt: skip
            rows.append(await self._credential(ready, part, header, commit.take_index()))
        return rows

    async def _credential(self, ready: Ready, part: JsonObject, header: RecordHeader, index: int) -> CredentialRow:
        record_type = ready.mapped.record_type
        number, position = divmod(index, LIST_BITS)
        start, end = validity(part)
        if end is None and self.valid_days:
            end = self.clock.now() + timedelta(days=self.valid_days)
        status = entries(f"{self.status_url}/{number}", scattered(self.id_key, number, position))
        payload = credential_payload(
            context=self.bundle.context_url, credential_type=record_type, issuer=self.did,
            valid_from=start or self.clock.now(), valid_until=end,
            subject=part, record=header,
            status=status[:1] if self.older else status,  # its section 4.9 speaks of one, and programs take no list
        )  # fmt: skip
        issued = await self._secured(payload, ready.subject)
        return CredentialRow(
            tenant=self.tenant, digest=issued.digest, holder=self.did, record_id=header.id, version=header.version,
            credential_type=record_type, access_class=header.access_class, level=header.level,
            subject_id=str(part["id"]), issuer=self.did, media_type=media_type_of(issued.octets), octets=issued.octets,
            status_list=number, status_index=position, origin="own",
        )  # fmt: skip

    async def _secured(self, payload: JsonObject, subject: JsonObject) -> Issued:
        signer = self.keys.assertion(self.clock.now())
        if self.in_part:
            octets = await self.in_part.secured(subject, payload, signer)
            return Issued(octets=octets, digest=digest_multibase(octets))
        if self.proofs:
            unproved = prepare_proof(payload, key_id=signer.key_id, alg=signer.alg, created=self.clock.now())
            return attach_proof(unproved, await signer.sign(unproved.message))
        unsigned = (prepare_older if self.older else prepare)(payload, key_id=signer.key_id, alg=signer.alg)
        return attach(unsigned, await signer.sign(unsigned))

    def _orphaned(self, rows: Iterable[CredentialRow]) -> bool:
        """Whether a key that we revoked signed one of these: nobody can verify it any more."""
        gone = revoked_ids(self.keys.methods(self.clock.now()), self.did)
        return bool(gone) and any(key_id_of(row.octets) in gone for row in rows)

    async def _issued(self, record: RecordRow) -> list[CredentialRow]:
        return await self.store.credentials(self.tenant, self.did, record.record_id, record.version)

    def _record(self, ready: Ready, dataset: DatasetRow, made: Sequence[CredentialRow]) -> RecordRow:
        mapped = ready.mapped
        return RecordRow(
            tenant=self.tenant, record_id=mapped.record_id, version=made[0].version, record_type=mapped.record_type,
            key=mapped.key, subject_id=str(ready.subject["id"]), holder=self.did, origin="own",
            dataset_id=dataset.dataset_id, agreement_id="", content_digest=ready.content_digest,
            content=orjson.dumps(ready.subject), lineage=orjson.dumps(mapped.lineage.as_json()),
            digests=tuple(sorted(row.digest for row in made if row.level != Level.DYNAMIC)), buyers=mapped.buyers,
            at=micros(self.clock.now()),
        )  # fmt: skip
