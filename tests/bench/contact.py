"""The first contact of two companies: strangers that have traded with others, and two that were both just restarted.

At a first contact no DID document, no presentation and no connection of the other side is at hand.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from itertools import permutations
from pathlib import Path

from connector.cli.companies import free_ports
from tests.bench.authority import Authority
from tests.bench.figures import Figure
from tests.bench.measuring import percentile
from tests.bench.pair import Driver, driver, make_company, publish_sites, start, two

_TARGET_MS = 80.0
_PAIRS = 3
_EARLIER = 40
"""Exchanges that each pair has behind it when its members meet strangers."""
_RESTARTS = 7
_AWAKE_SECONDS = 1.0
"""How long the restarted ones have been up when they meet."""
_PART = "First contact: negotiation and transfer start with a company that is not known yet"


async def contact(folder: Path) -> list[Figure]:
    """All figures of this part."""
    async with _pairs(folder) as drivers:
        for drive in drivers:
            for _ in range(_EARLIER):
                await drive.negotiate_and_start()
        strangers = [await _timed(_between(one, other)) for one, other in permutations(drivers, 2)]
    restarted = await _restarted(folder)
    return [
        _figure("two strangers", strangers, "each has traded with another one before"),
        _figure("both just restarted", restarted, f"both {_AWAKE_SECONDS:g} s after a restart: code that never ran"),
    ]


async def _restarted(folder: Path) -> list[float]:
    """What two that forgot each other need, in milliseconds."""
    took: list[float] = []
    async with two(folder) as running, driver(running[0], running[1]) as drive:
        for _ in range(_RESTARTS):
            for at in (0, 1):
                await asyncio.to_thread(running[at].stop)
                running[at] = await asyncio.to_thread(start, running[at].config)
            await asyncio.sleep(_AWAKE_SECONDS)
            took.append(await _timed(drive))
    return took


def _between(one: Driver, other: Driver) -> Driver:
    """The consumer of one pair with the provider of the other."""
    return replace(one, provider=other.provider, dataset=other.dataset, offer=other.offer)


async def _timed(drive: Driver) -> float:
    begin = time.perf_counter()
    await drive.negotiate_and_start()
    return (time.perf_counter() - begin) * 1000


def _figure(name: str, took: list[float], note: str) -> Figure:
    spread = f"median of {len(took)}, {note}; worst {max(took):.0f} ms"
    return Figure(part=_PART, name=name, value=percentile(took, 0.5), unit="ms", note=spread, at_most=_TARGET_MS)


@asynccontextmanager
async def _pairs(folder: Path) -> AsyncIterator[list[Driver]]:
    """A consumer and a provider each, that know each other's dataset; members of one association."""
    ports = iter(free_ports(1 + 4 * _PAIRS))
    authority = Authority(next(ports))
    site = await authority.serve()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(site.cleanup)
        drivers: list[Driver] = []
        for number in range(_PAIRS):
            pair = []
            for name in ("consumer", "provider"):
                place = folder / f"{name}-{number}"
                company = await asyncio.to_thread(make_company, place, authority, next(ports), next(ports))
                one = await asyncio.to_thread(start, company)
                stack.callback(one.stop)
                pair.append(one)
            await publish_sites(pair[1])
            drivers.append(await stack.enter_async_context(driver(*pair)))
        yield drivers
