"""What SQL may stand in a plan, judged on its syntax tree, and the database's errors as findings with a line.

The SQL of a `sql:` source is one SELECT over the plan's other sources. It reads nothing else (no file, no catalogue),
changes nothing, and gives the same rows from the same exports: no clock, no chance. What is not known to be so is
refused before it runs. `peers/shape_child.py` runs it, with all ways out closed as well; what its rows become:
`shaping.py`. The tree is that of DuckDB's `json_serialize_sql`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

from connector.mapping.numerals import LOCALES
from connector.model import Finding, Json, JsonObject, Place

MARK = "_row"
"""The column of each table that says which row of which source it is."""
Columns = Mapping[str, Sequence[str]]
"""The columns of each table."""

_QUERIES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
_TABLE_FUNCTIONS = frozenset({"range", "generate_series", "unnest"})
_BARE = frozenset([
    "current_catalog", "current_date", "current_role", "current_schema", "current_time", "current_timestamp",
    "current_user", "localtime", "localtimestamp", "session_user", "user",
])  # fmt: skip
"""What depends on the clock or the session where a bare word says it; a column of that name comes first."""
_CLOCKS = _BARE | frozenset([
    "age", "ago", "current_database", "current_localtime", "current_localtimestamp", "current_schemas",
    "current_setting", "get_current_time", "get_current_timestamp", "getenv", "getvariable", "in_search_path", "now",
    "pg_conf_load_time", "pg_postmaster_start_time", "today", "transaction_timestamp", "txid_current", "version",
])  # fmt: skip
"""The same as functions, macros over them among these."""
_ONE = "one SELECT (or WITH ... SELECT, VALUES, PIVOT ... IN ...) over the plan's sources"
_SHOWN = 30
_UNKNOWN_COLUMN = re.compile(r'column (?:named )?"([^"]+)"')
_CAST = re.compile(
    r'Could not convert string (["\'])(.*)\1 to |(?:invalid|date|time|timestamp) field [^:]*: "(.*?)"', re.DOTALL
)
_SAID = re.compile(r"(no-number|no-locale):([^:]*):?(.*)", re.DOTALL)
"""What `number_macro` says of a text."""


def number_macro() -> str:
    """`number(text, locale)`: a number as the locale writes it, as a decimal; another text ends the run."""
    cases = " ".join(
        f"WHEN locale = '{locale}' AND regexp_full_match(t, '{_quoted(_spelling(groups, marks))}') "
        f"THEN CAST({_plain(groups, marks)} AS DECIMAL(38, 10))"
        for locale, (groups, marks) in LOCALES.items()
    )
    known = ", ".join(f"'{locale}'" for locale in LOCALES)
    otherwise = "error('no-number:' || locale || ':' || t)"
    return (
        f"CREATE MACRO number(t, locale) AS CASE WHEN t IS NULL THEN NULL {cases} "
        f"WHEN locale NOT IN ({known}) THEN error('no-locale:' || locale) ELSE {otherwise} END"
    )


def _spelling(groups: str, marks: str) -> str:
    grouped = "".join(f"[1-9][0-9]{{0,2}}(?:[{mark}][0-9]{{3}})+|" for mark in groups)
    return f"[+-]?(?:{grouped}[0-9]+)(?:[{marks}][0-9]{{1,10}})?"


def _plain(groups: str, marks: str) -> str:
    text = f"translate(t, '{_quoted(groups)}', '')" if groups else "t"
    return f"replace({text}, ',', '.')" if "," in marks else text


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def name_of(source: str) -> str:
    """How findings call the SQL of a source."""
    return f"SQL of `{source}`"


# --- what may run ---


def objection(
    source: str, sql: str, tree: JsonObject, tables: Columns, *, there_are: Sequence[str], chance: frozenset[str],
    catalogue: frozenset[str] = frozenset(),
) -> Finding | None:  # fmt: skip
    """Why this SQL is not run, or None. `there_are`: all that could be its tables; `chance`: what the database calls
    volatile; `catalogue`: its own tables, which a WITH of that name does not open.
    """
    if tree.get("error"):
        if tree.get("error_type") == "parser":
            return _finding(source, "bad-sql", f"{tree.get('error_message')}.", _ONE, _line(sql, tree))
        return _finding(source, "sql-refused", "This is no SELECT.", _ONE)
    statements = tree.get("statements")
    if not isinstance(statements, list) or len(statements) != 1:
        return _finding(source, "sql-refused", "There is more or less than one SELECT.", _ONE)
    nodes = list(_nodes(statements[0]))
    named = {name for node in nodes for name in _named(node)}
    known = {name.lower() for name in tables} | (named - catalogue)
    columns = {column.lower() for listed in tables.values() for column in listed}
    forbidden = (chance | _CLOCKS) - {"error"}
    for node in nodes:
        said = _refused_table(node, known, there_are) or _refused_call(node, forbidden, columns)
        if said is not None:
            return _finding(source, "sql-refused", said[0], said[1], _line(sql, node))
    return None


def is_ordered(tree: JsonObject) -> bool:
    """Whether the SQL says an order for its rows."""
    statements = tree["statements"]
    assert isinstance(statements, list)
    query = statements[0]
    assert isinstance(query, dict)
    node = query["node"]
    assert isinstance(node, dict)
    modifiers = node.get("modifiers")
    found = modifiers if isinstance(modifiers, list) else []
    return any(isinstance(one, dict) and one.get("type") == "ORDER_MODIFIER" for one in found)


def _nodes(tree: Json) -> Iterator[JsonObject]:
    """All nodes; by a list of its own, for a tree may be deeper than Python's calls."""
    left: list[Json] = [tree]
    while left:
        node = left.pop()
        if isinstance(node, dict):
            yield node
            left.extend(reversed(list(node.values())))
        elif isinstance(node, list):
            left.extend(reversed(node))


