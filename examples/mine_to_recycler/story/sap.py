"""SAP list exports ("local file, unconverted with semicolons"): cp1252, preamble, decimal comma, totals lines.

The preamble names report, plant and user; the totals line starts with `*`; a negative number has its sign behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from .columns import SAP, Column, text
from .tables import Row


def list_export(
    title: str, plant: str, printed: date, columns: Sequence[Column], rows: Sequence[Row], *, total: str = ""
) -> bytes:
    """One list. `total` names the column that the list adds up in its last line."""
    lines = [
        f"{printed:%d.%m.%Y};Listausgabe;;;Seite 1",
        f"{title};Werk {plant}",
        "",
        ";".join(column.heading for column in columns),
        "",
    ]
    lines.extend(";".join(_cell(row, column) for column in columns) for row in rows)
    if total:
        lines.append(";".join(_totals(columns, rows, total)))
    lines.append("")
    return "\r\n".join(lines).encode("cp1252")


def _cell(row: Row, column: Column) -> str:
    cell = text(row, column, SAP)
    if column.style in {"kg", "t"} and cell.startswith("-"):
        return f"{cell[1:]}-"
    return cell


def _totals(columns: Sequence[Column], rows: Sequence[Row], total: str) -> list[str]:
    cells = []
    for place, column in enumerate(columns):
        if column.heading == total:
            whole = sum(cell for row in rows if isinstance(cell := row.get(column.key, 0), int))
            cells.append(_cell({column.key: whole}, column))
        else:
            cells.append("*" if place == 0 else "")
    return cells
