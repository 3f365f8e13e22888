"""Bitstring status lists and the signed changes beside them."""

from __future__ import annotations

import gzip
import zlib
from datetime import datetime, timedelta
from itertools import pairwise

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.credentials import base64url, jose
from connector.credentials.datamodel import StatusEntry, time_text
from connector.credentials.refused import Refused
from connector.credentials.status_list import (
    CHANGES_TYPE,
    INFLATED_LIMIT_BYTES,
    LIST_BITS,
    Change,
    Changes,
    State,
    bit,
    changes_input,
    changes_url,
    decode_list,
    encode_list,
    entries,
    list_payload,
    parse_changes,
    scattered,
    set_at,
    state_at,
)
from connector.keys.memory import MemorySigner
from connector.model import Did, JsonObject

REFINER = Did("did:web:refiner.example")
URL = "https://refiner.example/status/0"
CHANGE = {
    "digestMultibase": "uEiA",
    "statusListIndex": "1",
    "statusPurpose": "revocation",
    "effectiveTime": "2027-01-01T00:00:00Z",
}


def packed(octets: bytes) -> str:
    return "u" + base64url.encode(gzip.compress(octets, mtime=0)).decode()


def test_the_empty_list_of_the_standard_is_read(rfc: JsonObject) -> None:
    """The example printed in Bitstring Status List 1.0: 131,072 zero bits."""
    text = rfc["empty_list"]
    assert isinstance(text, str)
    assert decode_list(text) == bytes(LIST_BITS // 8)


@settings(max_examples=30)
@given(st.sets(st.integers(0, LIST_BITS - 1), max_size=40))
def test_bits_come_back(indices: set[int]) -> None:
    """Exactly the bits that were set, also at both ends."""
    octets = decode_list(encode_list(indices))
    beside = {index ^ flip for index in indices for flip in range(8)}  # the bits of the same octets
    assert {index for index in beside if bit(octets, index)} == indices
    assert sum(octet.bit_count() for octet in octets) == len(indices)


def test_the_first_entry_is_the_leftmost_bit() -> None:
    """Section 3.1: index 0 is the highest bit of the first byte."""
    first, last = decode_list(encode_list([0])), decode_list(encode_list([LIST_BITS - 1]))
    assert (first[0], last[-1]) == (0x80, 0x01)
    assert [bit(first, index) for index in (0, 1, 7, 8)] == [True, False, False, False]
    assert [bit(last, index) for index in (LIST_BITS - 8, LIST_BITS - 1)] == [False, True]


def test_equal_lists_give_equal_texts() -> None:
    """No time in the gzip header: a list that did not change is not signed anew."""
    assert encode_list([5]) == encode_list([5])


@pytest.mark.parametrize("index", [-1, LIST_BITS, 10**9])
def test_an_index_beyond_the_end_is_refused(index: int) -> None:
    """It is neither set nor clear."""
    with pytest.raises(Refused, match="status-index-out-of-range"):
        bit(decode_list(encode_list([])), index)


def test_bombs_are_cut_off() -> None:
    """64 MB in 65 kB: refused after the limit, without being unpacked."""
    with pytest.raises(Refused, match="status-list-too-large"):
        decode_list(packed(bytes(64 << 20)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "u",
        "z" + encode_list([])[1:],
        encode_list([])[1:],
        "uAAAA",
        "ü",
        packed(bytes(1000)),
        encode_list([]) + "=",
        "u" + base64url.encode(zlib.compress(bytes(LIST_BITS // 8))).decode(),
        "u" + base64url.encode(gzip.compress(bytes(LIST_BITS // 8), mtime=0)[:-4]).decode(),
        "u" + base64url.encode(gzip.compress(bytes(LIST_BITS // 8), mtime=0) * 2).decode(),
        "u" + base64url.encode(gzip.compress(bytes(LIST_BITS // 8), mtime=0) + b"x").decode(),
    ],
)
def test_other_encodings_are_refused(text: str) -> None:
    """Other bases, no gzip, cut short, too few entries, something behind the end."""
    with pytest.raises(Refused, match=r"^(bad-status-list|bad-base64url): "):
        decode_list(text)


def test_a_list_may_be_as_long_as_the_limit() -> None:
    """And no longer; the last bit is within it."""
    longest = bytes(INFLATED_LIMIT_BYTES - 1) + b"\1"
    assert bit(decode_list(packed(longest)), INFLATED_LIMIT_BYTES * 8 - 1)
    with pytest.raises(Refused, match="status-list-too-large"):
        decode_list(packed(longest + b"\0"))
    assert decode_list(packed(bytes(20_000)), limit_bytes=20_000) == bytes(20_000)
    with pytest.raises(Refused, match="status-list-too-large"):
        decode_list(packed(bytes(20_000)), limit_bytes=19_999)
    with pytest.raises(Refused, match="fewer than"):
        decode_list(packed(bytes(LIST_BITS // 8 - 1)))


def test_the_list_credential_is_as_the_standard_has_it(now: datetime) -> None:
    """Section 2.2."""
    payload = list_payload(url=URL, issuer=REFINER, indices=[3], valid_from=now, valid_until=now + timedelta(days=1))
    assert payload == {
        "@context": ["https://www.w3.org/ns/credentials/v2"], "id": URL, "issuer": REFINER,
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "validFrom": time_text(now), "validUntil": time_text(now + timedelta(days=1)),
        "credentialSubject": {
            "id": f"{URL}#list", "type": "BitstringStatusList", "statusPurpose": "revocation",
            "encodedList": encode_list([3]),
        },
    }  # fmt: skip
    assert changes_url(URL) == "https://refiner.example/status/0/changes"


def told(now: datetime, *changes: tuple[str, int, str]) -> Changes:
    return Changes(
        issuer=REFINER,
        list_url=URL,
        issued=now,
        changes=tuple(
            Change(digest=digest, index=7, purpose=purpose, effective=now + timedelta(days=days))
            for digest, days, purpose in changes
        ),
        archived=(),
    )


@pytest.mark.parametrize(
    ("changes", "day", "state"),
    [
        ([], 0, "active"),
        ([("d", 1, "revocation")], 0, "active"),
        ([("d", 1, "revocation")], 1, "revoked"),
        ([("d", 1, "revocation")], 9, "revoked"),
        ([("d", 1, "revocation"), ("d", 2, "reinstatement")], 3, "revoked"),
        ([("d", 1, "suspension")], 1, "suspended"),
        ([("d", 1, "suspension"), ("d", 3, "reinstatement")], 2, "suspended"),
        ([("d", 1, "suspension"), ("d", 3, "reinstatement")], 3, "active"),
        ([("d", 3, "reinstatement"), ("d", 1, "suspension")], 2, "suspended"),
        ([("d", 1, "suspension"), ("d", 2, "revocation")], 5, "revoked"),
        ([("e", 1, "revocation")], 5, "active"),
    ],
)
def test_the_state_of_a_day_follows_from_the_changes(
    now: datetime, changes: list[tuple[str, int, str]], day: int, state: State
) -> None:
    """Effective from its time on, in the order of times, revocation for ever, others' changes never."""
    assert state_at(told(now, *changes), "d", now + timedelta(days=day)).state == state


def test_the_change_that_counts_and_the_next_one_are_named(now: datetime) -> None:
    """An auditor wants to hear what came afterwards."""
    found = state_at(told(now, ("d", 1, "suspension"), ("d", 3, "revocation")), "d", now + timedelta(days=2))
    assert found.made_by is not None
    assert found.next is not None
    assert (found.made_by.purpose, found.next.purpose) == ("suspension", "revocation")


def test_the_index_counts_as_well_as_the_digest(now: datetime) -> None:
    """A mirrored signature changes the digest; the index stands in the signed part and cannot be changed."""
    assert state_at(told(now, ("d", 0, "revocation")), "other", now, index=7).state == "revoked"
    assert state_at(told(now, ("d", 0, "revocation")), "other", now, index=8).state == "active"


def test_changes_read_back(signer: MemorySigner, now: datetime) -> None:
    """All that was written, in its order, with the names of archived lists."""
    changes = [
        Change(digest="uEiA", index=7, purpose="revocation", effective=now, reason="permit withdrawn"),
        Change(digest="uEiB", index=8, purpose="suspension", effective=now - timedelta(days=1)),
    ]
    text = changes_input(
        list_url=URL, key_id=signer.key_id, alg=signer.alg, now=now, changes=changes, archived=[f"{URL}/2026"]
    )
    jws, read = parse_changes(jose.attach(text, signer.sign_now(text)))
    assert jws.type == CHANGES_TYPE
    assert read == Changes(issuer=REFINER, list_url=URL, issued=now, changes=tuple(changes), archived=(f"{URL}/2026",))


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("iss", None),
        ("sub", 1),
        ("iat", "now"),
        ("iat", 10**15),
        ("changes", {}),
        ("changes", [1]),
        ("changes", [{}]),
        ("changes", [{**CHANGE, "statusPurpose": "message"}]),
        ("changes", [{**CHANGE, "statusListIndex": "9" * 5000}]),
        ("changes", [{**CHANGE, "statusListIndex": 1}]),
        ("changes", [{**CHANGE, "effectiveTime": "2027-01-01"}]),
        ("changes", [{**CHANGE, "effectiveTime": "2027-13-01T00:00:00Z"}]),
        ("archived", "x"),
        ("archived", [1]),
    ],
)
def test_malformed_changes_are_refused(signer: MemorySigner, now: datetime, member: str, value: object) -> None:
    """Nothing is skipped: a change that cannot be read could be the one that counts."""
    text = changes_input(list_url=URL, key_id=signer.key_id, alg=signer.alg, now=now, changes=[])
    claims = {**jose.parse(jose.attach(text, bytes(64)), 1 << 20).claims(), member: value}
    odd = jose.signing_input({"alg": signer.alg, "kid": signer.key_id, "typ": CHANGES_TYPE}, orjson.dumps(claims))
    with pytest.raises(Refused, match=r"^(bad-status-changes|bad-time): "):
        parse_changes(jose.attach(odd, signer.sign_now(odd)))


def test_changes_need_not_name_archives_or_reasons(signer: MemorySigner, now: datetime) -> None:
    """Those of others, who keep none; a reason that is no text says nothing."""
    text = changes_input(list_url=URL, key_id=signer.key_id, alg=signer.alg, now=now, changes=[])
    claims = jose.parse(jose.attach(text, bytes(64)), 1 << 20).claims()
    del claims["archived"]
    claims["changes"] = [{**CHANGE}, {**CHANGE, "reason": 7}, {**CHANGE, "reason": "sold"}]
    bare = jose.signing_input({"alg": signer.alg, "kid": signer.key_id, "typ": CHANGES_TYPE}, orjson.dumps(claims))
    _, read = parse_changes(jose.attach(bare, signer.sign_now(bare)))
    assert (read.archived, [change.reason for change in read.changes]) == ((), ["", "", "sold"])


def test_a_credential_of_ours_stands_in_two_lists() -> None:
    """At the same place: one that is revoked, and one that is suspended, look different to who reads bits alone."""
    assert entries(URL, 7) == (
        StatusEntry(purpose="revocation", index=7, list_url=URL),
        StatusEntry(purpose="suspension", index=7, list_url=f"{URL}/suspension"),
    )


def test_other_documents_are_no_changes(signer: MemorySigner) -> None:
    """A token or a credential in their place is refused by its type."""
    text = jose.signing_input({"alg": signer.alg, "kid": signer.key_id, "typ": "JWT"}, b"{}")
    with pytest.raises(Refused, match="bad-typ"):
        parse_changes(jose.attach(text, signer.sign_now(text)))


@pytest.mark.parametrize(
    ("changes", "now", "revoked", "suspended"),
    [
        ([(7, "suspension", 10)], 9, [], []),
        ([(7, "suspension", 10)], 10, [], [7]),
        ([(7, "reinstatement", 20), (7, "suspension", 10)], 19, [], [7]),
        ([(7, "reinstatement", 20), (7, "suspension", 10)], 20, [], []),
        ([(7, "suspension", 10), (7, "reinstatement", 10)], 10, [], []),  # equal times: the later entry counts
        ([(7, "reinstatement", 10), (7, "suspension", 10)], 10, [], [7]),
        ([(3, "revocation", 5), (3, "reinstatement", 6), (2, "revocation", 5)], 9, [2, 3], []),
        ([(3, "suspension", 5), (3, "revocation", 6), (4, "suspension", 1)], 9, [3], [3, 4]),
    ],
)
def test_each_list_has_the_bits_of_its_purpose(
    changes: list[tuple[int, str, int]], now: int, revoked: list[int], suspended: list[int]
) -> None:
    """A suspension is no revocation to who reads bits alone; a reinstatement takes back no revocation."""
    assert (set_at(changes, "revocation", now), set_at(changes, "suspension", now)) == (revoked, suspended)


def test_entries_are_scattered_over_the_list() -> None:
    """Each place has an entry of its own, always the same; neighbours are no neighbours; a key scatters in its way."""
    entries = [scattered(b"k" * 32, 0, place) for place in (*range(2000), *range(LIST_BITS - 1000, LIST_BITS))]
    assert len(set(entries)) == len(entries)
    assert (min(entries) >= 0, max(entries) < LIST_BITS) == (True, True)
    steps = {(after - before) % LIST_BITS for before, after in pairwise(entries)}
    assert len(steps) > 2900
    assert 1 not in steps
    # What was issued keeps its entry: another value here, and a new version of us would revoke other credentials.
    assert (*entries[:3], scattered(b"k" * 32, 1, LIST_BITS - 1)) == (49609, 12564, 53272, 33747)
    first = entries[:100]
    assert [scattered(b"k" * 32, 0, place) for place in range(100)] == first
    assert [scattered(b"l" * 32, 0, place) for place in range(100)] != first
    assert [scattered(b"k" * 32, 1, place) for place in range(100)] != first