def _named(node: JsonObject) -> Iterator[str]:
    """The names that a WITH gives."""
    listed = node.get("cte_map")
    for one in listed.get("map", []) if isinstance(listed, dict) else []:  # type: ignore[union-attr]  # a list, by DuckDB
        if isinstance(one, dict):
            yield str(one.get("key")).lower()


def _refused_table(node: JsonObject, known: set[str], there_are: Sequence[str]) -> tuple[str, str] | None:
    kind, name = node.get("type"), str(node.get("table_name", ""))
    if "cte_map" in node and kind not in _QUERIES:
        return "The SQL changes something.", _ONE
    if node.get("sample") is not None:
        return "A sample is another one in each run.", "choose rows by what they hold"
    if kind == "BASE_TABLE" and (node.get("schema_name") or node.get("catalog_name") or name.lower() not in known):
        near = get_close_matches(name, there_are, n=1)
        did = f"did you mean `{near[0]}`? " if near else ""
        return f"There is no table `{name}`.", f"{did}The tables are the plan's exports: {', '.join(there_are)}"
    if kind == "SHOW_REF":
        return "DESCRIBE, SHOW and SUMMARIZE tell of tables, and give no rows of them.", _ONE
    called = node.get("function")
    if kind == "TABLE_FUNCTION" and isinstance(called, dict):
        function = str(called.get("function_name", ""))
        if function.lower() not in _TABLE_FUNCTIONS:
            hint = "files are read by the plan's sources; the SQL has them as tables"
            return f"`{function}` cannot be used: SQL reads nothing but the plan's sources.", hint
    return None


def _refused_call(node: JsonObject, forbidden: frozenset[str], columns: set[str]) -> tuple[str, str] | None:
    kind, name = node.get("class"), str(node.get("function_name", "")).lower()
    if kind == "COLUMN_REF":
        path = node.get("column_names")
        word = str(path[0]).lower() if isinstance(path, list) and len(path) == 1 else ""
        name = "" if word in columns else word
        forbidden = _BARE
    elif kind not in {"FUNCTION", "WINDOW"}:
        return None
    if name in forbidden:
        return f"`{name}` gives something else in each run.", "the same exports have to give the same documents"
    return None


# --- what went wrong ---


