"""A plan as a mapping sheet, and back: nothing is lost, an edit changes its value alone, what can't be done is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.mapping.editing import patched, replaced
from connector.mapping.outline import composed, lines_of, text_of
from connector.mapping.plan import Plan, parse
from connector.mapping.sheet import COLUMNS, Revised, read_sheet, revise, sheet_of
from connector.vocabulary.bundle import load_bundle

BUNDLE = load_bundle()
STORY = sorted(Path("examples/mine_to_recycler").glob("*/plans/*.yaml"))
LOTS = Path("examples/mine_to_recycler/refiner/plans/lots.yaml").read_text("utf-8")
DELIVERIES = Path("examples/mine_to_recycler/refiner/plans/deliveries.yaml").read_text("utf-8")


def sheet(text: str) -> list[list[str]]:
    """The sheet of a plan, without examples."""
    return sheet_of(text, BUNDLE.terms, BUNDLE.shapes, cells={})


def back(text: str, rows: list[list[str]]) -> Revised:
    """The plan as the sheet says."""
    return revise(text, read_sheet(enumerate(rows, start=1)), BUNDLE.terms, BUNDLE.shapes)


def bare(plan: Plan) -> object:
    """The plan without its lines."""
    return _bare(plan.model_dump(warnings=False))


def _bare(tree: object) -> object:
    if isinstance(tree, dict):
        return {key: _bare(value) for key, value in tree.items() if key != "line"}
    return [_bare(one) for one in tree] if isinstance(tree, list | tuple) else tree


def edited(rows: list[list[str]], target: str, **cells: str) -> list[list[str]]:
    """The rows with other cells in one line."""
    names = {"field": "source field", "rule": "rule", "required": "required", "target": "target term"}
    (line,) = (row for row in rows if row[COLUMNS.index("target term")] == target)
    new = [*line]
    for name, cell in cells.items():
        new[COLUMNS.index(names[name])] = cell
    return [new if row is line else row for row in rows]


def told(revised: Revised) -> list[tuple[str, int, str, str]]:
    """Code, row, column and cell of each finding."""
    return [(one.code, one.place.line, one.place.column, one.place.value) for one in revised.findings]


@pytest.mark.parametrize("path", STORY, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_a_round_trip_gives_the_plan(path: Path) -> None:
    """Unchanged: byte for byte. And each value written anew from its line alone: an equal plan."""
    text = path.read_text("utf-8")
    same = back(text, sheet(text))
    assert (same.text, same.changes, same.findings) == (text, [], [])
    values = [line for line in lines_of(text) if not line.node]
    root = composed(text)
    anew = patched(
        text, [replaced(root, one.path, text_of(one.field, one.rule, required=one.required)) for one in values]
    )
    assert bare(parse(anew.encode())) == bare(parse(text.encode()))


@pytest.mark.parametrize(
    ("target", "cells", "old", "new"),
    [
        ("productionDate", {"field": "HERST"}, "{from: HSDAT, date:", "{from: HERST, date:"),
        ("productionDate", {"rule": "date: sap"}, 'date: "%d.%m.%Y"}\n  netMass', "date: sap}\n  netMass"),
        ("footprint.boundary", {"required": "ja"}, "boundary: claims.GRENZE",
         "boundary: {from: claims.GRENZE, required: true}"),
        ("footprint.period.start", {"field": "", "rule": ""},
         'start: {from: claims.VON, datetime: "%d.%m.%Y", zone: UTC}, ', ""),
        ("assay[0]", {"field": "", "rule": ""},
         "    - {link: {to: AssayCertificate, scheme: sampleNumber, value: PRUEFLOS, own: true}}\n", ""),
        ("plan: key", {"field": "{WERKS}-{CHARG}"}, "key: CHARG\nbuyers", 'key: "{WERKS}-{CHARG}"\nbuyers'),
    ],
)  # fmt: skip
def test_an_edit_changes_its_value_alone(target: str, cells: dict[str, str], old: str, new: str) -> None:
    """Everything around it stays as it was written, comments too."""
    assert LOTS.count(old) == 1
    revised = back(LOTS, edited(sheet(LOTS), target, **cells))
    assert revised.findings == []
    assert revised.text == LOTS.replace(old, new)


def test_a_value_in_block_style_becomes_one_line() -> None:
    """The mass of the lots is a sum over several lines; afterwards it is what the sheet says."""
    revised = back(LOTS, edited(sheet(LOTS), "netMass", field="MENGE", rule="unit: KGM"))
    assert revised.findings == []
    assert "  netMass: {from: MENGE, unit: KGM}\n  containedMetal:\n" in revised.text


def test_lines_are_taken_out_and_added() -> None:
    """A node goes when all its values go; a new line stands in the document, in a flow node, at a list's end."""
    rows = [row for row in sheet(LOTS) if not row[2].startswith("footprint")]
    rows += [["", "KANTON", "countryOfExtraction", "", "", "", ""], ["", "", "", "", "", "", ""]]
    rows += [["", "=Cu", "containedMetal[0].mass.analyte", "", "", "", ""], ["", "NOT_MAPPED", "", "why", "", "", ""]]
    revised = back(LOTS, rows[:-2])
    assert revised.findings == []
    assert "footprint:" not in revised.text
    assert "socialClaim:" in revised.text
    assert "  countryOfExtraction: KANTON\n" in revised.text
    lines = {line.target: line.field for line in lines_of(back(LOTS, [*rows[:-2], rows[-1]]).text)}
    assert lines["countryOfExtraction"] == "KANTON"
    assert "NOT_MAPPED" not in lines.values()
    deliveries = [*sheet(DELIVERIES), ["", "INCO1", "incoterm", "", "yes", "", ""]]
    deliveries += [["", "KZ", "moved.sourceKind", "", "", "", ""]]
    more = back(DELIVERIES, deliveries)
    assert more.findings == []
    assert more.text.endswith("    attested: =true\n    sourceKind: KZ\n  incoterm: {from: INCO1, required: true}\n")


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (["", "X", "netMas", "", "", "", ""], ("bad-value", "target term", "netMas")),
        (["", "X", "dryMass", "unit: KGMX", "", "", ""], ("bad-value", "target term", "dryMass")),
        (["", "X", "address.country", "", "", "", ""], ("unknown-place", "target term", "address.country")),
        (["", "X", "no term!", "", "", "", ""], ("unknown-place", "target term", "no term!")),
        (["", "X", "materialType", "", "", "", ""], ("duplicate-target", "target term", "materialType")),
        (["", "X", "dryMass", "unit: KGM}\ncodes: {", "", "", ""], ("bad-value", "target term", "dryMass")),
        (["", "X", "dryMass", "unit: KGM}, dryMass: {from: Y", "", "", ""], ("bad-value", "target term", "dryMass")),
        (["", "X", "dryMass", "unit: KGM # really", "", "", ""], ("bad-value", "target term", "dryMass")),
        (["", "X", "dryMass", "unit: KGM", "maybe", "", ""], ("bad-required", "required", "maybe")),
    ],
)
def test_what_cannot_be_done_is_told_and_nothing_is_changed(row: list[str], expected: tuple[str, str, str]) -> None:
    """With row, column and cell; the plan stays."""
    rows = sheet(LOTS)
    revised = back(LOTS, [*edited(rows, "productionDate", field="HERST"), row])
    code, column, cell = expected
    assert (code, len(rows) + 1, column, cell) in told(revised)
    assert revised.text == LOTS


def test_a_bad_rule_and_a_nodes_line_are_told() -> None:
    """A rule that is no YAML, one with an unknown key, a node's own line."""
    rows = edited(edited(sheet(LOTS), "materialType", rule="codes: {"), "productionDate", rule="dat: iso")
    revised = back(LOTS, edited(rows, "footprint", rule="type: Other"))
    assert [(code, column, cell) for code, _, column, cell in told(revised)] == [
        ("not-editable", "rule", "type: Other"), ("bad-value", "rule", "codes: {"), ("bad-value", "rule", "dat: iso"),
    ]  # fmt: skip
    assert revised.text == LOTS
