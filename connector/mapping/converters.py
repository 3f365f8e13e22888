"""The closed list of conversions from a cell's text to a value's text. Each is built once per plan and reads one text.

Empty cells never come here. What does not fit raises `Unfit`; a conversion that makes no sense raises `BadPlan` when
it is built.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import Literal

from connector.mapping.dates import BadFormat, date_reader, time_reader
from connector.mapping.exports import Source
from connector.mapping.mangled import whole_text
from connector.mapping.numerals import LOCALES, numeral, spell_decimal
from connector.mapping.shape import From
from connector.mapping.source import ComputedCell, DateCell, NumberCell, PercentCell
from connector.mapping.spelling import refuse
from connector.mapping.unfit import Unfit
from connector.model import is_number

Convert = Callable[[str], str]
MAX_CHECKED = 256
MAX_VARIABLE = 2
_PERCENT = "P1"
_WIDEST = 100
"""Of a key."""
_NO_PERCENT = "`unit: P1` takes percent; for another unit format the column as a number in the workbook"
_ANOTHER_UNIT = "percent is the unit P1, and this row's is another: format the number in the workbook as one"
_ATOM = re.compile(
    r"(?:\[\^?[^\[\]\\]+\]|\\[dwsDWS.\-/\\]|[^\\\[\](){}|*+?^$.]|\.)(\{[0-9]{1,3}(?:,[0-9]{0,3})?\}|[*+?])?"
)


def converter(spec: From, source: Source, codes: Mapping[str, Mapping[str, str]]) -> Convert:
    """The conversion that a `from` value says, without unit."""
    convert = _kind(spec, source)
    checks: list[Convert] = [] if convert is str else [convert]
    if spec.alpha is not None:
        checks.append(_alpha(spec))
    if spec.case is not None:
        checks.append(str.upper if spec.case == "upper" else str.lower)
    if spec.pattern is not None or spec.max_length is not None:
        checks.append(_checked(spec))
    if spec.codes is not None:
        checks.append(code_reader(spec, codes))
    if len(checks) < 2:  # noqa: PLR2004  # nothing to chain
        return checks[0] if checks else convert

    def chain(text: str) -> str:
        for step in checks:
            text = step(text)
        return text

    return chain


def _kind(spec: From, source: Source) -> Convert:
    if spec.number is not None:
        return number_reader(spec, source)
    if spec.boolean is not None:
        return _boolean(spec.boolean)
    if spec.date is not None or spec.datetime is not None:
        return _calendar(spec)
    if source.may_lose_zeros and spec.alpha is None:
        return _real_text
    return whole_text if source.is_listed and spec.pattern is None else str


def _real_text(text: str) -> str:
    if isinstance(text, NumberCell) and not isinstance(text, ComputedCell):
        hint = "format the column as text in the workbook, or say `alpha` if leading zeros do not matter"
        raise Unfit("number-not-text", f"`{text}` is stored as a number where text is meant.", hint)
    return whole_text(text)


def _calendar(spec: From) -> Convert:
    try:
        if spec.date is not None:
            days = date_reader(spec.date)
            return lambda text: str(text[:10]) if isinstance(text, DateCell) else days(text)
        times = time_reader(spec.datetime or "", spec.zone)
        if spec.zone is None:
            return times
        stored = time_reader("iso", spec.zone)
    except BadFormat as error:
        raise refuse(str(error), spec.line) from error
    return lambda text: stored(_as_time(text)) if isinstance(text, DateCell) else times(text)


def _as_time(text: str) -> str:
    return text if "T" in text else f"{text}T00:00:00"


def locale_of(spec: From, source: Source) -> str:
    """How the numbers of this value are written. Never guessed."""
    locale = source.number_locale if spec.number in {None, "source"} else spec.number
    if locale is None:
        raise refuse(
            "The source says no `locale`, so its numbers cannot be read.", spec.line, hint="locale: de, en ..."
        )
    if locale not in LOCALES:
        raise refuse(f"`{locale}` is no locale.", spec.line, hint=f"known: {', '.join(LOCALES)}")
    return locale


def number_reader(spec: From, source: Source, *, unit: str = "") -> Convert:
    """The reader of this value's numbers: locale, bounds, places. `unit`: what the row says, if not the plan."""
    hint = _ANOTHER_UNIT if isinstance(spec.unit, From) else _NO_PERCENT
    read = stored_or_written(locale_of(spec, source), source, hint)
    if _PERCENT in {spec.unit, unit}:
        read = _percent(read)
    low, high = bound(spec.min, spec.line), bound(spec.max, spec.line)
    places = spec.round if spec.unit is None else None
    if low is None and high is None and places is None:
        return read

    def bounded(text: str) -> str:
        number = read(text)
        value = Decimal(number)
        if low is not None and value < low:
            raise Unfit("out-of-range", f"{number} is less than {low}.", "the plan's `min`")
        if high is not None and value > high:
            raise Unfit("out-of-range", f"{number} is more than {high}.", "the plan's `max`")
        return number if places is None else spell_decimal(value, places)

    return bounded


