"""The names of a plan against the vocabulary."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.mapping.naming import misnamed
from connector.mapping.plan import parse
from connector.vocabulary.bundle import load_bundle

BUNDLE = load_bundle()
STORY = sorted(Path("examples/mine_to_recycler").glob("*/plans/*.yaml"))
GOOD = """\
mapping: lots/1
record: MineralLotPassport
subject: MaterialLot
key: LOT
identifiers: [{scheme: lotNumber, value: LOT}]
sources:
  lots: {file: "lots.csv", format: csv, encoding: utf-8, delimiter: ";", locale: de, key: LOT}
document:
  materialType: =ore
  producedAt: {mint: Facility, key: =0100}
  productionDate: DAY
  netMass: {from: MASS, unit: KGM}
  containedMetal:
    - type: ContainedMetal
      metal: =Ni
      mass: {from: NI, unit: KGM}
"""


def told(text: str) -> list[tuple[str, int, str, str]]:
    """Code, line, path and hint of each finding."""
    plan = parse(text.encode())
    found = misnamed(plan, BUNDLE.terms, BUNDLE.shapes)
    return [(one.code, one.place.line, one.place.column, one.hint) for one in found]


@pytest.mark.parametrize("path", STORY, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_the_plans_of_the_story_are_well_named(path: Path) -> None:
    """No false alarm: links, events, joins and models included."""
    assert told(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("record: MineralLotPassport", "record: MineralLotPass", ("unknown-record-type", 2, "", "MineralLotPassport")),
        ("subject: MaterialLot", "subject: CellBatch", ("wrong-subject", 3, "", "subject: MaterialLot")),
        ("  materialType:", "  materialKind:", ("unknown-term", 9, "$.materialKind", "materialType")),
        ("  productionDate: DAY\n", "", ("missing-term", 9, "$.productionDate", "vocab term productionDate")),
        ("      metal: =Ni\n", "", ("missing-term", 14, "$.containedMetal[0].metal", "vocab term metal")),
        ("mint: Facility", "mint: Facilty", ("unknown-class", 10, "$.producedAt", "did you mean Facility")),
        ("key: LOT\n", "key: LOT\nmodel_id: {mint: Model, key: A}\n", ("unknown-class", 5, "model_id", "BatteryModel")),
        ("type: ContainedMetal", "type: Metals", ("unknown-class", 14, "$.containedMetal[0]", "containedMetal")),
        ("identifiers: [{scheme: lotNumber, value: LOT}]\n", "", ("missing-term", 8, "$.identifier", "identifier")),
        ("netMass: {from: MASS, unit: KGM}", "netMass: {from: MASS, number: source}",
         ("wrong-type", 12, "$.netMass", "such as `unit: KGM`")),
        ("  containedMetal:", "  facilityRecord: SITE\n  containedMetal:",
         ("wrong-type", 13, "$.facilityRecord", "vocab term UpstreamLink")),
        ("productionDate: DAY", "productionDate: {from: DAY, unit: DAY}",
         ("wrong-type", 11, "$.productionDate", "vocab term productionDate")),
        ("      metal: =Ni", "      zz: A", ("unknown-term", 15, "$.containedMetal[0].zz", "ContainedMetal")),
    ],
)  # fmt: skip
def test_each_wrong_name_is_told_where_it_stands(old: str, new: str, expected: tuple[str, int, str, str]) -> None:
    """With its line in the plan, its path in the document, and what was probably meant."""
    assert old in GOOD
    *where, hint = expected
    found = [(one[:3], one[3]) for one in told(GOOD.replace(old, new))]
    assert [one for one, _ in found if one == tuple(where)] == [tuple(where)]
    assert any(hint in said for _, said in found)


LISTS = """\
codes:
  materials:
    values:
      ORE: ore
      MHP: mixedHydroxid
      OLD: ""
  units: {values: {KG: KGM, TO: tonnes}}
  parties: {values: {"100": did:web:mine.example, "200": mine}}
"""
CODED = (
    GOOD.replace("materialType: =ore", "materialType: {from: MAT, codes: materials}")
    .replace("producedAt: {mint: Facility, key: =0100}", "producedAt: {from: LIFNR, codes: parties}")
    .replace("unit: KGM}\n  con", "unit: {from: ME, codes: units}, to: KGM, basis: =dri}\n  con")
    .replace("scheme: lotNumber", "scheme: lotNo")
    + LISTS
)


def test_the_words_that_a_plan_gives_itself_are_held_against_the_lists() -> None:
    """A code list's targets, constants, schemes: each at its own line, the allowed words with the closest first."""
    found = told(CODED)
    assert [one[:3] for one in found] == [
        ("bad-code", 5, "identifiers[0].scheme"),
        ("bad-code", 21, "$.materialType"),
        ("bad-id", 24, "$.producedAt"),
        ("bad-code", 12, "$.netMass.basis"),
        ("bad-unit", 23, "$.netMass.unit"),
    ]
    hints = {one[2]: one[3] for one in found}
    assert hints["$.materialType"].startswith("one of mixedHydroxide, ")
    assert ", ore" in hints["$.materialType"]
    assert hints["identifiers[0].scheme"].startswith("one of lotNumber, ")
    assert hints["$.netMass.basis"].startswith("one of dry, ")


def test_where_a_link_leads_is_a_record_type_by_a_known_scheme() -> None:
    """Also within lists over joined rows."""
    link = "{link: {to: MineralLotPas, scheme: lotNr, value: LOT, issuer: =mine}}"
    found = told(GOOD + f"  upstream: {{each: lots, value: {link}}}\n")
    assert [one[:3] for one in found] == [
        ("bad-code", 17, "$.upstream[0].scheme"),
        ("bad-id", 17, "$.upstream[0].issuer"),
        ("unknown-record-type", 17, "$.upstream[0]"),
    ]
    assert "MineralLotPassport" in found[2][3]


def test_a_good_plan_has_no_finding() -> None:
    """The one that the others are spoilt from."""
    assert told(GOOD) == []
