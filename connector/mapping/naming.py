"""The names of a plan held against the vocabulary, before any export is read.

Record type, classes and terms have to be known and to stand where they are written; what the shapes demand has to be
written somewhere. So have the words that the plan itself gives, as constants or in a code list of its own. Whether the
values of an export fit is told when there are values: `vocabulary/check.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from connector.mapping.plan import Codes, CodeTable, Plan
from connector.mapping.shape import AnyValue, EachValue, From, Link, Listed, Mint, Node, Received, Target
from connector.mapping.spelling import Text
from connector.mapping.units import UNITS
from connector.model import Finding, Place
from connector.vocabulary.shapes import Shape, Shapes
from connector.vocabulary.terms import Term, Terms, nearest_first

_MADE = frozenset({"id", "type"})
"""What every document gets without a rule."""
_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+")


def misnamed(plan: Plan, terms: Terms, shapes: Shapes) -> list[Finding]:
    """What of the plan the vocabulary does not know, or does not let stand there, and what it asks for beyond."""
    shape, document = shapes.records.get(plan.record), plan.document
    if shape is None:
        near = get_close_matches(plan.record, shapes.records, n=3)
        hint = f"did you mean {', '.join(near)}?" if near else f"one of {', '.join(shapes.records)}"
        return [
            _finding(
                "unknown-record-type",
                f"there is no record type {str(plan.record)!r}",
                hint,
                _line(plan.record, plan.line),
            )
        ]
    if plan.subject not in shape.subjects:
        text = f"a {shape.name} is about a {' or '.join(shape.subjects)}, not a {plan.subject}"
        return [_finding("wrong-subject", text, f"subject: {shape.subjects[0]}", _line(plan.subject, plan.line))]
    given = {"identifier"} if plan.identifiers else set[str]()
    names = _Names(terms, shapes, plan.codes)
    return [*names.of_header(plan), *names.of_node(document, shape, "$", given)]


@dataclass(frozen=True, slots=True)
class _Names:
    """Walks the nodes of a plan's document."""

    terms: Terms
    shapes: Shapes
    codes: Mapping[str, Codes]

    def of_header(self, plan: Plan) -> Iterator[Finding]:
        """Of what the ids are made; the schemes of the subject's identifiers, and who numbers so."""
        for name, made in (("subject_id", plan.subject_id), ("model_id", plan.model_id)):
            if isinstance(made, Mint):
                yield from self._minted(made, name)
        for number, rule in enumerate(plan.identifiers):
            yield from self._identifier(rule.scheme, rule.issuer, rule.line, f"identifiers[{number}]")

    def of_node(self, node: Node, shape: Shape, path: str, given: set[str]) -> Iterator[Finding]:
        """A node and all that stands in it. `given`: terms that it gets without being written."""
        for name, value in node.terms.items():
            known = self.terms.find(node.type, name)
            if name not in shape.names:
                yield self._unknown(node, shape, name, f"{path}.{name}")
            elif known is not None:
                yield from self._inside(value, known, f"{path}.{name}")
        for name in shape.required:
            if name not in node.terms and name not in given | _MADE:
                term = self.terms.find(node.type, name)
                about = f" ({term.label}: {term.definition})" if term else ""
                text = f"{node.type} needs {name}{about}"
                yield _finding("missing-term", text, _lookup(name), node.line, f"{path}.{name}")

    def _inside(self, value: AnyValue, term: Term, path: str) -> Iterator[Finding]:
        """The nodes of a term's value, and the words that the plan gives it."""
        match value:
            case Listed(items=items):
                for number, item in enumerate(items):
                    yield from self._inside(item, term, f"{path}[{number}]")
            case EachValue(value=each):
                yield from self._inside(each, term, f"{path}[0]")
            case Node() if (shape := self.shapes.nodes.get(value.type)) is not None:
                yield from self.of_node(value, shape, path, {"product"} if "link" in value.terms else set())
            case Node() if term.range.kind == "class":
                near = get_close_matches(value.type, self.shapes.nodes, n=3)
                hint = f"did you mean {', '.join(near)}?" if near else _lookup(term.name)
                yield _finding("unknown-class", f"no node is of class {value.type}", hint, value.line, path)
            case Link(link=target) | Received(as_received=target):
                yield from self._target(target, path)
            case Mint():
                yield from self._minted(value, path)
            case From() if value.unit is not None:
                yield from self._quantity(value, term, path)
            case From():
                yield from self._words(value, term, path)
            case _:
                pass

    def _minted(self, value: Mint, path: str) -> Iterator[Finding]:
        """An id of another class is another id: one letter, and nothing finds the thing again."""
        if value.mint not in self.terms.classes:
            near = ", ".join(nearest_first(value.mint, self.terms.classes)[:3])
            yield _finding("unknown-class", f"there is no class {value.mint!r} to mint an id of",
                           f"did you mean {near}?", value.line, path)  # fmt: skip

    def _target(self, target: Target, path: str) -> Iterator[Finding]:
        yield from self._identifier(target.scheme, target.issuer, target.line, path)
        if target.to is not None and target.to not in self.shapes.records:
            near = ", ".join(nearest_first(target.to, self.shapes.records)[:3])
            text = f"there is no record type {target.to!r} that a link could lead to"
            yield _finding("unknown-record-type", text, f"did you mean {near}?", target.line, path)

    def _identifier(self, scheme: str, issuer: AnyValue | None, line: int, path: str) -> Iterator[Finding]:
        """A typed number: by which scheme, and in whose numbering."""
        yield from self._word(scheme, self.terms.term("Identifier", "scheme"), line, f"{path}.scheme", "")
        if issuer is not None:
            yield from self._inside(issuer, self.terms.term("Identifier", "issuer"), f"{path}.issuer")

    def _quantity(self, value: From, term: Term, path: str) -> Iterator[Finding]:
        """Whether a measured value may stand there, its further terms, and the list that says its units."""
        if term.range.name != "Quantity":
            text = f"{term.name} holds no Quantity, which is what `unit` makes"
            yield _finding("wrong-type", text, _lookup(term.name), value.line, path)
        for name, further in value.quantity_terms().items():
            yield from self._inside(further, self.terms.term("Quantity", name), f"{path}.{name}")
        if isinstance(value.unit, From):
            for cell, word in self._listed(value.unit):
                if word and word not in UNITS:
                    text = f"the code list `{value.unit.codes}` gives {str(word)!r} for `{cell}`, which is no unit code"
                    hint = f"one of {', '.join(nearest_first(word, UNITS))}"
                    yield _finding("bad-unit", text, hint, _line(word, value.line), f"{path}.unit")

    def _words(self, value: From, term: Term, path: str) -> Iterator[Finding]:
        """What the plan itself gives a term: a constant, or the words of a code list. A node is no text."""
        if term.range.kind == "class":
            unit = f"say its unit, such as `unit: {(*term.units, 'KGM')[0]}`"
            hint = unit if term.range.name == "Quantity" else _lookup(term.range.name)
            text = f"{term.name} holds a node of class {term.range.name}, and this rule makes a text"
            yield _finding("wrong-type", text, hint, value.line, path)
        if value.codes is None and value.from_.startswith("=") and value.alpha is value.case is None:
            yield from self._word(value.from_[1:], term, value.line, path, "")
        for cell, word in self._listed(value):
            said = f", though the code list `{value.codes}` gives it for `{cell}`"
            yield from self._word(word, term, _line(word, value.line), path, said)

    def _listed(self, value: From) -> Iterator[tuple[str, str]]:
        """A code list that stands in the plan; one in a file is read with the exports."""
        codes = self.codes.get(value.codes or "")
        if isinstance(codes, CodeTable):
            yield from codes.values.items()

    def _word(self, word: str, term: Term, line: int, path: str, said: str) -> Iterator[Finding]:
        """One word. An empty one leaves the term out."""
        about = f"{term.label}: {term.definition}"
        if word and term.range.kind == "code":
            words = [code.name for code in self.terms.codes[term.range.name]]
            if word not in words:
                text = f"{str(word)!r} is no {term.name} that may stand here{said} ({about})"
                yield _finding("bad-code", text, f"one of {', '.join(nearest_first(word, words))}", line, path)
        elif word and term.range.kind == "id" and not _IRI.fullmatch(word):
            text = f"{str(word)!r} is no id{said} ({about})"
            yield _finding("bad-id", text, "an absolute IRI, such as urn:uuid:... or did:web:...", line, path)

    def _unknown(self, node: Node, shape: Shape, name: str, path: str) -> Finding:
        near = () if self.terms.find(node.type, name) else self.terms.near(name, node.type)
        hint = f"did you mean {', '.join(near)}?" if near else f"what may stand here: {_lookup(shape.name)}"
        text = f"{node.type} has no term {name!r} here"
        return _finding("unknown-term", text, hint, node.terms[name].line, path)


def _line(word: str, otherwise: int) -> int:
    return word.line if isinstance(word, Text) else otherwise


def _lookup(name: str) -> str:
    return f"battery-connector vocab term {name}"


def _finding(code: str, message: str, hint: str, line: int, path: str = "") -> Finding:
    last = path.rpartition(".")[2].partition("[")[0]
    return Finding(code=code, message=message, hint=hint, term=last, place=Place(line=line, column=path))
