"""From terms and shapes to JSON Schemas (draft 2020-12), one per record type.

The schema's root is the whole subject of a record as it was mapped. `$defs` holds the nodes and, for each access class
and level that has terms, `part-<class>-<level>`: the subject of one credential, for which only the required terms of
that class and level are asked. Nodes are closed: an unknown key is an error, as JSON-LD would drop it unsigned.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from connector.model import AccessClass, Json, JsonObject, Level
from connector.vocabulary.shapes import Choice, Shape, Shapes
from connector.vocabulary.terms import MODEL_OF, Term, Terms

DRAFT = "https://json-schema.org/draft/2020-12/schema"

IRI: JsonObject = {
    "type": "string",
    "maxLength": 2048,
    "pattern": r'^(urn:[a-z0-9][a-z0-9-]{1,31}:|did:[a-z0-9]+:|https?://)[^\s<>"{}|\\^`\u0000-\u001f]+$',
}
_LITERALS: Mapping[str, JsonObject] = {
    "string": {"type": "string", "minLength": 1, "maxLength": 4096, "pattern": r"^[^\u0000-\u001f\u007f]+$"},
    "decimal": {"type": "string", "maxLength": 64, "pattern": r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$"},
    "positiveInteger": {"type": "string", "maxLength": 18, "pattern": r"^[1-9][0-9]*$"},
    "boolean": {"enum": ["true", "false"]},
    "date": {"type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "format": "date"},
    "dateTime": {
        "type": "string",
        "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?Z$",
        "format": "date-time",
    },
}


def part_name(access: AccessClass, level: Level) -> str:
    """The name of a part's definition."""
    return f"part-{access.value}-{level.value}"


def make_schemas(terms: Terms, shapes: Shapes, base: str) -> dict[str, JsonObject]:
    """Schema by record type, and `Record` for the envelope's own node. Their ids begin with `base`."""
    schemas = {name: _record_schema(terms, shapes, shape, base) for name, shape in shapes.records.items()}
    schemas["Record"] = {
        "$schema": DRAFT,
        "$id": f"{base}Record.json",
        "title": terms.classes["Record"].label,
        "$ref": "#/$defs/Record",
        "$defs": _nodes(terms, shapes, ["Record"]),
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
        if schema.get("pattern") == IRI["pattern"]:
            return {**schema, "pattern": f"^$|{IRI['pattern']}"}
        return {key: _with_waiting_ids(inner) for key, inner in schema.items()}
    return [_with_waiting_ids(inner) for inner in schema] if isinstance(schema, list) else schema


def _record_schema(terms: Terms, shapes: Shapes, shape: Shape, base: str) -> JsonObject:
    """The schema of one record type."""
    known = terms.classes[shape.name]
    ranges = [_find(terms, shape, name).range for name in shape.names]
    definitions: dict[str, Json] = dict(_parts(terms, shape)) if shape.kind == "record" else {}
    definitions.update(_nodes(terms, shapes, [one.name for one in ranges if one.kind == "class"]))
    return {
        "$schema": DRAFT,
        "$id": f"{base}{shape.name}.json",
        "title": known.label,
        "description": known.definition,
        **_object(terms, shape, shape.names, shape.required, types=shape.subjects),
        "$defs": definitions,
    }


def _find(terms: Terms, shape: Shape, name: str) -> Term:
    """The term of a record's subject; where several classes may be the subject, they agree on what it holds."""
    return terms.term(shape.subjects[0] if shape.subjects else shape.name, name)


def _parts(terms: Terms, shape: Shape) -> Iterator[tuple[str, JsonObject]]:
    """One definition per access class and level that has terms."""
    for access in AccessClass:
        for level in Level:
            names: list[str] = []
            types: list[str] = []
            for subject in shape.subjects:
                mine = [
                    name
                    for name in shape.names
                    if terms.access_class(subject, name, shape.name) is access
                    and terms.level(subject, name, shape.name) is level
                ]
                if mine:
                    types.append(MODEL_OF.get(subject, subject) if level is Level.MODEL else subject)
                    names.extend(name for name in mine if name not in names)
            if names:
                required = [name for name in names if name in shape.required]
                yield part_name(access, level), _object(terms, shape, names, required, types=types)


def _nodes(terms: Terms, shapes: Shapes, wanted: Iterable[str]) -> dict[str, Json]:
    """The definitions of these nodes and of all nodes within them."""
    found: dict[str, Json] = {}
    waiting = list(wanted)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        shape = shapes.nodes[name]
        found[name] = _object(terms, shape, shape.names, shape.required, types=[name])
        inner = [term for key, term in terms.of(name).items() if key in shape.names and term.range.kind == "class"]
        waiting.extend(term.range.name for term in inner)
    return {name: found[name] for name in sorted(found)}


def _object(
    terms: Terms, shape: Shape, names: Iterable[str], required: Iterable[str], *, types: Iterable[str]
) -> JsonObject:
    """A closed object with its type."""
    allowed: list[Json] = list(types)
    properties: dict[str, Json] = {"type": {"const": allowed[0]} if len(allowed) == 1 else {"enum": allowed}}
    needed: list[Json] = ["type", *(name for name in required if name != "id")]
    if shape.kind != "node" or "id" in shape.required:
        needed.insert(0, "id")
    if shape.kind != "node" or "id" in shape.names:
        properties["id"] = IRI
    for name in names:
        if name != "id":
            properties[name] = _property(terms, _find(terms, shape, name))
    made: JsonObject = {
        "type": "object",
        "additionalProperties": False,
        "required": needed,
        "properties": properties,
    }
    if shape.choices:
        made["allOf"] = [_choice(choice) for choice in shape.choices]
    return made


def _choice(choice: Choice) -> JsonObject:
    """`oneOf` for exactly one, `anyOf` for at least one; what is no object is told elsewhere."""
    branches: list[Json] = [{"required": [name]} for name in choice.names]
    return {"if": {"type": "object"}, "then": {"oneOf" if choice.exactly_one else "anyOf": branches}}


def _property(terms: Terms, term: Term) -> JsonObject:
    """What stands behind one key."""
    value = _value(terms, term)
    if not term.many:
        return {"description": term.definition, **value}
    return {"description": term.definition, "type": "array", "minItems": 1, "maxItems": 10000, "items": value}


def _value(terms: Terms, term: Term) -> JsonObject:
    """One value of a term."""
    if term.range.kind == "id":
        return dict(IRI)
    if term.range.kind == "code":
        return {"enum": [code.name for code in terms.codes[term.range.name]]}
    if term.range.kind == "class":
        reference: JsonObject = {"$ref": f"#/$defs/{term.range.name}"}
        return {**reference, **_units(term)}
    literal = dict(_LITERALS[term.range.name])
    if term.pattern:
        literal["pattern"] = f"^({term.pattern})$"
    return literal


def _units(term: Term) -> JsonObject:
    """The units that a quantity may have here: common codes, UCUM notations where there is no code, or either."""
    allowed: dict[str, Json] = {
        key: {"enum": list[Json](units)}
        for key, units in (("unit", term.units), ("ucumUnit", term.ucum_units))
        if units
    }
    if not allowed:
        return {}
    return {"properties": allowed, **({"required": list[Json](allowed)} if len(allowed) == 1 else {})}
