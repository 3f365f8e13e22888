"""Dirty list exports and CSV: each finding with its record, line, column and value; lost structure stops the run."""

from __future__ import annotations

import gzip

import pytest

from connector.mapping.engine import run
from connector.vocabulary.bundle import load_bundle
from tests.core.mapping.trial import CSV, file, mint, plan_of, result_of, seen

SAP = plan_of(
    """
    lots: {file: "ZLOTS_*.csv", format: csv, encoding: cp1252, delimiter: ";", locale: de, skip_until: CHARG,
           skip: ["*", "Summe"], null: ["", "-", "00000000"], trailing_minus: true, key: CHARG}
    """,
    """
    materialType: MAKTX
    productionDate: {from: HSDAT, date: "%d.%m.%Y"}
    netMass: {from: MENGE, unit: {from: ME, codes: sap-units}, to: KGM, min: "0"}
    grossMass: {from: BRUTTO, unit: {from: "ME#2", codes: sap-units}}
    """,
    header="key: CHARG",
)
SAP_LIST = """\
Losliste Werk 1000;;;;;;
Datum: 15.03.2027;;;;;;

CHARG;MAKTX;HSDAT;MENGE;ME;BRUTTO;ME
-----;-----;-----;-----;--;------;--
0000004711;Nickelsulfat, grün;01.02.2027;1.234,500;KG;1,300;TO
0000004712;Nickelsulfat;30.02.2027;12,5;KG;1,0;TO
0000004713;Nickelsulfat;00000000;1,234.5;KG;-;
CHARG;MAKTX;HSDAT;MENGE;ME;BRUTTO;ME
0000004714;Nickelsulfat;01.02.2027;12,5-;KG;;
0000004715;Nickelsulfat;01.02.2027;12,5;KAR;;
0000004716;Nickelsulfat;01.02.2027;12,5;AH;;
0000004717;Nickelsulfat;01.02.2027;12,5
;;01.02.2027;1;KG;;
*;;;9.999,0;KG;;
Summe;;;9.999,0;KG;;
0000004711;Nickelsulfat;01.02.2027;1;KG;;
0000004718;;;0,5;TO;;
""".replace("\n", "\r\n").encode("cp1252")


def test_sap_list_export() -> None:
    """Preamble, rulers, repeated header, totals are no records; every bad row is told, all at once."""
    result = result_of(SAP, lots=SAP_LIST)
    assert [seen(finding) for finding in result.findings] == [
        (2, 7, "HSDAT", "30.02.2027", "bad-date"),
        (3, 8, "MENGE", "1,234.5", "bad-number"),
        (4, 10, "MENGE", "12,5-", "out-of-range"),
        (5, 11, "ME", "KAR", "unknown-code"),
        (6, 12, "ME", "AH", "bad-dimension"),
        (7, 13, "", "", "row-width"),
        (8, 14, "", "", "empty-key"),
        (9, 17, "", "", "duplicate-key"),
    ]
    assert [mapped.key for mapped in result.mapped] == ["0000004711", "0000004718"]
    assert result.mapped[0].subject == {
        "id": "id:MaterialLot:0000004711",
        "type": "MaterialLot",
        "materialType": "Nickelsulfat, grün",
        "productionDate": "2027-02-01",
        "netMass": {"type": "Quantity", "value": "1234.5", "unit": "KGM"},
        "grossMass": {"type": "Quantity", "value": "1.3", "unit": "TNE"},
    }
    assert result.mapped[1].subject["netMass"] == {"type": "Quantity", "value": "500", "unit": "KGM"}
    assert result.rows == 10
    assert not result.stopped


def test_a_finding_is_written_for_people() -> None:
    """File, term, message and hint stand beside the place."""
    finding = result_of(SAP, lots=SAP_LIST).findings[1].as_json()
    assert finding["source"] == "lots_0"
    assert finding["term"] == "netMass"
    assert finding["message"] == "`1,234.5` is no number in the locale de."
    assert finding["hint"] == "it looks like 1,234.5; is the locale en?"


def test_many_alike_become_one() -> None:
    """A whole column in another locale is one finding that counts its rows."""
    rows = "".join(f"L{number};1,234.5\n" for number in range(4113))
    plan = plan_of(f"lots: {CSV}}}", "netMass: {from: KAPAZ, unit: KGM}")
    (finding,) = result_of(plan, lots=f"LOT;KAPAZ\n{rows}".encode()).findings
    assert finding.message.startswith("KAPAZ: 4,113 rows, in lines 2, 3, 4, 5, 6 and on.")
    assert "is the locale en?" in finding.hint


