"""What the footprints of a chain give together for one battery, and where they contradict each other.

A cradle-to-gate footprint holds those of everything that went in, so of each path back only the claim nearest to the
battery is added, and the ones behind it are compared with it; gate-to-gate claims hold no inputs and add up (ISO 14067,
6.3; GBA GHG Rulebook). A lot's figure is spread over the metals that its passport states, by mass: each kilogram of
metal that arrived in the battery brings its part, and none is counted twice. What was lost on the way is not counted,
so the sum is a least figure. Behind waste that was recycled nothing is followed. Whether one claim can be added is
`footprints.py`'s to say, how far a path may be followed `origin.py`'s.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final, Literal

from connector.model import JsonObject
from connector.provenance.balance import BalanceFinding
from connector.provenance.events import MakeEvent, Product, Thing
from connector.provenance.footprints import LIFE, STEP, WHOLE, Footprint, at_most, figure, share_of_primary
from connector.provenance.masses import ZERO, Mass, plain
from connector.provenance.origin import ONE, RECYCLED, Chain, Ground, Share, Tracer

Fit = Literal["holds", "exceeded", "not-comparable"]
EXCEEDED: Final = {"battery": "footprint-below-upstream", "making": "footprint-below-inputs"}
"""What is compared -> the code of its finding."""


class _Way(str):
    """Marks a share whose way goes on, in the place of a site: by its kind, since any text may be somebody's site."""

    __slots__ = ()


