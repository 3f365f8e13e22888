"""Strict admission: what two readers could read differently is refused."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import BadMessage, TooLarge
from connector.vocabulary.admission import MAX_DEPTH, MAX_INTEGER, MAX_MESSAGE_VALUES, admit, admit_message, admit_value

LIMIT = 1 << 16
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"{",
        b"{}{}",
        b"[]",
        b'"text"',
        b"null",
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16"),
        b'{"a":"\xff"}',
        b'{"a":"\\ud800"}',
        b'{"a":"\\udc00\\ud800"}',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":1e400}',
        b'{"a":01}',
        b"{'a':1}",
        b'{"a":1,}',
        b'{"a":1} // said',
        b'{"a":"\n"}',
        b'{"a":"x\\u0000y"}',
        b'{"\\u0000":1}',
        b'{"a":["\\\\\\u0000"]}',
    ],
)
def test_what_is_no_json_object_in_utf8_is_refused(body: bytes) -> None:
    """Other encodings, other types, other dialects, halves of characters, U+0000."""
    with pytest.raises(BadMessage):
        admit(body, LIMIT)


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":1,"a":1}',
        b'{"a":1,"\\u0061":2}',
        b'{"x":[{"b":{"a":1,"c":2,"a":3}}]}',
        b'{"":1,"":2}',
        b'{"a\\"":1,"a\\"":2}',
        b'{"a":1, "a" :2}',
        '{"ä":1,"\\u00e4":2}'.encode(),
    ],
)
def test_duplicate_keys_are_refused(body: bytes) -> None:
    """At any depth, also where an escape hides that two keys are the same."""
    with pytest.raises(BadMessage, match="same key twice"):
        admit(body, LIMIT)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b'{"a":1,"a":1}', "$.a"),
        (b'{"x":[{},{"b":{"a":1,"c":2,"a":3}}]}', "$.x[1].b.a"),
        (b'{"x":{"a":{"b":1,"b":2}},"x":1}', "$.x"),
        (b'{"' + b"k" * 400 + b'":1,"' + b"k" * 400 + b'":1}', "$." + "k" * 198),
    ],
)
def test_a_duplicate_is_told_with_its_path(body: bytes, place: str) -> None:
    """JSON path of the key, not longer than people read."""
    with pytest.raises(BadMessage) as refused:
        admit(body, LIMIT)
    assert refused.value.place == place


@pytest.mark.parametrize(
    ("body", "advice"),
    [
        ('{"a":"ä"}'.encode("utf-16"), "UTF-16"),
        ('{"a":"ä"}'.encode("utf-16-be"), "UTF-16"),
        ('{"a":"ä"}'.encode("latin-1"), "UTF-8"),
        (b'\xef\xbb\xbf{"a":1}', "byte order mark"),
        (b'// said\n{"a":1}', "comments"),
        (b'{"a":1 /* said */}', "comments"),
        (b'{"a":1,\n# said\n"b":2}', "comments"),
        (b'{"a":1,}', "last comma"),
        (b"{'a':1}", "double quotes"),
        (b'{"a" 1}', ""),
    ],
)
def test_what_is_not_json_gets_advice(body: bytes, advice: str) -> None:
    """What an editor or a program of others does to a file."""
    with pytest.raises(BadMessage) as refused:
        admit(body, LIMIT)
    assert advice in refused.value.hint
    assert bool(advice) == bool(refused.value.hint)


@pytest.mark.parametrize("number", [MAX_INTEGER + 1, -MAX_INTEGER - 1, 2**63, 2**64, 10**30, 10**300])
def test_integers_beyond_doubles_are_refused(number: int) -> None:
    """Such integers change in readers that use doubles; as strings they are fine."""
    with pytest.raises(BadMessage, match="integer"):
        admit(f'{{"a":{number}}}'.encode(), LIMIT)
    assert admit(f'{{"a":"{number}"}}'.encode(), LIMIT) == {"a": str(number)}


@pytest.mark.parametrize("number", [MAX_INTEGER, -MAX_INTEGER, 0, -1])
def test_other_integers_are_read(number: int) -> None:
    """Up to the limit itself."""
    assert admit(f'{{"a":{number}}}'.encode(), LIMIT) == {"a": number}


@pytest.mark.parametrize(("left", "right"), [(b'{"a":', b"}"), (b"[", b"]")])
def test_depth_is_limited(left: bytes, right: bytes) -> None:
    """64 levels are read, 65 are not, and a hundred thousand are refused as well."""
    assert admit_value(left * MAX_DEPTH + b"1" + right * MAX_DEPTH, LIMIT)
    for depth in (MAX_DEPTH + 1, 500, 1_023, 100_000):
        with pytest.raises(BadMessage):
            admit_value(left * depth + b"1" + right * depth, 1 << 20)


@pytest.mark.parametrize("before", [b'"', b'\\"', b"\\\\", b'\\\\\\"[', b"[" * 100, b'\\"' + b"{" * 100])
def test_brackets_in_texts_are_no_layers(before: bytes) -> None:
    """Whatever quote marks and backslashes stand in the text before."""
    text = b'"' + (before if before != b'"' else b"") + b'"'
    assert admit_value(b"[" + text + b"," + b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1) + b"]", LIMIT)
    with pytest.raises(BadMessage, match="deeper"):
        admit_value(b"[" + text + b"," + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"]", LIMIT)


@pytest.mark.parametrize("one", [b"[],", b"{},", b"1,", b'"",'])
def test_a_message_has_fewer_values_than_its_bytes_could_hold(one: bytes) -> None:
    """Else one message of a megabyte keeps the connector busy for seconds. Elsewhere as many are read."""
    many, few = (b'{"a":[' + one * count + b"1]}" for count in (MAX_MESSAGE_VALUES + 1, MAX_MESSAGE_VALUES // 2 - 5))
    with pytest.raises(TooLarge, match="values"):
        admit_message(many, 1 << 20)
    assert admit(many, 1 << 20)
    assert admit_message(few, 1 << 20) == admit(few, 1 << 20)
    assert admit_message(many, 1 << 20, 3 * MAX_MESSAGE_VALUES)


def test_a_backslash_before_u0000_is_text() -> None:
    """As in a path of Windows: only the escape is refused."""
    for text in ("\\u0000", "\\\\u0000", '"\\u0000', "\n\\u0000"):
        assert admit(json.dumps({"a": text}).encode(), LIMIT) == {"a": text}


def test_wide_is_not_deep() -> None:
    """Many brackets side by side are fine."""
    wide: dict[str, object] = {"a": [[], {}] * 1_000}
    assert admit(orjson.dumps(wide), LIMIT) == wide


def test_size_is_limited_before_anything_is_read() -> None:
    """The limit counts bytes."""
    assert admit(b"{}", 2) == {}
    with pytest.raises(TooLarge):
        admit(b"{} ", 2)


@given(
    st.dictionaries(
        TEXTS,
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers(-MAX_INTEGER, MAX_INTEGER)
            | st.floats(allow_nan=False, allow_infinity=False)
            | TEXTS,
            lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
            max_leaves=12,
        ),
        max_size=5,
    ),
    st.booleans(),
    st.sampled_from([None, 2]),
)
def test_every_proper_object_is_read_as_it_is(value: dict[str, object], ascii_only: bool, indent: int | None) -> None:
    """Whatever the writer's habits (escapes, blanks), the value is that of a plain parser."""
    body = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    assert admit(body, 1 << 20) == json.loads(body)


@given(st.text(alphabet='{}[]:,"\\u0061 a1', max_size=24))
def test_no_duplicate_slips_through(text: str) -> None:
    """Anything that is admitted has as many keys as a careful parser counts."""
    body = ("{" + text + "}").encode()
    try:
        value = admit(body, LIMIT)
    except BadMessage:
        return
    counted: list[int] = []

    def count(found: list[tuple[str, object]]) -> dict[str, object]:
        counted.append(len(found))
        return dict(found)

    json.loads(body, object_pairs_hook=count)
    assert sum(counted) == _keys(value)


def _keys(value: object) -> int:
    if isinstance(value, dict):
        return len(value) + sum(map(_keys, value.values()))
    return sum(map(_keys, value)) if isinstance(value, list) else 0
