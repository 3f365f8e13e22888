"""Runs a plan over the bytes of its exports: documents with lineage, and every row's findings at once.

`compile_plan` checks a plan without data; `run` gives all documents, `stream` one after the other. A row with a finding
makes no document. Where the structure of a file is lost, or rows that documents are joined from cannot be read, no
document of the run counts (`stopped`). Resolving links and signing is left to `exchange/publish.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from connector.mapping.binding import MintId
from connector.mapping.blame import finding, grouped, merged, missing_columns, place_of
from connector.mapping.columns import Draft, Frame, LinkRequest, MissingColumn, Test
from connector.mapping.doubts import Watch, unless_accepted
from connector.mapping.joins import Joined
from connector.mapping.lineage import Lineage
from connector.mapping.nodes import NodeBinder
from connector.mapping.plan import Plan, layout_of
from connector.mapping.program import Parts, Program, bind
from connector.mapping.reading import code_lists, open_table, plain_codes
from connector.mapping.repeats import Repeats
from connector.mapping.source import Row, SourceFile, Table, Unreadable
from connector.mapping.unfit import Unfit
from connector.model import Finding, JsonObject, Place, counted


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedIdentifier:
    """An identifier by which others find the record."""

    scheme: str
    value: str
    issuer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """One document. `subject` holds `{}` where an UpstreamLink goes and `""` where a linked subject's id goes."""

    record_type: str
    subject_class: str
    key: str
    record_id: str
    model_id: str | None
    title: str
    subject: JsonObject
    links: tuple[LinkRequest, ...]
    identifiers: tuple[TypedIdentifier, ...]
    buyers: tuple[str, ...]
    lineage: Lineage
    row: Row = field(repr=False, compare=False)

    @property
    def place(self) -> Place:
        """Where the document's row stands."""
        return place_of(self.row)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """A plan that is known to be good, the sources that it uses, and the columns that it names in each."""

    plan: Plan
    sources: tuple[str, ...]
    columns: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a run gave: documents, findings (many alike are one), the number of rows read, and columns in doubt."""

    mapped: tuple[Mapped, ...]
    findings: tuple[Finding, ...]
    rows: int
    stopped: bool
    doubts: tuple[Finding, ...] = ()

    @property
    def documents(self) -> int:
        """How many documents there are."""
        return len(self.mapped)


def compile_plan(plan: Plan) -> Compiled:
    """Check a plan without data. Raises `BadPlan` with the line."""
    unread: dict[str, Mapping[str, str]] = {name: {} for name in plan.codes}
    codes = unread | plain_codes(plan)
    joined: dict[str, Joined] = {}
    binder = NodeBinder(plan, None, joined, codes, lambda kind, key: f"{kind}:{key}")
    bind(binder)
    columns = {name: frozenset(named) for name, named in binder.named.items()}
    return Compiled(plan=plan, sources=tuple(dict.fromkeys((plan.driving, *joined))), columns=columns)


def run(plan: Plan | Compiled, files: Mapping[str, Sequence[SourceFile]], *, mint: MintId, today: str = "") -> Result:
    """All documents and all findings. `today`: dates that lie behind it are likelier than others."""
    return collect(stream(plan, files, mint=mint), today=today)


def collect(running: Run, on_document: Callable[[int], None] | None = None, *, today: str = "") -> Result:
    """Run to the end. `on_document` hears how many rows are read."""
    mapped = []
    for each in running:
        mapped.append(each)
        if on_document is not None:
            on_document(running.rows)
    return Result(
        mapped=() if running.stopped else tuple(mapped),
        findings=tuple(grouped(running.findings)),
        rows=running.rows,
        stopped=running.stopped,
        doubts=running.doubts(today),
    )


def stream(plan: Plan | Compiled, files: Mapping[str, Sequence[SourceFile]], *, mint: MintId) -> Run:
    """Documents one after the other; findings, counts and `stopped` are whole when the iteration has ended."""
    return Run(plan if isinstance(plan, Compiled) else compile_plan(plan), files, mint)


def against_headers(compiled: Compiled, files: Mapping[str, Sequence[SourceFile]]) -> tuple[Finding, ...]:
    """What the headers of exports, and the columns that SQL makes, lack of what the plan names. No row is read."""
    tables: dict[str, Table] = {}
    for name in compiled.sources:
        layouts = files.get(layout_of(name), ())
        try:
            table = open_table(name, compiled.plan.sources[name], files.get(name, ()), layouts)
        except Unreadable as broken:
            return (broken.finding,)
        tables[name] = replace(table, rows=iter(()), findings=list(table.findings))
    codes: dict[str, Mapping[str, str]] = {name: {} for name in compiled.plan.codes}
    running = Run(compiled, files, lambda kind, key: f"{kind}:{key}", tables=tables, codes=codes)
    return collect(running).findings


class Run:
    """One run over one set of files. Iterate once."""

    def __init__(
        self, compiled: Compiled, files: Mapping[str, Sequence[SourceFile]], mint: MintId,
        *, tables: Mapping[str, Table] | None = None, codes: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:  # fmt: skip
        self.plan = compiled.plan
        self.compiled = compiled
        self.findings: list[Finding] = []
        self.rows = 0
        self.stopped = False
        self._files = files
        self._mint = mint
        self._tables = dict(tables or {})
        self._joined: dict[str, Joined] = {}
        self._watch = Watch()
        self._repeats = Repeats()
        self._codes = None if codes is None else plain_codes(compiled.plan) | dict(codes)
        self._blamer: Program

    def __iter__(self) -> Iterator[Mapped]:
        try:
            program = self._prepare()
            if program is not None:
                yield from self._documents(program)
        except Unreadable as broken:
            self.findings.append(broken.finding)
            self.stopped = True
        for name, table in self._tables.items():
            self.rows += len(table.findings) if name == self.plan.driving else 0
            self.findings.extend(table.findings)
            table.findings.clear()

    def doubts(self, today: str) -> tuple[Finding, ...]:
        """What its columns could mean otherwise, and what counts for nothing, when the iteration has ended."""
        files = {name: files[0].name for name, files in self._files.items() if files}
        joins = self._joined.items()
        missed = ((name, joined.doubt(files.get(name, name))) for name, joined in joins)
        told: list[tuple[str, Finding]] = [
            *self._remarks(),
            *((name, doubt) for name, doubt in missed if doubt is not None),
            *((name, doubt) for name, joined in joins for one in joined.distinct for doubt in one.doubts()),
            *self._watch.doubts(files, today),
            *((self.plan.driving, doubt) for doubt in self._repeats.doubts()),
        ]
        sources = self.plan.sources
        return tuple(one for name, doubt in told for one in unless_accepted(name, sources[name].accept, [doubt]))

    def _remarks(self) -> Iterator[tuple[str, Finding]]:
        """What is to be told of the sheets that were read: once per source and kind."""
        for name, files in self._files.items():
            alike: dict[str, list[Finding]] = {}
            for remark in (remark for file in files for remark in file.remarks):
                alike.setdefault(remark.code, []).append(remark)
            for first, *more in alike.values():
                also = f"; so it is, or nearly, in {counted(len(more), 'other file')}" if more else ""
                yield name, replace(first, message=first.message + also)

    # --- beforehand: tables, columns, indexes ---

    def _prepare(self) -> Program | None:
        """Bind the plan to the files' columns and index what is joined. None: the header does not fit."""
        if self._codes is None:
            self._codes = code_lists(self.plan, self._files)
        for name in self.compiled.sources:
            if name not in self._tables:
                self._tables[name] = open_table(
                    name, self.plan.sources[name], self._files.get(name, ()), self._files.get(layout_of(name), ())
                )
                self.stopped = self.stopped or self._tables[name].lost
        program, missing = self._bind(blame=False)
        self._blamer, _ = self._bind(blame=True)
        if self._header_mismatch(missing):
            return None
        self._repeats.listed = self.plan.driving in self._joined
        for joined in self._joined.values():
            self._fill(joined)
        return program

    def _bind(self, *, blame: bool) -> tuple[Program, list[MissingColumn]]:
        binder = NodeBinder(
            self.plan, self._tables, self._joined, self._codes or {}, self._mint, blame=blame, watch=self._watch
        )
        return bind(binder), binder.missing

    def _header_mismatch(self, missing: list[MissingColumn]) -> bool:
        """One finding per source, not one per row. An export without any record has no columns to miss."""
        first = {name: files[0].name for name, files in self._files.items() if files}
        found = missing_columns([each for each in missing if each.scope.columns], first)
        self.findings.extend(found)
        self.stopped = self.stopped or bool(found)
        return bool(found)

    def _rows(self, name: str) -> Iterator[Row]:
        tests = self._blamer.where[name]
        table = self._tables[name]
        return _counting(table, tests) if tests else table.rows

    def _fill(self, joined: Joined) -> None:
        """Read a joined source and file its rows under their keys. A row that cannot be read may belong anywhere."""
        joined.rows.extend(self._rows(joined.name))
        draft = Draft()
        if (key := self._blamer.keys.get(joined.name)) is not None:
            for row in joined.rows:
                found = key(Frame(row, None, (), "", draft))
                if found is not None:
                    joined.index.setdefault(found, []).append(row)
        if draft.findings or self._tables[joined.name].findings:
            self.findings.extend(draft.findings)
            self.stopped = True

    # --- row by row ---

    def _documents(self, program: Program) -> Iterator[Mapped]:
        driving = self.plan.driving
        rows = iter(self._joined[driving].rows) if driving in self._joined else self._rows(driving)
        made = self._by_key(rows, program) if self.plan.group else self._by_row(rows, program)
        for mapped in made:
            if not self.stopped:
                yield mapped

    def _by_row(self, rows: Iterator[Row], program: Program) -> Iterator[Mapped]:
        seen: dict[str, int] = {}
        for row in rows:
            self.rows += 1
            mapped = self._one(row, program)
            if mapped is None:
                continue
            if mapped.key in seen:
                self._duplicate(mapped, seen[mapped.key])
                continue
            seen[mapped.key] = row.line
            yield mapped

    def _duplicate(self, mapped: Mapped, line: int) -> None:
        self.findings.append(
            Finding(
                code="duplicate-key", message=f"The key `{mapped.key}` stands in {mapped.place.unit} {line} already.",
                hint="choose a `key` that is unique, or say `group: true`", term="key", place=mapped.place,
            )
        )  # fmt: skip

    def _by_key(self, rows: Iterator[Row], program: Program) -> Iterator[Mapped]:
        """One document per key, from its first row."""
        for row in rows:
            self.rows += 1
            key = self._group_key(row, program)
            if key is None:
                continue
            if key in self._repeats.firsts:
                self._repeats.later(key, row)
                continue
            mapped = self._one(row, program)
            self._repeats.first(key, row, None if mapped is None else mapped.lineage)
            if mapped is not None:
                yield mapped

    def _group_key(self, row: Row, program: Program) -> str | None:
        """The row's key; "" where it has none (its document then finds out why), None where the row does not count."""
        draft = Draft()
        try:
            frame = program.frame(row, draft)
            return program.key(frame) or "" if program.counts(frame) else None
        except Unfit:
            self._blame(row)
            return None

    def _one(self, row: Row, program: Program) -> Mapped | None:
        """The document of a row; where it does not fit, the row again with blame."""
        draft = Draft()
        try:
            frame = program.frame(row, draft)
            if not program.counts(frame):
                return None
            parts = program.parts(frame)
        except Unfit:
            self._blame(row)
            return None
        return self._mapped(row, parts, draft)

    def _blame(self, row: Row) -> None:
        draft = Draft()
        program = self._blamer
        try:
            frame = program.frame(row, draft)
            if program.counts(frame) or not draft.findings:
                program.parts(frame)
        except Unfit as unfit:
            draft.findings.append(finding(unfit, (), row, ""))
        if not draft.findings:
            raise AssertionError(f"the row in line {row.line} failed, and nothing in it is to blame")
        self.findings.extend(merged([each for each in draft.findings if each.place.column] or draft.findings))

    def _mapped(self, row: Row, parts: Parts, draft: Draft) -> Mapped:
        plan, subject = self.plan, parts.subject
        return Mapped(
            record_type=plan.record,
            subject_class=plan.subject,
            key=parts.key,
            record_id=self._mint(f"record:{plan.record}", parts.key),
            model_id=parts.model_id,
            title=parts.title,
            subject=subject,
            links=tuple(draft.links),
            identifiers=_identifiers(subject),
            buyers=parts.buyers,
            lineage=Lineage(plan.mapping, subject, draft.trail),
            row=row,
        )


def _counting(table: Table, tests: tuple[Test, ...]) -> Iterator[Row]:
    """The rows that count. One of which nobody can say that is a finding."""
    for row in table.rows:
        draft = Draft()
        counts = all(test(Frame(row, None, (), "", draft)) for test in tests)
        if draft.findings:
            table.findings.extend(draft.findings)
        elif counts:
            yield row


def _identifiers(subject: JsonObject) -> tuple[TypedIdentifier, ...]:
    found = []
    listed = subject.get("identifier")
    for each in listed if isinstance(listed, list) else []:
        if isinstance(each, dict):
            issuer = each.get("issuer")
            found.append(
                TypedIdentifier(
                    scheme=str(each["scheme"]), value=str(each["value"]), issuer=str(issuer) if issuer else None
                )
            )
    return tuple(found)
