"""What operators ask a running connector to sign: claim files, or the documents of a plan, handed over as files.

What is signed is kept with its status index, so that it can be revoked; the store's copy opens to auditors only.
Signing without a running connector is the command line's (`cli/issuing`), by the same function.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
from aiohttp import web

from connector.credentials.datamodel import parse_credential
from connector.credentials.disclosing import SUBJECT
from connector.credentials.ids import mint
from connector.credentials.issue import SUITES
from connector.credentials.query import PROFILES
from connector.credentials.refused import Refused
from connector.credentials.securing import ENVELOPED, SELECTIVE, WITH_PROOF, is_vc11, open_secured
from connector.credentials.signing import key_from_jwk
from connector.credentials.status_list import set_at
from connector.errors import BadInput, Conflict
from connector.exchange.in_part import InPart
from connector.exchange.issuer import foreign_of
from connector.exchange.publication import CHANGED, Declared, Published
from connector.exchange.rows import CredentialRow, DatasetRow
from connector.exchange.stored import micros
from connector.mapping.lineage import Lineage, placed
from connector.mapping.source import Origin, Row
from connector.model import Finding, JsonObject, objects_in
from connector.policy.odrl import digest
from connector.policy.reading import load
from connector.server import answers, asked, commands, requests
from connector.server.commands import read_file
from connector.server.lines import Tell, stream
from connector.server.operations import Operation
from connector.server.services import SERVICES, Services
from connector.vocabulary.foreign import Foreign

if TYPE_CHECKING:
    from connector.mapping.engine import Mapped

ENVELOPE, IN_PART = "vc+jwt", "vc+sd-jwt"
_MOST_DECOYS = 100
_BESIDE = "one beside the other: give each an identifier of its own"
_SAID_OF_A_PARTY = (
    "memberOf", "role", "purpose", "mandateRole", "chainRoot", "accessClassGranted", "site", "material", "periodStart"
)  # fmt: skip
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
    replaced: tuple[str, ...] = ()
    """The digests of those in whose place they are, and which count until they are revoked."""

    def as_json(self) -> JsonObject:
        """The answer of the management API."""
        return {
            "credentials": [
                {
                    "digest": row.digest, "type": row.credential_type, "record": row.record_id,
                    "octets": row.octets.decode(),
                }
                for row in self.credentials
            ],
            "findings": [finding.as_json() for finding in self.published.findings],
            "replaced": [*self.replaced],
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a claim file states of one subject."""

    file: str
    subject: JsonObject
    key: str = ""
    """What makes it another statement than all before; empty: whom and what it is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to sign: claim files, or the documents of a plan."""

    record_type: str
    claims: Sequence[Claims] = ()
    plan: Path | None = None
    securing: str = ENVELOPE
    """`vc+jwt`, `vc+sd-jwt` with what may be left out, or the cryptosuite of a proof inside."""
    disclosable: Sequence[str] = ()
    """What the holder may leave out: places within the subject, such as `identifier/0/value`."""
    decoys: int = 0
    """Digests of nothing, so that nobody can count what is left out."""
    holder_key: JsonObject | None = None
    """The public JWK to which it is bound, if it is shown in part."""
    profile: str = PROFILES[0]
    """The data model: the second of them is 1.1, which is a token always."""
    valid_days: int = 0
    """How long it is good; 0: without end."""
    correct: str = ""
    """Why it takes the place of what was signed before for the same; empty: then nothing is."""
    foreign: Foreign | None = None
    """The words of the type, where the vocabulary has none for it."""

    def as_json(self) -> JsonObject:
        """The request to the management API."""
        return {
            "type": self.record_type, "plan": str(self.plan) if self.plan else None, "securing": self.securing,
            "claims": [{"file": one.file, "subject": one.subject} for one in self.claims],
            "disclosable": [*self.disclosable], "decoys": self.decoys, "holderKey": self.holder_key,
            "profile": self.profile, "correct": self.correct,
        }  # fmt: skip


