"""Credential verification with everything that has to be fetched for it: `exchange.ports.Verifier`.

`credentials.verify` names what it needs and makes the checks; here it is fetched and kept. The trust list of the
configuration may say `members` for a type: then the issuer must show a valid MembershipCredential of its own, which is
asked for at its AuditService (`/party`) and verified under the list's entry for that type.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from connector.credentials.did import DidDocument
from connector.credentials.presentation import bound_to
from connector.credentials.status import Unobtained
from connector.credentials.verify import Material, Report, ShapeCheck, needs, verify
from connector.errors import ConnectorError
from connector.exchange.ports import AuditReads, Clock
from connector.model import Did
from connector.peers.resolver import Resolver
from connector.vocabulary.admission import admit

Fetch = Callable[[str], Awaitable[bytes]]
MEMBERS = "members"
MEMBERSHIP = "MembershipCredential"
_MEMBERSHIP_LIFETIME = timedelta(minutes=5)
_REFUSAL_LIFETIME = timedelta(seconds=10)
_MAX_CREDENTIALS = 16
_PARTY_LIMIT_BYTES = 1 << 20
_OK = 200


@dataclass(slots=True, kw_only=True)
class FetchingVerifier:
    """Verifies with cached DID documents and status lists."""

    resolver: Resolver
    clock: Clock
    contexts: Collection[str]
    check_shape: ShapeCheck
    trusted_issuers: Mapping[str, Collection[str]]
    reads: AuditReads
    _members: dict[Did, tuple[bool, datetime]] = field(default_factory=dict)

    async def verify(self, octets: bytes, at: datetime) -> Report:
        """The numbered checks, judged as of `at`."""
        needed = needs(octets)
        documents: dict[str, DidDocument | Unobtained] = {}
        lists: dict[str, bytes | Unobtained] = {}
        changes: dict[str, bytes | Unobtained] = {}
        if needed.issuer is not None:
            documents[needed.issuer] = await self._document(needed.issuer)
        for url in needed.status_lists:
            lists[url], changes[url] = await asyncio.gather(
                self._octets(self.resolver.status_list, url), self._octets(self.resolver.status_changes, url)
            )
        material = Material(
            documents=documents, lists=lists, changes=changes, contexts=self.contexts, check_shape=self.check_shape,
            trusted_issuers=await self._trusted(needed.issuer, needed.types),
        )  # fmt: skip
        return verify(octets, at=at, now=self.clock.now(), material=material)

    async def is_member(self, party: Did) -> bool:
        """Whether the party shows a valid membership credential. Unreachable counts as no, for ten seconds."""
        now = self.clock.now()
        known = self._members.get(party)
        if known and known[1] > now:
            return known[0]
        found = await self._shows_membership(party, now)
        self._members[party] = (found, now + (_MEMBERSHIP_LIFETIME if found else _REFUSAL_LIFETIME))
        return found

    async def _shows_membership(self, party: Did, now: datetime) -> bool:
        try:
            answer = await self.reads.read(party, "party")
        except ConnectorError:
            return False
        if answer.status != _OK:
            return False
        shown = admit(answer.body, _PARTY_LIMIT_BYTES).get("credentials")
        for octets in (shown if isinstance(shown, list) else [])[:_MAX_CREDENTIALS]:
            if isinstance(octets, str) and octets.isascii() and MEMBERSHIP in needs(octets.encode()).types:
                report = await self.verify(octets.encode(), now)
                if report.verdict == "valid" and report.credential and bound_to(report.credential.payload, party):
                    return True
        return False

    async def _trusted(self, issuer: Did | None, types: Collection[str]) -> Mapping[str, Collection[str]]:
        """The trust list for these types, with `members` replaced by the issuer where it is one."""
        table: dict[str, Collection[str]] = {}
        for name in types:
            trusted = self.trusted_issuers.get(name, ())
            if issuer and MEMBERS in trusted and await self.is_member(issuer):
                trusted = (*trusted, issuer)
            table[name] = trusted
        return table

    async def _document(self, did: Did) -> DidDocument | Unobtained:
        try:
            return await self.resolver.did_document(did)
        except ConnectorError as error:
            return Unobtained(reason=error.detail)

    async def _octets(self, fetch: Fetch, url: str) -> bytes | Unobtained:
        try:
            return await fetch(url)
        except ConnectorError as error:
            return Unobtained(reason=error.detail)
