"""What the story counts: lots, campaigns, deliveries and stocktakes, in whole grams of contained metal.

Whole grams make the arithmetic exact: what goes into a campaign is what comes out plus what is lost, to the gram, and
every export prints kilograms with three decimals. How each company writes it down stands in the modules of formats.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

Contained = Mapping[str, int]
"""Metal -> grams."""

METALS = ("Ni", "Co", "Mn", "Li")

EXPANDED_PERMILLE = {"Ni": 6, "Co": 8, "Mn": 10, "Li": 10}
"""Expanded uncertainty (k=2) of a weighed and assayed mass, per mille of it."""

LOSS_PERMILLE = 60
"""The same for a loss: it is sampled once per shift, not weighed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """A lot, batch or battery as its maker knows it."""

    number: str
    material: str
    made: date
    net: int
    contained: Contained
    order: str = ""
    samples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """What a campaign takes from a lot. `kinds` splits each metal by source kind and adds up to `contained`.

    `supplier`: the company whose lot it is; empty: own; any other word: somebody outside.
    """

    lot: str
    material: str
    net: int
    contained: Contained
    kinds: Mapping[str, Contained]
    supplier: str = ""
    attested: bool = True
    record: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What a campaign makes of a lot."""

    lot: str
    material: str
    net: int
    contained: Contained
    record: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Of `metal` in `target`, the grams that stand to the account of `source`."""

    metal: str
    source: str
    target: str
    mass: int
    kind: str
    model: str
    basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """A make event: one run of a plant."""

    number: str
    process: str
    start: datetime
    end: datetime
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    losses: Mapping[str, Contained]
    shares: tuple[Share, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One line of a delivery: what the sender weighed out and what the receiver weighed in."""

    lot: str
    material: str
    sent: int
    received: int
    contained_sent: Contained
    contained_received: Contained
    attested: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A delivery: `note` is the sender's delivery note, `receipt` the receiver's goods receipt."""

    note: str
    receipt: str
    sender: str
    receiver: str
    sent_at: datetime
    received_at: datetime
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stocktake:
    """Contained metal on a site on a day."""

    number: str
    kind: str
    at: datetime
    start: date
    end: date
    contained: Contained


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Everything one site did in the story's period."""

    lots: tuple[Lot, ...]
    campaigns: tuple[Campaign, ...]
    sent: tuple[Delivery, ...]
    received: tuple[Delivery, ...]
    opening: Stocktake
    closing: Stocktake
    metals: tuple[str, ...] = field(default=METALS)


def part(whole: int, numerator: int, denominator: int) -> int:
    """`whole * numerator / denominator`, rounded to the nearest gram."""
    return (2 * whole * numerator + denominator) // (2 * denominator)


def assayed(net: int, ppm: Contained) -> dict[str, int]:
    """Contained grams of a net mass with these assays (grams per tonne)."""
    return {metal: part(net, grade, 1_000_000) for metal, grade in ppm.items()}


def scaled(contained: Contained, numerator: int, denominator: int) -> dict[str, int]:
    """The same part of every metal."""
    return {metal: part(mass, numerator, denominator) for metal, mass in contained.items()}


def total(masses: Iterable[Contained]) -> dict[str, int]:
    """The sum, metal by metal."""
    result: dict[str, int] = {}
    for contained in masses:
        for metal, mass in contained.items():
            result[metal] = result.get(metal, 0) + mass
    return result


def less(first: Contained, second: Contained) -> dict[str, int]:
    """What is left of the first."""
    return {metal: mass - second.get(metal, 0) for metal, mass in first.items()}


def apportioned(whole: int, weights: Sequence[int]) -> list[int]:
    """`whole` divided by the weights into whole grams that add up (largest remainders take the odd grams)."""
    base = sum(weights)
    if base == 0:
        return [0] * len(weights)
    parts = [whole * weight // base for weight in weights]
    order = sorted(range(len(weights)), key=lambda index: (-(whole * weights[index] % base), index))
    for index in order[: whole - sum(parts)]:
        parts[index] += 1
    return parts


def of_kind(kind: str, contained: Contained) -> dict[str, Contained]:
    """All of it of one source kind."""
    return {kind: dict(contained)}


def expanded(metal: str, mass: int) -> int:
    """Expanded uncertainty (k=2) of a weighed and assayed mass, at least one gram where there is mass."""
    return max(1, part(mass, EXPANDED_PERMILLE[metal], 1000)) if mass else 0


def expanded_loss(mass: int) -> int:
    """Expanded uncertainty (k=2) of a loss."""
    return max(1, part(mass, LOSS_PERMILLE, 1000)) if mass else 0


def shared(
    inputs: Sequence[Input], outputs: Sequence[Output], *, model: str, basis: str = "physical"
) -> tuple[Share, ...]:
    """Every output holds the inputs in the ratio in which they went in, metal by metal."""
    result: list[Share] = []
    for output in outputs:
        for metal, mass in output.contained.items():
            sources = [source for source in inputs if source.contained.get(metal)]
            masses = apportioned(mass, [source.contained[metal] for source in sources])
            result.extend(
                Share(
                    metal=metal,
                    source=source.lot,
                    target=output.lot,
                    mass=grams,
                    kind=sole_kind(source),
                    model=model,
                    basis=basis,
                )
                for source, grams in zip(sources, masses, strict=True)
                if grams
            )
    return tuple(result)


def sole_kind(source: Input) -> str:
    """The source kind of an input that has just one; a mixed lot's own record says its split."""
    return next(iter(source.kinds)) if len(source.kinds) == 1 else ""


def kinds_of(campaign: Campaign, lot: str) -> dict[str, dict[str, int]]:
    """How a campaign's output splits by source kind: kind -> metal -> grams."""
    inputs = {source.lot: source for source in campaign.inputs}
    result: dict[str, dict[str, int]] = {}
    for share in campaign.shares:
        if share.target != lot:
            continue
        kinds = inputs[share.source].kinds
        masses = apportioned(share.mass, [contained.get(share.metal, 0) for contained in kinds.values()])
        for kind, grams in zip(kinds, masses, strict=True):
            if grams:
                metals = result.setdefault(kind, {})
                metals[share.metal] = metals.get(share.metal, 0) + grams
    return result


def kinds_scaled(kinds: Mapping[str, Contained], contained: Contained) -> dict[str, Contained]:
    """The same split for a part of the lot, adding up to `contained`."""
    result: dict[str, dict[str, int]] = {kind: {} for kind in kinds}
    for metal, mass in contained.items():
        parts = apportioned(mass, [kinds[kind].get(metal, 0) for kind in kinds])
        for kind, grams in zip(kinds, parts, strict=True):
            result[kind][metal] = grams
    return {kind: metals for kind, metals in result.items() if any(metals.values())}


def computed_closing(
    opening: Contained, campaigns: Iterable[Campaign], sent: Iterable[Delivery], received: Iterable[Delivery]
) -> dict[str, int]:
    """Opening plus what came in (deliveries, ore won) less what went out and what was lost."""
    result = dict(opening)
    for campaign in campaigns:
        won = total(item.contained for item in campaign.inputs if item.supplier == GROUND)
        lost = total(campaign.losses.values())
        for metal in result:
            result[metal] += won.get(metal, 0) - lost.get(metal, 0)
    for delivery in sent:
        result = less(result, total(item.contained_sent for item in delivery.items))
    for delivery in received:
        came = total(item.contained_received for item in delivery.items)
        result = {metal: mass + came.get(metal, 0) for metal, mass in result.items()}
    return result


GROUND = "ground"
"""The supplier of ore: no company, the deposit itself."""
