"""What the companies with lists and workbooks export: mine and recycler (XLSX, LIMS), refiner (SAP, LIMS)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from .columns import GERMAN, Column, columns, text
from .lims import assay_export, results
from .loop import Certificate
from .masses import Ledger
from .party import number
from .sap import list_export
from .statements import claims
from .tables import Row, Tables, build
from .workbook import workbook

Files = dict[str, bytes]

METAL_PAIR = ("{m}|kg={m}:kg", "{m}|U kg={m}_u:kg")
SHEETS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    # sheet: table, columns
    "Site": ("site", ("Site|No=site", "Site|Name=name", "Site|Type=kind", "Country|ISO=country",
                      "Address|Street=street",
                      "Address|Postcode=postcode", "Address|Town=town", "Minerals|List=minerals", "Permit|No=permit",
                      "Scheme|Certificate=scheme", "Operator|No=operator")),
    "Lots": ("lots", ("Lot|No=lot", "Lot|Material=material", "Produced|on=made", "Net dry|kg=net:kg",
                      "Campaign|No=order",
                      "Site|No=site", "Sample|Own=sample", "Sample|Laboratory=lab_sample", "Customer|No=buyer",
                      *METAL_PAIR)),
    "Recycled": ("recycled", ("Lot|No=lot", "Metal|Symbol=metal", "Source|Kind=kind", "Mass|kg=mass:kg",
                              "Mass|U kg=mass_u:kg")),
    "Claims": ("claims", ("Lot|No=lot", "PCF|kg CO2e per kg=pcf", "PCF|Boundary=boundary", "PCF|Method=method",
                          "PCF|Version=method_version", "PCF|From=start", "PCF|To=end", "PCF|Allocation=allocation",
                          "PCF|Primary data %=primary", "PCF|Basis=legal", "PCF|Party=pcf_party", "PCF|Level=pcf_level",
                          "PCF|Verifier No=pcf_verifier", "Social|Scheme=scheme", "Social|Version=scheme_version",
                          "Social|Scope=scope", "Social|Score=score", "Social|Coverage %=coverage",
                          "Social|Party=social_party", "Social|Level=social_level",
                          "Social|Verifier No=social_verifier")),
    "Campaigns": ("orders", ("Campaign|No=order", "Campaign|Process=process", "Campaign|Start=start",
                             "Campaign|End=end",
                             "Site|No=site")),
    "Feed": ("inputs", ("Campaign|No=order", "Feed|Pos=position", "Feed|Lot=lot", "Feed|Material=material",
                        "Feed|kg=net:kg", "Feed|Source=kind", "Feed|Origin=case", "Feed|Attested=attested",
                        "Supplier|No=partner", *METAL_PAIR)),
    "Product": ("outputs", ("Campaign|No=order", "Product|Lot=lot", "Product|Material=material", "Product|kg=net:kg",
                            *METAL_PAIR)),
    "Losses": ("losses", ("Campaign|No=order", "Loss|Kind=kind", *METAL_PAIR)),
    "Attribution": ("shares", ("Campaign|No=order", "Metal|Symbol=metal", "From|Lot=source",
                               "From|Material=source_material",
                               "From|Origin=case", "From|Supplier=partner", "To|Lot=target", "Mass|kg=mass:kg",
                               "Mass|U kg=mass_u:kg", "Account|Source=kind", "Account|Model=model",
                               "Account|Basis=basis")),
    "Dispatch": ("sent", ("Delivery|No=note", "Delivery|Pos=position", "Customer|No=partner", "Operator|No=self",
                          "Loaded|UTC=at", "Site|No=site", "Lot|No=lot", "Lot|Material=material", "Net dry|kg=net:kg",
                          *METAL_PAIR)),
    "Weigh-in": ("received", ("Receipt|No=receipt", "Receipt|Pos=position", "Delivery|No=note", "Supplier|No=partner",
                              "Operator|No=self", "Weighed|UTC=at", "Site|No=site", "Lot|No=lot",
                              "Lot|Material=material", "Lot|Signed=signed", "Lot|Attested=attested",
                              "Net dry|kg=net:kg", *METAL_PAIR)),
    "Stock": ("stock", ("Count|No=number", "Count|Kind=kind", "Counted|UTC=at", "Period|From=start", "Period|To=end",
                        "Site|No=site", *METAL_PAIR)),
    "Covered": ("covered", ("Count|No=number", "Document|Class=class", "Document|No=document")),
}  # fmt: skip


def book(tables: Tables, names: Sequence[str], metals: Sequence[str]) -> bytes:
    """A workbook with these sheets."""
    return workbook({name: (columns(SHEETS[name][1], metals), tables[SHEETS[name][0]]) for name in names})


def mine(ledger: Ledger) -> Files:
    """The mine's production workbook and its laboratory's assays."""
    tables = build("mine", ledger) | {"claims": claims("mine", ledger)}
    names = ("Site", "Lots", "Claims", "Campaigns", "Feed", "Product", "Losses", "Attribution", "Dispatch", "Stock",
             "Covered")  # fmt: skip
    return {
        "production_2026-06_07.xlsx": book(tables, names, ledger.metals),
        "LIMS_MHP_2026-07.csv": assay_export(
            "Tunturi laboratory, lot release", "ICP-OES TL-017", date(2026, 7, 16), ledger.metals,
            results(ledger.lots, ledger.metals, third_party=False, client=number("mine", "mine")),
        ),
    }  # fmt: skip


def recycler(ledger: Ledger, certificates: Sequence[Certificate]) -> Files:
    """The recycler's weighbridge and plant workbooks, assays, and the register of certificates."""
    tables = build("recycler", ledger) | {"claims": claims("recycler", ledger)}
    plant = ("Site", "Lots", "Recycled", "Claims", "Campaigns", "Feed", "Product", "Losses", "Attribution")
    return {
        "Anlage_2026_Q3.xlsx": book(tables, plant, ledger.metals),
        "Waage_2026_Q3.xlsx": book(tables, ("Weigh-in", "Dispatch", "Stock", "Covered"), ledger.metals),
        "LIMS_Salze_2026-10.csv": assay_export(
            "Betriebslabor Marl, Freigabe Salze", "ICP-OES BL-04", date(2026, 10, 13), ("Ni", "Co", "Li"),
            results(ledger.lots, ("Ni", "Co", "Li"), third_party=False, client=number("recycler", "recycler")),
        ),
        "Recyclingzertifikate_2026.csv": _certificates(certificates),
    }  # fmt: skip


