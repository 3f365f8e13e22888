"""The management API: what operators and the command line use. Loopback only, with a token; every path under `/v1`.

Long work answers as lines of JSON (`lines`). What the commands do stands in `commands`.
"""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import orjson
from aiohttp import web

from connector.credentials.datamodel import CREDENTIAL_LIMIT_BYTES
from connector.credentials.securing import as_served
from connector.credentials.verify import needs
from connector.errors import BadInput, NotAuthenticated, NotFound
from connector.exchange.publication import Declared
from connector.exchange.rows import RecordRow
from connector.model import Did, Json, JsonObject
from connector.protocol.catalog_query import read_terms
from connector.server import (
    agreements,
    bundling,
    commands,
    decisions,
    discarding,
    fetching,
    files,
    issuing,
    operator_pages,
    own_keys,
    processes,
    transfers,
    withdrawing,
)
from connector.server.asked import body as _body
from connector.server.asked import key as _key
from connector.server.asked import moment as _moment
from connector.server.asked import seconds as _seconds
from connector.server.asked import text as _text
from connector.server.asked import texts as _texts
from connector.server.asked import truth as _truth
from connector.server.lines import NDJSON, Tell, lines, stream
from connector.server.problems import json_response
from connector.server.services import SERVICES, Services
from connector.server.sessions import is_page

_TOKEN = web.AppKey("token", str)
_EVIDENCE_PAGE = 1_000
_DATASETS = 10_000
_MOST_DIGITS = 9


def routes() -> list[web.RouteDef]:
    """All routes."""
    return [
        web.get("/health/live", _live),
        web.get("/health/ready", _ready),
        web.post("/v1/publish", _publish),
        web.post("/v1/publish-file", _publish_file),
        web.post("/v1/import", _import),
        web.get("/v1/catalog", _catalog),
        web.post("/v1/request", _request),
        web.post("/v1/fetch", _fetch),
        web.get("/v1/received", _received),
        web.post("/v1/audit", _audit),
        web.post("/v1/verify", _verify),
        web.post("/v1/revoke", _revoke),
        web.get("/v1/records", _records),
        web.get("/v1/records/{id}", _record),
        *agreements.routes(),
        *decisions.routes(),
        *discarding.routes(),
        *issuing.routes(),
        *operator_pages.routes(),
        *own_keys.routes(),
        *processes.routes(),
        *transfers.routes(),
        *withdrawing.routes(),
        web.get("/v1/evidence", _evidence),
        web.get("/v1/counts", _counts),
    ]


