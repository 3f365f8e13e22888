"""The way back: cell-maker scrap and recycled battery A become recovered lots, August to October 2026.

Scrap of another company's process is manufacturing waste, an old battery is post-consumer (Battery Regulation Art. 8);
the split of each recovered metal follows the split of what went in.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from .masses import (
    Campaign,
    Contained,
    Delivery,
    Input,
    Item,
    Ledger,
    Lot,
    Output,
    assayed,
    less,
    of_kind,
    part,
    scaled,
    shared,
    total,
)
from .stock import stocktakes
from .upstream import KILOGRAM, at

RECYCLER_PERIOD = (date(2026, 8, 1), date(2026, 10, 31))
BATTERY_A = {"Ni": 42_870, "Co": 14_350, "Mn": 13_380, "Li": 8_450}
"""Grams of contained metal in one battery of the first generation (64 kWh, NMC622)."""
BATTERY_A_NET = 411_500
SCRAP = {"Ni": 297_800, "Co": 99_600, "Mn": 92_900, "Li": 58_700}
"""Grams per tonne of cathode electrode scrap: coating on foil."""
SCRAP_LOT = "ES26080003"

RECOVERED = (
    # number, material, made on, metal, recovered per mille, grams of metal per tonne of salt
    ("RNS-2610-021", "NISO4", date(2026, 10, 7), "Ni", 962, 222_600, ("RL-26-0881", "NG-2026-5602")),
    ("RCS-2610-009", "COSO4", date(2026, 10, 8), "Co", 958, 208_300, ("RL-26-0882", "NG-2026-5603")),
    ("RLC-2610-004", "LI2CO3", date(2026, 10, 9), "Li", 823, 186_900, ("RL-26-0883", "NG-2026-5604")),
)


def serial_a(index: int) -> str:
    """The serial number of the index-th battery of the first generation, from 0."""
    return f"CM24-64-{117 + index:06d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What the recycler certifies about one battery."""

    number: str
    serial: str
    received: date
    treated: date
    issued: date
    mass: int
    recovered: Contained
    order: str


def scrap_delivery(k: int) -> Delivery:
    """Electrode scrap of the cell maker's August campaign goes to the recycler."""
    net = 260 * k * KILOGRAM
    contained = assayed(net, SCRAP)
    weighed_in = net - 200 * k
    item = Item(
        lot=SCRAP_LOT,
        material="SCRAP",
        sent=net,
        received=weighed_in,
        contained_sent=contained,
        contained_received=scaled(contained, weighed_in, net),
    )
    return Delivery(
        note="0080200917",
        receipt="WE-26-0402",
        sender="cell",
        receiver="recycler",
        sent_at=at(date(2026, 9, 1), 12),
        received_at=at(date(2026, 9, 3), 8, 15),
        items=(item,),
    )


def collected(k: int) -> Delivery:
    """Battery A comes from a collection point, which is no participant; the recycler alone weighs it."""
    items = tuple(
        Item(
            lot=serial_a(index),
            material="BATTERY",
            sent=BATTERY_A_NET,
            received=BATTERY_A_NET,
            contained_sent=BATTERY_A,
            contained_received=BATTERY_A,
        )
        for index in range(k)
    )
    return Delivery(
        note="UNS-2026-5519",
        receipt="WE-26-0377",
        sender="collection-point",
        receiver="recycler",
        sent_at=at(date(2026, 8, 14), 9),
        received_at=at(date(2026, 8, 17), 13, 40),
        items=items,
    )


def recovered_lots(fed: Contained) -> tuple[Lot, ...]:
    """The recovered salts: of each metal what the yield leaves."""
    lots = []
    for number, material, made, metal, yielded, grade, samples in RECOVERED:
        mass = part(fed[metal], yielded, 1000)
        lots.append(
            Lot(
                number=number,
                material=material,
                made=made,
                net=part(mass, 1_000_000, grade),
                contained={metal: mass},
                order="HM-2026-09",
                samples=samples,
            )
        )
    return tuple(lots)


