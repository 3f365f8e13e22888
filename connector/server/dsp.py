"""Dataspace Protocol 2025-1 over HTTPS: its routes, one short handler each.

Paths and verbs: sections 5.3, 7.3, 9.3. Every handler authenticates, calls one journey and hands its answer out; error
objects are made in `problems`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import orjson
from aiohttp import web

from connector.config import Config
from connector.credentials import query
from connector.credentials.receipt import HEADER as RECEIPT
from connector.errors import BadMessage, ConnectorError
from connector.exchange.draft import Answer
from connector.protocol import compose, negotiation, transfer
from connector.protocol.messages import CatalogRequestMessage, parse_as
from connector.server.problems import dsp_error
from connector.server.services import SERVICES, body_of, caller_of, packed
from connector.vocabulary.admission import admit_message

Handler = Callable[[web.Request], Awaitable[web.Response]]
BASE = "/dsp/2025-1"
_JSON = "application/json"

_FIRST = {"request": negotiation.Kind.REQUEST, "offers": negotiation.Kind.OFFER}
"""What begins a negotiation: at the provider's address, and at the consumer's."""
_NEGOTIATION = {
    "request": (negotiation.Kind.REQUEST,),
    "offers": (negotiation.Kind.OFFER,),
    "agreement": (negotiation.Kind.AGREEMENT,),
    "agreement/verification": (negotiation.Kind.VERIFICATION,),
    "events": (negotiation.Kind.ACCEPT, negotiation.Kind.FINALIZE),
    "termination": (negotiation.Kind.TERMINATION,),
}
_TRANSFER = {
    "start": transfer.Kind.START,
    "suspension": transfer.Kind.SUSPENSION,
    "completion": transfer.Kind.COMPLETION,
    "termination": transfer.Kind.TERMINATION,
}


def routes(config: Config) -> list[web.RouteDef]:
    """All DSP routes below the connector's path."""
    base = f"{path_of(config)}{BASE}"
    return [
        web.get(f"{path_of(config)}/.well-known/dspace-version", _version),
        web.post(f"{base}/catalog/request", _guarded("CatalogError", _catalog)),
        web.get(base + "/catalog/datasets/{id}", _guarded("CatalogError", _dataset)),
        *(
            web.post(f"{base}/negotiations/{path}", _guarded("ContractNegotiationError", _negotiation((kind,))))
            for path, kind in _FIRST.items()
        ),
        web.get(base + "/negotiations/{pid}", _guarded("ContractNegotiationError", _negotiation_state)),
        *(
            web.post(f"{base}/negotiations/{{pid}}/{path}", _guarded("ContractNegotiationError", _negotiation(kinds)))
            for path, kinds in _NEGOTIATION.items()
        ),
        web.post(f"{base}/transfers/request", _guarded("TransferError", _transfer(transfer.Kind.REQUEST))),
        web.get(base + "/transfers/{pid}", _guarded("TransferError", _transfer_state)),
        *(
            web.post(f"{base}/transfers/{{pid}}/{path}", _guarded("TransferError", _transfer(kind)))
            for path, kind in _TRANSFER.items()
        ),
    ]


def path_of(config: Config) -> str:
    """The path of the public address, below which everything lies."""
    return f"/{config.tenant}" if config.tenant else ""


def _guarded(protocol_error: str, handler: Handler) -> Handler:
    async def guarded(request: web.Request) -> web.Response:
        if request.method == "POST" and request.content_type not in {_JSON, "application/ld+json"}:
            return dsp_error(protocol_error, BadMessage("the media type is application/json"))
        try:
            return await handler(request)
        except ConnectorError as error:
            return dsp_error(protocol_error, error)

    return guarded


async def _version(request: web.Request) -> web.Response:
    config = request.app[SERVICES].config
    document = compose.version_document(
        version="2025-1", path=BASE, service_id=f"{config.did}#data",
        profiles=() if config.unsafe.claimed_identity else query.PROFILES,
    )  # fmt: skip
    return _answer(200, compose.dump(document))


async def _catalog(request: web.Request) -> web.Response:
    services, body = request.app[SERVICES], await body_of(request)
    caller = await caller_of(request, body, once=True)
    message = parse_as(CatalogRequestMessage, admit_message(body, services.config.limits.max_message_bytes))
    token = request.query.get("continuationToken")
    page = await services.offer.catalog(caller.facts, message.filter or [], token)
    response = packed(request, _answer(200, orjson.dumps(page.body)))
    if page.link:
        response.headers["Link"] = page.link
    return response


async def _dataset(request: web.Request) -> web.Response:
    caller = await caller_of(request, b"", once=True)
    document = await request.app[SERVICES].offer.dataset(caller.facts, request.match_info["id"])
    return packed(request, _answer(200, orjson.dumps(document)))


async def _negotiation_state(request: web.Request) -> web.Response:
    caller = await caller_of(request, b"", once=True)
    return _answer(200, await request.app[SERVICES].negotiate.conversation.state(request.match_info["pid"], caller))


def _negotiation(kinds: tuple[negotiation.Kind, ...]) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        body = await body_of(request)
        caller = await caller_of(request, body, once=False)
        answer = await request.app[SERVICES].negotiate.receive(request.match_info.get("pid"), kinds, body, caller)
        return _said(answer)

    return handler


async def _transfer_state(request: web.Request) -> web.Response:
    caller = await caller_of(request, b"", once=True)
    return _answer(200, await request.app[SERVICES].transfer.conversation.state(request.match_info["pid"], caller))


def _transfer(kind: transfer.Kind) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        services, body = request.app[SERVICES], await body_of(request)
        caller = await caller_of(request, body, once=False)
        answer = await services.transfer.receive(request.match_info.get("pid"), kind, body, caller)
        return _said(answer)

    return handler


def _said(answer: Answer) -> web.Response:
    """The answer to a message, with our receipt for it."""
    response = _answer(answer.status, answer.body)
    if answer.receipt:
        response.headers[RECEIPT] = answer.receipt
    return response


def _answer(status: int, body: bytes) -> web.Response:
    response = web.Response(body=body, status=status, content_type=_JSON)
    if status == web.HTTPServiceUnavailable.status_code:
        response.headers["Retry-After"] = "1"
    return response
