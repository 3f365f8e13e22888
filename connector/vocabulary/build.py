"""What is generated from the tables, for the current version: the context, the list of contexts, JSON Schemas, SHACL
shapes, the ontology, the reference of terms, the matrices of obligations and of audiences.

Pure: bytes in, bytes out. `tests/core/vocabulary/test_build.py` holds the committed files to this; the command
`vocab build` writes them. What a published version fixed is not made anew: a table that would change it is refused.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import orjson

from connector.errors import BadInput
from connector.model import Json
from connector.vocabulary.context import make_context
from connector.vocabulary.contract import make_contract
from connector.vocabulary.dictionary import Dictionary
from connector.vocabulary.matches import NODE_ID, read_matches
from connector.vocabulary.matrices import audience_csv, audience_page, obligation_csv, obligation_page
from connector.vocabulary.ontology import make_ontology
from connector.vocabulary.pages import html, markdown
from connector.vocabulary.reference import make_reference
from connector.vocabulary.rules import RULE_TABLES, read_rules
from connector.vocabulary.schemas import make_schemas
from connector.vocabulary.shacl import make_shapes
from connector.vocabulary.shapes import read_shapes
from connector.vocabulary.terms import read_terms
from connector.vocabulary.versions import Version, read_versions, rules_digest, write_versions

CREDENTIALS_FILE = "contexts/w3c/credentials-v2.jsonld"
SOURCES = (
    *("versions.csv", "terms.csv", "shapes.csv", "matches.csv", "reserved.csv", "third-party.csv", CREDENTIALS_FILE),
    *(f"{name}.csv" for name in RULE_TABLES),
)
_COLUMNS = ("url", "file", "sha256", "source", "licence")


def build(sources: Mapping[str, bytes]) -> dict[str, bytes]:
    """Every generated file by its path in `vocab/`. `sources` holds the bytes of `SOURCES`."""
    dictionary = read_dictionary(sources)
    terms = dictionary.terms
    *earlier, version = read_versions(sources["versions.csv"])
    contract = make_contract(terms, dictionary.shapes)
    context = _pretty(make_context(terms, contract, json.loads(sources[CREDENTIALS_FILE]), read_reserved(sources)))
    schemas = make_schemas(contract, terms, version.schemas_url)
    if changed := version.differs(context, schemas):
        raise BadInput(
            f"this changes the {changed} of {version.number}, which was published on {version.published} and stays",
            hint="begin the next version: a new last row in versions.csv, with its number alone",
        )
    current = replace(version, context=hashlib.sha256(context).hexdigest())
    return {
        version.context_file: context,
        "contexts.csv": _contexts([*earlier, current], sources["third-party.csv"]),
        version.shapes_file: make_shapes(contract, terms, version.shapes_url),
        **{f"schemas/{version.number}/{name}.json": _pretty(schema) for name, schema in schemas.items()},
        "ontology.ttl": make_ontology(terms, dictionary.matches, version),
        **_reference(dictionary, version),
    }


def read_dictionary(sources: Mapping[str, bytes]) -> Dictionary:
    """All tables, held against each other."""
    terms = read_terms(sources["terms.csv"])
    return Dictionary(
        terms=terms,
        shapes=read_shapes(sources["shapes.csv"], terms),
        rules=read_rules({name: sources[f"{name}.csv"] for name in RULE_TABLES}, terms),
        matches=[one for one in read_matches(sources["matches.csv"], terms) if one.entry is not NODE_ID],
    )


def read_reserved(sources: Mapping[str, bytes]) -> list[str]:
    """Keys that other vocabularies define within their classes."""
    return [row["name"] for row in csv.DictReader(io.StringIO(sources["reserved.csv"].decode("utf-8")))]


def _reference(dictionary: Dictionary, version: Version) -> dict[str, bytes]:
    """What people read."""
    pages = {
        "terms": make_reference(dictionary, version),
        "obligations": obligation_page(dictionary),
        "audiences": audience_page(dictionary),
    }
    return {
        "reference/obligations.csv": obligation_csv(dictionary),
        "reference/audiences.csv": audience_csv(dictionary),
        **{f"reference/{name}.md": markdown(page) for name, page in pages.items()},
        **{f"reference/{name}.html": html(page) for name, page in pages.items()},
    }


def publish(sources: Mapping[str, bytes], day: str) -> bytes:
    """`versions.csv` with the day of publication and the digests of the current version."""
    files = build(sources)
    *earlier, version = read_versions(sources["versions.csv"])
    if version.published:
        raise BadInput(f"{version.number} was published on {version.published}")
    folder = f"schemas/{version.number}/"
    schemas = {
        name.removeprefix(folder).removesuffix(".json"): json.loads(content)
        for name, content in files.items()
        if name.startswith(folder)
    }
    context = hashlib.sha256(files[version.context_file]).hexdigest()
    done = replace(version, published=day, context=context, rules=rules_digest(schemas))
    return write_versions((*earlier, done))


def _pretty(document: Json) -> bytes:
    """Readable and the same on every machine."""
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _contexts(versions: Sequence[Version], third_party: bytes) -> bytes:
    """The list of contexts with the digests that a loader holds them to."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for row in csv.DictReader(io.StringIO(third_party.decode("utf-8"))):
        if row["kind"] == "context":
            writer.writerow([row["url"], row["file"], row["sha256"], row["source"], row["licence"]])
    for one in versions:
        writer.writerow([one.context_url, one.context_file, one.context, "generated from terms.csv", "Apache-2.0"])
    return out.getvalue().encode()
