"""The audit journey, both sides: the auditor's walk through the peers' connectors, and the owner's answer to a read.

What to read next and what it means is the core's (`provenance`); whether a read is allowed is the policy's. This file
loads, asks, records each read as evidence, and answers. HTTP and tokens are the edges'.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import orjson

from connector.credentials.datamodel import parse_credential
from connector.credentials.refused import Refused
from connector.credentials.verify import Report
from connector.errors import BadMessage, ConnectorError
from connector.exchange.draft import micros, under_way
from connector.exchange.policies import Policies
from connector.exchange.ports import AuditAnswer, AuditReads, Clock, Store, Verifier
from connector.exchange.rows import CredentialRow, EvidenceEntry, RecordRow
from connector.exchange.subjects import identifiers
from connector.model import AccessClass, Claim, Did, Facts, Json, JsonObject, Level
from connector.policy.evaluate import Decision, evaluate
from connector.policy.operands import Stage
from connector.protocol.negotiation import Kind, State
from connector.provenance.assemble import assemble
from connector.provenance.events import each
from connector.provenance.nodes import Check, Checked
from connector.provenance.outcomes import Outcome
from connector.provenance.reads import LATEST, Answer, Gap, Page, Read, parse_path, understand
from connector.provenance.report import AuditReport
from connector.provenance.statements import read_content, read_statement
from connector.provenance.walk import Limits, Walk
from connector.vocabulary.admission import admit

AT_ONCE: Final = 8
ANSWER_LIMIT_BYTES: Final = 4 << 20
_OK, _HELD, _SEALED, _UNKNOWN = 200, 202, 403, 404
_MOST_DIGITS = 9
"""Of a record's version."""
_OPAQUE = "urn:uuid:"
"""What our ids of records and things begin with (DECISIONS)."""
_PASSPORTS: Final = ("BatteryPassport", "CellPassport", "MineralLotPassport")

Progress = Callable[[int, str], None]
"""Called for each node that was read: how many so far, and what it is."""
Hold = Callable[[Facts, RecordRow], Awaitable[bool]]
"""Whether the owner wants to decide this read by hand and has not yet done so."""


# --- the auditor's walk ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """Walks a chain from one record. Reads at our own connector are answered from our own store."""

    did: Did
    store: Store
    tenant: str
    reads: AuditReads
    own: AuditAnswers
    verifier: Verifier
    clock: Clock

    async def run(
        self, root: str, holder: Did, *, on_node: Progress | None = None, limits: Limits | None = None
    ) -> AuditReport:
        """Walk from the record, thing or identifier `root` at `holder` until nothing more is wanted; then judge."""
        walk = Walk(root, holder=holder, now=self.clock.now(), limits=limits)
        under_way: set[asyncio.Task[tuple[Read, Answer] | tuple[Check, Checked]]] = set()
        waiting: list[Read | Check] = [*walk.wanted()]
        count = 0
        try:
            while waiting or under_way:
                while waiting and len(under_way) < AT_ONCE:
                    under_way.add(asyncio.create_task(self._obtain(waiting.pop())))
                done, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    want, got = task.result()
                    count = _take(walk, want, got, count, on_node)
                waiting += walk.wanted()
        finally:
            for task in under_way:
                task.cancel()
        return assemble(walk)

    async def _obtain(self, want: Read | Check) -> tuple[Read, Answer] | tuple[Check, Checked]:
        if isinstance(want, Check):
            return want, await self._check(want)
        return want, await self._read(want)

    async def _read(self, read: Read) -> Answer:
        try:
            if read.holder == self.did:
                answer = await self.own.answer(read.path, Facts(party=self.did), self.clock.now())
            else:
                answer = await self.reads.read(read.holder, read.path)
            body = admit(answer.body, ANSWER_LIMIT_BYTES) if answer.status == _OK else None
        except ConnectorError as error:
            return Gap(outcome=Outcome.MISSING, reason=f"{error.code}: {error.detail}")
        return understand(read, answer.status, body)

    async def _check(self, check: Check) -> Checked:
        report = await self.verifier.verify(check.octets.encode(), check.at)
        outcome, detail = Outcome(report.outcome()), _detail(report)
        if outcome is Outcome.UNCHECKED and await self._was_valid_at_receipt(report.digest):
            outcome, detail = Outcome.VERIFIED, f"as verified when we received it ({detail})"
        payload = report.credential.payload if report.credential is not None else None
        return Checked(digest=report.digest, outcome=outcome, detail=detail, payload=payload)

    async def _was_valid_at_receipt(self, digest: str) -> bool:
        """A copy that we hold was verified when it came: that counts where keys or status are out of reach now."""
        row = await self.store.find_credential(self.tenant, digest)
        if row is None or not row.report:
            return False
        try:
            return admit(row.report, ANSWER_LIMIT_BYTES).get("verdict") == "valid"
        except BadMessage:
            return False


