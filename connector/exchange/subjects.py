"""Reading a credential's subject for the journeys: its record, its upstream links, its typed identifiers.

What the terms mean is `vocabulary/`'s; where links lead is the store's.
"""

from __future__ import annotations

from collections.abc import Iterator

from connector.credentials.datamodel import Credential
from connector.exchange.rows import IdentifierRow, RecordRow
from connector.model import Json, JsonObject, is_number

_MOST_DIGITS = 10
"""Of a version: nobody corrects a record that often."""


def record_header(credential: Credential) -> tuple[str, int, str, str] | None:
    """(record id, version, level, access class) as signed, or None where the credential names no record."""
    match credential.payload.get("record"):
        case {"id": str(record_id), "version": str(version), "level": str(level), "accessClass": str(access_class)}:
            short = is_number(version) and len(version) < _MOST_DIGITS
            return (record_id, int(version), level, access_class) if short else None
    return None


def upstream_links(value: Json) -> Iterator[JsonObject]:
    """Every UpstreamLink within a subject."""
    if isinstance(value, dict):
        if value.get("type") == "UpstreamLink":
            yield value
        for part in value.values():
            yield from upstream_links(part)
    elif isinstance(value, list):
        for part in value:
            yield from upstream_links(part)


def identifiers(tenant: str, record: RecordRow, subject: JsonObject) -> Iterator[IdentifierRow]:
    """The typed identifiers of a subject, as look-up rows."""
    listed = subject.get("identifier")
    for one in listed if isinstance(listed, list) else [listed]:
        match one:
            case {"scheme": str(scheme), "value": str(value), **others}:
                yield IdentifierRow(
                    tenant=tenant, scheme=scheme, value=value, issuer=str(others.get("issuer", "")),
                    holder=record.holder, record_id=record.record_id, subject_id=record.subject_id,
                )  # fmt: skip
