"""What one thing that the management API does is made of: its route, what it may be asked, how it answers and fails.

The routes and the API's document (`openapi`) are made of the same operations, so neither knows what the other does not.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import KW_ONLY, dataclass

from aiohttp import web
from pydantic import BaseModel

from connector import errors
from connector.server.asked import Asked, Query
from connector.server.problems import status_of

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Fails = Sequence[type[errors.ConnectorError]]

ASKS_A_PEER: Fails = (errors.CannotCheck, errors.NotAllowed, errors.NotFound)
"""How an operation may fail for which a peer is asked."""
MOVES_A_PROCESS: Fails = (*ASKS_A_PEER, errors.Conflict, errors.IllegalTransition)
"""How one may fail that makes a process, or takes it further."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One of them."""

    method: str
    path: str
    handler: Handler
    says: str
    """What it is for, in a sentence."""
    answer: tuple[type[BaseModel], ...]
    """The answer, or the answers."""
    _: KW_ONLY
    asked: type[Asked] | None = None
    """Its body; its query, where this is one."""
    fails: Fails = ()
    """Beyond what every operation may answer."""
    lines: tuple[type[BaseModel], ...] = ()
    """What it tells line by line before the result, if asked to; none: it can't."""
    repeatable: bool = False
    """Whether it heeds an idempotency key."""
    topic: str = ""
    """Under which it is found in the API's document."""
    open: bool = False
    """Whether everybody on this machine may ask, without the token."""

    @property
    def has_query(self) -> bool:
        """Whether what is asked stands in the address."""
        return self.asked is not None and issubclass(self.asked, Query)

    @property
    def has_body(self) -> bool:
        """Whether it takes a body."""
        return self.asked is not None and not self.has_query

    def problems(self) -> list[int]:
        """Every status of its problems."""
        kinds: list[type[errors.ConnectorError]] = [errors.BadMessage, *self.fails]
        kinds += [] if self.open else [errors.NotAuthenticated]
        kinds += [errors.BadInput] if self.asked is not None else []
        kinds += [errors.TooLarge] if self.has_body else []
        return sorted({status_of(kind("")) for kind in kinds})

    def route(self) -> web.RouteDef:
        """Its route on the management face."""
        return web.get(self.path, self.handler) if self.method == "GET" else web.post(self.path, self.handler)
