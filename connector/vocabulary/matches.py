"""Matches between our terms and those of other data models, as rows in the manner of SSSOM.

Read from `vocab/matches.csv`. A subject is a class (`Battery`), a property in its class (`BatteryModel.ratedCapacity`)
or a code in its list (`BatteryStatus/reused`); an object is the other side's own name or path. Names are facts; no text
of another model is kept here. What a match is worth stands in its predicate: `exact` may be carried both ways without
a loss, anything else may not. How a path and a value are written there (`object`, `form`) is for the bridges.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from connector.errors import BadInput
from connector.vocabulary.tables import rows
from connector.vocabulary.terms import Code, Range, Term, TermClass, Terms

PREDICATES = ("exact", "close", "broad", "narrow")
"""As in SKOS: of `broad`, the other side's term is the wider one."""
SOURCES: Mapping[str, str] = MappingProxyType({
    "ec-guidance": "Commission guidance on battery passports 1.0",
    "din-spec-99100": "DIN DKE SPEC 99100",
    "batterypass-1.2": "BatteryPass data model 1.2",
    "untp-0.7.0": "UN Transparency Protocol 0.7.0",
    "catena-x-battery-pass-6": "Catena-X battery_pass 6",
    "idta-02035": "IDTA 02035 Digital Battery Passport",
    "epcis-2.0": "GS1 EPCIS 2.0",
    "en-18223": "EN 18223",
})  # fmt: skip
"""Other data models, and what people call them."""
_COLUMNS = ["subject", "predicate", "object_source", "object", "form", "note"]
NODE_ID = Term(
    name="id", labels=MappingProxyType({"en": "id"}), definition="The node's own id.", law="", guidance="", iri="@id",
    domains=(), range=Range(kind="id", name=""), many=False, pattern="", said=MappingProxyType({}), units=(),
    ucum_units=(), quantity_kind="", access=MappingProxyType({}), level=MappingProxyType({}),
)  # fmt: skip
"""What `Class.id` names: no term of the table, yet it has places in other models (a document's address)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One row. `entry`: the class, property or code that the subject names; `place`: where it stands, for people."""

    subject: str
    entry: Term | TermClass | Code
    predicate: str
    source: str
    object: str
    form: str
    note: str
    place: str


def read_matches(table: bytes, terms: Terms) -> tuple[Match, ...]:
    """The table from the bytes of `matches.csv`, held against the terms."""
    found: dict[tuple[str, str, str], Match] = {}
    for place, row in rows(table, "matches.csv", _COLUMNS):
        entry = _entry(row["subject"], terms)
        if entry is None:
            raise BadInput(f"the vocabulary has no {row['subject']!r}", place=place)
        if row["predicate"] not in PREDICATES or row["object_source"] not in SOURCES or not row["object"]:
            raise BadInput("no such predicate or source, or no object", place=place)
        match = Match(
            subject=row["subject"], entry=entry, predicate=row["predicate"], source=row["object_source"],
            object=row["object"], form=row["form"], note=row["note"], place=place,
        )  # fmt: skip
        if found.setdefault((match.subject, match.source, match.object), match) is not match:
            raise BadInput(f"{match.subject} and {match.object} have two rows", place=place)
    return tuple(found.values())


def _entry(subject: str, terms: Terms) -> Term | TermClass | Code | None:
    """What a subject names."""
    listed, slash, word = subject.partition("/")
    if slash:
        return next((code for code in terms.codes.get(listed, ()) if code.name == word), None)
    class_name, _, name = subject.partition(".")
    if name == NODE_ID.name:
        return NODE_ID if class_name in terms.classes else None
    return terms.find(class_name, name) if name else terms.classes.get(subject)
