"""What a walk obtained, place by place: kept while an audit runs, and given out again when it is made once more.

`Obtained` stands between a walk and everything outside it: audit reads, DID documents, status lists and their changes,
reports that were kept at receipt. In an audit it asks there, once per place, so that the whole walk is judged by one
state of the world; when an audit is checked, nothing is outside, and what was not kept cannot be had. How it is
written down is `bundled`'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, NamedTuple

from connector.credentials.did import DidDocument, parse_document
from connector.credentials.refused import Refused
from connector.errors import CannotCheck, ConnectorError
from connector.exchange.ports import AuditAnswer, AuditReads, Clock, StatusResolver
from connector.model import Did

Kind = Literal["read", "document", "list", "changes", "receipt"]
Receipts = Callable[[str], Awaitable[bytes]]
"""Digest of a credential -> the report that was kept when we received it; empty where there is none."""
MOST_KEPT_BYTES: Final = 128 << 20
_OK: Final = 200


class Place(NamedTuple):
    """Where something was asked for: a DID, a URL or a digest; of an audit read, the holder and the path; of a document
    that was asked for anew because of a key, that.
    """

    kind: Kind
    address: str
    path: str = ""

    def __str__(self) -> str:
        """As a person reads it."""
        return f"{self.kind} {self.address}{f' {self.path}' if self.path else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What was given there, when. With a `code` nothing was, for the reason in `detail`; `open`: it may exist."""

    at: datetime
    status: int = _OK
    octets: bytes = b""
    code: str = ""
    detail: str = ""
    open: bool = False

    def or_raise(self) -> bytes:
        """The octets, or the error that was met instead."""
        if self.code:
            kind = CannotCheck if self.open else ConnectorError
            raise type("Met", (kind,), {"code": self.code})(self.detail)
        return self.octets


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """Where an audit asks."""

    reads: AuditReads
    resolver: StatusResolver
    receipts: Receipts


@dataclass(slots=True, kw_only=True)
class Obtained:
    """Implements `AuditReads` and `StatusResolver`, with `outside` by asking there, without it by what is `kept`.

    `lacking`: what was wanted and is not kept. `used`: what was wanted at all.
    """

    clock: Clock
    outside: Outside | None = None
    kept: dict[Place, Given] = field(default_factory=dict)
    used: set[Place] = field(default_factory=set)
    lacking: dict[Place, None] = field(default_factory=dict)
    too_much: bool = False
    _coming: dict[Place, asyncio.Task[Given]] = field(default_factory=dict)
    _documents: dict[Place, DidDocument] = field(default_factory=dict)
    _bytes: int = 0

    async def read(self, holder: Did, path: str) -> AuditAnswer:
        """An audit read."""
        given = await self._at(Place("read", holder, path))
        return AuditAnswer(status=given.status, body=given.or_raise())

    async def did_document(self, did: Did, key_id: str | None = None) -> DidDocument:
        """A party's document; where the key is not in it, the one that was looked for on its account."""
        document = await self._document(did, Place("document", did))
        if key_id is None or key_id in document.methods:
            return document
        return await self._document(did, Place("document", did, key_id))

    async def _document(self, did: Did, place: Place) -> DidDocument:
        given = await self._at(place)
        octets = given.or_raise()
        known = self._documents.get(place)
        if known is None:
            known = self._documents[place] = parse_document(octets, now=given.at)
        if known.id != did:  # as where it is fetched: the document of somebody else proves nothing
            raise Refused("document-id-mismatch", f"for {did:.80} the document of {known.id:.80} was kept")
        return known

    async def status_list(self, url: str) -> bytes:
        """A status list credential."""
        return (await self._at(Place("list", url))).or_raise()

    async def status_changes(self, url: str) -> bytes:
        """The signed changes of the list at this URL."""
        return (await self._at(Place("changes", url))).or_raise()

    async def receipt(self, digest: str) -> bytes:
        """The report that was kept at receipt."""
        return (await self._at(Place("receipt", digest))).octets

    async def _at(self, place: Place) -> Given:
        self.used.add(place)
        known = self.kept.get(place)
        if known is not None:
            return known
        if self.outside is None:
            self.lacking[place] = None
            return Given(at=self.clock.now(), code="not-in-bundle", detail=f"{place} is not in the bundle", open=True)
        task = self._coming.get(place)
        if task is None:
            task = self._coming[place] = asyncio.create_task(self._ask(self.outside, place))
        return await task

    async def _ask(self, outside: Outside, place: Place) -> Given:
        status, octets = _OK, b""
        try:
            if place.kind == "read":
                answer = await outside.reads.read(Did(place.address), place.path)
                status, octets = answer.status, answer.body
            elif place.kind == "document":
                octets = (await outside.resolver.did_document(Did(place.address), place.path or None)).octets
            elif place.kind == "list":
                octets = await outside.resolver.status_list(place.address)
            elif place.kind == "changes":
                octets = await outside.resolver.status_changes(place.address)
            else:
                octets = await outside.receipts(place.address)
            given = Given(at=self.clock.now(), status=status, octets=octets)
        except ConnectorError as error:
            unclear = isinstance(error, CannotCheck)
            given = Given(at=self.clock.now(), code=error.code, detail=error.detail, open=unclear)
        self._keep(place, given)
        return given

    def _keep(self, place: Place, given: Given) -> None:
        del self._coming[place]
        self._bytes += len(given.octets)
        self.too_much = self.too_much or self._bytes > MOST_KEPT_BYTES
        if not self.too_much:
            self.kept[place] = given
