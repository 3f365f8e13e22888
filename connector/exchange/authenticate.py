"""Who is calling, and what is known about it: a peer's token and presentation -> Facts.

The token is checked by the identity plug-in (`peers/identity`), the caller's claims are asked for at its
CredentialService with the access token that it brought (DCP 1.0.1, section 5.4), each credential is verified as of now,
bound to the caller, from an issuer trusted for its type. Claims are kept for some minutes, so that a conversation costs
one query; their status is looked at again meanwhile. That a party showed less than it was asked for is remembered, too,
for a shorter time where its next message may bring more; a contract or transfer is not refused for it before the party
was asked anew, by the token of that very message (`Caller.for_policy`).
What follows from the facts is decided by policies; sending is the messenger's (`peers/`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeAlias

from connector.credentials.digest import digest_multibase
from connector.credentials.presentation import PARTY_LIMIT_BYTES, bound_to, verify_presentation
from connector.credentials.query import type_scope
from connector.credentials.token import bare
from connector.credentials.verify import Report, needs
from connector.errors import AddressBlocked, BadMessage, CannotCheck, Conflict, NotAuthenticated
from connector.exchange.draft import Caller
from connector.exchange.ports import Clock, Identity, Peers, Proven, Resolver, Store, Verifier
from connector.exchange.quotas import Quotas
from connector.exchange.rows import ReplayRow
from connector.model import Claim, Did, Facts, JsonObject
from connector.policy.facts import NUMBER, OF_CATENA_X, number_claims, party_claims

PARTY_CREDENTIALS = ("MembershipCredential", "RoleCredential", "MandateCredential")
"""What we ask for where it could count, and what we let peers ask us for."""
_ASKED_FOR = (*PARTY_CREDENTIALS, *OF_CATENA_X)
"""Of the latter we show what we hold, as of any other type."""

_REPLAY_MARGIN = timedelta(hours=24)
"""A used token is remembered that much longer than it lives: the clock may jump back."""
_RECHECK = timedelta(seconds=30)
"""So long claims count without a look at the status lists (which are at most a minute old)."""
_SHORT = timedelta(seconds=20)
"""So long it counts that a party showed nothing, or less than it was asked for: it may have got it by now."""
_MAX_PARTIES = 10_000
_MAX_PRESENTATIONS = 6
_MOST_DOUBTS = 4
"""Each stands in the record of every decision about the party."""

_Shown: TypeAlias = tuple[Did, tuple[bytes, ...] | None]
"""A party, and what a transfer of its keeps of what it showed; None: what it shows when it is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A party's verified claims with the credentials that prove them, and why others of its credentials do not count.
    After `checked` they are verified again, after `until` asked for again.
    """

    claims: tuple[Claim, ...]
    credentials: tuple[bytes, ...]
    checked: datetime
    until: datetime
    doubted: tuple[str, ...] = ()
    partial: bool = False
    """Something of Catena-X did not come, and another message's token may open it."""
    again: datetime | None = None
    """From when on it is asked anew before it is refused. None: all came that was asked for, and counts."""

    def facts(self, party: Did) -> Facts:
        """What a policy is to know of the party."""
        return Facts(party=party, claims=self.claims, doubted=self.doubted)


