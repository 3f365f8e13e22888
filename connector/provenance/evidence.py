"""The evidence log's links: each entry's hash covers the hash before it, so nothing can be changed or dropped unseen.

The store numbers and keeps the entries; here is only how they are linked and how a reader checks them. The hash is
SHA-256 over a length-prefixed encoding of the parts, so that no two different entries give the same octets. The log's
end is not protected by itself: whoever wants that keeps the newest hash elsewhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import orjson

from connector.model import Finding

GENESIS = "0" * 64
"""What stands as `previous` in a tenant's first entry."""

_EXPORTED = {"seq": int, "at": int, "event": str, "octets": str, "previous": str, "hash": str}
_DOMAIN = b"battery-connector evidence 1"


class Entry(Protocol):
    """What is looked at of a recorded entry."""

    @property
    def seq(self) -> int:
        """The number, from 1, without gaps."""

    @property
    def at(self) -> int:
        """When, in microseconds since the epoch."""

    @property
    def event(self) -> str:
        """What happened, as a word."""

    @property
    def body(self) -> bytes:
        """The details, in the exact octets."""

    @property
    def previous(self) -> str:
        """The hash of the entry before."""

    @property
    def hash(self) -> str:
        """The hash of this entry."""


def entry_hash(previous: str, seq: int, at: int, event: str, body: bytes) -> str:
    """The entry's hash, in hexadecimal."""
    parts = (_DOMAIN, previous.encode(), b"%d" % seq, b"%d" % at, event.encode(), body)
    return hashlib.sha256(b"".join([len(part).to_bytes(8, "big") + part for part in parts])).hexdigest()


def check(rows: Iterable[Entry], *, previous: str = GENESIS, first: int = 1) -> list[Finding]:
    """The first break of the chain, by its number, or nothing.

    `previous` and `first` let a reader go on from a page that was checked before. Only the first break is named: what
    follows it proves nothing.
    """
    number = first
    for row in rows:
        wrong = _break(row, number, previous)
        if wrong:
            return [Finding(code="evidence-broken", message=f"evidence entry {number}: {wrong}")]
        previous = row.hash
        number += 1
    return []


def _break(row: Entry, number: int, previous: str) -> str:
    if row.seq != number:
        return f"missing; the next entry here is number {row.seq}"
    if row.previous != previous:
        return "does not lead back to the entry before it"
    if row.hash != entry_hash(row.previous, row.seq, row.at, row.event, row.body):
        return "was changed after it was recorded"
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """An `Entry` as it stands in an export."""

    seq: int
    at: int
    event: str
    body: bytes
    previous: str
    hash: str


def exported(line: bytes) -> Exported | None:
    """The entry in a line of an export, whose `octets` are the body as text; None: it is none."""
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(value, dict) or {name: type(one) for name, one in value.items()} != _EXPORTED:
        return None
    return Exported(body=value.pop("octets").encode(), **value)