def _take(walk: Walk, want: Read | Check, got: Answer | Checked, count: int, on_node: Progress | None) -> int:
    if isinstance(want, Check):
        assert isinstance(got, Checked)
        walk.take_check(want, got)
        return count
    assert not isinstance(got, Checked)
    walk.take_read(want, got)
    if want.kind != "record":
        return count
    if on_node is not None:
        what = got.type if isinstance(got, Page) else "nothing"
        on_node(count + 1, f"{what} from {walk.names.get(want.holder, want.holder)}")
    return count + 1


def _detail(report: Report) -> str:
    bad = (check for check in report.checks if check.outcome in {"failed", "unchecked"})
    return "; ".join(f"{check.code}: {check.detail}" for check in bad)


# --- the owner's answer ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """What a caller may read of a record: the credentials, and the decision on each access class."""

    record: RecordRow
    credentials: tuple[CredentialRow, ...]
    decisions: dict[str, Decision | None]
    everything: bool = False

    def gives(self, row: CredentialRow) -> bool:
        return self.everything or self.opens(row.access_class)

    def opens(self, access_class: str) -> bool:
        decision = self.decisions.get(access_class)
        return self.everything or (decision is not None and decision.permit)

    @property
    def anything(self) -> bool:
        return any(self.gives(row) for row in self.credentials)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditAnswers:
    """Decides and answers audit reads. `hold`: reads that the owner decides by hand (202 until then)."""

    tenant: str
    did: Did
    name: str
    store: Store
    policies: Policies
    hold: Hold | None = None

    async def answer(self, path: str, facts: Facts, now: datetime) -> AuditAnswer:
        """The answer to `GET path` of this caller. Each read is recorded, refused ones too."""
        read = parse_path(self.did, path)
        if read is None:
            return AuditAnswer(status=_UNKNOWN)
        if read.kind == "party":
            return _json({"did": self.did, "name": self.name})
        if facts.party != self.did:
            facts = await self._with_agreement(facts)
        if read.kind == "link":
            answer, opened = await self._link(read, facts, now)
        elif read.kind == "later":
            answer, opened = await self._later(read, facts, now)
        else:
            answer, opened = await self._record(read, facts, now)
        await self._note(read, facts, now, answer.status, opened)
        return answer

    async def _link(self, read: Read, facts: Facts, now: datetime) -> tuple[AuditAnswer, _Opened | None]:
        link = await self.store.find_link(self.tenant, read.ident)
        record = await self._load(link.from_record, link.from_version) if link is not None else None
        if link is None or record is None:
            return AuditAnswer(status=_UNKNOWN), None
        # Who may read the credential in which the link stands may ask where it leads, if no rule keeps suppliers back.
        leads_to = "own" if link.holder == self.did else "supplier"
        opened = await self._open(record, facts, now, leads_to=leads_to)
        needle = read.ident
        carriers = {row.access_class for row in opened.credentials if needle in _text(_subject(row))}
        if not any(opened.opens(name) for name in carriers or {AccessClass.ORGANISATION.value}):
            return AuditAnswer(status=_SEALED), opened
        if await self._held(facts, record):
            return AuditAnswer(status=_HELD), opened
        return _json({"holder": link.holder, "record": link.to_record, "version": link.to_version}), opened

    async def _record(self, read: Read, facts: Facts, now: datetime) -> tuple[AuditAnswer, _Opened | None]:
        if read.version != LATEST and len(read.version) > _MOST_DIGITS:
            return AuditAnswer(status=_UNKNOWN), None
        version = None if read.version == LATEST else int(read.version)
        record = await self._load(read.ident, version)
        if by_number := record is None and version is None:
            record = await self._by_identifier(read.ident)
        if record is None:
            return AuditAnswer(status=_UNKNOWN), None
        opened = await self._open(record, facts, now)
        if not opened.anything:
            # An id is known from a link; a number can be guessed, and would tell a stranger that we have the lot.
            guessed = by_number and not read.ident.startswith(_OPAQUE) and not _is_public(read.ident, opened)
            return AuditAnswer(status=_UNKNOWN if guessed and not _deals_with_us(facts) else _SEALED), opened
        if await self._held(facts, record):
            return AuditAnswer(status=_HELD), opened
        return _json(_page(self.did, opened)), opened

    async def _later(self, read: Read, facts: Facts, now: datetime) -> tuple[AuditAnswer, _Opened | None]:
        """Records that lead back to this one. Also of a received record: we know what we made of it."""
        base = await self._load(read.ident, None)
        ours = await self._open(base, facts, now) if base is not None else None
        later = await self.store.later_records(self.tenant, read.ident)
        if ours is None:  # what others say about others' things is theirs to tell
            later = [record for record in later if record.origin != "received"]
        entries: list[Json] = []
        for record in later:
            # What others sent us about our own record (a recycling certificate) goes by our record's policy.
            opened = await self._open(record, facts, now) if record.origin != "received" else ours
            if opened is not None and opened.anything:
                entries.append(await self._entry(record, opened))
        if not entries and not (ours is not None and ours.anything):
            return AuditAnswer(status=_SEALED if later or ours is not None else _UNKNOWN), ours
        if base is not None and await self._held(facts, base):
            return AuditAnswer(status=_HELD), ours
        return _json({"later": entries, "withheld": int(len(later) > len(entries))}), ours

    async def _entry(self, record: RecordRow, opened: _Opened) -> JsonObject:
        entry: JsonObject = {
            "record": record.record_id,
            "version": record.version,
            "type": record.record_type,
            "holder": record.holder,
            "digests": [*record.digests],
        }
        if record.record_type == "MoveEvent":
            for row in await self._credentials(record):
                receiver = _subject(row).get("toParty")
                if isinstance(receiver, str) and opened.gives(row):
                    entry["toParty"] = receiver
        return entry

    async def _load(self, record_id: str, version: int | None) -> RecordRow | None:
        """A record that we serve: published here, or a third party's that we pass on."""
        return await self.store.load_record(self.tenant, self.did, record_id, version)

    async def _credentials(self, record: RecordRow) -> list[CredentialRow]:
        return await self.store.credentials(self.tenant, record.holder, record.record_id, record.version)

    async def _by_identifier(self, value: str) -> RecordRow | None:
        """By the thing's id or a serial or lot number: its passport rather than an event about it."""
        found = await self.store.find_records(self.tenant, scheme=None, value=value)
        ours = [record for record in found if record.origin != "received"]
        ranks = {name: rank for rank, name in enumerate(_PASSPORTS)}
        return min(ours, key=lambda record: (ranks.get(record.record_type, len(ranks)), record.record_id), default=None)

    async def _open(self, record: RecordRow, facts: Facts, now: datetime, *, leads_to: str = "own") -> _Opened:
        rows = tuple(await self._credentials(record))
        if facts.party == self.did:
            return _Opened(record=record, credentials=rows, decisions={}, everything=True)
        dataset = await self.store.load_dataset(self.tenant, record.dataset_id) if record.dataset_id else None
        if dataset is None:  # no rules: no
            return _Opened(record=record, credentials=rows, decisions={})
        policy = self.policies.of(dataset)
        unit = (*_unit_claims(record, rows), _about("leadsTo", leads_to))
        decisions: dict[str, Decision | None] = {
            name: evaluate(policy, facts.with_claims(_about("accessClass", name), *unit), now, stage=Stage.AUDIT)
            for name in sorted({row.access_class for row in rows})
        }
        return _Opened(record=record, credentials=rows, decisions=decisions)

    async def _with_agreement(self, facts: Facts) -> Facts:
        for row in await self.store.list_agreements(self.tenant):
            if row.counterparty != facts.party or row.role != "provider" or row.replaced_by is not None:
                continue
            process = await self.store.load_process(self.tenant, "negotiation", row.negotiation_pid)
            if process is not None and (process.state == State.FINALIZED or under_way(process) == Kind.FINALIZE):
                return facts.with_claims(Claim(name="agreementHeld", value="true", source=row.agreement_id))
        return facts.with_claims(Claim(name="agreementHeld", value="false", source="request"))

    async def _held(self, facts: Facts, record: RecordRow) -> bool:
        return self.hold is not None and facts.party != self.did and await self.hold(facts, record)

    async def _note(self, read: Read, facts: Facts, now: datetime, status: int, opened: _Opened | None) -> None:
        if facts.party == self.did:
            return  # our own look at our own books is no audit read
        decisions = opened.decisions if opened is not None else {}
        body: JsonObject = {
            "party": facts.party,
            "read": read.path,
            "status": status,
            "record": opened.record.record_id if opened is not None else None,
            "decisions": {name: decision.as_json() for name, decision in decisions.items() if decision is not None},
        }
        entry = EvidenceEntry(tenant=self.tenant, at=micros(now), event="audit-read", body=orjson.dumps(body))
        await self.store.append_evidence([entry])


