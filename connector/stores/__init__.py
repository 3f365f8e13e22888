"""Stores: what a connector keeps, each behind the `Store` port of `exchange/ports.py`.

    sqlite       the default: one file, one process; its halves `processes` and `records`, numbering in `evidence_log`
    engine       reads and writes by statement name
    writer       group commit
    connection   opening: lock, version of SQLite, settings, check after a crash
    recent       the processes that were written last
    migrations   the schema's numbered steps (`schema/*.sql`)
    statements   named SQL (`queries/*.sql`), rows to columns and back
    memory       the twin in memory, for tests and for trying out; its halves `memory_processes` and `memory_records`
    file_tables  what is known of files, in both stores; `files` keeps their octets on the disk
    backup       a copy of a company in use, looked through
    status       status indices over all lists

A store never decides: it keeps what a journey decided, as a whole or not at all.
"""

from __future__ import annotations

from pathlib import Path

from connector.errors import BadConfig
from connector.exchange.ports import Store
from connector.stores.memory import MemoryStore
from connector.stores.sqlite import SqliteStore


def open_store(url: str) -> Store:
    """The store at `sqlite:PATH` or `memory:`."""
    scheme, _, rest = url.partition(":")
    if url == "memory:":
        return MemoryStore()
    if scheme == "sqlite" and rest:
        return SqliteStore(Path(rest))
    raise BadConfig(f"{url!r} is not the address of a store", hint="use sqlite:PATH or memory:")
