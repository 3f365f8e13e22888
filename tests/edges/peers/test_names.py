"""Names to addresses: what is stuck holds up nobody."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Any

import pytest

from connector.peers.names import Names


async def test_names_whose_servers_never_answer_hold_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty of them wait; a good name is found, and the disk's threads are free."""
    look_up, end = socket.getaddrinfo, threading.Event()

    def stuck(host: str, *args: Any) -> Any:
        if host.endswith(".silent.example"):
            end.wait(600)
            raise socket.gaierror("nobody says")
        return look_up(host, *args)

    monkeypatch.setattr(socket, "getaddrinfo", stuck)
    names = Names()
    waiting = [asyncio.create_task(names.resolve(f"h{number}.silent.example", 443)) for number in range(30)]
    await asyncio.sleep(0.1)
    try:
        found = await asyncio.wait_for(names.resolve("127.0.0.1", 8443, socket.AF_UNSPEC), 60)
        assert [(one["host"], one["port"], one["hostname"]) for one in found] == [("127.0.0.1", 8443, "127.0.0.1")]
        assert await asyncio.wait_for(asyncio.to_thread(int, "7"), 60) == 7
    finally:
        end.set()
        assert {type(one) for one in await asyncio.gather(*waiting, return_exceptions=True)} == {socket.gaierror}
        await names.close()