def _page(holder: Did, opened: _Opened) -> JsonObject:
    """The record's page: what is open with its octets, what is not by digest alone, dynamic values only when open."""
    listed: list[Json] = []
    for row in opened.credentials:
        item: JsonObject = {
            "digest": row.digest,
            "mediaType": row.media_type,
            "accessClass": row.access_class,
            "level": row.level,
        }
        if opened.gives(row):
            listed.append({**item, "octets": row.octets.decode("ascii")})
        elif row.level != Level.DYNAMIC:
            listed.append(item)
    record = opened.record
    return {
        "id": record.record_id,
        "version": record.version,
        "type": record.record_type,
        "holder": holder,
        "credentials": listed,
    }


def _deals_with_us(facts: Facts) -> bool:
    """Whether the caller has an agreement with us, or shows a mandate."""
    known = {(claim.name, claim.value) for claim in facts.claims}
    return not known.isdisjoint({("agreementHeld", "true"), ("mandate", "active")})


def _is_public(number: str, opened: _Opened) -> bool:
    """Whether everybody may know that the thing of this number exists: a public credential of it says so."""
    rows = (row for row in opened.credentials if row.access_class == AccessClass.PUBLIC)
    return any(one.value == number for row in rows for one in identifiers("", opened.record, _subject(row)))


