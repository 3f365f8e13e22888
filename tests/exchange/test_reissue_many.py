"""Renewal where there is much: several credentials of one delivery, more than a thousand requests."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from connector.config import Limits
from connector.model import Did
from tests.exchange.test_hostile import play, say, services
from tests.exchange.test_issuance import ROLE, Issuer
from tests.exchange.test_older_credentials import older
from tests.exchange.test_reissue import DAY, OFF, aged, given, looking, renewals
from tests.simulator import World


@pytest.mark.parametrize("revoked", [1, 2])
def test_one_that_was_taken_back_does_not_hold_up_the_others(tmp_path: Path, revoked: int) -> None:
    """Two roles of one delivery: of both nothing is asked, of one the rest is."""

    async def scene(world: World) -> None:
        holder, _ = world.nodes
        issuer = Issuer(world, types={ROLE: ROLE}).open()
        authority, did = issuer.authority, Did(holder.config.did)
        roles = [
            older(authority, did, 100 + at, 5 * DAY, ROLE, role=name) for at, name in enumerate(("miner", "refiner"))
        ]
        row = await services(holder).issuance.request(authority.did, [ROLE], [])
        answer = await say(holder, "/dcp/credentials", issuer.message(row.pid, *roles), issuer.bearer(holder))
        assert answer.status == 200
        await aged(holder)
        authority.revoked.extend(range(100, 100 + revoked))
        issuer.open()
        authority.revoked.clear()
        await asyncio.sleep(60)  # what is known of its status list is looked at again
        await replace(looking(holder), limits=Limits()).look()
        (row,) = await renewals(holder)
        assert (row.decision, len(issuer.asked)) == (("", 2) if revoked == 1 else ("withheld", 1))

    play(tmp_path, scene, limits=OFF)


def test_what_was_asked_for_before_a_thousand_others_is_asked_for_anew(tmp_path: Path) -> None:
    """However many requests there were since."""

    async def scene(world: World) -> None:
        holder, _ = world.nodes
        issuer = Issuer(world).open()
        pid, _ = await given(holder, issuer, DAY)
        await aged(holder)
        there = await holder.store.load_approval("", "credential", pid)
        assert there is not None
        for number in range(1_001):
            other = replace(there, pid=f"urn:{number}", asked=there.asked + 1, decision="rejected")
            await holder.store.commit_approval(other, None)
        await replace(looking(holder), limits=Limits()).look()
        assert len(issuer.asked) == 2

    play(tmp_path, scene, limits=OFF)
