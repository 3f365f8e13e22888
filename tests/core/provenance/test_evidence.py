"""The evidence chain: what a reader notices."""

from __future__ import annotations

from dataclasses import dataclass, replace

import orjson

from connector.provenance.evidence import GENESIS, Exported, check, entry_hash, exported


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


def lines(rows: list[Row]) -> list[bytes]:
    """The log as an export has it."""
    return [
        orjson.dumps({"octets": row.body.decode(), **{name: one for name, one in vars(row).items() if name != "body"}})
        for row in rows
    ]


def test_an_export_is_what_it_was() -> None:
    """Read back it has no findings, and the octets that were hashed."""
    read = [exported(line) for line in lines(chain(3))]
    assert [one and (one.seq, one.body) for one in read] == [(1, b"1"), (2, b"2"), (3, b"3")]
    assert check([one for one in read if one]) == []


def test_each_octet_of_an_export_counts() -> None:
    """Any single one changed makes a line no entry, or an entry that does not fit."""
    good = lines(chain(3))
    for number, line in enumerate(good):
        for place in range(len(line)):
            for other in (line[place] ^ 1, line[place] ^ 16, ord(" ")):
                if other == line[place]:
                    continue
                changed = [*good]
                changed[number] = line[:place] + bytes([other]) + line[place + 1 :]
                read = [exported(one) for one in changed]
                whole: list[Exported] = [one for one in read if one is not None]
                assert len(whole) < len(good) or check(whole), changed[number]


def test_no_value_stands_for_another() -> None:
    """True is not 1, and nothing stands beside what is hashed."""
    line = lines(chain(1))[0]
    assert exported(line.replace(b'"seq":1', b'"seq":true')) is None
    assert exported(line.replace(b"{", b'{"more":1,')) is None
