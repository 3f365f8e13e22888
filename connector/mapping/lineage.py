"""Which cell each value of a document came from.

While a document is made only its rows are noted; the entries are written out when they are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from connector.mapping.blame import letters
from connector.mapping.columns import Frame, Template, origins
from connector.mapping.source import Row
from connector.model import Json, JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell of an export, by the digest of the file."""

    file: str
    digest: str
    sheet: str
    record: int
    line: int
    column: str
    value: str


class Lineage:
    """The trail of one document: `cells()` by JSON pointer, `as_json()` for keeping."""

    __slots__ = ("_plan", "_subject", "_trail")

    def __init__(self, plan: str, subject: JsonObject, trail: list[tuple[Frame, Template]]) -> None:
        self._plan = plan
        self._subject = subject
        self._trail = trail

    def _entries(self) -> Iterator[tuple[str, list[tuple[Row, str, int]]]]:
        for frame, template in self._trail:
            node = _find(self._subject, frame.prefix)
            for suffix, refs in template:
                if node is not None and _has(node, suffix):
                    yield frame.prefix + suffix, list(origins(refs, frame))

    def cells(self) -> dict[str, tuple[Cell, ...]]:
        """JSON pointer in the subject -> the cells that the value is made from."""
        return {
            pointer: tuple(
                Cell(
                    file=row.origin.file, digest=row.origin.digest, sheet=row.origin.sheet, record=row.record,
                    line=row.line, column=column, value=str(row.cells[index]),
                )
                for row, column, index in found
            )
            for pointer, found in self._entries()
        }  # fmt: skip

    def as_json(self) -> JsonObject:
        """Compact: files once, then per pointer [file, record, line, column, value] of each cell."""
        files: list[Json] = []
        numbers: dict[int, int] = {}
        values: dict[str, Json] = {}
        for pointer, found in self._entries():
            listed: list[Json] = []
            for row, column, index in found:
                origin = row.origin
                number = numbers.get(id(origin))
                if number is None:
                    number = numbers[id(origin)] = len(files)
                    files.append({"name": origin.file, "sha256": origin.digest, "sheet": origin.sheet})
                listed.append([number, row.record, row.line, column, str(row.cells[index])])
            values[pointer] = listed
        return {"plan": self._plan, "files": files, "values": values}


def cell_name(index: int, line: int) -> str:
    """A workbook's name of a cell: `F12`."""
    return f"{letters(index)}{line}"


def _find(tree: Json, pointer: str) -> Json:
    for step in pointer.split("/")[1:]:
        tree = _step(tree, step)
    return tree


def _has(tree: Json, suffix: str) -> bool:
    if suffix.count("/") == 1 and isinstance(tree, dict):
        return suffix[1:] in tree or (("~" in suffix) and _find(tree, suffix) is not None)
    return _find(tree, suffix) is not None


def _step(tree: Json, step: str) -> Json:
    if isinstance(tree, dict):
        return tree.get(step.replace("~1", "/").replace("~0", "~") if "~" in step else step)
    if isinstance(tree, list) and step.isdecimal() and int(step) < len(tree):
        return tree[int(step)]
    return None
