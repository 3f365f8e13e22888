"""The rows of a table of `vocab/`: CSV with the columns that its reader names. What they say is the readers' matter."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from connector.errors import BadInput


def rows(table: bytes, name: str, columns: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Each row with its place. `BadInput`: the columns are others, or a row has more or fewer cells than these."""
    reader = csv.DictReader(io.StringIO(table.decode("utf-8")))
    if list(reader.fieldnames or ()) != [*columns]:
        raise BadInput(f"{name} needs exactly the columns {', '.join(columns)}")
    for row in reader:
        place = f"{name} line {reader.line_num}"
        if None in row or None in row.values():
            raise BadInput("the row has too many or too few cells", place=place)
        yield place, row