@dataclass(slots=True, kw_only=True)
class Authenticate:
    """Turns a request's `Authorization` into a `Caller`."""

    tenant: str
    did: Did
    store: Store
    identity: Identity
    peers: Peers
    resolver: Resolver
    verifier: Verifier
    clock: Clock
    quotas: Quotas
    trusted: Mapping[str, Collection[str]]
    """Credential type -> issuers. A type for which nobody is trusted could give no claim, so it is not asked for."""
    leeway_seconds: int
    claims_cache_seconds: int
    _known: dict[_Shown, Known] = field(default_factory=dict)

    async def caller(self, authorization: str, *, method: str, path: str, body: bytes, once: bool) -> Caller:
        """Check the token and gather the caller's claims.

        `once`: the request changes no process (a read, the catalogue, DCP): its token is used up here, and every reuse
        is refused. Otherwise the token is used up with the step that the message makes, and the very same request may
        come again (`Caller.repeat`). Raises `NotAuthenticated`, `CannotCheck` for what could not be fetched, `TooMany`.
        """
        proven = await self.identity.check(authorization)
        replay = self._replay(proven, _request_digest(method, path, body))
        earlier = await self.store.find_replay(self.tenant, replay.issuer, replay.jti) if replay is not None else None
        if earlier is not None and (once or earlier.request_digest != _request_digest(method, path, body)):
            raise NotAuthenticated("the token was used before")
        known, remembered = await self._claims(proven)
        self.quotas.admit(proven.party, known=bool(known.claims), size=len(body))
        if once:  # last: a request that could not be checked consumes no token
            await self._use_up(replay)
        caller = Caller(
            facts=known.facts(proven.party), token=bare(authorization), shown=known.credentials,
            verification_key=proven.key, replay=replay, repeat=earlier is not None,
        )  # fmt: skip

        async def anew() -> Caller:
            self.quotas.admit_query(proven.party)
            try:
                shown = await self._asked(proven)
            except NotAuthenticated:  # it shows nothing by this token: what is remembered counts
                return caller
            return replace(caller, facts=shown.facts(proven.party), shown=shown.credentials)

        may_be_more = known.again is not None and known.again <= self.clock.now()
        return replace(caller, anew=anew) if remembered and may_be_more and proven.access_token else caller

    async def proven(self, authorization: str) -> Proven:
        """Check the token alone, for who needs no claims of the caller. `use_up` it once the caller has shown a right:
        then nobody without one makes a row.
        """
        return await self.identity.check(authorization)

    async def use_up(self, proven: Proven, *, method: str, path: str, body: bytes) -> None:
        """The token is good for nothing after this. `NotAuthenticated`: nor was it before."""
        await self._use_up(self._replay(proven, _request_digest(method, path, body)))

    async def facts_from(self, party: Did, credentials: Iterable[bytes]) -> Facts:
        """The facts that these credentials prove now: a party that is not on the line is judged by what it showed.

        Claims of the last minutes count, with the status lists of the last one; others are verified now. What an old
        transfer keeps says nothing of what the party could show today, so it counts for nothing else.
        """
        shown = (party, tuple(credentials))
        known = await self._present((party, None))
        if known is None or known.partial:  # what it showed for the transfer may be more
            known = await self._present(shown)
        if known is None:
            known = await self._verified(party, shown[1])
            self._keep(shown, known)
        return known.facts(party)

    # --- the token ------------------------------------------------------------------------------------------

    def _replay(self, proven: Proven, request_digest: str) -> ReplayRow | None:
        if proven.jti is None:
            return None
        return ReplayRow(
            tenant=self.tenant, issuer=proven.party, jti=proven.jti, request_digest=request_digest,
            expires=proven.expires * 1_000_000 + micros_of(_REPLAY_MARGIN),
        )  # fmt: skip

    async def _use_up(self, replay: ReplayRow | None) -> None:
        if replay is None:
            return
        try:
            await self.store.commit_replay(replay)
        except Conflict:
            raise NotAuthenticated("the token was used before") from None

    # --- the claims --------------------------------------------------------------------------------------------------

    async def _present(self, shown: _Shown) -> Known | None:
        """What is known of the party; what was revoked meanwhile counts no more, wherever its status can be seen."""
        known, now = self._known.get(shown), self.clock.now()
        if known is None or known.until <= now or known.checked > now + _RECHECK:  # the clock may have jumped back
            return None
        if known.checked <= now:
            known = replace(known, checked=now + _RECHECK)
            self._keep(shown, known)  # first, so that of many requests at once one looks
            with suppress(CannotCheck):  # what was seen last counts until its end
                again = await self._verified(shown[0], known.credentials)
                until = min(again.until, known.until)
                known = replace(again, until=until, partial=known.partial, again=known.again)
                self._keep(shown, known)
        return known

    async def _claims(self, proven: Proven) -> tuple[Known, bool]:
        """What is known of the party, and whether that is remembered."""
        known = await self._present((proven.party, None))
        return (await self._asked(proven), False) if known is None else (known, True)

    async def _asked(self, proven: Proven) -> Known:
        party = proven.party
        wanted = [type_scope(kind) for kind in _ASKED_FOR if self.trusted.get(kind)]
        if proven.access_token is None or not wanted:
            return Known(claims=(), credentials=(), checked=self.clock.now(), until=self.clock.now())
        try:
            document = await self.resolver.did_document(party)
            async with self.quotas.room(party):
                presentations = await self._presentations(party, proven.access_token, wanted)
        except (AddressBlocked, BadMessage) as error:
            raise NotAuthenticated(f"the caller's credential service gives nothing: {error.detail}") from None
        shown: list[bytes] = []
        for presented in presentations[:_MAX_PRESENTATIONS]:
            presentation = verify_presentation(
                presented, document, holder=party, audience=self.did, now=self.clock.now(),
                leeway_seconds=self.leeway_seconds,
            )  # fmt: skip
            shown += presentation.credentials
        known, now = await self._verified(party, shown), self.clock.now()
        if lacking := self._lacking(known.credentials):
            partial = not lacking.isdisjoint(OF_CATENA_X)
            known = replace(known, partial=partial, again=now if partial else now + _SHORT)
        if known.partial or not known.claims:
            known = replace(known, until=min(known.until, now + _SHORT))
        self._keep((party, None), known)
        return known

    async def _presentations(self, party: Did, access_token: str, wanted: Sequence[str]) -> list[str]:
        """What the party shows; where it refuses more than its token allows (DCP 1.0.1, 5.4), what it shows one by one.

        A Tractus-X connector lets each message's token open what the policy of that message asks for, and no more.
        """
        try:
            return await self.peers.presentations(party, access_token, wanted)
        except BadMessage:
            found: list[str] = []
            answered = False
            for scope in wanted if len(wanted) > 1 and self.trusted.keys() & {*OF_CATENA_X} else ():
                with suppress(BadMessage):
                    found += await self.peers.presentations(party, access_token, [scope])
                    answered = True
            if not answered:
                raise
            return found

    def _lacking(self, counting: Iterable[bytes]) -> frozenset[str]:
        """The types that were asked for and of which none came that counts."""
        types = {kind for octets in counting for kind in needs(octets).types}
        return frozenset(kind for kind in _ASKED_FOR if self.trusted.get(kind) and kind not in types)

    async def _verified(self, party: Did, credentials: Iterable[bytes]) -> Known:
        """The claims of those credentials that are valid now and about the party; the others give no claim."""
        now = self.clock.now()
        until = now + timedelta(seconds=self.claims_cache_seconds)
        claims: list[Claim] = []
        kept: list[bytes] = []
        doubted: list[str] = []
        for octets in credentials:
            if len(octets) > PARTY_LIMIT_BYTES or set(_ASKED_FOR).isdisjoint(needs(octets).types):
                continue  # not asked for: nothing is fetched for it either
            report = await self.verifier.verify(octets, trusted_only=True)
            if report.verdict == "indeterminate":
                raise CannotCheck(f"a credential of {party} can't be checked: {_why_unchecked(report)}")
            credential = report.credential
            if report.verdict != "valid" or credential is None or not bound_to(credential.payload, party):
                doubted.append(_why_doubted(report))
                continue
            kept.append(octets)
            numbered = credential.issuer in self.trusted.get(NUMBER, ())
            claims += claims_of(credential.types, credential.payload, digest_multibase(octets), numbered=numbered)
            if credential.valid_until is not None:
                until = min(until, credential.valid_until)
        return Known(
            claims=tuple(claims), credentials=tuple(kept), checked=now + _RECHECK, until=until,
            doubted=tuple(doubted[:_MOST_DOUBTS]),
        )  # fmt: skip

    def _keep(self, shown: _Shown, known: Known) -> None:
        if shown not in self._known and len(self._known) >= _MAX_PARTIES:
            self._known.pop(next(iter(self._known)))
        self._known[shown] = known


