"""Workbooks: two header rows, leading zeros, dates; and what is refused by the zip directory alone."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from connector.mapping.workbook import is_workbook
from tests.core.mapping.trial import plan_of, result_of, seen, workbook

PLAN = plan_of(
    'batches: {file: "*.xlsx", format: xlsx, sheet: Data, header: "2", locale: en, key: Batch No}',
    """
    materialType: Material No
    productionDate: {from: Production Date, date: "%d/%m/%Y"}
    netMass: {from: Mass kg, unit: KGM}
    share: {from: Share Ni, unit: P1}
    """,
    header="key: Batch No",
)
HEADER = [["Batch", "Material", "Production", "Mass", "Share"], ["No", "No", "Date", "kg", "Ni"]]


def test_rows_are_read_as_stored() -> None:
    """Text stays text with its zeros, numbers are exact, dates need no format."""
    data = workbook(
        [*HEADER, ["B1", "000123", date(2027, 2, 1), 1412.5, 0.1], ["B2", "000124", "02/02/2027", "1,412.5", "7"]]
    )
    result = result_of(PLAN, batches=data)
    assert not result.findings
    first, second = (mapped.subject for mapped in result.mapped)
    assert first["materialType"] == "000123"
    assert (first["productionDate"], second["productionDate"]) == ("2027-02-01", "2027-02-02")
    assert first["netMass"] == second["netMass"] == {"type": "Quantity", "value": "1412.5", "unit": "KGM"}
    assert first["share"] == {"type": "Quantity", "value": "0.1", "unit": "P1"}


def test_dirty_cells() -> None:
    """A number where text is meant has lost its zeros; a serial number is no date; each with its cell."""
    data = workbook(
        [*HEADER, ["B1", 123, "01/02/2027", 1, 1], [], ["B2", "000124", 44561, "1.412,5", 1], [7, "1", None, 1, 1]]
    )
    result = result_of(PLAN, batches=data)
    assert [seen(finding) for finding in result.findings] == [
        (1, 3, "Material No", "123", "number-not-text"),
        (2, 5, "Mass kg", "1.412,5", "bad-number"),
        (2, 5, "Production Date", "44561", "bad-date"),
        (3, 6, "Batch No", "7", "number-not-text"),
    ]
    assert result.findings[0].message.startswith("Cell B3:")
    assert {finding.place.sheet for finding in result.findings} == {"Data"}


def test_padding_says_how_a_number_is_meant() -> None:
    """With `alpha` the plan repairs a key whose zeros the workbook lost."""
    plan = plan_of(
        'b: {file: "*.xlsx", format: xlsx, locale: en, key: {from: K, alpha: "6"}}',
        "materialType: {from: K, alpha: strip}",
        header='key: {from: K, alpha: "6"}',
    )
    (mapped,) = result_of(plan, b=workbook([["K"], [123]])).mapped
    assert (mapped.key, mapped.subject["materialType"]) == ("000123", "123")


OLD = Path(__file__).parents[2] / "vectors" / "workbooks" / "batches.xls"
TABLE: list[list[object]] = [
    ["Batch No", "Material No", "Production Date", "Mass kg", "Share Ni"],
    ["B1", "000123", date(2027, 2, 1), 1412.5, 0.1],
    ["B2", "000124", "02/02/2027", "1,412.5", "7"],
]


def _packed(parts: dict[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as package:
        for name, data in parts.items():
            package.writestr(name, data)
    return out.getvalue()


def _ods(rows: Sequence[Sequence[object]], *, locked: str = "", behind: str = "") -> bytes:
    """An ODS file with one sheet, as office programs write it: the empty rest of the grid is told by repetition."""
    space = "urn:oasis:names:tc:opendocument:xmlns"
    names = " ".join(f'xmlns:{name}="{space}:{name}:1.0"' for name in ("office", "table", "text"))
    rest = '<table:table-cell table:number-columns-repeated="16379"/>'
    body = "".join(f"<table:table-row>{''.join(map(_ods_cell, row))}{rest}</table:table-row>" for row in rows)
    body += f'<table:table-row table:number-rows-repeated="1048570">{rest}</table:table-row>{behind}'
    sheet = f'<table:table table:name="Data">{body}</table:table>'
    content = f"<office:document-content {names}><office:body><office:spreadsheet>{sheet}</office:spreadsheet>"
    return _packed({
        "mimetype": b"application/vnd.oasis.opendocument.spreadsheet",
        "content.xml": f"{content}</office:body></office:document-content>".encode(),
        "META-INF/manifest.xml": f"<manifest>{locked}</manifest>".encode(),
    })  # fmt: skip


def _ods_cell(value: object) -> str:
    kind = 'office:value-type="string"'
    if isinstance(value, float):
        kind = f'office:value-type="float" office:value="{value}"'
    elif isinstance(value, date):
        kind = f'office:value-type="date" office:date-value="{value.isoformat()}"'
    return f"<table:table-cell {kind}><text:p>{value}</text:p></table:table-cell>"


@pytest.mark.parametrize(("kind", "data"), [("xlsx", workbook(TABLE)), ("ods", _ods(TABLE)), ("xls", OLD.read_bytes())])
def test_the_three_kinds_of_workbook_are_one(kind: str, data: bytes) -> None:
    """The same table gives the same cells: text with its zeros, exact numbers, dates; and the same findings."""
    source = f'b: {{file: "*", format: {kind}, sheet: Data, locale: en, key: Batch No}}'
    lot = """
    materialType: Material No
    productionDate: {from: Production Date, date: "%d/%m/%Y"}
    netMass: {from: Mass kg, unit: KGM}
    share: {from: Share Ni, unit: P1}
    """
    result = result_of(plan_of(source, lot, header="key: Batch No"), b=data)
    assert is_workbook(data)
    assert not result.findings
    first, second = (mapped.subject for mapped in result.mapped)
    assert [first["materialType"], second["materialType"]] == ["000123", "000124"]
    assert [first["productionDate"], second["productionDate"]] == ["2027-02-01", "2027-02-02"]
    assert first["netMass"] == second["netMass"] == {"type": "Quantity", "value": "1412.5", "unit": "KGM"}
    assert first["share"] == {"type": "Quantity", "value": "0.1", "unit": "P1"}
    text = plan_of(source, "materialType: Mass kg", header="key: Batch No")
    (finding,) = result_of(text, b=data).findings
    assert (seen(finding), finding.message[:8]) == ((1, 2, "Mass kg", "1412.5", "number-not-text"), "Cell D2:")


def _torn(method: int, *, behind: int) -> bytes:
    """The first part's packed octets are no such ones."""
    data = bytearray(_packed({"xl/workbook.xml": b"<x/>" * 99}, method=method))
    begin = 30 + len("xl/workbook.xml") + behind
    data[begin : begin + 8] = b"\xff" * 8
    return bytes(data)


