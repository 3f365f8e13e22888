"""The contract as SHACL shapes in Turtle: what a peer who reads RDF holds a credential to.

SHACL Core only: class, nodeKind, minCount, maxCount, datatype, pattern, maxLength, in, node, closed, xone, or. One node
shape per record type (`BatteryPassport`: the whole subject, before it is signed in parts), per part of it
(`BatteryPassport-PUB-item`) and per class of nodes. `BatteryPassport-credential` targets the credential itself: its
record says which part its subject has to be. A property shape is written once and used by the whole and by its part.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from connector.model import AccessClass, Level
from connector.vocabulary.contract import (
    IRI,
    MOST_VALUES,
    Contract,
    Identity,
    NodeShape,
    PropertyShape,
    RecordShape,
    Text,
)
from connector.vocabulary.shapes import Choice
from connector.vocabulary.terms import NAMESPACE, Term, Terms
from connector.vocabulary.turtle import blank, iri, listed, literal, node, prefixes

_KINDS = {Identity.NEEDED: "sh:IRI", Identity.ALLOWED: "sh:BlankNodeOrIRI", Identity.NONE: "sh:BlankNode"}
_ESCAPE = re.compile(r"\\u([0-9a-f]{4})")


def make_shapes(contract: Contract, terms: Terms, base: str) -> bytes:
    """The Turtle file. The names of the shapes begin with `base`."""
    writer = _Writer(contract, terms)
    parts = [prefixes(s=base)]
    for name, record in contract.records.items():
        parts += writer.record(name, record)
    for name, shape in contract.nodes.items():
        parts += [writer.node(name, shape), *writer.properties(name, shape)]
    return "\n".join(parts).encode()


class _Writer:
    """Writes shapes; knows the IRIs of all keys."""

    def __init__(self, contract: Contract, terms: Terms) -> None:
        self._contract = contract
        self._terms = terms

    def record(self, name: str, record: RecordShape) -> Iterator[str]:
        """The whole, its properties, its parts, and the credential that carries one of them."""
        yield self.node(name, record.whole)
        yield from self.properties(name, record.whole)
        for (access, level), part in record.parts.items():
            yield self.node(name, part, _part(access, level))
        yield self._credential(name, record)

    def node(self, name: str, shape: NodeShape, part: str = "") -> str:
        """One closed node shape."""
        types = listed(iri(NAMESPACE + one) for one in shape.types)
        typed = blank("sh:path rdf:type", "sh:minCount 1", "sh:maxCount 1", f"sh:in {types}")
        rows = [typed, *(f"s:{name}-{one.term.name}" for one in shape.properties)]
        known = self._terms.classes[name]
        return node(
            f"s:{name}{part}",
            "a sh:NodeShape",
            "" if part else f"sh:name {literal(known.label, 'en')}",
            f"sh:nodeKind {_KINDS[shape.identity]}",
            _identity(shape.identity),
            "sh:closed true",
            *(self._choice(choice, shape) for choice in shape.choices),
            "sh:property\n    " + " ,\n    ".join(rows),
        )

    def properties(self, name: str, shape: NodeShape) -> Iterator[str]:
        """The property shapes of a node shape."""
        for one in shape.properties:
            yield node(
                f"s:{name}-{one.term.name}",
                "a sh:PropertyShape",
                f"sh:path {iri(one.term.iri)}",
                f"sh:name {literal(one.term.label, 'en')}",
                f"sh:description {literal(one.term.definition, 'en')}",
                "sh:minCount 1" if one.required else "",
                f"sh:maxCount {MOST_VALUES if one.term.many else 1}",
                *self._value(one),
            )

    def _value(self, shape: PropertyShape) -> Iterator[str]:
        """What each value has to be."""
        if shape.words:
            yield f"sh:in {listed(map(literal, shape.words))}"
        elif shape.text is not None:
            kind = shape.term.range
            yield "sh:nodeKind sh:IRI" if kind.kind == "id" else f"sh:datatype {iri(kind.datatype)}"
            yield _text(shape.text)
        else:
            yield f"sh:node s:{shape.term.range.name}"
            for key, words in shape.within.items():
                path = iri(self._terms.term(shape.term.range.name, key).iri)
                least = "sh:minCount 1" if key in shape.asked else ""
                yield f"sh:property {blank(f'sh:path {path}', least, f'sh:in {listed(map(literal, words))}')}"

    def _choice(self, choice: Choice, shape: NodeShape) -> str:
        """`sh:xone` for exactly one, `sh:or` for at least one."""
        known: dict[str, Term] = {one.term.name: one.term for one in shape.properties}
        branches = [
            blank(f"sh:property {blank(f'sh:path {iri(known[name].iri)}', 'sh:minCount 1')}")
            if name in known
            else blank("sh:nodeKind sh:IRI")
            for name in choice.names
        ]
        return f"sh:{'xone' if choice.exactly_one else 'or'} {listed(branches)}"

    def _credential(self, name: str, record: RecordShape) -> str:
        """The credential that names the type: one subject, which is the part that its record says."""
        head = (f"s:{name}-credential", "a sh:NodeShape", f"sh:targetClass {iri(NAMESPACE + name)}")
        if not record.parts:
            whole = blank("sh:path cred:credentialSubject", "sh:minCount 1", "sh:maxCount 1", f"sh:node s:{name}")
            return node(*head, f"sh:property {whole}")
        envelope = blank("sh:path bc:record", "sh:minCount 1", "sh:maxCount 1", "sh:node s:Record")
        subject = blank("sh:path cred:credentialSubject", "sh:minCount 1", "sh:maxCount 1")
        branches = [
            blank(
                f"sh:property {self._said('accessClass', access.value)}",
                f"sh:property {self._said('level', level.value)}",
                f"sh:property {blank('sh:path cred:credentialSubject', f'sh:node s:{name}{_part(access, level)}')}",
            )
            for access, level in record.parts
        ]
        return node(*head, f"sh:property {envelope} ,\n    {subject}", "sh:or (\n    " + "\n    ".join(branches) + " )")

    def _said(self, key: str, word: str) -> str:
        """The record says this word."""
        path = iri(self._terms.term("Record", key).iri)
        return blank(f"sh:path ( bc:record {path} )", f"sh:hasValue {literal(word)}")


def _part(access: AccessClass, level: Level) -> str:
    """The end of a part's name. A plus sign would have to be escaped in Turtle."""
    return f"-{access.value.replace('+', '-')}-{level.value}"


def _identity(identity: Identity) -> str:
    """How the id is written, where there is one. A blank node fits no pattern (SHACL, 4.4.3), so it is let by."""
    if identity is Identity.ALLOWED:
        return f"sh:or {listed((blank('sh:nodeKind sh:BlankNode'), blank(_text(IRI))))}"
    return _text(IRI) if identity is Identity.NEEDED else ""


def _text(text: Text) -> str:
    """Pattern and length. XPath's expressions know no escape by number, so the characters themselves are written."""
    pattern = _ESCAPE.sub(lambda found: chr(max(int(found[1], 16), 1)), text.pattern)
    return f"sh:maxLength {text.longest} ; sh:pattern {literal(pattern)}"
