"""Audit reads: what is asked of a company's AuditService, and what it answers, as values.

    GET /links/{id}                where a link that the company signed leads: {holder, record, version}
    GET /records/{id}/{version}    a record's page; version `latest` is the newest
    GET /records/{id}/later        records whose links lead back to this one; with /{place} the page that begins there
    GET /party                     the company's name, for people

A page lists every non-dynamic credential of the version by digest and carries the octets of those that the caller may
read; dynamic ones are listed only when given. 403: known, no right (`sealed`); 202: held for a decision; 404: unknown.
Who may read what is the policy's; carrying it over HTTP is done elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import quote, unquote

from connector.model import Did, Json, JsonObject, Level, is_number
from connector.provenance.outcomes import Outcome

ReadKind = Literal["link", "record", "later", "party"]
LATEST: Final = "latest"
_UNTOLD: Final = "the owner does not tell us where this link leads: who its supplier is, say"
_CLOSED: Final = "the owner has it and gives us no right to read it; a contract on the dataset where it stands might"
_MOST_CREDENTIALS: Final = 100
"""Of a page. A record has one for each access class and level; each is verified as of every event that leans on it."""
_OK, _HELD, _SEALED, _UNKNOWN, _GONE = 200, 202, 403, 404, 410


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """One audit read, to one company."""

    holder: Did
    kind: ReadKind
    ident: str = ""
    version: str = LATEST
    after: str = ""
    """Of what came later: where its page begins, as `next` of the page before says."""

    @property
    def path(self) -> str:
        """The path below the AuditService's address."""
        ident = quote(self.ident, safe=":")
        if self.kind == "link":
            return f"links/{ident}"
        if self.kind == "record":
            return f"records/{ident}/{self.version}"
        if self.kind == "later":
            return f"records/{ident}/later" + (f"/{quote(self.after, safe='')}" if self.after else "")
        return "party"


def parse_path(holder: Did, path: str) -> Read | None:
    """The read that a path asks for, or None."""
    match [unquote(part) for part in path.strip("/").split("/")]:
        case ["party"]:
            return Read(holder=holder, kind="party")
        case ["links", ident] if ident:
            return Read(holder=holder, kind="link", ident=ident)
        case ["records", ident, "later"] if ident:
            return Read(holder=holder, kind="later", ident=ident)
        case ["records", ident, "later", after] if ident and after:
            return Read(holder=holder, kind="later", ident=ident, after=after)
        case ["records", ident, version] if ident and (version == LATEST or is_number(version)):
            return Read(holder=holder, kind="record", ident=ident, version=version)
        case _:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One credential on a page. `octets` is None when withheld."""

    digest: str
    media_type: str
    access_class: str
    level: str
    octets: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A record's version as its holder serves it."""

    record: str
    version: int
    type: str
    holder: Did
    credentials: tuple[Served, ...]

    @property
    def lasting(self) -> frozenset[str]:
        """Digests of the non-dynamic credentials: the set that a link to this version carries."""
        return frozenset(served.digest for served in self.credentials if served.level != Level.DYNAMIC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a link leads."""

    holder: Did
    record: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LaterEntry:
    """A record that leads back to the one asked about. `receiver`: of a move, who got the thing."""

    record: str
    version: int
    type: str
    holder: Did
    receiver: Did | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """What came after. `withheld`: 1 where there are records that the caller may not know; how many is not told."""

    entries: tuple[LaterEntry, ...]
    withheld: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyName:
    """What the company calls itself. Shown, never relied on."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Nothing was obtained, and why."""

    outcome: Outcome
    reason: str


Answer = Page | Target | Later | PartyName | Gap


def understand(read: Read, status: int, body: Json) -> Answer:
    """The answer to a read. What cannot be understood is `missing`, with its reason: nothing was obtained."""
    if status == _HELD:
        return Gap(outcome=Outcome.PENDING, reason="the owner holds the request for a decision")
    if status == _SEALED:
        return Gap(outcome=Outcome.SEALED, reason=_UNTOLD if read.kind == "link" else _CLOSED)
    if status in {_UNKNOWN, _GONE} and read.kind == "later":
        return Later(entries=())  # who does not know the record knows nothing that came of it
    if status in {_UNKNOWN, _GONE}:
        return Gap(outcome=Outcome.MISSING, reason=f"the owner does not know it ({status})")
    if status != _OK:
        return Gap(outcome=Outcome.MISSING, reason=f"the owner answered {status}")
    try:
        return _parse(read, body)
    except ValueError as error:
        return Gap(outcome=Outcome.MISSING, reason=f"the answer cannot be understood: {error}")


def _parse(read: Read, body: Json) -> Answer:
    if not isinstance(body, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004  one kind of refusal for the reader
    if read.kind == "link":
        record, version = _text(body, "record"), _number(body, "version")
        return Target(holder=Did(_text(body, "holder")), record=record, version=version)
    if read.kind == "later":
        entries = tuple(_entry(item) for item in _objects(body, "later"))
        withheld = body.get("withheld")
        return Later(entries=entries, withheld=withheld if isinstance(withheld, int) else 0)
    if read.kind == "party":
        return PartyName(name=_text(body, "name"))
    credentials = tuple(_served(item) for item in _objects(body, "credentials"))
    if len(credentials) > _MOST_CREDENTIALS:
        raise ValueError(f"no record has more than {_MOST_CREDENTIALS} credentials")
    return Page(
        record=_text(body, "id"),
        version=_number(body, "version"),
        type=_text(body, "type"),
        holder=Did(_text(body, "holder")),
        credentials=credentials,
    )


def _served(item: JsonObject) -> Served:
    octets = item.get("octets")
    return Served(
        digest=_text(item, "digest"),
        media_type=_text(item, "mediaType"),
        access_class=_text(item, "accessClass"),
        level=_text(item, "level"),
        octets=octets if isinstance(octets, str) else None,
    )


def _entry(item: JsonObject) -> LaterEntry:
    receiver = item.get("toParty")
    return LaterEntry(
        record=_text(item, "record"),
        version=_number(item, "version"),
        type=_text(item, "type"),
        holder=Did(_text(item, "holder")),
        receiver=Did(receiver) if isinstance(receiver, str) else None,
    )


def _objects(body: JsonObject, name: str) -> Iterator[JsonObject]:
    items = body.get(name)
    if not isinstance(items, list):
        raise ValueError(f"{name} is no list")  # noqa: TRY004  one kind of refusal for the reader
    for item in items:
        if not isinstance(item, dict):
            raise ValueError(f"{name} holds something that is no object")  # noqa: TRY004  one kind of refusal for the reader
        yield item


def _text(body: JsonObject, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} is missing")
    return value


def _number(body: JsonObject, name: str) -> int:
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} is no version number")
    return value
