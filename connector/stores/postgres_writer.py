"""Group commit on PostgreSQL: one transaction after the other, in all processes of a company together.

Each transaction begins by locking the one row of `company` (its turn). So what a transaction has read stays so until it
is committed, as in SQLite, and the tables need not know that others write. The evidence of a company is one chain, so
its commits could not be made side by side in any case. Transactions of this process that are ready share one turn and
one write to the disk; one that is refused after it has written has the others made anew, each in a turn of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import asyncpg

from connector.errors import Unavailable
from connector.stores.dialect import Statement, postgres_statements
from connector.stores.engine import Result, Work
from connector.stores.job import Batch, Job
from connector.stores.postgres_connection import GONE, said
from connector.stores.statements import Bindings, Columns

BATCH: Final = 64
"""At most so many transactions in one turn: the other processes wait that long."""

# A process that is stopped in its turn loses it: the server ends its session.
_BEGIN: Final = """BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
SET LOCAL lock_timeout = '30s'; SET LOCAL idle_in_transaction_session_timeout = '10s';
SELECT 1 FROM company FOR UPDATE"""


class PostgresTransaction:
    """Implements `Transaction`."""

    __slots__ = ("_connection", "_statements", "spoilt")

    def __init__(self, connection: asyncpg.pool.PoolConnectionProxy) -> None:
        self._connection = connection
        self._statements = postgres_statements()
        self.spoilt = False
        """Whether there is anything to be taken back: a change, or a statement that failed."""

    async def rows(self, name: str, bindings: Bindings) -> Sequence[Columns]:
        """All rows of the answer."""
        with self._told(name) as statement:
            rows: Sequence[Columns] = await self._connection.fetch(statement.text, *statement.arguments(bindings))
        return rows

    async def row(self, name: str, bindings: Bindings) -> Columns | None:
        """The first row of the answer."""
        rows = await self.rows(name, bindings)
        return rows[0] if rows else None

    async def change(self, name: str, bindings: Bindings) -> int:
        """Run a change and say how many rows it made, changed or deleted."""
        with self._told(name) as statement:
            status = await self._connection.execute(statement.text, *statement.arguments(bindings))
        return int(status.rpartition(" ")[2])

    async def each(self, name: str, many: Sequence[Bindings]) -> None:
        """Run a change with each of these bindings, without waiting between them."""
        with self._told(name) as statement:
            await self._connection.executemany(statement.text, [statement.arguments(one) for one in many])

    @contextmanager
    def _told(self, name: str) -> Iterator[Statement]:
        statement, before = self._statements[name], self.spoilt
        self.spoilt = True
        with said():
            yield statement
        self.spoilt = before or statement.writes


class _Spoilt(Exception):
    """A transaction was refused after it had written: its neighbours have to be made anew."""


class PostgresWriter:
    """The only one in this process that writes."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._waiting: Batch = []
        self._working: asyncio.Task[None] | None = None
        self._closed = False

    async def write(self, work: Work[Result], *, kept: Callable[[], None] | None = None) -> Result:
        """Run this transaction with others and return after it is durable. Its own errors come back as they are."""
        if self._closed:
            raise Unavailable("the store is closed")
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append(Job(work, future, kept))
        if self._working is None:
            self._working = asyncio.create_task(self._work())
        return await future

    async def close(self) -> None:
        """Wait for what was handed over, then stop."""
        self._closed = True
        if self._working is not None:
            await self._working

    async def _work(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
                await self._made(batch)
                for job in batch:
                    job.deliver()
        finally:
            self._working = None

    async def _made(self, batch: Batch) -> None:
        try:
            await self._turn(batch)
        except _Spoilt:
            for job in batch if len(batch) > 1 else ():
                job.error = None
                await self._made([job])

    async def _turn(self, batch: Batch) -> None:
        """One transaction of the server. An error of the server or of the way to it is everybody's."""
        committing = False
        try:
            async with self._pool.acquire() as connection:
                try:
                    await connection.execute(_BEGIN)
                    await _apply(batch, connection)
                    committing = True
                    await connection.execute("COMMIT")
                except BaseException:
                    await _undo(connection)
                    raise
        except GONE as error:
            known = "whether it was written is not known" if committing else "nothing was written"
            for job in batch:
                job.error = Unavailable(f"the store cannot be written, {known}: {error or type(error).__name__}")
        except asyncpg.PostgresError as error:  # nobody's statement: the schema is not as it was left
            for job in batch:
                job.error = error


async def _apply(batch: Batch, connection: asyncpg.pool.PoolConnectionProxy) -> None:
    for job in batch:
        transaction = PostgresTransaction(connection)
        try:
            job.result = await job.work(transaction)
        except GONE:
            raise
        except Exception as error:
            job.error = error  # carried to whoever awaits it, as a future does
            if transaction.spoilt:
                raise _Spoilt from error


async def _undo(connection: asyncpg.pool.PoolConnectionProxy) -> None:
    """Nothing of it stands. A connection that does not even say so is left."""
    try:
        await connection.execute("ROLLBACK")
    except Exception:  # noqa: BLE001 - whatever is wrong with it, it is not used again
        connection.terminate()