def recycler(k: int, scrap: Delivery) -> tuple[Ledger, Delivery, tuple[Certificate, ...]]:
    """The recycler's ledger, its delivery to the cathode maker, and the certificates for the old batteries."""
    old = collected(k)
    used = 255 * k * KILOGRAM
    scrap_in = scrap.items[0]
    from_scrap = scaled(scrap_in.contained_received, used, scrap_in.received)
    batteries = tuple(
        Input(
            lot=item.lot,
            material="BATTERY",
            net=item.received,
            contained=item.contained_received,
            kinds=of_kind("postConsumer", item.contained_received),
            supplier="car",
        )
        for item in old.items
    )
    scrap_input = Input(
        lot=SCRAP_LOT,
        material="SCRAP",
        net=used,
        contained=from_scrap,
        kinds=of_kind("manufacturingWaste", from_scrap),
        supplier="cell",
    )
    inputs = (*batteries, scrap_input)
    fed = total(source.contained for source in inputs)
    lots = recovered_lots(fed)
    outputs = tuple(Output(lot=lot.number, material=lot.material, net=lot.net, contained=lot.contained) for lot in lots)
    campaign = Campaign(
        number="HM-2026-09",
        process="recycling",
        start=at(date(2026, 9, 7), 5),
        end=at(date(2026, 10, 9), 17, 30),
        inputs=inputs,
        outputs=outputs,
        losses=_residues(less(fed, total(lot.contained for lot in lots))),
        shares=shared(inputs, outputs, model="controlledBlending"),
    )
    delivery = _recovered_delivery(lots)
    opening, closing = stocktakes(
        ("BA-2026-08", "BA-2026-10"),
        RECYCLER_PERIOD,
        {"Ni": 96_400 * k, "Co": 33_100 * k, "Mn": 30_250 * k, "Li": 18_900 * k},
        campaigns=(campaign,),
        sent=(delivery,),
        received=(scrap, old),
    )
    ledger = Ledger(
        lots=lots,
        campaigns=(campaign,),
        sent=(delivery,),
        received=(scrap, old),
        opening=opening,
        closing=closing,
    )
    return ledger, delivery, certificates(k, campaign)


def _residues(lost: Contained) -> dict[str, Contained]:
    """Where the loss goes: filter cake, and water for what is soluble. All manganese ends in the cake."""
    water = {metal: part(mass, 0 if metal == "Mn" else 12, 100) for metal, mass in lost.items()}
    return {"residue": less(lost, water), "effluent": {metal: mass for metal, mass in water.items() if mass}}


def _recovered_delivery(lots: tuple[Lot, ...]) -> Delivery:
    """All three recovered lots go to the cathode maker."""
    return Delivery(
        note="LS-26-1108",
        receipt="0050031204",
        sender="recycler",
        receiver="cathode",
        sent_at=at(date(2026, 10, 19), 7, 15),
        received_at=at(date(2026, 10, 20), 11, 30),
        items=tuple(
            Item(
                lot=lot.number,
                material=lot.material,
                sent=lot.net,
                received=lot.net,
                contained_sent=lot.contained,
                contained_received=lot.contained,
            )
            for lot in lots
        ),
    )


def certificates(k: int, campaign: Campaign) -> tuple[Certificate, ...]:
    """One certificate per old battery, with the recovered mass that stands to its account."""
    result = []
    for index in range(k):
        serial = serial_a(index)
        recovered: dict[str, int] = {}
        for share in campaign.shares:
            if share.source == serial:
                recovered[share.metal] = recovered.get(share.metal, 0) + share.mass
        result.append(
            Certificate(
                number=f"RZ-2026-{883 + index:05d}",
                serial=serial,
                received=date(2026, 8, 17),
                treated=date(2026, 9, 8),
                issued=date(2026, 10, 12),
                mass=BATTERY_A_NET,
                recovered=recovered,
                order=campaign.number,
            )
        )
    return tuple(result)
