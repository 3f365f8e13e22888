"""EDIFACT: separators, groups, qualifiers, envelopes, character sets; and what a hostile or broken file does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import BadPlan
from connector.mapping import edifact_directory, segments
from connector.mapping.elements import Marks
from connector.mapping.elements import segments as split
from connector.mapping.groups import BadGroups, group_of
from connector.mapping.reading import open_table
from connector.model import list_in, object_in
from tests.core.mapping.trial import file, plan_of, result_of, seen

PLAN = plan_of(
    'items: {file: "*.edi", format: edifact, record: DESADV/CPS/LIN}',
    """
    deliveryNote: BGM/1004
    toParty: {from: "NAD[ST]/3039", codes: parties}
    eventTime: {from: "DTM[137]/2380", datetime: "%Y%m%d%H%M", zone: UTC}
    netMass: {from: "QTY[12]/6060", unit: {from: "QTY[12]/6411", codes: iso-units}}
    """,
    header="""
    key: "PIA[NB]/7140"
    codes:
      parties: {values: {"410002": "did:web:a.example"}}
    """,
)
BODY = [
    "BGM+351+0080450021+9", "DTM+137:202611300700:203", "RFF+ON:4500012345", "DTM+171:20261101:102",
    "NAD+SE+2200::92", "NAD+ST+410002::92++Zellwerk K?+S?: GmbH", "CTA+IC+:Frau ?'Holl?'",
    "CPS+1", "PAC+2++PAL", "QTY+52:2:C62", "PCI+17", "GIN+BJ+0018:0025+0032",
    "LIN+1++CAM622:IN", "PIA+1+K26110007:NB+4711:SA", "QTY+12:1460,000:KGM", "DTM+36:20271130:102",
    "LIN+2++CAM622:IN", "PIA+1+K26110008:NB", "QTY+12:1.5:TNE", "RFF+ON:4500099999",
]  # fmt: skip


def message(*body: str, kind: str = "DESADV:D:96A:UN", number: str = "1") -> str:
    """A message with its envelope."""
    inner = "".join(f"{segment}'\n" for segment in body)
    return f"UNH+{number}+{kind}'\n{inner}UNT+{len(body) + 2}+{number}'\n"


def interchange(*messages: str, head: str = "UNB+UNOC:3+SENDER+RECEIVER+261130:0700+REF1'\n", una: str = "") -> bytes:
    """An interchange in Latin 1."""
    return f"{una}{head}{''.join(messages)}UNZ+{len(messages)}+REF1'\n".encode("latin-1")


def rows(data: bytes, record: str, **more: str) -> list[dict[str, str]]:
    """The rows of one file, filled cells only."""
    settings = "".join(f", {key}: {value}" for key, value in more.items())
    plan = plan_of(
        f'items: {{file: "*", format: edifact, record: {record}{settings}}}', "lot: BGM/1004", "key: BGM/1004"
    )
    table = open_table("items", plan.sources["items"], [file("a.edi", data)])
    return [{name: cell for name, cell in zip(table.columns, row.cells, strict=True) if cell} for row in table.rows]


GOOD = interchange(message(*BODY))


def test_items_see_their_delivery() -> None:
    """Header, parties and the item's own segments are columns; released marks are text; either decimal mark."""
    result = result_of(PLAN, items=GOOD)
    assert not result.findings
    first, second = (mapped.subject for mapped in result.mapped)
    assert [mapped.key for mapped in result.mapped] == ["K26110007", "K26110008"]
    assert (first["deliveryNote"], first["toParty"]) == ("0080450021", "did:web:a.example")
    assert first["eventTime"] == "2026-11-30T07:00:00Z"
    assert first["netMass"] == {"type": "Quantity", "value": "1460", "unit": "KGM"}
    assert second["netMass"] == {"type": "Quantity", "value": "1.5", "unit": "TNE"}


def test_columns_are_the_nearest_segment_whole() -> None:
    """An item's own reference hides the delivery's whole; what stands below a segment is a column of it."""
    first, second = rows(GOOD, "DESADV/CPS/LIN")
    assert first["NAD[ST]/3036"] == "Zellwerk K+S: GmbH"
    assert first["NAD[ST]/CTA[IC]/3412"] == "Frau 'Holl'"
    assert (first["RFF[ON]/1154"], first["RFF[ON]/DTM[171]/2380"]) == ("4500012345", "20261101")
    assert second["RFF[ON]/1154"] == "4500099999"
    assert {name for name in second if name.startswith("RFF")} == {"RFF[ON]/1153", "RFF[ON]/1154"}
    assert ("DTM[36]/2380" in first, "DTM[36]/2380" in second) == (True, False)
    assert second["PAC/PCI[17]/GIN[BJ]/7402"] == "0018"
    assert second["UNB/0020"] == "REF1"


