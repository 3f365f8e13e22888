"""What came is discarded: only what is meant, never what ours are made of, and it may come again."""

from __future__ import annotations

from pathlib import Path

import orjson

from connector.exchange.discard import Which
from connector.exchange.rows import LinkRow, RecordsCommit
from connector.model import Did
from connector.server import fetching
from tests.exchange.test_hostile import services
from tests.exchange.test_inbox import put, waiting
from tests.exchange.test_push import scene
from tests.simulator import Node, World


async def fetched(customer: Node, agreement: str, key: str) -> tuple[object, object]:
    """A pull."""
    got = await fetching.fetch(services(customer), agreement, key, 60, lambda _: None)
    assert got["state"] == "COMPLETED"
    return got["records"], got["credentials"]


def test_it_goes_and_may_come_again(tmp_path: Path) -> None:
    """First only counted; then records, credentials and octets are gone, and what was delivered stays on record."""

    async def what(world: World, agreement: str) -> None:
        customer, supplier = world.nodes
        here, peer = services(customer), supplier.config.did
        assert await fetched(customer, agreement, "1") == (2, 2)
        _, token = await waiting(world, agreement)
        assert (await put(customer, token, b"a report")).status == 200
        [file] = await customer.store.list_files("", "", agreement)
        which = Which(agreement_id=agreement)
        counted = await here.discard.run(which, really=False)
        assert (counted.records, counted.files, counted.used) == (2, 1, 0)
        assert here.files.path(file.digest).exists()
        before = await here.room.kept(Did(peer))
        for other in (Which(agreement_id="urn:other"), Which(holder="did:web:other"), Which(unit="?"), Which(before=1)):
            assert (await here.discard.run(other, really=True)).as_json() == {"records": 0, "files": 0, "used": 0}
        gone = await here.discard.run(which, really=True)
        assert (gone.records, gone.files) == (2, 1)
        assert (before > 0, await here.room.kept(Did(peer))) == (True, 0)
        assert not here.files.path(file.digest).exists()
        assert await customer.store.list_records("", origin="received") == []
        said = [row for row in await customer.store.evidence("") if row.event == "received-discarded"]
        assert [len(orjson.loads(row.body)["records"]) for row in said] == [2, 0]
        assert await customer.store.list_delivered("", agreement)
        assert await fetched(customer, agreement, "2") == (2, 2)

    scene(tmp_path, what)


def test_what_ours_are_made_of_stays(tmp_path: Path) -> None:
    """A record to which one of ours leads; and a single record or file is named by its id or digest."""

    async def what(world: World, agreement: str) -> None:
        customer, supplier = world.nodes
        here, peer = services(customer), supplier.config.did
        await fetched(customer, agreement, "1")
        used, other = await customer.store.list_records("", origin="received")
        [ours, *_] = await customer.store.list_records("", origin="own")
        link = LinkRow(
            tenant="", link_id="l", from_holder=ours.holder, from_record=ours.record_id, from_version=ours.version,
            to_record=used.record_id, to_version=used.version, holder=peer,
        )  # fmt: skip
        await customer.store.commit_records(RecordsCommit(tenant="", holder=ours.holder, expected={}, links=(link,)))
        result = await here.discard.run(Which(unit=used.record_id), really=True)
        assert (result.records, result.used) == (0, 1)
        result = await here.discard.run(Which(holder=peer), really=True)
        assert (result.records, result.used) == (1, 1)
        assert [row.record_id for row in await customer.store.list_records("", origin="received")] == [used.record_id]
        assert other.record_id != used.record_id

    scene(tmp_path, what)
