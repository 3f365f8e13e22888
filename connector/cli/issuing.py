"""Issuing without a running connector: for bodies that only sign (a register, a laboratory, an association).

What is signed is kept in the signer's own store with its status index, so that it can be withdrawn later; `site` writes
DID document and status lists as files for a static web site. The commands stand in `credential`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import orjson

from connector.app import offline
from connector.config import Config
from connector.credentials.digest import digest_multibase
from connector.credentials.ids import mint
from connector.credentials.issue import SUITES
from connector.credentials.securing import WITH_PROOF
from connector.credentials.status_list import LIST_BITS
from connector.errors import BadInput, BadMessage
from connector.exchange.draft import micros
from connector.exchange.publication import Declared, Published
from connector.exchange.rows import CredentialRow, DatasetRow
from connector.mapping.engine import Mapped
from connector.mapping.lineage import Lineage
from connector.mapping.plan import parse
from connector.mapping.source import Origin, Row
from connector.model import Finding, JsonObject
from connector.policy.odrl import digest
from connector.policy.reading import load as load_policy
from connector.server import commands, own_keys, statements
from connector.server.commands import read_file
from connector.server.services import Services
from connector.vocabulary.admission import admit

ENVELOPE = "vc+jwt"
_CLAIMS_LIMIT_BYTES = 1 << 20
_AUDITED_ONLY = orjson.dumps(
    {
        "@type": "Set",
        "permission": [
            {"action": "audit", "constraint": [{"leftOperand": "mandate", "operator": "eq", "rightOperand": "active"}]}
        ],
    }
)
"""What is issued this way is handed over as files; the store's copy opens to auditors only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What was issued: the counts and findings, and the credentials in their octets."""

    published: Published
    credentials: tuple[CredentialRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to sign: claim files, or the documents of a plan."""

    record_type: str
    claims: Sequence[Path] = ()
    plan: Path | None = None
    securing: str = ENVELOPE
    """`vc+jwt`, or the cryptosuite of a proof inside."""


async def issue(config: Config, jobs: Sequence[Job], site: Path | None) -> list[Signed]:
    """Sign all jobs in one go, then write the site, if there is one."""
    async with offline(config) as services:
        signed = [await _issue(services, job) for job in jobs]
        if site is not None:
            await _write_site(services, site)
        return signed


async def _issue(services: Services, job: Job) -> Signed:
    tenant = services.config.tenant
    proofs = _with_proofs(services, job.securing)
    documents = [_stated(services, job.record_type, path) for path in job.claims]
    findings: list[Finding] = []
    if job.plan is not None:
        mapped = await commands.map_plan(services, parse(read_file(job.plan)))
        documents += mapped.mapped
        findings += mapped.findings
    dataset = DatasetRow(
        tenant=tenant, dataset_id=mint(services.id_key, tenant, "dataset", f"issued {job.record_type}"),
        title=f"Issued {job.record_type}", plan=str(job.plan or "claims"), record_types=(job.record_type,),
        policy=_AUDITED_ONLY, policy_digest=digest(load_policy(_AUDITED_ONLY)), at=micros(services.clock.now()),
    )  # fmt: skip
    publish = replace(services.publish, proofs=proofs)
    published = await publish.publish(documents, dataset, Declared(), lambda _: None)
    published.findings[:0] = findings
    rows: list[CredentialRow] = []
    for document in documents:
        record = await services.store.load_record(tenant, services.config.did, document.record_id)
        if record is not None:
            made = await services.store.credentials(tenant, record.holder, record.record_id, record.version)
            fitting = [row for row in made if (row.media_type == WITH_PROOF) == proofs]
            published.findings += [_signed_before(document, row) for row in made if row not in fitting]
            rows += fitting
    return Signed(published=published, credentials=tuple(rows))


def _with_proofs(services: Services, securing: str) -> bool:
    """Whether a proof is asked for. It must be the one that the company's key makes."""
    made = SUITES[services.keys.assertion(services.clock.now()).alg]
    if securing not in {ENVELOPE, made}:
        raise BadInput(f"the key of this company makes no {securing}", hint=f"{ENVELOPE}, or {made}")
    return securing != ENVELOPE


def _signed_before(document: Mapped, row: CredentialRow) -> Finding:
    message = f"{document.title} was signed before as {row.media_type}; one statement is signed once"
    return Finding(code="signed-before", message=message, hint="ask for the form that it has, or state it anew")


async def revoke(
    config: Config, credential: bytes | str, *, purpose: str, effective: datetime, reason: str, site: Path | None
) -> CredentialRow:
    """Change the status of a credential (its octets, or their digest) that this signer issued; then write the site."""
    digest = credential if isinstance(credential, str) else digest_multibase(credential)
    async with offline(config) as services:
        row = await services.revoke.run(digest, purpose=purpose, effective=effective, reason=reason)
        if site is not None:
            await _write_site(services, site)
        return row


async def write_site(config: Config, folder: Path) -> None:
    """DID document and status lists as files: `did.json`, `status/N/index.jwt`, `status/N/changes`."""
    async with offline(config) as services:
        await _write_site(services, folder)


async def signed_with(config: Config, key: str) -> JsonObject:
    """How much of what this signer issued rests on one of its keys."""
    async with offline(config) as services:
        return await own_keys.signed_with(services, key, lambda _: None)


async def _write_site(services: Services, folder: Path) -> None:
    used = await services.store.next_status_index(services.config.tenant)
    document = folder / "did.json" if services.config.tenant else folder / ".well-known" / "did.json"
    _put(document, statements.did_document(services.config, services.keys.methods(services.clock.now())))
    for number in range(used // LIST_BITS + 1):
        lists = folder / "status" / str(number)
        _put(lists / "index.jwt", await statements.status_octets(services, number, site=True))
        _put(lists / "changes", await statements.changes_octets(services, number))


def _stated(services: Services, record_type: str, path: Path) -> Mapped:
    """A claim file as a document: its subject is what the file says."""
    try:
        subject = admit(read_file(path), _CLAIMS_LIMIT_BYTES)
    except BadMessage as bad:
        raise BadInput(bad.detail, hint=bad.hint, place=str(path)) from None
    kind = subject.get("type")
    if not isinstance(kind, str) or not isinstance(subject.get("id"), str):
        hint = f'such as {{"id": "did:web:...", "type": "Party", ...}}: battery-connector vocab term {record_type}'
        raise BadInput(f"{path}: the subject needs one id and one type", hint=hint)
    key = _key(subject) or path.stem
    return Mapped(
        record_type=record_type, subject_class=kind, key=key, model_id=None, title=f"{record_type} {key}",
        record_id=mint(services.id_key, services.config.tenant, f"record:{record_type}", key),
        subject=subject, links=(), identifiers=(), buyers=(), lineage=Lineage("claims", subject, []),
        row=Row([], Origin(source="claims", file=path.name, digest=""), 0, 0),
    )  # fmt: skip


def _key(subject: JsonObject) -> str:
    """The business key of a claim: its first identifier, else its subject."""
    listed = subject.get("identifier")
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, dict):
            return f"{one.get('scheme')}:{one.get('value')}"
    return json.dumps([subject["id"], subject.get("role"), subject.get("mandateRole")])


def _put(path: Path, octets: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(octets)
