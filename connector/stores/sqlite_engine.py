"""The engine over one SQLite file: implements `Engine`.

Point reads by key take microseconds and run on the event loop on a connection of their own; whatever may be long runs
in one of two threads. Readers see what was committed, never what is under way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import apsw

from connector.stores.connection import open_file
from connector.stores.engine import Result, Work
from connector.stores.statements import Bindings, Columns, statements
from connector.stores.writer import Writer

READERS = 2


class SqliteEngine:
    """One open SQLite file."""

    alone = True

    def __init__(self, path: Path, company: str = "") -> None:
        self._file = open_file(path, readers=READERS, company=company)
        self._statements = statements()
        self._point = self._file.point_reader
        self._free: SimpleQueue[apsw.Connection] = SimpleQueue()
        for connection in self._file.readers:
            self._free.put(connection)
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")
        self._writer = Writer(self._file.writer)
        self._closed = False

    async def point(self, name: str, bindings: Bindings) -> Columns | None:
        """One row by its key, read here and now."""
        return self._point.execute(self._statements[name], bindings).fetchone()

    async def few(self, name: str, bindings: Bindings) -> Sequence[Columns]:
        """Some rows of one process or record, read here and now."""
        return self._point.execute(self._statements[name], bindings).fetchall()

    async def many(self, name: str, bindings: Bindings) -> Sequence[Columns]:
        """Rows whose number nobody knows, read in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, name, bindings)

    async def write(self, work: Work[Result], *, long: bool = False, kept: Callable[[], None] | None = None) -> Result:
        """One transaction; returns after it is on the disk, and after `kept`. `long`: more than some dozens of
        statements.
        """
        return await self._writer.write(work, long=long, kept=kept)

    async def close(self) -> None:
        """Finish what is under way and close. A second time does nothing."""
        if self._closed:
            return
        self._closed = True
        await self._writer.close()
        await asyncio.to_thread(self._threads.shutdown)
        self._file.close()

    def _read(self, name: str, bindings: Bindings) -> list[Columns]:
        connection = self._free.get()
        try:
            return connection.execute(self._statements[name], bindings).fetchall()
        finally:
            self._free.put(connection)
