"""A bad network in virtual time, for many connectors in one process: the same seed gives the same run.

Hours pass in milliseconds (`VirtualLoop`); requests go to aiohttp handlers without sockets (`handled`); the network
loses requests, loses answers, repeats and delays (`Weather`). Who lives on it is made in `tests/simulator.py`.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import selectors
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from unittest import mock
from urllib.parse import urlsplit
from uuid import UUID

from aiohttp import web
from aiohttp.http import HttpVersion11, RawRequestMessage
from aiohttp.streams import StreamReader
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from connector.errors import PeerUnreachable
from connector.exchange.ports import HttpAnswer
from connector.exchange.streams import HttpStream

START = datetime(2027, 3, 15, 9, 0, tzinfo=UTC)

# --- time ------------------------------------------------------------------------------------------------------------


class _Jump(selectors.DefaultSelector):
    """A selector that does not wait: when nothing is ready, time goes on at once."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready; else the clock is where the wait would have ended."""
        ready: list[tuple[selectors.SelectorKey, int]] = super().select(0)
        if not ready:
            assert timeout is not None, "everybody waits for everybody"
            self.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose hours pass in milliseconds."""

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)
        self._clock_resolution = 1e-7  # a float of a year's seconds has no nanoseconds: a timer would never be due

    def time(self) -> float:
        """Seconds since the loop began."""
        return self._jump.now

    def run_in_executor(  # type: ignore[override]  # as the base does, without the names of its types
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """At once: a thread would need real time."""
        future: asyncio.Future[Any] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - whoever waits for it gets it
            future.set_exception(error)
        return future


@dataclass(frozen=True, slots=True)
class VirtualClock:
    """The loop's time, as the story's."""

    loop: asyncio.AbstractEventLoop

    def now(self) -> datetime:
        """Now."""
        return START + timedelta(seconds=self.loop.time())


@dataclass(frozen=True, slots=True)
class SeededIds:
    """Chance that comes again."""

    chance: random.Random

    def urn(self) -> str:
        """An id."""
        return UUID(int=self.chance.getrandbits(128), version=4).urn

    def secret(self) -> str:
        """A secret."""
        return f"{self.chance.getrandbits(256):064x}"

    def jitter(self) -> float:
        """A number in [0, 1)."""
        return self.chance.random()


# --- the network -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """How bad the network is, as probabilities, until `until` (seconds); after that it is good."""

    lose_request: float = 0.0
    lose_answer: float = 0.0
    repeat: float = 0.0
    delay: float = 0.0
    longest_delay: float = 40.0
    until: float = 60.0


GOOD = Weather()
BAD = Weather(lose_request=0.15, lose_answer=0.15, repeat=0.2, delay=0.1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None
    timeout_seconds: float


Site = Callable[[Request], Awaitable[HttpAnswer]]
"""Who lives at an address."""


@dataclass(slots=True, kw_only=True)
class Network:
    """Carries requests to whoever lives at the address. `trace` holds the digest of all that was carried."""

    chance: random.Random
    weather: Weather
    sites: dict[str, Site] = field(default_factory=dict)
    carried: int = 0
    trace: Any = field(default_factory=hashlib.sha256)
    copies: set[asyncio.Task[HttpAnswer]] = field(default_factory=set)

    def overheard(self, address: str, ending: str) -> list[Request]:
        """What reaches who lives at this address, at paths that end so: it grows as they come."""
        host = urlsplit(address).netloc
        site, heard = self.sites[host], list[Request]()

        async def listening(request: Request) -> HttpAnswer:
            if request.url.endswith(ending):
                heard.append(request)
            return await site(request)

        self.sites[host] = listening
        return heard

    def happens(self, probability: float) -> bool:
        """Chance, while the weather lasts."""
        return self.chance.random() < probability and asyncio.get_running_loop().time() < self.weather.until

    async def carry(self, request: Request) -> HttpAnswer:
        """One request, with everything that may happen to it."""
        self.carried += 1
        lost, cut, again = (
            self.happens(one) for one in (self.weather.lose_request, self.weather.lose_answer, self.weather.repeat)
        )
        pause = self.chance.uniform(0.001, 0.05)
        if self.happens(self.weather.delay):
            pause += self.chance.uniform(0, self.weather.longest_delay)
        if again:
            self._spawn(self._reach(request, pause + self.chance.uniform(0, self.weather.longest_delay)))
        if lost:
            await asyncio.sleep(pause)
            raise PeerUnreachable("lost on the way there")
        arrival = self._spawn(self._reach(request, pause))
        try:
            answer = await asyncio.wait_for(asyncio.shield(arrival), request.timeout_seconds)
        except TimeoutError:
            raise PeerUnreachable("no answer in time") from None
        if cut:
            raise PeerUnreachable("lost on the way back")
        return answer

    def _spawn(self, work: Coroutine[Any, Any, HttpAnswer]) -> asyncio.Task[HttpAnswer]:
        task = asyncio.create_task(work)
        self.copies.add(task)
        task.add_done_callback(self._landed)
        return task

    def _landed(self, task: asyncio.Task[HttpAnswer]) -> None:
        self.copies.discard(task)
        if not task.cancelled() and (error := task.exception()) and not isinstance(error, PeerUnreachable):
            raise error

    async def _reach(self, request: Request, pause: float) -> HttpAnswer:
        await asyncio.sleep(pause)
        loop = asyncio.get_running_loop()
        self.trace.update(f"{loop.time():.6f} {request.method} {request.url}".encode() + (request.body or b""))
        answer = await self.sites[urlsplit(request.url).netloc](request)
        self.trace.update(b"%d" % answer.status + answer.body)
        return answer


@dataclass(frozen=True, slots=True)
class Wire:
    """A connector's way out: the `Http` port."""

    network: Network

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
        """One request over the network."""
        return await self.network.carry(
            Request(method=method, url=url, headers=headers or {}, body=body, timeout_seconds=timeout_seconds)
        )

    @asynccontextmanager
    async def stream(
        self, url: str, *, headers: Mapping[str, str] | None = None, idle_seconds: float = 30.0
    ) -> AsyncIterator[HttpStream]:
        """GET, its body in one piece."""
        answer = await self.request("GET", url, headers=headers, timeout_seconds=idle_seconds)

        async def chunks() -> AsyncIterator[bytes]:
            yield answer.body

        yield HttpStream(status=answer.status, headers=answer.headers, chunks=chunks())

    async def upload(
        self,
        url: str,
        chunks: AsyncIterator[bytes],
        *,
        headers: Mapping[str, str] | None = None,
        idle_seconds: float = 60.0,
    ) -> HttpAnswer:
        """POST, its body in one piece."""
        body = b"".join([chunk async for chunk in chunks])
        return await self.request("POST", url, headers=headers, body=body, timeout_seconds=idle_seconds)


