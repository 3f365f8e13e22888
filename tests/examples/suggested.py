"""How much of the story's hand-written plans `map suggest` finds in their exports: columns with the terms they fill.

`python -m tests.examples.suggested` prints the figures, plan by plan with `--each`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from connector.mapping.plan import Plan, parse
from connector.mapping.proposal import Proposal, parties_in, propose
from connector.mapping.shape import (
    Contained,
    EachValue,
    From,
    Link,
    Listed,
    Lookup,
    Mint,
    Node,
    Part,
    Received,
    Sum,
    SumOver,
)
from connector.mapping.source import SourceFile
from connector.mapping.workbook import opened
from connector.vocabulary.bundle import load_bundle, load_headings

STORY = Path("examples/mine_to_recycler")
Pair = tuple[str, str, str]
"""Source, column, path of the term."""


@dataclass(frozen=True)
class Scope:
    """The source whose rows a value sees, what is looked up there, and the scope outside."""

    source: str
    lookup: dict[str, str]
    outer: Scope | None = None

    def place(self, column: str) -> tuple[str, str]:
        """The source and the plain name of a column."""
        scope = self
        while column.startswith("..") and scope.outer:
            column, scope = column[2:], scope.outer
        head, dot, tail = column.partition(".")
        return (scope.lookup[head], tail) if dot and head in scope.lookup else (scope.source, column)


def pairs_of(plan: Plan) -> set[Pair]:
    """Every column of the plan's document with the term that it fills."""
    scope = Scope(plan.driving, {name: rule.source or name for name, rule in plan.lookup.items()})
    found = set(_pairs(plan.document, scope, ""))
    for rule in plan.identifiers:
        found |= set(_columns(rule.value, scope, f"identifier/{rule.scheme}"))
    if plan.buyers is not None:
        found |= set(_columns(plan.buyers, scope, "buyers"))
    return found


def _below(scope: Scope, each: str, lookup: dict[str, Lookup]) -> Scope:
    return Scope(each, {name: rule.source or name for name, rule in lookup.items()}, scope)


def _columns(value: Part, scope: Scope, path: str) -> Iterator[Pair]:
    """The columns that a plain value names."""
    written = value.from_ if isinstance(value, From) else ""
    if written.startswith("=") or not written:
        return
    names = [part.partition("}")[0] for part in written.split("{")[1:]] if "{" in written else [written]
    for name in names:
        yield (*scope.place(name.strip()), path)


def _pairs(value: Part, scope: Scope, path: str) -> Iterator[Pair]:  # noqa: PLR0912  # one branch per kind of value
    match value:
        case Node():
            inner = scope if value.join is None else _below(scope, value.join.each, value.join.lookup)
            for name, one in value.terms.items():
                term = "product" if name == "link" else name  # a product's link also fills `product`
                yield from _pairs(one, inner, f"{path}.{term}".strip("."))
        case Listed():
            for one in value.items:
                yield from _pairs(one, scope, path)
        case EachValue():
            yield from _pairs(value.value, _below(scope, value.each, value.lookup), path)
        case From():
            yield from _columns(value, scope, path)
            if isinstance(value.unit, From):
                yield from _columns(value.unit, scope, f"{path}.unit")
            if value.uncertainty is not None and value.uncertainty.from_:
                yield (*scope.place(value.uncertainty.from_), f"{path}.uncertainty")
        case Link():
            yield from _columns(value.link.value, scope, path)
        case Received():
            yield from _columns(value.as_received.value, scope, path)
        case Mint():
            yield from _columns(value.key, scope, path)
        case Contained():
            for part in (value.contained.of, value.contained.fraction):
                yield from _pairs(part, scope, path)
        case Sum():
            if isinstance(value.sum, SumOver):
                yield from _pairs(value.sum.of, _below(scope, value.sum.each, value.sum.lookup), path)


