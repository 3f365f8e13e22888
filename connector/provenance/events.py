"""Events, stock and lots as typed values, read from the subject of a record.

What an event `corrects` stands in a link and is filled in by whoever knows the linked record.

A record's subject is the merge of what its credentials say (one credential per access class and level), so any part may
be absent because its class was not given. Reading collects what cannot be understood as sentences; the shapes are
checked elsewhere. Terms: vocabulary 0.1.0 (MakeEvent, MoveEvent, StocktakeEvent, MaterialLot, CellBatch, Battery).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Final, Literal

from connector.model import Json, JsonObject
from connector.provenance.masses import Mass, read_mass, total

Masses = Mapping[str, Mass]
"""Contained mass by metal."""

SourceKind = Literal["primary", "manufacturingWaste", "postConsumer", "runAround", ""]
Basis = Literal["physical", "allocated"]

_SOURCE_KINDS: Final[Mapping[str, SourceKind]] = {
    "primary": "primary",
    "manufacturingWaste": "manufacturingWaste",
    "postConsumer": "postConsumer",
    "runAround": "runAround",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One thing that goes into or out of an event. `link`: id of the signed link to its record, or empty."""

    thing: str
    link: str = ""
    contained: Masses
    source_kind: SourceKind = ""
    attested: bool = False
    quantity: Mass | None = None
    """How much of it took part, where that is told as a mass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """So much of a metal in one output is attributed to one input (ISO 22095 custody model)."""

    metal: str
    source: str
    target: str
    mass: Mass
    custody_model: str
    basis: Basis
    source_kind: SourceKind


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeEvent:
    """Inputs become outputs and losses. `corrects`, here and below: ids of the events that this one replaces."""

    id: str
    time: datetime
    site: str
    inputs: tuple[Product, ...] = ()
    outputs: tuple[Product, ...] = ()
    losses: tuple[Masses, ...] = ()
    attributions: tuple[Attribution, ...] = ()
    corrects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveEvent:
    """Things leave one party for another. Both sign one, with the same event id."""

    id: str
    time: datetime
    site: str
    direction: Literal["sent", "received"]
    sender: str
    receiver: str
    moved: tuple[Product, ...] = ()
    corrects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StocktakeEvent:
    """What stood at a site. `start` and `end` bound the period that a closing stocktake closes."""

    id: str
    time: datetime
    site: str
    kind: Literal["opening", "closing"]
    start: datetime
    end: datetime
    stock: Masses
    corrects: tuple[str, ...] = ()


Event = MakeEvent | MoveEvent | StocktakeEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """A lot, cell batch or battery: what it contains, as its passport says."""

    id: str
    name: str
    contained: Masses = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """The subject of a record out of its credentials. `conflicts`: terms about which they disagree."""

    subject: JsonObject
    conflicts: tuple[str, ...] = ()


def merge_subjects(subjects: Iterator[JsonObject] | tuple[JsonObject, ...]) -> Merged:
    """One subject from several. Each term belongs to one class and level, so two different values are a conflict."""
    merged: JsonObject = {}
    conflicts: list[str] = []
    for subject in subjects:
        for term, value in subject.items():
            if term in merged and merged[term] != value:
                conflicts.append(term)
            else:
                merged[term] = value
    return Merged(subject=merged, conflicts=tuple(dict.fromkeys(conflicts)))


def read_event(kind: str, subject: JsonObject) -> tuple[Event | None, tuple[str, ...]]:
    """The event that the subject states, or None with what could not be read."""
    try:
        if kind == "MakeEvent":
            return _make(subject), ()
        if kind == "MoveEvent":
            return _move(subject), ()
        if kind == "StocktakeEvent":
            return _stocktake(subject), ()
    except ValueError as error:
        return None, (f"{kind}: {error}",)
    return None, ()


def read_thing(subject: JsonObject) -> tuple[Thing | None, tuple[str, ...]]:
    """The lot, cell batch or battery that the subject states."""
    name = display_name(subject)
    try:
        identity = _text(subject, "id")
        return Thing(id=identity, name=name, contained=_contained(subject.get("containedMetal"))), ()
    except ValueError as error:
        return None, (f"contained metal: {error}",)


def display_name(subject: JsonObject) -> str:
    """What people call the thing: its name, or its first identifier, with the town of a site."""
    name = subject.get("name")
    if isinstance(name, str):
        return name
    town = next((node.get("locality") for node in each(subject.get("address"))), None)
    for identifier in each(subject.get("identifier")):
        value = identifier.get("value")
        if isinstance(value, str):
            return f"{value}, {town}" if isinstance(town, str) else value
    return ""


def each(value: Json) -> Iterator[JsonObject]:
    """The nodes of a term that may hold none, one or several (JSON-LD 1.1, 1.7: a set of one may be written bare)."""
    if isinstance(value, dict):
        yield value
    elif isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))


def read_time(value: Json) -> datetime:
    """An `xsd:dateTime` with zone, or an `xsd:date` as its first moment. `ValueError` if neither."""
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no time")  # noqa: TRY004  one kind of refusal for the reader
    if len(value) == len("2027-03-01"):
        day = date.fromisoformat(value)
        return datetime(day.year, day.month, day.day, tzinfo=UTC)
    time = datetime.fromisoformat(value)
    if time.tzinfo is None:
        raise ValueError(f"{value!r} has no time zone")
    try:
        return time.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{value!r} lies beyond the calendar") from error


def _make(subject: JsonObject) -> MakeEvent:
    return MakeEvent(
        id=_text(subject, "id"),
        time=read_time(subject.get("eventTime")),
        site=_reference(subject.get("facility")),
        inputs=tuple(_product(node) for node in each(subject.get("input"))),
        outputs=tuple(_product(node) for node in each(subject.get("output"))),
        losses=tuple(_contained(node.get("contained")) for node in each(subject.get("loss"))),
        attributions=tuple(_attribution(node) for node in each(subject.get("attribution"))),
    )


def _move(subject: JsonObject) -> MoveEvent:
    direction = subject.get("direction")
    if direction not in ("sent", "received"):  # no set: what is signed may be a list or a node, which no set can hold
        raise ValueError(f"direction {direction!r} is neither sent nor received")
    return MoveEvent(
        id=_text(subject, "id"),
        time=read_time(subject.get("eventTime")),
        site=_reference(subject.get("facility")),
        direction="sent" if direction == "sent" else "received",
        sender=_reference(subject.get("fromParty")),
        receiver=_reference(subject.get("toParty")),
        moved=tuple(_product(node) for node in each(subject.get("moved"))),
    )


def _stocktake(subject: JsonObject) -> StocktakeEvent:
    kind = subject.get("stockKind")
    if kind not in ("opening", "closing"):
        raise ValueError(f"stockKind {kind!r} is neither opening nor closing")
    time = read_time(subject.get("eventTime"))
    period = next(each(subject.get("period")), None)
    return StocktakeEvent(
        id=_text(subject, "id"),
        time=time,
        site=_reference(subject.get("facility")),
        kind="opening" if kind == "opening" else "closing",
        start=read_time(period.get("start")) if period else time,
        end=read_time(period.get("end")) if period else time,
        stock=_contained(subject.get("stock")),
    )


def _product(node: JsonObject) -> Product:
    attested = node.get("attested")
    return Product(
        thing=_reference(node.get("product")),
        link=_reference(node.get("link")),
        contained=_contained(node.get("contained")),
        source_kind=_source_kind(node.get("sourceKind")),
        attested=attested in (True, "true"),  # not said: not attested
        quantity=_amount(node.get("quantity")),
    )


def _amount(quantity: Json) -> Mass | None:
    """Pieces are no mass, and no fault: nothing of a balance rests on the amount of the whole product."""
    try:
        return read_mass(quantity)
    except ValueError:
        return None


def _attribution(node: JsonObject) -> Attribution:
    return Attribution(
        metal=_text(node, "metal"),
        source=_reference(node.get("from")),
        target=_reference(node.get("to")),
        mass=read_mass(node.get("mass")),
        custody_model=_text(node, "custodyModel"),
        # Anything that does not say physical counts as allocated: the weaker claim.
        basis="physical" if node.get("basis") == "physical" else "allocated",
        source_kind=_source_kind(node.get("sourceKind")),
    )


def _contained(value: Json) -> Masses:
    found: dict[str, list[Mass]] = {}
    for node in each(value):
        found.setdefault(_text(node, "metal"), []).append(read_mass(node.get("mass")))
    return {metal: total(masses) for metal, masses in found.items()}


def _source_kind(value: Json) -> SourceKind:
    return _SOURCE_KINDS.get(value, "") if isinstance(value, str) else ""


def _text(node: JsonObject, term: str) -> str:
    value = node.get(term)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{term} is missing")
    return value


def _reference(value: Json) -> str:
    """An id, bare or as a node with an id; empty when absent."""
    if isinstance(value, dict):
        value = value.get("id")
    return value if isinstance(value, str) else ""
