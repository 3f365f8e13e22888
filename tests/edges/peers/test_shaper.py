"""SQL of plans, run by DuckDB: what it gives, what it may not, and what ends it."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from connector.errors import BadInput
from connector.mapping.engine import Result, run
from connector.mapping.plan import Plan
from connector.mapping.reading import open_table
from connector.mapping.shaping import hold, request
from connector.mapping.sql import _CLOCKS
from connector.model import Finding, JsonObject
from connector.peers import shaper
from connector.peers.files import Exports
from connector.peers.shape_child import answer, filled, volatile
from connector.peers.shaper import Shaper
from tests.core.mapping.trial import CSV, file, mint, plan_of

LOTS = b"LOT;MENGE;D\n0010;1.234,5;1E5\n0020;2;01.02.2026\n0030;;true\n"
ASSAYS = b"LOT;AN;V\n0020;Ni;7\n0010;Ni;5,5\n0010;Co;1,25\n"
DOCUMENT = "netMass: {from: M, unit: KGM}"


def plan(sql: str) -> Plan:
    """A plan whose documents are this SQL's rows."""
    text = "\n".join(f"    {line}" for line in sql.splitlines())
    sources = [f"lots: {CSV.replace('*', 'L_*')}}}", f"assays: {CSV.replace('*', 'A_*')}}}"]
    return plan_of("\n".join([*sources, "made:", "  locale: de", "  sql: |", text]), DOCUMENT, "from: made\nkey: LOT")


class Asked:
    """A database with both exports, in this process; it answers any number of questions, for none may change it."""

    def __init__(self, memory: int = 64 << 20) -> None:
        planned, data = plan("SELECT * FROM lots, assays"), {"lots": LOTS, "assays": ASSAYS}
        tables = [
            hold(planned.sources[name], open_table(name, planned.sources[name], [file(f"{name}.csv", data[name])]))
            for name in planned.files()
        ]
        query, limits = planned.queries()["made"], {"memory": memory, "seconds": 5}
        lines = io.BytesIO(request("made", query, tables, there_are=planned.files(), limits=limits))
        self.request = orjson.loads(lines.readline())
        self.database = filled(self.request, lines)
        self.chance = volatile(self.database)

    def __call__(self, sql: str) -> JsonObject | Finding:
        """What the process would say."""
        return answer(self.database, self.request | {"sql": sql}, self.chance)

    def rows(self, sql: str) -> list[list[str | None]]:
        """The rows of a result."""
        said = self(sql)
        assert isinstance(said, dict), said
        found = said["rows"]
        assert isinstance(found, list)
        return found  # type: ignore[return-value]  # lists of texts


@pytest.fixture(scope="module")
def asked() -> Iterator[Asked]:
    """One for all."""
    made = Asked()
    yield made
    made.database.close()


async def mapped(folder: Path, sql: str) -> Result:
    """A whole run over files."""
    (folder / "L_1.csv").write_bytes(LOTS)
    (folder / "A_1.csv").write_bytes(ASSAYS)
    planned = plan(sql)
    return run(planned, await Exports().read(planned, folder), mint=mint)


async def test_a_join_with_a_sum_leads_back_to_the_files(tmp_path: Path) -> None:
    """Documents in the SQL's order, values from numbers as the locale writes them, lineage to file and line."""
    result = await mapped(tmp_path, """\
        SELECT l._row, l.LOT, MENGE, sum(number(a.V, 'de')) AS M
        FROM lots l JOIN assays a ON a.LOT = l.LOT
        GROUP BY ALL ORDER BY l.LOT DESC""")  # fmt: skip
    assert [(one.key, one.place.source, one.place.line) for one in result.mapped] == [
        ("0020", "L_1.csv", 3), ("0010", "L_1.csv", 2),
    ]  # fmt: skip
    assert [one.subject["netMass"] for one in result.mapped] == [
        {"type": "Quantity", "value": value, "unit": "KGM"} for value in ("7", "6.75")
    ]
    assert result.findings == ()