def test_one_row_per_serial_number() -> None:
    """An element that repeats makes as many rows; a range is two columns."""
    found = rows(GOOD, "DESADV/CPS/PAC/PCI/GIN")
    assert [(row["GIN/7402"], row.get("GIN/7402#2"), row["PCI/4233"]) for row in found] == [
        ("0018", "0025", "17"), ("0032", None, "17"),
    ]  # fmt: skip


def test_findings_name_segment_and_element() -> None:
    """The segment of the cell, not of the row; and the character, for files of one line."""
    data = interchange(message(*BODY).replace("1.5:TNE", "1x5:TNE")).replace(b"\n", b"")
    (finding,) = result_of(PLAN, items=data).findings
    assert (*seen(finding), finding.place.unit) == (2, 21, "QTY[12]/6060", "1x5", "bad-number", "segment")
    offset = data.index(b"1x5") + 1
    assert finding.message == f"Segment 21, character {offset}: `1x5` is no number."
    assert finding.as_json()["unit"] == "segment"


def test_lineage_leads_to_the_segment() -> None:
    """A value's cells are told by the number of their own segment."""
    mapped = result_of(PLAN, items=GOOD).mapped[0]
    cells = mapped.lineage.cells()
    assert [(cell.line, cell.unit, cell.column) for cell in cells["/toParty"]] == [(8, "segment", "NAD[ST]/3039")]
    kept = mapped.lineage.as_json()
    assert [object_in(one).get("unit") for one in list_in(kept["files"])] == ["segment"]
    assert object_in(kept["values"])["/netMass/value"] == [[0, 1, 17, "QTY[12]/6060", "1460,000"]]


def test_other_separators_and_interchanges_in_a_row() -> None:
    """UNA says separators; syntax version 4 repeats elements; each interchange may say its own."""
    other = message(*BODY).translate(str.maketrans("+:'?", "|^~!"))
    head = "UNB|UNOC^4|SENDER|RECEIVER|261130^0700|REF1~"
    end = "UNZ|1|REF1~"
    data = f"UNA^|,!*~{head}{other}{end}".encode("latin-1") + GOOD
    found = rows(data, "DESADV/CPS/LIN")
    assert [row["PIA[NB]/7140"] for row in found] == ["K26110007", "K26110008"] * 2
    assert found[0]["NAD[ST]/3036"].startswith("Zellwerk K|S^")
    version4 = interchange(message("BGM+351*352+N1"), head="UNB+UNOC:4+A+B+261130:0700+REF1'")
    (row,) = rows(version4, "DESADV")
    assert (row["BGM/1001"], row["BGM/1001*2"]) == ("351", "352")
    (row,) = rows(version4.replace(b"UNOC:4", b"UNOC:3"), "DESADV")
    assert row["BGM/1001"] == "351*352"


@pytest.mark.parametrize(
    ("kind", "body", "record", "expected"),
    [
        ("RECADV", ["BGM+632+W1", "CPS+1", "LIN+1", "QTY+48:5:PCE", "QVR+-1:119", "DTM+50:20261201:102"],
         "RECADV/CPS/LIN", {"QTY[48]/6060": "5", "QVR[119]/6064": "-1", "DTM[50]/2380": "20261201"}),
        ("INVRPT", ["BGM+35+B1", "LIN+1++M1:IN", "QTY+145:10:KGM", "LOC+18+L1", "QTY+145:20:KGM", "LOC+18+L2"],
         "INVRPT/LIN/QTY", {"QTY/6060": "10", "LOC[18]/3225": "L1", "LIN/7140": "M1"}),
        ("QALITY", ["BGM+23+Z1", "LIN+1++M1:IN", "CCI+6+NI", "MEA+AAE+NI+P1:60,1", "CCI+6+CO", "MEA+AAE+CO+P1:20,1"],
         "QALITY/LIN/CCI", {"MEA[NI]/6314": "60,1", "CCI/6313": "NI", "LIN/7140": "M1"}),
    ],
)  # fmt: skip
def test_other_messages(kind: str, body: list[str], record: str, expected: dict[str, str]) -> None:
    """Each message has its own groups: the same segment belongs elsewhere."""
    first = rows(interchange(message(*body, kind=f"{kind}:D:96A:UN")), record)[0]
    assert {name: first.get(name) for name in expected} == expected


