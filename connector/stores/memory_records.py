"""Records in memory: the same promises as `records`, kept with dictionaries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from connector.errors import Conflict, NotOffered
from connector.exchange.rows import (
    CredentialRow,
    DatasetRow,
    EvidenceEntry,
    FileRow,
    IdentifierRow,
    LinkRow,
    Origin,
    RecordRow,
    RecordsCommit,
    StatusChangeRow,
    StepCommit,
)
from connector.protocol.catalog_query import Selection
from connector.stores.file_tables import MemoryFiles
from connector.stores.memory_processes import ProcessKey
from connector.stores.records import changed_datasets, dataset_changed
from connector.stores.status import status_place

VersionKey = tuple[str, str, str, int]


class MemoryRecords(MemoryFiles):
    """The methods of the `Store` port that are about records, over those that are about processes and files."""

    def __init__(self) -> None:
        super().__init__()
        self._records: dict[VersionKey, RecordRow] = {}
        self._newest: dict[tuple[str, str, str], int] = {}
        self._credentials: dict[tuple[VersionKey, str], CredentialRow] = {}
        self._marks: dict[str, int] = {}
        self._first_versions: dict[str, int] = {}
        self._links: dict[tuple[VersionKey, str], LinkRow] = {}
        self._identifiers: defaultdict[tuple[str, str], dict[tuple[str, ...], IdentifierRow]] = defaultdict(dict)
        """By tenant and value."""
        self._named: defaultdict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
        """Tenant and id of a record or subject -> (record id, holder), perhaps of an older version."""
        self._changes: list[StatusChangeRow] = []

    async def commit_records(self, commit: RecordsCommit) -> None:
        """Publish, receive or hold a batch."""
        for record_id, version in commit.expected.items():
            if self._newest.get((commit.tenant, commit.holder, record_id), 0) != version:
                raise Conflict(f"record {record_id} is no longer at version {version}")
        for record in commit.records:
            if self._signed_otherwise(record) and not commit.overwritten:
                raise Conflict(f"record {record.record_id} has a version {record.version} already, signed otherwise")
        mark = self._check_status(commit)
        gone = {(commit.tenant, commit.holder, digest) for digest in commit.overwritten}
        self._credentials = {
            key: row for key, row in self._credentials.items() if (row.tenant, row.holder, row.digest) not in gone
        }
        newest = {(row.holder, row.record_id): row for row in self._all_newest(commit.tenant)}
        changed = [
            one for record in commit.records
            for one in changed_datasets(record, newest.get((record.holder, record.record_id)))
        ]  # fmt: skip
        self._contents.update((commit.tenant, one) for one in set(changed))
        for record in commit.records:
            self._save_record(record)
        for credential in commit.credentials:
            self._credentials.setdefault((_key(credential), credential.digest), credential)
        self._marks[commit.tenant] = mark
        for link in commit.links:
            self._links[(link.tenant, link.from_holder, link.from_record, link.from_version), link.link_id] = link
        for row in commit.identifiers:
            self._identifiers[row.tenant, row.value][row.scheme, row.issuer, row.holder, row.record_id] = row
        if commit.dataset is not None:
            self._datasets[commit.dataset.tenant, commit.dataset.dataset_id] = commit.dataset
        self._append(commit.evidence)

    async def next_status_index(self, tenant: str) -> int:
        """The lowest index never given."""
        return self._marks.get(tenant, 0)

    async def first_version(self, tenant: str) -> int:
        """The lowest version that a new one may have."""
        return self._first_versions.get(tenant, 1)

    async def is_copy(self) -> bool:
        """Never: what is in memory has no copies."""
        return False

    async def commit_restored(
        self, tenant: str, *, first_version: int, status_index: int, evidence: EvidenceEntry
    ) -> None:
        """Note that it takes its original's place."""
        self._marks[tenant] = max(self._marks.get(tenant, 0), status_index)
        self._first_versions[tenant] = max(self._first_versions.get(tenant, 1), first_version)
        self._append((evidence,))

    async def load_record(
        self, tenant: str, holder: str, record_id: str, version: int | None = None
    ) -> RecordRow | None:
        """A record's version, or its newest."""
        if version is None:
            return self._newest_of(tenant, holder, record_id)
        return self._records.get((tenant, holder, record_id, version))

    async def load_records(self, tenant: str, holder: str, record_ids: Sequence[str]) -> dict[str, RecordRow]:
        """The newest versions of these records."""
        wanted = {(holder, record_id) for record_id in record_ids}
        return {row.record_id: row for row in self._all_newest(tenant) if (row.holder, row.record_id) in wanted}

    async def find_records(
        self, tenant: str, *, scheme: str | None, value: str, issuer: str | None = None, record_type: str | None = None
    ) -> list[RecordRow]:
        """Newest versions of records that carry this identifier."""
        found = {
            (row.record_id, row.holder)
            for row in self._identifiers.get((tenant, value), {}).values()
            if scheme in {None, row.scheme} and issuer in {None, row.issuer}
        }
        named = self._named.get((tenant, value), set()) if scheme is None else set[tuple[str, str]]()
        rows = (self._newest_of(tenant, holder, record_id) for record_id, holder in sorted(found | named))
        return [
            row
            for row in rows
            if row is not None
            and record_type in {None, row.record_type}
            and ((row.record_id, row.holder) in found or value in {row.record_id, row.subject_id})
        ]

    async def find_units(
        self, tenant: str, holder: str, dataset_id: str, value: str, *, limit: int = 100
    ) -> list[RecordRow]:
        """Newest versions of a dataset's records that carry this identifier, or whose id or subject it is."""
        rows = await self.find_records(tenant, scheme=None, value=value)
        return [row for row in rows if (row.holder, row.dataset_id) == (holder, dataset_id)][:limit]

    async def list_records(
        self,
        tenant: str,
        *,
        origin: Origin | None = None,
        dataset_id: str | None = None,
        after: tuple[str, str] = ("", ""),
        limit: int = 1000,
    ) -> list[RecordRow]:
        """Newest versions by record id and holder."""
        rows = [
            row
            for row in self._all_newest(tenant)
            if (row.record_id, row.holder) > after
            and origin in {None, row.origin}
            and dataset_id in {None, row.dataset_id}
        ]
        return rows[:limit]

    async def credentials(self, tenant: str, holder: str, record_id: str, version: int) -> list[CredentialRow]:
        """The credentials of a record's version."""
        key = (tenant, holder, record_id, version)
        return sorted((row for (of, _), row in self._credentials.items() if of == key), key=lambda row: row.digest)

    async def used_records(self, tenant: str, holder: str, record_ids: Sequence[str]) -> set[str]:
        """Those of a holder's records to which records of our own lead."""
        return {
            row.to_record
            for (key, _), row in self._links.items()
            if (row.tenant, row.holder) == (tenant, holder) and row.to_record in set(record_ids)
            and key in self._records and self._records[key].origin == "own"
        }  # fmt: skip

    async def commit_discard(
        self, tenant: str, records: Sequence[tuple[str, str]], files: Sequence[FileRow], evidence: EvidenceEntry
    ) -> list[str]:
        """Drop received records and files; the digests that no row names any more."""
        gone = {key for key, row in self._records.items() if row.origin == "received" and key[1:3] in set(records)}
        gone = {key for key in gone if key[0] == tenant}
        heads = {key[:3] for key in gone}
        self._records = {key: row for key, row in self._records.items() if key not in gone}
        self._newest = {key: version for key, version in self._newest.items() if key not in heads}
        self._credentials = {at: row for at, row in self._credentials.items() if at[0] not in gone}
        self._links = {at: row for at, row in self._links.items() if at[0] not in gone}
        for value, rows in self._identifiers.items():
            left = {at: row for at, row in rows.items() if (row.tenant, row.holder, row.record_id) not in heads}
            self._identifiers[value] = left
        for file in files:
            self._files.pop((tenant, "", file.agreement_id, file.digest), None)
        self._append((evidence,))
        named = {row.digest for row in self._files.values() if row.tenant == tenant}
        return [one for one in dict.fromkeys(row.digest for row in files) if one not in named]

    async def received_bytes(self, tenant: str, holder: str) -> int:
        """How many bytes are kept that came from this party."""
        rows = [row for row in self._credentials.values() if (row.tenant, row.holder) == (tenant, holder)]
        files = [row for row in self._files.values() if (row.tenant, row.holder) == (tenant, holder)]
        received = sum(len(row.octets) for row in rows if row.origin == "received")
        return received + sum(row.size for row in files if row.agreement_id)

    async def find_credential(self, tenant: str, digest: str) -> CredentialRow | None:
        """A credential by digest."""
        rows = [row for row in self._credentials.values() if (row.tenant, row.digest) == (tenant, digest)]
        return min(
            rows, key=lambda row: (row.origin == "received", -row.version, row.record_id, row.holder), default=None
        )

    async def find_link(self, tenant: str, link_id: str) -> LinkRow | None:
        """Where one of our links leads."""
        rows = [row for (key, _), row in self._links.items() if (row.tenant, row.link_id) == (tenant, link_id)
                and key in self._records and self._records[key].origin == "own"]  # fmt: skip
        return min(rows, key=lambda row: (-row.from_version, row.from_record), default=None)

    async def later_records(
        self, tenant: str, record_id: str, *, after: tuple[str, str] = ("", ""), limit: int = 1000
    ) -> list[RecordRow]:
        """Newest versions of own and received records whose links lead back to this record, by record id and holder."""
        leading = {key for (key, _), row in self._links.items() if (row.tenant, row.to_record) == (tenant, record_id)}
        rows = [row for row in self._all_newest(tenant) if _key(row) in leading and row.origin != "held"]
        return [row for row in rows if (row.record_id, row.holder) > after][:limit]

    async def commit_dataset(
        self, row: DatasetRow, evidence: Sequence[EvidenceEntry] = (), *, expected: DatasetRow | None = None
    ) -> None:
        """Insert or replace a dataset."""
        if expected not in {None, self._datasets.get((row.tenant, row.dataset_id))}:
            raise dataset_changed(row)
        self._datasets[row.tenant, row.dataset_id] = row
        self._append(evidence)

    async def load_dataset(self, tenant: str, dataset_id: str) -> DatasetRow | None:
        """A dataset by id."""
        return self._datasets.get((tenant, dataset_id))

    async def list_datasets(self, tenant: str, *, after: str = "", limit: int = 1000) -> list[DatasetRow]:
        """All datasets by id."""
        rows = [row for row in self._datasets.values() if row.tenant == tenant and row.dataset_id > after]
        return sorted(rows, key=lambda row: row.dataset_id)[:limit]

    async def dataset_policies(
        self, tenant: str, *, start: str | None, backwards: bool = False, limit: int = 100
    ) -> list[tuple[str, bytes]]:
        """The distinct policies of all datasets, (digest, document), by digest."""
        offered = (row for row in self._datasets.values() if row.tenant == tenant and not row.withdrawn)
        known = {row.policy_digest: row.policy for row in offered}
        left = [one for one in known if start is None or (one <= start if backwards else one >= start)]
        return [(digest, known[digest]) for digest in sorted(left, reverse=backwards)[:limit]]

    async def find_datasets(
        self, tenant: str, policy_digest: str, wanted: Selection, *, place: str = "", skip: int = 0,
        backwards: bool = False, limit: int = 100,
    ) -> list[DatasetRow]:  # fmt: skip
        """The wanted datasets of one policy by id."""
        rows = self._fitting(tenant, policy_digest, wanted)
        if backwards:
            rows = [row for row in rows if not place or row.dataset_id < place]
            return rows[::-1][:limit]
        return [row for row in rows if row.dataset_id > place][skip : skip + limit]

    async def count_datasets(self, tenant: str, policy_digest: str, wanted: Selection) -> int:
        """How many wanted datasets a policy has."""
        return len(self._fitting(tenant, policy_digest, wanted))

    def _fitting(self, tenant: str, policy_digest: str, wanted: Selection) -> list[DatasetRow]:
        rows = [row for row in self._datasets.values() if (row.tenant, row.policy_digest) == (tenant, policy_digest)]
        fitting = [
            row for row in rows if not row.withdrawn and wanted.fits(row.dataset_id, row.title, row.record_types)
        ]
        return sorted(fitting, key=lambda row: row.dataset_id)

    async def status_bits(self, tenant: str, list_number: int, *, now: int) -> list[int]:
        """Indices within the list that are set by now."""
        last: dict[int, str] = {}
        for row in sorted(self._changes_of(tenant, list_number), key=lambda row: row.effective):
            if row.effective <= now and last.get(row.index) != "revocation":
                last[row.index] = row.purpose
        return sorted(index for index, purpose in last.items() if purpose != "reinstatement")

    async def status_changes(self, tenant: str, list_number: int) -> list[StatusChangeRow]:
        """The changes of a list, oldest first."""
        return list(self._changes_of(tenant, list_number))

    async def commit_status_change(self, row: StatusChangeRow, evidence: EvidenceEntry) -> None:
        """Record a change."""
        self._changes.append(row)
        self._append((evidence,))

    async def counts(self, tenant: str) -> dict[str, int]:
        """Numbers for people; processes by kind and state, e.g. `negotiation FINALIZED`."""
        counted = {
            "records": len(self._all_newest(tenant)),
            "credentials": sum(row.tenant == tenant for row in self._credentials.values()),
            "agreements": sum(row.tenant == tenant for row in self._agreements.values()),
            "outbox": sum(len(rows) for key, rows in self._outbox.items() if key[0] == tenant),
            "evidence": len(self._evidence.get(tenant, ())),
        }
        for row in self._processes.values():
            if row.tenant == tenant:
                name = f"{row.kind} {row.state}"
                counted[name] = counted.get(name, 0) + 1
        return counted

    def _signed_otherwise(self, record: RecordRow) -> bool:
        there = self._records.get(_key(record))
        return there is not None and set(there.digests) != set(record.digests)

    def _save_record(self, record: RecordRow) -> None:
        key = _key(record)
        if self._signed_otherwise(record):
            self._links = {at: row for at, row in self._links.items() if at[0] != key}
        self._records[key] = record
        head = (record.tenant, record.holder, record.record_id)
        self._newest[head] = max(record.version, self._newest.get(head, 0))
        for name in (record.record_id, record.subject_id):
            self._named[record.tenant, name].add((record.record_id, record.holder))

    def _check_status(self, commit: RecordsCommit) -> int:
        """The mark after this commit; a place below the mark before it, or twice in it, is taken."""
        mark = free = self._marks.get(commit.tenant, 0)
        given: set[int] = set()
        for row in commit.credentials:
            place = status_place(row)
            kept = (_key(row), row.digest) in self._credentials
            if place is None or (kept and row.digest not in commit.overwritten):
                continue
            if place < mark or place in given:
                raise Conflict(f"status index {place} is taken")
            given.add(place)
            free = max(free, place + 1)
        return free

    def _check_step(self, step: StepCommit, key: ProcessKey) -> None:
        super()._check_step(step, key)
        there = self._datasets.get((step.process.tenant, step.offered))
        if step.offered and (there is None or there.withdrawn):
            raise NotOffered(f"the offer {step.offered} was withdrawn")

    def _newest_of(self, tenant: str, holder: str, record_id: str) -> RecordRow | None:
        version = self._newest.get((tenant, holder, record_id), 0)
        return self._records.get((tenant, holder, record_id, version))

    def _all_newest(self, tenant: str) -> list[RecordRow]:
        heads = (head for head in self._newest if head[0] == tenant)
        rows = [
            self._records[of, holder, record_id, self._newest[of, holder, record_id]] for of, holder, record_id in heads
        ]
        return sorted(rows, key=lambda row: (row.record_id, row.holder))

    def _changes_of(self, tenant: str, list_number: int) -> Iterable[StatusChangeRow]:
        return (row for row in self._changes if (row.tenant, row.list_number) == (tenant, list_number))


def _key(row: RecordRow | CredentialRow) -> VersionKey:
    return (row.tenant, row.holder, row.record_id, row.version)
