"""What a catalogue request may ask for, in the words of the wire, of people and of a link."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import BadInput, BadMessage
from connector.model import Json
from connector.protocol.catalog_query import (
    EDC,
    EVERYTHING,
    PAGE,
    RECORD_TYPE,
    Place,
    Query,
    Selection,
    filter_json,
    read_filter,
    read_terms,
    seal,
    unseal,
)

KEY = bytes(range(32))


def spec(*criteria: Json, **others: Json) -> Json:
    return {"@type": "QuerySpec", "filterExpression": list(criteria), **others}


def criterion(left: str, operator: str, right: Json) -> Json:
    return {"operandLeft": left, "operator": operator, "operandRight": right}


def test_the_filter_that_a_real_edc_sends_is_understood() -> None:
    """The recorded request: a QuerySpec that only pages."""
    recorded = [json.loads(line) for line in Path("tests/vectors/dsp/edc-wire.jsonl").read_text("utf-8").splitlines()]
    asked = [one["body"]["filter"] for one in recorded if (one["body"] or {}).get("filter")]
    assert [read_filter(one) for one in asked] == [Query(limit=1)]


@pytest.mark.parametrize(
    ("filters", "query"),
    [
        ([], Query()),
        ([{}], Query()),
        ([spec(limit=50, offset=100, sortOrder="ASC")], Query(limit=50, skip=100)),
        ([spec(limit=5000)], Query(limit=PAGE)),
        ([{f"{EDC}limit": 7, "edc:offset": {"@value": 3}, "@type": f"{EDC}QuerySpec"}], Query(limit=7, skip=3)),
        ([spec(criterion(f"{EDC}id", "=", "a"))], Query(wanted=Selection(ids=frozenset({"a"})))),
        ([spec(criterion("'id'", "in", ["a", "b"]))], Query(wanted=Selection(ids=frozenset({"a", "b"})))),
        ([spec(criterion("name", "in", {"@list": ["a"]}))], Query(wanted=Selection(names=frozenset({"a"})))),
        ([spec(criterion("dct:title", "like", "lots%"))], Query(wanted=Selection(name_like="lots%"))),
        (
            [spec(criterion("name", "in", ["a", "b"]), criterion("edc:name", "=", "b"))],
            Query(wanted=Selection(names=frozenset({"b"}))),
        ),
        ([spec(criterion(RECORD_TYPE, "=", "Cell"))], Query(wanted=Selection(record_types=frozenset({"Cell"})))),
        *(([spec(criterion(left, "=", "a"))], Query(wanted=Selection(ids=frozenset({"a"}))))
          for left in ("id", "@id", "edc:id")),
        *(([spec(criterion(left, "=", "a"))], Query(wanted=Selection(names=frozenset({"a"}))))
          for left in ("name", f"{EDC}name", "http://purl.org/dc/terms/title")),
        ([spec(criterion("recordType", "in", ["a", "b"]), criterion("recordType", "in", ["b", "c"]))],
         Query(wanted=Selection(record_types=frozenset({"b"})))),
        ([spec(criterion("id", "=", "a"), criterion("id", "=", "b"))], Query(wanted=Selection(ids=frozenset()))),
        ([spec(sortField=None, sortOrder={"@value": "ASC"}, limit=None, offset=10**7)], Query(skip=10**7)),
        ([spec(limit=1, offset=0, filterExpression=None)], Query(limit=1)),
        ([{}, spec(limit=2), {}], Query(limit=2)),
        ([spec(criterion("name", "=", "x" * 4096))], Query(wanted=Selection(names=frozenset({"x" * 4096})))),
        ([spec(criterion("name", "like", "%" * 256))], Query(wanted=Selection(name_like="%" * 256))),
        ([spec(criterion("name", "in", ["x"] * 100))], Query(wanted=Selection(names=frozenset({"x"})))),
        ([spec(*[criterion("name", "=", "x")] * 100)], Query(wanted=Selection(names=frozenset({"x"})))),
        ([{"@type": "QuerySpec", "filterExpression": criterion("id", "=", "a")}],
         Query(wanted=Selection(ids=frozenset({"a"})))),
    ],
)  # fmt: skip
def test_what_can_be_answered_is_read(filters: list[Json], query: Query) -> None:
    """Names with and without their namespace, values in JSON-LD's ways, one criterion or several."""
    assert read_filter(filters) == query


