"""Cells that are shown as percent: 22.3 % is stored as 0.223, and is no fifth of a percent."""

from __future__ import annotations

import io
from decimal import Decimal
from pathlib import Path

import pytest
from openpyxl import Workbook

from connector.mapping.percents import MARK, of_old, of_xlsx
from connector.mapping.proposal import propose
from connector.mapping.source import PercentCell
from connector.mapping.workbook import opened
from connector.model import object_in
from connector.vocabulary.bundle import load_bundle, load_headings
from tests.core.mapping.test_formulas import ods
from tests.core.mapping.trial import CSV, file, plan_of, result_of, seen

OLD = Path(__file__).parents[2] / "vectors" / "workbooks" / "batches.xls"
SOURCE = 'lots: {file: "*", format: xlsx, sheet: Data, locale: de, key: LOT}'


def _book(*numbers: tuple[object, str], heading: str = "NI") -> bytes:
    """A sheet of lots, each with a number and its format."""
    book = Workbook()
    page = book.worksheets[0]
    page.title = "Data"
    page.append(["LOT", heading, "Nettogewicht kg"])
    for row, (value, shown) in enumerate(numbers, start=2):
        page.append([f"L{row}", value, 1000])
        page.cell(row, 2).number_format = shown
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("value", "shown", "read"),
    [
        (0.223, "0.0%", "22.3%"),
        (0.07, "0%", "7%"),
        (1, "0.00%", "100%"),
        (0.1 + 0.2, '"Ni" 0.0%;[Red]-0.0%', "30%"),
        (22.3, '0.0"%"', "22.3"),
        (22.3, "0.0\\%", "22.3"),
        (0.223, "0.000", "0.223"),
        ("n.b.", "0.0%", "n.b."),
    ],
)
def test_a_cell_is_what_people_see(value: object, shown: str, read: str) -> None:
    """A sign in quotes, or behind a backslash, scales nothing."""
    cell = (opened(file("x.xlsx", _book((value, shown))), "1").grid or ())[1][1]
    assert (str(cell), isinstance(cell, PercentCell)) == (read, read.endswith("%"))


@pytest.mark.parametrize(
    "inside",
    [
        "<v>0.223</v>", "<f>B2/C2</f><v>0.223</v>", '<f t="shared" si="0"/><v>0.223</v>',
        "\n  <f>B2/C2</f>\n  <v>0.223</v>\n", '<v xml:space="preserve">0.223</v>',
    ],
)  # fmt: skip
def test_however_a_program_lays_out_its_xml(inside: str) -> None:
    """With lines between, too: read as stored it would be a hundredth, and nobody would be told."""
    told = of_xlsx(f'<c r="A2" s="7">{inside}</c>'.encode(), b"", [b"7"]).decode()
    assert f'<c r="A2" s="7" t="str"><v>{MARK}0.223</v>' in told


def test_what_an_old_formula_tells_that_is_no_number_is_not_marked() -> None:
    """TRUE, in a column of percent: it was read as a text that nobody wrote."""
    half, true = bytes.fromhex("000000000000e03f"), bytes.fromhex("010001000000ffff")
    cells = [(0x06, bytes([row, 0, 3, 0, 0, 0]) + value) for row, value in enumerate((half, true))]
    assert [*of_old([(0xE0, bytes([0, 0, 9, 0]))], cells)] == [(0, 3)]


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ('<c r="A1" s="1"><v>0.2</v></c>', '<c r="A1" s="1" t="str"><v>\ue0000.2</v></c>'),
        ('<c t="n" s="3" r="A1"><f>B1</f> <v>1</v></c>', '<c s="3" r="A1" t="str"><v>\ue0001</v></c>'),
        ("<c r='A1' s='3' t='n'><v>1</v></c>", "<c r='A1' s='3' t=\"str\"><v>\ue0001</v></c>"),
        ('<c r="A1" s="3" t="s"><v>1</v></c>', None),
        ('<c r="A1" s="13"><v>1</v></c>', None),
        ('<row r="1" s="3"><v>1</v></row>', None),
        ('<c r="A1" s="3"/><c r="B1"><v>1</v></c>', None),
    ],
)
def test_numbers_of_cells_with_such_a_style_are_marked(cell: str, told: str | None) -> None:
    """Whatever the order of attributes and their quotes; other cells stay."""
    assert of_xlsx(cell.encode(), b"", (b"1", b"3")).decode() == (cell if told is None else told)


@pytest.mark.parametrize(
    ("cell", "read"),
    [
        ('<table:table-cell office:value-type="percentage" office:value="0.223"/>', "22.3%"),
        ('<table:table-cell table:formula="of:=1>0" office:value-type="percentage" office:value="1"/>', "100%"),
        ('<table:table-cell office:value-type="float" office:value="0.223"/>', "0.223"),
    ],
)
def test_percent_of_opendocument(cell: str, read: str) -> None:
    """By the type of its value."""
    assert (opened(file("lots.ods", ods(cell)), "Data").grid or ())[1][1] == read


def test_percent_of_an_old_workbook() -> None:
    """By the number format of its style; dates and texts stay what they are."""
    data = OLD.read_bytes()
    general, percent = b"\x07\x00\x00General", b"\x07\x00\x000.0000%"
    assert data.count(general) == 1
    grid = opened(file("old.xls", data.replace(general, percent)), "1").grid or ()
    assert grid[1] == ("B1", "000123", "2027-02-01", "141250%", "10%")
    assert isinstance(grid[1][4], PercentCell)
    assert grid[2] == (opened(file("old.xls", data), "1").grid or ())[2]
    quoted = data.replace(general, b"\x07\x00\x000.000\\%")
    assert (opened(file("old.xls", quoted), "1").grid or ())[1][4] == "0.1"


