"""What operators ask about files: offer one as it is, under a policy. How files are listed is `received`'s."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from mimetypes import guess_type

from aiohttp import web

from connector.errors import Conflict
from connector.exchange.pages import FILE
from connector.exchange.receive import Tell
from connector.model import AccessClass, JsonObject
from connector.server import answers, asked
from connector.server.commands import dataset_of, offered, read_file
from connector.server.lines import stream
from connector.server.operations import Operation
from connector.server.requests import PublishFile
from connector.server.services import SERVICES, Services
from connector.server.under_policy import told_of

_MEGABYTE = 1e6
_UNKNOWN = "application/octet-stream"


def operations() -> list[Operation]:
    """What the management API does about files."""
    return [
        Operation(
            "POST", "/v1/publish-file", _publish_file, "Offer a file as it is, under a policy.",
            (answers.PublishedFile,), asked=PublishFile, lines=(answers.Told,), fails=(Conflict,),
        )
    ]  # fmt: skip


async def _publish_file(request: web.Request) -> web.StreamResponse:
    services, wanted = request.app[SERVICES], await asked.body(request, PublishFile)

    async def work(tell: Tell) -> JsonObject:
        return await publish_file(services, wanted, tell)

    return await stream(request, work)


async def publish_file(services: Services, said: PublishFile, tell: Tell) -> JsonObject:
    """Offer a file as it is under a policy: a dataset per title and policy."""
    file, policy = services.config.path(said.file), services.config.path(said.policy)
    title, media_type = said.title or file.name, said.media_type or guess_type(file.name)[0] or _UNKNOWN
    dataset = await dataset_of(services, f"file {title}", FILE, policy, await asyncio.to_thread(read_file, policy))
    dataset = replace(dataset, title=title, plan="")
    row, pinned_to = await offered(
        services, dataset, said.pin,
        lambda open_to: services.publish_file.publish(
            file, open_to, media_type=media_type, access_class=said.access_class,
            on_bytes=lambda done: tell({"done": f"{done / _MEGABYTE:,.0f} MB"}),
        ),
    )  # fmt: skip
    warnings = told_of(
        dataset.policy, services.bundle, services.clock.now(), record_type=FILE,
        classes={AccessClass(row.access_class)},
    )  # fmt: skip
    return {
        "file": row.name, "digest": row.digest, "size": row.size, "mediaType": row.media_type,
        "accessClass": row.access_class, "dataset": dataset.dataset_id, "title": title, "pin": pinned_to,
        "warnings": [*warnings],
    }  # fmt: skip