_ON: Final = _Way()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """A claim at a node of the audit. `open`: why it can't be added to others; empty where it can."""

    node: str
    footprint: Footprint
    open: str = ""

    def as_json(self) -> JsonObject:
        """The published shape."""
        return {"node": self.node, **self.footprint.as_json(), "notComparable": self.open}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one lot or batch states for the metal that came through it into the battery: `kilograms` of CO2 equivalents.

    `counted`: what of it is in the total; the rest is held by claims nearer to the battery.
    """

    node: str
    mass: str
    kilograms: str
    counted: str

    def as_json(self) -> JsonObject:
        """The published shape."""
        return {"node": self.node, "mass": self.mass, "kgCO2e": self.kilograms, "counted": self.counted}


@dataclass(frozen=True, slots=True, kw_only=True)
class MetalStated:
    """Of one metal in the battery: which shares of it a footprint up to its gate stands for, in plain digits.

    `assured`: by one that another party is said to have checked; `third`: an independent one. `primary`: mean of the
    primary data shares, by mass; empty where none is stated.
    """

    metal: str
    mass: str
    stated: str
    assured: str
    third: str
    primary: str

    def as_json(self) -> JsonObject:
        """The published shape: fractions of 1."""
        return {
            "mass": self.mass, "stated": self.stated, "assured": self.assured, "thirdParty": self.third,
            "primaryDataShare": self.primary,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A stated whole beside what must lie within it. `subject`: the node that states it, or the make event's id."""

    kind: Literal["battery", "making"]
    subject: str
    whole: str
    part: str
    outcome: Fit
    reason: str = ""
    nearer: tuple[str, ...] = ()
    farther: tuple[str, ...] = ()
    site: str = ""

    def as_json(self) -> JsonObject:
        """The published shape: kilograms of CO2 equivalents."""
        return {
            "kind": self.kind, "subject": self.subject, "whole": self.whole, "part": self.part,
            "outcome": self.outcome, "reason": self.reason, "nearer": [*self.nearer], "farther": [*self.farther],
            "site": self.site,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class FootprintReport:
    """The whole. `total`: what is counted of `parts`, in kilograms of CO2 equivalents; empty where nothing can be."""

    stated: tuple[Stated, ...] = ()
    parts: tuple[Part, ...] = ()
    metals: tuple[MetalStated, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    total: str = ""
    rules: tuple[str, ...] = ()
    """Methods of what is counted: more than one make the sum as unlike as they are."""

    def as_json(self) -> JsonObject:
        """The published shape."""
        return {
            "stated": [one.as_json() for one in self.stated],
            "upstream": {
                "kgCO2e": self.total, "methods": [*self.rules], "parts": [one.as_json() for one in self.parts],
                "metals": {one.metal: one.as_json() for one in self.metals},
            },
            "comparisons": [one.as_json() for one in self.comparisons],
        }  # fmt: skip

    def findings(self) -> Iterator[BalanceFinding]:
        """What is plainly contradicted."""
        for one in self.comparisons:
            if one.outcome == "exceeded":
                yield BalanceFinding(
                    code=EXCEEDED[one.kind], message=one.reason, site=one.site, metal="", period="", residual=ZERO,
                    tolerance=ZERO, subject=one.subject,
                )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A thing whose claim can be added. `rate`: kilograms of CO2 equivalents per kilogram of its contained metals."""

    node: str
    footprint: Footprint
    rate: Decimal
    metals: Mapping[str, Decimal]
    """What its passport says that it contains: of no other metal it tells anything."""
    assured: bool = False

    @property
    def whole(self) -> bool:
        """It holds the footprints of what went in."""
        return self.footprint.boundary == WHOLE


def claimed(node: str, footprint: Footprint, thing: Thing, *, issuer: str) -> Claimed:
    """The claim of a thing, for adding. `ValueError` says why it can't be."""
    if footprint.boundary not in {WHOLE, STEP}:
        raise ValueError(f"its boundary, {footprint.boundary or 'not stated'}, is none that can be added up")
    whole = figure(footprint)
    metals = {metal: mass.value for metal, mass in thing.contained.items() if mass.value > ZERO}
    if not metals:
        raise ValueError("its passport states no contained metal by which it could be followed")
    return Claimed(
        node=node, footprint=footprint, rate=whole / sum(metals.values(), ZERO), metals=metals,
        assured=footprint.assured(issuer),
    )  # fmt: skip


class _Flow(Tracer):
    """How much of the metal in a thing came through which others: each step back is looked at once."""

    def __init__(self, chain: Chain) -> None:
        super().__init__(chain)
        self._steps: dict[tuple[str, str], list[Share]] = {}

    def _traced(self, thing: str, metal: str) -> tuple[Share, ...]:  # noqa: ARG002 - the tracer asks by metal, too
        return (Share(ground=Ground.VERIFIED, fraction=ONE, thing=thing, site=_ON),)

    def _back(self, thing: str, metal: str) -> list[Share]:
        """The things that a step back may be followed to, with their shares."""
        if (thing, metal) not in self._steps:
            shares = self._through_makers(thing, metal)
            self._steps[thing, metal] = [share for share in shares if isinstance(share.site, _Way)]
        return self._steps[thing, metal]

    def through(self, root: str, metal: str, ends: Collection[str]) -> dict[str, Decimal]:
        """Thing -> the fraction of the root's metal that came through it. Behind `ends` nothing is followed; a way back
        to what it came from is none.
        """
        came: dict[str, list[Share]] = {}
        under_way: set[str] = set()
        order: list[str] = []
        waiting = [root]
        while waiting:
            thing = waiting[-1]
            if thing in came:
                if thing in under_way:
                    under_way.discard(thing)
                    order.append(thing)
                waiting.pop()
                continue
            under_way.add(thing)
            steps = [] if thing in ends else self._back(thing, metal)
            came[thing] = [share for share in steps if share.thing not in under_way]
            waiting += (share.thing for share in came[thing] if share.thing not in came)
        found = dict.fromkeys(order, ZERO) | {root: ONE}
        for thing in reversed(order):
            for share in came[thing]:
                found[share.thing] += found[thing] * share.fraction
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Metal:
    """One metal of the root, and the things through which it came: all of them, and up to the nearest whole claims."""

    name: str
    mass: Mass
    every: Mapping[str, Decimal]
    nearest: Mapping[str, Decimal]


def roll_up(
    chain: Chain, root: str, claims: Mapping[str, Claimed], own: Iterable[Stated], stated: tuple[Stated, ...]
) -> FootprintReport:
    """The report about the thing `root`; `own`: what its record states of itself, where it is a battery."""
    upstream = {thing: claim for thing, claim in claims.items() if thing != root}
    whole = {thing for thing, claim in upstream.items() if claim.whole}
    flow = _Flow(chain)
    metals = [
        _Metal(name=metal, mass=mass, every=flow.through(root, metal, ()), nearest=flow.through(root, metal, whole))
        for metal, mass in flow.held(root).items()
    ]
    every = [replace(one, nearest=one.every) for one in metals]
    counted = {thing: mass for thing, claim in upstream.items() if (mass := _mass(metals, thing, claim))}
    rules = {upstream[thing].footprint.rules for thing in counted}
    added = {thing: upstream[thing] for thing in counted}
    least = sum((_mass(metals, thing, one, less=chain.widest) * one.rate for thing, one in added.items()), ZERO)
    comparisons = [_with_battery(one, least, rules, complete=bool(counted)) for one in own]
    comparisons += [found for event in chain.events for found in _within(event, claims, chain.widest)]
    return FootprintReport(
        stated=stated,
        parts=tuple(
            Part(
                node=claim.node,
                mass=plain(mass),
                kilograms=plain(mass * claim.rate),
                counted=plain(counted.get(thing, ZERO) * claim.rate),
            )
            for thing, claim in sorted(upstream.items())
            if (mass := _mass(every, thing, claim))
        ),
        metals=tuple(_stated_of(one, {thing: upstream[thing] for thing in whole}) for one in metals),
        comparisons=tuple(comparisons),
        total=plain(sum((mass * upstream[thing].rate for thing, mass in counted.items()), ZERO)) if counted else "",
        rules=tuple(sorted(rules)),
    )


def _mass(metals: Iterable[_Metal], thing: str, claim: Claimed, *, less: Decimal = ZERO) -> Decimal:
    """The metal for which a claim counts; `less`: its uncertainties up to that share."""
    told = (one for one in metals if one.name in claim.metals)
    return sum(((one.mass.value - _spread(one.mass, less)) * one.nearest.get(thing, ZERO) for one in told), ZERO)


def _stated_of(item: _Metal, claims: Mapping[str, Claimed]) -> MetalStated:
    met = [(claim, item.nearest[thing]) for thing, claim in claims.items() if item.nearest.get(thing)]
    primary = [(share, fraction) for one, fraction in met if (share := share_of_primary(one.footprint)) is not None]
    weight = sum((fraction for _, fraction in primary), ZERO)
    return MetalStated(
        metal=item.name,
        mass=plain(item.mass.value),
        stated=plain(sum((fraction for _, fraction in met), ZERO)),
        assured=plain(sum((fraction for claim, fraction in met if claim.assured), ZERO)),
        third=plain(sum((part for one, part in met if one.assured and one.footprint.party == "third"), ZERO)),
        primary=plain(sum((share * fraction for share, fraction in primary), ZERO) / weight) if weight else "",
    )


def _with_battery(own: Stated, least: Decimal, rules: set[str], *, complete: bool) -> Comparison:
    """What upstream states for certain beside what the battery states of itself: it must lie within."""
    whole = ""
    try:
        whole = plain(figure(own.footprint))
        reason = _unlike({*rules, own.footprint.rules})
        if own.footprint.boundary not in {WHOLE, LIFE}:
            reason = f"its boundary, {own.footprint.boundary or 'not stated'}, does not hold what lies upstream"
        elif not complete:
            reason = "no footprint upstream can be added"
        over = not reason and least > at_most(own.footprint)
        if over and own.footprint.boundary == LIFE:
            reason, over = f"its boundary, {LIFE}, may take off a credit for recycling at the end of life", False
    except ValueError as problem:
        reason, over = str(problem), False
    told = f"upstream states {plain(least, 1)} kg CO2e at least, and the battery {whole} kg CO2e for all of it"
    return Comparison(
        kind="battery", subject=own.node, whole=whole, part=plain(least), nearer=(own.node,), reason=told if over else
        reason, outcome="exceeded" if over else "not-comparable" if reason else "holds",
    )  # fmt: skip


def _within(event: MakeEvent, claims: Mapping[str, Claimed], widest: Decimal) -> Iterator[Comparison]:
    """What went into an event beside what its products state, both of the same event: neither depends on how metal is
    attributed, nor on what was lost. Waste enters by its own rules, and what goes round was counted before.
    """
    nearer = [(product, claims[product.thing]) for product in event.outputs if _is_whole(claims, product)]
    farther = [
        (product, claims[product.thing])
        for product in event.inputs
        if _is_whole(claims, product) and product.source_kind not in {*RECYCLED, "runAround"}
    ]
    if not nearer or not farther:
        return
    least = sum((_metal(product, -widest, claim.metals) * claim.rate for product, claim in farther), ZERO)
    reason = _unlike({claim.footprint.rules for _, claim in (*nearer, *farther)})
    whole = None if reason else _whole_of(event, nearer, widest)
    if whole is None:
        reason = reason or "how it was shared with other products of the same making leaves open what each holds"
    over = whole is not None and least > whole
    if whole is not None and over:
        reason = f"what went in states {plain(least, 1)} kg CO2e at least, and what came out {plain(whole, 1)} kg CO2e"
    yield Comparison(
        kind="making", subject=event.id, site=event.site, whole=plain(whole) if whole is not None else "",
        part=plain(least), reason=reason, outcome="exceeded" if over else "not-comparable" if reason else "holds",
        nearer=tuple(claim.node for _, claim in nearer), farther=tuple(claim.node for _, claim in farther),
    )  # fmt: skip


def _is_whole(claims: Mapping[str, Claimed], product: Product) -> bool:
    claim = claims.get(product.thing)
    return claim is not None and claim.whole


def _whole_of(event: MakeEvent, nearer: list[tuple[Product, Claimed]], widest: Decimal) -> Decimal | None:
    """The most that all products together hold, as those that state it say; None where that can't be decided.

    Of some of several products one that shares by mass, or says that there are no others, tells the whole: by mass of
    product or by mass of metal, whichever gives more.
    """
    held = [_most(product, claim, widest) for product, claim in nearer]
    if len(nearer) == len(event.outputs):
        return None if None in held else sum((most for most in held if most is not None), ZERO)
    masses = [one.quantity.value for one in event.outputs if one.quantity]
    metals = sum((_metal(one, ZERO) for one in event.outputs), ZERO)
    wholes: list[Decimal] = []
    for (product, claim), most in zip(nearer, held, strict=True):
        metal = _metal(product, ZERO)
        known = len(masses) == len(event.outputs) and product.quantity and product.quantity.value and metal
        if known and product.quantity and most is not None and claim.footprint.allocation in {"mass", "none"}:
            times = max(sum(masses, ZERO) / product.quantity.value, metals / metal)
            wholes.append(most * times)
    return min(wholes, default=None)


def _most(product: Product, claim: Claimed, widest: Decimal) -> Decimal | None:
    """The most that the product holds by its claim, were its value rounded down. Which part of the passport's thing it
    is, only metals tell of which both event and passport speak; None where there are none.
    """
    known = sum((mass for metal, mass in claim.metals.items() if metal in product.contained), ZERO)
    return at_most(claim.footprint) * _metal(product, widest, claim.metals) / known if known else None


def _metal(product: Product, widest: Decimal, metals: Collection[str] | None = None) -> Decimal:
    """The metal in it, of all or of these; with its uncertainty, up to that share, on top, or below where the share is
    negative.
    """
    held = [mass for metal, mass in product.contained.items() if metals is None or metal in metals]
    spread = sum((_spread(mass, abs(widest)) for mass in held), ZERO)
    return sum((mass.value for mass in held), ZERO) + spread.copy_sign(widest)


def _spread(mass: Mass, widest: Decimal) -> Decimal:
    """The uncertainty as far as it counts: who states one of the whole mass would never contradict himself."""
    return min(mass.uncertainty, widest * mass.value)


def _unlike(rules: set[str]) -> str:
    """Why figures by several methods are not compared."""
    return (
        f"found by unlike methods: {'; '.join(sorted(one or 'not stated' for one in rules))}" if len(rules) > 1 else ""
    )
