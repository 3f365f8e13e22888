"""Joins, contained metal, links, ids, lineage, conditions and examples."""

from __future__ import annotations

import json

import pytest

from connector.errors import BadPlan
from connector.mapping.engine import compile_plan
from connector.mapping.lineage import Cell
from connector.mapping.plan import parse
from connector.mapping.preview import beside, describe, try_examples
from tests.core.mapping.trial import CSV, file, mint, plan_of, result_of, seen

ORDERS = plan_of(
    """
    mb51: {file: "MB51*.csv", format: csv, encoding: utf-8, delimiter: ";", locale: de,
           trailing_minus: true, key: AUFNR}
    lots: {file: "LOTS*.csv", format: csv, encoding: utf-8, delimiter: ";", locale: de,
           key: {from: CHARG, alpha: strip}}
    """,
    """
    facility: {mint: Facility, key: WERKS}
    process: {when: {column: ART, in: [PP]}, from: =precipitation}
    input:
      each: mb51
      where: {column: BWART, in: ["261"]}
      lookup: {lot: {source: lots, on: {from: CHARG, alpha: strip}}}
      type: EventProduct
      link: {when: {column: LIFNR, present: true},
        link: {to: MineralLotPassport, scheme: lotNumber, value: CHARG, issuer: LIFNR}}
      quantity: {from: MENGE, unit: {from: ME, codes: sap-units}, to: KGM}
      contained:
        - {type: ContainedMetal, metal: =Ni, mass: {contained: {of: {from: MENGE, unit: {from: ME, codes: sap-units}},
           fraction: {from: lot.NI, unit: P1}, uncertainty: {weighing_percent: "0.3", assay_percent: "0.4"}},
           to: KGM, round: 3}}
      attested: {from: LIFNR, default: "", boolean: {"true": [V1], "false": [V2]}}
      order: ..AUFNR
    output:
      - {each: mb51, where: {column: BWART, in: ["101"]}, distinct: CHARG, type: EventProduct,
         product: {mint: MaterialLot, key: CHARG}, quantity: {from: MENGE, unit: {from: ME, codes: sap-units}}}
      - {type: EventProduct, product: {mint: MaterialLot, key: =slag}, quantity: {from: ABFALL, unit: KGM}}
    consumed:
      to: KGM
      sum: {each: mb51, where: {column: BWART, in: ["261"]}, of: {from: MENGE, unit: {from: ME, codes: sap-units}}}
    """,
    header="""
    group: true
    key: AUFNR
    title: "Order {AUFNR}"
    buyers: {each: mb51, distinct: LIFNR, value: LIFNR}
    identifiers: [{scheme: documentNumber, value: AUFNR}]
    subject_id: {as_received: {scheme: orderNumber, value: AUFNR}}
    model_id: {mint: BatteryModel, key: =M1}
    """,
)
MB51 = b"""AUFNR;WERKS;ART;BWART;CHARG;LIFNR;MENGE;ME;ABFALL
10;1000;PP;261;007;V1;1.000,0;KG;
10;1000;PP;261;008;;0,5;TO;
10;1000;PP;101;900;;1,4;TO;
10;1000;PP;101;900;;1,4;TO;
11;1000;XX;101;901;;1,0;TO;7
"""
LOTS = b"CHARG;NI\n7;22,3\n8;10\n"


