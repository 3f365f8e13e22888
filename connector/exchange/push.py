"""The provider's push: what a pull would give is sent to the address that the consumer named, then it is completed.

Pages go as JSON with the octets of their credentials inside, files as they are. How far it came is committed after each
page, so a pause, a suspension or a death costs at most one page, which is sent again. Each page is decided anew, as a
data request is, and a file while it streams. No answer, or one about the moment, means a pause that grows, until the
patience with the process ends; a refusal ends the transfer. The consumer's end is `inbox`.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol
from urllib.parse import quote

import orjson

from connector.credentials.digest import parse_digest
from connector.errors import (
    AddressBlocked,
    BadMessage,
    CannotCheck,
    Conflict,
    IllegalTransition,
    NotAllowed,
    NotFound,
    PeerUnreachable,
    Unavailable,
)
from connector.exchange.conversation import Conversation
from connector.exchange.draft import Draft
from connector.exchange.grants import Grant, Grants
from connector.exchange.opening import PUSH_ALARM, is_stopped
from connector.exchange.pages import FILE, reason_of
from connector.exchange.patience import growing
from connector.exchange.ports import Ids
from connector.exchange.rows import AttemptRow, CredentialRow, FileRow
from connector.exchange.stored import content_of, micros
from connector.exchange.streams import CHUNK_BYTES, Carrier, Files, OpenFile
from connector.model import Json, JsonObject
from connector.protocol.transfer import State

_LEASE_SECONDS = 60.0
"""A push that does not say within this time that it goes on is begun again: whoever pushed has died."""
_LOOK_AGAIN_SECONDS = 5.0
"""So often it is decided anew whether a file may go on."""
_PAGE_BYTES = 4 << 20
_OK, _SERVER_FAULT = range(200, 300), 500
_ABOUT_NOW = frozenset({408, 425, 429})


class Data(Protocol):
    """What a grant opens (`serve`)."""

    async def listed(self, grant: Grant, place: str) -> tuple[list[Json], str]:
        """The lines of a page, and the place of the next one."""

    async def octets(self, grant: Grant, digest: str) -> CredentialRow:
        """A credential."""

    async def file(self, grant: Grant, digest: str) -> FileRow:
        """A file."""

    async def sent(self, grant: Grant, row: FileRow, start: int, stop: int, *, size: int) -> None:
        """Put on record which part of a file left."""


class Ends(Protocol):
    """How a transfer ends (`transfer`)."""

    async def complete(self, pid: str) -> None:
        """All is sent."""

    async def terminate(self, pid: str, code: str, reason: str) -> None:
        """It can't be."""


