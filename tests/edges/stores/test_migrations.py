"""Steps of the schema on a store that is in use: what was there is there afterwards."""

from __future__ import annotations

from pathlib import Path

import apsw

from connector.stores.migrations import migrate, steps
from connector.stores.sqlite import SqliteStore
from tests.edges.stores.rows import T, credential, identifier, link, record

OLD_RECORD = (
    "INSERT INTO record VALUES ('acme', ?, ?, 'CellPassport', ?, ?, ?, ?, 'ds', '', 'c', x'7b7d', x'', '[\"d1\"]', "
    "'[\"did:web:b\"]', 1, ?)"
)
OLD_CREDENTIAL = (
    "INSERT INTO credential VALUES ('acme', ?, ?, ?, 'CellPassport', 'PUB', 'item', ?, 'did:web:acme', "
    "'application/vc+jwt', ?, NULL, NULL, ?, x'')"
)


async def test_records_come_under_their_holders(tmp_path: Path) -> None:
    """0003: records, credentials, links and numbers of a store that knew no holders in its keys."""
    path, peer = tmp_path / "s.db", "did:web:peer"
    with apsw.Connection(str(path)) as old:
        migrate(old, steps()[:2])
        for ident, version, holder, origin, current in (
            ("r1", 1, "did:web:acme", "own", 0), ("r1", 2, "did:web:acme", "own", 1), ("r2", 1, peer, "received", 1),
        ):  # fmt: skip
            old.execute(OLD_RECORD, (ident, version, ident, f"subject-{ident}", holder, origin, current))
            digest = f"{ident}-{version}"
            old.execute(OLD_CREDENTIAL, (digest, ident, version, f"subject-{ident}", digest.encode(), origin))
            old.execute("INSERT INTO identifier VALUES ('acme', 'lotNumber', ?, '', ?, ?) ON CONFLICT DO NOTHING",
                        (f"L-{ident}", ident, f"subject-{ident}"))  # fmt: skip
        for name, start in (("l1", "r1"), ("l2", "r2")):
            old.execute("INSERT INTO link VALUES ('acme', ?, ?, 1, 'up', 1, 'did:web:acme')", (name, start))
    old.close()
    store = SqliteStore(path)
    assert await store.load_record(T, peer, "r2") == record("r2", origin="received", holder=peer)
    newest = await store.load_record(T, "did:web:acme", "r1")
    assert newest is not None
    assert newest.version == 2
    assert await store.load_record(T, "did:web:acme", "r1", 1) == record("r1")
    assert await store.credentials(T, peer, "r2", 1) == [credential("r2-1", "r2", origin="received", holder=peer)]
    assert [row.digest for row in await store.credentials(T, "did:web:acme", "r1", 2)] == ["r1-2"]
    assert await store.find_link(T, "l1") == link("l1", "r1", "up")
    assert [row.record_id for row in await store.later_records(T, "up")] == ["r2"]
    assert [row.holder for row in await store.find_records(T, scheme="lotNumber", value="L-r2")] == [peer]
    await store.close()
    with apsw.Connection(str(path)) as new:
        kept = new.execute("SELECT holder, record_id FROM identifier ORDER BY record_id").fetchall()
    new.close()
    assert kept == [(row.holder, row.record_id) for row in (identifier("", "r1"), identifier("", "r2", holder=peer))]
