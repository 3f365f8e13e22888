"""A company's own web server: where an EDC gets the bytes that it gives away, and puts those that it was sent."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue


@dataclass(slots=True)
class Warehouse:
    """What it holds by path, and what came in."""

    port: int = 0
    goods: dict[str, bytes] = field(default_factory=dict)
    delivered: Queue[tuple[str, bytes]] = field(default_factory=Queue)

    def url(self, path: str) -> str:
        """The address of a thing."""
        return f"http://localhost:{self.port}{path}"


@contextmanager
def open_warehouse() -> Iterator[Warehouse]:
    """One on loopback, until the block ends."""
    warehouse = Warehouse()

    class Gate(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say(warehouse.goods.get(self.path))

        def do_POST(self) -> None:
            body = b""
            if "chunked" in self.headers.get("Transfer-Encoding", ""):
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
            else:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            warehouse.delivered.put((self.path, body))
            self._say(b"")

        def _say(self, body: bytes | None) -> None:
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            pass  # silence

    server = ThreadingHTTPServer(("127.0.0.1", 0), Gate)
    warehouse.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield warehouse
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
