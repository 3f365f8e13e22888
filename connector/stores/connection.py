"""Opening the SQLite file: one process only, the right SQLite, safe settings, the schema up to date.

What is run on the connections stands in `sqlite_engine`, how commits are grouped in `writer`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import apsw

from connector.errors import BadConfig, Unavailable
from connector.stores.locking import locked
from connector.stores.migrations import migrate, missing, steps

OLDEST_SQLITE = (3, 51, 3)
"""Older ones have the WAL-reset bug: a checkpoint beside a commit on another connection can corrupt the file."""

_SAFE = "PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA busy_timeout=5000;"
# FULL: a commit is on the disk before its answer leaves; group commit makes that affordable. The log is written back
# after 4000 pages (16 MB): rarely enough to cost little, often enough for a quick start after a crash.
_WRITER = (
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=FAST; PRAGMA cache_size=-32000;"
    "PRAGMA wal_autocheckpoint=4000; PRAGMA journal_size_limit=67108864; PRAGMA temp_store=MEMORY;"
)
_READER = "PRAGMA query_only=ON; PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-16000;"
# Whoever held a lease in this file is dead: the lock is ours. What it had under way is due at once.
_FREE_LEASES = "UPDATE outbox SET lease_owner = '', lease_until = 0 WHERE lease_until > 0"
_SIGNER = "SELECT issuer FROM credential WHERE origin = 'own' AND status_index IS NOT NULL LIMIT 1"
_STATEMENTS = 200  # prepared statements kept per connection: more than there are named ones


@dataclass(frozen=True, slots=True)
class OpenFile:
    """An open store: the connection that writes, the ones that read, and the lock that keeps others out."""

    path: Path
    writer: apsw.Connection
    point_reader: apsw.Connection
    readers: tuple[apsw.Connection, ...]
    lock: int

    def close(self) -> None:
        """Readers first, so that the writer is the last one and folds the log into the file."""
        for connection in (*self.readers, self.point_reader, self.writer):
            connection.close()
        os.close(self.lock)


def open_file(path: Path, *, readers: int, company: str = "") -> OpenFile:
    """Open or create the store at this path. `BadConfig` and `Unavailable` say why it cannot be.

    `company`: the DID whose store it is, if that is to be checked.
    """
    check_sqlite(apsw.sqlite_lib_version())
    if not path.parent.is_dir():
        raise BadConfig(f"there is no folder {path.parent} for the store", hint="create it, or change the store's path")
    lock = _lock(path)
    try:
        with _told(path):
            return _open_locked(path, readers, lock, company)
    except BaseException:
        os.close(lock)
        raise


def open_memory() -> apsw.Connection:
    """A new database that is gone with its connection."""
    connection = _connect(Path(":memory:"), apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE)
    with connection.backup("main", _empty(), "main") as copy:
        copy.step()
    _run(connection, _SAFE + "PRAGMA temp_store=MEMORY;")
    return connection


@cache
def _empty() -> apsw.Connection:
    """The schema, whose steps take four hundred times as long as a copy of what they make."""
    connection = apsw.Connection(":memory:")
    migrate(connection)
    return connection


def look(path: Path, company: str) -> tuple[int, list[str]]:
    """A store of this DID, in use or not, as it is: the schema's last step, and those that the next start will make.

    Nothing is changed. `BadConfig` and `Unavailable` say why it would not open.
    """
    check_sqlite(apsw.sqlite_lib_version())
    wanted = steps()
    try:
        with closing(reading(path)) as connection:
            later = missing(connection, wanted)
            if not later:
                _check_company(connection, path, company)
    except (apsw.NotADBError, apsw.SQLError) as error:
        raise BadConfig(f"{path} is not a store of this connector") from error
    except apsw.CorruptError as error:
        raise _damaged(path, str(error)) from error
    except (apsw.CantOpenError, apsw.IOError, apsw.PermissionsError) as error:
        raise BadConfig(f"the store {path} cannot be opened: {error}") from error
    return len(wanted) - len(later), [step.name for step in later]


def reading(path: Path) -> apsw.Connection:
    """A store, in use or not, for reading alone. One that nobody uses gets no log beside it."""
    in_use = path.with_name(path.name + "-wal").exists()
    uri = path.resolve().as_uri() + ("" if in_use else "?immutable=1")
    return apsw.Connection(uri, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)


def check_sqlite(version: str) -> None:
    """Refuse an SQLite that can lose what it said was kept."""
    if tuple(int(part) for part in version.split(".")) < OLDEST_SQLITE:
        needed = ".".join(str(part) for part in OLDEST_SQLITE)
        raise BadConfig(f"SQLite {version} can corrupt a store in WAL mode; {needed} or newer is needed")


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """What may go wrong, in words."""
    try:
        yield
    except apsw.NotADBError as error:
        raise BadConfig(f"{path} is not a store of this connector") from error
    except apsw.CorruptError as error:
        raise _damaged(path, str(error)) from error
    except (apsw.CantOpenError, apsw.ReadOnlyError, apsw.PermissionsError, OSError) as error:
        raise BadConfig(f"the store {path} cannot be opened for writing: {error}") from error
    except (apsw.FullError, apsw.IOError) as error:
        hint = "is its disk full, or away? Make room, and start it again"
        raise Unavailable(f"the store {path} cannot be written: {error}", hint=hint) from error


def _open_locked(path: Path, readers: int, lock: int, company: str) -> OpenFile:
    # A clean close removes the log. A log that is still there means a crash, and only then is the check worth its time.
    log = path.with_name(path.name + "-wal")
    crashed = log.exists() and log.stat().st_size > 0
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite gives its logs the mode of the file
    writer = _connect(path, apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE)
    try:
        _run(writer, _SAFE + _WRITER)
        if crashed:
            _quick_check(path, writer)
        migrate(writer)
        _check_company(writer, path, company)
        _run(writer, _FREE_LEASES)
        others = tuple(_reader(path) for _ in range(readers + 1))
    except BaseException:
        writer.close()
        raise
    return OpenFile(path, writer, others[0], others[1:], lock)


def _connect(path: Path, flags: int) -> apsw.Connection:
    connection = apsw.Connection(str(path), flags=flags, statementcachesize=_STATEMENTS)
    # Plans do not depend on the values bound. Without this SQLite prepares some statements anew at each binding, which
    # costs seven times what running them does.
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    return connection


def _reader(path: Path) -> apsw.Connection:
    connection = _connect(path, apsw.SQLITE_OPEN_READONLY)
    _run(connection, _SAFE + _READER)
    return connection


def _run(connection: apsw.Connection, text: str) -> None:
    connection.execute(text).fetchall()  # to the end: execution stops at each row that a PRAGMA answers


def _check_company(connection: apsw.Connection, path: Path, company: str) -> None:
    """A store is one company's: with another DID it would offer what nobody could verify as its own."""
    signer = connection.execute(_SIGNER).fetchone() if company else None
    if signer and signer[0] != company:
        hint = "`public_url` makes the DID: put the former one back, or `init` a new company"
        raise BadConfig(f"the store {path} is that of {signer[0]}, not of {company}", hint=hint)


def _quick_check(path: Path, connection: apsw.Connection) -> None:
    answer = [str(row[0]) for row in connection.execute("PRAGMA quick_check(5)")]
    if answer != ["ok"]:
        raise _damaged(path, "; ".join(answer))


def _damaged(path: Path, detail: str) -> Unavailable:
    return Unavailable(f"the store {path} is damaged: {detail}", hint="restore it from a copy")


def _lock(path: Path) -> int:
    """An advisory lock beside the store."""
    handle = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    if not locked(handle):
        os.close(handle)
        raise Unavailable(
            f"the store {path} is in use by another process", hint="stop that one first, or ask it through its API"
        )
    return handle