@pytest.mark.parametrize(
    "filters",
    [
        ["lots"],
        [{"@type": "Other"}],
        [{"name": "lots"}],
        [spec(), spec()],
        [spec(sortField="name")],
        [spec(sortOrder="DESC")],
        [spec(surprise=1)],
        [spec(limit=0)],
        [spec(limit=True)],
        [spec(limit="5")],
        [spec(offset=-1)],
        [spec(offset=10**7 + 1)],
        [spec(limit=10**7 + 1)],
        [spec(offset=1.0)],
        [spec(criterion("price", "=", "1"))],
        [spec(criterion("http://other.example/name", "=", "1"))],
        [spec(criterion("name", "<", "b"))],
        [spec(criterion("id", "like", "a%"))],
        [spec(criterion("name", "=", ["a", "b"]))],
        [spec(criterion("name", "=", 7))],
        [spec(criterion("name", "in", []))],
        [spec(criterion("name", "=", "x" * 4097))],
        [spec(criterion("name", "=", ""))],
        [spec(criterion("name", "in", ["a", 7]))],
        [spec(criterion("name", "like", "%" * 257))],
        [spec(criterion("name", "like", ["a", "b"]))],
        [spec(criterion("name", "like", "a%"), criterion("name", "like", "b%"))],
        [spec(criterion("name", "in", ["x"] * 101))],
        [spec(*[criterion("name", "=", "x")] * 101)],
        [spec("name = x")],
    ],
)
def test_what_cannot_be_answered_exactly_is_refused(filters: list[Json]) -> None:
    """A filter that is passed over would give a wrong answer."""
    with pytest.raises(BadMessage) as error:
        read_filter(filters)
    assert error.value.place == "filter"


TEXTS = st.none() | st.frozensets(st.text(min_size=1, max_size=9), min_size=1, max_size=3)
SELECTIONS = st.builds(
    Selection, ids=TEXTS, names=TEXTS, record_types=TEXTS, name_like=st.none() | st.text(min_size=1, max_size=9)
)


@given(SELECTIONS)
def test_what_we_ask_is_what_we_would_read(wanted: Selection) -> None:
    """The filter that we send means the same at a peer of ours."""
    assert read_filter(filter_json(wanted)).wanted == wanted


@given(SELECTIONS, st.integers(1, PAGE), st.builds(Place, policy=st.text(), dataset=st.text(), backwards=st.booleans()))
def test_a_link_holds_its_query_and_shows_nothing(wanted: Selection, limit: int, place: Place) -> None:
    """It comes back as it was; another key, and any change, makes it none of ours."""
    query = Query(wanted=wanted, limit=limit, place=place)
    text = seal(KEY, query)
    assert unseal(KEY, text) == query
    for key, other in (
        (bytes(32), text),
        (KEY, text[:-2]),
        (KEY, "A" + text),
        (KEY, ("B" if text[0] == "A" else "A") + text[1:]),
    ):
        with pytest.raises(BadMessage):
            unseal(key, other)


@pytest.mark.parametrize("text", ["", "A", "AAAA", "=", "ä", "\ud800", "eyJAdHlwZSI6IlF1ZXJ5U3BlYyJ9", "A" * 5000])
def test_a_foreign_token_begins_no_page(text: str) -> None:
    """Noise, and what another product would have made."""
    with pytest.raises(BadMessage, match="continuationToken"):
        unseal(KEY, text)


@pytest.mark.parametrize(
    ("terms", "wanted"),
    [
        ((), EVERYTHING),
        (("id=urn:uuid:1",), Selection(ids=frozenset({"urn:uuid:1"}))),
        (("name=a", "name=b=c", "recordType=Cell"),
         Selection(names=frozenset({"a", "b=c"}), record_types=frozenset({"Cell"}))),
        (("name~lots %",), Selection(name_like="lots %")),
        (("name=a\nb", "name~" + "x" * 4096), Selection(names=frozenset({"a\nb"}), name_like="x" * 4096)),
    ],
)  # fmt: skip
def test_what_people_type(terms: tuple[str, ...], wanted: Selection) -> None:
    """Several of a kind mean any of them, kinds narrow each other down."""
    assert read_terms(terms) == wanted


@pytest.mark.parametrize(
    "terms",
    [("lots",), ("price=1",), ("name=",), ("id~x",), ("name~a", "name~b"), ("name~" + "x" * 4097,), ("xname=a",)],
)
def test_what_is_no_filter_is_told_with_what_is_one(terms: tuple[str, ...]) -> None:
    """Exit code 2, with an example."""
    with pytest.raises(BadInput) as error:
        read_terms(terms)
    assert "name~Lots%" in error.value.hint


@pytest.mark.parametrize(
    ("like", "name", "fits"),
    [("lots%", "lots 1", True), ("lots%", "Lots", False), ("l_ts", "lots", True), ("l_ts", "loots", False),
     ("[a]*?", "[a]*?", True), ("[a]*?", "a", False), ("%", "", True)],
)  # fmt: skip
def test_patterns(like: str, name: str, *, fits: bool) -> None:
    """`%` is anything, `_` one character; all else stands for itself, case counts."""
    assert Selection(name_like=like).fits("id", name, ()) is fits


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        (EVERYTHING, True),
        (Selection(ids=frozenset({"i", "x"}), names=frozenset({"n"}), record_types=frozenset({"T", "x"})), True),
        (Selection(ids=frozenset({"n"})), False),
        (Selection(names=frozenset({"i"})), False),
        (Selection(record_types=frozenset({"x"})), False),
        (Selection(ids=frozenset()), False),
        (Selection(ids=frozenset({"i"}), name_like="x%"), False),
    ],
)
def test_whatever_is_said_has_to_hold(wanted: Selection, *, fits: bool) -> None:
    """Of an id, a name and the types of the records; nothing fits an empty choice."""
    assert wanted.fits("i", "n", ("T", "U")) is fits
