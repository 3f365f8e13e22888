"""Units of UN/ECE Recommendation 20 that battery records use: dimension, factor, and the codes of ERP systems.

Conversion is exact: factors are decimals, and another dimension is refused. Temperatures have no factor: they are
never converted.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from connector.mapping.numerals import CONTEXT
from connector.mapping.unfit import Unfit


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit: its Rec 20 code, what it measures, and how many of the dimension's first unit it is."""

    code: str
    dimension: str
    factor: Decimal


_TABLE = {
    "mass": "KGM 1, GRM 0.001, MGM 0.000001, MC 0.000000001, TNE 1000, DTN 100, KTN 1000000, LBR 0.45359237, "
    "STN 907.18474, LTN 1016.0469088, ONZ 0.028349523125, APZ 0.0311034768",
    "ratio": "C62 1, P1 0.01, NX 0.001, 59 0.000001, 61 0.000000001, GK 0.001, NA 0.000001, M29 1",
    "pieces": "H87 1, EA 1, DZN 12, MIL 1000",
    "energy": "JOU 1, KJO 1000, 3B 1000000, GV 1000000000, WHR 3600, KWH 3600000, MWH 3600000000, GWH 3600000000000",
    "charge": "COU 1, AMH 3600, E09 3.6, TAH 3600000",
    "voltage": "VLT 1, 2Z 0.001, KVT 1000",
    "current": "AMP 1, 4K 0.001, B22 1000",
    "power": "WTT 1, KWT 1000, MAW 1000000",
    "resistance": "OHM 1, E45 0.001, B49 1000",
    "length": "MTR 1, CMT 0.01, MMT 0.001, 4H 0.000001, KMT 1000",
    "area": "MTK 1, CMK 0.0001, MMK 0.000001, HAR 10000",
    "volume": "MTQ 1, LTR 0.001, MLT 0.000001, HLT 0.1, GLL 0.003785411784, CMQ 0.000001",
    "time": "SEC 1, MIN 60, HUR 3600, DAY 86400, WEE 604800",
    "months": "MON 1, ANN 12",
    "density": "KMQ 1, 23 1000, GL 1",
    "Celsius": "CEL 1",
    "kelvin": "KEL 1",
    "pressure": "PAL 1, KPA 1000, BAR 100000",
    "rate": "H10 1",
    "self-discharge": "H71 1",
    "freight": "TKM 1",
}


def _units() -> dict[str, Unit]:
    found = {}
    for dimension, entries in _TABLE.items():
        for entry in entries.split(", "):
            code, _, factor = entry.rpartition(" ")
            found[code] = Unit(code, dimension, Decimal(factor))
    return found


UNITS = _units()

SAP_UNITS = {
    "KG": "KGM", "G": "GRM", "MG": "MGM", "TO": "TNE", "T": "TNE", "DT": "DTN", "LB": "LBR", "OZ": "ONZ",
    "ST": "H87", "PC": "H87", "EA": "EA", "DZ": "DZN", "%": "P1", "PPM": "59", "‰": "NX",
    "L": "LTR", "ML": "MLT", "HL": "HLT", "M3": "MTQ", "M": "MTR", "CM": "CMT", "MM": "MMT", "KM": "KMT", "M2": "MTK",
    "KWH": "KWH", "MWH": "MWH", "WH": "WHR", "AH": "AMH", "V": "VLT", "MV": "2Z", "A": "AMP", "W": "WTT", "KW": "KWT",
    "S": "SEC", "MIN": "MIN", "H": "HUR", "STD": "HUR", "TAG": "DAY", "MON": "MON", "JHR": "ANN",
}  # fmt: skip
"""SAP's internal units (table T006). Packaging units (KAR, PAL) have no factor of their own and are not here."""

ISO_UNITS = {code: code for code in UNITS} | {"PCE": "H87", "PF": "H87", "KGS": "KGM"}
"""Units in IDocs: the ISO codes of table T006, which are Rec 20's, with PCE for a piece."""

_WRITTEN = {
    "mg/kg": "NA", "g/kg": "GK", "ppb": "61", "µg": "MC", "°C": "CEL", "K": "KEL", "mAh": "E09",
    "mΩ": "E45", "Ohm": "OHM", "Ω": "OHM", "months": "MON", "Monate": "MON", "mois": "MON", "kk": "MON",
    "years": "ANN", "Jahre": "ANN", "ans": "ANN", "days": "DAY", "Tage": "DAY", "jours": "DAY", "hours": "HUR",
    "kg": "KGM", "g": "GRM", "mg": "MGM", "t": "TNE", "l": "LTR", "ml": "MLT", "m": "MTR", "cm": "CMT", "mm": "MMT",
    "h": "HUR", "min": "MIN", "s": "SEC", "kWh": "KWH", "Wh": "WHR", "MWh": "MWH", "Ah": "AMH", "mV": "2Z", "kW": "KWT",
    "kg/kg": "M29", "1/h": "H10", "%/mo": "H71", "tkm": "TKM",
    "ppm": "59", "m²": "MTK", "m³": "MTQ", "Stk": "H87", "pcs": "H87", "pct": "P1", "percent": "P1", "Prozent": "P1",
}  # fmt: skip
"""Units as people write them over columns, where SAP writes them otherwise."""


_IN_CELLS = {
    "Kg": "KGM", "Kgs": "KGM", "kgs": "KGM", "kilo": "KGM", "kilos": "KGM", "Kilogramm": "KGM", "kilogram": "KGM",
    "kilograms": "KGM", "kilogramme": "KGM", "kilogrammes": "KGM", "gram": "GRM", "grams": "GRM", "Gramm": "GRM",
    "to": "TNE", "To": "TNE", "tonne": "TNE", "tonnes": "TNE", "Tonne": "TNE", "Tonnen": "TNE", "MT": "TNE",
    "mt": "TNE", "metric ton": "TNE", "metric tons": "TNE", "lb": "LBR", "lbs": "LBR", "LBS": "LBR",
    "Stück": "H87", "pc": "H87",
}  # fmt: skip
"""Units as people write them into cells of their own; over a column `to` may be another word."""


def unit_called(cell: str) -> str:
    """The code of a unit that has a cell of its own; empty where it is none."""
    return unit_named(cell) or _IN_CELLS.get(cell, "")


def unit_named(written: str) -> str:
    """The code of a unit as it is written over a column or beside a value; empty where it is none."""
    text = written.strip(" []()")
    return _WRITTEN.get(text) or SAP_UNITS.get(text, "") or (text if text in UNITS and not text.isdecimal() else "")


BUILT_IN = {"sap-units": SAP_UNITS, "iso-units": ISO_UNITS}


def convert(value: Decimal, source: str, target: str) -> Decimal:
    """The value in the other unit."""
    if source == target:
        return value
    first, second = unit(source), unit(target)
    if first.dimension != second.dimension:
        message = f"{source} is a unit of {first.dimension}, {target} of {second.dimension}."
        raise Unfit("bad-dimension", message, f"the cell's unit cannot become {target}")
    value = CONTEXT.multiply(value, first.factor)
    return value if second.factor == 1 else CONTEXT.divide(value, second.factor)


def unit(code: str) -> Unit:
    """The unit by its code."""
    found = UNITS.get(code)
    if found is None:
        raise Unfit("unknown-unit", f"`{code[:20]}` is no unit of Rec 20 that is known here.", "use a code list")
    return found
