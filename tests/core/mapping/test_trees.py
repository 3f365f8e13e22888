"""IDoc XML and JSON pages: parents' fields, qualifiers, lines; and damaged documents."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from connector.mapping.profile import profile
from connector.mapping.reading import open_table
from tests.core.mapping.trial import file, plan_of, result_of, seen

IDOC = plan_of(
    """
    items: {file: "*.xml", format: idoc, record: IDOC/E1EDL20/E1EDL24, qualifiers: {E1ADRM1: PARTNER_Q},
            key: E1EDL20/VBELN}
    """,
    """
    deliveryNote: VBELN
    toParty: {from: "E1ADRM1[WE]/PARTNER_ID", codes: parties}
    eventTime: {from: "E1EDT13/NTANF", datetime: "%Y%m%d%H%M%S", zone: Europe/Berlin}
    moved:
      each: items
      type: EventProduct
      link: {to: MineralLotPassport, scheme: lotNumber, value: CHARG, own: true}
      quantity: {from: LFIMG, unit: {from: VRKME, codes: iso-units}, to: KGM}
    """,
    header="""
    group: true
    key: E1EDL20/VBELN
    codes:
      parties: {values: {"100": "did:web:a.example"}}
    """,
)


def _idoc(*items: str) -> str:
    lines = "\n".join(f'<E1EDL24 SEGMENT="1">{item}</E1EDL24>' for item in items)
    return f"""<E1EDL20 SEGMENT="1"><VBELN>0080001234</VBELN>
<E1ADRM1 SEGMENT="1"><PARTNER_Q>AG</PARTNER_Q><PARTNER_ID>999</PARTNER_ID></E1ADRM1>
<E1ADRM1 SEGMENT="1"><PARTNER_Q>WE</PARTNER_Q><PARTNER_ID>100</PARTNER_ID></E1ADRM1>
{lines}
<E1EDT13 SEGMENT="1"><QUALF>006</QUALF><NTANF>20270201060000</NTANF></E1EDT13>
</E1EDL20>"""


def _delvry(*items: str) -> bytes:
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<DELVRY07>\n<IDOC BEGIN="1">'
    return f"{head}\n{_idoc(*items)}\n</IDOC>\n</DELVRY07>\n".encode()


GOOD = "<CHARG>L1</CHARG><LFIMG>1.500</LFIMG><VRKME>TNE</VRKME>"


def test_idoc_items_see_their_parents() -> None:
    """Items of one delivery are one document; qualified partners and later siblings are columns."""
    result = result_of(IDOC, items=_delvry(GOOD, GOOD.replace("L1", "L2")))
    assert not result.findings
    (mapped,) = result.mapped
    assert mapped.subject["toParty"] == "did:web:a.example"
    assert mapped.subject["eventTime"] == "2027-02-01T05:00:00Z"
    assert [(link.path, link.id_path, link.value, link.own) for link in mapped.links] == [
        ("/moved/0/link", "/moved/0/product", "L1", True),
        ("/moved/1/link", "/moved/1/product", "L2", True),
    ]
    quantity = {"type": "Quantity", "value": "1500", "unit": "KGM"}
    assert mapped.subject["moved"] == [{"type": "EventProduct", "link": {}, "product": "", "quantity": quantity}] * 2


def test_idoc_findings_have_lines() -> None:
    """A bad item is told at its segment's line, and keeps its whole delivery back."""
    result = result_of(IDOC, items=_delvry(GOOD, GOOD.replace("1.500", "1,500"), GOOD.replace("TNE", "TO")))
    assert [seen(finding) for finding in result.findings] == [
        (2, 8, "LFIMG", "1,500", "bad-number"),
        (3, 9, "VRKME", "TO", "unknown-code"),
    ]
    assert result.documents == 0


