"""Processes as a conversation takes them up: loaded, read into a draft, one event of a process after the other.

What was written last is not read again. What happens to a draft stands in `conversation`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from weakref import WeakValueDictionary

import orjson

from connector.errors import NotFound
from connector.exchange.draft import Draft
from connector.exchange.ports import Store
from connector.exchange.rows import ProcessKind, ProcessRow
from connector.model import JsonObject
from connector.protocol.process import Process, from_json

_MOST_READ = 512


@dataclass(slots=True, kw_only=True)
class Processes:
    """One kind of process of one tenant."""

    tenant: str
    kind: ProcessKind
    store: Store
    _read: dict[str, tuple[ProcessRow, Process, JsonObject]] = field(default_factory=dict)
    """The ones that were written last, as read from their rows."""
    _turns: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    def turn(self, pid: str) -> asyncio.Lock:
        """One event of a process after the other: two at once would only refuse each other's commit.

        The version decides all the same, because others may work on the same store.
        """
        turn = self._turns.get(pid)
        if turn is None:
            turn = self._turns[pid] = asyncio.Lock()
        return turn

    async def load(self, pid: str) -> ProcessRow:
        """The process as stored. `NotFound`: none of that pid."""
        row = await self.store.load_process(self.tenant, self.kind, pid)
        if row is None:
            raise NotFound(f"no {self.kind} {pid}")
        return row

    def draft(self, row: ProcessRow, now: datetime) -> Draft:
        """The process of a row, ready for its next event."""
        read = self._read.get(row.pid)
        if read is not None and read[0] is row:
            process, content = read[1], read[2].copy()
        else:
            body = orjson.loads(row.body)
            process, content = from_json(body["process"]), body["content"]
        return Draft(row=row, process=process, content=content, counterparty=row.counterparty, now=now)

    def written(self, row: ProcessRow, draft: Draft) -> None:
        """A draft was committed as this row. It changes members of its content, never what is in them, so the next one
        may begin with a copy.
        """
        self._read.pop(row.pid, None)
        if len(self._read) >= _MOST_READ:
            self._read.pop(next(iter(self._read)))
        self._read[row.pid] = row, draft.process, draft.content
