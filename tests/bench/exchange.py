"""Negotiations and transfers between two connector processes, beside the floor, taking turns; start and memory too."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from connector.cli.companies import free_ports
from tests.bench.figures import Figure
from tests.bench.measuring import cpu_seconds, percentile, probe_disk, resident_mib
from tests.bench.pair import Driver, Running, companies, driver, publish_sites, running, start, write_rows

AT_ONCE = 20
CPU_TARGET_MS = 8.0
FLOOR_TARGET = 1.5
RATE_TARGET = 150.0
ALONE_TARGET_MS = 20.0
START_TARGET_SECONDS = 1.5
MEMORY_TARGET_MIB = 120.0
_STARTS = 3
_TRIES = 1_200
"""Of the skeleton, 0.05 s apart, until it is up."""
_SETTLE_SECONDS = 2.0
"""A connector that just said it is ready still builds what its first peer would wait for."""
_PUBLISHED = 500

Work = Callable[[], Awaitable[object]]


@dataclass(slots=True, kw_only=True)
class Load:
    """What several rounds of one kind of work gave. `pids`: consumer, provider."""

    name: str
    at_once: int
    pids: tuple[int, int]
    done: int = 0
    wall: float = 0.0
    cpu: list[float] = field(default_factory=lambda: [0.0, 0.0])
    took: list[float] = field(default_factory=list)

    async def round(self, work: Work, count: int) -> None:
        """Do it so often, so many at once."""
        left = iter(range(count))

        async def worker() -> None:
            for _ in left:
                begin = time.perf_counter()
                await work()
                self.took.append((time.perf_counter() - begin) * 1000)

        before, begin = [cpu_seconds(pid) for pid in self.pids], time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(self.at_once)))
        self.wall += time.perf_counter() - begin
        await asyncio.sleep(0.05)  # the last acknowledgements are still being committed
        for side, pid in enumerate(self.pids):
            self.cpu[side] += cpu_seconds(pid) - before[side]
        self.done += count

    def cpu_ms(self, side: int) -> float:
        """CPU per piece of work on a side."""
        return self.cpu[side] * 1000 / self.done

    @property
    def how(self) -> str:
        """`alone` or `20 at once`."""
        return "alone" if self.at_once == 1 else f"{self.at_once} at once"

    def figures(
        self, part: str, *, rate: float | None = None, p50: float | None = None, cpu: float | None = None
    ) -> Iterator[Figure]:
        """The rate, time (ms) and CPU (ms) of this load, each with its target if there is one."""
        what = f"{self.name}, {self.how}"
        yield Figure(part=part, name=what, value=self.done / self.wall, unit="per second", at_least=rate)
        spread = f"p99 {percentile(self.took, 0.99):.1f} ms, {self.done} times"
        yield Figure(part=part, name="  p50", value=percentile(self.took, 0.5), unit="ms", at_most=p50, note=spread)
        for side, name in enumerate(("consumer", "provider")):
            yield Figure(part=part, name=f"  CPU of the {name}", value=self.cpu_ms(side), unit="ms each", at_most=cpu)


async def exchange(folder: Path, *, rounds: int, scale: float) -> list[Figure]:
    """All figures of this part."""
    async with companies(folder) as made, running(made) as both:
        before = [*await _starting(both), *await _publishing(both[1], folder)]
        async with driver(both[0], both[1]) as drive, skeleton(folder, *free_ports(2)) as floor:
            compared = await _compare(both, drive, floor, rounds, scale)
        return [*compared, *before, _memory("after the load", both, target=None)]


async def _compare(both: list[Running], drive: Driver, floor: Floor, rounds: int, scale: float) -> list[Figure]:
    pids = (both[0].pid, both[1].pid)
    plan: list[tuple[Load, Work, int]] = []
    for at_once, count in ((1, round(60 * scale)), (AT_ONCE, round(300 * scale))):
        kinds: tuple[tuple[str, tuple[int, int], Work], ...] = (
            ("floor: six messages", floor.pids, floor.go),
            ("negotiation and transfer start", pids, drive.negotiate_and_start),
            ("negotiation alone", pids, drive.negotiate),
        )
        for name, those, work in kinds:
            plan.append((Load(name=name, at_once=at_once, pids=those), work, count))
    for load, work, _ in plan[:3]:  # keys fetched, presentations known, code warm
        await Load(name="", at_once=AT_ONCE, pids=load.pids).round(work, 2 * AT_ONCE)
    for _ in range(rounds):
        for load, work, count in plan:
            await load.round(work, count)
    part = "Exchange of two connectors on loopback, each in its own process"
    figures: list[Figure] = []
    alone, together = plan[1][0], plan[4][0]
    for load, _, _ in plan:
        if load is alone:
            figures += load.figures(part, p50=ALONE_TARGET_MS)
        elif load is together:
            figures += load.figures(part, rate=RATE_TARGET, cpu=CPU_TARGET_MS)
        else:
            figures += load.figures(part)
    for base, full, target in ((plan[0][0], alone, None), (plan[3][0], together, FLOOR_TARGET)):
        times = (full.cpu_ms(0) + full.cpu_ms(1)) / (base.cpu_ms(0) + base.cpu_ms(1))
        name = f"both sides' CPU, {full.how}"
        figures.append(Figure(part=part, name=name, value=times, unit="x the floor", at_most=target))
    return figures


async def _starting(both: list[Running]) -> list[Figure]:
    part = "A connector process"
    await asyncio.sleep(_SETTLE_SECONDS)
    figures = [_memory("idle", both, target=MEMORY_TARGET_MIB)]
    walls, cpus = [], []
    for _ in range(_STARTS):
        await asyncio.to_thread(both[0].stop)
        both[0] = await asyncio.to_thread(start, both[0].config)
        walls.append(both[0].start_seconds)
        cpus.append(both[0].start_cpu)
    await asyncio.sleep(_SETTLE_SECONDS)
    before = cpu_seconds(both[0].pid)
    await asyncio.sleep(3.0)
    idle = (cpu_seconds(both[0].pid) - before) / 3.0 * 1000
    return [
        Figure(
            part=part, name="start until ready", value=statistics.median(walls), unit="s", at_most=START_TARGET_SECONDS,
            note=f"median of {_STARTS}, slowest {max(walls):.2f}",
        ),
        Figure(part=part, name="  CPU of a start", value=statistics.median(cpus), unit="s"),
        *figures,
        Figure(part=part, name="CPU when idle", value=idle, unit="ms per second"),
    ]  # fmt: skip


async def _publishing(provider: Running, folder: Path) -> list[Figure]:
    """A few hundred rows: mapped, checked, signed, kept, all through the management API."""
    write_rows(provider.config.folder, _PUBLISHED)
    disk, before, begin = probe_disk(folder), cpu_seconds(provider.pid), time.perf_counter()
    answer = await publish_sites(provider)
    wall, cpu = time.perf_counter() - begin, cpu_seconds(provider.pid) - before
    if answer["documents"] != _PUBLISHED:
        raise RuntimeError(f"not all was published: {answer!s:.500}")
    part = "A connector process"
    return [
        Figure(
            part=part, name="documents published", value=_PUBLISHED / wall, unit="per second",
            note=f"one credential each: mapped, checked, signed, kept; {disk}",
        ),
        Figure(part=part, name="  CPU", value=cpu * 1000 / _PUBLISHED, unit="ms each"),
    ]  # fmt: skip


def _memory(when: str, both: list[Running], *, target: float | None) -> Figure:
    found = max(resident_mib(one.pid) for one in both)
    return Figure(part="A connector process", name=f"resident memory {when}", value=found, unit="MiB", at_most=target)


# --- the floor -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """The skeleton's two processes."""

    pids: tuple[int, int]
    session: aiohttp.ClientSession
    url: str

    async def go(self) -> None:
        """Six messages."""
        async with self.session.post(self.url) as response:
            if response.status != 200:
                raise RuntimeError("the skeleton failed")


@asynccontextmanager
async def skeleton(folder: Path, consumer: int, provider: int) -> AsyncIterator[Floor]:
    """Both processes, until the block ends."""
    with (
        _side("consumer", consumer, provider, folder) as one,
        _side("provider", provider, consumer, folder) as other,
    ):
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            for port in (consumer, provider):
                await _up(session, f"http://127.0.0.1:{port}/")
            yield Floor(pids=(one.pid, other.pid), session=session, url=f"http://127.0.0.1:{consumer}/go")


async def _up(session: aiohttp.ClientSession, url: str) -> None:
    for _ in range(_TRIES):
        try:
            async with session.get(url):  # any answer: it knows no such page
                return
        except aiohttp.ClientConnectionError:
            await asyncio.sleep(0.05)
    raise RuntimeError(f"the skeleton at {url} did not come up")


@contextmanager
def _side(name: str, port: int, peer_port: int, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    store = folder / f"floor-{name}.db"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.skeleton", name, str(port), str(peer_port), str(store)]
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)
