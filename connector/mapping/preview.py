"""A plan shown and tried: its summary, rows beside documents, and its examples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from connector.mapping.binding import MintId
from connector.mapping.engine import Compiled, Mapped, Run, collect, compile_plan
from connector.mapping.exports import Query
from connector.mapping.lineage import Cell
from connector.mapping.plan import Example, Plan
from connector.mapping.shaping import Held, hold
from connector.mapping.source import Origin, Row, SourceFile, Table
from connector.model import Finding, Json, JsonObject, counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """An example's outcome: what differs from what it says; nothing if it holds."""

    name: str
    differences: tuple[str, ...]
    subject: JsonObject | None = None
    findings: tuple[Finding, ...] = ()


def describe(plan: Plan | Compiled) -> JsonObject:
    """The plan in short: what it makes, from which files and columns."""
    compiled = plan if isinstance(plan, Compiled) else compile_plan(plan)
    header = compiled.plan
    sources: JsonObject = {}
    for name in _sources(compiled):
        source = header.sources[name]
        columns: list[Json] = [*sorted(compiled.columns.get(name, ()))]
        if isinstance(source, Query):
            sources[name] = {"sql": str(source.sql), "of": [*header.tables(name)], "columns": columns}
            continue
        sources[name] = {"file": source.file, "format": source.format, "columns": columns}
    terms: list[Json] = [*header.document.terms]
    return {
        "mapping": header.mapping, "record": header.record, "subject": header.subject, "sources": sources,
        "terms": terms, "examples": len(header.examples),
    }  # fmt: skip


def _sources(compiled: Compiled) -> tuple[str, ...]:
    """The sources that the plan uses, and those that SQL makes them of."""
    below = (table for name in compiled.sources for table in compiled.plan.tables(name))
    return tuple(dict.fromkeys((*compiled.sources, *below)))


def beside(mapped: Mapped) -> JsonObject:
    """A document beside the cells that it was made from."""
    cells: JsonObject = {
        pointer: ", ".join(f"{_at(cell)} {cell.column} `{cell.value}`" for cell in cells)
        for pointer, cells in mapped.lineage.cells().items()
    }
    return {"key": mapped.key, "title": mapped.title, "cells": cells, "subject": mapped.subject}


def _at(cell: Cell) -> str:
    return f"{cell.file}:{cell.line}" if cell.unit == "line" else f"{cell.file} {cell.unit} {cell.line}"


def given_to_sql(compiled: Compiled, example: Example) -> dict[str, list[Held]]:
    """Of each source that SQL makes, unless the example gives its rows: the rows that the example gives to the SQL."""
    return {
        name: [hold(compiled.plan.sources[each], _table(compiled, each, example.given.get(each, ())))
               for each in compiled.plan.tables(name)]
        for name in compiled.plan.queries()
        if name in compiled.sources and name not in example.given
    }  # fmt: skip


def try_examples(
    plan: Plan, codes: Mapping[str, Mapping[str, str]], mint: MintId, made: Sequence[Mapping[str, SourceFile]] = ()
) -> list[Tried]:
    """Run the plan's examples. `codes`: the code lists that stand in files; `made`: of each example, what SQL made."""
    compiled = compile_plan(plan)
    by_sql = made or [{}] * len(plan.examples)
    return [
        _try(compiled, example, number, codes, mint, made=by_sql[number - 1])
        for number, example in enumerate(plan.examples, start=1)
    ]


def _try(
    compiled: Compiled, example: Example, number: int, codes: Mapping[str, Mapping[str, str]], mint: MintId,
    *, made: Mapping[str, SourceFile],
) -> Tried:  # fmt: skip
    name = example.name or f"example {number}"
    unknown = [source for source in example.given if source not in _sources(compiled)]
    if unknown:
        return Tried(name=name, differences=(f"`{unknown[0]}` is no source that the plan uses",))
    tables = {
        source: _table(compiled, source, example.given.get(source, ()))
        for source in compiled.sources if source not in made
    }  # fmt: skip
    files = {source: [file] for source, file in made.items()}
    result = collect(Run(compiled, files, mint, tables=tables, codes=codes))
    found = tuple(result.findings)
    if example.findings is not None:
        expected, codes_found = sorted(set(example.findings)), sorted({each.code for each in found})
        differs = () if expected == codes_found else (f"findings: expected {expected}, got {codes_found}",)
        return Tried(name=name, differences=differs, findings=found)
    if len(result.mapped) != 1 or found:
        said = "; ".join(f"{each.place.column}: {each.message}" for each in found)
        return Tried(
            name=name, differences=(f"{counted(len(result.mapped), 'document')}. {said}".strip(),), findings=found
        )
    subject = result.mapped[0].subject
    return Tried(name=name, differences=tuple(_differences(example.gives, subject, "")), subject=subject)


def _table(compiled: Compiled, name: str, given: Sequence[Mapping[str, str]]) -> Table:
    """The example's rows. Columns that it does not state are empty."""
    columns = tuple(dict.fromkeys([*compiled.columns.get(name, ()), *(key for row in given for key in row)]))
    origin = Origin(source=name, file="example", digest="")
    null = frozenset(compiled.plan.sources[name].null)
    rows: list[Row] = []
    for record, cells in enumerate(given, start=1):
        texts = [str(cells.get(column, "")) for column in columns]
        rows.append(Row(["" if text in null else text for text in texts], origin, record, record))
    return Table(name=name, columns=columns or ("",), rows=iter(rows))


def _differences(expected: Json, found: Json, pointer: str) -> Iterator[str]:
    """What is stated has to be there; what is not stated may be."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key, value in expected.items():
            yield from _differences(value, found.get(key), f"{pointer}/{key}")
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for index, (first, second) in enumerate(zip(expected, found, strict=True)):
            yield from _differences(first, second, f"{pointer}/{index}")
    elif expected != found:
        yield f"{pointer}: expected {expected!r}, got {found!r}"
