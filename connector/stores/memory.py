"""The store that keeps nothing: SQLite in memory, for tests and for trying the connector out.

The tables, the SQL and the schema are those of `sqlite`, over one connection that everything runs on here and now, with
no thread: what a simulation does with it comes out the same each time. After the process ends everything is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from connector.stores.connection import open_memory
from connector.stores.engine import Result, Work
from connector.stores.statements import Bindings, Columns, statements
from connector.stores.tables import Tables
from connector.stores.writer import SqliteTransaction, through


class MemoryEngine:
    """One database in memory: implements `Engine`. A transaction never waits, so nobody reads what is under way."""

    alone = True

    def __init__(self) -> None:
        self._connection = open_memory()
        self._statements = statements()
        self._transaction = SqliteTransaction(self._connection)

    async def point(self, name: str, bindings: Bindings) -> Columns | None:
        """One row by its key."""
        return self._connection.execute(self._statements[name], bindings).fetchone()

    async def few(self, name: str, bindings: Bindings) -> Sequence[Columns]:
        """Some rows of one process or record."""
        return await self.many(name, bindings)

    async def many(self, name: str, bindings: Bindings) -> Sequence[Columns]:
        """Rows whose number nobody knows."""
        return self._connection.execute(self._statements[name], bindings).fetchall()

    async def write(
        self,
        work: Work[Result],
        *,
        long: bool = False,  # noqa: ARG002 - a long one is no other here
        kept: Callable[[], None] | None = None,
    ) -> Result:
        """One transaction."""
        with self._connection:
            result = through(work(self._transaction))
        if kept is not None:
            kept()
        return result

    async def close(self) -> None:
        """Let everything go."""
        self._connection.close()


class MemoryStore(Tables):
    """The `Store` port over a database in memory."""

    def __init__(self) -> None:
        super().__init__(MemoryEngine())
