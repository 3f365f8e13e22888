"""N connectors in one process over a bad network, in virtual time: the same seed gives the same run.

Each connector is composed as the product composes it, over the store in memory; its way out (`Wire`, the `Http` port)
leads to the other connectors over the bad network of `tests/network.py`. Connectors die at any `await` and come back
with what they had committed. What the runs must show stands in `tests/exchange/test_simulated.py`.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections import deque
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web

from connector.app import compose
from connector.config import Config, Listen, Unsafe
from connector.config import Keys as KeyNames
from connector.credentials.ids import mint
from connector.errors import PeerUnreachable
from connector.exchange.ports import Clock, HttpAnswer, Store
from connector.exchange.publication import Declared
from connector.exchange.rows import DatasetRow
from connector.exchange.stored import micros
from connector.keys.memory import keys_from_seed
from connector.keys.ring import Keys
from connector.mapping import engine
from connector.mapping.plan import parse
from connector.mapping.source import SourceFile
from connector.model import Did
from connector.policy.odrl import digest
from connector.policy.reading import load
from connector.server import site
from connector.server.services import Services
from connector.stores.memory import MemoryStore
from tests.bench.authority import PARTY_CREDENTIALS, Authority
from tests.bench.pair import PLAN, POLICY
from tests.network import START, Network, Request, SeededIds, VirtualClock, Weather, Wire, handled

T = TypeVar("T")
AUTHORITY_PORT = 7000
OPEN = POLICY.replace(
    '"operator": "eq", "rightOperand": "PUB"', '"operator": "isAnyOf", "rightOperand": ["PUB", "B2B"]'
)
SEALED = POLICY.replace('"refiner", "cathodeMaker"', '"recycler"').replace(
    '"permission": [', '"permission": [{"action": "list"}, '
)
SHARED, KEPT = "shared", "kept"
"""The two datasets of each connector: one for all members, one that all see and nobody gets."""


# --- connectors ------------------------------------------------------------------------------------------------------


class Died(Exception):
    """The connector died during the call."""


@dataclass(slots=True, kw_only=True)
class Node:
    """One connector: what survives (configuration, keys, store) and what is gone when it dies."""

    config: Config
    keys: Keys
    store: Store
    http: Wire
    clock: Clock
    ids: SeededIds
    services: Services | None = None
    app: web.Application | None = None
    tasks: dict[asyncio.Task[Any], None] = field(default_factory=dict)
    deaths: int = 0
    replicas: deque[Node] = field(default_factory=deque)
    """All processes of the company, this one too: they share what survives, and take turns."""

    def start(self) -> None:
        """Compose it over what is in the store, and let it work."""
        self.services = compose(self.config, self.store, self.http, self.keys, clock=self.clock, ids=self.ids)
        self.app = site.public_site(self.services)
        self.app.freeze()
        self._own(asyncio.create_task(self.services.outbox.run()))

    async def die(self) -> None:
        """End everything under way wherever it waits."""
        self.services = self.app = None
        self.deaths += 1
        dying = list(self.tasks)
        for task in dying:
            task.cancel()
        await asyncio.gather(*dying, return_exceptions=True)

    def turn(self) -> Node:
        """The company's next process that runs, or one that does not."""
        for _ in range(len(self.replicas)):
            self.replicas.rotate(-1)
            if self.replicas[0].services is not None:
                break
        return self.replicas[0]

    async def answer(self, request: Request) -> HttpAnswer:
        """Answer a request as a company: its processes take turns."""
        return await self.turn().serve(request)

    async def serve(self, request: Request) -> HttpAnswer:
        """Answer a request, unless dead."""
        if self.app is None:
            raise PeerUnreachable("connection refused")
        try:
            return await self.run(handled(self.app, request))
        except Died:
            raise PeerUnreachable("connection reset") from None

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something inside the connector. `Died`: it ended first."""
        if self.services is None:
            work.close()
            raise Died
        task = self._own(asyncio.create_task(work))
        await asyncio.wait({task})
        if task.cancelled():
            raise Died
        return task.result()

    def _own(self, task: asyncio.Task[T]) -> asyncio.Task[T]:
        self.tasks[task] = None  # in order: they die in the same order in each run
        task.add_done_callback(self.tasks.pop)
        return task


@dataclass(slots=True, kw_only=True)
class World:
    """Everybody, made from a seed."""

    folder: Path
    seed: int
    weather: Weather
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What everybody's configuration says beside the usual."""
    replicas: int = 1
    """Processes of each company, on one store."""
    chance: random.Random = field(init=False)
    network: Network = field(init=False)
    nodes: list[Node] = field(default_factory=list)
    """One process of each company."""
    authority: Authority = field(default_factory=lambda: Authority(AUTHORITY_PORT, START))

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.network = Network(chance=self.chance, weather=self.weather)
        app = web.Application()
        for path, (body, media_type) in _site(self.authority).items():
            app.router.add_get(path, _file(body, media_type))
        app.freeze()
        self.network.sites[f"localhost:{AUTHORITY_PORT}"] = partial(handled, app)

    async def populate(self, count: int, rows: int) -> None:
        """So many connectors, each with so many records to give away."""
        clock = VirtualClock(asyncio.get_running_loop())
        for index in range(count):
            port = AUTHORITY_PORT + 1 + index
            config, store, company = self._config(port), MemoryStore(), deque[Node]()
            for _ in range(self.replicas):
                node = Node(
                    config=config, keys=_keys(config), store=store, http=Wire(self.network), clock=clock,
                    ids=SeededIds(random.Random(self.chance.getrandbits(64))), replicas=company,
                )  # fmt: skip
                company.append(node)
                node.start()
            self.nodes.append(company[0])
            self.network.sites[f"localhost:{port}"] = company[0].answer
            await _publish(company[0], rows)

    @property
    def processes(self) -> list[Node]:
        """All processes of all companies."""
        return [one for node in self.nodes for one in node.replicas]

    async def end(self) -> None:
        """Let everything go."""
        for node in self.processes:
            await node.die()
        for copy in list(self.network.copies):
            copy.cancel()
            with suppress(asyncio.CancelledError, PeerUnreachable):
                await copy

    def _config(self, port: int) -> Config:
        folder, settings = self.folder / str(port), dict(self.settings)
        config = Config(
            name=f"company {port}", public_url=f"http://localhost:{port}",
            keys=KeyNames(assertion="memory:", authentication="memory:", id_key="memory:"),
            listen=Listen(port=port, management_port=port + 1000), unsafe=Unsafe(allow_loopback_http=True),
            trusted_issuers={
                **dict.fromkeys(PARTY_CREDENTIALS, (self.authority.did,)), "FacilityRecord": ("members",),
                **settings.pop("trusted_issuers", {}),
            },
            folder=folder, **settings,
        )  # fmt: skip
        held = folder / "held"
        if not held.is_dir():
            held.mkdir(parents=True)
            for index, kind in enumerate(PARTY_CREDENTIALS):
                octets = self.authority.party_credential(Did(config.did), kind, port % 1000 * 2 + index)
                (held / f"{kind}.jwt").write_bytes(octets)
        return config


