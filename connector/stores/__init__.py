"""Stores: what a connector keeps, each behind the `Store` port of `exchange/ports.py`.

    tables       the port's methods over an engine: `processes`, on `agreements`, on `queue`; `records`, `file_tables`;
                 `evidence_log`: numbering
    engine       what the tables build on: reads and writes by statement name
    statements   named SQL (`queries/*.sql`), rows to columns and back
    migrations   the schema's numbered steps (`schema/*.sql`)
    recent       the processes that were written last, where nobody else writes
    sqlite       the default: one file, one process. `sqlite_engine`; `writer`: group commit; `connection`: opening,
                 lock, settings, check after a crash
    postgres     several processes of one company. `postgres_engine`; `postgres_writer`: one turn after the other, group
                 commit; `postgres_connection`: opening; `dialect`: the same SQL as PostgreSQL takes it
    memory       SQLite in memory, for tests and for trying out
    file_tables  what is known of files; `files` keeps their octets on the disk
    locking      locks on open files
    backup       a copy of a company in use, looked through

A store never decides: it keeps what a journey decided, as a whole or not at all.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from connector.errors import BadConfig
from connector.exchange.ports import Store
from connector.exchange.rows import DatasetRow
from connector.stores.memory import MemoryStore
from connector.stores.sqlite import SqliteStore


async def open_store(url: str, *, company: str, password: str = "") -> Store:
    """The store at `sqlite:PATH`, `memory:` or `postgresql://USER@HOST/DATABASE`, for the company of that DID.

    `password`: of the database's user, if it asks for one. `BadConfig`, `Unavailable`: it cannot be used.
    """
    scheme, _, rest = url.partition(":")
    if url == "memory:":
        return MemoryStore()
    if scheme == "sqlite" and rest:
        return SqliteStore(Path(rest), company)
    if scheme in {"postgresql", "postgres"} and rest.startswith("//"):
        return await _postgres(url, password, company)
    raise BadConfig(f"{url!r} is not the address of a store", hint="use sqlite:PATH, postgresql://... or memory:")


def look_into(url: str, *, company: str, password: str = "") -> tuple[int, list[str]]:
    """A database as it is: its schema's last step, and those that the next start will make. Nothing is changed.

    The same errors. Not to be called where an event loop runs.
    """
    try:
        from connector.stores.postgres_connection import look  # noqa: PLC0415 - an extra, which most do without
    except ModuleNotFoundError:
        raise _missing() from None
    return asyncio.run(look(url, password, company))


def datasets_in(url: str, tenant: str, *, password: str = "") -> list[DatasetRow]:
    """All datasets of a database that `look_into` found up to date. The same."""
    from connector.stores.postgres_connection import datasets  # noqa: PLC0415 - an extra, which most do without

    return asyncio.run(datasets(url, password, tenant))


def own_credentials(url: str, tenant: str, before: int, *, password: str = "") -> list[tuple[str, bytes]]:
    """Type and octets of each of our own that such a database serves since before a time. The same."""
    from connector.stores.postgres_connection import own_credentials as fetched  # noqa: PLC0415 - an extra

    return asyncio.run(fetched(url, password, tenant, before))


async def _postgres(url: str, password: str, company: str) -> Store:
    try:
        from connector.stores.postgres import open_postgres  # noqa: PLC0415 - an extra, which most do without
    except ModuleNotFoundError:
        raise _missing() from None
    return await open_postgres(url, password, company)


def _missing() -> BadConfig:
    hint = "pip install 'battery-connector[postgres]'"
    return BadConfig("a store on PostgreSQL needs asyncpg, which is not installed", hint=hint)
