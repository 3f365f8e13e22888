"""What the journeys need from outside, as protocols, and the rows that cross the line to a store.

A store speaks in transactions of a journey, not in tables, and never decides: each `commit_*` is one durable
transaction, refused as a whole with `Conflict` when an expected version no longer holds. Times are integer microseconds
since the epoch (UTC), documents are the exact bytes. The tenant comes first in every key (DECISIONS: "the protocol's
step"); it is the path of the connector's public address, empty for a sole tenant.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from connector.credentials.did import DidDocument
from connector.credentials.sd_jwt import Challenge
from connector.credentials.verify import Report
from connector.exchange.agreed import AgreementStore
from connector.exchange.keeping import RecordStore
from connector.exchange.rows import (
    ApprovalKind,
    ApprovalRow,
    AttemptRow,
    CommandRow,
    DataTokenRow,
    EvidenceEntry,
    EvidenceRow,
    MessageRow,
    OutboxRow,
    ProcessKind,
    ProcessRow,
    ReplayRow,
    StepCommit,
    TimerRow,
)
from connector.model import Did

if TYPE_CHECKING:
    from connector.mapping.plan import Plan
    from connector.mapping.source import SourceFile


class Store(RecordStore, AgreementStore, Protocol):
    """Durable state of a connector. Every method is one transaction."""

    async def load_process(self, tenant: str, kind: ProcessKind, pid: str) -> ProcessRow | None:
        """The process by our pid."""

    async def find_process(self, tenant: str, kind: ProcessKind, counterparty: str, peer_pid: str) -> ProcessRow | None:
        """The process by the peer's pid."""

    async def newest_processes(
        self, tenant: str, *kinds: ProcessKind, behind: Collection[str] = (), counterparty: str = "", role: str = "",
        states: Collection[str] = (), before: tuple[int, str] | None = None, limit: int = 100,
    ) -> list[ProcessRow]:  # fmt: skip
        """Those that changed last, last change first; those in the states `behind` after all others.

        Of one counterparty, in one role and in one of these states, where some are named; `before`: time of change and
        pid of the last one of the page before (without `behind`).
        """

    async def processes_of_peer_pid(self, tenant: str, peer_pid: str) -> list[ProcessRow]:
        """Those that some peer knows by this pid, for people: no index leads there."""

    async def list_processes(
        self, tenant: str, kind: ProcessKind, *, without: Collection[str], after: str = "", limit: int = 1000
    ) -> list[ProcessRow]:
        """Those in none of these states, by pid; `after`: the last one before."""

    async def count_open(self, tenant: str, counterparty: str, *, most: int) -> int:
        """How many processes with this party have begun and not ended; so many at most are counted."""

    async def find_message(
        self, tenant: str, kind: ProcessKind, pid: str, counterparty: str, message_id: str
    ) -> MessageRow | None:
        """The newest received message of that `@id`, with the answer that it got."""

    async def messages(self, tenant: str, kind: ProcessKind, pid: str) -> list[MessageRow]:
        """Everything said in a process, oldest first."""

    async def settle_receipts(self, found: Sequence[tuple[OutboxRow, str]], evidence: Sequence[EvidenceEntry]) -> None:
        """Write what receipts that were only `signed` so far are worth."""

    async def attempts(self, tenant: str, kind: ProcessKind, pid: str) -> list[AttemptRow]:
        """Delivery attempts of a process, oldest first."""

    async def find_replay(self, tenant: str, issuer: str, jti: str) -> ReplayRow | None:
        """A token that was accepted before."""

    async def commit_replay(self, row: ReplayRow) -> None:
        """Remember a token of a request that changes no process. `Conflict` if it was accepted before."""

    async def forget_replays(self, *, before: int) -> int:
        """Drop tokens that expired before this time, perhaps not all at once. How many were dropped."""

    async def forget_commands(self, *, before: int) -> int:
        """Drop commands that were given before this time, perhaps not all at once. How many were dropped."""

    async def forgettable_processes(self, tenant: str, *, before: int, limit: int) -> list[ProcessRow]:
        """Those in which nothing has happened since then, and nothing will: ended or never begun, nothing to be sent,
        no timer; nor is there an agreement of theirs. The longest unchanged ones first.
        """

    async def commit_forgotten(self, rows: Sequence[ProcessRow], evidence: Sequence[EvidenceEntry]) -> None:
        """Drop these processes with their messages, attempts and data tokens. Their pids never mean anything again.

        `Conflict`: one of them has changed; nothing was dropped.
        """

    async def commit_step(self, step: StepCommit) -> tuple[int, ...]:
        """One step of a process. Returns the numbers that its outbox rows got.

        `Conflict`: version, fence or token is not as expected; nothing was written.
        """

    async def claim_outbox(
        self, *, now: int, owner: str, lease_until: int, limit: int, each: int = 1_000, without: Collection[str] = ()
    ) -> list[OutboxRow]:
        """Lease the due heads, each with a new, higher fence; rows leased by others until later are left alone.

        At most `each` of one counterparty, and none of those named in `without`.
        """

    async def next_outbox(self, *, without: Collection[str] = ()) -> int | None:
        """When the next row is due, or None. Rows for the counterparties named in `without` do not count."""

    async def head_of_outbox(self, tenant: str, kind: ProcessKind, pid: str) -> OutboxRow | None:
        """The message of a process that is to be delivered next, for people."""

    async def undelivered(self, tenant: str, *, limit: int) -> list[ProcessRow]:
        """Those with a message that was tried in vain, or a push under way of which some try was in vain.

        The oldest first, for people. Whether a push has got on since then stands in the process.
        """

    async def postpone_outbox(self, row: OutboxRow, *, not_before: int, attempt: AttemptRow) -> None:
        """Give a claimed row back. `Conflict` when the fence is not the newest."""

    async def release_outbox(self, owner: str) -> None:
        """Give back every row that is leased to this owner, who works no longer."""

    async def wake_outbox(self, tenant: str, counterparty: str, now: int) -> None:
        """Make every waiting row for this peer due, its pauses short again: the peer was heard from."""

    async def wake_beyond(self, *, now: int, beyond: int) -> int:
        """Make due what is to be delivered and waits, or is leased, until later than that: messages, and what
        holders are to get; and what a process does by itself (push, reminder, start) that changed later than `now`. How
        many it was.
        """

    async def due_timers(self, *, now: int, limit: int) -> list[TimerRow]:
        """Timers that are due; they stay until a step replaces them. What a holder is to get is its own timer."""

    async def load_approval(self, tenant: str, kind: ApprovalKind, pid: str) -> ApprovalRow | None:
        """What waits there for a person's word, or has it."""

    async def list_approvals(self, tenant: str, kind: ApprovalKind | None = None, *, limit: int) -> list[ApprovalRow]:
        """The newest of all that is kept there, whether it waits or is decided; the oldest of these first."""

    async def list_requests(
        self, tenant: str, *, after: tuple[int, str] = (0, ""), limit: int = 1000
    ) -> list[ApprovalRow]:
        """What we asked of issuers and they offered, and what holders asked of us, the oldest first. `after`: time and
        id of the last one before.
        """

    async def waiting_approvals(self, tenant: str, *, now: int, limit: int) -> tuple[list[ApprovalRow], int]:
        """What waits for a word, or has one for later, the longest waiting first; and how many there are.

        Requests of holders come behind all others: anybody may make any number of them.
        """

    async def count_issuances(self, tenant: str, *, now: int, counterparty: str | None = None) -> int:
        """How many requests of holders, of this one or of all, wait for a word and have not expired."""

    async def commit_approval(
        self, row: ApprovalRow, evidence: EvidenceEntry | None, *, undecided: bool = False
    ) -> None:
        """Insert or replace one that belongs to no process. `undecided`: `Conflict` where a word stands by now."""

    async def forgettable_requests(self, tenant: str, *, before: int, limit: int) -> list[ApprovalRow]:
        """Requests for credentials, of holders and ours, that were over before then, with nothing left to do."""

    async def commit_forgotten_requests(self, rows: Sequence[ApprovalRow], evidence: Sequence[EvidenceEntry]) -> None:
        """Drop these requests. `Conflict`: one of them has changed; nothing was dropped."""

    async def claim_approval(
        self, row: ApprovalRow, evidence: EvidenceEntry | None, *, seen: ApprovalRow | None
    ) -> None:
        """The same, for who is to be the only one: insert it (`seen` is None), or replace one whose decision and
        `not_before` are as seen. `Conflict`: another one was faster; nothing was written.
        """

    async def load_command(self, tenant: str, key: str) -> CommandRow | None:
        """A command by idempotency key."""

    async def find_data_token(self, tenant: str, sha256: str) -> DataTokenRow | None:
        """A data token by digest."""

    async def data_tokens_of(self, tenant: str, transfer_pid: str) -> list[DataTokenRow]:
        """The data tokens of a transfer, by digest."""

    async def renew_data_token(self, used: DataTokenRow, fresh: DataTokenRow, evidence: EvidenceEntry) -> None:
        """Put a fresh token beside the one that was used for it, in place of all others of the transfer; it is live as
        that one is. `Conflict`: that one is gone.
        """

    async def append_evidence(self, entries: Sequence[EvidenceEntry]) -> None:
        """Record entries that belong to no other commit (audit reads, denials)."""

    async def evidence(self, tenant: str, *, after: int = 0, limit: int = 1000) -> list[EvidenceRow]:
        """The log, by number."""

    async def counts(self, tenant: str) -> dict[str, int]:
        """Numbers for people: records, credentials, agreements, negotiations and transfers by state, outbox."""

    async def close(self) -> None:
        """Finish what is under way and close."""


