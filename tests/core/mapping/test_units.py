"""Units: each factor is said a second time, as people know it; and by which names a unit is known."""

from __future__ import annotations

from decimal import Decimal

import pytest

from connector.mapping.unfit import Unfit
from connector.mapping.units import ISO_UNITS, SAP_UNITS, UNITS, convert, unit, unit_named
from connector.vocabulary.bundle import load_bundle

KNOWN = """
1 KTN = 1000 TNE; 1 TNE = 10 DTN; 1 TNE = 1000 KGM; 1 KGM = 1000 GRM; 1 GRM = 1000 MGM; 1 MGM = 1000 MC
1 LBR = 0.45359237 KGM; 1 LBR = 16 ONZ; 1 STN = 2000 LBR; 1 LTN = 2240 LBR; 175 APZ = 192 ONZ
1 TO = 10 DT; 1 T = 1000 KG; 1 t = 1000 kg; 1 KG = 1000 G; 1 kg = 1000 g; 1 G = 1000 MG; 1 g = 1000 mg; 1 mg = 1000 µg
1 LB = 16 OZ; 1 KGS = 1 KG; 1 C62 = 100 P1; 1 P1 = 10 NX; 1 % = 10 ‰; 1 NX = 1000 59; 1 59 = 1000 61; 1 ppm = 1000 ppb
1 ppm = 1 PPM; 1 GK = 1 NX; 1 NA = 1 59; 1 g/kg = 1000 mg/kg; 1 pct = 1 percent; 1 Prozent = 1 P1; 1 mg/kg = 1 ppm
1 DZN = 12 H87; 1 MIL = 1000 H87; 1 EA = 1 H87; 1 DZ = 12 ST; 1 PC = 1 Stk; 1 pcs = 1 EA; 1 PCE = 1 PF; 1 ST = 1 PCE
1 GWH = 1000 MWH; 1 MWH = 1000 KWH; 1 KWH = 1000 WHR; 1 WHR = 3600 JOU; 1 GV = 1000 3B; 1 3B = 1000 KJO
1 KJO = 1000 JOU; 1 MWh = 1000 kWh; 1 kWh = 1000 Wh; 1 KWH = 1000 WH; 1 WH = 1 WHR; 1 WHR = 1 Wh
1 TAH = 1000 AMH; 1 AMH = 1000 E09; 1 AMH = 3600 COU; 1 AH = 1000 mAh; 1 Ah = 1 AH; 1 AH = 1 AMH
1 KVT = 1000 VLT; 1 VLT = 1000 2Z; 1 V = 1000 MV; 1 V = 1000 mV; 1 B22 = 1000 AMP; 1 AMP = 1000 4K; 1 A = 1 AMP
1 MAW = 1000 KWT; 1 KWT = 1000 WTT; 1 KW = 1000 W; 1 kW = 1000 WTT; 1 B49 = 1000 OHM; 1 OHM = 1000 E45
1 Ω = 1000 mΩ; 1 Ohm = 1 Ω; 1 KMT = 1000 MTR; 1 MTR = 100 CMT; 1 CMT = 10 MMT; 1 MMT = 1000 4H; 1 KM = 1000 M
1 M = 100 CM; 1 m = 100 cm; 1 m = 1 M; 1 CM = 10 MM; 1 cm = 10 mm; 1 HAR = 10000 MTK; 1 MTK = 10000 CMK
1 CMK = 100 MMK; 1 M2 = 1 m²; 1 m² = 1 MTK; 1 MTQ = 10 HLT; 1 HLT = 100 LTR; 1 LTR = 1000 MLT; 1 MLT = 1 CMQ
1 GLL = 231 inch; 1 M3 = 1000 L; 1 m³ = 1000 l; 1 HL = 100 L; 1 L = 1000 ML; 1 l = 1000 ml; 1 WEE = 7 DAY
1 DAY = 24 HUR; 1 HUR = 60 MIN; 1 MIN = 60 SEC; 1 TAG = 24 STD; 1 STD = 60 min; 1 H = 1 h; 1 h = 1 hours
1 h = 3600 s; 1 S = 1 s; 1 days = 24 h; 1 Tage = 1 jours; 1 jours = 1 DAY; 1 ANN = 12 MON; 1 JHR = 12 Monate
1 years = 12 months; 1 M29 = 100 P1; 1 kg/kg = 1000 g/kg; 1 1/h = 1 H10; 1 %/mo = 1 H71; 1 tkm = 1 TKM
1 Jahre = 12 mois; 1 ans = 12 kk; 1 kk = 1 MON; 1 23 = 1000 KMQ; 1 GL = 1 KMQ; 1 BAR = 100 KPA; 1 KPA = 1000 PAL
"""
INCH = Decimal("16.387064")
"""Of a cubic inch, cubic centimetres: it is no unit here, and the gallon is defined by it."""
ALONE = {"CEL", "KEL"}


def _sides(said: str) -> tuple[Decimal, str, Decimal, str]:
    (one, left), (many, right) = (side.split() for side in said.split(" = "))
    if right == "inch":
        return Decimal(one), left, Decimal(many) * INCH, "CMQ"
    return Decimal(one), left, Decimal(many), right


SAID = [_sides(said.strip()) for line in KNOWN.strip().splitlines() for said in line.split(";")]


def test_a_unit_is_as_large_as_people_know_it() -> None:
    """There and back, exactly; no factor is left out."""
    met = set(ALONE)
    for one, left, many, right in SAID:
        source, target = (ISO_UNITS.get(name, "") or unit_named(name) or name for name in (left, right))
        assert convert(one, source, target) == many, (left, right)
        assert convert(many, target, source) == one, (right, left)
        met |= {source, target}
    assert met == UNITS.keys()


def test_every_name_that_sap_has_is_among_them() -> None:
    """A name that stands for another unit would be found above."""
    names = {name for _, left, _, right in SAID for name in (left, right)}
    assert SAP_UNITS.keys() <= names


@pytest.mark.parametrize(("written", "code"), [(" [kg] ", "KGM"), ("(°C)", "CEL"), ("K", "KEL"), ("59", ""), ("x", "")])
def test_a_unit_over_a_column(written: str, code: str) -> None:
    """In brackets or without; a number is none."""
    assert unit_named(written) == code


def test_what_measures_something_else_is_no_unit_of_it() -> None:
    """Kilograms are no litres, whatever the factor; temperatures are never converted; a unit has to be known."""
    for source, target in (("KGM", "LTR"), ("CEL", "KEL"), ("MON", "DAY"), ("H87", "C62")):
        with pytest.raises(Unfit) as raised:
            convert(Decimal(1), source, target)
        assert raised.value.code == "bad-dimension"
    with pytest.raises(Unfit) as raised:
        unit("KAR")
    assert raised.value.code == "unknown-unit"


def test_every_unit_of_the_vocabulary_is_known() -> None:
    """A plan could not write the unit that the vocabulary asks for: a C-rate, a share per month, tonne kilometres."""
    assert {code.name for code in load_bundle().terms.codes["Unit"]} <= UNITS.keys()
