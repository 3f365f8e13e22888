"""X12: separators from ISA, the HL hierarchy, pairs, loops, envelopes; and broken files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.mapping import x12_directory
from connector.mapping.groups import group_of
from connector.mapping.reading import open_table
from tests.core.mapping.trial import file, plan_of, result_of, seen

PLAN = plan_of(
    'items: {file: "*.x12", format: x12, record: 856/S/O/I}',
    """
    deliveryNote: BSN/02
    toParty: {from: "N1[ST]/04", codes: parties}
    netMass: {from: SN1/02, unit: {from: SN1/03, codes: units}, to: KGM}
    """,
    header="""
    key: "LIN[LT]/03"
    codes:
      parties: {values: {"410002": "did:web:a.example"}}
      units: {values: {KG: KGM, LB: LBR}}
    """,
)
SHIPMENT = [
    "BSN*00*0080450021*20261130*0700", "DTM*011*20261130*0700*UT", "HL*1**S", "TD5*B*2*SCAC*J", "REF*BM*4711",
    "N1*SF*Cathode*92*2200", "N1*ST*Cell*92*410002", "N3*Werkstrasse 1", "N4*Kassel**34117*DE",
    "HL*2*1*O", "PRF*4500012345",
    "HL*3*2*I", "LIN*1*BP*CAM622*LT*K26110007*SN*S1", "SN1**1460*KG", "REF*SE*0001", "REF*SE*0002",
    "HL*4*2*I", "LIN**BP*CAM622*LT*K26110008", "SN1**10*LB", "CLD*2*5*CTN90", "REF*LS*L1",
    "CTT*4",
]  # fmt: skip


def interchange(*body: str, kind: str = "856", version: str = "00401", repetition: str = "U") -> bytes:
    """One transaction set in its envelopes."""
    parties = f"00*{'':10}*00*{'':10}*ZZ*{'SENDER':15}*ZZ*{'RECEIVER':15}"
    isa = f"ISA*{parties}*261130*0700*{repetition}*{version}*000000001*0*P*>"
    inner = "".join(f"{segment}~\n" for segment in body)
    st_se = f"ST*{kind}*0001~\n{inner}SE*{len(body) + 2}*0001~\n"
    return f"{isa}~\nGS*SH*SENDER*RECEIVER*20261130*0700*1*X*004010~\n{st_se}GE*1*1~\nIEA*1*000000001~\n".encode()


def rows(data: bytes, record: str, **more: str) -> list[dict[str, str]]:
    """The rows of one file, filled cells only."""
    settings = "".join(f", {key}: {value}" for key, value in more.items())
    plan = plan_of(f'items: {{file: "*", format: x12, record: {record}{settings}}}', "lot: ST/02", "key: ST/02")
    table = open_table("items", plan.sources["items"], [file("a.x12", data)])
    return [{name: cell for name, cell in zip(table.columns, row.cells, strict=True) if cell} for row in table.rows]


GOOD = interchange(*SHIPMENT)


def test_items_see_order_and_shipment() -> None:
    """The hierarchy is walked by HL02; pairs are found wherever they stand; loops stay together."""
    result = result_of(PLAN, items=GOOD)
    assert not result.findings
    first, second = (mapped.subject for mapped in result.mapped)
    assert [mapped.key for mapped in result.mapped] == ["K26110007", "K26110008"]
    assert (first["deliveryNote"], first["toParty"]) == ("0080450021", "did:web:a.example")
    assert first["netMass"] == {"type": "Quantity", "value": "1460", "unit": "KGM"}
    assert second["netMass"] == {"type": "Quantity", "value": "4.5359237", "unit": "KGM"}


def test_columns() -> None:
    """Elements by place; what stands in a loop is told with its first segment; parents' segments by their names."""
    first, second = rows(GOOD, "856/S/O/I")
    assert first["N1[ST]/N4/01"] == "Kassel"
    assert (first["PRF/01"], first["REF[BM]/02"], first["REF[SE]/02"]) == ("4500012345", "4711", "0001")
    assert (first["LIN[SN]/03"], first["LIN[BP]/01"], first["HL/03"]) == ("S1", "1", "I")
    assert (second["CLD/REF[LS]/02"], "REF[SE]/02" in second) == ("L1", False)
    assert (first["GS/08"], first["ISA/06"], first["ST/01"]) == ("004010", "SENDER", "856")


def test_a_row_per_serial_number() -> None:
    """Segments below a level, and pairs of one segment, are rows where the path says so."""
    assert [row["REF/02"] for row in rows(GOOD, "856/S/O/I/REF")] == ["0001", "0002"]
    assert [(row["LIN/02"], row["LIN/03"]) for row in rows(GOOD, "856/S/O/I/LIN")][:3] == [
        ("BP", "CAM622"), ("LT", "K26110007"), ("SN", "S1"),
    ]  # fmt: skip


