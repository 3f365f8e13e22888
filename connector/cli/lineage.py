"""Lineage: from a value of a credential back to the cell of an export. The command is `credential`'s."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.cli.client import Management
from connector.cli.tables import show_table
from connector.errors import BadInput
from connector.model import list_in, object_in

if TYPE_CHECKING:
    from pathlib import Path

    from connector.model import Json, JsonObject


def record_of(payload: JsonObject, config: Path) -> JsonObject:
    """The record that a credential is part of, as it is kept here."""
    record = payload.get("record")
    if not isinstance(record, dict):
        raise BadInput("the credential names no record", hint="lineage is kept for records that were published here")
    return Management.of(config).get(f"/v1/records/{record['id']}")


def cells_behind(record: JsonObject, payloads: list[JsonObject]) -> list[Json]:
    """The cells behind the values that these credentials of the record hold."""
    traced = record.get("lineage")
    held = {name for payload in payloads for name in object_in(payload.get("credentialSubject"))}
    if not isinstance(traced, dict) or not traced:
        raise BadInput("no lineage is kept for this record", hint="it was published by another company")
    return [
        {"value": pointer, "plan": traced["plan"], **cell}
        for pointer, cells in object_in(traced["values"]).items()
        if pointer.lstrip("/").partition("/")[0] in held
        for cell in _cells(list_in(cells), list_in(traced["files"]))
    ]


def _cells(cells: list[Json], files: list[Json]) -> list[JsonObject]:
    found: list[JsonObject] = []
    for cell in cells:
        match cell:
            case [int(number), record, line, column, text]:
                origin = object_in(files[number])
                found.append({
                    "file": origin["name"], "sha256": origin["sha256"], "sheet": origin["sheet"], "record": record,
                    "line": line, "column": column, "cell": text,
                    **({"unit": origin["unit"]} if "unit" in origin else {}),
                })  # fmt: skip
    return found


def show_lineage(entries: Json) -> None:
    """The cells as a table."""
    names = ("value", "file", "line", "column", "cell")
    rows = [object_in(entry) for entry in list_in(entries)]
    show_table(names, [[_shown(entry, name) for name in names] for entry in rows])


def _shown(entry: JsonObject, name: str) -> str:
    unit = f"{entry['unit']} " if name == "line" and "unit" in entry else ""
    return f"{unit}{entry[name]}"