def _before_the_file() -> bytes:
    """A zip directory by which the first part stands before the first octet."""
    data = bytearray(_packed({"xl/workbook.xml": b"<x/>"}))
    end = data.rindex(b"PK\x05\x06")
    data[end + 16 : end + 20] = (int.from_bytes(data[end + 16 : end + 20], "little") + 99).to_bytes(4, "little")
    return bytes(data)


def _without_sheet() -> bytes:
    return workbook([["a"]], sheet="Other")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (_packed({"xl/workbook.xml": b"", "xl/worksheets/sheet1.xml": b"0" * (40 << 20)}), "too-large"),
        (_packed({f"xl/{number}.xml": b"" for number in range(2_001)}), "too-large"),
        (_packed({"../x": b"", "xl/workbook.xml": b""}), "damaged-file"),
        (_packed({"a.txt": b"x"}), "not-a-workbook"),
        (_packed({"xl/workbook.xml": b'<!DOCTYPE x [<!ENTITY a "b">]><x/>'}), "xml-doctype-forbidden"),
        (
            _packed({"xl/workbook.xml": b"<x/>", "xl/worksheets/s.xml": b'<dimension ref="A1:XFD1048576"/>'}),
            "too-large",
        ),
        (_packed({"xl/workbook.xml": b"<x/>"}), "damaged-file"),
        (_torn(zipfile.ZIP_DEFLATED, behind=0), "damaged-file"),
        (_torn(zipfile.ZIP_BZIP2, behind=0), "damaged-file"),
        (_torn(zipfile.ZIP_LZMA, behind=9), "damaged-file"),
        (_before_the_file(), "damaged-file"),
        (workbook([["a"]])[:-40], "truncated-file"),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 100, "not-a-workbook"),
        (b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le"), "encrypted-file"),
        (OLD.read_bytes()[:4_000], "not-a-workbook"),
        (OLD.read_bytes()[:-10], "damaged-file"),
        (OLD.read_bytes()[:600] + b"\xff" * 600 + OLD.read_bytes()[1200:], "damaged-file"),
        (_ods(TABLE, locked="<encryption-data/>"), "encrypted-file"),
        (_ods(TABLE)[:-40], "truncated-file"),
        (
            _ods(
                TABLE,
                behind='<table:table-row table:number-rows-repeated="1048576"><table:table-cell '
                'office:value-type="string" table:number-columns-repeated="16384"><text:p>x</text:p>'
                "</table:table-cell></table:table-row>",
            ),
            "damaged-file",
        ),
        (_packed({"content.xml": b"<!DOCTYPE x><x/>"}), "xml-doctype-forbidden"),
        (b"LOT;A\n", "truncated-file"),
        (_without_sheet(), "no-sheet"),
    ],
)
def test_refused_packages(data: bytes, code: str) -> None:
    """Bombs, paths that lead outside, DOCTYPE, cut and locked files: a finding each, and no document."""
    result = result_of(PLAN, batches=data)
    assert [finding.code for finding in result.findings] == [code]
    assert result.stopped


def test_a_sheet_that_is_listed_and_not_there_is_damage() -> None:
    """Not a sheet that the plan has called by a wrong name, of which the hint would list it."""
    with zipfile.ZipFile(io.BytesIO(workbook([["LOT"]], sheet="Data"))) as whole:
        parts = {name: whole.read(name) for name in whole.namelist() if not name.endswith("sheet1.xml")}
    (finding,) = result_of(PLAN, batches=_packed(parts)).findings
    assert (finding.code, "it lists the sheet `Data`, which is not in it" in finding.message) == (
        "damaged-file",
        True,
    )
