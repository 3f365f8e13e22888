"""What claims of footprint and of sourcing have in common: the period they stand for, and who is said to have checked.

Texts as they stand, empty where nothing is said. Terms: Period, Assurance.
"""

from __future__ import annotations

from collections.abc import Iterator

from connector.model import Json, JsonObject
from connector.provenance.events import each


def read_assured(claim: JsonObject, *, time: str = "period") -> dict[str, str]:
    """Members of a claim by their names in `Footprint` and `Sourcing`. `time`: the term that holds the period.

    A statement has one verifier by the vocabulary. Of one that names several each counts: they stand one behind the
    other, with a blank between, which no id has.
    """
    period, assurance = (next(each(claim.get(name)), {}) for name in (time, "assurance"))
    named = [*_ids(assurance.get("verifier"))] or _ids(claim.get("verifier"))
    return {
        "start": text_of(period.get("start")), "end": text_of(period.get("end")),
        "party": text_of(assurance.get("party")), "level": text_of(assurance.get("level")),
        "verifier": " ".join(dict.fromkeys(named)),
    }  # fmt: skip


def text_of(value: Json) -> str:
    """A text, or nothing."""
    return value if isinstance(value, str) else ""


def _ids(value: Json) -> Iterator[str]:
    """Bare, or as nodes with an id."""
    for one in value if isinstance(value, list) else [value]:
        if ident := text_of(one.get("id") if isinstance(one, dict) else one):
            yield ident
