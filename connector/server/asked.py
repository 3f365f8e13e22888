"""How a management request is read: its body, texts, times, waits and keys. Bad usage gets a sentence and a hint.

What the commands do is `commands`' and `transfers`'; the routes are `management`'s.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from aiohttp import web

from connector.errors import BadInput
from connector.model import JsonObject
from connector.vocabulary.admission import admit

_LIMIT_BYTES = 8 << 20
_LOOPBACK = re.compile(r"(?:localhost|127\.0\.0\.1)(?::[0-9]{1,5})?")
_WAIT_SECONDS = 60.0
_LONGEST_WAIT_SECONDS = 86_400.0


async def body(request: web.Request) -> JsonObject:
    """The request's object; no body counts as an empty one."""
    octets = await request.read()
    return admit(octets, _LIMIT_BYTES) if octets else {}


def text(said: JsonObject, name: str, default: str | None = None) -> str:
    """A text member. `BadInput` where it must be there and is not, or is no text."""
    value = said.get(name, default)
    if not isinstance(value, str):
        raise BadInput(f"{name} is missing", hint=f'send {{"{name}": "..."}}')
    return value


def truth(said: JsonObject, name: str) -> bool | None:
    """True, false, or not said."""
    value = said.get(name)
    if not isinstance(value, bool | None):
        raise BadInput(f"{name} is neither true nor false")
    return value


def texts(said: JsonObject, name: str) -> list[str]:
    """A list of texts; nothing is an empty one."""
    value = said.get(name, [])
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        raise BadInput(f"{name} is no list of texts", hint=f'send {{"{name}": ["..."]}}')
    return [str(one) for one in value]


def moment(words: str) -> datetime:
    """A time, in UTC."""
    try:
        told = datetime.fromisoformat(words)
        return told.replace(tzinfo=told.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadInput(f"{words!r} is no time", hint="like 2026-05-31T00:00:00Z") from None


def seconds(said: JsonObject) -> float:
    """How long the caller waits for the peer. `BadInput`: no time, or longer than a day."""
    value = said.get("wait_seconds", _WAIT_SECONDS)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LONGEST_WAIT_SECONDS:
        raise BadInput(f"wait_seconds {value!r} is no number from 0 to {_LONGEST_WAIT_SECONDS:g}")
    return float(value)


def key(request: web.Request) -> str:
    """The idempotency key, or nothing."""
    return request.headers.get("Idempotency-Key", "")


def by_loopback_name(request: web.Request) -> bool:
    """Whether it was asked for under a name of this machine alone: one that a web site can make lead here is none."""
    return _LOOPBACK.fullmatch(request.host) is not None
