"""Which column of an export says which term of a record: proposals, each with its confidence and its reason.

Nothing is proposed silently: what is not sure enough to run says why, what fits nothing is told with what is nearest,
and a required term without a column is told too. The same export gives the same proposals. How they are written as a
plan: `proposal`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from connector.mapping.profile import Column
from connector.mapping.quoting import flow, plain_text
from connector.mapping.scoring import NO_FIT, Score, Scoring
from connector.mapping.slots import LINKED, METALS, MINTED, NAMED, OWN, Slot
from connector.mapping.units import UNITS
from connector.mapping.values import Asked, value_of
from connector.vocabulary.headings import SCHEME

SURE, LIKELY = 0.74, 0.45
_NEAR, _EQUAL, _WANTED = 3, 0.01, 0.04
_UNDECIDED = frozenset({"input", "output"})
"""Lists of the same nodes: which of them a row belongs to, no heading says."""
_RECYCLED = re.compile(r"re[cz]y[ck]|kierr|sekund|secondary", re.IGNORECASE)
"""Of the metal that a lot holds, only a part, or its share of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A proposal: the place, what is written there, whether it runs or is commented out, and why."""

    slot: Slot
    text: str
    runs: bool
    worth: float
    reason: str
    columns: tuple[tuple[str, str], ...]
    """Columns with the path of the term that each fills."""
    many: bool = False

    @property
    def path(self) -> tuple[str, ...]:
        """The terms that lead to its place."""
        return self.slot.path


@dataclass(slots=True, kw_only=True)
class Suggestions:
    """All that was found out. `key`: the column of the business key; `near`: what fitted a left column best."""

    record: str
    subject: str
    key: str = ""
    key_reason: str = ""
    group: bool = False
    identifiers: list[tuple[str, str]] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    buyers: tuple[str, Score] | None = None
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    near: dict[str, tuple[tuple[str, float], ...]] = field(default_factory=dict)
    spoiled: dict[str, str] = field(default_factory=dict)
    """Columns that a cell keeps from what their heading says -> which cell, from what."""
    missing: list[Slot] = field(default_factory=list)


class Suggesting:
    """One search over the columns of one export. `added`: what exports joined to it bring, for values alone."""

    def __init__(
        self, scoring: Scoring, slots: tuple[Slot, ...], columns: tuple[Column, ...], asked: Asked,
        added: tuple[Column, ...],
    ) -> None:  # fmt: skip
        self.scoring = scoring
        self.slots = slots
        self.columns = tuple(column for column in columns if plain_text(column.name))
        self.asked = asked
        self.added = tuple(column for column in added if plain_text(column.name))
        self.concepts = {column.name: scoring.concepts(column) for column in (*columns, *added)}
        self.taken: set[str] = set()
        self.filled: set[tuple[str, ...]] = set()

    def search(self, record: str, subject: str) -> Suggestions:
        """The proposals for a record about a subject."""
        found = Suggestions(record=record, subject=subject)
        numbers = self._numbers()
        self._key(found, numbers)
        self._parts()
        self._metals(found)
        self._measurements(found)
        self._numbered(found, numbers)
        self._others(found)
        self._shares(found)
        self._again(found)
        self._incomplete(found)
        self._buyers(found)
        found.codes = self.asked.codes
        found.missing = [slot for slot in self.slots if slot.required and slot.path not in self.filled]
        parts = {column.name for column in (*self.asked.units, *self.asked.clocks)}
        used = (self.taken - parts) | {name for entry in found.entries for name, _ in entry.columns}
        found.near = {column.name: self._nearest(column) for column in self.columns if column.name not in used}
        for column in self.columns:
            worth, said, slot = self._spoiled(column) if column.name in found.near else (0.0, "", "")
            if worth >= LIKELY:
                found.spoiled[column.name] = f"{slot}? {said}"
        return found

    # --- business numbers ---

    def _numbers(self) -> dict[str, tuple[Column, Score]]:
        """Scheme -> the column that holds its numbers."""
        said = []
        for order, column in enumerate(self.columns):
            if column.dates or column.unit or column.element or column.fractions or not column.values:
                continue
            meanings = self.concepts[column.name]
            strongest = max(score.worth for score in meanings.values()) if meanings else 0.0
            schemes = {says: score for says, score in meanings.items() if says.startswith(SCHEME)}
            likely = {says: score for says, score in schemes.items() if score.worth >= max(LIKELY, strongest - 0.1)}
            said += [
                (-score.worth, len(likely), order, says.removeprefix(SCHEME), column, score)
                for says, score in likely.items()
            ]
        found: dict[str, tuple[Column, Score]] = {}
        given: set[str] = set()
        for *_, scheme, column, score in sorted(said, key=lambda one: one[:3]):
            if scheme not in found and column.name not in given:
                found[scheme] = column, score
                given.add(column.name)
        return found

    def _key(self, found: Suggestions, numbers: dict[str, tuple[Column, Score]]) -> None:
        """The business key and the identifiers: the numbers by which the subject is known."""
        own = OWN.get(found.record, OWN.get(found.subject, ""))
        schemes = [own, *(["documentNumber"] if found.subject.endswith("Event") else [])]
        for scheme in schemes:
            if scheme in numbers:
                column, score = numbers[scheme]
                found.identifiers.append((scheme, column.name))
                self.taken.add(column.name)
                if not found.key:
                    self._same_term(found, scheme, column, score)
                    unsure = "" if score.worth >= SURE else "NOT SURE: "
                    found.key, found.key_reason, found.group = column.name, unsure + score.reason, not column.unique
        rows = {slot.path[0] for slot in self.slots if slot.required and slot.lists[0] and len(slot.path) > 1}
        found.group = found.group or bool(found.identifiers and rows - _UNDECIDED)
        if found.identifiers:
            self.filled.add(("identifier",))
            return
        unique = next((column for column in self.columns if column.unique and not column.unit), None)
        first = unique or self.columns[0]
        found.key, found.group = first.name, unique is None
        found.key_reason = f"NOT SURE: no heading says `{own or 'number'}`; " + (
            "this is the first column whose cells all differ" if unique else "and in no column all cells differ"
        )

    def _same_term(self, found: Suggestions, scheme: str, column: Column, score: Score) -> None:
        """A number that is a term of its own too, such as the delivery note's."""
        slot = next((each for each in self.slots if each.path == (scheme,) and each.term.range.kind == "literal"), None)
        if slot is not None:
            self._enter(found, _entry(slot, flow(column.name), score, ((column.name, scheme),)))

    def _numbered(self, found: Suggestions, numbers: dict[str, tuple[Column, Score]]) -> None:
        """Ids made from numbers of other things, and links to their records."""
        for slot in self.slots:
            name = slot.term.name
            scheme, kind, *rest = MINTED.get(name) or LINKED.get(name) or (NAMED.get(name, ""), "Identifier")
            if scheme not in numbers or slot.path[0] in _UNDECIDED:
                continue
            column, score = numbers[scheme]
            if name in LINKED and dict(found.identifiers).get(scheme) == column.name:
                continue
            number = flow(column.name)
            if name in MINTED:
                text, runs, why = f"{{mint: {kind}, key: {number}}}", score.worth >= SURE, ""
            elif name in NAMED:
                text = f"[{{type: Identifier, scheme: ={scheme}, value: {number}}}]"
                runs, why = score.worth >= SURE, ""
            else:
                own = ", own: true" if rest and rest[0] else ""
                to = f"to: {kind}, " if kind else ""
                text = f"{{link: {{{to}scheme: {scheme}, value: {number}{own}}}}}"
                text, runs = f"[{text}]" if slot.term.many else text, False
                why = f"; a link needs that {kind or 'the'} record published or received"
            place = f"{slot.name}.value" if name in NAMED else slot.name
            scored = Score(score.worth, score.reason + why)
            self._enter(found, _entry(slot, text, scored, ((column.name, place),), runs=runs))

    # --- values ---

    def _parts(self) -> None:
        """Columns that are parts of other values: units, times of day."""
        for before, column in zip((None, *self.columns), self.columns, strict=False):
            said = self.concepts[column.name]
            follows = (
                before is not None and before.number and not before.unit and max(map(len, column.values), default=0) > 1
            )
            named, words = said.get("unit", NO_FIT).worth >= LIKELY, column.unit_words
            known = column.units_of or (words and all(words.values()))
            if (known and (follows or named)) or (named and words and not column.number):
                self.asked.units.append(column)
                self.taken.add(column.name)
            elif column.clock and (":" in column.shown or said.get("time", NO_FIT).worth >= LIKELY):
                self.asked.clocks.append(column)
                self.taken.add(column.name)

    def _uncertain(self, column: Column) -> bool:
        """Whether the heading speaks of an uncertainty."""
        return self.concepts[column.name].get("uncertainty", NO_FIT).worth >= LIKELY

    def _metals(self, found: Suggestions) -> None:
        """Masses of metals with their uncertainties: one node per metal."""
        slot, of_metal = self._place_of_metals(), [each for each in self._of_metals() if self._weighs(each)]
        for column in of_metal if slot is not None else ():
            if slot is None or self._uncertain(column):
                continue
            unsure = next((each for each in of_metal if each.element == column.element and self._uncertain(each)), None)
            self._metal(found, slot, column, unsure)

    def _place_of_metals(self) -> Slot | None:
        places = (each for each in self.slots if each.term.range.name == METALS and each.path[0] not in _UNDECIDED)
        return next(places, None)

    def _of_metals(self) -> list[Column]:
        metals = {code.name for code in self.scoring.terms.codes["Metal"]}
        return [column for column in self.columns if column.element in metals and not _RECYCLED.search(column.name)]

    def _shares(self, found: Suggestions) -> None:
        """Where no column holds the masses of metals: their shares of the net mass, which a person has to look at."""
        slot = self._place_of_metals()
        mass = next((entry for entry in found.entries if entry.path == ("netMass",)), None)
        masses = {column.element for column in self._of_metals() if column.name in self.taken}
        wet = next((each for each in self.columns if self._moist(each) and each.number and each.unit), None)
        for column in self._of_metals() if slot is not None else ():
            share = column.share and _amounts(column) and column.element not in masses
            if not share or slot is None or self._uncertain(column) or column.name in self.taken:
                continue
            of_all = mass.text if mass else "{from: NET MASS, unit: KGM}"
            fraction = f"{{from: {flow(column.name)}, unit: {column.unit or 'P1'}{column.detection}}}"
            dry = f", moisture: {{from: {flow(wet.name)}, unit: {wet.unit}}}" if wet else ""
            of_it = f"{{contained: {{of: {of_all}, fraction: {fraction}{dry}}}, to: KGM, round: 3}}"
            text = f"{{type: {METALS}, metal: ={column.element}, mass: {of_it}}}"
            why = f"the heading says a share of {column.element}"
            why += "" if column.unit else "; NO UNIT is said: % is assumed"
            why += column.odd
            why += (
                "" if mass else "; NO NET MASS was found, of which it is a share: put its column in place of NET MASS"
            )
            why += "; LOOK of which mass: of the dry one, "
            why += "with `moisture`; of the wet one, without" if wet else "add `moisture`"
            columns = ((column.name, f"{slot.name}.mass"), *(((wet.name, f"{slot.name}.mass"),) if wet else ()))
            self._enter(found, _entry(slot, text, Score(0.7, why), columns, runs=False, many=True))

    def _weighs(self, column: Column) -> bool:
        """Whether the column can hold masses; one of empty cells can, where its heading says so."""
        mass = UNITS[column.unit].dimension == "mass" if column.unit else not column.unit_row and not column.share
        return mass and (column.number or not column.values) and column.name not in self.taken

    def _metal(self, found: Suggestions, slot: Slot, column: Column, unsure: Column | None) -> None:
        unit = column.unit or "KGM"
        more = f", uncertainty: {{from: {flow(unsure.name)}}}" if unsure else ""
        to = "" if unit == "KGM" else ", to: KGM"
        mass = f"{{from: {flow(column.name)}, unit: {unit}{to}{more}}}"
        columns = [(column.name, f"{slot.name}.mass")]
        columns += [(unsure.name, f"{slot.name}.mass.uncertainty")] if unsure else []
        why = f"`{column.element}` in the heading" + (f", and `{unsure.name}` beside it" if unsure else "")
        worth = 0.9 if column.unit else 0.7
        why += "" if column.unit else "; NO UNIT is said: the vocabulary's is KGM"
        text = f"{{type: {METALS}, metal: ={column.element}, mass: {mass}}}"
        self._enter(found, _entry(slot, text, Score(worth, why), tuple(columns), many=True))

    def _measurements(self, found: Suggestions) -> None:
        """Measured shares of elements, and moisture: one quantity per column, as laboratories write them."""
        slot = next((each for each in self.slots if each.path == ("measurement",)), None)
        measured = [column for column in self.columns if column.element or self._moist(column)]
        for column in measured if slot is not None else ():
            if self._uncertain(column) or column.name in self.taken or slot is None or not _amounts(column):
                continue
            unit, sure, why = self.asked.unit_of(column)
            unsure = next((each for each in measured if each.element == column.element and self._uncertain(each)), None)
            kind = "quantityKind: =moisture, basis: =wet" if self._moist(column) else f"analyte: ={column.element}"
            more = f", uncertainty: {{from: {flow(unsure.name)}}}" if unsure else ""
            text = f"{{from: {flow(column.name)}, unit: {unit}{column.detection}, {kind}{more}}}"
            columns = [(column.name, "measurement")]
            columns += [(unsure.name, "measurement.uncertainty")] if unsure else []
            columns += [(f"{column.name}@unit", "measurement.unit")] if column.unit_row else []
            basis = "" if self._moist(column) else "; whether of the dry or the wet sample (`basis`) is not said"
            reason = f"the heading is `{column.element or 'moisture'}`; {why}{basis}{column.odd}"
            score = Score(0.9 if sure and not column.odd else 0.7, reason)
            self._enter(found, _entry(slot, text, score, tuple(columns), many=True))

    def _moist(self, column: Column) -> bool:
        return self.concepts[column.name].get("moisture", NO_FIT).worth >= LIKELY

    def _others(self, found: Suggestions) -> None:
        """Everything else, the best pair first; a column and a place are taken once."""
        pairs = []
        for order, column in enumerate((*self.columns, *self.added)):
            for slot in self.slots if column.name not in self.taken else ():
                score = self.scoring.score(column, slot, self.concepts[column.name])
                if score.worth >= LIKELY and slot.path not in self.filled:
                    rank = -score.worth - _WANTED * slot.required
                    pairs.append((rank, len(slot.path), order, column, slot, score))
        pairs.sort(key=lambda pair: pair[:3])
        for number, (*_, column, slot, score) in enumerate(pairs):
            if column.name in self.taken or slot.path in self.filled:
                continue
            rivals = [other.name for *_, one, other, worth in pairs[number + 1 :] if one is column
                      and other.path not in self.filled and other.required >= slot.required
                      and score.worth - worth.worth < _EQUAL]  # fmt: skip
            self._fill(found, column, slot, score, rivals)

    def _fill(self, found: Suggestions, column: Column, slot: Slot, score: Score, rivals: list[str]) -> None:
        made = value_of(self.asked, self.scoring, column, slot)
        reason = score.reason + (f"; {made.doubt}" if made.doubt else "")
        if rivals:
            reason += f"; it could be {', '.join(rivals[:_NEAR])} as well"
        runs = score.worth >= SURE and not made.doubt and not rivals
        columns = ((column.name, slot.name), *((name, f"{slot.name}{part}") for name, part in made.further))
        self.taken |= {name for name, _ in made.further}
        self._enter(found, _entry(slot, made.text, Score(score.worth, reason), columns, runs=runs))

    def _again(self, found: Suggestions) -> None:
        """What stands in two places: the country of a site, and of its address."""
        nodes = {entry.path[:-1] for entry in found.entries if entry.runs and len(entry.path) > 1}
        by_name = {entry.path[-1]: entry for entry in found.entries if entry.runs and not entry.many}
        for slot in self.slots:
            same = by_name.get(slot.path[-1])
            if (
                same is not None
                and slot.needs[-1]
                and slot.path[:-1] in nodes
                and slot.path not in self.filled
                and slot.path != same.path
            ):
                reason = f"as {'.'.join(same.path)}"
                columns = tuple((name, slot.name) for name, _ in same.columns)
                self._enter(found, replace(same, slot=slot, reason=reason, columns=columns))

    def _incomplete(self, found: Suggestions) -> None:
        """A node that no record needs, and of which a part is missing, is commented out as a whole."""
        nodes = {entry.path[:depth] for entry in found.entries for depth in range(1, len(entry.path))}
        for node in sorted(nodes, key=len, reverse=True):
            depth = len(node)
            within = [slot for slot in self.slots if slot.path[:depth] == node]
            needed = {slot.path[depth] for slot in within if slot.needs[depth]}
            there = {entry.path[depth] for entry in found.entries if entry.runs and entry.path[:depth] == node}
            lacks = [name for name in dict.fromkeys(slot.path[depth] for slot in within) if name in needed - there]
            if not lacks or all(within[0].needs[:depth]):
                continue
            why = f"; not yet: {'.'.join(node)} also needs {', '.join(lacks)}"
            found.entries = [
                replace(entry, runs=False, reason=entry.reason + why)
                if entry.runs and entry.path[:depth] == node else entry
                for entry in found.entries
            ]  # fmt: skip
            self.filled -= {slot.path for slot in within}

    def _enter(self, found: Suggestions, entry: Entry) -> None:
        self.taken |= {name for name, _ in entry.columns}
        if entry.runs:
            self.filled.add(entry.path)
        found.entries.append(entry)

    def _buyers(self, found: Suggestions) -> None:
        """Who may get a unit is access, and never proposed as done."""
        for column in self.columns:
            said = self.concepts[column.name].get("buyers", NO_FIT)
            if said.worth >= LIKELY:
                reason = f"{said.reason}; it says who may get a unit, so a person has to say it"
                found.buyers = column.name, Score(said.worth, reason)
                self.taken.add(column.name)
                return

    def _spoiled(self, column: Column) -> tuple[float, str, str]:
        said = self.concepts[column.name]
        open_slots = [slot for slot in self.slots if slot.path not in self.filled]
        found = [(*self.scoring.spoiled(column, slot, said), slot.name) for slot in open_slots]
        return max(found, key=lambda one: one[0], default=(0.0, "", ""))

    def _nearest(self, column: Column) -> tuple[tuple[str, float], ...]:
        said = self.concepts[column.name]
        scored = {slot.name: self.scoring.score(column, slot, said).worth for slot in self.slots}
        ranked = sorted(scored.items(), key=lambda pair: (-pair[1], pair[0]))
        return tuple((name, worth) for name, worth in ranked[:_NEAR] if worth > 0)


def _amounts(column: Column) -> bool:
    """Whether its cells are numbers, but for a few, or none."""
    return column.number or not column.values or bool(column.unnumbered)


def _entry(
    slot: Slot, text: str, score: Score, columns: tuple[tuple[str, str], ...], *, runs: bool | None = None,
    many: bool = False,
) -> Entry:  # fmt: skip
    """A proposal; it runs where it is sure, unless said otherwise."""
    return Entry(slot=slot, text=text, runs=score.worth >= SURE if runs is None else runs, worth=score.worth,
                 reason=score.reason, columns=columns, many=many)  # fmt: skip
