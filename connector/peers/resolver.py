"""DID documents, status lists and their changes, fetched from their owners and kept for a while.

Implements `exchange.ports.Resolver`. Finds a did:web's document (did:web method, section 3.2) and bounds how much is
fetched at once; reading and judging it is `credentials`'. What is not acceptable is `Refused`, what may not be asked is
`AddressBlocked`; anything else that keeps the answer from us is a kind of `CannotCheck`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, TypeVar
from urllib.parse import urlsplit

from connector.credentials.did import DOCUMENT_LIMIT_BYTES, DidDocument, parse_document
from connector.credentials.did_web import document_url
from connector.credentials.refused import Refused
from connector.credentials.status_list import CHANGES_LIMIT_BYTES, LIST_LIMIT_BYTES, changes_url
from connector.errors import CannotCheck, ConnectorError, PeerUnreachable, TooLarge
from connector.exchange.patience import NOT_NOW, not_now
from connector.exchange.ports import Clock, Http
from connector.exchange.quotas import Bucket, Quotas
from connector.model import Did
from connector.peers.caching import FetchCache

V = TypeVar("V")

DID_LIFETIME: Final = timedelta(minutes=5)
STATUS_LIFETIME: Final = timedelta(minutes=1)
REFUSAL_LIFETIME: Final = timedelta(seconds=30)
UNREACHABLE_LIFETIME: Final = timedelta(seconds=2)
UNKNOWN_KEY_PAUSE: Final = timedelta(seconds=30)
_MAX_DOCUMENT_BYTES: Final = 64 << 20
_ENTRY_BYTES: Final = 2_000
"""What a key or a service of a document takes beside its texts."""
_MAX_STATUS_BYTES: Final = 32 << 20
_AT_ONCE: Final = 64
_FAILURES_PER_SECOND: Final = 1.0
_MOST_FAILURES: Final = 20.0
_MAX_HOSTS: Final = 5_000
_OK: Final = 200
_DID_ACCEPT: Final = "application/did+json, application/did+ld+json;q=0.9, application/json;q=0.8"
_STATUS_ACCEPT: Final = "application/vc+jwt, application/jwt;q=0.9, */*;q=0.1"


def _cache(lifetime: timedelta, max_weight: int, weigh: Callable[[V], int]) -> FetchCache[V]:
    return FetchCache(
        lifetime=lifetime,
        refusal_lifetime=REFUSAL_LIFETIME,
        unreachable_lifetime=UNREACHABLE_LIFETIME,
        max_weight=max_weight,
        weigh=weigh,
    )


def _documents() -> FetchCache[DidDocument]:
    return _cache(DID_LIFETIME, _MAX_DOCUMENT_BYTES, _weight)


def _weight(document: DidDocument) -> int:
    """About how much memory a document takes: strangers choose how much theirs say."""
    said = [
        *(text for one in document.methods.values() for text in (one.id, one.controller, one.jwk)),
        *(text for listed in (*document.relationships.values(), document.unused) for text in listed),
        *(text for one in document.services for text in (one.id, one.type, one.endpoint)),
    ]
    entries = 1 + len(document.methods) + len(document.services)
    return len(document.octets) + sum(map(len, said)) + _ENTRY_BYTES * entries


def _octets() -> FetchCache[bytes]:
    return _cache(STATUS_LIFETIME, _MAX_STATUS_BYTES, len)


@dataclass(slots=True, kw_only=True)
class Resolver:
    """Cached look-ups at other parties. `allow_http`: loopback over plain http, under the unsafe setting."""

    http: Http
    clock: Clock
    quotas: Quotas
    allow_http: bool = False
    timeout_seconds: float = 5.0
    _did_documents: FetchCache[DidDocument] = field(default_factory=_documents)
    _lists: FetchCache[bytes] = field(default_factory=_octets)
    _changes: FetchCache[bytes] = field(default_factory=_octets)
    _failing: dict[str, Bucket] = field(default_factory=dict)
    """Hosts at which names led to no document. Whoever sends us a token chooses its issuer's name before anything is
    proven, and a host has names without end: so nobody can have us ask a host again and again. That hinders no party
    that is known.
    """
    _gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))

    async def did_document(self, did: Did, key_id: str | None = None) -> DidDocument:
        """The party's document, at most five minutes old. One without this key is fetched anew, twice a minute at most.

        So a party that had to replace a key at once is understood; whoever makes up names of keys has us ask seldom.
        """
        document = await self._did_documents.get(did, self.clock.now, self._fetch_document)
        if key_id is None or key_id in document.methods:
            return document
        return await self._did_documents.get_newer(did, self.clock.now, self._fetch_document, UNKNOWN_KEY_PAUSE)

    async def status_list(self, url: str) -> bytes:
        """The status list credential at this URL, at most a minute old."""
        return await self._lists.get(url, self.clock.now, self._fetch_list)

    async def status_changes(self, url: str) -> bytes:
        """The signed changes of the list at this URL, at most a minute old."""
        return await self._changes.get(url, self.clock.now, self._fetch_changes)

    def forget_refusals(self) -> None:
        """Whoever gave us nothing so far is asked again."""
        for cache in (self._did_documents, self._lists, self._changes):
            cache.forget_refusals()

    async def _fetch_document(self, did: str) -> DidDocument:
        url = document_url(did, allow_http=self.allow_http)
        parts = urlsplit(url)
        host = parts.netloc if parts.scheme == "http" else parts.hostname or ""  # any port of it, but on loopback
        failing = None if self.quotas.knows(did) else self._failing.get(host)
        if failing is not None and failing.wait(self.clock.now()):
            raise PeerUnreachable(f"{host} is not asked: too many names there led to no document just now.")
        async with self.quotas.room(did):
            try:
                return await self._read_document(did, url)
            except ConnectorError:
                self._count_failure(host)
                raise

    def _count_failure(self, host: str) -> None:
        now = self.clock.now()
        if host not in self._failing and len(self._failing) >= _MAX_HOSTS:
            self._failing.pop(next(iter(self._failing)))
        self._failing.setdefault(host, Bucket(_FAILURES_PER_SECOND, _MOST_FAILURES, now)).take(now)

    async def _read_document(self, did: str, url: str) -> DidDocument:
        try:
            body = await self._get(url, _DID_ACCEPT, DOCUMENT_LIMIT_BYTES)
        except TooLarge as problem:
            raise Refused("bad-did-document", problem.detail) from problem
        document = parse_document(body, now=self.clock.now())
        # The document of somebody else at this address proves nothing (DID Core 1.0, section 5.1.1).
        if document.id != did:
            raise Refused("document-id-mismatch", f"at {url} lies the document of {document.id:.80}")
        return document

    async def _fetch_list(self, url: str) -> bytes:
        return await self._get_status(url, LIST_LIMIT_BYTES)

    async def _fetch_changes(self, url: str) -> bytes:
        return await self._get_status(changes_url(url), CHANGES_LIMIT_BYTES)

    async def _get_status(self, url: str, limit_bytes: int) -> bytes:
        try:
            return await self._get(url, _STATUS_ACCEPT, limit_bytes)
        except TooLarge as problem:
            raise CannotCheck(problem.detail) from problem

    async def _get(self, url: str, accept: str, limit_bytes: int) -> bytes:
        async with self._gate:
            answer = await self.http.request(
                "GET", url, headers={"Accept": accept}, limit_bytes=limit_bytes, timeout_seconds=self.timeout_seconds
            )
        if answer.status in NOT_NOW:
            raise not_now(url, answer)
        if answer.status != _OK:
            raise CannotCheck(f"{url} answered {answer.status} instead of the document.")
        return answer.body
