"""The terms table: what each word of the vocabulary means, what it holds, who may see it, and how often it changes.

Read from `vocab/terms.csv`, one row per term. A JSON key may have two meanings in two classes (`value` of a quantity,
`value` of an identifier): these are two rows with two IRIs. Within one class a key has one meaning. Left to others:
the JSON-LD context (`context`), which terms a record has to have (`shapes`), audiences (`views`).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypedDict, TypeVar

from connector.errors import BadInput
from connector.model import AccessClass, Level
from connector.vocabulary.patterns import read_pattern
from connector.vocabulary.tables import rows

NAMESPACE = "https://w3id.org/battery-connector/v1#"
XSD = "http://www.w3.org/2001/XMLSchema#"
CREDENTIALS_V2 = "https://www.w3.org/ns/credentials/v2"

MODEL_OF: Mapping[str, str] = MappingProxyType({"Battery": "BatteryModel"})
"""Values of level `model` are signed about the model: subject class of the item -> class of its model."""

MODEL_ID: Mapping[str, str] = MappingProxyType({"Battery": "ofModel"})
"""The term of an item that holds the id of its model."""

LANGUAGES = ("en", "de", "fr", "fi")
"""The languages of labels, as tags of BCP 47."""

_T = TypeVar("_T")
_COLUMNS = [
    *("name", "kind", "domain", "iri", "range", "container", "pattern", "unit", "quantity_kind", "access", "level"),
    *(f"label_{language}" for language in LANGUAGES),
    *("definition_en", "law", "guidance"),
]
UNIT_LISTS = ("Unit", "UcumUnit")
"""Code lists whose words are units."""
_UCUM = "UCUM:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """What a property holds: `literal` (with a datatype), `id` (an IRI), `class` (a node) or `code` (of a list)."""

    kind: str
    name: str

    @property
    def datatype(self) -> str:
        """The IRI of a literal's datatype."""
        return f"https://w3id.org/security#{self.name}" if self.name == "multibase" else XSD + self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What every row has: a name, labels by language, a definition, and where law and guidance speak of it."""

    name: str
    labels: Mapping[str, str]
    definition: str
    law: str
    guidance: str

    @property
    def label(self) -> str:
        """What it is called in English."""
        return self.labels["en"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Term(Entry):
    """One property. `access` and `level` are given per class or record type; `*` stands for every other one.

    `pattern`: how a text is written. `units`: of a quantity, the common codes of UN/ECE Recommendation 20 that it may
    have; `ucum_units`: those in UCUM notation for which there is no such code. `said`: what else the node has to say,
    such as `basis` -> `dry`. `quantity_kind`: what is measured, named as QUDT does where it does.
    """

    iri: str
    domains: tuple[str, ...]
    range: Range
    many: bool
    pattern: str
    said: Mapping[str, str]
    units: tuple[str, ...]
    ucum_units: tuple[str, ...]
    quantity_kind: str
    access: Mapping[str, AccessClass]
    level: Mapping[str, Level]

    @property
    def key(self) -> str:
        """What tells this entry from all others."""
        return self.iri

    @property
    def borrowed(self) -> bool:
        """Whether another vocabulary defines the term (its IRI is not in our namespace)."""
        return not self.iri.startswith(NAMESPACE)


@dataclass(frozen=True, slots=True, kw_only=True)
class TermClass(Entry):
    """A class of things, of nodes, or of credentials; `parent`: the class that it is a kind of, or empty."""

    parent: str = ""

    @property
    def iri(self) -> str:
        """The class's permanent name."""
        return NAMESPACE + self.name

    @property
    def key(self) -> str:
        """What tells this entry from all others."""
        return self.iri


