"""The mine and the refiner: ore to mixed hydroxide precipitate to nickel and cobalt sulphate, June to October 2026.

The refiner blends the mine's lots with one of a second mine that takes no part, and keeps a mass-balance account (ISO
22095): which output stands to whose account is allocated, not measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from .masses import (
    GROUND,
    Campaign,
    Delivery,
    Input,
    Item,
    Ledger,
    Lot,
    Output,
    Share,
    apportioned,
    assayed,
    less,
    of_kind,
    part,
    scaled,
    shared,
    total,
)
from .stock import stocktakes

KILOGRAM = 1000
MINE_PERIOD = (date(2026, 6, 1), date(2026, 7, 31))
REFINER_PERIOD = (date(2026, 8, 1), date(2026, 10, 31))

MHP_LOTS = (
    # number, made on, dry kg, Ni and Co in grams per dry tonne
    ("000026070031", date(2026, 7, 6), 3480, {"Ni": 392_100, "Co": 39_000}),
    ("000026070032", date(2026, 7, 9), 3512, {"Ni": 390_600, "Co": 39_400}),
    ("000026070033", date(2026, 7, 13), 3466, {"Ni": 391_300, "Co": 38_900}),
)
MHP_SAMPLES = {
    "000026070031": ("S-26-01877", "NG-2026-4410"),
    "000026070032": ("S-26-01893", "NG-2026-4411"),
    "000026070033": ("S-26-01914", "NG-2026-4412"),
}
FOREIGN_LOT = "TM-2026-118"
"""The lot of the second mine, which is no participant."""


def at(day: date, hour: int, minute: int = 0) -> datetime:
    """A moment of the story (UTC)."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)


def mine(k: int) -> tuple[Ledger, Delivery]:
    """The mine's ledger and its delivery to the refiner."""
    lots = tuple(
        Lot(
            number=number,
            material="MHP",
            made=made,
            net=dry * k * KILOGRAM,
            contained=assayed(dry * k * KILOGRAM, ppm),
            order="100417",
            samples=MHP_SAMPLES[number],
        )
        for number, made, dry, ppm in MHP_LOTS
    )
    outputs = tuple(Output(lot=lot.number, material="MHP", net=lot.net, contained=lot.contained) for lot in lots)
    made = total(output.contained for output in outputs)
    ore = Input(
        lot="PARCEL-N-07",
        material="ORE",
        net=359_400 * k * KILOGRAM,
        contained=(won := assayed(359_400 * k * KILOGRAM, {"Ni": 12_420, "Co": 1_310})),
        kinds=of_kind("primary", won),
        supplier=GROUND,
        record=False,
    )
    campaign = Campaign(
        number="100417",
        process="extraction",
        start=at(date(2026, 6, 8), 4),
        end=at(date(2026, 7, 13), 14, 30),
        inputs=(ore,),
        outputs=outputs,
        losses={"tailings": less(won, made)},
        shares=shared((ore,), outputs, model="identityPreserved"),
    )
    items = tuple(
        Item(
            lot=lot.number,
            material="MHP",
            sent=lot.net,
            received=lot.net - 3 * k * KILOGRAM,
            contained_sent=lot.contained,
            contained_received=scaled(lot.contained, lot.net - 3 * k * KILOGRAM, lot.net),
        )
        for lot in lots[:2]
    )
    delivery = Delivery(
        note="0080004471",
        receipt="5000018820",
        sender="mine",
        receiver="refiner",
        sent_at=at(date(2026, 7, 20), 5, 45),
        received_at=at(date(2026, 8, 4), 9, 20),
        items=items,
    )
    opening, closing = stocktakes(
        ("INV-2026-06", "INV-2026-07"),
        MINE_PERIOD,
        {"Ni": 611_300 * k, "Co": 60_840 * k},
        campaigns=(campaign,),
        sent=(delivery,),
        received=(),
    )
    ledger = Ledger(
        lots=lots,
        campaigns=(campaign,),
        sent=(delivery,),
        received=(),
        opening=opening,
        closing=closing,
        metals=("Ni", "Co"),
    )
    return ledger, delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class RefinerTexts:
    """Numbers of the refiner's ERP."""

    order: str = "000001004730"
    nickel: tuple[str, str] = ("NS26090014", "NS26090015")
    cobalt: str = "CS26090006"
    foreign_note: str = "DN-77120"
    foreign_receipt: str = "5000018834"
    note: str = "0080113320"
    receipt: str = "0050031177"


def foreign_delivery(k: int, texts: RefinerTexts) -> Delivery:
    """What the second mine delivers: weighed and assayed by the refiner alone."""
    net = 2_950 * k * KILOGRAM
    contained = assayed(net, {"Ni": 384_200, "Co": 36_100})
    item = Item(
        lot=FOREIGN_LOT,
        material="MHP",
        sent=net,
        received=net,
        contained_sent=contained,
        contained_received=contained,
        attested=False,
    )
    return Delivery(
        note=texts.foreign_note,
        receipt=texts.foreign_receipt,
        sender="second-mine",
        receiver="refiner",
        sent_at=at(date(2026, 7, 28), 8),
        received_at=at(date(2026, 8, 6), 7, 10),
        items=(item,),
    )


