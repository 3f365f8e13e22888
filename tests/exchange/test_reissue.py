"""What an issuer gave us over DCP is asked for anew before it ends: once, by itself, as long as it is wanted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from connector.config import Limits
from connector.credentials.digest import digest_multibase
from connector.exchange.ports import Clock, Store
from connector.exchange.reissue import Reissue
from connector.exchange.rows import ApprovalKind, ApprovalRow
from connector.model import Did
from connector.server.trouble import trouble
from tests.exchange.test_hostile import play, say, services
from tests.exchange.test_issuance import MEMBERSHIP, ROLE, Issuer, kept, requested, state
from tests.exchange.test_older_credentials import older
from tests.simulator import Node, World

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
OFF = Limits(renew_credentials_days=0)
AGAIN_SECONDS = 1_500.0


def looking(node: Node) -> Reissue:
    """The journey; a process asks by itself as soon as it runs, and each ten minutes then."""
    whole = services(node).outbox.chores[0].__self__  # type: ignore[attr-defined]  # a look inside
    assert isinstance(whole, Reissue)
    return whole


async def given(holder: Node, issuer: Issuer, lasts: timedelta, index: int = 100) -> tuple[str, bytes]:
    """A membership that was asked for by a person and has come; the one that was put there by hand is gone."""
    (holder.config.path(holder.config.held) / f"{MEMBERSHIP}.jwt").unlink(missing_ok=True)
    pid = await requested(holder, issuer)
    return pid, await brought(holder, issuer, pid, lasts, index)


async def brought(holder: Node, issuer: Issuer, pid: str, lasts: timedelta, index: int = 100) -> bytes:
    octets = older(issuer.authority, Did(holder.config.did), index, lasts)
    answer = await say(holder, "/dcp/credentials", issuer.message(pid, octets), issuer.bearer(holder))
    assert answer.status == 200
    return octets


async def renewals(holder: Node) -> list[ApprovalRow]:
    return [row for row in await services(holder).issuance.requests() if "renews" in orjson.loads(row.detail)]


async def told(holder: Node) -> str:
    """What the operator's page says of our credentials."""
    (one,) = [one for one in await trouble(services(holder)) if one.says.startswith(MEMBERSHIP)]
    return f"{one.says} → {one.do}"


def shown(holder: Node) -> set[bytes]:
    return {octets for octets in services(holder).shown() if octets in kept(holder)}


async def events(holder: Node) -> list[str]:
    rows = await holder.store.evidence("", limit=1_000)
    return [row.event for row in rows if row.event.startswith("credential-")]


async def aged(holder: Node) -> None:
    """The person asked 300 days ago, so that of what is left there is less than a third."""
    for row in await services(holder).issuance.requests():
        await holder.store.commit_approval(replace(row, asked=row.asked - 300 * 86_400_000_000), None)


async def ageing(world: World, lasts: timedelta) -> tuple[Node, Issuer]:
    """A holder whose membership, which still lasts so long, is to be renewed; and who gives it."""
    holder, issuer = world.nodes[0], Issuer(world).open()
    await given(holder, issuer, lasts)
    await aged(holder)
    return holder, issuer


@dataclass(slots=True)
class Ahead:
    """A clock that is moved on by hand."""

    clock: Clock
    by: timedelta = timedelta()

    def now(self) -> datetime:
        return self.clock.now() + self.by


def test_it_is_asked_for_once_and_the_new_one_takes_its_place(tmp_path: Path) -> None:
    """Not too early; by the issuer's own ids; looked at again, restarted, nothing more is asked. And so on."""

    async def scene(world: World) -> None:
        holder, _ = world.nodes
        issuer = Issuer(world).open()
        pid, first = await given(holder, issuer, 30 * DAY + HOUR)
        await aged(holder)
        await looking(holder).look()
        assert await renewals(holder) == []
        await asyncio.sleep(3_600 + 1_200)
        (row,) = await renewals(holder)
        assert (row.decision, row.not_before, row.counterparty) == ("", 0, issuer.authority.did)
        assert [(one["holderPid"], one["credentials"]) for one in issuer.asked] == [
            (pid, [{"id": f"{MEMBERSHIP} vc20-bssl/jwt"}]), (row.pid, [{"id": f"{MEMBERSHIP} vc20-bssl/jwt"}]),
        ]  # fmt: skip
        assert "was asked for a new one at" in await told(holder)
        await holder.die()
        holder.start()
        await asyncio.sleep(AGAIN_SECONDS)
        assert (len(issuer.asked), shown(holder)) == (2, {first})

        second = await brought(holder, issuer, row.pid, 365 * DAY, 101)
        assert (shown(holder), await state(holder, row.pid)) == ({second}, "issued")
        assert not [one for one in await trouble(services(holder)) if MEMBERSHIP in one.says]
        await looking(holder).look()
        assert len(issuer.asked) == 2
        assert await events(holder) == [
            "credential-requested", "credential-issued", "credential-requested", "credential-issued",
        ]  # fmt: skip
        said = orjson.loads((await renewals(holder))[0].detail)
        assert said["replaces"] == said["renews"]

    play(tmp_path, scene)


