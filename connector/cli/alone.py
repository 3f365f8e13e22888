"""`credential verify` by somebody who was handed a credential and has no company: a buyer, a recycler, an authority.

The issuer's DID document and status lists are fetched from here. Nobody has said whom to trust: that check is skipped,
and no issuer is asked whether it is a member.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from connector.errors import CannotCheck

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connector.exchange.ports import AuditAnswer
    from connector.model import Did, JsonObject

_ENOUGH: Final = 100


class _Nobody:
    """Audit reads belong to companies."""

    async def read(self, holder: Did, path: str) -> AuditAnswer:
        raise CannotCheck(f"without a company nobody asks {holder} for {path}")


async def checked_alone(each: Sequence[JsonObject], *, allow_http: bool) -> list[JsonObject]:
    """The numbered checks, as a connector's `POST /v1/verify` tells them of the same words.

    `allow_http`: UNSAFE, loopback over plain http.
    """
    from connector.app import SystemClock
    from connector.exchange.quotas import Quotas
    from connector.peers.client import GuardedClient
    from connector.peers.resolver import Resolver
    from connector.peers.verifier import FetchingVerifier
    from connector.server import asked, requests
    from connector.server.verifying import checked
    from connector.vocabulary.bundle import load_bundle

    bodies = [asked.read(requests.Verify, said, "the command") for said in each]
    vocabulary, clock = load_bundle(), SystemClock()
    quotas = Quotas(clock=clock, known_per_second=_ENOUGH, strangers_per_minute=_ENOUGH, configured=())
    async with GuardedClient(unsafe_allow_loopback=allow_http) as http:
        verifier = FetchingVerifier(
            resolver=Resolver(http=http, clock=clock, quotas=quotas, allow_http=allow_http), reads=_Nobody(),
            trusted_issuers={}, undecided=True, clock=clock,
            contexts=vocabulary.known_contexts, check_shape=vocabulary.check,
        )  # fmt: skip
        return [await checked(verifier, body) for body in bodies]
