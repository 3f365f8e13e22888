"""Headings of ERP systems: what is surely a term runs, what is nearly one a person decides, no more."""

from __future__ import annotations

import pytest

from connector.mapping.proposal import Proposal, propose
from connector.vocabulary.bundle import load_bundle, load_headings
from tests.core.mapping.trial import file

DAYS = ("11.09.2026", "25.09.2026")
AMOUNTS = ("1.200,500", "950,000")
NUMBERS = ("400123", "400124")


def proposed(target: str, heading: str, cells: tuple[str, str]) -> Proposal:
    """A list of lots with one more column."""
    bundle = load_bundle()
    lines = [f"Charge;Werk;{heading}", f"L-1;W1;{cells[0]}", f"L-2;W1;{cells[1]}"]
    return propose(file("export.csv", "\n".join(lines).encode()), target, terms=bundle.terms, shapes=bundle.shapes,
                   headings=load_headings())  # fmt: skip


def places(proposal: Proposal, heading: str, *, runs: bool) -> list[str]:
    """Where the column is proposed."""
    entries = [one for one in proposal.found.entries if any(name == heading for name, _ in one.columns)]
    return [one.slot.name for one in entries if one.runs is runs]


@pytest.mark.parametrize(
    ("heading", "cells", "term"),
    [
        ("HSDAT", DAYS, "productionDate"),
        ("ProdDate", DAYS, "productionDate"),
        ("MFDT", DAYS, "productionDate"),
        ("Manufacturing Date", DAYS, "productionDate"),
        ("Mfg Date", DAYS, "productionDate"),
    ],
)
def test_what_is_surely_a_term_runs(heading: str, cells: tuple[str, str], term: str) -> None:
    """By its name in SAP, Dynamics 365, Infor, or as people write it."""
    assert places(proposed("MaterialLot", heading, cells), heading, runs=True) == [term]


@pytest.mark.parametrize(
    ("heading", "cells", "term"),
    [
        ("MATNR", ("000000000000400123", "000000000000400124"), "materialType"),
        ("ItemNumber", ("M-1", "M-2"), "materialType"),
        ("ITNO", NUMBERS, "materialType"),
        ("Materialnummer", NUMBERS, "materialType"),
        ("MAKTX", ("NiSO4 fein", "CoSO4 grob"), "materialType"),
        ("CLABS", AMOUNTS, "netMass"),
        ("OnHandQuantity", AMOUNTS, "netMass"),
        ("Frei verwendbar (kg)", AMOUNTS, "netMass"),
        ("Lagerbestand", AMOUNTS, "netMass"),
        ("Menge", AMOUNTS, "netMass"),
        ("HERKL", ("FI", "AU"), "origin.country"),
        ("Ursprungsland", ("FI", "AU"), "origin.country"),
    ],
)
def test_what_is_nearly_a_term_is_proposed_and_does_not_run(heading: str, cells: tuple[str, str], term: str) -> None:
    """A material's number is its type by a code list; what lies in stock today is what was not used up of the lot."""
    found = proposed("MaterialLot", heading, cells)
    assert places(found, heading, runs=True) == []
    assert places(found, heading, runs=False) == [term]