def _keys(config: Config) -> Keys:
    did = config.did
    return Keys(own=keys_from_seed(did, did), id_key=hashlib.sha256(did.encode()).digest())


async def _publish(node: Node, rows: int) -> None:
    """The same sites twice: as the dataset that members get, and as the one that nobody gets."""
    services = node.services
    assert services is not None
    lines = ["number,name,country", *(f"S-{number:05d},Works {number},FI" for number in range(rows))]
    data = ("\n".join(lines) + "\n").encode()
    plan = parse(PLAN.encode())
    files = {"sites": [SourceFile(name="sites.csv", digest=hashlib.sha256(data).hexdigest(), data=data)]}
    mapped = engine.run(
        plan, files, mint=lambda kind, key: mint(services.id_key, services.config.tenant, kind, key)
    ).mapped
    shared = dataset_row(node, SHARED, OPEN)
    published = await services.publish.publish(mapped, shared, Declared(), lambda _: None)
    assert published.documents == rows, published.findings
    await node.store.commit_dataset(dataset_row(node, KEPT, SEALED))


def dataset_id(node: Node, title: str) -> str:
    """The id of a node's dataset."""
    return mint(node.keys.id_key, "", "dataset", title)


def dataset_row(node: Node, title: str, policy: str) -> DatasetRow:
    """A dataset of a node under a policy."""
    return DatasetRow(
        tenant="", dataset_id=dataset_id(node, title), title=title, plan="sites",
        record_types=("FacilityRecord",), policy=policy.encode(), policy_digest=digest(load(policy.encode())),
        at=micros(node.clock.now()),
    )  # fmt: skip


_SITES: dict[Authority, dict[str, tuple[bytes, str]]] = {}


def _site(authority: Authority) -> dict[str, tuple[bytes, str]]:
    """Signed once: its signatures are randomised, and a run must come again."""
    return _SITES.setdefault(authority, authority.files())


def _file(body: bytes, media_type: str) -> Any:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type=media_type)

    return handler
