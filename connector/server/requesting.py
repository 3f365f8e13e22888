"""What operators ask issuers for: credentials that say who we are; what was asked for, and what issuers offer. Beside
that, what holders asked us to issue (`issuances`).

What follows is `exchange.issuance`'s; what came is in the folder of our own credentials.
"""

from __future__ import annotations

import orjson
from aiohttp import web

from connector.errors import BadInput, CannotCheck, NotFound
from connector.exchange.issuance import OFFER
from connector.exchange.rows import ApprovalRow
from connector.exchange.stored import micros, time_of
from connector.model import Did, Json, JsonObject
from connector.server import answers_peers, asked, issuances, requests
from connector.server.operations import Operation
from connector.server.problems import json_response
from connector.server.processes import MOST_SHOWN
from connector.server.services import SERVICES, Services

_MOST_COUNTED = 10_000


def operations() -> list[Operation]:
    """What the management API does about them."""
    ask = "Ask an issuer for credentials about this company; they come by themselves."
    reject = "Reject all requests of a party, or of all below a host, that wait; or count them."
    known = "What was asked of issuers, what they offer, and what holders asked us to issue."
    return [
        Operation(
            "POST", "/v1/credential-requests", _ask, ask, (answers_peers.CredentialRequest,),
            asked=requests.RequestCredentials, fails=(CannotCheck, NotFound),
        ),
        Operation("GET", "/v1/credential-requests", _known, known, (answers_peers.CredentialRequests,)),
        Operation(
            "POST", "/v1/credential-requests/reject", _reject, reject, (answers_peers.RequestsRejected,),
            asked=requests.RejectRequests,
        ),
    ]  # fmt: skip


async def _ask(request: web.Request) -> web.Response:
    services, body = request.app[SERVICES], await asked.body(request, requests.RequestCredentials)
    issuer = services.config.peer(body.issuer)
    if not issuer.startswith("did:"):
        raise BadInput(f"{body.issuer!r} names no DID", hint="the issuer's DID, as trusted_issuers has it")
    row = await services.issuance.request(Did(issuer), body.types, body.ids)
    return json_response(shown(services, row))


async def _known(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    rows = await services.issuance.requests()
    requested: list[Json] = [shown(services, row) for row in rows if row.turn != OFFER]
    offered: list[Json] = [
        {"issuer": row.counterparty, "id": ident, "type": kind or None, "at": time_of(row.asked)}
        for row in rows
        if row.turn == OFFER
        for ident, kind in orjson.loads(row.detail)["offered"].items()
    ]
    theirs = await services.issuer.requests(_MOST_COUNTED)
    received: list[Json] = [issuances.known(services, row) for row in theirs[-MOST_SHOWN:]]
    more = len(theirs) - len(received)
    return json_response({"requests": requested, "offers": offered, "received": received, "more": more})


async def _reject(request: web.Request) -> web.Response:
    body = await asked.body(request, requests.RejectRequests)
    return json_response(await issuances.reject_all(request.app[SERVICES], body))


def shown(services: Services, row: ApprovalRow) -> JsonObject:
    """A request of ours, and how far it is."""
    said = orjson.loads(row.detail)
    over = not row.decision and row.due <= micros(services.clock.now())
    again = row.not_before if row.decision in {"unanswered", "withheld"} else 0
    return {
        "id": row.pid, "issuer": row.counterparty, "types": [*row.subject.split()], "asked": time_of(row.asked),
        "state": "expired" if over else row.decision or "requested", "until": time_of(row.due),
        "reason": said.get("reason") or None, "credentials": [*said.get("digests", [])],
        "renews": [*said.get("renews", [])], "next": time_of(again) if again else None,
    }  # fmt: skip
