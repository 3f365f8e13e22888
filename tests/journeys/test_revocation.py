"""A credential that is revoked while data streams: the stream ends within a minute or two, over real sockets.

The connectors run in this process, so that their clock can be moved on; the minutes are theirs.
"""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connector.app import SystemClock
from connector.cli.companies import free_ports
from connector.credentials.digest import digest_multibase
from connector.model import JsonObject
from connector.server import parts
from tests.bench.authority import PARTY_CREDENTIALS, Authority
from tests.edges.cli.companies import Company, serving
from tests.journeys.companies import Member, make_pair
from tests.journeys.test_crash import site_of

SIZE = 64 << 20
PIECE = 1 << 20


class Moved:
    """How far the clock is ahead."""

    seconds = 0.0


@pytest.fixture
def ahead(monkeypatch: pytest.MonkeyPatch) -> type[Moved]:
    """The clock of everybody here."""
    monkeypatch.setattr(Moved, "seconds", 0.0)
    monkeypatch.setattr(SystemClock, "now", lambda _clock: datetime.now(UTC) + timedelta(seconds=Moved.seconds))
    monkeypatch.setattr(parts, "LOOK_AGAIN_SECONDS", 0.0)  # before every piece: a fast machine sends all in 50 ms
    return Moved


def started(giver: Member, taker: Member) -> JsonObject:
    """A file under a contract, its transfer started; where it is."""
    source = giver.config.folder / "exports" / "package.bin"
    source.write_bytes(bytes(SIZE))
    policy = giver.config.folder / "policies" / "members.json"
    body: JsonObject = {"file": str(source), "policy": str(policy), "title": "package", "accessClass": "PUB"}
    giver.management.work("/v1/publish-file", body)
    asked = taker.management.post("/v1/request", {"peer": giver.config.did, "dataset": "package"})
    assert asked["state"] == "FINALIZED", asked
    answer = taker.management.post("/v1/fetch", {"agreement": asked["agreement"], "pull": False})
    address = answer["address"]
    assert isinstance(address, dict)
    return address


def pieces(giver: Member, address: JsonObject) -> Iterator[bytes]:
    """The file as it comes; it ends where the giver ends it."""
    connection = http.client.HTTPConnection("127.0.0.1", giver.config.listen.port, timeout=120)
    shown = {"Authorization": f"Bearer {address['authorization']}"}
    connection.request("GET", f"/data/{digest_multibase(bytes(SIZE))}", headers=shown)
    response = connection.getresponse()
    assert response.status == 200
    try:
        while piece := response.read(PIECE):
            yield piece
    except (http.client.IncompleteRead, ConnectionError):
        return
    finally:
        connection.close()


@pytest.mark.parametrize("revoked", [True, False], ids=["revoked", "good"])
def test_a_stream_ends_when_the_right_to_it_is_revoked(tmp_path: Path, ahead: type[Moved], *, revoked: bool) -> None:
    """The taker's credentials are revoked, and two minutes pass: the rest is not given. Unrevoked, it is."""
    ports = free_ports(5)
    authority = Authority(ports.pop())
    giver, taker = make_pair(tmp_path, authority, ports)
    companies = [
        Company(one.config.name, one.config.folder, one.config.public_url, one.config.listen.management_port)
        for one in (giver, taker)
    ]
    with site_of(authority), serving(*companies):
        came = 0
        for piece in pieces(giver, started(giver, taker)):
            before, came = came, came + len(piece)
            if before < SIZE // 4 <= came:
                first = taker.config.listen.port % 1000 * 2
                authority.revoked.extend(range(first, first + len(PARTY_CREDENTIALS)) if revoked else [])
                ahead.seconds = 120.0
        assert (came == SIZE) is not revoked
