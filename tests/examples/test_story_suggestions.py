"""`map suggest` on every export of the story: what it finds of the plans by hand, and that what it writes is a plan."""

from __future__ import annotations

import re

import pytest

from connector.errors import BadInput, BadPlan
from connector.mapping.engine import compile_plan, run
from connector.mapping.naming import misnamed
from connector.mapping.plan import parse
from connector.mapping.proposal import parties_in, propose
from connector.mapping.source import DateCell, SourceFile
from connector.vocabulary.bundle import load_bundle, load_headings
from tests.core.mapping.trial import file, mint
from tests.examples.suggested import driving, figures

BUNDLE = load_bundle()


def uncommented(plan: str) -> str:
    """The plan with every proposal taken in."""
    _, _, rest = plan.partition("\nmapping:")
    return "mapping:" + re.sub(r"(?m)^# ", "", rest).replace("document: {}", "document:")


def test_most_of_the_plans_by_hand_is_found_and_little_else(capsys: pytest.CaptureFixture[str]) -> None:
    """Nine of ten columns at the first rank, three of four sure enough to run; fewer than one in fifty runs wrong."""
    found = figures(driving())
    with capsys.disabled():
        print(f"\nmap suggest, against the plans by hand: {found}")
    assert found["found running"] + found["found commented"] > 0.9 * found["pairs"]
    assert found["found running"] > 0.74 * found["pairs"]
    assert found["wrong running"] < 0.02 * found["pairs"]
    assert found["wrong commented"] < 0.03 * found["pairs"]


def test_what_is_proposed_is_a_plan_and_runs() -> None:
    """`map check` knows every name and says what is missing; a run has no finding about a cell."""
    for one in driving():
        plan = parse(one.proposal.plan.encode())
        codes = {finding.code for finding in misnamed(plan, BUNDLE.terms, BUNDLE.shapes)}
        assert codes <= {"missing-term"}, one.plan.mapping
        (name,) = plan.sources
        files = {name: [one.file]} | {listed: [one.parties] for listed in plan.codes if listed == "parties"}
        result = run(compile_plan(plan), files, mint=mint)
        assert result.findings == (), one.plan.mapping
        assert result.rows > 0


def test_a_proposal_that_is_commented_out_fits_where_it_stands() -> None:
    """Taking the marks away gives a plan again; code lists that a person has to write say so."""
    for one in driving():
        if one.proposal.found.entries:
            assert compile_plan(parse(uncommented(one.proposal.plan).encode())).sources


def test_missing_terms_are_told_by_the_proposal_and_by_map_check() -> None:
    """No required term goes unsaid: what the proposal lists is what `misnamed` finds at the top of the document."""
    for one in driving():
        plan = parse(one.proposal.plan.encode())
        top = {each.term for each in misnamed(plan, BUNDLE.terms, BUNDLE.shapes) if each.place.column.count(".") == 1}
        listed = {slot.path[0] for slot in one.proposal.found.missing}
        listed |= set() if plan.identifiers else {"identifier"}
        assert top <= listed, one.plan.mapping


def proposal(data: bytes, target: str) -> str:
    """The plan's text for bytes of one's own."""
    export = file("export.csv", data)
    return propose(export, target, terms=BUNDLE.terms, shapes=BUNDLE.shapes, headings=load_headings()).plan


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"Losnummer;Herstellungsdatum;Nettomasse kg\nA1;01.12.2026;1.200,5\nA2;02.12.2026;7,0\n",
         ["key: Losnummer", 'encoding: utf-8, delimiter: ";", locale: de',
          '  productionDate: {from: Herstellungsdatum, date: "%d.%m.%Y"}', "  netMass: {from: Nettomasse kg, unit"]),
        ("Numéro de lot\tDate de production\tMasse nette (t)\nÀ1\t2026-12-01\t1,25\n".encode("utf-16"),
         ["encoding: utf-16, delimiter: tab", "  productionDate: {from: Date de production, date: iso}",
          "  netMass: {from: Masse nette (t), unit: TNE, to: KGM}"]),
        ("eränumero,valmistuspäivä,nettomassa\nA1,2026-12-01,12.5\n".encode("cp1252"),
         ["encoding: cp1252", "DOUBT  encoding cp1252: is `eränumero` spelled right?",
          "#   netMass: {from: nettomassa, unit: KGM}", "NO UNIT is said", "#   netMass: Mass without packing."]),
        (b"Lot;Produced;Material\nA1;03/04/2026;MHP\n",
         ['#   productionDate: {from: Produced, date: "%d/%m/%Y"}', "could be %m/%d/%Y as well",
          "#   materialType: {values: {MHP: WORD}}"]),
        (b"|Charge|Herst.Datum|Menge|BME|Ni %|H2O %|\n|-|\n|1|12.03.2026|5.400,0|KG|12,4|8|\n|2|31.03.2026|2,1|TO|9|8|",
         ["  netMass: {from: Menge, unit: {from: BME, codes: sap-units}, to: KGM}", "  productionDate: {from: Herst",
          "fraction: {from: Ni %, unit: P1}, moisture: {from: H2O %, unit: P1}}, to: KGM, round: 3}}"]),
        (b"Lot;Produced\nA1;03/04/2026\nA2;03/05/2026\nA3;03/11/2026\n",
         ['#   productionDate: {from: Produced, date: "%m/%d/%Y"}', "could be %d/%m/%Y as well"]),
        (b"Charge;Menge;Eh\n1;25.400,0;KG\n2;26,1-;TO\n",
         ['  netMass: {from: Menge, unit: {from: Eh, codes: sap-units}, to: KGM, min: "0"}']),
    ],
    ids=["de", "fr-tonnes-utf16", "fi-no-unit", "day-or-month", "sap-list", "closer-together", "unit-behind"],
)  # fmt: skip
def test_headings_in_other_languages_units_and_doubts(data: bytes, expected: list[str]) -> None:
    """Three languages; a unit that has to be converted, one that nobody says, a date of two readings."""
    plan = proposal(data, "MaterialLot")
    assert [text for text in expected if text not in plan] == []


