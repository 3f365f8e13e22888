"""The ledgers as tables, before any format: what every company's system holds, under plain column names.

Cells are text, days, moments, or grams. `case` says how an input or delivered lot is known: `received` (a participant's
lot), `own`, `outside` (bought from somebody who signs nothing) or `ground` (ore).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TypeAlias

from .masses import GROUND, Campaign, Contained, Delivery, Input, Ledger, expanded, expanded_loss, kinds_of
from .party import SITES, number

Cell: TypeAlias = "str | int | date | datetime"
Row: TypeAlias = "dict[str, Cell]"
Tables: TypeAlias = "dict[str, list[Row]]"

PARTICIPANTS = frozenset({"mine", "refiner", "cathode", "cell", "car", "recycler"})
ESTIMATED_PERMILLE = 30
"""Expanded uncertainty (k=2) of ore: a block model and belt samples."""


def build(company: str, ledger: Ledger) -> Tables:
    """All tables of one company."""
    site = SITES[company]
    tables: Tables = {
        "site": [
            {
                "site": site.number,
                "name": site.name,
                "kind": site.kind,
                "country": site.country,
                "street": site.street,
                "postcode": site.postcode,
                "town": site.town,
                "minerals": site.minerals,
                "permit": site.permit,
                "scheme": site.scheme,
                "operator": number(company, company),
            }
        ],
        "lots": _lots(company, ledger),
        "recycled": _recycled(ledger),
        "orders": [
            {"order": run.number, "process": run.process, "start": run.start, "end": run.end, "site": site.number}
            for run in ledger.campaigns
        ],
        "stock": _stock(site.number, ledger),
        "covered": _covered(ledger),
        "sent": [row for delivery in ledger.sent for row in _sent(company, delivery)],
        "received": [row for delivery in ledger.received for row in _received(company, delivery)],
    }
    for name, rows in (("inputs", _inputs), ("outputs", _outputs), ("losses", _losses), ("shares", _shares)):
        tables[name] = [row for run in ledger.campaigns for row in rows(company, run)]
    return tables


def metals(contained: Contained, uncertainty: Mapping[str, int] | None = None) -> Row:
    """Columns `Ni`, `Ni_u` ... in grams."""
    row: Row = {}
    for metal, mass in contained.items():
        row[metal] = mass
        row[f"{metal}_u"] = uncertainty[metal] if uncertainty else expanded(metal, mass)
    return row


def case(source: Input) -> str:
    """How the company knows the lot."""
    if source.supplier == GROUND:
        return "ground"
    if not source.supplier:
        return "own"
    return "received" if source.attested else "outside"


def _lots(company: str, ledger: Ledger) -> list[Row]:
    buyers: dict[str, str] = {}
    for delivery in ledger.sent:
        for item in delivery.items:
            buyers[item.lot] = number(company, delivery.receiver)
    return [
        {
            "lot": lot.number,
            "material": lot.material,
            "made": lot.made,
            "net": lot.net,
            "order": lot.order,
            "site": SITES[company].number,
            "sample": lot.samples[0] if lot.samples else "",
            "lab_sample": lot.samples[1] if len(lot.samples) > 1 else "",
            "buyer": buyers.get(lot.number, ""),
            **metals(lot.contained),
        }
        for lot in ledger.lots
    ]


def _recycled(ledger: Ledger) -> list[Row]:
    """The recovered part of each lot's metals. Run-around scrap is not recycled (Battery Regulation Art. 3(1)(51))."""
    runs = {run.number: run for run in ledger.campaigns}
    rows: list[Row] = []
    for lot in ledger.lots:
        for kind, contained in kinds_of(runs[lot.order], lot.number).items():
            if kind in {"postConsumer", "manufacturingWaste"}:
                rows.extend(
                    {"lot": lot.number, "metal": metal, "kind": kind, "mass": mass, "mass_u": expanded(metal, mass)}
                    for metal, mass in contained.items()
                )
    return rows


