"""What is known of files, in SQLite and in memory: names, digests, where they are offered or whence they came.

The octets are `files`'.
"""

from __future__ import annotations

from connector.exchange.rows import DatasetRow, EvidenceEntry, FileRow
from connector.stores import evidence_log
from connector.stores.engine import Engine
from connector.stores.memory_processes import MemoryProcesses
from connector.stores.records import DATASET
from connector.stores.statements import Bindings, Shape
from connector.stores.writer import Transaction

FILE = Shape(FileRow)


class FileTables:
    """The methods of the `Store` port that are about files."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def commit_file(self, row: FileRow, dataset: DatasetRow | None, evidence: EvidenceEntry) -> list[str]:
        """Offer or keep a file; the digests that no row names any more."""
        bindings = FILE.bind(row)

        def work(tx: Transaction) -> list[str]:
            replaced = [str(digest) for (digest,) in tx.rows("replaced_files", bindings)]
            tx.change("put_file", bindings)
            if dataset is not None:
                tx.change("put_dataset", DATASET.bind(dataset))
            evidence_log.append(tx, (evidence,))
            return [one for one in replaced if tx.row("file_named", {"tenant": row.tenant, "digest": one}) is None]

        return await self._engine.write(work)

    async def find_file(self, tenant: str, dataset_id: str, agreement_id: str, digest: str) -> FileRow | None:
        """A file of a dataset, or of an agreement."""
        bindings: Bindings = {"tenant": tenant, "dataset_id": dataset_id, "agreement_id": agreement_id}
        return FILE.one(self._engine.point("find_file", {**bindings, "digest": digest}))

    async def list_files(
        self, tenant: str, dataset_id: str, agreement_id: str, *, after: str = "", limit: int = 1000
    ) -> list[FileRow]:
        """Files by digest."""
        bindings: Bindings = {"tenant": tenant, "dataset_id": dataset_id, "agreement_id": agreement_id}
        rows = await self._engine.many("list_files", {**bindings, "after": after, "limit": limit})
        return [FILE.read(row) for row in rows]


class MemoryFiles(MemoryProcesses):
    """The same in memory."""

    def __init__(self) -> None:
        super().__init__()
        self._files: dict[tuple[str, str, str, str], FileRow] = {}
        self._datasets: dict[tuple[str, str], DatasetRow] = {}

    async def commit_file(self, row: FileRow, dataset: DatasetRow | None, evidence: EvidenceEntry) -> list[str]:
        """Offer or keep a file; the digests that no row names any more."""
        place = (row.tenant, row.dataset_id, row.agreement_id)
        replaced = {
            key for key, one in self._files.items()
            if key[:3] == place and not row.agreement_id and one.name == row.name and one.digest != row.digest
        }  # fmt: skip
        for key in replaced:
            del self._files[key]
        self._files[(*place, row.digest)] = row
        if dataset is not None:
            self._datasets[dataset.tenant, dataset.dataset_id] = dataset
        self._append((evidence,))
        named = {(one.tenant, one.digest) for one in self._files.values()}
        return sorted(key[3] for key in replaced if (row.tenant, key[3]) not in named)

    async def find_file(self, tenant: str, dataset_id: str, agreement_id: str, digest: str) -> FileRow | None:
        """A file of a dataset, or of an agreement."""
        return self._files.get((tenant, dataset_id, agreement_id, digest))

    async def list_files(
        self, tenant: str, dataset_id: str, agreement_id: str, *, after: str = "", limit: int = 1000
    ) -> list[FileRow]:
        """Files by digest."""
        place = (tenant, dataset_id, agreement_id)
        rows = [row for key, row in self._files.items() if key[:3] == place and row.digest > after]
        return sorted(rows, key=lambda row: row.digest)[:limit]
