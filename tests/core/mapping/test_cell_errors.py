"""Cells of workbooks that hold an error: a finding wherever a rule reads them, never an empty cell."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import pytest

from connector.mapping.cell_errors import as_text, of_old, stale_old
from connector.mapping.plan import Plan
from connector.mapping.proposal import propose
from connector.mapping.reading import open_table
from connector.mapping.shaping import hold
from connector.mapping.workbook import opened
from connector.vocabulary.bundle import load_bundle, load_headings
from tests.core.mapping.trial import CSV, file, plan_of, result_of, seen, workbook

OLD = Path(__file__).parents[2] / "vectors" / "workbooks" / "batches.xls"
SOURCE = 'lots: {file: "*", format: xlsx, sheet: Data, locale: en, key: LOT'
HEAD = ["LOT", "TYPE", "DATE", "MASS", "DAY", "TIME"]
DOCUMENT = """
materialType: TYPE
productionDate: {from: DATE, date: iso}
netMass: {from: MASS, unit: KGM}
storageInstruction: "{DAY} {TIME}"
"""


def _plan(source: str = "", document: str = DOCUMENT, header: str = "key: LOT") -> Plan:
    return plan_of(f"{SOURCE}{source}}}", document, header=header)


@pytest.mark.parametrize("error", ["#N/A", "#REF!", "#DIV/0!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!"])
def test_every_value_that_reads_an_error_says_so_at_its_cell(error: str) -> None:
    """Text, date, number and template; the row makes no document, the others do."""
    data = workbook([HEAD, ["L1", error, error, error, "d", error], ["L2", "ore", "2026-09-11", 5, "d", "t"]])
    result = result_of(_plan(), lots=data)
    assert [mapped.key for mapped in result.mapped] == ["L2"]
    assert [seen(one) for one in result.findings] == [
        (1, 2, "DATE", error, "bad-date"),
        (1, 2, "MASS", error, "bad-number"),
        (1, 2, "TIME", error, "mangled-text"),
        (1, 2, "TYPE", error, "mangled-text"),
    ]
    assert result.findings[0].message.startswith("Cell C2:")
    assert {(one.place.sheet, one.hint) for one in result.findings} == {
        ("Data", "mend it in the spreadsheet, and export it anew; `null` lists cells that mean nothing")
    }


def test_a_cell_that_no_rule_reads_stops_nothing_and_null_may_say_it_means_nothing() -> None:
    """The plan decides."""
    data = workbook([HEAD, ["L1", "#N/A", None, None, None, None]])
    assert len(result_of(_plan(document="netMass: {from: MASS, unit: KGM}\nmaterialType: =ore"), lots=data).mapped) == 1
    (mapped,) = result_of(_plan(', null: ["#N/A"]'), lots=data).mapped
    assert "materialType" not in mapped.subject


@pytest.mark.parametrize(
    ("source", "header"),
    [
        ("", "key: LOT\nwhere: {column: TYPE, in: [ore]}"),
        (", where: {column: TYPE, not_in: [scrap]}", "key: LOT"),
        (", where: {column: TYPE, present: true}", "key: LOT"),
    ],
)
def test_a_row_of_which_nobody_can_say_whether_it_counts_is_a_finding(source: str, header: str) -> None:
    """Else it is left out, or taken, unseen."""
    data = workbook([["LOT", "TYPE"], ["L1", "#REF!"], ["L2", "ore"]])
    result = result_of(_plan(source, "commodityCode: =x", header), lots=data)
    assert [mapped.key for mapped in result.mapped] == ["L2"]
    assert [seen(one) for one in result.findings] == [(1, 2, "TYPE", "#REF!", "mangled-text")]
    assert result.rows == 2


def test_a_condition_of_a_value_and_one_that_lists_the_error() -> None:
    """A value under `when` is in doubt with its condition; who lists the error knows of it."""
    data = workbook([["LOT", "TYPE"], ["L1", "#REF!"]])
    value = "commodityCode: {when: {column: TYPE, in: [ore]}, from: LOT}"
    assert [one.place.column for one in result_of(_plan(document=value), lots=data).findings] == ["TYPE"]
    known = "commodityCode: {when: {column: TYPE, not_in: ['#REF!']}, from: LOT}"
    assert len(result_of(_plan(document=known), lots=data).mapped) == 1


def test_sql_gets_the_error_and_a_source_that_it_reads_counts_no_row_in_doubt() -> None:
    """`number()` and the plan then say what they say of any text."""
    data = workbook([["LOT", "TYPE"], ["L1", "#N/A"], ["L2", "ore"]])
    source = plan_of(f"{SOURCE}}}", "materialType: TYPE").sources["lots"]
    held = hold(source, open_table("lots", source, [file("lots", data)]))
    assert [row.cells for row in held.rows] == [["L1", "#N/A"], ["L2", "ore"]]
    source = plan_of(f"{SOURCE}, where: {{column: TYPE, in: [ore]}}}}", "materialType: TYPE").sources["lots"]
    held = hold(source, open_table("lots", source, [file("lots", data)]))
    assert [row.cells for row in held.rows] == [["L2", "ore"]]
    assert [seen(one) for one in held.findings] == [(1, 2, "TYPE", "#N/A", "mangled-text")]


def test_each_column_of_a_template_is_held_to_the_same() -> None:
    """Whatever the last one's source is."""
    plan = plan_of(
        f'lots: {CSV}}}\nsites: {{file: "*.json", format: odata, key: SITE}}', 'commodityCode: "{A} {site.NAME}"',
        header="key: LOT\nlookup: {site: {source: sites, on: SITE}}",
    )  # fmt: skip
    lots, sites = b"LOT;A;SITE\nL1;#NV;S\nL2;y;S\n", b'{"value": [{"SITE": "S", "NAME": "n"}]}'
    result = result_of(plan, lots=lots, sites=sites)
    assert [mapped.subject["commodityCode"] for mapped in result.mapped] == ["y n"]
    assert [seen(one) for one in result.findings] == [(1, 2, "A", "#NV", "mangled-text")]


