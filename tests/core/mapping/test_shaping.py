"""Sources that SQL makes: what goes in, what comes back, what is said of errors. No database runs here."""

from __future__ import annotations

import orjson
import pytest

from connector.errors import BadPlan
from connector.mapping.engine import Result, compile_plan, run
from connector.mapping.plan import Plan
from connector.mapping.preview import describe, given_to_sql, try_examples
from connector.mapping.reading import open_table
from connector.mapping.shaping import Held, hold, lost, request, result
from connector.mapping.source import NumberCell, SourceFile
from connector.mapping.sql import failure, objection
from connector.model import Finding, Json, JsonObject, object_in
from tests.core.mapping.trial import CSV, file, mint, plan_of, seen, workbook

LOTS = b"LOT;MENGE;me;ME\n0010;1,5;kg;\n0020;1E5;;t\n"
SHAPED = 'made: {sql: "SELECT * FROM lots", key: LOT, locale: de, null: ["-"]}'
PLAN = plan_of(f"lots: {CSV}}}\n{SHAPED}", "netMass: {from: MENGE, unit: KGM}", "from: made\nkey: LOT")
QUERY = PLAN.queries()["made"]


def held(data: bytes = LOTS, plan: Plan = PLAN) -> Held:
    """The export as a table."""
    source = plan.sources["lots"]
    return hold(source, open_table("lots", source, [file("lots.csv", data)]))


def mapped(columns: list[list[str]], rows: list[list[str | None]], data: bytes = LOTS) -> Result:
    """A run over what the database is said to answer."""
    answer: JsonObject = {"columns": list[Json]([*columns]), "rows": list[Json]([*rows])}  # type: ignore[list-item]  # lists of texts are JSON
    return run(PLAN, {"made": [result("made", QUERY, "0" * 64, [held(data)], answer)]}, mint=mint)


def test_cells_go_in_as_they_are_written() -> None:
    """No type is guessed, an empty cell is NULL; what SQL would take for one name is two."""
    lines = request("made", QUERY, [held()], there_are=["lots"], limits={"memory": 1, "seconds": 1}).splitlines()
    first = orjson.loads(lines[0])
    assert first["tables"] == {"lots": ["LOT", "MENGE", "me", "ME#2"]}
    assert (first["sql"], first["memory"]) == ("SELECT * FROM lots", 1)
    assert orjson.loads(lines[1]) == {"table": "lots", "columns": 5}
    assert [orjson.loads(line) for line in lines[2:]] == [
        ["lots:000000001", "lots:000000002"], ["0010", "0020"], ["1,5", "1E5"], ["kg", None], [None, "t"],
    ]  # fmt: skip


def test_a_stored_number_goes_in_as_the_sources_locale_writes_it_and_comes_back_as_stored() -> None:
    """With a point `number(MENGE, 'de')` would read 1.125 as 1125. Percent stays what people see."""
    plan = plan_of(
        'lots: {file: "*", format: xlsx, locale: de, key: LOT}\n' + SHAPED,
        "netMass: {from: MENGE, unit: KGM}", "from: made\nkey: LOT",
    )  # fmt: skip
    source, query = plan.sources["lots"], plan.queries()["made"]
    data = workbook([["LOT", "MENGE"], ["L1", 1.125], ["L2", "1,5"], ["L3", "1.5"]])
    table = hold(source, open_table("lots", source, [file("lots.xlsx", data)]))
    *_, cells = request("made", query, [table], there_are=["lots"], limits={}).splitlines()
    assert orjson.loads(cells) == ["1,125", "1,5", "1.5"]
    rows: list[Json] = [["lots:000000001", "L1", "1,125"], [None, "L1b", "1,125"], ["lots:000000002", "L2", "1,5"]]
    answer: JsonObject = {"columns": [["_row", "t"], ["LOT", "t"], ["MENGE", "t"]], "rows": rows}
    found = run(plan, {"made": [result("made", query, "0" * 64, [table], answer)]}, mint=mint)
    assert [object_in(mapped.subject["netMass"])["value"] for mapped in found.mapped] == ["1.125", "1.125", "1.5"]
    assert found.mapped[0].lineage.cells()["/netMass/value"][0].file == "lots.xlsx"


def test_only_rows_that_count_and_columns_that_may_be_missing() -> None:
    """A source's `where` and `optional` hold for SQL too."""
    more = ', optional: [CO], where: {column: LOT, in: ["0020"]}}'
    table = held(plan=plan_of(f"lots: {CSV}{more}\n{SHAPED}", "materialType: =ore"))
    assert (table.columns, table.places[-1]) == (("LOT", "MENGE", "me", "ME#2", "CO"), -1)
    assert [row.line for row in table.rows] == [3]


