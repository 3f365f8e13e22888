"""Conditions: three answers, closed language."""

from __future__ import annotations

import pytest

from connector.errors import BadInput
from connector.model import Json
from connector.vocabulary.conditions import compile_condition


def quantity(value: str, unit: str) -> Json:
    """A quantity node."""
    return {"type": "Quantity", "value": value, "unit": unit}


@pytest.mark.parametrize(
    ("text", "document", "answer"),
    [
        ("a = true", {"a": "true"}, True),
        ("a = true", {"a": "false"}, False),
        ("a = true", {}, None),
        ("a = true", {"a": ["true"]}, None),
        ("a = true", {"a": True}, None),
        ("not a = true", {"a": "false"}, True),
        ("not a = true", {}, None),
        ("a = true and b = true", {"a": "true", "b": "true"}, True),
        ("a = true and b = true", {"a": "false"}, False),
        ("a = true and b = true", {"b": "false"}, False),
        ("a = true and b = true", {"a": "true"}, None),
        ("a = true or b = true", {"b": "true"}, True),
        ("a = true or b = true", {"a": "false", "b": "false"}, False),
        ("a = true or b = true", {"a": "false"}, None),
        ("a = x or b = x and c = x", {"a": "x", "b": "y", "c": "y"}, True),
        ("(a = x or b = x) and c = x", {"a": "x", "b": "y", "c": "y"}, False),
        ("q > 2 KWH", {"q": quantity("2.0", "KWH")}, False),
        ("q > 2 KWH", {"q": quantity("2.0000000000000000000000000001", "KWH")}, True),
        ("q > 2 KWH", {"q": quantity("3000", "WHR")}, None),
        ("q > 2 KWH", {"q": quantity("much", "KWH")}, None),
        ("q > 2 KWH", {"q": quantity("NaN", "KWH")}, None),
        ("q > 2 KWH", {"q": quantity("9" * 65, "KWH")}, None),
        ("q > 2 KWH", {"q": "3"}, None),
        ("q > 0.004 P1", {"q": quantity("0.0041", "P1")}, True),
        ("q * v > 2000 AMH * VLT", {"q": quantity("40", "AMH"), "v": quantity("50.1", "VLT")}, True),
        ("q * v > 2000 AMH * VLT", {"q": quantity("40", "AMH"), "v": quantity("50", "VLT")}, False),
        ("q * v > 2000 AMH * VLT", {"q": quantity("40", "AMH")}, None),
        ("e > 2 KWH else q = x", {"e": quantity("1", "KWH"), "q": "x"}, False),
        ("e > 2 KWH else q = x", {"q": "x"}, True),
        ("e > 2 KWH else q = x", {}, None),
    ],
)  # fmt: skip
def test_answers(text: str, document: dict[str, Json], answer: bool | None) -> None:
    """Yes, no, or that the document does not say; what is in another unit or unreadable says nothing."""
    assert compile_condition(text).answer(document) is answer


def test_the_terms_that_are_read_are_known() -> None:
    """So that a table can be held against the vocabulary, and people told what to state."""
    assert compile_condition("e > 2 KWH else q * v > 2000 AMH * VLT and not (a = b)").terms == {"e", "q", "v", "a"}


@pytest.mark.parametrize(
    "text",
    ["", "a", "a =", "a = 3", "= a", "a > 3", "a > x KWH", "a * b > 3 KWH", "a > 3 KWH * VLT", "a = b c", "(a = b",
     "a = b)", "a = b and", "and = b", "a == b", "a < 3 KWH", "a > -3 KWH", "not", "a = b; c = d", "a * = b"],
)  # fmt: skip
def test_what_is_not_of_the_language_is_refused(text: str) -> None:
    """The cell and the place are named."""
    with pytest.raises(BadInput, match="condition"):
        compile_condition(text)
