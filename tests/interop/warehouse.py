"""A company's own web server: where an EDC gets the bytes that it gives away, and puts those that it was sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Queue

from tests.listening import Asked, listening


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

    def answer(asked: Asked) -> tuple[int, bytes]:
        if asked.method == "POST":
            warehouse.delivered.put((asked.path, asked.body))
            return 200, b""
        return (200, warehouse.goods[asked.path]) if asked.path in warehouse.goods else (404, b"")

    with listening(answer, media_type="application/octet-stream") as warehouse.port:
        yield warehouse
