"""Which cell each value of a document came from.

While a document is made only its rows are noted; the entries are written out when they are asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from connector.mapping.columns import Frame, Ref, Template, origins
from connector.mapping.source import Origin
from connector.mapping.units import UNITS
from connector.model import Finding, Json, JsonObject, Place

_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]")
"""A step of the JSON path that a finding on a document has: a key, or a place in a list."""
_ADDED = frozenset(one.code for one in UNITS.values() if one.dimension in {"mass", "pieces", "volume"})
_COUNTED = ("/cellCount", "/quantity")
"""What adds up in C62, the unit of ratios and of a battery's cycles too."""


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
    unit: str = "line"


class Lineage:
    """The trail of one document: `cells()` by JSON pointer, `as_json()` for keeping."""

    __slots__ = ("_plan", "_subject", "_trail")

    def __init__(self, plan: str, subject: JsonObject, trail: list[tuple[Frame, Template]]) -> None:
        self._plan = plan
        self._subject = subject
        self._trail = trail

    def _entries(self, *, left_out: bool = False) -> Iterator[tuple[str, Frame, tuple[Ref, ...]]]:
        """Pointer, frame and columns of each value that is in the document, or also of those that are not."""
        for frame, template in self._trail:
            prefix = frame.prefix
            node = _find(self._subject, prefix) if prefix else self._subject
            for suffix, steps, refs in template:
                inner = node
                for step in steps:
                    inner = inner.get(step) if isinstance(inner, dict) else None
                if left_out or inner is not None:
                    yield prefix + suffix, frame, refs

    def plain(self) -> frozenset[tuple[str, int]]:
        """The columns (name and index) of the document's own row that values outside every `each` are made from."""
        own = (refs for frame, template in self._trail if frame.parent is None for _, _, refs in template)
        return frozenset((ref.column, ref.index) for refs in own for ref in refs if ref.own)

    def amounts(self) -> frozenset[str]:
        """Of those columns the ones whose quantities add up: masses, pieces, volumes. A share or a voltage does not."""
        found = set()
        for pointer, frame, refs in self._entries():
            place = pointer.removesuffix("/value")
            unit = node.get("unit") if isinstance(node := _find(self._subject, place), dict) else None
            added = unit in _ADDED or (unit == "C62" and place.endswith(_COUNTED))
            if added and frame.parent is None and refs and refs[0].own:
                found.add(refs[0].column)  # of a contained metal the mass comes first, then its share
        return frozenset(found)

    def cells(self, *, left_out: bool = False) -> dict[str, tuple[Cell, ...]]:
        """JSON pointer in the subject -> the cells that the value is made from. `left_out`: also those of values that
        are not there, so that what is missing leads to its empty cell.
        """
        gathered: dict[str, tuple[Cell, ...]] = {}
        for pointer, frame, refs in self._entries(left_out=left_out):  # a sum has one entry per row
            gathered[pointer] = gathered.get(pointer, ()) + tuple(
                Cell(
                    file=row.origin.file, digest=row.origin.digest, sheet=row.origin.sheet, record=row.record,
                    line=row.line_of(index), column=column, value=str(row.cells[index]), unit=row.origin.unit,
                )
                for row, column, index in origins(refs, frame)
            )  # fmt: skip
        return gathered

    def as_json(self) -> JsonObject:
        """Compact: files once, then per pointer [file, record, line, column, value] of each cell."""
        files: list[Json] = []
        numbers: dict[str, int] = {}
        values: dict[str, list[Json]] = {}
        for pointer, frame, refs in self._entries():
            listed = values.setdefault(pointer, [])
            for ref in refs:
                row = frame.row if ref.own else ref.row(frame)
                if row is None or ref.index < 0:
                    continue
                row, index = row.traced(ref.index)
                number = numbers.get(row.origin.file)
                if number is None:
                    number = numbers[row.origin.file] = len(files)
                    files.append(_file(row.origin))
                listed.append([number, row.record, row.line_of(index), ref.column, str(row.cells[index])])
        return {"plan": self._plan, "files": files, "values": dict(values)}


def _file(origin: Origin) -> JsonObject:
    """A file; what the lines of its cells count is said where it is something else than lines."""
    unit: JsonObject = {} if origin.unit == "line" else {"unit": origin.unit}
    return {"name": origin.file, "sha256": origin.digest, "sheet": origin.sheet, **unit}


def _find(tree: Json, pointer: str) -> Json:
    for step in pointer.split("/")[1:]:
        tree = _step(tree, step)
    return tree


def _step(tree: Json, step: str) -> Json:
    if isinstance(tree, dict):
        return tree.get(step.replace("~1", "/").replace("~0", "~") if "~" in step else step)
    if isinstance(tree, list) and step.isdecimal() and int(step) < len(tree):
        return tree[int(step)]
    return None


def placed(finding: Finding, lineage: Lineage, row: Place) -> Finding:
    """A finding on the document, led back to the cell that its value, or the first value in it, came from.

    What no cell says (the plan does, or nobody) keeps its path in the document, beside the place of its row.
    """
    path = finding.place.column
    pointer = _STEP.sub(r"/\1\2", path.removeprefix("$"))
    cells = {
        where: found[0]
        for where, found in lineage.cells(left_out=True).items()
        if found and (where == pointer or where.startswith(f"{pointer}/")) and pointer
    }
    if cells:
        cell = cells.get(pointer) or next(iter(cells.values()))
        place = Place(
            source=cell.file, sheet=cell.sheet, record=cell.record, line=cell.line, column=cell.column,
            value=cell.value, unit=cell.unit,
        )  # fmt: skip
    else:
        place = replace(row, column=path, value=finding.place.value)
    return replace(finding, place=place)
