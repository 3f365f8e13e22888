"""Flat IDocs: fields by the layout, the hierarchy by PSGNUM or HLEVEL, lines; and what does not fit together."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import BadPlan
from connector.mapping.engine import Result, run
from connector.mapping.flat_idoc import layout_of as layout_file
from connector.mapping.plan import layout_of
from tests.core.mapping.trial import file, mint, plan_of, seen

PLAN = plan_of(
    """
    items: {file: "*.idoc", format: idoc, layout: layout.txt, record: IDOC/E1EDL20/E1EDL24,
            qualifiers: {E1ADRM1: PARTNER_Q}}
    """,
    """
    deliveryNote: VBELN
    toParty: {from: "E1ADRM1[WE]/PARTNER_ID", codes: parties}
    netMass: {from: LFIMG, unit: KGM}
    """,
    header="""
    key: CHARG
    codes:
      parties: {values: {"100": "did:web:a.example"}}
    """,
)
FIELDS = {
    "E2EDL20": ("E1EDL20", {"VBELN": 10, "VSTEL": 4}),
    "E2ADRM1": ("E1ADRM1", {"PARTNER_Q": 3, "PARTNER_ID": 17}),
    "E2EDL24009": ("E1EDL24", {"POSNR": 6, "CHARG": 10, "LFIMG": 15}),
}


def layout(*, places: bool = True) -> bytes:
    """A layout as WE60 writes it; without places the lengths add up."""
    lines = ["BEGIN_SEGMENT_SECTION", "  BEGIN_IDOC   DELVRY07"]
    for name, (kind, fields) in FIELDS.items():
        lines += [f"    BEGIN_SEGMENT   {name}", f"      SEGMENTTYPE   {kind}", "      BEGIN_FIELDS"]
        at = 64
        for field_name, width in fields.items():
            lines += [
                f"        NAME   {field_name}",
                "        TEXT   Any NAME LENGTH 5",
                f"        LENGTH   {width:06d}",
            ]
            lines += [f"        BYTE_FIRST   {at:06d}"] if places else []
            at += width
        lines += ["      END_FIELDS", "    END_SEGMENT"]
    return "\n".join(lines).encode()


def control(number: str = "1") -> str:
    """A control record."""
    return f"EDI_DC40  100{number:16}700 3012  {'DELVRY07':30}{'':30}DESADV"


def segment(name: str, number: int, parent: int, *values: str, level: int = 2, document: str = "1") -> str:
    """A data record."""
    widths = FIELDS.get(name, ("", {"X": 1}))[1].values()
    data = "".join(value.ljust(width) for value, width in zip(values, widths, strict=False))
    return f"{name:30}100{document:16}{number:06d}{parent:06d}{level:02d}{data}"


GOOD = [
    control(), segment("E2EDL20", 1, 0, "0080000001", "2200"),
    segment("E2ADRM1", 2, 1, "WE", "100", level=3), segment("E2ADRM1", 3, 1, "LF", "200", level=3),
    segment("E2EDL24009", 4, 1, "000010", "L1", "1460.000", level=3),
    segment("E2EDL24009", 5, 1, "000020", "L2", "1.5", level=3),
    control("2"), segment("E2EDL20", 1, 0, "0080000002", document="2"),
    segment("E2EDL24009", 2, 1, "000010", "L3", "2", level=3, document="2"),
]  # fmt: skip


def result_of(lines: list[str], described: bytes, end: str = "\n") -> Result:
    """The plan over a file and a layout."""
    data = "".join(line + end for line in lines).encode()
    return run(PLAN, {"items": [file("d.idoc", data)], layout_of("items"): [file("layout.txt", described)]}, mint=mint)


@pytest.mark.parametrize("places", [True, False])
@pytest.mark.parametrize("end", ["\n", "\r\n", f"{'':40}\r\n"])
def test_items_see_their_delivery(places: bool, end: str) -> None:
    """Several IDocs, lines padded or trimmed, places said or added up: the columns of IDoc XML."""
    result = result_of(GOOD, layout(places=places), end)
    assert result.findings == ()
    found = [(one.key, one.subject["deliveryNote"], one.subject.get("toParty")) for one in result.mapped]
    assert found == [
        ("L1", "0080000001", "did:web:a.example"), ("L2", "0080000001", "did:web:a.example"),
        ("L3", "0080000002", None),
    ]  # fmt: skip
    assert result.mapped[1].subject["netMass"] == {"type": "Quantity", "value": "1.5", "unit": "KGM"}


def test_levels_hang_segments_together_where_no_number_does() -> None:
    """Systems that leave PSGNUM empty say HLEVEL."""
    bare = [line[:55] + "000000" + line[61:] if line[:2] == "E2" else line for line in GOOD]
    assert [one.subject for one in result_of(bare, layout()).mapped] == [
        one.subject for one in result_of(GOOD, layout()).mapped
    ]


def test_findings_have_lines() -> None:
    """A bad field is told at the line of its record."""
    (finding,) = result_of([line.replace("1.5", "1,5") for line in GOOD], layout()).findings
    assert seen(finding) == (2, 6, "LFIMG", "1,5", "bad-number")


@pytest.mark.parametrize(
    ("change", "code", "line"),
    [
        ({0: ""}, "header-missing", 2),
        ({6: ""}, "bad-structure", 8),
        ({1: ""}, "bad-structure", 3),
        ({4: segment("E2EDL99", 4, 1)}, "bad-structure", 5),
        ({4: segment("E2EDL24009", 4, 9, "000010")}, "bad-structure", 5),
        ({4: "x" * 1_064}, "bad-structure", 5),
        ({4: "E2EDL24009 cut"}, "bad-structure", 5),
        (dict.fromkeys(range(9), ""), "empty-file", 0),
    ],
)
def test_broken_files(change: dict[int, str], code: str, line: int) -> None:
    """Lines lost, joined, of another release or without line ends: one finding with its line, no document."""
    result = result_of([change.get(number, each) for number, each in enumerate(GOOD)], layout())
    assert [(finding.code, finding.place.line) for finding in result.findings] == [(code, line)]
    assert result.stopped


def test_a_segment_hangs_not_too_deep() -> None:
    """A chain of segments ends at a limit, not at the end of the stack."""
    chain = [control(), *(segment("E2EDL20", number, number - 1, "1") for number in range(1, 60))]
    (finding,) = result_of(chain, layout()).findings
    assert (finding.code, finding.place.line) == ("bad-structure", 34)


@pytest.mark.parametrize(
    "described", [b"", b"VBELN;10\n", layout().replace(b"000010", b"ten"), layout().replace(b"000064", b"009999")]
)
def test_layouts_that_are_none(described: bytes) -> None:
    """A layout that says no place is told as such."""
    (finding,) = result_of(GOOD, described).findings
    assert finding.place.source == "layout.txt"
    assert finding.code in {"bad-structure", "empty-file"}


def test_a_layout_that_lost_a_line_is_told_and_no_field_takes_the_length_of_another() -> None:
    """Whichever line of a field is gone: its name, its length; or a number has more digits than any."""
    written = layout().decode().split("\n")
    for at, line in enumerate(written):
        key = line.split()[0]
        if key not in {"NAME", "LENGTH"}:
            continue
        for broken in ([], [f"{key} {'9' * 5_000}"] if key == "LENGTH" else [key]):
            found = result_of(GOOD, "\n".join([*written[:at], *broken, *written[at + 1 :]]).encode()).findings
            assert [(one.code, one.place.source) for one in found] == [("bad-structure", "layout.txt")]
            assert abs(found[0].place.line - at - 1) <= 3


def test_where_a_field_begins_may_stand_before_its_length() -> None:
    """The lines below a name say the same in any order."""
    swapped = re.sub(r"( *LENGTH.*)\n( *BYTE_FIRST.*)", r"\2\n\1", layout().decode()).encode()
    assert swapped != layout()
    assert layout_file(file("l", swapped)) == layout_file(file("l", layout()))


@given(st.lists(st.text("E2DL09 1\x00ä\r", max_size=80), max_size=5))
def test_any_lines_give_rows_or_a_finding(lines: list[str]) -> None:
    """Nothing else comes out."""
    result = result_of([*GOOD, *lines], layout())
    assert result.findings or result.documents


def test_the_digest_of_the_data_is_kept() -> None:
    """Lineage names the data, not the layout."""
    mapped = result_of(GOOD, layout()).mapped[0]
    assert {cell.file for cells in mapped.lineage.cells().values() for cell in cells} == {"d.idoc"}


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        ("a: {file: x, format: csv, encoding: utf-8, delimiter: tab, layout: l.txt}", "says nothing about csv"),
        ('a: {file: x, format: idoc, record: IDOC/A, groups: "A(B)"}', "says nothing about idoc"),
        ("a: {file: x, format: idoc, record: IDOC/A, layout: ../l.txt}", "leads to no other folder"),
        ("a: {file: x, format: idoc, record: IDOC/A, layout: l.txt, encoding: utf-9}", "`encoding` is one of"),
    ],
)
def test_plans_that_are_none(sources: str, said: str) -> None:
    """What a format does not know is told, not passed over."""
    with pytest.raises(BadPlan, match=said):
        plan_of(sources, "lot: A")
