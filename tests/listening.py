"""What stands beside our connectors in tests: a small web server on loopback, and what serves on a loop of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class _Server(ThreadingHTTPServer):
    """One that lets many come at once: by default the sixth is sent away for a second, or for good."""

    request_queue_size = 128


class Asked(NamedTuple):
    """A request."""

    method: str
    path: str
    headers: Message
    body: bytes


@contextmanager
def listening(
    answer: Callable[[Asked], tuple[int, bytes]], port: int = 0, media_type: str = "application/json"
) -> Iterator[int]:
    """It answers GET and POST with a status and a body, until the block ends, at this port or a free one. The port."""

    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answer(Asked(self.command, self.path, self.headers, self._body()))
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - the name that http.server looks for

        def _body(self) -> bytes:
            if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def log_message(self, *_: object) -> None:
            pass  # silence

    server = _Server(("127.0.0.1", port), Door)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def beside(serving: AbstractAsyncContextManager[None]) -> Iterator[None]:
    """It serves, in a thread with a loop of its own, until the block ends; then nothing goes on there."""
    loop, ready, over = asyncio.new_event_loop(), threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with serving:
            ready.set()
            await over.wait()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(60)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()
