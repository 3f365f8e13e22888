"""How wide the stated uncertainties of a mass balance may be before it proves nothing (`tolerances.csv`).

Who states an uncertainty of twice the mass is always in balance. So an edition says up to which share of what is
balanced an expanded uncertainty (k = 2) counts, and on which practice of weighing and assaying that rests.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from connector.errors import BadInput
from connector.vocabulary.tables import rows

_COLUMNS = ("edition", "known_from", "widest", "basis_en", "reference")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """One edition. `widest`: as a fraction of 1."""

    edition: str
    known_from: date
    widest: Decimal
    basis: str
    reference: str


def read_tolerances(table: bytes) -> tuple[Tolerance, ...]:
    """The editions, oldest first."""
    found: list[Tolerance] = []
    for place, row in rows(table, "tolerances.csv", _COLUMNS):
        try:
            known_from, widest = date.fromisoformat(row["known_from"]), Decimal(row["widest"])
        except (ArithmeticError, ValueError) as bad:
            raise BadInput(str(bad), place=place) from bad
        found.append(
            Tolerance(
                edition=row["edition"], known_from=known_from, widest=widest, basis=row["basis_en"],
                reference=row["reference"],
            )
        )  # fmt: skip
    if not found or any(not 0 < one.widest < 1 for one in found):
        raise BadInput("tolerances.csv needs an edition, and each a share between 0 and 1")
    return tuple(sorted(found, key=lambda one: one.known_from))


def known_at(tolerances: tuple[Tolerance, ...], day: date) -> Tolerance:
    """The newest edition that was known on that day, else the oldest: a balance without a bound proves nothing."""
    known = [one for one in tolerances if one.known_from <= day]
    return known[-1] if known else tolerances[0]
