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
from connector.exchange.draft import Answer, Draft, Incoming
from connector.exchange.ports import Store
from connector.exchange.rows import MessageRow, ProcessKind, ProcessRow
from connector.model import JsonObject
from connector.protocol.process import Process, from_json

_MOST_READ = 512
_REFUSED, _REFUSED_KEPT_BYTES = 400, 4_096


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
        return self._turns.setdefault(pid, asyncio.Lock())

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

    def message(self, draft: Draft, incoming: Incoming, answer: Answer, headers: str) -> MessageRow:
        """A message with its answer as it is kept; of one that a process refuses, the beginning."""
        kept = _REFUSED_KEPT_BYTES if draft.row is not None and answer.status >= _REFUSED else None
        return MessageRow(
            tenant=self.tenant, kind=self.kind, pid=draft.process.pid, direction="in", counterparty=draft.counterparty,
            message_type=incoming.kind, message_id=incoming.message_id, sha256=incoming.digest,
            body=(incoming.body if incoming.kept is None else incoming.kept)[:kept], token=incoming.caller.token,
            verification_key=incoming.caller.verification_key, status=answer.status, answer_headers=headers,
            answer_body=answer.body, at=draft.at,
        )  # fmt: skip

    def written(self, row: ProcessRow, draft: Draft) -> None:
        """A draft was committed as this row. It changes members of its content, never what is in them, so the next one
        may begin with a copy.
        """
        self._read.pop(row.pid, None)
        if len(self._read) >= _MOST_READ:
            self._read.pop(next(iter(self._read)))
        self._read[row.pid] = row, draft.process, draft.content
