"""Carbon footprints as records state them: claims of lots, batches and battery models, read and judged one by one.

A claim is kept as it stands. Whether figures can be added is decided here for one claim (`rate`: what it says per
kilogram of contained metal; `ValueError` says why not); what they give together is `rollup.py`'s. Terms: FootprintClaim
(ISO 14067, PACT 3.0) and `absoluteCarbonFootprint` of the declaration under Article 7.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from connector.model import Json, JsonObject
from connector.provenance.assured import read_assured, text_of
from connector.provenance.events import each
from connector.provenance.masses import ZERO, decimal_of, plain, read_mass

WHOLE: Final = "cradleToGate"
"""Holds the footprints of everything that went in, up to the gate of who states it."""
STEP: Final = "gateToGate"
"""Holds what arose within the gates of who states it, and nothing of what went in."""
LIFE: Final = "cradleToGrave"
"""Holds what lies upstream, too, and the end of life, whose credit for recycling may be the larger (PEF's circular
footprint formula)."""
_PIECES: Final = frozenset({"C62", "H87", "EA"})
_BATCHES: Final = ("MaterialLot", "CellBatch")
_ENERGY: Final = {"KWH": Decimal(1), "WHR": Decimal("0.001"), "MWH": Decimal(1000)}
_HALF: Final = Decimal("0.5")
_HUNDRED: Final = Decimal(100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """One claim; texts as they stand, empty where nothing is said.

    `units`: how many declared units the lot, batch or battery of the record holds, in plain digits; empty where neither
    the claim nor mass or energy of the record tells.
    """

    value: str
    unit: str = ""
    boundary: str = ""
    method: str = ""
    method_version: str = ""
    start: str = ""
    end: str = ""
    allocation: str = ""
    primary: str = ""
    party: str = ""
    level: str = ""
    verifier: str = ""
    legal_basis: str = ""
    status: str = ""
    units: str = ""

    def as_json(self) -> JsonObject:
        """The published shape."""
        return {term: getattr(self, name) for name, term in TERMS.items()}

    def assured(self, issuer: str) -> bool:
        """Somebody else than who states it is said to have checked it. The claim says so itself: it is no signature."""
        another = {*self.verifier.split()} != {issuer}
        return self.party in {"second", "third"} and self.level not in {"", "none"} and another

    @property
    def rules(self) -> str:
        """The method by which it was found, for comparison and for people."""
        return f"{self.method} {self.method_version}".strip()


TERMS: Final = {
    "value": "value", "unit": "declaredUnit", "boundary": "boundary", "method": "method",
    "method_version": "methodVersion", "start": "start", "end": "end", "allocation": "allocation",
    "primary": "primaryDataShare", "party": "party", "level": "level", "verifier": "verifier",
    "legal_basis": "legalBasis", "status": "footprintStatus", "units": "unitsHeld",
}  # fmt: skip
"""Member of a claim -> its name in JSON."""


def read_footprints(subjects: tuple[JsonObject, ...]) -> tuple[Footprint, ...]:
    """The claims that the credentials of one record make, the model's among them."""
    about: JsonObject = {}
    for subject in subjects:
        about = subject | about
    found: list[Footprint] = []
    for subject in subjects:
        found += [_claim(node, about) for node in each(subject.get("footprint"))]
        found += [_declared(node, about) for node in each(subject.get("absoluteCarbonFootprint"))]
    return tuple(dict.fromkeys(found))


def _claim(node: JsonObject, about: JsonObject) -> Footprint:
    return Footprint(
        value=text_of(node.get("value")), unit=text_of(node.get("declaredUnit")),
        boundary=text_of(node.get("boundary")), method=text_of(node.get("method")),
        method_version=text_of(node.get("methodVersion")), allocation=text_of(node.get("allocation")),
        primary=_percent(node.get("primaryDataShare")), legal_basis=text_of(node.get("legalBasis")),
        status=text_of(node.get("footprintStatus")), units=_units(node, about), **read_assured(node),
    )  # fmt: skip


def _declared(node: JsonObject, about: JsonObject) -> Footprint:
    """The whole life of one battery, undivided (DIN DKE SPEC 99100, 6.3.10)."""
    value = ""
    for mass in _masses(node):
        value = plain(mass)
    return Footprint(
        value=value, unit="C62", units="1", boundary=LIFE, legal_basis="art7",
        method=text_of(about.get("carbonFootprintMethod")),
    )  # fmt: skip


def _units(node: JsonObject, about: JsonObject) -> str:
    """How many declared units the product of the record holds."""
    return next((plain(number, 12) for number in _counted(node, about) if number > ZERO), "")


def _counted(node: JsonObject, about: JsonObject) -> Iterator[Decimal]:
    """Ways to know it, the surest first.

    A lot's dry mass goes before its net mass: its metals are in the former, and the water in the latter is no product.
    """
    unit = text_of(node.get("declaredUnit"))
    held = [*_masses(*(about.get(name) for name in ("dryMass", "netMass", "batteryMass")))]
    yield from (_quotient(mass, one) for one in _masses({"value": "1", "unit": unit}) for mass in held)
    yield from (_quotient(mass, one) for one in _masses(node.get("massPerDeclaredUnit")) for mass in held)
    if about.get("type") in _BATCHES or "dryMass" in about or "netMass" in about:
        return  # of a batch nobody says whether its product is the batch or one cell
    yield from _numbers(node.get("declaredUnitAmount"))
    if unit in _PIECES:
        yield Decimal(1)
    if text_of(node.get("legalBasis")) == "art7":
        return  # per kWh given over the service life (Annex II, 2), and not per kWh that the battery holds
    for energy in each(about.get("ratedEnergy")):
        rated = text_of(energy.get("unit"))
        if unit in _ENERGY and rated in _ENERGY:
            for amount in _numbers(energy.get("value")):
                yield _quotient(amount * _ENERGY[rated], _ENERGY[unit])


def figure(claim: Footprint) -> Decimal:
    """Kilograms of CO2 equivalent of the whole product of the record. `ValueError`: why none can be told."""
    if claim.status == "deprecated":
        raise ValueError("its maker says that it may no longer be used")
    value = decimal_of(claim.value)
    if value < ZERO:
        raise ValueError("it is below zero, and would hide what others state")
    if not claim.units:
        raise ValueError(f"it is declared per {claim.unit or 'unknown unit'}, and how many the product holds is unsaid")
    return value * decimal_of(claim.units)


def at_most(claim: Footprint) -> Decimal:
    """The same, were its value rounded down: half of the last written digit more."""
    exponent = Decimal(claim.value).as_tuple().exponent
    half = _HALF.scaleb(min(exponent, 0)) if isinstance(exponent, int) else ZERO
    return figure(claim) + half * decimal_of(claim.units)


def share_of_primary(claim: Footprint) -> Decimal | None:
    """The primary data share as a fraction of 1."""
    share = next(_numbers(claim.primary), None)
    return share / _HUNDRED if share is not None and ZERO <= share <= _HUNDRED else None


def _quotient(mass: Decimal, one: Decimal) -> Decimal:
    return mass / one if one else ZERO


def _masses(*quantities: Json) -> Iterator[Decimal]:
    for quantity in quantities:
        try:
            yield read_mass(quantity).value
        except ValueError:
            continue


def _numbers(value: Json) -> Iterator[Decimal]:
    try:
        yield decimal_of(value) if isinstance(value, str) else ZERO
    except ValueError:
        return


def _percent(value: Json) -> str:
    share = next(each(value), {})
    return text_of(share.get("value")) if share.get("unit") == "P1" else ""
