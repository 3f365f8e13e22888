"""Rows of the vocabulary's tables: whichever table it is, a row that was cut is told with its line."""

from __future__ import annotations

import pytest

from connector.errors import BadInput
from connector.vocabulary.bundle import Bundle
from connector.vocabulary.shapes import read_shapes
from connector.vocabulary.tables import rows

HEADER = b"name,meaning\n"


def test_rows_have_their_places() -> None:
    """A cell may hold a line break: the place is the line on which the row ends."""
    read = list(rows(HEADER + b'a,1\nb,"2\n3"\nc,4\n', "words.csv", ("name", "meaning")))
    assert [place for place, _ in read] == ["words.csv line 2", "words.csv line 4", "words.csv line 5"]
    assert read[1][1] == {"name": "b", "meaning": "2\n3"}


@pytest.mark.parametrize(
    ("table", "told", "place"),
    [
        (b"", "exactly the columns name, meaning", ""),
        (b"meaning,name\na,b\n", "exactly the columns name, meaning", ""),
        (HEADER + b"a,1\nb\n", "too few cells", "words.csv line 3"),
        (HEADER + b"a,1,2\n", "too many", "words.csv line 2"),
    ],
)
def test_a_table_of_another_form_is_refused(table: bytes, told: str, place: str) -> None:
    """No value moves silently into the column beside it."""
    with pytest.raises(BadInput, match=told) as refused:
        list(rows(table, "words.csv", ("name", "meaning")))
    assert refused.value.place == place


def test_a_shape_that_was_cut_is_no_bug(bundle: Bundle) -> None:
    """Found by reading: only some tables looked for it."""
    with pytest.raises(BadInput, match="too few cells"):
        read_shapes(b"shape,kind,subject,required,optional,choices\nFacility,node\n", bundle.terms)
