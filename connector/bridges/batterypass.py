"""BatteryPass data model 1.2 (thebatterypass.eu): seven aspects, each a file of its own there and a key here.

Its misspelt names (`warrentyPeriod`, `supplyChainIndicies` ...) are normative and stand in the matches table. Its own
files are mostly UTF-16 (`octets` reads them); a file of one aspect is known by its keys.
"""

from __future__ import annotations

from typing import Final

from connector.bridges import crossing
from connector.bridges.crossing import Crossed
from connector.bridges.matches import Matches
from connector.errors import BadInput
from connector.model import JsonObject

SOURCE: Final = "batterypass-1.2"
ASPECTS: Final = (
    "GeneralProductInformation", "CarbonFootprint", "Circularity", "Labels", "MaterialComposition", "Performance",
    "SupplyChainDueDiligence",
)  # fmt: skip


def convert(subject: JsonObject, matches: Matches) -> Crossed:
    """A passport of ours as `{aspect: payload}`."""
    return crossing.convert(subject, matches)


def read(document: JsonObject, matches: Matches, class_name: str) -> Crossed:
    """All aspects, or the payload of one, as a subject of ours."""
    if not document.keys() & set(ASPECTS):
        document = {_aspect(document, matches, class_name): document}
    return crossing.read(document, matches, class_name)


def _aspect(payload: JsonObject, matches: Matches, class_name: str) -> str:
    """The aspect that knows most of a payload's keys."""
    known = dict.fromkeys(ASPECTS, 0)
    places = {(match.path[0].name, match.path[1].name) for match in matches.of(class_name) if len(match.path) > 1}
    for aspect, key in places:
        known[aspect] += key in payload
    best = max(known, key=lambda aspect: known[aspect])
    if not known[best]:
        raise BadInput("no aspect of BatteryPass 1.2 has these keys", hint=f"known aspects: {', '.join(ASPECTS)}")
    return best
