"""An audit asked for with its bundle: walked, told, signed with our key, and handed to the operator who asked.

What a bundle holds is `exchange.bundle`'s, how a page looks `report`'s.
"""

from __future__ import annotations

import asyncio
import base64
from dataclasses import replace

from connector import __version__
from connector.exchange.bundle import PAGE_RULES, Made, make
from connector.exchange.walking import Progress
from connector.model import Did, Json, JsonObject
from connector.provenance.client import for_client
from connector.provenance.masses import TOLERANCE
from connector.provenance.report import AuditReport, WalkedBy
from connector.provenance.retelling import read_report
from connector.server.report import layout, render_json
from connector.server.services import Services
from connector.server.statements import did_document
from connector.vocabulary.bundle import Bundle, load_tolerances

PRODUCT = f"battery-connector {__version__}"


def rules_of(bundle: Bundle) -> JsonObject:
    """The versions of what is judged by, and of what lays out the page."""
    vocabulary: JsonObject = {
        one.number: {"published": one.published, "context": one.context, "rules": one.rules} for one in bundle.versions
    }
    widest: JsonObject = {one.edition: f"{one.widest}; {one.reference}" for one in load_tolerances()}
    return {"vocabulary": vocabulary, "tolerance": TOLERANCE, "widest": widest, PAGE_RULES: layout()}


def signed_for(services: Services, report: AuditReport) -> AuditReport:
    """The report with who walked."""
    config = services.config
    return replace(report, walked_by=WalkedBy(id=config.did, name=config.name, product=PRODUCT))


async def audit(
    services: Services, root: str, holder: Did, on_node: Progress, *, client: Json, prepared_for: str
) -> JsonObject:
    """The report, and under `bundle` the file in base64: with the client's own audit, as the client may have it."""
    walked, recording = await services.audit.record(root, holder, on_node=on_node)
    report = signed_for(services, walked)
    told = await asyncio.to_thread(_told, report, client)
    page = await asyncio.to_thread(render_json, told, prepared_for=prepared_for)
    now, config = services.clock.now(), services.config
    made = Made(
        did=config.did, name=config.name, document=did_document(config, services.keys.methods(now), now),
        product=PRODUCT, rules=rules_of(services.bundle), at=now,
    )  # fmt: skip
    octets = await make(
        told, page, recording=recording if client is None else None, made=made, signer=services.keys.assertion(now),
        prepared_for=prepared_for,
    )  # fmt: skip
    return {**report.as_json(), "bundle": (await asyncio.to_thread(base64.b64encode, octets)).decode()}


def _told(report: AuditReport, client: Json) -> JsonObject:
    return report.as_json() if client is None else for_client(report, read_report(client)).as_json()
