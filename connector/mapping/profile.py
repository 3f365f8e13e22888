"""What the columns of an export hold: dates, numbers, times of day, truth values, units; how many are different.

Read with the settings of a source, so that what is found here is what a run will find. For proposals (`suggesting`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice

from connector.mapping.dates import written_so
from connector.mapping.exports import Source
from connector.mapping.likeness import Words, telling
from connector.mapping.numerals import numeral
from connector.mapping.source import DateCell, FromList, NumberCell, PercentCell, Row, SeveralCell, Table
from connector.mapping.unfit import Unfit
from connector.mapping.units import ISO_UNITS, SAP_UNITS, UNITS, unit_called, unit_named

_ROWS, _LONGEST_UNIT, _MOST_UNITS = 2_000, 8, 12
_CLOCK = re.compile(
    r"[0-2][0-9]:[0-5][0-9](:[0-5][0-9])?|[0-2][0-9][0-5][0-9][0-5][0-9]"
    r"|(0?[1-9]|1[0-2]):[0-5][0-9](:[0-5][0-9])? [AaPp][Mm]"
)
_ELEMENTS = frozenset([
    "Ag", "Al", "As", "Au", "B", "Ba", "Be", "Bi", "C", "Ca", "Cd", "Ce", "Cl", "Co", "Cr", "Cu", "F", "Fe",
    "Hg", "K", "La", "Li", "Mg", "Mn", "Mo", "N", "Na", "Nb", "Nd", "Ni", "P", "Pb", "Pd", "Pt", "S", "Sb",
    "Sc", "Se", "Si", "Sn", "Ta", "Te", "Ti", "U", "V", "W", "Y", "Zn", "Zr",
])  # fmt: skip
_METALS = {
    "nickel": "Ni", "nikkeli": "Ni", "cobalt": "Co", "kobalt": "Co", "koboltti": "Co", "mangan": "Mn",
    "manganese": "Mn", "manganèse": "Mn", "mangaani": "Mn", "lithium": "Li", "litium": "Li",
}  # fmt: skip
_SHARE = re.compile(r"%|gehalt|anteil|content|share|fraction|grade|teneur|pitoisuus|osuus", re.IGNORECASE)
"""A heading that speaks of a share, whether it says a unit or not."""
_OTHER_PERCENT = re.compile(r"\b(?:vol|mol|at)", re.IGNORECASE)
"""Of volumes or atoms, and not of masses."""
_METAL = re.compile(rf"({'|'.join(_METALS)})(?:gehalt|anteil|inhalt|masse|pitoisuus)?")
_YES, _NO = ("X", "x", "true", "TRUE", "1", "Y", "J", "ja", "yes"), ("", "false", "FALSE", "0", "N", "nein", "no", "-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column: its heading and what its cells have in common. `values`: the different filled cells, in order."""

    name: str
    words: Words
    values: tuple[str, ...]
    unique: bool
    filled: int
    dates: tuple[str, ...] = ()
    times: tuple[str, ...] = ()
    clock: bool = False
    number: bool = False
    below: bool = False
    boolean: Mapping[str, tuple[str, ...]] | None = None
    unit: str = ""
    unit_row: tuple[str, ...] = ()
    units_of: str = ""
    unit_words: Mapping[str, str] = field(default_factory=dict)
    """Where no built-in list has all its cells: each with the unit that people call so, or with none."""
    element: str = ""
    share: bool = False
    """Whether the heading speaks of a share, and of no mass."""
    undated: str = ""
    unnumbered: str = ""
    """The cell for which a column is none of dates, or of numbers, where most of its cells are such."""

    @property
    def fractions(self) -> bool:
        """Whether its cells are numbers that count something, and none that name it."""
        return self.number and not all(cell.isdecimal() for cell in self.values)

    @property
    def detection(self) -> str:
        """What a plan says of cells such as `<0,01`."""
        return ", below_detection: true" if self.below else ""

    @property
    def odd(self) -> str:
        """What to add to a reason, where one cell is no number."""
        return f"; but `{self.unnumbered[:40]}` is no number" if self.unnumbered else ""

    @property
    def shown(self) -> str:
        """A cell, for reasons."""
        return self.values[0][:40] if self.values else ""

    @property
    def holds(self) -> str:
        """What its cells are, for who has to write the rule: with the form of dates, where it is known."""
        if not self.values:
            return "no cell is filled"
        for kind, formats in (("date", self.dates), ("datetime", self.times)):
            if formats:
                return f"such as {self.shown} (`{kind}: {formats[0]}`)"
        return f"such as {self.shown}" + (" (numbers)" if self.number else "")


def profile(source: Source, table: Table) -> tuple[Column, ...]:
    """The columns of a table. The cells of its unit row stand with their columns."""
    rows = list(islice(table.rows, _ROWS))
    index = {name: number for number, name in enumerate(table.columns) if name}
    cells = {name: [row.cells[number] for row in rows] for name, number in index.items()}
    return tuple(
        _column(
            source, name, [cell for cell in found if not isinstance(cell, SeveralCell)],
            _units(rows, index.get(f"{name}@unit")),
        )
        for name, found in cells.items()
        if not (name.endswith("@unit") and name.removesuffix("@unit") in index) and not _listed(found)
    )  # fmt: skip


