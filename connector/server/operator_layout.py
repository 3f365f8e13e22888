"""How every page for operators looks: the frame around it, how names, times and long texts of others are shown, errors.

What others said is text: escaped, without what hides or turns it around, cut where it is long; the whole stands one
link further. There is no script; a page works by links and forms alone. English only: who works with it works with the
command line's sentences too.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import Final, TypeVar
from urllib.parse import quote, urlencode

import orjson
from aiohttp import web
from jinja2 import Environment

from connector.errors import ConnectorError
from connector.server.entries import because
from connector.server.markup import environment, html, style
from connector.server.problems import our_bug, status_of
from connector.server.services import SERVICES
from connector.server.sessions import PREFIX, SESSION, is_page, place_of
from connector.server.words import finished, size_in_words

_log = logging.getLogger("connector.server")

PAGE: Final = 50
"""Rows of a list that stand on one page."""
_STYLE: Final = "operator"
_SHORT: Final = 64
_LONG: Final = 400
LONGEST: Final = 20_000
"""Characters of a text that stands whole on a page; the rest `--json` tells."""

_Row = TypeVar("_Row")


def page_of(rows: list[_Row], next_begins: Callable[[_Row], Mapping[str, object]]) -> tuple[list[_Row], str]:
    """The rows of one page, and the query of the next one, if there are more: it begins behind the last row here."""
    page = rows[:PAGE]
    return page, urlencode(next_begins(page[-1])) if len(rows) > PAGE else ""


def behind(text: str) -> tuple[int, str] | None:
    """Where a page goes on, as its query says it: behind the row of this time and id."""
    at, _, ident = text.partition("~")
    return (int(at), ident) if at.isdecimal() and len(at) < len(str(1 << 63)) else None


def show(request: web.Request, name: str, *, status: int = 200, **told: object) -> web.Response:
    """A page: `operator/<name>.html` with what it tells. Nobody keeps it."""
    services, session = request.app[SERVICES], request.get(SESSION)
    config, form_token = services.config, session.form_token if session else ""
    text = _environment().get_template(f"operator/{name}.html").render(
        company=config.name, did=config.did,
        names={**{peer.id: name for name, peer in config.peers.items()}, config.did: config.name},
        base=place_of(session) if session else PREFIX, form_token=form_token, style=style(_STYLE), **told,
    )  # fmt: skip
    shown = html(text, style_name=_STYLE, forms=True, referrer="same-origin", status=status)
    shown.headers["Cache-Control"] = "no-store"
    shown.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    shown.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return shown


def see(address: str) -> web.Response:
    """Another page is to be looked at; loading that again does nothing twice."""
    return web.Response(status=303, text=f"see {address}", headers={"Location": address, "Cache-Control": "no-store"})


@web.middleware
async def show_errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """An error of the tree on one of the pages is a page too; and so is a bug, which is logged as any other."""
    try:
        return await handler(request)
    except ConnectorError as error:
        if not is_page(request):
            raise
        return show(request, "error", status=status_of(error), error=error)
    except (web.HTTPException, ConnectionError):
        raise
    except Exception:  # a person is on the other side: JSON would be a dead end
        if not is_page(request):
            raise
        resource = request.match_info.route.resource  # without the session's place, which is a secret
        _log.exception("bug while showing %s", resource.canonical if resource else "a page")
        bug = our_bug()
        return show(request, "error", status=status_of(bug), error=bug)


def _cut(text: object, most: int = _SHORT) -> str:
    said = str(text)
    return said if len(said) <= most else said[: most - 1] + "…"


def _begun(text: str) -> str:
    """The beginning of a sentence; a command stays as it is typed."""
    return text if text.startswith("battery-connector") else text[:1].upper() + text[1:]


def _when(text: object) -> str:
    """`2026-11-29T18:44:19Z` to the minute."""
    day, _, time = str(text).partition("T")
    return f"{day} {time[:5]}" if time else day


def _listed(value: object) -> str:
    """A value of a decision or an entry; a list of texts is told one after the other."""
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value)
    return "" if value is None else value if isinstance(value, str) else orjson.dumps(value).decode()


@cache
def _environment() -> Environment:
    found = environment().overlay(finalize=finished)
    found.filters |= {
        "cut": _cut, "long": lambda text: _cut(text, _LONG), "longest": lambda text: _cut(text, LONGEST),
        "because": because, "begun": _begun, "when": _when, "listed": _listed,
        "path": lambda text: quote(str(text), safe=":"), "size": size_in_words,
    }  # fmt: skip
    return found
