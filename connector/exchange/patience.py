"""Patience with peers that are read: one that restarts, or asks for a moment, is asked again for some seconds.

For what a person waits for (catalogue, addresses, data pages), and for the credentials of who asks us something;
messages of processes are the outbox's, which has days. A `Retry-After` (RFC 9110, 10.2.3) is heeded as far as the bound
allows, and told where it does not.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, TypeVar

from connector.errors import PeerUnreachable
from connector.exchange.ports import HttpAnswer, Ids, Peers, Sent
from connector.model import Did

_T = TypeVar("_T")

NOT_NOW: Final = frozenset({408, 425, 429, 502, 503, 504})
"""Answers about the moment (RFC 9110, 15; RFC 6585, 4; RFC 8470, 5.2). A 500 says nothing about the next time."""
CALLER_SECONDS: Final = 3.0
"""So long for the credentials of a caller, who may take our 503 as final."""
_FIRST_SECONDS, _LONGEST_SECONDS = 0.5, 4.0
_MOST_DOUBLED: Final = 30
_LATER: Final = "it may be restarting: repeat the command in a few minutes, or ask its people"
_LONGEST_NUMBER: Final = 6
_PORT_IN_PATH: Final = re.compile(r"(did:web:[^:%]+):([0-9]{2,5})")


def growing(first: float, longest: float, tries: int, jitter: float) -> float:
    """The pause after so many tries in vain: it doubles up to the longest, and varies, so that not all come at once."""
    return min(longest, first * 2.0 ** min(tries, _MOST_DOUBLED)) * (0.5 + jitter)


def asked_to_wait(headers: Mapping[str, str]) -> int:
    """The seconds of `Retry-After`. A date is not read: our own pauses grow anyway."""
    said = headers.get("retry-after", "")
    return int(said) if said.isdecimal() and len(said) <= _LONGEST_NUMBER else 0


def not_now(who: str, answer: HttpAnswer) -> PeerUnreachable:
    """An answer about the moment, as the error that it is."""
    return PeerUnreachable(f"{who} answers HTTP {answer.status}.", again_after=asked_to_wait(answer.headers))


def _unheard(_: str) -> None:
    """Nobody waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """Implements `ports.Peers` over one that asks once. `PeerUnreachable`: there was no answer within `seconds`."""

    peers: Peers
    ids: Ids
    seconds: float
    say: Callable[[str], None] = _unheard
    """Told why it is waited, before each pause."""

    def telling(self, say: Callable[[str], None]) -> Patient:
        """The same, for somebody who waits."""
        return replace(self, say=say)

    async def dsp_base(self, peer: Did) -> str:
        """As `Peers`."""
        return await self._ask(partial(self.peers.dsp_base, peer), hint=_slip(peer))

    async def post(self, peer: Did, url: str, body: bytes, *, limit_bytes: int = 1 << 20) -> Sent:
        """As `Peers`, for a request that changes nothing there."""
        return await self._ask(lambda: _sent(peer, self.peers.post(peer, url, body, limit_bytes=limit_bytes)))

    async def get(self, peer: Did, url: str) -> Sent:
        """As `Peers`."""
        return await self._ask(lambda: _sent(peer, self.peers.get(peer, url)))

    async def presentations(self, peer: Did, access_token: str, scopes: Sequence[str]) -> list[str]:
        """As `Peers`."""
        return await self._ask(partial(self.peers.presentations, peer, access_token, scopes))

    async def pull(self, url: str, authorization: str, *, limit_bytes: int) -> HttpAnswer:
        """As `Peers`."""

        async def once() -> HttpAnswer:
            return _heard("the owner of the data", await self.peers.pull(url, authorization, limit_bytes=limit_bytes))

        return await self._ask(once)

    async def renew(
        self, peer: Did, url: str, refresh_token: str, access_token: str, *, in_url: bool = False
    ) -> HttpAnswer:
        """As `Peers`, once: a grant that was used is not used again."""
        return await self.peers.renew(peer, url, refresh_token, access_token, in_url=in_url)

    async def _ask(self, once: Callable[[], Awaitable[_T]], *, hint: str = "") -> _T:
        now = asyncio.get_running_loop().time
        until, pause = now() + self.seconds, _FIRST_SECONDS
        while True:
            try:
                return await once()
            except PeerUnreachable as error:
                if error.again_after is None:
                    raise
                wait = max(pause * (0.5 + self.ids.jitter()), error.again_after)
                if now() + wait > until:
                    raise self._given_up(error, hint) from error
                self.say(f"asked again in {wait:.0f} s, for {until - now():.0f} s at most: {error.detail}")
            await asyncio.sleep(wait)
            pause = min(2 * pause, _LONGEST_SECONDS)

    def _given_up(self, error: PeerUnreachable, hint: str) -> PeerUnreachable:
        if error.again_after:
            return PeerUnreachable(
                f"{error.detail} It asks to be left alone for {error.again_after} s.",
                hint=f"repeat the command in {error.again_after} s", again_after=error.again_after,
            )  # fmt: skip
        told = f"{error.detail} It was asked again for {self.seconds:.0f} s."
        return PeerUnreachable(told, hint=error.hint or hint or _LATER)


def _slip(peer: Did) -> str:
    """A path of digits alone is a tenant, and oftener a port that somebody wrote as in an address (did:web, 3.1)."""
    found = _PORT_IN_PATH.fullmatch(peer)
    return f"a port is written so in a DID: {found[1]}%3A{found[2]}; else {_LATER}" if found else ""


async def _sent(peer: Did, sending: Awaitable[Sent]) -> Sent:
    sent = await sending
    _heard(peer, sent.answer)
    return sent


def _heard(who: str, answer: HttpAnswer) -> HttpAnswer:
    if answer.status in NOT_NOW:
        raise not_now(who, answer)
    return answer