def test_a_row_stands_where_the_row_that_it_names_stands() -> None:
    """Its cells too, by name and text; what SQL computed is told at its row of the result."""
    good = mapped([["_row", "t"], ["LOT", "t"], ["MENGE", "n"]], [["lots:000000001", "0010", "2.500"]])
    (document,) = good.mapped
    assert (document.place.source, document.place.line) == ("lots.csv", 2)
    assert document.subject["netMass"] == {"type": "Quantity", "value": "2.5", "unit": "KGM"}
    cells = document.lineage.cells()["/netMass/value"]
    assert [(cell.file, cell.line, cell.unit, cell.value) for cell in cells] == [("SQL of `made`", 1, "row", "2.5")]
    kept = document.lineage.as_json()
    assert kept["files"] == [{"name": "SQL of `made`", "sha256": "0" * 64, "sheet": "", "unit": "row"}]

    bad = mapped([["LOT", "t"], ["MENGE", "t"], ["_row_1", "t"]], [["0020", "1E5", "lots:000000002"]])
    assert [seen(each) for each in bad.findings] == [(2, 3, "MENGE", "1E5", "bad-number")]
    assert bad.findings[0].place.source == "lots.csv"


def test_a_computed_cell_that_does_not_fit_names_the_row_it_is_made_from() -> None:
    """And a row that names none is told by its number."""
    bad = mapped([["_row", "t"], ["LOT", "t"], ["MENGE", "t"]], [["lots:000000002", "0020", "x"]])
    assert (bad.findings[0].place.source, bad.findings[0].place.line) == ("SQL of `made`", 1)
    assert bad.findings[0].hint.endswith("made from lots.csv, line 3")
    lone = mapped([["LOT", "t"], ["MENGE", "t"]], [["1", "1"], ["2", "x"], ["3", "-"], ["4", None]])
    assert [seen(each)[1:] for each in lone.findings] == [(2, "MENGE", "x", "bad-number")]
    assert lone.findings[0].place.unit == "row"
    assert [one.subject.get("netMass") for one in lone.mapped][1:] == [None, None]


def test_numbers_of_sql_and_of_workbooks() -> None:
    """What SQL counts or adds up needs no locale, and may be text; what a workbook stores as a number stays marked."""
    (counted,) = mapped([["LOT", "n"], ["MENGE", "n"]], [["10", "1500.25"]]).mapped
    assert (counted.key, counted.subject["netMass"]) == (
        "10", {"type": "Quantity", "value": "1500.25", "unit": "KGM"},
    )  # fmt: skip
    source = plan_of('b: {file: "*.xlsx", format: xlsx, locale: en, key: LOT}', "materialType: =ore").sources["b"]
    table = hold(source, open_table("b", source, [file("b.xlsx", workbook([["LOT"], [4711]]))]))
    answer: JsonObject = {"columns": [["_row", "t"], ["LOT", "t"]], "rows": [["b:000000001", "4711"]]}
    made = result("made", QUERY, "", [table], answer).made
    assert made is not None
    assert isinstance(made.rows[0].cells[0], NumberCell)
    book = SourceFile(name="x", digest="", made=made)
    assert [each.code for each in run(PLAN, {"made": [book]}, mint=mint).findings] == ["column-missing"]
    keyed = plan_of(f"lots: {CSV}}}\n{SHAPED}", "materialType: =ore", "from: made\nkey: LOT")
    assert [each.code for each in run(keyed, {"made": [book]}, mint=mint).findings] == ["number-not-text"]


def test_a_row_of_an_export_that_cannot_be_read_stops_the_run() -> None:
    """It may belong to any row of the result."""
    broken = lost("made", "", [held(b"LOT;MENGE\n0010;1;2;3\n0020;1\n")])
    assert broken is not None
    told = run(PLAN, {"made": [broken]}, mint=mint)
    assert (told.stopped, told.mapped, [each.code for each in told.findings]) == (True, (), ["row-width"])


def test_a_column_that_the_sql_does_not_give() -> None:
    """One finding, with the nearest name, and no talk of preambles."""
    told = mapped([["LOT", "t"], ["MENGEN", "t"]], [["1", "1"]])
    (found,) = told.findings
    assert (found.code, told.stopped) == ("column-missing", True)
    assert "is it `MENGEN`?" in found.message
    assert "skip_until" not in found.hint


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ('{sql: "SELECT 1", file: "*.csv"}', "file"),
        ('{sql: "SELECT 1", encoding: utf-8}', "encoding"),
        ("{sql: ''}", "empty"),
        ("{sql: [SELECT 1]}", "text"),
        ('{format: sql, file: "*.csv"}', "one of"),
        ('{sql: "SELECT 1", key: LOT}', "locale"),
    ],
)
def test_a_plan_says_only_what_sql_has(source: str, said: str) -> None:
    """Nothing about files beside `sql`; and how its texts write numbers."""
    with pytest.raises(BadPlan, match=said):
        compile_plan(plan_of(f"made: {source}", "netMass: {from: M, unit: KGM}"))