def failure(source: str, sql: str, error: JsonObject, tables: Columns) -> Finding:
    """An error of the database as a finding. `error`: its JSON (`errors_as_json`)."""
    text, kind = str(error.get("exception_message", "")), error.get("exception_type")
    first, line = text.partition("\n")[0].rstrip("!."), _line(sql, error)
    if kind == "Out of Memory":
        return out_of_bounds(source, "needs more memory than it may have")
    said = _SAID.search(text)
    if said is not None and said[1] == "no-number":
        hint = "number(COLUMN, 'de') says how the column's numbers are written; leave out rows that hold none"
        message = f"`{said[3][:80]}` is no number in the locale {said[2]}."
        return _finding(source, "bad-number", message, hint, line, value=said[3])
    if said is not None:
        return _finding(source, "bad-sql", f"`{said[2][:80]}` is no locale.", f"known: {', '.join(LOCALES)}", line)
    cast = _CAST.search(text)
    if kind == "Conversion" or cast is not None:
        value = (cast[2] or cast[3] or "") if cast is not None else ""
        hint = "number(COLUMN, 'de') reads numbers as the locale writes them; TRY_CAST gives NULL instead"
        return _finding(source, "bad-cast", f"{first}.", hint, line, value=value)
    if error.get("error_subtype") == "COLUMN_NOT_FOUND" or "does not have a column named" in text:
        return _no_column(source, text, line, tables)
    if kind == "Binder" and "No function matches" in text:
        hint = "every column is text: number(COLUMN, 'de') or CAST(COLUMN AS ...) makes something else of it"
        return _finding(source, "bad-sql", f"{first}.", hint, line)
    return _finding(source, "bad-sql", f"{first}.", _nearest(error), line)


def out_of_bounds(source: str, why: str) -> Finding:
    """The finding for SQL that was ended."""
    hint = "does a join lack its condition, or a recursion its end? Filter first, then join"
    return _finding(source, "sql-limit", f"The SQL {why}.", hint)


def too_deep(source: str) -> Finding:
    """The finding for SQL whose tree is nested deeper than it can be judged."""
    hint = "concat(A, B, ...) or list_sum([A, B, ...]) instead of a long chain of operators; or WITH, step by step"
    return _finding(source, "bad-sql", "The SQL is nested too deep.", hint)


def bad_type(source: str, column: str, kind: str) -> Finding:
    """The finding for a result column that is neither text nor an exact number, a date, a truth value."""
    near = kind in {"DOUBLE", "FLOAT"}
    why = "is only near the true number" if near else "is no cell"
    cast = "DECIMAL(38, 6)" if near else "VARCHAR"
    return _finding(source, "bad-sql", f"The column `{column}` is of type {kind}, which {why}.",
                    f"CAST(... AS {cast}) in the SELECT")  # fmt: skip


def _no_column(source: str, text: str, line: int, tables: Columns) -> Finding:
    found = _UNKNOWN_COLUMN.search(text)
    name = found[1] if found is not None else ""
    known = [column for columns in tables.values() for column in columns]
    near = get_close_matches(name, known, n=1)
    did = f"did you mean `{near[0]}`? " if near else ""
    listed = "; ".join(f"{table}: {', '.join(columns[:_SHOWN])}" for table, columns in tables.items())
    return _finding(source, "bad-sql", f"There is no column `{name}`.", f"{did}There are, of {listed}", line)


def _nearest(error: JsonObject) -> str:
    candidates = str(error.get("candidates") or "")
    return f"nearest: {candidates[:200]}" if candidates else ""


def _line(sql: str, node: JsonObject) -> int:
    """The line in the SQL; positions count the bytes of UTF-8."""
    found = node.get("position", node.get("query_location"))
    position = int(found) if isinstance(found, str | int) else -1
    data = sql.encode()
    return data[:position].count(b"\n") + 1 if 0 <= position <= len(data) else 0


def _finding(source: str, code: str, message: str, hint: str, line: int = 0, *, value: str = "") -> Finding:
    said = message[:1].upper() + message[1:]
    return Finding(code=code, message=said, hint=hint, place=Place(source=name_of(source), line=line, value=value))
