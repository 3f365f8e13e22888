"""What only the PostgreSQL store promises: processes on one database get along, and a lost server is got over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from itertools import count
from pathlib import Path

import apsw
import pytest

from connector.errors import BadConfig, BadMessage, Conflict, Unavailable
from connector.exchange.ports import Store
from connector.exchange.rows import OutboxRow, RecordsCommit, StepCommit
from connector.provenance.evidence import check
from connector.stores import open_store
from connector.stores.dialect import postgres_statements
from connector.stores.engine import Transaction
from connector.stores.migrations import SCHEMA, migrate, steps
from connector.stores.tables import Tables
from tests import postgres
from tests.edges.stores.rows import PEER, US, T, command, credential, entry, message, outbox, process, record, replay

asyncpg = pytest.importorskip("asyncpg", reason="no PostgreSQL: the extra `postgres` is not installed")
postgres_connection = pytest.importorskip("connector.stores.postgres_connection")
postgres_writer = pytest.importorskip("connector.stores.postgres_writer")


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """A database without rows."""
    async with postgres.database() as found:
        yield found


@pytest.fixture
async def replicas(url: str) -> AsyncIterator[tuple[Store, ...]]:
    """The stores of three processes of one company."""
    opened = [await open_store(url, company=US) for _ in range(3)]
    yield tuple(opened)
    for one in opened:
        await one.close()


async def outcomes(work: list[Awaitable[object]]) -> list[object]:
    """What came of all of them, side by side; of errors the kind."""
    done = await asyncio.gather(*work, return_exceptions=True)
    return [type(one) if isinstance(one, BaseException) else one for one in done]


async def test_every_statement_can_be_prepared(replicas: tuple[Store, ...], url: str) -> None:
    """Each named statement fits the schema as PostgreSQL reads it; one that stands anew there has its name here."""
    connection = await asyncpg.connect(url)
    for statement in postgres_statements().values():
        await connection.prepare(statement.text)
    await connection.close()


async def test_both_schemas_hold_the_same(replicas: tuple[Store, ...], url: str) -> None:
    """Tables, columns, what may be empty and what is the key: a step in one folder has its like in the other."""
    database = apsw.Connection(":memory:")
    migrate(database)
    expected = {
        (table, column, bool(not_null or key), key)
        for (table,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        for _, column, _, not_null, _, key in database.execute(f"PRAGMA table_info({table})").fetchall()
    } - {("command", "answer", False, 0)}  # nobody ever wrote it
    connection = await asyncpg.connect(url)
    found = await connection.fetch(
        """SELECT c.table_name, c.column_name, c.is_nullable = 'NO', coalesce(k.ordinal_position, 0)::int
        FROM information_schema.columns c LEFT JOIN information_schema.key_column_usage k
        ON k.table_name = c.table_name AND k.column_name = c.column_name AND k.constraint_name = c.table_name || '_pkey'
        WHERE c.table_schema = 'public' AND c.table_name <> 'company'"""
    )
    await connection.close()
    worked_out = ("outbox", "due", True, 0)  # SQLite does not list it
    assert {tuple(row) for row in found} == expected | {worked_out}


async def test_a_database_is_one_companys(url: str) -> None:
    """The first that opens it has it; look first, and nothing is changed."""
    await (await open_store(url, company=US)).close()
    with pytest.raises(BadConfig, match=f"{US}, not of did:web:other"):
        await open_store(url, company="did:web:other")
    with pytest.raises(BadConfig, match="not of did:web:other"):
        await postgres_connection.look(url, "", "did:web:other")
    assert await postgres_connection.look(url, "", US) == (len(steps(SCHEMA / "postgres")), [])


async def test_what_cannot_be_opened_is_told(url: str) -> None:
    """A database that is not there, a server that is not, a schema of a newer connector."""
    with pytest.raises(BadConfig, match="there is no") as raised:
        await open_store(url.replace("test_", "nowhere_"), company=US)
    assert "createdb" in raised.value.hint
    with pytest.raises(Unavailable, match=r"'x' at one\.invalid:5432,two\.invalid:5433"):
        await open_store("postgresql://me@one.invalid:5432,two.invalid:5433/x", company=US)
    with pytest.raises(Unavailable, match="nobody"):
        await open_store("postgresql://someone:secret@nobody.invalid/x", company=US)
    await (await open_store(url, company=US)).close()
    connection = await asyncpg.connect(url)
    await connection.execute("INSERT INTO migration VALUES (99, 'later', 'x')")
    try:
        with pytest.raises(BadConfig, match="schema step 99"):
            await open_store(url, company=US)
    finally:
        await connection.execute("DELETE FROM migration WHERE number = 99")
        await connection.close()


async def test_processes_that_start_at_once_make_one_schema() -> None:
    """None is refused, and each step is made once."""
    url = await postgres.create()
    opened = await asyncio.gather(*(open_store(url, company=US) for _ in range(4)))
    for one in opened:
        await one.close()
    assert (await postgres_connection.look(url, "", US))[1] == []


async def test_one_of_many_wins(replicas: tuple[Store, ...]) -> None:
    """A process's next version, a token, a command, a status index, an agreement's id: to one replica each, and the
    others are told; nothing of what they had in the same step stays.
    """
    for store in replicas:
        await store.append_evidence([entry()])
    first = await outcomes([
        store.commit_step(StepCommit(process=process(), expected_version=0, outbox=[outbox()])) for store in replicas
    ])  # fmt: skip
    assert sorted(map(str, first)) == sorted(map(str, [(1,), Conflict, Conflict]))
    later = [
        StepCommit(
            process=process(version=2, state=f"S{n}"), expected_version=1, messages=[message(message_id=f"m{n}")],
            evidence=[entry()],
        )
        for n in range(3)
    ]  # fmt: skip
    second = await outcomes([store.commit_step(step) for store, step in zip(replicas, later, strict=True)])
    winner = second.index(())
    assert second.count(Conflict) == 2
    for store in replicas:
        found = await store.load_process(T, "negotiation", "p1")
        assert found is not None
        assert found.state == f"S{winner}"
        assert [one.message_id for one in await store.messages(T, "negotiation", "p1")] == [f"m{winner}"]
        assert await store.find_message(T, "negotiation", "p1", PEER, f"m{winner}") is not None
    assert (await outcomes([store.commit_replay(replay()) for store in replicas])).count(Conflict) == 2
    given = await outcomes([
        store.commit_step(StepCommit(process=process(f"c{n}"), expected_version=0, command=command(pid=f"c{n}")))
        for n, store in enumerate(replicas)
    ])  # fmt: skip
    assert given.count(Conflict) == 2
    published = await outcomes([
        store.commit_records(
            RecordsCommit(tenant=T, holder=US, expected={f"r{n}": 0}, records=[record(f"r{n}")],
                          credentials=[credential(f"d{n}", f"r{n}", place=(0, 0))])
        )
        for n, store in enumerate(replicas)
    ])  # fmt: skip
    assert published.count(Conflict) == 2
    assert [await store.next_status_index(T) for store in replicas] == [1, 1, 1]
    claims = [StepCommit(process=process(f"a{n}"), expected_version=0, claim="agreed") for n in range(3)]
    claimed = await outcomes([store.commit_step(step) for store, step in zip(replicas, claims, strict=True)])
    assert claimed.count(()) == 1


async def test_evidence_is_one_chain(replicas: tuple[Store, ...]) -> None:
    """Whoever writes: no number twice, none left out, each linked to the one before."""
    numbers = count()

    async def write(store: Store) -> None:
        for _ in range(20):
            await store.append_evidence([entry(f"e{next(numbers)}"), entry(f"e{next(numbers)}")])

    await asyncio.gather(*(write(store) for store in replicas for _ in range(3)))
    rows = await replicas[0].evidence(T)
    assert not check(rows)
    assert [row.seq for row in rows] == list(range(1, 361))
    assert {row.event for row in rows} == {f"e{n}" for n in range(360)}


async def test_each_row_of_the_outbox_goes_to_one(replicas: tuple[Store, ...]) -> None:
    """Claims at once share the rows out; whose lease has passed may no longer settle what another one has by now."""
    for n in range(12):
        await replicas[0].commit_step(
            StepCommit(process=process(f"p{n}"), expected_version=0, outbox=[outbox(f"p{n}")])
        )
    claims = [store.claim_outbox(now=10, owner=f"w{n}", lease_until=50, limit=5) for n, store in enumerate(replicas)]
    claimed: list[list[OutboxRow]] = await asyncio.gather(*claims)
    assert sorted(map(len, claimed)) == [2, 5, 5]
    assert len({row.pid for rows in claimed for row in rows}) == 12
    old = claimed[0][0]
    again = [
        row for n in (1, 2) for row in await replicas[n].claim_outbox(now=60, owner=f"w{n}", lease_until=90, limit=12)
    ]
    assert (len(again), {row.fence for row in again}) == (12, {2})
    late = StepCommit(process=process(old.pid, 2), expected_version=1, outbox_done=(old.seq, old.fence))
    with pytest.raises(Conflict):
        await replicas[0].commit_step(late)


async def test_a_lost_server_is_got_over(replicas: tuple[Store, ...], url: str) -> None:
    """Sessions that the server ends cost a refusal at most, which says so; then all goes on without a restart."""
    store = replicas[0]
    await store.append_evidence([entry()])
    connection = await asyncpg.connect(url)
    kept = 1
    for _ in range(3):
        await connection.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
        assert len(await store.evidence(T)) == kept
        done = await outcomes([one.append_evidence([entry()]) for one in replicas])
        assert set(done) <= {None, Unavailable}
        kept += done.count(None)
    await connection.close()
    rows = await store.evidence(T)
    assert len(rows) == kept
    assert not check(rows)


async def test_a_store_whose_tables_are_gone_answers_all(replicas: tuple[Store, ...], url: str) -> None:
    """Somebody else's slip with the database leaves nobody waiting for ever."""
    connection = await asyncpg.connect(url)
    await connection.execute("ALTER TABLE company RENAME TO renamed")
    try:
        done = await outcomes([one.append_evidence([entry()]) for one in replicas])
    finally:
        await connection.execute("ALTER TABLE renamed RENAME TO company")
        await connection.close()
    assert done == [asyncpg.UndefinedTableError] * 3
    await replicas[0].append_evidence([entry()])


