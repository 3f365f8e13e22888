"""Rows with sensible values, so that a test names only what it is about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from connector.exchange.rows import (
    AgreementRow,
    ApprovalRow,
    AttemptRow,
    CommandRow,
    CredentialRow,
    EvidenceEntry,
    IdentifierRow,
    LinkRow,
    MessageRow,
    Origin,
    OutboxRow,
    ProcessRow,
    RecordRow,
    ReplayRow,
    StatusChangeRow,
)

T = "acme"
US = "did:web:acme"
PEER = "did:web:peer.example"


def process(pid: str = "p1", version: int = 1, *, peer_pid: str | None = None, state: str = "REQUESTED") -> ProcessRow:
    """A negotiation in which we provide."""
    return ProcessRow(
        tenant=T, kind="negotiation", pid=pid, peer_pid=peer_pid, counterparty=PEER, role="provider", state=state,
        version=version, body=b"{}", deadline=None, created=1, updated=version,
    )  # fmt: skip


def agreement(agreement_id: str = "a1", at: int = 1) -> AgreementRow:
    """An agreement."""
    return AgreementRow(
        tenant=T, agreement_id=agreement_id, negotiation_pid="p1", role="provider", counterparty=PEER, dataset_id="ds",
        agreement=b"{}", at=at,
    )  # fmt: skip


def approval(row: ProcessRow, *, asked: int = 1) -> ApprovalRow:
    """A turn that waits."""
    return ApprovalRow(
        tenant=T, kind="negotiation", pid=row.pid, turn="request", counterparty=PEER, subject="ds", asked=asked,
        due=asked + 9,
    )  # fmt: skip


def message(
    pid: str = "p1", message_id: str | None = "m1", *, direction: Literal["in", "out"] = "in", body: bytes = b"said"
) -> MessageRow:
    """A message with its answer."""
    return MessageRow(
        tenant=T, kind="negotiation", pid=pid, direction=direction, counterparty=PEER, message_type="X",
        message_id=message_id, sha256="00", body=body, token="t", verification_key="k", status=200,
        answer_headers="{}", answer_body=b"{}", at=1,
    )  # fmt: skip


def outbox(pid: str = "p1", message_id: str = "o1", *, not_before: int = 10) -> OutboxRow:
    """Something to send."""
    return OutboxRow(
        tenant=T, kind="negotiation", pid=pid, seq=0, counterparty=PEER, message_type="X", message_id=message_id,
        url="http://peer.example", body=b"say", not_before=not_before, created=1,
    )  # fmt: skip


def attempt(row: OutboxRow, at: int = 1) -> AttemptRow:
    """An attempt that failed."""
    return AttemptRow(
        tenant=row.tenant, kind=row.kind, pid=row.pid, seq=row.seq, at=at, status=0, detail="silence", next_at=at + 1
    )


def replay(jti: str = "j1", *, expires: int = 100) -> ReplayRow:
    """An accepted token."""
    return ReplayRow(tenant=T, issuer=PEER, jti=jti, request_digest="d", expires=expires)


def command(key: str = "k1", digest: str = "d1", pid: str = "p1") -> CommandRow:
    """A management command."""
    return CommandRow(tenant=T, key=key, request_digest=digest, pid=pid, at=1)


def entry(event: str = "step", tenant: str = T) -> EvidenceEntry:
    """Something to record."""
    return EvidenceEntry(tenant=tenant, at=1, event=event, body=b"{}")


def record(
    record_id: str = "r1",
    version: int = 1,
    *,
    origin: Origin = "own",
    digests: Sequence[str] = ("d1",),
    record_type: str = "CellPassport",
    dataset_id: str = "ds",
    at: int = 1,
    holder: str = US,
) -> RecordRow:
    """A version of a record."""
    return RecordRow(
        tenant=T, record_id=record_id, version=version, record_type=record_type, key=record_id,
        subject_id=f"subject-{record_id}", holder=holder, origin=origin, dataset_id=dataset_id,
        agreement_id="", content_digest="c", content=b"{}", lineage=b"", digests=tuple(digests), buyers=("did:web:b",),
        at=at,
    )  # fmt: skip


def credential(
    digest: str = "d1",
    record_id: str = "r1",
    version: int = 1,
    *,
    place: tuple[int, int] | None = None,
    origin: Origin = "own",
    holder: str = US,
) -> CredentialRow:
    """A credential; `place` is its status list and index."""
    return CredentialRow(
        tenant=T, digest=digest, holder=holder, record_id=record_id, version=version, credential_type="CellPassport",
        access_class="PUB", level="item", subject_id=f"subject-{record_id}", issuer=US,
        media_type="application/vc+jwt", octets=digest.encode(), status_list=place[0] if place else None,
        status_index=place[1] if place else None, origin=origin,
    )  # fmt: skip


def link(link_id: str, from_record: str, to_record: str, from_version: int = 1, *, holder: str = US) -> LinkRow:
    """A link between two records."""
    return LinkRow(
        tenant=T, link_id=link_id, from_holder=holder, from_record=from_record, from_version=from_version,
        to_record=to_record, to_version=1, holder="did:web:acme",
    )  # fmt: skip


def identifier(
    value: str, record_id: str, *, scheme: str = "lotNumber", issuer: str = "", holder: str = US
) -> IdentifierRow:
    """An identifier of a record's subject."""
    return IdentifierRow(
        tenant=T, scheme=scheme, value=value, issuer=issuer, holder=holder, record_id=record_id,
        subject_id=f"subject-{record_id}",
    )  # fmt: skip


def change(index: int, effective: int, list_number: int = 0) -> StatusChangeRow:
    """A revocation."""
    return StatusChangeRow(
        tenant=T, list_number=list_number, index=index, digest="d", purpose="revocation", effective=effective,
        reason="recalled", at=1,
    )  # fmt: skip