def test_a_header_that_does_not_fit_is_one_finding() -> None:
    """No finding per row: the columns are named, with the nearest ones."""
    plan = plan_of(f"lots: {CSV}}}", "netMass: {from: MENGE, unit: KGM}\nmethod: METH")
    data = ("LOT;MENGEN\n" + "L;1\n" * 1000).encode()
    result = result_of(plan, lots=data)
    (finding,) = result.findings
    assert (finding.code, result.stopped, result.documents) == ("column-missing", True, 0)
    assert "`MENGE` (is it `MENGEN`?), `METH`" in finding.message


def test_optional_columns_may_be_missing() -> None:
    """A column that the plan calls optional is empty where it is missing."""
    plan = plan_of(f"lots: {CSV}, optional: [METH]}}", "netMass: {from: MENGE, unit: KGM}\nmethod: METH")
    result = result_of(plan, lots=b"LOT;MENGE\nL1;1\n")
    assert not result.findings
    assert "method" not in result.mapped[0].subject


@pytest.mark.parametrize(
    ("encoding", "data", "code", "line"),
    [
        ("utf-8", "LOT;A\nL1;grün\n".encode("cp1252"), "bad-encoding", 2),
        ("cp1252", b"PK\x03\x04LOT;A\n", "not-text", 1),
        ("utf-8", b"%PDF-1.7\n", "not-text", 1),
        ("utf-8", "LOT;A\nL1;a\nL2;ü".encode()[:-1], "bad-encoding", 3),
        ("cp1252", "LOT;A\nL1;grün\n".encode(), "bad-encoding", 2),
        ("cp1252", b"\xef\xbb\xbfLOT;A\nL1;a\n", "bad-encoding", 1),
        ("cp1252", "LOT;A\nL1;a\n".encode("utf-16"), "bad-encoding", 1),
        ("cp1252", "LOT;A\nL1;a\n".encode("utf-16-le"), "bad-encoding", 1),
        ("utf-16", "LOT;A\nL1;a\n".encode("utf-16")[:-1], "bad-encoding", 2),
        ("utf-8", b"LOT;A\nL1;a\0b\n", "bad-encoding", 2),
        ("utf-8", b'LOT;A\nL1;a\nL2;"b\nL3;c\n', "bad-structure", 3),
        ("utf-8", b"LOT;A\nL1;" + b"x" * 200_000 + b"\n", "bad-structure", 2),
        ("utf-8", b"", "empty-file", 0),
        ("utf-8", b"\n\n", "header-missing", 0),
        ("utf-8", b"LOT;A" + b";x" * 20_000 + b"\n", "too-large", 1),
        ("utf-8", gzip.compress(b"LOT;A\nL1;a\n", mtime=0)[:-6], "truncated-file", 0),
        ("utf-8", gzip.compress(b"LOT;A\n" + b"L1;a\n" * 3_000_000, mtime=0), "too-large", 0),
        ("utf-8", b"\x1f\x8b\x08\x00\0\0\0\0\0\3\xff\xff\xff", "damaged-file", 0),
    ],
)
def test_lost_structure_stops_the_run(encoding: str, data: bytes, code: str, line: int) -> None:
    """Wrong encoding, cut file, unbalanced quote, bomb: one clear finding, and no document."""
    plan = plan_of(f"lots: {CSV.replace('utf-8', encoding)}}}", "materialType: A")
    result = result_of(plan, lots=data)
    (finding,) = result.findings
    assert (finding.code, finding.place.line, result.stopped, result.documents) == (code, line, True, 0)
    assert finding.message


def test_gzip_and_byte_order_mark_are_read() -> None:
    """What is unambiguous is no trap: a mark of UTF-8 in a UTF-8 file, a packed file."""
    plan = plan_of(f"lots: {CSV}}}", "materialType: A")
    result = result_of(plan, lots=gzip.compress(b"\xef\xbb\xbfLOT;A\nL1;=HYPERLINK(1)\n"))
    assert result.mapped[0].subject["materialType"] == "=HYPERLINK(1)"


def test_quoted_line_breaks_keep_line_numbers() -> None:
    """A record's line is the one it begins in."""
    plan = plan_of(f"lots: {CSV}}}", "netMass: {from: A, unit: KGM}")
    result = result_of(plan, lots=b'LOT;A;B\nL1;1;"x\ny\nz"\nL2;q;\n')
    assert [seen(finding) for finding in result.findings] == [(2, 5, "A", "q", "bad-number")]


