"""The evidence chain: what a reader notices."""

from __future__ import annotations

from dataclasses import dataclass, replace

from connector.provenance.evidence import GENESIS, check, entry_hash


@dataclass(frozen=True)
class Row:
    """A recorded entry as a store gives it."""

    seq: int
    at: int
    event: str
    body: bytes
    previous: str
    hash: str


def chain(length: int) -> list[Row]:
    """A sound log."""
    rows: list[Row] = []
    previous = GENESIS
    for seq in range(1, length + 1):
        body = b"%d" % seq
        link = entry_hash(previous, seq, seq * 10, "step", body)
        rows.append(Row(seq, seq * 10, "step", body, previous, link))
        previous = link
    return rows


def test_a_sound_log_has_no_findings() -> None:
    """A whole log passes, and so does its second page after the first."""
    rows = chain(5)
    assert check(rows) == []
    assert check(rows[3:], previous=rows[2].hash, first=4) == []


def test_a_changed_entry_is_named() -> None:
    """A changed body is found at its number, whatever follows."""
    rows = chain(5)
    rows[2] = replace(rows[2], body=b"other")
    assert "entry 3" in check(rows)[0].message


def test_a_changed_entry_with_a_new_hash_breaks_the_next() -> None:
    """Who hashes a changed entry again breaks the link of the one after it."""
    rows = chain(5)
    rows[2] = replace(rows[2], body=b"x", hash=entry_hash(rows[2].previous, 3, 30, "step", b"x"))
    assert "entry 4" in check(rows)[0].message


def test_a_dropped_entry_is_named() -> None:
    """A gap is found at the number that is missing."""
    rows = chain(5)
    del rows[1]
    assert "entry 2: missing" in check(rows)[0].message


def test_parts_cannot_be_shifted() -> None:
    """Text moved from one part to its neighbour gives another hash."""
    assert entry_hash(GENESIS, 1, 1, "ab", b"c") != entry_hash(GENESIS, 1, 1, "a", b"bc")
    assert entry_hash(GENESIS, 1, 11, "a", b"") != entry_hash(GENESIS, 11, 1, "a", b"")