def test_a_message_that_is_not_known() -> None:
    """The plan says its groups; without them, or with bad ones, it is no plan."""
    data = interchange(message("BGM+220+O1", "LIN+1", "QTY+21:3", "LIN+2", "QTY+21:4", kind="ORDERS:D:96A:UN"))
    found = rows(data, "ORDERS/LIN", groups='"BGM LIN(QTY)"')
    assert [row["QTY[21]/6060"] for row in found] == ["3", "4"]
    with pytest.raises(BadPlan, match="groups of a ORDERS"):
        rows(data, "ORDERS/LIN")
    with pytest.raises(BadPlan, match="there is no CSP there; there is BGM, DTM"):
        rows(data, "DESADV/CSP/LIN")
    with pytest.raises(BadPlan, match="lacks a closing bracket"):
        rows(data, "ORDERS/LIN", groups='"BGM LIN(QTY"')


@pytest.mark.parametrize("written", ["A(", "A)", "A A", "A(B B)", "a", "(A)", "A(" * 40])
def test_groups_that_are_none(written: str) -> None:
    """What cannot be read is told."""
    with pytest.raises(BadGroups):
        group_of(written.replace("A", "ABC").replace("B B", "BCD BCD"))


def test_order_is_kept_first() -> None:
    """A segment goes to the innermost group whose order still has it; out of order, to the innermost that knows it."""
    data = interchange(message("BGM+35+B1", "LIN+1", "QTY+145:1", "CPS+1", "PAC+1", "PCI+17", "QTY+145:2",
                               kind="INVRPT:D:96A:UN"))  # fmt: skip
    assert [row["QTY/6060"] for row in rows(data, "INVRPT/LIN/QTY")] == ["1", "2"]
    late = interchange(message("BGM+351+N1", "CPS+1", "LIN+1", "QTY+12:1", "PIA+1+L1:NB"))
    assert rows(late, "DESADV/CPS/LIN")[0]["PIA[NB]/7140"] == "L1"


@pytest.mark.parametrize(
    ("data", "code", "segment"),
    [
        (GOOD[:-4], "truncated-file", 24),
        (GOOD[: GOOD.index(b"UNZ")], "truncated-file", 23),
        (GOOD[: GOOD.index(b"UNT")], "truncated-file", 22),
        (GOOD.replace(b"UNT+22", b"UNT+21"), "bad-structure", 23),
        (GOOD.replace(b"UNT+22+1", b"UNT+22+2"), "bad-structure", 23),
        (GOOD.replace(b"UNZ+1", b"UNZ+2"), "bad-structure", 24),
        (GOOD.replace(b"UNZ+1+REF1", b"UNZ+1+REF2"), "bad-structure", 24),
        (GOOD.replace(b"CPS+1'", b"UNH+2+DESADV'"), "bad-structure", 10),
        (GOOD.replace(b"PAC+2++PAL'", b"XYZ+1'"), "bad-structure", 11),
        (GOOD.replace(b"Zellwerk", b"Zell\r\nwerk"), "bad-structure", 8),
        (GOOD.replace(b"Zellwerk", b"Z" * 70_000), "too-large", 8),
        (GOOD.replace(b"UNOC", b"UNOX"), "bad-encoding", 1),
        (GOOD.replace(b"UNOC", b"UNOA").replace(b"Zell", b"Z\xe4ll"), "bad-encoding", 8),
        (GOOD.replace(b"Zell", "Zäll".encode()), "bad-encoding", 8),
        (GOOD + GOOD.replace(b"UNOC", b"UNOA"), "bad-encoding", 25),
        (GOOD + b"rest'", "header-missing", 25),
        (GOOD[GOOD.index(b"UNH") :], "header-missing", 1),
        (b"UNA++.? '" + GOOD, "header-missing", 1),
        (interchange(message("BGM+35+B1", kind="INVRPT:D:96A:UN")), "header-missing", 0),
        (b"<IDOC/>", "header-missing", 1),
        (b"", "empty-file", 0),
    ],
)
def test_broken_interchanges(data: bytes, code: str, segment: int) -> None:
    """Cut, changed or mixed up: one finding with its segment, no document."""
    result = result_of(PLAN, items=data)
    assert [(finding.code, finding.place.line) for finding in result.findings] == [(code, segment)]
    assert result.stopped
    assert result.documents == 0


