"""Quantities in decimals: conversion, contained mass, sums, and their uncertainties; and how they are written out.

Uncertainties are expanded (k = 2) and combine as the root of the sum of squares (GUM, 5.1.2), for inputs that do not
depend on each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from connector.mapping.numerals import CONTEXT, significant, spell_decimal
from connector.mapping.unfit import Unfit
from connector.mapping.units import convert
from connector.model import JsonObject

_ZERO, _ONE, _HUNDRED = Decimal(0), Decimal(1), Decimal(100)


@dataclass(slots=True)
class Measured:
    """A value with its unit and, where known, its uncertainty.

    `below`: the value is a detection limit. `stated`: the uncertainty stands in the export, so its digits are kept.
    """

    value: Decimal
    unit: str
    uncertainty: Decimal | None = None
    below: bool = False
    stated: bool = False

    def to(self, unit: str) -> Measured:
        """The same in another unit."""
        if unit == self.unit:
            return self
        spread = None if self.uncertainty is None else convert(self.uncertainty, self.unit, unit)
        return Measured(convert(self.value, self.unit, unit), unit, spread, self.below, self.stated)

    def relative(self) -> Decimal | None:
        """Uncertainty by value."""
        if self.uncertainty is None or self.value.is_zero():
            return None
        return abs(CONTEXT.divide(self.uncertainty, self.value))


def percent_of(value: Decimal, percent: Decimal) -> Decimal:
    """So many per cent of the value, as an uncertainty."""
    return abs(CONTEXT.divide(CONTEXT.multiply(value, percent), _HUNDRED))


@lru_cache(maxsize=1024)
def root_of_squares(parts: tuple[Decimal, ...]) -> Decimal:
    """The root of the sum of squares."""
    total = _ZERO
    for part in parts:
        total = CONTEXT.add(total, CONTEXT.multiply(part, part))
    return CONTEXT.sqrt(total)


def contained(
    mass: Measured, fraction: Measured, moisture: Measured | None, percents: tuple[Decimal | None, Decimal | None]
) -> Measured:
    """The product mass x (1 - moisture) x fraction. `percents`: of weighing and assay, in place of the inputs' own."""
    share = fraction.to("C62").value
    if not _ZERO <= share <= _ONE:
        raise Unfit(
            "bad-fraction", f"The fraction is {spell_decimal(share)}.", "per cent and parts are said by the unit"
        )
    value = CONTEXT.multiply(mass.value, share)
    relatives = [_relative(mass, percents[0]), _relative(fraction, percents[1])]
    if moisture is not None:
        wet = moisture.to("C62")
        dry = _ONE - wet.value
        if not _ZERO < dry <= _ONE:
            raise Unfit("bad-fraction", f"The moisture is {spell_decimal(wet.value)}.")
        value = CONTEXT.multiply(value, dry)
        relatives.append(None if wet.uncertainty is None else CONTEXT.divide(wet.uncertainty, dry))
    known = tuple(part for part in relatives if part is not None)
    spread = abs(CONTEXT.multiply(value, root_of_squares(known))) if known else None
    return Measured(value, mass.unit, spread, mass.below or fraction.below)


def _relative(part: Measured, percent: Decimal | None) -> Decimal | None:
    return part.relative() if percent is None else CONTEXT.divide(percent, _HUNDRED)


def total(parts: Sequence[Measured], unit: str) -> Measured:
    """The sum in one unit."""
    value, spreads, below = _ZERO, [], False
    for part in parts:
        same = part.to(unit)
        value = CONTEXT.add(value, same.value)
        below = below or same.below
        if same.uncertainty is not None:
            spreads.append(same.uncertainty)
    return Measured(value, unit, root_of_squares(tuple(spreads)) if spreads else None, below)


def node(measured: Measured, places: int | None) -> JsonObject:
    """The Quantity node."""
    value = spell_decimal(measured.value, places)
    out: JsonObject = {"type": "Quantity", "value": value, "unit": measured.unit}
    if measured.below:
        out["qualifier"] = "belowDetection"
        out["detectionLimit"] = value
    if measured.uncertainty is not None:
        spread = measured.uncertainty if measured.stated else significant(measured.uncertainty)
        out["uncertainty"] = spell_decimal(spread)
    return out
