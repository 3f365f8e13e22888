"""The shapes table: which terms each record, party credential and node has to have and may have.

Read from `vocab/shapes.csv`. A record lists the terms of its subject; `choices` says of a node `a^b` (exactly one of
them) or `a|b` (at least one). What a term holds is said in `terms`; the JSON Schemas are made in `schemas`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from connector.errors import BadInput
from connector.vocabulary.tables import rows
from connector.vocabulary.terms import MODEL_OF, Terms, words_of

_COLUMNS = ["shape", "kind", "subject", "required", "optional", "choices"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Names of which exactly one, or at least one, has to be there."""

    names: tuple[str, ...]
    exactly_one: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One shape. `subjects`: the classes that the subject of a record may have; empty for a node."""

    name: str
    kind: str
    subjects: tuple[str, ...]
    required: tuple[str, ...]
    optional: tuple[str, ...]
    choices: tuple[Choice, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All terms, the required ones first."""
        return (*self.required, *self.optional)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shapes:
    """The whole table. `records`: by credential type, party credentials and status lists included."""

    records: Mapping[str, Shape]
    nodes: Mapping[str, Shape]


def read_shapes(table: bytes, terms: Terms) -> Shapes:
    """The table from the bytes of `shapes.csv`, held against the terms."""
    records: dict[str, Shape] = {}
    nodes: dict[str, Shape] = {}
    for place, row in rows(table, "shapes.csv", _COLUMNS):
        shape = _shape(row)
        if shape.kind not in {"record", "party", "node"}:
            raise BadInput(f"{shape.kind!r} is no kind of shape", place=place)
        target = nodes if shape.kind == "node" else records
        if shape.name in target or shape.name not in terms.classes:
            raise BadInput(f"{shape.name} has two shapes, or is no class of terms.csv", place=place)
        _check_names(shape, terms, place)
        target[shape.name] = shape
    return Shapes(records=MappingProxyType(records), nodes=MappingProxyType(nodes))


def _shape(row: Mapping[str, str]) -> Shape:
    """One row."""
    return Shape(
        name=row["shape"],
        kind=row["kind"],
        subjects=words_of(row["subject"]),
        required=words_of(row["required"]),
        optional=words_of(row["optional"]),
        choices=tuple(_choice(part) for part in words_of(row["choices"])),
    )


def _choice(text: str) -> Choice:
    """`a^b` or `a|b`."""
    exactly_one = "^" in text
    return Choice(names=tuple(text.split("^" if exactly_one else "|")), exactly_one=exactly_one)


def _check_names(shape: Shape, terms: Terms, place: str) -> None:
    """Each name of a shape is a term of its class, and stands in it once."""
    chosen = [name for choice in shape.choices for name in choice.names]
    if len(set(shape.names)) != len(shape.names) or not set(chosen) <= set(shape.names):
        raise BadInput(f"{shape.name}: a term stands twice, or a choice names a term that is not listed", place=place)
    for subject in shape.subjects or (shape.name,):
        for name in shape.names:
            if name == "id" and shape.kind == "node":
                continue
            term = terms.term(subject, name)
            known = term.domains if subject not in MODEL_OF else (*term.domains, subject)
            if subject not in known:
                raise BadInput(f"{shape.name}: {name} is no term of {subject}", place=place)
