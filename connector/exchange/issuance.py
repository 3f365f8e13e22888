"""Credentials that say who we are, got from who issues them: asked for, delivered, offered (DCP 1.0.1 section 6).

A request is a row of the queue of what waits (`ApprovalRow`, kind `credential`) by our own id for it; what an issuer
offers is one row per issuer, and nothing follows of it until a person asks. Deny by default: a delivery counts for a
request of ours that is not too old, from whom we asked, of types that we asked for; each credential in it must be valid
now, about us, and from a trusted issuer, or none is kept. Where they are kept, and shown from, is `keys`'.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final, Protocol

import orjson

from connector.credentials import issuance
from connector.credentials.datamodel import parse_credential
from connector.credentials.digest import digest_multibase
from connector.credentials.issuance import Delivery, Supported
from connector.credentials.presentation import PARTY_LIMIT_BYTES, bound_to
from connector.credentials.query import PROFILES
from connector.credentials.reissue import replaced
from connector.credentials.verify import needs
from connector.errors import BadInput, BadMessage, CannotCheck, Conflict, ConnectorError, NotAllowed, NotFound
from connector.exchange.pages import reason_of
from connector.exchange.patience import NOT_NOW, not_now
from connector.exchange.ports import Clock, Ids, Peers, Resolver, Store, Verifier
from connector.exchange.rows import ApprovalRow, EvidenceEntry
from connector.exchange.stored import micros, said_of
from connector.model import Did, Json, JsonObject
from connector.vocabulary.admission import admit_message

_log = logging.getLogger("connector.issuance")

REQUEST: Final = "request"
OFFER: Final = "offer"
REQUEST_ID: Final = "requestId"
"""What is kept under this name: the issuer's id for a request, by which it tells how far that is."""
_SEGMENT: Final = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@%-]{1,512}")
"""Of a path (RFC 3986, 3.3)."""
_OPEN: Final = timedelta(days=90)
"""So long a delivery counts for a request: issuers may look at papers first, and issue anew what is about to expire."""
_MOST_OFFERED: Final = 64
_MOST_LISTED: Final = 1_000
_TRIES: Final = 5
_LIMIT_BYTES: Final = 256 * 1024
_OK: Final = 200
_FAILED: Final = 500
_ASKED: Final = range(200, 300)
"""DCP wants a 201; an issuer that says it with another 2xx (RFC 9110, 15.3) was asked as well."""


