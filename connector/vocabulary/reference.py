"""The reference of the vocabulary: one page with every class, property and code, written as Markdown and as HTML.

Anchors are the fragments of the IRIs, so that an IRI leads to what is said of it. What is said stands in `dictionary`.
"""

from __future__ import annotations

from collections.abc import Iterator

from connector.vocabulary.dictionary import Dictionary, anchor, class_mark, list_anchor
from connector.vocabulary.pages import Cell, Facts, Mark, Page, Section, Table, joined
from connector.vocabulary.shapes import Shape
from connector.vocabulary.terms import NAMESPACE, Code, Term, TermClass
from connector.vocabulary.versions import Version


def make_reference(dictionary: Dictionary, version: Version) -> Page:
    """The whole page."""
    terms, shapes = dictionary.terms, dictionary.shapes
    records = [of_class(dictionary, terms.classes[name]) for name in shapes.records]
    nodes = [of_class(dictionary, one) for name, one in terms.classes.items() if name not in shapes.records]
    lists = [of_list(dictionary, name) for name in sorted(terms.codes)]
    return Page(
        title=f"Battery vocabulary {version.number}",
        text=[
            "Generated from the tables of ", Mark("vocab/"), ". Namespace: ", Mark(NAMESPACE),
            ". Context: ", Mark(version.context_url), ". What is owed for a battery: ",
            Mark("obligations", "obligations.html"), "; who sees what: ", Mark("audiences", "audiences.html"), ".",
        ],
        sections=[
            Section(title="Record types", anchor="record-types", sections=records),
            Section(title="Classes", anchor="classes", sections=nodes),
            Section(title="Properties", anchor="properties", sections=list(_properties(dictionary)), listed=False),
            Section(title="Code lists", anchor="code-lists", sections=lists),
        ],
    )  # fmt: skip


def of_class(dictionary: Dictionary, known: TermClass) -> Section:
    """A class with the terms that it has to have and may have."""
    shape = dictionary.shapes.records.get(known.name) or dictionary.shapes.nodes.get(known.name)
    facts = dictionary.facts(known)
    parts: list[Facts | Table] = [Facts(rows=facts)]
    if shape is not None:
        subjects = joined([[class_mark(name)] for name in shape.subjects if name != known.name])
        if subjects:
            parts[0] = Facts(rows=[("about", subjects), *facts])
        parts.append(_members(dictionary, shape))
    elif dictionary.terms.of(known.name):
        marks = [[_mark(term)] for term in dictionary.terms.of(known.name).values()]
        parts[0] = Facts(rows=[("terms", joined(marks)), *facts])
    return Section(title=known.name, anchor=anchor(known), aside=known.label, text=[known.definition], parts=parts)


def _members(dictionary: Dictionary, shape: Shape) -> Table:
    """What may stand in a record or node."""
    subject = shape.subjects[0] if shape.subjects else shape.name
    rows: list[list[Cell]] = []
    for name in shape.names:
        if name == "id":
            rows.append([[Mark("id")], [_asked(shape, name)], ["an absolute IRI"], [], []])
            continue
        term = dictionary.terms.term(subject, name)
        access = dictionary.terms.access_class(subject, name, shape.name).value if shape.kind == "record" else ""
        level = dictionary.terms.level(subject, name, shape.name).value if shape.kind == "record" else ""
        units = ", ".join((*term.units, *term.ucum_units))
        holds = [*dictionary.holds(term), f" in {units}" if units else ""]
        rows.append([[_mark(term)], [_asked(shape, name)], holds, [access], [level]])
    head = ("term", "asked", "holds", "access", "level")
    if shape.kind != "record":
        return Table(head=head[:3], rows=[row[:3] for row in rows])
    return Table(head=head, rows=rows)


def _asked(shape: Shape, name: str) -> str:
    if name in shape.required:
        return "yes"
    for choice in shape.choices:
        if name in choice.names:
            others = " or ".join(other for other in choice.names if other != name)
            return f"this or {others}" + (", not both" if choice.exactly_one else "")
    return "no"


def _properties(dictionary: Dictionary) -> Iterator[Section]:
    """Every property, by name."""
    for term in sorted(dictionary.terms.properties, key=lambda one: (one.name.lower(), one.iri)):
        yield Section(
            title=term.name,
            anchor=anchor(term),
            aside=term.label,
            text=[term.definition],
            parts=[Facts(rows=dictionary.facts(term))],
        )


def of_list(dictionary: Dictionary, name: str) -> Section:
    """A code list as a table."""
    codes = dictionary.terms.codes[name]
    used = [
        [_mark(term)] for term in dictionary.terms.properties if term.range.kind == "code" and term.range.name == name
    ]
    rows: list[list[Cell]] = [
        [[Mark(code.name)], [code.label], [code.definition], _more(dictionary, code)] for code in codes
    ]
    return Section(
        title=name,
        anchor=list_anchor(name),
        text=["Words of ", *joined(used), "."] if used else (),
        parts=[
            Table(head=("word", "label", "definition", "more"), rows=rows, anchors=[anchor(code) for code in codes])
        ],
    )


def _more(dictionary: Dictionary, code: Code) -> Cell:
    return joined([[f"{name}: ", *cell] for name, cell in dictionary.facts(code)], "; ")


def _mark(term: Term) -> Mark:
    return Mark(term.name, f"#{anchor(term)}")
