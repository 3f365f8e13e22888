"""The report for a client: what the auditor found, told so that suppliers sealed for the client stay sealed.

It is built from the client's own audit of the same root; from the full one only words and shares of metals are taken
over, so no name, DID, id, site, time, mass, number or order of what the client may not see can slip through. What is
stated of footprints and sourcing is that of the client's own audit: a sum over more lots, less what the client has,
would be the figure that is sealed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from connector.provenance.balance import BalanceFinding
from connector.provenance.masses import ZERO, Mass
from connector.provenance.origin import Coverage, Share, gather
from connector.provenance.outcomes import Outcome
from connector.provenance.report import AuditReport, NodeResult

SEALED: Final = "sealed"
_AUDITED: Final = "as the auditor found it"
_UNSEALED: Final = "sealed for you; the word is what the auditor found"


def for_client(report: AuditReport, client_report: AuditReport) -> AuditReport:
    """The full report as the client may have it."""
    known = dict(_pairs(report, client_report))
    names = {full.key: key for key, full in known.items()}
    shown = [_retold(node, known.get(node.key), names) for node in client_report.nodes]
    hidden = {node.outcome for node in report.nodes if node.key not in names}
    shown += [
        NodeResult(key=f"{SEALED}-{word}", id=SEALED, version=0, type="", holder="", outcome=word)
        for word in sorted(hidden)
    ]
    ours = {(item.site, item.metal, item.start, item.end) for item in client_report.balances}
    balances = [item for item in report.balances if (item.site, item.metal, item.start, item.end) in ours]
    masses = {item.metal: item.mass for item in client_report.coverage}
    return AuditReport(
        root=client_report.root,
        at=report.at,
        verdict=report.verdict,
        nodes=tuple(shown),
        edges=client_report.edges,
        unreached=report.unreached,
        coverage=tuple(_closed(item, masses.get(item.metal)) for item in report.coverage),
        balances=client_report.balances,
        findings=tuple(_retold_finding(item, client_report) for item in report.findings),
        parties=client_report.parties,
        places=client_report.places,
        withheld_balances=tuple(sorted({item.outcome for item in report.balances if item not in balances})),
        footprint=client_report.footprint,
        sourcing=client_report.sourcing,
        walked_by=report.walked_by,
    )


def _pairs(report: AuditReport, client_report: AuditReport) -> list[tuple[str, NodeResult]]:
    """The client's node -> the same in the full report: by key, or by a link that leads to it."""
    by_key = {node.key: node for node in report.nodes}
    by_link = {link: node for node in report.nodes for link in node.links}
    found: list[tuple[str, NodeResult]] = []
    for node in client_report.nodes:
        linked = (by_link[link] for link in node.links if link in by_link)
        full = by_key.get(node.key) or next(linked, None)
        if full is not None:
            found.append((node.key, full))
    return found


def _retold(node: NodeResult, full: NodeResult | None, names: Mapping[str, str]) -> NodeResult:
    if full is None:
        return node
    rests_on = dict.fromkeys(names.get(key, SEALED) for key in full.rests_on)
    reason = _UNSEALED if node.outcome is Outcome.SEALED else _AUDITED
    reasons = node.reasons if node.outcome is full.outcome else (reason,)
    return replace(node, outcome=full.outcome, reasons=reasons, rests_on=tuple(rests_on))


def _closed(item: Coverage, mass: Mass | None) -> Coverage:
    """Shares by ground and kind, without where they ended. The mass stays if the client has it itself."""
    bare = (replace(share, thing="", site="") for share in item.shares)
    shares: tuple[Share, ...] = gather(bare)
    return Coverage(metal=item.metal, mass=mass, shares=tuple(sorted(shares, key=lambda share: share.ground)))


def _retold_finding(finding: BalanceFinding, client_report: AuditReport) -> BalanceFinding:
    if finding in client_report.findings:
        return finding
    return BalanceFinding(
        code=finding.code,
        message="found at a company that is sealed for you",
        site=SEALED,
        metal=finding.metal,
        period="",
        residual=ZERO,
        tolerance=ZERO,
    )