@web.middleware
async def check_token(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Health is for everybody on this machine, all else for who has the token; pages have sessions (`sessions`)."""
    if not request.path.startswith("/health/") and not is_page(request):
        shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(shown.encode(), request.app[_TOKEN].encode()):
            raise NotAuthenticated("the management token is missing or wrong")
    return await handler(request)


def keep_token(app: web.Application, token: str) -> None:
    """The token that `check_token` asks for."""
    app[_TOKEN] = token


# --- health ----------------------------------------------------------------------------------------------------------


async def _live(_: web.Request) -> web.Response:
    return json_response({"status": "live"})


async def _ready(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    await services.store.counts(services.config.tenant)
    return json_response({"status": "ready", "did": services.config.did, "name": services.config.name})


# --- commands --------------------------------------------------------------------------------------------------------


async def _publish(request: web.Request) -> web.StreamResponse:
    services, body = request.app[SERVICES], await _body(request)
    declared = Declared(correction=_text(body, "correct", ""), overwrite=body.get("overwrite") is True)
    wanted = commands.Wanted(
        plan=Path(_text(body, "plan")), policy=Path(_text(body, "policy")), title=_text(body, "title", ""),
        record_type=_text(body, "credential", ""), dataset=_text(body, "dataset", ""),
        approval=_truth(body, "approval"), pin=_truth(body, "pin"),
    )  # fmt: skip

    async def work(tell: Tell) -> JsonObject:
        return await commands.publish(services, wanted, declared, lambda done: tell({"done": done}))

    return await stream(request, work)


async def _publish_file(request: web.Request) -> web.StreamResponse:
    services, wanted = request.app[SERVICES], files.wanted(await _body(request))

    async def work(tell: Tell) -> JsonObject:
        return await files.publish_file(services, wanted, tell)

    return await stream(request, work)


async def _import(request: web.Request) -> web.Response:
    services, body = request.app[SERVICES], await _body(request)
    held = as_served(_text(body, "credential").encode(), CREDENTIAL_LIMIT_BYTES)
    return json_response(await commands.hold(services, held, _text(body, "into"), Path(_text(body, "policy"))))


async def _catalog(request: web.Request) -> web.StreamResponse:
    """What a peer shows us: an object, or lines of JSON as they come in where these are asked for."""
    services, asked = request.app[SERVICES], request.query
    peer = Did(services.config.peer(asked.get("peer", "")))
    most = asked.get("limit", str(_DATASETS))
    if not most.isdecimal() or len(most) > _MOST_DIGITS:
        raise BadInput(f"limit {most!r} is no number")
    wanted, limit = read_terms(asked.getall("filter", [])), int(most)

    def found(tell: Tell) -> AsyncIterator[JsonObject]:
        return commands.catalog(services.telling(tell), peer, wanted, limit)

    if request.headers.get("Accept") == NDJSON:
        return await lines(request, found)
    listed: list[Json] = [line async for line in found(lambda _: None)]
    datasets: list[Json] = [line for line in listed if isinstance(line, dict) and "dataset" in line]
    elsewhere: list[Json] = [line for line in listed if isinstance(line, dict) and "catalog" in line]
    return json_response({"peer": peer, "datasets": datasets, "elsewhere": elsewhere, "more": {"more": True} in listed})


async def _request(request: web.Request) -> web.StreamResponse:
    """Negotiate: an object, or lines of JSON that end with it where these are asked for."""
    services, body = request.app[SERVICES], await _body(request)
    peer = Did(services.config.peer(_text(body, "peer")))
    dataset, offer, wait = _text(body, "dataset"), body.get("offer"), _seconds(body)
    if offer is not None and not isinstance(offer, dict):
        raise BadInput("offer is not an object", hint="an offer as /v1/catalog shows it")
    key, offer_id = _key(request), _text(body, "offer_id", "")

    async def work(tell: Tell) -> JsonObject:
        return await commands.request(services.telling(tell), peer, dataset, key, wait, offer=offer, offer_id=offer_id)

    if request.headers.get("Accept") == NDJSON:
        return await stream(request, work)
    return json_response(await work(lambda _: None))


async def _fetch(request: web.Request) -> web.StreamResponse:
    """Start a transfer and pull its data, only the `units` where some are named, or with `"push": true` have it sent.
    With `"pull": false` only start it, and answer at once with the address.
    """
    services, body = request.app[SERVICES], await _body(request)
    agreement, key, wait = _text(body, "agreement"), _key(request), _seconds(body)
    if body.get("pull") is False:
        return json_response(await fetching.start_transfer(services, agreement, key, wait))
    push, units = body.get("push") is True, _texts(body, "units")
    if push and units:
        raise BadInput("single units are fetched, not pushed")

    async def work(tell: Tell) -> JsonObject:
        return await fetching.fetch(services.telling(tell), agreement, key, wait, tell, push=push, units=units)

    return await stream(request, work)


async def _received(request: web.Request) -> web.Response:
    services, asked = request.app[SERVICES], request.query
    holder = services.config.peer(asked["from"]) if asked.get("from") else ""
    return json_response(await commands.received(services, holder, asked.get("type", "")))


async def _audit(request: web.Request) -> web.StreamResponse:
    services, body = request.app[SERVICES], await _body(request)
    holder = Did(services.config.peer(_text(body, "peer", services.config.did)))
    root, client, prepared_for = _text(body, "id"), body.get("client"), _text(body, "preparedFor", "")

    async def work(tell: Tell) -> JsonObject:
        def on_node(count: int, at: str) -> None:
            tell({"done": count, "at": at})

        if body.get("bundle") is True:
            return await bundling.audit(services, root, holder, on_node, client=client, prepared_for=prepared_for)
        return (await services.audit.run(root, holder, on_node=on_node)).as_json()

    return await stream(request, work)


async def _verify(request: web.Request) -> web.Response:
    services, body = request.app[SERVICES], await _body(request)
    at = _text(body, "at", "")
    moment = _moment(at) if at else None
    octets = as_served(_text(body, "credential").encode(), CREDENTIAL_LIMIT_BYTES)
    report = await services.verifier.verify(octets, moment)
    return json_response({**report.as_json(), "outcome": report.outcome(), "types": [*needs(octets).types]})


async def _revoke(request: web.Request) -> web.Response:
    services, body = request.app[SERVICES], await _body(request)
    effective = _moment(_text(body, "effective", services.clock.now().isoformat()))
    purpose, reason = _text(body, "purpose", "revocation"), _text(body, "reason", "")
    row = await services.revoke.run(_text(body, "digest"), purpose=purpose, effective=effective, reason=reason)
    return json_response({"digest": row.digest, "effective": effective.isoformat()})


# --- looking ---------------------------------------------------------------------------------------------------------


async def _records(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    value = request.query.get("identifier", "")
    rows = (
        await services.store.find_records(services.config.tenant, scheme=None, value=value)
        if value
        else await services.store.list_records(services.config.tenant, after=_after(request))
    )
    return json_response({"records": [_shown(services, row) for row in rows]})


def _after(request: web.Request) -> tuple[str, str]:
    """The record and holder behind which a page begins."""
    return request.query.get("after", ""), request.query.get("holder", "")


def _shown(services: Services, row: RecordRow) -> JsonObject:
    return {
        "record": row.record_id,
        "holder": row.holder,
        "version": row.version,
        "type": row.record_type,
        "key": row.key,
        "subject": row.subject_id,
        "page": f"{services.config.public_url}/passport/{row.record_id}",
    }


async def _record(request: web.Request) -> web.Response:
    """A record with its credentials and, for our own, the lineage of every value. Ours first, if others use its id."""
    services, ident = request.app[SERVICES], request.match_info["id"]
    found = await services.store.find_records(services.config.tenant, scheme=None, value=ident)
    rows = [row for row in found if row.record_id == ident and request.query.get("holder", row.holder) == row.holder]
    row = min(rows, key=lambda one: (one.origin == "received", one.holder), default=None)
    if row is None:
        raise NotFound("no such record")
    credentials: list[Json] = [
        {
            "digest": one.digest,
            "type": one.credential_type,
            "accessClass": one.access_class,
            "level": one.level,
            "issuer": one.issuer,
            "octets": one.octets.decode(),
        }
        for one in await services.store.credentials(row.tenant, row.holder, row.record_id, row.version)
    ]
    return json_response({
        "record": row.record_id, "version": row.version, "type": row.record_type, "key": row.key,
        "subject": row.subject_id, "holder": row.holder, "origin": row.origin, "credentials": credentials,
        "lineage": orjson.loads(row.lineage) if row.lineage else {},
    })  # fmt: skip


async def _evidence(request: web.Request) -> web.Response:
    """A page of the log behind a number; `exact`: bodies in the octets that the hashes cover."""
    services, exact = request.app[SERVICES], "exact" in request.query
    after = request.query.get("after", "0")
    rows = await services.store.evidence(
        services.config.tenant, after=int(after) if after.isdecimal() else 0, limit=_EVIDENCE_PAGE
    )
    entries: list[Json] = [
        {
            "seq": row.seq, "at": row.at, "event": row.event, "previous": row.previous, "hash": row.hash,
            **({"octets": row.body.decode()} if exact else {"body": orjson.loads(row.body)}),
        }
        for row in rows
    ]  # fmt: skip
    return json_response({"entries": entries})


async def _counts(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    counts: JsonObject = {**await services.store.counts(services.config.tenant)}
    return json_response(counts)
