"""The JSON-LD context: its rules, and PyLD as judge of what it makes of a credential."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from pyld import jsonld

from connector.errors import BadInput
from connector.model import Json, JsonObject
from connector.vocabulary.bundle import Bundle, load_bundle
from connector.vocabulary.context import make_context
from connector.vocabulary.contract import make_contract
from connector.vocabulary.terms import CREDENTIALS_V2, NAMESPACE

CONTEXT_URL = load_bundle().context_url
ALLOWED = (
    NAMESPACE,
    "https://www.w3.org/2018/credentials#",
    "https://www.w3.org/ns/credentials/status#",
    "https://w3id.org/security#",
    "https://schema.org/",
)
NAMES = sorted(path.stem for path in Path("tests/vectors/documents").glob("*.json"))


def own_context(bundle: Bundle) -> dict[str, Json]:
    """Our context's definitions."""
    document = bundle.contexts[bundle.context_url]
    assert isinstance(document, dict)
    context = document["@context"]
    assert isinstance(context, dict)
    return context


def credential(record_type: str, subject: Json, access: str = "B2B", level: str = "item") -> JsonObject:
    """A credential as it is published."""
    return {
        "@context": [CREDENTIALS_V2, CONTEXT_URL],
        "type": ["VerifiableCredential", record_type],
        "issuer": "did:web:refiner.example",
        "validFrom": "2027-01-25T00:00:00Z",
        "credentialStatus": {
            "id": "https://refiner.example/status/0#7",
            "type": "BitstringStatusListEntry",
            "statusPurpose": "revocation",
            "statusListIndex": "7",
            "statusListCredential": "https://refiner.example/status/0",
        },
        "record": {
            "id": "urn:uuid:0b5d77f0-3f6b-8d1c-9c1f-6d2a54f0c001",
            "type": "Record",
            "version": "2",
            "accessClass": access,
            "level": level,
            "supersedes": ["uEiBexample"],
            "correctionReason": "moisture corrected",
        },
        "credentialSubject": subject,
    }


def credentials(bundle: Bundle, record_type: str, subject: JsonObject) -> Iterator[JsonObject]:
    """Every credential of a subject."""
    if bundle.shapes.records[record_type].kind == "party":
        yield credential(record_type, subject)
        return
    for (access, level), part in bundle.split(record_type, subject).items():
        yield credential(record_type, part, access.value, level.value)


def expand(bundle: Bundle, document: JsonObject) -> list[JsonObject]:
    """PyLD's expansion, with the bundled contexts only."""

    def load(url: str, options: object) -> dict[str, Json]:
        return {"contextUrl": None, "documentUrl": url, "document": bundle.contexts[url]}

    expanded: list[JsonObject] = jsonld.expand(document, {"documentLoader": load, "base": None})
    return expanded


def compact_leaves(value: Json) -> int:
    """How many single values a compact document has."""
    if isinstance(value, dict):
        return sum(compact_leaves(inner) for key, inner in value.items() if key != "@context")
    if isinstance(value, list):
        return sum(compact_leaves(inner) for inner in value)
    return 1


def expanded_leaves(value: Json) -> int:
    """The same of an expanded document: values, ids and types of nodes."""
    if isinstance(value, list):
        return sum(expanded_leaves(inner) for inner in value)
    if isinstance(value, dict):
        if "@value" in value:
            return 1
        return sum(expanded_leaves(inner) for inner in value.values())
    return 1


def nodes(value: Json) -> Iterator[Mapping[str, Json]]:
    """Every object of an expanded document."""
    if isinstance(value, list):
        for inner in value:
            yield from nodes(inner)
    elif isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from nodes(inner)


