"""A figure with its unit and, where there is one, its target; and the table of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from connector.model import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured number. `at_most` or `at_least` is the target."""

    part: str
    name: str
    value: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        if self.at_most is not None:
            return self.value <= self.at_most
        return None if self.at_least is None else self.value >= self.at_least

    @property
    def target(self) -> str:
        """The target in words."""
        if self.at_most is not None:
            return f"<= {self.at_most:g}"
        return "" if self.at_least is None else f">= {self.at_least:g}"

    def as_json(self) -> JsonObject:
        """For machines."""
        return {
            "part": self.part,
            "name": self.name,
            "value": round(self.value, 4),
            "unit": self.unit,
            "target": self.target or None,
            "met": self.met,
            "note": self.note,
        }


def show(console: Console, figures: Iterable[Figure]) -> None:
    """One table per part."""
    parts: dict[str, list[Figure]] = {}
    for figure in figures:
        parts.setdefault(figure.part, []).append(figure)
    for part, found in parts.items():
        console.print(_table(part, found))


def _table(part: str, figures: Sequence[Figure]) -> Table:
    table = Table(title=part, title_justify="left", title_style="bold", min_width=100)
    table.add_column("figure")
    table.add_column("value", justify="right")
    table.add_column("unit")
    table.add_column("target", justify="right")
    table.add_column("met")
    table.add_column("note", style="dim")
    for figure in figures:
        met = {True: "[green]yes[/green]", False: "[red]no[/red]", None: ""}[figure.met]
        table.add_row(figure.name, _number(figure.value), figure.unit, figure.target, met, figure.note)
    return table


def _number(value: float) -> str:
    """Three figures are honest here."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"
