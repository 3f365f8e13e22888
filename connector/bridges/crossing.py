"""Over a bridge and back: a subject of ours into another data model's document, and the other way, with every loss.

The way is the matches table's; formats with an envelope, several files or events of their own add these around it. A
loss is a finding whose `term` is where the value stood. Codes: `no-match` (the other model has no place),
`close-match` (carried, with a difference), `detail` (a quantity's qualifier, method or time is not carried), `unfit`
(the value can't be said there), `not-read` (a place of theirs that means nothing to us).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from connector.bridges import path
from connector.bridges.matches import Match, Matches
from connector.errors import BadInput
from connector.mapping.unfit import Unfit
from connector.model import Finding, Json, JsonObject

_KEYS = frozenset({"id", "type"})


@dataclass(slots=True, kw_only=True)
class Crossed:
    """What came out on the other side, and what did not."""

    document: JsonObject = field(default_factory=dict)
    losses: list[Finding] = field(default_factory=list)

    def lose(self, code: str, term: str, message: str) -> None:
        """Put a loss on the list."""
        self.losses.append(Finding(code=code, message=message, term=term))


def convert(subject: JsonObject, matches: Matches) -> Crossed:
    """A subject of ours as their document."""
    crossed = Crossed()
    class_name = subject.get("type")
    if not isinstance(class_name, str):
        raise BadInput("the document has no type", hint="a subject as `map run` or `passport view` writes it")
    crossed.document = _Writing(matches=matches, crossed=crossed).node(subject, class_name, "", "")
    return crossed


def read(document: JsonObject, matches: Matches, class_name: str) -> Crossed:
    """Their document as a subject of ours (without id: that is for whoever keeps it to say)."""
    crossed = Crossed(document={"type": class_name})
    reading = _Reading(matches=matches, crossed=crossed)
    reading.node(document, class_name, "", "", crossed.document)
    for place in path.leaves(document):
        if not reading.has_read(place):
            crossed.lose("not-read", place, "we have no term for it")
    return crossed


# --- there -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Writing:
    """One document of ours on its way to them."""

    matches: Matches
    crossed: Crossed

    def node(self, node: JsonObject, class_name: str, at: str, within: str) -> JsonObject:
        """One node of ours, which stands `at`, as the object of theirs that stands `within` their document."""
        out: JsonObject = {}
        for name, value in node.items():
            where = f"{at}.{name}" if at else name
            rows = list(_within(self.matches, class_name, within, name))
            if not rows and name not in _KEYS:
                self.crossed.lose("no-match", where, f"{self.matches.source} has no place for it")
            for match, rest in rows:
                self._tell(match, value, where)
                try:
                    path.put(out, rest, self._value(match, value, where))
                except Unfit as bad:
                    self.crossed.lose("unfit", where, bad.message)
        return out

    def _tell(self, match: Match, value: Json, where: str) -> None:
        if not match.exact:
            self.crossed.lose("close-match", where, match.note or f"{match.place} is close, not the same")
        if details := match.form.details(value):
            self.crossed.lose("detail", where, f"{', '.join(details)} of the quantity is not carried")

    def _value(self, match: Match, value: Json, where: str) -> Json:
        """The value as they write it; of a node of ours, an object with what matches within it."""
        if not _holds_nodes(match, self.matches):
            return match.form.write(value)
        made: list[Json] = []
        many = isinstance(value, list)
        for number, one in enumerate(value if isinstance(value, list) else [value]):
            if not isinstance(one, dict):
                raise Unfit("not-a-node", "a node is an object")
            at = f"{where}[{number}]" if many else where
            made.append(self.node(one, match.term.range.name, at, match.place))
        return made if match.path[-1].each else made[0]


# --- and back --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """One document of theirs on its way to us. `taken`: the places that have been read."""

    matches: Matches
    crossed: Crossed
    taken: set[str] = field(default_factory=set)

    def node(self, theirs: JsonObject, class_name: str, at: str, within: str, out: JsonObject) -> None:
        """One object of theirs, which stands `at`, into one node of ours."""
        for match, rest in _within(self.matches, class_name, within, None):
            found = path.get(theirs, rest, at)
            name = match.term.name
            if found is None or found.value == [] or name in out:  # an earlier row of the table has said it
                continue
            self.taken.update(found.told)
            try:
                out[name] = self._value(match, found)
            except Unfit as bad:
                self.crossed.lose("unfit", found.place, bad.message)

    def has_read(self, place: str) -> bool:
        """Whether a place, or what it stands in, has been read."""
        return any(place == one or place.startswith((f"{one}.", f"{one}[")) for one in self.taken)

    def _value(self, match: Match, found: path.Found) -> Json:
        if not _holds_nodes(match, self.matches):
            self.taken.add(found.place)
            return match.form.read(found.value)
        made: list[Json] = []
        many = isinstance(found.value, list)
        for number, one in enumerate(found.value if isinstance(found.value, list) else [found.value]):
            if not isinstance(one, dict):
                raise Unfit("not-a-node", f"{match.place} is an object")
            node: JsonObject = {"type": match.term.range.name}
            at = f"{found.place}[{number}]" if many else found.place
            self.node(one, match.term.range.name, at, match.place, node)
            made.append(node)
        return made if match.term.many else made[0]


# --- shared ----------------------------------------------------------------------------------------------------------


def _within(matches: Matches, class_name: str, within: str, name: str | None) -> Iterator[tuple[Match, path.Path]]:
    """The matches of a class (and term) inside a place, each with the rest of its path."""
    for match in matches.of(class_name):
        if name is not None and match.term.name != name:
            continue
        if not within:
            yield match, match.path
        elif match.place.startswith(f"{within}."):
            yield match, match.path[within.count(".") + 1 :]


def _holds_nodes(match: Match, matches: Matches) -> bool:
    """Whether the value is a node that has matches of its own inside the place."""
    term = match.term
    return term.range.kind == "class" and any(_within(matches, term.range.name, match.place, None))
