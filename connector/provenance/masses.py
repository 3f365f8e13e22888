"""Masses with their uncertainty: the arithmetic under every balance.

A `Mass` is in kilograms, with the expanded uncertainty (k = 2) of its statement. Sums carry the root of the sum of the
squares (GUM, JCGM 100, 5.1.2, uncorrelated inputs). Masses and their sums are exact: one that did not fit would stop us
as a bug, never be rounded. Roots are rounded far behind any digit that is told. What is weighed against what is
`balance.py`'s matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, InvalidOperation
from functools import reduce
from typing import Final

from connector.model import Json

_KILOGRAMS: Final[Mapping[str, Decimal]] = {
    # UN/ECE Recommendation 20
    "KGM": Decimal(1),
    "TNE": Decimal(1000),
    "KTN": Decimal(1000000),
    "DTN": Decimal(100),
    "GRM": Decimal("0.001"),
    "MGM": Decimal("0.000001"),
    "LBR": Decimal("0.45359237"),
    # UCUM
    "kg": Decimal(1),
    "t": Decimal(1000),
    "g": Decimal("0.001"),
    "mg": Decimal("0.000001"),
}

TOLERANCE: Final = "expanded uncertainty, k = 2, of sums by JCGM 100, 5.1.2"
"""What a balance may be off by, in words."""
ZERO: Final = Decimal(0)
SUM_DIGITS: Final = 100
"""On either side of the point more than a sum of masses can have: each has 40 in its own unit, 48 in kilograms."""
_EXACT: Final = Context(prec=2 * SUM_DIGITS, traps=[Inexact, InvalidOperation])
_ROOTS: Final = Context(prec=SUM_DIGITS // 2)
_DECIMAL: Final = re.compile(r"-?([0-9]+)(?:\.([0-9]+))?", re.ASCII)
_HALF: Final = Decimal("0.5")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mass:
    """Kilograms and their expanded uncertainty (k = 2)."""

    value: Decimal
    uncertainty: Decimal = ZERO

    def __add__(self, other: Mass) -> Mass:
        return total((self, other))

    def __sub__(self, other: Mass) -> Mass:
        return total((self, Mass(value=other.value.copy_negate(), uncertainty=other.uncertainty)))

    def exceeds(self, other: Mass) -> bool:
        """More than the other by more than both uncertainties explain."""
        gap = self - other
        return gap.value > gap.uncertainty


NOTHING: Final = Mass(value=ZERO)


def root_sum_square(parts: Iterable[Decimal]) -> Decimal:
    """The uncertainty of a sum of uncorrelated values."""
    told = [part for part in parts if part]
    if len(told) < 2:  # noqa: PLR2004  most sums: of one there is nothing to add up
        return told[0] if told else ZERO
    squares = (_ROOTS.multiply(part, part) for part in told)
    return _ROOTS.sqrt(reduce(_ROOTS.add, squares, ZERO))


def total(masses: Iterable[Mass]) -> Mass:
    """The sum, its uncertainty the root of the sum of squares over all of them."""
    held = tuple(masses)
    if len(held) == 1:
        return held[0]
    value = reduce(_EXACT.add, (mass.value for mass in held), ZERO)
    return Mass(value=value, uncertainty=root_sum_square(mass.uncertainty for mass in held))


def read_mass(quantity: Json) -> Mass:
    """A Quantity node as a mass. `ValueError` says what cannot be read.

    Without a stated uncertainty the value counts as rounded in its last written digit. "Below detection" is half the
    limit, give or take as much.
    """
    if not isinstance(quantity, dict):
        raise ValueError("a quantity is expected")  # noqa: TRY004  one kind of refusal for the reader
    unit = quantity.get("unit", quantity.get("ucumUnit"))
    factor = _KILOGRAMS.get(unit) if isinstance(unit, str) else None
    if factor is None:
        raise ValueError(f"{unit!r} is no unit of mass")
    if quantity.get("qualifier") == "belowDetection":
        limit = _amount(quantity.get("detectionLimit", quantity.get("value")))
        half = _EXACT.multiply(_EXACT.multiply(limit, _HALF), factor)
        return Mass(value=half, uncertainty=half)
    value = _amount(quantity.get("value"))
    stated = quantity.get("uncertainty")
    spread = _number(stated) if stated is not None else _rounding(value)
    if spread < 0:
        raise ValueError("an uncertainty cannot be negative")
    return Mass(value=_EXACT.multiply(value, factor), uncertainty=_EXACT.multiply(spread, factor))


def _amount(value: Json) -> Decimal:
    amount = _number(value)
    if amount < 0:
        raise ValueError("a mass cannot be negative: it would hide what is too much")
    return amount


def _number(value: Json) -> Decimal:
    if isinstance(value, dict):  # a quantity within a quantity (detection limit, uncertainty): same unit, by definition
        value = value.get("value")
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no decimal string")  # noqa: TRY004  one kind of refusal for the reader
    return decimal_of(value)


def decimal_of(text: str, digits: int = 40) -> Decimal:
    """A decimal in plain digits (xsd:decimal). `ValueError`: it is none, or one with which nothing can be reckoned.

    An exponent of a billion is a number of ten characters: it fits into no sum, and written out it fills the memory.
    """
    found = _DECIMAL.fullmatch(text)
    if found is None or max(len(found[1]), len(found[2] or "")) > digits:
        raise ValueError(f"{text[:80]!r} is no decimal of at most {digits} digits on either side of the point")
    return Decimal(text)


def _rounding(value: Decimal) -> Decimal:
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)  # finite and of plain digits, see _number
    return _HALF.scaleb(exponent)


def plain(value: Decimal, places: int = 6) -> str:
    """A decimal for people and JSON, of one place or more: no exponent, no trailing zeros, no minus zero."""
    text = f"{value:.{places}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
