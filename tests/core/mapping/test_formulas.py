"""Formulas that no program has calculated: a finding at their cell, as errors are, never an empty cell or a 0."""

from __future__ import annotations

import io
import zipfile

import pytest

from connector.mapping.cell_errors import as_text
from connector.mapping.workbook import opened
from tests.core.mapping.trial import file, plan_of, result_of, seen, workbook

NOTHING = "#NOT-CALCULATED!"
PLAN = plan_of(
    'lots: {file: "*", format: xlsx, sheet: Data, locale: en, key: LOT}',
    "materialType: TYPE\nproductionDate: {from: DATE, date: iso}\nnetMass: {from: MASS, unit: KGM}",
)
HEAD = ["LOT", "TYPE", "DATE", "MASS"]
SHEET = "xl/worksheets/sheet1.xml"
ON_LOAD = '<calcPr calcId="{}" fullCalcOnLoad="1"/>'


def _with(cells: str, *, sheet: str = "<worksheet>{}</worksheet>", book: str = "<workbook/>") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        package.writestr("xl/workbook.xml", book)
        package.writestr(SHEET, sheet.format(cells))
    return out.getvalue()


def _told(data: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(as_text(data))) as package:
        return package.read(SHEET).decode()


def test_what_openpyxl_writes_is_a_finding_at_each_cell_that_a_rule_reads() -> None:
    """It stores formulas, and calculates nothing; the row makes no document, the others do."""
    data = workbook([HEAD, ["L1", "=A2", "=TODAY()", "=D3*2"], ["L2", "ore", "2026-09-11", 5]])
    result = result_of(PLAN, lots=data)
    assert [mapped.key for mapped in result.mapped] == ["L2"]
    assert [seen(one) for one in result.findings] == [
        (1, 2, "DATE", NOTHING, "bad-date"),
        (1, 2, "MASS", NOTHING, "bad-number"),
        (1, 2, "TYPE", NOTHING, "mangled-text"),
    ]
    assert {(one.place.sheet, one.hint) for one in result.findings} == {
        ("Data", "open the file in a spreadsheet, save it there, and try again; or export values instead of formulas")
    }
    assert result.findings[2].message.endswith("the cell has a formula, and no program has calculated it.")


@pytest.mark.parametrize(
    "cell",
    [
        '<c r="A1"><f>B1</f></c>',
        '<c r="A1" t="n"><f>B1</f><v/></c>',
        '<c r="A1" t="str"><f>B1</f></c>',
        '<c r="A1"><f t="shared" si="0"/><v></v></c>',
        '<c r="A1"><f t="shared" si="0"/></c>',
        "<c r='A1' t='e'><f>B1</f>\n <v></v>\n</c>",
    ],
)
def test_a_formula_without_a_value(cell: str) -> None:
    """However the program that wrote it says nothing."""
    before, behind = '<c r="B1" t="s"><v>0</v></c>', '<c r="C1"><f>1+1</f><v>2</v></c>'
    assert _told(_with(before + cell + behind)).replace("'", '"') == (
        f'<worksheet>{before}<c r="A1" t="str"><v>{NOTHING}</v></c>{behind}</worksheet>'
    )


@pytest.mark.parametrize(
    "cell",
    [
        '<c r="A1" t="str"><f>IF(B1="","",B1)</f><v></v></c>',
        '<c r="A1"><f>B1</f><v>0</v></c>',
        '<c r="A1" s="3"/>',
        '<c r="A1"><v></v></c>',
        "<row><formula>1</formula></row>",
        '<f t="shared"/></c>',
    ],
)
def test_what_is_a_value_or_no_formula_stays(cell: str) -> None:
    """An empty text is what a formula gives that says so."""
    assert _told(_with(cell)) == f"<worksheet>{cell}</worksheet>"


def test_elements_may_have_a_prefix() -> None:
    """As .NET's writers have it."""
    sheet = '<x:worksheet xmlns:x="u">{}</x:worksheet>'
    assert _told(_with('<x:c r="A1"><x:f>B1</x:f><x:v/></x:c>', sheet=sheet)) == sheet.format(
        f'<x:c r="A1" t="str"><x:v>{NOTHING}</x:v></x:c>'
    )


def test_the_zeros_of_a_writer_that_never_calculates_are_none() -> None:
    """XlsxWriter stores 0 for every formula, and asks spreadsheets to calculate."""
    cell = '<c r="A1"><f>B1</f><v>0</v></c>'
    assert NOTHING in _told(_with(cell, book=ON_LOAD.format("124519")))
    assert NOTHING not in _told(_with(cell, book=ON_LOAD.format("191029")))


