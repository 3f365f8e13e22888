"""What publishing decides and writes, as values: what was declared, a document that is ready, a batch, what came of it.

The journey that makes them is `publish`. Findings lead back to the cell that a value came from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

import orjson

from connector.credentials.datamodel import parse_time
from connector.exchange.rows import (
    CredentialRow,
    DatasetRow,
    EvidenceEntry,
    IdentifierRow,
    LinkRow,
    RecordRow,
    RecordsCommit,
)
from connector.exchange.subjects import identifiers
from connector.model import AccessClass, Finding, Json, JsonObject, Level

if TYPE_CHECKING:
    from connector.mapping.columns import LinkRequest
    from connector.mapping.engine import Mapped

Parts = Mapping[tuple[AccessClass, Level], JsonObject]


class Words(Protocol):
    """What the words of a record's type say: the vocabulary's, or those of a type of another dataspace."""

    @property
    def context_url(self) -> str:
        """The context that a credential names."""

    @property
    def record_types(self) -> Mapping[str, tuple[str, ...]]:
        """Record type -> the classes that its subject may have."""

    def check(self, record_type: str, credential_or_subject: JsonObject, /) -> list[Finding]:
        """What is wrong with a subject."""

    def split(self, record_type: str, subject: JsonObject, /, *, model_id: str = "") -> Parts:
        """The subject by class and level, each ready to be a `credentialSubject`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What the operator says about changed static content."""

    correction: str = ""
    overwrite: bool = False


@dataclass(slots=True, kw_only=True)
class Published:
    """What came of it. `documents` and `credentials` count what stands now, so that a repeat gives the same."""

    documents: int = 0
    credentials: int = 0
    assets: int = 0
    minted: int = 0
    unchanged: int = 0
    moved: int = 0
    skipped: int = 0
    """Records whose version leaves out those that were perhaps given before the store was brought back."""
    left: set[str] = field(default_factory=set)
    """The datasets that records were in before."""
    classes: set[AccessClass] = field(default_factory=set)
    """Of which classes the values of the documents are."""
    findings: list[Finding] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    """The records that stay as they were, because something was found."""
    warnings: list[str] = field(default_factory=list)

    def add(self, part: Published) -> None:
        """Count a part of the work."""
        self.documents += part.documents
        self.credentials += part.credentials
        self.minted += part.minted
        self.unchanged += part.unchanged
        self.moved += part.moved
        self.skipped += part.skipped
        self.left |= part.left
        self.classes |= part.classes
        self.findings += part.findings
        self.refused |= part.refused

    def as_json(self) -> JsonObject:
        """The published shape (`publish --json`)."""
        return {
            "documents": self.documents,
            "credentials": self.credentials,
            "assets": self.assets,
            "minted": self.minted,
            "unchanged": self.unchanged,
            "findings": [finding.as_json() for finding in self.findings],
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A document whose links are made and whose parts are known, beside the version that stands now."""

    mapped: Mapped
    subject: JsonObject
    parts: Parts
    links: tuple[LinkRow, ...]
    held: tuple[RecordRow, ...]
    """Third parties' credentials that this document links to: they are passed on with it."""
    standing: RecordRow | None
    static: str
    dynamic: str

    @property
    def content_digest(self) -> str:
        """Both digests, as the record keeps them."""
        return f"{self.static}:{self.dynamic}"


@dataclass(slots=True, kw_only=True)
class Batch:
    """What a batch will write."""

    index: int
    first: int = 1
    """The lowest version that may be given."""
    records: list[RecordRow] = field(default_factory=list)
    credentials: list[CredentialRow] = field(default_factory=list)
    overwritten: list[str] = field(default_factory=list)
    links: list[LinkRow] = field(default_factory=list)
    expected: dict[str, int] = field(default_factory=dict)
    held: dict[str, RecordRow] = field(default_factory=dict)

    def take_index(self) -> int:
        """The next status index. A batch that loses the race for it is made again."""
        self.index += 1
        return self.index - 1

    def add(self, record: RecordRow, made: Sequence[CredentialRow], ready: Ready) -> None:
        """One record with its credentials and links."""
        self.records.append(record)
        self.credentials += made
        for row in ready.held:
            self.pass_on(row, ready.mapped.buyers)
        self.links += [replace(link, from_version=record.version) for link in ready.links]
        self.expected[record.record_id] = ready.standing.version if ready.standing else 0

    def pass_on(self, row: RecordRow, buyers: tuple[str, ...]) -> None:
        """Whoever may get the document may get what it rests on."""
        known = self.held.get(row.record_id, row)
        self.held[row.record_id] = replace(known, buyers=tuple(dict.fromkeys((*known.buyers, *buyers))))
        self.expected[row.record_id] = row.version

    def rows(self, tenant: str, holder: str, dataset: DatasetRow, now: int) -> RecordsCommit:
        """The transaction."""
        body: JsonObject = {
            "dataset": dataset.dataset_id,
            "records": [
                {"id": row.record_id, "version": row.version, "digests": list(row.digests)} for row in self.records
            ],
        }  # fmt: skip
        return RecordsCommit(
            tenant=tenant, holder=holder, expected=self.expected, records=[*self.records, *self.held.values()],
            credentials=self.credentials,
            overwritten=self.overwritten, links=self.links,
            identifiers=[row for record in self.records for row in _identifiers(tenant, record)],
            evidence=[EvidenceEntry(tenant=tenant, at=now, event="published", body=orjson.dumps(body))],
        )  # fmt: skip