async def test_who_stops_in_its_turn_loses_it(url: str) -> None:
    """A process that neither goes on nor dies holds the others up for a time, not for ever."""
    begin = postgres_writer._BEGIN.replace("'10s'", "'300ms'")
    assert begin != postgres_writer._BEGIN
    store, stopped = await open_store(url, company=US), await asyncpg.connect(url)
    await stopped.execute(begin)
    await store.append_evidence([entry()])
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await stopped.execute("COMMIT")
    stopped.terminate()
    await store.close()


async def test_a_bug_in_one_transaction_spares_its_neighbours(replicas: tuple[Store, ...]) -> None:
    """An error of any kind comes back to the one who caused it; others of the same commit are written."""
    store = replicas[0]
    assert isinstance(store, Tables)

    async def good(tx: Transaction) -> int:
        return await tx.change("content_changed", {"tenant": T, "dataset_id": "d"})

    async def bad(tx: Transaction) -> int:
        await tx.change("content_changed", {"tenant": T, "dataset_id": "d"})
        raise ZeroDivisionError

    async def wrong(tx: Transaction) -> int:
        return await tx.change("content_changed", {"tenant": 7, "dataset_id": "d"})

    engine = store._engine
    done = await outcomes([engine.write(one) for one in (good, bad, good, wrong, good)])
    assert done == [1, ZeroDivisionError, 1, asyncpg.DataError, 1]
    assert await replicas[1].content_version(T, "d") == 3


