"""What is known of files and of what came, in SQL: names, digests, where offered or whence received.

The octets are `files`'.
"""

from __future__ import annotations

from collections.abc import Sequence

from connector.exchange.keeping import DeliveredRow
from connector.exchange.rows import DatasetRow, EvidenceEntry, FileRow
from connector.stores import evidence_log
from connector.stores.engine import Engine, Transaction
from connector.stores.records import DATASET, content_changed
from connector.stores.statements import Bindings, Shape, listed, number

FILE = Shape(FileRow)
DELIVERED = Shape(DeliveredRow, lists=("digests",))


class FileTables:
    """The methods of the `Store` port that are about files."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def commit_file(self, row: FileRow, dataset: DatasetRow | None, evidence: EvidenceEntry) -> list[str]:
        """Offer or keep a file; the digests that no row names any more."""
        bindings = FILE.bind(row)

        async def work(tx: Transaction) -> list[str]:
            replaced = [str(digest) for (digest,) in await tx.rows("replaced_files", bindings)]
            await tx.change("put_file", bindings)
            if dataset is not None:
                await tx.change("put_dataset", DATASET.bind(dataset))
                await content_changed(tx, row.tenant, [dataset.dataset_id])
            await evidence_log.append(tx, (evidence,))
            return [
                one for one in replaced if await tx.row("file_named", {"tenant": row.tenant, "digest": one}) is None
            ]

        return await self._engine.write(work)

    async def find_file(self, tenant: str, dataset_id: str, agreement_id: str, digest: str) -> FileRow | None:
        """A file of a dataset, or of an agreement."""
        bindings: Bindings = {"tenant": tenant, "dataset_id": dataset_id, "agreement_id": agreement_id}
        return FILE.one(await self._engine.point("find_file", {**bindings, "digest": digest}))

    async def list_files(
        self, tenant: str, dataset_id: str, agreement_id: str, *, after: str = "", limit: int = 1000
    ) -> list[FileRow]:
        """Files by digest."""
        bindings: Bindings = {"tenant": tenant, "dataset_id": dataset_id, "agreement_id": agreement_id}
        rows = await self._engine.many("list_files", {**bindings, "after": after, "limit": limit})
        return [FILE.read(row) for row in rows]

    async def received_files(
        self, tenant: str, *, after: tuple[str, str] = ("", ""), limit: int = 1000
    ) -> list[FileRow]:
        """All that came, by agreement and digest."""
        bindings: Bindings = {"tenant": tenant, "agreement_id": after[0], "after": after[1], "limit": limit}
        return [FILE.read(row) for row in await self._engine.many("received_files", bindings)]

    async def used_records(self, tenant: str, holder: str, record_ids: Sequence[str]) -> set[str]:
        """Those of a holder's records to which records of our own lead."""
        bindings: Bindings = {"tenant": tenant, "holder": holder, "record_ids": listed(record_ids)}
        return {str(record_id) for (record_id,) in await self._engine.many("used_records", bindings)}

    async def commit_discard(
        self, tenant: str, records: Sequence[tuple[str, str]], files: Sequence[FileRow], evidence: EvidenceEntry
    ) -> list[str]:
        """Drop received records and files; the digests that no row names any more."""
        keys: Bindings = {"tenant": tenant, "records": listed(records)}

        async def work(tx: Transaction) -> list[str]:
            if records:
                for name in ("discard_links", "discard_identifiers", "discard_credentials", "discard_records"):
                    await tx.change(name, keys)
            await tx.each("discard_file", [FILE.bind(row) for row in files])
            await evidence_log.append(tx, (evidence,))
            gone = dict.fromkeys(row.digest for row in files)
            return [one for one in gone if await tx.row("file_named", {"tenant": tenant, "digest": one}) is None]

        return await self._engine.write(work, long=True)

    async def received_bytes(self, tenant: str, holder: str) -> int:
        """How many bytes are kept that came from this party."""
        [row] = await self._engine.many("received_bytes", {"tenant": tenant, "holder": holder})
        return number(row)

    async def content_version(self, tenant: str, dataset_id: str) -> int:
        """How often what a dataset holds has changed."""
        return number(await self._engine.point("content_version", {"tenant": tenant, "dataset_id": dataset_id}))

    async def commit_delivered(self, rows: Sequence[DeliveredRow]) -> None:
        """Keep what came."""
        await self._engine.write(lambda tx: tx.each("put_delivered", [DELIVERED.bind(row) for row in rows]))

    async def list_delivered(
        self, tenant: str, agreement_id: str, *, start: str = "", limit: int = 1000
    ) -> list[DeliveredRow]:
        """What came under an agreement, by unit."""
        bindings: Bindings = {"tenant": tenant, "agreement_id": agreement_id, "start": start, "limit": limit}
        return [DELIVERED.read(row) for row in await self._engine.many("list_delivered", bindings)]
