"""Joins that `map suggest` proposes: by values, told with their share, commented out where they are not sure."""

from __future__ import annotations

import pytest

from connector.errors import BadInput
from connector.mapping.plan import parse
from connector.mapping.proposal import Proposal, propose
from connector.mapping.source import SourceFile
from connector.vocabulary.bundle import load_bundle, load_headings

LOTS = "CHARG;MATNR;MENGE kg;WERK\nL-0001;M-100;1200,5;DE01\nL-0002;M-200;800,0;DE01\nL-0003;M-300;90,25;DE02\n"
MATERIALS = (
    "MATNR;MAKTX;ProductionDate\nM-100;A;02.02.2027\nM-200;B;02.02.2027\nM-300;C;14.02.2027\nM-400;D;02.02.2027\n"
)


def proposed(*beside: tuple[str, str], lots: str = LOTS) -> Proposal:
    """A plan for the lots, with other exports beside them."""
    bundle = load_bundle()
    files = [SourceFile(name=name, digest="", data=text.encode()) for name, text in (("LOTS.csv", lots), *beside)]
    return propose(
        files[0], "MaterialLot", terms=bundle.terms, shapes=bundle.shapes, headings=load_headings(), beside=files[1:]
    )


def test_a_key_with_all_values_is_looked_up_and_its_columns_are_offered() -> None:
    """The plan is one; a value of the joined row is proposed under its name."""
    found = proposed(("MARA.csv", MATERIALS))
    assert list(parse(found.plan.encode()).lookup) == ["mara_rows"]
    assert "\n  mara_rows: {on: MATNR}" in found.plan
    assert "100 %: 3 of 3 values of `MATNR` are a `MATNR` there" in found.plan
    assert "mara_rows.ProductionDate" in found.plan
    assert found.found.key == "CHARG", "the record's own number is no other table's"
    assert [one.runs for one in found.joins] == [True]


@pytest.mark.parametrize(
    ("heading", "cells", "rule"),
    [
        ("Nettogewicht", ("5,5", "6,5", "7,0"), "netMass: {from: mara_rows.Nettogewicht, unit: KGM}"),
        ("Menge netto", ("5,5", "6,5", "7,0"), "netMass: {from: mara_rows.Menge netto, unit: KGM}"),
    ],
)
def test_an_amount_of_a_joined_row_is_proposed(heading: str, cells: tuple[str, ...], rule: str) -> None:
    """It ended as a bug of ours. Its unit is not in this export, whose columns have nothing to do with it."""
    rows = (f"M-{number}00;{cell}\n" for number, cell in enumerate(cells, start=1))
    lots = "CHARG;MATNR;Menge;Menge Einheit\nL-0001;M-100;a;TO\nL-0002;M-200;b;TO\nL-0003;M-300;c;TO\n"
    found = proposed(("MARA.csv", f"MATNR;{heading}\n{''.join(rows)}"), lots=lots)
    assert f"#   {rule}" in found.plan
    assert "NO UNIT is said" in found.plan


def test_a_join_that_is_not_sure_runs_nowhere() -> None:
    """Two of three: neither source nor lookup nor value runs, and the reason says so."""
    found = proposed(("MARA.csv", MATERIALS.replace("M-300", "M-900")))
    plan = parse(found.plan.encode())
    assert (list(plan.sources), plan.lookup) == (["lots_rows"], {})
    assert "#   mara_rows: {on: MATNR}    # 67 %: 2 of 3 values of `MATNR` are a `MATNR` there; NOT SURE" in found.plan
    assert "mara_rows.ProductionDate" not in found.plan


def test_few_short_values_that_fit_by_chance_are_not_sure() -> None:
    """Line numbers are a key everywhere."""
    lots = "CHARG;POS\nL-0001;1\nL-0002;2\nL-0003;3\n"
    (one,) = proposed(("X.csv", "NR;TEXT\n1;a\n2;b\n3;c\n"), lots=lots).joins
    assert (one.on, one.key, one.found, one.asked, one.runs) == ("POS", "NR", 3, 3, False)


def test_several_rows_there_make_a_list_whose_place_a_person_says() -> None:
    """The laboratory has more than one row per lot."""
    found = proposed(("QALS.csv", "LOS;CHARG;Ni %\n1;L-0001;22,1\n2;L-0001;22,2\n3;L-0002;20,0\n"))
    (one,) = found.joins
    assert (one.many, one.sure, one.runs) == (True, True, False)
    assert "# several rows of qals_rows belong to one here, in a list: {each: qals_rows, ...}" in found.plan
    assert list(parse(found.plan.encode()).sources) == ["lots_rows"]


def test_two_exports_of_one_beginning_have_two_names() -> None:
    """A name stands for one source."""
    found = proposed(("LOTS_MAT.csv", MATERIALS), ("LOTS_OLD.csv", MATERIALS))
    assert list(parse(found.plan.encode()).sources) == ["lots_rows", "lots_rows2", "lots_rows3"]


def test_an_export_with_which_nothing_is_shared_is_refused() -> None:
    """Somebody named the wrong file."""
    with pytest.raises(BadInput) as raised:
        proposed(("OTHER.csv", "A;B\nx1;y1\nx2;y2\n"))
    assert raised.value.place == "OTHER.csv"