NO_EXPORTS = {
    "empty": (b"", "no content"),
    "one column": (b"Lot\nA\n", "separator"),
    "no header": (b"1;2;3\n4;5;6\n", "header"),
    "half a quote": (b'Lot;Mass\nA;1\n"B;2\n', "cannot be split"),
    "json without a list": (b'{"a": 1}', "no list"),
    "json lines of lists": (b'{"Lot": "A"}\n["B"]\n', "is none"),
    "numbers in a list": (b"[1, 2]", "no list of objects"),
    "deep json": (b"[" * 9000 + b"]" * 9000, "is none"),
    "a page is missing": (b'{"@odata.context":"x","value":[{"Lot":"A"}],"@odata.nextLink":"y"}', "next one"),
    "html": (b"<!DOCTYPE html><html></html>", "DOCTYPE"),
    "no idoc": (b"<a><b>1</b></a>", "no element IDOC"),
    "empty idoc": (b"<IDOC></IDOC>", "no segment"),
    "an order": (b"UNB+UNOC:3+A+B+261130:0700+R'UNH+1+ORDERS:D:96A:UN'BGM+220+1'UNT+3+1'UNZ+1+R'", "groups of ORDERS"),
    "a cut despatch advice": (b"UNB+UNOC:3+A+B+261130:0700+R'UNH+1+DESADV:D:96A:UN'BGM+351", "does not end"),
    "a flat idoc": (b"EDI_DC40  100" + b" " * 26 + b"DELVRY07", "flat IDoc of type DELVRY07"),
    "pdf": (b"%PDF-1.4", "a PDF"),
    "bytes": (bytes(range(256)), "NUL"),
}


@pytest.mark.parametrize(("data", "message"), NO_EXPORTS.values(), ids=NO_EXPORTS)
def test_what_is_no_export_is_refused_with_a_reason(data: bytes, message: str) -> None:
    """Bad input, never a fault of ours."""
    with pytest.raises(BadInput, match=message):
        proposal(data, "MaterialLot")


ALV = b"""\
01.12.2026  List  1

-----------------------------------
|Charge|HSDAT     |Menge    |ME|
-----------------------------------
|L1    |01.12.2026|1.200,50 |KG|
|L2    |02.12.2026|  50,00- |KG|
-----------------------------------
|*     |          |1.150,50 |KG|
"""


@pytest.mark.parametrize("heading", ["UNAME", "UNA", "UNB", "UNB_NR", "UNBEWERTET", "ISA", "ISA_ID"])
def test_a_heading_may_begin_as_an_interchange_does(heading: str) -> None:
    """SAP's UNAME is a user's name."""
    text = proposal(f"{heading};CHARG;MENGE;MEINS\nMUELLER;L1;12,5;KG\nMEIER;L2;13,5;KG\n".encode(), "MaterialLot")
    assert "format: csv" in text
    assert "key: CHARG" in text


