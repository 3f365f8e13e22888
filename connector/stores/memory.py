"""The store that keeps nothing: the twin of `sqlite` in memory, for tests and for trying the connector out.

It passes the same contract suite, so what works over it works over SQLite; after the process ends everything is gone.
"""

from __future__ import annotations

from connector.stores.memory_records import MemoryRecords


class MemoryStore(MemoryRecords):
    """The `Store` port over dictionaries."""

    async def close(self) -> None:
        """Nothing to finish."""
