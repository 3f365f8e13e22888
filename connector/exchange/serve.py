"""What a data token opens (`grants`): pages of units and files, the exact octets of each, decided at every request.

A page lists, for every record of the dataset that this caller may get, all its credentials by digest; those whose
access class the policy opens to the caller have a `url`, the others have none, so that a customer can name what it may
not read (DECISIONS, "Links keep secrets"). A record none of whose credentials is open is not listed, and nothing tells
of it: neither the place at which a page ends nor the answer to who asks for one of its digests. Files follow the
records, with their size; for one that is not open the same holds. Our own log has what was left out (`left_out`).

Each record is a unit with an address of its own (`unit` in its lines), by an opaque id; who has a number of it (serial,
lot, an id in a data carrier) asks for that. Both cost the same among a hundred units and millions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from connector.credentials.ids import open_place, open_unit, seal_place, unit_id
from connector.credentials.refused import Refused
from connector.errors import NotFound
from connector.exchange.grants import Grant
from connector.exchange.left_out import LeftOut
from connector.exchange.pages import FILE
from connector.exchange.ports import Clock, Store
from connector.exchange.rows import CredentialRow, EvidenceEntry, FileRow, RecordRow
from connector.exchange.stored import micros
from connector.exchange.units import about, reads_credentials, unit_claims
from connector.model import Claim, Did, Json, JsonObject
from connector.policy.evaluate import Decision, evaluate
from connector.policy.operands import Stage

PAGE_RECORDS = 100
_AMONG_FILES = "file "
"""What a place begins with that lies behind all records."""
_NO_UNIT = "no such unit in this dataset, or not for you"
_NO_FILE = "no such octets in this dataset"
_NO_CREDENTIAL = "no such credential in this dataset, or not for you"


@dataclass(frozen=True, slots=True, kw_only=True)
class Serve:
    """The provider's data face."""

    tenant: str
    did: Did
    store: Store
    clock: Clock
    data_url: str
    place_key: bytes
    """Seals the places at which pages end."""

    async def page(self, grant: Grant, after: str) -> JsonObject:
        """One page of the dataset as this caller may have it. `after` comes from the `next` of the page before."""
        items, following = await self.listed(grant, self._place(after))
        page: JsonObject = {"dataset": grant.dataset.dataset_id, "items": items}
        if following:
            page["next"] = f"{self.data_url}?after={seal_place(self.place_key, following)}"
        return page

    async def listed(self, grant: Grant, place: str) -> tuple[list[Json], str]:
        """The lines of a page, and the place at which the next one begins, or nothing. `place`: empty for the first."""
        left, units, items, following = LeftOut(), 0, list[Json](), ""
        among_files = place.startswith(_AMONG_FILES)
        if not among_files:
            records = await self.store.list_records(
                self.tenant, dataset_id=grant.dataset.dataset_id, after=(place, self.did), limit=PAGE_RECORDS
            )
            for record in records:
                listed = await self._items(grant, record, left)
                units += bool(listed)
                items += listed
            following = records[-1].record_id if len(records) == PAGE_RECORDS else ""
        if not following:
            after = place.removeprefix(_AMONG_FILES) if among_files else ""
            files, following = await self._files(grant, after, left)
            items += files
        await self._note("data-page", grant, {"records": units, "after": place, **left.as_json()})
        return items, following

    async def _files(self, grant: Grant, after: str, left: LeftOut) -> tuple[list[Json], str]:
        files = await self.store.list_files(self.tenant, grant.dataset.dataset_id, "", after=after, limit=PAGE_RECORDS)
        listed: list[Json] = []
        for row in files:
            decision = self._opens(grant, row)
            if decision.permit:
                listed.append({
                    "id": row.digest,
                    "type": FILE,
                    "name": row.name,
                    "mediaType": row.media_type,
                    "size": row.size,
                    "digest": row.digest,
                    "url": f"{self.data_url}/{row.digest}",
                })  # fmt: skip
            else:
                left.files += 1
                left.note(decision)
        return listed, _AMONG_FILES + files[-1].digest if len(files) == PAGE_RECORDS else ""

    async def unit(self, grant: Grant, ident: str) -> JsonObject:
        """The lines of one unit, by its opaque id."""
        try:
            record_id = open_unit(self.place_key, grant.dataset.dataset_id, ident)
        except Refused:
            raise NotFound(_NO_UNIT) from None
        record = await self.store.load_record(self.tenant, self.did, record_id)
        here = [record] if record is not None and record.dataset_id == grant.dataset.dataset_id else []
        return await self._units(grant, here)

    async def numbered(self, grant: Grant, number: str) -> JsonObject:
        """The lines of the units that a number means: an identifier, or the id of the record or of the thing."""
        return await self._units(
            grant, await self.store.find_units(self.tenant, self.did, grant.dataset.dataset_id, number)
        )

    async def _units(self, grant: Grant, records: Sequence[RecordRow]) -> JsonObject:
        """What is not there and what is not open look the same."""
        left = LeftOut()
        items = [line for record in records for line in await self._items(grant, record, left)]
        told: list[Json] = [record.record_id for record in records]
        await self._note("data-unit" if items else "data-denied", grant, {"units": told, **left.as_json()})
        if not items:
            raise NotFound(_NO_UNIT)
        return {"dataset": grant.dataset.dataset_id, "items": items}

    async def file(self, grant: Grant, digest: str) -> FileRow:
        """A file of the dataset. What is not there and what is not open look the same."""
        row = await self.store.find_file(self.tenant, grant.dataset.dataset_id, "", digest)
        if row is None:
            raise NotFound(_NO_FILE)
        decision = self._opens(grant, row)
        if not decision.permit:
            await self._note("data-denied", grant, {"digest": digest, "decision": decision.as_json()})
            raise NotFound(_NO_FILE)
        return row

    async def sent(self, grant: Grant, row: FileRow, start: int, stop: int, *, size: int) -> None:
        """Put on record which part of a file left."""
        await self._note("data-file", grant, {"digest": row.digest, "start": start, "stop": stop, "size": size})

    def _place(self, after: str) -> str:
        try:
            return open_place(self.place_key, after) if after else ""
        except Refused:
            raise NotFound("no such page", hint="take the `next` of the page before") from None

    async def octets(self, grant: Grant, digest: str) -> CredentialRow:
        """One credential in its exact octets. What is not there and what is not open look the same."""
        row = await self.store.find_credential(self.tenant, digest)
        record = await self.store.load_record(self.tenant, row.holder, row.record_id) if row is not None else None
        if row is None or record is None or record.dataset_id != grant.dataset.dataset_id:
            raise NotFound(_NO_CREDENTIAL)
        rows = await self._credentials(record) if reads_credentials(grant.policy) else ()
        decision = self._decide(grant, row, unit_claims(grant.policy, record, rows))
        if not decision.permit:
            await self._note("data-denied", grant, {"digest": digest, "decision": decision.as_json()})
            raise NotFound(_NO_CREDENTIAL)
        return row

    async def _items(self, grant: Grant, record: RecordRow, left: LeftOut) -> list[Json]:
        credentials = await self._credentials(record)
        unit = unit_claims(grant.policy, record, credentials)
        opened: set[str] = set()
        for row in credentials:
            decision = self._decide(grant, row, unit)
            if decision.permit:
                opened.add(row.digest)
            else:
                left.values += 1
                left.note(decision)
        if not opened:
            left.units += 1
            return []
        address = f"{self.data_url}/units/{unit_id(self.place_key, grant.dataset.dataset_id, record.record_id)}"
        return [
            {
                "id": record.record_id,
                "version": record.version,
                "type": record.record_type,
                "level": row.level,
                "unit": address,
                "mediaType": row.media_type,
                "digest": row.digest,
                **({"url": f"{self.data_url}/{row.digest}"} if row.digest in opened else {}),
            }
            for row in credentials
        ]

    async def _credentials(self, record: RecordRow) -> list[CredentialRow]:
        return await self.store.credentials(self.tenant, self.did, record.record_id, record.version)

    def _decide(self, grant: Grant, credential: CredentialRow, unit: Sequence[Claim]) -> Decision:
        facts = grant.facts.with_claims(about("accessClass", credential.access_class), *unit)
        return evaluate(grant.policy, facts, self.clock.now(), stage=Stage.DATA)

    def _opens(self, grant: Grant, row: FileRow) -> Decision:
        facts = grant.facts.with_claims(about("accessClass", row.access_class), about("recordType", FILE))
        return evaluate(grant.policy, facts, self.clock.now(), stage=Stage.DATA)

    async def _note(self, event: str, grant: Grant, body: JsonObject) -> None:
        told: JsonObject = {"party": grant.facts.party, "agreement": grant.agreement_id, "pid": grant.pid, **body}
        entry = EvidenceEntry(tenant=self.tenant, at=micros(self.clock.now()), event=event, body=orjson.dumps(told))
        await self.store.append_evidence([entry])