def _inputs(company: str, run: Campaign) -> list[Row]:
    rows: list[Row] = []
    for place, source in enumerate(run.inputs, start=1):
        known = case(source)
        estimated = {metal: mass * ESTIMATED_PERMILLE // 1000 for metal, mass in source.contained.items()}
        kind = next(iter(source.kinds)) if len(source.kinds) == 1 else ""
        rows.append(
            {
                "order": run.number,
                "position": f"{place * 10:04d}",
                "lot": source.lot,
                "material": source.material,
                "net": source.net,
                "kind": kind,
                "case": known,
                "attested": "" if known in {"own", "outside"} else "X",
                "partner": number(company, source.supplier) if known in {"received", "outside"} else "",
                **metals(source.contained, estimated if known == "ground" else None),
            }
        )
    return rows


def _outputs(_company: str, run: Campaign) -> list[Row]:
    return [
        {
            "order": run.number,
            "position": f"{place * 10:04d}",
            "lot": output.lot,
            "material": output.material,
            "net": output.net,
            **metals(output.contained),
        }
        for place, output in enumerate(run.outputs, start=1)
    ]


def _losses(_company: str, run: Campaign) -> list[Row]:
    return [
        {
            "order": run.number,
            "kind": kind,
            **metals(contained, {metal: expanded_loss(mass) for metal, mass in contained.items()}),
        }
        for kind, contained in run.losses.items()
    ]


def _shares(company: str, run: Campaign) -> list[Row]:
    inputs = {source.lot: source for source in run.inputs}
    materials = {output.lot: output.material for output in run.outputs}
    rows: list[Row] = []
    for share in run.shares:
        source = inputs[share.source]
        known = case(source)
        rows.append(
            {
                "order": run.number,
                "metal": share.metal,
                "source": share.source,
                "source_material": source.material,
                "case": known,
                "partner": number(company, source.supplier) if known in {"received", "outside"} else "",
                "target": share.target,
                "target_material": materials[share.target],
                "mass": share.mass,
                "mass_u": expanded(share.metal, share.mass),
                "kind": share.kind,
                "model": share.model,
                "basis": share.basis,
            }
        )
    return rows


def _sent(company: str, delivery: Delivery) -> list[Row]:
    return [
        {
            "note": delivery.note,
            "position": f"{place * 10:06d}",
            "partner": number(company, delivery.receiver),
            "self": number(company, company),
            "at": delivery.sent_at,
            "site": SITES[company].number,
            "lot": item.lot,
            "material": item.material,
            "net": item.sent,
            **metals(item.contained_sent),
        }
        for place, item in enumerate(delivery.items, start=1)
    ]


def _received(company: str, delivery: Delivery) -> list[Row]:
    """`signed`: the sender takes part, so its own record of this delivery was received. `attested`: the lot's was."""
    return [
        {
            "receipt": delivery.receipt,
            "note": delivery.note,
            "position": f"{place * 10:06d}",
            "partner": number(company, delivery.sender),
            "self": number(company, company),
            "at": delivery.received_at,
            "site": SITES[company].number,
            "lot": item.lot,
            "material": item.material,
            "net": item.received,
            "signed": "X" if delivery.sender in PARTICIPANTS else "",
            "attested": "X" if item.attested else "",
            **metals(item.contained_received),
        }
        for place, item in enumerate(delivery.items, start=1)
    ]


def _stock(site: str, ledger: Ledger) -> list[Row]:
    return [
        {
            "number": count.number,
            "kind": count.kind,
            "at": count.at,
            "start": count.start,
            "end": count.end + timedelta(days=1),
            "site": site,
            **metals(count.contained),
        }
        for count in (ledger.opening, ledger.closing)
    ]


def _covered(ledger: Ledger) -> list[Row]:
    """What the closing stocktake covers: the opening one and every make and move event of the period."""
    documents: Sequence[tuple[str, str]] = (
        ("stocktake", ledger.opening.number),
        *(("order", run.number) for run in ledger.campaigns),
        *(("delivery", delivery.note) for delivery in ledger.sent),
        *(("receipt", delivery.receipt) for delivery in ledger.received),
    )
    return [{"number": ledger.closing.number, "class": word, "document": text} for word, text in documents]