@dataclass(frozen=True, slots=True, kw_only=True)
class Code(Entry):
    """One word of a code list. Of a unit, `ucum` is its notation in UCUM and `quantity_kinds` what it measures."""

    list_name: str
    ucum: str = ""
    quantity_kinds: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What tells this entry from all others."""
        return f"{self.list_name}/{self.name}"


_NEAR, _TELLING = 3, 3
"""How many near names are told, and from how many letters on a beginning says something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The whole table, frozen."""

    classes: Mapping[str, TermClass]
    properties: tuple[Term, ...]
    codes: Mapping[str, tuple[Code, ...]]
    _by_class: Mapping[str, Mapping[str, Term]] = field(repr=False)
    _parts: dict[tuple[str, str, str], tuple[AccessClass, Level]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def of(self, class_name: str) -> Mapping[str, Term]:
        """The terms that a node of this class may carry by itself, by JSON key."""
        return self._by_class.get(class_name, {})

    def find(self, class_name: str, name: str) -> Term | None:
        """The term behind a JSON key of a subject; a battery's key may be one of its model's."""
        term = self.of(class_name).get(name)
        if term is None and class_name in MODEL_OF:
            term = self.of(MODEL_OF[class_name]).get(name)
        return term

    def term(self, class_name: str, name: str) -> Term:
        """As `find`, but an unknown key is an error with the nearest names."""
        term = self.find(class_name, name)
        if term is None:
            near = ", ".join(self.near(name, class_name))
            raise BadInput(
                f"{class_name} has no term {name!r}", hint=f"did you mean {near}?" if near else "see vocab/terms.csv"
            )
        return term

    def access_class(self, class_name: str, name: str, record_type: str = "") -> AccessClass:
        """Who may see this term of a subject. A record type's own rule wins over the class's."""
        term = self.term(class_name, name)
        found = _choose(term.access, record_type, class_name)
        if found is None:
            raise BadInput(f"{name!r} of {class_name} is no term of a subject: it has no access class")
        return found

    def level(self, class_name: str, name: str, record_type: str = "") -> Level:
        """Whether this term of a subject is about the model, the item, or its changing state."""
        term = self.term(class_name, name)
        found = _choose(term.level, record_type, class_name)
        if found is None:
            raise BadInput(f"{name!r} of {class_name} is no term of a subject: it has no level")
        return found

    def part(self, class_name: str, name: str, record_type: str = "") -> tuple[AccessClass, Level]:
        """Access class and level of a term of a subject. Remembered: it is asked for every value of every record."""
        key = record_type, class_name, name
        known = self._parts.get(key)
        if known is None:
            known = self.access_class(class_name, name, record_type), self.level(class_name, name, record_type)
            self._parts[key] = known
        return known

    def near(self, name: str, class_name: str = "") -> tuple[str, ...]:
        """Names that begin so or look alike, the nearest first; of one class (and its model), or of the whole table."""
        if class_name:
            names = [*self.of(class_name), *self.of(MODEL_OF.get(class_name, ""))]
        else:
            names = [*self.classes, *(term.name for term in self.properties)]
        lower = {known.lower(): known for known in sorted(names)}
        word = name.lower()
        begun = [one for one in lower if one.startswith(word)] if len(word) >= _TELLING else []
        found = dict.fromkeys([*begun, *difflib.get_close_matches(word, lower, n=_NEAR, cutoff=0.6)])
        return tuple(lower[one] for one in list(found)[:_NEAR])

    def named(self, name: str) -> tuple[Term | TermClass | Code, ...]:
        """Everything that bears this name: classes, properties and codes."""
        return (
            *((self.classes[name],) if name in self.classes else ()),
            *(term for term in self.properties if term.name == name),
            *(code for codes in self.codes.values() for code in codes if code.name == name),
        )


def nearest_first(word: str, words: Iterable[str]) -> list[str]:
    """The words, those that look most like this one first."""
    likeness = difflib.SequenceMatcher(b=word.lower())

    def unlike(known: str) -> float:
        likeness.set_seq1(known.lower())
        return -likeness.ratio()

    return sorted(words, key=unlike)


def _choose(rules: Mapping[str, _T], record_type: str, class_name: str) -> _T | None:
    """The rule of the record type, else of the class, else of its model, else the one for all."""
    for key in (record_type, class_name, MODEL_OF.get(class_name, ""), "*"):
        if key and key in rules:
            return rules[key]
    return None


def read_terms(table: bytes) -> Terms:
    """The table from the bytes of `terms.csv`; a row that cannot be used is an error that names its line."""
    listed = list(rows(table, "terms.csv", _COLUMNS))
    classes = {
        row["name"]: TermClass(**_entry(row), parent=row["range"].removeprefix("class:"))
        for _, row in listed
        if row["kind"] == "class"
    }
    codes: dict[str, list[Code]] = {}
    properties: list[Term] = []
    for place, row in listed:
        if row["kind"] == "code":
            codes.setdefault(row["domain"], []).append(_code(row))
        elif row["kind"] == "property":
            properties.append(_property(place, row))
        elif row["kind"] != "class":
            raise BadInput(f"{row['kind']!r} is no kind of term", place=place)
    by_class = _by_class(properties)
    _check_ranges(properties, classes, codes)
    return Terms(
        classes=MappingProxyType(classes),
        properties=tuple(properties),
        codes=MappingProxyType({name: tuple(listed) for name, listed in codes.items()}),
        _by_class=by_class,
    )


class _Entry(TypedDict):
    """What a row says that every row says."""

    name: str
    labels: Mapping[str, str]
    definition: str
    law: str
    guidance: str


def _entry(row: Mapping[str, str]) -> _Entry:
    return {
        "name": row["name"],
        "labels": MappingProxyType({language: row[f"label_{language}"] for language in LANGUAGES}),
        "definition": row["definition_en"],
        "law": row["law"],
        "guidance": row["guidance"],
    }


def _code(row: Mapping[str, str]) -> Code:
    """One word of a list. Only units fill the two columns of measuring."""
    kinds = words_of(row["quantity_kind"])
    return Code(**_entry(row), list_name=row["domain"], ucum=row["unit"], quantity_kinds=kinds)


def _property(place: str, row: Mapping[str, str]) -> Term:
    """One property row."""
    local, units = row["iri"] or row["name"], words_of(row["unit"])
    kind, _, name = row["range"].partition(":")
    if kind not in {"xsd", "sec", "id", "class", "code"}:
        raise BadInput(f"{row['range']!r} is no range", place=place)
    try:
        access = {key: AccessClass(value) for key, value in _rules(row["access"]).items()}
        level = {key: Level(value) for key, value in _rules(row["level"]).items()}
        read_pattern("" if kind == "class" else row["pattern"])
    except (ValueError, BadInput) as bad:
        raise BadInput(str(bad), place=place) from bad
    return Term(
        **_entry(row),
        iri=local if ":" in local else NAMESPACE + local,
        domains=words_of(row["domain"]),
        range=Range(kind="literal" if kind in {"xsd", "sec"} else kind, name=name),
        many=row["container"] == "set",
        pattern="" if kind == "class" else row["pattern"],
        said=MappingProxyType(_rules(row["pattern"]) if kind == "class" else {}),
        units=tuple(unit for unit in units if not unit.startswith(_UCUM)),
        ucum_units=tuple(unit.removeprefix(_UCUM) for unit in units if unit.startswith(_UCUM)),
        quantity_kind=row["quantity_kind"],
        access=MappingProxyType(access),
        level=MappingProxyType(level),
    )


def words_of(cell: str) -> tuple[str, ...]:
    """A cell with several words, set apart by semicolons."""
    return tuple(cell.split(";")) if cell else ()


def _rules(cell: str) -> dict[str, str]:
    """`B2B` is a rule for all; `MaterialLot=B2B;MakeEvent=ORG` are rules per class or record type."""
    if not cell:
        return {}
    if "=" not in cell:
        return {"*": cell}
    pairs = (part.partition("=") for part in cell.split(";"))
    return {key: value for key, _, value in pairs}


def _by_class(properties: list[Term]) -> Mapping[str, Mapping[str, Term]]:
    """Class -> JSON key -> term. A key with two rows in one class, or with a model's key again, has two meanings."""
    found: dict[str, dict[str, Term]] = {}
    for term in properties:
        for domain in term.domains:
            terms = found.setdefault(domain, {})
            if term.name in terms:
                raise BadInput(f"{term.name!r} has two rows for {domain}", place="terms.csv")
            terms[term.name] = term
    for item, model in MODEL_OF.items():
        twice = sorted(found.get(item, {}).keys() & found.get(model, {}).keys())
        if twice:
            raise BadInput(f"{', '.join(twice)}: in {item} and in {model}, so their level is open", place="terms.csv")
    return MappingProxyType({name: MappingProxyType(terms) for name, terms in found.items()})


