"""What the journeys need from outside, as protocols, and the rows that cross the line to a store.

A store speaks in transactions of a journey, not in tables, and never decides: each `commit_*` is one durable
transaction, refused as a whole with `Conflict` when an expected version no longer holds. Times are integer microseconds
since the epoch (UTC), documents are the exact bytes. The tenant comes first in every key (DESIGN: "the protocol's
step"); it is the path of the connector's public address, empty for a sole tenant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from connector.credentials.did import DidDocument
from connector.credentials.verify import Report
from connector.mapping.plan import Plan
from connector.mapping.source import SourceFile
from connector.model import Did

ProcessKind = Literal["negotiation", "transfer"]
Origin = Literal["own", "received", "held"]
"""own: published here; received: from a peer under an agreement; held: a third party's credential, imported."""


# --- processes, messages, outbox -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessRow:
    """One negotiation or transfer as stored. `body` is the codec's JSON of the core process and its content."""

    tenant: str
    kind: ProcessKind
    pid: str
    peer_pid: str | None
    counterparty: str
    role: Literal["consumer", "provider"]
    state: str
    version: int
    body: bytes
    deadline: int | None = None
    created: int
    updated: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRow:
    """One message with its answer, kept with the process. `token` is the sender's, with the key that verified it."""

    tenant: str
    kind: ProcessKind
    pid: str
    direction: Literal["in", "out"]
    counterparty: str
    message_type: str
    message_id: str | None
    sha256: str
    body: bytes
    token: str
    verification_key: str
    status: int
    answer_headers: str
    answer_body: bytes
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """One message to deliver. Only the lowest `seq` of a process is ever claimed."""

    tenant: str
    kind: ProcessKind
    pid: str
    seq: int
    counterparty: str
    message_type: str
    message_id: str
    url: str
    body: bytes
    not_before: int
    lease_owner: str = ""
    lease_until: int = 0
    fence: int = 0
    attempts: int = 0
    created: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRow:
    """One delivery attempt: what was answered (status 0: nothing) and when the next one is."""

    tenant: str
    kind: ProcessKind
    pid: str
    seq: int
    at: int
    status: int
    detail: str
    next_at: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerRow:
    """A deadline that enters `step` as an event."""

    tenant: str
    kind: ProcessKind
    pid: str
    name: str
    due: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementRow:
    """A contract agreement, insert-only. A replaced one stays, marked with the id that replaced it."""

    tenant: str
    agreement_id: str
    negotiation_pid: str
    role: Literal["consumer", "provider"]
    counterparty: str
    dataset_id: str
    agreement: bytes
    at: int
    replaced_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceEntry:
    """What is to be recorded. The store gives it the next number of the tenant and links it to the one before."""

    tenant: str
    at: int
    event: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRow:
    """A recorded entry: `hash` = `provenance.evidence.entry_hash(previous, seq, at, event, body)`."""

    tenant: str
    seq: int
    at: int
    event: str
    body: bytes
    previous: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayRow:
    """A token that was accepted. Kept past its expiry against clock jumps."""

    tenant: str
    issuer: str
    jti: str
    request_digest: str
    expires: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRow:
    """A management command by its idempotency key. `answer` is None while the work goes on."""

    tenant: str
    key: str
    request_digest: str
    pid: str
    answer: bytes | None
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DataTokenRow:
    """A data token by its SHA-256. `token` is the clear text until the start message is acknowledged, then empty."""

    tenant: str
    transfer_pid: str
    sha256: str
    token: str
    live: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCommit:
    """Everything that one step of a process changes: one transaction, before the answer leaves.

    `expected_version` 0 creates the process. `outbox` rows carry `seq` 0: the store numbers them behind the last of
    the process. `outbox_done` = (seq, fence) removes the delivered row, refused with `Conflict` when the fence is not
    the newest. `timers` replaces all timers of the process when not None. `replaced_agreement` = (old, new) ids.
    """

    process: ProcessRow
    expected_version: int
    messages: Sequence[MessageRow] = ()
    replay: ReplayRow | None = None
    outbox: Sequence[OutboxRow] = ()
    outbox_done: tuple[int, int] | None = None
    outbox_clear: bool = False
    attempt: AttemptRow | None = None
    timers: Sequence[TimerRow] | None = None
    agreement: AgreementRow | None = None
    replaced_agreement: tuple[str, str] | None = None
    evidence: Sequence[EvidenceEntry] = ()
    command: CommandRow | None = None
    data_token: DataTokenRow | None = None
    token_live: bool | None = None


