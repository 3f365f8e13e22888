"""The owner's answer to an audit read: whether it is allowed is the policy's, each read is put on record.

What comes later than a record is answered in pages; the place at which one ends is sealed, because the record there may
be one that its reader must not know of. What the answers mean is `provenance.reads`'; HTTP and tokens are the edges'.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

import orjson

from connector.credentials.ids import mint, open_place, seal_place
from connector.credentials.refused import Refused
from connector.errors import NotFound
from connector.exchange.policies import Policies
from connector.exchange.ports import AuditAnswer, Store
from connector.exchange.rows import ApprovalRow, CredentialRow, EvidenceEntry, RecordRow
from connector.exchange.stored import is_in_force, micros, said_of
from connector.exchange.subjects import identifiers
from connector.exchange.units import about, subject_of, unit_claims
from connector.model import AccessClass, Claim, Did, Facts, Json, JsonObject, Level
from connector.policy.evaluate import Decision, evaluate
from connector.policy.operands import Stage
from connector.provenance.reads import LATEST, Read, parse_path

_OK, _HELD, _SEALED, _UNKNOWN = 200, 202, 403, 404
_MOST_DIGITS = 9
"""Of a record's version."""
_OPAQUE = "urn:uuid:"
"""What our ids of records and things begin with (DECISIONS)."""
_PASSPORTS: Final = ("BatteryPassport", "CellPassport", "MineralLotPassport")
PAGE_LATER = 100


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
    """Decides and answers audit reads. Of a dataset that asks for approval a person decides, once for each caller."""

    tenant: str
    did: Did
    name: str
    store: Store
    policies: Policies
    place_key: bytes
    """Seals the places at which pages end."""
    limit_seconds: int
    """How long a person's word counts."""

    async def answer(self, path: str, facts: Facts, now: datetime) -> AuditAnswer:
        """The answer to `GET path` of this caller. Each read is recorded, refused ones too."""
        read = parse_path(self.did, path)
        if read is None:
            return AuditAnswer(status=_UNKNOWN)
        if read.kind == "party":
            return _json({"did": self.did, "name": self.name})
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
        carriers = {row.access_class for row in opened.credentials if needle in _text(subject_of(row))}
        if not any(opened.opens(name) for name in carriers or {AccessClass.ORGANISATION.value}):
            return AuditAnswer(status=_SEALED), opened
        if held := await self._by_hand(facts, record, read, now):
            return AuditAnswer(status=held), opened
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
            return AuditAnswer(status=_UNKNOWN if guessed and not await self._deals(facts) else _SEALED), opened
        if held := await self._by_hand(facts, record, read, now):
            return AuditAnswer(status=held), opened
        return _json(_page(self.did, opened)), opened

    async def _later(self, read: Read, facts: Facts, now: datetime) -> tuple[AuditAnswer, _Opened | None]:
        """Records that lead back to this one. Also of a received record: we know what we made of it."""
        place = self._place(read)
        if place is None:
            return AuditAnswer(status=_UNKNOWN), None
        base = await self._load(read.ident, None)
        ours = await self._open(base, facts, now) if base is not None else None
        entries: list[Json] = []
        known, withheld, following = ours is not None, False, True
        while following and not entries:
            later = await self.store.later_records(self.tenant, read.ident, after=place, limit=PAGE_LATER)
            following = len(later) == PAGE_LATER
            if ours is None:  # what others say about others' things is theirs to tell
                later = [record for record in later if record.origin != "received"]
            shown = await self._entries(later, ours, facts, now)
            entries += shown
            known, withheld = known or bool(later), withheld or len(later) > len(shown)
            place = (later[-1].record_id, later[-1].holder) if later else place
        if not entries and not read.after and not (ours is not None and ours.anything):
            return AuditAnswer(status=_SEALED if known else _UNKNOWN), ours
        if base is not None and (held := await self._by_hand(facts, base, read, now)):
            return AuditAnswer(status=held), ours
        body: JsonObject = {"later": entries, "withheld": int(withheld)}
        if following:
            body["next"] = seal_place(self.place_key, orjson.dumps([read.ident, *place]).decode())
        return _json(body), ours

    def _place(self, read: Read) -> tuple[str, str] | None:
        """Where the page begins; None: that is no place of ours, or one of another record."""
        if not read.after:
            return "", ""
        try:
            ident, record_id, holder = orjson.loads(open_place(self.place_key, read.after))
        except (Refused, ValueError):
            return None
        return (record_id, holder) if ident == read.ident else None

    async def _entries(
        self, later: Sequence[RecordRow], ours: _Opened | None, facts: Facts, now: datetime
    ) -> list[Json]:
        entries: list[Json] = []
        for record in later:
            # What others sent us about our own record (a recycling certificate) goes by our record's policy.
            opened = await self._open(record, facts, now) if record.origin != "received" else ours
            if opened is not None and opened.anything:
                entries.append(await self._entry(record, opened))
        return entries

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
                receiver = subject_of(row).get("toParty")
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
        facts = facts.with_claims(await self._agreement(facts.party, dataset.dataset_id))
        policy = self.policies.of(dataset)
        unit = (*unit_claims(policy, record, rows), about("leadsTo", leads_to))
        decisions: dict[str, Decision | None] = {
            name: evaluate(policy, facts.with_claims(about("accessClass", name), *unit), now, stage=Stage.AUDIT)
            for name in sorted({row.access_class for row in rows})
        }
        return _Opened(record=record, credentials=rows, decisions=decisions)

    async def _deals(self, facts: Facts) -> bool:
        """Whether the caller has an agreement with us, on whatever, or shows a mandate."""
        if any((claim.name, claim.value) == ("mandate", "active") for claim in facts.claims):
            return True
        return (await self._agreement(facts.party, None)).value == "true"

    async def _agreement(self, party: Did, dataset_id: str | None) -> Claim:
        """Whether the caller holds an agreement on this dataset: one on another dataset says nothing about it."""
        for row in await self.store.agreements_with(self.tenant, party, dataset_id):
            if is_in_force(row, await self.store.load_process(self.tenant, "negotiation", row.negotiation_pid)):
                return Claim(name="agreementHeld", value="true", source=row.agreement_id)
        return Claim(name="agreementHeld", value="false", source="request")

    async def _by_hand(self, facts: Facts, record: RecordRow, read: Read, now: datetime) -> int:
        """The status with which a read that the policy permits is kept back for a person's word, or 0."""
        dataset = await self.store.load_dataset(self.tenant, record.dataset_id)
        if facts.party == self.did or dataset is None or not dataset.approval:
            return 0
        pid = mint(self.place_key, self.tenant, "audit-approval", f"{facts.party} {dataset.dataset_id}")
        row, at = await self.store.load_approval(self.tenant, "audit", pid), micros(now)
        if row is None or (row.due <= at and row.decision):  # a word that has run out is asked for again
            row = ApprovalRow(
                tenant=self.tenant, kind="audit", pid=pid, turn="audit", counterparty=facts.party,
                subject=dataset.dataset_id, asked=at, due=self._until(now), detail=orjson.dumps({"read": read.path}),
            )  # fmt: skip
            await self.store.commit_approval(row, self._on_record(row, now, "audit-held"))
        return {"": _HELD, "reject": _SEALED}.get(row.decision, 0)

    async def decide(self, pid: str, decision: Literal["approve", "reject"], reason: str, now: datetime) -> ApprovalRow:
        """A person's word on a caller's reads of a dataset. It may be said anew while it counts."""
        row = await self.store.load_approval(self.tenant, "audit", pid)
        if row is None:
            raise NotFound(f"nothing waits at {pid}", hint="battery-connector approvals")
        detail = orjson.dumps({**said_of(row), "reason": reason})
        said = replace(row, decision=decision, due=self._until(now), detail=detail)
        await self.store.commit_approval(said, self._on_record(said, now, "audit-decided-by-hand"))
        return said

    def _until(self, now: datetime) -> int:
        return micros(now) + self.limit_seconds * 1_000_000

    def _on_record(self, row: ApprovalRow, now: datetime, event: str) -> EvidenceEntry:
        told: JsonObject = {
            "party": row.counterparty, "dataset": row.subject, "decision": row.decision or None,
            **said_of(row),
        }  # fmt: skip
        return EvidenceEntry(tenant=self.tenant, at=micros(now), event=event, body=orjson.dumps(told))

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
            listed.append({**item, "octets": row.octets.decode()})
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


def _is_public(number: str, opened: _Opened) -> bool:
    """Whether everybody may know that the thing of this number exists: a public credential of it says so."""
    rows = (row for row in opened.credentials if row.access_class == AccessClass.PUBLIC)
    return any(one.value == number for row in rows for one in identifiers("", opened.record, subject_of(row)))


def _text(value: JsonObject) -> str:
    return orjson.dumps(value).decode()


def _json(body: JsonObject) -> AuditAnswer:
    return AuditAnswer(status=_OK, body=orjson.dumps(body))
