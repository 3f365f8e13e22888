"""The making of battery B: cathode material, cells, packs, October 2026 to February 2027.

The cathode maker's own rework is run-around scrap: it counts as metal, never as recycled (Battery Regulation Art. 3,
Art. 8). Manganese and most lithium are bought from outside the chain and stay unattested.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from .loop import SCRAP, SCRAP_LOT
from .masses import (
    METALS,
    Campaign,
    Contained,
    Delivery,
    Input,
    Item,
    Ledger,
    Lot,
    Output,
    assayed,
    kinds_of,
    kinds_scaled,
    less,
    of_kind,
    part,
    scaled,
    shared,
    total,
)
from .stock import stocktakes
from .upstream import KILOGRAM, at

CATHODE_PERIOD = (date(2026, 10, 1), date(2026, 12, 15))
CELL_PERIOD = (date(2026, 8, 1), date(2027, 1, 31))
CAR_PERIOD = (date(2027, 2, 1), date(2027, 2, 28))
NMC622 = {"Ni": 363_100, "Co": 121_500, "Mn": 113_300, "Li": 71_700}
"""Grams per tonne of cathode active material."""
CAM_LOT = "K26110007"
OLD_CAM_LOT = "NC-2026-3381"
CELL_BATCH = "ZB-2701-0042"
CELLS_PER_PACK = 288
CELL_GRAMS = 990
PACK_NET = 512_000
PACKS_PER_SCALE = 8


def serial_b(index: int) -> str:
    """The serial number of the index-th battery of the second generation, from 0."""
    return f"CM27-84-{201 + index:06d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """A purchase from outside the chain."""

    lot: str
    material: str
    kilograms: int
    ppm: Contained


OLD_CAM = Purchase(lot=OLD_CAM_LOT, material="CAM622", kilograms=1_100, ppm=NMC622)
LITHIUM = Purchase(lot="SQ-118-26", material="LIOH", kilograms=560, ppm={"Li": 165_200})
MANGANESE = Purchase(lot="MS-0926-4", material="MNSO4", kilograms=540, ppm={"Mn": 324_600})


def purchase(k: int, what: Purchase, *, note: str, receipt: str, parties: tuple[str, str], day: date) -> Delivery:
    """A delivery that only its receiver records."""
    net = what.kilograms * k * KILOGRAM
    contained = assayed(net, what.ppm)
    item = Item(
        lot=what.lot,
        material=what.material,
        sent=net,
        received=net,
        contained_sent=contained,
        contained_received=contained,
        attested=False,
    )
    return Delivery(
        note=note,
        receipt=receipt,
        sender=parties[0],
        receiver=parties[1],
        sent_at=at(day - timedelta(days=2), 8),
        received_at=at(day, 9, 30),
        items=(item,),
    )


def drawn(item: Item, supplier: str, grams: int, kinds: Mapping[str, Contained] | None = None) -> Input:
    """Part of a received lot that a campaign takes."""
    contained = scaled(item.contained_received, grams, item.received)
    return Input(
        lot=item.lot,
        material=item.material,
        net=grams,
        contained=contained,
        kinds=kinds_scaled(kinds, contained) if kinds else of_kind("primary", contained),
        supplier=supplier,
        attested=item.attested,
    )


def cathode(k: int, sulphates: Delivery, recovered: Delivery, recycling: Campaign) -> tuple[Ledger, Delivery, Campaign]:
    """The cathode maker's ledger, its delivery to the cell maker, and the campaign that the cell maker is told of."""
    lithium = purchase(
        k, LITHIUM, note="4411-26", receipt="0050031190", parties=("lithium", "cathode"), day=date(2026, 10, 12)
    )
    manganese = purchase(
        k, MANGANESE, note="L-90127", receipt="0050031193", parties=("manganese", "cathode"), day=date(2026, 10, 13)
    )
    rework_mass = 40 * k * KILOGRAM
    rework_metal = assayed(rework_mass, NMC622)
    rework = Input(
        lot="RW-2610",
        material="REWORK",
        net=rework_mass,
        contained=rework_metal,
        kinds=of_kind("runAround", rework_metal),
        record=False,
    )
    inputs = (
        drawn(sulphates.items[0], "refiner", 1_945 * k * KILOGRAM),
        drawn(sulphates.items[1], "refiner", 690 * k * KILOGRAM),
        *(drawn(item, "recycler", item.received, kinds_of(recycling, item.lot)) for item in recovered.items),
        drawn(lithium.items[0], "lithium", 545 * k * KILOGRAM),
        drawn(manganese.items[0], "manganese", 526 * k * KILOGRAM),
        rework,
    )
    lot = Lot(
        number=CAM_LOT,
        material="CAM622",
        made=date(2026, 11, 20),
        net=1_500 * k * KILOGRAM,
        contained=assayed(1_500 * k * KILOGRAM, NMC622),
        order="000002001877",
        samples=("QC-118204", "NG-2026-6233"),
    )
    left = Output(
        lot="RW-2611",
        material="REWORK",
        net=30 * k * KILOGRAM,
        contained=assayed(30 * k * KILOGRAM, NMC622),
        record=False,
    )
    outputs = (Output(lot=lot.number, material=lot.material, net=lot.net, contained=lot.contained), left)
    lost = less(total(source.contained for source in inputs), total(output.contained for output in outputs))
    campaign = Campaign(
        number=lot.order,
        process="cathodeMaking",
        start=at(date(2026, 11, 2), 5),
        end=at(date(2026, 11, 20), 13, 10),
        inputs=inputs,
        outputs=outputs,
        losses={"effluent": lost},
        shares=shared(inputs, outputs, model="controlledBlending"),
    )
    delivery = one_lot(
        lot,
        1_460 * k * KILOGRAM,
        note="0080450021",
        receipt="4900771203",
        to=("cathode", "cell"),
        days=(date(2026, 11, 30), date(2026, 12, 2)),
    )
    opening, closing = stocktakes(
        ("100000771", "100000802"),
        CATHODE_PERIOD,
        total((rework_metal, {"Ni": 212_600 * k, "Co": 70_900 * k, "Mn": 66_300 * k, "Li": 41_700 * k})),
        campaigns=(campaign,),
        sent=(delivery,),
        received=(sulphates, recovered, lithium, manganese),
    )
    ledger = Ledger(
        lots=(lot,),
        campaigns=(campaign,),
        sent=(delivery,),
        received=(sulphates, recovered, lithium, manganese),
        opening=opening,
        closing=closing,
    )
    return ledger, delivery, campaign


