"""What a policy is asked about: rules that let in nobody, or everybody, each with its place."""

from __future__ import annotations

import pytest

from connector.model import Json
from connector.policy.doubts import doubts
from tests.core.policy.policies import NOW, c, policy, rule

CODES = {"Role": ("recycler", "trader"), "Purpose": ("recycling", "reuse")}
PUB = c("accessClass", "eq", "PUB")
MEMBER = c("membership", "eq", "active")
RECYCLER = c("role", "eq", "recycler")
FOR_RECYCLING = c("purpose", "eq", "recycling")
PROMISED = "is no word that is known here, so it goes into the contract as it stands"
NOBODY = "so it lets nobody in"


def told(*permissions: Json, prohibition: Json = None) -> tuple[str, ...]:
    """The questions about these rules."""
    return doubts(policy(*permissions, prohibition=prohibition), CODES, NOW)


@pytest.mark.parametrize(
    ("constraints", "sentence"),
    [
        ([c("dateTime", "lt", "2025-06-30T00:00:00Z")], f"it ended at 2025-06-30T00:00:00Z, {NOBODY} any more"),
        (
            [c("dateTime", "gt", "2029-01-01T00:00:00Z"), c("dateTime", "lteq", "2028-01-01T00:00:00Z")],
            f"it ends at 2028-01-01T00:00:00Z, before it begins at 2029-01-01T00:00:00Z, {NOBODY}",
        ),
        ([c("accessClass", "isAnyOf", ["LI", "AUTH"])], f"accessClass can't be PUB and LI or AUTH at once, {NOBODY}"),
        (
            [c("party", "eq", "did:web:a.example"), {"and": [c("party", "eq", "did:web:b.example")]}],
            f"party can't be did:web:a.example and did:web:b.example at once, {NOBODY}",
        ),
        (
            [{"or": [RECYCLER, FOR_RECYCLING]}],
            "an `or` in it holds for whoever signs, because nobody can check purpose; the rest of it is never needed",
        ),
        (
            [c("purpose", "eq", "resale")],
            f'purpose "resale" {PROMISED}; did you mean reuse?',
        ),
        (
            [c("onwardSharing", "eq", "forbidden")],
            f'onwardSharing "forbidden" {PROMISED}; known: none',
        ),
    ],
)  # fmt: skip
def test_a_permission_that_is_hardly_meant(constraints: list[Json], sentence: str) -> None:
    """Out of date, against itself, or open to whoever promises."""
    assert told(rule("use", MEMBER, PUB), rule("use", PUB, *constraints)) == (f"permission[1]: {sentence}",)


@pytest.mark.parametrize(
    "constraints",
    [
        [c("dateTime", "gteq", "2025-01-01T00:00:00Z"), c("dateTime", "lt", "2030-01-01T00:00:00Z")],
        [RECYCLER, c("role", "eq", "trader")],
        [c("accessClass", "isAnyOf", ["PUB", "LI"])],
        [{"or": [RECYCLER, c("dateTime", "lt", "2025-01-01T00:00:00Z")]}],
        [{"or": [RECYCLER, {"and": [FOR_RECYCLING, c("unitBuyer", "eq", "caller")]}]}],
        [{"or": [FOR_RECYCLING]}],
    ],
)
def test_what_can_be_meant_is_not_asked_about(constraints: list[Json]) -> None:
    """Two roles that somebody has; an end in one of two ways in."""
    assert told(rule("use", PUB, *constraints)) == ()


@pytest.mark.parametrize(
    ("constraints", "everybody"),
    [([], True), ([FOR_RECYCLING, c("dateTime", "lt", "2030-01-01T00:00:00Z")], True), ([MEMBER], False)],
)
def test_what_is_not_public_for_everybody(constraints: list[Json], everybody: bool) -> None:
    """A purpose is a promise and a time is nobody's, so neither keeps anybody out."""
    asked = told(rule("use", c("accessClass", "isAnyOf", ["PUB", "LI", "B2B"]), *constraints))
    words = "it asks nothing of the party, so everybody gets values of class B2B or LI"
    assert asked == ((f"permission[0]: {words}",) if everybody else ())


def test_without_a_class_all_go_out() -> None:
    """A carve-out that was forgotten; a mandate's class is one, and an offer that is only shown has none."""
    words = "it does not say of which accessClass, so it opens values of every class; for a file that is right"
    assert told(rule("use", RECYCLER)) == (f"permission[0]: {words}",)
    assert told(rule("list", RECYCLER), rule("audit", c("mandateClass", "hasPart", "unit"))) == ()


@pytest.mark.parametrize(
    ("forbids", "out"),
    [
        ([RECYCLER], True),
        ([c("role", "isAnyOf", ["trader", "recycler"]), MEMBER], True),
        ([RECYCLER, c("party", "eq", "did:web:a.example")], False),
        ([c("role", "eq", "trader")], False),
        ([{"or": [RECYCLER, MEMBER]}], False),
    ],
)
def test_a_prohibition_that_undoes_a_permission(forbids: list[Json], out: bool) -> None:
    """Each of its constraints holds wherever the permission does. Groups are not looked through."""
    asked = told(rule("use", MEMBER, RECYCLER, PUB), prohibition=[rule("use", *forbids)])
    assert asked == (
        ("permission[0]: whom it lets in, prohibition[0] shuts out, and a prohibition wins",) if out else ()
    )
    assert told(rule("audit", MEMBER, RECYCLER, PUB), prohibition=[rule("use", *forbids)]) == ()


def test_a_prohibition_of_everything() -> None:
    """Then no permission counts."""
    words = "it has no constraint, so nobody may use, whatever the permissions say"
    assert told(rule("use", PUB), prohibition=[rule("use")]) == (f"prohibition[0]: {words}",)
