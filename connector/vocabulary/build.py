"""What is generated from the tables: the context and its row in the list of contexts, the JSON Schemas.

Pure: bytes in, bytes out. `tests/core/vocabulary/test_build.py` holds the committed files to this; the command
`vocab build` writes them.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping

from connector.model import Json
from connector.vocabulary.context import make_context
from connector.vocabulary.schemas import make_schemas
from connector.vocabulary.shapes import read_shapes
from connector.vocabulary.terms import CONTEXT_URL, VERSION, read_terms

CONTEXT_FILE = f"contexts/battery-connector/{VERSION}.jsonld"
CREDENTIALS_FILE = "contexts/w3c/credentials-v2.jsonld"
SOURCES = ("terms.csv", "shapes.csv", "third-party.csv", CREDENTIALS_FILE)
_COLUMNS = ("url", "file", "sha256", "source", "licence")


def build(sources: Mapping[str, bytes]) -> dict[str, bytes]:
    """Every generated file by its path in `vocab/`. `sources` holds the bytes of `SOURCES`."""
    terms = read_terms(sources["terms.csv"])
    shapes = read_shapes(sources["shapes.csv"], terms)
    context = _pretty(make_context(terms, json.loads(sources[CREDENTIALS_FILE])))
    files = {CONTEXT_FILE: context, "contexts.csv": _contexts(context, sources["third-party.csv"])}
    for name, schema in make_schemas(terms, shapes).items():
        files[f"schemas/{VERSION}/{name}.json"] = _pretty(schema)
    return files


def _pretty(document: Json) -> bytes:
    """Readable and the same on every machine."""
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def _contexts(context: bytes, third_party: bytes) -> bytes:
    """The list of contexts with the digests that a loader holds them to."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for row in csv.DictReader(io.StringIO(third_party.decode("utf-8"))):
        if row["kind"] == "context":
            writer.writerow([row["url"], row["file"], row["sha256"], row["source"], row["licence"]])
    digest = hashlib.sha256(context).hexdigest()
    writer.writerow([CONTEXT_URL, CONTEXT_FILE, digest, "generated from terms.csv", "Apache-2.0"])
    return out.getvalue().encode()
