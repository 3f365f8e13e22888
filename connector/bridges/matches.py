"""The matches table as bridges use it: which place of another data model says what a term of ours says.

Of a bridge's rows (`vocabulary.matches` reads them), a `subject` is `Class.term`, or `List/code` for the words of code
lists; `object` is a path (`path`); `form` says how the value is written (`form`). `exact`: a value survives the way
there and back; `close`: it is carried, and the difference is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from connector.bridges.form import Form, read_form
from connector.bridges.path import Path, parse
from connector.errors import BadInput
from connector.vocabulary import matches as table
from connector.vocabulary.terms import MODEL_OF, Code, Term


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One place of theirs for one term of ours."""

    class_name: str
    term: Term
    exact: bool
    place: str
    path: Path
    form: Form
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Matches:
    """All matches with one data model, by our class, in the table's order. `codes`: list -> our word -> theirs."""

    source: str
    by_class: Mapping[str, tuple[Match, ...]]
    codes: Mapping[str, Mapping[str, str]]

    @property
    def exact(self) -> Matches:
        """Those of them that lose nothing."""
        kept = {name: tuple(one for one in listed if one.exact) for name, listed in self.by_class.items()}
        return replace(self, by_class=kept)

    def of(self, class_name: str) -> tuple[Match, ...]:
        """The matches of a subject of this class, its model's included."""
        return (*self.by_class.get(class_name, ()), *self.by_class.get(MODEL_OF.get(class_name, ""), ()))


def matches_with(source: str, rows: Iterable[table.Match]) -> Matches:
    """The matches with one data model. A row that can't be used is an error that names its line."""
    mine = [row for row in rows if row.source == source]
    codes: dict[str, dict[str, str]] = {}
    for row in mine:
        if isinstance(row.entry, Code):
            codes.setdefault(row.subject.partition("/")[0], {})[row.entry.name] = row.object
    found: dict[str, list[Match]] = {}
    for row in mine:
        if isinstance(row.entry, Term):
            match = _match(row, row.entry, codes)
            found.setdefault(match.class_name, []).append(match)
    return Matches(source=source, by_class={name: tuple(listed) for name, listed in found.items()}, codes=codes)


def _match(row: table.Match, term: Term, codes: Mapping[str, Mapping[str, str]]) -> Match:
    try:
        path, form = parse(row.object), read_form(row.form, term, codes.get(term.range.name, {}))
    except BadInput as bad:
        raise BadInput(bad.detail, hint=bad.hint, place=row.place) from bad
    return Match(
        class_name=row.subject.partition(".")[0], term=term, exact=row.predicate == "exact", place=row.object,
        path=path, form=form, note=row.note,
    )  # fmt: skip
