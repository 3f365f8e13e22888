"""What came, from whom, under which terms, how much of it there is: for operators, page by page.

There may be very much of it: each page is read from where the one before ended, and nothing behind it. How it came is
`fetching`'s, what it is worth `agreements`', what of it goes `discarding`'s.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing
from typing import Final
from urllib.parse import urlencode

import orjson
from aiohttp import web

from connector.credentials.datamodel import parse_credential
from connector.errors import BadInput, NotFound
from connector.exchange.agreed import agreements as every_agreement
from connector.exchange.discard import received_files
from connector.exchange.pages import FILE
from connector.exchange.receipts import worth
from connector.exchange.rows import AgreementRow, CredentialRow, FileRow, RecordRow
from connector.exchange.subjects import identifiers
from connector.model import Did, Json, JsonObject
from connector.server import answers_data as answers
from connector.server import asked, requests
from connector.server.agreements import title_of
from connector.server.operations import Operation
from connector.server.problems import json_response
from connector.server.services import SERVICES, Services

_LISTS: Final = ("agreements", "records", "files")
"""In this order they are told."""


def operations() -> list[Operation]:
    """What the management API does about what came."""
    what = "What came, from whom, under which terms, page by page: the agreements, then records, then files."
    return [
        Operation(
            "GET", "/v1/received", _page, what, (answers.Received,), asked=requests.Received, fails=(NotFound,)
        )
    ]  # fmt: skip


async def _page(request: web.Request) -> web.Response:
    said = asked.query(request, requests.Received)
    page = await received(request.app[SERVICES], said)
    behind = {**said.model_dump(by_alias=True, exclude_defaults=True), "after": page["next"]}
    return json_response({**page, "next": page["next"] and f"{request.path}?{urlencode(behind)}"})


async def received(services: Services, said: requests.Received) -> JsonObject:
    """A page of what came; `next`: behind what the next one begins."""
    holder = services.config.peer(said.holder) if said.holder else ""
    lists: dict[str, list[Json]] = {name: [] for name in _LISTS}
    last, count, following = "", 0, None
    async with aclosing(_from(services, said.after, holder, said.type)) as found:
        async for name, place, shown in found:
            if count == said.limit:
                following = last
                break
            lists[name].append(shown)
            last, count = f"{name}:{place}", count + 1
    parties = [holder] if holder else await services.store.agreement_parties(services.tenant)
    return {**lists, "room": None if said.after else await room(services, parties), "next": following}


async def _from(
    services: Services, after: str, holder: str, record_type: str
) -> AsyncGenerator[tuple[str, str, JsonObject]]:
    """Everything behind a place: its list, its own place there, what is shown of it."""
    name, _, place = after.partition(":")
    if after and name not in _LISTS:
        raise BadInput(f"`after` is no place in what came: {after}", hint="it stands in the `next` of the page before")
    for listed in _LISTS[_LISTS.index(name) if after else 0 :]:
        begin = place if listed == name else ""
        async for at, shown in _READ[listed](services, begin, holder, record_type):
            yield listed, at, shown


async def _agreements(services: Services, place: str, holder: str, _: str) -> AsyncIterator[tuple[str, JsonObject]]:
    after = 0, ""
    if place:
        row = await services.store.load_agreement(services.tenant, place)
        if row is None:
            raise NotFound(f"no agreement {place}", hint="`after` stands in the `next` of the page before")
        after = row.at, row.agreement_id
    async for row in every_agreement(services.store, services.tenant, after=after):
        if row.replaced_by is None and holder in {"", row.counterparty}:
            yield row.agreement_id, await _agreement_shown(services, row)


async def _records_shown(
    services: Services, place: str, holder: str, record_type: str
) -> AsyncIterator[tuple[str, JsonObject]]:
    async for row in _records(services, place):
        if holder in {"", row.holder} and record_type in {"", row.record_type}:
            yield f"{row.holder} {row.record_id}", await shown_of(services, row)


async def _files(
    services: Services, place: str, holder: str, record_type: str
) -> AsyncIterator[tuple[str, JsonObject]]:
    if record_type not in {"", FILE}:
        return
    digest, _, agreement = place.partition(" ")
    async for page in received_files(services.store, services.tenant, after=(agreement, digest)):
        for file in page:
            if holder in {"", file.holder}:
                yield f"{file.digest} {file.agreement_id}", _file_shown(services, file)


_READ: Final = {"agreements": _agreements, "records": _records_shown, "files": _files}


async def _records(services: Services, place: str = "") -> AsyncIterator[RecordRow]:
    """Every received record's newest version."""
    holder, _, record = place.partition(" ")
    after = record, holder
    while rows := await services.store.list_records(services.tenant, origin="received", after=after):
        for row in rows:
            yield row
        after = rows[-1].record_id, rows[-1].holder


