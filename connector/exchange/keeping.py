"""The half of the store's port that is about records: their versions and credentials, links, datasets, files, status.

The other half, processes, and what holds for every method stand in `ports`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from connector.exchange.rows import (
    CredentialRow,
    DatasetRow,
    EvidenceEntry,
    FileRow,
    LinkRow,
    Origin,
    RecordRow,
    RecordsCommit,
    StatusChangeRow,
)
from connector.protocol.catalog_query import Selection


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveredRow:
    """A unit that came whole and good under an agreement, as it came last: a record's version, or a file.

    `unit`: the record's id, or the file's digest with version 0. `digests`: of all its non-dynamic credentials, or the
    file's. With an empty `unit`: all that the agreement gives came in one transfer.
    """

    tenant: str
    agreement_id: str
    unit: str
    version: int
    digests: tuple[str, ...]
    at: int


class RecordStore(Protocol):
    """What is published, received and held."""

    async def commit_records(self, commit: RecordsCommit) -> None:
        """Publish, receive or hold a batch. `Conflict`: nothing was written."""

    async def next_status_index(self, tenant: str) -> int:
        """The lowest index never given. List N holds indices [N*131072, (N+1)*131072)."""

    async def first_version(self, tenant: str) -> int:
        """The lowest version that a new one may have: 1, or more in a store that was brought back from a copy."""

    async def is_copy(self) -> bool:
        """Whether this store is a copy (`backup`) that takes the place of its original and has not noted that yet."""

    async def commit_restored(
        self, tenant: str, *, first_version: int, status_index: int, evidence: EvidenceEntry
    ) -> None:
        """Note it: new versions and status indices are not below these from now on. Neither mark is ever lowered."""

    async def load_record(
        self, tenant: str, holder: str, record_id: str, version: int | None = None
    ) -> RecordRow | None:
        """A record's version, or its newest, as this party holds it."""

    async def load_records(self, tenant: str, holder: str, record_ids: Sequence[str]) -> dict[str, RecordRow]:
        """The newest versions of these records."""

    async def find_records(
        self, tenant: str, *, scheme: str | None, value: str, issuer: str | None = None, record_type: str | None = None
    ) -> list[RecordRow]:
        """Newest versions of records that carry this identifier (scheme None: any scheme, or the record's or subject's
        id itself), of all holders, by record id.
        """

    async def find_units(
        self, tenant: str, holder: str, dataset_id: str, value: str, *, limit: int = 100
    ) -> list[RecordRow]:
        """Newest versions of a dataset's records that carry this identifier, or whose id or subject it is, by record
        id. Of an identifier that very many carry only some are looked at: it is no unit's.
        """

    async def list_records(
        self,
        tenant: str,
        *,
        origin: Origin | None = None,
        dataset_id: str | None = None,
        after: tuple[str, str] = ("", ""),
        limit: int = 1000,
    ) -> list[RecordRow]:
        """Newest versions by record id and holder; `after` is the last such pair of the page before."""

    async def credentials(self, tenant: str, holder: str, record_id: str, version: int) -> list[CredentialRow]:
        """The credentials of a record's version that are served or kept."""

    async def find_credential(self, tenant: str, digest: str) -> CredentialRow | None:
        """A credential by digest: one that we hold ourselves before one that others gave us."""

    async def find_link(self, tenant: str, link_id: str) -> LinkRow | None:
        """Where one of our links leads."""

    async def later_records(
        self, tenant: str, record_id: str, *, after: tuple[str, str] = ("", ""), limit: int = 1000
    ) -> list[RecordRow]:
        """Newest versions of own and received records whose links lead back to this record, by record id and holder;
        `after` is the last such pair of the page before.
        """

    async def commit_dataset(
        self, row: DatasetRow, evidence: Sequence[EvidenceEntry] = (), *, expected: DatasetRow | None = None
    ) -> None:
        """Insert or replace a dataset. `Conflict`: it is not as `expected` any more."""

    async def load_dataset(self, tenant: str, dataset_id: str) -> DatasetRow | None:
        """A dataset by id."""

    async def list_datasets(self, tenant: str, *, after: str = "", limit: int = 1000) -> list[DatasetRow]:
        """All datasets by id, withdrawn ones too, for people."""

    async def dataset_policies(
        self, tenant: str, *, start: str | None, backwards: bool = False, limit: int = 100
    ) -> list[tuple[str, bytes]]:
        """The distinct policies of what is offered, (digest, document), by digest from `start` on (None: the first).

        Backwards: from `start` down (None: the last).
        """

    async def find_datasets(
        self, tenant: str, policy_digest: str, wanted: Selection, *, place: str = "", skip: int = 0,
        backwards: bool = False, limit: int = 100,
    ) -> list[DatasetRow]:  # fmt: skip
        """The wanted datasets that are offered under one policy, by id: behind `place`, the first `skip` left out.

        Backwards: from before `place` (empty: from the last one) down.
        """

    async def count_datasets(self, tenant: str, policy_digest: str, wanted: Selection) -> int:
        """How many wanted datasets are offered under a policy."""

    async def commit_file(self, row: FileRow, dataset: DatasetRow | None, evidence: EvidenceEntry) -> list[str]:
        """Offer a file, in place of one of that name in the dataset, or keep one beside all that came under an
        agreement. Returns the digests that no row names any more.
        """

    async def find_file(self, tenant: str, dataset_id: str, agreement_id: str, digest: str) -> FileRow | None:
        """A file of a dataset, or of an agreement."""

    async def list_files(
        self, tenant: str, dataset_id: str, agreement_id: str, *, after: str = "", limit: int = 1000
    ) -> list[FileRow]:
        """Files of a dataset, or of an agreement, by digest; `after`: the last one before."""

    async def received_files(
        self, tenant: str, *, after: tuple[str, str] = ("", ""), limit: int = 1000
    ) -> list[FileRow]:
        """All that came, by agreement and digest; `after`: both of the last one before."""

    async def used_records(self, tenant: str, holder: str, record_ids: Sequence[str]) -> set[str]:
        """Those of a holder's records to which records of our own lead."""

    async def commit_discard(
        self, tenant: str, records: Sequence[tuple[str, str]], files: Sequence[FileRow], evidence: EvidenceEntry
    ) -> list[str]:
        """Drop received records, (holder, record id) with all their versions, and received files. Returns the digests
        that no row names any more.
        """

    async def received_bytes(self, tenant: str, holder: str) -> int:
        """How many bytes of credentials and files are kept that came from this party."""

    async def content_version(self, tenant: str, dataset_id: str) -> int:
        """How often what a dataset holds has changed: records, their versions or static credentials, files."""

    async def commit_delivered(self, rows: Sequence[DeliveredRow]) -> None:
        """Keep what came, each in place of what came of that unit before."""

    async def list_delivered(
        self, tenant: str, agreement_id: str, *, start: str = "", limit: int = 1000
    ) -> list[DeliveredRow]:
        """What came under an agreement, by unit, from `start` on."""

    async def status_bits(self, tenant: str, list_number: int, *, now: int) -> list[int]:
        """Indices within the list that are set: whose time has come, and who are not reinstated since."""

    async def status_changes(self, tenant: str, list_number: int) -> list[StatusChangeRow]:
        """The changes of a list, oldest first."""

    async def commit_status_change(self, row: StatusChangeRow, evidence: EvidenceEntry) -> None:
        """Record a change."""
