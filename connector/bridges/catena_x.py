"""Catena-X `io.catenax.battery.battery_pass` 6.x: one JSON document, all of whose places the matches table knows.

Optional parts that our document does not say are left out; whether theirs is then complete is their schema's to tell.
"""

from __future__ import annotations

from typing import Final

from connector.bridges import crossing
from connector.bridges.crossing import Crossed
from connector.bridges.matches import Matches
from connector.errors import BadInput
from connector.model import JsonObject

SOURCE: Final = "catena-x-battery-pass-6"
_MODEL: Final = "urn:io.catenax.battery.battery_pass:"
_VERSION: Final = "6.1.0"


def convert(subject: JsonObject, matches: Matches) -> Crossed:
    """A passport of ours as theirs."""
    crossed = crossing.convert(subject, matches)
    crossed.document = {"specVersion": f"{_MODEL}{_VERSION}", **crossed.document}
    return crossed


def read(document: JsonObject, matches: Matches, class_name: str) -> Crossed:
    """Their passport as a subject of ours. `BadInput`: it is of another major version."""
    version = str(document.get("specVersion", ""))
    if not version.startswith(f"{_MODEL}6."):
        raise BadInput(f"specVersion {version!r} is not battery_pass 6.x", hint=f"{_MODEL}{_VERSION} is read")
    return crossing.read({key: value for key, value in document.items() if key != "specVersion"}, matches, class_name)