def test_csv_conditions_are_held_to_the_same() -> None:
    """What a spreadsheet saved as CSV."""
    plan = plan_of(f"lots: {CSV}}}", "commodityCode: =x", header="key: LOT\nwhere: {column: A, in: [y]}")
    result = result_of(plan, lots=b"LOT;A\nL1;#NV\nL2;y\nL3;n\n")
    assert [mapped.key for mapped in result.mapped] == ["L2"]
    assert [seen(one) for one in result.findings] == [(1, 2, "A", "#NV", "mangled-text")]


def _package(name: str, content: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        package.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        package.writestr(name, content)
        package.writestr("META-INF/manifest.xml", "<manifest/>")
    return out.getvalue()


def _content(data: bytes, name: str) -> str:
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        return package.read(name).decode()


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ('<c r="A1" s="1" t="e"><v>#N/A</v></c>', '<c r="A1" s="1" t="str"><v>#N/A</v></c>'),
        ("<x:c t='e' r='A1'><x:v>#N/A</x:v></x:c>", "<x:c t=\"str\" r='A1'><x:v>#N/A</x:v></x:c>"),
        ('<c r="A1" t="s"><v>1</v></c><f t="e">', '<c r="A1" t="s"><v>1</v></c><f t="e">'),
        ('<c r="t="e"" ><v>&lt;c t="e"></v></c>', '<c r="t="e"" ><v>&lt;c t="e"></v></c>'),
    ],
)
def test_only_cells_that_are_errors_are_told_as_text(cell: str, told: str) -> None:
    """Whatever stands around them stays."""
    assert _content(as_text(_package("xl/worksheets/sheet1.xml", cell)), "xl/worksheets/sheet1.xml") == told


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ('office:value-type="string" office:string-value="" calcext:value-type="error"', "#N/A"),
        ('office:value-type="float" office:value="0" calcext:value-type="error"', "#DIV/0!"),
        ('calcext:value-type="error" office:value-type="string" office:string-value=""', "Err:502"),
    ],
)
def test_errors_of_libreoffice(value: str, shown: str) -> None:
    """By OpenDocument alone such a cell is an empty text, or 0."""
    space = "urn:oasis:names:tc:opendocument:xmlns"
    names = " ".join(f'xmlns:{name}="{space}:{name}:1.0"' for name in ("office", "table", "text"))
    names += ' xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"'
    text = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
    cell = f'<table:table-cell table:formula="of:=A1/0" {value}><text:p>{shown}</text:p></table:table-cell>'
    rows = (text.format("LOT") + text.format("TYPE"), text.format("L1") + cell)
    table = "".join(f"<table:table-row>{row}</table:table-row>" for row in rows)
    data = _package(
        "content.xml",
        f'<office:document-content {names}><office:body><office:spreadsheet><table:table table:name="Data">{table}'
        "</table:table></office:spreadsheet></office:body></office:document-content>",
    )
    result = result_of(_plan(document="materialType: TYPE"), lots=data)
    assert [seen(one) for one in result.findings] == [(1, 2, "TYPE", shown, "mangled-text")]


