"""A file of a peer, fetched whatever its size: in pieces onto the disk, from where the last try was cut.

A cut is followed by another try for what is missing (RFC 9110, section 14: `Range`, with `If-Range` so that another
version is never put behind the first part), with growing pauses, until nothing more comes. The digest decides whether
what came is what was promised. What is made of the file is `receive`'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from connector.errors import NotAllowed, PeerUnreachable, TooLarge
from connector.exchange.room import More, Room
from connector.exchange.streams import CHUNK_BYTES, Carrier, Files, HttpStream, PartFile
from connector.model import Did

_OK, _PARTIAL, _UNAUTHORIZED, _NOT_SATISFIABLE = 200, 206, 401, 416
_REQUEST_TIMEOUT, _TOO_MANY, _SERVER_FAULT = 408, 429, 500
_PAUSES_SECONDS = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Between tries in which nothing came; as soon as something comes, they begin anew."""

Authorize = Callable[[str], Awaitable[str]]
"""The `Authorization` of a data request, given the one that was refused with 401, or nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A file at an address. `digest` and `size`: as promised, or unknown (empty, -1)."""

    url: str
    holder: Did
    key: str
    """Under which its part is kept for the next try."""
    digest: str = ""
    size: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """What came of it: the digest of the octets, their number, and what the peer says of them."""

    digest: str
    size: int
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """One connector's way of fetching files."""

    files: Files
    carrier: Carrier
    room: Room
    max_file_bytes: int

    async def fetch(self, wanted: Wanted, authorize: Authorize, on_bytes: Callable[[int], None]) -> Came:
        """The whole file, kept under the digest of its octets unless another one was promised.

        `PeerUnreachable`: it stopped coming, and the next call goes on behind what came. `NotAllowed`: the peer does
        not give it. `TooLarge`, `Unavailable`: we do not take it, or there is no room.
        """
        if wanted.size > self.max_file_bytes:
            raise TooLarge(f"the file has more than the {self.max_file_bytes} bytes that are accepted")
        async with (
            self.files.part(wanted.key) as part,
            self.room.filled(wanted.holder, max(0, wanted.size - part.size)) as more,
        ):
            if not wanted.digest or part.size > wanted.size >= 0:
                await part.restart()  # nothing says that the peer's octets are still the same
            tries = _Tries(self, wanted, authorize, part, more, on_bytes)
            await more(part.size)
            if part.size != wanted.size:
                await tries.until_whole()
                await more(0)
            came = Came(digest=await part.digest(), size=part.size, media_type=tries.media_type)
            if wanted.digest in {"", came.digest}:
                await part.keep()
            else:
                await part.restart()
            return came


@dataclass(slots=True)
class _Tries:
    """One file while it comes."""

    way: Download
    wanted: Wanted
    authorize: Authorize
    part: PartFile
    more: More
    on_bytes: Callable[[int], None]
    media_type: str = ""
    validator: str = ""
    """The entity tag under which a part may be completed: the promised digest, or what the peer's first answer said."""

    async def until_whole(self) -> None:
        """Ask until the last byte is there, or nothing comes any more."""
        self.validator = f'"{self.wanted.digest}"' if self.wanted.digest else ""
        pauses = iter(_PAUSES_SECONDS)
        while True:
            before = self.part.size
            try:
                await self._once()
            except PeerUnreachable:
                if self.part.size > before:
                    pauses = iter(_PAUSES_SECONDS)
                if (pause := next(pauses, None)) is None:
                    raise
                await asyncio.sleep(pause)
            else:
                return

    async def _once(self) -> None:
        """One request; where the token is refused, a second one."""
        shown = await self.authorize("")
        if not await self._asked(shown) and not await self._asked(await self.authorize(shown)):
            raise NotAllowed("the peer refuses the data token that it has just given")

    async def _asked(self, shown: str) -> bool:
        headers = {"Authorization": shown}
        if self.part.size and self.validator:
            headers |= {"Range": f"bytes={self.part.size}-", "If-Range": self.validator}
        async with self.way.carrier.stream(self.wanted.url, headers=headers) as answer:
            if answer.status == _UNAUTHORIZED:
                return False
            await self._began(answer)
            self.media_type = answer.headers.get("content-type", "")
            await self._take(answer)
        return True

    async def _began(self, answer: HttpStream) -> None:
        """The answer begins the file anew, or goes on where ours ends; else it is none."""
        follows = answer.headers.get("content-range", "").startswith(f"bytes {self.part.size}-")
        if answer.status == _PARTIAL and follows:
            return
        if answer.status not in {_OK, _NOT_SATISFIABLE}:
            about_now = answer.status >= _SERVER_FAULT or answer.status in {_REQUEST_TIMEOUT, _TOO_MANY}
            raise (PeerUnreachable if about_now else NotAllowed)(f"the file was answered with HTTP {answer.status}")
        await self.part.restart()
        if answer.status == _NOT_SATISFIABLE:
            raise PeerUnreachable("the file is shorter than what came of it before")
        if not self.wanted.digest and (tag := answer.headers.get("etag", "")).startswith('"'):
            self.validator = tag

    async def _take(self, answer: HttpStream) -> None:
        came: list[bytes] = []
        waiting = 0
        limit = self.wanted.size if self.wanted.size >= 0 else self.way.max_file_bytes
        try:
            async for chunk in answer.chunks:
                came.append(chunk)
                waiting += len(chunk)
                if self.part.size + waiting > limit:
                    raise TooLarge(f"the file has more than {limit} bytes")
                if waiting >= CHUNK_BYTES:
                    octets, came, waiting = b"".join(came), [], 0
                    await self._put(octets)
        finally:
            if waiting:  # also of a connection that was cut: the next try goes on behind it
                await self._put(b"".join(came))

    async def _put(self, octets: bytes) -> None:
        await self.part.write(octets)
        self.on_bytes(self.part.size)
        await self.more(len(octets))
