"""Requests to other participants, each with a fresh proof of who we are (`identity`).

Finds a peer's endpoints by its DID document: `DataService` leads to the version document, `CatalogService` to the
catalogue (DSP 2025-1, sections 4.2, 4.3), `CredentialService` answers presentation queries (DCP, section 5.4),
`AuditService` audit reads. A peer whose address is configured is not looked up. What to say and what to make of the
answer is the journeys' business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar
from urllib.parse import urlencode

import orjson

from connector.credentials import query
from connector.credentials.access import mint_access
from connector.credentials.did import DidDocument
from connector.credentials.token import bare
from connector.errors import BadMessage, CannotCheck
from connector.exchange.patience import NOT_NOW, not_now
from connector.exchange.ports import AuditAnswer, Clock, Http, HttpAnswer, Identity, Resolver, Sent
from connector.model import Did
from connector.vocabulary.admission import admit_message

DSP_VERSION = "2025-1"
_OK = 200
_SERVER_FAULT = 500
_UNAUTHORIZED = 401
_REFUSED = (400, 401, 403)
_NOT_UNDERSTOOD = frozenset({400, 403})
"""What a credential service says to a scope that it cannot read."""
_JSON = "application/json"
_VERSIONS = "/.well-known/dspace-version"
_ENDPOINT_LIFETIME = timedelta(minutes=5)
_VERSION_LIMIT_BYTES = _TOKEN_LIMIT_BYTES = 64 * 1024
_PRESENTATION_LIMIT_BYTES = 256 * 1024
_AUDIT_LIMIT_BYTES = 8 << 20
_MAX_PEERS = 10_000
_NO_CONNECTOR = "its DID document is not that of a connector"
_AUDIT_PAUSES_SECONDS = (0.2, 0.8, 2.0, 4.0)
"""An auditor's walk meets restarts: a read without answer is repeated after these pauses."""
_DOWN = timedelta(seconds=30)
"""So long a holder that was waited for in vain is asked once only: a walk has many reads at one company."""


_V = TypeVar("_V")


