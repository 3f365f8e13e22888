"""A connector as the product composes it, over the store in memory: it listens nowhere and sends nothing."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import orjson
from aiohttp import web

from connector.app import compose
from connector.config import Config, Listen
from connector.config import Keys as KeyNames
from connector.exchange.ports import HttpAnswer
from connector.exchange.rows import DatasetRow
from connector.keys.memory import keys_from_seed
from connector.keys.ring import Keys
from connector.model import Json
from connector.peers.nowhere import NoNetwork
from connector.policy.odrl import digest
from connector.policy.reading import load
from connector.server import site
from connector.server.services import Services
from connector.stores.memory import MemoryStore
from tests.network import Request, SeededIds, VirtualClock, handled

DATASET = "urn:uuid:dataset"


def quiet_connector(folder: Path) -> tuple[Services, web.Application]:
    """Its journeys and its public face."""
    config = Config(
        name="maker", public_url="https://maker.example", folder=folder,
        keys=KeyNames(assertion="memory:", authentication="memory:", id_key="memory:"),
        listen=Listen(port=7443, management_port=7444),
    )  # fmt: skip
    keys = Keys(own=keys_from_seed("quiet", config.did, assertion="ES256"), id_key=b"k" * 32)
    services = compose(
        config, MemoryStore(), NoNetwork(), keys, clock=VirtualClock(asyncio.get_running_loop()),
        ids=SeededIds(random.Random(1)),
    )  # fmt: skip
    return services, site.public_site(services)


def dataset_under(permissions: list[Json]) -> DatasetRow:
    """A dataset of passports under these rules."""
    policy = orjson.dumps({"@type": "Set", "permission": permissions})
    return DatasetRow(
        tenant="", dataset_id=DATASET, title="passports", plan="passports", policy=policy, at=0,
        record_types=("BatteryPassport", "FacilityRecord"), policy_digest=digest(load(policy)),
    )  # fmt: skip


async def look(services: Services, app: web.Application, path: str, **headers: str) -> HttpAnswer:
    """What anybody gets at an address, without a socket."""
    app.freeze()
    url = f"{services.config.public_url}{path}"
    return await handled(app, Request(method="GET", url=url, headers=headers, body=None, timeout_seconds=1))
