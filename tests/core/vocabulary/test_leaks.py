"""No view holds a value whose access class its audience does not have: canaries in every value of random records.

Here over the parts as they would be signed and over the view of one record; over what is really served, see
`tests/edges/server/test_leaks.py`.
"""

import random

import orjson
import pytest

from connector.model import AccessClass
from connector.vocabulary.bundle import Bundle
from connector.vocabulary.views import INTERESTS, Audience, Scope, audience_classes, view
from tests.canaries import Planted, Planter, marks

ITEM = frozenset({"urn:uuid:battery", "B-1"})
FEW, MANY = 2_000, 100_000
ALL = frozenset(AccessClass)


def viewers(chance: random.Random) -> list[frozenset[AccessClass]]:
    """The classes of each audience, within and beyond its scope, and of an auditor with any mandate."""
    granted = frozenset(one for one in AccessClass if chance.random() < 0.5)
    other = Scope(items=frozenset({"B-2"}))
    interest, purpose = Audience.LEGITIMATE_INTEREST, chance.choice(sorted(INTERESTS))
    return [
        *(audience_classes(one, Scope(classes=granted), item=ITEM) for one in Audience),
        *(audience_classes(one) for one in Audience),
        audience_classes(interest, Scope(purposes=frozenset({purpose})), purpose=purpose, item=ITEM),
        audience_classes(interest, other, item=ITEM),
        audience_classes(interest, purpose="research", item=ITEM),
        audience_classes(Audience.AUDITOR, Scope(classes=granted, items=other.items), item=ITEM),
    ]


def leaks(bundle: Bundle, planted: Planted, classes: frozenset[AccessClass]) -> set[str]:
    """What differs between what these classes open and what the view holds, by both ways to a view."""
    parts = bundle.split(planted.record_type, planted.subject, model_id="urn:uuid:model")
    served = [part for (access, _), part in parts.items() if access in classes]
    made = view(bundle.terms, planted.record_type, [planted.subject], classes)
    told = orjson.dumps([[one.term, one.value] for one in made.values] + [sorted(made.withheld)])
    expected = planted.seen(classes)
    return (marks(orjson.dumps(served)) ^ expected) | (
        (marks(told) ^ expected) if not made.ended else marks(told) - expected
    )


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.long)])
def test_no_canary_leaks(bundle: Bundle, count: int) -> None:
    """Each view holds exactly the canaries of its classes: none of another, and none is lost."""
    planter, chance = Planter(bundle, count), random.Random(count)
    for number in range(count):
        planted = planter.mixed("BatteryPassport" if number % 2 else "")
        views = viewers(chance)
        for classes in set(views) if number % 50 == 0 else {chance.choice(views), chance.choice(views)}:
            found = leaks(bundle, planted, classes)
            assert not found, (
                planted.record_type,
                sorted(classes),
                {mark: planted.canaries.get(mark) for mark in found},
            )


def test_what_is_planted_is_a_good_record(bundle: Bundle) -> None:
    """The canaries stand where real values stand: the shapes find nothing wrong, and every class is met."""
    planter = Planter(bundle, 7)
    met: set[AccessClass] = set()
    for _ in range(100):
        planted = planter.mixed() if met else planter.record()
        assert bundle.check(planted.record_type, planted.subject) == []
        assert marks(orjson.dumps(planted.subject)) == planted.seen(ALL)
        met |= set(planted.canaries.values())
    assert met == ALL