# --- the world -------------------------------------------------------------------------------------------------------


class Clock(Protocol):
    """The only source of time."""

    def now(self) -> datetime:
        """Now, in UTC."""


class Ids(Protocol):
    """The only source of chance."""

    def urn(self) -> str:
        """A fresh `urn:uuid:...`."""

    def secret(self) -> str:
        """256 fresh bits, base64url."""

    def jitter(self) -> float:
        """A number in [0, 1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """What a peer answered. `headers` are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Http(Protocol):
    """The one guarded way out: address check, no redirects, caps on size, time and inflation."""

    async def request(
        self,
        method: Literal["GET", "POST"],
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        limit_bytes: int = 1 << 20,
        timeout_seconds: float = 10.0,
    ) -> HttpAnswer:
        """One request. `PeerUnreachable`: no answer; `AddressBlocked`: never sent; `TooLarge`: cut off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What came of a request to a peer, with the token that was shown."""

    answer: HttpAnswer
    token: str


class Peers(Protocol):
    """Requests to other participants, each with a fresh self-issued token (DCP 1.0, section 4.3)."""

    async def dsp_base(self, peer: Did) -> str:
        """The versioned DSP base URL, by the DID document's DataService and the version document (DSP 4.3)."""

    async def post(self, peer: Did, url: str, body: bytes, *, limit_bytes: int = 1 << 20) -> Sent:
        """POST JSON."""

    async def get(self, peer: Did, url: str) -> Sent:
        """GET."""

    async def presentations(self, peer: Did, access_token: str, scopes: Sequence[str]) -> list[str]:
        """Ask the peer's CredentialService (DCP 1.0, section 5.4). The compact presentations that it gave."""

    async def pull(self, url: str, authorization: str, *, limit_bytes: int) -> HttpAnswer:
        """GET with a data token."""

    async def renew(
        self, peer: Did, url: str, refresh_token: str, access_token: str, *, in_url: bool = False
    ) -> HttpAnswer:
        """Ask for a fresh data token (Data Plane Signaling, Token Renewal: OAuth 2.0 refresh grant, RFC 6749, 6)."""


