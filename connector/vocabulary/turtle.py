"""Turtle as it is written here: one spelling, in a given order, so that two builds give the same bytes.

RDF 1.1 Turtle. Reading Turtle is left to whoever needs it (rdflib, in the tests).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from connector.vocabulary.terms import NAMESPACE

PREFIXES: Mapping[str, str] = {
    "bc": NAMESPACE,
    "cred": "https://www.w3.org/2018/credentials#",
    "dct": "http://purl.org/dc/terms/",
    "owl": "http://www.w3.org/2002/07/owl#",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "schema": "https://schema.org/",
    "sec": "https://w3id.org/security#",
    "sh": "http://www.w3.org/ns/shacl#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
_LOCAL = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def prefixes(**further: str) -> str:
    """The head of a file."""
    named = {**PREFIXES, **further}
    return "".join(f"@prefix {name}: <{iri}> .\n" for name, iri in sorted(named.items())) + "\n"


def iri(text: str) -> str:
    """An IRI, short where one of our prefixes fits."""
    for name, start in PREFIXES.items():
        if text.startswith(start) and _LOCAL.fullmatch(text[len(start) :]):
            return f"{name}:{text[len(start) :]}"
    return f"<{text}>"


def literal(text: str, language: str = "") -> str:
    """A string, with its language where it has one."""
    escaped = "".join(_ESCAPES.get(letter, letter) for letter in text)
    escaped = _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04X}", escaped)
    return f'"{escaped}"' + (f"@{language}" if language else "")


def node(subject: str, *statements: str) -> str:
    """One subject with its statements (`predicate object`), one a line; empty ones are left out."""
    said = [statement for statement in statements if statement]
    return f"{subject} " + " ;\n  ".join(said) + " .\n"


def blank(*statements: str) -> str:
    """A blank node in place."""
    return "[ " + " ; ".join(statement for statement in statements if statement) + " ]"


def listed(items: Iterable[str]) -> str:
    """An RDF list."""
    return "( " + " ".join(items) + " )"
