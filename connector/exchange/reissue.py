"""What an issuer gave us because we asked (`issuance`) is asked for anew before it ends (DCP 1.0.1 section 6).

Only what is wanted: it lies in our folder still, nothing later does, its issuer is trusted for it and has not revoked
it, and nobody asked for the same since. One request each: its id follows from what it renews, so that a restart or
another process finds it, and who writes it first asks. An issuer that cannot be asked is asked again, with pauses that
grow, until the budget of days is spent; one that refuses is not, for a person has to see to that.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

import orjson

from connector.config import Limits
from connector.credentials.datamodel import Credential, parse_credential, time_text
from connector.credentials.digest import digest_multibase
from connector.credentials.ids import mint
from connector.credentials.reissue import asked_anew_at, renewed, says_the_same
from connector.errors import BadInput, Conflict, ConnectorError, NotFound
from connector.exchange.ports import Clock, Ids, Store, Verifier
from connector.exchange.rows import ApprovalRow, EvidenceEntry
from connector.exchange.stored import micros, said_of, time_of
from connector.model import JsonObject

_log = logging.getLogger("connector.reissue")

_PAUSE: Final = timedelta(minutes=10)
"""Between two looks. Whoever claims a request, and does not say within this time what came of it, has died."""
_FIRST, _LONGEST = timedelta(hours=1), timedelta(days=1)
_OPEN: Final = timedelta(days=90)
_ALL: Final = 1 << 31
"""Requests of ours: nobody else makes one, and what is over and needed no more is forgotten (`forget`)."""
_RETRIED: Final = frozenset({"", "unanswered", "withheld"})
_EVENTS: Final = {
    "unanswered": "credential-request-unanswered", "withheld": "credential-request-withheld",
    "rejected": "credential-request-refused",
}  # fmt: skip


class Ask(Protocol):
    """`issuance.Issuance.ask`."""

    async def __call__(
        self, row: ApprovalRow, types: Sequence[str], ids: Sequence[str], *, seen: ApprovalRow | None = None
    ) -> ApprovalRow:
        """Ask, under this row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What ends soon of what a request brought of one of its types: digest -> octets; when the first of it does."""

    pid: str
    """Of the request for it: it follows from what it renews."""
    request: ApprovalRow
    kind: str
    ids: tuple[str, ...]
    """The issuer's own ids under which it was asked for."""
    octets: Mapping[str, bytes]
    until: datetime | None


