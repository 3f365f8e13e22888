"""Values of a record in words for people: the passport page and the terminal say them alike."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from connector.model import Json

_UNITS: Final = MappingProxyType({
    "KGM": "kg",
    "KWH": "kWh",
    "AMH": "Ah",
    "VLT": "V",
    "P1": "%",
    "TNE": "t",
    "WTT": "W",
    "KWT": "kW",
    "CEL": "°C",
    "MON": "months",
    "C62": "",
})  # fmt: skip
"""UN/ECE Rec 20 code -> the sign that people know; a count has none."""
_HIDDEN: Final = frozenset({"id", "type"})


def in_words(value: Json) -> str:
    """Quantities with their unit, identifiers with their scheme, nodes and lists joined."""
    match value:
        case {"value": str(number), "unit": str(unit)}:
            return f"{number} {_UNITS.get(unit, unit)}".rstrip()
        case {"scheme": str(scheme), "value": str(text)}:
            return f"{text} ({scheme})"
        case dict():
            return ", ".join(f"{name}: {in_words(part)}" for name, part in value.items() if name not in _HIDDEN)
        case list():
            return "; ".join(map(in_words, value))
    return "" if value is None else str(value)
