"""DCP messages in expanded JSON-LD, read as the compacted ones that the protocol asks for (DCP 1.0.1, section 3).

An Eclipse IdentityHub asks for credentials, and its issuer offers some, with full names and without a context (0.15.1
does; mended in August 2026, eclipse-edc/IdentityHub#1054). In JSON-LD that says the same. No context is looked up:
a name counts by its namespace alone, and one of any other is passed over. What the message then has to say is
`issuance`'s.
"""

from __future__ import annotations

from typing import Final

from connector.credentials.query import DCP_CONTEXT
from connector.model import Json, JsonObject, list_in

_NAMESPACE: Final = "https://w3id.org/dspace-dcp/v1.0/"
_KEYWORDS: Final = {"@id": "id", "@type": "type"}
_LISTS: Final = frozenset({"credentials", "bindingMethods"})
"""What the context lists also where there is one (`@container`)."""


def compacted(message: JsonObject) -> JsonObject:
    """The same with the protocol's own names and context, if it has full names; else as it is."""
    kind = _only(message.get("@type"))
    if "@context" in message or not isinstance(kind, str) or not kind.startswith(_NAMESPACE):
        return message
    return {"@context": [DCP_CONTEXT], **_node(message)}


def _node(node: JsonObject) -> JsonObject:
    said: JsonObject = {}
    for name, value in node.items():
        term = _KEYWORDS.get(name) or (name.removeprefix(_NAMESPACE) if name.startswith(_NAMESPACE) else "")
        if term in _LISTS:
            said[term] = _values(value)
        elif term:
            said[term] = _single(_values(value), term)
    return said


def _values(value: Json) -> list[Json]:
    """What stands there, one by one: a value object is its value, which of type `@json` may be a list."""
    found: list[Json] = []
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, dict) and "@value" in one:
            literal = one["@value"]
            found += list_in(literal) if isinstance(literal, list) else [literal]
        else:
            found.append(_node(one) if isinstance(one, dict) else one)
    return found


def _single(values: list[Json], term: str) -> Json:
    """The one value: of a reference its id; of a type its own name."""
    value = _only(values)
    if isinstance(value, dict) and value.keys() == {"id"}:
        return value["id"]
    return value.removeprefix(_NAMESPACE) if term == "type" and isinstance(value, str) else value


def _only(value: Json) -> Json:
    return value[0] if isinstance(value, list) and len(value) == 1 else value
