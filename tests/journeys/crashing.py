"""`serve`, with a death that a test can arm: `python -m tests.journeys.crashing ORDERS serve --config ...`.

The product knows nothing of this. Its boundaries are wrapped from outside: behind each commit (before the answer leaves
or the message is sent) and behind each message to a peer (before its answer is committed). The file ORDERS holds
`point number`: at that hit of that point the process ends at once, as under `kill -9`.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from connector.cli import main
from connector.peers.messenger import Messenger
from connector.stores.sqlite import SqliteStore

DEAD = 9
POINTS = ("after-commit", "after-post")


class Fate:
    """Counts the hits since the orders were last changed, and dies at the one that they name."""

    def __init__(self, orders: Path) -> None:
        self._orders = orders
        self._last = ""
        self._hits: Counter[str] = Counter()

    def hit(self, point: str) -> None:
        """One boundary was reached."""
        try:
            said = self._orders.read_text("ascii")
        except FileNotFoundError:
            said = ""
        if said != self._last:
            self._last = said
            self._hits.clear()
        self._hits[point] += 1
        if said == f"{point} {self._hits[point]}":
            os._exit(DEAD)


def wrap(fate: Fate, owner: type, name: str, point: str) -> None:
    """Put a point behind a method."""
    inner: Callable[..., Awaitable[Any]] = getattr(owner, name)

    async def outer(*arguments: Any, **named: Any) -> Any:
        result = await inner(*arguments, **named)
        fate.hit(point)
        return result

    setattr(owner, name, outer)


def run() -> None:
    """Wrap, then be the product's command."""
    fate = Fate(Path(sys.argv.pop(1)))
    for name in ("commit_step", "commit_records"):
        wrap(fate, SqliteStore, name, "after-commit")
    wrap(fate, Messenger, "post", "after-post")
    main()


if __name__ == "__main__":
    run()
