"""What the companies with services and IDocs export: cathode maker, cell maker, car maker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from . import idoc, odata
from .columns import columns
from .flat import Files, sap_list
from .lims import assay_export, results
from .loop import BATTERY_A, BATTERY_A_NET, serial_a
from .making import CELL_BATCH, CELL_GRAMS
from .masses import METALS, Ledger, kinds_of
from .odata import Expanded
from .party import SITES, number
from .sap import list_export
from .statements import COMPOSITION, HAZARDS, MODELS, claims
from .tables import Cell, Row, Tables, build, metals

Folders = dict[str, Files]
PAIR = ("{m}Mass={m}:kg", "{m}Uncertainty={m}_u:kg")
PARTS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    # navigation property: table, key, columns
    "to_Component": ("inputs", "order", (
        "Position=position", "Batch=lot", "Material=material", "Quantity=net:kg", "QuantityUnit='KGM",
        "SourceKind=kind",
        "Origin=case", "Attested=attested", "Supplier=partner", *PAIR)),
    "to_Product": ("outputs", "order", (
        "Position=position", "Batch=lot", "Material=material", "Quantity=net:kg", "QuantityUnit='KGM", *PAIR)),
    "to_Loss": ("losses", "order", ("LossKind=kind", *PAIR)),
    "to_Attribution": ("shares", "order", (
        "Metal=metal", "FromBatch=source", "FromMaterial=source_material", "Origin=case", "Supplier=partner",
        "ToBatch=target", "ToMaterial=target_material", "Mass=mass:kg", "Uncertainty=mass_u:kg", "SourceKind=kind",
        "CustodyModel=model", "Basis=basis")),
    "to_RecycledMass": ("recycled", "lot", ("Metal=metal", "SourceKind=kind", "Mass=mass:kg", "Uncertainty=mass_u:kg")),
    "to_Claim": ("claims", "lot", (
        "Pcf=pcf", "PcfBoundary=boundary", "PcfMethod=method", "PcfMethodVersion=method_version",
        "PcfFrom=start:moment", "PcfTo=end:moment", "PcfAllocation=allocation", "PcfPrimaryShare=primary",
        "PcfLegalBasis=legal",
        "PcfParty=pcf_party", "PcfLevel=pcf_level", "PcfVerifier=pcf_verifier", "Scheme=scheme",
        "SchemeVersion=scheme_version", "Scope=scope", "Score=score", "Coverage=coverage", "SocialParty=social_party",
        "SocialLevel=social_level", "SocialVerifier=social_verifier")),
    "to_Document": ("covered", "number", ("DocumentClass=class", "DocumentNumber=document")),
}  # fmt: skip
ENTITIES: Mapping[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    # entity set: table, columns, parts
    "Plants": ("site", (
        "Plant=site", "PlantName=name", "PlantType=kind", "Country=country", "Street=street", "PostalCode=postcode",
        "City=town", "Minerals=minerals", "Operator=operator"), ()),
    "Orders": ("orders", ("OrderNumber=order", "Process=process", "ActualStart=start", "ActualEnd=end", "Plant=site"),
               ("to_Component", "to_Product", "to_Loss", "to_Attribution")),
    "Batches": ("lots", (
        "Batch=lot", "Material=material", "ProductionDate=made", "NetQuantity=net:kg", "QuantityUnit='KGM",
        "OrderNumber=order", "Plant=site", "Sample=sample", "LaboratorySample=lab_sample", "Customer=buyer",
        "CellCount=cells", "CellFormat=format", "Capacity=capacity", "Voltage=voltage", "Chemistry=chemistry", *PAIR),
                ("to_RecycledMass", "to_Claim")),
    "StockCounts": ("stock", (
        "CountNumber=number", "CountKind=kind", "CountedAt=at", "PeriodStart=start:moment", "PeriodEnd=end:moment",
        "Plant=site", *PAIR), ("to_Document",)),
}  # fmt: skip


def entity(name: str, tables: Tables, of: Sequence[str], tag: str = "") -> Files:
    """The pages of one entity set; `tag` is the month of the extract."""
    table, specs, parts = ENTITIES[name]
    expanded = [
        Expanded(
            name=part, key=PARTS[part][1], rows=tables.get(PARTS[part][0], []), columns=columns(PARTS[part][2], of)
        )
        for part in parts
    ]
    pages = odata.pages("mes/v1", name, columns(specs, of), tables[table], expanded)
    return {f"{name}{tag}{suffix}.json": page for suffix, page in pages.items()}


def delivery_idocs(tables: Tables, first: int, tag: str = "") -> Files:
    """Outbound deliveries (DESADV) and inbound ones with their goods receipt (SHPCON)."""
    found: Files = {}
    if tables["sent"]:
        found[f"DELVRY_out{tag}.xml"] = idoc.deliveries(tables["sent"], idoc.OUTBOUND, METALS, first)
    found[f"DELVRY_in{tag}.xml"] = idoc.deliveries(tables["received"], idoc.INBOUND, METALS, first + 50)
    return found


def of_month(tables: Tables, order: str, note: str, receipt: str) -> Tables:
    """The rows of one production order, one delivery and one receipt."""
    lots = {row["lot"] for row in tables["lots"] if row["order"] == order}
    wanted: dict[str, tuple[str, set[Cell]]] = {"sent": ("note", {note}), "received": ("receipt", {receipt})}
    for name in ("lots", "orders", "inputs", "outputs", "losses", "shares"):
        wanted[name] = ("order", {order})
    for name in ("recycled", "claims"):
        wanted[name] = ("lot", lots)
    return {
        name: [row for row in rows if name not in wanted or row[wanted[name][0]] in wanted[name][1]]
        for name, rows in tables.items()
    }


def cathode(ledger: Ledger) -> Files:
    """The cathode maker: MES by OData, deliveries as IDocs, stock as SAP lists, assays from its LIMS."""
    tables = build("cathode", ledger) | {"claims": claims("cathode", ledger)}
    found = delivery_idocs(tables, 4_401)
    for name in ("Plants", "Orders", "Batches"):
        found |= entity(name, tables, METALS)
    for name, table in (("MI24", "stock"), ("ZBELEGE", "covered")):
        found[f"{name}_20261216.csv"] = sap_list(name, "2200", date(2026, 12, 16), tables[table], METALS)
    found["LIMS_CAM_2026-11.csv"] = assay_export(
        "QS Kathodenmaterial", "ICP-OES QS-118", date(2026, 11, 24), METALS,
        results(ledger.lots, METALS, third_party=False, client=number("cathode", "cathode")),
    )  # fmt: skip
    return found


def cell(ledger: Ledger) -> Folders:
    """The cell maker: everything by OData, deliveries as IDocs. What happened in December and later arrives later."""
    tables = build("cell", ledger) | {"claims": claims("cell", ledger)}
    for row in tables["lots"]:
        if row["material"] == "CELL":
            net = row["net"]
            assert isinstance(net, int)
            row |= {"cells": str(net // CELL_GRAMS), "format": "prismatic", "capacity": "76.4", "voltage": "3.66",
                    "chemistry": "NMC622"}  # fmt: skip
    months = {"exports": "_2608", "arrivals/2027-01": "_2701"}
    found: Folders = {}
    for place, (folder, tag) in enumerate(months.items()):
        numbers = (ledger.campaigns[place].number, ledger.sent[place].note, ledger.received[place].receipt)
        month = of_month(tables, *numbers)
        files = delivery_idocs(month, 71_300 + 100 * place, tag)
        for name in ("Orders", "Batches"):
            files |= entity(name, month, METALS, tag)
        lots = [lot for lot in ledger.lots if lot.samples and lot.order == numbers[0]]
        files[f"LIMS_rebuts{tag}.csv"] = assay_export(
            "Laboratoire CV1, rebuts d'\u00e9lectrodes", "XRF CV-3", ledger.campaigns[place].end.date(), METALS,
            results(lots, METALS, third_party=False, client=number("cell", "cell")),
        )  # fmt: skip
        found[folder] = files
    found["exports"] |= entity("Plants", tables, METALS)
    found["arrivals/2027-01"] |= entity("StockCounts", tables, METALS)
    return found


STATUS_COLUMNS = columns(
    ("SERNR=serial", "STATUS=status", "LEBEN=life", "KAPAZ_AH=capacity", "ZYKLEN=cycles", "STAND=day")
)
BATTERY_COLUMNS = columns(
    (
        "SerialNumber=serial", "Model=model", "Manufactured=made", "PlacedOnMarket=market", "PutIntoService=service",
        "OrderNumber=order", "Plant=site", "CellBatch=cells", "CellSupplier=cell_supplier", "Operator=operator", *PAIR,
    ),
    METALS,
)  # fmt: skip
MODEL_COLUMNS = columns(
    (
        "Model=model", "TradeName=name", "Category='ev", "Mass=mass", "MassUnit='KGM", "Capacity=capacity",
        "Voltage=voltage", "VoltageMin=vmin", "VoltageMax=vmax", "Power=power", "Cycles=cycles",
        "WarrantyMonths=warranty",
        "Chemistry=chemistry", "CellCount=cells", "PartNumber=part", "RecycledNickel=ni", "RecycledCobalt=co",
        "RecycledLithium=li", "TestReport=report", "Pcf=pcf", "PcfUnit=pcf_unit", "PcfUnitsHeld=pcf_units",
        "PcfBoundary=boundary", "PcfMethod=method", "PcfMethodVersion=method_version", "PcfFrom=start:moment",
        "PcfTo=end:moment", "PcfPrimaryShare=pcf_primary", "PcfLegalBasis=legal", "PcfParty=pcf_party",
        "PcfLevel=pcf_level",
    )
)  # fmt: skip
COMPOSITION_COLUMNS = columns(("Component=component", "Name=name", "Cas=cas", "MassShare=share"))
HAZARD_COLUMNS = columns(("Name=name", "Cas=cas", "HazardClass=class", "MassShare=share"))


def car(ledger: Ledger, old_batteries: int) -> Folders:
    """The car maker: master data and assembly by OData, cells in as IDoc, stock and passport status as SAP lists.

    At first there is battery A alone. Its status changes in October 2026, after the recycler's certificate has come;
    battery B is there in March 2027. The status list is written anew each time, as it is every night.
    """
    tables = build("car", ledger)
    old = [_old_battery(index) for index in range(old_batteries)]
    first = entity("Plants", tables, METALS) | _batteries("_2024", old)
    models = odata.pages(
        "passport/v2", "Models", MODEL_COLUMNS, MODELS,
        (Expanded(name="to_Composition", key="model", rows=COMPOSITION, columns=COMPOSITION_COLUMNS),
         Expanded(name="to_Hazard", key="model", rows=HAZARDS, columns=HAZARD_COLUMNS)),
    )  # fmt: skip
    first |= {f"Models{suffix}.json": page for suffix, page in models.items()}
    first["ZPASS_STATUS.csv"] = status_list(date(2026, 7, 31), old_batteries, ended=False)
    last = (
        delivery_idocs(tables, 90_120) | entity("Orders", tables, METALS) | _batteries("_2027", _new_batteries(ledger))
    )
    for name, table in (("MI24", "stock"), ("ZBELEGE", "covered")):
        last[f"{name}_20270302.csv"] = sap_list(name, "0040", date(2027, 3, 2), tables[table], METALS)
    last["ZPASS_STATUS.csv"] = status_list(date(2027, 3, 2), old_batteries, ended=True, ledger=ledger)
    ended = status_list(date(2026, 10, 14), old_batteries, ended=True)
    return {"exports": first, "arrivals/2026-10": {"ZPASS_STATUS.csv": ended}, "arrivals/2027-03": last}


def _batteries(tag: str, rows: Sequence[Row]) -> Files:
    pages = odata.pages("passport/v2", "Batteries", BATTERY_COLUMNS, rows)
    return {f"Batteries{tag}{suffix}.json": page for suffix, page in pages.items()}


def status_list(printed: date, old_batteries: int, *, ended: bool, ledger: Ledger | None = None) -> bytes:
    """The status of every passport on that day."""
    rows: list[Row] = [
        {
            "serial": serial_a(index),
            "status": "ceased" if ended else "active",
            "life": "waste" if ended else "original",
            "capacity": "121,4",
            "cycles": "1.212",
            "day": date(2026, 10, 14) if ended else date(2026, 7, 30),
        }
        for index in range(old_batteries)
    ]
    rows.extend(
        {
            "serial": battery.number,
            "status": "active",
            "life": "original",
            "capacity": "229,0",
            "cycles": "0",
            "day": date(2027, 3, 1),
        }
        for battery in (ledger.lots if ledger else ())
    )
    return list_export("Status der Batteriep\u00e4sse", "0040", printed, STATUS_COLUMNS, rows)


def _old_battery(index: int) -> Row:
    return {
        "serial": serial_a(index),
        "model": "CM24-64",
        "made": date(2024, 5, 6),
        "market": date(2024, 6, 3),
        "service": date(2024, 6, 17),
        "site": SITES["car"].number,
        "operator": number("car", "car"),
        "net": BATTERY_A_NET,
        **metals(BATTERY_A),
    }


def _new_batteries(ledger: Ledger) -> list[Row]:
    return [
        {
            "serial": lot.number,
            "model": "CM27-84",
            "made": lot.made,
            "market": date(2027, 3, 1),
            "order": lot.order,
            "site": SITES["car"].number,
            "cells": CELL_BATCH,
            "cell_supplier": number("car", "cell"),
            "operator": number("car", "car"),
            **metals(lot.contained),
        }
        for lot in ledger.lots
    ]


def recycled_share(ledger: Ledger, metal: str) -> float:
    """The recycled part of a metal in the first battery, in per cent: what `statements.MODELS` rounds."""
    kinds = kinds_of(ledger.campaigns[0], ledger.lots[0].number)
    recycled = sum(kinds[kind].get(metal, 0) for kind in ("postConsumer", "manufacturingWaste") if kind in kinds)
    return 100 * recycled / ledger.lots[0].contained[metal]
