"""A file is offered as it is: copied under its digest, listed in a dataset under a policy.

It is no credential: nobody signs it, its digest fixes it, and the agreement says under which terms it was had. A file
of the same name in the same dataset is replaced; what no dataset offers any more is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import orjson

from connector.errors import BadInput
from connector.exchange.ports import Clock, Store
from connector.exchange.rows import DatasetRow, EvidenceEntry, FileRow
from connector.exchange.stored import micros
from connector.exchange.streams import Files
from connector.model import AccessClass, Did

_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}")
"""RFC 6838, section 4.2, without parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishFile:
    """One company's files."""

    tenant: str
    did: Did
    store: Store
    files: Files
    clock: Clock

    async def publish(
        self, source: Path, dataset: DatasetRow, *, media_type: str, access_class: str, on_bytes: Callable[[int], None]
    ) -> FileRow:
        """Offer it in this dataset. `BadInput`: unreadable, or a class or media type that is none."""
        if access_class not in set(AccessClass):
            raise BadInput(f"{access_class!r} is no access class", hint=f"one of {', '.join(AccessClass)}")
        if not _MEDIA_TYPE.fullmatch(media_type):
            raise BadInput(f"{media_type!r} is no media type", hint="like application/pdf")
        digest, size = await self.files.add(source, on_bytes)
        now = micros(self.clock.now())
        row = FileRow(
            tenant=self.tenant, dataset_id=dataset.dataset_id, agreement_id="", digest=digest, holder=self.did,
            name=source.name, media_type=media_type, size=size, access_class=access_class, at=now,
        )  # fmt: skip
        said = {"dataset": dataset.dataset_id, "name": row.name, "digest": digest, "size": size}
        entry = EvidenceEntry(tenant=self.tenant, at=now, event="file-published", body=orjson.dumps(said))
        for orphan in await self.store.commit_file(row, dataset, entry):
            await self.files.drop(orphan)
        return row
