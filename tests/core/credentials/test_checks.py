"""The one word of an audit node: each failed check has its own, and of several the first that applies counts."""

from __future__ import annotations

from itertools import combinations

import pytest

from connector.credentials.checks import PASSED, Form, made, outcome_of
from connector.credentials.status import Result

FORMS: tuple[Form, ...] = ("vc+jwt", "proof", "vc11", "vc+sd-jwt")
UNCHECKED = Result("unchecked", "key-unreachable")
IN_ORDER: list[tuple[str, dict[str, Result]]] = [
    ("unchecked", {"key": UNCHECKED}),
    ("bad-signature", {"envelope": Result("failed", "bad-typ")}),
    ("context-error", {"contexts": Result("failed", "context-error")}),
    ("schema-error", {"data-model": Result("failed", "bad-credential")}),
    ("issuer-not-anchored", {"trust": Result("failed", "issuer-not-anchored")}),
    ("revoked", {"status": Result("failed", "revoked")}),
    ("expired-at-event-time", {"validity": Result("failed", "expired")}),
]
"""From the word that hides all others to the one that hides none."""


@pytest.mark.parametrize(
    ("name", "word"),
    [
        *((name, "bad-signature") for name in ("envelope", "algorithm", "key", "signature")),
        *((name, "bad-signature") for name in ("disclosures", "key-binding")),
        *((name, "schema-error") for name in ("data-model", "status", "shape")),
        ("contexts", "context-error"),
        ("trust", "issuer-not-anchored"),
        ("validity", "expired-at-event-time"),
    ],
)
def test_each_failed_check_has_its_word(name: str, word: str) -> None:
    """The form makes no difference; what could not be checked is called so, whichever check it is."""
    for form in FORMS:
        if name not in {check.name for check in made({}, form)}:
            assert form != "vc+sd-jwt"
            continue
        assert outcome_of(made({name: Result("failed", "x")}, form)) == word
        assert outcome_of(made({name: UNCHECKED}, form)) == "unchecked"
        assert outcome_of(made({name: PASSED}, form)) == "verified"


def test_of_several_words_the_first_that_applies_counts() -> None:
    """Whoever reads one word reads the gravest."""
    for (first, one), (_, other) in combinations(IN_ORDER, 2):
        assert outcome_of(made({**other, **one}, "vc+jwt")) == first
    suspended = {"status": Result("failed", "suspended")}
    assert outcome_of(made(suspended, "vc+jwt")) == "suspended"
    assert outcome_of(made({**suspended, **IN_ORDER[-1][1]}, "vc+jwt")) == "suspended"


@pytest.mark.parametrize("form", FORMS)
def test_each_check_is_told_once_with_its_number(form: Form) -> None:
    """What nobody entered rests on one that did not pass."""
    checks = made({}, form)
    assert [check.step for check in checks] == [*range(1, 13 if form == "vc+sd-jwt" else 11)]
    assert {(check.outcome, check.code, bool(check.spec)) for check in checks} == {("skipped", "", True)}
    assert outcome_of(checks) == "verified", "it is the verdict that says that nothing was checked"