def _label(row: int, column: int, text: int) -> bytes:
    return struct.pack("<HHHHHI", 0xFD, 10, row, column, 0x11, text)


def test_errors_of_old_workbooks() -> None:
    """One that was typed and one that a formula gave, in place of three texts of the sheet."""
    texts = _label(2, 2, 9) + _label(2, 3, 10) + _label(2, 4, 11)
    typed = struct.pack("<HHHHHBB", 0x205, 8, 2, 3, 0x11, 0x17, 1)
    failed = struct.pack("<HHHHHBBBBIHHIH", 0x06, 22, 2, 4, 0x11, 2, 0, 0x2A, 0, 0xFFFF0000, 0, 0, 0, 0)[:26]
    data = OLD.read_bytes()
    assert texts in data
    data = data.replace(texts, typed + failed + struct.pack("<HH", 0xE2, 0))
    assert list(of_old(data, 0)) == [(2, 3, "#REF!"), (2, 4, "#N/A")]
    plan = plan_of(
        'b: {file: "*", format: xls, sheet: Data, locale: en, key: Batch No}',
        "netMass: {from: Mass kg, unit: KGM}\nshare: {from: Share Ni, unit: P1}", header="key: Batch No",
    )  # fmt: skip
    result = result_of(plan, b=data)
    assert [seen(one)[1:] for one in result.findings] == [
        (3, "Mass kg", "#REF!", "bad-number"),
        (3, "Share Ni", "#N/A", "bad-number"),
    ]


@pytest.mark.parametrize(
    ("value", "flags", "doubted"),
    [
        (bytes(8), 2, True),  # Apache POI
        (bytes(8), 3, True),
        (bytes(8), 0, False),
        (struct.pack("<d", 1.5), 2, False),  # LibreOffice
        (b"\x03\0\0\0\0\0\xff\xff", 0, True),  # xlwt
        (b"\x02\0\x2a\0\0\0\xff\xff", 2, False),  # an error is told at its cell
    ],
)
def test_an_old_workbook_whose_formulas_may_never_have_been_calculated_is_told(
    value: bytes, flags: int, *, doubted: bool
) -> None:
    """All of them 0, to be calculated on opening, or an empty text; read as it stands, and a person looks."""
    formula = struct.pack("<HHHHH8sHI", 0x06, 22, 2, 3, 0x11, value, flags, 0) + bytes(2)
    data = OLD.read_bytes().replace(
        _label(2, 2, 9) + _label(2, 3, 10) + _label(2, 4, 11), formula + struct.pack("<HH12x", 0xE2, 12)
    )
    found = opened(file("old.xls", data), "1")
    told = ["the workbook has formulas that are all 0 or empty (D3), as programs write that calculate none"]
    assert [one.message for one in found.remarks if one.code == "not-calculated"] == (told if doubted else [])


@pytest.mark.parametrize("cut", [*range(512, 5632, 640), *range(24, 120, 8)])
def test_a_torn_old_workbook_ends(cut: int) -> None:
    """Whatever is lost; the workbook's reader tells that."""
    data = OLD.read_bytes()
    assert not list(of_old(data[:cut], 0))
    assert not stale_old(data[:cut], 0)
    assert not list(of_old(data[:cut] + b"\x00" * 8 + data[cut + 8 :], 0))


def test_a_proposed_plan_does_not_say_that_errors_mean_nothing() -> None:
    """An optional term would vanish with them."""
    bundle = load_bundle()
    data = workbook([["Charge", "Nettogewicht kg"], ["L1", 1200.5], ["L2", "#N/A"], ["L3", 1201]])
    book = opened(file("lots.xlsx", data), "1")
    found = propose(book, "MaterialLot", terms=bundle.terms, shapes=bundle.shapes, headings=load_headings())
    assert "null:" not in found.plan
    assert any("`#N/A` is no number" in each for each in found.doubts)
