"""When a credential is asked for anew, and which of those that are held a new one takes the place of."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from connector.credentials.datamodel import Credential, parse_credential
from connector.credentials.reissue import asked_anew_at, renewed, replaced
from connector.model import Did, JsonObject
from tests.bench.authority import Authority

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def credential(until: datetime | None, kind: str = "MembershipCredential", **said: str) -> Credential:
    one = parse_credential(Authority(9, NOW).party_credential(Did("did:web:holder.example"), kind, 3))
    subject: JsonObject = {**one.subject, **said}
    return replace(one, valid_until=until, payload={**one.payload, "credentialSubject": subject})


@pytest.mark.parametrize(
    ("until", "days", "at"),
    [
        (NOW + 365 * DAY, 30, NOW + 335 * DAY),
        (NOW + 30 * DAY, 30, NOW + 20 * DAY),
        (NOW + 3 * HOUR, 30, NOW + 2 * HOUR),
        (NOW - HOUR, 30, NOW - HOUR),
        (datetime.max.replace(tzinfo=UTC), 30, datetime.max.replace(tzinfo=UTC) - 30 * DAY),
        (NOW + 365 * DAY, 0, None),
        (None, 30, None),
    ],
)
def test_it_is_asked_for_some_days_before_or_at_a_third(until: datetime | None, days: int, at: datetime | None) -> None:
    """Of what is given for less there is a third left; what has no end, or where it is turned off, never."""
    assert asked_anew_at(credential(until), NOW, days) == at


def test_what_is_given_until_the_same_day_each_time_is_asked_for_some_times_only() -> None:
    """Each time after two thirds of what is left: a bounded number of requests, and none at the end."""
    until, asked = NOW + 30 * DAY, [NOW]
    while until - asked[-1] > HOUR:
        at = asked_anew_at(credential(until), asked[-1], 365)
        assert at is not None
        asked.append(at)
    assert len(asked) < 9
    assert all(later - earlier > HOUR for earlier, later in pairwise(asked))


def test_what_takes_the_place_of_what() -> None:
    """One of its kind that is good for as long; of fewer, only what says the same; nothing of another kind."""
    old, new = credential(NOW + DAY), credential(NOW + 300 * DAY)
    assert replaced([old], [new]) == replaced([old], [credential(None)]) == [old]
    assert replaced([old], [credential(NOW + DAY)]) == [old]
    assert replaced([old], [credential(NOW + HOUR)]) == replaced([credential(None)], [new]) == []
    assert replaced([old], [credential(NOW + 300 * DAY, "RoleCredential")]) == []
    one, other = (credential(NOW + DAY, "RoleCredential", office=name) for name in ("one", "other"))
    later = credential(NOW + 300 * DAY, "RoleCredential", office="one")
    changed = credential(NOW + 300 * DAY, "RoleCredential", office="third")
    assert replaced([one, other], [later]) == [one]
    assert replaced([one, other], [changed]) == []
    assert replaced([one, other], [later, changed]) == [one, other]
    assert replaced([one], [changed]) == replaced([one], [changed], [old, one]) == [one]
    assert replaced([one], [changed], [one, other]) == []


def test_what_is_held_for_longer_already_is_renewed() -> None:
    """By one of its kind."""
    old, new = credential(NOW + DAY), credential(NOW + 300 * DAY)
    assert renewed(old, [old, new])
    assert renewed(old, [credential(None)])
    assert not renewed(new, [old, new])
    assert not renewed(credential(None), [credential(None)])
    assert not renewed(old, [credential(None, "RoleCredential")])


def test_of_several_roles_one_does_not_stand_for_another() -> None:
    """Only the same role said for longer renews one; of a membership no more counts than that it is one."""
    one, other = (credential(NOW + days * DAY, "RoleCredential", role=name) for days, name in ((1, "a"), (300, "b")))
    assert not renewed(one, [one, other])
    assert renewed(one, [one, other, credential(NOW + 300 * DAY, "RoleCredential", role="a")])
    assert renewed(credential(NOW + DAY), [credential(NOW + 300 * DAY, membershipNumber="4")])