async def _agreement_shown(services: Services, row: AgreementRow) -> JsonObject:
    negotiation = await services.store.load_process(row.tenant, "negotiation", row.negotiation_pid)
    return {
        "agreement": row.agreement_id, "with": row.counterparty, "role": row.role, "dataset": row.dataset_id,
        "title": await title_of(services, row, negotiation),
        "terms": orjson.loads(row.agreement), "receipts": await receipts(services, row),
    }  # fmt: skip


async def shown_of(services: Services, row: RecordRow) -> JsonObject:
    """A record that came, with how many of its credentials we have and how many it has."""
    kept = await services.store.credentials(row.tenant, row.holder, row.record_id, row.version)
    named = {*row.digests, *(one.digest for one in kept)}  # those of changing values are named nowhere
    return {
        "record": row.record_id, "number": _number(row, kept), "version": row.version, "type": row.record_type,
        "from": row.holder, "agreement": row.agreement_id, "credentials": len(kept), "named": len(named),
    }  # fmt: skip


def _number(record: RecordRow, credentials: Iterable[CredentialRow]) -> str:
    """The first number by which people know what the record is about; empty if none of its credentials says one."""
    subjects = (parse_credential(one.octets).subject for one in credentials)
    return next((one.value for subject in subjects for one in identifiers(record.tenant, record, subject)), "")


def _file_shown(services: Services, file: FileRow) -> JsonObject:
    return {
        "file": file.name, "digest": file.digest, "size": file.size, "mediaType": file.media_type,
        "from": file.holder, "agreement": file.agreement_id, "path": str(services.files.path(file.digest)),
    }  # fmt: skip


async def under(services: Services, agreement: AgreementRow) -> tuple[int, int, int]:
    """Records, credentials and files that are kept under an agreement: the same however often it was fetched."""
    records = credentials = files = 0
    async for row in _records(services):
        if row.agreement_id == agreement.agreement_id:
            kept = await services.store.credentials(row.tenant, row.holder, row.record_id, row.version)
            records, credentials = records + 1, credentials + len(kept)
    after = ""
    while page := await services.store.list_files(agreement.tenant, "", agreement.agreement_id, after=after):
        files, after = files + len(page), page[-1].digest
    return records, credentials, files


async def room(services: Services, parties: Iterable[str]) -> JsonObject:
    """How much is kept of each party (files and credentials, in bytes), and how much there may be."""
    there = services.room
    return {
        "kept": {party: await there.kept(Did(party)) for party in sorted(parties)},
        "maxPeerBytes": there.max_peer_bytes,
        "free": await there.files.room(),
        "minFreeBytes": there.min_free_bytes,
    }


async def receipts(services: Services, agreement: AgreementRow) -> JsonObject:
    """What the peer's receipts for our messages of the negotiation are worth: word -> how many."""
    said = await services.store.messages(services.tenant, "negotiation", agreement.negotiation_pid)
    words = Counter(worth(one).partition(":")[0] for one in said if one.direction == "out" and one.receipt)
    return {**dict(sorted(words.items()))}
