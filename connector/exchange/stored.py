"""How things stand in the store: times, secrets by their digests, what rows of processes and of what waits hold.

The rows themselves are `rows`'.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any, TypeAlias

import orjson

from connector.credentials.datamodel import time_text
from connector.exchange.rows import AgreementRow, ApprovalRow, ProcessRow
from connector.model import Json
from connector.protocol.negotiation import Kind, State
from connector.protocol.process import Role

Content: TypeAlias = dict[str, Any]
"""What a journey keeps of a process, beside where it stands: JSON of our own writing, whose keys the README has."""
_SECRETS = ("authorization", "token", "authcode")
"""How the names of a data address's properties end whose values open something."""


def without_token(body: bytes) -> bytes:
    """A message as it is kept: a data token replaced by its SHA-256 (DECISIONS, "What the store keeps").

    However the peer writes its JSON: one with such a property is written anew, its own bytes are known by their digest.
    """
    if b"endpointProperties" not in body and b"\\" not in body:  # most messages have none
        return body
    said = orjson.loads(body)
    kept = _hashed(said)
    return body if kept == said else orjson.dumps(kept)


def _hashed(value: Json) -> Json:
    if isinstance(value, list):
        return [_hashed(part) if isinstance(part, (dict, list)) else part for part in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"name": str(name), "value": str(secret)} if name.lower().endswith(_SECRETS):
            return {**value, "value": token_digest(secret)}
    return {name: _hashed(part) if isinstance(part, (dict, list)) else part for name, part in value.items()}


def token_digest(secret: str) -> str:
    """How a data token is known: SHA-256."""
    return hashlib.sha256(secret.encode()).hexdigest()


def under_way(row: ProcessRow) -> str:
    """The kind of our message that is not acknowledged yet, or nothing.

    The peer may have it and act on it before its acknowledgement has come through: another connection, another order.
    """
    pending = orjson.loads(row.body)["process"]["pending"]
    return str(pending["kind"]) if pending else ""


def is_in_force(agreement: AgreementRow, negotiation: ProcessRow | None) -> bool:
    """Whether an agreement that we gave counts: also for who has our FINALIZED event, before its answer is here."""
    return (
        agreement.role == Role.PROVIDER.value
        and agreement.replaced_by is None
        and negotiation is not None
        and (negotiation.state == State.FINALIZED or under_way(negotiation) == Kind.FINALIZE)
    )


def micros(moment: datetime) -> int:
    """A time as the store keeps it."""
    return int(moment.timestamp() * 1_000_000)


def time_of(at: int) -> str:
    """A time of the store's, in words."""
    return time_text(datetime.fromtimestamp(at / 1_000_000, tz=UTC))


def content_of(row: ProcessRow) -> Content:
    """What is kept of this process."""
    content: Content = orjson.loads(row.body)["content"]
    return content


def said_of(row: ApprovalRow) -> dict[str, Any]:
    """What is kept of a thing that waits, beside its columns."""
    said: dict[str, Any] = orjson.loads(row.detail)
    return said
