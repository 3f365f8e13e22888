"""The process that runs the SQL of a plan's source: tables on standard input, rows as JSON on standard output.

Started by `shaper.py`, once per source. DuckDB has no file, no network, no extension, no temporary space, one thread
and a cap on memory; its settings are locked before the SQL is looked at (`mapping/sql.py`), and by then the process can
open nothing and write no file. What a result is: `mapping/shaping.py`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, BinaryIO

import orjson

from connector.mapping.sql import MARK, bad_type, failure, is_ordered, number_macro, objection, out_of_bounds, too_deep
from connector.peers.workbook_child import cap

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from connector.model import Finding, JsonObject

MAX_CELLS = 20_000_000
_EXACT = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "UHUGEINT",
)
_TEXTS = ("VARCHAR", "BOOLEAN")
_DATES = ("DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS")
_ROOM = 1 << 29
"""What the process needs beside the database: code, the rows on their way."""


def _settings(memory: int) -> tuple[str, ...]:
    return (
        "SET threads = 1", f"SET memory_limit = '{memory >> 20}MiB'", "SET temp_directory = ''",
        "SET autoinstall_known_extensions = false", "SET autoload_known_extensions = false",
        "SET allow_community_extensions = false", "SET python_enable_replacements = false",
        "SET enable_progress_bar = false", "SET TimeZone = 'UTC'", "SET errors_as_json = true",
        "SET enable_external_access = false",
    )  # fmt: skip


def _name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def filled(request: JsonObject, lines: BinaryIO) -> DuckDBPyConnection:
    """A database that has the tables of a request and may do nothing but answer."""
    import duckdb  # noqa: PLC0415  # an extra; whoever has no SQL in a plan never loads it

    database = duckdb.connect(":memory:")
    for setting in _settings(int(str(request["memory"]))):
        database.execute(setting)
    database.execute(number_macro())
    for table, columns in _tables(request).items():
        listed = ", ".join(f"{_name(column)} VARCHAR" for column in (MARK, *columns))
        database.execute(f"CREATE TABLE {_name(table)} ({listed})")
    for line in lines:
        chunk = orjson.loads(line)
        cells = [lines.readline().decode() for _ in range(chunk["columns"])]
        texts = ", ".join("unnest(from_json(?, '[\"VARCHAR\"]'))" for _ in cells)
        database.execute(f"INSERT INTO {_name(chunk['table'])} SELECT {texts}", cells)
    database.execute("SET lock_configuration = true")
    return database


def volatile(database: DuckDBPyConnection) -> frozenset[str]:
    """The functions that may give something else at each call."""
    found = database.execute("SELECT function_name FROM duckdb_functions() WHERE stability = 'VOLATILE'")
    return frozenset(str(row[0]) for row in found.fetchall())


def catalogue(database: DuckDBPyConnection) -> frozenset[str]:
    """The views that tell of the database."""
    found = database.execute("SELECT view_name FROM duckdb_views()")
    return frozenset(str(row[0]).lower() for row in found.fetchall())


def answer(database: DuckDBPyConnection, request: JsonObject, chance: frozenset[str]) -> JsonObject | Finding:
    """The rows that a request's SQL gives, or why there are none. `chance`: what is `volatile`."""
    import duckdb  # noqa: PLC0415  # see above

    source, sql, tables, listed = str(request["source"]), str(request["sql"]), _tables(request), request["there_are"]
    there_are = [str(name) for name in listed] if isinstance(listed, list) else []
    try:
        serialized = database.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()
        assert serialized is not None
        tree = orjson.loads(serialized[0])
        own = catalogue(database)
        refused = objection(source, sql, tree, tables, there_are=there_are, chance=chance, catalogue=own)
        return refused or _rows(source, database.execute(sql), ordered=is_ordered(tree))
    except duckdb.Error as error:
        _, _, told = str(error).partition(": ")
        return failure(source, sql, orjson.loads(told) if told.startswith("{") else {"exception_message": told}, tables)
    except orjson.JSONDecodeError:  # of the tree, which the database wrote: it reads no deeper than 1024
        return too_deep(source)
    except MemoryError:
        return out_of_bounds(source, "needs more memory than it may have")


def _tables(request: JsonObject) -> dict[str, list[str]]:
    listed = request["tables"]
    assert isinstance(listed, dict)
    return {name: [str(each) for each in columns] for name, columns in listed.items() if isinstance(columns, list)}


def _rows(source: str, cursor: DuckDBPyConnection, *, ordered: bool) -> JsonObject | Finding:
    """The result. Where the SQL says no order, rows stand as the rows that they name, then by their cells."""
    columns = [(str(name), str(kind)) for name, kind, *_ in cursor.description]
    for name, kind in columns:
        if kind not in _TEXTS and not kind.startswith("DECIMAL") and kind not in _EXACT + _DATES:
            return bad_type(source, name, kind)
    rows: list[list[str | None]] = []
    while chunk := cursor.fetchmany(10_000):
        rows += ([_text(cell) for cell in row] for row in chunk)
        if len(rows) * len(columns) > MAX_CELLS:
            return out_of_bounds(source, f"gives more than {MAX_CELLS:,} cells")
    if not ordered:
        first = [index for index, (name, _) in enumerate(columns) if name.lower().startswith(MARK)]
        order = [*first, *(index for index in range(len(columns)) if index not in first)]
        rows.sort(key=lambda row: [(row[index] is not None, row[index] or "") for index in order])
    return {"columns": [[name, _kind(kind)] for name, kind in columns], "rows": rows}  # type: ignore[dict-item]  # lists of texts are JSON


def _text(cell: object) -> str | None:
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return cell.isoformat() if hasattr(cell, "isoformat") else str(cell)


def _kind(kind: str) -> str:
    if kind in _DATES:
        return "d"
    return "n" if kind in _EXACT or kind.startswith("DECIMAL") else "t"


def main() -> None:
    """Run one SQL."""
    lines = sys.stdin.buffer
    request = orjson.loads(lines.readline())
    cap(request["memory"] + _ROOM, request["seconds"])
    import duckdb  # noqa: PLC0415  # see above

    said: JsonObject | Finding
    try:
        database = filled(request, lines)
        cap(closed=True)
        said = answer(database, request, volatile(database))
    except (duckdb.OutOfMemoryException, MemoryError):
        said = out_of_bounds(str(request["source"]), "and the exports need more memory than they may have")
    if not isinstance(said, dict):
        place = said.place
        found: JsonObject = {"code": said.code, "message": said.message, "hint": said.hint, "line": place.line}
        said = {"finding": found | {"value": place.value}}
    sys.stdout.buffer.write(orjson.dumps(said))


if __name__ == "__main__":
    main()
