"""What a peer may fill: the disk never, and not more than its share; whoever is refused is told why."""

from __future__ import annotations

import asyncio
from pathlib import Path

import orjson
import pytest

from connector.errors import TooLarge
from connector.exchange import room
from connector.model import Did
from connector.stores.files import FileStore
from tests.exchange.test_hostile import services
from tests.exchange.test_inbox import put, waiting
from tests.exchange.test_push import fetched, rows, scene
from tests.simulator import World


def test_a_full_disk_takes_nothing_and_goes_on_when_it_has_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the disk is full: a push waits at its provider, both sides say why, and nobody has to begin it again."""
    free = [(1 << 30) - 1]

    async def left(_: FileStore) -> int:
        return free[0]

    async def what(world: World, agreement: str) -> None:
        customer, supplier = world.nodes
        monkeypatch.setattr(FileStore, "room", left)
        got = await fetched(customer, agreement, wait=5)
        assert (got["state"], got["records"], got["unchecked"]) == ("STARTED", 0, 1)
        assert "disk is nearly full" in str(got["findings"])
        said = await supplier.store.attempts("", "transfer", (await rows(world, str(got["transfer"])))[1].pid)
        assert (
            said[-1].detail == "pushing: the consumer's address answered HTTP 503: the receiver's disk is nearly full"
        )
        free[0] = 1 << 40
        await asyncio.sleep(300)
        got = await fetched(customer, agreement)
        assert (got["state"], got["records"], got["findings"]) == ("COMPLETED", 2, [])

    scene(tmp_path, what)


def test_a_peer_that_has_filled_its_share_is_told_so(tmp_path: Path) -> None:
    """More of it is not kept; its push ends with the reason, on both sides, and a fetch says it too."""

    async def what(world: World, agreement: str) -> None:
        customer, _ = world.nodes
        services(customer).room.max_peer_bytes = 100
        got = await fetched(customer, agreement)
        assert (got["state"], got["records"]) == ("TERMINATED", 0)
        assert "keeps at most" in str(got["termination"])
        assert "keeps at most" in str(got["findings"])

    scene(tmp_path, what)


def test_files_that_come_at_once_count_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each alone would fit; what is refused, or is not what it promised, leaves nothing on the disk."""
    monkeypatch.setattr(room, "_LOOK_BYTES", 1_000)

    async def what(world: World, agreement: str) -> None:
        customer, supplier = world.nodes
        _, token = await waiting(world, agreement)
        here = services(customer)
        here.room.max_peer_bytes = 5_000
        async with (
            here.room.filled(Did(supplier.config.did)) as more,
            here.room.filled(Did(supplier.config.did)) as other,
        ):
            await more(3_000)
            with pytest.raises(TooLarge):
                await other(3_000)
        answers = [await put(customer, token, octets) for octets in (b"a" * 3_000, b"b" * 3_000)]
        assert [one.status for one in answers] == [200, 413]
        assert supplier.config.did in orjson.loads(answers[1].body)["detail"]
        folder = here.files.path("u" + "a" * 40).parent
        assert sum(path.stat().st_size for path in folder.iterdir()) == 3_000
        here.room.max_peer_bytes = 6_000
        assert (await put(customer, token, b"b" * 3_000)).status == 200

    scene(tmp_path, what)
