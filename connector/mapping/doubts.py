"""Columns that read well and could mean something else: day and month changed over, thousands or decimals.

A run looks at every cell that it reads as a date or number, and stops looking at a column as soon as one cell can be
read in one way only; so it costs next to nothing. What is left at the end is told once per column, as a doubt: the rows
stand as the plan says, and a person has to look. Nothing is guessed, and nothing is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from connector.mapping.dates import date_reader, time_reader
from connector.mapping.exports import DOUBTS
from connector.mapping.numerals import LOCALES, numeral
from connector.mapping.source import DateCell, NumberCell
from connector.mapping.unfit import Unfit
from connector.model import Finding, Place, counted

Convert = Callable[[str], str]
_EITHER = re.compile(r"-?[1-9][0-9]{0,2}([.,])[0-9]{3}-?")
_FEW, _LONG, _CLOSER = 3, 60, 4
"""So many different days, over so many days, and so many times closer together the other way: that tells an order."""
_GROUPED = 4
"""From so many digits on a number may have marks."""
_LOOK = "look at one {what} that you know; if it is the other way, the plan says"


@dataclass(slots=True)
class Dates:
    """The dates of one column, as the plan reads them and with day and month changed over."""

    written: str
    changed: str
    own: Convert
    other: Convert
    open: bool = True
    days: dict[tuple[str, str], str] = field(default_factory=dict)
    """Both readings, "" where there is none -> a cell of them."""

    def see(self, text: str) -> None:
        """A cell. One that fits the plan's order alone settles the column; one that fits neither is told elsewhere."""
        if isinstance(text, DateCell):
            return
        here, there = _day(self.own, text), _day(self.other, text)
        if here and not there:
            self.open = False
            self.days.clear()
        elif there:
            self.days.setdefault((here, there), text)

    def doubt(self, today: str) -> tuple[str, str, str] | None:
        """What speaks for the other order, what to do, and a cell; None: nothing does."""
        here = sorted(own for own, _ in self.days if own)
        there = sorted(other for _, other in self.days)
        alone = [text for (own, _), text in self.days.items() if not own]
        hint = f'{_LOOK.format(what="date")} "{self.changed}"'
        if alone:
            others = counted(len(here), "other fits", "others fit")
            few = f"{others} the plan's {self.written} too" if here else "none fits the plan's"
            said = f"all its dates fit {self.changed}, {len(alone)} of them (the first: `{alone[0]}`) that alone; {few}"
            return f"{said}, and would be read with day and month changed over" if here else said, hint, alone[0]
        if not here:
            return None
        text = next(iter(self.days.values()))
        said = f"as {self.written} its dates run from {here[0]} to {here[-1]}, as {self.changed} from {there[0]} to"
        if today and here[-1] > today >= there[-1]:
            return f"{said} {there[-1]}: read the plan's way some are still to come", hint, text
        wide, close = _span(here), _span(there)
        monthly = all(own.endswith("-01") for own in here)
        if len(here) >= _FEW and wide > _LONG and wide >= _CLOSER * close and not monthly:
            return f"{said} {there[-1]}, which lie closer together", hint, text
        return None


@dataclass(slots=True)
class Numbers:
    """The numbers of a source in one locale. Any column that can be read in one way only settles them all."""

    locale: str
    delimiter: str
    open: bool = True
    either: dict[str, str] = field(default_factory=dict)
    """Column -> a cell with three digits after its only mark."""
    bounds: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)
    """Column -> the plan's `min` and `max`: where they rule out the other reading, the plan has said which it is."""
    whole: set[str] = field(default_factory=set)
    """Columns with numbers below a thousand that have no mark, as numbers with marks at the thousands alone do."""

    def see(self, column: str, text: str) -> None:
        """A cell that is a number in the locale, and not of digits alone."""
        if isinstance(text, NumberCell):
            return
        if _EITHER.fullmatch(text):
            self.either.setdefault(column, text)
        else:
            self.open = not ("," in text or "." in text)

    def doubts(self, *, dotted: bool) -> Iterator[tuple[str, str, str, str]]:
        """Of each column that could be read otherwise: its name, what it could be, what to do, a cell.

        Between semicolons, and beside days written with dots, a comma is the decimal mark; between commas a point is.
        """
        groups, _ = LOCALES[self.locale]
        usual = "," if dotted or self.delimiter == ";" else "." if self.delimiter == "," else ""
        for column, text in self.either.items() if self.open else ():
            mark = "," if "," in text else "."
            if column in self.whole if mark in groups else mark == usual:
                continue
            read = numeral(self.locale, trailing_minus=True)(text)
            other, (low, high) = (
                Decimal(read).scaleb(-3 if mark in groups else 3),
                self.bounds.get(column, (None, None)),
            )
            if (low is not None and other < Decimal(low)) or (high is not None and other > Decimal(high)):
                continue
            kinds = ("thousands", "decimals") if mark in groups else ("decimals", "thousands")
            others = [name for name in ("de", "en") if (mark in LOCALES[name][0]) != (mark in groups)]
            said = f"all its numbers with a mark have three digits behind it, as in `{text}`: the plan (locale"
            said += f" {self.locale}) reads {read}, so these are {kinds[0]}; they could be {kinds[1]} as well"
            hint = f"{_LOOK.format(what='number')} locale: {others[0]}; if it is right, a `min` or `max` that rules out"
            yield column, said, f"{hint} the other says so", text


