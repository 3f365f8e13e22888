"""Credentials asked for by one process and delivered to another one, over the same store."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import orjson
import pytest

from connector.credentials.digest import digest_multibase
from connector.credentials.issuance import Delivery
from connector.exchange.ports import Store
from connector.exchange.rows import ApprovalKind, ApprovalRow
from connector.exchange.stored import micros, said_of
from connector.model import Did
from tests.exchange.test_hostile import play, services
from tests.exchange.test_issuance import MEMBERSHIP, Issuer, kept, state
from tests.exchange.test_issuer import Holder, acted
from tests.exchange.test_older_credentials import older
from tests.simulator import Node, World


class ElsewhereToo:
    """A store to which another process writes just after this one has looked, once."""

    def __init__(self, store: Store, write: Callable[[ApprovalRow], Awaitable[None]]) -> None:
        self.store, self.write = store, [write]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    async def load_approval(self, tenant: str, kind: ApprovalKind, pid: str) -> ApprovalRow | None:
        row = await self.store.load_approval(tenant, kind, pid)
        if row is not None and self.write:
            await self.write.pop()(row)
        return row


@pytest.mark.parametrize("status", [403, 503])
def test_a_delivery_that_another_process_takes_when_the_answer_comes_stands(tmp_path: Path, status: int) -> None:
    """What this process has seen of the row just before does not count any more."""

    async def scene(world: World) -> None:
        holder, _ = world.nodes
        issuer = Issuer(world, status).open()
        here = services(holder).issuance
        there = replace(here, _turn=asyncio.Lock())
        octets = older(issuer.authority, Did(holder.config.did), 100)

        async def delivered(row: ApprovalRow) -> None:
            came = Delivery(
                holder_pid=row.pid, issuer_pid="i", status="ISSUED", credentials=(octets,), reason=""
            )  # fmt: skip
            await there.keep(row, came)

        store: Any = ElsewhereToo(holder.store, delivered)
        row = await replace(here, store=store).request(issuer.authority.did, [MEMBERSHIP], [])
        assert (row.decision, await state(holder, row.pid), kept(holder)) == ("issued", "issued", {octets})

    play(tmp_path, scene)


@pytest.mark.parametrize("here_says", ["REJECTED", "ISSUED"])
def test_of_two_deliveries_in_two_processes_what_was_issued_stands(tmp_path: Path, here_says: str) -> None:
    """One says rejected, the other issued, at one moment: what lies in the folder is told, with digests."""

    async def scene(world: World) -> None:
        holder, _ = world.nodes
        issuer = Issuer(world).open()
        here = services(holder).issuance
        there = replace(here, _turn=asyncio.Lock())
        octets = older(issuer.authority, Did(holder.config.did), 100)
        row = await here.request(issuer.authority.did, [MEMBERSHIP], [])
        rejected = Delivery(holder_pid=row.pid, issuer_pid="i", status="REJECTED", credentials=(), reason="no papers")
        issued = replace(rejected, status="ISSUED", credentials=(octets,), reason="")
        ours, theirs = (rejected, issued) if here_says == "REJECTED" else (issued, rejected)

        async def delivered(row: ApprovalRow) -> None:
            await there.keep(row, theirs)

        store: Any = ElsewhereToo(holder.store, delivered)
        await replace(here, store=store).keep(row, ours)
        after = await holder.store.load_approval("", "credential", row.pid)
        assert after is not None
        assert (after.decision, kept(holder)) == ("issued", {octets})
        assert orjson.loads(after.detail)["digests"] == [digest_multibase(octets)]

    play(tmp_path, scene)


def test_what_a_holder_has_is_not_told_as_undelivered(tmp_path: Path) -> None:
    """Two processes deliver at one moment: one alone does it, and a try that failed takes nothing back."""

    async def scene(issuer: Node, _: Node, holder: Holder) -> None:
        here, until = services(issuer).issuer, micros(issuer.clock.now()) + 10**9
        said = {"holderPid": "h", "asked": [], "credentials": {}, "reason": "no papers", "decided": until - 10**9}
        row = ApprovalRow(
            tenant="", kind="issuance", pid="urn:x", turn="issuance", counterparty=holder.did, subject="m", asked=1,
            due=until, decision="rejected", not_before=until, detail=orjson.dumps(said),
        )  # fmt: skip
        await issuer.store.commit_approval(row, None)

        async def over(seen: ApprovalRow) -> None:
            done = orjson.dumps({**said, "delivered": 1, "failed": ""})
            await issuer.store.commit_approval(replace(seen, not_before=0, detail=done), None)

        await replace(here, store=cast("Store", ElsewhereToo(issuer.store, over))).settle(row.pid, "HTTP 503")
        after = await here.load(row.pid)
        assert ("delivered" in said_of(after), said_of(after)["failed"], after.not_before) == (True, "", 0)

    acted(tmp_path, scene)
