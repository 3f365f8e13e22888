"""The places of a record that a column can fill, with the words that people have for them.

Made of the vocabulary: the shape of a record, the labels of its terms in four languages, the words of code lists. What
an id is made from (the numbers of which scheme) is said here. For proposals (`suggesting`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType

from connector.errors import BadInput
from connector.mapping.likeness import Words, telling
from connector.vocabulary.shapes import Shape, Shapes
from connector.vocabulary.terms import Entry, Term, Terms

MINTED = MappingProxyType({
    "producedAt": ("facilityId", "Facility"), "facility": ("facilityId", "Facility"),
    "recycledAt": ("facilityId", "Facility"), "sampleOf": ("lotNumber", "MaterialLot"),
    "product": ("lotNumber", "MaterialLot"), "ofModel": ("modelNumber", "BatteryModel"),
    "modified": ("serialNumber", "Battery"),
})  # fmt: skip
"""Ids that are made from a business number: scheme of the number, class of the thing."""
LINKED = MappingProxyType({
    "facilityRecord": ("facilityId", "FacilityRecord", True), "madeIn": ("orderNumber", "MakeEvent", True),
    "assay": ("sampleNumber", "AssayCertificate", True), "permit": ("permitNumber", "MinePermit", False),
    "attestation": ("certificateNumber", "SchemeAttestation", False), "covers": ("documentNumber", "", True),
    "passport": ("serialNumber", "BatteryPassport", False),
})  # fmt: skip
"""Links: scheme of the number, type of the record, whether it is the company's own."""
NAMED = MappingProxyType({"modelIdentifier": "modelNumber", "lotIdentifier": "lotNumber"})
"""Identifiers of other things: the scheme of their numbers."""
OWN = MappingProxyType({
    "MaterialLot": "lotNumber", "CellBatch": "lotNumber", "Battery": "serialNumber", "BatteryModel": "modelNumber",
    "Sample": "sampleNumber", "Facility": "facilityId", "MakeEvent": "orderNumber", "MoveEvent": "deliveryNote",
    "StocktakeEvent": "stocktakeNumber", "RecyclingCertificate": "certificateNumber",
})  # fmt: skip
"""By which numbers a company knows a subject, or a record where they differ."""
PARTIES = frozenset({
    "fromParty", "toParty", "operatedBy", "laboratory", "manufacturer", "economicOperator", "verifier", "performedBy",
    "permitHolder",
})  # fmt: skip
"""Ids of parties."""
METALS = "ContainedMetal"
_LEAVES = frozenset({"Quantity", "Identifier", "UpstreamLink", METALS})
_DEPTH = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A place: the terms that lead to it, the classes of the nodes that hold them, and the words for it.

    `needs`: per step of the path, whether the node around it has to have it; `lists`: whether it is a list there.
    """

    path: tuple[str, ...]
    classes: tuple[str, ...]
    term: Term
    needs: tuple[bool, ...]
    lists: tuple[bool, ...]
    phrases: tuple[Words, ...]
    around: tuple[Words, ...] = ()

    @property
    def name(self) -> str:
        """Its place as people write it."""
        return ".".join(self.path)

    @property
    def required(self) -> bool:
        """Whether every record has to have it."""
        return all(self.needs)

    @property
    def says(self) -> tuple[str, ...]:
        """Under which names the table of headings may know it."""
        return (self.term.name, ".".join(self.path[-2:]))


def target_of(name: str, shapes: Shapes) -> tuple[str, str, tuple[str, ...]]:
    """Record type, class of its subject, and other record types about that class. By the name of either."""
    shape = shapes.records.get(name)
    if shape is not None and shape.subjects:
        return name, shape.subjects[0], ()
    about = [shape.name for shape in shapes.records.values() if name in shape.subjects and shape.kind == "record"]
    if not about:
        known = sorted({subject for shape in shapes.records.values() for subject in shape.subjects})
        near = get_close_matches(name, [*known, *shapes.records], n=1)
        meant = f"did you mean {near[0]}? " if near else ""
        raise BadInput(f"No record is about a {name}.", hint=f"{meant}Record types: {', '.join(shapes.records)}; "
                       f"classes: {', '.join(known)}")  # fmt: skip
    return about[0], name, tuple(about[1:])


def slots_of(terms: Terms, shapes: Shapes, record: str, subject: str) -> tuple[Slot, ...]:
    """All places of a record, the required ones first."""
    found: list[Slot] = []
    for term, needed in _terms_of(terms, shapes.records[record], subject):
        top = Slot(path=(term.name,), classes=(subject,), term=term, needs=(needed,), lists=(term.many,),
                   phrases=phrases_of(term))  # fmt: skip
        found += _within(terms, shapes, top)
    return tuple(found)


def _within(terms: Terms, shapes: Shapes, slot: Slot) -> Iterator[Slot]:
    """The place itself, or the places in the node that stands there."""
    name = slot.term.range.name
    node = shapes.nodes.get(name) if slot.term.range.kind == "class" else None
    if node is None or name in _LEAVES:
        yield slot
    elif len(slot.path) < _DEPTH:
        for term, needed in _terms_of(terms, node, name):
            yield from _within(terms, shapes, Slot(
                path=(*slot.path, term.name), classes=(*slot.classes, name), term=term, needs=(*slot.needs, needed),
                lists=(*slot.lists, term.many), phrases=phrases_of(term), around=(*slot.around, *slot.phrases),
            ))  # fmt: skip


def _terms_of(terms: Terms, shape: Shape, class_name: str) -> Iterator[tuple[Term, bool]]:
    for name in shape.names:
        term = terms.find(class_name, name)
        if term is not None and name not in {"identifier", "corrects"}:
            yield term, name in shape.required


def phrases_of(entry: Entry) -> tuple[Words, ...]:
    """The words for a term or code: its name and its labels."""
    return tuple(dict.fromkeys(telling(text) for text in (entry.name, *entry.labels.values())))