@dataclass(frozen=True)
class Outcome:
    """One plan and one of its sources: the pairs there, those proposed (running or commented out).

    `anywhere`: the pairs of all its sources, as if their columns stood in this one: parents' columns, the same key.
    """

    plan: Plan
    source: str
    pairs: frozenset[Pair]
    anywhere: frozenset[Pair]
    running: frozenset[Pair]
    commented: frozenset[Pair]
    proposal: Proposal
    file: SourceFile
    parties: SourceFile

    @property
    def wrong(self) -> frozenset[Pair]:
        """What would run and does not stand so in the plan by hand."""
        return self.running - self.anywhere


@cache
def driving() -> tuple[Outcome, ...]:
    """The sources whose rows make the documents, each proposed from its first export alone."""
    return tuple(_outcome(path, plan, plan.driving) for path, plan in _plans())


def others() -> tuple[Outcome, ...]:
    """The sources that are joined to them, as if they stood alone: half of their columns say nothing by themselves."""
    return tuple(_outcome(path, plan, name) for path, plan in _plans() for name in plan.sources if name != plan.driving)


def _plans() -> list[tuple[Path, Plan]]:
    return [(path, parse(path.read_bytes())) for path in sorted(STORY.glob("*/plans/*.yaml"))]


def _outcome(path: Path, plan: Plan, name: str) -> Outcome:
    company, source = path.parents[1], plan.sources[name]
    export = min((*company.glob(f"exports/{source.file}"), *company.glob(f"arrivals/*/{source.file}")))
    listed, file = _read(company / "exports/parties.csv", ""), _read(export, source.sheet)
    made = _proposal(export, company / "exports/parties.csv", plan.record, file.sheet, source.record or "")
    running = {(name, column, term) for one in made.found.entries if one.runs for column, term in one.columns}
    running |= {(name, column, f"identifier/{scheme}") for scheme, column in made.found.identifiers}
    commented = {(name, column, term) for one in made.found.entries if not one.runs for column, term in one.columns}
    commented |= {(name, made.found.buyers[0], "buyers")} if made.found.buyers else set()
    pairs = pairs_of(plan)
    own = frozenset(pair for pair in pairs if pair[0] == name)
    elsewhere = frozenset((name, column, term) for _, column, term in pairs)
    return Outcome(plan, name, own, elsewhere, frozenset(running), frozenset(commented), made, file, listed)


@cache
def _read(path: Path, sheet: str) -> SourceFile:
    file = SourceFile(name=path.name, digest="", data=path.read_bytes())
    return opened(file, sheet) if path.suffix == ".xlsx" else file


@cache
def _proposal(export: Path, parties: Path, record_type: str, sheet: str, record: str) -> Proposal:
    bundle = load_bundle()
    return propose(
        _read(export, sheet), record_type, terms=bundle.terms, shapes=bundle.shapes, headings=load_headings(),
        parties=parties_in(_read(parties, "")), sheet=sheet, record=record, zone="UTC",
    )  # fmt: skip


def figures(among: tuple[Outcome, ...]) -> dict[str, int]:
    """Pairs by hand; found and running, found and commented out; wrong and running, wrong and commented out."""
    return {
        "pairs": sum(len(one.pairs) for one in among),
        "found running": sum(len(one.pairs & one.running) for one in among),
        "found commented": sum(len((one.pairs - one.running) & one.commented) for one in among),
        "wrong running": sum(len(one.wrong) for one in among),
        "wrong commented": sum(len(one.commented - one.anywhere) for one in among),
    }


def _print_each() -> None:
    for one in (*driving(), *others()):
        print(f"\n{one.plan.mapping} {one.source}{' *' if one.source == one.plan.driving else ''}")
        for title, pairs in (
            ("  found, running  ", one.pairs & one.running), ("  found, commented", (one.pairs & one.commented)),
            ("  NOT FOUND       ", one.pairs - one.running - one.commented), ("  WRONG           ", one.wrong),
            ("  wrong, commented", one.commented - one.anywhere),
        ):  # fmt: skip
            for _, column, term in sorted(pairs):
                print(f"{title} {column} -> {term}")


if __name__ == "__main__":
    if "--each" in sys.argv:
        _print_each()
    print("driving sources:", figures(driving()))
    print("joined sources: ", figures(others()))
