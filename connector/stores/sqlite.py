"""The store that needs no server: one SQLite file, one process, each commit on the disk before its answer leaves."""

from __future__ import annotations

from pathlib import Path

from connector.stores.sqlite_engine import SqliteEngine
from connector.stores.tables import Tables


class SqliteStore(Tables):
    """The `Store` port over one SQLite file."""

    def __init__(self, path: Path, company: str = "") -> None:
        super().__init__(SqliteEngine(path, company))
