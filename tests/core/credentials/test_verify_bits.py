"""The bits of a status list as others write them: other purposes, several entries, no dates, and the clock of today."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from connector.credentials.datamodel import time_text
from connector.credentials.status import Unobtained
from connector.credentials.status_list import Change, encode_list, list_payload
from connector.credentials.verify import Material, verify
from connector.model import JsonObject
from tests.core.credentials.conftest import LIST_URL, REFINER
from tests.core.credentials.judging import Issue, Listed, listing, status_of, with_status


@pytest.fixture(params=["vc+jwt", "proof"])
def form(request: pytest.FixtureRequest) -> str:
    """One contract for both ways of securing: an envelope around the credential, a proof within it."""
    return str(request.param)


@pytest.mark.parametrize("day", [0, -1])
@pytest.mark.parametrize("is_set", [True, False])
def test_a_suspension_may_have_been_lifted_since(
    *,
    issued: Issue,
    credential: JsonObject,
    material: Material,
    listed: Listed,
    changes: Callable[..., bytes],
    now: datetime,
    day: int,
    is_set: bool,
) -> None:
    """A bit tells of today; of yesterday only the changes could, and a set bit that they leave out counts."""
    credential |= {"validFrom": "2027-01-01T00:00:00Z"}
    entry = credential["credentialStatus"]
    assert isinstance(entry, dict)
    entry["statusPurpose"] = "suspension"
    subject = {**listing("suspension"), "encodedList": encode_list([7] if is_set else [])}
    octets, at = issued(credential), now + timedelta(days=day)
    bare = with_status(material, listed(credentialSubject=subject), Unobtained(reason="404"))
    told = status_of(verify(octets, at=at, now=now, material=bare))
    word = "set" if is_set else "clear"
    if day:
        since = f"the bit is {word} now; no changes say since when: 404"
        assert told == ("unchecked", "status-time-unknown", since)
    elif is_set:
        assert told == ("failed", "suspended", "the bit is set; no changes: 404")
    else:
        assert told == ("passed", "", "the bit is clear; no changes: 404")
    silent = with_status(material, listed(credentialSubject=subject), changes())
    assert status_of(verify(octets, at=at, now=now, material=silent))[:2] == (
        ("failed", "suspended") if is_set else ("passed", "")
    )


def test_a_reinstatement_explains_a_bit_that_is_still_set(
    *,
    issued: Issue,
    credential: JsonObject,
    material: Material,
    listed: Listed,
    changes: Callable[..., bytes],
    now: datetime,
) -> None:
    """A list may be older than the changes beside it; a bit of another purpose they do not explain."""
    told = [
        Change(digest="uEiA", index=7, purpose=purpose, effective=now - timedelta(days=days))
        for purpose, days in (("suspension", 2), ("reinstatement", 1))
    ]
    revocable = issued(credential)
    lagging = with_status(material, listed(7), changes(*told))
    for at in (now, now - timedelta(days=3)):
        assert status_of(verify(revocable, at=at, now=now, material=lagging)) == (
            "failed", "revoked", "the bit is set, and the changes name no time for it",
        )  # fmt: skip
    entry = credential["credentialStatus"]
    assert isinstance(entry, dict)
    entry["statusPurpose"] = "suspension"
    suspended = {**listing("suspension"), "encodedList": encode_list([7])}
    octets, lagging = issued(credential), with_status(material, listed(credentialSubject=suspended), changes(*told))
    assert status_of(verify(octets, at=now, now=now, material=lagging)) == ("passed", "", "")
    newer = listed(credentialSubject=suspended, validFrom=time_text(now - timedelta(hours=23)))
    for at in (now, now - timedelta(days=3)):
        assert status_of(verify(octets, at=at, now=now, material=with_status(material, newer, changes(*told)))) == (
            "failed", "suspended", "the bit is set, and the changes name no time for it",
        ), "suspended again, and the changes from before are shown"  # fmt: skip
    again = Change(digest="uEiA", index=7, purpose="suspension", effective=now - timedelta(hours=23))
    whole = with_status(material, newer, changes(*told, again))
    assert status_of(verify(octets, at=now, now=now, material=whole))[:2] == ("failed", "suspended")
    assert status_of(verify(octets, at=now - timedelta(days=1), now=now, material=whole))[0] == "passed"
    halfway = with_status(material, listed(credentialSubject=suspended), changes(told[0]))
    assert status_of(verify(octets, at=now, now=now, material=halfway)) == (
        "failed",
        "suspended",
        "suspended with effect from 2027-03-13T09:00:00Z",
    )


@pytest.mark.parametrize(
    "change",
    [
        {"validFrom": "2027-03-15T09:00:00Z", "validUntil": "2027-03-15T09:00:00Z"},
        {"credentialSubject": listing(["suspension", "revocation"])},
        {"credentialSubject": listing([{}, "revocation"])},
    ],
)
def test_lists_of_others_come_in_several_forms(
    *, issued: Issue, credential: JsonObject, material: Material, listed: Listed, now: datetime, change: JsonObject
) -> None:
    """For several purposes at once (section 2.2), and good to the very second."""
    several = with_status(material, listed(**change), Unobtained(reason="404"))
    assert verify(issued(credential), at=now, now=now, material=several).verdict == "valid"


def test_a_list_may_be_bare_and_a_message_takes_nothing_away(
    issued: Issue, credential: JsonObject, material: Material, now: datetime
) -> None:
    """No dates, no id. Bitstring Status List 1.0 section 2.1: a `message` tells something, and takes nothing."""
    payload = list_payload(
        url=LIST_URL, issuer=REFINER, indices=[7], valid_from=now, valid_until=now, purpose="message"
    )
    del payload["validFrom"], payload["validUntil"], payload["id"]
    entry = credential["credentialStatus"]
    assert isinstance(entry, dict)
    entry["statusPurpose"] = "message"
    undated = with_status(material, issued(payload), Unobtained(reason="404"))
    report = verify(issued(credential), at=now, now=now, material=undated)
    assert status_of(report) == ("passed", "", "purpose message does not limit validity")
    payload["credentialSubject"] = listing("revocation")
    entry["statusPurpose"] = "revocation"
    clear = with_status(material, issued(payload), Unobtained(reason="404"))
    assert verify(issued(credential), at=now, now=now, material=clear).verdict == "valid"


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (("good", "revoked"), ("failed", "revoked")),
        (("gone", "revoked"), ("failed", "revoked")),
        (("good", "gone"), ("unchecked", "status-unreachable")),
        (("good", "good"), ("passed", "")),
    ],
)
def test_the_worst_of_several_entries_counts(
    *,
    issued: Issue,
    credential: JsonObject,
    material: Material,
    listed: Listed,
    now: datetime,
    states: tuple[str, str],
    expected: tuple[str, str],
) -> None:
    """In whatever order they stand: a list that cannot be had hides no revocation, and a good one hides neither."""
    entry = credential["credentialStatus"]
    assert isinstance(entry, dict)
    missing = Unobtained(reason="no answer")
    for ordered in (states, states[::-1]):
        urls = [f"https://refiner.example/status/{state}{place}" for place, state in enumerate(ordered)]
        lists: dict[str, bytes | Unobtained] = {
            url: missing if "gone" in url else listed(*([7] if "revoked" in url else []), id=url) for url in urls
        }
        octets = issued({**credential, "credentialStatus": [{**entry, "statusListCredential": url} for url in urls]})
        given = replace(material, lists=lists, changes={}, opened={})
        assert status_of(verify(octets, at=now, now=now, material=given))[:2] == expected
