"""Credentials that holders ask us for: taken, decided by a person, delivered (DCP 1.0.1 sections 6.4, 6.5, 6.8).

A request is a row of the queue of what waits (`ApprovalRow`, kind `issuance`), under an id that follows from the holder
and its own id for it, so that a repeat is the same request. Deny by default: only what the configuration names can be
asked for, and nothing is issued without a person's word and claims. Signing is `publish`'s. A decided row is its own
timer (`not_before`): the outbox runs `deliver` until the holder has it, or the budget of days is spent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from types import MappingProxyType
from typing import Final, Literal

import orjson

from connector.config import Issue, Limits
from connector.credentials import issuance
from connector.credentials.ids import mint
from connector.credentials.issuance import Request, Supported
from connector.credentials.query import PROFILES
from connector.errors import (
    BadConfig,
    BadMessage,
    CannotCheck,
    Conflict,
    ConnectorError,
    IllegalTransition,
    NotFound,
    TooMany,
)
from connector.exchange.pages import reason_of
from connector.exchange.patience import growing
from connector.exchange.ports import Clock, Ids, Peers, Resolver, Store
from connector.exchange.rows import ApprovalRow, EvidenceEntry
from connector.exchange.stored import micros, said_of
from connector.model import Did, JsonObject
from connector.vocabulary.foreign import Foreign

DELIVERY: Final = "delivery"
"""The name of the timer that a decided row is."""
Decision = Literal["issued", "rejected"]
_OPEN: Final = timedelta(days=90)
"""So long a request waits for a word: papers have to be looked at first. After that it is as good as rejected."""
_MOST_OF_ONE: Final = 16
_MOST: Final = 1_000
"""So many requests may wait, of one party and of all together; beyond the second only parties that we know may ask."""
_ASK_AGAIN_SECONDS: Final = 3_600
_LEASE: Final = timedelta(seconds=60)
"""Whoever delivers and does not say within this time what came of it has died."""
_TRIES: Final = 5
_TAKEN: Final = range(200, 300)
_LIMIT_BYTES: Final = 64 * 1024
_NONE: Final = MappingProxyType[str, str]({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """The journeys of an issuer."""

    tenant: str
    store: Store
    peers: Peers
    resolver: Resolver
    clock: Clock
    ids: Ids
    id_key: bytes
    supported: Mapping[str, Supported]
    """What may be asked for, by id (`supported_by`)."""
    knows: Callable[[str], bool]
    """Whether a party is one that the configuration names, or that has shown something that counts."""
    limits: Limits
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """No row is written over what came since it was read."""
    word: asyncio.Lock = field(default_factory=asyncio.Lock)
    """One person's word after the other: nothing is signed for one that comes too late."""

    # --- a holder asks -----------------------------------------------------------------------------------------------

    async def check(self, holder: Did, request: Request) -> ApprovalRow | None:
        """The request that this one repeats, if any. `BadMessage`: it can't be taken; `TooMany`: not now."""
        unknown = [one for one in request.ids if one not in self.supported]
        if unknown:
            raise BadMessage(f"not issued here: {', '.join(unknown):.200}", hint="the metadata says what is")
        row = await self.store.load_approval(self.tenant, "issuance", self._pid(holder, request.holder_pid))
        if row is not None:
            if [one.id for one in asked_for(row)] != list(request.ids):
                raise Conflict("this holderPid asked for other credentials before", hint="take a new one")
            return row
        now = micros(self.clock.now())
        of_one = await self.store.count_issuances(self.tenant, now=now, counterparty=holder)
        crowded = not self.knows(holder) and await self.store.count_issuances(self.tenant, now=now) >= _MOST
        if of_one >= _MOST_OF_ONE or crowded:
            raise TooMany(_ASK_AGAIN_SECONDS)
        return None

    async def take(self, holder: Did, request: Request) -> ApprovalRow:
        """The request, kept; one that comes again while its outcome is not delivered has the delivery tried at once."""
        async with self._turn:
            row, now = await self.check(holder, request), self.clock.now()
            if row is None:
                asked = [asdict(self.supported[one]) for one in request.ids]
                row = ApprovalRow(
                    tenant=self.tenant, kind="issuance", pid=self._pid(holder, request.holder_pid), turn="issuance",
                    counterparty=holder, subject=" ".join(request.ids), asked=micros(now), due=micros(now + _OPEN),
                    detail=orjson.dumps({"holderPid": request.holder_pid, "asked": asked}),
                )  # fmt: skip
                await self._commit(row, "issuance-requested", {"holderPid": request.holder_pid}, undecided=True)
            elif row.decision and "delivered" not in said_of(row):
                with suppress(Conflict):  # it is delivered by another process just now
                    await self.store.claim_approval(replace(row, not_before=micros(now)), None, seen=row)
            return row

    async def of_holder(self, holder: Did, pid: str) -> ApprovalRow:
        """A request of this holder. `NotFound`: of nobody, or of somebody else."""
        row = await self.load(pid)
        if row.counterparty != holder:
            raise NotFound("no such request")
        return row

    def status(self, row: ApprovalRow) -> str:
        """Its status, in the protocol's words (section 6.8). Signed is not yet delivered; it is on its way."""
        if row.decision:
            return row.decision.upper()
        return "REJECTED" if self.expired(row) else "RECEIVED"

    # --- a person decides --------------------------------------------------------------------------------------------

    def expired(self, row: ApprovalRow) -> bool:
        """Whether nobody decided in time."""
        return not row.decision and row.due <= micros(self.clock.now())

    async def load(self, pid: str) -> ApprovalRow:
        """A request. `NotFound`: there is none."""
        row = await self.store.load_approval(self.tenant, "issuance", pid)
        if row is None:
            raise NotFound("no such request")
        return row

    def said_before(self, row: ApprovalRow, decision: Decision, stated: str) -> bool:
        """Whether this very word was said. `IllegalTransition`: another one, or it is too late."""
        if self.expired(row):
            raise IllegalTransition("nobody decided in time, so the request is over: the holder may ask anew")
        if row.decision and (row.decision, said_of(row).get("stated")) != (decision, stated):
            hint = "battery-connector credential requests"
            raise IllegalTransition(f"it was decided already: {row.decision}", hint=hint)
        return bool(row.decision)

    async def decide(
        self, row: ApprovalRow, decision: Decision, stated: str, *, reason: str = "", made: Mapping[str, str] = _NONE,
        silent: bool = False,
    ) -> ApprovalRow:  # fmt: skip
        """A person's word: these credentials, which are signed and kept, or none for a reason. It is delivered next;
        `silent`: only when the holder asks again. `Conflict`: another word was said at the same time.

        `made`: digest -> which of those asked for it is. `stated`: the word in short, by which a repeat is known.
        """
        async with self._turn:
            row = await self.load(row.pid)
            if self.said_before(row, decision, stated):
                return row
            now = micros(self.clock.now())
            said: JsonObject = {"reason": reason, "credentials": {**made}}
            kept = {**said_of(row), **said, "stated": stated, "decided": now}
            row = replace(row, decision=decision, not_before=now, detail=orjson.dumps(kept))
            row = replace(row, not_before=0, due=now) if silent else row
            await self._commit(row, f"issuance-{decision}", said, undecided=True)
            return row

    # --- it is delivered ---------------------------------------------------------------------------------------------

    async def deliver(self, pid: str) -> None:
        """Bring the outcome to the holder's credential service. The next try is set first: a death costs one pause."""
        async with self._turn:
            row, now = await self.load(pid), self.clock.now()
            if not 0 < row.not_before <= micros(now):
                return
            try:
                await self.store.claim_approval(replace(row, not_before=micros(now + _LEASE)), None, seen=row)
            except Conflict:  # another process delivers it
                return
        try:
            failed = await self._hand_over(row)
        except ConnectorError as error:
            failed = error.detail or error.code
        await self.settle(pid, failed)

    async def settle(self, pid: str, failed: str) -> None:
        """Say what came of a try: why it was not taken, or nothing."""
        async with self._turn:
            for _ in range(_TRIES):
                with suppress(Conflict):  # the word of another try came first, or the holder asked again just now
                    await self._delivered(await self.load(pid), failed)
                    return

    async def _hand_over(self, row: ApprovalRow) -> str:
        """Send it. Why it was not taken, or nothing."""
        holder, said, asked = Did(row.counterparty), said_of(row), {one.id: one for one in asked_for(row)}
        credentials: list[tuple[Supported, bytes]] = []
        for digest, ident in said["credentials"].items():
            found = await self.store.find_credential(self.tenant, digest)
            assert found is not None, "it was kept before the word was"
            credentials.append((asked[ident], found.octets))
        message = issuance.credential_message(
            issuer_pid=row.pid, holder_pid=str(said["holderPid"]), credentials=credentials, reason=str(said["reason"])
        )
        endpoint = (await self.resolver.did_document(holder)).endpoint("CredentialService")
        if endpoint is None:
            raise CannotCheck(f"{holder} names no CredentialService")
        url = f"{endpoint.rstrip('/')}/credentials"
        sent = await self.peers.post(holder, url, orjson.dumps(message), limit_bytes=_LIMIT_BYTES)
        answer = sent.answer
        return "" if answer.status in _TAKEN else f"HTTP {answer.status}: {reason_of(answer.body)}"

    async def _delivered(self, row: ApprovalRow, failed: str) -> None:
        said, now = said_of(row), self.clock.now()
        if failed and "delivered" in said:
            return  # by another try that the holder's repeat began meanwhile
        if not failed:
            kept = orjson.dumps({**said, "delivered": micros(now), "failed": ""})
            after = replace(row, not_before=0, due=micros(now), detail=kept)
            await self._commit(after, "issuance-delivered", {}, seen=row)
            return
        tries = said.get("tries", 0) + 1
        kept = orjson.dumps({**said, "tries": tries, "failed": failed})
        if micros(now) - said["decided"] > self.limits.retry_budget_seconds * 1_000_000:
            after = replace(row, not_before=0, due=micros(now), detail=kept)
            await self._commit(after, "issuance-undelivered", {"reason": failed}, seen=row)
            return
        first, longest = self.limits.retry_first_seconds, self.limits.retry_cap_seconds
        later = micros(now + timedelta(seconds=growing(first, longest, tries - 1, self.ids.jitter())))
        await self.store.claim_approval(replace(row, not_before=later, detail=kept), None, seen=row)

    # --- shared ------------------------------------------------------------------------------------------------------

    def _pid(self, holder: Did, holder_pid: str) -> str:
        return mint(self.id_key, self.tenant, "issuance", f"{holder} {holder_pid}")

    async def _commit(
        self, row: ApprovalRow, event: str, said: JsonObject, *, undecided: bool = False,
        seen: ApprovalRow | None = None,
    ) -> None:  # fmt: skip
        """Keep it, with its entry: where it stands as it was seen, or undecided. Else `Conflict`."""
        body = orjson.dumps({"pid": row.pid, "holder": row.counterparty, "ids": row.subject.split(), **said})
        entry = EvidenceEntry(tenant=self.tenant, at=micros(self.clock.now()), event=event, body=body)
        if seen is not None:
            await self.store.claim_approval(row, entry, seen=seen)
        else:
            await self.store.commit_approval(row, entry, undecided=undecided)


