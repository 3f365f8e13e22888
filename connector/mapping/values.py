"""What is written in a plan for a column in its place: date format, unit, code list, with what is doubtful about it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from connector.mapping.dates import days_in_times
from connector.mapping.doubts import likelier
from connector.mapping.profile import Column
from connector.mapping.quoting import flow
from connector.mapping.scoring import Scoring
from connector.mapping.slots import PARTIES, Slot
from connector.mapping.source import DateCell
from connector.mapping.units import UNITS, unit_named

_SHOWN = 5
_UNKNOWN_UNITS = "WRITE the code list `units`: codes of UN/ECE Rec 20, such as KGM, TNE, GRM"
_OFFSET = re.compile(r"[0-9]{2}:[0-9.:]+(Z|[+-][0-9]{2}:?[0-9]{2})$|^/Date\(")


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """The value's text; why it should not run unseen; further columns in it, with the term they fill."""

    text: str
    doubt: str = ""
    further: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True, kw_only=True)
class Asked:
    """What the person said (`zone`), what else is known of the export, and the code lists that the plan needs."""

    zone: str = ""
    order: tuple[str, ...] = ()
    units: list[Column] = field(default_factory=list)
    clocks: list[Column] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def unit_of(self, column: Column) -> tuple[str, bool, str]:
        """The unit of a column of numbers as it is written in the plan; whether it is said; how."""
        if column.unit_row:
            known = {cell: unit_named(cell) for cell in column.unit_row}
            self.codes.setdefault("units", {}).update({cell: code for cell, code in known.items() if code})
            said = all(known.values())
            why = f"its unit row says {', '.join(column.unit_row)}"
            text = f"{{from: {flow(column.name + '@unit')}, codes: units}}"
            return text, said, why if said else f"{why}: UNKNOWN"
        if column.unit:
            return column.unit, True, "the heading says its unit"
        return ("P1", False, "NO UNIT is said: % is assumed") if column.share else ("C62", False, "NO UNIT is said")

    def beside(self, column: Column, among: list[Column]) -> Column | None:
        """The column that belongs to this one: named alike, or the next one behind it. None of another export."""
        if column.name not in self.order:
            return None
        alike = [one for one in among if set(column.words) & set(one.words)]
        place = self.order.index(column.name)
        behind = [one for one in among if self.order.index(one.name) == place + 1]
        return next(iter(alike or behind), None)


def value_of(asked: Asked, scoring: Scoring, column: Column, slot: Slot) -> Made:
    """What stands in the slot for this column."""
    term = slot.term
    if term.range.kind == "class":
        return _quantity(asked, column, slot)
    if term.range.kind == "code":
        return _code(asked, scoring, column, slot)
    if term.range.kind == "id" and term.name in PARTIES:
        return _party(scoring, column)
    made = {
        "date": _date, "dateTime": _time, "boolean": _boolean, "decimal": _number, "positiveInteger": _number,
    }.get(term.range.name, _text)(asked, column)  # fmt: skip
    if term.many:
        return Made(text=f"[{made.text}]", doubt=made.doubt, further=made.further)
    return made


def _text(asked: Asked, column: Column) -> Made:  # noqa: ARG001  # the makers of literals are called alike
    return Made(text=flow(column.name))


def _number(asked: Asked, column: Column) -> Made:  # noqa: ARG001  # the makers of literals are called alike
    return Made(text=f"{{from: {flow(column.name)}, number: source}}")


def _boolean(asked: Asked, column: Column) -> Made:  # noqa: ARG001  # the makers of literals are called alike
    marks = column.boolean or {}
    lists = ", ".join(f'"{name}": [{", ".join(map(flow, cells))}]' for name, cells in marks.items())
    return Made(text=f'{{from: {flow(column.name)}, boolean: {{{lists}}}, default: "false"}}')


def _date(asked: Asked, column: Column) -> Made:  # noqa: ARG001  # the makers of literals are called alike
    if column.dates:
        formats = likelier(column.dates, column.values, times=False)
        return Made(text=f"{{from: {flow(column.name)}, date: {flow(formats[0])}}}", doubt=_ambiguous(formats))
    written = [cell for cell in column.values if not isinstance(cell, DateCell)]
    formats = likelier(days_in_times(*written) or ("iso",), written, times=False)
    doubts = ["LOOK: the cells have a time of day, which is left out; is it the day at your site?", _ambiguous(formats)]
    text = f"{{from: {flow(column.name)}, date: {flow(formats[0])}}}"
    return Made(text=text, doubt="; ".join(filter(None, doubts)))


