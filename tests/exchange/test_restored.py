"""A company that burns down and is brought back from a copy that is older than its last publication."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from connector.credentials.status_list import LIST_BITS
from connector.exchange.publication import Declared, Published
from connector.exchange.publish import Publish
from connector.exchange.restored import Restored
from connector.mapping.engine import Mapped
from connector.stores.backup import copy_store
from connector.stores.memory import MemoryStore
from connector.stores.sqlite import SqliteStore
from tests.exchange.test_publish import DID, LOT, NOW, Company, dataset, document, subject

LATER = "urn:record:MineralLotPassport:L2"


class LateClock:
    """A clock that somebody sets."""

    def __init__(self, now: datetime) -> None:
        self.time = now

    def now(self) -> datetime:
        """What it was set to."""
        return self.time


class Life:
    """One life of the company: from a start to its fire."""

    def __init__(self, path: Path, start: datetime) -> None:
        self.path, self.store, self.clock = path, SqliteStore(path), LateClock(start)
        self.journey: Publish = replace(Company().journey, store=self.store, clock=self.clock)

    async def begin(self, *, said: bool = False) -> bool:
        """What the start notes."""
        return await Restored(tenant="", store=self.store, clock=self.clock).note(said=said)

    async def publish(self, *documents: Mapped, correction: str = "") -> Published:
        """Publish them."""
        return await self.journey.publish(documents, dataset(), Declared(correction=correction), lambda _: None)

    async def given(self, record_id: str) -> tuple[int, set[int]]:
        """A record's version, and the status indices that its credentials have, over all lists."""
        record = await self.store.load_record("", DID, record_id)
        assert record is not None
        made = await self.store.credentials("", DID, record_id, record.version)
        places = {(row.status_list or 0) * LIST_BITS + (row.status_index or 0) for row in made}
        assert len(places) == len(made)
        return record.version, places


def lot(key: str, **changes: str) -> Mapped:
    """A lot."""
    return document("MineralLotPassport", key, subject("MineralLotPassport", **changes))


async def test_no_number_is_given_twice(tmp_path: Path) -> None:
    """Not for what was new after the copy, nor for what was corrected; also when one copy is used again."""
    first = Life(tmp_path / "first.db", NOW)
    assert not await first.begin()
    await first.publish(lot("L1"))
    copy_store(first.path, tmp_path / "copy.db")
    await first.publish(lot("L1", id="urn:lot:other"), lot("L2"), correction="weighed again")
    lives, start = [(await first.given(LOT), await first.given(LATER))], NOW
    assert [version for version, _ in lives[0]] == [2, 1]
    await first.store.close()
    for name in ("second", "third"):
        (tmp_path / f"{name}.db").write_bytes((tmp_path / "copy.db").read_bytes())
        start += timedelta(days=1)
        life = Life(tmp_path / f"{name}.db", start)
        assert await life.begin()
        assert not await life.begin(), "it is noted once"
        before = await life.given(LOT)
        assert (await life.publish(lot("L1"))).unchanged == 1, "what is in the copy stands"
        assert before == await life.given(LOT)
        result = await life.publish(lot("L1", id="urn:lot:other"), lot("L2"), correction="weighed again")
        assert (result.skipped, len(result.warnings)) == (1, 1)
        assert "brought back from a copy" in result.warnings[0]
        lives.append((await life.given(LOT), await life.given(LATER)))
        version = lives[-1][0][0]
        again = await life.publish(lot("L1", id="urn:lot:third"), correction="once more")
        assert ((await life.given(LOT))[0], again.skipped) == (version + 1, 0), "from there on it counts as ever"
        new = await life.publish(lot("L3"))
        assert (new.minted, new.skipped, new.warnings) == (1, 0, []), "no news of what never had a version"
        assert len(str(version)) <= 9, "readers take nine digits"
        await life.store.close()
    for which in (0, 1):
        versions = [life[which][0] for life in lives]
        places = [place for life in lives for place in life[which][1]]
        assert len({*versions}) == len(versions)
        assert len({*places}) == len(places)


async def test_the_list_that_the_lost_life_wrote_next_is_left_out() -> None:
    """In any minute; and a copy that is used again at the same minute of another hour or day takes another list."""
    taken = []
    for minutes in (*range(61), 24 * 60):
        store, clock = MemoryStore(), LateClock(datetime.fromtimestamp(61 * 500_000 * 60 + 60 * minutes, UTC))
        assert await Restored(tenant="", store=store, clock=clock).note(said=True)
        taken.append(await store.next_status_index("") // LIST_BITS)
    assert sorted(taken[:61]) == list(range(2, 63))
    assert len({taken[0], taken[60], taken[61]}) == 3


async def test_a_copy_that_says_nothing_is_named_by_its_operator(tmp_path: Path) -> None:
    """A snapshot looks like the store that it was; a word at the start makes up for that."""
    life = Life(tmp_path / "snapshot.db", NOW)
    assert not await life.begin()
    assert await life.begin(said=True)
    await life.publish(lot("L1"))
    assert (await life.given(LOT))[0] == int(NOW.timestamp()) // 60
    await life.store.close()


async def test_each_restoration_has_numbers_of_its_own(tmp_path: Path) -> None:
    """A copy of what was just restored, restored in the same minute; or by a clock that was set back."""
    life = Life(tmp_path / "life.db", NOW)
    firsts = []
    for start in (NOW, NOW, NOW - timedelta(days=1)):
        life.clock.time = start
        assert await life.begin(said=True)
        firsts.append(await life.store.first_version(""))
    assert firsts == [firsts[0], firsts[0] + 1, firsts[0] + 2]
    await life.store.close()