def claims_of(types: Iterable[str], credential: JsonObject, digest: str, *, numbered: bool) -> list[Claim]:
    """The facts that a valid credential of a party gives to policies. `numbered`: its issuer is one of numbers."""
    subject = credential.get("credentialSubject")
    if not isinstance(subject, dict):
        return []
    claims = [claim for kind in types for claim in party_claims(kind, subject, digest)]
    return [*claims, *(number_claims(subject, digest) if numbered else ())]


def micros_of(span: timedelta) -> int:
    """A span in microseconds."""
    return int(span.total_seconds() * 1_000_000)


def _request_digest(method: str, path: str, body: bytes) -> str:
    return hashlib.sha256(b"\n".join((method.encode(), path.encode(), body))).hexdigest()


def _why_doubted(report: Report) -> str:
    """The credential by its types and issuer, and the first check that it failed; of what a peer wrote, a little."""
    credential = report.credential
    said = "a credential" if credential is None else f"{', '.join(credential.types)} by {credential.issuer}"
    failed = next((f"{check.code}: {check.detail}" for check in report.checks if check.outcome == "failed"), "")
    return f"{said:.200}: {failed or 'holder-binding: it is about another party':.300}"


def _why_unchecked(report: Report) -> str:
    return next((check.detail for check in report.checks if check.outcome == "unchecked"), "")
