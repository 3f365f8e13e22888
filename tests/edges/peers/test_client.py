"""The guarded client against a hostile server on real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import logging
import socket
import ssl
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from connector.errors import AddressBlocked, PeerUnreachable, TooLarge
from connector.peers.client import GuardedClient
from connector.protocol.catalog import read_links


@dataclass(slots=True)
class Server:
    """A server that says what a test tells it to; it counts connections and keeps the requests."""

    answer: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    drip: bytes = b""
    pause: float = 0.0
    hang_up: bool = False
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    open: list[asyncio.StreamWriter] = field(default_factory=list)
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        self.open.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.requests.append(head)
                writer.write(self.answer)
                await writer.drain()
                while self.drip:
                    writer.write(self.drip)
                    await writer.drain()
                    await asyncio.sleep(self.pause)
                if self.hang_up:
                    break
        writer.close()

    def url(self, host: str = "127.0.0.1", scheme: str = "http") -> str:
        """An address of this server."""
        return f"{scheme}://{host}:{self.port}/x"


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """A running server on IPv4 loopback."""
    made = Server()
    listening = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = listening.sockets[0].getsockname()[1]
    yield made
    made.drip = b""
    listening.close()
    for writer in made.open:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@pytest.fixture
async def client() -> AsyncIterator[GuardedClient]:
    """A client under the unsafe setting, so that the test's server can be reached."""
    async with GuardedClient(unsafe_allow_loopback=True) as made:
        yield made


class Unnamed(AbstractResolver):
    """A resolver that knows no name."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """As the machine's says it."""
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async def close(self) -> None:
        """Nothing is open."""


class Names(AbstractResolver):
    """A resolver that gives each look-up its next answer."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The next answer; the last one stays."""
        addresses = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        return [
            ResolveResult(
                hostname=host, host=address, port=port, proto=0, flags=socket.AI_NUMERICHOST,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
            )
            for address in addresses
        ]  # fmt: skip

    async def close(self) -> None:
        """Nothing to close."""


# --- good answers ----------------------------------------------------------------------------------------------------


async def test_a_request_and_its_answer(server: Server, client: GuardedClient) -> None:
    """Method, headers and body go out; status, lower-case headers and body come back; the connection is kept."""
    server.answer = b"HTTP/1.1 404 Not Found\r\nX-Word: A\r\nContent-Length: 3\r\n\r\nno!"
    for _ in range(3):
        answer = await client.request("GET", server.url(), headers={"Authorization": "Bearer t"})
    assert (answer.status, answer.headers["x-word"], answer.body) == (404, "A", b"no!")
    assert server.connections == 1
    head = server.requests[0].decode()
    assert head.startswith("GET /x HTTP/1.1\r\n")
    assert "Authorization: Bearer t\r\n" in head
    assert "Accept-Encoding: gzip\r\n" in head


async def test_a_header_in_several_lines_is_one_list(server: Server) -> None:
    """RFC 9110, 5.3. A catalogue says where it goes on beside where it comes from, in a line each."""
    lines = b'Link: <a>; rel="prev"\r\nlink: <b>; rel="next"\r\n'
    for said in (lines, b"".join(reversed(lines.splitlines(keepends=True)))):
        server.answer = b"HTTP/1.1 200 OK\r\n" + said + b"Content-Length: 0\r\n\r\n"
        async with GuardedClient(unsafe_allow_loopback=True) as client:
            answer = await client.request("GET", server.url())
        assert read_links(answer.headers["link"]) == {"previous": "a", "next": "b"}


