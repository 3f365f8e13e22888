"""What only the SQLite store promises: it survives kill -9, and refuses what it cannot be sure of."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
from pathlib import Path

import apsw
import apsw.ext
import pytest

from connector.errors import BadConfig, Conflict, Unavailable
from connector.exchange.rows import RecordsCommit, StepCommit
from connector.provenance.evidence import check
from connector.stores import connection, open_store
from connector.stores.engine import Transaction
from connector.stores.migrations import migrate, steps
from connector.stores.sqlite import SqliteStore
from connector.stores.sqlite_engine import SqliteEngine
from connector.stores.statements import statements
from tests.edges.stores.rows import US, T, credential, entry, message, outbox, process, record

ROOT = Path(__file__).parents[3]

KILLS = 20

# Forks one writer after the other and kills it at a random moment, opening and closing included: the first one shows
# how long this machine takes for forty steps. What a writer was told to be kept it writes to the pipe. (One process
# that forks: importing everything anew would take most of the time.)
KILLER = """
import asyncio, os, random, signal, sys, time
from pathlib import Path
from connector.exchange.rows import StepCommit
from connector.stores.sqlite import SqliteStore
from tests.edges.stores.rows import entry, message, outbox, process

async def main(path, run, steps):
    store = SqliteStore(path)
    async def one(worker):
        for i in range(steps):
            pid = f"{run}-{worker}-{i}"
            await store.commit_step(StepCommit(process=process(pid), expected_version=0, messages=[message(pid)],
                                               outbox=[outbox(pid)], evidence=[entry(pid)]))
            os.write(1, (pid + "\\n").encode())
    await asyncio.gather(*(one(worker) for worker in range(8)))
    await store.close()

def begin(run, steps):
    child = os.fork()
    if not child:
        asyncio.run(main(Path(sys.argv[1]), run, steps))
        os._exit(0)
    return child

chance, began = random.Random(20270315), time.monotonic()
os.waitpid(begin("calm", 5), 0)
whole = time.monotonic() - began
for run in range(int(sys.argv[2])):
    child = begin(run, 100000)
    time.sleep(chance.random() * whole)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"""


async def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    """Killed at twenty random moments under load: every acknowledged step is whole, and the log's chain holds."""
    path = tmp_path / "store.db"
    killer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLER, str(path), str(KILLS), cwd=ROOT, stdout=subprocess.PIPE
    )
    said, _ = await killer.communicate()
    acknowledged = said.decode().split()
    assert killer.returncode == 0
    assert len([pid for pid in acknowledged if not pid.startswith("calm")]) > KILLS
    store = SqliteStore(path)
    for pid in acknowledged:
        assert await store.load_process(T, "negotiation", pid) is not None
        assert len(await store.messages(T, "negotiation", pid)) == 1
    log = await store.evidence(T, limit=1_000_000)
    assert check(log) == []
    # One step, one entry, one process, one outbox row: nothing is there by half.
    counted = await store.counts(T)
    assert len(log) == counted["negotiation REQUESTED"] == counted["outbox"] >= len(acknowledged)
    assert {row.event for row in log} >= set(acknowledged)
    await store.close()


async def test_a_second_opener_is_refused(tmp_path: Path) -> None:
    """While one process has the store, no other gets it; afterwards it does."""
    store = SqliteStore(tmp_path / "s.db")
    with pytest.raises(Unavailable, match="in use"):
        SqliteStore(tmp_path / "s.db")
    await store.close()
    await store.close()
    await SqliteStore(tmp_path / "s.db").close()


async def test_a_store_is_one_companys(tmp_path: Path) -> None:
    """With another `public_url` it would offer what the former DID signed; the doctor says so, too."""
    path = tmp_path / "s.db"
    for company in ("did:web:other", US):  # nothing is signed yet, so nothing is lost
        store = await open_store(f"sqlite:{path}", company=company)
        await store.close()
    store = SqliteStore(path)
    await store.commit_records(
        RecordsCommit(
            tenant=T, holder=US, expected={"r1": 0}, records=[record()], credentials=[credential(place=(0, 0))]
        )
    )
    await store.close()
    with pytest.raises(BadConfig, match=f"is that of {US}, not of did:web:other") as told:
        await open_store(f"sqlite:{path}", company="did:web:other")
    assert "public_url" in told.value.hint
    with pytest.raises(BadConfig, match="not of did:web:other"):
        connection.look(path, "did:web:other")
    assert connection.look(path, US)[1] == []
    await (await open_store(f"sqlite:{path}", company=US)).close()


async def test_a_clean_close_leaves_one_file(tmp_path: Path) -> None:
    """After a clean close the write-ahead log is folded in: the file alone is the whole store."""
    store = SqliteStore(tmp_path / "s.db")
    await store.commit_step(StepCommit(process=process(), expected_version=0))
    await store.close()
    assert sorted(path.name for path in await asyncio.to_thread(lambda: list(tmp_path.iterdir()))) == [
        "s.db",
        "s.db.lock",
    ]


