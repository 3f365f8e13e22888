"""The table of how wide a mass balance may be: which edition counts, and what is no table."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from connector.errors import BadInput
from connector.vocabulary.bundle import load_tolerances
from connector.vocabulary.tolerances import known_at, read_tolerances

HEAD = "edition,known_from,widest,basis_en,reference\n"


def test_an_audit_is_held_to_what_was_known_then() -> None:
    """The newest edition of that day; a balance of before the first one has the first one's bound, not none."""
    table = read_tolerances(f"{HEAD}2,2030-01-01,0.1,b,r\n1,2020-01-01,0.2,b,r\n".encode())
    days = (date(2019, 1, 1), date(2029, 12, 31), date(2030, 1, 1))
    assert [known_at(table, day).edition for day in days] == ["1", "1", "2"]


def test_the_shipped_table_names_its_source() -> None:
    """And its bound leaves room for honest weighing."""
    for one in load_tolerances():
        assert one.reference
        assert Decimal("0.05") <= one.widest <= Decimal("0.5")


@pytest.mark.parametrize(
    "table", ["", HEAD, *(f"{HEAD}1,{row}\n" for row in ("2020-01-01,2,b,r", "soon,0.2,b,r", "2020-01-01,x,b,r", ""))]
)
def test_what_is_no_table_is_refused(table: str) -> None:
    """With its place."""
    with pytest.raises(BadInput) as refused:
        read_tolerances(table.encode())
    assert "tolerances" in f"{refused.value.detail} {refused.value.place}"