@dataclass(slots=True, kw_only=True)
class Reissue:
    """The journey of one connector."""

    tenant: str
    store: Store
    verifier: Verifier
    clock: Clock
    ids: Ids
    id_key: bytes
    limits: Limits
    trusted_issuers: Mapping[str, Sequence[str]]
    shown: Callable[[], Sequence[bytes]]
    ask: Ask
    _next: int = 0

    def work(self) -> Coroutine[None, None, None] | None:
        """A look, if it is time for one."""
        now = micros(self.clock.now())
        after = micros(self.clock.now() + _PAUSE)
        if now < self._next <= after or not self.limits.renew_credentials_days:  # beyond: the clock was set back
            return None
        self._next = after
        return self.look()

    async def look(self) -> None:
        """Ask for all that is to be asked for now."""
        rows = await self.store.list_approvals(self.tenant, "credential", limit=_ALL)
        known, now = {row.pid: row for row in rows}, self.clock.now()
        shown = {digest_multibase(octets): octets for octets in self.shown()}
        held = {digest: parse_credential(octets) for digest, octets in shown.items()}
        for one in self._ending(rows, shown, held, now):
            seen = known.get(one.pid)
            if seen is not None or not _asked_since(one, rows, held, now):
                await self._renew(one, seen)

    def _ending(
        self, rows: Sequence[ApprovalRow], shown: Mapping[str, bytes], held: Mapping[str, Credential], now: datetime
    ) -> Iterator[Ending]:
        days, every = self.limits.renew_credentials_days, [*held.values()]
        for row in rows:
            if row.decision != "issued":
                continue
            said = said_of(row)
            mine = [digest for digest in said["digests"] if digest in held and _ends(held[digest], row, now, days)]
            for kind in row.subject.split():
                ends = [one for one in mine if kind in held[one].types and not renewed(held[one], every)]
                if not ends or row.counterparty not in self.trusted_issuers.get(kind, ()):
                    continue
                ids = tuple(name for name, of in said.get("ids", {}).items() if of == kind)
                for pid, digests in self._by_request(ends, kind, rows).items():
                    yield Ending(
                        pid=pid, request=row, kind=kind, ids=ids, octets={one: shown[one] for one in digests},
                        until=min(filter(None, (held[one].valid_until for one in digests)), default=None),
                    )  # fmt: skip

    def _by_request(self, ends: Sequence[str], kind: str, rows: Sequence[ApprovalRow]) -> dict[str, list[str]]:
        """The request that renews it -> digests. What ends later than the rest of its delivery gets one of its own."""
        theirs = [row for row in rows if row.subject == kind]
        asked = {digest: row.pid for row in theirs for digest in said_of(row).get("renews", [])}
        fresh = mint(self.id_key, self.tenant, "reissue", f"{kind} {' '.join(one for one in ends if one not in asked)}")
        found: dict[str, list[str]] = {}
        for one in ends:
            found.setdefault(asked.get(one, fresh), []).append(one)
        return found

    async def _renew(self, one: Ending, seen: ApprovalRow | None) -> None:
        """Claim the request, ask, and say what came of it."""
        now = self.clock.now()
        if seen is not None and (seen.decision not in _RETRIED or not 0 < seen.not_before <= micros(now)):
            return
        row = seen or ApprovalRow(
            tenant=self.tenant, kind="credential", pid=one.pid, turn="request",
            counterparty=one.request.counterparty, subject=one.kind, asked=micros(now), due=micros(now + _OPEN),
            detail=orjson.dumps({"renews": [*one.octets]}),
        )  # fmt: skip
        row = replace(row, decision="", not_before=micros(now + _PAUSE))
        what = f"{one.kind} of {row.counterparty}, good until {time_text(one.until) if one.until else '?'}"
        try:
            await self.store.claim_approval(row, None, seen=seen)
            if revoked := await self._revoked(one):
                await self._later(row.pid, "withheld", revoked, what)
                return
            asked = await self.ask(row, () if one.ids else (one.kind,), one.ids, seen=row)
        except Conflict:  # another process asks, or the issuer was faster
            return
        except (NotFound, BadInput) as error:
            await self._settle(row.pid, "rejected", error.detail, 0)
            _log.warning("%s: not asked for anew: %s", what, error.detail)
            return
        except ConnectorError as error:
            await self._later(row.pid, "unanswered", error.detail, what)
            return
        if asked.decision == "issued":  # before it answered
            return
        if asked.decision:
            _log.warning("%s: asked for anew: %s: %s", what, asked.decision, said_of(asked).get("reason"))
            return
        await self._settle(row.pid, "", "", 0)
        _log.info("%s: its issuer was asked for a new one, and has to decide", what)

    async def _revoked(self, one: Ending) -> str:
        """Why nothing is asked for: its issuer has taken all of it back. What cannot be known is as good as not."""
        why = ""
        for octets in one.octets.values():
            checks = (await self.verifier.verify(octets)).checks
            failed = [check for check in checks if check.name == "status" and check.outcome == "failed"]
            if not failed:
                return ""
            why = f"its issuer has taken it back ({failed[0].code}: {failed[0].detail})"
        return why

    async def _later(self, pid: str, decision: str, reason: str, what: str) -> None:
        """Try again later; give up when the budget is spent."""
        row, now, later = await self._load(pid), self.clock.now(), 0
        tries = said_of(row).get("tries", 0)
        if micros(now) - row.asked < self.limits.retry_budget_seconds * 1_000_000:
            pause = _LONGEST if decision == "withheld" else min(_LONGEST, _FIRST * 2.0 ** min(tries, 10))
            later = micros(now + pause * (0.5 + self.ids.jitter()))
        await self._settle(pid, decision, reason, later, tries + 1)
        again = f"tried again at {time_of(later)}" if later else "given up"
        _log.warning("%s: could not be asked for anew, %s: %s", what, again, reason)

    async def _settle(self, pid: str, decision: str, reason: str, not_before: int, tries: int = 0) -> None:
        """What came of a claim. Its delivery may have been faster: then that stands."""
        row = await self._load(pid)
        if row.decision not in _RETRIED:
            return
        said: JsonObject = {**said_of(row), "reason": reason, "tries": tries}
        entry = None
        if decision not in {"", row.decision}:
            told = {"pid": pid, "issuer": row.counterparty, "types": [row.subject], "reason": reason}
            entry = EvidenceEntry(
                tenant=self.tenant, at=micros(self.clock.now()), event=_EVENTS[decision], body=orjson.dumps(told)
            )
        after = replace(row, decision=decision, not_before=not_before, detail=orjson.dumps(said))
        with suppress(Conflict):
            await self.store.claim_approval(after, entry, seen=row)

    async def _load(self, pid: str) -> ApprovalRow:
        row = await self.store.load_approval(self.tenant, "credential", pid)
        assert row is not None, "it was claimed"
        return row


def _ends(credential: Credential, row: ApprovalRow, now: datetime, days: int) -> bool:
    """Whether it is time. What has ended longer ago than it would have been asked for before is not missed."""
    until, asked = credential.valid_until, datetime.fromtimestamp(row.asked / 1_000_000, UTC)
    at = asked_anew_at(credential, asked, days)
    return until is not None and at is not None and at <= now and now - until <= timedelta(days=days)


def _asked_since(one: Ending, rows: Sequence[ApprovalRow], held: Mapping[str, Credential], now: datetime) -> bool:
    """Whether the same issuer was asked for the same since, and may answer still, or has answered with the same."""
    for row in rows:
        said = said_of(row)
        if (
            row.turn == one.request.turn
            and (row.counterparty, row.asked > one.request.asked) == (one.request.counterparty, True)
            and one.kind in row.subject.split()
            and (not one.ids or not {*one.ids}.isdisjoint(said.get("ids", {})))
            and (_open(row, now) or (row.decision == "issued" and _brought(said["digests"], one, held)))
        ):
            return True
    return False


def _open(row: ApprovalRow, now: datetime) -> bool:
    """Whether it is not answered yet, or is asked again by itself."""
    return (not row.decision and row.due > micros(now)) or (row.decision == "unanswered" and bool(row.not_before))


def _brought(digests: Sequence[str], one: Ending, held: Mapping[str, Credential]) -> bool:
    """Whether these say the same as all that ends: another role does not."""
    came = [held[digest] for digest in digests if digest in held]
    return all(any(says_the_same(new, held[old]) for new in came) for old in one.octets)
