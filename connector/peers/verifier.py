"""Credential verification with everything that has to be fetched for it: `exchange.ports.Verifier`.

`credentials.verify` names what it needs and makes the checks; here it is fetched and kept. The trust list of the
configuration may say `members` for a type: then the issuer must show a valid MembershipCredential of its own, which is
asked for at its AuditService (`/party`) and verified under the list's entry for that type.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from connector.credentials.did import DidDocument
from connector.credentials.presentation import bound_to
from connector.credentials.refused import Refused
from connector.credentials.sd_jwt import Challenge
from connector.credentials.securing import has_proof, key_id_of
from connector.credentials.status import Unobtained
from connector.credentials.verify import MEMBERS, Material, Report, ShapeCheck, attest, judge, needs, trust_in
from connector.errors import CannotCheck, ConnectorError
from connector.exchange.patience import NOT_NOW
from connector.exchange.ports import AuditReads, Clock, StatusResolver
from connector.model import Did
from connector.peers.resolver import UNREACHABLE_LIFETIME
from connector.vocabulary.admission import admit

Fetch = Callable[[str], Awaitable[bytes]]
MEMBERSHIP = "MembershipCredential"
_MEMBERSHIP_LIFETIME = timedelta(minutes=5)
_REFUSAL_LIFETIME = timedelta(seconds=10)
_MAX_CREDENTIALS = 16
_MAX_PARTIES = 10_000
_PARTY_LIMIT_BYTES = 1 << 20
_OK, _SERVER_FAULT = 200, 500
_TELLS_NOTHING = NOT_NOW | {401}
"""Of a party's membership: it is busy, or does not accept who we are."""


