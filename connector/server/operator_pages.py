"""The operators' pages, on the management listener alone: where they are, and how one signs in and out.

`battery-connector open` asks for an address with the management token; what that address opens, and what each request
has to prove, is `sessions`'s. What the pages tell stands in `operator_today` and its neighbours.
"""

from __future__ import annotations

from aiohttp import web

from connector.errors import NotFound
from connector.server import (
    answers,
    asked,
    operator_agreements,
    operator_exchanges,
    operator_log,
    operator_today,
    requests,
)
from connector.server.operations import Operation
from connector.server.operator_layout import see, show
from connector.server.problems import json_response
from connector.server.services import Services
from connector.server.sessions import CODE_SECONDS, PLACE, PREFIX, SESSIONS, SIGN_IN, Sessions, give_cookie, place_of


def operations() -> list[Operation]:
    """What the management API does about them."""
    says = "An address that signs in whoever opens it first, to the operators' pages."
    return [Operation("POST", "/v1/sign-in", _address, says, (answers.SignIn,), asked=requests.Nothing)]


def routes() -> list[web.RouteDef]:
    """All pages."""
    return [
        web.get(SIGN_IN, _sign_in, allow_head=False),  # whoever only looks must not use it up
        web.post(PLACE + "sign-out", _sign_out),
        *operator_today.routes(),
        *operator_exchanges.routes(),
        *operator_log.routes(),
        *operator_agreements.routes(),
        web.get(PREFIX + "{place}/{rest:.*}", _nothing),
        web.get(PREFIX + "{rest:.*}", _nothing),
    ]


def keep_sessions(app: web.Application, services: Services) -> None:
    """None yet."""
    app[SESSIONS] = Sessions(clock=services.clock, ids=services.ids)


async def _address(request: web.Request) -> web.Response:
    await asked.body(request, requests.Nothing)
    code = request.app[SESSIONS].code()
    address = f"{request.scheme}://{request.host}{SIGN_IN.format(code=code)}"
    return json_response({"address": address, "seconds": CODE_SECONDS})


async def _sign_in(request: web.Request) -> web.Response:
    secret, session = request.app[SESSIONS].sign_in(request.match_info["code"])
    place = place_of(session)
    response = show(request, "signed_in", first=place)
    # No redirect: whoever was led here by another page would come there by it, and without a `SameSite=Strict` cookie.
    response.headers["Refresh"] = f"0; url={place}"
    give_cookie(request, response, secret, session)
    return response


async def _sign_out(request: web.Request) -> web.Response:
    request.app[SESSIONS].sign_out(request)
    return see(PREFIX)


async def _nothing(_: web.Request) -> web.Response:
    raise NotFound("there is no such page", hint="the links above lead to all there are")
