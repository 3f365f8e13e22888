"""EN 18223:2026, the data model of digital product passports: header, and data elements in two forms.

Compressed: the header beside our own keys, under our context. Expanded: `elements`, each with the IRI of our term as
its `dictionaryReference`, so that whoever knows the dictionary needs nothing else. Which terms of ours are the header
is said by the matches table (`en-18223`); all other terms are elements, so nothing is lost but the spelling of numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from connector.bridges import crossing
from connector.bridges.crossing import Crossed
from connector.bridges.form import NUMBERS, as_number, as_text
from connector.bridges.matches import Matches
from connector.errors import BadInput
from connector.mapping.unfit import Unfit
from connector.model import Json, JsonObject
from connector.vocabulary.terms import MODEL_OF, Term, Terms

SOURCE: Final = "en-18223"
_VERSION: Final = "EN 18223:2026"
_HEADER: Final = (
    "digitalProductPassportId", "uniqueProductIdentifier", "granularity", "dppSchemaVersion", "dppStatus",
    "lastUpdated", "economicOperatorId", "facilityId", "contentSpecificationIds",
)  # fmt: skip
_OURS: Final = frozenset({"dppSchemaVersion", "uniqueProductIdentifier"})
"""What of the header this module says and reads itself."""


def compress(subject: JsonObject, matches: Matches, context: str) -> Crossed:
    """The compressed form: header and our own keys."""
    header, rest = _split(subject, matches)
    header.document = {"@context": [context], **header.document, **rest}
    return header


def expand(subject: JsonObject, matches: Matches, terms: Terms) -> Crossed:
    """The expanded form: header and `elements`."""
    header, rest = _split(subject, matches)
    header.document["elements"] = list(_elements(terms, str(subject["type"]), rest))
    return header


def read(document: JsonObject, matches: Matches, terms: Terms, class_name: str) -> Crossed:
    """A passport of either form as a subject of ours."""
    crossed = crossing.read({key: document[key] for key in _HEADER if key in document}, matches, class_name)
    crossed.losses = [loss for loss in crossed.losses if loss.term not in _OURS]
    crossed.document = {"id": document.get("uniqueProductIdentifier"), **crossed.document}
    elements = document.get("elements")
    if isinstance(elements, list):
        crossed.document.update(_collected(terms, class_name, elements, "elements", crossed))
        return crossed
    for key, value in document.items():
        if key in _HEADER or key == "@context":
            continue
        if key != "type" and terms.find(class_name, key) is None:
            crossed.lose("not-read", key, "we have no term for it")
        else:
            crossed.document[key] = value
    return crossed


def _split(subject: JsonObject, matches: Matches) -> tuple[Crossed, JsonObject]:
    """The header, and the terms that are not in it."""
    class_name = subject.get("type")
    if not isinstance(class_name, str):
        raise BadInput("the document has no type", hint="a subject as `map run` or `passport view` writes it")
    said = {match.term.name for match in matches.of(class_name)}
    crossed = crossing.convert({key: value for key, value in subject.items() if key in {*said, "type"}}, matches)
    crossed.document = {"dppSchemaVersion": _VERSION, "uniqueProductIdentifier": subject.get("id"), **crossed.document}
    return crossed, {key: value for key, value in subject.items() if key not in {*said, "id"}}


# --- elements --------------------------------------------------------------------------------------------------------


def _elements(terms: Terms, class_name: str, values: Mapping[str, Json]) -> Iterator[JsonObject]:
    """The terms of one node as data elements, in the node's order."""
    for key, value in values.items():
        if key == "type":
            continue
        try:
            yield _element(terms, key, terms.find(class_name, key), value)
        except Unfit as bad:
            raise BadInput(f"{key} of the document is not as the vocabulary says: {bad.message}") from None


def _element(terms: Terms, key: str, term: Term | None, value: Json) -> JsonObject:
    head: JsonObject = {"elementId": key, "dictionaryReference": key if term is None else term.iri}
    if term is None or term.range.kind != "class":
        return {**head, **_plain(term, value)}
    if not isinstance(value, list):
        return {**head, **_collection(terms, term.iri, term, value)}
    nodes: list[Json] = [
        {"elementId": str(number), **_collection(terms, terms.classes[term.range.name].iri, term, node)}
        for number, node in enumerate(value, 1)
    ]
    return {**head, "objectType": "DataElementCollection", "elements": nodes}


def _collection(terms: Terms, reference: str, term: Term, node: Json) -> JsonObject:
    if not isinstance(node, dict):
        raise Unfit("not-a-node", "a node is an object")
    elements: list[Json] = [*_elements(terms, term.range.name, node)]
    return {"dictionaryReference": reference, "objectType": "DataElementCollection", "elements": elements}


def _plain(term: Term | None, value: Json) -> JsonObject:
    """One value, or several, with their datatype."""
    datatype = _datatype(term)
    if isinstance(value, list):
        return {
            "objectType": "MultiValuedDataElement", "valueDataType": datatype,
            "value": [_said(datatype, one) for one in value],
        }  # fmt: skip
    return {"objectType": "SingleValuedDataElement", "valueDataType": datatype, "value": _said(datatype, value)}


def _datatype(term: Term | None) -> str:
    if term is None or term.range.kind == "id":
        return "xsd:anyURI"
    return f"xsd:{term.range.name}" if term.range.kind == "literal" else "xsd:string"


def _said(datatype: str, value: Json) -> Json:
    if datatype.removeprefix("xsd:") in NUMBERS:
        return as_number(value)
    return value == "true" if datatype == "xsd:boolean" else value


# --- and back --------------------------------------------------------------------------------------------------------


def _collected(terms: Terms, class_name: str, elements: list[Json], at: str, crossed: Crossed) -> JsonObject:
    """Data elements as the terms of one node. What has no term of ours is told and left."""
    by_iri = {term.iri: term for name in (class_name, MODEL_OF.get(class_name, "")) for term in terms.of(name).values()}
    found: JsonObject = {}
    for number, element in enumerate(elements):
        place = f"{at}[{number}]"
        if not isinstance(element, dict):
            crossed.lose("not-read", place, "a data element is an object")
            continue
        term = by_iri.get(str(element.get("dictionaryReference")))
        if term is None and element.get("elementId") == "id":  # of a node; a subject's stands in the header
            found["id"] = element.get("value")
        elif term is None:
            crossed.lose("not-read", place, f"we have no term {element.get('dictionaryReference')!r}")
        else:
            found[term.name] = _value(terms, term, element, place, crossed)
    return found


def _value(terms: Terms, term: Term, element: JsonObject, place: str, crossed: Crossed) -> Json:
    inner = element.get("elements")
    if term.range.kind != "class" or not isinstance(inner, list):
        value = element.get("value")
        return [as_text(one) for one in value] if isinstance(value, list) else as_text(value)
    kind = term.range.name
    if not term.many:
        return {"type": kind, **_collected(terms, kind, inner, f"{place}.elements", crossed)}
    nodes: list[Json] = []
    for number, one in enumerate(inner):
        parts = one.get("elements") if isinstance(one, dict) else None
        at = f"{place}.elements[{number}].elements"
        nodes.append({"type": kind, **_collected(terms, kind, parts if isinstance(parts, list) else [], at, crossed)})
    return nodes
