"""Bundles of audits of the small chain: recorded, signed and checked as the product does it, without its shapes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import orjson

from connector.credentials import jose
from connector.credentials.datamodel import StatusEntry, status_node
from connector.credentials.digest import digest_multibase
from connector.credentials.issue import attach, prepare
from connector.credentials.status_list import Change, changes_input, changes_url, list_payload
from connector.exchange.bundle import MANIFEST, PAGE_RULES, SIGNATURE, Made, make
from connector.exchange.bundled import Files, Recording, json_octets
from connector.exchange.obtained import Obtained
from connector.exchange.ports import Clock, Verifier
from connector.exchange.reaudit import Reaudit, Reaudited
from connector.keys.memory import MemorySigner
from connector.model import Facts, Json, JsonObject
from connector.peers.verifier import FetchingVerifier
from connector.provenance.archive import pack, unpack
from connector.provenance.client import for_client
from connector.provenance.report import AuditReport, WalkedBy
from connector.server.report import render_json
from tests.core.provenance.chains import MAKER, NOW, World
from tests.exchange.audited import AUDITOR, Companies, Wire, mandate, published
from tests.exchange.signing import AUTHORITY, CONTEXTS, Site, document, key
from tests.exchange.signing import seal as secured

STATUS = "https://authority.example/status/0"
INDEX = 7
RULES: JsonObject = {"vocabulary": "of the tests"}
PRODUCT = "battery-connector of the tests"
CLIENT = "Battery maker"


def seal(payload: JsonObject) -> str:
    """The authority's permits can be withdrawn."""
    entry = StatusEntry(purpose="revocation", index=INDEX, list_url=STATUS)
    more: JsonObject = {"credentialStatus": status_node(entry)} if payload["issuer"] == AUTHORITY else {}
    return secured({**payload, **more})


def list_status(site: Site, *withdrawn: Change) -> None:
    """The authority's list and changes, as it signs them."""
    signer = key(AUTHORITY)
    listed = list_payload(
        url=STATUS, issuer=AUTHORITY, indices=[one.index for one in withdrawn], valid_from=NOW,
        valid_until=NOW.replace(year=2028),
    )  # fmt: skip
    unsigned = prepare(listed, key_id=signer.key_id, alg=signer.alg)
    site.lists[STATUS] = attach(unsigned, signer.sign_now(unsigned)).octets
    unsigned = changes_input(list_url=STATUS, key_id=signer.key_id, alg=signer.alg, now=NOW, changes=withdrawn)
    site.lists[changes_url(STATUS)] = jose.attach(unsigned, signer.sign_now(unsigned))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundled:
    """A bundle, what it was made of, and the chain that it is about."""

    octets: bytes
    report: AuditReport
    recording: Recording
    world: World

    @property
    def files(self) -> dict[str, bytes]:
        """Its files."""
        return {**unpack(self.octets).files}


async def record(
    folder: Path, world: World, *, prepare_it: Callable[[Companies, Wire, Site], None] = lambda *_: None
) -> Bundled:
    """The auditor's walk from the battery, bundled."""
    site = Site()
    list_status(site)
    async with published(folder, world) as companies:
        journey, wire = companies.audit(mandate(), AUDITOR, site)
        prepare_it(companies, wire, site)
        walked, recording = await journey.record("SN/rec:B", MAKER)
        report = replace(walked, walked_by=WalkedBy(id=AUDITOR, name="Auditor", product=PRODUCT))
        return Bundled(octets=await bundle(report, recording), report=report, recording=recording, world=world)


async def record_for_client(folder: Path, full: Bundled) -> Bundled:
    """The auditor's bundle for the battery's maker, by that one's own audit."""
    site = Site()
    list_status(site)
    async with published(folder, full.world) as companies:
        own = await companies.audit(Facts(party=MAKER), MAKER, site)[0].run("rec:B", MAKER)
    told = for_client(full.report, own)
    octets = await bundle(told, None, prepared_for=CLIENT)
    return Bundled(octets=octets, report=told, recording=full.recording, world=full.world)


async def bundle(report: AuditReport, recording: Recording | None, *, prepared_for: str = "") -> bytes:
    """Signed by the auditor."""
    told = report.as_json()
    page = render_json(told, prepared_for=prepared_for)
    made = Made(did=AUDITOR, name="Auditor", document=document(AUDITOR).octets, product=PRODUCT, rules=RULES, at=NOW)
    return await make(told, page, recording=recording, made=made, signer=key(AUDITOR), prepared_for=prepared_for)


async def check(
    octets: bytes, *, known: bytes | None = None, product: str = PRODUCT, now: datetime = NOW, page: str = ""
) -> Reaudited:
    """What `audit verify` of this version does. `page`: by what it lays out pages."""

    def verifier(obtained: Obtained, clock: Clock, recording: Recording) -> Verifier:
        return FetchingVerifier(
            resolver=obtained, reads=obtained, clock=clock, contexts=CONTEXTS,
            check_shape=lambda _kind, _document: [], trusted_issuers=recording.trusted,
        )  # fmt: skip

    def render(report: JsonObject, prepared_for: str) -> str:
        return render_json(report, prepared_for=prepared_for)

    reaudit = Reaudit(
        verifier=verifier, render=render, product=product, rules={**RULES, **({PAGE_RULES: page} if page else {})}
    )
    return await reaudit.run(octets, now=now, document=known)


def signed_again(files: Files, said: JsonObject | None = None, *, signer: MemorySigner | None = None) -> bytes:
    """These files, with a manifest that is true of them but for what is `said`, signed by the auditor: what a lying
    auditor could make.
    """
    signer = signer or key(AUDITOR)
    others = {name: files[name] for name in files if name not in {MANIFEST, SIGNATURE}}
    report, manifest = orjson.loads(files["report.json"]), orjson.loads(files[MANIFEST])
    listed: list[Json] = [
        {"name": name, "size": len(others[name]), "digest": digest_multibase(others[name])} for name in sorted(others)
    ]
    told = {"root": report["root"], "asOf": report["at"], "verdict": report["verdict"]}
    octets = json_octets({**manifest, **told, "files": listed, **(said or {})})
    unsigned = jose.signing_input({"alg": signer.alg, "kid": signer.key_id, "typ": "audit-manifest+jws"}, octets)
    header, _, signature = jose.attach(unsigned, signer.sign_now(unsigned)).split(b".")
    return pack({**others, MANIFEST: octets, SIGNATURE: b"..".join([header, signature])})


def failed(result: Reaudited) -> dict[str, str]:
    """The checks that did not hold, with their words."""
    return {one.name: one.code for one in result.checks if one.outcome == "failed"}