@dataclass(slots=True, kw_only=True)
class Messenger:
    """Implements `exchange.ports.Peers` and `AuditReads`."""

    http: Http
    identity: Identity
    resolver: Resolver
    clock: Clock
    token_lifetime_seconds: int
    access_token_key: bytes
    scopes: Callable[[], Sequence[str]]
    """What a peer that gets a token of ours may query."""
    addresses: Mapping[str, str]
    """Peers whose versioned DSP address is known beforehand."""
    _bases: dict[Did, tuple[str, datetime]] = field(default_factory=dict)
    _accesses: dict[Did, tuple[str, datetime, Sequence[str]]] = field(default_factory=dict)
    _down: dict[Did, datetime] = field(default_factory=dict)

    async def dsp_base(self, peer: Did) -> str:
        """The versioned DSP base URL of a peer: configured, or looked up and kept for five minutes."""
        if peer in self.addresses:
            return self.addresses[peer]
        known = self._bases.get(peer)
        now = self.clock.now()
        if known and now < known[1] <= now + _ENDPOINT_LIFETIME:  # the clock may have jumped back
            return known[0]
        base = await self._discovered(await self.resolver.did_document(peer))
        _make_room(self._bases)
        self._bases[peer] = (base, now + _ENDPOINT_LIFETIME)
        return base

    async def _discovered(self, document: DidDocument) -> str:
        """DSP 2025-1, 4.3.2: the version document names the path; a document with a catalogue alone names it whole."""
        endpoint = _endpoint(document, "DataService")
        if endpoint is None and (catalogue := _endpoint(document, "CatalogService")) is not None:
            return catalogue.removesuffix("/catalog")
        root = (endpoint or _service(document, "DataService")).removesuffix(_VERSIONS)
        answer = await self.http.request("GET", root + _VERSIONS, limit_bytes=_VERSION_LIMIT_BYTES)
        if answer.status in NOT_NOW:
            raise not_now(document.id, answer)
        if answer.status != _OK:
            raise CannotCheck(f"{document.id} has no version document: HTTP {answer.status}", hint=_NO_CONNECTOR)
        return root + _version_path(answer.body)

    async def post(self, peer: Did, url: str, body: bytes, *, limit_bytes: int = 1 << 20) -> Sent:
        """POST JSON with a token that lets the peer query our credentials."""
        proof = await self.identity.show(peer, self._access(peer))
        headers = {"Authorization": proof, "Content-Type": _JSON}
        answer = await self.http.request("POST", url, headers=headers, body=body, limit_bytes=limit_bytes)
        return Sent(answer=answer, token=bare(proof))

    async def get(self, peer: Did, url: str) -> Sent:
        """GET with such a token."""
        proof = ""

        async def once() -> HttpAnswer:
            nonlocal proof
            proof = await self.identity.show(peer, self._access(peer))
            return await self.http.request("GET", url, headers={"Authorization": proof})

        return Sent(answer=await _once_more(once), token=bare(proof))

    async def pull(self, url: str, authorization: str, *, limit_bytes: int) -> HttpAnswer:
        """GET with a data token."""
        return await self.http.request("GET", url, headers={"Authorization": authorization}, limit_bytes=limit_bytes)

    async def renew(
        self, peer: Did, url: str, refresh_token: str, access_token: str, *, in_url: bool = False
    ) -> HttpAnswer:
        """The refresh grant; we prove ourselves by a token that names the data token to be renewed.

        It belongs into the body (RFC 6749, 6). `in_url`: this peer reads it there and nowhere else.
        """
        grant = urlencode({"grant_type": "refresh_token", "refresh_token": refresh_token})
        form = grant.encode()
        if in_url:
            url, form = f"{url}{'&' if '?' in url else '?'}{grant}", b""

        async def once() -> HttpAnswer:
            proof = await self.identity.show(peer, access_token)
            headers = {"Authorization": proof, "Content-Type": "application/x-www-form-urlencoded"}
            return await self.http.request("POST", url, headers=headers, body=form, limit_bytes=_TOKEN_LIMIT_BYTES)

        return await _once_more(once)

    async def presentations(self, peer: Did, access_token: str, scopes: Sequence[str]) -> list[str]:
        """Query the peer's CredentialService with the access token that came in its own token."""
        url = f"{_service(await self.resolver.did_document(peer), 'CredentialService')}/presentations/query"
        answer = await _once_more(lambda: self._queried(peer, url, access_token, scopes))
        for said in query.in_other_words(scopes):
            if answer.status not in _NOT_UNDERSTOOD:
                break
            answer = await self._queried(peer, url, access_token, said)
        if answer.status in NOT_NOW:
            raise not_now(f"the credential service of {peer}", answer)
        if answer.status in _REFUSED:  # of an access token that it gave us itself: that will not change
            raise BadMessage(f"it answered HTTP {answer.status} to the access token that came with the request")
        if answer.status != _OK:
            raise CannotCheck(f"the credential service of {peer} answered HTTP {answer.status}")
        return list(query.read_response(admit_message(answer.body, _PRESENTATION_LIMIT_BYTES)))

    async def _queried(self, peer: Did, url: str, access_token: str, scopes: Sequence[str]) -> HttpAnswer:
        headers = {"Authorization": await self.identity.show(peer, access_token), "Content-Type": _JSON}
        body = orjson.dumps(query.query_message(scopes))
        return await self.http.request("POST", url, headers=headers, body=body, limit_bytes=_PRESENTATION_LIMIT_BYTES)

    async def read(self, holder: Did, path: str) -> AuditAnswer:
        """An audit read at the holder, repeated for some seconds when nothing comes back."""
        now = self.clock.now()
        pauses = () if now < self._down.get(holder, now) <= now + _DOWN else _AUDIT_PAUSES_SECONDS
        for pause in pauses:
            try:
                answer = await self._read_once(holder, path)
                if answer.status < _SERVER_FAULT and answer.status not in NOT_NOW:
                    return answer
            except CannotCheck:
                pass  # tried again below
            await asyncio.sleep(pause)
        try:
            return await self._read_once(holder, path)
        except CannotCheck:
            _make_room(self._down)
            self._down[holder] = self.clock.now() + _DOWN
            raise

    async def _read_once(self, holder: Did, path: str) -> AuditAnswer:
        url = f"{_service(await self.resolver.did_document(holder), 'AuditService')}/{path}"
        access = None if path == "party" else self._access(holder)  # who only introduces itself need not know our roles

        async def once() -> HttpAnswer:
            headers = {"Authorization": await self.identity.show(holder, access)}
            return await self.http.request("GET", url, headers=headers, limit_bytes=_AUDIT_LIMIT_BYTES)

        answer = await _once_more(once)
        return AuditAnswer(status=answer.status, body=answer.body)

    def _access(self, peer: Did) -> str:
        """An access token for the peer. It says only whom it is for and what it opens, so one serves for long."""
        known, now, scopes = self._accesses.get(peer), self.clock.now(), self.scopes()
        lifetime = timedelta(seconds=self.token_lifetime_seconds)
        if known is None or known[2] != scopes or not now < known[1] < now + lifetime:  # the clock may have jumped
            expires = now + lifetime
            access = mint_access(self.access_token_key, verifier=peer, scopes=scopes, expires=expires)
            _make_room(self._accesses)
            known = self._accesses[peer] = access, now + lifetime / 2, scopes
        return known[0]


async def _once_more(ask: Callable[[], Awaitable[HttpAnswer]]) -> HttpAnswer:
    """A question, asked again with a fresh proof where it is answered 401: a network that repeats requests lets a copy
    use up the first one, and then the copy has got the answer.
    """
    answer = await ask()
    return await ask() if answer.status == _UNAUTHORIZED else answer


def _make_room(kept: dict[Did, _V]) -> None:
    """Strangers may make us know as many parties as they like."""
    if len(kept) >= _MAX_PEERS:
        kept.pop(next(iter(kept)))


def _endpoint(document: DidDocument, kind: str) -> str | None:
    return next((service.endpoint.rstrip("/") for service in document.services if service.type == kind), None)


def _service(document: DidDocument, kind: str) -> str:
    endpoint = _endpoint(document, kind)
    if endpoint is None:
        raise CannotCheck(f"{document.id} names no {kind}", hint=_NO_CONNECTOR)
    return endpoint


def _version_path(body: bytes) -> str:
    """The path of our protocol version. Several entries may have it: ours is the one whose `auth` we can do (4.3.1)."""
    versions = admit_message(body, _VERSION_LIMIT_BYTES).get("protocolVersions")
    fitting: list[tuple[bool, str]] = []
    for entry in versions if isinstance(versions, list) else []:
        match entry:
            case {"version": str(version), "binding": "HTTPS", "path": str(path), **others} if version == DSP_VERSION:
                auth = others.get("auth")
                if auth is None or (isinstance(auth, dict) and auth.get("protocol") == "DCP"):
                    fitting.append((auth is None, path.rstrip("/")))
    if not fitting:
        raise BadMessage(f"the peer does not speak DSP {DSP_VERSION}")
    return min(fitting, key=lambda one: one[0])[1]
