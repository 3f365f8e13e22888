"""What `vocab check` proves of the tables and of the context made from them.

Every entry has its texts; every term of every class leads to its own IRI; made-up credentials of every type lose
nothing when they are read as JSON-LD, and name no property or class but known ones (so none in the bucket of an
`@vocab`); and all that stays so beside the contexts of others. The expansion is `jsonld`'s own, so that an installed
connector can be asked too; the tests hold it against PyLD.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from connector.model import Finding, Json, JsonObject, Place
from connector.vocabulary.contract import make_contract
from connector.vocabulary.dictionary import Dictionary
from connector.vocabulary.examples import Examples
from connector.vocabulary.jsonld import Expander, iris
from connector.vocabulary.patterns import Draw
from connector.vocabulary.terms import CREDENTIALS_V2, LANGUAGES, Code, Term, TermClass, Terms

_BESIDE = "https://beside.example/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What was found, and on how much it rests."""

    findings: tuple[Finding, ...]
    terms: int
    documents: int


def prove(
    dictionary: Dictionary, context_url: str, contexts: Mapping[str, JsonObject], draw: Draw, rounds: int = 20
) -> Proof:
    """All proofs. `contexts`: the W3C's and ours by URL, as documents. `rounds`: made-up credentials of each type."""
    theirs, ours = (_inner(contexts[url]) for url in (CREDENTIALS_V2, context_url))
    contract = make_contract(dictionary.terms, dictionary.shapes)
    documents = [
        Examples(contract, draw).credential(name, context_url) for name in contract.records for _ in range(rounds)
    ]
    findings = [
        *_texts(dictionary.terms),
        *_resolved(dictionary.terms, contract.classes, Expander([theirs, ours])),
        *_kept(documents, theirs, ours),
        *_kept_beside(documents, theirs, ours),
    ]
    return Proof(
        findings=tuple(dict.fromkeys(findings)), terms=len(dictionary.terms.properties), documents=len(documents)
    )


def _inner(document: JsonObject) -> JsonObject:
    context = document["@context"]
    assert isinstance(context, dict)
    return context


# --- the tables ------------------------------------------------------------------------------------------------------


def _texts(terms: Terms) -> Iterator[Finding]:
    """Labels in all languages, and a definition that is a sentence."""
    entries: list[Term | TermClass | Code] = [*terms.classes.values(), *terms.properties]
    entries += [code for codes in terms.codes.values() for code in codes]
    for entry in entries:
        where = Place(source="terms.csv", value=entry.key)
        missing = [language for language in LANGUAGES if not entry.labels[language]]
        if missing:
            text = f"{entry.name} has no label in {', '.join(missing)}"
            yield Finding(code="no-label", message=text, hint="a label of your own words", term=entry.name, place=where)
        if not entry.definition.endswith("."):
            text = f"the definition of {entry.name} is no sentence"
            yield Finding(code="no-definition", message=text, hint="end it by a stop", term=entry.name, place=where)


# --- the context -----------------------------------------------------------------------------------------------------


def _resolved(terms: Terms, classes: Iterable[str], expander: Expander) -> Iterator[Finding]:
    """Each key of each class leads to the IRI of its row."""
    for name in sorted(classes):
        known = terms.classes[name]
        for key, term in terms.of(name).items():
            probe: JsonObject = {"id": "urn:x:y", "type": name, key: "urn:x:y"}
            found = expander.expand(probe).node
            if found.get("@type") != [known.iri] or term.iri not in found:
                text = f"{key} of {name} does not lead to {term.iri}"
                yield Finding(code="unresolved", message=text, term=key, place=Place(source="terms.csv"))


def _kept(documents: Sequence[JsonObject], theirs: JsonObject, ours: JsonObject) -> Iterator[Finding]:
    """Nothing is lost, and nothing strange is named."""
    expander, known = Expander([theirs, ours]), {*_known(theirs), *_known(ours)}
    for document in documents:
        expanded = expander.expand(document)
        for one in expanded.problems:
            yield Finding(code=one.code, message=f"{one.path} is lost in JSON-LD", place=Place(column=one.path))
        for iri in dict.fromkeys(iris(expanded.node)):
            if iri not in known:
                yield Finding(code="strange-iri", message=f"{iri} is no term of ours or of the W3C")


def _kept_beside(documents: Sequence[JsonObject], theirs: JsonObject, ours: JsonObject) -> Iterator[Finding]:
    """The same is said beside the contexts of others."""
    alone = Expander([theirs, ours])
    for name in ("Aaa", "zzz"):
        for contexts in ([theirs, _bucket(name), ours], [theirs, ours, _bucket(name)]):
            crowded = Expander(contexts)
            for document in documents:
                found = crowded.expand(_typed(document, name)).node
                if _untyped(found, _BESIDE + name) != alone.expand(document).node:
                    text = (
                        f"beside a context whose class {name} has an @vocab, a {document['type']} says something else"
                    )
                    yield Finding(code="changed-beside", message=text)


def _known(context: JsonObject) -> Iterator[str]:
    """Every IRI that a context defines, within its classes too."""
    for definition in context.values():
        if isinstance(definition, str):
            yield definition
        if isinstance(definition, dict):
            yield str(definition.get("@id"))
            inner = definition.get("@context")
            if isinstance(inner, dict):
                yield from _known(inner)


def _bucket(name: str) -> JsonObject:
    """A context of somebody else, whose class takes every undefined key into a name space of its own, as UNTP's do.

    Contexts of classes apply in the order of the classes' names, so one name goes before all of ours, one behind.
    """
    inner: JsonObject = {"@protected": True, "@vocab": f"{_BESIDE}{name}#"}
    return {"@protected": True, name: {"@id": _BESIDE + name, "@context": inner}}


def _typed(value: Json, name: str) -> JsonObject:
    """A copy in which every node has this class too."""
    if not isinstance(value, dict):
        raise TypeError(value)
    made: JsonObject = {}
    for key, inner in value.items():
        if key == "type":
            made[key] = [*inner, name] if isinstance(inner, list) else [inner, name]
        elif isinstance(inner, list):
            made[key] = [_typed(one, name) if isinstance(one, dict) else one for one in inner]
        else:
            made[key] = _typed(inner, name) if isinstance(inner, dict) else inner
    return made


def _untyped(value: Json, iri: str) -> Json:
    """An expanded copy without that class."""
    if isinstance(value, list):
        return [_untyped(one, iri) for one in value if one != iri]
    return {key: _untyped(inner, iri) for key, inner in value.items()} if isinstance(value, dict) else value
