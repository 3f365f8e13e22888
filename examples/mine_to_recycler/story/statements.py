"""What companies claim beside masses: footprint and social claims per lot, and the car maker's models."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from .masses import Ledger
from .party import number
from .tables import Row

FOOTPRINTS: Mapping[tuple[str, str], tuple[str, str, str]] = {
    # company, material: kg CO2e per kg, allocation, share of primary data in per cent
    ("mine", "MHP"): ("6.9", "mass", "91"),
    ("refiner", "NISO4"): ("5.43", "mass", "78"),
    ("refiner", "COSO4"): ("7.12", "economic", "74"),
    ("recycler", "NISO4"): ("1.94", "cutOff", "88"),
    ("recycler", "COSO4"): ("2.21", "cutOff", "88"),
    ("recycler", "LI2CO3"): ("3.85", "cutOff", "83"),
    ("cathode", "CAM622"): ("17.6", "none", "69"),
    ("cell", "CELL"): ("15.1", "none", "62"),
    ("cell", "SCRAP"): ("0.0", "cutOff", "100"),
}
FOOTPRINT_ASSURANCE = {
    # company: party, level, who
    "mine": ("third", "limited", "certifier"),
    "refiner": ("second", "limited", "cathode"),
    "recycler": ("third", "limited", "certifier"),
    "cathode": ("first", "none", ""),
    "cell": ("second", "limited", "car"),
}
SOCIAL = {
    # company: scheme, version, scope, score, coverage in per cent, party, level, who
    "mine": ("Responsible Sites Mining Standard", "2.1", "site and community", "74 of 100", "100", "third", "certified",
             "certifier"),
    "refiner": ("Customer due diligence questionnaire", "2026", "site and metal purchases", "B", "72", "second",
                "limited", "cathode"),
    "recycler": ("Responsible Sites Mining Standard", "2.1", "recycling plant", "81 of 100", "100", "third",
                 "certified", "certifier"),
    "cathode": ("Supplier self-assessment", "5", "site", "passed", "64", "first", "none", ""),
    "cell": ("Supplier self-assessment", "5", "site", "passed", "60", "first", "none", ""),
}  # fmt: skip


PCF: Row = {
    "boundary": "cradleToGate", "method": "GBA Greenhouse Gas Rulebook", "method_version": "2.0",
    "start": date(2025, 7, 1), "end": date(2026, 7, 1), "legal": "voluntary",
}  # fmt: skip
"""What all footprints of the story share. Each holds those of what went in, so none is below its inputs'."""


def claims(company: str, ledger: Ledger) -> list[Row]:
    """One row per lot: its footprint claim and its social claim."""
    party, level, who = FOOTPRINT_ASSURANCE[company]
    scheme, version, scope, score, coverage, social_party, social_level, social_who = SOCIAL[company]
    rows: list[Row] = []
    for lot in ledger.lots:
        value, allocation, primary = FOOTPRINTS[(company, lot.material)]
        rows.append(
            {
                "lot": lot.number,
                "pcf": value,
                "allocation": allocation,
                "primary": primary,
                **PCF,
                "pcf_party": party,
                "pcf_level": level,
                "pcf_verifier": number(company, who) if who else "",
                "scheme": scheme,
                "scheme_version": version,
                "scope": scope,
                "score": score,
                "coverage": coverage,
                "social_party": social_party,
                "social_level": social_level,
                "social_verifier": number(company, social_who) if social_who else "",
            }
        )
    return rows


MODELS: tuple[Row, ...] = (
    {
        "model": "CM24-64", "name": "Corvina 64", "mass": "411.5", "capacity": "174", "voltage": "368", "vmin": "288",
        "vmax": "403", "power": "150", "cycles": "1500", "warranty": "96", "chemistry": "NMC622", "cells": "288",
        "part": "10.204.117", "ni": "", "co": "", "li": "", "report": "PB-24-0087", "pcf": "",
    },
    {
        "model": "CM27-84", "name": "Corvina 84", "mass": "512.0", "capacity": "229", "voltage": "366", "vmin": "288",
        "vmax": "403", "power": "210", "cycles": "1800", "warranty": "120", "chemistry": "NMC622", "cells": "288",
        "part": "10.311.092", "ni": "20.3", "co": "20.4", "li": "17.2", "report": "PB-27-0012", "pcf": "64.7",
        "pcf_unit": "KWH", "pcf_units": "83.8", "pcf_primary": "58", "pcf_party": "first", "pcf_level": "none", **PCF,
    },
)  # fmt: skip
"""Master data of the two models. `ni`, `co`, `li`: recycled shares in per cent, as the chain of the story gives. `pcf`:
kg CO2e per kWh, of which a battery holds `pcf_units`."""

COMPOSITION: tuple[Row, ...] = tuple(
    {"model": model, "component": component, "name": name, "cas": cas, "share": share}
    for model, share_of_cathode in (("CM24-64", "28.7"), ("CM27-84", "29.5"))
    for component, name, cas, share in (
        ("cathode", "lithium nickel manganese cobalt oxide", "182442-95-1", share_of_cathode),
        ("anode", "graphite", "7782-42-5", "17.9"),
        ("electrolyte", "ethylene carbonate", "96-49-1", "4.1"),
    )
)
HAZARDS: tuple[Row, ...] = tuple(
    {
        "model": model,
        "name": "lithium hexafluorophosphate",
        "cas": "21324-40-3",
        "class": "Skin Corr. 1A",
        "share": "1.2",
    }
    for model in ("CM24-64", "CM27-84")
)
