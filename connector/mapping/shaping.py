"""Sources that SQL makes of others: their rows on the way into the database, and the result's rows on the way back.

A source becomes a table: each column text as the source's reader gives it, an empty cell NULL, the rows in their order,
and before them the column `_row`, which names the row. Where the result has that column, its rows and cells stand where
that row stands, so that findings and lineage lead to the export; the other rows are told by their number. What SQL may
do is judged in `sql.py`; `peers/shaper.py` has a process of its own run it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import orjson

from connector.mapping.blame import finding, missing_columns, place_of
from connector.mapping.columns import Draft, Frame, MissingColumn, Scope, origins, resolve, test_of
from connector.mapping.exports import Query, Source
from connector.mapping.numerals import LOCALES, plain
from connector.mapping.source import (
    ComputedCell,
    DateCell,
    Made,
    NumberCell,
    Origin,
    Row,
    SourceFile,
    Spots,
    Table,
    Unreadable,
)
from connector.mapping.sql import MARK, name_of
from connector.mapping.tables import numbered
from connector.mapping.unfit import Unfit
from connector.model import Finding, JsonObject, Place

CHUNK = 10_000
"""Rows that go to the database at once."""
_KINDS: dict[str, type[str]] = {"n": ComputedCell, "d": DateCell, "t": str}


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A source as a table: its columns as SQL knows them, where each stands in a row (-1: nowhere), all rows."""

    name: str
    columns: tuple[str, ...]
    places: tuple[int, ...]
    rows: list[Row] = field(default_factory=list)
    findings: tuple[Finding, ...] = ()
    mark: str = "."
    """The decimal mark of the source's locale: a stored number is written with it, as the source's texts are."""

    def text(self, cell: str) -> str:
        """A cell as SQL gets it. With a point `number(COL, 'de')` would read a stored 1.125 as 1125."""
        return cell.replace(".", self.mark) if isinstance(cell, NumberCell) else cell


def hold(source: Source, table: Table, *, only_columns: bool = False) -> Held:
    """Read a source whole; raises `Unreadable`. `me` beside `ME` is `me#2`, for SQL does not tell them apart."""
    known = {column: index for index, column in enumerate(table.columns) if column}
    listed = [*known, *(column for column in source.optional if column not in known)]
    taken, names = {MARK}, []
    for column in listed:
        name, number = column, 1
        while name.lower() in taken:
            number += 1
            name = f"{column}#{number}"
        taken.add(name.lower())
        names.append(name)
    rows = [] if only_columns else list(_counting(source, table, known))
    return Held(name=table.name, columns=tuple(names), places=tuple(known.get(column, -1) for column in listed),
                rows=rows, findings=tuple(table.findings),
                mark=LOCALES[source.number_locale or "plain"][1][0])  # fmt: skip


def _counting(source: Source, table: Table, known: dict[str, int]) -> Iterator[Row]:
    """The rows that count by the source's `where`."""
    scope, draft = Scope(table.name, source, known), Draft()
    try:
        found = [resolve(each.column, scope) for each in source.where]
    except MissingColumn as missing:
        raise Unreadable(missing_columns([missing], {table.name: source.file})[0]) from missing
    tests = [test_of(each, get, source) for each, (get, _, _) in zip(source.where, found, strict=True)]
    for row in table.rows:
        frame = Frame(row, None, (), "", draft)
        at = 0
        try:
            while at < len(tests) and tests[at](frame):
                at += 1
        except Unfit as unfit:
            table.findings.append(finding(unfit, origins(found[at][1], frame), row, "where"))
            continue
        if at == len(tests):
            yield row


def request(
    source: str, query: Query, tables: Sequence[Held], *, there_are: Sequence[str], limits: Mapping[str, int]
) -> bytes:  # fmt: skip
    """What the process gets: a line that says what to do, then the columns of each table, chunk by chunk."""
    first = {
        "source": source,
        "sql": query.sql,
        "tables": {table.name: table.columns for table in tables},
        "there_are": there_are,
        **limits,
    }
    parts = [orjson.dumps(first)]
    for table in tables:
        for start in range(0, len(table.rows), CHUNK):
            rows = table.rows[start : start + CHUNK]
            parts.append(orjson.dumps({"table": table.name, "columns": len(table.columns) + 1}))
            parts.append(orjson.dumps([_mark(table.name, start + number) for number in range(len(rows))]))
            parts += (
                orjson.dumps([table.text(row.cells[place]) or None if place >= 0 else None for row in rows])
                for place in table.places
            )
    return b"\n".join(parts)


def _mark(table: str, index: int) -> str:
    """The name of a row. Names sort as the rows stand."""
    return f"{table}:{index + 1:09d}"


def digest_of(query: Query, files: Mapping[str, Sequence[SourceFile]]) -> str:
    """One digest of all that the rows are made from."""
    read = {name: [[file.name, file.sheet, file.digest] for file in listed] for name, listed in files.items()}
    return hashlib.sha256(json.dumps([query.sql, read], sort_keys=True).encode()).hexdigest()


def lost(source: str, digest: str, tables: Sequence[Held]) -> SourceFile | None:
    """Rows that could not be read may belong to any result, so there is none."""
    findings = tuple(finding for table in tables for finding in table.findings)
    made = Made(columns=(), rows=(), findings=findings)
    return SourceFile(name=name_of(source), digest=digest, made=made) if findings else None


