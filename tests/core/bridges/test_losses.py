"""BatteryPass 1.2 and Catena-X have less room than a passport: what is lost on the way is a committed list.

`tests/vectors/losses.csv`: per model the code, the place (of a list, any item) and the reason. Whatever it does not
name comes back as it went.
"""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest

from connector.bridges.formats import Format
from connector.model import JsonObject
from tests.core.bridges.crossings import CATEGORIES, ISSUER, NOW, bridges, passport, same

LOSSES = Path("tests/vectors/losses.csv")
NARROW = (Format.BATTERYPASS, Format.CATENA_X)
Loss = tuple[str, str, str, str]


def crossed(category: str, target: Format) -> tuple[JsonObject, set[Loss]]:
    """Their document, and what was lost on the way there."""
    found = bridges().convert(passport(category), target, issuer=ISSUER, now=NOW, compressed=False)
    losses = {(target.value, one.code, re.sub(r"\[\d+\]", "[]", one.term), one.message) for one in found.losses}
    return json.loads(json.dumps(found.document)), losses


def test_what_is_lost_is_what_the_list_names() -> None:
    """No more and no less, over the three categories."""
    with LOSSES.open(encoding="utf-8", newline="") as table:
        expected = {(row["format"], row["code"], row["place"], row["reason"]) for row in csv.DictReader(table)}
    found = {loss for target in NARROW for category in CATEGORIES for loss in crossed(category, target)[1]}
    assert found == expected


@pytest.mark.parametrize("category", CATEGORIES)
@pytest.mark.parametrize("target", NARROW)
def test_what_is_not_lost_comes_back(category: str, target: Format) -> None:
    """Every exact match survives; nothing of theirs means nothing to us; and no value comes that was not there."""
    document, losses = crossed(category, target)
    [back] = bridges().read(document)
    given = passport(category)
    named = {re.split(r"[.\[]", place)[0] for _, _, place, _ in losses}
    assert back.losses == []
    assert [name for name in given.keys() - named - {"id"} if not same(given[name], back.document.get(name))] == []
    assert back.document.keys() <= given.keys()


@pytest.mark.parametrize("target", NARROW)
def test_numbers_arrive_in_their_units(target: Format) -> None:
    """Charge in ampere hours; power in kilowatts at BatteryPass, in watts at Catena-X; a share is never a mass."""
    document, losses = crossed("lmt", target)
    text = json.dumps(document)
    assert '"ratedCapacity": 15' in text if target is Format.BATTERYPASS else '"capacity": {"value": 15' in text
    assert '"ratedMaximumPower": 0.75' in text if target is Format.BATTERYPASS else '"value": 750' in text
    if target is Format.BATTERYPASS:
        assert any(place == "remainingCapacity" and code == "unfit" for _, code, place, _ in losses)