async def test_the_settings_are_in_force(tmp_path: Path) -> None:
    """A commit waits for the disk, the log is a write-ahead log, and readers cannot write."""
    opened = connection.open_file(tmp_path / "s.db", readers=1)
    expected = {
        "journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "trusted_schema": 0, "cell_size_check": 1,
        "wal_autocheckpoint": 4000,
    }  # fmt: skip
    assert {name: opened.writer.execute(f"PRAGMA {name}").get for name in expected} == expected
    for reader in (opened.point_reader, *opened.readers):
        assert reader.execute("PRAGMA query_only").get == 1
        with pytest.raises(apsw.ReadOnlyError):
            reader.execute("DELETE FROM process")
    opened.close()


async def test_nobody_else_on_the_machine_reads_it(tmp_path: Path) -> None:
    """Whatever the mask of the process: the file and its logs are their owner's alone."""
    before = os.umask(0)
    try:
        store = SqliteStore(tmp_path / "store.db")
        await store.commit_step(StepCommit(process=process("p"), expected_version=0))
        assert _modes(tmp_path) == dict.fromkeys(("store.db", "store.db-wal", "store.db-shm", "store.db.lock"), 0o600)
        await store.close()
    finally:
        os.umask(before)


def _modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


def test_an_old_sqlite_is_refused() -> None:
    """Versions with the WAL-reset bug cannot be used; the first one without it can."""
    for version in ("3.40.1", "3.51.2"):
        with pytest.raises(BadConfig, match=version):
            connection.check_sqlite(version)
    connection.check_sqlite("3.51.3")
    connection.check_sqlite("4.0.0")


async def test_a_changed_schema_step_is_refused(tmp_path: Path) -> None:
    """A step whose text is not what was applied stops the start, by name."""
    path = tmp_path / "s.db"
    await SqliteStore(path).close()
    with apsw.Connection(str(path)) as other:
        other.execute("UPDATE migration SET checksum = 'x' WHERE number = 1")
    other.close()
    with pytest.raises(BadConfig, match="0001_processes"):
        SqliteStore(path)


async def test_a_newer_store_is_refused(tmp_path: Path) -> None:
    """A store that a newer connector brought further is left alone."""
    path = tmp_path / "s.db"
    await SqliteStore(path).close()
    with apsw.Connection(str(path)) as other:
        other.execute("INSERT INTO migration VALUES (99, '0099_later', 'x')")
    other.close()
    with pytest.raises(BadConfig, match="schema step 99"):
        SqliteStore(path)


def test_a_failing_step_leaves_nothing(tmp_path: Path) -> None:
    """A step that fails half-way is taken back as a whole, and the ones before it stay."""
    first = steps()[0]
    broken = type(first)(2, "0002_broken", "CREATE TABLE good (a TEXT) STRICT; CREATE TABLE bad (;")
    database = apsw.Connection(":memory:")
    with pytest.raises(BadConfig, match="0002_broken"):
        migrate(database, [first, broken])
    tables = {row[0] for row in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    assert "process" in tables
    assert "good" not in tables
    database.close()


def test_steps_are_numbered_without_gaps(tmp_path: Path) -> None:
    """A missing number is a mistake in the package, found at once."""
    (tmp_path / "0002_x.sql").write_text("SELECT 1")
    with pytest.raises(BadConfig, match="numbered"):
        steps(tmp_path)


def test_what_is_not_a_store_is_refused(tmp_path: Path) -> None:
    """A text file, a folder and a place that does not exist are named, not written to; the lock is let go."""
    text = tmp_path / "notes.txt"
    text.write_text("not a database, " * 1000)
    for _ in range(2):
        with pytest.raises(BadConfig, match=r"notes\.txt"):
            SqliteStore(text)
    (tmp_path / "folder").mkdir()
    with pytest.raises(BadConfig):
        SqliteStore(tmp_path / "folder")
    with pytest.raises(BadConfig, match="no folder"):
        SqliteStore(tmp_path / "nowhere" / "s.db")


def test_every_statement_can_be_prepared() -> None:
    """Each named statement fits the schema, and each is used by a name in the code."""
    database = apsw.Connection(":memory:")
    migrate(database)
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "connector" / "stores").glob("*.py"))
    for name, text in statements().items():
        apsw.ext.query_info(database, text)
        assert f'"{name}"' in code
    database.close()