def operations() -> list[Operation]:
    """What the management API does about credentials that are handed over as files."""
    says = "Sign claims, or the documents of a plan, keep what was signed, and hand it over."
    return [
        Operation(
            "POST", "/v1/issue", _issue, says, (answers.Issued,), asked=requests.Issue, fails=(Conflict,),
            lines=(answers.Told,),
        )
    ]  # fmt: skip


async def _issue(request: web.Request) -> web.StreamResponse:
    services, body = request.app[SERVICES], await asked.body(request, requests.Issue)
    job = Job(
        record_type=body.type, plan=services.config.path(body.plan) if body.plan else None,
        claims=[Claims(file=one.file, subject=one.subject) for one in body.claims], securing=body.securing,
        disclosable=body.disclosable, decoys=body.decoys, holder_key=body.holder_key, profile=body.profile,
        correct=body.correct,
    )  # fmt: skip

    async def work(_: Tell) -> JsonObject:
        return (await issue(services, job)).as_json()

    return await stream(request, work)


async def issue(services: Services, job: Job) -> Signed:
    """Sign it, keep it, and hand it over. What was signed before is not signed again."""
    job = _by_configuration(services, job)
    tenant, words = services.tenant, job.foreign or services.publish.bundle
    form, in_part = _form(services, job), _in_part(services, job)
    documents, replaced = await _all_anew(services, job)
    findings: list[Finding] = []
    if job.plan is not None:
        from connector.mapping.plan import parse  # noqa: PLC0415 - a start need not wait for it (`readiness`)
        from connector.server.plans import map_plan  # noqa: PLC0415 - a start need not wait for it (`readiness`)

        with commands.about(job.plan):
            plan = parse(read_file(job.plan))
        mapped = await map_plan(services, plan)
        documents += mapped.mapped
        findings += mapped.findings
    dataset = DatasetRow(
        tenant=tenant, dataset_id=mint(services.id_key, tenant, "dataset", f"issued {job.record_type}"),
        title=f"Issued {job.record_type}", plan=str(job.plan or "claims"), record_types=(job.record_type,),
        policy=_AUDITED_ONLY, policy_digest=digest(load(_AUDITED_ONLY)), at=micros(services.clock.now()),
    )  # fmt: skip
    publish = replace(
        services.publish, bundle=words, proofs=form == WITH_PROOF, in_part=in_part, older=form == PROFILES[1],
        valid_days=job.valid_days,
    )  # fmt: skip
    before = {one.record_id: await _standing(services, one.record_id) for one in documents}
    published = await publish.publish(documents, dataset, Declared(correction=job.correct), lambda _: None)
    published.findings = findings + [_told(one, documents, before) for one in published.findings]
    rows: list[CredentialRow] = []
    for document in documents:
        if document.record_id in published.refused:
            continue
        made = await _standing(services, document.record_id)
        fitting = [row for row in made if _form_of(row) == form]
        if in_part and not in_part.is_that_of(fitting):
            fitting = []
        published.findings += [_signed_before(document, row) for row in made if row not in fitting]
        rows += fitting
        replaced += [row.digest for row in before[document.record_id] if row not in made]
    return Signed(published=published, credentials=tuple(rows), replaced=tuple(replaced))


def _by_configuration(services: Services, job: Job) -> Job:
    """The job, where its type is one of another dataspace that `[issues]` names: by the id there, or by the type alone,
    where neither the vocabulary nor another entry has it. `BadInput`: nobody has it.
    """
    ours = services.publish.bundle.record_types
    elsewhere = {name: one for name, one in services.config.issues.items() if one.context}
    fitting = [job.record_type] if job.record_type in elsewhere else []
    if not fitting and job.record_type not in ours:
        fitting = [name for name, one in elsewhere.items() if one.type == job.record_type]
    if job.foreign or (not fitting and job.record_type in ours):
        return job
    if not fitting:
        near = next(iter(get_close_matches(job.record_type, ours, n=1)), "TYPE")
        raise BadInput(f"there is no record type {job.record_type!r}", hint=f"battery-connector vocab term {near}")
    if len(fitting) > 1:
        raise BadInput(f"[issues] has several {job.record_type}", hint=f"--type {' or '.join(fitting)}")
    issued = elsewhere[fitting[0]]
    return replace(
        job, record_type=issued.type, profile=issued.profile, valid_days=issued.valid_days, foreign=foreign_of(issued)
    )


