"""An issuer that says nothing is asked how far our request is: seldom, and until it has answered."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from connector.exchange.inquire import Inquire
from tests.exchange.test_hostile import play, services
from tests.exchange.test_issuance import Issuer, requested, state
from tests.exchange.test_reissue import DAY, HOUR, Ahead
from tests.simulator import Node, World


def asking(node: Node) -> Inquire:
    """The journey; a process asks by itself as soon as it runs."""
    whole = services(node).outbox.chores[1].__self__  # type: ignore[attr-defined]  # a look inside
    assert isinstance(whole, Inquire)
    return whole


def test_a_refusal_that_nobody_brought_is_found_out(tmp_path: Path) -> None:
    """By the process itself, after an hour; the operator reads it."""

    async def scene(world: World) -> None:
        holder, _ = world.nodes
        issuer = Issuer(world, says="RECEIVED").open()
        pid = await requested(holder, issuer)
        await asyncio.sleep(3_000)
        assert issuer.looked == []
        issuer.says = "REJECTED"
        await asyncio.sleep(1_800)
        assert (issuer.looked, await state(holder, pid)) == (["of-1"], "rejected")
        (told,) = [one for one in await holder.store.evidence("") if one.event == "credential-request-refused"]
        assert pid in told.body.decode()

    play(tmp_path, scene)


@pytest.mark.parametrize("says", ["RECEIVED", "ISSUED"])
def test_it_is_asked_about_seldom_and_not_for_ever(tmp_path: Path, says: str) -> None:
    """What is looked at or on its way stays open; after 90 days nobody asks. A clock set back stops nothing."""

    async def scene(world: World) -> None:
        holder, _ = world.nodes
        issuer = Issuer(world, says=says).open()
        pid = await requested(holder, issuer)
        clock = Ahead(holder.clock)
        ask = replace(asking(holder), clock=clock, _due={})
        for hours in range(100 * 24):
            clock.by = hours * HOUR
            await ask.look()
        assert 80 < len(issuer.looked) < 100
        assert await state(holder, pid) == ""
        ask._next = 0
        first = ask.work()
        clock.by -= 30 * DAY
        again = ask.work()
        assert first is not None
        assert again is not None
        first.close()
        again.close()
        assert ask.work() is None

    play(tmp_path, scene)


@pytest.mark.parametrize("location", ["", "http://h/\xe9", "/requests/a b"])
def test_without_an_id_nothing_is_asked(tmp_path: Path, location: str) -> None:
    """An issuer that names no address, or none that is one, waits for nothing."""

    async def scene(world: World) -> None:
        holder, _ = world.nodes
        issuer = Issuer(world, says="REJECTED").open()
        issuer.location = location
        pid = await requested(holder, issuer)
        await asyncio.sleep(8_000)
        assert (issuer.looked, await state(holder, pid)) == ([], "")

    play(tmp_path, scene)
