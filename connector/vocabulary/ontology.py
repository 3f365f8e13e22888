"""The ontology in Turtle: what each name means, in four languages, and what other models call it.

OWL for classes and properties, SKOS for code lists, definitions and matches. Domains and ranges are told by
`schema:domainIncludes` and `schema:rangeIncludes`, which say what is meant and let nobody infer a class; what a
document is held to stands in the shapes. Terms of other vocabularies that we borrow are theirs to describe.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import quote

from connector.vocabulary.matches import SOURCES, Match
from connector.vocabulary.terms import NAMESPACE, Code, Term, TermClass, Terms
from connector.vocabulary.turtle import iri, literal, node, prefixes
from connector.vocabulary.versions import Version

_ONTOLOGY = NAMESPACE.removesuffix("#")
_OTHERS = "https://w3id.org/battery-connector/v1/others/"
_KINDS = {"literal": "owl:DatatypeProperty", "code": "owl:DatatypeProperty"}


def make_ontology(terms: Terms, matches: Sequence[Match], version: Version) -> bytes:
    """The Turtle file."""
    parts = [
        prefixes(),
        node(
            iri(_ONTOLOGY),
            "a owl:Ontology",
            f"owl:versionInfo {literal(version.number)}",
            f"dct:title {literal('Battery vocabulary', 'en')}",
            "dct:license <https://www.apache.org/licenses/LICENSE-2.0>",
        ),
    ]
    writer = _Writer(matches)
    parts += (writer.described(one.iri, one, *_class(one)) for one in terms.classes.values())
    parts += (writer.described(one.iri, one, *_property(one)) for one in terms.properties if not one.borrowed)
    for name, codes in terms.codes.items():
        parts.append(node(iri(list_iri(name)), "a skos:ConceptScheme", f"skos:prefLabel {literal(name, 'en')}"))
        parts += (writer.described(code_iri(code), code, *_code(code)) for code in codes)
    parts += _others(matches)
    return "\n".join(parts).encode()


def list_iri(name: str) -> str:
    """The IRI of a code list."""
    return f"{NAMESPACE}codes-{name}"


def code_iri(code: Code) -> str:
    """The IRI of a code. In documents it is a plain text."""
    return f"{list_iri(code.list_name)}-{quote(code.name, safe='')}"


def _class(known: TermClass) -> Iterator[str]:
    yield "a owl:Class"
    if known.parent:
        yield f"rdfs:subClassOf {iri(_class_iri(known.parent))}"


def _property(term: Term) -> Iterator[str]:
    yield f"a {_KINDS.get(term.range.kind, 'owl:ObjectProperty')}"
    yield "schema:domainIncludes " + " , ".join(iri(_class_iri(name)) for name in term.domains)
    match term.range.kind:
        case "literal":
            yield f"schema:rangeIncludes {iri(term.range.datatype)}"
        case "class":
            yield f"schema:rangeIncludes {iri(_class_iri(term.range.name))}"
        case "code":
            yield f"schema:rangeIncludes xsd:string ; dct:conformsTo {iri(list_iri(term.range.name))}"


def _class_iri(name: str) -> str:
    return "https://www.w3.org/2018/credentials#" + name if name == "VerifiableCredential" else NAMESPACE + name


def _code(code: Code) -> Iterator[str]:
    yield "a skos:Concept"
    yield f"skos:inScheme {iri(list_iri(code.list_name))}"
    yield f"skos:notation {literal(code.name)}"


class _Writer:
    """Describes entries, each with its matches."""

    def __init__(self, matches: Sequence[Match]) -> None:
        self._matches: dict[str, list[Match]] = {}
        for match in matches:
            self._matches.setdefault(match.entry.key, []).append(match)

    def described(self, name: str, entry: Term | TermClass | Code, *statements: str) -> str:
        """Labels, definition, law and matches behind what the entry is."""
        is_code = isinstance(entry, Code)
        label = "skos:prefLabel" if is_code else "rdfs:label"
        labels = [literal(text, language) for language, text in entry.labels.items() if text]
        return node(
            iri(name),
            *statements,
            f"{label} {' , '.join(labels)}" if labels else "",
            f"skos:definition {literal(entry.definition, 'en')}",
            f"dct:source {literal(entry.law)}" if entry.law else "",
            "" if is_code else f"rdfs:isDefinedBy {iri(_ONTOLOGY)}",
            *(f"skos:{one.predicate}Match {iri(_other(one))}" for one in self._matches.get(entry.key, ())),
        )


def _other(match: Match) -> str:
    """The other side's term: most have no IRI of their own, so it is named by its source and its own name."""
    return f"{_OTHERS}{match.source}#{quote(match.object, safe='')}"


def _others(matches: Sequence[Match]) -> Iterator[str]:
    """What these names of other sides stand for."""
    for source, title in SOURCES.items():
        names = {_other(match): match.object for match in matches if match.source == source}
        if names:
            yield node(f"<{_OTHERS}{source}>", "a skos:ConceptScheme", f"skos:prefLabel {literal(title, 'en')}")
        for name, text in sorted(names.items()):
            yield node(f"<{name}>", f"skos:notation {literal(text)}", f"skos:inScheme <{_OTHERS}{source}>")
