"""What can be wrong with a message, taken from the wire models: a new field is attacked by itself.

The judge of a message's shape is a JSON Schema of its model, checked by another library than the one that reads it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeAlias

import jsonschema_rs
import orjson

from connector.model import JsonObject
from connector.protocol import messages

Path: TypeAlias = tuple[str | int, ...]
WRONG: tuple[Any, ...] = (
    None, 7, "", "x" * 4_097, "\u0000", [], {}, [[]], ["x", 7], {"@value": "x"},
)  # fmt: skip
"""What a field may hold that it should not; the model's schema says which of these it should not."""


@dataclass(frozen=True, slots=True)
class Attack:
    """One message that may be wrong."""

    path: str
    told: str
    said: JsonObject | bytes
    shape: bool = True
    """Whether it has the shape of a message of its type."""


@dataclass(slots=True)
class Shape:
    """A wire model as a JSON Schema."""

    schema: dict[str, Any]
    judge: Any = field(init=False)

    def __post_init__(self) -> None:
        logical = self.schema.get("$defs", {}).get("LogicalConstraint")
        if logical:  # what pydantic's schema leaves to a validator: a connective is there
            logical["anyOf"] = [{"required": [word]} for word in ("and", "andSequence", "or", "xone")]
        self.judge = jsonschema_rs.validator_for(self.schema)

    def fits(self, said: JsonObject) -> bool:
        """Whether the message has this shape."""
        fits: bool = self.judge.is_valid(said)
        return fits

    def places(self, said: Any, schema: dict[str, Any] | None = None, at: Path = ()) -> Iterator[Path]:
        """Every member that the message has, and every one that the model knows besides."""
        for part in self._parts(self.schema if schema is None else schema):
            if isinstance(said, dict) and "properties" in part:
                for name, inner in part["properties"].items():
                    yield (*at, name)
                    if name in said:
                        yield from self.places(said[name], inner, (*at, name))
            elif isinstance(said, list) and said and "items" in part:
                yield (*at, 0)
                yield from self.places(said[0], part["items"], (*at, 0))

    def _parts(self, schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
        if "$ref" in schema:
            schema = self.schema["$defs"][schema["$ref"].rpartition("/")[2]]
        yield schema
        for word in ("anyOf", "oneOf"):
            for one in schema.get(word, ()):
                yield from self._parts(one)


@cache
def shape_of(kind: str) -> Shape:
    """The shape of messages of this `@type`."""
    return Shape(messages._BY_TYPE[kind].model_json_schema(by_alias=True))


def with_value(said: JsonObject, at: Path, value: Any) -> JsonObject:
    """The message with something else at that place."""
    changed: Any = copy.deepcopy(said)
    inner = changed
    for step in at[:-1]:
        inner = inner[step]
    inner[at[-1]] = value
    result: JsonObject = changed
    return result


def without(said: JsonObject, at: Path) -> JsonObject:
    """The message without that place."""
    changed: Any = copy.deepcopy(said)
    inner = changed
    for step in at[:-1]:
        inner = inner[step]
    del inner[at[-1]]
    result: JsonObject = changed
    return result


def doubled(said: JsonObject, name: str) -> bytes:
    """The message's bytes with one member twice."""
    again = orjson.dumps({name: said[name]})[1:-1]
    return orjson.dumps(said)[:-1] + b"," + again + b"}"


def attacks(path: str, said: JsonObject) -> Iterator[Attack]:
    """Each field missing, doubled, of a wrong type, empty, oversized."""
    shape = shape_of(str(said["@type"]))
    assert shape.fits(said), "the attacked message is right in itself"
    for at in dict.fromkeys(shape.places(said)):
        name = ".".join(map(str, at))
        if at[-1] == "@context":
            yield Attack(
                path, f"{name} of another protocol", with_value(said, at, ["https://evil.example"]), shape=False
            )
        for value in WRONG:
            changed = with_value(said, at, value)
            yield Attack(path, f"{name}={str(value)[:12]!r}", changed, shape.fits(changed))
        try:
            less = without(said, at)
        except KeyError:
            continue
        yield Attack(path, f"{name} missing", less, shape.fits(less))
    for name in said:
        yield Attack(path, f"{name} doubled", doubled(said, name), shape=False)
