"""Who may be under way: nobody's silence holds up the others, everybody gets a turn."""

from __future__ import annotations

import asyncio
from pathlib import Path

from connector.exchange.lanes import WIDTH, Lanes
from connector.exchange.ports import HttpAnswer
from connector.exchange.rows import OutboxRow
from connector.model import Did
from connector.protocol.messages import Dataset
from connector.server import commands
from connector.server.services import Services
from tests.exchange.test_hostile import play, services
from tests.network import Request
from tests.simulator import SHARED, World

LASTS = 1_000


def row(peer: str, number: int = 0, *, lease_until: int = LASTS) -> OutboxRow:
    """Something to send to that peer."""
    return OutboxRow(
        tenant="", kind="negotiation", pid=f"{peer}{number}", seq=1, counterparty=peer, message_type="X",
        message_id="m", url="", body=b"", not_before=0, lease_owner="me", lease_until=lease_until, fence=1, created=0,
    )  # fmt: skip


def fill(lanes: Lanes, **rows: int) -> None:
    """So many rows for each."""
    for peer, count in rows.items():
        for number in range(count):
            lanes.put(row(peer, number))


def taken(lanes: Lanes, now: int = 0) -> list[str]:
    """Everything that may go now, by peer."""
    found: list[str] = []
    while (one := lanes.take(now)) is not None:
        found.append(one.counterparty)
    return found


def test_lanes_take_turns_within_their_width() -> None:
    """A thousand rows for one peer leave room for another, and that one comes second, not last."""
    lanes = Lanes(room=1_000)
    fill(lanes, a=900, b=2)
    found = taken(lanes)
    assert found[:5] == ["a", "b", "a", "b", "a"]
    assert found.count("a") == WIDTH
    assert lanes.full() == ("a",)
    lanes.done("a", answered=True)
    assert taken(lanes) == ["a"]


def test_the_room_is_kept() -> None:
    """No more at once than there is room for; each end makes room for whoever is next in line."""
    lanes = Lanes(room=3)
    fill(lanes, a=2, b=2)
    assert taken(lanes) == ["a", "b", "a"]
    lanes.done("a", answered=True)
    assert taken(lanes) == ["b"]


def test_silence_narrows_a_lane_until_somebody_speaks() -> None:
    """One at a time after no answer; an answer, or hearing from the peer, opens the lane again."""
    for spoken in (True, False):
        lanes = Lanes()
        fill(lanes, a=100)
        assert len(taken(lanes)) == WIDTH
        for _ in range(WIDTH - 1):
            lanes.done("a", answered=False)
        assert taken(lanes) == []
        lanes.done("a", answered=False)
        assert taken(lanes) == ["a"]
        if spoken:
            lanes.heard("a")
        else:
            lanes.done("a", answered=True)
        assert len(taken(lanes)) == WIDTH - spoken


def test_silent_lanes_have_half_of_the_room() -> None:
    """However many are silent, a peer that answers gets through."""
    lanes = Lanes(room=8)
    for number in range(20):
        lanes.put(row(f"silent{number}"))
    for peer in taken(lanes):
        lanes.done(peer, answered=False)
    while found := taken(lanes):
        for peer in found:
            lanes.done(peer, answered=False)
    for number in range(20):
        lanes.put(row(f"silent{number}", 2))
    assert len(taken(lanes)) == 4
    lanes.put(row("b"))
    assert taken(lanes) == ["b"]


def test_strangers_have_half_of_the_room_until_they_answer() -> None:
    """Each of a crowd of strangers has a lane of its own, and nobody has been silent yet."""
    lanes = Lanes(room=8, known={"b"}.__contains__)
    for number in range(20):
        fill(lanes, **{f"stranger{number}": 2})
    assert len(taken(lanes)) == 4
    fill(lanes, b=3)
    assert taken(lanes) == ["b"] * 3
    lanes.done("stranger0", answered=True)
    assert sorted(taken(lanes)) == ["stranger0", "stranger4"]


def test_a_lease_that_does_not_last_is_left_to_the_next_claim() -> None:
    """What waited too long is passed over, and nothing of it stays."""
    lanes = Lanes()
    lanes.put(row("a", 1, lease_until=500))
    lanes.put(row("a", 2))
    assert lanes.take(500) == row("a", 2)
    lanes.done("a", answered=None)
    lanes.put(row("a", 3, lease_until=500))
    assert lanes.take(500) is None
    assert lanes.full() == ()


def test_a_silent_peer_holds_up_nobody_else(tmp_path: Path) -> None:
    """Hundreds of messages wait for a peer that takes connections and never answers; another one is served as ever."""

    async def scene(world: World) -> None:
        customer, healthy, silent = world.nodes
        here, loop = services(customer), asyncio.get_running_loop()

        async def ask(peer: Did, offered: Dataset, key: str, wait: float) -> str:
            offer = offered.has_policy[0].as_json()
            return str((await commands.request(here, peer, offered.id, key, wait, offer=offer))["state"])

        async def never(_: Request) -> HttpAnswer:
            await asyncio.sleep(3_600)
            raise AssertionError("nobody waits so long")

        good, bad = (Did(node.config.did) for node in (healthy, silent))
        offered, lost = [await shared(here, peer) for peer in (good, bad)]
        world.network.sites[f"localhost:{silent.config.listen.port}"] = never
        await asyncio.gather(*(ask(bad, lost, f"s{number}", 0) for number in range(300)))
        for number in range(5):
            begin = loop.time()
            assert await ask(good, offered, f"h{number}", 60) == "FINALIZED"
            assert loop.time() - begin < 3, "as fast as without the silent one"
            await asyncio.sleep(30)

    play(tmp_path, scene, nodes=3)


async def shared(here: Services, peer: Did) -> Dataset:
    """What the peer offers to members."""
    return (await here.browse.find(peer, SHARED)).dataset