async def _standing(services: Services, record_id: str) -> list[CredentialRow]:
    """What was signed last for this record."""
    tenant, did = services.tenant, services.config.did
    record = await services.store.load_record(tenant, did, record_id)
    return await services.store.credentials(tenant, did, record_id, record.version) if record is not None else []


async def _all_anew(services: Services, job: Job) -> tuple[list[Mapped], list[str]]:
    """What the claim files state, and the digests of what goes on counting beside it."""
    documents: list[Mapped] = []
    former: dict[str, None] = {}
    for claims in job.claims:
        one, standing = await _anew(services, job, _stated(services, job, claims), own=not claims.key)
        documents.append(one)
        former |= dict.fromkeys(row.digest for row in standing)
    return _each_once(documents), [*former]


async def _anew(services: Services, job: Job, one: Mapped, *, own: bool) -> tuple[Mapped, list[CredentialRow]]:
    """The document under a key by which it is signed anew, and what goes on counting beside it. What was revoked stays
    so for ever, so the same is stated once more; in the words of another dataspace each time, since such a credential
    ends, and its next one says the same. `own`: the key is of the claims; else of a request, which is answered once.
    """
    beside, now = list[CredentialRow](), services.clock.now()
    while own and (rows := await _standing(services, one.record_id)):
        unrevoked = [row for row in rows if not await _is_revoked(services, row)]
        if unrevoked and not job.foreign:
            break
        beside += [row for row in unrevoked if (parse_credential(row.octets).valid_until or now) >= now]
        one = _keyed(services, one, json.dumps([one.key, rows[0].digest]))
    return one, beside


async def _is_revoked(services: Services, row: CredentialRow) -> bool:
    assert row.status_list is not None, "what we issue has an entry"
    changes = await services.store.status_changes(services.tenant, row.status_list)
    now = micros(services.clock.now())
    return row.status_index in set_at(((one.index, one.purpose, one.effective) for one in changes), "revocation", now)


def check(services: Services, job: Job) -> list[Finding]:
    """What is wrong with its claims, before anything is signed."""
    stated = [_stated(services, job, one) for one in job.claims]
    return [
        placed(finding, one.lineage, one.place)
        for one in stated
        for finding in (job.foreign or services.publish.bundle).check(job.record_type, one.subject)
    ]


def _form(services: Services, job: Job) -> str:
    """What is asked for: a media type, or the profile of 1.1. A proof must be the one that the company's key makes."""
    made = SUITES[services.keys.assertion(services.clock.now()).alg]
    if job.securing not in {ENVELOPE, made, IN_PART}:
        raise BadInput(f"the key of this company makes no {job.securing}", hint=f"{ENVELOPE}, {IN_PART}, or {made}")
    if (job.securing == IN_PART) != bool(job.disclosable):
        hint = "--disclosable PATH, for each value that a holder may leave out; without it, --securing vc+jwt"
        raise BadInput(f"{IN_PART} and what may be left out go together", hint=hint)
    if job.profile not in PROFILES:
        raise BadInput(f"there is no profile {job.profile!r}", hint=", or ".join(PROFILES))
    if job.profile != PROFILES[1]:
        return {ENVELOPE: ENVELOPED, IN_PART: SELECTIVE}.get(job.securing, WITH_PROOF)
    if job.securing != ENVELOPE:
        raise BadInput(f"{job.profile} is a plain token, no {job.securing}", hint="leave --profile out, or the other")
    if job.plan is not None:  # DECISIONS, "Credentials of VC Data Model 1.1 say who somebody is, and nothing else"
        raise BadInput(f"records are never of {job.profile}, and a plan makes records", hint="leave --profile out")
    return job.profile


