"""Sourcing statements of an audit as rows of text, for the report's page.

Holds how they are said; what they are, and what counts, is `provenance.sourced`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from connector.provenance.masses import plain
from connector.provenance.outcomes import Outcome
from connector.provenance.report import AuditReport, NodeResult
from connector.provenance.sourced import UNVERIFIED, SourcingStated
from connector.provenance.sourcing import Kind, Sourcing, Standing
from connector.server.words import PARTIES
from connector.vocabulary.wording import spelled

_KINDS: Final[dict[Kind, str]] = {
    "social": "social claim", "attestation": "signed attestation", "index": "index", "risk-area": "risk area check",
    "red-flag": "red flag",
}  # fmt: skip
_STANDINGS: Final = {
    Standing.ATTESTED.value: "attested, signed by another party",
    Standing.THIRD.value: "third party, as claimed",
    Standing.SECOND.value: "second party, as claimed",
    Standing.OWN.value: "its maker alone",
    Standing.NONE.value: "nothing stated",
    UNVERIFIED: "origin not verified",
}
_RESULTS: Final = {"high-risk": "in a high-risk area", "no-high-risk": "in no high-risk area"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedRow:
    """One statement, and all records of one outcome in which its signer makes it. `counts`: for which site, and as
    what; or why it does not.
    """

    nodes: tuple[NodeResult, ...]
    issuer: str
    outcome: Outcome
    what: str
    result: str
    details: str
    checked: str
    counts: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcingTable:
    """All that the page says about sourcing. `metals`: metal, and its share by column; `bare`: sites without a word."""

    stated: tuple[StatedRow, ...]
    columns: tuple[str, ...]
    metals: tuple[tuple[str, tuple[str, ...]], ...]
    bare: tuple[str, ...]


def sourcing_table(report: AuditReport) -> SourcingTable | None:
    """The rows; None where no record states anything."""
    found, nodes = report.sourcing, {node.key: node for node in report.nodes}
    alike: dict[StatedRow, list[NodeResult]] = {}
    for one in found.stated:
        if one.node in nodes:  # else a report that was put together by hand
            node = nodes[one.node]
            alike.setdefault(_row(report, node, one), []).append(node)
    if not alike:
        return None
    used = [word for word in _STANDINGS if any(word in dict(one.shares) for one in found.metals)]
    return SourcingTable(
        stated=tuple(replace(row, nodes=tuple(several)) for row, several in alike.items()),
        columns=tuple(_STANDINGS[word] for word in used),
        metals=tuple(
            (one.metal, tuple(_percent(dict(one.shares).get(word, "")) for word in used)) for one in found.metals
        ),
        bare=tuple(report.places.get(one.site, one.site) for one in found.sites if one.standing == Standing.NONE.value),
    )


def _row(report: AuditReport, node: NodeResult, one: SourcingStated) -> StatedRow:
    said = one.sourcing
    scheme = f"{spelled(said.scheme) if said.kind == 'index' else said.scheme} {said.version}".strip()
    return StatedRow(
        nodes=(),
        issuer=node.issuer,
        outcome=node.outcome,
        what=": ".join(part for part in (_KINDS[said.kind], scheme) if part),
        result=_RESULTS.get(said.score, said.score) or "no result told",
        details="; ".join(part for part in _details(said) if part),
        checked=_checked(report, said, node.issuer),
        counts=_counts(report, one),
    )


def _details(said: Sourcing) -> tuple[str, ...]:
    period = " to ".join(time[:10] for time in (said.start, said.end) if time)
    covers = f"covers {said.coverage} % of the material" if said.coverage else ""
    day = f"assessed on {said.assessed}" if said.assessed else ""
    action = ""
    if said.kind == "red-flag":
        action = f"action: {said.action}" if said.action else "no action told"
    return said.scope, covers, period, day, action


def _checked(report: AuditReport, said: Sourcing, issuer: str) -> str:
    """Who is said to have checked it; of an attestation, who signed it."""
    if said.kind == "attestation":
        return f"signed by {report.parties.get(issuer, issuer)}"
    if said.kind in {"risk-area", "red-flag"}:
        return "its maker alone"
    if said.calls_independent({issuer}):
        return f"its maker alone, who calls itself a {PARTIES[said.party]}"
    level = spelled(said.level) if said.level != "none" else ""
    parts = PARTIES.get(said.party, "not stated"), level, report.named(said.verifier)
    return ", ".join(part for part in parts if part)


def _counts(report: AuditReport, one: SourcingStated) -> str:
    place = report.places.get(one.site, one.site)
    use = f"{place}: {_STANDINGS[one.standing]}" if one.standing else place or "told beside"
    return "; ".join(part for part in (f"not counted: {one.open}" if one.open else use, one.note) if part)


def _percent(share: str) -> str:
    return f"{plain(Decimal(share) * 100, 1)} %" if share else ""
