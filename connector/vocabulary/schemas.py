"""The contract as JSON Schemas (draft 2020-12), one per record type.

The schema's root is the whole subject of a record as it was mapped. `$defs` holds the nodes and, for each access class
and level that has terms, `part-<class>-<level>`: the subject of one credential, for which only the required terms of
that class and level are asked. Nodes are closed: an unknown key is an error, as JSON-LD would drop it unsigned.
"""

from __future__ import annotations

import json

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
_NODE = frozenset({
    "$schema", "$id", "$defs", "title", "description", "type", "additionalProperties", "required", "properties",
    "allOf",
})  # fmt: skip
"""What a published node is written with: `as_run` may overlook nothing."""
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


def schema_of(schema: JsonObject, part: str) -> JsonObject | None:
    """The schema for one use of a record type's file: of the whole (``), of a mapped whole (`loose`) or of a part.

    None where the record type has no such part.
    """
    if part == "loose":
        return _loosened(schema)
    if not part:
        return schema
    if part not in _object_in(schema, "$defs"):
        return None
    return {"$schema": schema["$schema"], "$ref": f"#/$defs/{part}", "$defs": schema["$defs"]}


def _loosened(schema: JsonObject) -> JsonObject:
    """The same schema for a mapped document whose links are not made yet.

    `{}` stands where a link goes, `""` where the id of a linked thing goes, and an event's product may be missing: its
    id comes with the link.
    """
    definitions = _object_in(schema, "$defs")
    loose: dict[str, Json] = {**definitions, "UpstreamLink": {"type": "object"}}
    product = definitions.get("EventProduct")
    if isinstance(product, dict) and isinstance(product["required"], list):
        loose["EventProduct"] = {**product, "required": [key for key in product["required"] if key != "product"]}
    waiting = _with_waiting_ids({**schema, "$defs": loose})
    assert isinstance(waiting, dict)
    return waiting


def as_run(schema: JsonObject) -> JsonObject:
    """A schema that accepts the same documents in fewer steps; it says nothing about what is wrong with the others."""
    return _Layout(schema).root()


class _Layout:
    """Each node becomes one closed object that asks for everything by itself.

    What a property asks of the node it leads to (a unit) is merged into a copy of the node's definition, one for all
    that ask the same: a copy each would cost more in cache misses than it saves.
    """

    def __init__(self, schema: JsonObject) -> None:
        self._schema = schema
        self._made: dict[str, Json] = {}
        self._names: dict[str, str] = {}

    def root(self) -> JsonObject:
        """The whole schema."""
        reference = self._schema.get("$ref")
        root = self._value({"$ref": reference}) if reference else self._node(self._schema)
        return {"$schema": DRAFT, **root, "$defs": self._made}

    def _node(self, node: JsonObject) -> JsonObject:
        """What is asked of one object. Choices that its required keys decide are not asked again."""
        if "properties" not in node:
            return self._value(node)
        assert node.keys() <= _NODE
        properties, needed = _object_in(node, "properties"), _list_in(node, "required")
        choices: list[Json] = []
        for choice in _list_in(node, "allOf"):
            asked = _object_in(choice, "then")
            exactly_one = "oneOf" in asked
            names = [_list_in(one, "required")[0] for one in _list_in(asked, "oneOf" if exactly_one else "anyOf")]
            given = [name for name in names if name in needed]
            if not given:
                choices.append(asked)  # `if` is spared: what is no object is refused by `type`
            elif exactly_one:
                properties = {key: value for key, value in properties.items() if key == given[0] or key not in names}
        made: JsonObject = {
            "type": "object", "additionalProperties": False, "required": needed,
            "properties": {key: self._value(value) for key, value in properties.items()},
        }  # fmt: skip
        return {**made, "allOf": choices} if choices else made

    def _value(self, value: Json) -> JsonObject:
        """What is asked of a value."""
        assert isinstance(value, dict)
        asked = {key: inner for key, inner in value.items() if key not in {"description", "$ref"}}
        if "items" in asked:
            return {**asked, "items": self._value(asked["items"])}
        return {"$ref": f"#/$defs/{self._definition(str(value['$ref']), asked)}"} if "$ref" in value else asked

    def _definition(self, reference: str, asked: JsonObject) -> str:
        """The name of a definition that asks for this besides."""
        key = json.dumps([reference, asked])
        if key not in self._names:
            published = reference.rpartition("/")[2]
            self._names[key] = name = f"{published}-{len(self._names)}"
            self._made[name] = self._node(_merged(_object_in(self._schema["$defs"], published), asked))
        return self._names[key]


def _merged(node: JsonObject, asked: JsonObject) -> JsonObject:
    """A node of which some keys are required besides, and have fewer words to choose from."""
    if not asked:
        return node
    assert asked.keys() <= {"properties", "required"}
    properties = dict(_object_in(node, "properties"))
    for key, narrower in _object_in(asked, "properties").items():
        words, fewer = _list_in(properties[key], "enum"), _list_in(narrower, "enum")
        properties[key] = (
            {"enum": [word for word in fewer if word in words]} if words else {"allOf": [properties[key], narrower]}
        )
    needed = [*_list_in(node, "required"), *_list_in(asked, "required")]
    return {**node, "properties": properties, "required": list(dict.fromkeys(needed))}


def _object_in(holder: Json, key: str) -> JsonObject:
    found = holder.get(key, {}) if isinstance(holder, dict) else {}
    assert isinstance(found, dict)
    return found


def _list_in(holder: Json, key: str) -> list[Json]:
    found = holder.get(key, []) if isinstance(holder, dict) else []
    assert isinstance(found, list)
    return found


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