@dataclass(slots=True, kw_only=True)
class FetchingVerifier:
    """Verifies with cached DID documents and status lists."""

    resolver: StatusResolver
    clock: Clock
    contexts: Collection[str]
    check_shape: ShapeCheck
    trusted_issuers: Mapping[str, Collection[str]]
    reads: AuditReads
    nonconforming: bool = False
    """UNSAFE, see `config`."""
    undecided: bool = False
    """Nobody has said yet whom to trust: that check is skipped, whatever the table says."""
    _members: dict[Did, tuple[bool | Unobtained, datetime]] = field(default_factory=dict)

    def within(self, resolver: StatusResolver, reads: AuditReads) -> FetchingVerifier:
        """The same with everything that it fetches from there, and nothing remembered."""
        return replace(self, resolver=resolver, reads=reads, _members={})

    async def verify(
        self, octets: bytes, at: datetime | None = None, *, trusted_only: bool = False, asked: Challenge | None = None
    ) -> Report:
        """The numbered checks, judged as of `at`; None: as of now."""
        return await self._verify(octets, at, members=True, trusted_only=trusted_only, asked=asked)

    async def _verify(
        self, octets: bytes, at: datetime | None, *, members: bool, trusted_only: bool, asked: Challenge | None = None
    ) -> Report:
        """`members`: whether the trust lists' word of that name counts. Membership itself is for the named issuers.

        Where the credential names an address, that is asked last: whoever hands a credential over must not choose whom
        we ask, so its issuer is trusted first (`trusted_only`), and has signed it.
        """
        needed = needs(octets, selective=asked is not None)
        documents: dict[str, DidDocument | Unobtained] = {}
        lists: dict[str, bytes | Unobtained] = {}
        changes: dict[str, bytes | Unobtained] = {}
        trusted, membership = await self._trusted(needed.issuer, needed.types, members=members)
        material = Material(
            documents=documents, lists=lists, changes=changes, contexts=self.contexts, check_shape=self.check_shape,
            trusted_issuers=trusted, trust_unobtained=membership, nonconforming=self.nonconforming,
            challenge=asked,
        )  # fmt: skip
        issuer = needed.issuer
        if issuer and not (trusted_only and trust_in(issuer, needed.types, material).outcome == "failed"):
            documents[issuer] = await self._document(issuer, needed.key_id)
        attested = attest(octets, material)
        for url in needed.status_lists if attested.signed else ():
            lists[url], changes[url] = await asyncio.gather(
                self._octets(self.resolver.status_list, url), self._octets(self.resolver.status_changes, url)
            )
        if issuer and attested.signed:
            known, documents[issuer] = documents[issuer], await self._of_all(documents[issuer], lists, changes)
            attested = attested if documents[issuer] is known else attest(octets, material)
        now = self.clock.now()
        return judge(attested, at=at or now, now=now, material=material)

    async def _member(self, party: Did) -> bool | Unobtained:
        """Whether the party shows a valid membership credential; kept for a while, a silence only for a moment."""
        now = self.clock.now()
        known = self._members.get(party)
        if known and now < known[1] <= now + _MEMBERSHIP_LIFETIME:  # the clock may have jumped back
            return known[0]
        found = await self._shows_membership(party)
        lifetime = _MEMBERSHIP_LIFETIME if found is True else _REFUSAL_LIFETIME
        if len(self._members) >= _MAX_PARTIES:
            self._members.pop(next(iter(self._members)))
        self._members[party] = (found, now + (UNREACHABLE_LIFETIME if isinstance(found, Unobtained) else lifetime))
        return found

    async def _shows_membership(self, party: Did) -> bool | Unobtained:
        try:
            answer = await self.reads.read(party, "party")
            shown = admit(answer.body, _PARTY_LIMIT_BYTES).get("credentials") if answer.status == _OK else None
        except CannotCheck as error:
            return Unobtained(reason=f"the membership of {party} could not be asked for: {error.detail}")
        except ConnectorError:
            return False
        if answer.status >= _SERVER_FAULT or answer.status in _TELLS_NOTHING:
            return Unobtained(reason=f"the membership of {party} could not be asked for: HTTP {answer.status}")
        found: bool | Unobtained = False
        for octets in (shown if isinstance(shown, list) else [])[:_MAX_CREDENTIALS]:
            compact = octets.encode() if isinstance(octets, str) and octets.isascii() else b""
            if not has_proof(compact) and MEMBERSHIP in needs(compact).types:
                # a member vouches for nobody
                report = await self._verify(compact, None, members=False, trusted_only=True)
                if report.verdict == "valid" and report.credential and bound_to(report.credential.payload, party):
                    return True
                if report.verdict == "indeterminate":
                    found = Unobtained(reason=f"the membership of {party} could not be checked")
        return found

    async def _trusted(
        self, issuer: Did | None, types: Collection[str], *, members: bool
    ) -> tuple[Mapping[str, Collection[str]] | None, Unobtained | None]:
        """The trust list for these types, the issuer added where it is one of the `members`; or why that is not known.

        Where it is not known the word `members` stays: `credentials.verify` reads it as "could not be checked".
        """
        if self.undecided:
            return None, None
        table: dict[str, Collection[str]] = {}
        membership: bool | Unobtained = False
        for name in types:
            trusted = self.trusted_issuers.get(name, ())
            if members and issuer and MEMBERS in trusted and issuer not in trusted:
                membership = await self._member(issuer)
                trusted = (*trusted, issuer) if membership is True else trusted
            table[name] = trusted
        return table, membership if isinstance(membership, Unobtained) else None

    async def _of_all(
        self, document: DidDocument | Unobtained, *signed: Mapping[str, bytes | Unobtained]
    ) -> DidDocument | Unobtained:
        """The issuer's document with the keys of these, too: a list may have a newer key than the credential."""
        if isinstance(document, Unobtained):
            return document
        keys = [_signer(octets) for each in signed for octets in each.values() if isinstance(octets, bytes)]
        unknown = next((key for key in keys if key and key not in document.methods), None)
        return await self._document(document.id, unknown) if unknown else document

    async def _document(self, did: Did, key_id: str | None) -> DidDocument | Unobtained:
        try:
            return await self.resolver.did_document(did, key_id)
        except ConnectorError as error:
            return Unobtained(reason=error.detail)

    async def _octets(self, fetch: Fetch, url: str) -> bytes | Unobtained:
        try:
            return await fetch(url)
        except ConnectorError as error:
            return Unobtained(reason=error.detail)


def _signer(octets: bytes) -> str | None:
    """The key that something names as its own."""
    try:
        return key_id_of(octets)
    except Refused:  # opening it says what is wrong with it
        return None
