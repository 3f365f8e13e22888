"""Which form of something a caller gets."""

from __future__ import annotations

import pytest

from connector.server.accept import preferred

TOKEN, PROOF, JSON = FORMS = ("application/vc+jwt", "application/vc", "application/json")


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        ("", TOKEN),
        ("*/*", TOKEN),
        ("application/*", TOKEN),
        ("text/html, image/gif, image/jpeg, */*; q=0.2", TOKEN),
        ("application/vc+jwt, application/jwt;q=0.9, */*;q=0.1", TOKEN),
        ("application/jwt", TOKEN),
        ("application/json", JSON),
        ("Application/JSON;charset=utf-8", JSON),
        ("application/vc, application/json;q=0.9", PROOF),
        ("application/json, */*;q=0.1", JSON),
        ("application/json, text/plain, */*", TOKEN),
        ("application/json;q=0.5, application/vc+jwt;q=0.4", JSON),
        ("application/json;q=0", TOKEN),
        ("application/*;q=0.5, application/vc+jwt;q=0", PROOF),
        ("application/json;q=7, application/vc;q=0.1", PROOF),
        (",;q=,;;=", TOKEN),
    ],
)
def test_the_best_that_is_accepted(accepted: str, expected: str) -> None:
    """By weight, the most specific range first; of equals the one that we would rather give, and nobody is refused."""
    assert preferred(accepted, FORMS) == expected
