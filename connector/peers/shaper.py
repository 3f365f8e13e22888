"""SQL of a plan's sources, run in a child process that is killed when it does not come back (`shape_child`).

Which rows go in and what comes of the result: `mapping/shaping.py`. DuckDB is an extra, asked for by plans that have
SQL and by nobody else.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec

import orjson

from connector.errors import BadInput
from connector.mapping.exports import Query
from connector.mapping.plan import Plan, layout_of
from connector.mapping.reading import open_table
from connector.mapping.shaping import Held, digest_of, hold, lost, request, result
from connector.mapping.source import SourceFile, Unreadable
from connector.mapping.sql import name_of, out_of_bounds

_EXTRA = "pip install 'battery-connector[shape]'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shaper:
    """Makes the rows of `sql:` sources. Limits are the operator's: of the database's memory, and of the whole time."""

    seconds: float = 60.0
    memory: int = 1 << 30

    async def make(
        self, plan: Plan, name: str, files: Mapping[str, Sequence[SourceFile]], *, only_columns: bool = False
    ) -> SourceFile:
        """The rows of a source, from the files of the others. What is wrong is kept for the run to tell.

        `only_columns`: from their headers alone.
        """
        query = plan.queries()[name]
        used = plan.tables(name)
        digest = digest_of(query, {each: files[each] for each in used})
        try:
            tables = await asyncio.to_thread(_held, plan, used, files, only_columns=only_columns)
        except Unreadable as broken:
            return SourceFile(name=name_of(name), digest=digest, broken=broken.finding)
        return lost(name, digest, tables) or await self.run(plan, name, digest, tables)

    async def run(self, plan: Plan, name: str, digest: str, tables: Sequence[Held]) -> SourceFile:
        """The rows of a source, from its tables. Raises `BadInput` where there is no DuckDB."""
        query = plan.queries()[name]
        require(name)
        limits = {"memory": self.memory, "seconds": int(self.seconds) + 1}
        asked = await asyncio.to_thread(request, name, query, tables, there_are=plan.files(), limits=limits)
        answer = await self._in_child(asked)
        if answer is None:
            found = out_of_bounds(name, f"did not end within {self.seconds:g} seconds and {self.memory >> 20} MiB")
            return SourceFile(name=name_of(name), digest=digest, broken=found)
        return await asyncio.to_thread(_result, name, query, digest, tables, answer)

    async def _in_child(self, asked: bytes) -> bytes | None:
        """What the process says; None: it was ended, or ended itself."""
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "connector.peers.shape_child",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        answer: bytes | None = None
        told = b""
        try:
            with suppress(TimeoutError):
                answer, told = await asyncio.wait_for(child.communicate(asked), self.seconds)
        finally:
            if child.returncode is None:
                with suppress(ProcessLookupError):
                    child.kill()
                await child.wait()
        if answer is not None and (child.returncode or 0) > 0:  # neither ended by us nor by its limits
            raise AssertionError(f"the process for SQL failed: {told[-2000:].decode(errors='replace')}")
        return None if child.returncode else answer


def require(name: str) -> None:
    """Raise `BadInput` where there is no DuckDB for the SQL of this source."""
    if find_spec("duckdb") is None:
        raise BadInput(f"The source `{name}` is made by SQL, which DuckDB runs; it is not installed.", hint=_EXTRA)


def _held(
    plan: Plan, used: Sequence[str], files: Mapping[str, Sequence[SourceFile]], *, only_columns: bool
) -> list[Held]:  # fmt: skip
    return [
        hold(
            plan.sources[each],
            open_table(each, plan.sources[each], files[each], files.get(layout_of(each), ())),
            only_columns=only_columns,
        )
        for each in used
    ]


def _result(name: str, query: Query, digest: str, tables: Sequence[Held], answer: bytes) -> SourceFile:
    return result(name, query, digest, tables, orjson.loads(answer))
