"""From the files of a source to its table, whatever the format; and code lists from their files."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from connector.mapping import delimited, edifact, flat_idoc, idoc, odata, shaping, workbook, x12
from connector.mapping.edifact_directory import qualifiers
from connector.mapping.exports import Query, Source
from connector.mapping.plan import CodeFile, CodeTable, Plan
from connector.mapping.records import Flat, table_of
from connector.mapping.source import Origin, Row, SourceFile, Table, content, unreadable
from connector.mapping.tables import Lines, header_of, reordered, rows_of
from connector.mapping.units import BUILT_IN
from connector.mapping.x12_directory import QUALIFIERS


def open_table(name: str, source: Source, files: Sequence[SourceFile], layouts: Sequence[SourceFile] = ()) -> Table:
    """The source's table. Raises `Unreadable` where the structure of a file is lost."""
    if not files:
        raise unreadable(
            SourceFile(name=source.file, digest=""), "no-file", f"There is no file for the source `{name}`."
        )
    if isinstance(source, Query):
        return shaping.table_of(name, files[0])
    if source.is_listed:
        return _listed(name, source, files)
    origins = (
        (_origin(name, file, source.position_unit), records) for file, records in _records(source, files, layouts)
    )
    return table_of(name, origins, source.null)


def _origin(name: str, file: SourceFile, unit: str = "line") -> Origin:
    return Origin(source=name, file=file.name, digest=file.digest, sheet=file.sheet, unit=unit)


def _records(
    source: Source, files: Sequence[SourceFile], layouts: Sequence[SourceFile]
) -> Iterator[tuple[SourceFile, Iterator[Flat]]]:
    if source.format in {"edifact", "x12"}:
        syntax = edifact.SYNTAX if source.format == "edifact" else x12.SYNTAX
        return ((file, syntax.records(file, source, qualifiers_of(source))) for file in files)
    if source.format == "idoc" and source.layout is not None:
        return ((file, flat_idoc.records(file, source, layouts)) for file in files)
    if source.format == "idoc":
        return ((file, idoc.records(file, source.record or "", source.qualifiers)) for file in files)
    path = source.record if source.record is not None else ("value" if source.format == "odata" else "")
    paged, encoding = source.format == "odata", source.encoding or "utf-8"
    return odata.records(files, "" if path == "." else path, paged=paged, encoding=encoding)


def qualifiers_of(source: Source) -> dict[str, str]:
    """Per segment the field that tells several of one name apart: of the plan, in EDI else of the directories."""
    known = {"edifact": qualifiers(), "x12": dict(QUALIFIERS)}.get(source.format, {})
    return known | source.qualifiers


def _lines(source: Source, file: SourceFile) -> Lines:
    return delimited.lines(source, file) if source.format == "csv" else workbook.lines(file)


def _listed(name: str, source: Source, files: Sequence[SourceFile]) -> Table:
    table = Table(name=name, columns=(), rows=iter(()))
    parts: list[Iterator[Row]] = []
    for each in files:
        unread = source.is_workbook and each.grid is None and each.broken is None
        file = workbook.opened(each, source.sheet) if unread else each
        lines = _lines(source, file)
        header = header_of(source, file, lines)
        rows = rows_of(source, _origin(name, file), header, lines, table.findings)
        if not table.columns:
            table.columns = header.columns
        elif header.columns != table.columns:
            if sorted(header.columns) != sorted(table.columns):
                lost = sorted(set(table.columns) ^ set(header.columns))
                raise unreadable(
                    file, "column-missing", f"The header differs from the first file's: {', '.join(lost[:10])}.",
                    hint="files of one source have the same columns", line=1, column=lost[0] if lost else "",
                )  # fmt: skip
            rows = reordered(rows, header.columns, table.columns)
        parts.append(rows)
    table.rows = chain.from_iterable(parts)
    return table


def code_lists(plan: Plan, files: Mapping[str, Sequence[SourceFile]]) -> dict[str, Mapping[str, str]]:
    """All code lists that the plan may name: built in, written out, from files."""
    from_files = {
        name: _from_files(name, codes, files.get(name, ()))
        for name, codes in plan.codes.items()
        if isinstance(codes, CodeFile)
    }
    return plain_codes(plan) | from_files


def plain_codes(plan: Plan) -> dict[str, Mapping[str, str]]:
    """The code lists that need no file."""
    written = {name: codes.values for name, codes in plan.codes.items() if isinstance(codes, CodeTable)}
    return {**BUILT_IN, **written}


def _from_files(name: str, codes: CodeFile, files: Sequence[SourceFile]) -> dict[str, str]:
    if not files:
        raise unreadable(SourceFile(name=codes.file, digest=""), "no-file", f"There is no file for the codes `{name}`.")
    known: dict[str, str] = {}
    for file in files:
        text = delimited.decoded(file, content(file), "utf-8")
        try:
            rows = delimited.code_rows(text, {codes.key, codes.value}.issubset)
        except csv.Error as error:
            raise unreadable(file, "bad-structure", f"The code list cannot be split: {error}.") from error
        header = rows[0] if rows else []
        for column in (codes.key, codes.value):
            if column not in header:
                raise unreadable(
                    file,
                    "column-missing",
                    f"The code list has no column `{column}`.",
                    line=1,
                    column=column,
                    hint=f"its columns are: {', '.join(header)[:200]}",
                )
        key, value = header.index(codes.key), header.index(codes.value)
        for number, row in enumerate(rows[1:], start=2):
            _add_code(known, file, row, number, (key, value))
    return known


def _add_code(known: dict[str, str], file: SourceFile, row: list[str], line: int, columns: tuple[int, int]) -> None:
    if max(columns) >= len(row):
        raise unreadable(file, "row-width", "The code list's row is too short.", line=line)
    code, meaning = row[columns[0]], row[columns[1]]
    if known.get(code, meaning) != meaning:
        raise unreadable(file, "duplicate-key", f"The code `{code}` has two meanings.", line=line)
    known[code] = meaning