def result(source: str, query: Query, digest: str, tables: Sequence[Held], answer: JsonObject) -> SourceFile:
    """The source's rows, from what the process said; or the finding that it has instead."""
    told = answer.get("finding")
    if isinstance(told, dict):
        place = Place(source=name_of(source), line=int(str(told["line"])), value=str(told["value"]))
        found = Finding(code=str(told["code"]), message=str(told["message"]), hint=str(told["hint"]), place=place)
        return SourceFile(name=name_of(source), digest=digest, broken=_blamed(found, tables))
    columns, rows = answer["columns"], answer["rows"]
    assert isinstance(columns, list)
    assert isinstance(rows, list)
    named = [(str(each[0]), _KINDS[str(each[1])]) for each in columns if isinstance(each, list)]
    marks = [index for index, (name, _) in enumerate(named) if _is_mark(name)]
    cells = [index for index, (name, _) in enumerate(named) if not _is_mark(name)]
    back = _Back(source, query, digest, tables, numbered([named[index][0] for index in cells]))
    back.kinds = [named[index][1] for index in cells]
    made = [
        back.row(number, [row[index] for index in cells], [row[index] for index in marks])
        for number, row in enumerate((row for row in rows if isinstance(row, list)), start=1)
    ]
    return SourceFile(name=name_of(source), digest=digest, made=Made(columns=tuple(back.columns), rows=tuple(made)))


def _is_mark(name: str) -> bool:
    """`_row`, and what SQL calls a second one."""
    return name.lower() == MARK or name.lower().startswith(f"{MARK}_")


class _Back:
    """The way back from the result's rows to the exports' rows."""

    def __init__(self, source: str, query: Query, digest: str, tables: Sequence[Held], columns: list[str]) -> None:
        self.columns = columns
        self.kinds: list[type[str]] = []
        self._origin = Origin(source=source, file=name_of(source), digest=digest, unit="row")
        self._null = frozenset(query.null)
        self._rows = {
            _mark(table.name, index): (table, row) for table in tables for index, row in enumerate(table.rows)
        }
        self._places = {
            table.name: [
                (index, place) for index, column in enumerate(columns) if (place := _place(table, column)) >= 0
            ]
            for table in tables
        }
        self._own = tuple((0, index) for index in range(len(columns)))
        self._alike: dict[Spots, Spots] = {}

    def row(self, number: int, values: list[object], marks: list[object]) -> Row:
        """A row of the source. It stands where the first row that it names stands, its cells where theirs stand."""
        null = self._null
        texts = [
            "" if value is None or value in null else _cell(str(value), kind)
            for value, kind in zip(values, self.kinds, strict=True)
        ]
        named = [self._rows[str(mark)] for mark in marks if str(mark) in self._rows]
        computed = Row(texts, self._origin, number, number)
        if not named:
            return computed
        cells, spots = list(texts), list(self._own)
        for which, (table, row) in reversed([*enumerate(named, start=1)]):  # the first counts
            theirs = row.cells
            for index, place in self._places[table.name]:
                text = texts[index]
                if type(text) is str and table.text(theirs[place]) == text:
                    cells[index] = theirs[place]  # with all that its reader knows of it
                    spots[index] = which, place
        first = named[0][1]
        made = Row(cells, first.origin, first.record, first.line)
        made.whence = (computed, *(row for _, row in named)), self._alike.setdefault(tuple(spots), tuple(spots))
        return made


def _place(table: Held, column: str) -> int:
    """Where the column of this name stands in the table's rows."""
    return table.places[table.columns.index(column)] if column in table.columns else -1


def _cell(text: str, kind: type[str]) -> str:
    return text if kind is str else kind(plain(text)) if kind is ComputedCell else kind(text)


def _blamed(found: Finding, tables: Sequence[Held]) -> Finding:
    """A text that is no number is told where it stands first, if one column alone has it: else which of them have."""
    first: dict[tuple[str, str], Place] = {}
    value = found.place.value
    for table in tables if value else ():
        for row in table.rows:
            if value in map(table.text, row.cells):
                for index in (index for index, cell in enumerate(row.cells) if table.text(cell) == value):
                    column = _column(table, index)
                    first.setdefault((table.name, column), place_of(row, column, index))
    if len(first) > 1:
        listed = ", ".join(f"{table}.{column}" for table, column in first)
        return replace(found, hint=f"{found.hint} (this text stands in {listed})")
    for at in first.values():
        hint = f"{found.hint} (line {found.place.line} of the {found.place.source})"
        return replace(found, hint=hint if found.place.line else found.hint, place=at)
    return found


def _column(table: Held, index: int) -> str:
    return table.columns[table.places.index(index)] if index in table.places else ""


def table_of(name: str, file: SourceFile) -> Table:
    """The source's table. Raises `Unreadable` where its SQL failed."""
    if file.broken is not None:
        raise Unreadable(file.broken)
    assert file.made is not None
    made = file.made
    return Table(name=name, columns=made.columns, rows=iter(made.rows), findings=list(made.findings),
                 lost=bool(made.findings))  # fmt: skip