@pytest.mark.parametrize("name", NAMES)
def test_expansion_loses_nothing_and_makes_no_relative_iri(
    bundle: Bundle, documents: dict[str, JsonObject], name: str
) -> None:
    """Each key and value of each credential arrives in RDF, under an absolute IRI, numbers and dates typed."""
    for document in credentials(bundle, name, documents[name]):
        expanded = expand(bundle, document)
        assert expanded_leaves(list(expanded)) == compact_leaves(document)
        for node in nodes(list(expanded)):
            if "@value" in node:
                assert isinstance(node["@value"], str)
                continue
            for key in node:
                assert key in {"@id", "@type"} or key.startswith(ALLOWED)
            types = node.get("@type", [])
            assert isinstance(types, list)
            for iri in (node.get("@id", "urn:x"), *types):
                assert str(iri).startswith(("urn:", "did:", "http"))


def test_a_key_that_is_no_term_is_lost_in_json_ld(bundle: Bundle, documents: dict[str, JsonObject]) -> None:
    """The reason why nodes are closed: the judge above would notice."""
    subject = documents["MinePermit"] | {"grade": "A+"}
    document = credential("MinePermit", subject)
    assert expanded_leaves(list(expand(bundle, document))) == compact_leaves(document) - 1


def test_values_have_their_datatypes(bundle: Bundle, documents: dict[str, JsonObject]) -> None:
    """A quantity's value is a decimal, an identifier's a string with its zeros."""
    document = credential("MineralLotPassport", documents["MineralLotPassport"])
    found = list(nodes(list(expand(bundle, document))))
    quantity = [node[NAMESPACE + "value"] for node in found if NAMESPACE + "value" in node]
    assert [{"@type": "http://www.w3.org/2001/XMLSchema#decimal", "@value": "20000.0"}] in quantity
    lot_number = [node[NAMESPACE + "identifierValue"] for node in found if NAMESPACE + "identifierValue" in node]
    assert [{"@value": "0000070007"}] in lot_number


def test_protected_without_vocab_or_prefix(bundle: Bundle) -> None:
    """Nothing undefined becomes an IRI, and no ordinary URL reads as a CURIE."""
    context = own_context(bundle)
    assert context["@protected"] is True
    assert set(context) & {"@vocab", "@base", "@language", "@import", "@version", "id", "type"} == set()
    for name, definition in context.items():
        if name == "@protected":
            continue
        iri = definition.get("@id") if isinstance(definition, dict) else definition
        assert isinstance(iri, str)
        assert iri.startswith(NAMESPACE)
        assert iri[-1] not in ":/?#[]@"
        assert not isinstance(definition, dict) or "@prefix" not in definition
        inner = definition.get("@context") if isinstance(definition, dict) else None
        assert inner is None or (isinstance(inner, dict) and inner["@protected"] is True)


def test_every_number_and_date_is_typed(bundle: Bundle) -> None:
    """A term of a datatype other than string carries it wherever it is defined."""
    context = own_context(bundle)
    for term in bundle.terms.properties:
        if term.range.kind != "literal" or term.range.name == "string" or term.borrowed:
            continue
        for domain in term.domains:
            scoped = context.get(domain)
            inner = scoped.get("@context") if isinstance(scoped, dict) else None
            definition = context.get(term.name) or (inner[term.name] if isinstance(inner, dict) else None)
            assert isinstance(definition, dict)
            assert definition["@type"] == term.range.datatype


def test_a_redefinition_is_refused_by_json_ld(bundle: Bundle, documents: dict[str, JsonObject]) -> None:
    """A later context can't give our terms another meaning."""
    document = credential("MinePermit", documents["MinePermit"])
    document["@context"] = [CREDENTIALS_V2, CONTEXT_URL, {"permitNumber": "https://example.org/other"}]
    with pytest.raises(jsonld.JsonLdError):
        expand(bundle, document)


def test_a_term_of_the_w3c_context_can_not_be_taken(bundle: Bundle) -> None:
    """The generator refuses what would fail at every reader."""
    contract = make_contract(bundle.terms, bundle.shapes)
    theirs = json.loads(bundle.context_bytes[CREDENTIALS_V2])
    theirs["@context"]["permitNumber"] = "https://example.org/other"
    with pytest.raises(BadInput, match="permitNumber"):
        make_context(bundle.terms, contract, theirs, ())
    del theirs["@context"]["mediaType"]
    with pytest.raises(BadInput, match="mediaType"):
        make_context(bundle.terms, contract, theirs, ())
