"""A small chain as values: companies, records, links, and a driver that walks it without I/O.

A mine extracts L1 and sends it to a refiner, which buys some more without proof and makes L2; the maker builds battery
B out of L2. Every site has its stocktakes. Nothing here is signed: what verification says is put in by the test.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256

from connector.model import Did, Json, JsonObject
from connector.provenance.assemble import assemble
from connector.provenance.nodes import Check, Checked
from connector.provenance.outcomes import Outcome
from connector.provenance.reads import (
    LATEST,
    Answer,
    Gap,
    Later,
    LaterEntry,
    Page,
    PartyName,
    Read,
    Served,
    Target,
)
from connector.provenance.report import AuditReport
from connector.provenance.walk import Limits, Walk
from connector.vocabulary.bundle import load_tolerances
from connector.vocabulary.tolerances import known_at

NOW = datetime(2027, 3, 15, 9, tzinfo=UTC)
MINE, REFINER, MAKER = Did("did:web:mine.example"), Did("did:web:refiner.example"), Did("did:web:maker.example")
UNKNOWN = Gap(outcome=Outcome.MISSING, reason="404")
SEALED = Gap(outcome=Outcome.SEALED, reason="403")
WIDEST = known_at(load_tolerances(), NOW.date()).widest


def digest_of(octets: str) -> str:
    """A digest of test octets."""
    return "u" + sha256(octets.encode()).hexdigest()


def unsigned(payload: JsonObject) -> str:
    """The octets of a credential that nobody signed."""
    return json.dumps(payload)


def kg(value: str, uncertainty: str = "0.5") -> JsonObject:
    """A mass."""
    return {"type": "Quantity", "value": value, "unit": "KGM", "uncertainty": uncertainty}


def metal(name: str, value: str, uncertainty: str = "0.5") -> JsonObject:
    """A contained mass."""
    return {"type": "ContainedMetal", "metal": name, "mass": kg(value, uncertainty)}


def product(thing: str, value: str, **more: Json) -> JsonObject:
    """Nickel going in or out."""
    return {"type": "EventProduct", "product": thing, "contained": [metal("Ni", value)], **more}


def attribution(source: str, target: str, value: str, basis: str = "physical") -> JsonObject:
    """So much nickel of one thing went into another."""
    return {
        "type": "Attribution",
        "metal": "Ni",
        "from": source,
        "to": target,
        "mass": kg(value),
        "custodyModel": "segregated",
        "basis": basis,
    }


def claim(value: str, unit: str = "KGM", **more: Json) -> JsonObject:
    """A footprint as a record states it."""
    return {
        "type": "FootprintClaim", "value": value, "declaredUnit": unit, "boundary": "cradleToGate",
        "method": "Rulebook", "methodVersion": "2.0", "allocation": "none",
        "assurance": {"type": "Assurance", "party": "first"}, **more,
    }  # fmt: skip


def lot(net: str, *stated: JsonObject) -> JsonObject:
    """What a lot's passport says besides."""
    return {"netMass": kg(net), "footprint": [*stated]}


