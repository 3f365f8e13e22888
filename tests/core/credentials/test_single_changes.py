"""Of a credential with a proof inside nothing may be changed: each single change, in it or in its proof, is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from connector.credentials.canonical import canonical
from connector.model import Json, JsonObject
from tests.core.credentials.test_data_integrity import OTHERS, judged, laboratory


def changes(value: Json) -> Iterator[Json]:
    """Every document that differs from this one in one place: a value changed, a member or entry removed or added."""
    if isinstance(value, dict):
        yield {**value, "added": "x"}
        for name, inner in value.items():
            rest = {key: kept for key, kept in value.items() if key != name}
            yield rest
            yield {**rest, f"{name}x": inner}
            for changed in changes(inner):
                yield {**value, name: changed}
    elif isinstance(value, list):
        yield [*value, "x"]
        yield value[:-1]
        yield value[::-1] if value[::-1] != value else []
        for place, inner in enumerate(value):
            for changed in changes(inner):
                yield [*value[:place], changed, *value[place + 1 :]]
    elif isinstance(value, str):
        others: list[Json] = [value + " ", value[:-1], value.swapcase() + "x", None, [value]]
        yield from others
    else:
        changed_number: list[Json] = [1 if value != 1 else 2, str(value), None, [value]]
        yield from changed_number


@pytest.mark.parametrize("vector", OTHERS, ids=lambda vector: str(vector["name"]))
def test_each_single_change_is_refused(vector: JsonObject) -> None:
    """In the credential or in its proof, canonical as the original was: nothing of it is left unsigned."""
    document, count = laboratory(vector), 0
    whole = vector["credential"]
    assert judged(canonical(json.loads(json.dumps(whole))), document).verdict == "valid"
    for changed in changes(whole):
        octets = canonical(changed) if isinstance(changed, dict) else b""
        assert judged(octets, document).verdict != "valid", changed
        count += 1
    assert count > 200