async def test_cookies_and_proxies_are_not_used(
    server: Server, client: GuardedClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server can't mark us, and the environment can't lead us elsewhere."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    server.answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"
    await client.request("GET", server.url())
    await client.request("GET", server.url())
    assert b"ookie" not in server.requests[1]


async def test_the_unsafe_setting_is_said_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Once at the start, as a warning."""
    with caplog.at_level(logging.WARNING):
        GuardedClient()
        assert not caplog.records
        GuardedClient(unsafe_allow_loopback=True)
    assert [record.levelname for record in caplog.records] == ["WARNING"]


# --- addresses -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]",
     "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "0.0.0.0", "[::]", "[::1]", "\u2460\u2461\u2466.0.0.1"],
)  # fmt: skip
@pytest.mark.parametrize("scheme", ["https", "http"])
async def test_no_spelling_of_loopback_gets_through(server: Server, host: str, scheme: str) -> None:
    """Whatever the address is written as, the server sees no connection."""
    async with GuardedClient() as safe:
        with pytest.raises(AddressBlocked):
            await safe.request("GET", server.url(host, scheme))
    assert server.connections == 0


@pytest.mark.parametrize("inside", ["127.0.0.1", "10.0.0.7", "169.254.169.254", "::1", "fd00:ec2::254", "64:ff9b::1"])
async def test_a_name_that_resolves_inside_is_blocked(server: Server, inside: str) -> None:
    """What a name leads to is judged, not the name."""
    async with GuardedClient(resolver=Names([inside])) as safe:
        with pytest.raises(AddressBlocked) as caught:
            await safe.request("GET", server.url("peer.example", "https"))
    assert inside not in caught.value.detail
    assert server.connections == 0


async def test_several_addresses_that_all_lead_inside_are_blocked(server: Server) -> None:
    """The next address is no way around."""
    async with GuardedClient(resolver=Names(["10.0.0.1", "127.0.0.1", "::1"])) as safe:
        with pytest.raises(AddressBlocked):
            await safe.request("GET", server.url("peer.example", "https"))
    assert server.connections == 0


async def test_rebinding_does_not_help(server: Server) -> None:
    """A name that is public at first and private afterwards: what is connected to is what is checked."""
    names = Names(["192.0.2.1"], ["127.0.0.1"], ["10.0.0.1"])
    for _ in range(3):
        async with GuardedClient(resolver=names) as safe:
            with pytest.raises(AddressBlocked):
                await safe.request("GET", server.url("peer.example", "https"))
    assert names.asked == 3
    assert server.connections == 0


async def test_under_the_unsafe_setting_only_loopback_is_added(server: Server) -> None:
    """Private networks stay closed, and so does plain http to names elsewhere."""
    async with GuardedClient(unsafe_allow_loopback=True, resolver=Names(["10.0.0.1"])) as unsafe:
        for url in ("http://mine.localhost:8080/", "https://peer.example/", "http://peer.example/"):
            with pytest.raises(AddressBlocked):
                await unsafe.request("GET", url)
    assert server.connections == 0


async def test_a_redirect_is_an_answer_and_is_not_followed(server: Server, client: GuardedClient) -> None:
    """302 to a metadata host: the caller sees 302."""
    server.answer = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/y\r\nContent-Length: 0\r\n\r\n" % server.port
    assert (await client.request("GET", server.url())).status == 302
    assert len(server.requests) == 1


# --- size, time, form ------------------------------------------------------------------------------------------------


async def test_a_declared_size_over_the_cap_is_not_read(server: Server, client: GuardedClient) -> None:
    """The header alone decides."""
    server.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"
    with pytest.raises(TooLarge):
        await client.request("GET", server.url(), limit_bytes=1000)


async def test_the_cap_itself_is_allowed(server: Server, client: GuardedClient) -> None:
    """Exactly as many bytes as are accepted."""
    server.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000
    assert len((await client.request("GET", server.url(), limit_bytes=1000)).body) == 1000
    with pytest.raises(TooLarge):
        await client.request("GET", server.url(), limit_bytes=999)


@pytest.mark.parametrize("head", [b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n"])
async def test_an_endless_body_is_cut_off(server: Server, client: GuardedClient, head: bytes) -> None:
    """Reading stops at the cap, well before the time is over."""
    server.answer = b"HTTP/1.1 200 OK\r\n" + head + b"\r\n"
    server.drip = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    with pytest.raises(TooLarge):
        await client.request("GET", server.url(), limit_bytes=1 << 20)


async def test_a_slow_drip_ends_with_the_time(server: Server, client: GuardedClient) -> None:
    """A byte now and then does not renew the time."""
    server.answer, server.drip, server.pause = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"x", 0.02
    with pytest.raises(PeerUnreachable, match=r"within 0\.3 s"):
        await client.request("GET", server.url(), timeout_seconds=0.3)


async def test_silence_ends_with_the_time(server: Server, client: GuardedClient) -> None:
    """No answer at all."""
    server.answer = b""
    with pytest.raises(PeerUnreachable):
        await client.request("GET", server.url(), timeout_seconds=0.2)


async def test_a_gzip_bomb_costs_no_memory(server: Server, client: GuardedClient) -> None:
    """200 MB in 200 kB: cut off at the cap."""
    squeezer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(squeezer.compress(bytes(1 << 20)) for _ in range(200)) + squeezer.flush()
    server.answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            await client.request("GET", server.url(), limit_bytes=1 << 20)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


async def test_compressed_answers_are_read(server: Server, client: GuardedClient) -> None:
    """A server that compresses without being asked is understood, gzip and deflate."""
    for name, body in ((b"gzip", gzip.compress(b"word" * 50_000)), (b"deflate", zlib.compress(b"word" * 50_000))):
        server.answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (name, len(body))
        server.answer += body
        assert (await client.request("GET", server.url())).body == b"word" * 50_000


async def test_headers_can_be_kept_whatever_octets_they_hold(server: Server, client: GuardedClient) -> None:
    """What is no UTF-8 comes as half letters; a media type or an entity tag with one could neither be kept nor said."""
    server.answer = (
        b'HTTP/1.1 200 OK\r\nContent-Type: text/\xe4\r\nETag: "\xff"\r\nX: K\xc3\xa4se\r\nContent-Length: 0\r\n\r\n'
    )
    headers = (await client.request("GET", server.url())).headers
    assert (headers["content-type"], headers["etag"], headers["x"]) == ("text/?", '"?"', "K\xe4se")


@pytest.mark.parametrize(
    ("encoding", "body"),
    [(b"gzip", b"not gzip"), (b"gzip", gzip.compress(b"x" * 999, mtime=0)[:-9]), (b"br", b"x"), (b"gzip, gzip", b"x")],
)
async def test_broken_compression_is_no_answer(
    server: Server, client: GuardedClient, encoding: bytes, body: bytes
) -> None:
    """Not compressed at all, cut off, in an encoding that was not asked for."""
    server.answer = (
        b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (encoding, len(body)) + body
    )
    with pytest.raises(PeerUnreachable):
        await client.request("GET", server.url())


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",  # cut off
        b"",  # nothing
        b"SSH-2.0-OpenSSH_9\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"Content-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_no_answer(server: Server, client: GuardedClient, answer: bytes) -> None:
    """Cut off, foreign, too many or too long headers: `PeerUnreachable`, never a bug."""
    server.answer, server.hang_up = answer, True
    with pytest.raises(PeerUnreachable):
        await client.request("GET", server.url())


async def test_nobody_there(client: GuardedClient) -> None:
    """A closed port, which a restart opens again, and a name that does not exist, each with a sentence."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(PeerUnreachable, match=r"127\.0\.0\.1 could not be reached") as refused:
            await client.request("GET", f"http://127.0.0.1:{port}/")
    async with GuardedClient(resolver=Unnamed()) as elsewhere:
        with pytest.raises(PeerUnreachable, match=r"nobody\.example could not be reached") as unknown:
            await elsewhere.request("GET", "https://nobody.example/")
    assert (refused.value.again_after, unknown.value.again_after) == (0, None)


async def test_connections_to_one_host_are_bounded(server: Server) -> None:
    """Many requests at once share few connections."""
    async with GuardedClient(unsafe_allow_loopback=True, connections_per_host=4) as few:
        answers = await asyncio.gather(*(few.request("GET", server.url()) for _ in range(40)))
    assert {answer.status for answer in answers} == {200}
    assert server.connections <= 4


async def test_a_certificate_that_nobody_vouches_for_is_no_answer(tmp_path: Path) -> None:
    """TLS is checked: a self-signed server is not talked to."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    day = datetime(2026, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 7, day, day + timedelta(days=3650))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "server.pem"
    file.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + certificate.public_bytes(Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.read(100))
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    port = listening.sockets[0].getsockname()[1]
    async with GuardedClient(unsafe_allow_loopback=True) as unsafe:
        with pytest.raises(PeerUnreachable, match="certificate") as foreign:
            await unsafe.request("GET", f"https://localhost:{port}/")
        with pytest.raises(PeerUnreachable):
            await unsafe.request("GET", f"http://localhost:{port}/")
    listening.close()
    assert foreign.value.again_after is None
    assert b"GET" not in b"".join(seen)
