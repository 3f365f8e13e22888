"""One node of an audit: what a walk gathered about a record's version, and the word that this earns.

Holds the gathering values and the judgement of one node. Finding the nodes is `walk.py`'s, judging the whole
`assemble.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from connector.model import Did, JsonObject
from connector.provenance.links import STANDING
from connector.provenance.outcomes import Outcome, first
from connector.provenance.reads import Gap, Page, Served
from connector.provenance.statements import Content, read_statement


class Scope(StrEnum):
    """Why a node was reached: it decides what is followed from it."""

    BACK = "back"  # material came from it
    FORWARD = "forward"  # material went into it
    SUPPORT = "support"  # it proves something about another node
    STOCKTAKE = "stocktake"  # it closes the books of a site
    BOOKS = "books"  # a stocktake counts it


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Verification that the walk wants: these octets, judged as of this time."""

    octets: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What verification said. `digest` is that of the octets; `payload` None where they could not be read."""

    digest: str
    outcome: Outcome
    detail: str = ""
    payload: JsonObject | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A link that was followed: from the record that holds it to the one that it names."""

    source: str
    target: str
    relation: str


def node_key(record: str, version: int, holder: Did) -> str:
    """Whoever holds a record chooses its id: without the holder, one company's page would stand for another's."""
    return f"{record}/{version} at {holder}"


@dataclass(slots=True, kw_only=True)
class Node:
    """What is known about one record's version (or about a link whose target was not told)."""

    record: str
    version: int
    depth: int
    holder: Did
    type: str = ""
    gap: Gap | None = None
    page: Page | None = None
    content: Content | None = None
    links: set[str] = field(default_factory=set)
    expected: list[frozenset[str]] = field(default_factory=list)
    scopes: set[Scope] = field(default_factory=set)
    times: set[datetime] = field(default_factory=set)
    checks: dict[Check, Checked] = field(default_factory=dict)
    awaited: set[Check] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def key(self) -> str:
        """What the walk knows it by."""
        return node_key(self.record, self.version, self.holder)

    @property
    def standing(self) -> bool:
        """What counts is whether it held at the time of the events that lean on it."""
        return self.type in STANDING

    @property
    def given(self) -> tuple[Served, ...]:
        """Credentials that the holder let us read."""
        return tuple(served for served in self.page.credentials if served.octets is not None) if self.page else ()

    def own_times(self) -> frozenset[datetime]:
        """The times at which what this node leans on must have held."""
        if self.content is not None and self.content.time is not None:
            return frozenset({self.content.time})
        return frozenset(self.times)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A node's word and why."""

    outcome: Outcome
    reasons: tuple[str, ...]


def judge(node: Node, now: datetime) -> Judged:
    """The first word that applies (DECISIONS, "Outcomes of an audit node")."""
    if node.gap is not None:
        return Judged(outcome=node.gap.outcome, reasons=(node.gap.reason, *node.notes))
    page = node.page
    if page is None:
        return Judged(outcome=Outcome.MISSING, reasons=("the walk ended before it was read", *node.notes))
    withheld = [served for served in page.credentials if served.octets is None]
    if not node.given:
        which = "its credential is" if len(withheld) == 1 else f"all {len(withheld)} credentials are"
        return Judged(outcome=Outcome.SEALED, reasons=(f"{which} withheld", *node.notes))
    found = [*_digests(node, page), *_checks(node, now), *_content(node)]
    reasons = [reason for _, reason in found]
    reasons += [f"withheld: {served.access_class} {served.level}" for served in withheld]
    reasons += [] if found else _since(node, now)
    return Judged(outcome=first(word for word, _ in found), reasons=tuple(dict.fromkeys((*reasons, *node.notes))))


def _digests(node: Node, page: Page) -> Iterator[tuple[Outcome, str]]:
    """The page serves exactly what each link names, and each credential is what the page says."""
    for expected in node.expected:
        foreign, absent = sorted(page.lasting - expected), sorted(expected - page.lasting)
        if foreign or absent:
            differs = [f"linked to, but not served: {', '.join(absent)}"] if absent else []
            differs += [f"served, but not linked to: {', '.join(foreign)}"] if foreign else []
            yield Outcome.DIGEST_MISMATCH, f"it is not what the link names; {'; '.join(differs)}"
    results = {check.octets: checked for check, checked in node.checks.items()}
    for served in node.given:
        checked = results.get(served.octets or "")
        if checked is not None and checked.digest != served.digest:
            yield Outcome.DIGEST_MISMATCH, f"the octets given for {served.digest} have another digest"
        if checked is None or checked.payload is None:
            continue
        # What a page calls dynamic stands in no link: only what its issuer signed as dynamic may be called so.
        said = read_statement(checked.payload)
        if said.level and (said.access_class, said.level) != (served.access_class, served.level):
            told = f"{served.access_class} {served.level}"
            yield (
                Outcome.DIGEST_MISMATCH,
                f"what the page lists as {told} is signed as {said.access_class} {said.level}",
            )


def _checks(node: Node, now: datetime) -> Iterator[tuple[Outcome, str]]:
    for served in node.given:
        found: dict[tuple[Outcome, str], list[datetime]] = {}
        for at, checked in sorted(_counted(node, served, now).items()):
            if checked.outcome is not Outcome.VERIFIED:
                found.setdefault((checked.outcome, checked.detail), []).append(at)
        for (outcome, detail), times in found.items():
            told = detail if detail.startswith(outcome) else f"{outcome}: {detail}".rstrip(": ")
            as_of = ", ".join(at.isoformat().replace("+00:00", "Z") for at in times)
            yield outcome, f"{told} ({served.access_class} {served.level}, judged as of {as_of})"


def _counted(node: Node, served: Served, now: datetime) -> dict[datetime, Checked]:
    """A standing is judged at the events' times, a statement now; one that only ran out held when it was made."""
    results = {check.at: checked for check, checked in node.checks.items() if check.octets == served.octets}
    if node.standing:
        return {at: checked for at, checked in results.items() if at in node.times}
    late = results.pop(now, None)
    if late is None or (late.outcome is Outcome.EXPIRED and results):
        return results
    return {now: late}


def _content(node: Node) -> Iterator[tuple[Outcome, str]]:
    if node.content is not None:
        for sentence in node.content.unreadable:
            yield Outcome.SCHEMA_ERROR, sentence
        for sentence in (*node.content.faults, *node.faults):
            yield Outcome.RULE_VIOLATION, sentence


def _since(node: Node, now: datetime) -> list[str]:
    """What has changed since the time that counts: told, no outcome."""
    told: list[str] = []
    for check, checked in node.checks.items():
        if check.at == now and now not in node.times and checked.outcome is not Outcome.VERIFIED:
            if node.standing:
                told.append(f"now {checked.outcome}; judged at the time of the events that lean on it")
            elif checked.outcome is Outcome.EXPIRED:
                told.append("has run out since; judged at the time of its making")
    return told