def test_percent_is_read_where_the_plan_says_percent_and_refused_elsewhere() -> None:
    """Also where it is converted, and within contained metal; never as the stored number."""
    data = _book((0.223, "0.0%"), (22.1, "0.0"), ("<0,5 %", "0.0"), ("21,9 %", "0.0"))
    plan = plan_of(SOURCE, "share: {from: NI, unit: P1, below_detection: true}")
    result = result_of(plan, lots=data)
    assert not result.findings
    assert [object_in(mapped.subject["share"])["value"] for mapped in result.mapped] == ["22.3", "22.1", "0.5", "21.9"]
    (mapped,) = result_of(plan_of(SOURCE, "share: {from: NI, unit: P1, to: C62}"), lots=_book((0.223, "0.0%"))).mapped
    assert mapped.subject["share"] == {"type": "Quantity", "value": "0.223", "unit": "C62"}
    assert mapped.lineage.cells()["/share/value"][0].value == "22.3%"
    whole = "mass: {contained: {of: {from: Nettogewicht kg, unit: KGM}, fraction: {from: NI, unit: P1}}, to: KGM}"
    (mapped,) = result_of(plan_of(SOURCE, whole), lots=_book((0.223, "0.0%"))).mapped
    assert object_in(mapped.subject["mass"])["value"] == "223"
    for rule in ("{from: NI, unit: C62}", "{from: NI, unit: KGM}", "{from: NI, number: source}"):
        (finding,) = result_of(plan_of(SOURCE, f"share: {rule}"), lots=_book((0.223, "0.0%"))).findings
        assert seen(finding) == (1, 2, "NI", "22.3%", "bad-number")
        assert finding.hint.startswith("`unit: P1` takes percent")


def test_percent_of_a_list_is_read_the_same_way() -> None:
    """What a spreadsheet saves as CSV says what it shows."""
    plan = plan_of(f"lots: {CSV}}}", "share: {from: NI, unit: P1}")
    result = result_of(plan, lots=b"LOT;NI\nL1;22,3%\nL2;22,1 %\nL3;%\nL4;5%%\n")
    assert [object_in(mapped.subject["share"])["value"] for mapped in result.mapped] == ["22.3", "22.1"]
    assert [seen(one)[1:] for one in result.findings] == [(4, "NI", "%", "bad-number"), (5, "NI", "5%%", "bad-number")]
    assert [one.code for one in result_of(plan_of(f"lots: {CSV}}}", "share: {from: NI, unit: C62}"),
                                          lots=b"LOT;NI\nL1;22,3%\n").findings] == ["bad-number"]  # fmt: skip


def test_a_stored_uncertainty_is_no_text_of_the_locale() -> None:
    """1.125 stored is no 1125, as `1.125` would be in German."""
    rule = "share: {from: NI, unit: KGM, uncertainty: {from: U}}"
    book = Workbook()
    page = book.worksheets[0]
    page.title = "Data"
    page.append(["LOT", "NI", "U"])
    page.append(["L1", 100, 1.125])
    out = io.BytesIO()
    book.save(out)
    (mapped,) = result_of(plan_of(SOURCE, rule), lots=out.getvalue()).mapped
    assert Decimal(str(object_in(mapped.subject["share"])["uncertainty"])) == Decimal("1.125")


@pytest.mark.parametrize("heading", ["Ni", "Ni %", "Nickelgehalt %"])
def test_a_plan_is_proposed_for_percent(heading: str) -> None:
    """Whether heading or cells say so; numbers of a German workbook may have a point."""
    bundle = load_bundle()
    for data in (_book((0.223, "0.0%"), ("22,1 %", "0"), heading=heading), _book((0.2231, "0.0%"), heading=heading)):
        book = opened(file("lots.xlsx", data), "1")
        plan = propose(book, "MaterialLot", terms=bundle.terms, shapes=bundle.shapes, headings=load_headings()).plan
        assert f"fraction: {{from: {heading}, unit: P1}}" in plan


@pytest.mark.parametrize(
    "more", ["", ", below_detection: true", ", to: C62", ', uncertainty: {percent: "1"}', ', max: "100"']
)
def test_percent_is_read_where_the_row_says_percent(more: str) -> None:
    """A column of units beside it: the sign is its unit. Of a row with another unit the hint speaks of that."""
    book = Workbook()
    page = book.worksheets[0]
    page.title = "Data"
    page.append(["LOT", "NI", "ME"])
    for row, unit in enumerate(("%", "KG", None), start=2):
        page.append([f"L{row}", 0.223, unit])
        page.cell(row, 2).number_format = "0.0%"
    out = io.BytesIO()
    book.save(out)
    document = f"moisture: {{from: NI, unit: {{from: ME, codes: sap-units}}{more}}}"
    result = result_of(plan_of(SOURCE, document), lots=out.getvalue())
    (mapped,) = result.mapped
    said = object_in(mapped.subject["moisture"])
    assert (said["value"], said["unit"]) == (("0.223", "C62") if "to" in more else ("22.3", "P1"))
    assert [seen(one)[1:] for one in result.findings] == [
        (3, "NI", "22.3%", "bad-number"),
        (4, "NI", "22.3%", "unit-missing"),
    ]
    assert result.findings[0].hint.startswith("percent is the unit P1, and this row's is another")
