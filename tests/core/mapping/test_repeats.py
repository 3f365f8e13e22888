"""Rows of one key that are one document: what a later row says otherwise, and nobody would miss, is told."""

from __future__ import annotations

import pytest

from connector.mapping.engine import Result
from tests.core.mapping.trial import CSV, plan_of, result_of

PLAIN = "netMass: {from: A, unit: KGM}"
SHARE = "moisture: {from: A, unit: P1}"
COUNT = "cellCount: {from: A, unit: C62}"
CYCLES = "fullCycleCount: {from: A, unit: C62}"
SUM = "netMass: {sum: {each: lots, of: {from: A, unit: KGM}}, to: KGM}"
EACH = "upstream: {each: lots, where: {column: B, in: [x]}, value: A}"


def grouped(document: str, *rows: str) -> Result:
    """Rows of the columns LOT, A and B, one document per lot."""
    plan = plan_of(f"lots: {CSV}}}", document, header="key: LOT\ngroup: true")
    return result_of(plan, lots="\n".join(["LOT;A;B", *rows]).encode())


def test_an_amount_that_only_the_first_row_gives_is_told() -> None:
    """Once per column, with the cells and their lines; the document stands as the plan says."""
    result = grouped(PLAIN, "1;12,5;", "1;950;", "2;3;", "1;7;")
    assert [mapped.subject["netMass"] for mapped in result.mapped] == [
        {"type": "Quantity", "value": "12.5", "unit": "KGM"},
        {"type": "Quantity", "value": "3", "unit": "KGM"},
    ]
    (doubt,) = result.doubts
    assert (doubt.code, doubt.place.column, doubt.place.line) == ("repeated-key-differs", "A", 3)
    assert "2 later rows" in doubt.message
    assert doubt.message.endswith("`950` in line 3, `12,5` in line 2; they are lines 3, 5")


def test_an_amount_that_stands_there_again_is_told() -> None:
    """Two deliveries of 500 kg, honest lines both, look like one line that a join has doubled: a person has to say."""
    rows = ["1;500;x", "2;3;", "1;500;x", "1;500;y", "2;;", "1;0500;x"]
    result = grouped(PLAIN, *rows)
    assert [mapped.subject["netMass"] for mapped in result.mapped] == [
        {"type": "Quantity", "value": "500", "unit": "KGM"},
        {"type": "Quantity", "value": "3", "unit": "KGM"},
    ]
    differs, again = result.doubts
    assert (differs.code, differs.place.value) == ("repeated-key-differs", "0500")
    assert (again.code, again.place.column, again.place.line) == ("repeated-amount", "A", 2)
    assert again.message.startswith("2 later rows of a key give the amount of the first again, which counts once")
    assert "lines 4, 5 (1 row is the same in every cell); the first: `500` in line 2" in again.message
    assert "add them up (`sum`)" in again.hint


def test_of_many_rows_five_are_named_and_the_columns_stand_in_order() -> None:
    """One row needs no list of itself."""
    document = f"grossMass: {{from: B, unit: KGM}}\n{PLAIN}"
    many = grouped(document, "1;1;1", *(f"1;{number};{number}" for number in range(2, 9)))
    assert [doubt.place.column for doubt in many.doubts] == ["A", "B"]
    assert [doubt.message.rpartition("; ")[2] for doubt in many.doubts] == ["they are lines 3, 4, 5, 6, 7 ..."] * 2
    (one,) = grouped(PLAIN, "1;1;", "1;2;").doubts
    assert one.message.endswith("`2` in line 3, `1` in line 2")
    same = grouped(document, *["1;5;5"] * 7)
    assert [doubt.place.column for doubt in same.doubts] == ["A", "B"]
    assert "lines 3, 4, 5, 6, 7 ... (6 rows are the same in every cell)" in same.doubts[0].message
    (once,) = grouped(PLAIN, "1;5;x", "1;5;y").doubts
    assert "once: line 3; the first" in once.message


def test_a_count_of_cells_adds_up_too() -> None:
    """It is in C62, as ratios and cycles are, of which two rows have no sum."""
    (again,) = grouped(COUNT, "1;500;x", "1;500;y").doubts
    assert (again.code, again.place.column) == ("repeated-amount", "A")


MOVED = "moved: {each: lots, on: LOT, distinct: C, type: EventProduct, quantity: {from: A, unit: KGM}}"


def distinct(document: str, *rows: str) -> Result:
    """Orders of another source, each with its rows of lots; several rows of a charge C are one."""
    plan = plan_of(f"orders: {CSV}}}\nlots: {CSV}}}", document)
    return result_of(plan, orders=b"LOT\n1\n1", lots="\n".join(["LOT;C;A;B", *rows]).encode())


def test_what_a_distinct_passes_over_is_told_where_it_says_otherwise() -> None:
    """The amounts of later rows of a charge were gone without a word; a row is told once, however many documents."""
    result = distinct(MOVED, "1;a;5;x", "1;a;7;x", "1;b;1;x", "1;a;;x", "1;a;5;y", "1;a;8;x")
    assert [each.subject["moved"] for each in result.mapped] == [
        [{"type": "EventProduct", "quantity": {"type": "Quantity", "value": one, "unit": "KGM"}} for one in "51"]
    ]
    (doubt,) = result.doubts
    assert (doubt.code, doubt.place.column, doubt.place.line) == ("repeated-key-differs", "A", 3)
    assert doubt.message == (
        "2 later rows of one `C` (`distinct`) say otherwise than the first, which alone counts: `7` in line 3, `5` in"
        " line 2; they are lines 3, 7"
    )
    assert "take `distinct` away" in doubt.hint
    assert "`accept: [repeated-key-differs]` at the source `lots`" in doubt.hint


@pytest.mark.parametrize(
    "document",
    [
        "upstream: {each: lots, on: LOT, distinct: C, value: C}",
        "upstream: {each: lots, on: LOT, distinct: C, where: {column: A, in: ['5', '7']}, value: C}",
        "moved: {each: lots, on: LOT, distinct: A, type: EventProduct, quantity: {from: A, unit: KGM}}",
    ],
)
def test_what_a_distinct_is_for_is_not_told(document: str) -> None:
    """Rows that say the same in what is read of them; what chooses them is no value."""
    assert distinct(document, "1;a;5;x", "1;a;7;x").doubts == ()


@pytest.mark.parametrize(
    ("document", "rows"),
    [
        (CYCLES, ["1;500;x", "1;500;y"]),
        (SHARE, ["1;12,5;a", "1;12,5;b"]),  # the column is not read, or says the same and does not add up
        (PLAIN, ["1;12,5;", "1;;"]),  # a merged cell
        (PLAIN, ["1;wrong;", "1;12,5;"]),  # no document, a finding
        (SUM, ["1;12,5;", "1;950;", "1;950;"]),  # all rows count
        (f"{PLAIN}\n{EACH}", ["1;7;x", "1;7;x"]),  # the rows are listed, and repeat what is their lot's
        (EACH, ["1;7;x", "1;8;y"]),  # the plan leaves it out by name
    ],
)
def test_what_no_row_loses_is_not_told(document: str, rows: list[str]) -> None:
    """Header values that items repeat, and rows that are joined."""
    assert grouped(document, *rows).doubts == ()