def test_names_that_sql_takes_for_one() -> None:
    """Two sources that differ in capitals only."""
    with pytest.raises(BadPlan, match="two sources"):
        plan_of(f"lots: {CSV}}}\nLots: {CSV}}}\n{SHAPED}", "materialType: =ore")


def test_an_example_gives_rows_to_the_sql_or_for_it() -> None:
    """The SQL is not run where the example gives its rows; a plan is described by both."""
    plan = plan_of(f"lots: {CSV}}}\n{SHAPED}", "netMass: {from: MENGE, unit: KGM}", """
        from: made
        key: LOT
        examples:
          - {given: {made: [{LOT: "1", MENGE: "2"}]}, gives: {netMass: {value: "2"}}}
          - {given: {lots: [{LOT: "1", MENGE: "2"}]}, gives: {netMass: {value: "3"}}}
    """)  # fmt: skip
    compiled = compile_plan(plan)
    direct, below = (given_to_sql(compiled, example) for example in plan.examples)
    assert (direct, [len(table.rows) for table in below["made"]]) == ({}, [1])
    answer: JsonObject = {"columns": [["LOT", "t"], ["MENGE", "t"]], "rows": [["1", "2"]]}
    made = result("made", plan.queries()["made"], "", below["made"], answer)
    tried = try_examples(plan, {}, mint, [{}, {"made": made}])
    assert [one.differences for one in tried] == [(), ("/netMass/value: expected '3', got '2'",)]
    assert describe(plan)["sources"] == {
        "made": {"sql": "SELECT * FROM lots", "of": ["lots"], "columns": ["LOT", "MENGE"]},
        "lots": {"file": "*.csv", "format": "csv", "columns": []},
    }


@pytest.mark.parametrize(
    ("error", "code", "line", "said"),
    [
        ({"exception_type": "Binder", "exception_message": 'Referenced column "MENG" not found in FROM clause!',
          "position": "31", "error_subtype": "COLUMN_NOT_FOUND"}, "bad-sql", 1, "did you mean `MENGE`?"),
        ({"exception_type": "Out of Memory", "exception_message": "failed to allocate"}, "sql-limit", 0, "join"),
        ({"exception_type": "Parser", "exception_message": "syntax error", "position": "36"}, "bad-sql", 2, ""),
        ({"exception_type": "Invalid Input", "exception_message": "no-number:de:1.5:x"}, "bad-number", 0, "locale"),
        ({"exception_type": "Invalid Input", "exception_message": "no-locale:xx"}, "bad-sql", 0, "known: plain"),
        ({"exception_message": "words of another version"}, "bad-sql", 0, ""),
    ],
)  # fmt: skip
def test_errors_of_the_database_are_findings(error: JsonObject, code: str, line: int, said: str) -> None:
    """With the line in the SQL, and what to do. Positions count bytes."""
    found = failure("made", f"SELECT '{'ü' * 10}', MENG\nFROM lots", error, {"lots": ["LOT", "MENGE"]})
    assert (found.code, found.place.line, found.place.source) == (code, line, "SQL of `made`")
    assert said in found.message + found.hint


def test_a_text_that_is_no_number_is_told_where_it_stands() -> None:
    """The first cell of an export that is written so."""
    told: JsonObject = {"code": "bad-number", "message": "m", "hint": "h", "line": 3, "value": "1E5"}
    broken = result("made", QUERY, "", [held()], {"finding": told}).broken
    assert broken is not None
    assert (broken.place.source, broken.place.line, broken.place.column) == ("lots.csv", 3, "MENGE")
    assert broken.hint == "h (line 3 of the SQL of `made`)"
    assert seen(run(PLAN, {"made": [SourceFile(name="x", digest="", broken=broken)]}, mint=mint).findings[0])[1] == 3


def test_a_text_that_several_columns_have_is_blamed_on_none() -> None:
    """Which of them the SQL read is not known: a wrong cell would be looked at in vain."""
    told: JsonObject = {"code": "bad-number", "message": "m", "hint": "h", "line": 3, "value": "kg"}
    table = held(b"LOT;MENGE;me;ME\n0010;1,5;kg;\n0020;kg;;t\n")
    broken = result("made", QUERY, "", [table], {"finding": told}).broken
    assert broken is not None
    assert (broken.place.source, broken.place.line) == ("SQL of `made`", 3)
    assert broken.hint == "h (this text stands in lots.me, lots.MENGE)"


def test_a_tree_deeper_than_calls_is_judged() -> None:
    """By a list of its own."""
    deep: Json = {"type": "BASE_TABLE", "table_name": "secret"}
    for _ in range(50_000):
        deep = {"left": deep}
    tree: JsonObject = {"statements": [{"node": {"type": "SELECT_NODE", "cte_map": {"map": []}, "from_table": deep}}]}
    found = objection("made", "", tree, {}, there_are=["lots"], chance=frozenset())
    assert isinstance(found, Finding)
    assert found.message == "There is no table `secret`."
