"""What came and is not needed any more is discarded: received records with their credentials, and received files.

A record to which a record of our own leads stays, because ours is made of it and its digests stand in what we signed.
What was delivered, and that it was discarded, stays on record; a fetch under a standing agreement brings it again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import orjson

from connector.exchange.ports import Clock, Store
from connector.exchange.room import Room
from connector.exchange.rows import EvidenceEntry, FileRow, RecordRow
from connector.exchange.stored import micros
from connector.model import Did, JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """What is meant; an empty text or 0 means any. `unit`: a record's id or a file's digest; `before`: when it came, in
    microseconds.
    """

    agreement_id: str = ""
    holder: str = ""
    unit: str = ""
    before: int = 0

    def fits(self, row: RecordRow | FileRow) -> bool:
        """Whether this is meant."""
        unit = row.record_id if isinstance(row, RecordRow) else row.digest
        return (
            self.agreement_id in {"", row.agreement_id}
            and self.holder in {"", row.holder}
            and self.unit in {"", unit}
            and (not self.before or row.at < self.before)
        )


@dataclass(slots=True, kw_only=True)
class Discarded:
    """How much it was, or would be; `used`: records that stay because ours are made of them."""

    records: int = 0
    files: int = 0
    used: int = 0

    def as_json(self) -> JsonObject:
        """The published shape."""
        return {"records": self.records, "files": self.files, "used": self.used}


@dataclass(frozen=True, slots=True, kw_only=True)
class Discard:
    """The journey."""

    tenant: str
    store: Store
    room: Room
    clock: Clock

    async def run(self, which: Which, *, really: bool) -> Discarded:
        """Discard all that is meant, or only count it."""
        result = Discarded()
        async for rows in self._records(which):
            used = await self._used(rows)
            going = [row for row in rows if (row.holder, row.record_id) not in used]
            result.records, result.used = result.records + len(going), result.used + len(used)
            if really and going:
                await self._commit(going, [])
        async for files in self._files(which):
            result.files += len(files)
            if really and files:
                await self._commit([], files)
        return result

    async def _records(self, which: Which) -> AsyncIterator[list[RecordRow]]:
        after = "", ""
        while rows := await self.store.list_records(self.tenant, origin="received", after=after):
            after = rows[-1].record_id, rows[-1].holder
            yield [row for row in rows if which.fits(row)]

    async def _files(self, which: Which) -> AsyncIterator[list[FileRow]]:
        async for rows in received_files(self.store, self.tenant):
            yield [row for row in rows if which.fits(row)]

    async def _used(self, rows: Sequence[RecordRow]) -> set[tuple[str, str]]:
        found: set[tuple[str, str]] = set()
        for holder in {row.holder for row in rows}:
            ids = [row.record_id for row in rows if row.holder == holder]
            found |= {(holder, one) for one in await self.store.used_records(self.tenant, holder, ids)}
        return found

    async def _commit(self, records: Sequence[RecordRow], files: Sequence[FileRow]) -> None:
        keys = [(row.holder, row.record_id) for row in records]
        said = {"records": keys, "files": [(row.holder, row.digest) for row in files]}
        now = micros(self.clock.now())
        entry = EvidenceEntry(tenant=self.tenant, at=now, event="received-discarded", body=orjson.dumps(said))
        for orphan in await self.store.commit_discard(self.tenant, keys, files, entry):
            await self.room.files.drop(orphan)
        for holder in {row.holder for row in records} | {row.holder for row in files}:
            self.room.changed(Did(holder))


async def received_files(
    store: Store, tenant: str, *, after: tuple[str, str] = ("", "")
) -> AsyncIterator[list[FileRow]]:
    """All files that came, page by page; what is dropped meanwhile is in nobody's way. `after`: agreement and digest
    of the last one before.
    """
    while rows := await store.received_files(tenant, after=after):
        after = rows[-1].agreement_id, rows[-1].digest
        yield rows
