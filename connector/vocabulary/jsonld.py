"""JSON-LD 1.1 expansion, as far as our contexts and their like need it; what is lost on the way is told.

After JSON-LD 1.1 Processing Algorithms, sections 4.1 and 5.1: term definitions with datatype, container set,
protection, `@vocab`, and contexts scoped to a class or a property. Any other feature of a context is refused when a
document uses a term that has it: nothing is guessed. Where a processor would silently leave a key out or resolve an IRI
against a base, a problem is noted. Pure: contexts come as values. PyLD judges in the tests that both expand alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from connector.errors import BadInput
from connector.model import Json, JsonObject

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>\"{}|\\^`]*")
_PLAIN_TYPES = frozenset({"@id", "@vocab", "@none"})
_PASSED_OVER = frozenset({"@version", "@protected", "@propagate"})
_UNDERSTOOD = frozenset({"@id", "@type", "@container", "@context", "@protected"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """What a context says of one key. `iri` may be a keyword. `strange`: a feature that is not read here.

    `is_set` changes no expansion; it is compared where a protected term is defined once more (JSON-LD 1.1 API, 4.2.2).
    """

    iri: str
    datatype: str = ""
    is_set: bool = False
    scoped: Json = None
    has_scoped: bool = False
    protected: bool = False
    strange: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Active:
    """An active context. `previous`: what holds again in the nodes within (a context of a class does not go on)."""

    definitions: Mapping[str, Definition] = field(default_factory=lambda: MappingProxyType({}))
    vocab: str = ""
    previous: Active | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """What would be lost: a `dropped-key` or a `relative-iri`, with its JSON path."""

    code: str
    path: str


@dataclass(frozen=True, slots=True)
class Expanded:
    """An expanded node, and what was lost."""

    node: JsonObject
    problems: tuple[Problem, ...]


def iris(value: Json) -> Iterator[str]:
    """Every property and class that an expanded document names."""
    if isinstance(value, list):
        for inner in value:
            yield from iris(inner)
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "@type" and "@value" not in value:
                yield from map(str, inner if isinstance(inner, list) else [inner])
            elif not key.startswith("@"):
                yield key
                yield from iris(inner)


def extended(active: Active, context: Json, *, propagate: bool = True, override: bool = False) -> Active:
    """The active context with a local one upon it (4.1). `override`: a property's context may redefine."""
    if context is None:
        if not override and any(one.protected for one in active.definitions.values()):
            raise BadInput("a context takes away protected terms")
        return Active()
    if not isinstance(context, dict):
        raise BadInput("a context within a context has to be an object here")
    if context.get("@propagate") is False:
        propagate = False
    vocab = context.get("@vocab", active.vocab)
    definitions = dict(active.definitions)
    for key, given in context.items():
        if key == "@vocab" or key in _PASSED_OVER:
            continue
        if key.startswith("@"):
            raise BadInput(f"{key} in a context is not read here")
        made = _definition(key, given, context, str(vocab or ""), active)
        known = active.definitions.get(key)
        if known is not None and known.protected and not override:
            if replace(made, protected=True) != known:
                raise BadInput(f"{key} is protected and defined again with another meaning")
            made = known
        definitions[key] = made
    previous = None if propagate else (active.previous or active)
    return Active(definitions=MappingProxyType(definitions), vocab=str(vocab or ""), previous=previous)


def _definition(key: str, given: Json, context: JsonObject, vocab: str, active: Active) -> Definition:
    """One term definition (4.2)."""
    protected = context.get("@protected") is True
    if given is None:
        return Definition(iri="", protected=protected)
    told: Json = {"@id": given} if isinstance(given, str) else given
    if not isinstance(told, dict):
        raise BadInput(f"{key} is neither defined by a text nor by an object")
    iri = _full(str(told.get("@id", key)), context, vocab, active)
    datatype = str(told.get("@type", ""))
    return Definition(
        iri=iri,
        datatype=_full(datatype, context, vocab, active) if datatype else "",
        is_set=told.get("@container") == "@set",
        scoped=told.get("@context"),
        has_scoped="@context" in told,
        protected=told.get("@protected", protected) is True,
        strange=_strange(told),
    )


def _strange(told: JsonObject) -> str:
    """A feature of a definition that is not read here."""
    if told.get("@container", "@set") != "@set":
        return f"@container {told['@container']}"
    if told.get("@type") == "@json":
        return "@type @json"
    return next((key for key in told if key.startswith("@") and key not in _UNDERSTOOD), "")