def stored_or_written(locale: str, source: Source, hint: str = _NO_PERCENT) -> Convert:
    """The reader of a source's numbers: those that the file stores as such, the others in this locale."""
    read = numeral(locale, trailing_minus=source.trailing_minus)
    return _or_stored(read, hint) if source.stores_numbers else read


def _or_stored(read: Convert, hint: str) -> Convert:
    def stored(text: str) -> str:
        if not isinstance(text, NumberCell):
            return read(text)
        if isinstance(text, PercentCell):
            raise Unfit("bad-number", f"`{text}` is shown as percent in the workbook.", hint)
        return str(text)

    return stored


def _percent(read: Convert) -> Convert:
    """Where the plan says percent, the cell may say so too."""

    def percent(text: str) -> str:
        if isinstance(text, PercentCell):
            return text.number
        return read(text[:-1].rstrip()) if text[-1:] == "%" else read(text)

    return percent


def bound(written: str | None, line: int) -> Decimal | None:
    """A decimal that the plan states."""
    if written is None:
        return None
    try:
        value = Decimal(written)
    except InvalidOperation as error:
        raise refuse(f"`{written}` is no decimal.", line, hint="written with a point: 0.5") from error
    if not value.is_finite():
        raise refuse(f"`{written}` is no decimal.", line)
    return value


def _boolean(words: Mapping[Literal["true", "false"], tuple[str, ...]]) -> Convert:
    known: dict[str, str] = {word: truth for truth, spelled in words.items() for word in spelled}

    def read(text: str) -> str:
        found = known.get(text)
        if found is None:
            raise Unfit("bad-boolean", f"`{text[:40]}` is neither yes nor no.", f"known: {', '.join(known)}")
        return found

    return read


def _alpha(spec: From) -> Convert:
    if spec.alpha == "strip":
        return lambda text: text.lstrip("0") or "0"
    written = spec.alpha or ""
    width = int(written) if is_number(written) and len(written) <= len(str(_WIDEST)) else 0
    if not 0 < width <= _WIDEST:
        raise refuse(f"`alpha` is `strip` or a width from 1 to {_WIDEST}.", spec.line)

    def pad(text: str) -> str:
        if len(text) > width:
            raise Unfit("too-long", f"`{text[:40]}` has more than {width} characters.")
        return text.zfill(width) if text.isascii() and text.isdecimal() else text

    return pad


def _checked(spec: From) -> Convert:
    fullmatch = _linear(spec).fullmatch if spec.pattern is not None else None
    longest = spec.max_length or MAX_CHECKED

    def check(text: str) -> str:
        if len(text) > longest:
            raise Unfit("too-long", f"`{text[:40]}...` has more than {longest} characters.")
        if fullmatch is not None and not fullmatch(text):
            raise Unfit("bad-pattern", f"`{text}` is not of the form {spec.pattern}.")
        return text

    return check


def _linear(spec: From) -> re.Pattern[str]:
    """A pattern of plain atoms with at most two repeats of open length: it can't run away."""
    written = spec.pattern or ""
    position, variable = 0, 0
    while position < len(written):
        found = _ATOM.match(written, position)
        if found is None:
            hint = "letters, \\d, [classes], {n}, and at most two of ? * + {n,m}; no groups, no |"
            raise refuse(f"The pattern `{written}` is not allowed from place {position + 1}.", spec.line, hint=hint)
        repeat = found[1] or ""
        variable += repeat in {"*", "+", "?"} or "," in repeat
        if variable > MAX_VARIABLE:
            raise refuse(f"The pattern `{written}` has more than {MAX_VARIABLE} repeats of open length.", spec.line)
        position = found.end()
    try:
        return re.compile(written)
    except re.error as error:
        raise refuse(f"The pattern `{written}` cannot be read: {error}.", spec.line) from error


def code_reader(spec: From, codes: Mapping[str, Mapping[str, str]]) -> Convert:
    """The look-up in a code list."""
    name = spec.codes or ""
    if name not in codes:
        raise refuse(f"There is no code list `{name}`.", spec.line, hint=f"there are: {', '.join(sorted(codes))}")
    known = codes[name]

    def read(text: str) -> str:
        found = known.get(text)
        if found is None:
            if spec.unknown == "keep":
                return text
            if spec.unknown == "empty":
                return ""
            near = get_close_matches(text, known, n=1)
            hint = f"add it to the code list `{name}`" + (f", or is `{near[0]}` meant?" if near else "")
            raise Unfit("unknown-code", f"`{text[:40]}` is not in the code list `{name}`.", hint)
        return found

    return read
