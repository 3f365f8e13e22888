"""What came, page by page: the same as at once, whatever the size of a page."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.errors import BadInput, NotFound
from connector.exchange.pages import FILE
from connector.model import Json, list_in
from connector.server.received import received
from connector.server.requests import Received
from tests.exchange.test_discard import fetched
from tests.exchange.test_hostile import services
from tests.exchange.test_inbox import put, waiting
from tests.exchange.test_push import scene
from tests.simulator import Node, World

LISTS = ("agreements", "records", "files")


async def pages(node: Node, limit: int, holder: str = "", record_type: str = "") -> list[dict[str, list[Json]]]:
    """All, as they follow each other; the room is told once."""
    found, after, first = [], "", True
    while first or after:
        asked = Received.model_validate({"from": holder, "type": record_type, "after": after, "limit": limit})
        page = await received(services(node), asked)
        assert (page["room"] is not None) is first
        found.append({name: list_in(page[name]) for name in LISTS})
        after, first = str(page["next"] or ""), False
    return found


def test_pages_leave_nothing_out(tmp_path: Path) -> None:
    """Of three lists, with what is asked for alone; each page is full but the last."""

    async def what(world: World, agreement: str) -> None:
        customer, supplier = world.nodes
        await fetched(customer, agreement, "1")
        _, token = await waiting(world, agreement)
        for octets in (b"a report", b"another"):
            assert (await put(customer, token, octets)).status == 200
        (whole,) = await pages(customer, 1000)
        there = sum(map(len, whole.values()))
        assert [len(whole[name]) for name in LISTS[1:]] == [2, 2]
        for limit in (1, 2, there - 1, there):
            cut = await pages(customer, limit)
            assert {name: [one for page in cut for one in page[name]] for name in LISTS} == whole
            assert [sum(map(len, page.values())) for page in cut[:-1]] == [limit] * (len(cut) - 1)
        assert await pages(customer, 9, record_type=FILE) == [{**whole, "records": []}]
        assert await pages(customer, 9, holder="did:web:other") == [{name: [] for name in LISTS}]
        assert await pages(customer, 9, holder=supplier.config.did) == [whole]
        for after, refused in (("nonsense", BadInput), ("agreements:urn:none", NotFound)):
            with pytest.raises(refused):
                await received(services(customer), Received(after=after))

    scene(tmp_path, what)
