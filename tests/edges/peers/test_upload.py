"""Uploads of any size: who takes slowly is waited for, who takes nothing is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from connector.errors import PeerUnreachable
from connector.peers.client import GuardedClient
from tests.loop_time import LoopTime

PIECE = bytes(1 << 20)
PIECES = 64
IDLE_SECONDS = 60.0


async def pieces() -> AsyncIterator[bytes]:
    """More than sockets hold."""
    for _ in range(PIECES):
        yield PIECE


@pytest.mark.parametrize("takes", [True, False])
async def test_who_takes_nothing_of_an_upload_holds_no_connection(*, takes: bool) -> None:
    """Else a peer that wants pushes to such addresses would take all connections that we have."""
    end, time = asyncio.Event(), LoopTime()

    async def sink(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for _ in range(PIECES // 4 if takes else 0):
            await reader.readexactly(4 * len(PIECE))
            time.move(IDLE_SECONDS / 6)  # with what sockets hold, no piece waits for as long as it may
        while not takes and not end.is_set():
            await asyncio.sleep(0.05)
            time.move(IDLE_SECONDS)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(sink, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    headers = {"Content-Length": str(PIECES * len(PIECE))}
    async with GuardedClient(unsafe_allow_loopback=True) as client:
        sent = asyncio.wait_for(client.upload(url, pieces(), headers=headers, idle_seconds=IDLE_SECONDS), 10_000)
        if takes:
            assert (await sent).status == 200
        else:
            with pytest.raises(PeerUnreachable, match=r"for 60 s"):
                await sent
    end.set()
    server.close()
    await asyncio.sleep(0.1)
