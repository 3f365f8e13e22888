"""Our issuer service: holders ask what we issue, ask us for it, and how far that is (DCP 1.0.1, 6.4, 6.7, 6.8).

Anybody who proves its DID may ask; what follows is `exchange.issuer`'s, and a person's (`issuances`). The quota counts
before anything is looked up, and a token is used up only by what is taken or shown. Without `[issues]` none of these
addresses is there.
"""

from __future__ import annotations

from aiohttp import web

from connector.credentials import issuance
from connector.exchange.ports import Proven
from connector.exchange.rows import ApprovalRow
from connector.exchange.stored import said_of
from connector.model import JsonObject
from connector.server.problems import json_response
from connector.server.services import SERVICES, body_of
from connector.vocabulary.admission import admit_message


def routes(base: str) -> list[web.RouteDef]:
    """The routes below the service's address."""
    return [
        web.get(f"{base}/metadata", _metadata),
        web.post(f"{base}/credentials", _request),
        web.get(base + "/requests/{pid}", _status),
    ]


async def _metadata(request: web.Request) -> web.Response:
    """What we issue. No secret: everybody may ask."""
    services = request.app[SERVICES]
    return json_response(issuance.metadata_message(services.config.did, [*services.issuer.supported.values()]))


async def _request(request: web.Request) -> web.Response:
    """A holder asks for credentials. The answer says where it learns how far that is."""
    services, holder, body = request.app[SERVICES], await _holder(request), await body_of(request)
    asked = issuance.read_request(admit_message(body, services.config.limits.max_message_bytes))
    await services.issuer.check(holder.party, asked)
    await services.authenticate.use_up(holder, method="POST", path=request.path_qs, body=body)
    row = await services.issuer.take(holder.party, asked)
    response = json_response(_said(request, row), 201)
    response.headers["Location"] = f"{services.config.public_url}/issuer/requests/{row.pid}"
    return response


async def _status(request: web.Request) -> web.Response:
    """How far a request is, for who made it."""
    services, holder = request.app[SERVICES], await _holder(request)
    row = await services.issuer.of_holder(holder.party, request.match_info["pid"])
    await services.authenticate.use_up(holder, method="GET", path=request.path_qs, body=b"")
    return json_response(_said(request, row))


async def _holder(request: web.Request) -> Proven:
    """Who asks, within its quota."""
    authenticate, body = request.app[SERVICES].authenticate, await body_of(request)
    holder = await authenticate.proven(request.headers.get("Authorization", ""))
    known = authenticate.quotas.knows(holder.party)
    authenticate.quotas.admit(holder.party, known=known, size=len(body))
    return holder


def _said(request: web.Request, row: ApprovalRow) -> JsonObject:
    status, holder_pid = request.app[SERVICES].issuer.status(row), str(said_of(row)["holderPid"])
    return issuance.status_message(issuer_pid=row.pid, holder_pid=holder_pid, status=status)
