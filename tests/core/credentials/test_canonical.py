"""Canonical JSON: the RFC's own examples, and the quick way never differs from the exact one."""

from __future__ import annotations

import struct

import orjson
import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.credentials.canonical import canonical
from connector.credentials.refused import Refused
from connector.model import Json, JsonObject

TRAPS = ["", "a", "é", "é", "퟿", "", "דּ", "\U0001f600", '"', "\\", ",1.5", ":0e", "\x7f", "\u2028", "\x00", "\r"]
texts = st.sampled_from(TRAPS) | st.text(max_size=4)
doubles = st.floats(allow_nan=False, allow_infinity=False)
# a double between 2^53 and 10^21 is written as an integer that nobody admits
numbers = st.integers(-(2**53) + 1, 2**53 - 1) | doubles.filter(lambda one: not 2**53 <= abs(one) < 10**21)
leaves = st.none() | st.booleans() | texts | numbers
values = leaves | st.lists(leaves, max_size=3) | st.dictionaries(texts, leaves, max_size=3)


def test_the_numbers_of_the_rfc(rfc: JsonObject) -> None:
    """RFC 8785 appendix B: each double has one text."""
    listed = rfc["canonical_numbers"]
    assert isinstance(listed, list)
    for entry in listed:
        assert isinstance(entry, list)
        double = struct.unpack(">d", bytes.fromhex(str(entry[0])))[0]
        assert canonical({"n": double}) == b'{"n":%s}' % str(entry[1]).encode(), entry
    assert len(listed) == 24


def test_the_key_order_of_the_rfc(rfc: JsonObject) -> None:
    """RFC 8785 section 3.2.3: by UTF-16, in which an emoji comes before a Hebrew ligature."""
    order = rfc["canonical_key_order"]
    assert isinstance(order, list)
    sorted_anew = orjson.loads(canonical({str(key): 1 for key in reversed(order)}))
    assert list(sorted_anew) == order


@pytest.mark.parametrize(
    "value",
    [
        {"a": 1.0}, {"a": 1e16}, {"a": [1.0]}, {"a": [1e16]}, {"a": [1, 1.0]}, {"a": [1, 1e16]}, {"a": [-1.0]},
        {"a": -0.0}, {"a": {"b": 1.0}}, {"a": [[1e16]]}, {"\U0001f600": 1, "\ufb33": 2},
    ],
)  # fmt: skip
def test_where_the_quick_way_would_be_wrong_it_is_not_taken(value: JsonObject) -> None:
    """A number at each place where one can stand, and two keys that UTF-8 and UTF-16 order differently."""
    assert canonical(value) == rfc8785.dumps(value) != orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def test_each_letter_is_escaped_alike() -> None:
    """Controls, quotes, what looks like one: as keys and as texts."""
    for number in (*range(0x300), 0x2028, 0x2029, 0xFEFF, 0xFFFD, 0x10FFFF):
        value: JsonObject = {chr(number): chr(number)}
        assert canonical(value) == rfc8785.dumps(value), hex(number)


@settings(max_examples=200)
@given(st.dictionaries(texts, values, max_size=3))
def test_the_quick_way_gives_the_exact_octets(value: dict[str, Json]) -> None:
    """Whatever the keys, texts and numbers; and what is canonical stays as it is when it is read and written again."""
    octets = canonical(value)
    assert octets == rfc8785.dumps(value)
    assert canonical(orjson.loads(octets)) == octets


@pytest.mark.parametrize("value", [2**53, -(2**53), "\ud800"])
def test_what_has_no_canonical_form_is_refused(value: Json) -> None:
    """Large integers, half of a letter: admission lets none of them in, and this neither."""
    for traps in ({}, {"fraction": 0.5}):
        with pytest.raises(Refused):
            canonical({"a": value, **traps})
