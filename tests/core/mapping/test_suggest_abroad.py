"""`map suggest` on exports of other countries and systems: their letters, numbers, dates, encodings, and JSON."""

from __future__ import annotations

import json

import pytest

from connector.errors import BadInput
from connector.mapping.proposal import Proposal, propose
from connector.mapping.sniffing import pattern_of, sniff
from connector.vocabulary.bundle import load_bundle, load_headings
from tests.core.mapping.trial import file

BUNDLE, HEADINGS = load_bundle(), load_headings()


def proposed(data: bytes, target: str = "MaterialLot", record: str = "") -> Proposal:
    """What is proposed for these bytes."""
    return propose(
        file("export", data), target, terms=BUNDLE.terms, shapes=BUNDLE.shapes, headings=HEADINGS, record=record
    )


def of_rows(*lines: str, encoding: str = "utf-8", target: str = "MaterialLot") -> Proposal:
    """The same for lines of text."""
    return proposed("\n".join(lines).encode(encoding), target)


@pytest.mark.parametrize(
    "heading", ["N° de lot", "n° lot", "№ lot", "Chargen-Nr.", "Chargennummer", "Chargennr", "Los-Nummer", "Lot No."]
)
def test_the_number_of_a_lot_is_the_key(heading: str) -> None:
    """However its heading says that it is a number."""
    found = of_rows(f"{heading};Poids net (kg)", "A-1;5,5", "A-2;6,5").found
    assert (found.identifiers, found.key_reason.startswith("NOT SURE")) == ([("lotNumber", heading)], False)


@pytest.mark.parametrize("heading", ["양극재 LOT", "原料 LOT", "Сырьё LOT", "kód LOT surovín"])
def test_the_lot_of_something_else_is_not_surely_the_key(heading: str) -> None:
    """Letters that no language here has were dropped, so that the cathode's lot became the key of the cells."""
    found = of_rows(f"배치번호;{heading}", "A-1;KW-1", "A-2;KW-1", target="CellBatch").found
    assert found.key_reason.startswith("NOT SURE")


def test_a_list_that_a_korean_excel_saves() -> None:
    """Its ANSI is cp949, its numbers have commas, its dates words between the numbers."""
    found = of_rows(
        "배치번호,생산일자,Net weight (kg)", 'CB-1,2026년 3월 10일,"1,240"', 'CB-2,2026년 3월 2일,"22,400"',
        encoding="cp949",
    )  # fmt: skip
    assert {key: found.sniffed.settings[key] for key in ("encoding", "locale")} == {"encoding": "cp949", "locale": "en"}
    assert "#   생산일자: nothing; such as 2026년 3월 10일 (`date: %Y년 %m월 %d일`)" in found.plan.splitlines()
    assert found.doubts[0] == "encoding cp949: is `배치번호` spelled right? If not, export it as `CSV UTF-8`"
    assert "Net weight (kg), unit: KGM" in found.plan


@pytest.mark.parametrize(
    ("cell", "written"),
    [("2026년 3월 1일", "%Y년 %m월 %d일"), ("2026年3月1日", "%Y年%m月%d日"), ("2026. 3. 1.", "%Y. %m. %d.")],
)
def test_dates_of_east_asia(cell: str, written: str) -> None:
    """Two digits or one, with the words for year, month and day."""
    assert f'{{from: Production date, date: "{written}"}}' in of_rows("Lot;Production date", f"A-1;{cell}").plan


@pytest.mark.parametrize("encoding", ["cp1252", "cp850"])
def test_what_western_europe_writes_stays(encoding: str) -> None:
    """No letters of it are taken for Korean ones."""
    lines = ("Charge;Ort;Menge (kg)", "Ä-1;Größe Älä °C §;5,5", "Ö-2;déjà Übung;6,5")
    assert of_rows(*(line.replace("§", "") for line in lines), encoding=encoding).sniffed.settings["encoding"] == (
        encoding
    )


def test_a_column_of_units_that_nothing_uses_is_told() -> None:
    """The heading says kg, the column beside it may say otherwise."""
    found = of_rows("Charge;Nettogewicht (kg);ME", "A-1;5,5;TO", "A-2;6,5;TO").found
    assert "ME" in found.near


def test_a_heading_with_a_stroke_is_no_field_of_a_tree() -> None:
    """`Plant/Name` went unseen beside `Name`: in an IDoc alone the two are one field."""
    rows = of_rows("Lot;Name;Plant/Name", "A-1;x;y").found
    tree = proposed(json.dumps([{"Lot": "A-1", "Name": "x", "Plant": {"Name": "y"}}]).encode()).found
    for found in (rows, tree):
        seen = {name for entry in found.entries for name, _ in entry.columns} | set(found.near)
        assert "Plant/Name" in seen


