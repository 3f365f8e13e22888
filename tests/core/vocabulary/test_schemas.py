"""The schemas as they run: laid out otherwise than the published ones, they accept the same documents."""

from __future__ import annotations

import json
import random
from functools import cache
from pathlib import Path

import pytest
from jsonschema_rs import Draft202012Validator

from connector.model import Json, JsonObject
from connector.vocabulary.bundle import Bundle
from connector.vocabulary.schemas import as_run, schema_of
from tests.core.vocabulary.test_agreement import Documents, Made

SPOILT: tuple[Json, ...] = (5, 0.5, True, None, "", "x", "kg", [], ["x", "x"], {}, {"type": "Quantity"}, [{}])
"""What may come in the place of any value: all JSON types, right and wrong ones."""
OTHERS: tuple[tuple[str, Json], ...] = (
    ("unit", "KGM"), ("ucumUnit", "kg/(kW.h)"), ("value", "1"), ("detectionLimit", "1"), ("name", "x"),
    ("documentNumber", "x"), ("colour", "blue"),
)  # fmt: skip
"""Keys that may come where another one was: of choices, and one that there is not."""
COUNT = 2_000


@cache
def layouts(version: str, record_type: str, part: str) -> tuple[Draft202012Validator, Draft202012Validator] | None:
    """A schema as published and as it runs; none where that version has none."""
    path = Path(f"vocab/schemas/{version}/{record_type}.json")
    published = schema_of(json.loads(path.read_bytes()), part) if path.exists() else None
    if published is None:
        return None
    first, second = (Draft202012Validator(one, validate_formats=True) for one in (published, as_run(published)))
    return first, second


def spoil(node: JsonObject | list[Json], chance: random.Random) -> None:
    """One value, however deep, is replaced or lost, or one comes that nobody asked for."""
    place = chance.randrange(len(node))
    value = list(node.values())[place] if isinstance(node, dict) else node[place]
    if isinstance(value, dict | list) and value and chance.random() < 0.8:
        spoil(value, chance)
    elif isinstance(node, list):
        node[place : place + 1] = chance.choice(([], [chance.choice(SPOILT)]))
    elif chance.randrange(3):
        node[list(node)[place]] = chance.choice(SPOILT)
    else:
        node.pop(list(node)[place])
        node.update([chance.choice(OTHERS)])


def uses(made: Made, chance: random.Random) -> tuple[JsonObject, str]:
    """The subject, and the part that it is, or that it is whole or mapped."""
    record, subject = made.document.get("record"), made.document.get("credentialSubject", made.document)
    assert isinstance(subject, dict)
    if isinstance(record, dict):
        return subject, f"part-{record['accessClass']}-{record['level']}"
    return subject, chance.choice(["", "loose"])


@pytest.mark.parametrize("version", ["0.1.0", "1.0.0"])
def test_the_layout_that_runs_accepts_what_the_published_schema_accepts(bundle: Bundle, version: str) -> None:
    """Good documents, changed ones, and such as are no JSON-LD at all; whole, mapped, and part by part."""
    documents, verdicts = Documents(bundle), {True: 0, False: 0}
    for seed in range(COUNT):
        chance = random.Random(seed)
        made = documents.make(chance)
        subject, part = uses(made, chance)
        found = layouts(version, made.record_type, part)
        if found is None:
            continue
        if chance.randrange(2):
            spoil(subject, chance)
        good = found[0].is_valid(subject)
        assert found[1].is_valid(subject) == good, f"seed {seed}: {made.record_type} {part}: {subject}"
        verdicts[good] += 1
    assert min(verdicts.values()) > sum(verdicts.values()) // 20
