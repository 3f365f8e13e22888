"""What operators ask about files: offer one as it is, under a policy. How files are listed is `commands.received`'s."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from mimetypes import guess_type
from pathlib import Path

from connector.exchange.pages import FILE
from connector.exchange.receive import Tell
from connector.model import AccessClass, JsonObject
from connector.server import asked
from connector.server.commands import UNFINISHED, bound, dataset_of, pin_now, read_file, wants_pin
from connector.server.services import Services

_MEGABYTE = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedFile:
    """What to offer. `title` and `media_type` follow from the file's name unless said."""

    file: Path
    policy: Path
    title: str
    media_type: str
    access_class: str
    pin: bool | None


def wanted(body: JsonObject) -> WantedFile:
    """The request, read."""
    file = Path(asked.text(body, "file"))
    return WantedFile(
        file=file, policy=Path(asked.text(body, "policy")), title=asked.text(body, "title", "") or file.name,
        media_type=asked.text(body, "mediaType", "") or guess_type(file.name)[0] or "application/octet-stream",
        access_class=asked.text(body, "accessClass", AccessClass.B2B), pin=asked.truth(body, "pin"),
    )  # fmt: skip


async def publish_file(services: Services, said: WantedFile, tell: Tell) -> JsonObject:
    """Offer a file as it is under a policy: a dataset per title and policy."""
    policy_octets = await asyncio.to_thread(read_file, said.policy)
    dataset = await dataset_of(services, f"file {said.title}", FILE, said.policy, policy_octets)
    dataset = replace(dataset, title=said.title, plan="")
    pin = await wants_pin(services, dataset.dataset_id, said.pin)
    row = await services.publish_file.publish(
        said.file, bound(dataset, UNFINISHED) if pin else dataset, media_type=said.media_type,
        access_class=said.access_class, on_bytes=lambda done: tell({"done": f"{done / _MEGABYTE:,.0f} MB"}),
    )  # fmt: skip
    pinned_to = await pin_now(services, dataset) if pin else None
    return {
        "file": row.name, "digest": row.digest, "size": row.size, "mediaType": row.media_type,
        "accessClass": row.access_class, "dataset": dataset.dataset_id, "title": said.title, "pin": pinned_to,
    }  # fmt: skip
