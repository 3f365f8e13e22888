"""The shapes as a contract, in the words of SHACL Core: node shapes with property shapes.

Made from the two tables: `shapes` says which terms a thing has to have and may have, `terms` what each of them holds.
All that a reader is held to is in this model: `schemas` writes it as JSON Schema (run in jsonschema-rs), `shacl` as
Turtle (judged by pyshacl in the tests), `examples` makes documents that fit it. Five rules of the JSON Schemas have no
image in RDF, and so none in the shapes: no key that is no term, no empty list, no single value where a list is meant,
no list of equal values where a single one is, no number or truth value that is not written as a string. One holds in
RDF alone: nodes of one id are one node there, so what is said of it in two places has to fit together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType

from connector.model import AccessClass, Level
from connector.vocabulary.shapes import Choice, Shape, Shapes
from connector.vocabulary.terms import MODEL_OF, Term, Terms

MOST_VALUES = 10_000
"""How many values a list may have."""


class Identity(Enum):
    """Whether a node has an id (an IRI), may have one, or has none (a blank node)."""

    NEEDED = "needed"
    ALLOWED = "allowed"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """How the text of a value has to be written: `pattern` after ECMA-262, and the most characters."""

    pattern: str
    longest: int = 4096


IRI = Text(
    pattern=r'^(urn:[a-z0-9][a-z0-9-]{1,31}:|did:[a-z0-9]+:|https?://)[^\s<>"{}|\\^`\u0000-\u001f]+$', longest=2048
)
_DAY = "[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
TEXTS: Mapping[str, Text] = MappingProxyType({
    "string": Text(pattern=r"^[^\u0000-\u001f\u007f]+$"),
    "decimal": Text(pattern=r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$", longest=64),
    "positiveInteger": Text(pattern=r"^[1-9][0-9]*$", longest=18),
    "boolean": Text(pattern=r"^(true|false)$"),
    "multibase": Text(pattern=r"^[A-Za-z][A-Za-z0-9+/=_-]+$"),
    "date": Text(pattern=f"^{_DAY}$"),
    "dateTime": Text(pattern=f"^{_DAY}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{{1,9}})?Z$"),
})  # fmt: skip
"""By datatype. A date has to be one of the calendar besides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyShape:
    """What stands behind one key of a node.

    `words`: the only values (of a code). `text`: how a literal or an id is written. `within`: key of the node that the
    value is -> the only values there (the units of a quantity). A key of `asked` has to be there.
    """

    term: Term
    required: bool
    words: tuple[str, ...] = ()
    text: Text | None = None
    within: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    asked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeShape:
    """One node: the only classes that it may have, and the only properties."""

    name: str
    types: tuple[str, ...]
    identity: Identity
    properties: tuple[PropertyShape, ...]
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordShape:
    """The subject of a record type: `whole` as it is mapped, and by access class and level as it is signed.

    A party's credential has no parts.
    """

    whole: NodeShape
    parts: Mapping[tuple[AccessClass, Level], NodeShape]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """All shapes by name. `records`: by credential type."""

    records: Mapping[str, RecordShape]
    nodes: Mapping[str, NodeShape]

    @property
    def classes(self) -> frozenset[str]:
        """Every class that a document can name."""
        shapes = [*self.nodes.values()]
        for record in self.records.values():
            shapes += [record.whole, *record.parts.values()]
        return frozenset(self.records).union(*(shape.types for shape in shapes))

    def within(self, wanted: Iterable[str]) -> list[NodeShape]:
        """The shapes of these nodes and of all nodes within them, by name."""
        found: dict[str, NodeShape] = {}
        waiting = list(wanted)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found[name] = self.nodes[name]
                waiting.extend(classes_of(found[name]))
        return [found[name] for name in sorted(found)]


def classes_of(shape: NodeShape) -> list[str]:
    """The classes of the nodes that stand right behind a shape's keys."""
    return [one.term.range.name for one in shape.properties if one.term.range.kind == "class"]


def make_contract(terms: Terms, shapes: Shapes) -> Contract:
    """The contract of the two tables."""
    nodes = {name: _node(terms, shape, shape.names, name, (name,)) for name, shape in shapes.nodes.items()}
    records = {
        name: RecordShape(
            whole=_node(terms, shape, shape.names, name, shape.subjects or (name,)),
            parts=MappingProxyType(dict(_parts(terms, shape)) if shape.kind == "record" else {}),
        )
        for name, shape in shapes.records.items()
    }
    return Contract(records=MappingProxyType(records), nodes=MappingProxyType(nodes))


def part_name(access: AccessClass, level: Level) -> str:
    """The name of a part's definition."""
    return f"part-{access.value}-{level.value}"


def _parts(terms: Terms, shape: Shape) -> Iterator[tuple[tuple[AccessClass, Level], NodeShape]]:
    """One shape per access class and level that has terms; only the required terms of that part are asked."""
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
                yield (access, level), _node(terms, shape, names, part_name(access, level), tuple(types))


def _node(terms: Terms, shape: Shape, names: Iterable[str], name: str, types: tuple[str, ...]) -> NodeShape:
    if shape.kind != "node" or "id" in shape.required:
        identity = Identity.NEEDED
    else:
        identity = Identity.ALLOWED if "id" in shape.names else Identity.NONE
    subject, listed = shape.subjects[0] if shape.subjects else shape.name, list(names)
    return NodeShape(
        name=name,
        types=types,
        identity=identity,
        properties=tuple(
            _property(terms, terms.term(subject, key), required=key in shape.required) for key in listed if key != "id"
        ),
        choices=tuple(choice for choice in shape.choices if {"id", *listed}.issuperset(choice.names)),
    )


def _property(terms: Terms, term: Term, *, required: bool) -> PropertyShape:
    match term.range.kind:
        case "id":
            return PropertyShape(term=term, required=required, text=IRI)
        case "code":
            words = tuple(code.name for code in terms.codes[term.range.name])
            return PropertyShape(term=term, required=required, words=words)
        case "class":
            units = {key: listed for key, listed in (("unit", term.units), ("ucumUnit", term.ucum_units)) if listed}
            within = {**units, **{key: (word,) for key, word in term.said.items()}}
            asked = (*(units if len(units) == 1 else ()), *term.said)
            return PropertyShape(term=term, required=required, within=MappingProxyType(within), asked=asked)
    text = Text(pattern=f"^({term.pattern})$") if term.pattern else TEXTS[term.range.name]
    return PropertyShape(term=term, required=required, text=text)
