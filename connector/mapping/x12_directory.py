"""ANSI ASC X12, the part that deliveries need: the loops of three transaction sets, the qualifiers of their segments.

The loops are those of the releases 3040 to 6040 in one. A plan may write others down (`groups`).
"""

from __future__ import annotations

from collections.abc import Mapping

_DELIVERED = "N1(N2 N3 N4 REF PER FOB)"
SETS: Mapping[str, str] = {
    "856": f"""
        BSN NTE DTM
        HL(LIN SN1 SLN PRF PO4 PID MEA PWK PKG TD1 TD5 TD3(AT9) TD4 TSD REF PER
           LH1(LH2 LH3 LFH LEP LH4 LHT LHR PER LHE) CLD(REF DTP) MAN DTM FOB PAL {_DELIVERED}
           SDQ ETD CUR ITA SAC(CUR) GF YNQ LM(LQ) V1(R4 DTM))
        CTT""",
    "861": f"""
        BRA NTE CUR REF PER DTM PRF TD1 TD5 TD3 TD4 MEA {_DELIVERED} LM(LQ) FA1(FA2)
        RCD(SN1 CUR LIN PID PO4 REF PER DTM PRF MEA FOB TD1 TD5 TD3 TD4 ITA SAC MAN LM(LQ) SLN(PID NM1 LM(LQ))
            {_DELIVERED} FA1(FA2))
        CTT""",
    "863": """
        BTR NTE REF DTM PID PO4 TMD MEA(LM(LQ)) N1(N2 N3 N4 REF PER(REF))
        LIN(PID PO4 TMD PSD SPS QTY DTM REF NTE MEA(LM(LQ)) N1(N2 N3 N4 REF PER QTY)
            CID(UIT PSD SPS DTM REF NTE MEA(DTM REF LM(LQ)) STA(DTM REF LM(LQ)) TMD(MEA DTM REF)
                TSP(MEA DTM REF LM(LQ))))
        HL(LIN PID PO4 CID QTY TMD PSD TSP MEA SPS STA DTM NTE LM(LQ) NM1(N2 N3 N4 PER N9 UIT))
        CTT""",
}
"""Transaction set to its loops, behind ST and before SE: ship notice, receiving advice, test results (3040 to 6040)."""

QUALIFIERS: Mapping[str, str] = {
    "AMT": "01", "CUR": "01", "DTM": "01", "DTP": "01", "LIN": "02", "LQ": "01", "MAN": "01", "MEA": "02", "N1": "01",
    "N9": "01", "NM1": "01", "PER": "01", "PO1": "06", "QTY": "01", "REF": "01", "SLN": "09", "TMD": "01",
}  # fmt: skip
"""Per segment the element that says which of several it is."""
PAIRS: Mapping[str, tuple[int, int]] = {"LIN": (2, 2), "SLN": (9, 2), "PO1": (6, 2), "MAN": (1, 3)}
"""Segments that repeat a qualifier and what it qualifies: where these begin, and how many elements each has."""