def _check_ranges(properties: list[Term], classes: Mapping[str, TermClass], codes: Mapping[str, list[Code]]) -> None:
    """Every class and list that a row points to has to be in the table."""
    for one in classes.values():
        if one.parent and one.parent not in classes:
            raise BadInput(f"{one.name}: there is no class {one.parent!r}", place="terms.csv")
    units = {code.name: code for listed in UNIT_LISTS for code in codes.get(listed, ())}
    for term in properties:
        known = {"class": classes.keys(), "code": codes.keys()}.get(term.range.kind)
        if known is not None and term.range.name not in known:
            raise BadInput(f"{term.name}: there is no {term.range.kind} {term.range.name!r}", place="terms.csv")
        strange = [name for name in term.domains if name not in classes and name != "VerifiableCredential"]
        if strange:
            raise BadInput(f"{term.name}: there is no class {strange[0]!r}", place="terms.csv")
        _check_units(term, units)


def _check_units(term: Term, known: Mapping[str, Code]) -> None:
    """Every unit of a term is in the list and measures what the term is about."""
    for name in (*term.units, *term.ucum_units):
        if name not in known:
            raise BadInput(f"{term.name}: {name} is not in the list of units", place="terms.csv")
        kinds = known[name].quantity_kinds
        if term.quantity_kind not in kinds:
            text = f"{term.name}: {name} measures {', '.join(kinds)}, not {term.quantity_kind or 'nothing'}"
            raise BadInput(text, place="terms.csv")