async def test_a_pid_stays_taken_after_its_process_is_gone(tmp_path: Path) -> None:
    """A deleted process leaves its pid for ever, and takes its messages along."""
    store = SqliteStore(tmp_path / "s.db")
    await store.commit_step(StepCommit(process=process(), expected_version=0, messages=[message()], outbox=[outbox()]))
    await store.close()
    database = apsw.Connection(str(tmp_path / "s.db"))
    database.execute("PRAGMA foreign_keys=ON")
    database.execute("DELETE FROM process")
    database.close()
    store = SqliteStore(tmp_path / "s.db")
    assert await store.messages(T, "negotiation", "p1") == []
    assert await store.next_outbox() is None
    with pytest.raises(Conflict):
        await store.commit_step(StepCommit(process=process(), expected_version=0))
    await store.close()


async def test_a_bug_in_one_transaction_spares_its_neighbours(tmp_path: Path) -> None:
    """An error of any kind comes back to the one who caused it; others of the same commit are written."""
    engine = SqliteEngine(tmp_path / "s.db")

    async def good(tx: Transaction) -> int:
        return await tx.change("set_status_mark", {"tenant": "t", "next": 5})

    async def bad(tx: Transaction) -> int:
        await tx.change("set_status_mark", {"tenant": "t", "next": 99})
        raise ZeroDivisionError

    for long in (False, True):
        answers = await asyncio.gather(
            engine.write(good, long=long), engine.write(bad), engine.write(good), return_exceptions=True
        )
        assert (answers[0], answers[2]) == (1, 1)
        assert isinstance(answers[1], ZeroDivisionError)
    assert await engine.point("status_mark", {"tenant": "t"}) == (5,)
    await engine.close()


async def test_closing_waits_for_what_is_under_way(tmp_path: Path) -> None:
    """What was handed over before the close is written; what comes after is refused."""
    store = SqliteStore(tmp_path / "s.db")
    tasks = [asyncio.create_task(store.append_evidence([entry(str(i))])) for i in range(150)]
    await asyncio.sleep(0)
    await store.close()
    await asyncio.gather(*tasks)
    with pytest.raises(Unavailable):
        await store.append_evidence([entry()])
    store = SqliteStore(tmp_path / "s.db")
    assert len(await store.evidence(T)) == 150
    await store.close()


async def test_a_cancelled_caller_does_not_stop_the_others(tmp_path: Path) -> None:
    """Who stops waiting does not keep a commit from happening, nor its neighbours from their answers."""
    store = SqliteStore(tmp_path / "s.db")
    tasks = [asyncio.create_task(store.append_evidence([entry(str(i))])) for i in range(3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert [task.cancelled() for task in tasks] == [False, True, False]
    assert len(await store.evidence(T)) == 3
    await store.close()


async def test_a_full_disk_is_said_and_got_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Without room a commit is refused as unavailable and leaves nothing, and the log says so once; with room again
    the store goes on.
    """
    store = SqliteStore(tmp_path / "s.db")
    engine = store._engine
    assert isinstance(engine, SqliteEngine)
    await store.commit_step(StepCommit(process=process(), expected_version=0))
    limit = engine._file.writer.execute("PRAGMA max_page_count").get
    engine._file.writer.execute("PRAGMA max_page_count=1").fetchall()
    for _ in range(2):
        with pytest.raises(Unavailable, match="full") as told:
            await store.commit_step(
                StepCommit(process=process("big"), expected_version=0, messages=[message("big", body=b"x" * 500_000)])
            )
        assert "make room" in told.value.hint
    assert [one.name for one in caplog.records] == ["connector.store"]
    engine._file.writer.execute(f"PRAGMA max_page_count={limit}").fetchall()
    assert await store.load_process(T, "negotiation", "big") is None
    await store.commit_step(StepCommit(process=process("big"), expected_version=0))
    await store.close()


@pytest.mark.parametrize("kind", [apsw.FullError, apsw.IOError])
def test_a_disk_that_is_full_at_the_start_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[apsw.Error]
) -> None:
    """No bug of ours; and once there is room the same file opens."""

    def full(_: apsw.Connection) -> None:
        raise kind("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(connection, "migrate", full)
        with pytest.raises(Unavailable, match="cannot be written") as told:
            connection.open_file(tmp_path / "store.db", readers=1)
    assert "Make room" in told.value.hint
    connection.open_file(tmp_path / "store.db", readers=1).close()


async def test_a_damaged_file_is_noticed_after_a_crash(tmp_path: Path) -> None:
    """A store that was not closed cleanly is checked at the start, and damage stops it."""
    path = tmp_path / "s.db"
    store = SqliteStore(path)
    for i in range(100):
        step = StepCommit(process=process(f"p{i}"), expected_version=0, messages=[message(f"p{i}", body=b"x" * 3000)])
        await store.commit_step(step)
    await store.close()
    octets = bytearray(path.read_bytes())
    middle = len(octets) // 2 // 4096 * 4096
    octets[middle : middle + 4096] = b"\xff" * 4096
    path.write_bytes(octets)
    path.with_name("s.db-wal").write_bytes(b"\0" * 32)
    with pytest.raises(Unavailable, match="damaged"):
        SqliteStore(path)
