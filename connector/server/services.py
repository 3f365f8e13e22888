"""What the handlers call: the journeys of one connector, put together by `app.py`, found under one typed key."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from weakref import WeakValueDictionary

from aiohttp import web

from connector.config import Config
from connector.credentials.own_methods import OwnKeys
from connector.errors import TooLarge, Unavailable
from connector.exchange.ahead import Ahead
from connector.exchange.answer import AuditAnswers
from connector.exchange.audit import Audit
from connector.exchange.authenticate import Authenticate
from connector.exchange.browse import Browse
from connector.exchange.discard import Discard
from connector.exchange.draft import Caller
from connector.exchange.grants import Grants
from connector.exchange.inbox import Inbox
from connector.exchange.issuance import Issuance
from connector.exchange.issuer import Issuer
from connector.exchange.negotiate import Negotiate
from connector.exchange.offer import Offer
from connector.exchange.outbox import Outbox
from connector.exchange.patience import Patient
from connector.exchange.ports import Clock, Exports, Ids, Store, Verifier
from connector.exchange.publish import Publish
from connector.exchange.publish_file import PublishFile
from connector.exchange.receive import Receive, Tell
from connector.exchange.rekey import Rekey
from connector.exchange.renew import Renew
from connector.exchange.revoke import Revoke
from connector.exchange.room import Room
from connector.exchange.serve import Serve
from connector.exchange.streams import Files
from connector.exchange.transfer import Transfer
from connector.exchange.withdraw import Withdraw
from connector.vocabulary.bundle import Bundle

_WORTH_PACKING = 2048
_QUICKLY = 1
_BODY_SECONDS = 20.0
"""For a whole message; who sends it in drops would hold a connection for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A status list or its changes as signed last: by which key and what they say, until when that counts."""

    content: tuple[object, ...]
    until: datetime
    octets: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """One connector."""

    config: Config
    store: Store
    clock: Clock
    ids: Ids
    peers: Patient
    verifier: Verifier
    bundle: Bundle
    keys: OwnKeys
    id_key: bytes
    access_token_key: bytes
    issuance: Issuance
    issuer: Issuer
    shown: Callable[[], Sequence[bytes]]
    """Our own party credentials (membership, roles, mandates), as compact octets."""
    authenticate: Authenticate
    ahead: Ahead
    offer: Offer
    browse: Browse
    negotiate: Negotiate
    transfer: Transfer
    renew: Renew
    grants: Grants
    serve: Serve
    receive: Receive
    inbox: Inbox
    publish: Publish
    publish_file: PublishFile
    audit: Audit
    audit_answers: AuditAnswers
    outbox: Outbox
    exports: Exports
    files: Files
    room: Room
    discard: Discard
    revoke: Revoke
    rekey: Rekey
    withdraw: Withdraw
    signed: dict[str, Signed] = field(default_factory=dict)
    """By address."""
    offering: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)
    """By dataset the turn of whoever changes what it holds."""

    @property
    def tenant(self) -> str:
        """What comes first in every key of the store (`exchange.rows`)."""
        return self.config.tenant

    def telling(self, tell: Tell) -> Services:
        """The same for somebody who waits: told whenever a peer has to be asked again."""
        peers = self.peers.telling(lambda why: tell({"waiting": why}))
        browse, receive = replace(self.browse, peers=peers), replace(self.receive, peers=peers)
        return replace(self, peers=peers, browse=browse, receive=receive)


SERVICES = web.AppKey("services", Services)


async def body_of(request: web.Request) -> bytes:
    """The request's body, within the limits. `TooLarge` before anything is read of one that says so; `Unavailable`: it
    does not come to its end.
    """
    limit = request.app[SERVICES].config.limits.max_message_bytes
    if (request.content_length or 0) > limit:
        raise TooLarge(f"at most {limit} bytes are accepted")
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise TooLarge(f"at most {limit} bytes are accepted") from None
    except TimeoutError:
        raise Unavailable(f"the body did not come within {_BODY_SECONDS:g} seconds") from None


async def caller_of(request: web.Request, body: bytes, *, once: bool) -> Caller:
    """Who is calling. `once`: the request changes no process, so its token is used up here.

    What waits for that party is due now: a peer that was away and asks is back.
    """
    services = request.app[SERVICES]
    caller = await services.authenticate.caller(
        request.headers.get("Authorization", ""), method=request.method, path=request.path_qs, body=body, once=once
    )
    await services.outbox.heard_from(services.tenant, caller.facts.party)
    return caller


def packed(request: web.Request, response: web.Response) -> web.Response:
    """The answer compressed, where the caller takes that and it is worth it (DSP 2025-1, 6.3: gzip)."""
    body = response.body
    if (
        isinstance(body, bytes)
        and len(body) >= _WORTH_PACKING
        and _takes_gzip(request.headers.get("Accept-Encoding", ""))
    ):
        response.body = gzip.compress(body, _QUICKLY, mtime=0)
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    return response


def _takes_gzip(accepted: str) -> bool:
    """RFC 9110, 12.5.3: named, and not with a quality of nothing."""
    for one in accepted.lower().split(","):
        name, _, weight = one.partition(";")
        if name.strip() in {"gzip", "x-gzip", "*"}:
            return weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False