# --- records, credentials, datasets ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialRow:
    """One credential in its exact octets. `digest` is the digestMultibase over them."""

    tenant: str
    digest: str
    record_id: str
    version: int
    credential_type: str
    access_class: str
    level: str
    subject_id: str
    issuer: str
    media_type: str
    octets: bytes
    status_list: int | None
    status_index: int | None
    origin: Origin
    report: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRow:
    """One version of a record. `digests`: of all its non-dynamic credentials, also those that we may not read.

    `holder` is the party whose connector serves the record: us for own and held ones. `content` is the mapped document
    (own) or empty; `lineage` the JSON that leads each value back to its cell. `buyers` limits who may get this unit.
    """

    tenant: str
    record_id: str
    version: int
    record_type: str
    key: str
    subject_id: str
    holder: str
    origin: Origin
    dataset_id: str
    agreement_id: str
    content_digest: str
    content: bytes
    lineage: bytes
    digests: tuple[str, ...]
    buyers: tuple[str, ...]
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRow:
    """An upstream link that we signed: from our record to the linked record, and who holds that."""

    tenant: str
    link_id: str
    from_record: str
    from_version: int
    to_record: str
    to_version: int
    holder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentifierRow:
    """A typed identifier that leads to a record. `issuer`: the party in whose numbering the value stands, or empty."""

    tenant: str
    scheme: str
    value: str
    issuer: str
    record_id: str
    subject_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetRow:
    """What is offered: one plan under one policy, live. `policy` is the ODRL document as read from its file."""

    tenant: str
    dataset_id: str
    title: str
    plan: str
    record_types: tuple[str, ...]
    policy: bytes
    policy_digest: str
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChangeRow:
    """A change of a credential's status, with the time from which it counts."""

    tenant: str
    list_number: int
    index: int
    digest: str
    purpose: str
    effective: int
    reason: str
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsCommit:
    """A batch of published, received or held records: one transaction.

    `expected` maps record id -> version that the decision was made on (0: none); another current version is a
    `Conflict`, as is a taken status index. `overwritten` names credentials (digests) that the same version had before
    and that are served no more.
    """

    tenant: str
    expected: Mapping[str, int]
    records: Sequence[RecordRow] = ()
    credentials: Sequence[CredentialRow] = ()
    overwritten: Sequence[str] = ()
    links: Sequence[LinkRow] = ()
    identifiers: Sequence[IdentifierRow] = ()
    dataset: DatasetRow | None = None
    evidence: Sequence[EvidenceEntry] = ()


