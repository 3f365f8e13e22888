"""Sourcing statements for the chain of `chains.py`, and what a report says of them."""

from __future__ import annotations

from decimal import Decimal

from connector.model import Did, Json, JsonObject
from connector.provenance.report import AuditReport
from tests.core.provenance.chains import MINE, World, chain

CERTIFIER = Did("did:web:certifier.example")
EDITION: JsonObject = {"scheme": "Mining Standard", "schemeVersion": "2.1"}


def assurance(party: str, level: str = "certified", verifier: Json = CERTIFIER) -> JsonObject:
    """Who is said to have checked it."""
    return {"type": "Assurance", "party": party, "level": level, "verifier": verifier}


def social(score: str = "74", **more: Json) -> JsonObject:
    """A lot's claim."""
    return {"socialClaim": [{"type": "SocialClaim", **EDITION, "score": score, **more}]}


VALIDITY: JsonObject = {"type": "Period", "start": "2026-01-01T00:00:00Z", "end": "2028-01-01T00:00:00Z"}


def attest(
    world: World,
    *,
    issuer: str = CERTIFIER,
    about: str = "site:mine",
    validity: JsonObject = VALIDITY,
    score: str = "74",
) -> World:
    """The mine's facility record leads to an attestation; what leads to the record is linked anew."""
    attested: JsonObject = {"id": about, "type": "Facility", **EDITION, "score": score, "validity": validity}
    world.add(MINE, "SchemeAttestation", "rec:attestation", ("PUB", attested), issuer=issuer)
    return world


def mined(
    *, issuer: str = CERTIFIER, about: str = "site:mine", validity: JsonObject = VALIDITY, **claims: JsonObject
) -> World:
    """The chain with such an attestation of the mine."""
    world = attest(World(), issuer=issuer, about=about, validity=validity)
    world.proofs["site:mine"] = {"attestation": [world.link(MINE, "rec:attestation")]}
    return chain(world=world, claims=claims)


def shares(report: AuditReport) -> dict[str, str]:
    """Standing -> share of the nickel."""
    (nickel,) = report.sourcing.metals
    return {word: f"{Decimal(share):.3f}" for word, share in nickel.shares}


def sites(report: AuditReport) -> dict[str, str]:
    """Site -> its standing."""
    return {one.site: one.standing for one in report.sourcing.sites}


def opened(report: AuditReport) -> dict[str, str]:
    """Record -> why what it states does not count."""
    ids = {node.key: node.id for node in report.nodes}
    return {ids[one.node]: one.open for one in report.sourcing.stated if one.open}


def contradicted(report: AuditReport) -> list[tuple[str, str]]:
    """Findings about sourcing."""
    return [(one.code, one.message) for one in report.findings if one.code.startswith("sourcing-")]
