"""Assay exports of a LIMS: a block of metadata, a header row of analytes, a row of units, decimal comma, `<0,05`.

The laboratory's own analyses of the same sample differ a little from the plant's, as they do.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from .columns import GERMAN, written
from .masses import Lot, part
from .tables import Row

IMPURITIES = (("Fe", "mg/kg"), ("Cu", "mg/kg"), ("Cd", "mg/kg"), ("Cr", "%"))
MOISTURE = {"MHP": 4_230, "SCRAP": 20, "CAM622": 3}
"""In hundredths of a per cent."""
RELATIVE = {"Ni": 30, "Co": 40, "Mn": 50, "Li": 50}
"""Expanded uncertainty (k=2) of the analysis, in hundredths of a per cent of the value."""


def percent(ten_thousandths: int) -> str:
    """A mass fraction in ten thousandths of a per cent, with decimal comma."""
    whole, rest = divmod(ten_thousandths, 10_000)
    return f"{whole},{rest:04d}"


def results(
    lots: Sequence[Lot], metals: Sequence[str], *, third_party: bool, changed: str = "", client: str = ""
) -> list[Row]:
    """One row per sample. `changed`: of this sample the first result is half a per cent higher than was found."""
    rows: list[Row] = []
    for place, lot in enumerate(lots):
        index = 1 if third_party else 0
        if index >= len(lot.samples):
            continue
        sampled = datetime.combine(lot.made, datetime.min.time()) + timedelta(hours=9 + place, minutes=20)
        row: Row = {
            "sample": lot.samples[index],
            "lot": lot.number,
            "material": lot.material,
            "client": client,
            "sampled": sampled,
            "analysed": lot.made + timedelta(days=8 if third_party else 2),
            "moisture": percent(MOISTURE[lot.material] * 100) if lot.material in MOISTURE else "",
        }
        for metal in metals:
            if metal not in lot.contained:
                continue
            found = part(lot.contained[metal], 1_000_000, lot.net)
            found += (found // 2_500 if place % 2 else -(found // 3_100)) if third_party else 0
            if lot.samples[index] == changed and metal == metals[0]:
                found += 5_000
            row[metal] = percent(found)
            row[f"{metal}_u"] = percent(part(found, RELATIVE[metal], 10_000))
        row |= _impurities(place)
        rows.append(row)
    return rows


def _impurities(place: int) -> Row:
    return {
        "Fe": f"{12 + 3 * place},{place}",
        "Cu": f"{4 + place},8",
        "Cd": "<0,05",
        "Cr": "<0,001" if place % 2 else "n.b.",
    }


def assay_export(title: str, method: str, printed: date, metals: Sequence[str], rows: Sequence[Row]) -> bytes:
    """The CSV: header row, unit row, one line per sample."""
    plain = (
        ("Probe", "sample"), ("Charge", "lot"), ("Kunde", "client"), ("Material", "material"),
        ("Probenahme", "sampled"), ("Analysiert", "analysed"), ("Feuchte", "moisture"),
    )  # fmt: skip
    names = [heading for heading, _ in plain]
    units = ["", "", "", "", "", "", "%"]
    keys = [key for _, key in plain]
    for metal in metals:
        names += [metal, f"{metal} U(k=2)"]
        units += ["%", "%"]
        keys += [metal, f"{metal}_u"]
    for analyte, unit in IMPURITIES:
        names.append(analyte)
        units.append(unit)
        keys.append(analyte)
    lines = [title, f"Methode;{method}", f"Ausgabe;{printed:%d.%m.%Y}", "", ";".join(names), ";".join(units)]
    lines.extend(";".join(written(row.get(key, ""), "", GERMAN) for key in keys) for row in rows)
    return ("\r\n".join(lines) + "\r\n").encode("utf-8")
