"""A file of gigabytes from one connector to another: how much memory it takes on either side, and how fast it goes.

The floor is reading, hashing and writing the same file in one loop, without a network.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from pathlib import Path
from typing import Self

from connector.model import JsonObject
from tests.bench.figures import Figure
from tests.bench.measuring import cpu_seconds, resident_mib
from tests.bench.pair import Running, companies, running

PART = "A large file between two connectors, each in its own process"
_GROWS_MIB = 50.0
_LOOK_SECONDS = 0.05
_PIECE = 1 << 20


class Peak:
    """The most memory that processes take while the block runs."""

    def __init__(self, pids: list[int]) -> None:
        self.before = [resident_mib(pid) for pid in pids]
        self.most = list(self.before)
        self._pids = pids
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def grown(self) -> list[float]:
        """MiB above what there was before."""
        return [most - before for most, before in zip(self.most, self.before, strict=True)]

    def _watch(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            self.most = [max(most, resident_mib(pid)) for most, pid in zip(self.most, self._pids, strict=True)]


async def large(folder: Path, gigabytes: float) -> list[Figure]:
    """Publish it and pull it."""
    source = folder / "large.bin"
    try:
        async with companies(folder) as made, running(made) as both:
            return await asyncio.to_thread(_measure, both, source, round(gigabytes * 1e9))
    finally:
        source.unlink(missing_ok=True)


def _measure(both: list[Running], source: Path, size: int) -> list[Figure]:
    consumer, provider = both
    floor = _floor(source, size)
    published = _publish(provider, source, size)
    source.unlink()
    asked = consumer.management.post("/v1/request", {"peer": provider.config.did, "dataset": "large"})
    pids = [one.pid for one in both]
    cpu, begin = [cpu_seconds(pid) for pid in pids], time.perf_counter()
    with Peak(pids) as peak:
        got = consumer.management.work("/v1/fetch", {"agreement": asked["agreement"]})
    wall = time.perf_counter() - begin
    if (got["state"], got["files"], got["findings"]) != ("COMPLETED", 1, []):
        raise RuntimeError(f"the file did not come: {got!s:.500}")
    figures = [*published, Figure(part=PART, name="pulled", value=size / 1e6 / wall, unit="MB/s", note=floor)]
    for name, pid, grown, spent in zip(("consumer", "provider"), pids, peak.grown, cpu, strict=True):
        each = (cpu_seconds(pid) - spent) / (size / 1e9)
        figures += [
            Figure(part=PART, name=f"  memory of the {name}", value=grown, unit="MiB more", at_most=_GROWS_MIB),
            Figure(part=PART, name=f"  CPU of the {name}", value=each, unit="s per GB"),
        ]
    return figures


def _floor(source: Path, size: int) -> str:
    """Make the file, hashed while it is written."""
    begin, hashed, piece = time.perf_counter(), hashlib.sha256(), bytes(range(256)) * (_PIECE // 256)
    with source.open("wb") as out:
        for number in range(-(-size // _PIECE)):
            part = (number.to_bytes(8, "big") + piece)[: min(_PIECE, size - number * _PIECE)]
            hashed.update(part)
            out.write(part)
    return f"{size / 1e9:g} GB; hashed and written in one loop: {size / 1e6 / (time.perf_counter() - begin):.0f} MB/s"


def _publish(provider: Running, source: Path, size: int) -> list[Figure]:
    policy = provider.config.folder / "policies" / "members.json"
    body: JsonObject = {"file": str(source), "policy": str(policy), "title": "large", "accessClass": "PUB"}
    begin = time.perf_counter()
    with Peak([provider.pid]) as peak:
        answer = provider.management.work("/v1/publish-file", body)
    wall = time.perf_counter() - begin
    if answer["size"] != size:
        raise RuntimeError(f"not all was published: {answer!s:.500}")
    return [
        Figure(part=PART, name="published", value=size / 1e6 / wall, unit="MB/s"),
        Figure(part=PART, name="  memory", value=peak.grown[0], unit="MiB more", at_most=_GROWS_MIB),
    ]
