"""The store for several processes of one company: a PostgreSQL database, where each commit is in order with all others.

Needs the extra `postgres` (asyncpg), so it is loaded only where the configuration names such a store.
"""

from __future__ import annotations

from connector.stores.postgres_connection import open_pool
from connector.stores.postgres_engine import PostgresEngine
from connector.stores.tables import Tables


async def open_postgres(url: str, password: str, company: str) -> Tables:
    """The `Store` port over the database at this URL."""
    return Tables(PostgresEngine(await open_pool(url, password, company)))