def test_character_sets() -> None:
    """As UNB says, or as the plan says where UNB does not tell the truth."""
    body = ["BGM+351+N1", "NAD+ST+1++Łódź"]
    data = interchange(message(*body[:1])).decode()
    whole = data.replace("UNT+3", "NAD+ST+1++Łódź'UNT+4")
    (row,) = rows(whole.replace("UNOC", "UNOD").encode("iso-8859-2"), "DESADV")
    assert row["NAD[ST]/3036"] == "Łódź"
    (row,) = rows(whole.replace("UNOC", "UNOY").encode(), "DESADV")
    assert row["NAD[ST]/3036"] == "Łódź"
    (row,) = rows(whole.replace("UNOC", "UNOA").encode("cp1250"), "DESADV", encoding="cp1250")
    assert row["NAD[ST]/3036"] == "Łódź"


def test_functional_groups_are_counted() -> None:
    """With UNG, UNZ counts groups and UNE messages."""
    inner = message("BGM+351+N1", number="7")
    group = f"UNG+DESADV+A+B+261130:0700+G1+UN+D:96A'{inner}UNE+1+G1'"
    data = f"UNB+UNOC:3+A+B+261130:0700+R1'{group}UNZ+1+R1'".encode()
    assert [row["BGM/1004"] for row in rows(data, "DESADV")] == ["N1"]
    result = result_of(PLAN, items=data.replace(b"UNE+1", b"UNE+2"))
    assert [finding.code for finding in result.findings] == ["bad-structure"]


def test_a_small_file_makes_no_large_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of references times thousands of items are refused before they are rows."""
    monkeypatch.setattr(segments, "MAX_CELLS", 10_000)
    body = ["BGM+351+N1", *(f"RFF+{number}:1" for number in range(200)), "CPS+1", *(f"LIN+{n}" for n in range(200))]
    result = result_of(PLAN, items=interchange(message(*body)))
    assert [finding.code for finding in result.findings] == ["too-large"]
    assert result.documents == 0


def test_siblings_of_the_path_are_no_columns() -> None:
    """A row costs what its own segments cost, however many rows stand beside it: none of them is looked at."""
    body = ["BGM+351+N1", "CPS+1", *(f"LIN+{number}" for number in range(500))]
    for row in rows(interchange(message(*body)), "DESADV/CPS/LIN"):
        assert {name.partition("/")[0] for name in row} == {"LIN", "CPS", "BGM", "UNH", "UNB"}


MARKS = st.sampled_from([Marks(component=":", element="+", release="?", terminator="'"),
                         Marks(component=">", element="*", terminator="~")])  # fmt: skip
TEXT = st.text("AB:+'?*~> ", min_size=0, max_size=8).map(str.strip)
SEGMENTS = st.lists(st.lists(st.lists(TEXT, min_size=1, max_size=4), min_size=1, max_size=4), min_size=1, max_size=5)


def _written(value: str, marks: Marks) -> str:
    used = marks.component + marks.element + marks.terminator + marks.release
    if marks.release:
        return "".join(f"{marks.release}{letter}" if letter in used else letter for letter in value)
    return "".join(letter for letter in value if letter not in used)


@given(SEGMENTS, MARKS, st.sampled_from(["", "\r\n"]))
def test_what_was_joined_is_split(tree: list[list[list[str]]], marks: Marks, between: str) -> None:
    """Any text comes back from between the marks, and each component from where it says that it begins."""
    written = [[[_written(part, marks) for part in element] for element in segment] for segment in tree]
    text = "".join(
        marks.element.join(["ABC", *(marks.component.join(element) for element in segment)])
        + marks.terminator
        + between
        for segment in written
    )
    found = [raw for raw, _ in split(file("a", b""), text, 0, marks)]
    plain = tree if marks.release else [[[part.strip() for part in one] for one in segment] for segment in written]
    assert [[[part.text for part in one[0]] for one in raw.elements] for raw in found] == plain
    for raw, segment in zip(found, written, strict=True):
        for (element,), parts in zip(raw.elements, segment, strict=True):
            for component, part in zip(element, parts, strict=True):
                assert text.startswith(part, component.offset)


@given(st.binary(max_size=300))
def test_any_bytes_give_rows_or_a_finding(data: bytes) -> None:
    """Nothing else comes out of a file that begins like an interchange."""
    result = result_of(PLAN, items=b"UNA:+.? 'UNB+UNOC:3+A+B+1:2+R'" + data)
    assert result.stopped


def test_the_directory_is_whole() -> None:
    """Each segment of a message is in the directory, and every message's groups can be read."""
    for written in edifact_directory.MESSAGES.values():
        group_of(written)
        for tag in written.replace("(", " ").replace(")", " ").split():
            assert edifact_directory.elements_of(tag).columns, tag
