"""The content of a dataset as one digest, for terms that pin it (`policy.pinning`).

The store counts the changes of a dataset's content; the digest is worked out once per change that is asked about, so a
decision on a dataset of a million units costs no more than on any other.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from connector.credentials.digest import content_digest, file_part, unit_part
from connector.exchange.ports import Store
from connector.model import Claim, Did
from connector.policy.evaluate import Compiled
from connector.policy.pinning import PIN


@dataclass(slots=True, kw_only=True)
class Contents:
    """The contents of our datasets."""

    tenant: str
    did: Did
    store: Store
    _known: dict[str, tuple[int, str]] = field(default_factory=dict)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def claims(self, policy: Compiled, dataset_id: str) -> tuple[Claim, ...]:
        """What there is to know about the content under this policy: nothing, unless it is pinned."""
        if PIN not in policy.operands:
            return ()
        return (Claim(name=PIN, value=await self.digest(dataset_id), source="dataset"),)

    async def digest(self, dataset_id: str) -> str:
        """The digest of what the dataset holds now: its records' newest versions and its files; empty: nothing."""
        async with self._turn:
            while True:
                version = await self.store.content_version(self.tenant, dataset_id)
                known = self._known.get(dataset_id)
                if known is not None and known[0] == version:
                    return known[1]
                self._known[dataset_id] = version, content_digest(await self._parts(dataset_id))

    async def _parts(self, dataset_id: str) -> list[bytes]:
        parts: list[bytes] = []
        place = ("", "")
        while records := await self.store.list_records(self.tenant, dataset_id=dataset_id, after=place):
            parts += [unit_part(row.record_id, row.version, row.digests) for row in records]
            place = records[-1].record_id, records[-1].holder
        after = ""
        while files := await self.store.list_files(self.tenant, dataset_id, "", after=after):
            parts += [file_part(row.digest) for row in files]
            after = files[-1].digest
        return parts
