"""What `map run` does with a plan: everything, or only what changed since the state that an earlier run left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from connector.errors import BadInput
from connector.mapping.binding import MintId
from connector.mapping.blame import grouped
from connector.mapping.changes import State, changes_since, inputs_digest, read_state, state_after
from connector.mapping.engine import Compiled, Mapped, Result, against_headers, collect, stream
from connector.mapping.lineage import placed
from connector.mapping.preview import given_to_sql
from connector.mapping.source import SourceFile
from connector.model import Finding, JsonObject
from connector.peers.files import Exports
from connector.peers.shaper import Shaper, require
from connector.vocabulary.bundle import load_bundle

Tell = Callable[[JsonObject], None]
_EVERY = 500
"""Rows or documents between two words of progress."""


class Work(NamedTuple):
    """What a command works with."""

    compiled: Compiled
    mint: MintId
    folders: tuple[Path, ...]
    throw_away: bool


class Ran(NamedTuple):
    """What a run gave: rows read, documents to write, findings, doubts; since a state what stayed, what is gone."""

    rows: int
    documents: tuple[Mapped, ...]
    findings: list[Finding]
    doubts: tuple[Finding, ...] = ()
    unchanged: int = 0
    gone: tuple[str, ...] = ()
    state: State | None = None


def result_of(work: Work, tell: Tell | None = None) -> Result:
    """All documents and all findings of the rows."""
    files = asyncio.run(Exports().read(work.compiled.plan, *work.folders))
    return _collected(work, files, tell)


def _collected(work: Work, files: Mapping[str, Sequence[SourceFile]], tell: Tell | None) -> Result:
    today = datetime.now(UTC).date().isoformat()  # noqa: TID251 - a person looks at the columns now
    return collect(stream(work.compiled, files, mint=work.mint), _rows(tell), today=today)


def findings_of(result: Result, tell: Tell | None = None) -> list[Finding]:
    """All findings: of the rows, and what the vocabulary says of the documents, before their links are made."""
    return grouped([*result.findings, *(finding for _, finding in _unfit(result.mapped, tell))])


def sql_checked(compiled: Compiled, folder: Path) -> tuple[Finding, ...] | None:
    """What the headers of the exports say of a plan with SQL; None: it has none, or they are not there."""
    queries = list(compiled.plan.queries())
    if not queries:
        return None
    require(queries[0])
    try:
        files = asyncio.run(Exports().read(compiled.plan, folder, only_columns=True))
    except BadInput:
        return None
    return against_headers(compiled, files)


async def made_of_examples(compiled: Compiled) -> list[dict[str, SourceFile]]:
    """Of each example, what SQL makes of the rows that it gives."""
    plan, shaper = compiled.plan, Shaper()
    return [
        {name: await shaper.run(plan, name, "", tables) for name, tables in given_to_sql(compiled, example).items()}
        for example in plan.examples
    ]


def run_whole(work: Work, tell: Tell) -> Ran:
    """Everything."""
    result = result_of(work, tell)
    return Ran(result.rows, result.mapped, findings_of(result, tell), result.doubts)


def run_since(work: Work, plan: Path, since: Path, tell: Tell) -> Ran:
    """What is new or changed since the state. Nothing at all is done where nothing that a run reads is different."""
    if work.throw_away:
        raise BadInput("Without the company's id key each run makes other ids, so that everything changes.",
                       hint="say --config FILE with --since")  # fmt: skip
    name, vocabulary = work.compiled.plan.mapping, load_bundle().context_url
    before = read_state(since.read_bytes(), name) if since.exists() else State(mapping=name)
    files = asyncio.run(Exports().read(work.compiled.plan, *work.folders))
    inputs = inputs_digest(plan.read_bytes(), vocabulary, files, work.mint("state", ""))
    if inputs == before.inputs:
        return Ran(0, (), [], unchanged=len(before.records))
    result = _collected(work, files, tell)
    changes = changes_since(before, result, vocabulary)
    unfit = _unfit(changes.documents, tell)
    state = state_after(before, result, changes, {mapped.record_id for mapped, _ in unfit}, inputs)
    findings = grouped([*result.findings, *(finding for _, finding in unfit)])
    kept = None if result.stopped else state
    return Ran(result.rows, changes.documents, findings, result.doubts, changes.unchanged, changes.gone, kept)


def _rows(tell: Tell | None) -> Callable[[int], None]:
    def on_document(rows: int) -> None:
        if tell is not None and not rows % _EVERY:
            tell({"done": f"{rows:,} rows read"})

    return on_document


def _unfit(documents: Iterable[Mapped], tell: Tell | None) -> list[tuple[Mapped, Finding]]:
    bundle = load_bundle()
    unfit: list[tuple[Mapped, Finding]] = []
    for number, mapped in enumerate(documents):
        if tell is not None and not number % _EVERY:
            tell({"done": f"{number:,} documents checked"})
        found = bundle.check_mapped(mapped.record_type, mapped.subject)
        unfit += [(mapped, placed(finding, mapped.lineage, mapped.place)) for finding in found]
    return unfit