def _unit_claims(record: RecordRow, rows: Sequence[CredentialRow]) -> Iterator[Claim]:
    """What the record is about, for rules that compare it with a mandate."""
    yield _about("recordType", record.record_type)
    for buyer in record.buyers:
        yield _about("unitBuyer", buyer)
    statements = tuple(read_statement(payload) for payload in map(_payload, rows) if payload)
    content = read_content(record.record_type, record.record_id, record.version, statements)
    if content.site:
        yield _about("site", content.site)
    if content.time is not None:
        yield _about("eventTime", content.time.isoformat())
    material = content.subject.get("materialType")
    if isinstance(material, str):
        yield _about("material", material)
    for node in each(content.subject.get("containedMetal")):
        metal = node.get("metal")
        if isinstance(metal, str):
            yield _about("material", metal)


def _about(name: str, value: str) -> Claim:
    return Claim(name=name, value=value, source="unit")


def _payload(row: CredentialRow) -> JsonObject:
    try:
        return parse_credential(row.octets).payload
    except Refused:  # a held credential of another kind: nothing is known about its content
        return {}


def _subject(row: CredentialRow) -> JsonObject:
    return next(each(_payload(row).get("credentialSubject")), {})


def _text(value: JsonObject) -> str:
    return orjson.dumps(value).decode()


def _json(body: JsonObject) -> AuditAnswer:
    return AuditAnswer(status=_OK, body=orjson.dumps(body))
