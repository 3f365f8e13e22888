"""A TCP proxy between two connectors that cuts connections at every byte of the messages that it carries.

Each message is cut some times, after so many bytes of the request or of the answer, each time one step further on than
the last one of its kind, until a kind has been cut at all its bytes. Further repeats of a message and everything else
pass unharmed, so what a test sees is whether both sides find together again.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked\r\n", re.IGNORECASE)
_MESSAGE = re.compile(rb"^POST /\S*/(negotiations|transfers)/")
_LIMIT = 1 << 22


@dataclass(slots=True)
class Sweep:
    """Where the next message of each kind is cut: at every `step`-th byte; one message so many `times`."""

    step: int
    times: int = 1
    at: Counter[str] = field(default_factory=Counter)
    whole: dict[str, int] = field(default_factory=dict)
    """Kinds that have been cut everywhere, with the length of the last request and answer together."""
    cuts: Counter[str] = field(default_factory=Counter)
    _seen: Counter[tuple[bytes, str]] = field(default_factory=Counter)

    def place(self, request: bytes) -> tuple[str, int] | None:
        """The kind of the message and the byte at which it is to be cut; None: let it pass."""
        if not _MESSAGE.match(request):
            return None
        head, _, body = request.partition(b"\r\n\r\n")
        said = json.loads(body)
        kind, key = f"{said['@type']}:{said.get('eventType', '')}".rstrip(":"), (head.split(b" ")[1], said["@id"])
        if kind in self.whole or self._seen[key] >= self.times:
            return None
        self._seen[key] += 1
        place = self.at[kind]
        self.at[kind] += self.step
        return kind, place

    def cut(self, kind: str) -> None:
        """It happened."""
        self.cuts[kind] += 1

    def beyond(self, kind: str, length: int) -> None:
        """The place lay behind the last byte: the kind has been cut everywhere."""
        self.whole[kind] = length


@dataclass(frozen=True, slots=True)
class FaultProxy:
    """Listens on one port and carries to another, both on loopback."""

    listen: int
    target: int
    sweep: Sweep

    async def serve(self) -> asyncio.Server:
        """Listen."""
        return await asyncio.start_server(self._connected, "127.0.0.1", self.listen, limit=_LIMIT)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.target, limit=_LIMIT)
        except OSError:
            writer.transport.abort()
            return
        try:
            while await self._carry(reader, writer, there, back):
                pass
        except (OSError, asyncio.IncompleteReadError):
            pass  # one of the two has gone
        finally:
            writer.transport.abort()
            back.transport.abort()

    async def _carry(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        there: asyncio.StreamReader,
        back: asyncio.StreamWriter,
    ) -> bool:
        """One request and its answer. False: the connection was cut."""
        request = await _whole(reader)
        placed = self.sweep.place(request)
        if placed is not None and placed[1] < len(request):
            await _write(back, request[: placed[1]])
            self.sweep.cut(placed[0])
            return False
        await _write(back, request)
        answer = await _whole(there)
        if placed is not None:
            kind, place = placed[0], placed[1] - len(request)
            if place < len(answer):
                await _write(writer, answer[:place])
                self.sweep.cut(kind)
                return False
            self.sweep.beyond(kind, len(request) + len(answer))
        await _write(writer, answer)
        return True


async def _whole(reader: asyncio.StreamReader) -> bytes:
    """One HTTP/1.1 message, as it came."""
    head = await reader.readuntil(b"\r\n\r\n")
    if _CHUNKED.search(head):
        parts = [head]
        while True:
            size = await reader.readuntil(b"\r\n")
            parts += [size, await reader.readexactly(int(size, 16) + 2)]
            if int(size, 16) == 0:
                return b"".join(parts)
    length = _LENGTH.search(head)
    return head + await reader.readexactly(int(length[1]) if length else 0)


async def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()


@asynccontextmanager
async def proxies(*wanted: FaultProxy) -> AsyncIterator[None]:
    """The proxies, listening."""
    servers = [await one.serve() for one in wanted]
    try:
        yield
    finally:
        for server in servers:
            server.close()
