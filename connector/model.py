"""Value types that every room shares. Plain frozen values; no behaviour beyond reading and showing them.

Types that belong to one standard live in that standard's room.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType, TypeAlias

Did = NewType("Did", str)
"""A decentralised identifier, e.g. `did:web:example.com` (W3C DID Core)."""

Pid = NewType("Pid", str)
"""A DSP process id (`consumerPid` or `providerPid`): an opaque string that its maker chose."""

Json: TypeAlias = "None | bool | int | float | str | list[Json] | dict[str, Json]"
"""Any JSON value. Allowed in signatures only where documents are handled as documents."""

JsonObject: TypeAlias = "dict[str, Json]"


def is_number(text: str) -> bool:
    """Whether it is digits alone. Python's own tests and `int` take those of other scripts too."""
    return text.isascii() and text.isdecimal()


def counted(count: object, one: str, many: str = "") -> str:
    """So many of something, in words: `1 row`, `2 rows`; `many`: where that is no `s` more."""
    said = f"{count:,}" if isinstance(count, int) else count
    return f"{said} {one if count == 1 else many or f'{one}s'}"


def list_in(value: object) -> list[Json]:
    """The list that stands here, or an empty one."""
    return value if isinstance(value, list) else []


def object_in(value: object) -> JsonObject:
    """The object that stands here, or an empty one."""
    return value if isinstance(value, dict) else {}


def objects_in(value: object) -> list[JsonObject]:
    """The objects in the list that stands here; what else is in it is passed over."""
    return [one for one in list_in(value) if isinstance(one, dict)]


class AccessClass(StrEnum):
    """Who may see a value. A lattice (Battery Regulation Art. 77(2)): members are never compared by order."""

    PUBLIC = "PUB"
    LEGITIMATE_INTEREST = "LI"
    AUTHORITY = "AUTH"
    INTEREST_AND_AUTHORITY = "LI+AUTH"
    B2B = "B2B"
    ORGANISATION = "ORG"


class Level(StrEnum):
    """What a value is about: the model, the single item (or lot), or the item's changing state."""

    MODEL = "model"
    ITEM = "item"
    DYNAMIC = "dynamic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in an export a cell stands. Lines and records count from 1; `column` is the header's name.

    `unit`: what `line` counts: lines, or the segments of an EDI file.
    """

    source: str = ""
    sheet: str = ""
    record: int = 0
    line: int = 0
    column: str = ""
    value: str = ""
    unit: str = "line"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong with somebody's data: a stable code, a place, a sentence, and what to do."""

    code: str
    message: str
    hint: str = ""
    term: str = ""
    place: Place = field(default_factory=Place)

    def as_json(self) -> JsonObject:
        """The published shape (`map run --json`)."""
        place = self.place
        return {
            "source": place.source,
            "sheet": place.sheet,
            "record": place.record,
            "line": place.line,
            **({} if place.unit == "line" else {"unit": place.unit}),
            "column": place.column,
            "value": place.value,
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "term": self.term,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One verified statement about a party: `name` and `value`, and the credential that proves it.

    `source` is the digest of the credential, or the word for another origin (`token`, `request`, `unit`, `clock`).
    """

    name: str
    value: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known about a request when a policy is evaluated.

    `party` is the caller's DID, proven by its token. `claims` come from verified credentials (membership, role, mandate
    ...) and from the request itself (purpose, unit's buyer ...). A fact that is not here is unknown, never false.
    `doubted`: credentials that the party showed and that prove nothing, each with the reason, for us alone.
    """

    party: Did
    claims: tuple[Claim, ...] = ()
    doubted: tuple[str, ...] = ()

    def values(self, name: str) -> tuple[Claim, ...]:
        """All claims of that name."""
        return tuple(claim for claim in self.claims if claim.name == name)

    def with_claims(self, *claims: Claim) -> Facts:
        """The same facts and these."""
        return Facts(party=self.party, claims=(*self.claims, *claims), doubted=self.doubted)
