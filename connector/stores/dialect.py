"""The named SQL as PostgreSQL takes it. The text stands once, as SQLite reads it (`queries/*.sql`).

Some words differ and are put into the other's; hints for SQLite's planner fall away. What can't be said in both stands
anew under its name in `queries/postgres`. Names of parameters become numbers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from connector.stores.statements import QUERIES, Bindings, SqlValue, named, statements

_WORDS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"--.*"), ""),
    (re.compile(r"json_each\((:?\w+)\) AS (\w+)"), r"jsonb_array_elements_text(CAST(\1 AS jsonb)) AS \2 (value)"),
    (re.compile(r"(\w+)\.value ->>"), r"CAST(\1.value AS json) ->>"),
    (re.compile(r" INDEXED BY \w+"), ""),
    (re.compile(r"\bCROSS JOIN\b"), "JOIN"),
    (re.compile(r"\browid\b"), "ctid"),
    (re.compile(r"\bGLOB (:\w+)"), r"LIKE \1 ESCAPE ''"),
    (re.compile(r":name_glob"), ":name_like"),
    (re.compile(r"(:\w+) IS NULL"), r"CAST(\1 AS text) IS NULL"),
)
_WRITES = re.compile(r"\b(INSERT|UPDATE|DELETE)\b")
_NAME = re.compile(r"(?<!:):([a-z_0-9]+)")


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement with numbered parameters, and what it takes of the bindings, in their order."""

    text: str
    names: tuple[str, ...]
    writes: bool

    def arguments(self, bindings: Bindings) -> tuple[SqlValue, ...]:
        """The values by number."""
        return tuple(bindings[name] for name in self.names)


@cache
def postgres_statements() -> dict[str, Statement]:
    """Every named statement."""
    own = named(QUERIES / "postgres")
    return {name: _numbered(own.get(name) or _translated(text)) for name, text in statements().items()}


def _translated(text: str) -> str:
    for pattern, replacement in _WORDS:
        text = pattern.sub(replacement, text)
    return text


def _numbered(text: str) -> Statement:
    names: dict[str, int] = {}
    text = _NAME.sub(lambda found: f"${names.setdefault(found[1], len(names) + 1)}", text)
    return Statement(text=text, names=tuple(names), writes=_WRITES.search(text) is not None)
