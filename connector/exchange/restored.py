"""A store that was brought back from a copy may be behind: what was published since the copy was made is not in it.

Peers hold those versions and their digests, so nothing may be given under the same number again: new records and
corrections take versions from the minute of the restoration on (minutes since 1970: they rise with every restoration,
also of the same copy, and have few enough digits for any reader), new credentials a status list of their own. What was
revoked or decided meanwhile is lost; only who did it knows it.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from connector.credentials.status_list import LIST_BITS
from connector.exchange.ports import Clock, Store
from connector.exchange.rows import EvidenceEntry
from connector.exchange.stored import micros
from connector.model import JsonObject

_MINUTE_MICROSECONDS = 60_000_000
_LISTS = 61
"""Status lists that are skipped at most, and one at least: the lost ones may have begun the next few.

How many depends on the minute, as one copy may be used twice. Two restorations of it that are a multiple of 61 minutes
apart take the same list: a prime, so it is not met by restoring at the same minute of an hour or of a day.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """The journey of one start."""

    tenant: str
    store: Store
    clock: Clock

    async def note(self, *, said: bool) -> bool:
        """Note that this store takes its original's place, if it is a copy, or was `said` to be one. Whether it was."""
        # load
        if not (said or await self.store.is_copy()):
            return False
        used, known = await self.store.next_status_index(self.tenant), await self.store.first_version(self.tenant)
        # decide
        now = micros(self.clock.now())
        minute = now // _MINUTE_MICROSECONDS
        skipped = 1 + minute % _LISTS
        status_index = (used // LIST_BITS + 1 + skipped) * LIST_BITS
        first = max(minute, known + 1)  # two restorations in one minute, or a clock that was set back
        # commit
        told: JsonObject = {"first_version": first, "status_list": status_index // LIST_BITS}
        await self.store.commit_restored(
            self.tenant, first_version=first, status_index=status_index,
            evidence=EvidenceEntry(tenant=self.tenant, at=now, event="restored", body=orjson.dumps(told)),
        )  # fmt: skip
        return True
