"""Where a table begins and ends, and how its numbers are written, found out from its cells; and what is found.

For proposals: the first part of it, for files in lines and workbooks, is in `sniffing`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise, takewhile, zip_longest

from connector.errors import BadInput
from connector.mapping.dates import written_so
from connector.mapping.mangled import is_mangled
from connector.mapping.numerals import LOCALES, spelled_in
from connector.mapping.source import DateCell, NumberCell
from connector.mapping.tables import beginning
from connector.mapping.units import unit_named
from connector.model import counted

Setting = str | tuple[str, ...] | dict[str, str]
_TOTALS = ("*", "Summe", "Gesamt", "Total", "Sum", "Yhteensä")
_NOTHING = ("-", "--", "n.b.", "n.a.", "n/a", "N/A", "NULL", "k.A.", "00000000", "00.00.0000", "e.t.")
_HEADER_WITHIN = 60
_TITLE, _WIDE_ENOUGH, _SECOND_HEADER = 2, 0.6, 2


@dataclass(slots=True)
class Sniffed:
    """Settings of a source in the order in which they are written, and why each; `doubts` want a person's look."""

    settings: dict[str, Setting]
    reasons: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    def note(self, key: str, value: Setting, reason: str) -> None:
        """A setting and its reason."""
        self.settings[key] = value
        self.reasons.append(f"{key}: {reason}")


def tabular(found: Sniffed, grid: list[list[str]]) -> None:
    """Settings that the cells of a table show."""
    at, rows = _header(grid)
    upper, header = grid[at], grid[at : at + rows]
    if rows == _SECOND_HEADER:
        found.note("header", "2", "two rows of names; the upper one has gaps, as merged cells do")
        found.doubts.append("header: two rows name the columns; if the second is data already, take `header` away")
    if any(any(row) for row in grid[:at]):
        found.note("skip_until", next(filter(None, upper)), f"{counted(at, 'line')} before the header")
    body, broad = grid[at + rows :], max(map(_filled, header))
    if body and _is_unit_row(body[0]):
        found.note("units_row", "true", "the row under the header holds units")
        body = body[1:]
    at = _another_table(body)
    if at >= 0:
        mark = next(filter(None, body[at]))
        found.note("stop", (mark,), f"behind an empty row `{mark}` begins something else")
        found.doubts.append(f"stop: is `{mark[:40]}` the end of the table? Rows from there on are not read")
        body = body[:at]
    body = [row for row in body if any(row) and row not in header]  # pages repeat it, and no column is numbers then
    firsts = [next(filter(None, row)) for row in body]
    skip = tuple(mark for mark in _TOTALS if any(map(beginning([mark]), firsts)))
    if skip:
        found.note("skip", skip, "rows of totals")
    totals = beginning(_TOTALS)
    body = [row for row in body if not totals(next(filter(None, row))) and _filled(row) <= broad]
    null = tuple(mark for mark in _NOTHING if any(mark in row for row in body))
    if null:
        found.note("null", null, "cells that mean: nothing")
    columns = zip_longest(*body, fillvalue="")
    _marks(
        found, [[cell for cell in column if cell and cell not in null and not is_mangled(cell)] for column in columns]
    )


def _another_table(body: list[list[str]]) -> int:
    """The row behind an empty one that is a title or a header of something narrower; -1: there is none."""
    width, totals = usual_width([row[: _filled(row)] for row in body]), beginning(_TOTALS)
    for at, (above, row) in enumerate(pairwise(body), start=1):
        words = [cell for cell in row if cell]
        narrow = words and _filled(row) < _WIDE_ENOUGH * width and not totals(words[0])
        if narrow and not any(above) and not any(map(_is_value, words)):
            return at
    return -1


def _header(grid: list[list[str]]) -> tuple[int, int]:
    """Where the header begins, and of how many rows it is."""
    width = max((_filled(row) for row in grid), default=0)
    common = usual_width([row[: _filled(row)] for row in grid]) or width
    best, most = -1, 0
    for at, row in enumerate(grid[:_HEADER_WITHIN]):
        names = [cell for cell in row if cell]
        if len(names) > most and not any(map(_is_value, names)) and (best < 0 or not _is_data(row, grid[best + 1 :])):
            best, most = at, len(names)
    if most < max(_TITLE, _WIDE_ENOUGH * min(common, width)):
        hint = "the names of the columns have to stand over them"
        raise BadInput("No row of this file looks like a header.", hint=hint)
    if best and _is_upper(grid[best - 1], grid[best]):
        return best - 1, _SECOND_HEADER
    below = grid[best + 1] if best + 1 < len(grid) else []
    second = _is_upper(grid[best], below) and not _is_data(below, grid[best + 1 :])
    return best, _SECOND_HEADER if second else 1


