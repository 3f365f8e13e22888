"""What a spreadsheet puts in a text's place is told, and never becomes a lot number."""

from __future__ import annotations

import pytest

from connector.mapping.proposal import propose
from connector.vocabulary.bundle import load_bundle, load_headings
from tests.core.mapping.trial import CSV, file, plan_of, result_of, seen

NULL = CSV.replace("locale: de", 'locale: de, null: ["#NV"]')


@pytest.mark.parametrize("cell", ["4,711E+09", "4.71101E+11", "1E+12", "#NV", "#N/A", "#WERT!", "#DIV/0!", "#####"])
def test_a_mangled_lot_number_is_a_finding(cell: str) -> None:
    """Two lots would share one number, or have an error for their name."""
    result = result_of(plan_of(f"lots: {CSV}}}", "producedAt: {mint: Facility, key: A}"), lots=_lots(cell, "1"))
    assert result.documents == 0
    assert [seen(one)[1:] for one in result.findings] == [(2, "LOT", cell, "mangled-text")]


@pytest.mark.parametrize("cell", ["4711E09", "12E45", "#4711", "L-1E+12", "1E-3", "4,711"])
def test_other_text_stays_as_it_is(cell: str) -> None:
    """A lot may be called so."""
    result = result_of(plan_of(f"lots: {CSV}}}", "producedAt: {mint: Facility, key: A}"), lots=_lots(cell, "1"))
    assert [mapped.key for mapped in result.mapped] == [cell]


def test_a_plan_may_know_better() -> None:
    """A `pattern` says that such text is meant; `null` that it means nothing."""
    meant = 'commodityCode: {from: A, pattern: "[0-9]E[+][0-9]+"}'
    assert result_of(plan_of(f"lots: {CSV}}}", meant), lots=_lots("1", "1E+12")).mapped[0].subject["commodityCode"]
    result = result_of(plan_of(f"lots: {NULL}}}", "commodityCode: A"), lots=_lots("1", "#NV"))
    assert "commodityCode" not in result.mapped[0].subject


def test_a_proposal_names_the_cell_that_keeps_a_column_from_its_term() -> None:
    """One error among many days and masses, which the heading is sure of; how numbers are written stays."""
    rows = ["L1;31.01.2026;1.230,5", "L2;01.02.2026;1.200,5", "L3;#WERT!;#DIV/0!"]
    bundle = load_bundle()
    found = propose(
        file("lots.csv", "\n".join(["Charge;Produktionsdatum;Nettogewicht kg", *rows]).encode()), "MaterialLot",
        terms=bundle.terms, shapes=bundle.shapes, headings=load_headings(),
    )  # fmt: skip
    told = "; ".join(found.doubts)
    assert "Produktionsdatum: productionDate? the heading says `Produktionsdatum`, but `#WERT!` is no date" in told
    assert "Nettogewicht kg: netMass? the heading says `Nettogewicht`, but `#DIV/0!` is no number" in told
    assert "locale: de" in found.plan


def _lots(lot: str, cell: str) -> bytes:
    return f"LOT;A\n{lot};{cell}\n".encode()
