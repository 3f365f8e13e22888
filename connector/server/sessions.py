"""Who is signed in to the operators' pages: one-time addresses, sessions, and what a request has to prove.

Whoever has the management token gets an address that opens the pages once, within a minute; the token itself never
stands in an address. It is changed for a cookie. All of it is kept in memory: a restart signs everybody out.

Cookies know no ports (RFC 6265, section 8.5), and another user of this machine may serve pages under the same host
name. So each session has a place of its own in the addresses, which nobody can guess. Its cookie goes to that place
alone, and is named after it: a foreign one of the same name would come along, and could be the one that is read. A
browser is told to send it from our own pages only (`SameSite`), and whatever changes something also has to show the
session's form token and our own origin.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, TypeVar

from aiohttp import web

from connector.errors import BadMessage, NotAllowed, NotAuthenticated, TooLarge
from connector.exchange.ports import Clock, Ids
from connector.server.asked import by_loopback_name

PREFIX: Final = "/operator/"
"""Under it lie all pages, and nothing else of the management listener."""
PLACE: Final = PREFIX + "{place}/"
"""Where the pages of a session are."""
SIGN_IN: Final = PREFIX + "sign-in/{code}"
CODE_SECONDS: Final = 60
IDLE: Final = timedelta(minutes=30)
LONGEST: Final = timedelta(hours=8)
FORM_TOKEN: Final = "form_token"  # noqa: S105 - the name of a form's field
_MOST: Final = 100
"""Sessions and unused addresses; the oldest makes way."""
_FORM_BYTES: Final = 64 << 10
Kept = TypeVar("Kept")
_NOT_SIGNED_IN: Final = "you are not signed in, or not any more"
_FORM: Final = "application/x-www-form-urlencoded"
_ENCODING: Final = "utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Somebody who is signed in. `form_token` stands in every form, `place` in every address."""

    place: str
    form_token: str
    began: datetime
    seen: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Sessions:
    """All of a connector, by the digest of what opens them, so that looking one up tells nothing by its time."""

    clock: Clock
    ids: Ids
    _codes: dict[bytes, datetime] = field(default_factory=dict)
    _sessions: dict[bytes, Session] = field(default_factory=dict)

    def code(self) -> str:
        """What opens one session, within a minute."""
        code = self.ids.secret()
        _keep(self._codes, _digest(code), self.clock.now() + timedelta(seconds=CODE_SECONDS))
        return code

    def sign_in(self, code: str) -> tuple[str, Session]:
        """A new session and its secret. `NotAuthenticated`: the code was used, is too old, or never was one."""
        now, until = self.clock.now(), self._codes.pop(_digest(code), None)
        if until is None or until < now:
            raise NotAuthenticated(
                f"this address was used before, or is older than {CODE_SECONDS} seconds", hint="battery-connector open"
            )
        secret = self.ids.secret()
        session = Session(place=self.ids.secret(), form_token=self.ids.secret(), began=now, seen=now)
        _keep(self._sessions, _digest(secret), session)
        return secret, session

    def of(self, request: web.Request) -> Session:
        """The session of a request, which lives on by it. `NotAuthenticated`: there is none, or none any more."""
        now, key = self.clock.now(), _digest(_shown(request))
        found = self._sessions.get(key)
        if found is None or not _same(request.match_info.get("place", ""), found.place):
            raise NotAuthenticated(_NOT_SIGNED_IN, hint="battery-connector open")
        del self._sessions[key]  # it comes back as the newest
        if now - found.seen > IDLE or now - found.began > LONGEST:
            raise NotAuthenticated(_NOT_SIGNED_IN, hint="battery-connector open")
        self._sessions[key] = replace(found, seen=now)
        return found

    def sign_out(self, request: web.Request) -> None:
        """End the session of a request."""
        self._sessions.pop(_digest(_shown(request)), None)


def give_cookie(request: web.Request, response: web.Response, secret: str, session: Session) -> None:
    """To the session's place alone, and to no script."""
    response.set_cookie(
        cookie_name(session.place), secret, path=place_of(session), httponly=True, samesite="Strict",
        secure=request.secure,
    )  # fmt: skip


def cookie_name(place: str) -> str:
    """Under which name the cookie of the session at a place is kept."""
    return f"operator-{place}"


def place_of(session: Session) -> str:
    """The address of a session's first page; all others lie under it."""
    return PLACE.format(place=session.place)


SESSIONS = web.AppKey("sessions", Sessions)
SESSION = web.RequestKey("session", Session)


def is_page(request: web.Request) -> bool:
    """Whether what will answer is one of the pages."""
    return _route(request).startswith(PREFIX)


@web.middleware
async def check_session(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """A page is for who is signed in, and a form for who got it from us. Signing in is for who has a code."""
    if not is_page(request):
        return await handler(request)
    if not by_loopback_name(request):
        raise NotAllowed("these pages are for this machine alone", hint="battery-connector open names their address")
    if _route(request) != SIGN_IN:
        request[SESSION] = request.app[SESSIONS].of(request)
        if request.method == "POST":
            await _check_form(request, request[SESSION])
    return await handler(request)


async def _check_form(request: web.Request, session: Session) -> None:
    """It comes from one of our pages, in this session."""
    if request.headers.get("Origin") != f"{request.scheme}://{request.host}":
        raise NotAllowed("this form does not come from these pages; nothing was done")
    if request.content_type != _FORM or request.content_length is None or request.content_length > _FORM_BYTES:
        raise TooLarge(f"a form of at most {_FORM_BYTES} bytes is expected; nothing was done")
    token = (await _form(request)).get(FORM_TOKEN)
    if not isinstance(token, str) or not _same(token, session.form_token):
        raise NotAllowed("this form is not of this session; nothing was done", hint="load the page again")


async def _form(request: web.Request) -> Mapping[str, object]:
    """What the form says, in the encoding of our pages. `BadMessage`: it has another."""
    try:
        if (request.charset or _ENCODING).lower() == _ENCODING:
            return await request.post()
    except UnicodeDecodeError:
        pass
    raise BadMessage("a form in UTF-8 is expected; nothing was done")


def _shown(request: web.Request) -> str:
    """The secret that a request shows for the place that it asks for."""
    return request.cookies.get(cookie_name(request.match_info.get("place", "")), "")


def _route(request: web.Request) -> str:
    """Where it leads, by the routes' own spelling: no spelling of an address tells otherwise."""
    resource = request.match_info.route.resource
    return "" if resource is None else resource.canonical


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(_octets(one), _octets(other))


def _digest(secret: str) -> bytes:
    return hashlib.sha256(_octets(secret)).digest()


def _octets(said: str) -> bytes:
    """Of anybody's text, also where it is none: octets that are no UTF-8 come as lone surrogates."""
    return said.encode(errors="surrogatepass")


def _keep(where: dict[bytes, Kept], key: bytes, value: Kept) -> None:
    if len(where) >= _MOST:
        del where[next(iter(where))]
    where[key] = value