def test_what_was_taken_away_meanwhile_takes_no_place(tmp_path: Path) -> None:
    """A person removed the old one from the folder; the new one is kept all the same."""

    async def scene(world: World) -> None:
        holder, issuer = await ageing(world, 29 * DAY)
        await looking(holder).look()
        (row,) = await renewals(holder)
        for path in holder.config.path(holder.config.held).glob("*-*.jwt"):
            path.unlink()
        second = await brought(holder, issuer, row.pid, 365 * DAY, 101)
        assert (shown(holder), await state(holder, row.pid)) == ({second}, "issued")

    play(tmp_path, scene)


class Behind:
    """A store whose queue is a moment old when it is read: by then both processes have."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def list_approvals(self, tenant: str, kind: ApprovalKind | None = None, *, limit: int) -> list[ApprovalRow]:
        rows = await self.store.list_approvals(tenant, kind, limit=limit)
        await asyncio.sleep(1)
        return rows

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


def test_two_processes_over_one_store_ask_once(tmp_path: Path) -> None:
    """Whoever writes the request first; also when both try again, after an issuer that was not there."""

    async def scene(world: World) -> None:
        holder, issuer = await ageing(world, 3 * HOUR)
        issuer.status = 503
        clock = Ahead(holder.clock)
        store = Behind(holder.store)
        both = [replace(looking(holder), clock=clock, limits=Limits(), store=store) for _ in range(2)]
        await asyncio.gather(*(one.look() for one in both))
        assert len(issuer.asked) == 2
        issuer.status, clock.by = 201, 2 * HOUR
        await asyncio.gather(*(one.look() for one in both))
        assert len(issuer.asked) == 3
        assert len(await renewals(holder)) == 1

    play(tmp_path, scene, limits=OFF)


def test_an_issuer_that_cannot_be_asked_is_asked_again_and_not_for_ever(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """With pauses that grow, under the same id; then it is given up, and the operator is told what to do."""

    async def scene(world: World) -> None:
        holder, issuer = await ageing(world, 5 * DAY)
        clock = Ahead(holder.clock)
        look, tried = replace(looking(holder), clock=clock, limits=Limits(retry_budget_seconds=2 * 86_400)), list[int]()

        async def down(_: str) -> None:
            tried.append(round(clock.by / HOUR))
            issuer.status = 500 if len(tried) % 2 else 503

        issuer.meanwhile = down
        await look.look()
        assert "could not be asked for a new one" in (says := await told(holder))
        assert "is asked again at" in says
        for _ in range(96):
            clock.by += HOUR
            await look.look()
        assert 4 < len(tried) < 10
        assert tried[-1] - tried[-2] > 3 * (tried[1] - tried[0])
        assert len({str(one["holderPid"]) for one in issuer.asked[1:]}) == 1
        (row,) = await renewals(holder)
        assert (row.decision, row.not_before) == ("unanswered", 0)
        assert "and is asked no more" in (says := await told(holder))
        assert f"battery-connector credential request {issuer.authority.did} --type {MEMBERSHIP}" in says
        assert any("given up" in one.message for one in caplog.records)
        octets = await brought(holder, issuer, row.pid, 365 * DAY, 101)
        assert shown(holder) == {octets}

    caplog.set_level(logging.INFO, "connector.reissue")
    play(tmp_path, scene, limits=OFF)


@pytest.mark.parametrize("how", ["at once", "later", "not issued any more", "something else under its id"])
def test_a_refusal_is_told_and_not_argued_with(tmp_path: Path, how: str) -> None:
    """Nobody is asked twice; the operator reads why, and what to do."""

    async def scene(world: World) -> None:
        holder, issuer = await ageing(world, 5 * DAY)
        why = "HTTP 403"
        if how == "at once":
            issuer.status = 403
        elif how == "not issued any more":
            issuer.types = {"Other": "Other"}
            issuer.open()
            why = "does not issue"
        elif how == "something else under its id":
            issuer.types = {MEMBERSHIP: "RoleCredential"}
            issuer.open()
            why = "issues RoleCredential by now"
        clock = Ahead(holder.clock)
        look = replace(looking(holder), clock=clock, limits=Limits())
        await look.look()
        (row,) = await renewals(holder)
        if how == "later":
            why = "fee not paid"
            body = issuer.message(row.pid, status="REJECTED", rejectionReason=why)
            assert (await say(holder, "/dcp/credentials", body, issuer.bearer(holder))).status == 200
        count = len(issuer.asked)
        clock.by = 2 * DAY
        await look.look()
        assert (len(issuer.asked), await state(holder, row.pid)) == (count, "rejected")
        assert why in (says := await told(holder))
        assert "ask its people" in says

    play(tmp_path, scene, limits=OFF)


async def file_gone(holder: Node, _: Issuer) -> None:
    for path in holder.config.path(holder.config.held).glob("*-*.jwt"):
        path.unlink()


async def later_held(holder: Node, issuer: Issuer) -> None:
    later = older(issuer.authority, Did(holder.config.did), 4, 300 * DAY)
    (holder.config.path(holder.config.held) / "later.jwt").write_bytes(later)


async def by_hand(holder: Node, _: Issuer) -> None:
    """Only the file is there, as somebody else would have put it."""
    for row in await services(holder).issuance.requests():
        await holder.store.commit_approval(replace(row, decision="rejected"), None)


async def asked_since(holder: Node, issuer: Issuer) -> None:
    await requested(holder, issuer)
    del issuer.asked[-1]


async def nothing(_: Node, __: Issuer) -> None:
    """The scene without a reason against it."""


UNWANTED: dict[str, tuple[Callable[[Node, Issuer], Awaitable[None]], timedelta, dict[str, Any]]] = {
    "its file is gone": (file_gone, DAY, {}),
    "a later one is held": (later_held, DAY, {}),
    "it was put there by hand": (by_hand, DAY, {}),
    "a person asked since": (asked_since, DAY, {}),
    "its end is far": (nothing, 31 * DAY, {}),
    "its issuer is trusted no more": (nothing, DAY, {"trusted_issuers": {"RoleCredential": ("did:web:x",)}}),
    "it is turned off": (nothing, DAY, {"limits": OFF}),
}


@pytest.mark.parametrize("why", ["it is wanted", *UNWANTED])
def test_what_is_not_wanted_is_not_asked_for(tmp_path: Path, why: str) -> None:
    """Each reason alone; without one it is asked for."""

    async def scene(world: World) -> None:
        change, lasts, settings = UNWANTED.get(why, (nothing, DAY, {}))
        holder, issuer = await ageing(world, lasts)
        await change(holder, issuer)
        await replace(looking(holder), **{"limits": Limits(), **settings}).look()
        assert len(issuer.asked) == (2 if why == "it is wanted" else 1)

    play(tmp_path, scene, limits=OFF)


def test_what_has_ended_long_ago_or_was_taken_back_is_not_asked_for(tmp_path: Path) -> None:
    """While it could still be a short outage it is; what its issuer took back is told, and looked at again each day."""

    async def scene(world: World) -> None:
        holder, issuer = await ageing(world, HOUR)
        clock = Ahead(holder.clock, 31 * DAY)
        look = replace(looking(holder), clock=clock, limits=Limits())
        await look.look()
        assert await renewals(holder) == []

        clock.by = timedelta()
        world.authority.revoked.append(100)
        issuer.open()
        world.authority.revoked.clear()
        await asyncio.sleep(60)  # what is known of its status list is looked at again
        await look.look()
        (row,) = await renewals(holder)
        assert (row.decision, len(issuer.asked)) == ("withheld", 1)
        assert "its issuer has taken it back" in await told(holder)
        issuer.open()
        await asyncio.sleep(60)
        await look.look()
        assert len(issuer.asked) == 1
        clock.by = 2 * DAY
        await look.look()
        assert (len(issuer.asked), await state(holder, row.pid)) == (2, "")

    play(tmp_path, scene, limits=OFF)


@pytest.mark.parametrize("requests", [1, 2])
def test_a_role_is_asked_for_anew_though_another_role_lasts_longer(tmp_path: Path, requests: int) -> None:
    """By one request or each by its own. Another role that comes replaces none; the second is asked for in time."""

    async def scene(world: World) -> None:
        holder, _ = world.nodes
        issuer = Issuer(world, types={ROLE: ROLE}).open()
        authority, did = issuer.authority, Did(holder.config.did)
        roles = [
            older(authority, did, 100 + number, lasts * DAY, ROLE, role=name)
            for number, (name, lasts) in enumerate((("refiner", 5), ("miner", 200)))
        ]
        for some in [roles] if requests == 1 else [[one] for one in roles]:
            row = await services(holder).issuance.request(authority.did, [ROLE], [])
            body = issuer.message(row.pid, *some)
            assert (await say(holder, "/dcp/credentials", body, issuer.bearer(holder))).status == 200
            await asyncio.sleep(1)
        clock = Ahead(holder.clock)
        look = replace(looking(holder), clock=clock, limits=Limits())
        clock.by = 4 * DAY
        await look.look()
        await look.look()
        (row,) = await renewals(holder)
        assert orjson.loads(row.detail)["renews"] == [digest_multibase(roles[0])]
        other = older(authority, did, 103, 100 * DAY, ROLE, role="miner")
        answer = await say(holder, "/dcp/credentials", issuer.message(row.pid, other), issuer.bearer(holder))
        assert (answer.status, shown(holder)) == (200, {*roles, other})
        later = older(authority, did, 102, 900 * DAY, ROLE, role="refiner")
        answer = await say(holder, "/dcp/credentials", issuer.message(row.pid, later), issuer.bearer(holder))
        assert (answer.status, shown(holder)) == (200, {later, roles[1]})
        clock.by = 190 * DAY
        await look.look()
        await look.look()
        assert [orjson.loads(row.detail)["renews"] for row in (await renewals(holder))[1:]] == [
            [digest_multibase(roles[1])]
        ]

    play(tmp_path, scene, limits=OFF)
