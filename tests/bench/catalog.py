"""A catalogue of 100,000 datasets: its first page for callers who may see all of it, a hundred, or none."""

from __future__ import annotations

import asyncio
import resource
import statistics
import time
from datetime import UTC, datetime
from pathlib import Path

import orjson

from connector.exchange.offer import Offer
from connector.exchange.policies import Policies
from connector.exchange.rows import DatasetRow
from connector.model import Claim, Did, Facts
from connector.policy.odrl import digest
from connector.policy.reading import load
from connector.stores.sqlite import SqliteStore
from tests.bench.figures import Figure

_DATASETS = 100_000
_AT_ONCE = 2_000
_ROUNDS = 200
_TARGET_MS = 50.0
_ROLES = ("refiner", "cellMaker", "recycler")
_FEW = 100


class Now:
    """The machine's clock."""

    def now(self) -> datetime:
        """Now."""
        return datetime.now(UTC)


def _policy(role: str) -> bytes:
    constraint = [
        {"leftOperand": "membership", "operator": "eq", "rightOperand": "active"},
        {"leftOperand": "role", "operator": "isAnyOf", "rightOperand": [role, "batteryMaker"]},
        {"leftOperand": "accessClass", "operator": "isAnyOf", "rightOperand": ["PUB", "B2B"]},
    ]
    return orjson.dumps({"@type": "Set", "permission": [{"action": "use", "constraint": constraint}]})


def _facts(role: str) -> Facts:
    said = (Claim(name="membership", value="active", source="c"), Claim(name="role", value=role, source="c"))
    return Facts(party=Did("did:web:caller.example"), claims=said)


async def catalogue(folder: Path) -> list[Figure]:
    """First pages, each from the caller's facts to the bytes of the answer."""
    store = SqliteStore(folder / "catalogue.db")
    policies = {role: _policy(role) for role in _ROLES}
    for start in range(0, _DATASETS, _AT_ONCE):
        rows = [_row(number, policies) for number in range(start, start + _AT_ONCE)]
        await asyncio.gather(*(store.commit_dataset(row) for row in rows))
    offer = Offer(
        tenant="", did=Did("did:web:us.example"), base="https://us.example/dsp/2025-1", store=store, clock=Now(),
        policies=Policies(), link_key=bytes(32),
    )  # fmt: skip
    figures: list[Figure] = []
    for who, role in (("all of them", "batteryMaker"), (f"{_FEW} of them", "recycler"), ("none", "miner")):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        took, cpu = list[float](), time.process_time()
        for _ in range(_ROUNDS):
            begin = time.perf_counter()
            body = orjson.dumps((await offer.catalog(_facts(role), [], None)).body)
            took.append((time.perf_counter() - begin) * 1000)
        cpu = (time.process_time() - cpu) / _ROUNDS * 1000
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        took.sort()
        figures.append(
            Figure(
                part="Catalogue", name=f"first page of {_DATASETS:,} datasets, for who may see {who}, p95",
                value=took[int(len(took) * 0.95)], unit="ms", at_most=_TARGET_MS,
                note=f"p50 {statistics.median(took):.1f} ms, CPU {cpu:.1f} ms, {len(body):,} bytes, +{grown:.1f} MiB",
            )
        )  # fmt: skip
    await store.close()
    return figures


def _row(number: int, policies: dict[str, bytes]) -> DatasetRow:
    role = "recycler" if number % (_DATASETS // _FEW) == 0 else _ROLES[number % 2]
    return DatasetRow(
        tenant="", dataset_id=f"urn:uuid:{number:032x}", title=f"Lots {number}", plan="lots",
        record_types=("MineralLotPassport",), policy=policies[role], policy_digest=_DIGESTS[role], at=1,
    )  # fmt: skip


_DIGESTS = {role: digest(load(_policy(role))) for role in _ROLES}