async def test_a_text_that_cannot_be_kept_is_refused(replicas: tuple[Store, ...]) -> None:
    """U+0000 is JSON and no text of PostgreSQL, an index takes no long id: its sender is told, nobody else suffers."""
    store = replicas[0]
    long = "".join(chr(33 + n * n * 7 % 9_000) for n in range(20_000))
    done = await outcomes([
        store.commit_step(StepCommit(process=process("p1"), expected_version=0, messages=[message(message_id="a\0b")])),
        store.commit_step(StepCommit(process=process("p2"), expected_version=0)),
        store.find_message(T, "negotiation", "p1", PEER, "a\0b"),
        store.load_records(T, US, ["a\0b"]),
        store.commit_step(StepCommit(process=process("p3"), expected_version=0, messages=[message("p3", long)])),
    ])  # fmt: skip
    assert done == [BadMessage, (), BadMessage, BadMessage, BadMessage]


async def test_closing_waits_for_what_is_under_way(url: str) -> None:
    """What was handed over before the close is written; what comes after is refused."""
    store = await open_store(url, company=US)
    tasks = [asyncio.create_task(store.append_evidence([entry(str(i))])) for i in range(150)]
    await asyncio.sleep(0)
    tasks[7].cancel()
    await store.close()
    await asyncio.gather(*tasks, return_exceptions=True)
    with pytest.raises(Unavailable):
        await store.append_evidence([entry()])
    store = await open_store(url, company=US)
    assert len(await store.evidence(T)) == 149 + (tasks[7].cancelled() and 1)
    await store.close()


def test_nothing_is_missing_without_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Who has no asyncpg is told what to install."""
    import sys

    monkeypatch.setitem(sys.modules, "asyncpg", None)
    for name in [name for name in sys.modules if name.startswith("connector.stores.postgres")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(BadConfig, match="asyncpg") as raised:
        asyncio.run(open_store("postgresql://x@y/z", company=US))
    assert "battery-connector[postgres]" in raised.value.hint
