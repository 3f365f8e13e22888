"""A journey's transaction on its way through a writer: what it does, and who waits for it. Both writers batch these."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic

from connector.stores.engine import Result, Work


@dataclass(slots=True, eq=False)
class Job(Generic[Result]):
    """One transaction. `result` or `error` stands once its batch was tried."""

    work: Work[Result]
    future: asyncio.Future[Result]
    kept: Callable[[], None] | None
    long: bool = False
    result: Result | None = None
    error: BaseException | None = None

    def deliver(self) -> None:
        """Tell who waits, after the commit or the refusal."""
        if self.kept is not None and self.error is None:
            self.kept()
        if self.future.done():  # cancelled: the transaction stands all the same
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)  # type: ignore[arg-type]  # without an error there is a result


Batch = list[Job[Any]]  # the jobs of one batch have results of any type
