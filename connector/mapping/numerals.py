"""Numbers as written in exports, to one decimal spelling. Never guessed: the locale is said by the plan.

The result is plain decimal text without leading or trailing zeros, so that a number has one spelling whatever export
it comes from. `1,234.5` in a German file is an error with a hint, not 1.2345.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache

from connector.mapping.unfit import Unfit

MAX_DIGITS = 60
_CACHED = 4_096
CONTEXT = Context(prec=50, rounding=ROUND_HALF_EVEN)

LOCALES: dict[str, tuple[str, str]] = {
    "plain": ("", "."),
    "de": (".", ","),
    "en": (",", "."),
    "fr": (" \u00a0\u202f", ","),
    "ch": ("'\u2019", "."),
    "edi": ("", ",."),
}
"""Group marks and decimal mark; EDIFACT allows either mark, and no groups (ISO 9735-1, 10)."""

Numeral = Callable[[str], str]


def _spelling(locale: str) -> re.Pattern[str]:
    groups, mark = LOCALES[locale]
    grouped = rf"[1-9][0-9]{{0,2}}(?:([{re.escape(groups)}])[0-9]{{3}})(?:\3[0-9]{{3}})*|" if groups else "()(?!)|"
    return re.compile(rf"([+-]?)({grouped}[0-9]+)(?:[{re.escape(mark)}]([0-9]+))?(-?)")


def _common(locale: str) -> re.Pattern[str]:
    """Numbers that need their marks changed and nothing else: no sign but a minus, no zeros to drop."""
    groups, mark = LOCALES[locale]
    grouped = rf"[1-9][0-9]{{0,2}}(?:{re.escape(groups[0])}[0-9]{{3}})+|" if groups else ""
    return re.compile(rf"(?!-0\Z)-?(?:{grouped}[1-9][0-9]*|0)(?:[{re.escape(mark)}][0-9]*[1-9])?")


_SPELLINGS = {locale: _spelling(locale) for locale in LOCALES}
_PLAIN = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]*[1-9])?")


@lru_cache(maxsize=16)
def numeral(locale: str, *, trailing_minus: bool = False) -> Numeral:
    """The reader of numbers in this locale: text in, decimal text out, or `Unfit`."""
    fullmatch = _SPELLINGS[locale].fullmatch
    groups, mark = LOCALES[locale]
    marks = str.maketrans("", "", groups)
    common, group = _common(locale).fullmatch, groups[:1]

    @lru_cache(maxsize=_CACHED)  # weights, capacities and shares repeat in an export
    def read(text: str) -> str:
        if common(text) and len(text) <= MAX_DIGITS:
            if group and group in text:
                text = text.replace(group, "")
            return text if mark == "." else text.replace(mark[0], ".")
        found = fullmatch(text) if len(text) <= MAX_DIGITS else None
        if found is None:
            raise _unfit(text, locale)
        sign, whole, _, fraction, minus = found.groups()
        if minus and (sign or not trailing_minus):
            raise Unfit("bad-number", f"`{text}` has a trailing minus.", "say `trailing_minus: true` for the source")
        if len(whole) > 3:  # noqa: PLR2004  # shorter ones have no group marks
            whole = whole.translate(marks)
        return _spell(negative=bool(minus) or sign == "-", whole=whole, fraction=fraction)

    return read


def spelled_in(locale: str, text: str) -> bool:
    """Whether the text can be a number in this locale."""
    return len(text) <= MAX_DIGITS and _SPELLINGS[locale].fullmatch(text) is not None


def _spell(*, negative: bool, whole: str, fraction: str | None) -> str:
    if whole[0] == "0":
        whole = whole.lstrip("0") or "0"
    if fraction is not None:
        fraction = fraction.rstrip("0")
        if fraction:
            return f"-{whole}.{fraction}" if negative else f"{whole}.{fraction}"
    return f"-{whole}" if negative and whole != "0" else whole


def _unfit(text: str, locale: str) -> Unfit:
    if any(character.isdecimal() and not character.isascii() for character in text):
        return Unfit("bad-number", f"`{text}` has digits that are not 0 to 9.")
    others = [
        name
        for name, spelling in _SPELLINGS.items()
        if name not in {locale, "edi"} and spelling.fullmatch(text[:MAX_DIGITS])
    ]
    if others:
        example = {"en": "1,234.5", "plain": "1234.5", "de": "1.234,5", "fr": "1 234,5", "ch": "1'234.5"}[others[0]]
        hint = f"it looks like {example}; is the locale {' or '.join(others)}?"
        return Unfit("bad-number", f"`{text}` is no number in the locale {locale}.", hint)
    if text.startswith(">"):
        hint = "beyond what was measured there is no value: measure it anew, or leave such cells out with `null`"
        return Unfit("bad-number", f"`{text}` is no plain number.", hint)
    if text.startswith("<"):
        hint = "say `below_detection: true` if this is a detection limit"
        return Unfit("bad-number", f"`{text}` is no plain number.", hint)
    if not any(character.isdigit() for character in text):
        hint = "a number cell holds no words; `null` lists those that mean that there is no value"
        return Unfit("bad-number", f"`{text[:80]}` is no number.", hint)
    return Unfit("bad-number", f"`{text[:80]}` is no number.", "a number cell holds no unit and no words")


def spell_decimal(value: Decimal, places: int | None = None) -> str:
    """A decimal as text without trailing zeros; rounded half to even where places are given."""
    if places is not None:
        value = value.quantize(_place(places), context=CONTEXT)
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


@lru_cache(maxsize=64)
def _place(places: int) -> Decimal:
    return Decimal(1).scaleb(-places)


@lru_cache(maxsize=64)
def _rounding(digits: int) -> Context:
    return Context(prec=digits, rounding=ROUND_HALF_EVEN)


def significant(value: Decimal, digits: int = 3) -> Decimal:
    """Rounded to so many significant digits."""
    return _rounding(digits).plus(value)


def plain(text: str) -> str:
    """A number that a machine wrote (a JSON or workbook number, perhaps with an exponent), as decimal text."""
    if _PLAIN.fullmatch(text):
        return text
    value = Decimal(text)
    if not value.is_finite() or abs(value.adjusted()) > MAX_DIGITS:
        raise Unfit("bad-number", f"`{text}` is outside the range of numbers.")
    return spell_decimal(value)