@pytest.mark.parametrize(
    ("data", "code", "line"),
    [
        (_delvry(GOOD)[:-30], "truncated-file", 9),
        (b"<!DOCTYPE x [<!ENTITY a 'b'>]>\n<IDOC/>", "xml-doctype-forbidden", 1),
        (b"<DELVRY07>\n<IDOC>\n</DELVRY07>", "bad-structure", 3),
        (b"<DELVRY07></DELVRY07>", "header-missing", 0),
        (b"<a>" * 40, "bad-structure", 1),
        (_delvry(GOOD).replace(b"UTF-8", b"EUC-KR"), "bad-encoding", 1),
        (_delvry(GOOD).replace(b"UTF-8", b"SAP-4110"), "bad-encoding", 1),
        (b"VBELN;CHARG\n", "bad-structure", 1),
        (b"", "empty-file", 0),
    ],
)
def test_damaged_idocs(data: bytes, code: str, line: int) -> None:
    """Cut, not well-formed, with a DOCTYPE, too deep: one finding, no document."""
    result = result_of(IDOC, items=data)
    assert [(finding.code, finding.place.line) for finding in result.findings] == [(code, line)]
    assert result.stopped


ODATA = plan_of(
    'batteries: {file: "*.json", format: odata, key: SerialNumber}',
    """
    ratedCapacity: {from: RatedCapacity, unit: AMH}
    manufacturingDate: {from: ManufacturingDate, datetime: iso}
    plant: Plant/Code
    """,
    header="key: SerialNumber",
)


def _page(*items: object, **more: object) -> bytes:
    return json.dumps({"@odata.context": "$metadata#Batteries", "value": items, **more}, indent=1).encode()


def _item(serial: str, **more: object) -> dict[str, object]:
    return {
        "SerialNumber": serial, "RatedCapacity": "114.490", "ManufacturingDate": "2027-02-10T06:00:00Z",
        "Plant": {"Code": 1000}, **more,
    }  # fmt: skip


def test_odata_pages_follow_each_other() -> None:
    """String decimals, numbers and nested objects over several pages."""
    first = _page(_item("B1"), **{"@odata.nextLink": "Batteries?$skiptoken=1"})
    result = result_of(ODATA, batteries=[first, _page(_item("B2", RatedCapacity=114.49))])
    assert not result.findings
    assert [mapped.key for mapped in result.mapped] == ["B1", "B2"]
    for mapped in result.mapped:
        assert mapped.subject["ratedCapacity"] == {"type": "Quantity", "value": "114.49", "unit": "AMH"}
        assert mapped.subject["plant"] == "1000"


def test_a_stored_number_is_plain_text_in_a_document() -> None:
    """What marks a cell as a number stays with the cell: the vocabulary's judge takes text alone."""
    (mapped,) = result_of(ODATA, batteries=_page(_item("B1"))).mapped
    assert type(mapped.subject["plant"]) is str


def test_odata_findings_have_lines() -> None:
    """A record's line is where its object begins."""
    result = result_of(ODATA, batteries=_page(_item("B1"), _item("B2", RatedCapacity="114,49"), _item("")))
    assert [seen(finding) for finding in result.findings] == [
        (2, 12, "RatedCapacity", "114,49", "bad-number"),
        (3, 20, "", "", "empty-key"),
    ]


@pytest.mark.parametrize(
    ("data", "code", "line"),
    [
        (_page(_item("B1"), **{"@odata.nextLink": "x"}), "page-missing", 0),
        (b'{"value": [], "@nextLink": "x"}', "page-missing", 0),
        (_page(_item("B1"))[:-20], "truncated-file", 9),
        (_page(_item("B1")) + b"}", "bad-structure", 13),
        (b'{"value": [{"SerialNumber": 1e400}]}', "bad-structure", 1),
        (b'{"value": [{"SerialNumber": "1", "SerialNumber": "2"}]}', "bad-structure", 1),
        (b'{"value": [{"SerialNumber": NaN}]}', "bad-structure", 1),
        (b'{"value": [1]}', "bad-structure", 1),
        (b'{"value": [{"a": 1}\n {"a": 2}]}', "bad-structure", 2),
        (b'{"error": {"code": "401"}}', "header-missing", 0),
        (b'{"value": ' + b"[" * 100_000, "bad-structure", 1),
        (b"SerialNumber,a\n", "bad-structure", 1),
        ('{"value": []}'.encode("utf-16"), "bad-encoding", 1),
    ],
)
def test_damaged_pages(data: bytes, code: str, line: int) -> None:
    """Cut, doubled, incomplete or other JSON: one finding, no document."""
    result = result_of(ODATA, batteries=data)
    assert [(finding.code, finding.place.line) for finding in result.findings] == [(code, line)]
    assert result.stopped


