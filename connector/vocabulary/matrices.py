"""The two matrices: what is owed for a battery, point by point, and which audience sees which value.

Each is a page (Markdown, HTML) and a CSV file for whoever wants to sort it. The first is made from the rules, the
second from the access classes of the terms and the audiences of `views`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from connector.model import AccessClass, Level
from connector.vocabulary.dictionary import CATEGORIES, Dictionary, anchor
from connector.vocabulary.pages import Cell, Mark, Page, Section, Table, joined, plain
from connector.vocabulary.rules import DUTY, PASSPORT_CLASS, Edition, Obligation, Rule
from connector.vocabulary.views import Audience, audience_classes

REFERENCE = "terms.html"
_KEY = {
    Obligation.MANDATORY: "mandatory",
    Obligation.CONDITIONAL: "conditional, on the fact beside it",
    Obligation.OPTIONAL: "optional",
    Obligation.PENDING: "an act is still open: not to be filled yet",
    Obligation.NOT_TO_BE_FILLED: "not to be filled",
}
_EDITIONS = (
    "The data points of the Commission's guidance for each category of battery, by the law itself and by each edition "
    "of the guidance; where an edition is silent, the one before it answers."
)
_LATTICE = (
    "Access classes form a lattice (Battery Regulation, Art. 77(2)): everybody sees what is public, and of the others "
    "no audience sees all that another one sees. An interest counts for the battery and the purpose that it was shown "
    "for. An auditor sees the classes that the mandate names."
)
_AUDIENCES = {
    Audience.PUBLIC: "public",
    Audience.LEGITIMATE_INTEREST: "legitimate interest",
    Audience.AUTHORITY: "authority",
    Audience.B2B: "business partner",
}


def obligation_page(dictionary: Dictionary) -> Page:
    """What is owed. Where editions of the rules differ, the newest comes first and the others are named."""
    key = "; ".join(f"{letter.value} {words}" for letter, words in _KEY.items())
    editions = [
        f"{one.name}: {one.title} ({one.reference}), known from {one.known_from}" for one in _newest(dictionary)
    ]
    head = ["point", "what", *CATEGORIES.values(), "access", "dynamics", "terms", "law"]
    rows: list[list[Cell]] = [
        [[number], [name], *([_answer(dictionary, number, one)] for one in CATEGORIES), *others]
        for number, name, others in _points(dictionary)
    ]
    return Page(
        title="What is owed for a battery",
        text=[f"{_EDITIONS} {key}."],
        sections=[
            Section(
                title="Data points", anchor="points", text=["; ".join(editions), "."],
                parts=[Table(head=head, rows=rows, anchors=[f"point-{row[0]}" for row in _points(dictionary)])],
            )
        ],
    )  # fmt: skip


def obligation_csv(dictionary: Dictionary) -> bytes:
    """The same as CSV, with a column for each edition and category."""
    asked = [(edition, category) for edition in dictionary.rules.editions for category in CATEGORIES]
    head = [
        "point",
        "what",
        "access",
        "dynamics",
        "terms",
        "law",
        *(f"{one.name} {category}" for one, category in asked),
    ]
    rows: list[list[Cell]] = [
        [[number], [name], *others, *([_asked(dictionary, one, number, category)] for one, category in asked)]
        for number, name, others in _points(dictionary)
    ]
    return _csv(head, rows)


def _points(dictionary: Dictionary) -> Iterator[tuple[str, str, list[Cell]]]:
    """The duty itself and every point: number, name, and access, dynamics, terms, law."""
    yield DUTY, "Whether a passport is owed at all", [[], [], [], []]
    for point in dictionary.rules.points:
        found = [dictionary.terms.find(PASSPORT_CLASS, name) for name in point.terms]
        marks: list[Cell] = [[Mark(term.name, f"{REFERENCE}#{anchor(term)}")] for term in found if term is not None]
        dynamics = f"{'dynamic' if point.dynamic else 'static'}, {', '.join(point.levels)}"
        yield str(point.number), point.name, [[point.access.value], [dynamics], joined(marks), [point.law]]


def _newest(dictionary: Dictionary) -> list[Edition]:
    return list(reversed(dictionary.rules.editions))


def _answer(dictionary: Dictionary, point: str, category: str) -> str:
    """What is asked of a point: the newest answer, then any other with its edition."""
    said = [(edition.name, _asked(dictionary, edition, point, category)) for edition in _newest(dictionary)]
    known = [(name, answer) for name, answer in said if answer]
    if not known:
        return ""
    others = [f"{name}: {answer}" for name, answer in known[1:] if answer != known[0][1]]
    return known[0][1] + (f" (by {'; '.join(others)})" if others else "")


def _asked(dictionary: Dictionary, edition: Edition, point: str, category: str) -> str:
    """What an edition asks of a point; empty where it is silent."""
    rule: Rule | None = dictionary.rules.of(edition.name, point, category)
    if rule is None:
        return ""
    because = dictionary.rules.facts[rule.condition].yes if rule.condition else rule.pending_act
    return f"{rule.obligation.value} {because}".strip()


def audience_page(dictionary: Dictionary) -> Page:
    """Who sees what, by record type."""
    return Page(
        title="Who sees which value",
        text=[
            f"{_LATTICE} ", Mark("ORG"), " is for the organisation itself, and for an auditor whose mandate says so.",
        ],
        sections=[
            Section(
                title=name, anchor=name, parts=[_audiences(dictionary, name)],
                text=[dictionary.terms.classes[name].definition],
            )
            for name, shape in dictionary.shapes.records.items() if shape.kind == "record"
        ],
    )  # fmt: skip


def audience_csv(dictionary: Dictionary) -> bytes:
    """The same as CSV, one table for all record types."""
    rows: list[list[Cell]] = []
    head: Sequence[str] = ()
    for name, shape in dictionary.shapes.records.items():
        if shape.kind == "record":
            table = _audiences(dictionary, name)
            head = ("record", *table.head)
            rows += [[[name], *row] for row in table.rows]
    return _csv(head, rows)


def _audiences(dictionary: Dictionary, record_type: str) -> Table:
    """The terms of a record, ordered by class and level, with the audiences that see them."""
    order = [(access, level) for access in AccessClass for level in Level]
    lines = sorted(_lines(dictionary, record_type), key=lambda line: order.index((line[1], line[2])))
    rows: list[list[Cell]] = [
        [mark, [access.value], [level.value], *([_sees(audience, access)] for audience in _AUDIENCES)]
        for mark, access, level in lines
    ]
    return Table(head=["term", "access", "level", *_AUDIENCES.values()], rows=rows)


def _lines(dictionary: Dictionary, record_type: str) -> Iterator[tuple[Cell, AccessClass, Level]]:
    """Each term of each subject class; of several classes that agree, once."""
    terms, shape = dictionary.terms, dictionary.shapes.records[record_type]
    for name in shape.names:
        seen: dict[tuple[AccessClass, Level], list[str]] = {}
        for subject in shape.subjects:
            key = (terms.access_class(subject, name, record_type), terms.level(subject, name, record_type))
            seen.setdefault(key, []).append(subject)
        term = terms.term(shape.subjects[0], name)
        for (access, level), subjects in seen.items():
            of = f" of {', '.join(subjects)}" if len(seen) > 1 else ""
            yield [Mark(name, f"{REFERENCE}#{anchor(term)}"), of], access, level


def _sees(audience: Audience, access: AccessClass) -> str:
    return "yes" if access in audience_classes(audience) else "no"


def _csv(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([plain(cell) for cell in row] for row in rows)
    return out.getvalue().encode()