def _sniffed(tree: object, record: str = "", encoding: str = "utf-8") -> tuple[dict[str, object], str]:
    found = sniff(file("export.json", json.dumps(tree).encode(encoding)), record=record)
    return {key: value for key, value in found.settings.items() if key != "file"}, "; ".join(found.reasons)


def test_where_the_records_of_json_are() -> None:
    """The longest list of objects, however deep; others, and lists within records, are named."""
    rows = [{"S": "1"}, {"S": "2", "Parts": {"results": [{"P": "1"}]}}]
    at, said = _sniffed({"header": [{"id": 1}], "response": {"info": {"page": 1}, "items": rows}})
    assert at == {"format": "json", "record": "response/items"}
    assert "there are others: --record header; " in said
    assert said.endswith("each one holds lists of its own: --record response/items/Parts")
    rows = [{"S": "1", "notes": [{"N": "1"}]}] * 2
    at, said = _sniffed({"notes": [{"N": "2"}], "rows": rows} | {f"k{number}": [{}] for number in range(9)})
    assert (at["record"], said.count("--record k"), " ..." in said) == ("rows", 7, True), "not a list for each key"
    assert said.endswith("each one holds lists of its own: --record rows/notes")
    assert _sniffed({"rows": [], "more": {"deep": rows}}, record="rows")[0] == {"format": "json", "record": "rows"}
    with pytest.raises(BadInput, match="no list of objects") as error:
        _sniffed({"d": {"S": "1"}})
    assert "--record" in error.value.hint


@pytest.mark.parametrize("prefix", ["@odata.", "@"])
def test_odata_with_and_without_its_prefix(prefix: str) -> None:
    """OData JSON Format 4.01 lets services leave it out. What is said about the data is no column."""
    row = {"Lot": "A-1", f"{prefix}etag": "W/1", f"Lot{prefix}type": "#String", "Doc": {"__deferred": {"uri": "u"}}}
    page = {f"{prefix}context": "$metadata#Lots", "value": [row | {"__metadata": {"uri": "u"}}]}
    assert _sniffed(page)[0] == {"format": "odata"}
    assert _sniffed(page, encoding="utf-16")[0] == {"format": "odata", "encoding": "utf-16"}
    assert not proposed(json.dumps(page).encode()).found.near


def test_an_at_sign_elsewhere_is_no_word_of_odata() -> None:
    """XML that was made JSON has its attributes so, JSON-LD its ids: columns went unseen, the key among them."""
    xml = [{"@number": "A-1", "mass": {"@unit": "kg"}, "x@odata.type": "#Decimal"}]
    found = proposed(json.dumps({"lots": xml}).encode()).found
    assert {found.key, *found.near} >= {"@number", "mass/@unit"}
    assert "x@odata.type" not in found.near
    linked = {"@context": "https://example.com/context.jsonld", "@graph": [{"@id": "urn:x:1", "name": "x"}]}
    assert _sniffed(linked)[0] == {"format": "json", "record": "@graph"}


@pytest.mark.parametrize(
    "name", ["lots_2026-03-01", "lots_202603", "lots_2026.03", "lots_2026.03.01", "lots_20260301_01"]
)
def test_a_plan_is_for_the_exports_of_other_days_too(name: str) -> None:
    """However the day is written in the file's name."""
    assert pattern_of(f"{name}.xlsx") == "lots_*.xlsx"


def test_an_idoc_in_sixteen_bits_is_known() -> None:
    """It was taken for text in lines that nothing splits."""
    xml = "<DELVRY07><IDOC><E1EDL20><VBELN>1</VBELN><E1EDL24><POSNR>1</POSNR></E1EDL24></E1EDL20></IDOC></DELVRY07>"
    assert sniff(file("d.xml", xml.encode("utf-16"))).settings["format"] == "idoc"


def test_a_row_whose_words_stand_there_again_is_no_header() -> None:
    """A column without a name made the first row of a list of words the second row of its header."""
    found = of_rows("Lot;Material;;Status", "A-1;Masse noire;x;ok", "A-2;Masse noire;y;ok")
    assert (found.found.key, found.sniffed.settings.get("header")) == ("Lot", None)
    pages = of_rows("List 1", "Lot;Site;Status", "A-1;W1;ok", "List 2", "Lot;Site;Status", "A-2;W1;ok")
    assert (pages.found.key, pages.sniffed.settings["skip_until"]) == ("Lot", "Lot")


def test_names_that_no_plan_can_say() -> None:
    """A template's braces; it ended as a bug of ours."""
    with pytest.raises(BadInput, match="no column with a name") as error:
        of_rows("a{b};c{d}", "1;2")
    assert "braces" in error.value.hint


def test_the_word_value_says_nothing() -> None:
    """Of a heading in two rows, whose second one tells value and unit apart."""
    found = of_rows("N° de lot;Masse nette;", ";Valeur;Unité", "A-1;1\u00a0251,5;kg", "A-2;251,5;kg").found
    (mass,) = (entry for entry in found.entries if entry.path == ("netMass",))
    assert mass.runs