def refiner_lots(k: int, texts: RefinerTexts, extra_nickel: int) -> tuple[Lot, ...]:
    """Two lots of nickel sulphate hexahydrate, one of cobalt sulphate heptahydrate."""
    plan = (
        (texts.nickel[0], "NISO4", date(2026, 9, 11), 6_000, {"Ni": 222_900}, ("L26-3301", "NG-2026-5127")),
        (texts.nickel[1], "NISO4", date(2026, 9, 12), 10_800, {"Ni": 223_100}, ("L26-3302", "")),
        (texts.cobalt, "COSO4", date(2026, 9, 14), 1_740, {"Co": 208_800}, ("L26-3303", "NG-2026-5128")),
    )
    lots = []
    for number, material, made, kilograms, ppm, samples in plan:
        net = kilograms * k * KILOGRAM
        contained = assayed(net, ppm)
        if extra_nickel and number == texts.nickel[1]:
            contained["Ni"] += extra_nickel
            net += part(extra_nickel, 1_000_000, ppm["Ni"])
        lots.append(
            Lot(
                number=number,
                material=material,
                made=made,
                net=net,
                contained=contained,
                order=texts.order,
                samples=tuple(sample for sample in samples if sample),
            )
        )
    return tuple(lots)


def allocated(inputs: tuple[Input, ...], lots: tuple[Lot, ...]) -> tuple[Share, ...]:
    """The mass-balance account: what is sold to the cathode maker stands first to the mine's account.

    About three quarters of the first nickel lot and of the cobalt lot are booked from the mine's lots; most of what
    these leave goes to the second nickel lot. Nobody's account gives more than it got.
    """
    weights = {lots[0].number: (40, 35, 25), lots[1].number: (34, 33, 33), lots[2].number: (36, 37, 27)}
    result: list[Share] = []
    for lot in lots:
        for metal, mass in lot.contained.items():
            masses = apportioned(mass, weights[lot.number])
            result.extend(
                Share(
                    metal=metal,
                    source=source.lot,
                    target=lot.number,
                    mass=grams,
                    kind="primary",
                    model="massBalance",
                    basis="allocated",
                )
                for source, grams in zip(inputs, masses, strict=True)
            )
    return tuple(result)


def refiner(k: int, incoming: Delivery, *, inflated: bool) -> tuple[Ledger, Delivery]:
    """The refiner's ledger and its delivery to the cathode maker.

    The planted fault `inflated` writes 6 % more nickel into the lot that stays on stock, and into the closing stock:
    every other figure of every company stays as it was.
    """
    texts = RefinerTexts()
    foreign = foreign_delivery(k, texts)
    inputs = tuple(
        Input(
            lot=item.lot,
            material="MHP",
            net=item.received,
            contained=item.contained_received,
            kinds=of_kind("primary", item.contained_received),
            supplier=delivery.sender,
            attested=item.attested,
        )
        for delivery in (incoming, foreign)
        for item in delivery.items
    )
    honest = refiner_lots(k, texts, 0)
    extra = part(honest[1].contained["Ni"], 6, 100) if inflated else 0
    lots = refiner_lots(k, texts, extra)
    outputs = tuple(Output(lot=lot.number, material=lot.material, net=lot.net, contained=lot.contained) for lot in lots)
    campaign = Campaign(
        number=texts.order,
        process="refining",
        start=at(date(2026, 8, 10), 4),
        end=at(date(2026, 9, 14), 16),
        inputs=inputs,
        outputs=outputs,
        losses={"residue": less(total(source.contained for source in inputs), total(lot.contained for lot in honest))},
        shares=allocated(inputs, honest),
    )
    delivery = sulphate_delivery(k, texts, lots)
    opening, closing = stocktakes(
        ("INV2026Q3A", "INV2026Q3E"),
        REFINER_PERIOD,
        {"Ni": 824_500 * k, "Co": 71_200 * k},
        campaigns=(campaign,),
        sent=(delivery,),
        received=(incoming, foreign),
        extra={"Ni": extra},
    )
    ledger = Ledger(
        lots=lots,
        campaigns=(campaign,),
        sent=(delivery,),
        received=(incoming, foreign),
        opening=opening,
        closing=closing,
        metals=("Ni", "Co"),
    )
    return ledger, delivery


def sulphate_delivery(k: int, texts: RefinerTexts, lots: tuple[Lot, ...]) -> Delivery:
    """Parts of one nickel and one cobalt lot go to the cathode maker; the rest stays on stock."""
    items = []
    for lot, kilograms in ((lots[0], 2_100), (lots[2], 760)):
        net = kilograms * k * KILOGRAM
        contained = scaled(lot.contained, net, lot.net)
        items.append(
            Item(
                lot=lot.number,
                material=lot.material,
                sent=net,
                received=net,
                contained_sent=contained,
                contained_received=contained,
            )
        )
    return Delivery(
        note=texts.note,
        receipt=texts.receipt,
        sender="refiner",
        receiver="cathode",
        sent_at=at(date(2026, 10, 6), 6, 30),
        received_at=at(date(2026, 10, 8), 10, 5),
        items=tuple(items),
    )