@dataclass(slots=True)
class Watch:
    """What a run has seen, by source and column."""

    dates: dict[tuple[str, str, str], Dates] = field(default_factory=dict)
    numbers: dict[tuple[str, str], Numbers] = field(default_factory=dict)

    def date(self, source: str, column: str, written: str, read: Convert, *, times: bool) -> Convert:
        """The reader of dates or times in this format, with an eye on the column."""
        changed = _changed_over(written)
        if not changed:
            return read
        own, other = (time_reader(one, "UTC") if times else date_reader(one) for one in (written, changed))
        seen = self.dates.setdefault((source, column, written), Dates(written, changed, own, other))

        def watched(text: str) -> str:
            if seen.open:
                seen.see(text)
            return read(text)

        return watched

    def number(
        self,
        source: str,
        column: str,
        locale: str,
        read: Convert,
        *,
        delimiter: str,
        bounds: tuple[str | None, str | None],
    ) -> Convert:
        """The reader of numbers in this locale, with an eye on the column."""
        seen = self.numbers.setdefault((source, locale), Numbers(locale, delimiter))
        seen.bounds.setdefault(column, bounds)
        whole = seen.whole

        def watched(text: str) -> str:
            number = read(text)
            if seen.open:
                if not text.isdecimal():
                    seen.see(column, text)
                elif len(text) < _GROUPED:
                    whole.add(column)
            return number

        return watched

    def doubts(self, files: Mapping[str, str], today: str) -> Iterator[tuple[str, Finding]]:
        """One per column, with its source. `files`: the first file of each; `today`: after it no date is expected."""
        for (source, column, _), dates in self.dates.items():
            if (doubt := dates.doubt(today)) is not None:
                said, hint, text = doubt
                place = Place(source=files.get(source, source), column=column, value=text)
                yield source, Finding(code="doubtful-date", message=said, hint=hint, place=place)
        for (source, _), numbers in self.numbers.items():
            dotted = any(name == source and written[:5] == "%d.%m" for name, _, written in self.dates)
            for column, said, hint, text in numbers.doubts(dotted=dotted):
                place = Place(source=files.get(source, source), column=column, value=text)
                yield source, Finding(code="doubtful-number", message=said, hint=hint, place=place)


def likelier(formats: tuple[str, ...], cells: Sequence[str], *, times: bool) -> tuple[str, ...]:
    """Formats that all fit, for a proposal: with day and month changed over where that lies closer together."""
    watch = Watch()
    read = watch.date("", "", formats[0], str, times=times)
    for cell in cells:
        read(cell)
    seen = watch.dates.get(("", "", formats[0]))
    first = seen.changed if seen is not None and seen.doubt("") is not None else ""
    return (first, *(one for one in formats if one != first)) if first in formats else formats


def sentence(doubt: Finding) -> str:
    """All of it in one, for a list of warnings."""
    place = doubt.place
    at = ", ".join(filter(None, (place.source, f"sheet {place.sheet}" if place.sheet else "", place.column)))
    return f"{at}: {doubt.message}; {doubt.hint}"


def unless_accepted(source: str, accepted: Collection[str], doubts: Iterable[Finding]) -> Iterator[Finding]:
    """The doubts of a source but for those that its plan accepts; how to do that is said of the others."""
    for doubt in doubts:
        if doubt.code in accepted:
            continue
        said = f"; if it is as it should be, `accept: [{doubt.code}]` at the source `{source}` ends this"
        yield replace(doubt, hint=doubt.hint + said) if doubt.code in DOUBTS else doubt


def _changed_over(written: str) -> str:
    """The format with day and month changed over; "" where nobody writes so: the year first, or run together."""
    if not re.match(r"%[dm][^%]%[dm][^%]%[Yy]", written):
        return ""
    return written.translate(str.maketrans("dm", "md"))


def _day(read: Convert, text: str) -> str:
    try:
        return read(text)[:10]
    except Unfit:
        return ""


def _span(days: list[str]) -> int:
    return (date.fromisoformat(days[-1]) - date.fromisoformat(days[0])).days