def _in_part(services: Services, job: Job) -> InPart | None:
    if not job.disclosable:
        return None
    if not 0 <= job.decoys <= _MOST_DECOYS:
        raise BadInput(f"{job.decoys} decoys; at most {_MOST_DECOYS}")
    try:
        holder = key_from_jwk(job.holder_key).as_jwk() if job.holder_key else None
    except Refused as refused:
        raise BadInput(f"the holder's key: {refused}", hint="a public JWK, Ed25519 or P-256") from None
    pointers = dict.fromkeys(f"/{path.removeprefix(SUBJECT).lstrip('/')}" for path in job.disclosable)
    return InPart(pointers=tuple(pointers), decoys=job.decoys, holder_key=holder, salt=services.ids.secret)


def _form_of(row: CredentialRow) -> str:
    """The same of what was signed."""
    if row.media_type != ENVELOPED:
        return row.media_type
    return PROFILES[1] if is_vc11(open_secured(row.octets, len(row.octets))) else ENVELOPED


def _signed_before(document: Mapped, row: CredentialRow) -> Finding:
    message = f"{document.title} was signed before as {_form_of(row)}; one statement is signed once"
    return Finding(code="signed-before", message=message, hint="ask for the form that it has, or state it anew")


def _told(finding: Finding, documents: Sequence[Mapped], before: Mapping[str, Sequence[CredentialRow]]) -> Finding:
    """Of other values for the same: which credential has the former ones, and what `issue` can do about it."""
    if finding.code != CHANGED:
        return finding
    meant = next((one for one in documents if one.place == finding.place and before[one.record_id]), None)
    digests = ", ".join(row.digest for row in before[meant.record_id]) if meant is not None else ""
    about = f"{meant.record_type} about {meant.subject['id']}" if meant is not None else "this"
    message, hint = (
        f"{about} was signed with other values before: {digests}",
        f"in its place: --correct REASON; {_BESIDE}",
    )
    return replace(finding, message=message, hint=hint)


def _each_once(documents: Sequence[Mapped]) -> list[Mapped]:
    """What two claim files state alike is one statement. `BadInput`: they state the same thing in two ways."""
    said: dict[str, Mapped] = {}
    for one in documents:
        first = said.setdefault(one.record_id, one)
        if first.subject != one.subject:
            files = f"{first.row.origin.file} and {one.row.origin.file}"
            raise BadInput(f"{files} state two {one.record_type} about {one.subject['id']}", hint=_BESIDE)
    return [*said.values()]


def _stated(services: Services, job: Job, claims: Claims) -> Mapped:
    """A claim file as a document: its subject is what the file says."""
    from connector.mapping.engine import Mapped  # noqa: PLC0415 - a start need not wait for it (`readiness`)

    record_type, subject = job.record_type, claims.subject
    kind = subject.get("type", "Party" if job.foreign else None)
    if not isinstance(kind, str) or not isinstance(subject.get("id"), str):
        hint = f'such as {{"id": "did:web:...", "type": "Party", ...}}: battery-connector vocab term {record_type}'
        raise BadInput(f"{claims.file}: the subject needs one id and one type", hint=hint)
    key = claims.key or (json.dumps(subject, sort_keys=True) if job.foreign else _key(subject))
    stated = Mapped(
        record_type=record_type, subject_class=kind, key=key, model_id=None, title=f"{record_type} {key}", record_id="",
        subject=subject, links=(), identifiers=(), buyers=(), lineage=Lineage("claims", subject, []),
        row=Row([], Origin(source="claims", file=Path(claims.file).name, digest=""), 0, 0),
    )  # fmt: skip
    return _keyed(services, stated, key)


def _keyed(services: Services, one: Mapped, key: str) -> Mapped:
    ident = mint(services.id_key, services.tenant, f"record:{one.record_type}", key)
    return replace(one, key=key, record_id=ident)


def _key(subject: JsonObject) -> str:
    """The business key of a claim: its first identifier, else its subject; of a party also what it is said to be, or
    allowed: memberships of two associations, or mandates for two chains, are two statements.
    """
    named = next((f"{one.get('scheme')}:{one.get('value')}" for one in objects_in(subject.get("identifier"))), "")
    which = [subject[name] for name in _SAID_OF_A_PARTY if name in subject] if subject["type"] == "Party" else []
    return named if named and not which else json.dumps([named or subject["id"], *which])
