"""What operators ask issuers for: credentials that say who we are; what was asked for, and what issuers offer. Beside
that, what holders asked us to issue (`issuances`).

What follows is `exchange.issuance`'s; what came is in the folder of our own credentials.
"""

from __future__ import annotations

import re
from urllib.parse import urlencode

from aiohttp import web

from connector.errors import BadInput, CannotCheck, NotFound
from connector.exchange.issuance import OFFER, REQUEST
from connector.exchange.rows import ApprovalRow
from connector.exchange.stored import micros, said_of, time_of
from connector.model import Did, Json, JsonObject
from connector.server import answers_peers, asked, issuances, requests
from connector.server.operations import Operation
from connector.server.problems import json_response
from connector.server.services import SERVICES, Services

_NUMBER = re.compile(r"[0-9]{1,18}")


def operations() -> list[Operation]:
    """What the management API does about them."""
    ask = "Ask an issuer for credentials about this company; they come by themselves."
    reject = "Reject all requests of a party, or of all below a host, that wait; or count them."
    known = (
        "What was asked of issuers, what they offer, and what holders asked us to issue: the oldest first, in pages."
    )
    return [
        Operation(
            "POST", "/v1/credential-requests", _ask, ask, (answers_peers.CredentialRequest,),
            asked=requests.RequestCredentials, fails=(CannotCheck, NotFound),
        ),
        Operation(
            "GET", "/v1/credential-requests", _known, known, (answers_peers.CredentialRequests,),
            asked=requests.CredentialRequests,
        ),
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
    services, said = request.app[SERVICES], asked.query(request, requests.CredentialRequests)
    now, limit = micros(services.clock.now()), said.limit
    rows = await services.store.list_requests(services.tenant, after=_place(said.after), limit=limit + 1)
    last = rows[limit - 1] if len(rows) > limit else None
    offers = [row for row in rows[:limit] if row.turn == OFFER and row.due > now]
    offered: list[Json] = [
        {"issuer": row.counterparty, "id": ident, "type": kind or None, "at": time_of(row.asked)}
        for row in offers
        for ident, kind in said_of(row)["offered"].items()
    ]
    ours: list[Json] = [shown(services, row) for row in rows[:limit] if (row.kind, row.turn) == ("credential", REQUEST)]
    theirs: list[Json] = [issuances.known(services, row) for row in rows[:limit] if row.kind == "issuance"]
    behind = f"{request.path}?{urlencode({'after': f'{last.asked}~{last.pid}', 'limit': limit})}" if last else None
    return json_response({"requests": ours, "offers": offered, "received": theirs, "next": behind})


def _place(after: str) -> tuple[int, str]:
    """Time and id of the last request of the page before, which may be gone since."""
    at, _, pid = after.partition("~")
    if after and not _NUMBER.fullmatch(at):
        raise BadInput(
            f"`after` is no place among the requests: {after}", hint="it stands in the `next` of the page before"
        )
    return int(at or 0), pid


async def _reject(request: web.Request) -> web.Response:
    body = await asked.body(request, requests.RejectRequests)
    return json_response(await issuances.reject_all(request.app[SERVICES], body))


def shown(services: Services, row: ApprovalRow) -> JsonObject:
    """A request of ours, and how far it is."""
    said = said_of(row)
    over = not row.decision and row.due <= micros(services.clock.now())
    again = row.not_before if row.decision in {"unanswered", "withheld"} else 0
    return {
        "id": row.pid, "issuer": row.counterparty, "types": [*row.subject.split()], "asked": time_of(row.asked),
        "state": "expired" if over else row.decision or "requested", "until": time_of(row.due),
        "reason": said.get("reason") or None, "credentials": [*said.get("digests", [])],
        "renews": [*said.get("renews", [])], "next": time_of(again) if again else None,
    }  # fmt: skip
