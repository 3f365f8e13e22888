"""Two real connectors on loopback: made by `init`, run by `serve`, driven by their management API. One provides."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from connector.cli.client import Management
from connector.cli.companies import free_ports
from connector.config import Config, load
from connector.model import Did, Json, JsonObject
from tests.bench.authority import PARTY_CREDENTIALS, Authority
from tests.bench.measuring import cpu_seconds

COMMAND = (sys.executable, "-m", "connector")
_READY_SECONDS = 120.0
_STOP_SECONDS = 60.0
_LOOK_SECONDS = 0.005

PLAN = """mapping: bench-sites/1
record: FacilityRecord
subject: Facility
key: number
identifiers:
  - {scheme: facilityId, value: number}
sources:
  sites: {file: "sites.csv", format: csv, encoding: utf-8, delimiter: ",", key: number}
document:
  name: name
  facilityType: =refinery
  country: country
  operatedBy: =did:web:bench.example
"""
POLICY = json.dumps(
    {
        "@type": "Set",
        "permission": [
            {
                "action": "use",
                "constraint": [
                    {"leftOperand": "membership", "operator": "eq", "rightOperand": "active"},
                    {"leftOperand": "role", "operator": "isAnyOf", "rightOperand": ["refiner", "cathodeMaker"]},
                    {"leftOperand": "accessClass", "operator": "eq", "rightOperand": "PUB"},
                ],
            }
        ],
    }
)


@dataclass(slots=True, kw_only=True)
class Running:
    """A connector's process."""

    config: Config
    process: subprocess.Popen[bytes]
    start_seconds: float
    start_cpu: float

    @property
    def pid(self) -> int:
        """The operating system's number for it."""
        return self.process.pid

    @property
    def management(self) -> Management:
        """Its management API."""
        return Management.of(self.config.folder / "connector.toml")

    def stop(self) -> None:
        """Ask it to end, and wait."""
        self.process.terminate()
        self.process.wait(_STOP_SECONDS)


def make_company(folder: Path, authority: Authority, port: int, management_port: int, store: str = "") -> Config:
    """A company's folder, with memberships and a few rows to publish. `store`: instead of its own SQLite file."""
    subprocess.run(
        [*COMMAND, "init", str(folder), "--unsafe-loopback", "--port", str(port), "--management-port",
         str(management_port)],
        check=True, capture_output=True,
    )  # fmt: skip
    file = folder / "connector.toml"
    trusted = "".join(f'{kind} = ["{authority.did}"]\n' for kind in PARTY_CREDENTIALS)
    kept = f'store = "{store}"\n' if store else ""
    file.write_text(f"{kept}{file.read_text('utf-8')}\n[trusted_issuers]\n{trusted}", "utf-8")
    config = load(file)
    for index, kind in enumerate(PARTY_CREDENTIALS):
        octets = authority.party_credential(Did(config.did), kind, port % 1000 * 2 + index)
        (folder / "held" / f"{kind}.jwt").write_bytes(octets)
    (folder / "plans" / "sites.yaml").write_text(PLAN, "utf-8")
    (folder / "policies" / "members.json").write_text(POLICY, "utf-8")
    write_rows(folder, 5)
    return config


def write_rows(folder: Path, count: int) -> None:
    """An export of so many sites."""
    lines = ["number,name,country", *(f"S-{number:05d},Works {number},FI" for number in range(count))]
    (folder / "exports" / "sites.csv").write_text("\n".join(lines) + "\n", "utf-8")


def start(config: Config) -> Running:
    """Run `serve` and wait until it says that it is ready."""
    log = (config.folder / "log").open("ab")
    begin = time.perf_counter()
    process = subprocess.Popen(
        [*COMMAND, "serve", "--config", str(config.folder / "connector.toml")], stderr=log, stdout=log
    )
    log.close()
    while not _is_ready(config.listen.management_port):
        if process.poll() is not None or time.perf_counter() - begin > _READY_SECONDS:
            raise RuntimeError(f"the connector did not start: see {config.folder / 'log'}")
        time.sleep(_LOOK_SECONDS)
    return Running(
        config=config, process=process, start_seconds=time.perf_counter() - begin, start_cpu=cpu_seconds(process.pid)
    )


