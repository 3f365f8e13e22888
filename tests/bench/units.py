"""One unit among very many under one agreement: by its opaque id, by its number, and one that is not there.

Two real connectors negotiate and start a transfer; then units are asked for over the socket with its data token, one
after the other. The collection is written into the provider's store as rows, because what is measured is the look-up:
signing a million credentials would tell nothing about it.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import aiohttp

from connector.config import Config
from connector.credentials.digest import digest_multibase
from connector.credentials.ids import mint, unit_id
from connector.exchange.rows import CredentialRow, DatasetRow, IdentifierRow, RecordRow, RecordsCommit
from connector.keys.custody import open_id_key
from connector.policy.odrl import digest
from connector.policy.reading import load
from connector.stores.sqlite import SqliteStore
from tests.bench.figures import Figure
from tests.bench.measuring import cpu_seconds, percentile, resident_mib
from tests.bench.pair import Running, companies, driver, running

PART = "One unit of a collection, under one agreement"
_TARGET_MS = 5.0
_AT_ONCE = 2_000
_WARM, _ASKED = 200, 2_000
_OCTETS = 700
_DATASET = "urn:uuid:00000000-0000-8000-8000-000000000001"


async def units(folder: Path, count: int) -> list[Figure]:
    """Fill, negotiate, ask."""
    async with companies(folder) as made:
        begin = time.perf_counter()
        size = await _fill(made[1], count)
        filled = f"written in {time.perf_counter() - begin:.0f} s, {size / 1e6:,.0f} MB"
        async with running(made) as (consumer, provider):
            return await _measure(consumer, provider, count, filled)


async def _fill(provider: Config, count: int) -> int:
    """A collection of so many units; the size of the store in bytes."""
    path = provider.path(provider.store.partition(":")[2])
    policy = (provider.folder / "policies" / "members.json").read_bytes()
    dataset = DatasetRow(
        tenant="", dataset_id=_DATASET, title="units", plan="units", record_types=("BatteryPassport",), policy=policy,
        policy_digest=digest(load(policy)), at=1,
    )  # fmt: skip
    store, key = SqliteStore(path), open_id_key(provider.keys.id_key, folder=provider.folder)
    for first in range(0, count, _AT_ONCE):
        numbers = range(first, min(first + _AT_ONCE, count))
        made = [_unit(provider.did, key, number) for number in numbers]
        await store.commit_records(
            RecordsCommit(
                tenant="", holder=provider.did, expected={}, dataset=dataset, records=[record for record, _, _ in made],
                credentials=[credential for _, credential, _ in made], identifiers=[serial for _, _, serial in made],
            )
        )  # fmt: skip
    await store.close()
    return path.stat().st_size


def _record_id(key: bytes, number: int) -> str:
    return mint(key, "", "BatteryPassport", str(number))


def _unit(did: str, key: bytes, number: int) -> tuple[RecordRow, CredentialRow, IdentifierRow]:
    record_id = _record_id(key, number)
    octets = f"{record_id}.".encode().ljust(_OCTETS, b"x")
    named, thing = digest_multibase(octets), mint(key, "", "Battery", str(number))
    record = RecordRow(
        tenant="", record_id=record_id, version=1, record_type="BatteryPassport", key=str(number), subject_id=thing,
        holder=did, origin="own", dataset_id=_DATASET, agreement_id="", content_digest="c", content=b"{}", lineage=b"",
        digests=(named,), buyers=(), at=1,
    )  # fmt: skip
    credential = CredentialRow(
        tenant="", digest=named, holder=did, record_id=record_id, version=1, credential_type="BatteryPassport",
        access_class="PUB", level="item", subject_id=thing, issuer=did, media_type="application/vc+jwt", octets=octets,
        status_list=None, status_index=None, origin="own",
    )  # fmt: skip
    serial = IdentifierRow(
        tenant="", scheme="serialNumber", value=f"SN-{number:07d}", issuer=did, holder=did, record_id=record_id,
        subject_id=thing,
    )  # fmt: skip
    return record, credential, serial


async def _measure(consumer: Running, provider: Running, count: int, filled: str) -> list[Figure]:
    async with driver(consumer, provider) as driven:
        agreement = await driven.negotiate()
    started = await asyncio.to_thread(consumer.management.post, "/v1/fetch", {"agreement": agreement, "pull": False})
    match started["address"]:
        case {"endpoint": str(endpoint), "authorization": str(shown)}:
            pass
        case other:
            raise RuntimeError(f"no address: {other}")
    key, chance = open_id_key(provider.config.keys.id_key, folder=provider.config.folder), random.Random(count)
    ways: tuple[tuple[str, int, Callable[[], str]], ...] = (
        ("by its opaque id", 200, lambda: f"/{unit_id(key, _DATASET, _record_id(key, chance.randrange(count)))}"),
        ("by its number", 200, lambda: f"?number=SN-{chance.randrange(count):07d}"),
        ("that is not there", 404, lambda: f"?number=SN-{count + chance.randrange(count):07d}"),
    )
    async with aiohttp.ClientSession(headers={"Authorization": shown}) as session:
        figures = [await _asked(session, provider, f"{endpoint}/units", way, count) for way in ways]
    memory = resident_mib(provider.pid)
    figures.append(Figure(part=PART, name="  memory of the provider", value=memory, unit="MiB", note=filled))
    return figures


async def _asked(
    session: aiohttp.ClientSession, provider: Running, base: str, way: tuple[str, int, Callable[[], str]], count: int
) -> Figure:
    what, status, address = way
    took, cpu = list[float](), 0.0
    for number in range(_WARM + _ASKED):
        if number == _WARM:
            took, cpu = [], cpu_seconds(provider.pid)
        url, begin = base + address(), time.perf_counter()
        async with session.get(url) as answer:
            body = await answer.read()
        took.append((time.perf_counter() - begin) * 1000)
        if answer.status != status:
            raise RuntimeError(f"a unit {what}: HTTP {answer.status} {body!s:.300}")
    cpu = (cpu_seconds(provider.pid) - cpu) / _ASKED * 1000
    return Figure(
        part=PART, name=f"one of {count:,} units, {what}, p95", value=percentile(took, 0.95), unit="ms",
        at_most=_TARGET_MS,
        note=f"p50 {statistics.median(took):.2f} ms, p99 {percentile(took, 0.99):.2f} ms, provider's CPU {cpu:.2f} ms",
    )  # fmt: skip
