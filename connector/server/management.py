"""The management API: what operators and the command line use. Loopback only, with a token; every path under `/v1`.

What may be asked stands in `requests`, how it is answered in `answers`; the API's document (`openapi`) is made of these
and of the operations here. What the commands do stands in `commands`.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from functools import cache

import orjson
from aiohttp import web

from connector.config import MANAGEMENT_TOKEN_VARIABLE
from connector.errors import BadInput, Conflict, NotAuthenticated, NotFound
from connector.exchange.publication import Declared
from connector.exchange.rows import RecordRow
from connector.model import Did, Json, JsonObject
from connector.protocol.catalog_query import read_terms
from connector.server import (
    agreements,
    answers,
    answers_data,
    answers_peers,
    asked,
    commands,
    decisions,
    discarding,
    entries,
    fetching,
    files,
    issuing,
    openapi,
    openapi_page,
    operator_pages,
    own_keys,
    processes,
    received,
    requesting,
    requests,
    transfers,
    verifying,
    withdrawing,
)
from connector.server.lines import Tell, asks_for_lines, lines, stream
from connector.server.markup import html
from connector.server.operations import ASKS_A_PEER, MOVES_A_PROCESS, Operation
from connector.server.problems import for_operators, json_response
from connector.server.services import SERVICES, Services
from connector.server.sessions import is_page

_TOKEN = web.AppKey("token", str)
_EVIDENCE_PAGE = 1_000


def operations() -> list[Operation]:
    """All that it does."""
    topics = {
        "Exchange": [*_exchanging(), *files.operations(), *withdrawing.operations(), *received.operations(),
                     *discarding.operations()],
        "Decide": [*decisions.operations(), *transfers.operations()],
        "Look": [*_looking(), *processes.operations(), *agreements.operations()],
        "Credentials": [
            *verifying.operations(), *issuing.operations(), *requesting.operations(), *own_keys.operations()
        ],
        "This connector": [*_health(), *operator_pages.operations()],
    }  # fmt: skip
    return [replace(one, topic=topic) for topic, some in topics.items() for one in some]


def _health() -> list[Operation]:
    live, ready = "The process answers.", "The connector works: its store answers too."
    return [
        Operation("GET", "/health/live", _live, live, (answers.Live,), open=True),
        Operation("GET", "/health/ready", _ready, ready, (answers.Ready,), open=True),
        Operation("GET", openapi.PATH, _document, "This document.", (answers.Document,), open=True),
    ]


def _exchanging() -> list[Operation]:
    told, fetch = (answers.Told,), "Transfer the data of an agreement, verify and keep it."
    publish = "Map the exports of a plan, sign what comes out, and offer it under a policy."
    found = (answers.Told, answers_peers.Owner, answers_peers.Dataset, answers_peers.Elsewhere, answers_peers.More)
    return [
        Operation(
            "POST", "/v1/publish", _publish, publish, (answers.Published,), asked=requests.Publish, lines=told,
            fails=(Conflict,),
        ),
        Operation(
            "GET", "/v1/catalog", _catalog, "What a peer offers us, and under which terms.", (answers_peers.Catalog,),
            asked=requests.Catalog, lines=found, fails=ASKS_A_PEER,
        ),
        Operation(
            "POST", "/v1/request", _request, "Negotiate a contract on a dataset of a peer.",
            (answers_peers.Negotiated,), asked=requests.Request, lines=told, fails=MOVES_A_PROCESS, repeatable=True,
        ),
        Operation(
            "POST", "/v1/fetch", _fetch, fetch, (answers_data.Fetched, answers_data.Started), asked=requests.Fetch,
            lines=told, fails=MOVES_A_PROCESS, repeatable=True,
        ),
        Operation(
            "POST", "/v1/audit", _audit, "Walk a chain, and judge every record of it.", (answers_data.Audited,),
            asked=requests.Audit, lines=told, fails=ASKS_A_PEER,
        ),
    ]  # fmt: skip


def _looking() -> list[Operation]:
    records = "Records by a number, or all of them in pages."
    record = "A record, with its credentials and the lineage of each value."
    evidence = "The log of what was decided, sent, taken and given: what follows a number."
    return [
        Operation("GET", "/v1/records", _records, records, (answers.Records,), asked=requests.Records),
        Operation(
            "GET", "/v1/records/{id}", _record, record, (answers.Record,), asked=requests.Record, fails=(NotFound,)
        ),
        Operation("GET", "/v1/evidence", _evidence, evidence, (answers.Evidence,), asked=requests.Evidence),
        Operation("GET", "/v1/counts", _counts, "How much of everything there is.", (answers.Counts,)),
    ]


def routes() -> list[web.RouteDef]:
    """All routes: of the API, and of the operators' pages."""
    described = [one.route() for one in operations()]
    return [*described, web.get(openapi_page.PATH, _readable), *operator_pages.routes()]


