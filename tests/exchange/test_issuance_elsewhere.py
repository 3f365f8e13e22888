"""Credentials asked for by one process and delivered to another one, over the same store."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connector.credentials.issuance import Delivery
from connector.exchange.ports import Store
from connector.exchange.rows import ApprovalKind, ApprovalRow
from connector.model import Did
from tests.exchange.test_hostile import play, services
from tests.exchange.test_issuance import MEMBERSHIP, Issuer, kept, state
from tests.exchange.test_older_credentials import older
from tests.simulator import World


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