@dataclass
class World:
    """Who holds what. What is told as `later` is derived from the links; `only`, `refuse`, `words` and `copies`
    (pages of records that somebody else holds too) are what a test bends.

    `seal` makes the octets of a credential and `digest` their digest: another test signs for real.
    """

    seal: Callable[[JsonObject], str] = unsigned
    digest: Callable[[str], str] = digest_of
    payloads: dict[str, JsonObject] = field(default_factory=dict)
    pages: dict[tuple[str, int], Page] = field(default_factory=dict)
    copies: dict[tuple[Did, str], Page] = field(default_factory=dict)
    links: dict[tuple[Did, str], Target] = field(default_factory=dict)
    back: dict[str, list[LaterEntry]] = field(default_factory=dict)
    only: dict[tuple[Did, str], list[LaterEntry]] = field(default_factory=dict)
    received: dict[str, set[Did]] = field(default_factory=dict)
    refuse: dict[tuple[Did, str], Gap] = field(default_factory=dict)
    newest: dict[tuple[Did, str], Gap] = field(default_factory=dict)
    """What is answered to who asks for the newest version of a record."""
    down: set[Did] = field(default_factory=set)
    proofs: dict[str, JsonObject] = field(default_factory=dict)
    """What the facility record of a site says besides."""
    words: Callable[[str, datetime], Outcome] = lambda _octets, _at: Outcome.VERIFIED

    def link(self, holder: Did, to: str, version: int = 1) -> JsonObject:
        """A link that `holder` signs."""
        page = self.pages[to, version]
        ident = f"urn:uuid:{sha256(f'{holder}{to}{len(self.links)}'.encode()).hexdigest()[:32]}"
        self.links[holder, ident] = Target(holder=page.holder, record=to, version=version)
        self.received.setdefault(to, set()).add(holder)
        listed: list[Json] = [*sorted(page.lasting)]
        return {
            "type": "UpstreamLink",
            "id": ident,
            "recordVersion": str(version),
            "mediaType": "application/vc+jwt",
            "digest": listed,
        }

    def add(
        self, holder: Did, kind: str, record: str, *subjects: tuple[str, JsonObject], issuer: str = "", version: int = 1
    ) -> str:
        """A record with one credential per (access class, subject)."""
        served = []
        for access_class, subject in subjects:
            payload: JsonObject = {
                "type": ["VerifiableCredential", kind],
                "issuer": issuer or holder,
                "validFrom": "2026-12-31T00:00:00Z",
                "record": {"id": record, "version": str(version), "accessClass": access_class, "level": "item"},
                "credentialSubject": subject,
            }
            octets = self.seal(payload)
            self.payloads[octets] = payload
            served.append(
                Served(
                    digest=self.digest(octets),
                    media_type="application/vc+jwt",
                    access_class=access_class,
                    level="item",
                    octets=octets,
                )
            )
        page = Page(record=record, version=version, type=kind, holder=holder, credentials=tuple(served))
        self.pages[record, version] = page
        self._note_links(page)
        return record

    def _note_links(self, page: Page) -> None:
        for (holder, ident), target in self.links.items():
            for served in page.credentials:
                payload = self.payloads[served.octets or ""]
                if holder == page.holder and ident in json.dumps(payload):
                    subject = payload["credentialSubject"]
                    receiver = subject.get("toParty") if isinstance(subject, dict) else None
                    entry = LaterEntry(
                        record=page.record,
                        version=page.version,
                        type=page.type,
                        holder=page.holder,
                        receiver=Did(receiver) if isinstance(receiver, str) else None,
                    )
                    self.back.setdefault(target.record, []).append(entry)

    def answer(self, read: Read) -> Answer:
        """What the holder answers."""
        if read.holder in self.down:
            return Gap(outcome=Outcome.MISSING, reason="unreachable")
        if (read.holder, read.ident) in self.refuse:
            return self.refuse[read.holder, read.ident]
        if read.kind == "party":
            return PartyName(name=read.holder.split(":")[-1])
        if read.kind == "link":
            return self.links.get((read.holder, read.ident), UNKNOWN)
        if read.kind == "later":
            entries = [entry for entry in self.back.get(read.ident, []) if entry.holder == read.holder]
            return Later(entries=tuple(self.only.get((read.holder, read.ident), entries)))
        if read.version == LATEST:
            if (read.holder, read.ident) in self.newest:
                return self.newest[read.holder, read.ident]
            found = [page for (record, _), page in self.pages.items() if record == read.ident]
            return found[-1] if found else UNKNOWN
        page = self.pages.get((read.ident, int(read.version)), UNKNOWN)
        return self.copies.get((read.holder, read.ident), page)

    def check(self, check: Check) -> Checked:
        """What verification says."""
        payload = json.loads(check.octets)
        word = self.words(check.octets, check.at)
        return Checked(digest=digest_of(check.octets), outcome=word, payload=payload)


def finish(walk: Walk, world: World, order: Callable[[list[Read | Check]], Iterable[Read | Check]] = list) -> None:
    """Answer all wants until there are none."""
    while wants := walk.wanted():
        for want in order(list(wants)):
            if isinstance(want, Read):
                walk.take_read(want, world.answer(want))
            else:
                walk.take_check(want, world.check(want))


def audit(world: World, root: str = "rec:B", holder: Did = MAKER, limits: Limits | None = None) -> AuditReport:
    """Walk and judge."""
    walk = Walk(root, holder=holder, now=NOW, limits=limits)
    finish(walk, world)
    return assemble(walk)


