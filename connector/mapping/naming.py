"""The names of a plan held against the vocabulary, before any export is read.

Record type, classes and terms have to be known and to stand where they are written; what the shapes demand has to be
written somewhere. Whether the values fit is told when there are values: `vocabulary/check.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from connector.mapping.plan import Plan
from connector.mapping.shape import AnyValue, EachValue, Listed, Node
from connector.model import Finding, Place
from connector.vocabulary.shapes import Shape, Shapes
from connector.vocabulary.terms import Terms

_MADE = frozenset({"id", "type"})
"""What every document gets without a rule."""


def misnamed(plan: Plan, terms: Terms, shapes: Shapes) -> list[Finding]:
    """What of the plan the vocabulary does not know, or does not let stand there, and what it asks for beyond."""
    shape, document = shapes.records.get(plan.record), plan.document
    if shape is None:
        near = get_close_matches(plan.record, shapes.records, n=3)
        hint = f"did you mean {', '.join(near)}?" if near else f"one of {', '.join(shapes.records)}"
        return [_finding("unknown-record-type", f"there is no record type {plan.record!r}", hint, plan.line)]
    if plan.subject not in shape.subjects:
        text = f"a {shape.name} is about a {' or '.join(shape.subjects)}, not a {plan.subject}"
        return [_finding("wrong-subject", text, f"subject: {shape.subjects[0]}", plan.line)]
    given = {"identifier"} if plan.identifiers else set[str]()
    return list(_Names(terms, shapes).of_node(document, shape, "$", given))


@dataclass(frozen=True, slots=True)
class _Names:
    """Walks the nodes of a plan's document."""

    terms: Terms
    shapes: Shapes

    def of_node(self, node: Node, shape: Shape, path: str, given: set[str]) -> Iterator[Finding]:
        """A node and all that stands in it. `given`: terms that it gets without being written."""
        for name, value in node.terms.items():
            known = self.terms.find(node.type, name)
            if name not in shape.names:
                yield self._unknown(node, shape, name, f"{path}.{name}")
            elif known is not None and known.range.kind == "class":
                yield from self._inside(value, f"{path}.{name}")
        for name in shape.required:
            if name not in node.terms and name not in given | _MADE:
                term = self.terms.find(node.type, name)
                about = f" ({term.label}: {term.definition})" if term else ""
                text = f"{node.type} needs {name}{about}"
                yield _finding("missing-term", text, _lookup(name), node.line, f"{path}.{name}")

    def _inside(self, value: AnyValue, path: str) -> Iterator[Finding]:
        """The nodes of a value."""
        match value:
            case Listed(items=items):
                for number, item in enumerate(items):
                    yield from self._inside(item, f"{path}[{number}]")
            case EachValue(value=each):
                yield from self._inside(each, f"{path}[0]")
            case Node() if (shape := self.shapes.nodes.get(value.type)) is not None:
                yield from self.of_node(value, shape, path, {"product"} if "link" in value.terms else set())
            case Node():
                near = get_close_matches(value.type, self.shapes.nodes, n=3)
                term = path.rpartition(".")[2].partition("[")[0]
                hint = f"did you mean {', '.join(near)}?" if near else _lookup(term)
                yield _finding("unknown-class", f"no node is of class {value.type}", hint, value.line, path)
            case _:
                pass

    def _unknown(self, node: Node, shape: Shape, name: str, path: str) -> Finding:
        near = () if self.terms.find(node.type, name) else self.terms.near(name, node.type)
        hint = f"did you mean {', '.join(near)}?" if near else f"what may stand here: {_lookup(shape.name)}"
        text = f"{node.type} has no term {name!r} here"
        return _finding("unknown-term", text, hint, node.terms[name].line, path)


def _lookup(name: str) -> str:
    return f"battery-connector vocab term {name}"


def _finding(code: str, message: str, hint: str, line: int, path: str = "") -> Finding:
    last = path.rpartition(".")[2].partition("[")[0]
    return Finding(code=code, message=message, hint=hint, term=last, place=Place(line=line, column=path))