class Store(Protocol):
    """Durable state of a connector. Every method is one transaction."""

    async def load_process(self, tenant: str, kind: ProcessKind, pid: str) -> ProcessRow | None:
        """The process by our pid."""

    async def find_process(self, tenant: str, kind: ProcessKind, counterparty: str, peer_pid: str) -> ProcessRow | None:
        """The process by the peer's pid."""

    async def list_processes(
        self, tenant: str, kind: ProcessKind, *, after: str = "", limit: int = 100
    ) -> list[ProcessRow]:
        """Processes by pid order, for people."""

    async def find_message(
        self, tenant: str, kind: ProcessKind, pid: str, counterparty: str, message_id: str
    ) -> MessageRow | None:
        """The newest received message of that `@id`, with the answer that it got."""

    async def messages(self, tenant: str, kind: ProcessKind, pid: str) -> list[MessageRow]:
        """Everything said in a process, oldest first."""

    async def attempts(self, tenant: str, kind: ProcessKind, pid: str) -> list[AttemptRow]:
        """Delivery attempts of a process, oldest first."""

    async def find_replay(self, tenant: str, issuer: str, jti: str) -> ReplayRow | None:
        """A token that was accepted before."""

    async def commit_replay(self, row: ReplayRow) -> None:
        """Remember a token of a request that changes no process. `Conflict` if it was accepted before."""

    async def forget_replays(self, *, before: int) -> int:
        """Drop tokens that expired before this time, perhaps not all at once. How many were dropped."""

    async def commit_step(self, step: StepCommit) -> tuple[int, ...]:
        """One step of a process. Returns the numbers that its outbox rows got.

        `Conflict`: version, fence or token is not as expected; nothing was written.
        """

    async def claim_outbox(self, *, now: int, owner: str, lease_until: int, limit: int) -> list[OutboxRow]:
        """Lease the due heads, each with a new, higher fence; rows leased by others until later are left alone."""

    async def next_outbox(self) -> int | None:
        """When the next row is due, or None."""

    async def postpone_outbox(self, row: OutboxRow, *, not_before: int, attempt: AttemptRow) -> None:
        """Give a claimed row back. `Conflict` when the fence is not the newest."""

    async def wake_outbox(self, tenant: str, counterparty: str, now: int) -> None:
        """Make every waiting row for this peer due: it was heard from."""

    async def due_timers(self, *, now: int, limit: int) -> list[TimerRow]:
        """Timers that are due; they stay until a step replaces them."""

    async def load_agreement(self, tenant: str, agreement_id: str) -> AgreementRow | None:
        """An agreement by id."""

    async def list_agreements(self, tenant: str) -> list[AgreementRow]:
        """All agreements, oldest first."""

    async def load_command(self, tenant: str, key: str) -> CommandRow | None:
        """A command by idempotency key."""

    async def commit_command(self, row: CommandRow) -> None:
        """Insert a command, or give it its answer. `Conflict` if the key stands for another request."""

    async def find_data_token(self, tenant: str, sha256: str) -> DataTokenRow | None:
        """A data token by digest."""

    async def data_token_of(self, tenant: str, transfer_pid: str) -> DataTokenRow | None:
        """The data token of a transfer."""

    async def append_evidence(self, entries: Sequence[EvidenceEntry]) -> None:
        """Record entries that belong to no other commit (audit reads, denials)."""

    async def evidence(self, tenant: str, *, after: int = 0, limit: int = 1000) -> list[EvidenceRow]:
        """The log, by number."""

    async def commit_records(self, commit: RecordsCommit) -> None:
        """Publish, receive or hold a batch. `Conflict`: nothing was written."""

    async def next_status_index(self, tenant: str) -> int:
        """The lowest index never given. List N holds indices [N*131072, (N+1)*131072)."""

    async def load_record(self, tenant: str, record_id: str, version: int | None = None) -> RecordRow | None:
        """A record's version, or its newest."""

    async def load_records(self, tenant: str, record_ids: Sequence[str]) -> dict[str, RecordRow]:
        """The newest versions of these records."""

    async def find_records(
        self, tenant: str, *, scheme: str | None, value: str, issuer: str | None = None, record_type: str | None = None
    ) -> list[RecordRow]:
        """Newest versions of records that carry this identifier (scheme None: any scheme, or the record's or subject's
        id itself).
        """

    async def list_records(
        self,
        tenant: str,
        *,
        origin: Origin | None = None,
        dataset_id: str | None = None,
        after: str = "",
        limit: int = 1000,
    ) -> list[RecordRow]:
        """Newest versions by record id; `after` is the last id of the page before."""

    async def credentials(self, tenant: str, record_id: str, version: int) -> list[CredentialRow]:
        """The credentials of a record's version that are served or kept."""

    async def find_credential(self, tenant: str, digest: str) -> CredentialRow | None:
        """A credential by digest."""

    async def find_link(self, tenant: str, link_id: str) -> LinkRow | None:
        """Where one of our links leads."""

    async def later_records(self, tenant: str, record_id: str) -> list[RecordRow]:
        """Newest versions of own and received records whose links lead back to this record."""

    async def commit_dataset(self, row: DatasetRow) -> None:
        """Insert or replace a dataset."""

    async def load_dataset(self, tenant: str, dataset_id: str) -> DatasetRow | None:
        """A dataset by id."""

    async def list_datasets(self, tenant: str, *, after: str = "", limit: int = 1000) -> list[DatasetRow]:
        """Datasets by id."""

    async def status_bits(self, tenant: str, list_number: int, *, now: int) -> list[int]:
        """Indices within the list that are set: changes whose effective time has come."""

    async def status_changes(self, tenant: str, list_number: int) -> list[StatusChangeRow]:
        """The changes of a list, oldest first."""

    async def commit_status_change(self, row: StatusChangeRow, evidence: EvidenceEntry) -> None:
        """Record a change."""

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

    async def post(self, peer: Did, url: str, body: bytes) -> Sent:
        """POST JSON."""

    async def get(self, peer: Did, url: str) -> Sent:
        """GET."""

    async def presentations(self, peer: Did, access_token: str, scopes: Sequence[str]) -> list[str]:
        """Ask the peer's CredentialService (DCP 1.0, section 5.4). The compact presentations that it gave."""

    async def pull(self, url: str, authorization: str, *, limit_bytes: int) -> HttpAnswer:
        """GET with a data token."""


class Verifier(Protocol):
    """Checks a credential with whatever has to be fetched for it."""

    async def verify(self, octets: bytes, at: datetime) -> Report:
        """The numbered checks, judged as of `at`. Never raises for what is wrong with the credential."""


class Resolver(Protocol):
    """DID documents and status lists, cached."""

    async def did_document(self, did: Did) -> DidDocument:
        """`CannotCheck` when it cannot be had."""


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
