"""From the terms table to the JSON-LD context (JSON-LD 1.1).

Rules (DECISIONS, "Contexts"): `@protected`, no `@vocab`, no prefix, every number and date typed, full IRIs only. `id`,
`type` and the borrowed terms come from the W3C credentials context, which always stands before ours. A key that has
two meanings, or that the W3C context or another well-known one (`vocab/reserved.csv`) uses inside one of its own types,
is defined within our classes only: a protected term can't be defined twice, and type-scoped contexts do not reach into
nested nodes (JSON-LD 1.1, 4.1.5 and 4.1.11).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from connector.errors import BadInput
from connector.model import Json, JsonObject
from connector.vocabulary.contract import Contract
from connector.vocabulary.terms import Term, Terms


def make_context(terms: Terms, contract: Contract, credentials_v2: JsonObject, reserved: Iterable[str]) -> JsonObject:
    """The context document. `credentials_v2` is the W3C context that ours has to live with, `reserved` keys of others.

    Of the classes, those that a document can have: one that only groups others would take a common name for nothing.
    """
    theirs = credentials_v2["@context"]
    if not isinstance(theirs, dict):
        raise BadInput("the W3C credentials context is no object")
    _check_borrowed(terms, theirs)
    scoped = _nested_keys(theirs) | _ambiguous(terms) | frozenset(reserved)
    own = [term for term in terms.properties if not term.borrowed]
    taken = sorted({name for name in (*contract.classes, *(term.name for term in own)) if name in theirs})
    if taken:
        raise BadInput(f"the W3C credentials context already defines {', '.join(taken)}")
    definitions: dict[str, Json] = {}
    for name in sorted(contract.classes):
        definitions[name] = _class_definition(terms, name, scoped)
    for term in sorted(own, key=lambda one: one.name):
        if term.name not in scoped:
            definitions[term.name] = _definition(term)
    return {"@context": {"@protected": True, **definitions}}


def _class_definition(terms: Terms, name: str, scoped: frozenset[str]) -> Json:
    """A class, with the terms that mean something of their own within it."""
    iri = terms.classes[name].iri
    inner = {key: term for key, term in terms.of(name).items() if key in scoped and not term.borrowed}
    if not inner:
        return iri
    definitions: dict[str, Json] = {key: _definition(inner[key]) for key in sorted(inner)}
    return {"@id": iri, "@context": {"@protected": True, **definitions}}


def _definition(term: Term) -> Json:
    """One term. Plain text and codes need no datatype: a JSON string is `xsd:string` already."""
    definition: dict[str, Json] = {"@id": term.iri}
    if term.range.kind in {"id", "class"}:
        definition["@type"] = "@id"
    elif term.range.kind == "literal" and term.range.name != "string":
        definition["@type"] = term.range.datatype
    if term.many:
        definition["@container"] = "@set"
    return term.iri if len(definition) == 1 else definition


def _nested_keys(context: Mapping[str, Json]) -> frozenset[str]:
    """Every key that is defined inside a type or property of that context."""
    keys: set[str] = set()
    for definition in context.values():
        inner = definition.get("@context") if isinstance(definition, dict) else None
        if isinstance(inner, dict):
            keys.update(key for key in inner if not key.startswith("@"))
            keys.update(_nested_keys(inner))
    return frozenset(keys)


def _ambiguous(terms: Terms) -> frozenset[str]:
    """Keys with more than one definition in our table."""
    meanings: dict[str, set[str]] = {}
    for term in terms.properties:
        meanings.setdefault(term.name, set()).add(repr(_definition(term)))
    return frozenset(name for name, found in meanings.items() if len(found) > 1)


def _check_borrowed(terms: Terms, theirs: Mapping[str, Json]) -> None:
    """A borrowed term has to be the one that the W3C context defines for every node."""
    for term in terms.properties:
        if not term.borrowed:
            continue
        given, wanted = (
            {"@id": one} if isinstance(one, str) else one for one in (theirs.get(term.name), _definition(term))
        )
        if given != wanted:
            text = f"{term.name} is {json.dumps(given)} in the W3C credentials context, not {json.dumps(wanted)}"
            raise BadInput(text, place="terms.csv")