def test_a_make_event_from_three_lists() -> None:
    """Rows of one order become one event; lots are looked up; outputs are listed once."""
    result = result_of(ORDERS, mb51=MB51, lots=LOTS)
    assert not result.findings
    first, second = result.mapped
    subject = first.subject
    assert subject["facility"] == "id:Facility:1000"
    assert subject["process"] == "precipitation"
    assert "process" not in second.subject
    assert subject["consumed"] == {"type": "Quantity", "value": "1500", "unit": "KGM"}
    inputs = subject["input"]
    assert isinstance(inputs, list)
    assert inputs[0] == {
        "type": "EventProduct",
        "link": {},
        "quantity": {"type": "Quantity", "value": "1000", "unit": "KGM"},
        "contained": [
            {
                "type": "ContainedMetal",
                "metal": "Ni",
                "mass": {"type": "Quantity", "value": "223", "unit": "KGM", "uncertainty": "1.12"},
            }
        ],
        "attested": "true",
        "order": "10",
        "product": "",
    }
    assert isinstance(inputs[1], dict)
    assert "link" not in inputs[1]
    assert "product" not in inputs[1]
    outputs = second.subject["output"]
    assert isinstance(outputs, list)
    assert [each["product"] for each in outputs if isinstance(each, dict)] == [
        "id:MaterialLot:901",
        "id:MaterialLot:slag",
    ]
    assert first.title == "Order 10"
    assert first.buyers == ("V1",)
    assert first.model_id == "id:BatteryModel:M1"
    assert first.record_id == "id:record:MineralLotPassport:10"
    assert [(each.scheme, each.value) for each in first.identifiers] == [("documentNumber", "10")]


def test_links_wait_at_their_places() -> None:
    """The subject's own id and an input's link are asked for; nothing is asked for the unattested input."""
    first = result_of(ORDERS, mb51=MB51, lots=LOTS).mapped[0]
    assert {(each.path, each.id_path, each.scheme, each.value, each.issuer) for each in first.links} == {
        ("", "/id", "orderNumber", "10", None),
        ("/input/0/link", "/input/0/product", "lotNumber", "007", "V1"),
    }
    assert first.subject["id"] == ""


def test_lineage_leads_to_the_cell() -> None:
    """Each value names file, digest, record, line, column and raw text of the cells it is made from."""
    first = result_of(ORDERS, mb51=MB51, lots=LOTS).mapped[0]
    cells = first.lineage.cells()
    digest = file("", MB51).digest
    assert cells["/input/1/quantity/value"][0] == Cell(
        file="mb51_0", digest=digest, sheet="", record=2, line=3, column="MENGE", value="0,5"
    )
    assert [(cell.file, cell.line, cell.column) for cell in cells["/input/1/contained/0/mass/value"]] == [
        ("mb51_0", 3, "MENGE"), ("mb51_0", 3, "ME"), ("lots_0", 3, "NI"),
    ]  # fmt: skip
    assert cells["/identifier/0/value"][0].column == "AUFNR"
    assert [(cell.line, cell.column, cell.value) for cell in cells["/consumed/value"]] == [
        (2, "MENGE", "1.000,0"), (2, "ME", "KG"), (3, "MENGE", "0,5"), (3, "ME", "TO"),
    ]  # fmt: skip
    kept = first.lineage.as_json()
    assert kept["plan"] == "trial/1"
    assert json.loads(json.dumps(kept)) == kept
    for pointer in cells:
        assert _at(first.subject, pointer) is not None


def _at(tree: object, pointer: str) -> object:
    for step in pointer.split("/")[1:]:
        tree = tree[int(step)] if isinstance(tree, list) else tree[step] if isinstance(tree, dict) else None
    return tree


def test_a_bad_row_keeps_back_what_it_belongs_to() -> None:
    """A bad movement keeps its order back and no other; a bad lot is told where it is used."""
    result = result_of(ORDERS, mb51=MB51.replace(b"0,5;TO", b"0.5;TO"), lots=LOTS)
    assert [seen(finding) for finding in result.findings] == [(2, 3, "MENGE", "0.5", "bad-number")]
    assert [mapped.key for mapped in result.mapped] == ["11"]
    result = result_of(ORDERS, mb51=MB51, lots=LOTS.replace(b"22,3", b"223,0"))
    assert [(*seen(finding), finding.term) for finding in result.findings] == [
        (1, 2, "MENGE", "1.000,0", "bad-fraction", "input/contained/mass")
    ]


def test_joined_rows_that_cannot_be_read_stop_everything() -> None:
    """A joined row that is lost may belong to any document, so none is made; all is told."""
    result = result_of(ORDERS, mb51=MB51 + b"12;1000\n", lots=LOTS)
    assert [finding.code for finding in result.findings] == ["row-width"]
    assert (result.stopped, result.documents) == (True, 0)