def words(report: AuditReport) -> dict[str, str]:
    """Record id (or link id) -> word."""
    return {node.id: node.outcome.value for node in report.nodes}


def stocktake(
    world: World, holder: Did, site: str, *, opening: str, closing: str, covers: Iterable[str], facility: str
) -> None:
    """Opening and closing stock of January and February 2027."""
    common: JsonObject = {"facility": site, "facilityRecord": world.link(holder, facility)}
    subject: JsonObject = {"id": f"evt:open:{site}", "type": "StocktakeEvent", "stockKind": "opening", **common}
    subject |= {"eventTime": "2027-01-01T00:00:00Z", "stock": [metal("Ni", opening)]}
    first = world.add(holder, "StocktakeEvent", f"rec:open:{site}", ("ORG", subject))
    links: list[Json] = [world.link(holder, record) for record in (first, *covers)]
    subject = {"id": f"evt:close:{site}", "type": "StocktakeEvent", "stockKind": "closing", **common}
    subject |= {"eventTime": "2027-03-01T00:00:00Z", "stock": [metal("Ni", closing)], "covers": links}
    subject["period"] = {"type": "Period", "start": "2027-01-01T00:00:00Z", "end": "2027-03-01T00:00:00Z"}
    world.add(holder, "StocktakeEvent", f"rec:close:{site}", ("ORG", subject))


def facility(world: World, holder: Did, site: str, name: str, *, permit: bool = False) -> str:
    """A facility record, with a mine permit if asked for."""
    subject: JsonObject = {"id": site, "type": "Facility", "name": name, **world.proofs.get(site, {})}
    if permit:
        given: JsonObject = {"id": site, "type": "Facility", "permitKind": "extraction", "permitHolder": holder}
        world.add(holder, "MinePermit", f"rec:permit:{site}", ("PUB", given), issuer="did:web:authority.example")
        subject["permit"] = world.link(holder, f"rec:permit:{site}")
    return world.add(holder, "FacilityRecord", f"rec:facility:{site}", ("PUB", subject))


def move(world: World, lot: str, value: str, *, day: int, ends: tuple[Did, Did], sites: tuple[str, str]) -> None:
    """Both sides of a move of a lot, in February."""
    for side, holder, site in zip(("sent", "received"), ends, sites, strict=True):
        time = datetime(2027, 2, day + (side == "received"), tzinfo=UTC).isoformat()
        subject: JsonObject = {"id": f"evt:move:{lot}", "type": "MoveEvent", "direction": side, "facility": site}
        subject |= {"eventTime": time, "fromParty": ends[0], "toParty": ends[1]}
        subject["moved"] = [product(lot, value, link=world.link(holder, f"rec:{lot}"))]
        world.add(holder, "MoveEvent", f"rec:move:{lot}:{side}", ("ORG", subject))


def chain(*, refined: str = "148", world: World | None = None, claims: Mapping[str, JsonObject] | None = None) -> World:
    """The story of this module. `refined`: nickel that the refiner's event says it made; `claims`: what the passports
    of L1, L2 and B say besides.
    """
    world, claims = world or World(), claims or {}
    _mine(world, claims)
    site = facility(world, REFINER, "site:refiner", "Refinery")
    inputs: list[Json] = [
        product("L1", "100", link=world.link(REFINER, "rec:L1"), sourceKind="primary", attested=True),
        product("P1", "50", sourceKind="primary", attested=False),
    ]
    event: JsonObject = {"id": "evt:R1", "type": "MakeEvent", "facility": "site:refiner"}
    event |= {"eventTime": "2027-02-05T00:00:00Z", "input": inputs, "output": [product("L2", refined)]}
    event["loss"] = [{"type": "Loss", "lossKind": "process", "contained": [metal("Ni", "2")]}]
    event["attribution"] = [attribution("L1", "L2", "98"), attribution("P1", "L2", "50")]
    event["facilityRecord"] = world.link(REFINER, site)
    world.add(REFINER, "MakeEvent", "rec:R1", ("ORG", event))
    lot: JsonObject = {"id": "L2", "type": "MaterialLot", "containedMetal": [metal("Ni", refined)]}
    assay: JsonObject = {"id": "S2", "type": "Sample", "name": "sample 2"}
    world.add(REFINER, "AssayCertificate", "rec:assay:L2", ("B2B", assay))
    lot |= claims.get("L2", {})
    lot |= {"upstream": [world.link(REFINER, "rec:L1")], "assay": [world.link(REFINER, "rec:assay:L2")]}
    madein: JsonObject = {"id": "L2", "type": "MaterialLot", "madeIn": world.link(REFINER, "rec:R1")}
    world.add(REFINER, "MineralLotPassport", "rec:L2", ("B2B", lot), ("ORG", madein))
    move(world, "L2", refined, day=10, ends=(REFINER, MAKER), sites=("site:refiner", "site:maker"))
    covers = ("rec:move:L1:received", "rec:R1", "rec:move:L2:sent")
    stocktake(world, REFINER, "site:refiner", opening="10", closing="10", covers=covers, facility=site)
    _maker(world, refined, claims)
    return world


