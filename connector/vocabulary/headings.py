"""What the columns of exports are called: field names of ERP systems, elements of EDI messages, words.

Read from `vocab/headings.csv`, a row per name. Labels of terms, in four languages, need no row. `says` names, the
likeliest first, a term (`netMass`, or `footprint.value` within a node), numbers of a scheme (`scheme:lotNumber`),
a part of a value (`unit`, `uncertainty`, `time`, `moisture`), or who may get a unit (`buyers`). `netMass?` is
nearly that, and a person decides (what is in stock of a lot today); `-` is known to be no term (a day of expiry),
so that it is not taken for one that sounds like it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from connector.errors import BadInput
from connector.vocabulary.tables import rows
from connector.vocabulary.terms import Terms, words_of

SCHEME = "scheme:"
NOTHING, NEARLY = "-", "?"
PARTS = frozenset({"unit", "uncertainty", "time", "moisture", "buyers"})
"""What a column may hold that is no term of its own."""
_COLUMNS = ["heading", "kind", "says"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Headings:
    """`fields`: whole names of SAP, in capitals; `systems`: of other systems, in capitals too. `elements`: of EDIFACT
    and X12. `words`: what people write. Each with what it says.
    """

    fields: Mapping[str, tuple[str, ...]]
    systems: Mapping[str, tuple[str, ...]]
    elements: Mapping[str, tuple[str, ...]]
    words: Mapping[str, tuple[str, ...]]


def read_headings(table: bytes, terms: Terms) -> Headings:
    """The table from the bytes of `headings.csv`, held against the terms."""
    known = {term.name for term in terms.properties}
    schemes = {code.name for code in terms.codes["IdentifierScheme"]}
    found: dict[str, dict[str, tuple[str, ...]]] = {"field": {}, "system": {}, "element": {}, "word": {}}
    for place, row in rows(table, "headings.csv", _COLUMNS):
        listed = found.get(row["kind"])
        if listed is None or row["heading"] in listed or not row["says"]:
            raise BadInput("no such kind, no meaning, or a second row for this heading", place=place)
        says = words_of(row["says"])
        for one in (one.removesuffix(NEARLY) for one in says if says != (NOTHING,)):
            good = one.removeprefix(SCHEME) in schemes if one.startswith(SCHEME) else one in PARTS
            if not good and not set(one.split(".")) <= known:
                raise BadInput(f"{one!r} is no term, scheme or part of a value", place=place)
        listed[row["heading"]] = says
    return Headings(
        fields=MappingProxyType(found["field"]), systems=MappingProxyType(found["system"]),
        elements=MappingProxyType(found["element"]), words=MappingProxyType(found["word"]),
    )  # fmt: skip