async def test_what_is_wrong_in_the_sql_is_a_finding_of_the_run(tmp_path: Path) -> None:
    """With the line of the SQL; what is no number, with the line of the file."""
    (found,) = (await mapped(tmp_path, "SELECT LOT,\n  MENG AS M\nFROM lots")).findings
    assert (found.code, found.place.source, found.place.line) == ("bad-sql", "SQL of `made`", 2)
    assert "of lots: LOT, MENGE, D" in found.hint
    (number,) = (await mapped(tmp_path, "SELECT LOT, number(D, 'de') AS M FROM lots")).findings
    assert (number.code, number.place.source, number.place.line) == ("bad-number", "L_1.csv", 2)


def test_every_column_is_the_text_of_the_file(asked: Asked) -> None:
    """Leading zeros, exponents, dates, truth words: as written; nothing is NULL but what is empty."""
    assert asked.rows("SELECT LOT, MENGE, D, typeof(D) FROM lots") == [
        ["0010", "1.234,5", "1E5", "VARCHAR"], ["0020", "2", "01.02.2026", "VARCHAR"],
        ["0030", None, "true", "VARCHAR"],
    ]  # fmt: skip


def test_results_keep_an_order(asked: Asked) -> None:
    """The SQL's; else that of the rows that they name, then of their cells."""
    assert asked.rows("SELECT V FROM assays ORDER BY V DESC") == [["7"], ["5,5"], ["1,25"]]
    assert [row[0] for row in asked.rows("SELECT * FROM assays")] == [f"assays:00000000{n}" for n in (1, 2, 3)]
    assert asked.rows("SELECT V FROM assays UNION ALL SELECT LOT FROM lots")[0] == ["0010"]
    assert asked.rows("SELECT V FROM assays") == [["1,25"], ["5,5"], ["7"]]


def test_pivots_and_exact_types(asked: Asked) -> None:
    """What an integrator does to a list of analyses; dates and numbers are said as such."""
    pivot = "SELECT * FROM (SELECT LOT, AN, V FROM assays) PIVOT (max(V) FOR AN IN ('Ni', 'Co')) ORDER BY LOT"
    assert asked.rows(pivot) == [["0010", "5,5", "1,25"], ["0020", "7", None]]
    said = asked("SELECT count(*) AS N, sum(number(V, 'de')) AS S, DATE '2026-01-02' AS T, true AS B FROM assays")
    assert isinstance(said, dict)
    assert said["columns"] == [["N", "n"], ["S", "n"], ["T", "d"], ["B", "t"]]
    assert said["rows"] == [["3", "13.7500000000", "2026-01-02", "true"]]


