"""Patterns: what is read alike everywhere is read, the rest refused; what is made fits."""

import random
import re

import pytest

from connector.errors import BadInput
from connector.vocabulary.patterns import read_pattern


@pytest.mark.parametrize(
    "pattern",
    [
        "[A-Z]{2}",
        "[0-9]{2,7}-[0-9]{2}-[0-9]",
        "(EV|LMT) ?[a-z-]*",
        r"v[0-9]+(\.[0-9]+)?",
        "(a|b|)x{2,}",
        "urn:[_a]+",
        "",
    ],
)
def test_what_is_made_fits(pattern: str) -> None:
    """Python reads the pattern as we do."""
    maker = read_pattern(pattern)
    made = {maker(random.Random(seed).randrange) for seed in range(200)}
    assert all(re.fullmatch(pattern, text) for text in made)
    assert len(made) > 1 or not pattern


@pytest.mark.parametrize(
    "pattern",
    [
        r"\d",
        "^a",
        "a$",
        "a.b",
        "[^a]",
        "[a",
        "[]",
        "a{2",
        "a{x}",
        "a{3,2}",
        "(a",
        "a)",
        "(?:a)",
        "(?=a)",
        "*a",
        r"\p{L}",
        "a|*",
        "\\",
    ],
)
def test_what_is_read_differently_is_refused(pattern: str) -> None:
    """The error shows where."""
    with pytest.raises(BadInput, match="from character"):
        read_pattern(pattern)