class Verifier(Protocol):
    """Checks a credential with whatever has to be fetched for it."""

    async def verify(
        self, octets: bytes, at: datetime | None = None, *, trusted_only: bool = False, asked: Challenge | None = None
    ) -> Report:
        """The numbered checks, judged as of `at`; None: as of now. Never raises for what is wrong with the credential.
        Now is when all has come that had to be fetched: of the past a status list without changes says little.

        `trusted_only`: for what a peer handed over. Of an issuer that is not trusted nothing is fetched.
        `asked`: an SD-JWT may be shown as well, asked for so. None: it is refused.
        """


class RecordableVerifier(Verifier, Protocol):
    """One that can be given another world to look into."""

    @property
    def trusted_issuers(self) -> Mapping[str, Collection[str]]:
        """Credential type -> who may issue it."""

    @property
    def resolver(self) -> StatusResolver:
        """Where it looks DID documents and status lists up."""

    def within(self, resolver: StatusResolver, reads: AuditReads) -> Verifier:
        """The same with everything that it fetches from there, and nothing remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """Who sent a request, as its `Authorization` proves it."""

    party: Did
    key: str
    """The public key that proved it, as JWK; empty where none did."""
    access_token: str | None
    """Opens the caller's credential service to us (DCP 1.0.1, section 5.2)."""
    jti: str | None
    """Makes the proof good for one request; None: it is good for any number."""
    expires: int
    """Seconds since the epoch; with `jti` only."""


class Identity(Protocol):
    """How participants prove who they are. The `Authorization` header is its alone."""

    async def show(self, peer: Did, access_token: str | None) -> str:
        """The header for a request to this peer; `access_token` opens our credential service to it."""

    async def check(self, authorization: str) -> Proven:
        """What a caller's header proves. `NotAuthenticated`: nothing; `CannotCheck`: something could not be had."""


class Resolver(Protocol):
    """DID documents and status lists, cached."""

    async def did_document(self, did: Did, key_id: str | None = None) -> DidDocument:
        """`CannotCheck` when it cannot be had. `key_id`: the key that is looked for in it."""


class StatusResolver(Resolver, Protocol):
    """The same with what tells the status of credentials."""

    async def status_list(self, url: str) -> bytes:
        """The status list credential at this URL. `CannotCheck` when it cannot be had."""

    async def status_changes(self, url: str) -> bytes:
        """The signed changes of the list at this URL. `CannotCheck` when they cannot be had."""


# --- audit -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditAnswer:
    """What an owner answers to an audit read: 200 with JSON, 202 held for a decision, 403 sealed, 404 unknown."""

    status: int
    body: bytes = b""


class AuditReads(Protocol):
    """Audit reads at other companies, each with a fresh token; retries are made below."""

    async def read(self, holder: Did, path: str) -> AuditAnswer:
        """GET `path` at the holder's AuditService. `CannotCheck` (`PeerUnreachable`): no answer after retries."""


class Exports(Protocol):
    """Export files of a plan."""

    async def read(self, plan: Plan, folder: Path) -> dict[str, list[SourceFile]]:
        """The files of each source and each code list. `BadInput` where there is none."""