def _mine(world: World, claims: Mapping[str, JsonObject]) -> None:
    site = facility(world, MINE, "site:mine", "North pit", permit=True)
    event: JsonObject = {"id": "evt:M1", "type": "MakeEvent", "facility": "site:mine"}
    event |= {"eventTime": "2027-01-05T00:00:00Z", "output": [product("L1", "100")]}
    event["input"] = [product("ORE", "104", sourceKind="primary", attested=True)]
    event["loss"] = [{"type": "Loss", "lossKind": "tailings", "contained": [metal("Ni", "4")]}]
    event["attribution"] = [attribution("ORE", "L1", "100")]
    event["facilityRecord"] = world.link(MINE, site)
    world.add(MINE, "MakeEvent", "rec:M1", ("ORG", event))
    lot: JsonObject = {"id": "L1", "type": "MaterialLot", "containedMetal": [metal("Ni", "100")], "name": "Lot one"}
    lot |= claims.get("L1", {})
    madein: JsonObject = {"id": "L1", "type": "MaterialLot", "madeIn": world.link(MINE, "rec:M1")}
    world.add(MINE, "MineralLotPassport", "rec:L1", ("B2B", lot), ("ORG", madein))
    move(world, "L1", "100", day=1, ends=(MINE, REFINER), sites=("site:mine", "site:refiner"))
    move_covers = ("rec:M1", "rec:move:L1:sent")
    stocktake(world, MINE, "site:mine", opening="0", closing="0", covers=move_covers, facility=site)


def _maker(world: World, refined: str, claims: Mapping[str, JsonObject]) -> None:
    site = facility(world, MAKER, "site:maker", "Battery works")
    event: JsonObject = {"id": "evt:B1", "type": "MakeEvent", "facility": "site:maker"}
    event |= {"eventTime": "2027-02-20T00:00:00Z", "output": [product("B", "48")]}
    used = product("L2", "48", link=world.link(MAKER, "rec:L2"), sourceKind="primary", attested=True)
    event |= {"input": [used], "attribution": [attribution("L2", "B", "48")]}
    event["facilityRecord"] = world.link(MAKER, site)
    world.add(MAKER, "MakeEvent", "rec:B1", ("ORG", event))
    public: JsonObject = {"id": "B", "type": "Battery", "name": "Battery B", **claims.get("B", {})}
    madein: JsonObject = {"id": "B", "type": "Battery", "madeIn": world.link(MAKER, "rec:B1")}
    world.add(MAKER, "BatteryPassport", "rec:B", ("PUB", public), ("ORG", madein))
    covers = ("rec:move:L2:received", "rec:B1")
    closing = str(int(refined))
    stocktake(world, MAKER, "site:maker", opening="0", closing=closing, covers=covers, facility=site)


def change(world: World, record: str, **more: Json) -> None:
    """Republish a record under the same version with other content, as the fault `tampered` does."""
    page = world.pages[record, 1]
    changed = []
    for served in page.credentials:
        payload = json.loads(served.octets or "{}")
        payload["credentialSubject"] |= more
        octets = json.dumps(payload)
        changed.append(replace(served, octets=octets, digest=digest_of(octets)))
    world.pages[record, 1] = replace(page, credentials=tuple(changed))


def withhold(world: World, record: str, access_class: str = "") -> None:
    """Keep the octets of one class (or all) back."""
    page = world.pages[record, 1]
    kept = tuple(
        replace(served, octets=None) if access_class in {"", served.access_class} else served
        for served in page.credentials
    )
    world.pages[record, 1] = replace(page, credentials=kept)