@dataclass(slots=True, kw_only=True)
class Push:
    """All pushes of one connector."""

    conversation: Conversation
    grants: Grants
    data: Data
    ends: Ends
    files: Files
    carrier: Carrier
    ids: Ids
    retry_first_seconds: float
    retry_cap_seconds: float
    _running: set[str] = field(default_factory=set)

    async def run(self, pid: str) -> None:
        """Push from where it came to. Does nothing where that goes on already, or the transfer is not started."""
        if pid in self._running:
            return
        self._running.add(pid)
        try:
            await self._go_on(pid, _LEASE_SECONDS, self._take)
            while await self._page(pid):
                pass
        except (CannotCheck, Unavailable, Conflict) as error:
            await self._pause(pid, error.detail)
        except (AddressBlocked, BadMessage, NotAllowed, NotFound) as error:  # `BadMessage`: an answer without end
            await self.ends.terminate(pid, "push-failed", error.detail)
        except IllegalTransition:
            return  # suspended, or over, or another process's, meanwhile
        finally:
            self._running.discard(pid)

    async def _page(self, pid: str) -> bool:
        """One page, decided on what is now; behind the last one the completion. Whether there may be another."""
        row = await self.conversation.load(pid)
        content = content_of(row)
        if row.state != State.STARTED or is_stopped(content):
            return False
        if content.get("pushed", "") is None:
            await self.ends.complete(pid)
            return False
        grant = await self.grants.of(row)
        items, following = await self.data.listed(grant, content.get("pushed", ""))
        for body in await self._bodies(grant, items):
            await self._send(content["push"], "application/json", _once(body), {})
        for item in items:
            if isinstance(item, dict) and item.get("type") == FILE:
                await self._file(pid, content["push"], grant, await self.data.file(grant, str(item["digest"])))

        def come_to(draft: Draft) -> None:
            draft.content["pushed"] = following or None
            draft.content.pop("push_tries", None)

        await self._go_on(pid, _LEASE_SECONDS, come_to)
        return True

    async def _bodies(self, grant: Grant, items: list[Json]) -> list[bytes]:
        """The lines of credentials with their octets inside, in pages of some mebibytes; a record stays together."""
        pages: list[list[Json]] = [[]]
        size, last = 0, ""
        for item in items:
            if not isinstance(item, dict) or item.get("type") == FILE:
                continue
            if size > _PAGE_BYTES and item["id"] != last:
                pages.append([])
                size = 0
            line = {name: value for name, value in item.items() if name != "url"}
            if "url" in item:
                octets = (await self.data.octets(grant, str(item["digest"]))).octets
                line["octets"] = octets.decode()
                size += len(octets)
            pages[-1].append(line)
            last = str(item["id"])
        return [orjson.dumps({"dataset": grant.dataset.dataset_id, "items": lines}) for lines in pages if lines]

    async def _file(self, pid: str, target: JsonObject, grant: Grant, row: FileRow) -> None:
        async with self.files.open(row.digest) as file:
            headers = {
                "Content-Length": str(file.size),
                "Repr-Digest": f"sha-256=:{base64.b64encode(parse_digest(row.digest)).decode()}:",  # RFC 9530
                "Content-Disposition": f"attachment; filename*=UTF-8''{quote(row.name, safe='')}",
            }
            await self._send(target, row.media_type, self._pieces(pid, row, file), headers)
            await self.data.sent(grant, row, 0, file.size, size=file.size)

    async def _pieces(self, pid: str, row: FileRow, file: OpenFile) -> AsyncIterator[bytes]:
        loop, at = asyncio.get_running_loop(), 0
        looked = said = loop.time()
        while piece := await file.read(at, CHUNK_BYTES):
            yield piece
            at += len(piece)
            if loop.time() - looked > _LOOK_AGAIN_SECONDS:
                looked = loop.time()
                process = await self.conversation.load(pid)
                if process.state != State.STARTED or is_stopped(content_of(process)):
                    raise NotFound("the transfer is not started")
                await self.data.file(await self.grants.of(process), row.digest)
            if loop.time() - said > _LEASE_SECONDS / 3:
                said = loop.time()
                await self._go_on(pid, _LEASE_SECONDS, lambda _: None)

    async def _send(
        self, target: JsonObject, media_type: str, chunks: AsyncIterator[bytes], headers: dict[str, str]
    ) -> None:
        shown = {str(target["header"]): str(target["value"])} if target.get("header") else {}
        answer = await self.carrier.upload(
            str(target["endpoint"]), chunks, headers={**headers, "Content-Type": media_type, **shown}
        )
        if answer.status not in _OK:
            about_now = answer.status >= _SERVER_FAULT or answer.status in _ABOUT_NOW
            refusal = PeerUnreachable if about_now else NotAllowed
            raise refusal(f"the consumer's address answered HTTP {answer.status}: {reason_of(answer.body)}")

    # --- when it goes on ---------------------------------------------------------------------------------------------

    async def _go_on(self, pid: str, seconds: float, change: Callable[[Draft], None]) -> None:
        """The push is due again after so many seconds, and nobody else's until then, unless it says so anew before."""

        def later(draft: Draft) -> None:
            change(draft)
            pusher = draft.content.get("pusher")
            if pusher and pusher["is"] != self.conversation.owner:
                raise IllegalTransition("another process pushes it")
            due = micros(draft.now + timedelta(seconds=seconds))
            draft.over = draft.process.state != State.STARTED or is_stopped(draft.content)  # until a resume
            if not draft.over:
                draft.alarms = {PUSH_ALARM: due}
                draft.content["pusher"] = {"is": self.conversation.owner, "until": due}

        await self.conversation.happen(pid, later)

    def _take(self, draft: Draft) -> None:
        """Whoever pushed and has not said for so long that it goes on has died, or its clock was ahead."""
        pusher, ahead = draft.content.get("pusher"), draft.row is not None and draft.row.updated > draft.at
        if pusher and (ahead or pusher["until"] <= draft.at):
            del draft.content["pusher"]

    async def _pause(self, pid: str, detail: str) -> None:
        row = await self.conversation.load(pid)
        tries = content_of(row).get("push_tries", 0)
        pause = growing(self.retry_first_seconds, self.retry_cap_seconds, tries, self.ids.jitter())
        now = self.conversation.clock.now()
        attempt = AttemptRow(
            tenant=row.tenant, kind=row.kind, pid=pid, seq=0, at=micros(now), status=0, detail=f"pushing: {detail}",
            next_at=micros(now + timedelta(seconds=pause)),
        )  # fmt: skip

        def tried(draft: Draft) -> None:
            draft.content["push_tries"], draft.attempt = tries + 1, attempt

        with suppress(IllegalTransition):  # over, or another process's, meanwhile
            await self._go_on(pid, pause, tried)


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body