class Wallet(Protocol):
    """Where our own party credentials are kept."""

    def __call__(self) -> Sequence[bytes]:
        """What is shown."""

    async def keep(self, batch: str, credentials: Sequence[bytes], instead_of: Collection[bytes] = ()) -> None:
        """Keep these in place of what was kept for the same batch, and of those others; they are shown at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuance:
    """The journeys of a holder."""

    tenant: str
    did: Did
    store: Store
    peers: Peers
    resolver: Resolver
    verifier: Verifier
    wallet: Wallet
    clock: Clock
    ids: Ids
    trusted_issuers: Mapping[str, Collection[str]]
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Files and row of one delivery stay together, and no row is written over what came since it was read."""

    # --- we ask ------------------------------------------------------------------------------------------------------

    async def request(self, issuer: Did, types: Sequence[str], ids: Sequence[str]) -> ApprovalRow:
        """Ask an issuer for credentials, by type (looked up in what it says it can issue) or by its own ids."""
        now = self.clock.now()
        row = ApprovalRow(
            tenant=self.tenant, kind="credential", pid=self.ids.urn(), turn=REQUEST, counterparty=issuer, subject="",
            asked=micros(now), due=micros(now + _OPEN),
        )  # fmt: skip
        return await self.ask(row, types, ids)

    async def ask(
        self, row: ApprovalRow, types: Sequence[str], ids: Sequence[str], *, seen: ApprovalRow | None = None
    ) -> ApprovalRow:
        """Ask, under this row. One that stands already, as `seen`, is asked for its own types and no others.

        The row stands before the request goes out: the delivery may come before its answer. `Conflict`: it changed.
        """
        issuer = Did(row.counterparty)
        if not self._trusted(issuer):
            raise BadInput(f"trusted_issuers does not name {issuer}, so nothing of it would count")
        base = await self._service(issuer)
        chosen = await self._chosen(issuer, base, types, ids)
        kinds = sorted({one.credential_type for one in chosen})
        if seen is not None and kinds != row.subject.split():
            raise NotFound(f"{issuer} issues {', '.join(kinds)} by now under the ids of {row.subject}")
        useless = [kind for kind in kinds if issuer not in self.trusted_issuers.get(kind, ())]
        if useless:
            raise BadInput(f"trusted_issuers does not name {issuer} for {', '.join(useless)}, so it would not count")
        detail = {**said_of(row), "ids": {one.id: one.credential_type for one in chosen}}
        row = replace(row, subject=" ".join(kinds), detail=orjson.dumps(detail))
        said: JsonObject = {"ids": [one.id for one in chosen]}
        if renews := renews_of(row):
            said["renews"] = [*renews]
        await self.store.claim_approval(row, self._entry(row, "credential-requested", said), seen=seen)
        row = await self._send(row, f"{base}/credentials", [one.id for one in chosen])
        if row.decision in {"", "issued"}:
            await self._taken(issuer, {one.id for one in chosen})
        return row

    async def _send(self, row: ApprovalRow, url: str, ids: Sequence[str]) -> ApprovalRow:
        """Send the request; its row afterwards. `CannotCheck`: nobody knows whether the issuer has it."""
        body = orjson.dumps(issuance.request_message(row.pid, ids))
        try:
            answer = (await self.peers.post(Did(row.counterparty), url, body, limit_bytes=_LIMIT_BYTES)).answer
            if answer.status in NOT_NOW or answer.status >= _FAILED:  # nobody knows what it has kept
                raise not_now(row.counterparty, answer)
        except ConnectorError as error:
            row = await self._unless_decided(row, "unanswered", "credential-request-unanswered", error.detail)
            if row.decision != "unanswered":
                return row
            raise
        if answer.status in _ASKED:
            return await self._known_as(row, answer.headers.get("location", ""))
        said = f"it answered HTTP {answer.status}: {reason_of(answer.body)}"
        return await self._unless_decided(row, "rejected", "credential-request-refused", said)

    async def _known_as(self, row: ApprovalRow, location: str) -> ApprovalRow:
        """The request with the issuer's own id for it, the last segment of its address (section 6.4)."""
        ident = location.partition("?")[0].rstrip("/").rpartition("/")[2]
        async with self._turn:
            now = await self._standing(row)
            if not _SEGMENT.fullmatch(ident):
                return now
            after = replace(now, detail=orjson.dumps({**said_of(now), REQUEST_ID: ident}))
            try:
                await self.store.claim_approval(after, None, seen=now)
            except Conflict:  # delivered to another process just now
                return await self._standing(row)
        return after

    async def inquire(self, row: ApprovalRow) -> None:
        """Ask the issuer how far a request is (section 6.8). A refusal counts; what was issued is on its way."""
        issuer = Did(row.counterparty)
        if not self._trusted(issuer):
            return
        url = f"{await self._service(issuer)}/requests/{said_of(row)[REQUEST_ID]}"
        answer = (await self.peers.get(issuer, url)).answer
        if answer.status != _OK:
            raise CannotCheck(f"how far it is could not be read: HTTP {answer.status}")
        status = issuance.read_status(admit_message(answer.body, _LIMIT_BYTES), row.pid)
        if status == "REJECTED":
            said = "it told no reason: it was asked how far the request is"
            await self._unless_decided(row, "rejected", "credential-request-refused", said)

    async def _unless_decided(self, row: ApprovalRow, decision: str, event: str, reason: str) -> ApprovalRow:
        """The request with this decision, or as it stands if its delivery was faster than the answer."""
        async with self._turn:
            now = await self._standing(row)
            if now.decision:
                return now
            said = {"reason": reason}
            row = replace(now, decision=decision, detail=orjson.dumps({**said_of(now), **said}))
            try:
                await self.store.claim_approval(row, self._entry(row, event, said), seen=now)
            except Conflict:  # delivered to another process just now
                return await self._standing(row)
        return row

    async def _standing(self, row: ApprovalRow) -> ApprovalRow:
        return await self.store.load_approval(self.tenant, "credential", row.pid) or row

    def _trusted(self, issuer: Did) -> bool:
        return any(issuer in trusted for trusted in self.trusted_issuers.values())

    async def _service(self, issuer: Did) -> str:
        endpoint = (await self.resolver.did_document(issuer)).endpoint(issuance.SERVICE)
        if endpoint is None:
            raise CannotCheck(f"{issuer} names no {issuance.SERVICE}", hint="get its credentials as files")
        return endpoint.rstrip("/")

    async def _chosen(self, issuer: Did, base: str, types: Sequence[str], ids: Sequence[str]) -> list[Supported]:
        """What it can issue of these types and ids; of two profiles of one type the first that we read."""
        if not 0 < len({*types, *ids}) <= issuance.MAX_CREDENTIALS:
            raise BadInput(f"say 1 to {issuance.MAX_CREDENTIALS} types or ids")
        answer = (await self.peers.get(issuer, f"{base}/metadata")).answer
        if answer.status != _OK:
            raise CannotCheck(f"what {issuer} can issue is not known: HTTP {answer.status}")
        told = issuance.read_metadata(admit_message(answer.body, _LIMIT_BYTES), issuer)
        known = [one for one in told if one.credential_type]  # of no type it could not be told from any other
        chosen = [one for one in known if one.id in ids]
        for kind in types:
            fitting = [one for one in known if one.credential_type == kind and one.profile in {"", *PROFILES}]
            chosen += sorted(fitting, key=lambda one: PROFILES.index(one.profile) if one.profile else 0)[:1]
        lacking = {*types} - {one.credential_type for one in chosen} | {*ids} - {one.id for one in chosen}
        if lacking:
            issued = ", ".join(sorted({one.credential_type for one in known}))
            raise NotFound(f"{issuer} does not issue {', '.join(sorted(lacking))}", hint=f"it issues: {issued}")
        return list(dict.fromkeys(chosen))

    # --- it delivers, or offers --------------------------------------------------------------------------------------

    async def check(self, party: Did, delivery: Delivery) -> ApprovalRow:
        """The request that is answered. `NotFound`: none of ours at this party; `BadMessage`: not what we asked for."""
        row, now = await self.store.load_approval(self.tenant, "credential", delivery.holder_pid), self.clock.now()
        if row is None or row.turn != REQUEST or row.counterparty != party or row.due <= micros(now):
            raise NotFound("no open request of ours")
        asked = {"VerifiableCredential", *row.subject.split()}
        for octets in delivery.credentials:
            await self._check_one(octets, asked)
        return row

    async def _check_one(self, octets: bytes, asked: set[str]) -> None:
        if len(octets) > PARTY_LIMIT_BYTES or not asked.issuperset(needs(octets).types):
            raise BadMessage("a credential that we did not ask for, or a very large one")
        report = await self.verifier.verify(octets, trusted_only=True)
        if report.verdict == "indeterminate":
            raise CannotCheck("a credential can't be checked: its keys or its status can't be had")
        credential = report.credential
        if report.verdict != "valid" or credential is None or not bound_to(credential.payload, self.did):
            failed = next((check.code for check in report.checks if check.outcome == "failed"), "subject")
            raise BadMessage(f"a credential that is not valid, or not about us: {failed}")

    async def keep(self, row: ApprovalRow, delivery: Delivery) -> None:
        """Keep what was checked; what an earlier delivery of this request brought makes way. What we have stays."""
        async with self._turn:
            for _ in range(_TRIES):
                with suppress(Conflict):  # another process took a delivery just now: on top of that one
                    now = await self._standing(row)
                    await self._keep(now, delivery)
                    return
        raise CannotCheck("other deliveries of this request come at the same time", hint="deliver it again")

    async def _keep(self, row: ApprovalRow, delivery: Delivery) -> None:
        said: JsonObject = {"issuerPid": delivery.issuer_pid, "reason": delivery.reason}
        if delivery.status == "ISSUED":
            batch, old = hashlib.sha256(row.pid.encode()).hexdigest()[:12], self._replaced(row, delivery)
            await self.wallet.keep(batch, delivery.credentials, [*old.values()])
            said["digests"] = [digest_multibase(octets) for octets in delivery.credentials]
            if old:
                said["replaces"] = [*old]
        elif row.decision == "issued":
            return
        kept = orjson.dumps({**said_of(row), **said})
        seen, row = row, replace(row, decision=delivery.status.lower(), not_before=0, detail=kept)
        await self.store.claim_approval(row, self._entry(row, f"credential-{row.decision}", said), seen=seen)
        level, why = (logging.INFO, "") if row.decision == "issued" else (logging.WARNING, f": {delivery.reason!r}")
        _log.log(level, "%s of %s that we asked for: %s%s", row.subject, row.counterparty, row.decision, why)

    def _replaced(self, row: ApprovalRow, delivery: Delivery) -> dict[str, bytes]:
        """What we show and need no longer beside what this brings: digest -> octets."""
        if not renews_of(row):
            return {}
        shown = {digest_multibase(octets): octets for octets in self.wallet()}
        held = {digest: parse_credential(octets) for digest, octets in shown.items()}
        old = {digest: held[digest] for digest in renews_of(row) if digest in held}
        new = [parse_credential(octets) for octets in delivery.credentials]
        gone = replaced([*old.values()], new, [*held.values()])
        return {digest: shown[digest] for digest, one in old.items() if one in gone}

    def check_offers(self, party: Did) -> None:
        """Only who could issue something that counts may offer it."""
        if not self._trusted(party):
            raise NotAllowed("offers are taken from trusted issuers only")

    async def offer(self, party: Did, offered: Sequence[Supported]) -> None:
        """Remember what an issuer offers, the newest first; of one issuer there is one row."""
        async with self._turn:
            await self._remember(party, offered)

    async def _remember(self, party: Did, offered: Sequence[Supported]) -> None:
        now = self.clock.now()
        row, known = await self._offered(party)
        if row is not None and row.due <= micros(now):
            known = {}
        newest: JsonObject = {one.id: one.credential_type for one in offered}
        every = {**newest, **{name: known[name] for name in known if name not in newest}}
        row = ApprovalRow(
            tenant=self.tenant, kind="credential", pid=_offers_of(party), turn=OFFER, counterparty=party,
            subject="", asked=micros(now), due=micros(now + _OPEN),
        )  # fmt: skip
        kept = dict(list(every.items())[:_MOST_OFFERED])
        await self._commit(_offering(row, kept), "credential-offered", {"offered": newest})

    async def _taken(self, issuer: Did, ids: Collection[str]) -> None:
        """What was asked for is offered no more."""
        async with self._turn:
            row, known = await self._offered(issuer)
            left = {name: known[name] for name in known if name not in ids}
            if row is not None and left != known:
                await self._commit(_offering(row, left), "credential-offer-taken", {"left": left})

    async def _offered(self, party: Did) -> tuple[ApprovalRow | None, JsonObject]:
        row = await self.store.load_approval(self.tenant, "credential", _offers_of(party))
        return row, said_of(row)["offered"] if row is not None else {}

    # --- what there is -----------------------------------------------------------------------------------------------

    async def requests(self) -> list[ApprovalRow]:
        """All requests, and the offers that still stand; the longest known first."""
        now = micros(self.clock.now())
        rows = await self.store.list_approvals(self.tenant, "credential", limit=_MOST_LISTED)
        return [row for row in rows if row.turn == REQUEST or row.due > now]

    async def _commit(self, row: ApprovalRow, event: str, said: Mapping[str, Json]) -> None:
        await self.store.commit_approval(row, self._entry(row, event, said))

    def _entry(self, row: ApprovalRow, event: str, said: Mapping[str, Json]) -> EvidenceEntry:
        body = orjson.dumps({"pid": row.pid, "issuer": row.counterparty, "types": row.subject.split(), **said})
        return EvidenceEntry(tenant=self.tenant, at=micros(self.clock.now()), event=event, body=body)


def renews_of(row: ApprovalRow) -> list[str]:
    """The digests of what a request is to bring anew; none: a person asked."""
    renews: list[str] = said_of(row).get("renews", [])
    return renews


def _offers_of(party: Did) -> str:
    return f"offer:{party}"


def _offering(row: ApprovalRow, offered: JsonObject) -> ApprovalRow:
    kinds = sorted({str(kind) for kind in offered.values() if kind})
    return replace(row, subject=" ".join(kinds), detail=orjson.dumps({"offered": offered}))
