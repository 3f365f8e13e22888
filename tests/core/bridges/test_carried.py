"""A UNTP passport that goes out from us says in JSON-LD what ours said, beside a context with classes of our names."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyld import jsonld

from connector.bridges.formats import Format
from connector.bridges.untp import CONTEXT
from connector.model import Json, JsonObject
from connector.vocabulary.bundle import Bundle, load_bundle
from connector.vocabulary.terms import CREDENTIALS_V2
from tests.core.bridges.crossings import CATEGORIES, ISSUER, NOW, bridges, passport

THEIRS = "https://other.example/"


def bucket(class_name: str, **inner: Json) -> JsonObject:
    """A class as UNTP has them: protected, and what it does not know goes into a name space of its own."""
    scoped: JsonObject = {"@protected": True, "@vocab": f"{THEIRS}{class_name}#", **inner}
    return {"@id": THEIRS + class_name, "@context": scoped}


def context_of_theirs(bundle: Bundle) -> JsonObject:
    """Like UNTP's, and worse: it has a class for each of ours, and terms of its own for keys of ours."""
    named = bundle.terms.classes.keys() & bundle.definitions.keys()
    classes: JsonObject = {one: bucket(one, documentNumber=THEIRS + "number") for one in named}
    inside: JsonObject = {"@id": THEIRS + "characteristics", "@context": {"@vocab": THEIRS + "Characteristics#"}}
    product = bucket("Product", characteristics=inside, unit=THEIRS + "unit", value=THEIRS + "value")
    return {
        "@context": {"@protected": True, **classes, "Product": product, "Characteristics": bucket("Characteristics")}
    }


def expanded(document: JsonObject, bundle: Bundle) -> JsonObject:
    """PyLD's expansion of a document about one thing."""
    contexts = {**bundle.contexts, CONTEXT: context_of_theirs(bundle)}

    def load(url: str, options: object) -> JsonObject:
        return {"contextUrl": None, "documentUrl": url, "document": contexts[url]}

    [found] = jsonld.expand(document, {"documentLoader": load})
    assert isinstance(found, dict)
    return found


def within(document: JsonObject, *path: str) -> JsonObject:
    """The object that a path of keys leads to, the first of each list."""
    for key in path:
        inner = document[key]
        one = inner[0] if isinstance(inner, list) else inner
        assert isinstance(one, dict)
        document = one
    return document


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_characteristic_means_what_it_meant(category: str) -> None:
    """Each value says what it says in the passport that it comes from."""
    bundle, subject = load_bundle(Path("vocab")), passport(category)
    out = bridges().convert(subject, Format.UNTP, issuer=ISSUER, now=NOW, compressed=False).document
    kept = within(out, "credentialSubject", "characteristics").keys() - {"type", "@context"}
    assert len(kept) > len(subject) // 2
    about = "https://www.w3.org/2018/credentials#credentialSubject"
    found = within(expanded(out, bundle), about, THEIRS + "characteristics")
    ours: JsonObject = {"@context": [CREDENTIALS_V2, bundle.context_url], **{key: subject[key] for key in kept}}
    assert {key: value for key, value in found.items() if key != "@type"} == expanded(ours, bundle)
