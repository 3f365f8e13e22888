"""What the tables build on: reads and writes by statement name. Each database has its own; the tables are the same.

A transaction is written as a coroutine. On SQLite it runs through without ever waiting, on PostgreSQL it waits for each
answer; so the one text of a method serves both, and neither pays for the other.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol, TypeAlias, TypeVar

from connector.stores.statements import Bindings, Columns

Result = TypeVar("Result")


class Violated(Exception):
    """The schema does not allow the change: a unique key is taken."""


class Transaction(Protocol):
    """What a transaction may do: run named statements."""

    async def rows(self, name: str, bindings: Bindings) -> Sequence[Columns]:
        """All rows of the answer. `Violated`: a key is taken."""

    async def row(self, name: str, bindings: Bindings) -> Columns | None:
        """The first row of the answer. The same error."""

    async def change(self, name: str, bindings: Bindings) -> int:
        """Run a change and say how many rows it made, changed or deleted. The same error."""

    async def each(self, name: str, many: Sequence[Bindings]) -> None:
        """Run a change with each of these bindings. The same error."""


Work: TypeAlias = "Callable[[Transaction], Coroutine[Any, Any, Result]]"
"""A transaction as a function, which may be run twice. It waits for nothing but the transaction's own statements."""


class Engine(Protocol):
    """An open database. Readers see what was committed, never what is under way."""

    alone: bool
    """Whether nobody else writes to it: what was written last is then known without reading."""

    async def point(self, name: str, bindings: Bindings) -> Columns | None:
        """One row by its key."""

    async def few(self, name: str, bindings: Bindings) -> Sequence[Columns]:
        """Some rows of one process or record."""

    async def many(self, name: str, bindings: Bindings) -> Sequence[Columns]:
        """Rows whose number nobody knows."""

    async def write(self, work: Work[Result], *, long: bool = False, kept: Callable[[], None] | None = None) -> Result:
        """One transaction; returns after it is durable, and after `kept`. `long`: more than some dozens of statements.

        `kept` is called also when nobody waits any more; in the order of transactions.
        """

    async def close(self) -> None:
        """Finish what is under way and close. A second time does nothing."""
