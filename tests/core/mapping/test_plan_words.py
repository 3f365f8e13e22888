"""Whatever is spoilt in a plan, its writer is told in sentences of ours, never in those of a library."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from connector.errors import BadPlan
from connector.mapping.engine import compile_plan
from connector.mapping.plan import parse, read
from connector.mapping.spelling import Block, Items, Tree, block, load, text

EVERYTHING = """\
mapping: lots/1
record: MineralLotPassport
subject: MaterialLot
title: "Lot {LOT}"
from: lots
group: false
where: {column: A, in: [ROH]}
key: LOT
subject_id: {as_received: {to: MineralLotPassport, scheme: lotNumber, value: LOT, own: true,
  issuer: =did:web:a.example}}
model_id: {mint: BatteryModel, key: TYP}
buyers: {from: KUNNR, codes: parties}
identifiers: [{scheme: lotNumber, value: LOT, issuer: =did:web:a.example}]
lookup: {mat: {on: MATNR, source: lots, missing: error}}
sources:
  lots: {file: "*.csv", format: csv, encoding: utf-8, delimiter: ";", quote: none, locale: de, skip_until: LOT,
    header: "1", units_row: true, skip: [a], stop: [b], "null": [c], trailing_minus: true, fill_down: [d],
    optional: [e], key: LOT, where: [{column: A, not_in: [B]}]}
  items: {file: "*.xml", format: idoc, record: IDOC/E1EDL20, qualifiers: {E1ADRM1: PARTNER_Q}, layout: a.txt}
  moved: {file: "*.edi", format: edifact, record: DESADV/CPS/LIN, groups: "BGM CPS(LIN(QTY))"}
  sheet: {file: "*.xlsx", format: xlsx, sheet: Data, accept: [hidden-cells]}
codes: {parties: {file: parties.csv, key: K, value: V}, words: {values: {A: ore}}}
document:
  materialType: {from: A, codes: words, unknown: keep, default: ore, alpha: strip, case: upper, pattern: a,
    max_length: "3"}
  productionDate: {from: A, date: iso, when: {column: A, present: true}, required: true}
  eventTime: {from: A, datetime: iso, zone: UTC}
  flag: {from: A, boolean: {"true": [X], "false": [""]}}
  count: {from: A, number: de, min: "0", max: "9", round: "2"}
  netMass: {from: A, unit: {from: ME, codes: words}, to: KGM, below_detection: true, uncertainty: {percent: "1"},
    basis: =dry, analyte: =Ni, reportedAs: =a, method: =b, quantityKind: =c, at: =d, qualifier: =e}
  mass: {contained: {of: {from: A, unit: KGM}, fraction: {from: B, unit: P1}, moisture: {from: C, unit: P1},
    uncertainty: {weighing_percent: "1", assay_percent: "2"}}, to: KGM, round: "1"}
  total: {sum: [{from: A, unit: KGM}], to: KGM}
  all: {sum: {each: lots, on: LOT, where: {column: A, in: [B]}, of: {from: A, unit: KGM}}, to: KGM}
  upstream: {each: lots, on: LOT, distinct: A, value: {link: {scheme: lotNumber, value: A, optional: true}}}
  input: [{each: lots, on: LOT, lookup: {x: {on: A, source: lots}}, type: EventProduct, quantity: {from: A, unit: KGM}}]
examples: [{name: a, given: {lots: [{LOT: "1"}]}, gives: {a: b}}, {given: {lots: []}, findings: [bad-number]}]
"""
WRONG: tuple[Any, ...] = ("", "a b", [], "-1", ["a"], {}, {"a": "b"})


def _tree(plain: Any) -> Tree:
    """As if it were read from a file of one line."""
    if isinstance(plain, dict):
        return block({key: _tree(value) for key, value in plain.items()}, 1)
    if isinstance(plain, list):
        made = Items(1)
        made.extend(map(_tree, plain))
        return made
    return text(plain, 1)


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """All places of a tree, as holder and key."""
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        yield tree, key
        yield from _places(value)


def _spoilt() -> Iterator[Tree]:
    """The plan with one place of it gone; or emptied or of another kind, by turns."""
    tree = json.loads(json.dumps(load(EVERYTHING.encode())))
    for number, (holder, key) in enumerate(list(_places(tree))):
        right = holder[key]
        holder[key] = WRONG[number % len(WRONG)]
        yield _tree(tree)
        holder[key] = right
        if isinstance(holder, dict):
            yield _tree(_without(tree, holder, key))


def _without(tree: Any, holder: Any, key: str) -> Any:
    """A copy that lacks the key."""
    if isinstance(tree, dict):
        return {name: _without(one, holder, key) for name, one in tree.items() if tree is not holder or name != key}
    return [_without(one, holder, key) for one in tree] if isinstance(tree, list) else tree


def _told(tree: Tree) -> BadPlan | None:
    assert isinstance(tree, Block)
    try:
        read(tree)
    except BadPlan as error:
        return error
    return None


def test_no_mistake_is_told_in_the_words_of_a_library() -> None:
    """Every place of a plan that says everything, spoilt in each way: refused with a sentence and the line, or good."""
    compile_plan(parse(EVERYTHING.encode()))
    told = [error for error in map(_told, _spoilt()) if error is not None]
    assert len(told) > 200
    assert {error.place for error in told} == {"line 1"}
    said = {f"{error.detail} {error.hint}" for error in told}
    assert [one for one in said if re.search(r"Input|should|valid\b|Dictionary|pydantic|_kind|validation", one)] == []