LIMS = plan_of(
    """
    assays: {file: "*.csv", format: csv, encoding: utf-8, delimiter: ";", locale: de, skip_until: Probe,
             units_row: true, null: [n.b.], key: Probe, fill_down: [Auftrag]}
    """,
    """
    method: Auftrag
    result:
      - {from: Ni, unit: {from: "Ni@unit", codes: lims-units}, below_detection: true, analyte: =Ni, basis: =dry}
      - {from: Cd, unit: {from: "Cd@unit", codes: lims-units}, below_detection: true, analyte: =Cd,
         uncertainty: {percent: "10"}}
    """,
    header='key: Probe\ncodes:\n  lims-units: {values: {"%": P1, mg/kg: "59"}}',
)


def test_lims_with_units_and_detection_limits() -> None:
    """The unit row gives the units; `<0,05` is a limit and says so; `n.b.` leaves the result out."""
    data = b"Labor;;;\nAuftrag;Probe;Ni;Cd\n;;%;mg/kg\nA1;P1;22,31;<0,05\n;P2;n.b.;0,07\n;P3;22,x;<\n"
    result = result_of(LIMS, assays=data)
    assert result.mapped[0].subject["result"] == [
        {"type": "Quantity", "value": "22.31", "unit": "P1", "basis": "dry", "analyte": "Ni"},
        {
            "type": "Quantity", "value": "0.05", "unit": "59", "qualifier": "belowDetection", "detectionLimit": "0.05",
            "uncertainty": "0.005", "analyte": "Cd",
        },
    ]  # fmt: skip
    second = result.mapped[1].subject
    assert second["method"] == "A1"
    assert second["result"] == [
        {"type": "Quantity", "value": "0.07", "unit": "59", "uncertainty": "0.007", "analyte": "Cd"}
    ]
    assert [seen(finding) for finding in result.findings] == [
        (3, 6, "Cd", "<", "bad-number"),
        (3, 6, "Ni", "22,x", "bad-number"),
    ]


def test_two_header_rows() -> None:
    """Upper and lower names are joined, an empty upper cell repeats its left neighbour."""
    document = "netMass: {from: Mass kg, unit: KGM}\ngrossMass: {from: Mass t, unit: TNE}"
    plan = plan_of(f"lots: {CSV}, header: 2}}", document)
    result = result_of(plan, lots=b"LOT;Mass;\n;kg;t\nL1;5;0,006\n")
    assert not result.findings
    assert result.mapped[0].subject["grossMass"] == {"type": "Quantity", "value": "0.006", "unit": "TNE"}


def test_files_of_one_source_follow_each_other() -> None:
    """Columns may stand in another order; other columns are refused; findings name their file."""
    plan = plan_of(f"lots: {CSV}}}", "netMass: {from: A, unit: KGM}")
    result = result_of(plan, lots=[b"LOT;A\nL1;1\n", b"A;LOT\n2;L2\nx;L3\n"])
    assert [mapped.key for mapped in result.mapped] == ["L1", "L2"]
    assert [(finding.place.source, *seen(finding)) for finding in result.findings] == [
        ("lots_1", 2, 3, "A", "x", "bad-number")
    ]
    other = result_of(plan, lots=[b"LOT;A\nL1;1\n", b"LOT;B\nL2;2\n"])
    assert (other.findings[0].code, other.documents) == ("column-missing", 0)


def test_no_file() -> None:
    """A source without a file is a finding, not an empty result."""
    result = run(SAP, {}, mint=mint)
    assert [finding.code for finding in result.findings] == ["no-file"]
    assert file("x", b"").data == b""


def test_a_row_of_which_the_key_alone_is_filled() -> None:
    """The vocabulary says what it lacks; the whole run ended as a bug of ours."""
    plan = plan_of(f"lots: {CSV}}}", "netMass: {from: MASS, unit: KGM}")
    full, empty = result_of(plan, lots=b"LOT;MASS\n1;5\n2;\n").mapped
    assert (full.subject["type"], empty.subject) == ("MaterialLot", {"id": "id:MaterialLot:2", "type": "MaterialLot"})
    found = load_bundle().check_mapped(empty.record_type, empty.subject)
    assert "missing-term" in {each.code for each in found}
