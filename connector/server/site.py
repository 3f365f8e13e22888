"""The two faces of a connector: public (peers, recyclers with a phone) and management (loopback, token).

Limits on bodies and headers stand here, so that they hold for every route. What is behind a route is in its file.
"""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Awaitable, Callable

from aiohttp import web

from connector.config import Config
from connector.errors import BadConfig, BadMessage
from connector.server import dsp, management, operator_pages, passport, peers_face
from connector.server.operator_layout import show_errors
from connector.server.problems import answer_errors
from connector.server.services import SERVICES, Services
from connector.server.sessions import check_session

_FILE_LIMIT_BYTES = 64 << 20
_KEEP_ALIVE_SECONDS = 60.0
_SHUTDOWN_SECONDS = 5.0
"""What is under way at the end may take that long; waiting commands are cut off and may be repeated."""

logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
"""aiohttp logs a traceback for every malformed request; a flood of those would fill the disk."""


@web.middleware
async def refuse_odd_requests(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """What aiohttp lets through and we don't: two `Authorization` headers, odd bytes in it, a target with a host; and
    a body that is packed, of which a megabyte can stand for a gigabyte (RFC 9110, 15.5.16).
    """
    if request.headers.get("Content-Encoding", "identity").strip().lower() not in {"", "identity"}:
        raise web.HTTPUnsupportedMediaType(reason="send the body as it is, without a Content-Encoding")
    shown = request.headers.getall("Authorization", ())
    if len(shown) > 1 or not all(map(str.isascii, shown)) or not request.raw_path.startswith("/"):
        raise BadMessage("one Authorization header in ASCII and a plain path are expected")
    return await handler(request)


async def mark(request: web.Request, response: web.StreamResponse) -> None:
    """Nothing is taken for what it does not say it is, and what was for one caller is kept for nobody."""
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    if "Authorization" in request.headers:
        response.headers.setdefault("Cache-Control", "no-store")


def public_site(services: Services) -> web.Application:
    """What peers and the public reach."""
    config = services.config
    app = web.Application(
        client_max_size=config.limits.max_message_bytes, middlewares=[answer_errors, refuse_odd_requests]
    )
    app[SERVICES] = services
    app.on_response_prepare.append(mark)
    app.add_routes([*dsp.routes(config), *peers_face.routes(config), *passport.routes(config)])
    return app


def management_site(services: Services, token: str) -> web.Application:
    """What operators reach."""
    checks = (refuse_odd_requests, show_errors, management.check_token, check_session)
    app = web.Application(client_max_size=_FILE_LIMIT_BYTES, middlewares=[answer_errors, *checks])
    app[SERVICES] = services
    app.on_response_prepare.append(mark)
    management.keep_token(app, token)
    operator_pages.keep_sessions(app, services)
    app.add_routes(management.routes())
    return app


async def start(app: web.Application, config: Config, *, host: str, port: int) -> web.AppRunner:
    """Listen. The runner's `cleanup` stops and waits for what is under way."""
    runner = web.AppRunner(
        app, access_log=None, handle_signals=False, keepalive_timeout=_KEEP_ALIVE_SECONDS,
        shutdown_timeout=_SHUTDOWN_SECONDS,
        max_field_size=config.limits.max_header_bytes, max_line_size=config.limits.max_header_bytes,
        auto_decompress=False,  # it would inflate what nobody reads, too: the rest of a body that was refused
    )  # fmt: skip
    await runner.setup()
    await listen(runner, host, port)
    return runner


async def listen(runner: web.AppRunner, host: str, port: int) -> None:
    """Open the port of a runner that is set up."""
    try:
        await web.TCPSite(runner, host, port, reuse_address=True).start()
    except OSError as error:
        await runner.cleanup()
        reason = os.strerror(error.errno) if error.errno == errno.EADDRINUSE else error.strerror
        raise BadConfig(
            f"nothing can listen on {host}, port {port}: {reason}",
            hint="end the program that listens there, or choose another host or port",
        ) from None
