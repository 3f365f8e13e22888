"""Trees of records (IDoc XML, OData and JSON pages) to a table: one row per record, parents' fields beside its own.

Columns of a row, the nearest first: `FIELD` of the record or else of a parent, `SEGMENT/FIELD` of the record, its
parents and their children, `CHILD[QUALIFIER]/FIELD` where the plan names the qualifying field.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from connector.mapping.source import MAX_COLUMNS, ElementCell, Origin, Row, Table, Unreadable
from connector.model import Finding, Place

Flat = tuple[int, dict[str, str]]
"""Line, and the cells by column name."""


def table_of(name: str, origins: Iterable[tuple[Origin, Iterable[Flat]]], null: Iterable[str]) -> Table:
    """The rows of all files. Records differ in their fields, so all are read before the columns are known."""
    columns: dict[str, int] = {}
    collected: list[tuple[Origin, int, int, dict[str, str]]] = []
    for origin, records in origins:
        for record, (line, cells) in enumerate(records, start=1):
            for column in cells:
                columns.setdefault(column, len(columns))
            collected.append((origin, record, line, cells))
        if len(columns) > MAX_COLUMNS:
            place = Place(source=origin.file)
            raise Unreadable(Finding(code="too-large", message=f"More than {MAX_COLUMNS} columns.", place=place))
    return Table(name=name, columns=tuple(columns), rows=_rows(collected, tuple(columns), frozenset(null)))


def _rows(
    collected: list[tuple[Origin, int, int, dict[str, str]]], columns: tuple[str, ...], null: frozenset[str]
) -> Iterator[Row]:
    for origin, record, line, cells in collected:
        found = [cells.get(column, "") for column in columns]
        places = None
        if origin.unit != "line":
            places = [cell.position if isinstance(cell, ElementCell) else None for cell in found]
            found = [str(cell) for cell in found]
        yield Row(["" if cell in null else cell for cell in found] if null else found, origin, record, line, places)