def test_values_that_are_to_be_calculated_anew_are_told() -> None:
    """They may be true; nobody here can say so."""

    def changed(number: str, value: bytes = b"2", on_load: bytes = b'fullCalcOnLoad="1"') -> bytes:
        source = zipfile.ZipFile(io.BytesIO(workbook([HEAD, ["L1", "ore", "2026-09-11", "=1+1"]])))
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as package:
            for name in source.namelist():
                part = source.read(name).replace(b"<v></v>", b"<v>%b</v>" % value).replace(b"124519", number.encode())
                part = part.replace(b'fullCalcOnLoad="1"', on_load)
                package.writestr(name, part)
        return out.getvalue()

    assert [one.code for one in opened(file("lots.xlsx", changed("191029")), "1").remarks] == ["not-calculated"]
    assert not opened(file("lots.xlsx", changed("124519")), "1").remarks
    for value, codes in ((b"0.0", ["not-calculated"]), (b"0", []), (b"0.05", []), (b"2", [])):
        found = opened(file("lots.xlsx", changed("191029", value, b"")), "1")
        assert [one.code for one in found.remarks] == codes


SPACE = "urn:oasis:names:tc:opendocument:xmlns"
NAMES = " ".join(f'xmlns:{name}="{SPACE}:{name}:1.0"' for name in ("office", "table", "text"))
NAMES += ' xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"'


def ods(cell: str) -> bytes:
    text = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
    rows = (text.format("LOT") + text.format("TYPE"), text.format("L1") + cell)
    table = "".join(f"<table:table-row>{row}</table:table-row>" for row in rows)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        package.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        package.writestr(
            "content.xml",
            f"<office:document-content {NAMES}><office:body><office:spreadsheet>"
            f'<table:table table:name="Data">{table}</table:table>'
            "</office:spreadsheet></office:body></office:document-content>",
        )
        package.writestr("META-INF/manifest.xml", "<manifest/>")
    return out.getvalue()


@pytest.mark.parametrize(
    ("cell", "read"),
    [
        ('<table:table-cell table:formula="of:=[.A1]&gt;1"/>', NOTHING),
        ('<table:table-cell table:formula="of:=1>0" office:value-type="float"/>', NOTHING),
        ('<table:table-cell table:formula="1"><text:p>5</text:p></table:table-cell>', NOTHING),
        ('<table:table-cell table:formula="of:=1" office:value-type="float" office:value="1"/>', "1"),
        ('<table:table-cell table:formula="A" office:value-type="string"><text:p>x</text:p></table:table-cell>', "x"),
        ('<table:table-cell table:formula="of:=A" office:value-type="string" office:string-value=""/>', ""),
        (
            '<table:covered-table-cell calcext:value-type="error"><text:p>#N/A</text:p></table:covered-table-cell>',
            "#N/A",
        ),
        ('<table:covered-table-cell table:formula="of:=A"/>', NOTHING),
    ],
)  # fmt: skip
def test_formulas_and_covered_cells_of_opendocument(cell: str, read: str) -> None:
    """A cell's value is in an attribute; a cell that another one covers is read like any."""
    (_, row) = opened(file("lots.ods", ods(cell)), "Data").grid or ()
    assert (*row, "")[1] == read


def test_the_noise_of_binary_calculation_is_no_digit() -> None:
    """A spreadsheet shows fifteen digits at most; whole numbers keep all of theirs."""
    data = workbook([["A"], [0.1 + 0.2], [1.1 * 3], [4711000000000123], [-0.0], [1e-7], [1412.5]])
    cells = [row[0] for row in opened(file("x.xlsx", data), "1").grid or ()]
    assert cells[1:] == ["0.3", "3.3", "4711000000000123", "0", "0.0000001", "1412.5"]


def test_a_number_beyond_all_measure_is_none() -> None:
    """Excel's greatest number, which look-ups seek, in a cell that nothing reads: no run could be made at all."""
    rows: list[list[object]] = [[*HEAD, "MAX"], ["L1", "ore", "2026-09-11", 5, 9.99e307], ["L2", "ore", "", 9.99e307]]
    result = result_of(PLAN, lots=workbook(rows))
    assert [mapped.key for mapped in result.mapped] == ["L1"]
    assert [seen(finding) for finding in result.findings] == [(2, 3, "MASS", "9.99e+307", "bad-number")]
