"""The consumer's data token, kept fresh: what to show at a started pull, renewed when it has expired or was refused.

Data Plane Signaling, profile Token Renewal. Requests of one transfer run side by side, so renewals take turns: the
second one finds what the first one got. The fresh token is committed before it is used; the one that it replaces stays
good for a repeat of the renewal, should we die in between. How a provider renews is `serve`'s.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

from connector.credentials.token import bare
from connector.errors import BadMessage, CannotCheck, NotAllowed
from connector.exchange.conversation import Conversation
from connector.exchange.draft import Draft
from connector.exchange.ports import Clock, Peers
from connector.exchange.stored import content_of, micros
from connector.model import Did, Json, JsonObject
from connector.protocol.transfer import fits_header
from connector.vocabulary.admission import admit

_OK, _SERVER_FAULT = 200, 500
_LIMIT_BYTES = 64 * 1024
_EARLY = timedelta(seconds=10)
"""A token that is about to expire is renewed before it is shown."""
_LONGEST_SECONDS = 10**9


@dataclass(slots=True, kw_only=True)
class Renew:
    """One connector's tokens at its providers."""

    conversation: Conversation
    peers: Peers
    clock: Clock
    _turns: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def authorization(self, pid: str, refused: str = "") -> str:
        """The `Authorization` of a data request now. `refused`: what was shown, and answered with 401.

        `NotAllowed`: there is no other; the transfer is suspended or over, or the provider does not renew.
        """
        async with self._turns.setdefault(pid, asyncio.Lock()):
            row = await self.conversation.load(pid)
            address = content_of(row).get("address")
            if address is None:
                raise NotAllowed(f"the transfer is {row.state}", hint=f"battery-connector why {pid}")
            if _header(address) != refused and not _is_stale(address, self.clock.now()):
                return _header(address)
            if "refreshToken" not in address:
                if not refused:
                    return _header(address)  # the provider alone knows whether it is still good
                raise NotAllowed("the provider refuses its own data token", hint=f"battery-connector why {pid}")
            return _header(await self._renewed(pid, Did(row.counterparty), address))

    async def _renewed(self, pid: str, provider: Did, address: JsonObject) -> JsonObject:
        url, refresh_token = str(address["refreshEndpoint"]), str(address["refreshToken"])
        in_url = address.get("grantInUrl") is True
        answer = await self.peers.renew(provider, url, refresh_token, _bare(address), in_url=in_url)
        if answer.status >= _SERVER_FAULT:
            raise CannotCheck(f"the data token could not be renewed: HTTP {answer.status}")
        if answer.status != _OK:
            raise NotAllowed(
                f"the provider does not renew its data token: HTTP {answer.status}", hint=f"battery-connector why {pid}"
            )
        fresh = {**address, **_granted(admit(answer.body, _LIMIT_BYTES), self.clock.now())}

        def change(draft: Draft) -> None:
            if draft.content.get("address") == address:  # else a start has brought another one meanwhile
                draft.content["address"] = fresh

        await self.conversation.happen(pid, change)
        return fresh


def _granted(answer: JsonObject, now: datetime) -> JsonObject:
    """What a successful response gives (RFC 6749, 5.1). A Catena-X connector calls the lifetime `expires`."""
    token, refresh_token = answer.get("access_token"), answer.get("refresh_token")
    if not isinstance(token, str) or not token or not fits_header(token):
        raise BadMessage("the provider's token response has no access_token")
    seconds: Json = answer.get("expires_in", answer.get("expires"))
    known = isinstance(seconds, int) and 0 < seconds < _LONGEST_SECONDS
    granted: JsonObject = {
        "authorization": token, "expires": micros(now) + int(seconds) * 1_000_000 if known else 0  # type: ignore[arg-type]  # known says that it is a number
    }  # fmt: skip
    return {**granted, "refreshToken": refresh_token} if isinstance(refresh_token, str) and refresh_token else granted


def _is_stale(address: JsonObject, now: datetime) -> bool:
    expires = address.get("expires")
    return isinstance(expires, int) and 0 < expires <= micros(now + _EARLY)


def _bare(address: JsonObject) -> str:
    return bare(str(address["authorization"]))


def _header(address: JsonObject) -> str:
    return str(address["authorization"]) if address.get("bare") is True else f"Bearer {_bare(address)}"
