"""The SQL by name, and how a row's dataclass becomes bindings and comes back from columns.

The text stands in `queries/*.sql` in blocks that begin with `-- name: xyz`. A SELECT names its columns in the order of
the dataclass's fields. Tuples are kept as JSON arrays, truth values as 0 and 1.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Generic, TypeAlias, TypeVar

import orjson

SqlValue: TypeAlias = "None | int | float | str | bytes"
Columns: TypeAlias = "tuple[SqlValue, ...]"
Bindings: TypeAlias = "dict[str, SqlValue]"
Row = TypeVar("Row")

LAST = "\U0010ffff"
"""Behind every text."""

LATEST = (1 << 63) - 1
"""Behind every time."""

QUERIES = Path(__file__).parent / "queries"
_NAME = re.compile(r"^-- name: ([a-z_]+)$", re.MULTILINE)


@cache
def statements() -> dict[str, str]:
    """Every named statement, read once."""
    return named(QUERIES)


def named(folder: Path) -> dict[str, str]:
    """The statements of the files in a folder."""
    found: dict[str, str] = {}
    for path in sorted(folder.glob("*.sql")):
        parts = _NAME.split(path.read_text(encoding="utf-8"))[1:]
        for name, text in zip(parts[::2], parts[1::2], strict=True):
            if name in found:
                raise ValueError(f"{path.name}: a second statement named {name}")
            found[name] = text.strip()
    return found


def number(columns: Columns | None, place: int = 0) -> int:
    """The whole number in that place; 0 where there is no row."""
    if columns is None:
        return 0
    value = columns[place]
    assert isinstance(value, int)
    return value


def listed(values: Iterable[str | tuple[str, str]]) -> str:
    """Several values as one: a JSON array, which a statement takes apart again."""
    return orjson.dumps([*values]).decode()


class Shape(Generic[Row]):
    """One dataclass as a row of columns."""

    def __init__(self, row: type[Row], *, lists: tuple[str, ...] = (), flags: tuple[str, ...] = ()) -> None:
        if not dataclasses.is_dataclass(row):
            raise TypeError(f"{row.__name__} is not a dataclass")
        self._make: Callable[..., Row] = row
        self._names = tuple(field.name for field in dataclasses.fields(row))
        self._values = attrgetter(*self._names)
        self._lists = lists
        self._flags = flags
        self._plain = not lists and not flags

    def read(self, columns: Columns) -> Row:
        """The row that these columns hold."""
        if self._plain:
            return self._make(**dict(zip(self._names, columns, strict=True)))
        fields: dict[str, object] = dict(zip(self._names, columns, strict=True))
        for name in self._lists:
            fields[name] = tuple(orjson.loads(str(fields[name])))
        for name in self._flags:
            fields[name] = bool(fields[name])
        return self._make(**fields)

    def one(self, columns: Columns | None) -> Row | None:
        """The row, or None where there is none."""
        return None if columns is None else self.read(columns)

    def bind(self, row: Row) -> Bindings:
        """The row's fields by name, as SQLite keeps them."""
        bindings: Bindings = dict(zip(self._names, self._values(row), strict=True))
        for name in self._lists:
            bindings[name] = orjson.dumps(getattr(row, name)).decode()
        for name in self._flags:
            bindings[name] = int(getattr(row, name))
        return bindings
