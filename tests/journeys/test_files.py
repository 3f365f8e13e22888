"""Files of any size between two real processes: cut connections, ranges, stops while it streams, a death half way."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import random
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from connector.cli.companies import free_ports
from connector.credentials.digest import digest_multibase
from connector.model import JsonObject
from tests.bench.authority import Authority
from tests.journeys.companies import Member, make_pair, until_answered
from tests.journeys.test_crash import site_of
from tests.listening import beside

SIZE = 24 << 20
OCTETS = random.Random(5).randbytes(1 << 20) * (SIZE >> 20) + b"end"
DIGEST = digest_multibase(OCTETS)


@dataclass(slots=True)
class Line:
    """A TCP line to the giver that can be cut, and made slow."""

    listen: int
    target: int
    cuts: list[int] = field(default_factory=list)
    """After so many bytes of answers a connection is cut, one after the other."""
    pause_seconds: float = 0.0
    carried: int = 0

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry both ways."""
        there, back = await asyncio.open_connection("127.0.0.1", self.target)
        up = asyncio.create_task(_carry(reader, back))
        try:
            count = 0
            while piece := await there.read(65_536):
                count += len(piece)
                self.carried += len(piece)
                if self.cuts and count > self.cuts[0] and len(piece) > 10_000:
                    self.cuts.pop(0)
                    break
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(self.pause_seconds)
        except OSError:
            pass  # one of the two has gone
        finally:
            up.cancel()
            await asyncio.gather(up, return_exceptions=True)
            writer.transport.abort()
            back.transport.abort()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(65_536):
        writer.write(piece)
        await writer.drain()
    writer.close()


@asynccontextmanager
async def carried(line: Line) -> AsyncIterator[None]:
    """The line, listening."""
    server = await asyncio.start_server(line.connected, "127.0.0.1", line.listen)
    try:
        yield
    finally:
        server.close()


@dataclass(slots=True)
class Trade:
    """A contract on a dataset with one file."""

    giver: Member
    taker: Member
    line: Line
    agreement: str = ""
    count: int = 0

    def publish(self, octets: bytes) -> JsonObject:
        """Offer the file."""
        source = self.giver.config.folder / "exports" / "package.bin"
        source.write_bytes(octets)
        policy = self.giver.config.folder / "policies" / "members.json"
        body: JsonObject = {"file": str(source), "policy": str(policy), "title": "package", "accessClass": "PUB"}
        return self.giver.management.work("/v1/publish-file", body)

    def fetch(self, key: str = "", *, push: bool = False) -> JsonObject:
        """Fetch it, or have it sent."""
        body: JsonObject = {"agreement": self.agreement, "wait_seconds": 120, "push": push}
        return self.taker.management.work("/v1/fetch", body, key=key)

    def started(self) -> JsonObject:
        """A started transfer, with its address."""
        answer = self.taker.management.post("/v1/fetch", {"agreement": self.agreement, "pull": False})
        assert answer["state"] == "STARTED", answer
        return answer

    def files(self) -> list[JsonObject]:
        """What the taker has."""
        found = self.taker.management.get("/v1/received")["files"]
        assert isinstance(found, list)
        return [one for one in found if isinstance(one, dict)]


@pytest.fixture(scope="module")
def trade(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trade]:
    """Both run; the giver is reached by the line alone."""
    ports = free_ports(6)
    authority = Authority(ports.pop())
    giver, taker = make_pair(tmp_path_factory.mktemp("files"), authority, ports)
    public = giver.config.listen.port
    giver.file.write_text(giver.file.read_text("utf-8").replace(f"\nport = {public}\n", f"\nport = {ports[0]}\n"))
    line = Line(listen=public, target=ports[0])
    with site_of(authority), beside(carried(line)):
        for one in (giver, taker):
            one.start()
        made = Trade(giver, taker, line)
        try:
            published = made.publish(OCTETS)
            assert (published["digest"], published["size"]) == (DIGEST, len(OCTETS))
            asked = taker.management.post("/v1/request", {"peer": giver.config.did, "dataset": "package"})
            assert asked["state"] == "FINALIZED", asked
            made.agreement = str(asked["agreement"])
            yield made
        finally:
            for one in (giver, taker):
                one.stop()


