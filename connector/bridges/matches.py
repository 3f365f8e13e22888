"""The matches table as bridges read it: which place of another data model says what a term of ours says.

`vocab/matches.csv` is an SSSOM-like table, one row per match. Of a bridge's rows, a `subject` is `Class.term`, or
`List/code` for the words of code lists; `object` is a path (`path`); `form` says how the value is written (`form`).
`exact`: a value survives the way there and back; `close`: it is carried, and the difference is told.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from connector.bridges.form import Form, read_form
from connector.bridges.path import Path, parse
from connector.errors import BadInput
from connector.vocabulary.terms import MODEL_OF, Range, Term, Terms

COLUMNS = ("subject", "predicate", "object_source", "object", "form", "note")
PREDICATES = frozenset({"exact", "close", "broad", "narrow"})
_ID = Term(
    name="id", labels=MappingProxyType({"en": "id"}), definition="The node's own id.", law="", guidance="", iri="@id",
    domains=(), range=Range(kind="id", name=""), many=False, pattern="", said=MappingProxyType({}), units=(),
    ucum_units=(), quantity_kind="", access=MappingProxyType({}), level=MappingProxyType({}),
)  # fmt: skip
"""A node's id is no term of the table, and has places there all the same (a document's address)."""


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


def read_matches(table: bytes, terms: Terms, source: str) -> Matches:
    """The matches with one data model. A row that can't be used is an error that names its line."""
    reader = csv.DictReader(io.StringIO(table.decode("utf-8")))
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise BadInput(f"matches.csv needs exactly the columns {', '.join(COLUMNS)}")
    rows = [(reader.line_num, row) for row in reader if row["object_source"] == source]
    codes = _codes(rows)
    found: dict[str, list[Match]] = {}
    for line, row in rows:
        class_name, _, name = row["subject"].partition(".")
        if not name:
            continue
        try:
            match = _match(class_name, name, row, terms, codes)
        except BadInput as bad:
            raise BadInput(bad.detail, hint=bad.hint, place=f"matches.csv line {line}") from bad
        found.setdefault(class_name, []).append(match)
    return Matches(source=source, by_class={name: tuple(listed) for name, listed in found.items()}, codes=codes)


def _codes(rows: list[tuple[int, dict[str, str]]]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for _, row in rows:
        listed, _, code = row["subject"].partition("/")
        if code:
            found.setdefault(listed, {})[code] = row["object"]
    return found


def _match(
    class_name: str, name: str, row: Mapping[str, str], terms: Terms, codes: Mapping[str, Mapping[str, str]]
) -> Match:
    if row["predicate"] not in PREDICATES:
        raise BadInput(f"{row['predicate']!r} is no predicate", hint=", ".join(sorted(PREDICATES)))
    term = _ID if name == _ID.name else terms.term(class_name, name)
    return Match(
        class_name=class_name, term=term, exact=row["predicate"] == "exact", place=row["object"],
        path=parse(row["object"]), form=read_form(row["form"], term, codes.get(term.range.name, {})),
        note=row["note"],
    )  # fmt: skip
