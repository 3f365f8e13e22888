"""The operators' pages, on the management listener alone: where they are, and how one signs in and out.

`battery-connector open` asks for an address with the management token; what that address opens, and what each request
has to prove, is `sessions`'s. What the pages tell stands in `operator_today` and its neighbours.
"""

from __future__ import annotations

from aiohttp import web

from connector.errors import NotFound
from connector.server import answers, asked, operator_exchanges, operator_today, requests
from connector.server.operations import Operation
from connector.server.operator_layout import see
from connector.server.problems import json_response
from connector.server.services import Services
from connector.server.sessions import CODE_SECONDS, PREFIX, SESSIONS, SIGN_IN, Sessions


def operations() -> list[Operation]:
    """What the management API does about them."""
    says = "An address that signs in whoever opens it first, to the operators' pages."
    return [Operation("POST", "/v1/sign-in", _address, says, (answers.SignIn,), asked=requests.Nothing)]


def routes() -> list[web.RouteDef]:
    """All pages."""
    return [
        web.get(SIGN_IN, _sign_in, allow_head=False),  # whoever only looks must not use it up
        web.post(f"{PREFIX}sign-out", _sign_out),
        *operator_today.routes(),
        *operator_exchanges.routes(),
        web.get(PREFIX + "{rest:.*}", _nothing),
    ]


def keep_sessions(app: web.Application, services: Services) -> None:
    """None yet. The cookie's name tells connectors on one machine apart: their cookies share a host name."""
    cookie = f"battery-connector-{services.config.listen.management_port}"
    app[SESSIONS] = Sessions(clock=services.clock, ids=services.ids, cookie=cookie)


async def _address(request: web.Request) -> web.Response:
    await asked.body(request, requests.Nothing)
    code = request.app[SESSIONS].code()
    address = f"{request.scheme}://{request.host}{SIGN_IN.format(code=code)}"
    return json_response({"address": address, "seconds": CODE_SECONDS})


async def _sign_in(request: web.Request) -> web.Response:
    sessions = request.app[SESSIONS]
    secret = sessions.sign_in(request.match_info["code"])
    response = see(PREFIX)
    response.set_cookie(sessions.cookie, secret, path=PREFIX, httponly=True, samesite="Strict", secure=request.secure)
    return response


async def _sign_out(request: web.Request) -> web.Response:
    sessions = request.app[SESSIONS]
    sessions.sign_out(request)
    response = see(PREFIX)
    response.del_cookie(sessions.cookie, path=PREFIX, httponly=True, samesite="Strict", secure=request.secure)
    return response


async def _nothing(_: web.Request) -> web.Response:
    raise NotFound("there is no such page", hint="the links above lead to all there are")
