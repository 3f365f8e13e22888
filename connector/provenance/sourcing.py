"""How responsibly material was sourced, as records state it: social claims, scheme attestations, indices, risk areas
and red flags, read one by one.

A statement is kept as it stands; who stands behind it is told by `standing`. What statements give together for one
battery is `sourced.py`'s. Terms: SocialClaim, SchemeAttestation, IndexScore (GBA rulebooks), RiskAreaCheck and RedFlag
(Battery Regulation Art. 49, 50; OECD guidance, steps 2 and 3).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final, Literal

from connector.model import JsonObject
from connector.provenance.assured import read_assured, text_of
from connector.provenance.events import each

Kind = Literal["social", "attestation", "index", "risk-area", "red-flag"]
KINDS: Final[tuple[Kind, ...]] = ("social", "attestation", "index", "risk-area", "red-flag")
ATTESTATION: Final = "SchemeAttestation"
_RISKS: Final = ((True, "high-risk"), (False, "no-high-risk"))
_INDEPENDENT: Final = frozenset({"second", "third"})
_FIGURE: Final = re.compile(r"[0-9]+(?:[.,][0-9]+)?", re.ASCII)
_OUT_OF: Final = {"of", "/"}


class Standing(StrEnum):
    """Who stands behind what is said of a site, the surest first."""

    ATTESTED = "attested"  # another party signed it itself
    THIRD = "third-party"  # said to be judged by an independent party
    SECOND = "second-party"  # said to be judged by a party with an interest, such as a customer
    OWN = "self-declared"
    NONE = "unstated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sourcing:
    """One statement; texts as they stand, empty where nothing is said.

    Of a risk area `scheme` is the list of areas and `score` whether one is named; of a red flag `scope` is what was
    found, `score` how grave it is, `action` what is done about it; of an index `scheme` is its code.
    """

    kind: Kind
    scheme: str = ""
    version: str = ""
    scope: str = ""
    score: str = ""
    coverage: str = ""
    start: str = ""
    end: str = ""
    assessed: str = ""
    party: str = ""
    level: str = ""
    verifier: str = ""
    action: str = ""

    def as_json(self) -> JsonObject:
        """The published shape."""
        return {"kind": self.kind, **{term: getattr(self, name) for name, term in TERMS.items()}}

    @property
    def verifiers(self) -> frozenset[str]:
        """Who is said to have checked it."""
        return frozenset(self.verifier.split())

    def standing(self, own: Collection[str]) -> Standing:
        """Who stands behind a claim, as it says itself: that is no signature. `own`: whose word is no other's."""
        if self.level in {"", "none"} or (self.verifiers and self.verifiers.issubset(own)):
            return Standing.OWN
        return {"third": Standing.THIRD, "second": Standing.SECOND}.get(self.party, Standing.OWN)

    def calls_independent(self, own: Collection[str]) -> bool:
        """It names one of these as another party that checked it."""
        return self.party in _INDEPENDENT and not self.verifiers.isdisjoint(own)


def fits(score: str, other: str) -> bool:
    """Whether two scores may be one. Figures count by their value; what only one of them tells, such as a unit or the
    figure out of which it is, is no contradiction.
    """
    if not (_FIGURE.match(score) and _FIGURE.match(other)):
        return score.split() == other.split()
    units = [{*_FIGURE.sub(" ", one).split()} - _OUT_OF for one in (score, other)]
    written = (_FIGURE.findall(one.replace(",", ".")) for one in (score, other))
    figures = zip(*written, strict=False)
    return all(Decimal(one) == Decimal(two) for one, two in figures) and (units[0] == units[1] or not all(units))


TERMS: Final = {
    "scheme": "scheme", "version": "schemeVersion", "scope": "scope", "score": "score", "coverage": "coverage",
    "start": "start", "end": "end", "assessed": "assessedOn", "party": "party", "level": "level",
    "verifier": "verifier", "action": "action",
}  # fmt: skip
"""Member of a statement -> its name in JSON."""


def read_sourcing(kind: str, subjects: tuple[JsonObject, ...]) -> tuple[Sourcing, ...]:
    """What the credentials of one record of that kind state, the model's among them."""
    return tuple(dict.fromkeys(one for subject in subjects for one in _read(kind, subject)))


def _read(kind: str, subject: JsonObject) -> Iterator[Sourcing]:
    if kind == ATTESTATION:
        yield _judged("attestation", subject, "validity")
    for node in each(subject.get("socialClaim")):
        yield _judged("social", node, "period")
    for node in each(subject.get("supplyChainIndex")):
        yield _judged("index", node | {"scheme": node.get("index")}, "period")
    for node in each(subject.get("riskAreaCheck")):
        yield Sourcing(
            kind="risk-area", scheme=text_of(node.get("areaList")), assessed=text_of(node.get("checkedOn")),
            score=next((word for said, word in _RISKS if node.get("highRisk") is said), ""),
        )  # fmt: skip
    for node in each(subject.get("redFlag")):
        yield Sourcing(
            kind="red-flag", scope=text_of(node.get("flag")), score=text_of(node.get("severity")),
            action=text_of(node.get("action")),
        )  # fmt: skip


def _judged(kind: Kind, node: JsonObject, time: str) -> Sourcing:
    coverage = next(each(node.get("coverage")), {})
    return Sourcing(
        kind=kind, scheme=text_of(node.get("scheme")), version=text_of(node.get("schemeVersion")),
        scope=text_of(node.get("scope")), score=text_of(node.get("score")),
        coverage=text_of(coverage.get("value")) if coverage.get("unit") == "P1" else "",
        assessed=text_of(node.get("assessedOn")), **read_assured(node, time=time),
    )  # fmt: skip
