"""The store that needs no server: one SQLite file, one process, each commit on the disk before its answer leaves."""

from __future__ import annotations

from pathlib import Path

from connector.stores.engine import Engine
from connector.stores.file_tables import FileTables
from connector.stores.processes import ProcessTables
from connector.stores.records import RecordTables


class SqliteStore(ProcessTables, RecordTables, FileTables):
    """The `Store` port over one SQLite file."""

    def __init__(self, path: Path) -> None:
        engine = Engine(path)
        ProcessTables.__init__(self, engine)
        RecordTables.__init__(self, engine)
        FileTables.__init__(self, engine)

    async def close(self) -> None:
        """Finish what is under way and close."""
        await self._engine.close()
