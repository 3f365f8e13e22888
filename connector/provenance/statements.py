"""What one credential says, read from its payload, and what the credentials of one record say together.

Payload by VC Data Model 2.0 with our `record` member {id, version, accessClass, level, ...}. Signatures are judged
elsewhere; a statement here only knows what that judgement said about it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from connector.model import Json, JsonObject
from connector.provenance.events import (
    Event,
    Merged,
    MoveEvent,
    Thing,
    display_name,
    each,
    merge_subjects,
    read_event,
    read_thing,
    read_time,
)
from connector.provenance.footprints import Footprint, read_footprints
from connector.provenance.links import Link, find_links
from connector.provenance.sourcing import Sourcing, read_sourcing

_PASSPORTS: Final = frozenset({"MineralLotPassport", "CellPassport", "BatteryPassport"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One credential's content. Whatever it does not say is empty."""

    types: tuple[str, ...]
    issuer: str
    record: str
    version: str
    access_class: str
    level: str
    subject: JsonObject
    valid_from: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What the given credentials of a record say together.

    `what`: a lot's material, a make event's process. `faults`: sentences about what breaks a rule.
    """

    subject: JsonObject = field(default_factory=dict)
    name: str = ""
    what: str = ""
    issuer: str = ""
    links: tuple[Link, ...] = ()
    event: Event | None = None
    thing: Thing | None = None
    time: datetime | None = None
    site: str = ""
    unreadable: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    footprints: tuple[Footprint, ...] = ()
    sourcing: tuple[Sourcing, ...] = ()

    @property
    def id(self) -> str:
        """The id of what the record is about."""
        return _text(self.subject.get("id"))

    @property
    def model(self) -> str:
        """Of a battery: the id of its model."""
        return _identity(self.subject.get("ofModel"))

    @property
    def operator(self) -> str:
        """Of a site: who runs it, where that was given."""
        return _identity(self.subject.get("operatedBy"))

    @property
    def permit_holder(self) -> str:
        """Of a permit: to whom it was given."""
        return _identity(self.subject.get("permitHolder"))


def read_statement(payload: JsonObject) -> Statement:
    """A credential's payload as a statement."""
    record = payload.get("record")
    record = record if isinstance(record, dict) else {}
    subject = next(each(payload.get("credentialSubject")), {})
    return Statement(
        types=_texts(payload.get("type")),
        issuer=_identity(payload.get("issuer")),
        record=_text(record.get("id")),
        version=_text(record.get("version")),
        access_class=_text(record.get("accessClass")),
        level=_text(record.get("level")),
        subject=subject,
        valid_from=_time(payload.get("validFrom")),
    )


def read_content(kind: str, record: str, version: int, statements: tuple[Statement, ...]) -> Content:
    """The content of a record's version out of those of its credentials that were given."""
    about = [statement for statement in statements if statement.level != "model"] or list(statements)
    merged = merge_subjects(tuple(statement.subject for statement in about))
    subject = merged.subject
    event, unreadable = read_event(kind, subject)
    thing: Thing | None = None
    if kind in _PASSPORTS:
        thing, unreadable = read_thing(subject)
    return Content(
        subject=subject,
        name=display_name(subject),
        issuer=next((statement.issuer for statement in statements), ""),
        what=_text(subject.get("materialType")) or _text(subject.get("process")),
        links=_all_links(statements),
        event=event,
        thing=thing,
        time=event.time if event is not None else _time(subject.get("productionDate")),
        site=event.site if event is not None else _site(subject),
        unreadable=unreadable,
        faults=(*_faults(kind, record, version, statements), *_conflicts(merged), *_foreign_move(event, statements)),
        footprints=read_footprints(tuple(statement.subject for statement in statements)),
        sourcing=read_sourcing(kind, tuple(statement.subject for statement in statements)),
    )


def _all_links(statements: tuple[Statement, ...]) -> tuple[Link, ...]:
    return tuple(dict.fromkeys(link for statement in statements for link in find_links(statement.subject)))


def _faults(kind: str, record: str, version: int, statements: tuple[Statement, ...]) -> tuple[str, ...]:
    found: list[str] = []
    for statement in statements:
        what = f"{statement.access_class or '?'} {statement.level or '?'}"
        if (statement.record, statement.version) != (record, str(version)):
            found.append(f"the {what} credential belongs to another record or version")
        if kind not in statement.types:
            found.append(f"the {what} credential is no {kind}")
    signers = sorted({statement.issuer for statement in statements})
    if len(signers) > 1:  # else what one says of its own, such as where it was, would count as the other's word
        found.append(f"a record has one signer, and this one has several: {', '.join(signers)}")
    return tuple(found)


def _conflicts(merged: Merged) -> tuple[str, ...]:
    return tuple(f"credentials of the record disagree about {term}" for term in merged.conflicts)


def _foreign_move(event: Event | None, statements: tuple[Statement, ...]) -> tuple[str, ...]:
    """Each side of a move signs its own event."""
    if not isinstance(event, MoveEvent):
        return ()
    side = event.sender if event.direction == "sent" else event.receiver
    if all(statement.issuer == side for statement in statements):
        return ()
    return (f"a move that was {event.direction} is not signed by the party that {event.direction} it",)


def _site(subject: JsonObject) -> str:
    if "Facility" in _texts(subject.get("type")):
        return _text(subject.get("id"))
    return _identity(subject.get("producedAt"))


def _time(value: Json) -> datetime | None:
    try:
        return read_time(value)
    except ValueError:
        return None


def _identity(value: Json) -> str:
    return _text(value.get("id")) if isinstance(value, dict) else _text(value)


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: Json) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    return tuple(item for item in values if isinstance(item, str))