def data(trade: Trade, address: JsonObject, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """A data request for the file, past the line."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection = http.client.HTTPConnection("127.0.0.1", trade.line.target, timeout=120)
    try:
        shown = {"Authorization": f"Bearer {address['authorization']}", **named}
        connection.request(method, f"/data/{DIGEST}", headers=shown)
        response = connection.getresponse()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
    finally:
        connection.close()


def test_a_file_comes_whole_although_the_line_is_cut(trade: Trade) -> None:
    """Five cuts cost little more than the file; once it is there, nothing is fetched again."""
    trade.line.cuts = [5_000_000, 1_000_000, 3_000_000, 100_000, 6_000_000]
    before = trade.line.carried
    got = trade.fetch()
    assert (got["state"], got["files"], got["findings"]) == ("COMPLETED", 1, []), got
    assert trade.line.cuts == []
    assert trade.line.carried - before < len(OCTETS) * 1.2
    [file] = trade.files()
    assert (file["file"], file["mediaType"], file["digest"]) == ("package.bin", "application/octet-stream", DIGEST)
    assert hashlib.sha256(Path(str(file["path"])).read_bytes()).digest() == hashlib.sha256(OCTETS).digest()
    before = trade.line.carried
    assert trade.fetch()["state"] == "COMPLETED"
    assert trade.line.carried - before < 100_000


def test_a_file_is_pushed(trade: Trade) -> None:
    """The giver sends it to the taker's inbox, and completes; its name, kind and octets are those that were offered."""
    kept = trade.taker.config.path(trade.taker.config.files) / DIGEST
    kept.unlink()
    got = trade.fetch(push=True)
    assert (got["state"], got["files"], got["findings"]) == ("COMPLETED", 1, []), got
    assert kept.read_bytes() == OCTETS
    [file] = trade.files()
    assert (file["file"], file["mediaType"]) == ("package.bin", "application/octet-stream")
    shown = trade.giver.management.get(f"/v1/processes/{got['transfer']}")
    assert shown["state"] == "COMPLETED"
    assert "Bearer" not in str(shown)


def test_parts_of_a_file(trade: Trade) -> None:
    """RFC 9110, section 14, at a real socket."""
    started = trade.started()
    address = started["address"]
    assert isinstance(address, dict)
    total, tag = len(OCTETS), f'"{DIGEST}"'

    def part(given: str, **headers: str) -> tuple[int, str, bytes]:
        status, said, body = data(trade, address, Range=given, **headers)
        assert said["etag"] == tag
        return status, said.get("content-range", ""), body

    assert part("bytes=0-3") == (206, f"bytes 0-3/{total}", OCTETS[:4])
    assert part("bytes=-3") == (206, f"bytes {total - 3}-{total - 1}/{total}", b"end")
    assert part(f"bytes={total - 2}-") == (206, f"bytes {total - 2}-{total - 1}/{total}", b"nd")
    assert part(f"bytes={total - 2}-{total + 9}", If_Range=tag)[0] == 206
    assert part(f"bytes={total}-") == (416, f"bytes */{total}", b"")
    assert part("bytes=-0") == (416, f"bytes */{total}", b"")
    for whole in ("bytes=5-3", "bytes=0-1,4-5", "bytes=-", "octets=0-3", "bytes=x-"):
        status, range_, body = part(whole)
        assert (status, range_, len(body)) == (200, "", total), whole
    assert part("bytes=0-3", If_Range='"other"')[0] == 200
    assert part("bytes=0-3", If_Range=f"W/{tag}")[0] == 200
    status, said, body = data(trade, address, "HEAD")
    assert (status, said["content-length"], said["accept-ranges"], body) == (200, str(total), "bytes", b"")
    trade.taker.management.post(f"/v1/transfers/{started['transfer']}/terminate", {})
    assert data(trade, address)[0] == 401


def test_running_streams_are_cut_when_the_giver_stops_them(trade: Trade) -> None:
    """Suspended or terminated, within seconds, although nobody asks anew; what came before stays."""
    streams = {word: (trade.started(), http.client.HTTPConnection("127.0.0.1", trade.line.target, timeout=120))
               for word in ("suspend", "terminate")}  # fmt: skip
    responses = {}
    for word, (started, connection) in streams.items():
        address = started["address"]
        assert isinstance(address, dict)
        connection.request("GET", f"/data/{DIGEST}", headers={"Authorization": f"Bearer {address['authorization']}"})
        responses[word] = connection.getresponse()
        assert responses[word].read(4) == OCTETS[:4]
        trade.giver.management.post(f"/v1/transfers/{started['transfer']}/{word}", {"reason": "stock-taking"})
    time.sleep(6)
    for word, (started, connection) in streams.items():
        with pytest.raises((http.client.IncompleteRead, OSError)):
            responses[word].read()
        connection.close()
        trade.taker.management.post(f"/v1/transfers/{started['transfer']}/terminate", {})


def test_a_fetch_goes_on_after_a_death_half_way(trade: Trade) -> None:
    """The taker is killed while the file comes; the repeated command asks for the rest alone."""
    published = trade.publish(OCTETS[::-1])
    digest, files = str(published["digest"]), trade.taker.config.path(trade.taker.config.files)
    trade.line.pause_seconds = 0.02
    try:
        failed: list[BaseException] = []

        def fetch() -> None:
            try:
                trade.fetch("half")
            except BaseException as error:  # noqa: BLE001 - the thread's end is looked at below
                failed.append(error)

        thread = threading.Thread(target=fetch)
        thread.start()
        deadline = time.monotonic() + 120
        while not any(part.stat().st_size > 6_000_000 for part in files.glob("*.part")):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert trade.taker.process is not None
        trade.taker.process.kill()
        trade.taker.process.wait(60)
        thread.join()
        assert failed, "the command ended before the death"
    finally:
        trade.line.pause_seconds = 0.0
    trade.taker.start()
    before = trade.line.carried
    got = until_answered(lambda: trade.fetch("half"))
    assert (got["state"], got["files"]) == ("COMPLETED", 2), got
    assert trade.line.carried - before < len(OCTETS) - 5_000_000
    assert digest in {one["digest"] for one in trade.files()}
    assert {path.name for path in files.iterdir()} == {DIGEST, digest}
    assert [path.name for path in trade.giver.config.path(trade.giver.config.files).iterdir()] == [digest]
