"""UN/EDIFACT directories, the part that deliveries need: the groups of four messages, the elements of their segments.

The groups are those of D.96A to D.17B in one: with the order of the segments each of these directories gives the same
tree. Elements stand by their numbers in D.17B; the few that older ones number otherwise (RFF 4000, PCI 8275, STS 9011,
TDT 8178) are found at the same place. Facts of the UN's directories (service.unece.org/trade/untdid); how they are
written is ours. A plan may write other groups down (`groups`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

MESSAGES: Mapping[str, str] = {
    "DESADV": """
        BGM DTM ALI MEA MOA CUX RFF(DTM) NAD(LOC RFF(DTM) CTA(COM)) TOD(LOC FTX) TDT(PCD TMD LOC(DTM))
        EQD(MEA SEL EQA HAN(FTX)) EFI(CED COM RFF DTM QTY)
        CPS(FTX QVR
            PAC(MEA QTY HAN(FTX) PCI(RFF DTM GIR(DTM) GIN(DLM) COD(MEA QTY PCD)) EFI(CED COM RFF DTM QTY))
            LIN(PIA IMD MEA QTY ALI GIN GIR DLM DTM NAD TDT TMD HAN FTX MOA PAC RFF(NAD CTA DTM) DGS(QTY FTX)
                LOC(NAD DTM QTY) SGP(QTY) PCI(DTM MEA QTY GIN(DLM) HAN(FTX GIN)) QVR(DTM)
                EFI(CED COM RFF DTM QTY)))
        CNT AUT""",
    "RECADV": """
        BGM DTM ALI CUX FTX RFF(DTM GEI MOA ALC) DOC(CDI(INP)) NAD(LOC RFF(DTM) CTA(COM)) TOD(CDI(INP) LOC(CDI))
        TDT(DTM CDI) EQD(CDI(INP) SEL(CDI) EQA(CDI(INP)))
        CPS(RFF(DTM) TDT(DTM) NAD(LOC) PAC(QVR PCI(RFF CDI(INP) GIN(CDI(INP))))
            LIN(PIA IMD QTY QVR DTM PRI PCD FTX NAD(LOC CTA(COM)) CDI(INP) DOC(CDI(INP)) GIN(CDI(INP))
                RFF(DTM GEI MOA ALC) PCI(QTY QVR CDI(INP) GIN(CDI(INP)) RFF(DTM))))
        CNT AUT""",
    "INVRPT": """
        BGM FTX DTM RFF(DTM) NAD(LOC RFF(DTM) CTA(COM)) CUX(DTM) CPS(PAC(PCI QTY(GIN DTM)))
        LIN(PIA IMD NAD MEA ALI LOC DTM FTX RFF(DTM)
            QTY(INV GIN LOC DTM STS NAD(LOC) PRI(CUX DTM) RFF(DTM) CPS(PAC(MEA QTY PCI(RFF DTM GIN))))
            CTA(COM)
            INV(QTY GIN LOC DTM STS FTX NAD(LOC) PRI(CUX DTM) RFF(DTM) CPS(PAC(MEA QTY PCI(RFF DTM GIN GIR(DTM))))))
        CNT AUT""",
    "QALITY": """
        BGM DTM IMD MEA FTX RFF(DTM) NAD(LOC RFF(DTM) CTA(COM))
        LIN(PIA IMD MEA PSD SPS DTM QTY FTX RFF(DTM) NAD(LOC RFF(DTM) CTA(COM)) TEM(MEA DTM RFF(DTM))
            CCI(PSD SPS DTM FTX RFF(DTM) MEA(DTM RFF(DTM)) STA(DTM RFF(DTM)) TEM(MEA DTM RFF(DTM)))
            GIN(DTM RFF(DTM)
                CCI(PSD SPS DTM FTX RFF(DTM) MEA(DTM RFF(DTM)) STA(DTM RFF(DTM)) TEM(MEA DTM RFF(DTM))))
            PRC(NAD(LOC)
                CCI(PSD SPS DTM FTX RFF(DTM) MEA(DTM RFF(DTM)) STA(DTM RFF(DTM)) TEM(MEA DTM RFF(DTM)))))
        CNT AUT""",
}
"""Message type (0065) to its groups, behind UNH and before UNT."""

_SEGMENTS = """
UNB 0001.0002.0080.0133 0004.0007.0008.0042 0010.0007.0014.0046 0017.0019 0020 0022.0025 0026 0029 0031 0032 0035
UNG 0038 0040.0007 0044.0007 0017.0019 0048 0051 0052.0054.0057 0058
UNH 0062 0065.0052.0054.0051.0057.0110.0113 0068 0070.0073 0115.0116.0118.0051 0121.0122.0124.0051 0127.0128.0130.0051
ALC !5463 1230.5189 4471 1227 7161.1131.3055.7160.7160
ALI 3239 9213 4183 4183 4183 4183 4183
AUT 9280 9282
BGM 1001.1131.3055.1000 1004.1056.1060 1225 4343 1373 3453
CCI !7059 6313.6321.6155.6154 7037.1131.3055.7036.7036 4051
CDI !7001 7007.1131.3055.7006
CED !1501 1511.1131.3055.1510.1056.1058.7402 9448
CNT !6069.6066.6411
COD 7505.1131.3055.7504 7507.1131.3055.7506
COM 3148.!3155
CPS 7164 7166 7075
CTA !3139 3413.3412
CUX !6347.6345.6343.6348 6347.6345.6343.6348 5402 6341
DGS !8273 8351.8078.8092 7124.7088 7106.6411 8339 8364 8410 8126 8158.8186 8246.8246.8246.8246 8255 8179 8211
DLM 4455 4403.4401.1131.3055.4400 7161.1131.3055.7160.7160 4457
DOC !1001.1131.3055.1000 1004.1373.1366.3453.1056.1060 3153 1220 1218
DTM !2005.2380.2379
EFI 1508.7008 1516.1056.1503.1502 1050 9450
EQA !8053 8260.1131.3055.3207
EQD !8053 8260.1131.3055.3207 8155.1131.3055.8154 8077 8249 8169 4233
FTX !4451 4453 4441.1131.3055 4440.4440.4440.4440.4440 3453 4447
GEI !9649 7365.1131.3055.7364 7187
GIN !7405 7402.7402*
GIR 7297 7402.!7405.4405*
HAN 4079.1131.3055.4078 7419.1131.3055.7418
IMD !7077 7081.1131.3055 7009.1131.3055.7008.7008.3453 7383
INP 3301.3285 4403.4401.1131.3055.4400 4405.3036 1229
INV 4501 7491 4499 4503 4403.4401.1131.3055.4400
LIN 1082 1229 7140.7143.1131.3055 5495.1082 1222 7083
LOC !3227 3225.1131.3055.3224 3223.1131.3055.3222 3233.1131.3055.3232 5479
MEA 6311 !6313.6321.6155.6154 6411.6314.6162.6152.6432 7383
MOA !5025.5004.6345.6343.4405
NAD !3035 3039.1131.3055 3124.3124.3124.3124.3124 3036.3036.3036.3036.3036.3045 3042.3042.3042.3042 3164 3229 3251 3207
PAC 7224 7075.7233.7073 7065.1131.3055.7064 7077.7064.7143.7064.7143 8395.8393
PCD !5245.5482.5249.1131.3055 4405
PCI !4233 7102.7102.7102.7102.7102.7102.7102.7102.7102.7102 8169 7511.1131.3055
PIA 4347 7140.!7143.1131.3055*
PRC 7187.1131.3055.7186.7186 7191.1131.3055.7190
PRI !5125.5118.5375.5387.5284.6411 5213
PSD 4407 7039 6071.6072.6411 7045 7047 3237.3236 3237.3236 3237.3236
QTY !6063.6060.6411
QVR 6064.!6063 4221 4295.1131.3055.4294
RFF !1153.1154.1156.1056.1060
SEL 9308 9303.1131.3055.9302 4517 7402.7402 4525
SGP 8260.1131.3055.3207 7224
SPS 6071.6072.6411 6074 6173.6174 6173.6174 6173.6174 6173.6174 6173.6174
STA !6331 6314.6411.6313.6321
STS 9015.1131.3055 4405.1131.3055.4404 9013.1131.3055.9012 9013.1131.3055.9012 9013.1131.3055.9012
TDT !8051 8028 8067.8066 8179.1131.3055.8178 3127.1131.3055.3126 8101 8457.8459.7130 8213.1131.3055.8212.8453 8281
TEM !4415.1131.3055.4416 4419 3077 6311 7188 4425.1131.3055.4424
TMD 8335.8334 8332 8341
TOD !4055 4215 4053.1131.3055.4052.4052
"""
"""Per segment its elements, their components joined by points. `!`: the qualifier; `*`: an element that may repeat."""


@dataclass(frozen=True, slots=True)
class Elements:
    """The elements of a segment: their columns, the one that qualifies it, and the one (from 1) that repeats, or 0."""

    columns: tuple[tuple[str, ...], ...]
    qualifier: str
    repeats: int

    def column(self, element: int, component: int) -> str:
        """The column of a component, both places from 1: its number, or where the directory has none, its place."""
        listed = self.columns[element - 1] if element <= len(self.columns) else ()
        return listed[component - 1] if component <= len(listed) else f"{element}.{component}"


_UNKNOWN = Elements((), "", 0)


def elements_of(segment: str) -> Elements:
    """What the directory says of a segment; nothing, where it does not know it."""
    return _directory().get(segment, _UNKNOWN)


@cache
def _directory() -> dict[str, Elements]:
    return {name: _elements(elements) for name, *elements in map(str.split, _SEGMENTS.strip().splitlines())}


def _elements(written: list[str]) -> Elements:
    """The second 7140 of a segment is `7140#2`, as a second column of one name is in a list."""
    seen: dict[str, int] = {}
    columns, qualifier, repeats = [], "", 0
    for place, element in enumerate(written, start=1):
        repeats = place if element.endswith("*") else repeats
        row = []
        for part in element.rstrip("*").split("."):
            number = part.removeprefix("!")
            seen[number] = seen.get(number, 0) + 1
            row.append(number if seen[number] == 1 else f"{number}#{seen[number]}")
            qualifier = row[-1] if part != number else qualifier
        columns.append(tuple(row))
    return Elements(tuple(columns), qualifier, repeats)


@cache
def qualifiers() -> dict[str, str]:
    """Per segment the element that says which of several it is."""
    return {name: elements.qualifier for name, elements in _directory().items() if elements.qualifier}