def test_ambiguous_look_ups_are_told() -> None:
    """A look-up wants one row."""
    result = result_of(ORDERS, mb51=MB51, lots=LOTS + b"0008;11\n")
    assert [(finding.code, finding.place.line) for finding in result.findings] == [("lookup-ambiguous", 3)]
    assert [mapped.key for mapped in result.mapped] == ["11"]


def test_a_missing_look_up_is_told_where_the_plan_says_so() -> None:
    """`missing: error` makes an absent row a finding; else its values are left out."""
    sources = f"lots: {CSV}}}\nmat: {CSV.replace('key: LOT', 'key: M')}}}"
    data = {"lots": b"LOT;M\nL1;x\n", "mat": b"M;T\ny;Text\n"}
    lenient = plan_of(sources, "materialType: mat.T\nmethod: M", header="key: LOT\nlookup: {mat: {on: M}}")
    assert "materialType" not in result_of(lenient, **data).mapped[0].subject
    strict = plan_of(sources, "materialType: mat.T", header="key: LOT\nlookup: {mat: {on: M, missing: error}}")
    assert [seen(finding) for finding in result_of(strict, **data).findings] == [(1, 2, "M", "x", "lookup-missing")]


@pytest.mark.parametrize(
    ("value", "cell", "code"),
    [
        ("{from: A, required: true}", "", "empty-required"),
        ("{from: A, codes: c}", "x", "unknown-code"),
        ("{from: A, codes: c, unknown: keep}", "x", ""),
        ("{from: A, codes: c, unknown: empty}", "x", ""),
        ('{from: A, pattern: "L-[0-9]{4}"}', "L-12", "bad-pattern"),
        ("{from: A, max_length: 3}", "abcd", "too-long"),
        ('{from: A, alpha: "3"}', "0001", "too-long"),
        ('{from: A, boolean: {"true": [X]}}', "Y", "bad-boolean"),
        ('{from: A, number: de, min: "0"}', "-1", "out-of-range"),
        ("{from: A, number: source, round: 2}", "1,005", ""),
        ("{from: A, unit: {from: B, codes: sap-units}}", "1", "unit-missing"),
        ("{contained: {of: {from: A, unit: KGM}, fraction: {from: A, unit: P1}}}", "101", "bad-fraction"),
        ("{contained: {of: {from: A, unit: KGM}, fraction: {from: A, unit: KGM}}}", "1", "bad-dimension"),
    ],
)
def test_conversions(value: str, cell: str, code: str) -> None:
    """Each conversion refuses what does not fit, at its cell."""
    plan = plan_of(f"lots: {CSV}}}", f"x: {value}", header="key: LOT\ncodes: {c: {values: {a: b}}}")
    result = result_of(plan, lots=f"LOT;A;B\nL1;{cell};\n".encode())
    assert [seen(finding) for finding in result.findings] == ([(1, 2, "A", cell, code)] if code else [])


def test_contained_metal_with_moisture() -> None:
    """Wet mass, moisture and fraction, each with its uncertainty."""
    plan = plan_of(
        f"lots: {CSV}}}",
        """
        mass: {contained: {of: {from: M, unit: TNE, uncertainty: {absolute: "0.01"}},
          fraction: {from: F, unit: "59", uncertainty: {from: U}}, moisture: {from: H, unit: P1}}, to: KGM, round: 4}
        """,
    )
    (mapped,) = result_of(plan, lots=b"LOT;M;F;U;H\nL1;10;2.500;50;20\n").mapped
    assert mapped.subject["mass"] == {"type": "Quantity", "value": "20", "unit": "KGM", "uncertainty": "0.4"}


@pytest.mark.parametrize(
    ("moisture", "metal"), [("{from: H, unit: P1}", None), ('{from: H, unit: P1, default: "0"}', "25")]
)
def test_a_moisture_that_nobody_measured_is_not_none(moisture: str, metal: str | None) -> None:
    """A wet mass was taken for a dry one, and the metal in it was too much, without a word. The plan may say so."""
    mass = f"{{contained: {{of: {{from: M, unit: KGM}}, fraction: {{from: F, unit: P1}}, moisture: {moisture}}}}}"
    (mapped,) = result_of(plan_of(f"lots: {CSV}}}", f"mass: {mass}"), lots=b"LOT;M;F;H\nL1;100;25;\n").mapped
    said = mapped.subject.get("mass")
    assert (said["value"] if isinstance(said, dict) else None) == metal