@pytest.mark.parametrize("begin", ["UNA:+.? '", "UNA:+.? '\r\n", "\ufeff\r\nUNA:+.? '\n", ""])
def test_an_interchange_is_known_by_its_header(begin: str) -> None:
    """With or without a service string advice, and with a line's end behind it."""
    with pytest.raises(BadInput, match="groups of ORDERS"):
        proposal(begin.encode() + NO_EXPORTS["an order"][0], "MaterialLot")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (ALV, ['delimiter: "|", skip_until: Charge, skip: ["*"], trailing_minus: true, locale: de', "{from: Menge"]),
        (b'\xef\xbb\xbf"LOTID","NETWEIGHT","UNIT"\r\n"L1","1,412.5","KG"\r\n',
         ['encoding: utf-8-sig, delimiter: ",", locale: en, key: LOTID', "netMass: {from: NETWEIGHT"]),
        (b'{"d":{"results":[{"Charg":"A","Hsdat":"/Date(1801440000000)/","Menge":"1.0","Meins":"KG"}]}}',
         ["record: d/results, key: Charg", "{from: Hsdat, date: odata}", "{from: Meins, codes: sap-units}"]),
    ],
    ids=["list with rulers", "capitals run together", "odata 2"],
)  # fmt: skip
def test_exports_as_systems_write_them(data: bytes, expected: list[str]) -> None:
    """Beyond the story: what is found runs, and no cell is a finding but a reversal, which is no lot."""
    text = proposal(data, "MaterialLot")
    assert [one for one in expected if one not in text] == []
    plan = parse(text.encode())
    result = run(compile_plan(plan), {name: [file("export.csv", data)] for name in plan.sources}, mint=mint)
    assert [(one.code, one.place.value) for one in result.findings] == [("out-of-range", "50,00-")] * (data == ALV)
    assert result.documents == 1


def test_the_same_export_gives_the_same_plan_and_no_cell_can_add_to_it() -> None:
    """Deterministic; and a heading with quotes, braces and a colon stays one heading."""
    data = 'Lot;"Mass: kg, #1";"{x}";Material\nA1;1,5;2;"ORE\nkey: x"\nA2;2,5;3;"\u2028key: y"\n'.encode()
    first = proposal(data, "MaterialLot")
    assert first == proposal(data, "MaterialLot")
    assert [line for line in first.splitlines() if line.startswith("key:")] == ["key: Lot    # the heading says `lot`"]
    assert "{x}" not in first.partition("mapping:")[2]
    try:
        compile_plan(parse(uncommented(first).encode()))
    except BadPlan as bad:
        raise AssertionError(first) from bad


def test_shares_of_metals_are_proposed_as_masses_for_a_person_to_look_at() -> None:
    """Most lists of lots say percents; whether of the dry or the wet mass, no heading says."""
    data = b"Charge;Menge;ME;Nickelgehalt %;Co %\n4711;1.234,5;KG;12,4;0,3\n4712;980,0;KG;12,1;0,4\n"
    plan = proposal(data, "MaterialLot")
    of_it = "of: {from: Menge, unit: {from: ME, codes: sap-units}, to: KGM}"
    for metal, column in (("Ni", "Nickelgehalt %"), ("Co", "Co %")):
        mass = f"{{contained: {{{of_it}, fraction: {{from: {column}, unit: P1}}}}, to: KGM, round: 3}}"
        assert f"#     - {{type: ContainedMetal, metal: ={metal}, mass: {mass}}}" in plan
    assert compile_plan(parse(uncommented(plan).encode())).sources


def test_a_share_is_known_however_its_heading_says_so() -> None:
    """Percents never become kilograms; a share of what is recycled is none of what the lot holds."""
    heads = ["Ni-Gehalt (%)", "Co content [%]", "Li %", "% Cu", "Mn (Gew.-%)", "Al wt%", "Anteil Fe", "Rezyklat Ni %"]
    rows = f"Charge;Netto kg;{';'.join(heads)}\nL1;1250;22,3;1,1;0,5;0,2;1,4;0,1;3,1;40\n"
    rows += "L2;1100;22;1;0,4;0,3;1,2;0,3;3,2;41\n"
    plan = proposal(rows.encode(), "MaterialLot")
    told = [line for line in plan.splitlines() if "metal: =" in line]
    assert [line.partition("metal: =")[2][:2] for line in told] == ["Ni", "Co", "Li", "Cu", "Mn", "Al", "Fe"]
    assert all("70 %: the heading says a share of" in line and "unit: P1}" in line for line in told)
    assert [line for line in told if "NO UNIT is said: % is assumed" in line] == told[-1:]
    measured = proposal(rows.encode(), "AssayCertificate")
    assert '    - {from: "% Cu", unit: P1, analyte: =Cu}' in measured
    assert "#     - {from: Anteil Fe, unit: P1, analyte: =Fe}    # 70 %" in measured
    alone = proposal(rows.replace("Netto kg", "Foo").encode(), "MaterialLot")
    assert "of: {from: NET MASS, unit: KGM}" in alone
    assert "NO NET MASS was found" in alone


