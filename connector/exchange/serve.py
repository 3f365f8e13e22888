"""What a data token opens: pages of units, and each credential's exact octets, decided anew at every request.

A page lists, for every record of the dataset that this caller may get, all its credentials by digest; those whose
access class the policy opens to the caller have a `url`, the others have none, so that a customer can name what it may
not read (DECISIONS, "Links keep secrets"). A record none of whose credentials is open is not listed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import orjson

from connector.errors import NotAllowed, NotAuthenticated, NotFound
from connector.exchange.draft import micros, token_digest, under_way
from connector.exchange.policies import Policies
from connector.exchange.ports import Clock, Store
from connector.exchange.rows import CredentialRow, DatasetRow, EvidenceEntry, RecordRow
from connector.model import Claim, Did, Facts, Json, JsonObject
from connector.policy.evaluate import Compiled, Decision, evaluate
from connector.policy.operands import Stage
from connector.protocol.transfer import Kind, State

PAGE_RECORDS = 100
_BEARER = "Bearer "

FactsFrom = Callable[[Did, Sequence[bytes]], Awaitable[Facts]]
"""What these credentials prove about a party now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a live token stands for."""

    facts: Facts
    agreement_id: str
    dataset: DatasetRow
    policy: Compiled


@dataclass(frozen=True, slots=True, kw_only=True)
class Serve:
    """The provider's data face."""

    tenant: str
    did: Did
    store: Store
    clock: Clock
    policies: Policies
    facts_from: FactsFrom
    data_url: str

    async def open(self, authorization: str) -> Grant:
        """What the token opens now. `NotAuthenticated`: unknown, or its transfer is not started."""
        token = authorization.removeprefix(_BEARER)
        row = await self.store.find_data_token(self.tenant, token_digest(token)) if token else None
        process = await self.store.load_process(self.tenant, "transfer", row.transfer_pid) if row else None
        if row is None or process is None:
            raise NotAuthenticated("the data token opens nothing", hint="start a transfer under the agreement")
        # Whoever shows the token has our start message, also where its acknowledgement is still on the way. That may
        # be committed between the two reads, so a token that was not live yet is looked at again.
        again = row if row.live else await self.store.find_data_token(self.tenant, row.sha256)
        started = again is not None and again.live and process.state == State.STARTED
        if not started and under_way(process) != Kind.START:
            raise NotAuthenticated("the transfer is not started")
        content = orjson.loads(process.body)["content"]
        dataset = await self.store.load_dataset(self.tenant, str(content["dataset"]))
        if dataset is None:
            raise NotFound("the dataset is no longer offered")
        shown = [str(octets).encode("ascii") for octets in content["credentials"]]
        facts = await self.facts_from(Did(process.counterparty), shown)
        claim = Claim(name="agreementHeld", value="true", source=str(content["agreement"]))
        return Grant(
            facts=facts.with_claims(claim), agreement_id=str(content["agreement"]), dataset=dataset,
            policy=self.policies.of(dataset),
        )  # fmt: skip

    async def page(self, grant: Grant, after: str) -> JsonObject:
        """One page of the dataset as this caller may have it. `after` is the `next` of the page before."""
        records = await self.store.list_records(
            self.tenant, dataset_id=grant.dataset.dataset_id, after=(after, self.did), limit=PAGE_RECORDS
        )
        items: list[Json] = []
        units = 0
        for record in records:
            credentials = await self.store.credentials(self.tenant, self.did, record.record_id, record.version)
            listed = self._items(grant, record, credentials)
            units += bool(listed)
            items += listed
        await self._note("data-page", grant, {"records": units, "after": after})
        page: JsonObject = {"dataset": grant.dataset.dataset_id, "items": items}
        if len(records) == PAGE_RECORDS:
            page["next"] = f"{self.data_url}?after={records[-1].record_id}"
        return page

    async def octets(self, grant: Grant, digest: str) -> CredentialRow:
        """One credential in its exact octets. What is not there and what is not open look the same."""
        row = await self.store.find_credential(self.tenant, digest)
        record = await self.store.load_record(self.tenant, row.holder, row.record_id) if row is not None else None
        if row is None or record is None or record.dataset_id != grant.dataset.dataset_id:
            raise NotFound("no such credential in this dataset")
        decision = self._decide(grant, record, row)
        if not decision.permit:
            await self._note("data-denied", grant, {"digest": digest, "decision": decision.as_json()})
            raise NotAllowed("the policy does not open this credential to you")
        return row

    def _items(self, grant: Grant, record: RecordRow, credentials: Sequence[CredentialRow]) -> list[Json]:
        opened = {row.digest for row in credentials if self._decide(grant, record, row).permit}
        if not opened:
            return []
        return [
            {
                "id": record.record_id,
                "version": record.version,
                "type": record.record_type,
                "level": row.level,
                "mediaType": row.media_type,
                "digest": row.digest,
                **({"url": f"{self.data_url}/{row.digest}"} if row.digest in opened else {}),
            }
            for row in credentials
        ]

    def _decide(self, grant: Grant, record: RecordRow, credential: CredentialRow) -> Decision:
        unit = [
            Claim(name="accessClass", value=credential.access_class, source="unit"),
            Claim(name="recordType", value=record.record_type, source="unit"),
            *(Claim(name="unitBuyer", value=buyer, source="unit") for buyer in record.buyers),
        ]
        return evaluate(grant.policy, grant.facts.with_claims(*unit), self.clock.now(), stage=Stage.DATA)

    async def _note(self, event: str, grant: Grant, body: JsonObject) -> None:
        told: JsonObject = {"party": grant.facts.party, "agreement": grant.agreement_id, **body}
        entry = EvidenceEntry(tenant=self.tenant, at=micros(self.clock.now()), event=event, body=orjson.dumps(told))
        await self.store.append_evidence([entry])