def _is_ready(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as sock:
            sock.sendall(b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return sock.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """Asks the consumer for contracts and transfers."""

    session: aiohttp.ClientSession
    base: str
    provider: str
    dataset: str
    offer: JsonObject

    async def negotiate(self) -> str:
        """One contract; its agreement's id."""
        body: JsonObject = {"peer": self.provider, "dataset": self.dataset, "offer": self.offer}
        answer = await self._post("/v1/request", body)
        if answer["state"] != "FINALIZED":
            raise RuntimeError(f"a negotiation ended otherwise: {answer}")
        return str(answer["agreement"])

    async def negotiate_and_start(self) -> None:
        """One contract and one started transfer."""
        answer = await self._post("/v1/fetch", {"agreement": await self.negotiate(), "pull": False})
        if answer["state"] != "STARTED":
            raise RuntimeError(f"a transfer did not start: {answer}")

    async def _post(self, path: str, body: JsonObject) -> dict[str, Json]:
        async with self.session.post(self.base + path, json=body) as response:
            answer: dict[str, Json] = await response.json()
            if response.status != 200:
                raise RuntimeError(f"{path}: {answer}")
            return answer


@asynccontextmanager
async def driver(consumer: Running, provider: Running) -> AsyncIterator[Driver]:
    """A driver that knows the provider's only dataset."""
    did = provider.config.did
    catalog = await asyncio.to_thread(consumer.management.get, f"/v1/catalog?peer={did.replace('%', '%25')}")
    match catalog["datasets"]:
        case [{"dataset": str(dataset), "offers": [dict(offer), *_]}]:
            pass
        case other:
            raise RuntimeError(f"not one dataset: {other}")
    management = consumer.management
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), headers={"Authorization": f"Bearer {management.token}"}
    ) as session:
        yield Driver(
            session=session, base=f"http://127.0.0.1:{management.port}", provider=did, dataset=dataset, offer=offer
        )


async def publish_sites(provider: Running) -> JsonObject:
    """Make its rows a dataset for members; what was published."""
    plan, policy = (provider.config.folder / name for name in ("plans/sites.yaml", "policies/members.json"))
    body: JsonObject = {"plan": str(plan), "policy": str(policy)}
    return await asyncio.to_thread(provider.management.work, "/v1/publish", body)


@asynccontextmanager
async def companies(folder: Path, stores: tuple[str, str] = ("", "")) -> AsyncIterator[list[Config]]:
    """Consumer and provider, which do not run yet: members of one association, which answers until the block ends."""
    ports = free_ports(5)
    authority = Authority(ports[0])
    site = await authority.serve()
    try:
        yield [
            await asyncio.to_thread(make_company, folder / name, authority, ports[at], ports[at + 1], store)
            for name, at, store in zip(("consumer", "provider"), (1, 3), stores, strict=True)
        ]
    finally:
        await site.cleanup()


@asynccontextmanager
async def running(companies: list[Config]) -> AsyncIterator[list[Running]]:
    """They run until the block ends."""
    started: list[Running] = []
    try:
        for one in companies:
            started.append(await asyncio.to_thread(start, one))  # noqa: PERF401 - the first is stopped where the second fails
        yield started
    finally:
        for each in started:
            each.stop()


@asynccontextmanager
async def two(folder: Path, stores: tuple[str, str] = ("", "")) -> AsyncIterator[list[Running]]:
    """Both running, the provider with one dataset."""
    async with companies(folder, stores) as made, running(made) as both:
        await publish_sites(both[1])
        yield both
