"""Requests made up from the management API's document: some as it says, some not, for a test that looks at answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

NAMES = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    ["\0", "a\0b", "x" * 5_000, "../../..", "/"]
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | NAMES,
    lambda some: st.lists(some, max_size=3) | st.dictionaries(NAMES, some, max_size=3),
    max_leaves=6,
)


@dataclass(frozen=True, slots=True)
class Made:
    """A request."""

    body: Any
    query: Mapping[str, Any]
    idents: Mapping[str, str]
    key: str


@dataclass(frozen=True, slots=True)
class Driver:
    """What makes requests to operations of a document. `known`: words that mean something there."""

    document: Mapping[str, Any]
    known: tuple[str, ...]

    def requests(self, operation: Mapping[str, Any]) -> st.SearchStrategy[Made]:
        """Requests to it; a quarter of their members are anything at all."""
        parameters = [one for one in operation.get("parameters", ()) if one["in"] != "header"]
        idents = {one["name"]: self._words() for one in parameters if one["in"] == "path"}
        query = {one["name"]: self._of(one["schema"]) for one in parameters if one["in"] == "query"}
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        body = ANYTHING if content is None else self._of(content["schema"]) | ANYTHING
        return st.builds(
            Made, body=body, query=st.fixed_dictionaries({}, optional=query), idents=st.fixed_dictionaries(idents),
            key=st.sampled_from(["", "", "a key", "another"]),
        )  # fmt: skip

    def _words(self) -> st.SearchStrategy[str]:
        return st.sampled_from(self.known) | NAMES.filter(bool)

    def _of(self, schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
        """Values of a schema, as far as our models use it."""
        if "$ref" in schema:
            return self._of(self.document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
        if "anyOf" in schema:
            return st.one_of([self._of(one) for one in schema["anyOf"]])
        if "enum" in schema:
            return st.sampled_from(schema["enum"])
        match schema.get("type"):
            case "object" if "properties" in schema:
                needed = set(schema.get("required", ()))
                members = {name: self._of(one) | ANYTHING for name, one in schema["properties"].items()}
                return st.fixed_dictionaries(
                    {name: one for name, one in members.items() if name in needed},
                    optional={name: one for name, one in members.items() if name not in needed},
                )
            case "object":
                return st.dictionaries(NAMES, ANYTHING, max_size=3)
            case "array":
                return st.lists(self._of(schema["items"]), max_size=3)
            case "boolean":
                return st.booleans()
            case "integer":
                return st.integers(int(schema.get("minimum", 0)), int(schema.get("maximum", 2**53)))
            case "number":
                return st.just(0) | st.floats(0, 0.05)  # waits: nobody has time here
            case "null":
                return st.none()
            case _:
                return self._words()