@pytest.mark.parametrize(
    ("locale", "good", "bad"),
    [
        (
            "de",
            {"1.234,5": "1234.5", "-0,25": "-0.25", "007": "7"},
            ("1,234.5", "1E5", "1.5", "1,50-", "12.34,5"),
        ),
        ("en", {"1,234.5": "1234.5"}, ("1.234,5",)),
        ("plain", {"1234.5": "1234.5"}, ("1,234.5", "1,5")),
        ("fr", {"1 234,5": "1234.5", "1\u202f234,5": "1234.5"}, ("1 23,5",)),
        ("ch", {"1'234.5": "1234.5", "1\u2019234.5": "1234.5"}, ("1'23.5",)),
        ("edi", {"1,5": "1.5", "1.5": "1.5"}, ("1,234.5",)),
    ],
)
def test_numbers_are_read_as_the_locale_writes_them(
    asked: Asked, locale: str, good: dict[str, str], bad: tuple[str, ...]
) -> None:
    """And as nothing else; more places than ten are not cut."""
    for text, value in good.items():
        (row,) = asked.rows(f"SELECT number('{text.replace(chr(39), chr(39) * 2)}', '{locale}') = {value}")
        assert row == ["true"]
    for text in (*bad, "", "1.12345678901", "x"):
        found = asked(f"SELECT number('{text.replace(chr(39), chr(39) * 2)}', '{locale}') AS M")
        assert isinstance(found, Finding)
        assert (found.code, found.place.value) == ("bad-number", text)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM glob('/*')",
        "SELECT * FROM duckdb_settings()",
        "SELECT * FROM information_schema.tables",
        "SELECT * FROM query('SELECT 1')",
        "SELECT * FROM 'https://example.org/x.csv'",
        "FROM sqlite_master",
        "SELECT (SELECT content FROM read_text('/etc/passwd')) AS LOT FROM lots",
        "COPY lots TO '/tmp/x'",
        "COPY (SELECT 1) TO '/tmp/x'",
        "ATTACH '/tmp/x.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "PRAGMA database_list",
        "SET threads = 8",
        "CREATE TABLE x AS SELECT 1",
        "DROP TABLE lots",
        "EXPORT DATABASE '/tmp/x'",
        "CALL pragma_version()",
        "EXPLAIN SELECT 1",
        "SUMMARIZE lots",
        "SELECT 1; DROP TABLE lots",
        "SELECT 1; SELECT 2",
        "WITH x AS (DELETE FROM lots RETURNING LOT) SELECT * FROM x",
        "SELECT getenv('HOME') AS LOT",
        "SELECT current_setting('threads') AS LOT",
        "SELECT random()::VARCHAR AS LOT",
        "SELECT now()::VARCHAR AS LOT",
        "SELECT current_date AS LOT",
        "SELECT gen_random_uuid()::VARCHAR AS LOT",
        "SELECT LOT FROM lots USING SAMPLE 1",
        "SELECT LOT FROM lots TABLESAMPLE 50%",
        "SELECT LOT FROM lots ORDER BY random()",
        "SELECT nextval('x') AS LOT",
        "SELECT ago(INTERVAL 1 day)::VARCHAR AS LOT",
        "SELECT pg_postmaster_start_time()::VARCHAR AS LOT",
        "SELECT pg_conf_load_time()::VARCHAR AS LOT",
        "SELECT user AS LOT FROM lots",
        "SELECT * FROM (WITH sqlite_master AS (SELECT 1) FROM sqlite_master) a, sqlite_master b",
        "SELECT sum(1) OVER (ORDER BY random())::VARCHAR AS LOT FROM lots",
    ],
)
def test_sql_reads_nothing_else_changes_nothing_and_tosses_no_coin(asked: Asked, sql: str) -> None:
    """Refused before it runs."""
    found = asked(sql)
    assert isinstance(found, Finding)
    assert found.code == "sql-refused"
    assert found.hint


def test_no_macro_of_the_database_hides_a_clock(asked: Asked) -> None:
    """A new version may bring another one."""
    macros = asked.database.execute(
        "SELECT function_name FROM duckdb_functions() WHERE function_type = 'macro'"
        " AND regexp_matches(macro_definition, 'current_|localtime|now\\(|today|getenv|random|uuid|version')"
    )
    names = {str(row[0]) for row in macros.fetchall()}
    assert "ago" in names
    assert names <= asked.chance | _CLOCKS


def test_columns_may_have_the_names_of_functions(asked: Asked) -> None:
    """`version` is no function until it is called."""
    renamed = "WITH t AS (SELECT LOT AS version, MENGE AS age FROM lots) SELECT version, age FROM t"
    assert asked.rows(renamed)[1] == ["0020", "2"]


def test_sql_that_is_nested_too_deep_is_told_as_that(asked: Asked) -> None:
    """And not as SQL that takes too long."""
    found = asked("SELECT LOT" + "||LOT" * 700 + " AS M FROM lots")
    assert isinstance(found, Finding)
    assert (found.code, "too deep" in found.message) == ("bad-sql", True)


