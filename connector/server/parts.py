"""Octets under a digest over HTTP: whole, or the part that is asked for; files in pieces, while the right lasts.

RFC 9110, section 14: one byte range is given; several at once, and what is no range, count as none, as the section
allows. The entity tag is the digest, which is strong by nature; `If-Range` with any other validator means the whole.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import AsyncIterator

from aiohttp import web
from aiohttp.multipart import content_disposition_filename, parse_content_disposition

from connector.credentials.token import bare
from connector.errors import BadMessage, ConnectorError, Unavailable
from connector.exchange.grants import Grant
from connector.exchange.inbox import Pushed
from connector.exchange.rows import FileRow
from connector.exchange.streams import CHUNK_BYTES, OpenFile
from connector.server.problems import json_response
from connector.server.services import SERVICES

LOOK_AGAIN_SECONDS = 5.0
"""So often it is decided anew whether a stream may go on."""
IDLE_SECONDS = 60.0
"""So long nothing may come or be taken. Who was only slow goes on with the part that is missing."""
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.IGNORECASE)
_DIGEST = re.compile(r"(?:^|[,\s])sha-256=:([A-Za-z0-9+/=]{44}):")
_LONGEST_NAME = 255
_OK, _PARTIAL, _NOT_SATISFIABLE = 200, 206, 416


def whole(body: bytes, media_type: str, digest: str) -> web.Response:
    """Octets that are small."""
    return web.Response(body=body, content_type=media_type, headers={"ETag": f'"{digest}"'})


async def send_file(request: web.Request, grant: Grant, row: FileRow) -> web.StreamResponse:
    """A file, or a part of it. A suspension, a revocation, a change of the policy cuts it."""
    services = request.app[SERVICES]
    async with services.files.open(row.digest) as file:
        start, stop, status = part_of(request, file.size, row.digest)
        headers = {"ETag": f'"{row.digest}"', "Accept-Ranges": "bytes", "Content-Type": row.media_type}
        if status == _NOT_SATISFIABLE:
            return web.Response(status=status, headers={**headers, "Content-Range": f"bytes */{file.size}"})
        if status == _PARTIAL:
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{file.size}"
        response = web.StreamResponse(status=status, headers=headers)
        response.content_length = stop - start
        await response.prepare(request)
        if request.method != "HEAD":
            at = await _send(request, response, file, row, start=start, stop=stop)
            await services.serve.sent(grant, row, start, at, size=file.size)
            if at < stop and request.transport is not None:
                request.transport.abort()  # so that nobody takes what came for all
        return response


def part_of(request: web.BaseRequest, size: int, digest: str) -> tuple[int, int, int]:
    """First byte, the one behind the last, and the status of what is asked for."""
    asked = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    if asked is None or request.headers.get("If-Range") not in {None, f'"{digest}"'}:
        return 0, size, _OK
    first, last = asked.groups()
    if not first and not last:
        return 0, size, _OK
    if first and last and int(last) < int(first):
        return 0, size, _OK
    start = int(first) if first else max(0, size - int(last))
    stop = min(size, int(last) + 1) if first and last else size
    return (start, stop, _PARTIAL) if start < stop else (0, 0, _NOT_SATISFIABLE)


async def _send(
    request: web.Request, response: web.StreamResponse, file: OpenFile, row: FileRow, *, start: int, stop: int
) -> int:
    """Piece by piece, until the end, or until the right or the peer is gone. How far it came."""
    loop = asyncio.get_running_loop()
    at, looked = start, loop.time()
    try:
        while at < stop:
            if loop.time() - looked > LOOK_AGAIN_SECONDS:
                if not await _still_open(request, row):
                    break
                looked = loop.time()
            piece = await file.read(at, min(CHUNK_BYTES, stop - at))
            if not piece:
                break
            async with asyncio.timeout(IDLE_SECONDS):
                await response.write(piece)
            at += len(piece)
    except (ConnectionError, TimeoutError):
        pass  # it asks again for what is missing
    return at


async def take_push(request: web.Request) -> web.Response:
    """What a provider pushes: a page, or a file of any size (RFC 9530 for its digest, RFC 6266 for its name)."""
    inbox = request.app[SERVICES].inbox
    shown = request.headers.get("Authorization", "")
    process = await inbox.open(bare(shown))
    said = Pushed(
        media_type=_kept(request.content_type),
        name=_name(request),
        digest=_promised(request),
        size=request.content_length or 0,
    )
    received = await inbox.take(process, said, _in_time(request.content.iter_any()))
    return json_response(received.as_json())


async def _in_time(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    while True:
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                chunk = await anext(chunks, None)
        except TimeoutError:
            raise Unavailable("nothing came for a while", hint="push it again") from None
        if chunk is None:
            return
        yield chunk


def _promised(request: web.Request) -> bytes:
    found = _DIGEST.search(request.headers.get("Repr-Digest", ""))
    try:
        return base64.b64decode(found[1], validate=True) if found else b""
    except ValueError:
        raise BadMessage("Repr-Digest holds no SHA-256") from None


def _name(request: web.Request) -> str:
    """The last part of the name that the sender gives its file."""
    disposition = parse_content_disposition(request.headers.get("Content-Disposition"))
    name = content_disposition_filename(disposition[1]) or "data"
    return _kept(re.split(r"[/\\]", name)[-1][:_LONGEST_NAME]) or "data"


def _kept(said: str) -> str:
    """Of a header what can be kept: octets that are no UTF-8 come as half letters."""
    return said.encode(errors="replace").decode()


async def _still_open(request: web.Request, row: FileRow) -> bool:
    services = request.app[SERVICES]
    try:
        grant = await services.grants.open(request.headers.get("Authorization", ""), expired=True)
        await services.serve.file(grant, row.digest)
    except ConnectorError:
        return False
    return True
