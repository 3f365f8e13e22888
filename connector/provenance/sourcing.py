"""How responsibly material was sourced, as records state it: social claims, scheme attestations, indices, risk areas
and red flags, read one by one.

A statement is kept as it stands; who stands behind it is told by `standing`. What statements give together for one
battery is `sourced.py`'s. Terms: SocialClaim, SchemeAttestation, IndexScore (GBA rulebooks), RiskAreaCheck and RedFlag
(Battery Regulation Art. 49, 50; OECD guidance, steps 2 and 3).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from connector.model import Json, JsonObject
from connector.provenance.events import each

Kind = Literal["social", "attestation", "index", "risk-area", "red-flag"]
KINDS: Final[tuple[Kind, ...]] = ("social", "attestation", "index", "risk-area", "red-flag")
ATTESTATION: Final = "SchemeAttestation"
_RISKS: Final = ((True, "high-risk"), (False, "no-high-risk"))
_INDEPENDENT: Final = frozenset({"second", "third"})


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

    def standing(self, issuer: str) -> Standing:
        """Who stands behind a claim, as it says itself: that is no signature. `issuer`: who signs the record."""
        if self.level in {"", "none"} or self.verifier == issuer:
            return Standing.OWN
        return {"third": Standing.THIRD, "second": Standing.SECOND}.get(self.party, Standing.OWN)

    def calls_itself_independent(self, issuer: str) -> bool:
        """Who states it names itself as another party that checked it."""
        return self.party in _INDEPENDENT and self.verifier == issuer != ""


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
            kind="risk-area", scheme=_text(node.get("areaList")), assessed=_text(node.get("checkedOn")),
            score=next((word for said, word in _RISKS if node.get("highRisk") is said), ""),
        )  # fmt: skip
    for node in each(subject.get("redFlag")):
        yield Sourcing(
            kind="red-flag", scope=_text(node.get("flag")), score=_text(node.get("severity")),
            action=_text(node.get("action")),
        )  # fmt: skip


def _judged(kind: Kind, node: JsonObject, time: str) -> Sourcing:
    period, assurance = (next(each(node.get(name)), {}) for name in (time, "assurance"))
    coverage, verifier = next(each(node.get("coverage")), {}), assurance.get("verifier")
    return Sourcing(
        kind=kind, scheme=_text(node.get("scheme")), version=_text(node.get("schemeVersion")),
        scope=_text(node.get("scope")), score=_text(node.get("score")),
        coverage=_text(coverage.get("value")) if coverage.get("unit") == "P1" else "",
        start=_text(period.get("start")), end=_text(period.get("end")), assessed=_text(node.get("assessedOn")),
        party=_text(assurance.get("party")), level=_text(assurance.get("level")),
        verifier=_text(verifier.get("id") if isinstance(verifier, dict) else verifier),
    )  # fmt: skip


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""
