"""The schema's numbered steps: `schema/NNNN_name.sql`, applied in order, each in one transaction, each once.

What was applied is kept with its SHA-256. A step that was changed after it was applied is refused, as is a store that
a newer connector has brought further.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import apsw

from connector.errors import BadConfig

SCHEMA = Path(__file__).parent / "schema"
APPLIED = "SELECT number, checksum FROM migration ORDER BY number"

_TABLE = """CREATE TABLE IF NOT EXISTS migration (
  number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL) STRICT"""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the schema."""

    number: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def steps(folder: Path = SCHEMA) -> list[Step]:
    """The steps in order. Numbers count from 1 without gaps."""
    found = [
        Step(int(path.stem.partition("_")[0]), path.stem, path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("*.sql"))
    ]
    if [step.number for step in found] != list(range(1, len(found) + 1)):
        raise BadConfig(f"the schema's steps in {folder} are not numbered 1, 2, 3 ...")
    return found


def migrate(connection: apsw.Connection, wanted: list[Step] | None = None) -> None:
    """Bring the store to the newest step."""
    connection.execute(_TABLE)
    for step in missing(connection, steps() if wanted is None else wanted):
        _apply(connection, step)


def missing(connection: apsw.Connection, wanted: list[Step]) -> list[Step]:
    """The steps that the store has not seen yet. `BadConfig`: it is not one that these steps led to."""
    rows = connection.execute(APPLIED).fetchall()
    return later({int(str(number)): str(checksum) for number, checksum in rows}, wanted)


def later(applied: Mapping[int, str], wanted: list[Step]) -> list[Step]:
    """The steps behind those that were applied, number -> checksum. The same error."""
    if len(applied) > len(wanted):
        raise BadConfig(
            f"the store has schema step {max(applied)}, this connector knows {len(wanted)}",
            hint="a newer connector wrote it: use that one",
        )
    for step in wanted[: len(applied)]:
        if applied.get(step.number) != step.checksum:
            raise BadConfig(
                f"schema step {step.name} is not the one that this store was made with",
                hint="an applied step is never changed; add a new one",
            )
    return wanted[len(applied) :]


def _apply(connection: apsw.Connection, step: Step) -> None:
    try:
        with connection:  # a savepoint outside of a transaction: all of the step or nothing
            connection.execute(step.text).fetchall()
            connection.execute("INSERT INTO migration VALUES (?, ?, ?)", (step.number, step.name, step.checksum))
    except apsw.SQLError as error:
        raise BadConfig(f"schema step {step.name} cannot be applied: {error}") from error
