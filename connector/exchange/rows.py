"""The rows that cross the line to a store, and the commits that write them: one durable transaction each.

Times are integer microseconds since the epoch (UTC), documents are the exact bytes. The tenant comes first in every key
(DECISIONS, "What the store keeps"): it is the path of the connector's public address, empty for a sole tenant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

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
    """One message with its answer, kept with the process. `token` is the sender's, with the key that verified it.

    `receipt`: of a message of ours, what the receipt in its answer is worth (`receipts`); the key is that receipt's.
    """

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
    receipt: str = ""


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
    """A deadline that enters `step` as an event; of an issuance (`ApprovalRow`) it is the next try to deliver."""

    tenant: str
    kind: ProcessKind | Literal["issuance"]
    pid: str
    name: str
    due: int


ApprovalKind = Literal["negotiation", "audit", "credential", "issuance"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRow:
    """What waits for a person's word, or has it: a turn of a negotiation (`pid`), or a party's audit reads of a dataset
    (an id of their own). Or an issuer's: a credential that we asked it for (`pid`: our id for that), or that it offers.
    Or a holder's, who asks us for credentials (an id of ours).

    `due`: when a turn is refused without one, or how long a word on audit reads counts. `decision` is empty until
    then; a decided turn is done at `not_before`. What a holder is to get is delivered then; 0: over since `due`.
    `detail` is JSON: for people, and for who carries the decision out.
    """

    tenant: str
    kind: ApprovalKind
    pid: str
    turn: str
    counterparty: str
    subject: str
    asked: int
    due: int
    decision: str = ""
    not_before: int = 0
    detail: bytes = b"{}"


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
    """A management command by its idempotency key, and the process that it is about."""

    tenant: str
    key: str
    request_digest: str
    pid: str
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DataTokenRow:
    """A data token by its SHA-256, with the refresh token that came with it (empty: it can't be renewed).

    Their clear text is in the message or answer that gives them out, alone. `live`: by the transfer's state.
    """

    tenant: str
    transfer_pid: str
    sha256: str
    refresh_sha256: str
    expires: int
    live: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCommit:
    """Everything that one step of a process changes: one transaction, before the answer leaves.

    `expected_version` 0 creates the process. `outbox` rows carry `seq` 0: the store numbers them behind the last of
    the process. `outbox_done` = (seq, fence) removes the delivered row, refused with `Conflict` when the fence is not
    the newest. `timers` replaces all timers of the process when not None, `data_token` all tokens of the transfer.
    `replaced_agreement` = (old, new) ids.
    `claim`: the id of an agreement that this negotiation is to have, and no other; `Conflict` where it is taken.
    `offered`: the id of a dataset that this step needs offered; `NotOffered` where it is withdrawn by now.
    `approval` holds the process for a person's word, or keeps that word; `approval_done` ends its waiting.
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
    claim: str = ""
    offered: str = ""
    evidence: Sequence[EvidenceEntry] = ()
    command: CommandRow | None = None
    data_token: DataTokenRow | None = None
    token_live: bool | None = None
    approval: ApprovalRow | None = None
    approval_done: bool = False


# --- records, credentials, datasets ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialRow:
    """One credential in its exact octets. `digest` is the digestMultibase over them, `holder` its record's.

    `status_index`: of an own one its place in the order of issuing within its list; what is signed is where that is
    scattered to (`credentials.status_list`).
    """

    tenant: str
    digest: str
    holder: str
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

    `holder` is the party whose connector serves the record: us for own and held ones. It stands in the record's key,
    so that an id means nothing beyond the company that uses it. `content` is the mapped document
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
    """An upstream link: from a record (of ours, where we signed it) to the linked record, and who holds that."""

    tenant: str
    link_id: str
    from_holder: str
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
    holder: str
    record_id: str
    subject_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetRow:
    """What is offered: one plan under one policy, live. `policy` is the ODRL document as read from its file.

    `approval`: a person decides on each contract and on each audit read, after the policy has permitted it.
    `withdrawn`: since when it is offered to nobody any more, or 0; what was agreed on it goes on.
    """

    tenant: str
    dataset_id: str
    title: str
    plan: str
    record_types: tuple[str, ...]
    policy: bytes
    policy_digest: str
    at: int
    approval: bool = False
    withdrawn: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """A file under its digest: offered in a dataset of ours, or received under an agreement; the other one is empty.

    Its octets lie outside of the store (`streams.Files`).
    """

    tenant: str
    dataset_id: str
    agreement_id: str
    digest: str
    holder: str
    name: str
    media_type: str
    size: int
    access_class: str
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
    """A batch of records that one party holds, published, received or imported: one transaction.

    `expected` maps record id -> version that the decision was made on (0: none); another current version is a
    `Conflict`, as is a taken status index. `overwritten` names credentials (digests) that the same version had before
    and that are served no more.
    """

    tenant: str
    holder: str
    expected: Mapping[str, int]
    records: Sequence[RecordRow] = ()
    credentials: Sequence[CredentialRow] = ()
    overwritten: Sequence[str] = ()
    links: Sequence[LinkRow] = ()
    identifiers: Sequence[IdentifierRow] = ()
    dataset: DatasetRow | None = None
    evidence: Sequence[EvidenceEntry] = ()
