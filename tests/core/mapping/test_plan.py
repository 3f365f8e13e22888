"""A plan is refused as a whole, with the line of the mistake and a hint."""

from __future__ import annotations

import pytest

from connector.errors import BadPlan
from connector.mapping.engine import compile_plan
from connector.mapping.plan import parse

GOOD = """\
mapping: lots/1
record: MineralLotPassport
subject: MaterialLot
key: LOT
sources:
  lots: {file: "*.csv", format: csv, encoding: utf-8, delimiter: ";", locale: de, key: LOT}
document:
  netMass: {from: MENGE, unit: KGM}
"""


def test_text_stays_text() -> None:
    """YAML guesses nothing: numbers, truth values and dates are what was written."""
    plan = parse(
        GOOD.replace("key: LOT\n", "key: LOT\nwhere: {column: A, in: [0010, no, 2026-12-31, 1e3]}\n", 1).encode()
    )
    assert plan.where[0].in_ == ("0010", "no", "2026-12-31", "1e3")


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("delimiter:", "delimeter:", 6, "did you mean `delimiter`"),
        ("unit: KGM", "unti: KGM", 8, "did you mean `unit`"),
        ("unit: KGM", "unit: KGX", 8, "no unit"),
        ("unit: KGM", "unit: {from: ME, codes: sap-unit}", 8, "no code list"),
        ("locale: de, ", "", 8, "no `locale`"),
        ("locale: de", "locale: dk", 6, "one of"),
        ("unit: KGM", 'date: "%d.%m.%q"', 8, "unknown or stands twice"),
        ("unit: KGM", "datetime: iso, zone: Mars/Base", 8, "no time zone"),
        ("unit: KGM", 'pattern: "(a+)+"', 8, "not allowed"),
        ("unit: KGM", 'pattern: "a?b?c?d"', 8, "more than 2"),
        ("unit: KGM", 'alpha: "0"', 8, "a width from 1 to 100"),
        ("unit: KGM", 'alpha: "101"', 8, "a width from 1 to 100"),
        ("unit: KGM", f'alpha: "{"9" * 5000}"', 8, "a width from 1 to 100"),
        ("unit: KGM", "unit: KGM, number: de", 8, "one of number and unit"),
        ("from: MENGE", "from: '{MENGE'", 8, "brace"),
        ("from: MENGE", "from: ..MENGE", 8, "each"),
        ("netMass: {from: MENGE, unit: KGM}", "netMass: {type: Quantity, value: A}\n  netMass: B", 9, "stands twice"),
        ("netMass: {from: MENGE, unit: KGM}", "a: &x B\n  c: *x", 8, "Anchors"),
        ("netMass: {from: MENGE, unit: KGM}", "a: !!python/name:os.system B", 8, "tag"),
        ("netMass: {from: MENGE, unit: KGM}", "a: {each: lots2, value: B}", 8, "no source"),
        ("netMass: {from: MENGE, unit: KGM}", "id: B", 8, "does not stand in the document"),
        ("netMass: {from: MENGE, unit: KGM}", "\tnetMass: B", 8, "blanks, not tabs"),
        ('file: "*.csv"', "file: *.csv", 6, 'stands in "quotes"'),
        ('file: "*.csv"', 'file: "../*.csv"', 6, "no other folder"),
        ("encoding: utf-8, ", "", 6, "encoding"),
        ("encoding: utf-8", "encoding: utf-7", 6, "encoding"),
        ("mapping: lots/1", "mapping: lots", 1, "mapping"),
        ("key: LOT\n", "", 1, "`key` is missing"),
        ("key: LOT\n", "key: LOT\nidentifiers:\n", 5, "`identifiers` is empty. write what belongs there, or leave"),
        ("key: LOT\n", "key: LOT\nidentifiers: {scheme: lot}\n", 5, "`identifiers` is a list, each entry after a `-`"),
        (
            "format: csv",
            "format: cvs",
            6,
            "`sources/lots/format` is one of csv, xlsx, xls, ods, idoc, edifact, x12, odata or",
        ),
        ("format: csv", "format: cvs", 6, "did you mean `csv`?"),
        ("format: csv", "format: csv, header: [a]", 6, "`sources/lots/header` is one of 1 or 2"),
        ("unit: KGM", "unit: ", 8, "`document/netMass/unit` is empty. write what belongs there, or leave the line out"),
        ("unit: KGM", "unit: [KGM]", 8, "`document/netMass/unit` is a text, or {from: COLUMN, ...}"),
        ("unit: KGM", "unit: KGM, round: two", 8, "`document/netMass/round` is a whole number, not `two`"),
        ("unit: KGM", "unit: KGM, round: 21", 8, "`document/netMass/round` is a whole number up to 20, not `21`"),
        ("key: LOT\n", "key: LOT\ngroup: perhaps\n", 5, "`group` is true or false, not `perhaps`"),
        ("key: LOT\n", "key:\n", 4, "`key` is empty"),
        ("key: LOT\n", "key: LOT\ntitle: [a]\n", 5, "`title` is a text, no list and no block"),
        ("key: LOT\n", "key: LOT\nlookup: x\n", 5, "`lookup` is a block of names"),
    ],
)
def test_mistakes(old: str, new: str, line: int, said: str) -> None:
    """Each kind of mistake, at its line."""
    text = GOOD.replace(old, new, 1)
    assert text != GOOD
    with pytest.raises(BadPlan) as raised:
        compile_plan(parse(text.encode()))
    assert raised.value.place == f"line {line}"
    assert said in f"{raised.value.detail} {raised.value.hint}"


@pytest.mark.parametrize(
    "data",
    [b"", b"- a\n", b"\xff\xfe", b"a: b\n---\nc: d\n", b"[" * 100, b"? [a]\n: b\n", b"a: [\n", b"x" * (2 << 20)],
)
def test_no_plan_at_all(data: bytes) -> None:
    """What is no mapping of keys is refused, whatever it is."""
    with pytest.raises(BadPlan):
        parse(data)
