"""What the first peer would wait for at others' addresses, looked up before it comes.

Peers of our dataspace mostly show credentials of those who issued ours. So ours are verified as such a peer's will be:
afterwards the issuers' DID documents and status lists are at hand, and the code for all that has run once. Nothing is
decided by what comes of it. Only issuers are asked whom our trust lists name and who issued to us; a party that may be
one of their `members` is not asked for its membership. What could not be had is not remembered: an issuer that starts
together with us is no unreachable one to the peer that comes next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from connector.credentials.verify import needs
from connector.errors import CannotCheck
from connector.exchange.ports import AuditAnswer, RecordableVerifier, StatusResolver
from connector.model import Did

_MOST = 16


class Forgetting(StatusResolver, Protocol):
    """A resolver that can forget what it did not get."""

    def forget_refusals(self) -> None:
        """Ask again where the answer was no, or none."""


class _Nobody:
    """Audit reads that are not made."""

    async def read(self, holder: Did, path: str) -> AuditAnswer:
        """No answer."""
        raise CannotCheck(f"{holder} is not asked for {path} before a peer needs it")


@dataclass(frozen=True, slots=True)
class Ahead:
    """The look of one connector, once after its start."""

    verifier: RecordableVerifier
    resolver: Forgetting
    shown: Callable[[], Sequence[bytes]]
    """Our own party credentials."""

    async def look(self) -> None:
        """Verify what we show. That some of it is not good, or not to be checked now, is for `doctor` to tell."""
        verifier = self.verifier.within(self.resolver, _Nobody())
        named = set[str]().union(*self.verifier.trusted_issuers.values())
        for octets in self.shown()[:_MOST]:
            if needs(octets).issuer in named:
                await verifier.verify(octets, trusted_only=True)
        self.resolver.forget_refusals()
