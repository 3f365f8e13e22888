"""Values of ours inside a document of another model, so that a reader of JSON-LD gets our meaning.

Our context can't stand beside one that has classes of the same names (UNTP's `Address`, `Party`): a protected term is
never defined twice, and the whole document would be refused (JSON-LD 1.1, 4.1.11). So the values bring a context of
their own, with just the terms that they use, and name each class by its IRI, which no other context can have taken.
"""

from __future__ import annotations

from connector.model import Json, JsonObject
from connector.vocabulary.terms import Terms

_CONTEXT, _TYPE = "@context", "type"


def carried(values: JsonObject, definitions: JsonObject) -> JsonObject:
    """The values with their context. `definitions`: what our context says of each name."""
    used: JsonObject = {}
    made = {key: _carried(key, value, definitions, used) for key, value in values.items()}
    return {_CONTEXT: {"@protected": True, **dict(sorted(used.items()))}, **made}


def _carried(key: str, value: Json, definitions: JsonObject, used: JsonObject) -> Json:
    """One value; what it needs of the definitions is noted in `used`."""
    if isinstance(value, list):
        return [_carried(key, one, definitions, used) for one in value]
    if key == _TYPE and isinstance(value, str) and value in definitions:
        given = definitions[value]
        definition: JsonObject = given if isinstance(given, dict) else {"@id": given}
        used[str(definition["@id"])] = definition
        return definition["@id"]
    if key in definitions:
        used[key] = definitions[key]
    if isinstance(value, dict):
        return {inner: _carried(inner, one, definitions, used) for inner, one in value.items()}
    return value


def taken_back(values: JsonObject, terms: Terms) -> JsonObject:
    """The values as they were: without a context, each class by its name."""
    names = {known.iri: name for name, known in terms.classes.items()}
    return {key: _taken_back(key, value, names) for key, value in values.items() if key != _CONTEXT}


def _taken_back(key: str, value: Json, names: dict[str, str]) -> Json:
    if isinstance(value, list):
        return [_taken_back(key, one, names) for one in value]
    if isinstance(value, dict):
        return {inner: _taken_back(inner, one, names) for inner, one in value.items()}
    return names.get(value, value) if key == _TYPE and isinstance(value, str) else value