def _identifiers(tenant: str, record: RecordRow) -> list[IdentifierRow]:
    subject = orjson.loads(record.content)
    return list(identifiers(tenant, record, subject))


def validity(subject: JsonObject) -> tuple[datetime | None, datetime | None]:
    """What a permit or attestation says of its own time is also the credential's (VC Data Model 2.0, 4.9)."""
    match subject.get("validity"):
        case {"start": str(start), "end": str(end)}:
            return parse_time(start), parse_time(end)
    return None, None


def link_key(link: LinkRequest) -> tuple[str, ...]:
    """What a link asks for; equal questions have one answer."""
    return (link.record_type or "", link.scheme, link.value, link.issuer or "", str(link.own))


def same_thing(rows: Sequence[RecordRow], issuer: str | None) -> RecordRow | None:
    """The one record that a number leads to, or None where that is open.

    Several companies may have passed it on: its own company's copy counts, or any where all name the same credentials.
    """
    if len({row.record_id for row in rows}) != 1:
        return None
    own = [row for row in rows if row.holder == issuer]
    named = {(row.version, row.digests) for row in rows}
    return own[0] if own else rows[0] if len(named) == 1 else None


class Target(NamedTuple):
    """A record that a link means, and the media type of its credentials."""

    record: RecordRow
    media_type: str


def upstream_link(row: LinkRow, target: Target) -> JsonObject:
    """The link as it is signed: it names neither supplier nor host (DECISIONS)."""
    return {
        "type": "UpstreamLink",
        "id": row.link_id,
        "recordVersion": str(target.record.version),
        "mediaType": target.media_type,
        "digest": list(target.record.digests),
    }


def parts_digest(parts: Iterable[JsonObject]) -> str:
    """SHA-256 over parts of a subject: equal content has one digest, whatever the order of its keys."""
    content: list[Json] = list(parts)
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def unresolved_link(link: LinkRequest, mapped: Mapped) -> Finding:
    """A link that leads to nothing that is here."""
    what = link.record_type or "record"
    whose = "of this company was published" if link.own else "was received or imported"
    return Finding(
        code="link-unresolved",
        message=f"no {what} with {link.scheme} {link.value!r} {whose}",
        hint="publish it first" if link.own else "request and fetch the supplier's data first, or import the file",
        term=link.path or link.id_path,
        place=mapped.place,
    )


def link_to_part(link: LinkRequest, mapped: Mapped) -> Finding:
    """A link to what is shown in part: an audit could not weigh it."""
    return Finding(
        code="link-to-part",
        message=f"{link.scheme} {link.value!r} was issued as an SD-JWT, which counts in no chain",
        hint="issue it as vc+jwt, which a record can link to",
        term=link.path or link.id_path,
        place=mapped.place,
    )


def revoked_key(mapped: Mapped) -> Finding:
    """What was published is signed by a key that counts no more."""
    return Finding(
        code="signed-by-revoked-key",
        message=f"{mapped.record_type} {mapped.key} is signed by a key that was revoked, so nobody can verify it",
        hint="sign a new version, which supersedes it: publish --correct REASON",
        place=mapped.place,
    )


CHANGED: Final = "changed-without-correction"


def changed_content(mapped: Mapped) -> Finding:
    """Other values under a key that was published before."""
    return Finding(
        code=CHANGED,
        message=f"{mapped.record_type} {mapped.key} was published with other values, and others may rest on them",
        hint="declare it: publish --correct REASON",
        place=mapped.place,
    )
