"""What only real sockets show: nobody holds a connection by silence; what each answer says of itself."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from connector.cli.companies import free_ports
from connector.config import Config
from connector.errors import Unavailable
from connector.exchange.rows import FileRow
from connector.server import parts, services, site
from tests.edges.server.quiet import quiet_connector

HALF = (
    b"POST /dsp/2025-1/catalog/request HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b"Content-Length: 10\r\n\r\n{"
)


@asynccontextmanager
async def listening(app: web.Application, config: Config) -> AsyncIterator[int]:
    """The port at which it listens."""
    port = free_ports(1)[0]
    runner = await site.start(app, config, host="127.0.0.1", port=port)
    try:
        yield port
    finally:
        await runner.cleanup()


async def answered(port: int, said: bytes) -> bytes:
    """The head of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(said)
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)
    writer.close()
    return head


async def test_a_body_that_does_not_end_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It gets an answer that is not final, and the connection is not kept for more."""
    monkeypatch.setattr(services, "_BODY_SECONDS", 0.2)
    here, app = quiet_connector(tmp_path)
    async with listening(app, here.config) as port:
        head = await answered(port, HALF)
    assert head.startswith(b"HTTP/1.1 503")
    assert b"Retry-After" in head


async def test_a_caller_that_goes_away_or_sends_rubbish_is_no_bug(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Else anybody could fill the log with tracebacks, in which the true ones are not found."""
    here, app = quiet_connector(tmp_path)
    async with listening(app, here.config) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HALF)
        await asyncio.sleep(0.2)
        writer.transport.abort()
        rubbish = HALF.replace(b"Content-Length: 10\r\n\r\n{", b"Transfer-Encoding: chunked\r\n\r\nzz\r\n")
        assert (await answered(port, rubbish)).startswith(b"HTTP/1.0 400")
        await asyncio.sleep(0.2)
        assert caplog.records == []


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "GZIP", "br", "gzip, gzip", "x-none"])
async def test_a_packed_body_is_refused_and_never_inflated(tmp_path: Path, encoding: str) -> None:
    """A megabyte can stand for a gigabyte, and aiohttp would inflate it even where nobody reads it any more."""
    here, app = quiet_connector(tmp_path)
    seen: list[bytes] = []

    async def read(request: web.Request) -> web.Response:
        seen.append(await request.read())
        return web.Response()

    bare = web.Application()
    bare.add_routes([web.post("/{path:.*}", read)])
    packed = gzip.compress(b"{}" + b" " * 100_000)
    body = {"deflate": zlib.compress(b"{}")}.get(encoding, packed)
    for site_app, status in ((app, 415), (bare, 200)):
        head = HALF.replace(b"Content-Length: 10\r\n\r\n{", b"Content-Length: %d" % len(body))
        said = head + b"\r\nContent-Encoding: %s\r\n\r\n%s" % (encoding.encode(), body)
        async with listening(site_app, here.config) as port:
            assert (await answered(port, said)).startswith(b"HTTP/1.1 %d" % status)
    assert seen == [body]


@pytest.mark.parametrize("path", [b"/data", b"/audit/party", b"/dsp/2025-1/negotiations/x", b"/no-such-page"])
async def test_what_is_for_one_caller_is_kept_for_nobody(tmp_path: Path, path: bytes) -> None:
    """By no cache on the way, whatever it thinks of answers without a word; and read as nothing but what it is."""
    here, app = quiet_connector(tmp_path)
    async with listening(app, here.config) as port:
        head = await answered(port, b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\n\r\n")
    assert b"\r\nCache-Control: no-store\r\n" in head
    assert b"\r\nX-Content-Type-Options: nosniff\r\n" in head


async def test_a_push_that_stands_still_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """What came until then is read; the sender is asked to push again."""
    monkeypatch.setattr(parts, "IDLE_SECONDS", 0.05)

    async def stops() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"
        await asyncio.Event().wait()

    chunks = parts._in_time(stops())
    assert [await anext(chunks), await anext(chunks)] == [b"one", b"two"]
    with pytest.raises(Unavailable):
        await anext(chunks)


async def test_what_a_push_says_of_itself_can_be_kept(tmp_path: Path) -> None:
    """Octets of a header that are no UTF-8 come as half letters, at which no store can take the file any more."""
    here, _ = quiet_connector(tmp_path)
    app = web.Application()

    async def said(request: web.Request) -> web.Response:
        return web.Response(text=parts._name(request))

    app.add_routes([web.post("/inbox", said)])
    async with listening(app, here.config) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            b'POST /inbox HTTP/1.1\r\nHost: x\r\nContent-Disposition: attachment; filename="../K\xe4se.csv"\r\n'
        )
        writer.write(b"Connection: close\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), 60)
        assert answer.endswith(b"\r\n\r\nK?se.csv")
        writer.close()


class Endless:
    """A file without end."""

    size = 1 << 40

    async def read(self, _start: int, size: int) -> bytes:
        """Zeros."""
        return bytes(size)


async def test_who_takes_nothing_holds_no_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is closed; the rest is for who asks again."""
    monkeypatch.setattr(parts, "IDLE_SECONDS", 0.2)
    reached: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    row = FileRow(
        tenant="", dataset_id="d", agreement_id="", digest="u", holder="", name="n", media_type="t", size=1,
        access_class="PUB", at=0,
    )  # fmt: skip

    async def give(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        reached.set_result(await parts._send(request, response, Endless(), row, start=0, stop=1 << 40))
        return response

    app = web.Application()
    app.router.add_get("/", give)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_ports(1)[0]
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await asyncio.wait_for(reached, 60) < 1 << 30
        writer.close()
    finally:
        await runner.cleanup()
