"""The `Store` port over an engine: its parts put together, the same for every database that speaks SQL."""

from __future__ import annotations

from connector.stores.engine import Engine
from connector.stores.file_tables import FileTables
from connector.stores.processes import ProcessTables
from connector.stores.records import RecordTables


class Tables(ProcessTables, RecordTables, FileTables):
    """Implements `Store`."""

    def __init__(self, engine: Engine) -> None:
        ProcessTables.__init__(self, engine)
        RecordTables.__init__(self, engine)
        FileTables.__init__(self, engine)

    async def close(self) -> None:
        """Finish what is under way and close."""
        await self._engine.close()
