"""Two reports of one audit compared: where they differ, and how, as people name the places.

Both are the published JSON (`report.AuditReport.as_json`): one was kept, the other found by walking once more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from connector.model import Json, JsonObject

Subject = Literal["records", "balances", "origin", "verdict"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One place, and what stands there in the report that was kept and in the one that was found.

    `member`: of an entry that both have, the member that differs; `where` is for people and holds what a report says.
    """

    subject: Subject
    where: str
    member: str = ""
    kept: Json
    found: Json

    def as_json(self) -> JsonObject:
        """The published shape."""
        return {"subject": self.subject, "where": self.where, "kept": self.kept, "found": self.found}


_SUBJECTS: Final[Mapping[str, Subject]] = {
    "balances": "balances", "findings": "balances", "withheldBalances": "balances", "coverage": "origin",
    "footprint": "origin", "sourcing": "origin",
    "verdict": "verdict", "at": "verdict",
}  # fmt: skip
"""Member of a report -> what it is about; all others are about the records."""


def differences(kept: JsonObject, found: JsonObject) -> tuple[Difference, ...]:
    """Every member, record, balance and metal that is not the same in both."""
    told: list[Difference] = []
    for name in sorted({*kept, *found}):
        subject = _SUBJECTS.get(name, "records")
        key = _KEYS.get(name)
        pairs = _paired(kept.get(name), found.get(name), key) if key else None
        for where, one, other in pairs if pairs is not None else [("", kept.get(name), found.get(name))]:
            if one != other:
                told += _members(subject, f"{name} {where}".strip(), one, other)
    return tuple(told)


def _members(subject: Subject, where: str, kept: Json, found: Json) -> Iterator[Difference]:
    """Of two objects the members that differ, else the whole."""
    if not isinstance(kept, dict) or not isinstance(found, dict):
        yield Difference(subject=subject, where=where, kept=kept, found=found)
        return
    for name in sorted({*kept, *found}):
        if kept.get(name) != found.get(name):
            one, other = kept.get(name), found.get(name)
            yield Difference(subject=subject, where=f"{where} {name}", member=name, kept=one, found=other)


def _paired(kept: Json, found: Json, key: Callable[[JsonObject], str]) -> list[tuple[str, Json, Json]] | None:
    """The entries of two lists by their key; None where that does not tell them apart."""
    one, other = _keyed(kept, key), _keyed(found, key)
    if one is None or other is None or (one == other and kept != found):
        return None
    return [(name, one.get(name), other.get(name)) for name in dict.fromkeys((*one, *other))]


def _keyed(value: Json, key: Callable[[JsonObject], str]) -> dict[str, Json] | None:
    entries = value if isinstance(value, list) else []
    named: dict[str, Json] = {key(one): one for one in entries if isinstance(one, dict)}
    return named if isinstance(value, list) and len(named) == len(entries) else None


def _of_site(one: JsonObject) -> str:
    return " ".join(str(one.get(name)) for name in ("site", "metal", "period", "code") if name in one)


_KEYS: Final[Mapping[str, Callable[[JsonObject], str]]] = {
    "nodes": lambda one: str(one.get("key")),
    "chain": lambda one: f"{one.get('from')} -> {one.get('to')}",
    "balances": _of_site,
    "findings": _of_site,
}