NESTED = plan_of(
    'cells: {file: "*.json", format: odata, record: d/results/to_Cell, key: Cell}', "materialType: Cell", "key: Cell"
)


def _nested(**more: object) -> bytes:
    cells = {"results": [{"Cell": "C1"}, {"Cell": "C2"}], **more}
    return json.dumps({"d": {"results": [{"SerialNumber": "B1", "to_Cell": cells}]}}).encode()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (_nested(__next="Batteries('B1')/to_Cell?$skiptoken=2"), "page-missing"),
        (_nested().replace(b'"to_Cell"', b'"to_Cell@odata.nextLink": "x", "to_Cell"'), "page-missing"),
        (_nested()[:-1], "truncated-file"),
    ],
)
def test_rows_within_a_record_may_be_a_page_too(data: bytes, code: str) -> None:
    """A service pages expanded rows as it does records: the others were missing, and nothing said so. So does a file
    that ends between the braces, where the link to the next page may have stood.
    """
    assert [finding.code for finding in result_of(NESTED, cells=data).findings] == [code]


def test_a_next_page_that_is_null_is_none() -> None:
    """Some services say so of the last page."""
    for data in (_nested(__next=None), _nested()[:-2] + b', "__next": null}}'):
        assert [mapped.key for mapped in result_of(NESTED, cells=data).mapped] == ["C1", "C2"]


def test_json_in_another_encoding() -> None:
    """What PowerShell writes; the hint at the finding says so, and the plan's word counts."""
    plan = plan_of('lots: {file: "*", format: json, record: lots, encoding: utf-16, key: LOT}', "title: LOT")
    data = json.dumps({"lots": [{"LOT": "Ä1"}]}, ensure_ascii=False).encode("utf-16")
    assert [mapped.key for mapped in result_of(plan, lots=data).mapped] == ["Ä1"]


def test_an_empty_page_is_no_mistake() -> None:
    """No records, no documents, no findings."""
    result = result_of(ODATA, batteries=_page())
    assert (result.rows, result.documents, result.findings) == (0, 0, ())


def test_json_with_nested_lists() -> None:
    """A path into nested lists gives a row per inner record, with the outer fields."""
    plan = plan_of(
        'orders: {file: "*.json", format: json, record: orders/items, key: order}',
        "materialType: item",
        header='key: "{order}-{item}"',
    )
    data = json.dumps({"orders": [{"order": "1", "items": [{"item": "a"}, {"item": "b"}]}, {"order": "2"}]}).encode()
    assert [mapped.key for mapped in result_of(plan, orders=data).mapped] == ["1-a", "1-b"]


FORM = 'lots: {file: "*.json", format: json, record: "lots", key: LOT'
CONVERTED = plan_of(
    f"{FORM}}}",
    """
    netMass: {from: Mass, unit: KGM}
    producedAt: {mint: Facility, key: Site/No}
    materialType: Kind
    """,
)


def _lots(*lots: Mapping[str, object]) -> bytes:
    return json.dumps({"lots": lots}, indent=0).encode()