_PROTOCOL = mock.Mock(ssl_context=None, peername=("127.0.0.1", 1), sockname=None, _reading_paused=False)
_TASK, _WRITER = mock.Mock(), mock.Mock()


async def handled(app: web.Application, request: Request) -> HttpAnswer:
    """What an application answers, without a socket."""
    loop = asyncio.get_running_loop()
    payload = StreamReader(_PROTOCOL, 1 << 20, loop=loop)
    payload.feed_data(request.body or b"")
    payload.feed_eof()
    parts = urlsplit(request.url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    headers = CIMultiDictProxy(CIMultiDict({"Host": parts.netloc, **request.headers}))
    message = RawRequestMessage(
        request.method, path, HttpVersion11, headers, (), should_close=False, compression=None, upgrade=False,
        chunked=False, url=URL(path),
    )  # fmt: skip
    asked = web.Request(message, payload, _PROTOCOL, _WRITER, _TASK, loop, client_max_size=app._client_max_size)
    answer = await app._handle(asked)
    assert isinstance(answer, web.Response)
    body = answer.body
    assert isinstance(body, bytes)
    said = {name.lower(): value for name, value in answer.headers.items()}
    return HttpAnswer(status=answer.status, headers=said, body=body)


def spell(weather: Weather, **changes: float) -> Weather:
    """Other weather."""
    return replace(weather, **changes)
