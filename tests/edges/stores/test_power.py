"""Power cuts and failing disks: what the store said was kept is there, whatever the disk did with the rest.

A layer below SQLite records each write, truncation and sync of the file and its log. Cut after any of them, the disk
has all that was synced, and of the rest any part, down to single sectors. Or any one of them fails, because the disk is
full or broken. Each time the store is opened again and looked through.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import apsw
import pytest

from connector.errors import Unavailable
from connector.exchange.rows import StepCommit
from connector.provenance.evidence import check
from connector.stores import connection
from connector.stores.sqlite import SqliteStore
from connector.stores.sqlite_engine import SqliteEngine
from tests.edges.stores.rows import T, entry, message, outbox, process

SECTOR = 512
ROUNDS, AT_ONCE = 12, 3
SEED = 20270218
CUTS, MANY_CUTS = 60, 2_000
EACH, EACH_OF_MANY = 1, 40
_SYSTEM = apsw.vfs_names()[0]


@dataclass(slots=True)
class Disk:
    """What was asked of the disk, in order: (file, what, offset, octets); `said`: when which step was called kept."""

    asked: list[tuple[str, str, int, bytes]] = field(default_factory=list)
    said: list[tuple[int, str]] = field(default_factory=list)
    fails_at: int = -1
    fails_with: type[apsw.Error] = apsw.IOError

    def ask(self, file: str, what: str, offset: int = 0, octets: bytes = b"") -> None:
        """One thing more; the one that has to fail does."""
        self.asked.append((file, what, offset, octets))
        if len(self.asked) == self.fails_at:
            raise self.fails_with("as ordered")

    def after_cut(self, at: int, chance: random.Random) -> dict[str, bytearray]:
        """The files that may be found when the power goes after so many."""
        found: dict[str, bytearray] = {}
        unsynced: dict[str, list[tuple[str, int, bytes]]] = {}
        for file, what, offset, octets in self.asked[:at]:
            if what == "sync":
                for one in unsynced.pop(file, []):
                    _apply(found.setdefault(file, bytearray()), *one)
            elif what == "delete":
                found.pop(file, None)
                unsynced.pop(file, None)
            else:
                unsynced.setdefault(file, []).append((what, offset, octets))
        for file, waiting in unsynced.items():
            for one in _taken(waiting, chance):
                _apply(found.setdefault(file, bytearray()), *one)
        return found


def _taken(waiting: list[tuple[str, int, bytes]], chance: random.Random) -> Iterator[tuple[str, int, bytes]]:
    """Some of it: mostly sector by sector, in any order; at times all or nothing."""
    share = chance.choice((0.0, 0.5, 0.9, 1.0))
    pieces = []
    for what, offset, octets in waiting:
        if what == "truncate":
            pieces.append((what, offset, octets))
        pieces += [(what, offset + at, octets[at : at + SECTOR]) for at in range(0, len(octets), SECTOR)]
    if share < 1.0:
        chance.shuffle(pieces)
    return (one for one in pieces if chance.random() < share or share == 1.0)


def _apply(file: bytearray, what: str, offset: int, octets: bytes) -> None:
    if what == "truncate":
        del file[offset:]
        return
    file.extend(bytes(max(0, offset + len(octets) - len(file))))
    file[offset : offset + len(octets)] = octets


class _File(apsw.VFSFile):
    """One file of the store, under watch."""

    def __init__(self, disk: Disk, name: object, flags: list[int]) -> None:
        super().__init__(_SYSTEM, name, flags)  # type: ignore[arg-type]  # a name as SQLite gives it
        self._disk, self._name = disk, Path(name.filename() if isinstance(name, apsw.URIFilename) else str(name)).name

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - the name that SQLite calls
        self._disk.ask(self._name, "write", offset, bytes(data))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802 - the name that SQLite calls
        self._disk.ask(self._name, "truncate", newsize)
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802 - the name that SQLite calls
        self._disk.ask(self._name, "sync")
        super().xSync(flags)


class _Layer(apsw.VFS):
    """Between SQLite and the system."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        super().__init__("watched", _SYSTEM, makedefault=True)

    def xOpen(self, name: object, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - the name that SQLite calls
        return _File(self._disk, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802 - as SQLite calls it
        self._disk.ask(Path(filename).name, "delete")
        super().xDelete(filename, syncdir)


@contextmanager
def watched() -> Iterator[Disk]:
    """Record what SQLite asks for until the block ends."""
    disk = Disk()
    layer = _Layer(disk)
    try:
        yield disk
    finally:
        layer.unregister()


async def work(path: Path, disk: Disk) -> list[BaseException]:
    """Steps side by side, with write-backs of the log; those that were refused."""
    store = SqliteStore(path)
    engine = store._engine
    assert isinstance(engine, SqliteEngine)
    engine._file.writer.execute("PRAGMA wal_autocheckpoint=20").fetchall()

    async def step(pid: str) -> None:
        await store.commit_step(
            StepCommit(
                process=process(pid), expected_version=0, messages=[message(pid, body=pid.encode() * 300)],
                outbox=[outbox(pid)], evidence=[entry(pid)],
            )
        )  # fmt: skip
        disk.said.append((len(disk.asked), pid))

    refused: list[BaseException] = []
    for number in range(ROUNDS):
        steps = (step(f"{number}-{at}") for at in range(AT_ONCE))
        refused += [one for one in await asyncio.gather(*steps, return_exceptions=True) if one is not None]
    await store.close()
    return refused


async def judge(path: Path, kept: set[str]) -> None:
    """Whole, chained, and with everything that was said to be kept."""
    store = SqliteStore(path)
    try:
        log = await store.evidence(T, limit=100_000)
        counted = await store.counts(T)
        assert check(log) == []
        assert {row.event for row in log} >= kept
        assert len(log) == counted.get("negotiation REQUESTED", 0) == counted["outbox"]
        for pid in kept:
            assert await store.load_process(T, "negotiation", pid) is not None
            assert len(await store.messages(T, "negotiation", pid)) == 1
    finally:
        await store.close()
    with apsw.Connection(str(path)) as file:
        assert file.execute("PRAGMA integrity_check").get == "ok"
    file.close()


async def cut(folder: Path, cuts: int) -> None:
    """Cut the power so often."""
    with watched() as disk:
        assert await work(folder / "store.db", disk) == []
    assert len(disk.said) == ROUNDS * AT_ONCE
    assert any(file == "store.db" and what == "sync" for file, what, *_ in disk.asked[disk.said[0][0] :]), (
        "written back"
    )
    chance = random.Random(SEED)
    first = disk.said[0][0] // 2  # making the schema is a commit as others are
    for number in range(cuts):
        at = chance.randrange(first, len(disk.asked) + 1)
        place = folder / str(number)
        place.mkdir()
        for name, octets in disk.after_cut(at, chance).items():
            if not name.endswith("-shm"):
                (place / name).write_bytes(octets)
        try:
            await judge(place / "store.db", {pid for when, pid in disk.said if when <= at})
        except BaseException as error:
            error.add_note(f"seed {SEED}, cut {number}: after {at} of {len(disk.asked)}")
            raise


async def test_a_power_cut_loses_nothing_that_was_said_to_be_kept(tmp_path: Path) -> None:
    """At some moments."""
    await cut(tmp_path, CUTS)


@pytest.mark.long
async def test_many_power_cuts_lose_nothing(tmp_path: Path) -> None:
    """At many."""
    await cut(tmp_path, MANY_CUTS)


async def test_the_layer_finds_what_is_not_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without waiting for the disk the same cuts lose what was said to be kept: the test has teeth."""
    monkeypatch.setattr(connection, "_WRITER", connection._WRITER.replace("synchronous=FULL", "synchronous=NORMAL"))
    with pytest.raises(AssertionError):
        await cut(tmp_path, CUTS)


async def fail(folder: Path, every: int) -> None:
    """Let one thing that is asked of the disk fail, each of so many, full and broken in turn."""
    with watched() as disk:
        await work(folder / "whole.db", disk)
    for at in range(disk.said[0][0] + 1, disk.said[-1][0] + 1, every):
        place = folder / f"{at}.db"
        for with_ in (apsw.FullError, apsw.IOError):
            with watched() as faulty:
                faulty.fails_at, faulty.fails_with = at, with_
                refused = await work(place, faulty)
            assert all(isinstance(one, Unavailable) for one in refused), (at, with_, refused)
            kept = {pid for _, pid in faulty.said}
            assert len(kept) + len(refused) == ROUNDS * AT_ONCE
            if with_ is apsw.FullError:
                assert len(refused) <= AT_ONCE, "the disk was full once"
            await judge(place, kept)
            place.unlink()


async def test_a_failing_disk_loses_nothing_that_was_said_to_be_kept(tmp_path: Path) -> None:
    """Some of what is asked of it."""
    await fail(tmp_path, EACH_OF_MANY)


@pytest.mark.long
async def test_no_failure_of_the_disk_loses_anything(tmp_path: Path) -> None:
    """All of it."""
    await fail(tmp_path, EACH)
