"""How a management request is read: its body and its query, into a model of `requests`.

Types are taken as JSON has them; an unknown name is refused with the one that was meant; all that is wrong is told at
once. What the operations do is `commands`' and its neighbours'.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from connector.config import sentence
from connector.errors import BadInput, BadMessage, TooLarge
from connector.vocabulary.admission import admit

LIMIT_BYTES = 8 << 20
_DOCUMENT = "/v1/openapi.json says what each means"
_LOOPBACK = re.compile(r"(?:localhost|127\.0\.0\.1)(?::[0-9]{1,5})?")


class Asked(BaseModel):
    """A request's body."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, defer_build=True)


class Query(Asked):
    """What stands behind the question mark: text by nature."""

    model_config = ConfigDict(strict=False)


A = TypeVar("A", bound=Asked)


async def body(request: web.Request, model: type[A]) -> A:
    """The request's object; no body counts as an empty one. `BadInput` names all that is wrong with it at once."""
    octets = await request.read()
    try:
        said = admit(octets, LIMIT_BYTES) if octets else {}
    except TooLarge as error:
        raise TooLarge(error.detail, hint="files are named by their path, not sent") from None
    except BadMessage as error:
        hint = error.hint or "send a JSON object, with Content-Type: application/json"
        raise BadMessage(error.detail, hint=hint, place=f"the body, sent as {request.content_type}") from None
    return read(model, said, "the body")


def query(request: web.Request, model: type[A]) -> A:
    """The request's query; a parameter that is a list may be repeated."""
    asked = request.query
    lists = {field.alias or name for name, field in model.model_fields.items() if field.annotation == list[str]}
    for name in set(asked):
        if name not in lists and len(asked.getall(name)) > 1:
            raise BadInput(f"{name} is said more than once", hint="say it once", place="the query")
    return read(model, {name: asked.getall(name) if name in lists else asked[name] for name in set(asked)}, "the query")


def read(model: type[A], said: Mapping[str, object], place: str) -> A:
    """What was said, as the model has it. `BadInput` names all that is wrong with it at once, at this place."""
    try:
        return model.model_validate(said)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False)
        unknown = [str(one["loc"][-1]) for one in problems if one["type"] == "extra_forbidden"]
        hint = _near(model, unknown) if unknown else _DOCUMENT
        raise BadInput("; ".join(map(sentence, problems)), hint=hint, place=place) from None


def _near(model: type[Asked], unknown: list[str]) -> str:
    known = [field.alias or name for name, field in model.model_fields.items()]
    for name in unknown:
        near = difflib.get_close_matches(name, known, n=1)
        if near:
            return f"did you mean {near[0]!r}?"
    return f"known: {', '.join(known) or 'nothing'}; {_DOCUMENT}"


def key(request: web.Request) -> str:
    """The idempotency key, or nothing."""
    return request.headers.get("Idempotency-Key", "")


def by_loopback_name(request: web.Request) -> bool:
    """Whether it was asked for under a name of this machine alone: one that a web site can make lead here is none."""
    return _LOOPBACK.fullmatch(request.host) is not None


def moment(words: object) -> object:
    """A time in UTC. What is no text is left to the model."""
    if not isinstance(words, str):
        return words
    try:
        told = datetime.fromisoformat(words)
        return told.replace(tzinfo=told.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("no time; it is like 2026-05-31T00:00:00Z") from None
