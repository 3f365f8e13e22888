"""A unit of a dataset, for the rules that decide on it: one record, with what its credentials say about it.

Its class is no part of it: a unit has credentials of several, and each is decided by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from connector.credentials.datamodel import parse_credential
from connector.credentials.refused import Refused
from connector.exchange.rows import CredentialRow, RecordRow
from connector.model import Claim, JsonObject
from connector.policy.evaluate import Compiled
from connector.provenance.events import each
from connector.provenance.statements import read_content, read_statement

_IN_CREDENTIALS: Final = frozenset({"unitStatus", "mandateSite", "mandateMaterial", "mandatePeriod"})
"""Operands whose fact about the unit stands in its credentials, which are read for these alone."""


def unit_claims(policy: Compiled, record: RecordRow, rows: Sequence[CredentialRow]) -> tuple[Claim, ...]:
    """What there is to say about a unit under this policy. `rows`: its credentials, where the policy reads them."""
    claims = [about("recordType", record.record_type), *(about("unitBuyer", buyer) for buyer in record.buyers)]
    if reads_credentials(policy):
        claims += _content_claims(record, rows)
    return tuple(claims)


def reads_credentials(policy: Compiled) -> bool:
    """Whether this policy has to know what the unit's credentials say."""
    return not policy.operands.isdisjoint(_IN_CREDENTIALS)


def about(name: str, value: str) -> Claim:
    """A fact about what is asked for."""
    return Claim(name=name, value=value, source="unit")


def subject_of(row: CredentialRow) -> JsonObject:
    """A credential's subject; of one that cannot be read nothing is known."""
    return next(each(_payload(row).get("credentialSubject")), {})


def _content_claims(record: RecordRow, rows: Sequence[CredentialRow]) -> Iterator[Claim]:
    statements = tuple(read_statement(payload) for payload in map(_payload, rows) if payload)
    content = read_content(record.record_type, record.record_id, record.version, statements)
    if content.site:
        yield about("site", content.site)
    if content.time is not None:
        yield about("eventTime", content.time.isoformat())
    for term, fact in (("materialType", "material"), ("batteryStatus", "unitStatus")):
        value = content.subject.get(term)
        if isinstance(value, str):
            yield about(fact, value)
    for node in each(content.subject.get("containedMetal")):
        metal = node.get("metal")
        if isinstance(metal, str):
            yield about("material", metal)


def _payload(row: CredentialRow) -> JsonObject:
    try:
        return parse_credential(row.octets).payload
    except Refused:  # a held credential of another kind: nothing is known about its content
        return {}