def test_a_list_of_one_is_its_member() -> None:
    """What converters from XML write where another record has several; an empty list is empty."""
    one = {"LOT": "1", "Mass": "5", "Site": {"No": "10"}, "Kind": "a"}
    listed = {"LOT": "2", "Mass": [5], "Site": [{"No": "10"}], "Kind": ["a"]}
    bare = {"LOT": "3", "Mass": [], "Site": [], "Kind": []}
    result = result_of(CONVERTED, lots=_lots(one, listed, bare))
    assert not result.findings
    first, second, third = ({k: v for k, v in each.subject.items() if k != "id"} for each in result.mapped)
    assert first == second
    assert first == {
        "type": "MaterialLot", "netMass": {"type": "Quantity", "value": "5", "unit": "KGM"},
        "producedAt": "id:Facility:10", "materialType": "a",
    }  # fmt: skip
    assert third == {"type": "MaterialLot"}


@pytest.mark.parametrize(
    ("several", "column", "shown"),
    [
        ({"Mass": [5, 6]}, "Mass", "5, 6"),
        ({"Site": [{"No": "10"}, {"No": "11"}]}, "Site/No", "10, ..."),
        ({"Site": [{"Name": "A"}, {"No": "11"}]}, "Site/No", "11, ..."),
        ({"Kind": ["a", "b"]}, "Kind", "a, b"),
        ({"Kind": [["a"]]}, "Kind", "[...]"),
        ({"LOT": ["1", "2"]}, "LOT", "1, 2"),
    ],
)
def test_a_list_of_several_is_no_value(several: dict[str, object], column: str, shown: str) -> None:
    """It was read as empty, and its term was left out without a word."""
    good = {"LOT": "1", "Mass": "5", "Site": {"No": "10"}, "Kind": "a"}
    result = result_of(CONVERTED, lots=_lots(good, good | {"LOT": "2"} | several, {"LOT": "3", "Tags": ["x", "y"]}))
    assert [mapped.key for mapped in result.mapped] == ["1", "3"]
    assert {(each.code, each.place.column, each.place.value) for each in result.findings} == {
        ("several-values", column, shown)
    }


def test_a_condition_on_a_list_of_several_is_told() -> None:
    """Whether the row counts nobody can say."""
    plan = plan_of(f"{FORM}, where: {{column: Kind, in: [a]}}}}", "materialType: Kind")
    result = result_of(plan, lots=_lots({"LOT": "1", "Kind": ["a", "b"]}, {"LOT": "2", "Kind": "a"}))
    assert [each.code for each in result.findings] == ["several-values"]


def test_an_object_where_the_path_has_a_list_is_a_row() -> None:
    """Orders of one item had no row at all; an order of several has no column of its own items."""
    plan = plan_of(
        'orders: {file: "*.json", format: json, record: orders/items/item, key: order}',
        "materialType: item",
        header='key: "{order}-{item}"',
    )
    orders = [
        {"order": "1", "items": {"item": {"item": "a"}}},
        {"order": "2", "items": {"item": [{"item": "b"}, {"item": "c"}]}},
        {"order": "3", "items": ""},
    ]
    data = json.dumps({"orders": orders}).encode()
    assert [mapped.key for mapped in result_of(plan, orders=data).mapped] == ["1-a", "2-b", "2-c"]
    (broken,) = result_of(plan, orders=json.dumps({"orders": [{"order": "1", "items": "none"}]}).encode()).findings
    assert broken.code == "bad-structure"


def test_no_column_is_proposed_for_what_is_a_list_wherever_it_stands() -> None:
    """Its own `--record` makes rows of it; of a field that is a list here and there the others tell what it is."""
    source = plan_of(f"{FORM}}}", "materialType: Kind").sources["lots"]
    data = _lots({"LOT": "1", "Kind": "a", "Parts": [{"No": 5}]}, {"LOT": "2", "Kind": ["b"], "Parts": []})
    table = open_table("lots", source, [file("lots.json", data)])
    assert [(column.name, column.values) for column in profile(source, table)] == [
        ("LOT", ("1", "2")),
        ("Kind", ("a", "b")),
    ]
