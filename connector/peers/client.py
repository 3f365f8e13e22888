"""The one guarded way out: every request to a peer, resolver or status list goes through here (`exchange.ports.Http`).

The address is checked where the socket is made, so what was checked is what is connected to (no rebinding, no literal
that passes a resolver by). No redirects, no cookies, no proxies from the environment; caps on time, on size while
reading, on size after inflation, on headers. Which answer is good is the caller's business.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import ssl
import zlib
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import lru_cache
from typing import Final, Literal, Self

import aiohttp
from aiohttp.abc import AbstractResolver

from connector.errors import AddressBlocked, PeerUnreachable, TooLarge
from connector.exchange.ports import HttpAnswer
from connector.exchange.streams import HttpStream
from connector.peers.addresses import may_connect, shown, target
from connector.peers.names import Names

_LOG: Final = logging.getLogger(__name__)
_MAX_HEADERS: Final = 100
_MAX_FIELD_BYTES: Final = 32 * 1024
_MAX_LINE_BYTES: Final = 8 * 1024
_CHUNK: Final = 64 * 1024
_UPLOAD_ANSWER_BYTES: Final = 64 * 1024
_GZIP: Final = 16 + zlib.MAX_WBITS
_NO_SUCH_NAME: Final = socket.EAI_NONAME
_UNZIP: Final = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": zlib.MAX_WBITS}


class _Blocked(OSError):
    """Raised where a socket would be made; aiohttp hands it back inside its own error."""


class GuardedClient:
    """An HTTP client that connects to public addresses only. Close it with the connector."""

    def __init__(
        self,
        *,
        unsafe_allow_loopback: bool = False,
        user_agent: str = "battery-connector",
        connect_timeout_seconds: float = 5.0,
        connections: int = 200,
        connections_per_host: int = 32,
        resolver: AbstractResolver | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._loopback = unsafe_allow_loopback
        self._user_agent = user_agent
        self._connect_timeout = connect_timeout_seconds
        self._connections = connections
        self._connections_per_host = connections_per_host
        self._resolver = resolver
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None
        if unsafe_allow_loopback:
            _LOG.warning("UNSAFE: plain http and loopback addresses are allowed. Never use this setting in production.")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def request(
        self,
        method: Literal["GET", "POST"],
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        limit_bytes: int = 1 << 20,
        timeout_seconds: float = 10.0,
    ) -> HttpAnswer:
        """One request. `PeerUnreachable`: no answer; `AddressBlocked`: never sent; `TooLarge`: cut off."""
        asked = target(url, loopback=self._loopback)
        session = self._session or self._open()
        with _told(url, f"within {timeout_seconds:g} s"):
            async with session.request(
                method,
                asked,
                headers=headers,
                data=body,
                allow_redirects=False,
                timeout=_timeout(timeout_seconds, self._connect_timeout),
            ) as response:
                octets = await _read_limited(response, limit_bytes, url)
                return HttpAnswer(status=response.status, headers=_headers(response), body=octets)

    @asynccontextmanager
    async def stream(
        self, url: str, *, headers: Mapping[str, str] | None = None, idle_seconds: float = 30.0
    ) -> AsyncIterator[HttpStream]:
        """GET whose body is read as it comes, in its exact octets. The same errors, also while it is read."""
        asked = target(url, loopback=self._loopback)
        session = self._session or self._open()
        with _told(url, f"for {idle_seconds:g} s"):
            async with session.get(
                asked,
                headers={**(headers or {}), "Accept-Encoding": "identity"},
                allow_redirects=False,
                timeout=_patience(idle_seconds, self._connect_timeout),
            ) as response:
                if response.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
                    raise PeerUnreachable(f"{shown(url)} answered in an encoding that was not asked for.")
                yield HttpStream(status=response.status, headers=_headers(response), chunks=response.content.iter_any())

    async def upload(
        self,
        url: str,
        chunks: AsyncIterator[bytes],
        *,
        headers: Mapping[str, str] | None = None,
        idle_seconds: float = 60.0,
    ) -> HttpAnswer:
        """POST octets of any size; the answer is small. The same errors, also for who takes nothing for so long."""
        asked = target(url, loopback=self._loopback)
        session = self._session or self._open()
        with _told(url, f"for {idle_seconds:g} s"):
            async with (
                asyncio.timeout(idle_seconds) as standstill,
                session.post(
                    asked,
                    headers=headers,
                    data=_taken(chunks, standstill, idle_seconds),
                    allow_redirects=False,
                    timeout=_patience(idle_seconds, self._connect_timeout),
                ) as response,
            ):
                octets = await _read_limited(response, _UPLOAD_ANSWER_BYTES, url)
                return HttpAnswer(status=response.status, headers=_headers(response), body=octets)

    def _open(self) -> aiohttp.ClientSession:
        """The session belongs to the running event loop, so it is made with the first request."""
        connector = aiohttp.TCPConnector(
            limit=self._connections,
            limit_per_host=self._connections_per_host,
            keepalive_timeout=30.0,
            ttl_dns_cache=30,
            resolver=self._resolver or Names(),
            socket_factory=self._make_socket,
            ssl=self._tls or True,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # aiohttp inflates without a limit
            trust_env=False,
            headers={"User-Agent": self._user_agent, "Accept-Encoding": "gzip"},
            max_line_size=_MAX_LINE_BYTES,
            max_field_size=_MAX_FIELD_BYTES,
            max_headers=_MAX_HEADERS,
        )
        return self._session

    def _make_socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
        family, kind, protocol, _name, address = info
        if not may_connect(str(address[0]), loopback=self._loopback):
            raise _Blocked(errno.EACCES, "address blocked")
        return socket.socket(family=family, type=kind, proto=protocol)


async def _taken(
    chunks: AsyncIterator[bytes], standstill: asyncio.Timeout, idle_seconds: float
) -> AsyncIterator[bytes]:
    """The pieces; the time runs anew whenever the next one is asked for. aiohttp has no limit for what is written."""
    loop = asyncio.get_running_loop()
    async for chunk in chunks:
        yield chunk
        if not standstill.expired():
            standstill.reschedule(loop.time() + idle_seconds)


@contextmanager
def _told(url: str, silence: str) -> Iterator[None]:
    """Aiohttp's errors as ours. `silence`: what a peer is told to have been silent for."""
    try:
        yield
    except aiohttp.InvalidURL as problem:
        raise AddressBlocked(f"{shown(url)} was not asked: it is not a URL.") from problem
    except aiohttp.ClientConnectorError as problem:
        if isinstance(problem.os_error, _Blocked):
            raise AddressBlocked(
                f"{shown(url)} was not asked: {problem.host} leads to an address that is not public.",
                hint="Only public addresses are connected to.",
            ) from problem
        raise PeerUnreachable(
            f"{problem.host} could not be reached: {problem.os_error.strerror or 'no connection'}.",
            hint="see whether its name is right, and its certificate good" if _for_long(problem) else "",
            again_after=None if _for_long(problem) else 0,
        ) from problem
    except TimeoutError as problem:
        raise PeerUnreachable(f"{shown(url)} did not answer {silence}.") from problem
    except (aiohttp.ClientError, OSError) as problem:
        raise PeerUnreachable(f"{shown(url)} gave no usable answer: {type(problem).__name__}.") from problem


