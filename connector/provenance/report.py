"""The result of an audit as frozen values, and its JSON (DECISIONS). Rendering is `server/report.py`'s."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from connector.model import Json, JsonObject
from connector.provenance.balance import BalanceFinding, SiteBalance
from connector.provenance.nodes import Edge
from connector.provenance.origin import Coverage
from connector.provenance.outcomes import ORDER, Outcome, Verdict
from connector.provenance.rollup import FootprintReport
from connector.provenance.sourced import SourcingReport


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeResult:
    """One record's version (or a link whose target was not told: version 0) and its word.

    `key` is `id/version`: edges and `rests_on` speak of keys; the latter are the failed ones behind it, at most
    `MOST_RESTED`. `links`: ids of the links that lead here. `what`: the material of a lot, the process of a make event.
    `source_kind`: as what a thing was taken in, if it was recycled. `issuer`: who signed it; others may pass it on.
    """

    key: str
    id: str
    version: int
    type: str
    holder: str
    outcome: Outcome
    reasons: tuple[str, ...] = ()
    rests_on: tuple[str, ...] = ()
    depth: int = 0
    links: tuple[str, ...] = ()
    subject: str = ""
    name: str = ""
    site: str = ""
    time: datetime | None = None
    what: str = ""
    source_kind: str = ""
    issuer: str = ""
    scopes: tuple[str, ...] = ()

    def as_json(self) -> JsonObject:
        """The published shape."""
        return {
            "key": self.key,
            "id": self.id,
            "version": self.version,
            "type": self.type,
            "holder": self.holder,
            "issuer": self.issuer,
            "outcome": self.outcome.value,
            "reasons": list(self.reasons),
            "restsOn": list(self.rests_on),
            "depth": self.depth,
            "links": list(self.links),
            "subject": self.subject,
            "name": self.name,
            "site": self.site,
            "time": self.time.isoformat() if self.time else None,
            "what": self.what,
            "sourceKind": self.source_kind,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkedBy:
    """Whose connector walked, and with which version of which product. The walk itself does not need to know."""

    id: str
    name: str
    product: str

    def as_json(self) -> JsonObject:
        """The published shape."""
        return {"id": self.id, "name": self.name, "product": self.product}


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """The whole. `parties`: DID -> name; `places`: site id -> name: shown beside ids, never relied on.

    `withheld_balances`: in a report for a client, the words of balances of sites that are sealed for it.
    """

    root: str
    at: datetime
    verdict: Verdict
    nodes: tuple[NodeResult, ...]
    edges: tuple[Edge, ...] = ()
    unreached: int = 0
    coverage: tuple[Coverage, ...] = ()
    balances: tuple[SiteBalance, ...] = ()
    findings: tuple[BalanceFinding, ...] = ()
    parties: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)
    withheld_balances: tuple[str, ...] = ()
    footprint: FootprintReport = field(default_factory=FootprintReport)
    sourcing: SourcingReport = field(default_factory=SourcingReport)
    walked_by: WalkedBy | None = None

    @property
    def outcomes(self) -> dict[str, int]:
        """Number of nodes by word, in the order of precedence; words that nobody has are left out."""
        counts = Counter(node.outcome for node in self.nodes)
        return {word.value: counts[word] for word in ORDER if counts[word]}

    def named(self, parties: str) -> str:
        """Parties whose ids stand in a text with a blank between, by what they are called."""
        return ", ".join(self.parties.get(one, one) for one in parties.split())

    def as_json(self) -> JsonObject:
        """The published shape."""
        nodes: list[Json] = [node.as_json() for node in self.nodes]
        chain: list[Json] = [{"from": edge.source, "to": edge.target, "relation": edge.relation} for edge in self.edges]
        return {
            "verdict": self.verdict.value,
            "root": self.root,
            "at": self.at.isoformat(),
            **({"walkedBy": self.walked_by.as_json()} if self.walked_by else {}),
            "nodes": nodes,
            "outcomes": dict(self.outcomes),
            "unreached": self.unreached,
            "coverage": {item.metal: item.as_json() for item in self.coverage},
            "balances": [balance.as_json() for balance in self.balances],
            "withheldBalances": list(self.withheld_balances),
            "findings": [finding.as_json() for finding in self.findings],
            "footprint": self.footprint.as_json(),
            "sourcing": self.sourcing.as_json(),
            "chain": chain,
            "parties": dict(self.parties),
            "places": dict(self.places),
        }
