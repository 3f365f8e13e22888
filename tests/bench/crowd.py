"""Very many exchanges at once. What is lost or stuck, both stores say."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from pathlib import Path

import aiohttp

from tests.bench.exchange import Load
from tests.bench.figures import Figure
from tests.bench.measuring import resident_mib
from tests.bench.pair import Driver, Running, driver, two

AT_ONCE = 200
_QUIET_SECONDS = 120.0
"""How long what the load left behind may take to end."""
_PART = "A crowd: negotiations and transfer starts, all at once"
_GOOD = ("negotiation FINALIZED", "transfer STARTED")


async def crowd(folder: Path, count: int) -> list[Figure]:
    """All figures of this part."""
    async with two(folder) as running, driver(running[0], running[1]) as drive:
        return await _together(drive, running, count)


async def _together(drive: Driver, running: list[Running], count: int) -> list[Figure]:
    load, failed = Load(name="exchanges", at_once=AT_ONCE, pids=(running[0].pid, running[1].pid)), Counter[str]()

    async def one() -> None:
        try:
            await drive.negotiate_and_start()
        except (RuntimeError, aiohttp.ClientError, TimeoutError) as error:
            failed[f"{error!s:.200}"] += 1

    before = [await asyncio.to_thread(_standing, side) for side in running]
    await load.round(one, count)
    after = await _quiet(running, before, count)
    good = [min(side[one] for one in _GOOD) for side in after]
    told = "; ".join(f"{often} times {why}" for why, often in failed.most_common(3))
    return [
        *load.figures(_PART),
        Figure(
            part=_PART, name="lost or stuck", value=count - min(good), unit=f"of {count:,}", at_most=0,
            note=f"in the worse of both stores; {sum(failed.values())} answers to the driver were no success. {told}",
        ),
        Figure(part=_PART, name="resident memory", value=max(resident_mib(one.pid) for one in running), unit="MiB"),
    ]  # fmt: skip


async def _quiet(running: list[Running], before: list[Counter[str]], count: int) -> list[Counter[str]]:
    """What stands in both stores more than before, once all is well or no more time is given."""
    until = time.monotonic() + _QUIET_SECONDS
    while True:
        found = [
            await asyncio.to_thread(_standing, side) - earlier for side, earlier in zip(running, before, strict=True)
        ]
        if time.monotonic() > until or all(side[good] >= count for side in found for good in _GOOD):
            return found
        await asyncio.sleep(1.0)


def _standing(side: Running) -> Counter[str]:
    """What there is in a side's store: `negotiation FINALIZED` -> how many."""
    return Counter({name: int(str(number)) for name, number in side.management.get("/v1/counts").items()})