@pytest.mark.parametrize(
    ("heading", "cells"),
    [
        ("VFDAT", DAYS), ("Expiry Date", DAYS), ("MHD", DAYS), ("BatchExpirationDate", DAYS), ("Entry Date", DAYS),
        ("ERSDA", DAYS), ("BRGEW", AMOUNTS), ("Gross Weight", AMOUNTS), ("Tara kg", AMOUNTS), ("TaraWeight", AMOUNTS),
        ("CSPEM", AMOUNTS), ("LGORT", ("0001", "0002")), ("Storage Location", ("0001", "0002")), ("EBELN", NUMBERS),
        ("PurchaseOrderNumber", NUMBERS), ("Bestellung", NUMBERS), ("LICHA", ("S-1", "S-2")), ("MERKNR", NUMBERS),
        ("Supplier Lot No", ("S-1", "S-2")), ("SUPPLIER_LOT_NUMBER", ("S-1", "S-2")), ("NAME1", ("A AG", "B AG")),
        ("Supplier Name", ("A AG", "B AG")), ("LAND1", ("FI", "AU")), ("Part Number", ("P-1", "P-2")),
        ("Part Number", NUMBERS), ("Material Document", NUMBERS),
    ],
)  # fmt: skip
def test_what_only_sounds_like_a_term_is_not_proposed(heading: str, cells: tuple[str, str]) -> None:
    """A day of expiry is none of production, a gross mass no net one, a supplier's lot not the company's own."""
    found = proposed("MaterialLot", heading, cells)
    assert places(found, heading, runs=True) + places(found, heading, runs=False) == []
    assert found.found.key == "Charge"


@pytest.mark.parametrize(
    ("heading", "cells"),
    [("Country of Origin", ("FI", "AU")), ("InventLocationId", ("W1", "W2")), ("Stock Quantity", AMOUNTS)],
)
def test_a_key_is_no_word_that_begins_like_it(heading: str, cells: tuple[str, str]) -> None:
    """`Country` began like the count of a stocktake; amounts name nothing."""
    assert heading not in {name for _, name in proposed("StocktakeEvent", heading, cells).found.identifiers}


@pytest.mark.parametrize("heading", ["BatchNumber", "LOT_NUMBER", "BANO", "t_clot", "CHARG"])
def test_a_lot_is_known_by_its_number_in_every_system(heading: str) -> None:
    """It is the business key."""
    assert proposed("MaterialLot", heading, ("A-1", "A-2")).found.identifiers == [("lotNumber", heading)]


def test_a_key_that_a_heading_says_in_part_is_told() -> None:
    """What else it could be nobody knows."""
    bundle = load_bundle()
    data = b"Internal lot of the day;Menge\nL-1;5\nL-2;6\n"
    found = propose(file("a.csv", data), "MaterialLot", terms=bundle.terms, shapes=bundle.shapes,
                    headings=load_headings())  # fmt: skip
    assert found.found.key_reason.startswith("NOT SURE: ")
    assert "key: Internal lot of the day" in found.plan


LIST = """ Bestandsliste Chargen

-------------------------------------------------------
| Material | Charge  | Frei verwendbar | BME | HerstDatum |
-------------------------------------------------------
| 400123   | L000471 |      1.200,500  | KG  | 11.09.2026 |
| 400123   | L000472 |        950,000  | KG  | 25.09.2026 |
| *        |         |      2.150,500  | KG  |            |
-------------------------------------------------------
| Material | Charge  | Frei verwendbar | BME | HerstDatum |
-------------------------------------------------------
| 400124   | L000473 |          1,250  | TO  | 13.10.2026 |
| *        |         |          1,250  | TO  |            |
-------------------------------------------------------
"""


def test_a_header_that_each_page_repeats_hides_no_numbers() -> None:
    """No column was numbers then, so that the list was said to have none with a mark, and `1.250` read as 1.25."""
    bundle = load_bundle()
    found = propose(file("a.txt", LIST.encode()), "MaterialLot", terms=bundle.terms, shapes=bundle.shapes,
                    headings=load_headings())  # fmt: skip
    assert 'skip: ["*"], locale: de, key: Charge' in found.plan
    assert places(found, "HerstDatum", runs=True) == ["productionDate"]
    assert places(found, "Frei verwendbar", runs=False) == ["netMass"]
    assert "netMass: {from: Frei verwendbar, unit: {from: BME, codes: sap-units}" in found.plan


def test_a_share_below_its_limit_is_proposed_as_such() -> None:
    """Of an analysis it was, of a share of the net mass not: the row was a finding."""
    found = proposed("MaterialLot", "Co %", ("< 0,01", "0,11"))
    assert "fraction: {from: Co %, unit: P1, below_detection: true}" in found.plan