def one_lot(lot: Lot, grams: int, *, note: str, receipt: str, to: tuple[str, str], days: tuple[date, date]) -> Delivery:
    """A delivery of one lot or a part of it, sender to receiver."""
    contained = scaled(lot.contained, grams, lot.net)
    item = Item(
        lot=lot.number,
        material=lot.material,
        sent=grams,
        received=grams,
        contained_sent=contained,
        contained_received=contained,
    )
    return Delivery(
        note=note,
        receipt=receipt,
        sender=to[0],
        receiver=to[1],
        sent_at=at(days[0], 7),
        received_at=at(days[1], 10, 45),
        items=(item,),
    )


def first_cells(k: int, bought: Delivery) -> tuple[Campaign, tuple[Lot, ...]]:
    """The August campaign, from a cathode lot that was bought outside the chain: it leaves the scrap."""
    source = drawn(bought.items[0], "old-cathode", bought.items[0].received)
    metal = source.contained
    scrap = Lot(
        number=SCRAP_LOT,
        material="SCRAP",
        made=date(2026, 8, 21),
        net=260 * k * KILOGRAM,
        contained=assayed(260 * k * KILOGRAM, SCRAP),
        order="FA-260811",
        samples=("CQ-26-2201",),
    )
    cells = less(metal, total((scrap.contained, {metal_: part(mass, 4, 1000) for metal_, mass in metal.items()})))
    batch = Lot(
        number="ZB-2608-0031",
        material="CELL",
        made=date(2026, 8, 21),
        net=1_556 * CELL_GRAMS * k,
        contained=cells,
        order="FA-260811",
    )
    outputs = tuple(
        Output(lot=lot.number, material=lot.material, net=lot.net, contained=lot.contained) for lot in (batch, scrap)
    )
    campaign = Campaign(
        number="FA-260811",
        process="cellMaking",
        start=at(date(2026, 8, 11), 4),
        end=at(date(2026, 8, 21), 18),
        inputs=(source,),
        outputs=outputs,
        losses={"residue": less(metal, total(output.contained for output in outputs))},
        shares=shared((source,), outputs, model="identityPreserved"),
    )
    return campaign, (batch, scrap)