def foreign_of(issue: Issue) -> Foreign | None:
    """The words of a type of another dataspace; None: they are the vocabulary's."""
    if not issue.context:
        return None
    return Foreign(context_url=issue.context, credential_type=issue.type, terms=issue.terms)


def supported_by(issues: Mapping[str, Issue], types: Collection[str], schemas: str) -> dict[str, Supported]:
    """What the configuration names, by id. `types`: those of the vocabulary, of which each has to be one that brings no
    words of its own; `schemas`: where theirs lie.
    """
    for name, one in issues.items():
        if bool(one.context) != bool(one.terms) or (one.context and one.profile != PROFILES[1]):
            raise BadConfig(f"issues.{name}: context and terms go together, with profile {PROFILES[1]}")
    unknown = sorted({one.type for one in issues.values() if not one.context} - {*types})
    if unknown:
        raise BadConfig(
            f"issues: the vocabulary has no {', '.join(unknown)}",
            hint="MembershipCredential, RoleCredential, MandateCredential are some; battery-connector vocab term TYPE",
        )
    return {
        name: Supported(
            id=name, credential_type=one.type, profile=one.profile, schema=one.context or f"{schemas}{one.type}.json"
        )
        for name, one in issues.items()
    }  # fmt: skip


def asked_for(row: ApprovalRow) -> list[Supported]:
    """What a request asks for, as it was offered then."""
    return [Supported(**one) for one in said_of(row)["asked"]]