def _for_long(problem: aiohttp.ClientConnectorError) -> bool:
    """No such name, or somebody else's certificate: a restart looks different."""
    return problem.os_error.errno == _NO_SUCH_NAME or isinstance(problem, aiohttp.ClientSSLError)


async def _read_limited(response: aiohttp.ClientResponse, limit_bytes: int, url: str) -> bytes:
    """The body, inflated, never more than the limit: neither in the answer nor in memory."""
    declared = response.content_length
    if declared is not None and declared > limit_bytes:
        response.close()
        raise TooLarge(f"{shown(url)} answered with {declared} bytes; {limit_bytes} are accepted.")
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    chunks: AsyncIterable[bytes]
    if encoding in {"", "identity"}:
        chunks = response.content.iter_any()
    elif encoding in _UNZIP:
        chunks = _inflated(response, _UNZIP[encoding])
    else:
        response.close()
        raise PeerUnreachable(f"{shown(url)} answered in an encoding that was not asked for.")
    parts: list[bytes] = []
    total = 0
    async for chunk in chunks:
        total += len(chunk)
        if total > limit_bytes:
            response.close()
            raise TooLarge(f"{shown(url)} answered with more than the {limit_bytes} bytes that are accepted.")
        parts.append(chunk)
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def _inflated(response: aiohttp.ClientResponse, window_bits: int) -> AsyncIterator[bytes]:
    """The body in inflated pieces of bounded size; what is not one whole stream is no answer."""
    inflater = zlib.decompressobj(window_bits)
    try:
        async for chunk in response.content.iter_any():
            rest = chunk
            while rest and not inflater.eof:
                yield inflater.decompress(rest, _CHUNK)
                rest = inflater.unconsumed_tail
    except zlib.error as problem:
        response.close()
        raise PeerUnreachable("The answer's compression is broken.") from problem
    if not inflater.eof:
        raise PeerUnreachable("The answer was cut off inside its compression.")


@lru_cache(maxsize=64)
def _timeout(total: float, connect: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=total, sock_connect=min(connect, total))


@lru_cache(maxsize=64)
def _patience(idle: float, connect: float) -> aiohttp.ClientTimeout:
    """For bodies of any size: no limit on the whole, one on each silence."""
    return aiohttp.ClientTimeout(total=None, sock_connect=min(connect, idle), sock_read=idle)


def _headers(response: aiohttp.ClientResponse) -> dict[str, str]:
    """In lower case; what stands in several lines is one list (RFC 9110, 5.3), such as the links of a catalogue. Octets
    that are no UTF-8 come as half letters, which nobody can keep: each is a question mark.
    """
    return {
        name.lower(): ", ".join(response.headers.getall(name)).encode(errors="replace").decode()
        for name in response.headers
    }