def _certificates(certificates: Sequence[Certificate]) -> bytes:
    specs = ("Zertifikat=number", "Seriennummer=serial", "Hersteller=partner", "Eingang=received", "Behandelt=treated",
             "Ausgestellt=issued", "Masse kg=mass:kg", "Kampagne=order", "Standort=site",
             "{m} rückgewonnen kg={m}:kg", "{m} U kg={m}_u:kg")  # fmt: skip
    head = columns(specs, ("Ni", "Co", "Li"))
    lines = [";".join(column.heading for column in head)]
    for item in certificates:
        row: Row = {
            "number": item.number,
            "serial": item.serial,
            "partner": number("recycler", "car"),
            "received": item.received,
            "treated": item.treated,
            "issued": item.issued,
            "mass": item.mass,
            "order": item.order,
            "site": "HM",
            **item.recovered,
            **{f"{metal}_u": max(1, mass * 8 // 1000) for metal, mass in item.recovered.items()},
        }
        lines.append(";".join(text(row, column, GERMAN) for column in head))
    return ("\n".join(lines) + "\n").encode("iso-8859-1")


SAP_METALS = ("{m}_KG={m}:kg", "{m}_U={m}_u:kg")
SAP_LISTS: Mapping[str, tuple[str, str, tuple[str, ...], str]] = {
    # file: title, table, columns, column with a total
    "ZWERK": ("Werksdaten", "site", (
        "WERKS=site", "NAME1=name", "TYP=kind", "LAND1=country", "STRAS=street", "PSTLZ=postcode", "ORT01=town",
        "STOFFE=minerals", "LIFNR=operator"), ""),
    "ZCHARGEN": ("Chargenliste", "lots", (
        "CHARG=lot", "MATNR=material", "HSDAT=made", "AUFNR=order", "WERKS=site", "PRUEFLOS=sample", "LABOR=lab_sample",
        "KUNNR=buyer", *SAP_METALS), ""),
    "ZNACHHALT": ("Nachhaltigkeitsangaben je Charge", "claims", (
        "CHARG=lot", "PCF=pcf_de", "GRENZE=boundary", "METHODE=method", "FASSUNG=method_version", "VON=start",
        "BIS=end",
        "ALLOK=allocation", "PRIMAER=primary", "RECHT=legal", "PCF_PARTEI=pcf_party", "PCF_STUFE=pcf_level",
        "PCF_PRUEFER=pcf_verifier", "SCHEMA=scheme", "SCHEMA_FASSUNG=scheme_version", "UMFANG=scope", "NOTE=score",
        "ABDECKUNG=coverage", "SOZ_PARTEI=social_party", "SOZ_STUFE=social_level", "SOZ_PRUEFER=social_verifier"), ""),
    "COOIS": ("Prozessauftraege", "orders", (
        "AUFNR=order", "VORGANG=process", "GSTRI=start:day", "GLTRI=end:day", "GEUZI=end:hour", "WERKS=site"), ""),
    "ZEINSATZ": ("Einsatz je Auftrag", "inputs", (
        "AUFNR=order", "RSPOS=position", "CHARG=lot", "MATNR=material", "MENGE=net:kg", "ME='KG", "QUELLE=kind",
        "HERKUNFT=case", "NACHWEIS=attested", "LIFNR=partner", *SAP_METALS), "MENGE"),
    "ZAUSBEUTE": ("Ausbeute je Auftrag", "outputs", (
        "AUFNR=order", "POSNR=position", "CHARG=lot", "MATNR=material", "MENGE=net:kg",
        "ME='KG", *SAP_METALS), "MENGE"),
    "ZVERLUST": ("Verluste je Auftrag", "losses", ("AUFNR=order", "ART=kind", *SAP_METALS), ""),
    "ZKONTO": ("Massenbilanzkonto", "shares", (
        "AUFNR=order", "METALL=metal", "VON_CHARG=source", "VON_MATNR=source_material", "HERKUNFT=case",
        "LIFNR=partner",
        "NACH_CHARG=target", "MASSE=mass:kg", "UNSICH=mass_u:kg", "ME='KG", "QUELLE=kind", "MODELL=model",
        "BASIS=basis"), "MASSE"),
    "VL06O": ("Auslieferungsmonitor", "sent", (
        "VBELN=note", "POSNR=position", "KUNNR=partner", "VKORG_NR=self", "WADAT=at:day", "WAUHR=at:hour", "WERKS=site",
        "CHARG=lot", "MATNR=material", "LFIMG=net:kg", "VRKME='KG", *SAP_METALS), "LFIMG"),
    "MIGO": ("Wareneingaenge", "received", (
        "MBLNR=receipt", "ZEILE=position", "XBLNR=note", "LIFNR=partner", "BUKRS_NR=self", "BUDAT=at:day",
        "CPUTM=at:hour",
        "WERKS=site", "CHARG=lot", "MATNR=material", "SIGN=signed", "NACHWEIS=attested", "MENGE=net:kg", "ME='KG",
        *SAP_METALS), "MENGE"),
    "MI24": ("Inventur", "stock", (
        "IBLNR=number", "ART=kind", "ZLDAT=at:day", "ZLUHR=at:hour", "VON=start", "BIS=end", "WERKS=site", *SAP_METALS,
        "DIFF_NI=difference:kg"), ""),
    "ZBELEGE": ("Belege zur Inventur", "covered", ("IBLNR=number", "KLASSE=class", "BELNR=document"), ""),
    "MB51": ("Materialbelege", "movements", (
        "BWART=type", "AUFNR=order", "CHARG=lot", "MATNR=material", "BUDAT=day", "MENGE=net:kg", "ME='KG"), "MENGE"),
}  # fmt: skip


def sap_list(name: str, plant: str, printed: date, rows: Sequence[Row], metals: Sequence[str]) -> bytes:
    """One of the SAP lists."""
    title, _, specs, total = SAP_LISTS[name]
    return list_export(title, plant, printed, columns(specs, metals), rows, total=total)


def refiner(ledger: Ledger, *, tampered: bool) -> Files:
    """The refiner's SAP lists and assays. The planted fault `tampered` changes one assay, and nothing else."""
    tables = build("refiner", ledger) | {"claims": claims("refiner", ledger), "movements": _movements(ledger)}
    for row in tables["claims"]:
        row["pcf_de"] = str(row["pcf"]).replace(".", ",")
    tables["stock"][1]["difference"] = -412
    printed = date(2026, 11, 2)
    found = {
        f"{name}_20261102.csv": sap_list(name, "0110", printed, tables[table], ledger.metals)
        for name, (_, table, _, _) in SAP_LISTS.items()
    }
    rows = results(
        ledger.lots, ledger.metals, third_party=False, changed="L26-3301" if tampered else "",
        client=number("refiner", "refiner"),
    )  # fmt: skip
    found["LIMS_Sulfate_2026-09.csv"] = assay_export(
        "Harjav\u00e4rvi QC, release of sulphates", "XRF QM-22", date(2026, 9, 18), ledger.metals, rows
    )
    return found


def _movements(ledger: Ledger) -> list[Row]:
    """Goods receipts of the campaign's lots: the first was booked too high, and part of it was reversed."""
    rows: list[Row] = []
    for place, lot in enumerate(ledger.lots):
        over = 120_000 if place == 0 else 0
        common: Row = {"order": lot.order, "lot": lot.number, "material": lot.material}
        rows.append({**common, "type": "101", "day": lot.made, "net": lot.net + over})
        if over:
            rows.append({**common, "type": "102", "day": lot.made + timedelta(days=1), "net": -over})
    return rows


def headings(sheet: str, metals: Sequence[str]) -> tuple[Column, ...]:
    """The columns of a sheet, for tests that read a workbook back."""
    return columns(SHEETS[sheet][1], metals)
