"""An audit's JSON as values again: the other direction of `AuditReport.as_json`.

A result that was kept as a file can be shown once more, or be told to a client (`client.for_client`). What the JSON
does not hold is left out: scopes of nodes, and the uncertainty of a balance's single sums (that of the residual is
kept). JSON of another shape is a `BadInput` that names the place.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, NoReturn, TypeVar, cast

from connector.errors import BadInput
from connector.model import Json, JsonObject
from connector.provenance.balance import NO_INPUT, BalanceFinding, SiteBalance
from connector.provenance.events import SourceKind
from connector.provenance.footprints import TERMS, Footprint
from connector.provenance.masses import SUM_DIGITS, Mass, decimal_of
from connector.provenance.nodes import Edge
from connector.provenance.origin import Coverage, Ground, Share
from connector.provenance.outcomes import Outcome, Verdict
from connector.provenance.report import AuditReport, NodeResult, WalkedBy
from connector.provenance.rollup import Comparison, Fit, FootprintReport, MetalStated, Part, Stated
from connector.provenance.sourced import UNVERIFIED, MetalSourced, SiteSourced, SourcingReport, SourcingStated
from connector.provenance.sourcing import KINDS, Sourcing, Standing
from connector.provenance.sourcing import TERMS as SOURCING_TERMS

_SOURCE_KINDS: Final = frozenset({"primary", "manufacturingWaste", "postConsumer", "runAround", ""})
_Word = TypeVar("_Word", bound=StrEnum)


def read_report(document: Json) -> AuditReport:
    """The report in an audit's `--json` answer."""
    reader = _Reader(document, "the audit")
    return AuditReport(
        root=reader.text("root"),
        at=reader.time("at"),
        verdict=reader.word("verdict", Verdict),
        nodes=tuple(_node(each) for each in reader.each("nodes")),
        edges=tuple(
            Edge(source=each.text("from"), target=each.text("to"), relation=each.text("relation"))
            for each in reader.each("chain")
        ),
        unreached=reader.number("unreached"),
        coverage=tuple(_coverage(metal, part) for metal, part in reader.named("coverage")),
        balances=tuple(_balance(each) for each in reader.each("balances")),
        findings=tuple(_finding(each) for each in reader.each("findings")),
        parties=reader.names("parties"),
        places=reader.names("places"),
        withheld_balances=reader.texts("withheldBalances"),
        footprint=_footprint(reader.inner("footprint")) if "footprint" in reader.body else FootprintReport(),
        sourcing=_sourcing(reader.inner("sourcing")) if "sourcing" in reader.body else SourcingReport(),
        walked_by=_walked_by(reader.inner("walkedBy")) if "walkedBy" in reader.body else None,
    )


def _walked_by(reader: _Reader) -> WalkedBy:
    return WalkedBy(id=reader.text("id"), name=reader.text("name"), product=reader.text("product"))


def _node(reader: _Reader) -> NodeResult:
    return NodeResult(
        key=reader.text("key"),
        id=reader.text("id"),
        version=reader.number("version"),
        type=reader.text("type"),
        holder=reader.text("holder"),
        outcome=reader.word("outcome", Outcome),
        reasons=reader.texts("reasons"),
        rests_on=reader.texts("restsOn"),
        depth=reader.number("depth"),
        links=reader.texts("links"),
        subject=reader.text("subject"),
        name=reader.text("name"),
        site=reader.text("site"),
        time=reader.time("time") if reader.body.get("time") else None,
        what=reader.text("what"),
        source_kind=reader.text("sourceKind"),
        issuer=reader.text("issuer"),
    )


def _coverage(metal: str, reader: _Reader) -> Coverage:
    return Coverage(
        metal=metal,
        mass=Mass(value=reader.decimal("mass")) if reader.body.get("mass") is not None else None,
        shares=tuple(_share(each) for each in reader.each("parts")),
    )


def _share(reader: _Reader) -> Share:
    kind = reader.text("sourceKind")
    if kind not in _SOURCE_KINDS:
        reader.wrong("sourceKind")
    return Share(
        ground=reader.word("ground", Ground),
        fraction=reader.decimal("share"),
        allocated=reader.body.get("allocated") is True,
        source_kind=cast("SourceKind", kind),
        thing=reader.text("thing"),
        name=reader.text("name"),
        site=reader.text("site"),
    )


def _balance(reader: _Reader) -> SiteBalance:
    start, _, end = reader.text("period").partition("/")
    sums = {name: Mass(value=reader.decimal(name)) for name in ("opening", "received", "extracted", "sent", "lost")}
    return SiteBalance(
        site=reader.text("site"),
        metal=reader.text("metal"),
        start=reader.moment(start, "period"),
        end=reader.moment(end, "period"),
        **sums,
        closing=Mass(value=reader.decimal("closing"), uncertainty=reader.decimal("tolerance")),
        widest=reader.decimal("widest"),
        gaps=reader.texts("gaps"),
        unfed=reader.text("outcome") == NO_INPUT,
    )


def _finding(reader: _Reader) -> BalanceFinding:
    return BalanceFinding(
        code=reader.text("code"),
        message=reader.text("message"),
        site=reader.text("site"),
        metal=reader.text("metal"),
        period=reader.text("period"),
        residual=reader.decimal("residual"),
        tolerance=reader.decimal("tolerance"),
        subject=reader.text("subject"),
    )