def test_findings_name_segment_and_element() -> None:
    """The cell's own segment; ISA is the first."""
    (finding,) = result_of(PLAN, items=GOOD.replace(b"1460", b"1,460").replace(b"\n", b"")).findings
    assert (*seen(finding), finding.place.unit) == (1, 17, "SN1/02", "1,460", "bad-number", "segment")
    assert finding.message.startswith(
        f"Segment 17, character {GOOD.replace(b'~' + bytes([10]), b'~').index(b'1460') + 1}"
    )


def test_separators_are_those_of_isa() -> None:
    """Any separators, line breaks as terminators; repetitions from 4020 on."""
    other = GOOD.replace(b"~\n", b"\n").replace(b"*", b"|")
    assert [row["LIN[LT]/03"] for row in rows(other, "856/S/O/I")] == ["K26110007", "K26110008"]
    body = ["BSN*00*A^B*20261130*0700", "HL*1**S", "REF*BM*1**X>Y>Z"]
    (row,) = rows(interchange(*body, version="00501", repetition="^"), "856/S")
    assert (row["BSN/02"], row["BSN/02*2"], row["REF[BM]/04"], row["REF[BM]/04-3"]) == ("A", "B", "X", "Z")
    (row,) = rows(interchange(*body, version="00401", repetition="^"), "856/S")
    assert row["BSN/02"] == "A^B"


def test_other_sets() -> None:
    """Receiving advice and test results have loops of their own; others say theirs."""
    received = ["BRA*R1*20261201*00*2", "RCD**5*EA", "LIN**LT*L1", "RCD**6*EA", "LIN**LT*L2"]
    assert [row["LIN[LT]/03"] for row in rows(interchange(*received, kind="861"), "861/RCD")] == ["L1", "L2"]
    tested = ["BTR*00*20261201", "LIN**LT*L1", "CID**ZZ*NI", "MEA**NI*60.1*P1"]
    assert [row["MEA[NI]/03"] for row in rows(interchange(*tested, kind="863"), "863/LIN/CID")] == ["60.1"]
    stock = ["BIA*00*DD*1*20261201", "LIN**LT*L1", "QTY*33*5*KG"]
    (row,) = rows(interchange(*stock, kind="846"), "846/LIN", groups='"BIA LIN(QTY)"')
    assert row["QTY[33]/02"] == "5"


@pytest.mark.parametrize(
    ("data", "code", "segment"),
    [
        (GOOD[:-3], "truncated-file", 28),
        (GOOD[: GOOD.index(b"IEA")], "truncated-file", 27),
        (GOOD[: GOOD.index(b"SE*2")], "truncated-file", 25),
        (GOOD.replace(b"SE*24", b"SE*23"), "bad-structure", 26),
        (GOOD.replace(b"GE*1*1", b"GE*1*2"), "bad-structure", 27),
        (GOOD.replace(b"IEA*1*000000001", b"IEA*1*000000002"), "bad-structure", 28),
        (GOOD.replace(b"HL*3*2*I", b"HL*3*9*I"), "bad-structure", 15),
        (GOOD.replace(b"HL*3*2*I", b"HL*2*1*I"), "bad-structure", 15),
        (GOOD.replace(b"HL*3*2*I", b"HL*3*3*I"), "bad-structure", 15),
        (GOOD.replace(b"PRF*", b"ZZZ*"), "bad-structure", 14),
        (GOOD.replace(b"GS*SH", b"ST*SH"), "bad-structure", 2),
        (interchange(*(f"HL*{n}*{n - 1 or ''}*S" for n in range(1, 60))), "too-large", 36),
        (interchange("BSN*00*\xe4".encode().decode("latin-1")), "bad-encoding", 4),
        (interchange("BRA*1", kind="861"), "header-missing", 0),
        (GOOD.replace(b"     *ZZ", b"*ZZ"), "header-missing", 1),
        (b"ISA", "header-missing", 1),
        (b"ISA" + b"*" * 200, "header-missing", 1),
        (GOOD + b"ISA*", "header-missing", 29),
        (b"", "empty-file", 0),
    ],
)
def test_broken_interchanges(data: bytes, code: str, segment: int) -> None:
    """Cut, changed or without a hierarchy: one finding with its segment, no document."""
    result = result_of(PLAN, items=data)
    assert [(finding.code, finding.place.line) for finding in result.findings] == [(code, segment)]
    assert result.documents == 0


@given(st.binary(max_size=300))
def test_any_bytes_give_rows_or_a_finding(data: bytes) -> None:
    """Nothing else comes out of a file that begins like an interchange."""
    assert result_of(PLAN, items=GOOD[:106] + data).stopped


def test_the_directory_is_whole() -> None:
    """All loops can be read."""
    for written in x12_directory.SETS.values():
        group_of(written)
