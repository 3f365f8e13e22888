"""All that a store in memory keeps, row by row: to look at, to compare, and to put back."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TypeAlias
from weakref import WeakKeyDictionary

import apsw

from connector.exchange.ports import Store
from connector.stores.connection import open_memory
from connector.stores.memory import MemoryEngine, MemoryStore
from connector.stores.statements import Columns, SqlValue

Kept: TypeAlias = "dict[str, list[Columns]]"
"""Table -> its rows."""


@dataclass(slots=True)
class _Seen:
    """What was read or put back last, and how many changes there had been by then."""

    kept: Kept = field(default_factory=dict)
    changes: int = -1
    put_back: Kept | None = None


_SEEN: WeakKeyDictionary[apsw.Connection, _Seen] = WeakKeyDictionary()


def kept(store: Store) -> Kept:
    """The rows of every table, as they are now. They are read again where something was written."""
    database = connection(store)
    seen = _SEEN.setdefault(database, _Seen())
    if seen.changes != database.total_changes():
        seen.kept = {
            name: database.execute(f"SELECT {','.join(columns)} FROM {name}").fetchall()
            for name, columns in _columns().items()
        }
        seen.changes = database.total_changes()
    return seen.kept


def put_back(store: Store, then: Kept) -> None:
    """Be as then. Where it was so at the last time too, SQLite undoes what has been written since."""
    database = connection(store)
    seen = _SEEN.setdefault(database, _Seen())
    if seen.put_back is then:
        database.execute("ROLLBACK TO put_back")
    else:
        if database.in_transaction:
            database.execute("RELEASE put_back")
        _write(database, kept(store), then)
        database.execute("SAVEPOINT put_back")
    seen.kept, seen.changes, seen.put_back = then, database.total_changes(), then
    assert isinstance(store, MemoryStore)
    store._recent._entries.clear()


def _write(database: apsw.Connection, now: Kept, then: Kept) -> None:
    """Tables that differ, whole; what one row does to others has been done by then."""
    database.execute("PRAGMA foreign_keys=OFF")
    database.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
    with database:
        for name, rows in then.items():
            if rows != now[name]:
                columns = _columns()[name]
                values = ",".join("?" for _ in columns)
                database.execute(f"DELETE FROM {name}")
                database.executemany(f"INSERT INTO {name} ({','.join(columns)}) VALUES ({values})", rows)
    database.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 1)
    database.execute("PRAGMA foreign_keys=ON")


def named(kept: Kept, table: str) -> list[dict[str, SqlValue]]:
    """The rows of a table with the names of their columns."""
    return [dict(zip(_columns()[table], row, strict=True)) for row in kept[table]]


def connection(store: Store) -> apsw.Connection:
    """What such a store stands on."""
    assert isinstance(store, MemoryStore)
    engine = store._engine
    assert isinstance(engine, MemoryEngine)
    return engine._connection


@cache
def _columns() -> dict[str, list[str]]:
    """Table -> its columns, but for what SQLite reckons itself."""
    database = open_memory()
    tables = database.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'migration'").fetchall()
    return {
        str(name): [str(column[1]) for column in database.execute(f"PRAGMA table_info({name})")] for (name,) in tables
    }
