"""The contract as JSON Schemas (draft 2020-12), one per record type.

The schema's root is the whole subject of a record as it was mapped. `$defs` holds the nodes and, for each access class
and level that has terms, `part-<class>-<level>`: the subject of one credential, for which only the required terms of
that class and level are asked. Nodes are closed: an unknown key is an error, as JSON-LD would drop it unsigned.
"""

from __future__ import annotations

from connector.model import Json, JsonObject
from connector.vocabulary.contract import (
    IRI,
    MOST_VALUES,
    Contract,
    Identity,
    NodeShape,
    PropertyShape,
    RecordShape,
    Text,
    classes_of,
)
from connector.vocabulary.shapes import Choice
from connector.vocabulary.terms import Terms

DRAFT = "https://json-schema.org/draft/2020-12/schema"
_FORMATS = {"date": "date", "dateTime": "date-time"}


def make_schemas(contract: Contract, terms: Terms, base: str) -> dict[str, JsonObject]:
    """Schema by record type, and `Record` for the envelope's own node. Their ids begin with `base`."""
    schemas = {name: _record_schema(contract, terms, name, record, base) for name, record in contract.records.items()}
    schemas["Record"] = {
        "$schema": DRAFT,
        "$id": f"{base}Record.json",
        "title": terms.classes["Record"].label,
        "$ref": "#/$defs/Record",
        "$defs": {shape.name: _object(shape) for shape in contract.within(["Record"])},
    }
    return schemas


def loosened(schema: JsonObject) -> JsonObject:
    """The same schema for a mapped document whose links are not made yet.

    `{}` stands where a link goes, `""` where the id of a linked thing goes, and an event's product may be missing: its
    id comes with the link.
    """
    definitions = schema["$defs"]
    assert isinstance(definitions, dict)
    loose: dict[str, Json] = {**definitions, "UpstreamLink": {"type": "object"}}
    product = definitions.get("EventProduct")
    if isinstance(product, dict) and isinstance(product["required"], list):
        loose["EventProduct"] = {**product, "required": [key for key in product["required"] if key != "product"]}
    waiting = _with_waiting_ids({**schema, "$defs": loose})
    assert isinstance(waiting, dict)
    return waiting


def _with_waiting_ids(schema: Json) -> Json:
    """A copy in which each IRI may be empty."""
    if isinstance(schema, dict):
        if schema.get("pattern") == IRI.pattern:
            return {**schema, "pattern": f"^$|{IRI.pattern}"}
        return {key: _with_waiting_ids(inner) for key, inner in schema.items()}
    return [_with_waiting_ids(inner) for inner in schema] if isinstance(schema, list) else schema


def _record_schema(contract: Contract, terms: Terms, name: str, record: RecordShape, base: str) -> JsonObject:
    """The schema of one record type."""
    definitions = {part.name: _object(part) for part in record.parts.values()}
    definitions.update({shape.name: _object(shape) for shape in contract.within(classes_of(record.whole))})
    return {
        "$schema": DRAFT,
        "$id": f"{base}{name}.json",
        "title": terms.classes[name].label,
        "description": terms.classes[name].definition,
        **_object(record.whole),
        "$defs": dict(definitions),
    }


def _object(shape: NodeShape) -> JsonObject:
    """A closed object with its type."""
    allowed = list[Json](shape.types)
    properties: dict[str, Json] = {"type": {"const": allowed[0]} if len(allowed) == 1 else {"enum": allowed}}
    if shape.identity is not Identity.NONE:
        properties["id"] = _text(IRI)
    properties.update({one.term.name: _property(one) for one in shape.properties})
    needed = ["id"] if shape.identity is Identity.NEEDED else []
    needed += ["type", *(one.term.name for one in shape.properties if one.required)]
    made: JsonObject = {
        "type": "object",
        "additionalProperties": False,
        "required": list[Json](needed),
        "properties": properties,
    }
    if shape.choices:
        made["allOf"] = [_choice(choice) for choice in shape.choices]
    return made


def _choice(choice: Choice) -> JsonObject:
    """`oneOf` for exactly one, `anyOf` for at least one; what is no object is told elsewhere."""
    branches: list[Json] = [{"required": [name]} for name in choice.names]
    return {"if": {"type": "object"}, "then": {"oneOf" if choice.exactly_one else "anyOf": branches}}


def _property(shape: PropertyShape) -> JsonObject:
    """What stands behind one key."""
    value, definition = _value(shape), shape.term.definition
    if not shape.term.many:
        return {"description": definition, **value}
    return {"description": definition, "type": "array", "minItems": 1, "maxItems": MOST_VALUES, "items": value}


def _value(shape: PropertyShape) -> JsonObject:
    """One value of a term."""
    if shape.words:
        return {"enum": list[Json](shape.words)}
    if shape.text is not None:
        form = _FORMATS.get(shape.term.range.name)
        return {**_text(shape.text), **({"format": form} if form else {})}
    value: JsonObject = {"$ref": f"#/$defs/{shape.term.range.name}"}
    if shape.within:
        value["properties"] = {key: {"enum": list[Json](words)} for key, words in shape.within.items()}
    if shape.asked:
        value["required"] = list[Json](shape.asked)
    return value


def _text(text: Text) -> JsonObject:
    return {"type": "string", "maxLength": text.longest, "pattern": text.pattern}
