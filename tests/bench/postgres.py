"""The same exchange over PostgreSQL and over SQLite, taking turns: what a store that several processes share costs.

PostgreSQL waits for the disk at each commit, as SQLite does. Its own CPU is that of all its processes.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests import postgres as servers
from tests.bench.exchange import AT_ONCE, Load
from tests.bench.figures import Figure
from tests.bench.measuring import cpu_seconds
from tests.bench.pair import driver, two

PART = "Negotiation and transfer start over PostgreSQL, beside SQLite"
_LOADS = ((1, 30), (AT_ONCE, 150))
_WARM = 40


async def postgres(folder: Path, *, rounds: int, scale: float) -> list[Figure]:
    """All figures of this part; none without a server."""
    try:
        stores = [await servers.create(durable=True) for _ in range(2)]
    except pytest.skip.Exception as lack:
        print(f"PostgreSQL is not measured: {lack}", file=sys.stderr)
        return []
    served = 0.0
    async with (
        two(folder / "sqlite") as plain,
        two(folder / "postgres", (stores[0], stores[1])) as shared,
        driver(plain[0], plain[1]) as over_sqlite,
        driver(shared[0], shared[1]) as over_postgres,
    ):
        kinds = (("SQLite", plain, over_sqlite), ("PostgreSQL", shared, over_postgres))
        loads = {
            (name, at_once): Load(name=name, at_once=at_once, pids=(pair[0].pid, pair[1].pid))
            for at_once, _ in _LOADS
            for name, pair, _ in kinds
        }
        for _, pair, drive in kinds:
            await Load(name="", at_once=AT_ONCE, pids=(pair[0].pid, pair[1].pid)).round(
                drive.negotiate_and_start, _WARM
            )
        for _ in range(rounds):
            for at_once, count in _LOADS:
                for name, _, drive in kinds:
                    before = _server_seconds()
                    await loads[name, at_once].round(drive.negotiate_and_start, round(count * scale))
                    if (name, at_once) == ("PostgreSQL", AT_ONCE):
                        served += _server_seconds() - before
    figures = [figure for load in loads.values() for figure in load.figures(PART)]
    for at_once, _ in _LOADS:
        one, other = (loads[name, at_once] for name in ("PostgreSQL", "SQLite"))
        times = (one.cpu_ms(0) + one.cpu_ms(1)) / (other.cpu_ms(0) + other.cpu_ms(1))
        figures.append(Figure(part=PART, name=f"both connectors' CPU, {one.how}", value=times, unit="x SQLite"))
    each = served * 1000 / loads["PostgreSQL", AT_ONCE].done
    figures.append(Figure(part=PART, name=f"  CPU of the server, {AT_ONCE} at once", value=each, unit="ms each"))
    return figures


def _server_seconds() -> float:
    """CPU of every process of a PostgreSQL that this user may see; one that ended meanwhile has none."""
    total = 0.0
    for entry in os.scandir("/proc"):
        try:
            if entry.name.isdigit() and Path(entry.path, "comm").read_text("ascii").strip() == "postgres":
                total += cpu_seconds(int(entry.name))
        except OSError:
            continue
    return total
