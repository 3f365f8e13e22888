"""The consumer's inbox: what a provider pushes is taken as what it is, a data page or a file, and kept if it is good.

A page of ours carries the octets of its credentials; anything else is one file, as a provider without our pages (an
EDC) sends it. The token that was given with the transfer request opens the inbox until the transfer is suspended or
over; a provider may push before its start is here. What came is counted in the process, for who waits for its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from connector.credentials.digest import multibase
from connector.errors import BadMessage, NotAuthenticated, TooLarge, Unavailable
from connector.exchange.arrivals import Arrivals, Received, Way
from connector.exchange.conversation import Conversation
from connector.exchange.draft import Draft
from connector.exchange.pages import Item, is_page, read_page
from connector.exchange.ports import Store
from connector.exchange.room import More, Room
from connector.exchange.rows import ProcessRow
from connector.exchange.stored import content_of, token_digest
from connector.exchange.streams import CHUNK_BYTES, Files, PartFile
from connector.model import Did, JsonObject
from connector.protocol.process import START, Role
from connector.protocol.transfer import State
from connector.vocabulary.admission import MAX_PAGE_VALUES, admit_message

_PAGE_LIMIT_BYTES = 16 << 20
_OPEN = frozenset({START, State.REQUESTED, State.STARTED})
_AGAIN_SECONDS = (0.5, 3.0)
"""Pauses before something is checked again that could not be: an issuer that restarts is soon back."""
_FINDINGS_KEPT = 100
_KEPT = ("records", "credentials", "files")
_ALL = (*_KEPT, "unchanged", "rejected")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """What a push says of its octets. `digest`: their SHA-256 as promised (RFC 9530), or nothing; so too `size`."""

    media_type: str
    name: str
    digest: bytes = b""
    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbox:
    """One connector's inbox."""

    tenant: str
    store: Store
    conversation: Conversation
    arrivals: Arrivals
    files: Files
    room: Room
    max_file_bytes: int

    async def open(self, token: str) -> ProcessRow:
        """The transfer of this token. `NotAuthenticated`: there is none, or it is over; `Unavailable`: a pause."""
        row = await self.store.find_data_token(self.tenant, token_digest(token)) if token else None
        process = await self.store.load_process(self.tenant, "transfer", row.transfer_pid) if row else None
        if process is None or process.role != Role.CONSUMER.value:
            raise NotAuthenticated("the token opens no inbox")
        if process.state == State.SUSPENDED:
            raise Unavailable("the transfer is suspended")
        if process.state not in _OPEN:
            raise NotAuthenticated("the transfer is over")
        return process

    async def take(self, process: ProcessRow, said: Pushed, chunks: AsyncIterator[bytes]) -> Received:
        """Keep what is good of one push. `Unavailable`: a part of it can't be checked now, or there is no room; it is
        to come again. `TooLarge`: of this peer no more is kept.
        """
        content = content_of(process)
        way = Way(holder=Did(process.counterparty), agreement_id=content["agreement"], origin="received")
        try:
            async with self.room.filled(way.holder, said.size) as more:
                result = await self._taken(process.pid, way, said, _counted(chunks, more))
        except (TooLarge, Unavailable) as error:
            result = Received()
            result.miss(said.name, multibase(said.digest) if said.digest else "", error.detail)
            await self.conversation.happen(process.pid, lambda draft: _count(draft, result))
            raise
        await self.conversation.happen(process.pid, lambda draft: _count(draft, result))
        if result.unchecked:
            raise Unavailable("something of it can't be checked now", hint="push the page again later")
        return result

    async def _taken(self, pid: str, way: Way, said: Pushed, chunks: AsyncIterator[bytes]) -> Received:
        head = bytearray()
        if said.media_type == "application/json":
            async for chunk in chunks:
                head += chunk
                if len(head) > _PAGE_LIMIT_BYTES:
                    break
        page = _page(bytes(head)) if len(head) <= _PAGE_LIMIT_BYTES else None
        if page is None:
            return await self._file(pid, way, said, bytes(head), chunks)
        return await self._records(way, page)

    async def _records(self, way: Way, said: JsonObject) -> Received:
        page, pauses = read_page(said, None), iter(_AGAIN_SECONDS)
        result = Received()
        while True:
            before, result = result, Received()
            came = [await self.arrivals.take(way, group, _carried, result) for group in page.records]
            await self.arrivals.delivered(way, came)
            result.records += before.records
            result.credentials += before.credentials
            if not result.unchecked or (pause := next(pauses, None)) is None:
                return result
            await asyncio.sleep(pause)

    async def _file(self, pid: str, way: Way, said: Pushed, head: bytes, chunks: AsyncIterator[bytes]) -> Received:
        async with self.files.part(f"push {pid} {said.digest.hex()}") as part:
            await part.restart()
            try:
                digest = await self._written(part, said, head, chunks)
            except BaseException:
                await part.restart()  # it comes anew as a whole: what is there would only fill the disk
                raise
            await part.keep()
            await self.arrivals.keep_file(
                way, name=said.name, media_type=said.media_type, digest=digest, size=part.size
            )
            return Received(files=1)

    async def _written(self, part: PartFile, said: Pushed, head: bytes, chunks: AsyncIterator[bytes]) -> str:
        """All of it; its digest, which is the promised one."""
        waiting = bytearray(head)
        async for chunk in chunks:
            waiting += chunk
            if part.size + len(waiting) > self.max_file_bytes:
                raise TooLarge(f"at most {self.max_file_bytes} bytes are accepted")
            if len(waiting) >= CHUNK_BYTES:
                await part.write(bytes(waiting))
                waiting.clear()
        await part.write(bytes(waiting))
        if not part.size and not said.digest:
            raise BadMessage("nothing was pushed")
        digest = await part.digest()
        if said.digest and multibase(said.digest) != digest:
            raise BadMessage("the octets are not those of Repr-Digest")
        return digest


async def _counted(chunks: AsyncIterator[bytes], more: More) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        await more(len(chunk))
        yield chunk
    await more(0)


def _page(octets: bytes) -> JsonObject | None:
    """The page that these octets are, if they are one."""
    if not octets:
        return None
    try:
        said = admit_message(octets, _PAGE_LIMIT_BYTES, MAX_PAGE_VALUES)
    except BadMessage:
        return None
    return said if is_page(said) else None


async def _carried(item: Item) -> bytes | None:
    return item.octets


def _count(draft: Draft, result: Received) -> None:
    """Add to what came before in the same transfer. What can't be checked yet is no end: that page comes again."""
    known = draft.content.get("received", {})
    counted = _KEPT if result.unchecked else _ALL
    counts = {name: known.get(name, 0) + (getattr(result, name) if name in counted else 0) for name in _ALL}
    findings, fresh = known.get("findings", []), [finding.as_json() for finding in result.findings]
    if not result.unchecked:
        findings, fresh = [*findings, *fresh][:_FINDINGS_KEPT], []
    draft.content["received"] = {
        **counts, "unchecked": result.unchecked, "findings": findings, "waiting": fresh[:_FINDINGS_KEPT]
    }  # fmt: skip
