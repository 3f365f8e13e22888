"""Answers of the management API that may come line by line: long work, and what is found bit by bit.

Who accepts `application/x-ndjson` gets `{"progress": ...}` while work runs, or one object per thing found, and
`{"result": ...}` or `{"problem": ...}` last. Everybody else gets one object when all is done, or a problem.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import orjson
from aiohttp import web

from connector.errors import ConnectorError
from connector.model import JsonObject
from connector.server.problems import for_operators, json_response, our_bug, problem_body

NDJSON = "application/x-ndjson"
_PROGRESS_SECONDS = 0.2

_log = logging.getLogger("connector.management")

Line = Callable[[JsonObject], Awaitable[None]]
"""Writes a line."""
Tell = Callable[[JsonObject], None]
"""Says how far the work is. What is said too quickly is skipped."""


def asks_for_lines(request: web.Request) -> bool:
    """Whether the caller wants to hear how far the work is."""
    return NDJSON in request.headers.get("Accept", "")


async def stream(request: web.Request, work: Callable[[Tell], Awaitable[JsonObject]]) -> web.StreamResponse:
    """The work's result, or lines of JSON while it goes on. A caller that goes away ends the answer, not the work."""
    if not asks_for_lines(request):
        return json_response(await work(lambda _: None))
    return await _streamed(*await _opened(request), work)


async def lines(request: web.Request, found: Callable[[Tell], AsyncIterator[JsonObject]]) -> web.StreamResponse:
    """The same with what is found, line by line as it comes in; its result is empty."""
    line, response = await _opened(request)

    async def work(tell: Tell) -> JsonObject:
        async for one in found(tell):
            await line(one)
        return {}

    return await _streamed(line, response, work)


async def _streamed(
    line: Line, response: web.StreamResponse, work: Callable[[Tell], Awaitable[JsonObject]]
) -> web.StreamResponse:
    told: list[JsonObject] = []
    task = asyncio.ensure_future(_result(work, told.append))
    while not task.done():
        await asyncio.wait({task}, timeout=_PROGRESS_SECONDS)
        if told and not task.done():
            await line({"progress": told[-1]})
            told.clear()
    await line(task.result())
    with suppress(ConnectionError):
        await response.write_eof()
    return response


async def _opened(request: web.Request) -> tuple[Line, web.StreamResponse]:
    """An answer that has begun, and how a line of it is written."""
    response = web.StreamResponse(headers={"Content-Type": NDJSON})
    await response.prepare(request)

    async def line(value: JsonObject) -> None:
        try:
            await response.write(orjson.dumps(value) + b"\n")
        except ConnectionError:
            _log.info("the caller of %s went away", request.path)

    return line, response


async def _result(work: Callable[[Tell], Awaitable[JsonObject]], tell: Tell) -> JsonObject:
    """The last line."""
    try:
        return {"result": await work(tell)}
    except ConnectorError as error:
        return {"problem": problem_body(for_operators(error))}
    except Exception:  # noqa: BLE001 - as in `answer_errors`: the answer has begun, so a bug has to be its last line
        _log.exception("bug in long work")
        return {"problem": problem_body(our_bug())}
