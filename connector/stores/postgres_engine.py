"""The engine over a PostgreSQL database: implements `Engine`.

Reads take a connection of the pool each, and are asked once more where the connection turns out to be dead: a server
that was started anew, or another one in its place, costs nobody a restart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import asyncpg

from connector.errors import Unavailable
from connector.stores.dialect import postgres_statements
from connector.stores.engine import Result, Work
from connector.stores.postgres_connection import GONE, said
from connector.stores.postgres_writer import PostgresWriter
from connector.stores.statements import Bindings, Columns


class PostgresEngine:
    """One open database."""

    alone = False

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._statements = postgres_statements()
        self._writer = PostgresWriter(pool)
        self._closed = False

    async def point(self, name: str, bindings: Bindings) -> Columns | None:
        """One row by its key."""
        rows = await self.many(name, bindings)
        return rows[0] if rows else None

    async def few(self, name: str, bindings: Bindings) -> Sequence[Columns]:
        """Some rows of one process or record."""
        return await self.many(name, bindings)

    async def many(self, name: str, bindings: Bindings) -> Sequence[Columns]:
        """Rows whose number nobody knows."""
        try:
            return await self._read(name, bindings)
        except GONE:
            await self._pool.expire_connections()
        try:
            return await self._read(name, bindings)
        except GONE as error:
            raise Unavailable(f"the store cannot be read: {error or type(error).__name__}") from error

    async def write(
        self,
        work: Work[Result],
        *,
        long: bool = False,  # noqa: ARG002 - a long one is no other here
        kept: Callable[[], None] | None = None,
    ) -> Result:
        """One transaction."""
        return await self._writer.write(work, kept=kept)

    async def close(self) -> None:
        """Finish what is under way and close."""
        if self._closed:
            return
        self._closed = True
        await self._writer.close()
        await self._pool.close()

    async def _read(self, name: str, bindings: Bindings) -> Sequence[Columns]:
        statement = self._statements[name]
        async with self._pool.acquire() as connection:
            with said():
                rows: Sequence[Columns] = await connection.fetch(statement.text, *statement.arguments(bindings))
        return rows
