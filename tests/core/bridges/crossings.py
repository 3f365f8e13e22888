"""The bridges over the vocabulary as shipped, the example passports, and how two subjects are compared."""

from __future__ import annotations

import json
from decimal import Decimal
from functools import cache
from pathlib import Path

from connector.bridges.formats import Bridges
from connector.model import Json, JsonObject
from connector.vocabulary.bundle import load_bundle, load_matches

ROOT = Path(__file__).parents[3]
CATEGORIES = ("ev", "lmt", "industrial")
ISSUER: JsonObject = {"id": "did:web:cars.example", "name": "Example Cars AG"}
NOW = "2027-10-01T00:00:00Z"


@cache
def bridges() -> Bridges:
    """All of them."""
    bundle = load_bundle()
    return Bridges(
        terms=bundle.terms, matches=load_matches(), context=bundle.context_url, definitions=bundle.definitions
    )


def passport(category: str) -> JsonObject:
    """An example passport."""
    document: JsonObject = json.loads((ROOT / "examples" / "passports" / f"{category}.json").read_text("utf-8"))
    return document


def document(record_type: str) -> JsonObject:
    """An example of a record type."""
    found: JsonObject = json.loads(
        (ROOT / "tests" / "vectors" / "documents" / f"{record_type}.json").read_text("utf-8")
    )
    return found


def same(ours: Json, theirs: Json) -> bool:
    """Equal as data: numbers by value, whatever their spelling."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(same(ours[name], theirs[name]) for name in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    return ours == theirs or (_number(ours) is not None and _number(ours) == _number(theirs))


def _number(value: Json) -> Decimal | None:
    text = value if isinstance(value, str) else ""
    return Decimal(text) if text.replace(".", "", 1).removeprefix("-").isdigit() else None
