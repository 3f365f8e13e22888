"""OData v4 answers as saved by an extractor: pages with `value` and `@odata.nextLink`, decimals as strings
(`IEEE754Compatible=true`), moments in UTC.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from .columns import ISO, Column, text
from .tables import Row

Value: TypeAlias = "None | str | list[Value] | dict[str, Value]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expanded:
    """A `$expand`ed navigation property: the child rows that carry the parent's key."""

    name: str
    key: str
    rows: Sequence[Row]
    columns: Sequence[Column]


def pages(
    service: str,
    entity: str,
    columns: Sequence[Column],
    rows: Sequence[Row],
    expanded: Sequence[Expanded] = (),
    *,
    size: int = 50,
) -> dict[str, bytes]:
    """File name suffix (`_01`, `_02` ...) -> page."""
    children = {child.name: _by_key(child) for child in expanded}
    records = [_record(row, columns, expanded, children) for row in rows]
    found: dict[str, bytes] = {}
    for place, start in enumerate(range(0, len(records), size), start=1):
        page: dict[str, Value] = {
            "@odata.context": f"https://erp.example/{service}/$metadata#{entity}",
            "value": list(records[start : start + size]),
        }
        if start + size < len(records):
            page["@odata.nextLink"] = f"{entity}?$skiptoken={start + size}"
        found[f"_{place:02d}"] = (json.dumps(page, ensure_ascii=False, indent=1) + "\n").encode()
    return found


def _by_key(child: Expanded) -> Mapping[object, list[Row]]:
    found: dict[object, list[Row]] = {}
    for row in child.rows:
        found.setdefault(row[child.key], []).append(row)
    return found


def _plain(row: Row, columns: Sequence[Column]) -> dict[str, Value]:
    return {column.heading: text(row, column, ISO) or None for column in columns}


def _record(
    row: Row,
    columns: Sequence[Column],
    expanded: Sequence[Expanded],
    children: Mapping[str, Mapping[object, list[Row]]],
) -> Value:
    record = _plain(row, columns)
    for child in expanded:
        record[child.name] = [_plain(item, child.columns) for item in children[child.name].get(row[child.key], [])]
    return record
