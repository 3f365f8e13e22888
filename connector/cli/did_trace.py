"""Resolving a DID step by step, for people: what was asked, what the guard let through, what came, what it is good for.

The real resolver does it with the real guarded client; here is noted what they did, and in which step it ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

import orjson

from connector.cli.certificates import NotingClient, ends_soon, sentence
from connector.credentials.did import RELATIONSHIPS, DidDocument, Method, key_for
from connector.credentials.did_web import document_url
from connector.credentials.refused import Refused
from connector.errors import AddressBlocked, CannotCheck, ConnectorError
from connector.exchange.quotas import Quotas
from connector.model import Did, Json, JsonObject, counted
from connector.peers.addresses import may_connect, target
from connector.peers.resolver import Resolver

if TYPE_CHECKING:
    import socket

    import aiohttp

    from connector.exchange.ports import Clock, HttpAnswer

Outcome = Literal["passed", "warning", "failed", "unchecked"]
USES: Final = {
    "assertionMethod": "credentials, status lists",
    "authentication": "presentations, receipts",
    "capabilityInvocation": "tokens",
}
"""What the keys of a relationship may sign."""
_OK, _REDIRECTS = 200, range(300, 400)
_ONCE: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step. `says`: what was found, or why it ended here."""

    name: str
    outcome: Outcome
    says: str

    def as_json(self) -> JsonObject:
        """As `--json` shows it."""
        return {"name": self.name, "outcome": self.outcome, "says": self.says}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """All steps; the document, if there is one; until when the host's certificate is good, if it has one."""

    steps: tuple[Step, ...]
    document: DidDocument | None
    certificate_until: datetime | None


class _Tracing(NotingClient):
    """Notes which addresses it connected to, or would not, and what came."""

    def __init__(self, *, allow_http: bool) -> None:
        super().__init__(allow_loopback=allow_http)
        self.sockets: list[tuple[str, bool]] = []
        self.answer: HttpAnswer | None = None

    async def request(self, method: Any, url: str, **options: Any) -> HttpAnswer:  # noqa: ANN401 - passed on as it is
        self.answer = await super().request(method, url, **options)
        return self.answer

    def _make_socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
        address = str(info[4][0])
        self.sockets.append((address, may_connect(address, loopback=self._loopback)))
        return super()._make_socket(info)


async def trace(did: Did, *, allow_http: bool, clock: Clock) -> Trace:
    """Resolve a DID now. `allow_http`: loopback over plain http, under the unsafe setting."""
    quotas = Quotas(clock=clock, known_per_second=_ONCE, strangers_per_minute=_ONCE, configured=(did,))
    async with _Tracing(allow_http=allow_http) as http:
        document, error = None, None
        try:
            document = await Resolver(http=http, clock=clock, quotas=quotas, allow_http=allow_http).did_document(did)
        except ConnectorError as problem:
            error = problem
        steps = tuple(_steps(did, http, document, error, allow_http=allow_http, now=clock.now()))
        return Trace(steps=steps, document=document, certificate_until=next(iter(http.ends.values()), None))


def _steps(
    did: Did,
    http: _Tracing,
    document: DidDocument | None,
    error: ConnectorError | None,
    *,
    allow_http: bool,
    now: datetime,
) -> Iterator[Step]:
    try:
        url = document_url(did, allow_http=allow_http)
        yield Step(name="did", outcome="passed", says=f"its document lies at {url}")
        target(url, loopback=allow_http)
    except (Refused, AddressBlocked) as problem:
        yield Step(name="did" if isinstance(problem, Refused) else "guard", outcome="failed", says=problem.detail)
        return
    for address, allowed in http.sockets:
        says = f"{address} may be connected to" if allowed else f"{address} is not public, and was not connected to"
        yield Step(name="guard", outcome="passed" if allowed else "failed", says=says)
    if http.answer is None:
        outcome: Outcome = "unchecked" if isinstance(error, CannotCheck) else "failed"
        yield Step(name="connection", outcome=outcome, says=error.detail if error else "nothing was asked")
        return
    yield _secured(url, http.ends, now)
    yield _answered(http.answer)
    if document is not None:
        says = f"it is the document of {document.id}, with {counted(len(document.methods), 'key')}"
        yield Step(name="document", outcome="passed", says=says)
    elif http.answer.status == _OK and error is not None:
        yield Step(name="document", outcome="failed", says=error.detail)


def _secured(url: str, ends: Mapping[str, datetime], now: datetime) -> Step:
    host = str(urlsplit(url).hostname)
    if host not in ends:
        return Step(name="tls", outcome="passed", says="plain http, on this machine")
    outcome: Outcome = "warning" if ends_soon(ends[host], now) else "passed"
    return Step(name="tls", outcome=outcome, says=sentence(host, ends[host], now))


def _answered(answer: HttpAnswer) -> Step:
    kind = answer.headers.get("content-type", "no media type")
    if answer.status == _OK:
        return Step(name="answer", outcome="passed", says=f"200, {kind}, {len(answer.body)} bytes")
    if answer.status in _REDIRECTS:
        where = answer.headers.get("location", "nowhere")
        says = f"{answer.status}: a redirect to {where}, and redirects are never followed"
        return Step(name="answer", outcome="failed", says=says)
    return Step(name="answer", outcome="unchecked", says=f"{answer.status} instead of the document")


def keys_of(document: DidDocument) -> list[JsonObject]:
    """Each key of a document: its kind, what it may sign here, and why it may not sign the rest."""
    return [
        {"id": method.id, "kind": _kind(method), **_uses(document, method)} for method in document.methods.values()
    ]  # fmt: skip


def _kind(method: Method) -> str:
    return str(orjson.loads(method.jwk).get("crv", "")) if method.jwk else "not used here"


def _uses(document: DidDocument, method: Method) -> JsonObject:
    uses: list[Json] = []
    reasons: list[Json] = []
    for relationship in RELATIONSHIPS:
        try:
            key_for(document, method.id, relationship)
            uses.append(relationship)
        except Refused as refused:
            reasons.append(refused.detail)
    return {"uses": uses, "refused": list(dict.fromkeys(reasons))}