def second_cells(k: int, cam: Delivery, making: Campaign) -> tuple[Campaign, tuple[Lot, ...]]:
    """The campaign of December and January, from the lot of the story's cathode maker."""
    source = drawn(cam.items[0], "cathode", 1_440 * k * KILOGRAM, kinds_of(making, CAM_LOT))
    batch = Lot(
        number=CELL_BATCH,
        material="CELL",
        made=date(2027, 1, 15),
        net=2_550 * CELL_GRAMS * k,
        contained=scaled(source.contained, 930, 1000),
        order="FA-261207",
    )
    scrap = Lot(
        number="ES27010002",
        material="SCRAP",
        made=date(2027, 1, 15),
        net=110 * k * KILOGRAM,
        contained=scaled(source.contained, 64, 1000),
        order="FA-261207",
        samples=("CQ-27-0118",),
    )
    outputs = tuple(
        Output(lot=lot.number, material=lot.material, net=lot.net, contained=lot.contained) for lot in (batch, scrap)
    )
    campaign = Campaign(
        number="FA-261207",
        process="cellMaking",
        start=at(date(2026, 12, 7), 4),
        end=at(date(2027, 1, 15), 18),
        inputs=(source,),
        outputs=outputs,
        losses={"residue": less(source.contained, total(output.contained for output in outputs))},
        shares=shared((source,), outputs, model="identityPreserved"),
    )
    return campaign, (batch, scrap)


def cell(k: int, scrap: Delivery, cam: Delivery, making: Campaign) -> tuple[Ledger, Delivery, Campaign]:
    """The cell maker's ledger, its delivery to the car maker, and the campaign behind it."""
    bought = purchase(
        k, OLD_CAM, note="88120", receipt="4900765510", parties=("old-cathode", "cell"), day=date(2026, 8, 6)
    )
    first, first_lots = first_cells(k, bought)
    second, second_lots = second_cells(k, cam, making)
    delivery = one_lot(
        second_lots[0],
        2_400 * CELL_GRAMS * k,
        note="0080201355",
        receipt="5105600488",
        to=("cell", "car"),
        days=(date(2027, 1, 26), date(2027, 2, 1)),
    )
    opening, closing = stocktakes(
        ("ST-2608", "ST-2701"),
        CELL_PERIOD,
        assayed(180 * k * KILOGRAM, NMC622),
        campaigns=(first, second),
        sent=(scrap, delivery),
        received=(bought, cam),
    )
    ledger = Ledger(
        lots=(*first_lots, *second_lots),
        campaigns=(first, second),
        sent=(scrap, delivery),
        received=(bought, cam),
        opening=opening,
        closing=closing,
    )
    return ledger, delivery, second


def pack(index: int, cells: Item, split: Mapping[str, Contained]) -> tuple[Campaign, Lot]:
    """One battery of the second generation: one assembly order per serial number."""
    source = drawn(cells, "cell", CELLS_PER_PACK * CELL_GRAMS, split)
    day = date(2027, 2, 9) + timedelta(days=index % 12)
    order = f"{70_004_410 + index:012d}"
    battery = Lot(
        number=serial_b(index), material="BATTERY", made=day, net=PACK_NET, contained=source.contained, order=order
    )
    output = Output(lot=battery.number, material="BATTERY", net=PACK_NET, contained=battery.contained)
    campaign = Campaign(
        number=order,
        process="packAssembly",
        start=at(day, 6),
        end=at(day, 14),
        inputs=(source,),
        outputs=(output,),
        losses={},
        shares=shared((source,), (output,), model="identityPreserved"),
    )
    return campaign, battery


def car(items: int, cells: Delivery, making: Campaign) -> Ledger:
    """The car maker's ledger: `items` batteries of the second generation."""
    split = kinds_of(making, CELL_BATCH)
    packs = [pack(index, cells.items[0], split) for index in range(items)]
    campaigns = tuple(campaign for campaign, _ in packs)
    opening, closing = stocktakes(
        ("INV-270201", "INV-270228"),
        CAR_PERIOD,
        dict.fromkeys(METALS, 0),
        campaigns=campaigns,
        sent=(),
        received=(cells,),
    )
    return Ledger(
        lots=tuple(battery for _, battery in packs),
        campaigns=campaigns,
        sent=(),
        received=(cells,),
        opening=opening,
        closing=closing,
    )
