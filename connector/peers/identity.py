"""How participants prove who they are to each other: what we show with a request, and what a caller's request shows.

`SelfIssued` is what the world uses: a token signed for one receiver (DCP 1.0.1, section 4.3). `Claimed` proves nothing
and is for trials on loopback with programs that have no identities, as the conformance kit and an Eclipse EDC with its
mock; it speaks the mock's header. What a caller may do is decided by its claims and the policies, elsewhere.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from connector.credentials import jose, token
from connector.credentials.did import DidDocument
from connector.credentials.own_methods import OwnKeys
from connector.errors import AddressBlocked, BadMessage, NotAuthenticated
from connector.exchange.ports import Clock, Ids, Proven, Resolver
from connector.model import Did
from connector.vocabulary.admission import admit

_BEARER = "Bearer "
_CLAIM_LIMIT_BYTES = 4_096
_LONGEST_NAME = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfIssued:
    """Implements `exchange.ports.Identity` by self-issued tokens, checked against the caller's DID document."""

    did: Did
    resolver: Resolver
    keys: OwnKeys
    clock: Clock
    ids: Ids
    lifetime_seconds: int
    leeway_seconds: int

    async def show(self, peer: Did, access_token: str | None) -> str:
        """A fresh token for this peer."""
        now = self.clock.now()
        said = token.claims(
            issuer=self.did, audience=peer, jti=self.ids.urn(), now=now, lifetime_seconds=self.lifetime_seconds,
            access_token=access_token,
        )  # fmt: skip
        signer = self.keys.authentication(now)
        unsigned = token.token_input(said, key_id=signer.key_id, alg=signer.alg)
        return _BEARER + jose.attach(unsigned, await signer.sign(unsigned)).decode("ascii")

    async def check(self, authorization: str) -> Proven:
        """Section 4.3.3, except that it may have been used before."""
        shown = token.bare(authorization)
        if shown == authorization:
            raise NotAuthenticated("a Bearer token is needed")
        peeked = token.peek(shown)
        document = await self._document(peeked.issuer, peeked.jws.key_id)
        issued = token.verify_self_issued(
            peeked, document, audience=self.did, now=self.clock.now(), leeway_seconds=self.leeway_seconds
        )
        return Proven(
            party=issued.issuer, key=document.methods[issued.key_id].jwk, access_token=issued.access_token,
            jti=issued.jti, expires=issued.expires,
        )  # fmt: skip

    async def _document(self, party: Did, key_id: str | None) -> DidDocument:
        try:
            return await self.resolver.did_document(party, key_id)
        except AddressBlocked as error:
            raise NotAuthenticated(f"the caller's DID leads nowhere: {error.detail}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """UNSAFE. Everybody is who it says it is. Implements `exchange.ports.Identity`; `config` keeps it on loopback."""

    did: Did

    async def show(self, peer: Did, access_token: str | None) -> str:  # noqa: ARG002 - nobody is asked for credentials
        """Our name, for this peer."""
        return json.dumps({"region": "eu", "audience": peer, "clientId": self.did})

    async def check(self, authorization: str) -> Proven:
        """The caller's name."""
        try:
            name = admit(authorization.encode(), _CLAIM_LIMIT_BYTES).get("clientId")
        except BadMessage as error:
            raise NotAuthenticated(f"Authorization is not a claim of identity: {error.detail}") from None
        if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME:
            raise NotAuthenticated("Authorization names no clientId")
        return Proven(party=Did(name), key="", access_token=None, jti=None, expires=0)
