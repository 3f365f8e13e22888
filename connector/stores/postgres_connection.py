"""Opening a PostgreSQL database: new enough, ours, the schema up to date; and which errors mean that it is not there.

What is run on the connections stands in `postgres_engine` and `postgres_writer`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final
from urllib.parse import urlsplit

import asyncpg

from connector.errors import BadConfig, BadMessage, Unavailable
from connector.exchange.rows import DatasetRow
from connector.stores.dialect import postgres_statements
from connector.stores.engine import Violated
from connector.stores.migrations import APPLIED, SCHEMA, Step, later, steps
from connector.stores.records import DATASET

OLDEST: Final = 15
READERS: Final = 4
"""Connections at most, beside the one that writes."""
_CONNECT_SECONDS: Final = 10.0
_ANSWER_SECONDS: Final = 60.0
_STATEMENTS: Final = 200  # prepared statements kept per connection: more than there are named ones
_MIGRATING: Final = 7_364_126_520_511_391
"""The lock under which one process at a time looks at the schema."""

_MIGRATIONS: Final = """CREATE TABLE IF NOT EXISTS migration (
  number bigint PRIMARY KEY, name text NOT NULL, checksum text NOT NULL)"""

GONE: Final = (
    OSError, TimeoutError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError, asyncpg.InsufficientResourcesError, asyncpg.PostgresSystemError,
    asyncpg.IdleInTransactionSessionTimeoutError, asyncpg.ReadOnlySQLTransactionError, asyncpg.LockNotAvailableError,
    asyncpg.InvalidCachedStatementError,
)  # fmt: skip
"""Not the statement's fault: the server stops, has moved, is full, or the way to it is cut. Later it may go."""


async def open_pool(url: str, password: str, company: str) -> asyncpg.Pool:
    """Connections to the database at this URL, which is `company`'s. `BadConfig`, `Unavailable`: it cannot be used."""
    async with _told(url):
        pool = await asyncpg.create_pool(
            url, password=password or None, min_size=1, max_size=READERS + 1, timeout=_CONNECT_SECONDS,
            command_timeout=_ANSWER_SECONDS, statement_cache_size=_STATEMENTS, reset=_leave_as_it_is,
            server_settings={"application_name": "battery-connector"},
        )  # fmt: skip
    try:
        async with _told(url), pool.acquire() as connection:
            await _check_server(connection)
            await _migrate(connection)
            await _check_company(connection, company)
    except BaseException:
        pool.terminate()
        raise
    return pool


async def look(url: str, password: str, company: str) -> tuple[int, list[str]]:
    """The schema's last step, and those that the next start will make. Nothing is changed. The same errors."""
    async with _one_look(url, password) as connection:
        await _check_server(connection)
        wanted = steps(SCHEMA / "postgres")
        there = await connection.fetchval("SELECT to_regclass('migration') IS NOT NULL")
        missing = await _missing(connection, wanted) if there else wanted
        if there:
            await _check_company(connection, company, first=False)
    return len(wanted) - len(missing), [step.name for step in missing]


async def datasets(url: str, password: str, tenant: str) -> list[DatasetRow]:
    """All datasets of a database whose schema is up to date. The same errors."""
    wanted = postgres_statements()["list_datasets"]
    async with _one_look(url, password) as connection:
        rows = await connection.fetch(wanted.text, *wanted.arguments({"tenant": tenant, "after": "", "limit": None}))
    return [DATASET.read(tuple(row)) for row in rows]


async def own_credentials(url: str, password: str, tenant: str, before: int) -> list[tuple[str, bytes]]:
    """Type and octets of each of our own that is served since before a time. The same errors."""
    wanted = postgres_statements()["own_credentials"]
    async with _one_look(url, password) as connection:
        rows = await connection.fetch(wanted.text, *wanted.arguments({"tenant": tenant, "before": before}))
    return [(str(name), bytes(octets)) for name, octets in rows]


@asynccontextmanager
async def _one_look(url: str, password: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection for as long as it takes, without a pool."""
    async with _told(url):
        connection = await asyncpg.connect(
            url, password=password or None, timeout=_CONNECT_SECONDS, command_timeout=_ANSWER_SECONDS
        )
        try:
            yield connection
        finally:
            connection.terminate()


def place(url: str) -> str:
    """The database in words, without a password."""
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    return f"the PostgreSQL database {parts.path.strip('/') or user.partition(':')[0]!r} at {host or 'this machine'}"


@contextmanager
def said() -> Iterator[None]:
    """What an error of a statement says to whoever ran it."""
    try:
        yield
    except asyncpg.UniqueViolationError as error:
        raise Violated(str(error)) from error
    except (asyncpg.CharacterNotInRepertoireError, asyncpg.UntranslatableCharacterError) as error:
        raise BadMessage("a text holds the character U+0000, which PostgreSQL does not keep") from error
    except asyncpg.ProgramLimitExceededError as error:
        raise BadMessage("a text is longer than PostgreSQL finds things by") from error


async def _leave_as_it_is(_: object) -> None:
    """No statement of ours changes a connection's settings, so nothing has to be set back between two."""


@asynccontextmanager
async def _told(url: str) -> AsyncIterator[None]:
    """What may go wrong, in words."""
    try:
        yield
    except asyncpg.InvalidCatalogNameError:
        raise BadConfig(f"there is no {place(url).removeprefix('the ')}", hint="make it: createdb") from None
    except asyncpg.InvalidAuthorizationSpecificationError as error:
        hint = "the password stands in CONNECTOR_STORE_PASSWORD, in the environment or in secrets.env"
        raise BadConfig(f"{place(url)} lets nobody in: {error}", hint=hint) from None
    except asyncpg.InsufficientPrivilegeError as error:
        raise BadConfig(f"{place(url)}: {error}", hint="the user has to own the database, or its schema") from None
    except (asyncpg.ClientConfigurationError, ValueError) as error:
        raise BadConfig(
            f"the store's address cannot be read: {error}", hint="postgresql://USER@HOST/DATABASE"
        ) from None
    except GONE as error:
        raise Unavailable(f"{place(url)} cannot be reached: {error or type(error).__name__}") from None


async def _check_server(connection: asyncpg.Connection) -> None:
    version = connection.get_server_version()
    if version.major < OLDEST:
        raise BadConfig(f"the server is PostgreSQL {version.major}; {OLDEST} or newer is needed")
    encoding = await connection.fetchval("SHOW server_encoding")
    if encoding != "UTF8":
        raise BadConfig(f"the database is encoded in {encoding}", hint="make another one: createdb --encoding UTF8")


async def _migrate(connection: asyncpg.Connection) -> None:
    """Bring the schema to the newest step, one process at a time: all steps or none."""
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _MIGRATING)
        await connection.execute(_MIGRATIONS)
        for step in await _missing(connection, steps(SCHEMA / "postgres")):
            await connection.execute(step.text)
            await connection.execute("INSERT INTO migration VALUES ($1, $2, $3)", step.number, step.name, step.checksum)


async def _missing(connection: asyncpg.Connection, wanted: list[Step]) -> list[Step]:
    return later(dict(await connection.fetch(APPLIED)), wanted)


async def _check_company(connection: asyncpg.Connection, company: str, *, first: bool = True) -> None:
    """A database is one company's. The first that comes has it."""
    if first:
        await connection.execute("INSERT INTO company (did) VALUES ($1) ON CONFLICT DO NOTHING", company)
    owner = await connection.fetchval("SELECT did FROM company")
    if owner not in {None, company}:
        raise BadConfig(
            f"the database is the store of {owner}, not of {company}", hint="give each company a database of its own"
        )
