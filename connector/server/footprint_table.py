"""Carbon footprints of an audit as rows of text, for the report's page.

Holds how they are said; what they are, and what is added or compared, is `provenance.rollup`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from connector.provenance.footprints import Footprint
from connector.provenance.masses import plain
from connector.provenance.report import AuditReport, NodeResult
from connector.provenance.rollup import Comparison, MetalStated, Part
from connector.server.words import PARTIES
from connector.vocabulary.wording import spelled

_UNITS: Final = {
    "KGM": "kg", "TNE": "t", "GRM": "g", "KWH": "kWh", "MWH": "MWh", "C62": "piece", "H87": "piece", "LTR": "l",
}  # fmt: skip
_FITS: Final = {"holds": "✓ fits", "exceeded": "✕ contradicted", "not-comparable": "? not comparable"}
_SUBJECTS: Final = {"BatteryPassport": "this battery", "CellPassport": "this batch"}
_TONES: Final = {"holds": "good", "exceeded": "bad", "not-comparable": "open"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedRow:
    """One claim. `details`: period, allocation, legal basis. `brings`: kilograms for what is audited; `role`:
    whether they are added, or why not.
    """

    node: NodeResult
    value: str
    boundary: str
    rules: str
    details: str
    primary: str
    checked: str
    brings: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedRow:
    """One comparison."""

    what: str
    part: str
    whole: str
    tone: str
    word: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FootprintTable:
    """All that the page says about footprints."""

    subject: str
    total: str
    rules: tuple[str, ...]
    stated: tuple[StatedRow, ...]
    compared: tuple[ComparedRow, ...]
    metals: tuple[tuple[str, tuple[str, ...]], ...]
    """Metal, and its shares in words."""


def footprint_table(report: AuditReport) -> FootprintTable | None:
    """The rows; None where no record states a footprint."""
    found = report.footprint
    nodes = {node.key: node for node in report.nodes}
    stated = tuple(row for one in found.stated for row in _stated(report, nodes, one.node, one.footprint, one.open))
    if not stated:
        return None
    return FootprintTable(
        subject=_SUBJECTS.get(nodes[report.root].type if report.root in nodes else "", "this lot"),
        total=_number(found.total),
        rules=found.rules,
        stated=stated,
        compared=tuple(_compared(report, nodes, one) for one in found.comparisons),
        metals=tuple((one.metal, _shares(one)) for one in found.metals),
    )


def _stated(
    report: AuditReport, nodes: dict[str, NodeResult], key: str, claim: Footprint, why: str
) -> tuple[StatedRow, ...]:
    if key not in nodes:  # a report that was put together by hand
        return ()
    part = next((one for one in report.footprint.parts if one.node == key), None)
    own = "compared above" if any(one.subject == key for one in report.footprint.comparisons) else ""
    own = own or ("its own figure" if key == report.root else "")
    return (
        StatedRow(
            node=nodes[key],
            value=f"{claim.value} kg CO₂e per {_UNITS.get(claim.unit, claim.unit or 'unknown unit')}",
            boundary=spelled(claim.boundary) or "not stated",
            rules=claim.rules or "not stated",
            details="; ".join(part for part in _details(claim) if part),
            primary=f"{claim.primary} %" if claim.primary else "",
            checked=_checked(report, claim, nodes[key].issuer),
            brings=_number(part.kilograms) if part and not why else "",
            role=f"not comparable: {why}" if why else _role(part, own=own),
        ),
    )


def _details(claim: Footprint) -> tuple[str, ...]:
    period = " to ".join(time[:10] for time in (claim.start, claim.end) if time)
    shared = f"allocation: {spelled(claim.allocation)}" if claim.allocation else ""
    return period, shared, {"art7": "under Article 7"}.get(claim.legal_basis, claim.legal_basis)


def _role(part: Part | None, *, own: str) -> str:
    if own:
        return own
    if part is None:
        return "no part of it was followed to here"
    if part.counted == part.kilograms:
        return "added"
    return "held by a nearer claim" if part.counted == "0" else f"{_number(part.counted)} of it added"


def _checked(report: AuditReport, claim: Footprint, issuer: str) -> str:
    """Who is said to have checked it, and how deeply."""
    if {*claim.verifier.split()} == {issuer} and claim.party != "first":
        return f"its maker alone, who calls itself a {PARTIES.get(claim.party, 'party')}"
    level = spelled(claim.level) if claim.assured(issuer) else ""
    parts = PARTIES.get(claim.party, "not stated"), level, report.named(claim.verifier)
    return ", ".join(one for one in parts if one)


def _compared(report: AuditReport, nodes: dict[str, NodeResult], one: Comparison) -> ComparedRow:
    called = {key: nodes[key].name or nodes[key].id for key in (*one.nearer, *one.farther) if key in nodes}
    inside = ", ".join(called.get(key, "a record") for key in one.farther) or "what is added upstream"
    outside = ", ".join(called.get(key, "a record") for key in one.nearer)
    place = report.places.get(one.site, "")
    return ComparedRow(
        what=f"{inside} within {outside}" + (f", made at {place}" if place else ""),
        part=_number(one.part), whole=_number(one.whole), tone=_TONES[one.outcome], word=_FITS[one.outcome],
        why=one.reason,
    )  # fmt: skip


def _shares(one: MetalStated) -> tuple[str, ...]:
    parts = (one.stated, one.assured, one.third, one.primary)
    return tuple(f"{plain(Decimal(part) * 100, 1)} %" if part else "not stated" for part in parts)


def _number(text: str) -> str:
    return plain(Decimal(text), 1) if text else ""
