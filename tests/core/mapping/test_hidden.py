"""What a workbook hides: a number counts the sheets that a person sees; hidden rows and columns are read, and told."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from connector.mapping.engine import run
from connector.mapping.hidden import unseen
from connector.mapping.proposal import propose
from connector.mapping.source import Unreadable
from connector.mapping.workbook import opened
from connector.vocabulary.bundle import load_bundle, load_headings
from tests.core.mapping.test_formulas import NAMES
from tests.core.mapping.trial import file, mint, plan_of

OLD = Path(__file__).parents[2] / "vectors" / "workbooks" / "batches.xls"


def _book(sheets: dict[str, str], change: Callable[[Worksheet], None] | None = None) -> bytes:
    """Sheets by name, each with its state; each holds its own name, and a table."""
    book = Workbook()
    for name, state in sheets.items():
        sheet = book.create_sheet(name)
        for row in (["LOT", "Nettogewicht kg", name], ["L1", 5, "a"], ["L2", 6, "b"], ["L3", 7, "c"]):
            sheet.append(row)
        sheet.sheet_state = state
        if change is not None:
            change(sheet)
    book.remove(book.worksheets[0])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


SEVERAL = _book({"meta": "hidden", "Lots": "visible", "Old": "veryHidden", "2026": "visible"})


@pytest.mark.parametrize(("wanted", "read"), [("1", "Lots"), ("2", "2026"), ("meta", "meta"), ("2026", "2026")])
def test_a_number_counts_the_sheets_that_are_seen_and_a_name_takes_any(wanted: str, read: str) -> None:
    """A name of digits alone is a name where there are not so many sheets."""
    found = opened(file("lots.xlsx", SEVERAL), wanted)
    assert (found.sheet, (found.grid or ())[0][2]) == (read, read)
    assert [one.code for one in found.remarks] == (["sheet-chosen"] if wanted in {"1", "2"} else [])


def test_which_of_several_sheets_was_read_is_told_once_per_source() -> None:
    """With what the others are called, and how to say that it is right."""
    plan = plan_of(
        'lots: {file: "*", format: xlsx, locale: en, key: LOT}', "netMass: {from: Nettogewicht kg, unit: KGM}"
    )
    files = [opened(file(name, SEVERAL), "1") for name in ("a.xlsx", "b.xlsx", "c.xlsx")]
    (doubt,) = run(plan, {"lots": files}, mint=mint).doubts
    assert (doubt.code, doubt.place.source, doubt.place.sheet) == ("sheet-chosen", "a.xlsx", "Lots")
    assert doubt.message == (
        "the sheet `Lots` is read; there are others too: `meta` (hidden), `Old` (hidden), `2026`"
        "; so it is, or nearly, in 2 other files"
    )
    assert doubt.hint == "if it is the right one, say `sheet: Lots`"


def test_a_sheet_that_is_not_there_names_those_that_are() -> None:
    """And which of them are hidden."""
    for wanted in ("3", "0", "Losts"):
        with pytest.raises(Unreadable) as refused:
            opened(file("lots.xlsx", SEVERAL), wanted)
        assert refused.value.hint.startswith("there are: `meta` (hidden), `Lots`, `Old` (hidden), `2026`; a number")


def test_a_proposed_plan_names_the_sheet_of_several() -> None:
    """So that a sheet put before it changes nothing."""
    bundle = load_bundle()

    def proposed(data: bytes) -> str:
        book = opened(file("lots.xlsx", data), "1")
        return propose(book, "MaterialLot", terms=bundle.terms, shapes=bundle.shapes, headings=load_headings()).plan

    assert "sheet: Lots" in proposed(SEVERAL)
    assert 'sheet: "1"' in proposed(_book({"Lots": "visible"}))


def _hide(sheet: Worksheet) -> None:
    sheet.row_dimensions[2].hidden = True
    sheet.row_dimensions[4].hidden = True
    sheet.row_dimensions[9].hidden = True
    sheet.column_dimensions["B"].hidden = True
    sheet.column_dimensions["F"].hidden = True


def test_hidden_rows_and_columns_are_read_and_told() -> None:
    """Of those that hold something."""
    found = opened(file("lots.xlsx", _book({"Lots": "visible"}, _hide)), "1")
    (remark,) = found.remarks
    assert (remark.code, remark.message) == (
        "hidden-cells", "the sheet hides 2 rows (2, 4) and 1 column (B), read like the others"
    )  # fmt: skip
    assert len(found.grid or ()) >= 4


def test_hidden_rows_and_columns_of_opendocument() -> None:
    """A filter's rows too; repeated ones count as so many. Another table's are not told."""
    hidden = '<table:table-row table:visibility="{}"{}><table:table-cell/></table:table-row>'
    repeated = ' table:number-rows-repeated="2"'
    table = (
        '<table:table-column/><table:table-column table:visibility="collapse" table:number-columns-repeated="2"/>'
        f"<table:table-row/>{hidden.format('filter', repeated)}<table:table-row>"
        f"</table:table-row>{hidden.format('collapse', '')}{hidden.format('visible', '')}"
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        other = hidden.format("filter", "")
        package.writestr(
            "content.xml",
            f'<x {NAMES}><table:table table:name="A">{other}</table:table><table:table table:name="B">{table}'
            f'</table:table><table:table table:name="C">{other * 9}</table:table></x>',
        )
    grid = tuple(("x", "x", "") for _ in range(6))
    (remark,) = unseen(out.getvalue(), 1, grid, old=False)
    assert remark.message.startswith("the sheet hides 3 rows (2, 3, 5) and 1 column (B), read")


def test_hidden_rows_and_columns_of_an_old_workbook() -> None:
    """By the bits of their records."""
    data = bytearray(OLD.read_bytes())
    row = data.index(b"\x08\x02\x10\x00\x01\x00")
    data[row + 4 + 12] |= 0x20
    grid = (("a", "b"), ("c", "d"), ("e", "f"))
    (remark,) = unseen(bytes(data), 0, grid, old=True)
    assert remark.message.startswith("the sheet hides 1 row (2), read")
    assert not unseen(OLD.read_bytes()[:900], 0, grid, old=True)


@pytest.mark.parametrize("lost", [b"xl/_rels/workbook.xml.rels", b"xl/worksheets/sheet1.xml"])
def test_a_workbook_that_does_not_say_where_its_sheet_is_hides_nothing(lost: bytes) -> None:
    """The reader tells what is wrong with it."""
    data = _book({"Lots": "visible"}, _hide).replace(lost, lost[:-1] + b"_")
    assert unseen(data, 0, (("x",),), old=False) == []
    assert unseen(data, 7, (("x",),), old=False) == []


def test_cells_merged_over_rows_are_told_below_the_headers() -> None:
    """What a person sees beside five lots is the value of the first one alone; a term that may be missing vanishes."""

    def merge(sheet: Worksheet) -> None:
        for area in ("A1:A2", "B1:C1", "C3:C4", "A3:B3", "E3:E4"):
            sheet.merge_cells(area)

    (remark,) = opened(file("lots.xlsx", _book({"Lots": "visible"}, merge)), "1").remarks
    assert (remark.code, remark.message) == (
        "merged-cells",
        "cells are merged over rows (C3:C4): the upper row of each has the value, the others are empty",
    )
