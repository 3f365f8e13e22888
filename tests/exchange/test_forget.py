"""A year in virtual time: what a connector keeps of its exchanges comes to a size and stays there."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import orjson
from aiohttp import web

from connector.config import Limits
from connector.credentials.digest import digest_multibase
from connector.exchange.forget import Forget
from connector.exchange.rows import ApprovalRow
from connector.exchange.stored import micros
from connector.model import Did, JsonObject
from connector.provenance.evidence import check
from connector.server import commands, fetching
from connector.stores import open_store
from tests.edges.server.desk import Hands
from tests.exchange.test_hostile import play, services, settled
from tests.kept import kept
from tests.network import handled
from tests.simulator import AUTHORITY_PORT, KEPT, Node, World

MONTHS, DAY = 12, 86_400.0
KEPT_FOR_GOOD = {"evidence", "tombstone"}
"""What grows with every exchange, and may: the log, and the ids that never mean anything else."""


def sizes(node: Node) -> dict[str, int]:
    """How much is in every table of its store."""
    return {name: len(rows) for name, rows in kept(node.store).items()}


async def month_passes(world: World) -> None:
    """Nobody works, then all do again, long enough to clear away; the authority has signed its list anew."""
    for node in world.nodes:
        await node.die()
    await asyncio.sleep(31 * DAY)
    app = web.Application()
    for path, (body, media_type) in replace(world.authority, at=world.nodes[0].clock.now()).files().items():
        app.router.add_get(path, partial(_file, body, media_type))
    app.freeze()
    world.network.sites[f"localhost:{AUTHORITY_PORT}"] = partial(handled, app)
    for node in world.nodes:
        node.start()
    await asyncio.sleep(610)


async def _file(body: bytes, media_type: str, _: web.Request) -> web.Response:
    return web.Response(body=body, content_type=media_type)


async def exchange(customer: Node, supplier: Node, agreement: str, key: str) -> list[JsonObject]:
    """Data under the agreement, and a request that is refused; each with its key."""
    here, peer = services(customer), Did(supplier.config.did)
    return [
        await fetching.fetch(here, agreement, f"{key}-data", 60, lambda _: None),
        await commands.request(here, peer, KEPT, f"{key}-terms", 60),
    ]


def test_a_year_of_exchanges_leaves_a_store_of_one_size(tmp_path: Path) -> None:
    """Every table of both sides is as large after twelve months as after six, but for the log; the agreement of the
    first day still opens the data, a repeated command gets its answer while its transfer is kept, and the log is whole.
    """

    async def scene(world: World) -> None:
        customer, supplier = world.nodes
        agreement = str((await settled(customer, supplier))["agreement"])
        seen: list[list[dict[str, int]]] = []
        for month in range(MONTHS):
            answers = await exchange(customer, supplier, agreement, str(month))
            assert [one["state"] for one in answers] == ["COMPLETED", "TERMINATED"]
            await month_passes(world)
            fetched, refused = answers  # nothing comes a second time, so nothing comes as it is kept already
            assert await exchange(customer, supplier, agreement, str(month)) == [{**fetched, "unchanged": 0}, refused]
            seen.append([sizes(node) for node in world.nodes])
        for half, whole in zip(seen[MONTHS // 2 - 1], seen[-1], strict=True):
            grown = {name for name, count in whole.items() if count > half[name]}
            assert grown == KEPT_FOR_GOOD, {name: (half[name], whole[name]) for name in grown}
        for node in world.nodes:
            log = await node.store.evidence("", limit=10_000)
            assert check(log) == []
            assert "processes-forgotten" in {row.event for row in log}

    play(tmp_path, scene, limits=Limits(keep_ended_days=60))


async def test_requests_of_ours_go_when_they_are_needed_no_more() -> None:
    """What is refused or was replaced, and offers that ended; not what brought, or is to renew, what we show."""
    store = await open_store("memory:", company="did:web:us")
    clock = Hands()
    long_ago, shown = 5, b"shown"
    base = ApprovalRow(
        tenant="", kind="credential", pid="", turn="request", counterparty="did:web:i", subject="MembershipCredential",
        asked=1, due=long_ago, decision="issued",
    )  # fmt: skip
    told: dict[str, JsonObject] = {
        "held": {"digests": [digest_multibase(shown)]}, "renews": {"renews": [digest_multibase(shown)]},
        "replaced": {"digests": ["zOld"]}, "refused": {},
    }  # fmt: skip
    for pid, detail in told.items():
        await store.commit_approval(replace(base, pid=pid, detail=orjson.dumps(detail)), None)
    await store.commit_approval(replace(base, pid="offer", turn="offer", decision=""), None)
    await store.commit_approval(replace(base, pid="open", decision="", due=micros(clock.now())), None)
    forget = Forget(tenant="", store=store, clock=clock, keep_ended_days=30, shown=lambda: [shown])
    await forget.some(0)
    clock.at += timedelta(minutes=11)
    await forget.some(0)
    assert {row.pid for row in await store.list_approvals("", limit=9)} == {"held", "renews", "open"}
    (entry,) = [one for one in await store.evidence("") if one.event == "credential-requests-forgotten"]
    assert sorted(orjson.loads(entry.body)["credential-requests"]) == ["offer", "refused", "replaced"]