def test_masses_of_some_metals_hide_no_share_of_others() -> None:
    """Each metal by what there is of it."""
    plan = proposal(b"Charge;Netto kg;Ni kg;Co %;Ni %\nL1;1250;220,5;1,1;17\nL2;1100;200,5;1,2;18\n", "MaterialLot")
    told = [line.strip("# -") for line in plan.splitlines() if "metal: =" in line]
    assert [line[: line.index("}")] for line in told] == [
        "{type: ContainedMetal, metal: =Ni, mass: {from: Ni kg, unit: KGM",
        "{type: ContainedMetal, metal: =Co, mass: {contained: {of: {from: Netto kg, unit: KGM",
    ]


def test_a_share_with_a_cell_that_is_no_number_is_proposed_with_it() -> None:
    """An error among percents hides no metal; a person sees which cell it is."""
    rows = b"Charge;Netto kg;Co %\nL1;1250;1,1\nL2;1100;#NV\nL3;1100;1,3\n"
    (told,) = [line for line in proposal(rows, "MaterialLot").splitlines() if "metal: =Co" in line]
    assert "a share of Co; but `#NV` is no number;" in told
    measured = proposal(rows, "AssayCertificate")
    assert "#     - {from: Co %, unit: P1, analyte: =Co}    # 70 %: the heading is `Co`" in measured


def test_days_of_a_workbook_of_which_some_are_text() -> None:
    """What it knows to be a day fits any form, so the texts alone say which."""
    grid = (("Losnr.", "Prod.-Datum"), ("L1", DateCell("2026-11-03")), ("L2", "24.11.26"), ("L3", "13.11.26"))
    book = SourceFile(name="lots.xlsx", digest="", grid=grid, sheet="1")
    found = propose(book, "MaterialLot", terms=BUNDLE.terms, shapes=BUNDLE.shapes, headings=load_headings())
    assert '  productionDate: {from: Prod.-Datum, date: "%d.%m.%y"}' in found.plan
    assert "key: Losnr." in found.plan
    (mapped, *_) = run(parse(found.plan.encode()), {"lots_rows": [book]}, mint=mint).mapped
    assert mapped.subject["productionDate"] == "2026-11-03"


def test_a_date_of_two_readings_does_not_run_beside_a_time_of_day_either() -> None:
    """The format of both is one, and its day could still be the month; a zone that is missing hides nothing."""
    rows = b"1;03/04/2026;02:15 PM;B1;5;KG\n2;03/05/2026;11:05 AM;B2;6;KG\n"
    plan = proposal(b"Delivery;Posting Date;Posting Time;Batch;Quantity;BUn\n" + rows, "MoveEvent")
    assert '#   eventTime: {from: "{Posting Date} {Posting Time}", datetime: "%d/%m/%Y %I:%M %p", zone: UTC}' in plan
    assert "NO TIME ZONE: give --zone; the dates could be %m/%d/%Y as well" in plan


def test_header_cells_that_are_merged_downwards_and_to_the_right() -> None:
    """As Excel saves them: a gap under the first, a gap beside the second."""
    header = b"Charge;Menge;;Gehalt;\n;netto kg;brutto kg;Ni %;Co %\n"
    data = header + b"4711;1.234,5;1.300,0;12,4;0,3\n4712;980,0;990,0;12,1;0,4\n"
    plan = proposal(data, "MaterialLot")
    assert 'header: "2"' in plan
    assert "key: Charge " in plan
    assert "netMass: {from: Menge netto kg, unit: KGM}" in plan
    gap_in_a_row = b"Charge;Werk;;Ort\nL1;;x;Bonn\n4712;;;\n"
    assert "header:" not in proposal(gap_in_a_row, "MaterialLot")


def test_a_target_and_a_zone_that_are_misspelt() -> None:
    """The nearest name; and a zone is looked at also where no column needs it."""
    with pytest.raises(BadInput) as raised:
        proposal(b"Lot;Mass\nA;1\n", "MaterialLott")
    assert raised.value.hint.startswith("did you mean MaterialLot? ")
    with pytest.raises(BadInput, match="no time zone"):
        propose(
            file("x.csv", b"Lot;Mass\nA;1\n"), "MaterialLot", terms=BUNDLE.terms, shapes=BUNDLE.shapes,
            headings=load_headings(), zone="Europe/Berln",
        )  # fmt: skip


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_a_list_of_parties_as_excel_saves_it(mark: str) -> None:
    """In most of Europe with semicolons."""
    text = f"\ufeffnumber{mark}name{mark}did\r\n0001{mark}M\u00fcller{mark}did:web:a.example\r\n"
    found = parties_in(SourceFile(name="parties.csv", digest="", data=text.encode()))
    assert (found.key, found.value, [*found.numbers]) == ("number", "did", ["0001"])
