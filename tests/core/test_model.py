"""Values that all rooms share, and how they are read and shown."""

from __future__ import annotations

import pytest

from connector.model import counted, is_number


@pytest.mark.parametrize(
    ("count", "words", "said"),
    [
        (0, ("row",), "0 rows"),
        (1, ("row",), "1 row"),
        (1_200, ("row",), "1,200 rows"),
        (1, ("entry", "entries"), "1 entry"),
        (2, ("entry", "entries"), "2 entries"),
        (1, ("file is", "files are"), "1 file is"),
    ],
)
def test_one_is_not_many(count: int, words: tuple[str, ...], said: str) -> None:
    """In sentences for people."""
    assert counted(count, *words) == said


def test_a_number_has_plain_digits() -> None:
    """Not those of other scripts, which `int` reads as well."""
    assert [is_number(text) for text in ("7", "007", "", "-1", "1.5", "\u0663", "\u00b2")] == [True, True, *[False] * 5]
