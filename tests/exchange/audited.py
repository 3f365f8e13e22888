"""Three companies of a chain and an auditor, each with a store and answers of its own; only HTTP is left out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from connector.errors import PeerUnreachable
from connector.exchange.answer import AuditAnswers
from connector.exchange.audit import Audit
from connector.exchange.policies import Policies
from connector.exchange.ports import AuditAnswer, Store
from connector.exchange.rows import CredentialRow, DatasetRow, IdentifierRow, LinkRow, RecordRow, RecordsCommit
from connector.model import Claim, Did, Facts
from connector.provenance.reads import Page
from connector.stores.sqlite import SqliteStore
from tests.core.provenance.chains import MAKER, MINE, NOW, REFINER, World
from tests.exchange.signing import Noon, Site, verifier

AUDITOR, STRANGER = Did("did:web:auditor.example"), Did("did:web:stranger.example")
POLICIES = Path(__file__).parents[2] / "policies"


@dataclass
class Wire:
    """Audit reads without HTTP: the peer's own answer to what it knows about the caller."""

    peers: dict[Did, AuditAnswers]
    facts: Facts
    down: set[Did] = field(default_factory=set)
    most: int = 0
    busy: int = 0

    async def read(self, holder: Did, path: str) -> AuditAnswer:
        """One read."""
        if holder in self.down:
            raise PeerUnreachable("no answer after 3 attempts")
        self.busy += 1
        self.most = max(self.most, self.busy)
        await asyncio.sleep(0)
        self.busy -= 1
        return await self.peers[holder].answer(path, self.facts, NOW)


def mandate(party: Did = AUDITOR, *classes: str) -> Facts:
    """An auditor with a mandate for these classes (all, if none is named)."""
    given = {"mandate": "active", "mandateRole": "auditor", "mandateSite": "any", "mandateMaterial": "any"}
    given["mandatePeriod"] = "2026-01-01T00:00:00Z/2028-01-01T00:00:00Z"
    claims = [Claim(name=name, value=value, source="uM") for name, value in given.items()]
    claims += [Claim(name="mandateClass", value=value, source="uM") for value in classes or ("PUB", "B2B", "ORG")]
    return Facts(party=party, claims=tuple(claims))


@dataclass
class Companies:
    """All companies of the chain with their stores."""

    answers: dict[Did, AuditAnswers]
    stores: dict[Did, Store]
    world: World

    def audit(self, facts: Facts, did: Did, site: Site | None = None) -> tuple[Audit, Wire]:
        """The journey of one of them, or of the auditor."""
        wire = Wire(peers=self.answers, facts=facts)
        own = self.answers[did]
        journey = Audit(
            did=did,
            store=own.store,
            tenant="",
            reads=wire,
            own=own,
            verifier=verifier(site or Site()),
            clock=Noon(),
        )
        return journey, wire


def rows_of(world: World, page: Page, dataset: str) -> tuple[RecordRow, list[CredentialRow], list[LinkRow]]:
    """What a company keeps of a record."""
    credentials: list[CredentialRow] = []
    links: list[LinkRow] = []
    for served in page.credentials:
        payload = world.payloads[served.octets or ""]
        text = orjson.dumps(payload).decode()
        issuer = str(payload["issuer"])
        credentials.append(
            CredentialRow(
                tenant="",
                digest=served.digest,
                holder=page.holder,
                record_id=page.record,
                version=page.version,
                credential_type=page.type,
                access_class=served.access_class,
                level=served.level,
                subject_id="",
                issuer=issuer,
                media_type=served.media_type,
                octets=(served.octets or "").encode(),
                status_list=None,
                status_index=None,
                origin="own" if issuer == page.holder else "held",
            )
        )
        links += [
            LinkRow(
                tenant="",
                link_id=ident,
                from_holder=page.holder,
                from_record=page.record,
                from_version=page.version,
                to_record=to.record,
                to_version=to.version,
                holder=to.holder,
            )
            for (holder, ident), to in world.links.items()
            if holder == page.holder and ident in text
        ]
    record = RecordRow(
        tenant="",
        record_id=page.record,
        version=page.version,
        record_type=page.type,
        key=page.record,
        subject_id=str(orjson.loads(text)["credentialSubject"]["id"]),
        holder=page.holder,
        origin=credentials[0].origin,
        dataset_id=dataset,
        agreement_id="",
        content_digest="",
        content=b"",
        lineage=b"",
        digests=tuple(sorted(page.lasting)),
        buyers=(),
        at=1,
    )
    return record, credentials, links


def dataset(policy: str) -> DatasetRow:
    """A dataset under this policy."""
    octets = (POLICIES / policy).read_bytes()
    return DatasetRow(
        tenant="", dataset_id="d", title="", plan="", record_types=(), policy=octets, policy_digest=policy, at=1
    )


async def publish(store: Store, world: World, holder: Did, policy: str) -> None:
    """Everything of one company, in one dataset."""
    await store.commit_dataset(dataset(policy))
    for page in world.pages.values():
        if page.holder == holder:
            record, credentials, links = rows_of(world, page, "d")
            serial = IdentifierRow(
                tenant="", scheme="serialNumber", value=f"SN/{page.record}", issuer="", holder=holder,
                record_id=page.record, subject_id="x",
            )  # fmt: skip
            await store.commit_records(
                RecordsCommit(
                    tenant="", holder=holder, expected={page.record: 0}, records=[record], credentials=credentials,
                    links=links, identifiers=[serial],
                )
            )  # fmt: skip


def answers_of(did: Did, store: Store) -> AuditAnswers:
    """What a company answers to audit reads."""
    name = did.split(":")[-1]
    return AuditAnswers(
        tenant="", did=did, name=name, store=store, policies=Policies(), place_key=bytes(32), limit_seconds=60
    )


@asynccontextmanager
async def published(folder: Path, world: World) -> AsyncIterator[Companies]:
    """The chain, published under the policy for direct customers; the mine's is for auditors alone."""
    stores: dict[Did, Store] = {}
    answers: dict[Did, AuditAnswers] = {}
    for did in (MINE, REFINER, MAKER, AUDITOR):
        store: Store = SqliteStore(folder / f"{did.split(':')[-1]}.db")
        stores[did] = store
        await publish(store, world, did, "composition.json" if did in {MINE, REFINER} else "direct-customer.json")
        answers[did] = answers_of(did, store)
    yield Companies(answers=answers, stores=stores, world=world)
    for store in stores.values():
        await store.close()
