"""Columns, conditions, joins and plain values of a plan, bound to the columns of its exports as closures.

A plan is bound twice at most: plainly for the fast path, where the first `Unfit` ends the row; and with blame, where
every leaf that does not fit leaves a finding with its place and the rest goes on (`Binder.guard`). Quantities are bound
in `measures.py`, nodes and links in `nodes.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from connector.mapping.blame import finding
from connector.mapping.columns import (
    Frame,
    Get,
    MissingColumn,
    NoOuterRow,
    Ref,
    Scope,
    Template,
    Test,
    origins,
    resolve,
    test_of,
)  # fmt: skip
from connector.mapping.converters import Convert, converter, locale_of
from connector.mapping.doubts import Watch
from connector.mapping.joins import Joined, frames, look_frame, looker, rows_for
from connector.mapping.mangled import whole_text
from connector.mapping.plan import Plan
from connector.mapping.repeats import Distinct
from connector.mapping.shape import AnyValue, Condition, Conditional, From, Join, Lookup, Part
from connector.mapping.source import SeveralCell, Table
from connector.mapping.spelling import refuse
from connector.mapping.unfit import Unfit
from connector.model import Json

Make = Callable[[Frame], Json]
MintId = Callable[[str, str], str]
_T = TypeVar("_T")
_MARKED = "{"


@dataclass(slots=True)
class At:
    """A place in the document while binding: pointer behind the frame's prefix, and the terms that lead there."""

    suffix: str
    path: str
    template: Template = field(default_factory=list)

    def term(self, name: str) -> At:
        """The place of a term."""
        escaped = name.replace("~", "~0").replace("/", "~1")
        return At(f"{self.suffix}/{escaped}", f"{self.path}/{name}" if self.path else name, self.template)

    def member(self) -> At:
        """The place of a list's member, with a scope of its own."""
        return At("", self.path)


@dataclass(frozen=True, slots=True)
class Made:
    """A bound value, whether it is constant, and the columns it is made from."""

    make: Make
    constant: bool = False
    refs: tuple[Ref, ...] = ()


