"""Two real Eclipse EDC with each other, and two of ours, in one run: what an exchange costs either pair.

The EDC keep everything in memory, ours durably. Each pair is driven by its consumer's management API; an EDC has to be
asked again and again how far it is, as rarely as the time that is measured allows (said beside the figure).
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from connector.model import Json, JsonObject
from tests.bench.exchange import Load, Work
from tests.bench.figures import Figure
from tests.bench.measuring import percentile, resident_mib
from tests.bench.pair import driver, two
from tests.interop import java
from tests.interop.edc import actions, runtime

PART = "Negotiation and transfer start: two Eclipse EDC 0.14.1 (in memory), and two of ours (durable)"
_PACES = (
    ("default waits", None, ((1, 10, 0.2), (20, 60, 0.3))),
    ("waits of 50 ms", 50, ((1, 30, 0.05), (20, 200, 0.3), (200, 400, 2.0))),
)
"""EDC's idle waits in milliseconds; then how many at once, how often, and after how many seconds it is asked again."""
_AT_ONCE = (1, 20, 200)
_OURS = (60, 300, 600)
_WARM = 150
"""The JVM compiles what is used often."""
_PATIENCE_SECONDS = 120.0
_CPU_SHARE = {1: None, 20: 15.0, 200: None}
"""How many times as much as ours EDC's CPU is to be."""


async def edc(folder: Path, *, scale: float) -> list[Figure]:
    """All figures of this part; none without Java and Maven."""
    if lack := java.missing():
        print(f"EDC is not measured: {lack}", file=sys.stderr)
        return []
    ours = await _ours(folder, scale)
    figures = [figure for load in ours.values() for figure in load.figures(PART)]
    for pace, wait_millis, loads in _PACES:
        place = folder / f"edc-{wait_millis or 'default'}"
        place.mkdir()
        async with _two(place, pace, wait_millis) as pair:
            await _load("", 20, pair.pids, pair.go, _WARM)
            for at_once, count, look_seconds in loads:
                pair.look_seconds = look_seconds
                figures += await _measured(pair, at_once, round(count * scale), ours[at_once])
            figures.append(pair.memory())
    return figures


async def _measured(pair: Pair, at_once: int, count: int, ours: Load) -> list[Figure]:
    pair.lost = 0
    load = await _load(f"EDC, {pair.pace}", at_once, pair.pids, pair.go, count)
    times = percentile(load.took, 0.5) / percentile(ours.took, 0.5)
    cpu = (load.cpu_ms(0) + load.cpu_ms(1)) / (ours.cpu_ms(0) + ours.cpu_ms(1))
    looked = f"asked every {pair.look_seconds * 1000:.0f} ms how far it is, which costs it CPU too"
    return [
        *load.figures(PART),
        Figure(part=PART, name="  lost", value=pair.lost, unit=f"of {load.done}", note=looked),
        Figure(part=PART, name="  time, p50", value=times, unit="x ours"),
        Figure(part=PART, name="  CPU of both sides", value=cpu, unit="x ours", at_least=_CPU_SHARE[at_once]),
    ]


async def _load(name: str, at_once: int, pids: tuple[int, int], work: Work, count: int) -> Load:
    load = Load(name=name, at_once=at_once, pids=pids)
    await load.round(work, max(at_once, count))
    return load


@dataclass(slots=True, kw_only=True)
class Pair:
    """Two EDC, the first one asks. `lost`: ends otherwise or not at all."""

    pace: str
    consumer: runtime.Edc
    provider: runtime.Edc
    dataset: JsonObject
    session: aiohttp.ClientSession
    look_seconds: float = 0.3
    lost: int = 0

    async def go(self) -> None:
        """One contract and one started transfer; one that EDC can't even answer for is lost as well."""
        try:
            state = await self._exchanged()
        except (RuntimeError, aiohttp.ClientError, TimeoutError):
            state = None
        self.lost += state != "STARTED"

    async def _exchanged(self) -> Json:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        offer = actions.first_offer(self.dataset, self.provider.participant)
        asked: JsonObject = {**self._whom(), "policy": offer}
        row = await self._settled("/contractnegotiations", asked, actions.NEGOTIATED, deadline)
        if row.get("state") == "FINALIZED":
            wanted: JsonObject = {
                **self._whom(), "contractId": row["contractAgreementId"], "transferType": "HttpData-PULL"
            }  # fmt: skip
            row = await self._settled("/transferprocesses", wanted, ("STARTED", "TERMINATED"), deadline)
        return row.get("state")

    @property
    def pids(self) -> tuple[int, int]:
        """Of the two processes."""
        return self.consumer.pid, self.provider.pid

    def memory(self) -> Figure:
        """After the load."""
        found = max(resident_mib(one.pid) for one in (self.consumer, self.provider))
        return Figure(part=PART, name=f"EDC, {self.pace}: resident memory after the load", value=found, unit="MiB")

    def _whom(self) -> JsonObject:
        return {
            "counterPartyAddress": self.provider.protocol_url, "counterPartyId": self.provider.participant,
            "connectorId": self.provider.participant, "protocol": runtime.PROTOCOL,
        }  # fmt: skip

    async def _settled(self, path: str, body: JsonObject, ends: Collection[str], deadline: float) -> JsonObject:
        begun = await self._ask("POST", path, {"@context": runtime.NAMESPACE, **body})
        row: JsonObject = {}
        while row.get("state") not in ends and time.monotonic() < deadline:
            await asyncio.sleep(self.look_seconds)
            row = await self._ask("GET", f"{path}/{begun['@id']}", None)
        return row

    async def _ask(self, method: str, path: str, body: JsonObject | None) -> JsonObject:
        async with self.session.request(method, self.consumer.management_url + path, json=body) as response:
            answer: JsonObject = await response.json()
            if response.status != 200:
                raise RuntimeError(f"{path}: {answer}")
            return answer


@asynccontextmanager
async def _two(folder: Path, pace: str, wait_millis: int | None) -> AsyncIterator[Pair]:
    """Both, the provider with one offer."""
    async with AsyncExitStack() as stack:
        sides = [
            await asyncio.to_thread(stack.enter_context, runtime.running(folder, participant, wait_millis=wait_millis))
            for participant in ("consumer", "provider")
        ]
        await asyncio.to_thread(actions.offer, sides[1], "open", "http://localhost:9/")
        found = await asyncio.to_thread(actions.catalog, sides[0], sides[1].protocol_url, sides[1].participant)
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        yield Pair(pace=pace, consumer=sides[0], provider=sides[1], dataset=found["open"], session=session)


async def _ours(folder: Path, scale: float) -> dict[int, Load]:
    async with two(folder) as (consumer, provider), driver(consumer, provider) as drive:
        pids = (consumer.pid, provider.pid)
        await _load("", 20, pids, drive.negotiate_and_start, 40)
        return {
            at_once: await _load("ours", at_once, pids, drive.negotiate_and_start, round(count * scale))
            for at_once, count in zip(_AT_ONCE, _OURS, strict=True)
        }
