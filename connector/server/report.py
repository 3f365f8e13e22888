"""The audit report as one HTML file: a pure function from the result to text.

Nothing is fetched by the page and nothing runs in it: one style block, SVG made here, tables as its text alternative.
Colour never stands alone: a word and a mark say the same. What the words mean is `provenance.outcomes`'.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final

import jinja2
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from connector.credentials.digest import digest_multibase
from connector.model import Json, counted
from connector.provenance.balance import SiteBalance, period
from connector.provenance.client import for_client
from connector.provenance.masses import plain
from connector.provenance.nodes import Edge
from connector.provenance.origin import RECYCLED, Coverage, Ground, Share
from connector.provenance.outcomes import FAILED, MOST_RESTED, Outcome, Verdict
from connector.provenance.report import AuditReport, NodeResult
from connector.provenance.retelling import read_report
from connector.provenance.rollup import EXCEEDED
from connector.provenance.sourced import CONTRADICTED, RED_FLAG
from connector.server.chain_picture import CARD_WIDTH, Mark, lay_out
from connector.server.footprint_table import footprint_table
from connector.server.sourcing_table import sourcing_table
from connector.server.words import finished
from connector.vocabulary import wording
from connector.vocabulary.wording import spelled

_TEMPLATES: Final = Path(__file__).parent / "templates"
_LAID_OUT_BY: Final = ("report", "chain_picture", "footprint_table", "sourcing_table", "words")
_BAR: Final = 640

_MARKS: Final = {
    Outcome.VERIFIED: "✓",
    Outcome.UNCHECKED: "?",
    Outcome.PENDING: "…",
    Outcome.SEALED: "■",
    Outcome.MISSING: "∅",
}
_METALS: Final = {"Ni": "Nickel", "Co": "Cobalt", "Mn": "Manganese", "Li": "Lithium", "Cu": "Copper"}
_SENTENCES: Final = {
    Verdict.VERIFIED: "Every record that was reached is what its link says, signed, valid and within its rules.",
    Verdict.QUALIFIED: "Nothing that was reached is bad, but something is open: read the findings and gaps below.",
    Verdict.FAILED: "At least one record is not what it should be: read the findings below.",
}
_CONTRADICTED: Final = (
    "Each record that was reached is signed and valid, but what they say together does not add up: "
    "read the findings below before you rely on the shares."
)
_MEANINGS: Final = {
    Outcome.PENDING: ("The owner's people have not decided yet.", "Ask them, then audit again."),
    Outcome.MISSING: (
        "Nothing of it was obtained.",
        "Ask the company whether its connector runs and still has the record, then audit again.",
    ),
    Outcome.SEALED: (
        "The owner gives no right to read it.",
        "Ask the owner for an agreement, or whoever gave the mandate for one that covers it.",
    ),
    Outcome.DIGEST_MISMATCH: (
        "It is not what its link names: it was changed after others had relied on it.",
        "Ask the holder for what was linked to and why it was changed, and whoever linked to it for a copy.",
    ),
    Outcome.UNCHECKED: ("Its issuer's keys or status could not be had.", "Audit again when the issuer answers."),
    Outcome.BAD_SIGNATURE: ("Its signature is none of its issuer.", "Do not rely on it; ask the issuer for its own."),
    Outcome.CONTEXT_ERROR: ("It names terms that are not known here.", "Ask the issuer to sign it in known terms."),
    Outcome.SCHEMA_ERROR: ("It is not built as its type asks for.", "Ask the issuer for a correction."),
    Outcome.ISSUER_NOT_ANCHORED: (
        "Nobody who is trusted here says that its issuer may sign such records.",
        "Ask the issuer for its membership or accreditation, or decide whom to trust.",
    ),
    Outcome.REVOKED: (
        "Its issuer had withdrawn it when others relied on it.",
        "Do not rely on it; ask the issuer why, and the holder what takes its place.",
    ),
    Outcome.SUSPENDED: ("Its issuer has suspended it.", "Ask the issuer when it decides, then audit again."),
    Outcome.EXPIRED: ("It had run out when others relied on it.", "Ask the holder for the one that held then."),
    Outcome.RULE_VIOLATION: (
        "It breaks a rule, or contradicts another record.", "Ask the issuer for a correction, and for the reason.",
    ),
}  # fmt: skip
"""What each word means for who has to act, and what to do."""
_TOO_WIDE: Final = "tolerance-too-wide"
_RECYCLED_AS: Final = {"postConsumer": "post-consumer", "manufacturingWaste": "manufacturing waste"}
_GROUND_WORDS: Final = {
    Ground.UNATTESTED: "not attested",
    Ground.UNPROVEN: "nothing seen that proves it",
    Ground.UNDISCLOSED: "making not disclosed",
    Ground.UNATTRIBUTED: "not attributed",
    Ground.UNCHECKED: "could not be checked",
    Ground.SEALED: "sealed",
    Ground.PENDING: "held for a decision",
    Ground.MISSING: "missing",
    Ground.FAILED: "rests on a bad record",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A part of a bar."""

    word: str
    kind: str
    percent: str
    x: float
    width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """One metal: where it came from, and what of it was recycled."""

    metal: str
    mass: str
    origin: tuple[Segment, ...]
    recycled: tuple[Segment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A node that is not verified, for the list after the verdict. `via`: the link to one that tells nothing itself."""

    node: NodeResult
    failed: bool
    via: str


def render(report: AuditReport, *, title: str = "", prepared_for: str = "") -> str:
    """The whole page. `title`: what was audited, else the root's name; `prepared_for`: the client, if it is one's."""
    root = next((node for node in report.nodes if node.key == report.root), None)
    names = {node.key: node for node in report.nodes}
    problems = [
        Problem(node=node, failed=node.outcome in FAILED, via="" if node.type else _via(node, report.edges, names))
        for node in report.nodes
        if node.outcome != "verified"
    ]
    leads: dict[str, list[Edge]] = {}
    for edge in report.edges:
        if edge.target in names:
            leads.setdefault(edge.source, []).append(edge)
    return _template().render(
        report=report,
        title=title or (root.name or root.id if root else report.root),
        prepared_for=prepared_for,
        sentence=sentence(report),
        meanings=[(node, *_MEANINGS[node]) for node in Outcome if node in report.outcomes and node in _MEANINGS],
        doubts=_doubts(report),
        problems=sorted(problems, key=lambda problem: not problem.failed),
        picture=lay_out(report),
        card_width=CARD_WIDTH,
        bars=tuple(_bars(item) for item in report.coverage),
        bar_width=_BAR,
        footprint=footprint_table(report),
        footprint_codes=[*EXCEEDED.values()],
        sourcing=sourcing_table(report),
        sourcing_codes=[CONTRADICTED, RED_FLAG],
        names=names,
        leads=leads,
    )


def _via(node: NodeResult, edges: Sequence[Edge], names: Mapping[str, NodeResult]) -> str:
    """What a record that was not told is to one that was: `input of make event 4711`."""
    for edge in edges:
        source = names.get(edge.source)
        if edge.target == node.key and source is not None and source.type:
            return f"{spelled(edge.relation)} of {_kind(source).lower()} {source.name or _short(source.id)}"
    return ""


def sentence(report: AuditReport) -> str:
    """What the verdict means."""
    contradicted = any(finding.code != _TOO_WIDE for finding in report.findings)
    return _CONTRADICTED if contradicted and report.verdict is Verdict.QUALIFIED else _SENTENCES[report.verdict]


def _doubts(report: AuditReport) -> dict[str, list[str]]:
    """By metal the sites whose books of it do not add up: what comes through there is no better than they are."""
    found: dict[str, list[str]] = {}
    for finding in report.findings:
        place = report.places.get(finding.site, finding.site)
        if finding.code != _TOO_WIDE and finding.metal and place not in found.setdefault(finding.metal, []):
            found[finding.metal].append(place)
    return found


def render_json(report: Json, *, client: Json = None, prepared_for: str = "") -> str:
    """The page of an audit's JSON; with the client's own audit, as the client may have it."""
    told = read_report(report)
    return render(told if client is None else for_client(told, read_report(client)), prepared_for=prepared_for)


@cache
def layout() -> str:
    """A digest of what lays the page out: two builds of one version may do so otherwise."""
    here = Path(__file__).parent
    files = [_TEMPLATES / "audit.html", *(here / f"{name}.py" for name in _LAID_OUT_BY), Path(wording.__file__)]
    files += sorted((here.parent / "provenance").glob("*.py"))
    return digest_multibase(b"".join([jinja2.__version__.encode(), *(one.read_bytes() for one in files)]))


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True, finalize=finished,
    )  # fmt: skip
    environment.filters |= {
        "mark": _mark,
        "tone": _tone,
        "kind": _kind,
        "thing": _thing,
        "described": _described,
        "spelled": spelled,
        "mark_words": _mark_words,
        "why": _why,
        "short": _short,
        "plain": lambda value, places=6: plain(value, places).replace("-", "\N{MINUS SIGN}"),
        "period": _period,
        "metal": lambda code: _METALS.get(code, code),
        "cut": _cut,
        "counted": counted,
        "rested": _rested,
    }
    return environment.get_template("audit.html")


def _rested(keys: Sequence[str]) -> str:
    """How many bad records one rests on."""
    if len(keys) >= MOST_RESTED:
        return f"{len(keys)} or more bad records"
    return counted(len(keys), "bad record")


def _mark(outcome: Outcome) -> str:
    return _MARKS.get(outcome, "✕")


def _tone(outcome: Outcome) -> str:
    """The colour's class."""
    if outcome in FAILED:
        return "bad"
    return {"verified": "good", "unchecked": "open", "pending": "open"}.get(outcome, "gap")


def _kind(node: NodeResult) -> str:
    """`MineralLotPassport` -> `Mineral lot passport`."""
    if node.type:
        return spelled(node.type).capitalize()
    return "Record not obtained" if node.outcome is Outcome.MISSING else "Undisclosed record"


def _thing(node: NodeResult) -> str:
    """What the card is: the lot's material, else the kind of record without the word passport."""
    return spelled(node.what).capitalize() if node.what else _kind(node).removesuffix(" passport")


def _described(node: NodeResult) -> str:
    """The same for the table: kind and material, or process; and as what it was recycled."""
    words = f"{_kind(node)}, {spelled(node.what)}" if node.what else _kind(node)
    return words + (f" ({_RECYCLED_AS[node.source_kind]})" if node.source_kind in _RECYCLED_AS else "")


def _mark_words(mark: Mark) -> str:
    """What stands below a card."""
    node = mark.node
    words = f"{_kind(node)}, {spelled(node.what)}" if node.what else _kind(node)
    times = f"{mark.count} \N{MULTIPLICATION SIGN} " if mark.count > 1 else ""
    return times + words + ("" if node.outcome is Outcome.VERIFIED else f": {node.outcome}")


def _why(share: Share) -> str:
    """Why a share has no verified origin."""
    return "goes round" if share.source_kind == "runAround" else _GROUND_WORDS.get(share.ground, share.ground)


def _short(ident: str) -> str:
    """An id for people: the end of a long one is enough beside its name."""
    return ident if len(ident) <= 22 else f"…{ident[-12:]}"  # noqa: PLR2004  fits a column


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _period(balance: SiteBalance) -> str:
    return period(balance.start, balance.end).replace("/", " to ")


def _bars(item: Coverage) -> Bars:
    verified = Ground.VERIFIED
    origin = [
        ("verified, physical", "physical", item.fraction(verified, allocated=False)),
        ("verified, allocated", "allocated", item.fraction(verified, allocated=True)),
        *((word, ground.value, item.fraction(ground)) for ground, word in _GROUND_WORDS.items()),
    ]
    waste, consumer = (item.fraction(verified, source_kind=kind) for kind in RECYCLED)
    recycled = [
        ("post-consumer", "consumer", consumer),
        ("manufacturing waste", "waste", waste),
        ("not recycled, or not verified", "rest", Decimal(1) - waste - consumer),
    ]
    mass = f"{plain(item.mass.value, 3)} kg" if item.mass is not None else ""
    return Bars(metal=item.metal, mass=mass, origin=_segments(origin), recycled=_segments(recycled))


def _segments(parts: list[tuple[str, str, Decimal]]) -> tuple[Segment, ...]:
    found: list[Segment] = []
    x = 0.0
    for word, kind, fraction in parts:
        if fraction > 0:
            width = round(float(fraction) * _BAR, 2)
            percent = f"{plain(fraction * 100, 1)} %"
            found.append(Segment(word=word, kind=kind, percent=percent, x=round(x, 2), width=width))
            x += width
    return tuple(found)
