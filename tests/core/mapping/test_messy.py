"""Exports as systems write them: what was lost, moved or a thousand times too much without a word."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from connector.errors import BadInput
from connector.mapping.plan import Plan
from connector.mapping.proposal import Proposal, propose
from connector.mapping.workbook import is_workbook, opened
from connector.vocabulary.bundle import load_bundle, load_headings
from tests.core.mapping.trial import CSV, file, plan_of, result_of, seen, workbook


def proposed(data: bytes) -> Proposal:
    """The plan that `map suggest` would write for lots."""
    bundle, export = load_bundle(), file("lots", data)
    export = opened(export, "1") if is_workbook(data) else export
    return propose(export, "MaterialLot", terms=bundle.terms, shapes=bundle.shapes, headings=load_headings())


def _plan(more: str) -> Plan:
    return plan_of(f"lots: {CSV}, {more}}}", "materialType: A")


def test_a_total_is_a_word_and_no_beginning_of_one() -> None:
    """Sumitomo and TotalEnergies are suppliers."""
    rows = b"LOT;A\nSumitomo 1;x\nSum;x\nTotal: 2;x\nTotalEnergies;x\n* all;x\n*x;x\nEnde der Liste;x\nL9;x\n"
    result = result_of(_plan('skip: [Sum, Total, "*"], stop: [Ende]'), lots=rows)
    assert [mapped.key for mapped in result.mapped] == ["Sumitomo 1", "TotalEnergies"]
    assert len(result_of(_plan("stop: [End]"), lots=rows).mapped) == 8
    plan = proposed(b"Lieferant;Charge;Nettogewicht kg\nSumitomo;L1;5\nTotalEnergies;L2;6\nSumme;;11\n").plan
    assert "skip: [Summe]" in plan


LIST = """\
-----------------------------
|CHARG|MAKTX|LGORT|MENGE|
|---------------------------|
|L1   |ore  |0001 | 1,5 |
|L2|A |ore  |0001 | 2,5 |
-----------------------------
"""


def test_a_mark_within_a_value_moves_no_cells_of_a_list_with_closing_marks() -> None:
    """The last cell has a heading no more, and was dropped as an empty one is: the lot was `L2`, its material `A`."""
    source = CSV.replace('";"', '"|"').replace("LOT", "CHARG") + ", skip_until: CHARG}"
    result = result_of(plan_of(f"lots: {source}", "materialType: MAKTX", header="key: CHARG"), lots=LIST.encode())
    assert [mapped.key for mapped in result.mapped] == ["L1"]
    assert [seen(one) for one in result.findings] == [(2, 5, "", "", "row-width")]
    trailing = b"CHARG;MAKTX;\nL1;ore;;\nL2;ore\nL3;ore;;;\n"
    source = CSV.replace("LOT", "CHARG") + "}"
    result = result_of(plan_of(f"lots: {source}", "materialType: MAKTX", header="key: CHARG"), lots=trailing)
    assert ([mapped.key for mapped in result.mapped], [one.place.line for one in result.findings]) == (
        ["L1", "L3"],
        [3],
    )


@pytest.mark.parametrize(
    ("heading", "cells", "codes"),
    [
        ("Unit of Measure", ["kg", "t", "g"], "{kg: KGM, t: TNE, g: GRM}"),
        ("UoM", ["MT", "Kg", "lbs"], "{MT: TNE, Kg: KGM, lbs: LBR}"),
        ("ME", ["kg", "to"], "{kg: KGM, to: TNE}"),
    ],
)
def test_units_in_a_column_of_their_own_are_never_passed_over(heading: str, cells: list[str], codes: str) -> None:
    """Mixed units under one heading: `1.2` t would have been offered as kilograms."""
    rows = "".join(f"L{number},{number}.5,{cell}\n" for number, cell in enumerate(cells, start=1))
    plan = proposed(f"Lot No,Net weight,{heading}\n{rows}".encode()).plan
    assert f"units: {{values: {codes}}}" in plan
    assert f"\n  netMass: {{from: Net weight, unit: {{from: {heading}, codes: units}}, to: KGM}}" in plan


def test_a_unit_that_nobody_here_knows_has_to_be_written() -> None:
    """`DMT` says of which mass it speaks as well."""
    plan = proposed(b"Lot No,Net weight,Unit\nL1,1.5,DMT\nL2,2.5,kg\n").plan
    assert "units: {values: {DMT: WORD, kg: KGM}}" in plan
    (line,) = [line for line in plan.splitlines() if "netMass: {" in line]
    assert line.startswith("#   netMass: {from: Net weight, unit: {from: Unit, codes: units}, to: KGM}")
    assert "WRITE the code list `units`" in line


def test_a_word_of_a_heading_is_no_unit_because_a_cell_could_be() -> None:
    """`Ship to` speaks of no tonnes."""
    assert "TNE" not in proposed(b"Lot No,Ship to,Net weight kg\nL1,100,1.5\n").plan


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("2026-02-13 14:30:00", '"%Y-%m-%d %H:%M:%S"'),
        ("2026-02-13T14:30:00.123Z", '"%Y-%m-%dT%H:%M:%S.%f%z"'),
        ("13.02.2026 14:30", '"%d.%m.%Y %H:%M"'),
        (datetime(2026, 2, 13, 14, 30), "iso"),
    ],
)
def test_a_day_with_a_time_is_proposed_where_a_day_is_meant(cell: object, written: str) -> None:
    """For a person to look at, because the day at the site may be another one; the proposal then runs."""
    rows: list[list[object]] = [["Lot No", "Production date"], ["L1", cell]]
    data = workbook(rows) if isinstance(cell, datetime) else f"Lot No;Production date\nL1;{cell}\n".encode()
    (line,) = [line for line in proposed(data).plan.splitlines() if "productionDate: {" in line]
    assert line.startswith(f"#   productionDate: {{from: Production date, date: {written}}}")
    assert "LOOK: the cells have a time of day" in line
    source = '{file: "*", format: xlsx, locale: en, key: Lot No'
    source = source if is_workbook(data) else CSV.replace("LOT", "Lot No")
    plan = plan_of(f"lots: {source}}}", f"productionDate: {{from: Production date, date: {written}}}", "key: Lot No")
    assert [mapped.subject["productionDate"] for mapped in result_of(plan, lots=data).mapped] == ["2026-02-13"]


def test_a_number_of_a_day_says_what_it_is() -> None:
    """A date cell that lost its format."""
    plan = plan_of(
        'lots: {file: "*", format: xlsx, locale: de, key: LOT}', 'productionDate: {from: D, date: "%d.%m.%Y"}'
    )
    result = result_of(plan, lots=workbook([["LOT", "D"], ["L1", 46055], ["L2", date(2026, 2, 3)], ["L3", 4605]]))
    assert [(one.code, one.hint[:24]) for one in result.findings] == [
        ("bad-date", "a spreadsheet's number o"), ("bad-date", "the plan says `%d.%m.%Y`")
    ]  # fmt: skip
    assert [mapped.key for mapped in result.mapped] == ["L2"]


def test_numbers_of_a_workbook_are_numbers_whatever_the_locale_of_its_texts() -> None:
    """A stored 1500.25 beside `1.250,5` kept a column from being a mass."""
    data = workbook([["Charge", "Nettogewicht", "Einheit"], ["L1", "1.250,5\u00a0", "KG"], ["L2", 1500.25, "KG"]])
    assert "netMass: {from: Nettogewicht, unit: {from: Einheit, codes: sap-units}, to: KGM}" in proposed(data).plan


def test_a_second_table_on_a_sheet_ends_the_first() -> None:
    """Its rows would be lots; a footer after an empty row is told the same way, totals are not."""
    head: list[list[object]] = [
        ["Charge", "Nettogewicht kg", "Werk", "Bemerkung", "Lager"],
        ["L1", 5.5, "0110", "x", "1"],
        [],
    ]
    more: list[list[object]] = [["Summe", "alle"], [], ["Lieferanten"], ["Nummer", "Name"], ["100", "X GmbH"]]
    found = proposed(workbook([*head, *more]))
    assert "stop: [Lieferanten]" in found.plan
    assert "skip: [Summe]" in found.plan
    assert any("is `Lieferanten` the end of the table?" in doubt for doubt in found.doubts)
    assert "stop:" not in proposed(workbook([*head, ["L2", 6.5, "0110"], [], ["L3", 1.5]])).plan


LINES = b'{"LOT": "0001", "KG": 1250.5, "x": {"y": 1}}\n\n{"LOT": "0002", "KG": 980}\r\n{"LOT": "3", "KG": "x"}\n'


def test_json_lines_are_read_and_proposed() -> None:
    """As data platforms export, and `map run --out` writes."""
    plan = plan_of('lots: {file: "*", format: json, record: ".", key: LOT}', "netMass: {from: KG, unit: KGM}")
    result = result_of(plan, lots=LINES)
    assert [(mapped.key, mapped.place.line) for mapped in result.mapped] == [("0001", 1), ("0002", 3)]
    assert [seen(one) for one in result.findings] == [(3, 4, "KG", "x", "bad-number")]
    assert 'format: json, record: ".", key: LOT' in proposed(LINES.replace(b'"x"}', b"1}")).plan
    for cut, code in (
        (LINES[:-9], "truncated-file"),
        (LINES + b"[]", "bad-structure"),
        (LINES + b'{"A":1,"A":2}', "bad-structure"),
    ):
        (finding,) = result_of(plan, lots=cut).findings[-1:]
        assert finding.code == code
    with pytest.raises(BadInput, match="begins like JSON and is none"):
        proposed(LINES + b"[]")


def test_xml_that_is_no_idoc_says_what_to_do() -> None:
    """It was told to begin with IDOC."""
    with pytest.raises(BadInput, match="no element IDOC") as refused:
        proposed(b"<Lots><Lot><No>1</No></Lot></Lots>")
    assert refused.value.hint.endswith("export others as CSV, XLSX or JSON")


JOINED = """
lots: {file: "*.csv", format: csv, encoding: utf-8, delimiter: ";", locale: de, key: LOT}
assays: {file: "*.csv", format: csv, encoding: utf-8, delimiter: ";", locale: de, key: SAMPLE}
"""


@pytest.mark.parametrize(
    ("assays", "told"),
    [
        (b"SAMPLE;KIND\n4711;ore\n0002;ore\n", "`0000004711` is no key of `assays`, there they are such as `4711`"),
        (
            b"SAMPLE;KIND\nS-1;ore\n",
            "`0000004711` is no key of `assays`, there they are such as `S-1`; no key was found",
        ),
        (b"SAMPLE;KIND\n", "`0000004711` is no key of `assays`, it has none; no key was found"),
        (b"SAMPLE;KIND\n0002;ore\n", None),
    ],
)
@pytest.mark.parametrize(
    ("header", "kind"),
    [("key: LOT\nlookup: {assays: {on: LOT}}", "assays.KIND"), ("key: LOT", "{each: assays, on: LOT, value: KIND}")],
)
def test_a_join_that_meets_nothing_is_told(header: str, kind: str, assays: bytes, told: str | None) -> None:
    """A spreadsheet took the zeros of one export's numbers: all that is joined was empty, without a word."""
    result = result_of(plan_of(JOINED, f"materialType: {kind}", header), lots=b"LOT\n0000004711\n0002\n", assays=assays)
    assert not result.findings
    assert [one.message for one in result.doubts if one.code == "join-missed"] == ([told] if told else [])