def _footprint(reader: _Reader) -> FootprintReport:
    upstream = reader.inner("upstream")
    return FootprintReport(
        stated=tuple(_stated(each) for each in reader.each("stated")),
        parts=tuple(
            Part(
                node=each.text("node"), mass=each.figure("mass"), kilograms=each.figure("kgCO2e"),
                counted=each.figure("counted"),
            )
            for each in upstream.each("parts")
        ),
        metals=tuple(
            MetalStated(
                metal=metal, mass=part.figure("mass"), stated=part.figure("stated"), assured=part.figure("assured"),
                third=part.figure("thirdParty"), primary=part.figure("primaryDataShare"),
            )
            for metal, part in upstream.named("metals")
        ),
        comparisons=tuple(_comparison(each) for each in reader.each("comparisons")),
        total=upstream.figure("kgCO2e"),
        rules=upstream.texts("methods"),
    )  # fmt: skip


def _stated(reader: _Reader) -> Stated:
    said = {name: reader.text(term) for name, term in TERMS.items()}
    return Stated(node=reader.text("node"), footprint=Footprint(**said), open=reader.text("notComparable"))


def _comparison(reader: _Reader) -> Comparison:
    kind, outcome = reader.text("kind"), reader.text("outcome")
    if kind not in {"battery", "making"}:
        reader.wrong("kind")
    if outcome not in {"holds", "exceeded", "not-comparable"}:
        reader.wrong("outcome")
    return Comparison(
        kind="battery" if kind == "battery" else "making", subject=reader.text("subject"), whole=reader.figure("whole"),
        part=reader.figure("part"), outcome=cast("Fit", outcome), reason=reader.text("reason"),
        nearer=reader.texts("nearer"), farther=reader.texts("farther"), site=reader.text("site"),
    )  # fmt: skip


def _sourcing(reader: _Reader) -> SourcingReport:
    """What it finds contradicted stands among the findings."""
    return SourcingReport(
        stated=tuple(
            SourcingStated(
                node=each.text("node"), sourcing=_statement(each), site=each.text("site"),
                standing=each.word("standing", Standing).value if each.text("standing") else "",
                open=each.text("notCounted"),
                note=each.text("note") if "note" in each.body else "",
            )
            for each in reader.each("stated")
        ),
        sites=tuple(
            SiteSourced(site=each.text("site"), standing=each.word("standing", Standing).value)
            for each in reader.each("sites")
        ),
        metals=tuple(
            MetalSourced(metal=metal, shares=tuple(_sourced(part, word) for word in part.body))
            for metal, part in reader.named("metals")
        ),
    )  # fmt: skip


def _sourced(reader: _Reader, word: str) -> tuple[str, str]:
    if word not in {*Standing, UNVERIFIED}:
        reader.wrong(word)
    return word, reader.figure(word)


def _statement(reader: _Reader) -> Sourcing:
    kind = next((known for known in KINDS if known == reader.text("kind")), None)
    if kind is None:
        reader.wrong("kind")
    return Sourcing(kind=kind, **{name: reader.text(term) for name, term in SOURCING_TERMS.items()})


class _Reader:
    """One object of the document, and where it stands."""

    __slots__ = ("body", "where")

    def __init__(self, value: Json, where: str) -> None:
        if not isinstance(value, dict):
            raise BadInput(f"{where} is not a JSON object", hint="give the answer of `audit --json`")
        self.body: JsonObject = value
        self.where = where

    def wrong(self, name: str) -> NoReturn:
        raise BadInput(f"{name!r} of {self.where} is not as an audit writes it", hint="give what `audit --json` wrote")

    def text(self, name: str) -> str:
        value = self.body.get(name)
        if not isinstance(value, str):
            self.wrong(name)
        return value

    def number(self, name: str) -> int:
        value = self.body.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            self.wrong(name)
        return value

    def decimal(self, name: str) -> Decimal:
        try:
            return decimal_of(self.text(name), SUM_DIGITS)
        except ValueError:
            self.wrong(name)

    def figure(self, name: str) -> str:
        """A decimal as it is written, or nothing. Divided by the smallest mass it is longer than any sum of masses."""
        text = self.text(name)
        try:
            if text:
                decimal_of(text, 4 * SUM_DIGITS)
        except ValueError:
            self.wrong(name)
        return text

    def time(self, name: str) -> datetime:
        return self.moment(self.text(name), name)

    def moment(self, text: str, name: str) -> datetime:
        try:
            value = datetime.fromisoformat(text)
            return value.replace(tzinfo=value.tzinfo or UTC).astimezone(UTC)
        except (ValueError, OverflowError):
            self.wrong(name)

    def word(self, name: str, words: type[_Word]) -> _Word:
        text = self.text(name)
        if text not in set(words):
            self.wrong(name)
        return words(text)

    def each(self, name: str) -> Iterator[_Reader]:
        return (_Reader(item, f"{name}[{index}]") for index, item in enumerate(self._list(name)))

    def texts(self, name: str) -> tuple[str, ...]:
        items = self._list(name)
        if not all(isinstance(item, str) for item in items):
            self.wrong(name)
        return tuple(cast("list[str]", items))

    def inner(self, name: str) -> _Reader:
        return _Reader(self.body.get(name), f"{name} of {self.where}")

    def named(self, name: str) -> Iterator[tuple[str, _Reader]]:
        value = self.body.get(name)
        if not isinstance(value, dict):
            self.wrong(name)
        return ((key, _Reader(item, f"{name}.{key}")) for key, item in value.items())

    def names(self, name: str) -> dict[str, str]:
        value = self.body.get(name)
        if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
            self.wrong(name)
        return cast("dict[str, str]", value)

    def _list(self, name: str) -> list[Json]:
        value = self.body.get(name)
        if not isinstance(value, list):
            self.wrong(name)
        return value
