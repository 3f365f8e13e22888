"""The independent judge of a document: PyLD reads it as JSON-LD, pyshacl holds its graph to the published shapes.

Contexts and shapes stand still, so what both libraries would make of them anew for each document is made once, and of
pyshacl's work the verdict is wanted, not the reports, which take most of its time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import rdflib
from pyld import jsonld
from pyld.context_resolver import ContextResolver
from pyshacl import shape as pyshacl_shape
from pyshacl.constraints import ALL_CONSTRAINT_PARAMETERS, CONSTRAINT_PARAMETERS_MAP, constraint_component
from pyshacl.pytypes import SHACLExecutor
from pyshacl.shapes_graph import ShapesGraph
from rdflib import BNode, Literal, URIRef
from rdflib.term import Node

from connector.model import Json, JsonObject
from connector.vocabulary.bundle import Bundle

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>\"{}|\\^`]*|_:.*")
XSD_STRING = "http://www.w3.org/2001/XMLSchema#string"


class _Shapes(ShapesGraph):
    """Remembers what is said of a shape."""

    def __init__(self, graph: rdflib.Graph) -> None:
        super().__init__(graph)
        self._said = cache(lambda shape: tuple(self.graph.predicate_objects(shape)))

    def predicate_objects(self, s: Node) -> tuple[tuple[Node, Node], ...]:
        """Each property of a shape with its value."""
        return self._said(s)


def _verdicts_only() -> None:
    """Tell pyshacl to make the constraints of a shape once, and no reports."""
    made_once = {name: cache(component) for name, component in CONSTRAINT_PARAMETERS_MAP.items()}
    parameters = (frozenset(ALL_CONSTRAINT_PARAMETERS), made_once)
    pyshacl_shape.module.CONSTRAINT_PARAMS = parameters  # type: ignore[attr-defined]  # pyshacl sets and reads it there
    found = constraint_component.ConstraintComponent
    found.make_v_result = lambda *_, **__: ("", None, [])  # type: ignore[method-assign]  # what a report is made of


class Judge:
    """Knows the contexts of a bundle and a file of shapes."""

    def __init__(self, bundle: Bundle, shapes: Path, base: str) -> None:
        self._bundle = bundle
        self._base = base
        self._resolved: dict[str, object] = {}
        self._shapes = _Shapes(_empty().parse(shapes))
        assert self._shapes.shapes
        _verdicts_only()

    def expand(self, document: JsonObject) -> list[JsonObject]:
        """PyLD's expansion, with the bundled contexts only; a relative IRI stays relative."""
        resolver = ContextResolver(self._resolved, self._load)
        options = {"documentLoader": self._load, "contextResolver": resolver, "base": None}
        expanded: list[JsonObject] = jsonld.expand(document, options)
        return expanded

    def _load(self, url: str, options: object) -> JsonObject:
        return {"contextUrl": None, "documentUrl": url, "document": self._bundle.contexts[url], "tag": "static"}

    def conforms(self, document: JsonObject, shape: str) -> bool:
        """Whether the document's own node fits this shape, and all that it says is in the graph."""
        expanded = self.expand(document)
        if not all(_ABSOLUTE.fullmatch(iri) for iri in _iris([*expanded])):
            return False  # no absolute IRI: the statement would be left out of the graph
        return self.fits(_graph(expanded), str(document["id"]), shape)

    def graph(self, document: JsonObject) -> rdflib.Graph:
        """What the document says."""
        return _graph(self.expand(document))

    def fits(self, graph: rdflib.Graph, focus: str, shape: str) -> bool:
        """Whether a node of a graph fits this shape."""
        found = self._shapes.lookup_shape_from_node(URIRef(self._base + shape))
        good, _ = found.validate(
            SHACLExecutor(max_validation_depth=40, abort_on_first=True), graph, focus=URIRef(focus)
        )
        return bool(good)


def _iris(value: Json) -> Iterator[str]:
    """Every id and type of an expanded document."""
    if isinstance(value, list):
        for inner in value:
            yield from _iris(inner)
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in {"@id", "@type"}:
                yield from map(str, inner if isinstance(inner, list) else [inner])
            else:
                yield from _iris(inner)


def _graph(expanded: list[JsonObject]) -> rdflib.Graph:
    """The graph, each literal as it was written."""
    graph = _empty()
    for quad in jsonld.to_rdf(expanded).get("@default", ()):
        graph.add((_term(quad["subject"]), _term(quad["predicate"]), _term(quad["object"])))
    return graph


def _empty() -> rdflib.Graph:
    return rdflib.Graph(store="SimpleMemory", bind_namespaces="none")


def _term(told: dict[str, str]) -> Node:
    if told["type"] == "IRI":
        return URIRef(told["value"])
    if told["type"] == "blank node":
        return BNode(told["value"][2:])
    datatype = None if told["datatype"] == XSD_STRING else URIRef(told["datatype"])
    return Literal(told["value"], datatype=datatype, normalize=False)
