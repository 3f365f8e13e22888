"""The processes that were committed last, so that a conversation does not read back what it has just written.

Exact where nobody else writes to the database, because an entry changes when its commit is on the disk; where others
may, nothing is kept here. What is not here is in the tables.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from connector.exchange.rows import ProcessKind, ProcessRow, StepCommit

Key = tuple[str, ProcessKind, str]
_MOST = 1_024


@dataclass(frozen=True, slots=True)
class _Entry:
    row: ProcessRow
    heard: frozenset[str] | None
    """The `@id`s of all messages that were received; None where that is not known."""


class Recent:
    """A bounded number of processes, the longest unchanged ones leave first."""

    def __init__(self, *, alone: bool) -> None:
        self._alone = alone
        self._entries: dict[Key, _Entry] = {}

    def keep(self, step: StepCommit) -> None:
        """A step was committed."""
        if not self._alone:
            return
        row = step.process
        key = row.tenant, row.kind, row.pid
        before = self._entries.pop(key, None)
        heard = frozenset[str]() if not step.expected_version else before.heard if before is not None else None
        if heard is not None:
            heard |= {one.message_id for one in step.messages if one.direction == "in" and one.message_id is not None}
        if before is None and len(self._entries) >= _MOST:
            self._entries.pop(next(iter(self._entries)))
        self._entries[key] = _Entry(row, heard)

    def drop(self, rows: Iterable[ProcessRow]) -> None:
        """These are gone."""
        for row in rows:
            self._entries.pop((row.tenant, row.kind, row.pid), None)

    def find(self, tenant: str, kind: ProcessKind, pid: str) -> ProcessRow | None:
        """The process, if it is here."""
        entry = self._entries.get((tenant, kind, pid))
        return None if entry is None else entry.row

    def never_heard(self, tenant: str, kind: ProcessKind, pid: str, message_id: str) -> bool:
        """Whether it is certain that no message of this `@id` was received."""
        entry = self._entries.get((tenant, kind, pid))
        return entry is not None and entry.heard is not None and message_id not in entry.heard
