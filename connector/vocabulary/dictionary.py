"""What there is to say of a term, gathered from all tables: meaning, law, data points, access, units, matches, shapes.

The terminal (`vocab term`) and the reference page tell the same: `as_json` for machines, `facts` for people. Links of
`facts` lead to the anchors that `anchor` gives, as the reference page has them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from connector.model import Json, JsonObject
from connector.vocabulary.check import WRITTEN
from connector.vocabulary.completeness import WORDS
from connector.vocabulary.matches import SOURCES, Match
from connector.vocabulary.pages import Cell, Inline, Mark, joined
from connector.vocabulary.rules import OWING, PASSPORT_CLASS, Point, Rule, Rules
from connector.vocabulary.shapes import Shape, Shapes
from connector.vocabulary.terms import LANGUAGES, MODEL_OF, UNIT_LISTS, Code, Term, TermClass, Terms

Known = Term | TermClass | Code
CATEGORIES: Mapping[str, str] = {"ev": "EV", "lmt": "LMT", "industrial": "industrial"}
_LANGUAGES = {"de": "German", "fr": "French", "fi": "Finnish"}
_PASSPORT = frozenset({PASSPORT_CLASS, MODEL_OF[PASSPORT_CLASS]})


@dataclass(frozen=True, slots=True, kw_only=True)
class Dictionary:
    """All tables together."""

    terms: Terms
    shapes: Shapes
    rules: Rules
    matches: Sequence[Match]

    def as_json(self, entry: Known) -> JsonObject:
        """One entry for machines; what does not apply is left out."""
        told: JsonObject = {
            "name": entry.name,
            "kind": _kind(entry),
            "label": entry.label,
            "labels": dict(entry.labels),
            "definition": entry.definition,
        }
        if isinstance(entry, Term):
            told |= {
                "iri": entry.iri,
                "domain": list[Json](entry.domains),
                "range": f"{entry.range.kind} {entry.range.name}".strip() + (", a list" if entry.many else ""),
                "pattern": entry.pattern,
                "says": dict(entry.said),
                "unit": list[Json]([*entry.units, *entry.ucum_units]),
                "quantityKind": entry.quantity_kind,
                "access": {key: value.value for key, value in entry.access.items()},
                "level": {key: value.value for key, value in entry.level.items()},
                "ecPoint": [str(point.number) for point in self.points(entry)],
                "points": [self._point_json(point) for point in self.points(entry)],
                "shapes": [{"shape": shape.name, "required": asked} for shape, asked in self._used_in(entry)],
            }
        elif isinstance(entry, TermClass):
            told |= {"iri": entry.iri, "kindOf": entry.parent}
        else:
            told |= {"list": entry.list_name, "ucum": entry.ucum, "quantityKinds": list[Json](entry.quantity_kinds)}
        told |= {"law": entry.law, "guidance": entry.guidance}
        told["matches"] = [
            {"predicate": one.predicate, "source": one.source, "object": one.object, "note": one.note}
            for one in self.matches_of(entry)
        ]
        return {key: value for key, value in told.items() if value not in ("", [], {})}

    def facts(self, entry: Known) -> list[tuple[str, Cell]]:
        """One entry for people: what does not apply is left out."""
        others = [f"{entry.labels[one]} ({_LANGUAGES[one]})" for one in LANGUAGES[1:] if entry.labels[one]]
        rows: list[tuple[str, Cell]] = [("also called", [", ".join(others)] if others else [])]
        if isinstance(entry, Term):
            rows += self._property(entry)
        if isinstance(entry, TermClass):
            rows.append(("a kind of", [class_mark(entry.parent)] if entry.parent else []))
            told_in = [one for one, shape in self.shapes.records.items() if entry.name in shape.subjects]
            rows.append(("told in", joined([[class_mark(one)] for one in told_in if one != entry.name])))
        if isinstance(entry, Code):
            rows.append(("UCUM", [Mark(entry.ucum)] if entry.ucum else []))
            rows.append(("measures", [", ".join(entry.quantity_kinds)] if entry.quantity_kinds else []))
        rows += [("law", [entry.law] if entry.law else []), ("guidance", [entry.guidance] if entry.guidance else [])]
        if isinstance(entry, Term):
            rows += [(f"data point {point.number}", self._point(point)) for point in self.points(entry)]
        rows += [(f"{one.predicate} match", _match(one, entry)) for one in self.matches_of(entry)]
        if not isinstance(entry, Code):
            rows.append(("IRI", [Mark(entry.iri)]))
        return [(name, cell) for name, cell in rows if cell]

    def _property(self, term: Term) -> Iterator[tuple[str, Cell]]:
        yield "of", joined([[class_mark(name)] for name in term.domains])
        yield "holds", self.holds(term)
        yield "unit", joined([self._unit(name) for name in (*term.units, *term.ucum_units)])
        yield "measures", [term.quantity_kind] if term.quantity_kind else []
        yield "written as", [Mark(term.pattern)] if term.pattern else []
        yield "says", joined([[Mark(f"{key}={word}")] for key, word in term.said.items()])
        yield "who may see it", self._ruled("AccessClass", term.access)
        yield "level", self._ruled("Level", term.level)
        used = list(self._used_in(term))
        yield "asked in", joined([[class_mark(shape.name)] for shape, asked in used if asked])
        yield "may stand in", joined([[class_mark(shape.name)] for shape, asked in used if not asked])

    def holds(self, term: Term) -> Cell:
        """What kind of value stands behind the key."""
        link: Inline = ""
        match term.range.kind:
            case "class":
                text, link = "a node ", class_mark(term.range.name)
            case "code":
                text, link = "a word of ", Mark(term.range.name, f"#{list_anchor(term.range.name)}")
            case "id":
                text = "an id: an absolute IRI"
            case _:
                text = WRITTEN[term.range.name]
        return ["a list, each " if term.many else "", text, link]

    def points(self, term: Term) -> list[Point]:
        """The data points of the guidance that the term feeds."""
        if _PASSPORT.isdisjoint(term.domains):
            return []
        return [point for point in self.rules.points if term.name in point.terms]

    def newest(self, point: Point | str, category: str) -> Rule | None:
        """The rule of the newest edition that speaks of the point."""
        number = point if isinstance(point, str) else point.number
        found = (self.rules.of(edition.name, number, category) for edition in reversed(self.rules.editions))
        return next((rule for rule in found if rule is not None), None)

    def obligation(self, rule: Rule) -> str:
        """What a rule asks, in words."""
        if rule.condition:
            return f"{WORDS[rule.obligation]}: if {self.rules.facts[rule.condition].yes}"
        return f"{WORDS[rule.obligation]}: {rule.pending_act}" if rule.pending_act else WORDS[rule.obligation]

    def matches_of(self, entry: Known) -> list[Match]:
        """The rows of the table of matches about an entry."""
        return [match for match in self.matches if match.entry.key == entry.key]

    def _point(self, point: Point) -> Cell:
        words = {name: self.newest(point, category) for category, name in CATEGORIES.items()}
        owed = "; ".join(f"{name} {self.obligation(rule)}" for name, rule in words.items() if rule)
        return [f"{point.name}. {owed} ({point.law})"]

    def _point_json(self, point: Point) -> JsonObject:
        rules = {category: self.newest(point, category) for category in OWING}
        return {
            "point": point.number,
            "name": point.name,
            "law": point.law,
            "obligations": {category: self.obligation(rule) for category, rule in rules.items() if rule},
        }

    def _used_in(self, term: Term) -> Iterator[tuple[Shape, bool]]:
        """The shapes that name the term, and whether they ask for it."""
        for shape in (*self.shapes.records.values(), *self.shapes.nodes.values()):
            classes = shape.subjects or (shape.name,)
            if term.name in shape.names and any(self.terms.find(one, term.name) is term for one in classes):
                yield shape, term.name in shape.required

    def _unit(self, name: str) -> Cell:
        for listed in UNIT_LISTS:
            for code in self.terms.codes.get(listed, ()):
                if code.name == name:
                    return [Mark(name, f"#{anchor(code)}"), f" {code.label}"]
        return [Mark(name)]

    def _ruled(self, listed: str, rules: Mapping[str, str]) -> Cell:
        """Words of a list, for all or by class and record type."""
        labels = {code.name: code.label for code in self.terms.codes[listed]}
        told: list[list[Inline]] = [[f"{labels[word]} (", Mark(word), ")"] for word in rules.values()]
        return joined(
            [said if key == "*" else [class_mark(key), ": ", *said] for key, said in zip(rules, told, strict=True)],
            "; ",
        )


def anchor(entry: Known) -> str:
    """Where the reference page tells of an entry: the fragment of its IRI; of a borrowed term, its name."""
    if isinstance(entry, Code):
        return f"{list_anchor(entry.list_name)}-{quote(entry.name, safe='')}"
    return entry.name if isinstance(entry, Term) and entry.borrowed else entry.iri.partition("#")[2]


def list_anchor(name: str) -> str:
    """Where the reference page tells of a code list."""
    return f"codes-{name}"


def class_mark(name: str) -> Mark:
    """A class by its name, as a link to what is said of it."""
    return Mark(name, "" if name == "VerifiableCredential" else f"#{name}")


def _kind(entry: Known) -> str:
    if isinstance(entry, Code):
        return "code"
    return "class" if isinstance(entry, TermClass) else "property"


def _match(match: Match, entry: Known) -> Cell:
    of = f" (of {match.subject.partition('.')[0]})" if isinstance(entry, Term) and len(entry.domains) > 1 else ""
    return [f"{SOURCES[match.source]}{of}: ", Mark(match.object), f". {match.note}" if match.note else ""]
