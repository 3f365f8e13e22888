"""Data pages as they come: their lines read strictly, before anything is believed or fetched.

A line names a credential of a record's version, or a file. It leads to the octets by `url`, at the host of the page, or
carries them itself (`octets`, in a page that is pushed); with neither it is only named (DECISIONS, "Links keep
secrets"). One line that cannot be read makes the page unusable. A refusal has a reason.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from connector.errors import BadMessage
from connector.model import Json, JsonObject, object_in, objects_in
from connector.vocabulary.admission import admit_value

FILE = "File"
"""The type of a line that names a file."""

_MAX_VERSION = 1 << 31
_MAX_SIZE = 1 << 53
_LONGEST = 1024
_REASON_LIMIT_BYTES, _LONGEST_REASON = 1 << 20, 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A credential of a record's version."""

    record_id: str
    version: int
    record_type: str
    level: str
    media_type: str
    digest: str
    url: str | None = None
    octets: bytes | None = None

    @property
    def given(self) -> bool:
        """Whether its octets may be had."""
        return self.url is not None or self.octets is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileItem:
    """A file."""

    name: str
    media_type: str
    digest: str
    size: int
    url: str


@dataclass(slots=True, kw_only=True)
class Page:
    """What a page lists: records, each with its credentials, and files; and where the next page is."""

    records: list[list[Item]] = field(default_factory=list)
    files: list[FileItem] = field(default_factory=list)
    following: str | None = None


def is_page(said: JsonObject) -> bool:
    """Whether this object is a data page at all: else it is somebody's data in a form of its own."""
    return isinstance(said.get("items"), list) and isinstance(said.get("dataset"), str)


def read_page(said: JsonObject, origin: tuple[str, str] | None) -> Page:
    """The lines of a page; `origin`: scheme and host at which all that it leads to lies, None: it leads nowhere."""
    page = Page()
    items: list[Item] = []
    lines = said.get("items")
    for line in lines if isinstance(lines, list) else []:
        if isinstance(line, dict) and line.get("type") == FILE:
            page.files.append(_file(line, origin))
        else:
            items.append(_item(line, origin))
    page.records = _grouped(items)
    following = said.get("next")
    if isinstance(following, str):
        page.following = _at(following, origin, "the next data page")
    return page


def origin_of(url: str) -> tuple[str, str]:
    """Scheme and host of an address that a peer gave."""
    try:
        return urlsplit(url)[:2]
    except ValueError:
        raise BadMessage("an address of the data is no URL") from None


def reason_of(body: bytes) -> str:
    """What a refusal says to people (RFC 9457; an Eclipse program lists messages), shortened."""
    try:
        said = admit_value(body, _REASON_LIMIT_BYTES)
    except BadMessage:
        said = None
    listed = objects_in(said) if isinstance(said, list) else [object_in(said)]
    told = [str(words) for one in listed if (words := one.get("detail") or one.get("message"))]
    return "; ".join(told)[:_LONGEST_REASON] or "no reason was given"


def _item(line: Json, origin: tuple[str, str] | None) -> Item:
    match line:
        case {
            "id": str(record_id), "version": int(version), "type": str(record_type), "level": str(level),
            "mediaType": str(media_type), "digest": str(digest),
            **others,
        } if 1 <= version < _MAX_VERSION:  # fmt: skip
            url, octets = others.get("url"), others.get("octets")
            return Item(
                record_id=record_id, version=version, record_type=record_type, level=level, media_type=media_type,
                digest=digest, url=_at(url, origin, "a credential") if isinstance(url, str) else None,
                octets=octets.encode() if isinstance(octets, str) and origin is None else None,
            )  # fmt: skip
        case _:
            raise BadMessage("a data page has a line that is none: id, version, type, level, mediaType, digest")


def _file(line: JsonObject, origin: tuple[str, str] | None) -> FileItem:
    match line:
        case {
            "name": str(name), "mediaType": str(media_type), "digest": str(digest), "size": int(size), "url": str(url)
        } if 0 <= size < _MAX_SIZE and len(name) + len(media_type) <= _LONGEST:  # fmt: skip
            where = _at(url, origin, "a file")
            return FileItem(name=name, media_type=media_type, digest=digest, size=size, url=where)
        case _:
            raise BadMessage("a data page has a file that is none: name, mediaType, digest, size, url")


def _at(url: str, origin: tuple[str, str] | None, what: str) -> str:
    if origin is None or origin_of(url) != origin:
        raise BadMessage(f"{what} lies at another host than the data")
    return url


def _grouped(items: Iterable[Item]) -> list[list[Item]]:
    """The lines of one record's version together. A page never splits a record."""
    groups: dict[tuple[str, int], list[Item]] = {}
    for item in items:
        group = groups.setdefault((item.record_id, item.version), [])
        group.append(item)
        if item.record_type != group[0].record_type:
            raise BadMessage("a data page gives one record two types")
    return list(groups.values())