def _listed(cells: list[str]) -> bool:
    """Whether it is a list wherever it stands: `--record` makes rows of it."""
    filled = [cell for cell in cells if cell]
    return bool(filled) and all(isinstance(cell, FromList) for cell in filled)


def _units(rows: list[Row], number: int | None) -> tuple[str, ...]:
    return () if number is None else tuple(dict.fromkeys(row.cells[number] for row in rows if row.cells[number]))


def _column(source: Source, name: str, cells: list[str], unit_row: tuple[str, ...]) -> Column:
    filled = [cell for cell in cells if cell]
    values = tuple(dict.fromkeys(filled))
    dated = bool(values) and all(isinstance(cell, DateCell) for cell in values)
    texts = values[:200]
    written = [
        cell for cell in texts if not isinstance(cell, DateCell)
    ]  # what a workbook knows to be a day fits any form
    limits = [cell for cell in texts if cell.startswith("<")]
    percents = bool(texts) and all(cell.endswith("%") for cell in texts)
    unit = _unit(name) or ("P1" if percents else "")

    def reads(cell: str) -> bool:
        return _reads(source, cell.lstrip("< ") if cell[0] == "<" else cell, percent=unit == "P1")

    return Column(
        name=name,
        words=telling(name),
        values=values,
        unique=len(values) == len(cells) > 0,
        filled=len(filled),
        dates=("iso",)
        if dated and all(len(cell) == len("2026-01-01") for cell in values)
        else tuple(written_so(*written)),
        times=("iso",) if dated else tuple(written_so(*written, times=True)),
        clock=bool(values) and all(_CLOCK.fullmatch(cell) for cell in texts),
        number=bool(values) and not dated and all(map(reads, texts)),
        below=bool(limits),
        boolean=_boolean(cells),
        unit=unit,
        unit_row=unit_row,
        units_of=_unit_list(values),
        unit_words={}
        if _unit_list(values) or len(values) > _MOST_UNITS
        else {cell: unit_called(cell) for cell in values},
        element=_element(name),
        share=percents or _is_share(name),
        undated=_spoiler(texts, lambda cell: isinstance(cell, DateCell) or bool(written_so(cell))),
        unnumbered=_spoiler(texts, reads),
    )


def _spoiler(texts: tuple[str, ...], fits: Callable[[str], bool]) -> str:
    """The first cell that does not fit, where more than half do."""
    odd = list(islice((cell for cell in texts if not fits(cell)), len(texts) // 2 + 1))
    return odd[0] if 0 < len(odd) < len(texts) / 2 else ""


def _element(name: str) -> str:
    """The element of which a heading speaks: by its symbol; by its name where a unit shows that an amount is meant."""
    symbols = (part for part in re.split(r"[nN][°º]|[^A-Za-z]+|(?<=[a-z])(?=[A-Z])", name) if part in _ELEMENTS)
    amount = _unit(name) or _is_share(name)
    words = (_METAL.fullmatch(word) for word in re.split(r"[\W_]+", name.lower())) if amount else ()
    named = (_METALS[found[1]] for found in words if found)
    return next(symbols, "") or next(named, "")


def _is_share(name: str) -> bool:
    unit = _unit(name)
    return UNITS[unit].dimension == "ratio" if unit else _SHARE.search(name) is not None


def _reads(source: Source, text: str, *, percent: bool) -> bool:
    """Whether it is a number; `percent`: of a column of percent, whose cells may say so."""
    if isinstance(text, NumberCell):
        return percent or not isinstance(text, PercentCell)
    if percent and text.endswith("%"):
        text = text[:-1].rstrip()
    try:
        return bool(numeral(source.number_locale or "plain", trailing_minus=source.trailing_minus)(text))
    except Unfit:
        return False


def _boolean(cells: list[str]) -> Mapping[str, tuple[str, ...]] | None:
    found = set(cells)
    if not found & set(_YES) or not found <= {*_YES, *_NO}:
        return None
    return {"true": tuple(sorted(found & set(_YES))), "false": tuple(sorted(found & set(_NO))) or ("",)}


def _unit(name: str) -> str:
    """The unit that a heading says, in its last words that are one."""
    parts = [part for part in re.split(r"[\s_()\[\],/]+|(?<=[a-z]{3})(?=[A-Z])", name) if part]
    written = [part for part in parts[1:] if len(part) > 1 or part in {"%", "g", "t", "V", "A"}]
    said = [unit_named(part) or unit_named(part.lower()) for part in written if len(part) < _LONGEST_UNIT]
    percent = "P1" if "%" in name and not _OTHER_PERCENT.search(name) else ""  # `% Cu`, `Mn (Gew.-%)`, `wt%`
    return next((code for code in reversed(said) if code), percent)


def _unit_list(values: tuple[str, ...]) -> str:
    """The built-in code list that knows all of these as units."""
    for name, known in (("iso-units", ISO_UNITS), ("sap-units", SAP_UNITS)):
        if values and all(value in known for value in values):
            return name
    return ""
