"""Where the metal in a thing came from: per metal the share with verified origin, followed along attributed pairs.

A make event attributes contained mass of each output to inputs (ISO 22095). Followed back, shares multiply; one
allocated step makes the whole share allocated. A path ends verified at an extraction under a verified permit, or at a
recycled source whose record is verified; else under the word of what stopped it. Recycled content is split into
manufacturing waste and post-consumer; run-around scrap is no recycled content (Battery Regulation Art. 3(1)(51)): it
counts as what it was made from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Final

from connector.model import JsonObject
from connector.provenance.events import Attribution, MakeEvent, Product, SourceKind
from connector.provenance.masses import NOTHING, ZERO, Mass, plain, total

ONE: Final = Decimal(1)
_EXACT_PLACES: Final = 12
RECYCLED: Final[tuple[SourceKind, ...]] = ("manufacturingWaste", "postConsumer")


class Ground(StrEnum):
    """What a share of the metal rests on."""

    VERIFIED = "verified"
    UNATTESTED = "unattested"  # bought from somebody who signs nothing: coverage, no gap
    UNPROVEN = "unproven"  # said to be attested, and no link or permit shows it
    UNDISCLOSED = "undisclosed"  # the record was seen, how it was made was not
    UNATTRIBUTED = "unattributed"  # the make event attributes less than the output contains
    UNCHECKED = "unchecked"
    SEALED = "sealed"
    PENDING = "pending"
    MISSING = "missing"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A part of the metal, as a fraction of the whole. `thing` and `site` say where the path ended.

    `name`: what people call the thing. Two shares of one end are one, so it is put in last.
    """

    ground: Ground
    fraction: Decimal
    allocated: bool = False
    source_kind: SourceKind = ""
    thing: str = ""
    site: str = ""
    name: str = ""

    def as_json(self) -> JsonObject:
        """Everything, so that a report can be read back (`retelling`)."""
        return {
            "ground": self.ground.value,
            "share": plain(self.fraction, _EXACT_PLACES),
            "allocated": self.allocated,
            "sourceKind": self.source_kind,
            "thing": self.thing,
            "site": self.site,
            "name": self.name,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """The origin of one metal in the root. `mass` is None where it may not be told."""

    metal: str
    mass: Mass | None
    shares: tuple[Share, ...]

    def fraction(
        self, ground: Ground, *, allocated: bool | None = None, source_kind: SourceKind | None = None
    ) -> Decimal:
        """The sum of the shares on this ground; None: either."""
        return sum(
            (
                share.fraction
                for share in self.shares
                if share.ground is ground
                and allocated in {None, share.allocated}
                and source_kind in {None, share.source_kind}
            ),
            ZERO,
        )

    def as_json(self) -> JsonObject:
        """The published shape: fractions of 1."""
        verified = Ground.VERIFIED
        return {
            "mass": plain(self.mass.value) if self.mass else None,
            "unit": "KGM",
            "verified": plain(self.fraction(verified)),
            "physical": plain(self.fraction(verified, allocated=False)),
            "allocated": plain(self.fraction(verified, allocated=True)),
            "recycled": {kind: plain(self.fraction(verified, source_kind=kind)) for kind in RECYCLED},
            "shares": {ground.value: plain(self.fraction(ground)) for ground in Ground if self.fraction(ground)},
            "open": [
                {
                    "ground": share.ground.value,
                    "share": plain(share.fraction),
                    "sourceKind": share.source_kind,
                    "name": share.name,
                    "thing": share.thing,
                    "site": share.site,
                }
                for share in self.shares
                if share.ground is not verified
            ],
            "parts": [share.as_json() for share in self.shares],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """What is known for tracing. Grounds are judged before: what is VERIFIED may be followed.

    `events`: usable make events. `things` and `links`: the ground of a thing's record, by thing id and by id of the
    link that leads to it. `made`: the ground of the event that made a thing, where it is not among `events`.
    `extraction`: by event id the ground of the mine permit of its site, where it has one; `minerals`: the metals that
    this names, where all that it names are known as such. `bought`: things that came to
    a site by a move without a link. `used`: batteries and cells, which can have become waste after use. `widest`: the
    share of a whole up to which its uncertainty counts.
    """

    widest: Decimal

    events: tuple[MakeEvent, ...] = ()
    things: Mapping[str, Ground] = field(default_factory=dict)
    links: Mapping[str, Ground] = field(default_factory=dict)
    made: Mapping[str, Ground] = field(default_factory=dict)
    extraction: Mapping[str, Ground] = field(default_factory=dict)
    minerals: Mapping[str, frozenset[str]] = field(default_factory=dict)
    bought: frozenset[str] = frozenset()
    used: frozenset[str] = frozenset()


def coverage(chain: Chain, thing: str) -> tuple[Coverage, ...]:
    """Per metal that the make events of this thing put into it: where it came from."""
    tracer = Tracer(chain)
    return tuple(
        Coverage(metal=metal, mass=mass, shares=tuple(map(_told, tracer.trace(thing, metal))))
        for metal, mass in tracer.held(thing).items()
    )


class Tracer:
    """One pass over a chain, remembering what was traced already."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.makers: dict[str, list[tuple[MakeEvent, Product]]] = {}
        for event in chain.events:
            for product in event.outputs:
                self.makers.setdefault(product.thing, []).append((event, product))
        self._known: dict[tuple[str, str], tuple[Share, ...]] = {}
        self._under_way: set[tuple[str, str]] = set()

    def held(self, thing: str) -> dict[str, Mass]:
        """What the make events of this thing put into it, by metal."""
        masses: dict[str, list[Mass]] = {}
        for _, product in self.makers.get(thing, ()):
            for metal, mass in product.contained.items():
                masses.setdefault(metal, []).append(mass)
        return {metal: whole for metal, parts in sorted(masses.items()) if (whole := total(parts)).value > ZERO}

    def trace(self, thing: str, metal: str) -> tuple[Share, ...]:
        """The shares of the metal in the thing; they sum up to 1.

        What it was made of is traced first, from a list instead of the call stack: a site that blends each day what is
        left of the day before has hundreds of steps.
        """
        waiting = [thing]
        while waiting:
            key = (waiting[-1], metal)
            if key in self._known:
                waiting.pop()
            elif key in self._under_way:
                self._known[key] = gather(self._through_makers(waiting.pop(), metal))
                self._under_way.discard(key)
            else:
                self._under_way.add(key)
                sources = [part.source for _, part in self._pairs(*key)]
                waiting += (one for one in reversed(sources) if (one, metal) not in self._under_way)
        return self._known[thing, metal]

    def _traced(self, thing: str, metal: str) -> tuple[Share, ...]:
        """What was traced before. Of what is under way still there is no origin: it is made from itself."""
        return self._known.get((thing, metal), (Share(ground=Ground.UNPROVEN, fraction=ONE, thing=thing),))

    def _pairs(self, thing: str, metal: str) -> list[tuple[MakeEvent, Attribution]]:
        events = {event.id: event for event, _ in self.makers.get(thing, [])}
        return [(event, part) for event in events.values() for part in _attributed(event, thing, metal)]

    def _through_makers(self, thing: str, metal: str) -> Iterator[Share]:
        makers = self.makers.get(thing, [])
        whole = total(product.contained.get(metal, NOTHING) for _, product in makers)
        if whole.value <= ZERO:
            ground = self.chain.made.get(thing, Ground.UNDISCLOSED)
            yield Share(ground=Ground.UNDISCLOSED if ground is Ground.VERIFIED else ground, fraction=ONE, thing=thing)
            return
        pairs = self._pairs(thing, metal)
        said = total(part.mass for _, part in pairs)
        claimed, rest = said.value, (whole - said).value
        # What the statement's own uncertainty explains is no gap; more than the whole can't be claimed.
        complete = claimed > ZERO and rest <= min(whole.uncertainty, self.chain.widest * whole.value)
        scale = claimed if complete else whole.value
        for event, part in pairs:
            factor = part.mass.value / scale
            for share in self._from_input(event, part, metal):
                yield _scaled(share, factor, allocated=part.basis == "allocated")
        if not complete:
            site = makers[0][0].site
            yield Share(ground=Ground.UNATTRIBUTED, fraction=rest / scale, thing=thing, site=site)

    def _from_input(self, event: MakeEvent, part: Attribution, metal: str) -> tuple[Share, ...]:
        product = next((item for item in event.inputs if item.thing == part.source), None)
        if product is None:
            return (Share(ground=Ground.UNATTRIBUTED, fraction=ONE, thing=part.source, site=event.site),)
        kind = part.source_kind or product.source_kind
        if product.link:
            return self._from_linked(event, product, kind, metal)
        if product.thing in self.makers:  # an own intermediate product, made in another event of the site
            return self._traced(product.thing, metal)
        ground = self._of_unlinked(event, product, kind, metal)
        return (Share(ground=ground, fraction=ONE, source_kind=kind, thing=product.thing, site=event.site),)

    def _of_unlinked(self, event: MakeEvent, product: Product, kind: SourceKind, metal: str) -> Ground:
        """Out of the ground under a permit of the site for this metal, or bought from somebody who signs nothing."""
        permitted = self.chain.extraction.get(event.id)
        if permitted is not None and kind == "primary" and product.thing not in self.chain.bought:
            named = self.chain.minerals.get(event.id)
            return permitted if named is None or metal in named else Ground.UNPROVEN
        return Ground.UNPROVEN if product.attested else Ground.UNATTESTED

    def _from_linked(self, event: MakeEvent, product: Product, kind: SourceKind, metal: str) -> tuple[Share, ...]:
        ground = self.chain.links.get(product.link, self.chain.things.get(product.thing, Ground.MISSING))
        if ground is not Ground.VERIFIED:
            return (Share(ground=ground, fraction=ONE, thing=product.thing, site=event.site),)
        if self._is_waste(product.thing, kind):
            return (Share(ground=ground, fraction=ONE, source_kind=kind, thing=product.thing, site=event.site),)
        return self._traced(product.thing, metal)

    def _is_waste(self, thing: str, kind: SourceKind) -> bool:
        """Whether metal begins anew here, as recycled. What its own makers show to be something else is no waste,
        whatever a buyer calls it (Battery Regulation, Art. 8: recovered from manufacturing or post-consumer waste).
        """
        if kind not in RECYCLED or self._was_recycled_before(thing):
            return False
        makers = [event for event, _ in self.makers.get(thing, ())]
        if kind == "manufacturingWaste":
            return not any(event.id in self.chain.extraction for event in makers)
        came_of = {product.thing for event in makers for product in event.inputs}
        return not makers or not self.chain.used.isdisjoint({thing, *came_of})

    def _was_recycled_before(self, thing: str) -> bool:
        """The thing is a recovered lot, so the split between sources is stated one step further back."""
        return any(
            product.source_kind in RECYCLED for event, _ in self.makers.get(thing, ()) for product in event.inputs
        )


def _attributed(event: MakeEvent, thing: str, metal: str) -> Iterator[Attribution]:
    for part in event.attributions:
        if part.target == thing and part.metal == metal and part.mass.value > ZERO:
            yield part


def _told(share: Share) -> Share:
    """As exact as it is written, so that sums made from a report that was read back are the same."""
    return replace(share, fraction=round(share.fraction, _EXACT_PLACES))


def _scaled(share: Share, factor: Decimal, *, allocated: bool) -> Share:
    return Share(
        ground=share.ground,
        fraction=share.fraction * factor,
        allocated=share.allocated or allocated,
        source_kind=share.source_kind,
        thing=share.thing,
        site=share.site,
    )


def gather(shares: Iterable[Share]) -> tuple[Share, ...]:
    """Shares with the same end, added up."""
    sums: dict[tuple[Ground, bool, SourceKind, str, str], Decimal] = {}
    for share in shares:
        key = (share.ground, share.allocated, share.source_kind, share.thing, share.site)
        sums[key] = sums.get(key, ZERO) + share.fraction
    return tuple(
        Share(ground=ground, allocated=allocated, source_kind=kind, thing=thing, site=site, fraction=fraction)
        for (ground, allocated, kind, thing, site), fraction in sums.items()
    )