def _is_data(row: list[str], body: list[list[str]]) -> bool:
    """Whether a cell of the row stands in its column in another row of the table too: no name does."""
    others = (found for found in takewhile(any, body) if found != row)
    return any(cell and cell == other for found in others for cell, other in zip(row, found, strict=False))


def _is_upper(upper: list[str], lower: list[str]) -> bool:
    """Two rows of words. Gaps in the upper one are cells merged to the right, over two names at least; gaps in the
    lower one are cells merged downwards.
    """
    upper, lower = upper[: _filled(upper)] + [""] * (_filled(lower) - _filled(upper)), lower[: _filled(lower)]
    columns = list(zip_longest(upper, lower, fillvalue=""))
    if not all(map(any, columns)) or any(map(_is_value, filter(None, (*upper, *lower)))):
        return False
    gaps = [at for at, (above, _) in enumerate(columns) if not above]
    merged = all(lower[at - 1] for at in gaps)
    return bool(gaps and upper[0] and merged) and len(columns) - len(gaps) > 1 and not _is_unit_row(lower)


def _filled(row: Sequence[str]) -> int:
    return max((index for index, cell in enumerate(row, start=1) if cell), default=0)


def _is_value(cell: str) -> bool:
    return isinstance(cell, NumberCell | DateCell) or bool(
        re.fullmatch(r"[<>]?[-+]?[0-9][0-9.,' \u00a0\u202f:/-]*%?", cell)
    )


def _is_unit_row(row: list[str]) -> bool:
    said = [cell for cell in row if cell]
    return bool(said) and all(unit_named(cell) for cell in said)


def _marks(found: Sniffed, columns: Sequence[Sequence[str]]) -> None:
    """How numbers are written: decimal mark, group mark, trailing minus. A column speaks where all of it fits."""
    texts = [sorted({cell for cell in column if not isinstance(cell, NumberCell)}) for column in columns]
    if any(re.fullmatch(r"[0-9.,'\u2019]+-", cell) for column in texts for cell in column):
        found.note("trailing_minus", "true", "cells such as `1,50-`")
    numbers = [
        [cell.lstrip("<> ").removesuffix("%").rstrip().removesuffix("-") for cell in column]
        for column in texts
        if _numeric(column)
    ]
    marked = [cell for column in numbers for cell in column if not cell.isdecimal()]
    if not marked:
        found.note("locale", "plain", "no number has a mark")
        return
    fits = {
        name: sum(len(column) for column in numbers if all(spelled_in(name, cell) for cell in column))
        for name in (("en", "plain", "de") if found.settings.get("delimiter") == "," else ("de", "plain", "en"))
        + ("fr", "ch")
    }
    best = max(fits, key=lambda name: fits[name])
    example = max((cell for cell in marked if spelled_in(best, cell)), key=len, default=marked[0])
    found.note("locale", best, f"numbers are written as `{example}`")
    equal = [name for name in fits if fits[name] == fits[best] and LOCALES[name][1] != LOCALES[best][1]]
    if equal:
        found.doubts.append(f"locale {best}: `{example}` could be {' or '.join(equal)} as well")


def _numeric(column: Sequence[str]) -> bool:
    """Whether all of a column are numbers in some way of writing, with a mark in one of them; dates are none."""
    if not column or not all(
        re.fullmatch(r"[<>]?\s*-?[0-9][0-9.,'\u2019\u00a0\u202f ]*-?\s*%?", cell) for cell in column
    ):
        return False
    dated = written_so(*column) or written_so(*column, times=True)
    return any(not cell.rstrip("% ").isdecimal() for cell in column) and not dated


def usual_width(grid: Sequence[Sequence[str]]) -> int:
    """The commonest number of cells, of rows with more than one."""
    counted = Counter(len(row) for row in grid if len(row) > 1)
    return max(counted, key=lambda width: (counted[width], width)) if counted else 0