class Binder:
    """Binds values to columns. `tables` is None when a plan is only checked."""

    def __init__(
        self, plan: Plan, tables: Mapping[str, Table] | None, joined: dict[str, Joined],
        codes: Mapping[str, Mapping[str, str]], mint: MintId, *, blame: bool = False, watch: Watch | None = None,
    ) -> None:  # fmt: skip
        self.plan = plan
        self.tables = tables
        self.joined = joined
        self.codes = codes
        self.mint = mint
        self.blame = blame
        self.watch = watch
        self.missing: list[MissingColumn] = []
        self.named: dict[str, set[str]] = {}

    # --- scopes ---

    def scope(self, name: str, parent: Scope | None, line: int) -> Scope:
        """The scope of a source's rows."""
        source = self.plan.sources.get(name)
        if source is None:
            raise refuse(f"`{name}` is no source.", line, hint=f"there are: {', '.join(self.plan.sources)}")
        table = self.tables.get(name) if self.tables is not None else None
        columns = None if table is None else {column: index for index, column in enumerate(table.columns) if column}
        return Scope(name, source, columns, parent)

    def lookups(self, rules: Mapping[str, Lookup], scope: Scope) -> tuple[Callable[[Frame], Frame | None], ...]:
        """Bind the look-ups of a scope, and make their columns known in it."""
        found = []
        for slot, (name, rule) in enumerate(rules.items()):
            source = rule.source or name
            inner = self.scope(source, scope, rule.line)
            on = self.text(rule.on, scope, At("", f"lookup {name}"))
            find = looker(self.keyed(source, rule.line), on, must=rule.missing == "error")
            found.append(self.looked(look_frame(find), rule.on, scope))
            scope.lookups[name] = (slot, inner)
        return tuple(found)

    def looked(
        self, look: Callable[[Frame], Frame | None], on: AnyValue, scope: Scope
    ) -> Callable[[Frame], Frame | None]:
        """The look-up, guarded where blame is sought."""
        refs = self.getter(on.from_, scope, on)[1] if isinstance(on, From) else ()
        return self.guard(look, refs, At("", ""))

    def keyed(self, name: str, line: int) -> Joined:
        """The index of a source that is joined."""
        source = self.plan.sources.get(name)
        if source is None or source.key is None:
            raise refuse(f"The source `{name}` is joined but says no `key`.", line)
        joined = self.joined.setdefault(name, Joined(name))
        joined.keyed = True
        return joined

    def join(self, rule: Join, scope: Scope, at: At) -> tuple[Scope, Callable[[Frame], list[Frame]]]:
        """Bind a join: the inner scope, and the frames below a frame."""
        inner = self.scope(rule.each, scope, rule.line)
        on = rule.on or scope.source.key
        if isinstance(on, From) and on.from_ == "*":
            get = None
        elif on is None:
            raise refuse("`each` needs `on`, because this row's source says no `key`.", rule.line)
        else:
            get = self.text(on, scope, at)
        joined = self.joined.setdefault(rule.each, Joined(rule.each))
        if get is not None:
            joined = self.keyed(rule.each, rule.line)
        lookers = self.lookups(rule.lookup, inner)
        read = dict(inner.read)
        tests = self.tests(rule.where, inner)
        distinct = self._distinct(rule, inner, joined)
        inner.read.clear()  # what chooses a row is no value of it
        inner.read.update(read)
        return inner, frames(rows_for(joined, get), lookers, tests, distinct)

    def _distinct(self, rule: Join, inner: Scope, joined: Joined) -> Distinct | None:
        """What it passes over is kept for the doubts; not of a row that is read once more for its finding."""
        if rule.distinct is None:
            return None
        made = Distinct(rule.distinct, self.getter(rule.distinct, inner, rule)[0], inner.read)
        if not self.blame:
            joined.distinct.append(made)
        return made

    # --- columns and conditions ---

    def getter(self, name: str, scope: Scope, part: Part) -> tuple[Get, tuple[Ref, ...], Scope]:
        """A column's cell."""
        try:
            get, refs, owner = resolve(name, scope)
            self.named.setdefault(owner.name, set()).update(ref.column for ref in refs)
            owner.read.update((ref.column, ref.index) for ref in refs if ref.index >= 0)
            return (_one(get) if owner.source.has_lists else get), refs, owner  # the two errors below are resolve's
        except MissingColumn as missing:
            self.missing.append(missing)
        except NoOuterRow as error:
            raise refuse(f"`{name}` goes out of more `each` blocks than there are.", part.line) from error
        return (lambda _: ""), (), scope

    def template(self, written: str, scope: Scope, spec: From) -> tuple[Get, tuple[Ref, ...], Scope]:
        """A constant (`=text`), a template with columns in braces, or a column."""
        if written.startswith("="):
            constant = written[1:]
            return (lambda _: constant), (), scope
        if _MARKED not in written:
            return self.getter(written, scope, spec)
        pieces: list[str] = []
        gets: list[Get] = []
        refs: tuple[Ref, ...] = ()
        rest, owner = written, scope
        while rest:
            text, opened, rest = rest.partition("{")
            name, closed, rest = rest.partition("}")
            if "}" in text or (opened and (not closed or not name)):
                hint = "a template is text with columns in braces: {WERKS}-{CHARG}"
                raise refuse(f"The template `{written}` has a brace without its other half.", spec.line, hint=hint)
            pieces.append(text)
            if opened:
                get, more, owner = self.getter(name.strip(), scope, spec)
                gets.append(_whole(get) if owner.source.is_listed and spec.pattern is None else get)
                refs += more
        return _filled(pieces, gets), refs, owner

    def tests(self, conditions: tuple[Condition, ...], scope: Scope) -> tuple[Test, ...]:
        """The conditions of a node or a join."""
        return tuple(
            self._test(condition, *self.getter(condition.column, scope, condition)) for condition in conditions
        )

    def _test(self, condition: Condition, get: Get, refs: tuple[Ref, ...], owner: Scope) -> Test:
        test = test_of(condition, get, owner.source)
        guarded = self.guard(test, refs, At("", "where"))
        return (lambda frame: bool(guarded(frame))) if self.blame else test

    def guard(self, make: Callable[[Frame], _T], refs: tuple[Ref, ...], at: At) -> Callable[[Frame], _T | None]:
        """Where blame is sought: a finding in place of an `Unfit`."""
        if not self.blame:
            return make

        def guarded(frame: Frame) -> _T | None:
            try:
                return make(frame)
            except Unfit as unfit:
                frame.draft.findings.append(finding(unfit, origins(refs, frame), frame.row, at.path))
                return None

        return guarded

    # --- plain values ---

    def leaf(self, spec: From, scope: Scope) -> tuple[Callable[[Frame], str | None], tuple[Ref, ...]]:
        """A column, template or constant with its conversions; None where it is empty. Not guarded."""
        get, refs, owner = self.template(spec.from_, scope, spec)
        convert = self.watched(spec, refs, owner, converter(spec, owner.source, self.codes))
        default = spec.default
        if convert is str and default is None:
            return (lambda frame: str(get(frame)) or None), refs  # what a reader marks its cells by ends here

        def make(frame: Frame) -> str | None:
            text = get(frame)
            return (str(convert(text)) or None) if text else default

        return make, refs

    def watched(self, spec: From, refs: tuple[Ref, ...], owner: Scope, read: Convert) -> Convert:
        """The reader of dates or numbers, with an eye on what else their column could mean."""
        written, column = spec.date or spec.datetime, ", ".join(ref.column for ref in refs)
        if self.watch is None or not refs:
            return read
        if written is not None:
            return self.watch.date(owner.name, column, written, read, times=spec.date is None)
        if owner.source.is_listed and (spec.number is not None or spec.unit is not None):
            locale, delimiter = locale_of(spec, owner.source), owner.source.delimiter or ""
            bounds = spec.min, spec.max
            return self.watch.number(owner.name, column, locale, read, delimiter=delimiter, bounds=bounds)
        return read

    def text(self, value: AnyValue, scope: Scope, at: At) -> Callable[[Frame], str | None]:
        """A value that has to be plain text: keys, identifiers."""
        return self.plain(value, scope, at)[0]

    def plain(
        self, value: AnyValue, scope: Scope, at: At
    ) -> tuple[Callable[[Frame], str | None], tuple[Ref, ...], bool]:
        """A plain value, guarded, with its conditions; its columns; whether it is constant."""
        if not isinstance(value, From) or value.unit is not None:
            raise refuse("Only a plain value (column, template, constant) can stand here.", value.line)
        make, refs = self.leaf(value, scope)
        self.trace(at, refs)
        return self.conditional(value, make, refs, scope, at), refs, value.from_.startswith("=")

    def trace(self, at: At, refs: tuple[Ref, ...]) -> None:
        """Remember which columns the value at this place is made from."""
        if refs:
            terms = at.suffix.split("/")[1:]
            steps = tuple(term.replace("~1", "/").replace("~0", "~") for term in terms)
            at.template.append((at.suffix, steps, refs))

    def conditional(
        self, rule: Conditional, make: Callable[[Frame], _T | None], refs: tuple[Ref, ...], scope: Scope, at: At
    ) -> Callable[[Frame], _T | None]:
        """The value under its `when` and `required`, guarded."""
        tests = self.tests(rule.when, scope)
        required = _demanded(make) if rule.required else make
        guarded = self.guard(required, refs, at)
        if not tests:
            return guarded
        return lambda frame: guarded(frame) if all(test(frame) for test in tests) else None


def _demanded(make: Callable[[Frame], _T | None]) -> Callable[[Frame], _T | None]:
    def demanded(frame: Frame) -> _T | None:
        told = len(frame.draft.findings)
        value = make(frame)
        if value is None and len(frame.draft.findings) == told:
            raise Unfit("empty-required", "There is no value, and the plan requires one.")
        return value

    return demanded


def _one(get: Get) -> Get:
    """The cell, where it is not a list of several."""

    def read(frame: Frame) -> str:
        if isinstance(cell := get(frame), SeveralCell):
            hint = "`record` with the path of a list makes each of its objects a row; or export one value per record"
            raise Unfit("several-values", f"`{cell}` is a list here, where one value is meant.", hint)
        return cell

    return read


def _whole(get: Get) -> Get:
    return lambda frame: whole_text(get(frame))


def _filled(pieces: list[str], gets: list[Get]) -> Get:
    """The template's text; empty where one of its columns is."""
    last = len(gets)

    def get(frame: Frame) -> str:
        out = []
        for index, piece in enumerate(pieces):
            out.append(piece)
            if index < last:
                cell = gets[index](frame)
                if not cell:
                    return ""
                out.append(cell)
        return "".join(out)

    return get
