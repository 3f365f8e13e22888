"""Holding a document against the shapes of its record type: findings with JSON path, definition and advice.

The JSON Schemas run in jsonschema-rs and are compiled once, on first use: laid out for speed to say yes or no, and as
published to say what is wrong. A finding's place has the JSON path of the value as its column; the mapping room leads
it on to the cell.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import cached_property

from jsonschema_rs import Draft202012Validator, ValidationError

from connector.model import AccessClass, Finding, Json, JsonObject, Level, Place
from connector.vocabulary.contract import part_name
from connector.vocabulary.schemas import as_run, schema_of
from connector.vocabulary.shapes import Shapes
from connector.vocabulary.terms import UNIT_LISTS, Term, Terms, nearest_first
from connector.vocabulary.wording import spelled

_LONGEST = 80  # characters of a value that a finding repeats
WRITTEN: Mapping[str, str] = {
    "string": "a text on one line",
    "decimal": 'a decimal number as a string, such as "12.50"',
    "positiveInteger": 'a whole number from 1 as a string, such as "2"',
    "multibase": "a digest in multibase, such as uEiB...",
    "boolean": '"true" or "false" as a string',
    "date": "a day, such as 2027-03-01",
    "dateTime": "a moment in UTC, such as 2027-03-01T09:30:00Z",
}
Path = Sequence[str | int]


class Checker:
    """The compiled shapes. `schemas` maps record type (and `Record`) -> bytes of its JSON Schema."""

    def __init__(self, terms: Terms, shapes: Shapes, schemas: Mapping[str, bytes]) -> None:
        self._terms = terms
        self._shapes = shapes
        self._schemas = schemas
        self._compiled: dict[tuple[str, str], _Compiled | None] = {}

    def check(self, record_type: str, document: JsonObject) -> list[Finding]:
        """What is wrong with a whole subject, or with a credential of this type.

        A credential is checked as the part (class and level) that its record names; a party's has no parts.
        """
        if "credentialSubject" not in document:
            return self._run(record_type, "", document, "$")
        subject = document["credentialSubject"]
        shape = self._shapes.records.get(record_type)
        if shape is None or shape.kind == "party":
            return self._run(record_type, "", subject, "$.credentialSubject")
        record = document.get("record")
        findings = self._run("Record", "", record, "$.record")
        if findings or not isinstance(record, dict):
            return findings
        part = part_name(AccessClass(str(record["accessClass"])), Level(str(record["level"])))
        return self._run(record_type, part, subject, "$.credentialSubject")

    def check_mapped(self, record_type: str, subject: JsonObject) -> list[Finding]:
        """As `check` of a whole subject, before its links are made: links may be any object, ids beside them wait."""
        return self._run(record_type, "loose", subject, "$")

    def _run(self, record_type: str, part: str, value: Json, root: str) -> list[Finding]:
        """All findings of one validator."""
        key = (record_type, part)
        if key not in self._compiled:
            if record_type not in self._schemas:
                near = get_close_matches(record_type, self._schemas, n=3)
                hint = f"did you mean {', '.join(near)}?" if near else ""
                return [
                    Finding(code="unknown-record-type", message=f"there is no record type {record_type!r}", hint=hint)
                ]
            schema = schema_of(json.loads(self._schemas[record_type]), part)
            self._compiled[key] = None if schema is None else _Compiled(schema)
        compiled = self._compiled[key]
        if compiled is None:
            text = f"a {record_type} has no values of {part.removeprefix('part-')}"
            return [Finding(code="unknown-part", message=text, place=Place(column=root))]
        if compiled.quick.is_valid(value):
            return []
        return self._findings(record_type, compiled.published, value, root)

    def _findings(self, record_type: str, published: Draft202012Validator, value: Json, root: str) -> list[Finding]:
        """What is wrong; of two findings about one thing at one place, the one that leaves less to choose."""
        reader = _Reader(self._terms, self._shapes, record_type, value, root)
        found: dict[tuple[str, str, str], Finding] = {}
        for error in published.iter_errors(value):
            for finding in reader.findings(error):
                key = (finding.code, finding.message, finding.place.column)
                if key not in found or len(finding.hint) < len(found[key].hint):
                    found[key] = finding
        if not found:
            raise RuntimeError(f"a {record_type} is refused by its shapes as they run, not by the published ones")
        return list(found.values())


class _Compiled:
    """One use of a record type's schema: laid out for speed, and as published, which only bad documents need."""

    def __init__(self, schema: JsonObject) -> None:
        self._schema = schema
        self.quick = Draft202012Validator(as_run(schema), validate_formats=True)

    @cached_property
    def published(self) -> Draft202012Validator:
        """The schema as it is."""
        return Draft202012Validator(self._schema, validate_formats=True)