def _full(text: str, context: JsonObject, vocab: str, active: Active) -> str:
    """An IRI from what a context writes: a keyword, an IRI, a short form with a prefix, or a name under `@vocab`."""
    if text.startswith("@"):
        return text
    prefix, colon, rest = text.partition(":")
    if colon:
        start = context.get(prefix)
        start = start.get("@id") if isinstance(start, dict) else start
        known = active.definitions.get(prefix)
        if isinstance(start, str) and not rest.startswith("//"):
            return start + rest
        return known.iri + rest if known is not None and not rest.startswith("//") else text
    other = context.get(text)
    if isinstance(other, str) and other != text:
        return _full(other, context, vocab, active)
    known = active.definitions.get(text)
    return known.iri if known is not None else vocab + text if vocab else ""


class Expander:
    """Expands documents under the same contexts, in this order. `contexts`: the objects behind `@context`."""

    def __init__(self, contexts: Sequence[JsonObject]) -> None:
        self._problems: list[Problem] = []
        self._of_class: dict[tuple[int, str], Active] = {}
        self._active = Active()
        for context in contexts:
            self._active = extended(self._active, context)

    def expand(self, document: JsonObject) -> Expanded:
        """One document; a context of its own is passed over."""
        self._problems = []
        node = self._node({key: value for key, value in document.items() if key != "@context"}, self._active, "$")
        return Expanded(node, tuple(self._problems))

    def _node(self, value: JsonObject, active: Active, path: str) -> JsonObject:
        """A node object (5.1.2)."""
        types = self._types(value, active)
        outer = active
        for name in sorted(types):
            active = self._within(active, name, outer)
        made: JsonObject = {}
        for key, inner in value.items():
            definition = active.definitions.get(key)
            iri = key if key.startswith("@") else definition.iri if definition else self._undefined(key, active)
            here = f"{path}.{key}"
            if iri == "@id":
                made["@id"] = self._iri(inner, here)
            elif iri == "@type":
                made["@type"] = [self._class(name, outer, here) for name in types]
            elif not iri or iri.startswith("@"):
                self._problems.append(Problem("dropped-key", here))
            elif inner is not None:
                self._add(made, iri, self._values(inner, definition or Definition(iri=iri), active, here))
        return made

    def _within(self, active: Active, name: str, outer: Active) -> Active:
        """The active context within a node of this class."""
        definition = outer.definitions.get(name)
        if definition is None or not definition.has_scoped:
            return active
        key = (id(active), name)  # stays alive: it is the first one, kept here, or `previous` of one kept here
        if key not in self._of_class:
            self._of_class[key] = extended(active, definition.scoped, propagate=False)
        return self._of_class[key]

    def _types(self, value: JsonObject, active: Active) -> list[str]:
        for key, inner in value.items():
            definition = active.definitions.get(key)
            if key == "@type" or (definition is not None and definition.iri == "@type"):
                return [str(name) for name in (inner if isinstance(inner, list) else [inner])]
        return []

    def _undefined(self, key: str, active: Active) -> str:
        """A key that no context defines."""
        if _ABSOLUTE.fullmatch(key):
            return key
        return active.vocab + key if active.vocab else ""

    def _add(self, made: JsonObject, iri: str, values: list[Json]) -> None:
        listed = made.setdefault(iri, [])
        assert isinstance(listed, list)
        listed.extend(values)

    def _values(self, value: Json, definition: Definition, active: Active, path: str) -> list[Json]:
        if definition.strange:
            raise BadInput(f"{definition.strange} is not read here", place=path)
        listed = value if isinstance(value, list) else [value]
        return [
            self._value(one, definition, active, f"{path}[{place}]" if listed is value else path)
            for place, one in enumerate(listed)
        ]

    def _value(self, value: Json, definition: Definition, active: Active, path: str) -> Json:
        """A node, an IRI or a literal (5.3)."""
        if isinstance(value, dict):
            within = active.previous or active
            if definition.has_scoped:
                within = extended(within, definition.scoped, override=True)
            return self._node(value, within, path)
        if definition.datatype in _PLAIN_TYPES and isinstance(value, str):
            if definition.datatype == "@vocab":
                return {"@id": self._class(value, active, path)}
            return {"@id": self._iri(value, path)} if definition.datatype == "@id" else {"@value": value}
        if definition.datatype and definition.datatype not in _PLAIN_TYPES:
            return {"@type": definition.datatype, "@value": value}
        return {"@value": value}

    def _class(self, name: str, active: Active, path: str) -> str:
        """A class by its name."""
        definition = active.definitions.get(name)
        if definition is not None:
            return definition.iri
        return self._iri(active.vocab + name if active.vocab and ":" not in name else name, path)

    def _iri(self, value: Json, path: str) -> str:
        text = value if isinstance(value, str) else ""
        if not _ABSOLUTE.fullmatch(text) and not text.startswith("_:"):
            self._problems.append(Problem("relative-iri", path))
        return text