@pytest.mark.parametrize("kind", ["INTEGER", "DATE", "DECIMAL(10, 2)"])
def test_a_text_that_cannot_be_cast_is_known(asked: Asked, kind: str) -> None:
    """Whatever quotes the database has for it."""
    found = asked(f"SELECT CAST(LOT || 'x' AS {kind}) AS M FROM lots WHERE LOT = '0020'")
    assert isinstance(found, Finding)
    assert (found.code, found.place.value) == ("bad-cast", "0020x")


async def test_no_code_is_loaded_from_the_folder_that_one_stands_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exports come from elsewhere: one that is called as a library must not be run."""
    for name in ("orjson", "duckdb"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(tmp_path)
    assert len((await mapped(tmp_path, "SELECT LOT, NULL::VARCHAR AS M FROM lots")).mapped) == 3


def test_the_database_has_no_way_out_of_its_own() -> None:
    """Even what nobody looked at reads no file, writes none, and changes no setting."""
    import duckdb

    database = filled({"memory": 64 << 20, "tables": {}}, io.BytesIO())
    for sql in ("SELECT * FROM read_csv('/etc/passwd')", "COPY (SELECT 1) TO '/tmp/shaped'", "ATTACH '/tmp/shaped.db'",
                "INSTALL httpfs", "SET enable_external_access = true", "SET lock_configuration = false"):  # fmt: skip
        with pytest.raises(duckdb.Error, match=r"disabled by configuration|configuration has been locked|Cannot"):
            database.execute(sql)
    database.close()
    sealed = "from connector.peers.workbook_child import cap; cap(closed=True); open('/dev/null')"
    child = subprocess.run([sys.executable, "-c", sealed], capture_output=True, check=False)
    assert b"Too many open files" in child.stderr


def test_more_memory_than_there_may_be(asked: Asked) -> None:
    """A finding, and no crash."""
    found = asked("SELECT list(range)::VARCHAR AS LOT FROM range(100000000)")
    assert isinstance(found, Finding)
    assert found.code == "sql-limit"


async def test_exports_that_need_more_memory_than_there_may_be() -> None:
    """Told before any SQL runs, by the process itself."""
    rows = "".join(f"{'x' * 300}{number};1\n" for number in range(12_000))
    files = {"lots": [file("lots.csv", f"LOT;MENGE\n{rows}".encode())]}
    made = await Shaper(memory=1 << 20).make(plan("SELECT LOT, MENGE AS M FROM lots"), "made", files)
    assert made.broken is not None
    assert made.broken.code == "sql-limit"


async def test_what_does_not_end_is_ended() -> None:
    """An endless recursion, a join of everything with everything: killed, and told."""
    endless = (
        "WITH RECURSIVE t AS (SELECT 1 AS x UNION ALL SELECT x FROM t) SELECT count(*) AS LOT FROM t",
        "SELECT count(*) AS LOT FROM range(100000000) a, range(100000000) b WHERE a.range * b.range < 7",
    )
    limits = Shaper(seconds=1)
    made = await asyncio.gather(*(limits.run(plan(sql), "made", "", []) for sql in endless))
    assert [one.broken.code for one in made if one.broken] == ["sql-limit", "sql-limit"]


async def test_without_duckdb_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing but a plan with SQL asks for it."""
    monkeypatch.setattr(shaper, "find_spec", lambda _: None)
    with pytest.raises(BadInput) as said:
        await mapped(tmp_path, "SELECT LOT, MENGE AS M FROM lots")
    assert said.value.hint == "pip install 'battery-connector[shape]'"
    planned = plan("SELECT 1")
    files = {name: source for name, source in planned.sources.items() if name != "made"}
    without = planned.model_copy(update={"sources": files})
    assert set(await Exports().read(without, tmp_path)) == {"lots", "assays"}


def test_nobody_else_loads_duckdb() -> None:
    """Neither the core nor what reads exports."""
    loaded = "import sys, connector.mapping.engine, connector.peers.files; sys.exit('duckdb' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded], check=False).returncode == 0
