"""The whole story as one consistent set of ledgers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .loop import Certificate, recycler, scrap_delivery
from .making import PACKS_PER_SCALE, car, cathode, cell
from .masses import Ledger
from .upstream import mine, refiner

FAULTS = ("none", "inflated", "tampered")


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Every company's ledger. `scale`: how many times the masses of the smallest story, for eight batteries each."""

    items: int
    scale: int
    fault: str
    ledgers: Mapping[str, Ledger]
    certificates: tuple[Certificate, ...]


def tell(items: int = 1, *, fault: str = "none") -> Story:
    """The story of `items` batteries of the second generation."""
    if items < 1:
        raise ValueError("a story needs at least one battery")
    if fault not in FAULTS:
        raise ValueError(f"no fault {fault!r} is planted in exports; known: {', '.join(FAULTS[1:])}")
    k = -(-items // PACKS_PER_SCALE)
    mine_ledger, to_refiner = mine(k)
    refiner_ledger, to_cathode = refiner(k, to_refiner, inflated=fault == "inflated")
    scrap = scrap_delivery(k)
    recycler_ledger, recovered, certificates = recycler(k, scrap)
    cathode_ledger, to_cell, cathode_making = cathode(k, to_cathode, recovered, recycler_ledger.campaigns[0])
    cell_ledger, to_car, cell_making = cell(k, scrap, to_cell, cathode_making)
    return Story(
        items=items,
        scale=k,
        fault=fault,
        ledgers={
            "mine": mine_ledger,
            "refiner": refiner_ledger,
            "recycler": recycler_ledger,
            "cathode": cathode_ledger,
            "cell": cell_ledger,
            "car": car(items, to_car, cell_making),
        },
        certificates=certificates,
    )