class _Reader:
    """Turns the validator's errors about one document into findings."""

    def __init__(self, terms: Terms, shapes: Shapes, record_type: str, document: Json, root: str) -> None:
        self._terms = terms
        self._shapes = shapes
        self._record_type = record_type
        self._document = document
        self._root = root

    def findings(self, error: ValidationError) -> list[Finding]:
        """One error may name several keys."""
        path, keyword, told = error.instance_path, error.kind.name, error.kind.value
        if keyword == "additionalProperties":
            return [self._unknown(path, str(name)) for name in told]
        if keyword == "required":
            return [self._missing(path, str(told))]
        if keyword in {"oneOf", "anyOf"}:
            return [self._choice(path, exactly_one=keyword == "oneOf")]
        if keyword in {"enum", "const"}:
            return [self._bad_word(path, told if isinstance(told, list) else [told], self._value_at(path))]
        return [self._bad_value(path, keyword, self._value_at(path))]

    def _unknown(self, path: Path, name: str) -> Finding:
        """A key that the node may not have: JSON-LD would leave it out of what is signed, or it belongs elsewhere."""
        class_name = self._class_at(path)
        known = self._terms.find(class_name, name)
        near = ", ".join(self._terms.near(name, class_name))
        shape = class_name if class_name in self._shapes.nodes else self._record_type
        listed = f"what may stand here: battery-connector vocab term {shape}"
        hint = f"did you mean {near}?" if near and known is None else listed
        text = f"{class_name} has no term {_short(name)!r} here"
        others = [term for term in self._terms.properties if term.name == name]
        if known is None and others:
            text += f"; it is one of {', '.join(others[0].domains)}"
        return self._finding("unknown-term", text, hint, [*path, name], term=known or next(iter(others), None))

    def _missing(self, path: Path, name: str) -> Finding:
        """A key that the node has to have."""
        class_name = self._class_at(path)
        hint = _expected(self._terms.find(class_name, name))
        return self._finding("missing-term", f"{class_name} needs {name}", hint, [*path, name])

    def _choice(self, path: Path, *, exactly_one: bool) -> Finding:
        """Too many or too few of the terms that go together."""
        class_name = self._class_at(path)
        shape = self._shapes.nodes.get(class_name)
        choices = [choice for choice in shape.choices if choice.exactly_one is exactly_one] if shape else []
        names = " / ".join(", ".join(choice.names) for choice in choices)
        count = "exactly one" if exactly_one else "at least one"
        return self._finding("choice", f"{class_name} needs {count} of {names}", "", path)

    def _bad_word(self, path: Path, words: list[Json], value: Json) -> Finding:
        """A value that is not in its list."""
        if not isinstance(value, str):
            return self._bad_value(path, "type", value)
        name, holder = str(path[-1]) if path else "value", self._term_at(path[:-1])
        term = self._term_at(path)
        if term is not None and term.range.name in UNIT_LISTS:
            return self._bad_unit(term, words, value, path, holder)
        if holder is not None and name in holder.said:
            text = f"{holder.name} is given {holder.said[name]}, not {_short(value)}"
            return self._finding("bad-code", text, "convert the value, or take another term", path, value, term=holder)
        text = f"{_short(value)!r} is no {name} that may stand here"
        return self._finding(
            "bad-code", text, "one of " + ", ".join(nearest_first(value, map(str, words))), path, value
        )

    def _bad_unit(self, term: Term, words: list[Json], value: str, path: Path, holder: Term | None) -> Finding:
        """No unit at all, a unit of another dimension, or one into which the value has to be converted."""
        units = {code.name: code for code in self._terms.codes[term.range.name]}
        told = [f"{word} ({units[word].label})" if word in units else str(word) for word in map(str, words)]
        allowed, unit = ", ".join(told), units.get(value)
        if unit is None:
            meant = next((one for one in units.values() if value in {one.ucum, one.label}), None)
            hint = f"did you mean {meant.name} ({meant.label})?" if meant else f"one of {allowed}"
            return self._finding("bad-unit", f"{_short(value)!r} is no unit code", hint, path, value, term=holder)
        if holder is None or not holder.quantity_kind or holder.quantity_kind in unit.quantity_kinds:
            text = f"{(holder or term).name} is not given in {value} ({unit.label})"
            return self._finding("bad-unit", text, f"convert the value into {allowed}", path, value, term=holder)
        kinds = " or ".join(map(spelled, unit.quantity_kinds))
        text = f"{holder.name} is a {spelled(holder.quantity_kind)}, and {value} ({unit.label}) measures {kinds}"
        return self._finding("bad-dimension", text, f"one of {allowed}", path, value, term=holder)

    def _bad_value(self, path: Path, keyword: str, value: Json) -> Finding:
        """A value of the wrong JSON type, or not written as its datatype asks."""
        term = self._term_at(path)
        name = term.name if term else "the subject"
        if keyword == "type" and isinstance(value, int | float) and not isinstance(value, bool):
            hint = "write numbers as strings, so that no digit is lost"
            return self._finding("number", f"{name} is a JSON number", hint, path, value)
        if keyword == "type":
            return self._finding("wrong-type", f"{name} has the wrong JSON type", _expected(term), path, value)
        return self._finding("bad-value", f"{name} is not written as it has to be", _expected(term), path, value)

    def _finding(
        self, code: str, message: str, hint: str, path: Path, value: Json = None, *, term: Term | None = None
    ) -> Finding:
        """The finding, with the definition of the term (by itself that of the path's end) behind the sentence."""
        term = term or self._term_at(path)
        return Finding(
            code=code,
            message=f"{message} ({term.label}: {term.definition})" if term else message,
            hint=hint,
            term=term.name if term else "",
            place=Place(column=self._root + json_path(path), value=_short(value)),
        )

    def _class_at(self, path: Path) -> str:
        """The class of the node at the end of a path."""
        node = self._document
        named = node.get("type") if isinstance(node, dict) else None
        current = "Record" if self._record_type == "Record" else named if isinstance(named, str) else self._record_type
        for key in path:
            if isinstance(key, str):
                term = self._terms.find(current, key)
                current = term.range.name if term and term.range.kind == "class" else ""
        return current

    def _value_at(self, path: Path) -> Json:
        """The value at the end of a path."""
        value = self._document
        for key in path:
            if isinstance(value, dict) and isinstance(key, str):
                value = value[key]
            if isinstance(value, list) and isinstance(key, int):
                value = value[key]
        return value

    def _term_at(self, path: Path) -> Term | None:
        """The term of the last key of a path."""
        last = max((place for place, key in enumerate(path) if isinstance(key, str)), default=-1)
        return self._terms.find(self._class_at(path[:last]), str(path[last])) if last >= 0 else None


def json_path(path: Path) -> str:
    """`.input[0].quantity`: the steps behind the root."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)


def _expected(term: Term | None) -> str:
    """What the term holds, in words."""
    if term is None:
        return ""
    if term.pattern:
        one = f"written as {term.pattern}"
    elif term.range.kind == "id":
        one = "an absolute IRI, such as urn:uuid:... or did:web:..."
    elif term.range.kind == "literal":
        one = WRITTEN[term.range.name]
    else:
        one = (
            f"a word of the list {term.range.name}"
            if term.range.kind == "code"
            else f"a node of type {term.range.name}"
        )
    return f"a list, each {one}" if term.many else one


def _short(value: Json) -> str:
    """A value for people, cut off."""
    text = value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