@web.middleware
async def check_token(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Health and the API's document are for everybody on this machine, all else of the API for who has the token; pages
    have sessions (`sessions`).
    """
    if is_page(request):
        return await handler(request)
    if not request.path.startswith("/health/") and request.path not in {openapi.PATH, openapi_page.PATH}:
        scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(shown.encode(), request.app[_TOKEN].encode()):
            raise NotAuthenticated(
                "the management token is missing or wrong",
                hint=f"Authorization: Bearer TOKEN, which stands in secrets.env as {MANAGEMENT_TOKEN_VARIABLE}",
            )
    try:
        return await handler(request)
    except NotAuthenticated as error:
        raise for_operators(error) from None
    except web.HTTPNotFound:
        raise NotFound(f"the management API has no {request.path}", hint=f"{openapi.PATH} says what it has") from None


def keep_token(app: web.Application, token: str) -> None:
    """The token that `check_token` asks for."""
    app[_TOKEN] = token


# --- health ----------------------------------------------------------------------------------------------------------


async def _live(_: web.Request) -> web.Response:
    return json_response({"status": "live"})


async def _ready(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    await services.store.counts(services.tenant)
    return json_response({"status": "ready", "did": services.config.did, "name": services.config.name})


async def _document(request: web.Request) -> web.Response:
    port = request.app[SERVICES].config.listen.management_port
    return web.Response(body=await asyncio.to_thread(_described, port), content_type="application/json")


async def _readable(request: web.Request) -> web.Response:
    port = request.app[SERVICES].config.listen.management_port
    text = await asyncio.to_thread(openapi_page.page, orjson.loads(await asyncio.to_thread(_described, port)))
    return html(text, style_name=openapi_page.STYLE, forms=False, referrer="no-referrer")


@cache
def _described(port: int) -> bytes:
    return orjson.dumps(openapi.document(operations(), port))


# --- commands --------------------------------------------------------------------------------------------------------


async def _publish(request: web.Request) -> web.StreamResponse:
    services, body = request.app[SERVICES], await asked.body(request, requests.Publish)
    declared = Declared(correction=body.correct, overwrite=body.overwrite)
    wanted = commands.Wanted(
        plan=services.config.path(body.plan), policy=services.config.path(body.policy), title=body.title,
        record_type=body.credential, dataset=body.dataset, approval=body.approval, pin=body.pin,
    )  # fmt: skip

    async def work(tell: Tell) -> JsonObject:
        return await commands.publish(services, wanted, declared, lambda done: tell({"done": done}))

    return await stream(request, work)


async def _catalog(request: web.Request) -> web.StreamResponse:
    services, said = request.app[SERVICES], asked.query(request, requests.Catalog)
    peer, wanted = Did(services.config.peer(said.peer)), read_terms(said.filter)

    def found(tell: Tell) -> AsyncIterator[JsonObject]:
        return commands.catalog(services.telling(tell), peer, wanted, said.limit)

    if asks_for_lines(request):
        return await lines(request, found)
    listed: list[Json] = [line async for line in found(lambda _: None)]
    datasets: list[Json] = [line for line in listed if isinstance(line, dict) and "dataset" in line]
    elsewhere: list[Json] = [line for line in listed if isinstance(line, dict) and "catalog" in line]
    return json_response({"peer": peer, "datasets": datasets, "elsewhere": elsewhere, "more": {"more": True} in listed})


async def _request(request: web.Request) -> web.StreamResponse:
    services, body = request.app[SERVICES], await asked.body(request, requests.Request)
    peer, key = Did(services.config.peer(body.peer)), asked.key(request)

    async def work(tell: Tell) -> JsonObject:
        return await commands.request(
            services.telling(tell), peer, body.dataset, key, body.wait_seconds, offer=body.offer,
            offer_id=body.offer_id, tell=tell,
        )  # fmt: skip

    return await stream(request, work)


async def _fetch(request: web.Request) -> web.StreamResponse:
    services, body, key = request.app[SERVICES], await asked.body(request, requests.Fetch), asked.key(request)
    if body.push and body.units:
        raise BadInput("single units are fetched, not pushed", hint="leave out push, or units")

    async def work(tell: Tell) -> JsonObject:
        if not body.pull:
            return await fetching.start_transfer(services, body.agreement, key, body.wait_seconds)
        return await fetching.fetch(
            services.telling(tell), body.agreement, key, body.wait_seconds, tell, push=body.push, units=body.units
        )

    return await stream(request, work)


async def _audit(request: web.Request) -> web.StreamResponse:
    services, body = request.app[SERVICES], await asked.body(request, requests.Audit)
    holder = Did(services.config.peer(body.peer or services.config.did))

    async def work(tell: Tell) -> JsonObject:
        def on_node(count: int, at: str) -> None:
            tell({"done": count, "at": at})

        from connector.server import bundling  # noqa: PLC0415 - a start need not wait for it (`readiness`)

        if body.bundle:
            return await bundling.audit(
                services, body.id, holder, on_node, client=body.client, prepared_for=body.prepared_for
            )
        return bundling.signed_for(services, await services.audit.run(body.id, holder, on_node=on_node)).as_json()

    return await stream(request, work)


# --- looking ---------------------------------------------------------------------------------------------------------


async def _records(request: web.Request) -> web.Response:
    services, said = request.app[SERVICES], asked.query(request, requests.Records)
    tenant = services.tenant
    rows = (
        await services.store.find_records(tenant, scheme=None, value=said.identifier)
        if said.identifier
        else await services.store.list_records(tenant, after=(said.after, said.holder))
    )
    return json_response({"records": [_shown(services, row) for row in rows]})


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
    holder = asked.query(request, requests.Record).holder
    found = await services.store.find_records(services.tenant, scheme=None, value=ident)
    rows = [row for row in found if row.record_id == ident and holder in {None, row.holder}]
    row = min(rows, key=lambda one: (one.origin == "received", one.holder), default=None)
    if row is None:
        raise NotFound(f"no record {ident}", hint="/v1/records?identifier=NUMBER finds it by a number")
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
    services, said = request.app[SERVICES], asked.query(request, requests.Evidence)
    rows = await services.store.evidence(services.tenant, after=said.after, limit=_EVIDENCE_PAGE)
    shown: list[Json] = [entries.as_json(row, exact=said.exact) for row in rows]
    return json_response({"entries": shown})


async def _counts(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    counts: JsonObject = {**await services.store.counts(services.tenant)}
    return json_response(counts)
