"""The data models that there is a bridge to: each by its name, known by its documents, over its bridge and back."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from connector.bridges import batterypass, catena_x, en18223, epcis, untp
from connector.bridges.crossing import Crossed
from connector.bridges.matches import Matches, matches_with
from connector.errors import BadInput
from connector.model import JsonObject
from connector.vocabulary.matches import Match
from connector.vocabulary.terms import Terms


class Format(StrEnum):
    """A data model, by the word of the command line."""

    UNTP = "untp"
    EN18223 = "en18223"
    CATENA_X = "catena-x"
    BATTERYPASS = "batterypass"
    EPCIS = "epcis"


SOURCES = {
    Format.UNTP: untp.SOURCE,
    Format.EN18223: en18223.SOURCE,
    Format.CATENA_X: catena_x.SOURCE,
    Format.BATTERYPASS: batterypass.SOURCE,
    Format.EPCIS: epcis.SOURCE,
}
"""Format -> its word in the matches table."""
_WHOLE: Final = frozenset({Format.UNTP, Format.EN18223})
"""Models with room for our own terms: what has no exact place there is carried whole, under its own name."""
_SUBJECT = "Battery"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridges:
    """All bridges over one vocabulary.

    `matches`: the rows of the table; `context`: the URL of our current context; `definitions`: what stands in it.
    """

    terms: Terms
    matches: tuple[Match, ...]
    context: str
    definitions: JsonObject

    def convert(
        self, subject: JsonObject, target: Format, *, issuer: JsonObject, now: str, compressed: bool
    ) -> Crossed:
        """A subject of ours in another model. `issuer`: {id, name}; `now`: date and time in UTC."""
        table = self.table(target)
        match target:
            case Format.UNTP:
                return untp.convert(subject, table, self.definitions, issuer, now)
            case Format.EN18223 if compressed:
                return en18223.compress(subject, table, self.context)
            case Format.EN18223:
                return en18223.expand(subject, table, self.terms)
            case Format.CATENA_X:
                return catena_x.convert(subject, table)
            case Format.BATTERYPASS:
                return batterypass.convert(subject, table)
            case Format.EPCIS:
                return epcis.convert(subject, table.codes.get("Modification", {}), now)

    def read(self, document: JsonObject, source: Format | None = None) -> list[Crossed]:
        """A document of another model as subjects of ours: one passport, or the events of a document."""
        known = source or detect(document)
        table = self.table(known)
        match known:
            case Format.UNTP:
                return [untp.read(document, table, self.terms, _SUBJECT)]
            case Format.EN18223:
                return [en18223.read(document, table, self.terms, _SUBJECT)]
            case Format.CATENA_X:
                return [catena_x.read(document, table, _SUBJECT)]
            case Format.BATTERYPASS:
                return [batterypass.read(document, table, _SUBJECT)]
            case Format.EPCIS:
                return epcis.read(document, table.codes.get("Modification", {}))

    def table(self, name: Format) -> Matches:
        """The matches with one model."""
        found = matches_with(SOURCES[name], self.matches)
        return found.exact if name in _WHOLE else found


def detect(document: JsonObject) -> Format:
    """Which model a document is of, by keys that only it has. BatteryPass names itself nowhere, so it comes last."""
    if document.get("type") == "EPCISDocument":
        return Format.EPCIS
    if str(document.get("specVersion", "")).startswith("urn:io.catenax.battery.battery_pass:"):
        return Format.CATENA_X
    if "digitalProductPassportId" in document or "dppSchemaVersion" in document:
        return Format.EN18223
    types = document.get("type")
    if isinstance(types, list) and "DigitalProductPassport" in types:
        return Format.UNTP
    if document.get("type") is None and document:
        return Format.BATTERYPASS
    raise BadInput("this is no document of a model that is known", hint=f"say which: --from {'|'.join(Format)}")