def _ambiguous(formats: tuple[str, ...]) -> str:
    return f"the dates could be {' or '.join(formats[1:])} as well" if len(formats) > 1 else ""


def _time(asked: Asked, column: Column) -> Made:
    """A time: as it is, a day with the time of day from the column beside it, or a day."""
    zoned = column.times and all(_OFFSET.search(cell) for cell in column.values)
    zone = "" if zoned else f", zone: {asked.zone or 'UTC'}"
    formats = likelier(column.times or column.dates, column.values, times=bool(column.times))
    doubts = ["" if zoned or asked.zone else "the cells say NO TIME ZONE: give --zone", _ambiguous(formats)]
    written, source, further = formats[0], flow(column.name), tuple[tuple[str, str], ...]()
    clock = None if column.times else asked.beside(column, asked.clocks)
    if clock is not None:
        shown = {"iso": "%Y-%m-%d", "sap": "%Y%m%d"}.get(written, written)
        written = f"{shown} {_clock(clock.shown)}"
        source, further = flow(f"{{{column.name}}} {{{clock.name}}}"), ((clock.name, ""),)
    written = {"sap": "%Y%m%d"}.get(written, written)
    text = f"{{from: {source}, datetime: {flow(written)}{zone}}}"
    return Made(text=text, doubt="; ".join(filter(None, doubts)), further=further)


def _clock(shown: str) -> str:
    """How a time of day is written."""
    if ":" not in shown:
        return "%H%M%S"
    hour, half = ("%I", " %p") if shown[-1] in "Mm" else ("%H", "")
    return f"{hour}:%M{':%S' if shown.count(':') > 1 else ''}{half}"


def _code(asked: Asked, scoring: Scoring, column: Column, slot: Slot) -> Made:
    words = scoring.code_words(column, slot.term)
    if words is not None and all(cell == word for cell, word in words.items()):
        return Made(text=flow(column.name))
    name = slot.term.range.name
    listed = name[0].lower() + name[1:]
    text = f"{{from: {flow(column.name)}, codes: {listed}}}"
    if words is not None:
        asked.codes.setdefault(listed, {}).update(words)
        return Made(text=text)
    asked.codes.setdefault(listed, {}).update(dict.fromkeys(column.values[:_SHOWN], ""))
    return Made(text=text, doubt=f"WRITE the code list `{listed}`: battery-connector vocab term {name}")


def _party(scoring: Scoring, column: Column) -> Made:
    if column.values and all(cell.startswith("did:") for cell in column.values):
        return Made(text=flow(column.name))
    known = scoring.parties.issuperset(column.values) and column.values
    doubt = "" if known else "WRITE the DIDs of these numbers into parties.csv (number,name,did) beside the export"
    return Made(text=f"{{from: {flow(column.name)}, codes: parties}}", doubt=doubt)


def _quantity(asked: Asked, column: Column, slot: Slot) -> Made:
    wanted = slot.term.units
    beside = None if column.unit or column.unit_row else asked.beside(column, asked.units)
    below = ", below_detection: true" if column.below else ""
    if wanted and UNITS[wanted[0]].dimension == "mass" and any("-" in (cell[0], cell[-1]) for cell in column.values):
        below += ', min: "0"'  # a reversal is no thing that has a mass
    if beside is not None:
        to = f", to: {wanted[0]}" if wanted else ""
        unknown = _UNKNOWN_UNITS if beside.unit_words and not all(beside.unit_words.values()) else ""
        if not beside.units_of:
            asked.codes.setdefault("units", {}).update(beside.unit_words)
        unit = f"{{from: {flow(beside.name)}, codes: {beside.units_of or 'units'}}}"
        text = f"{{from: {flow(column.name)}, unit: {unit}{to}{below}}}"
        return Made(text=text, doubt=unknown, further=((beside.name, ".unit"),))
    unit, said, why = asked.unit_of(column)
    if not said and wanted:
        unit, why = wanted[0], f"NO UNIT is said: the vocabulary's is {wanted[0]}"
    to = f", to: {wanted[0]}" if wanted and unit not in wanted and not column.unit_row else ""
    further = ((f"{column.name}@unit", ".unit"),) if column.unit_row else ()
    text = f"{{from: {flow(column.name)}, unit: {unit}{to}{below}}}"
    counted = wanted == ("C62",)
    return Made(text=text, doubt="" if said or counted else why, further=further)