def test_code_lists_from_files() -> None:
    """A list in a file is read like one in the plan; two meanings of a code stop the run."""
    plan = plan_of(
        f"lots: {CSV}}}",
        "party: {from: K, codes: parties}",
        header="key: LOT\ncodes: {parties: {file: parties.csv, key: KUNNR, value: DID}}",
    )
    data = b"LOT;K\nL1;100\n"
    assert result_of(plan, lots=data, parties=b"KUNNR,DID\n100,did:web:a\n").mapped[0].subject["party"] == "did:web:a"
    for listed in (b"KUNNR;DID\n100;did:web:a\n", b"DID\tKUNNR\ndid:web:a\t100\n", b'KUNNR;"DID"\n100;"did:web:a"\n'):
        assert result_of(plan, lots=data, parties=listed).mapped[0].subject["party"] == "did:web:a"
    stopped = result_of(plan, lots=data, parties=b"KUNNR,DID\n100,did:web:a\n100,did:web:b\n")
    assert [finding.code for finding in stopped.findings] == ["duplicate-key"]
    assert result_of(plan, lots=data, parties=b"X,DID\n").stopped


def test_the_same_bytes_give_the_same_documents() -> None:
    """A run is a function of plan and bytes."""
    first, second = (result_of(ORDERS, mb51=MB51, lots=LOTS) for _ in range(2))
    assert [mapped.subject for mapped in first.mapped] == [mapped.subject for mapped in second.mapped]
    assert first.findings == second.findings


EXAMPLES = """\
mapping: trial/2
record: MineralLotPassport
subject: MaterialLot
key: LOT
sources:
  lots: {file: "*.csv", format: csv, encoding: utf-8, delimiter: ";", locale: de, key: LOT}
document:
  netMass: {from: MENGE, unit: {from: ME, codes: sap-units}, to: KGM}
  method: METH
examples:
  - name: tonnes
    given: {lots: [{LOT: "1", MENGE: "1,5", ME: TO}]}
    gives: {netMass: {value: "1500", unit: KGM}}
  - {name: wrong number, given: {lots: [{LOT: "1", MENGE: "1.5x", ME: TO}]}, findings: [bad-number]}
  - {name: differs, given: {lots: [{LOT: "1", MENGE: "2", ME: TO}]}, gives: {netMass: {value: "1"}}}
  - {name: no source, given: {lot: []}, findings: []}
"""


def test_examples_are_tried() -> None:
    """Examples that hold, that differ, and that name no source."""
    tried = try_examples(parse(EXAMPLES.encode()), {}, mint)
    assert [(each.name, each.differences) for each in tried] == [
        ("tonnes", ()),
        ("wrong number", ()),
        ("differs", ("/netMass/value: expected '1', got '2000'",)),
        ("no source", ("`lot` is no source that the plan uses",)),
    ]


def test_describe_and_beside() -> None:
    """The summary names columns; the preview shows cells beside the document."""
    plan = parse(EXAMPLES.encode())
    assert describe(plan)["sources"] == {
        "lots": {"file": "*.csv", "format": "csv", "columns": ["LOT", "ME", "MENGE", "METH"]}
    }
    (mapped,) = result_of(plan, lots=b"LOT;MENGE;ME;METH\nL1;1;KG;\n").mapped
    assert beside(mapped)["cells"] == {
        "/netMass/unit": "lots_0:2 ME `KG`", "/netMass/value": "lots_0:2 MENGE `1`",
    }  # fmt: skip


def test_joins_need_keys() -> None:
    """A source that is joined without a key is the plan's mistake."""
    sources = f"lots: {CSV}}}\nmat: {CSV.replace(', key: LOT', '')}}}"
    with pytest.raises(BadPlan, match="says no `key`"):
        compile_plan(plan_of(sources, "a: {each: mat, value: B}"))
