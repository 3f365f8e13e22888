"""What a mine's permit is good for: the minerals that it names, and the time for which it was given."""

from __future__ import annotations

import pytest

from connector.model import Did, Json, JsonObject
from connector.provenance.origin import Ground
from tests.core.provenance.chains import World, audit, chain


class Permitted(World):
    """The mine's permit says this besides. Its event is of 2027-01-05, its metal nickel."""

    def __init__(self, said: JsonObject) -> None:
        super().__init__()
        self.said = said

    def add(
        self, holder: Did, kind: str, record: str, *subjects: tuple[str, JsonObject], issuer: str = "", version: int = 1
    ) -> str:
        for _, subject in subjects if kind == "MinePermit" else ():
            subject.update(self.said)
        return super().add(holder, kind, record, *subjects, issuer=issuer, version=version)


def _period(start: Json, end: Json) -> JsonObject:
    return {"validity": {"type": "Period", "start": start, "end": end}}


@pytest.mark.parametrize(
    ("said", "ground"),
    [
        ({"mineral": ["Ni", "Co"]}, Ground.VERIFIED),
        ({"mineral": "Nikkeli"}, Ground.VERIFIED),
        ({"mineral": ["cobalt", "Cu"]}, Ground.UNPROVEN),
        ({"mineral": ["cobalt", "pentlandite"]}, Ground.VERIFIED),  # in which there is nickel, as nobody here can say
        ({"mineral": []}, Ground.VERIFIED),
        (_period("2020-01-01T00:00:00Z", "2040-01-01T00:00:00Z"), Ground.VERIFIED),
        (_period("2020-01-01", "2027-01-05"), Ground.VERIFIED),
        (_period("2020-01-01", "2027-01-04"), Ground.UNPROVEN),
        (_period("2020-01-01T00:00:00Z", "2027-01-04T23:59:59Z"), Ground.UNPROVEN),
        (_period("2027-01-06T00:00:00Z", "2040-01-01T00:00:00Z"), Ground.UNPROVEN),
        (_period("2020-01-01", None), Ground.VERIFIED),
        (_period("then", "now"), Ground.UNPROVEN),
        (_period("2020-01-01", "9999-12-31"), Ground.VERIFIED),  # behind which there is no day
    ],
)
def test_a_permit_is_good_for_what_it_names_and_when(said: JsonObject, ground: Ground) -> None:
    """A permit for copper made cobalt out of nowhere the mine's own, and one of long ago for ever."""
    (found,) = audit(chain(world=Permitted(said))).coverage
    assert [share.ground for share in found.shares if share.thing == "ORE"] == [ground]
