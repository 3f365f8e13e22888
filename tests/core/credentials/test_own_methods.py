"""Our keys over time: which signs when, what is published, what a rotation and a revocation may do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import orjson
import pytest

from connector.config import Limits
from connector.credentials.own_methods import (
    RETIRES_AFTER,
    OwnMethod,
    first_methods,
    heir,
    needed,
    parse_register,
    published,
    register,
    revoked,
    revoked_ids,
    rotated,
    signing,
    standing,
)
from connector.credentials.refused import Refused
from connector.errors import BadInput
from connector.keys.memory import signer_from_seed
from connector.model import Did, JsonObject

NOW = datetime(2027, 3, 15, 9, tzinfo=UTC)
SWITCH = NOW + timedelta(hours=24)
OURS = Did("did:web:us.example")


def jwk(seed: str) -> JsonObject:
    return signer_from_seed(seed.encode(), "EdDSA", "x").public_jwk


FIRST = first_methods(jwk("a1"), jwk("b1"))
SECOND = OwnMethod(
    name="assertion-2", purpose="assertionMethod", public_jwk=jwk("a2"), custody="file:keys/assertion-2.pem",
    published=NOW, signs_from=SWITCH,
)  # fmt: skip
OVERLAP = rotated(FIRST, SECOND, NOW)


def signs(methods: tuple[OwnMethod, ...], now: datetime) -> tuple[str, str]:
    return signing(methods, "assertionMethod", now).name, signing(methods, "authentication", now).name


def shown(methods: tuple[OwnMethod, ...]) -> list[str]:
    return [one.key_id.partition("#")[2] for one in published(methods, "assertionMethod", OURS, NOW)]


def test_a_new_key_is_published_at_once_and_signs_later() -> None:
    """To the second; the former one stays published; the other purpose is not touched."""
    assert shown(OVERLAP) == ["assertion-1", "assertion-2"]
    assert signs(OVERLAP, SWITCH - timedelta(seconds=1)) == ("assertion-1", "authentication-1")
    assert signs(OVERLAP, SWITCH) == ("assertion-2", "authentication-1")
    before, after = ([standing(one, OVERLAP, at) for one in OVERLAP] for at in (NOW, SWITCH))
    assert (before, after) == (["signs", "signs", "next"], ["verifies", "signs", "signs"])
    assert [one.name for one in needed(OVERLAP, SWITCH)] == ["authentication-1", "assertion-2"]


def test_one_rotation_at_a_time() -> None:
    """A second one would never have signed; after the switch the next may begin."""
    third = OwnMethod(name="assertion-3", purpose="assertionMethod", public_jwk=jwk("a3"), signs_from=SWITCH)
    with pytest.raises(BadInput, match="signs from 2027-03-16T09:00:00Z"):
        rotated(OVERLAP, third, NOW)
    assert rotated(OVERLAP, third, SWITCH)[-1] is third


@pytest.mark.parametrize(
    ("methods", "name", "at", "instead", "left"),
    [
        (OVERLAP, "assertion-1", NOW, "assertion-2", ["assertion-2"]),  # what waited signs at once
        (OVERLAP, "assertion-2", NOW, "assertion-1", ["assertion-1"]),  # what waited never signs
        (OVERLAP, "assertion-1", SWITCH, "assertion-2", ["assertion-2"]),  # a former one
    ],
)
def test_a_revoked_key_is_published_no_more(
    methods: tuple[OwnMethod, ...], name: str, at: datetime, instead: str, left: list[str]
) -> None:
    """And something else signs."""
    found = heir(methods, name, at)
    assert found is not None
    assert found.name == instead
    after = revoked(methods, name, now=at, reason="stolen", successor=None)
    assert (shown(after), signing(after, "assertionMethod", at).name) == (left, instead)
    assert revoked_ids(after, OURS) == {f"{OURS}#{name}"}
    with pytest.raises(BadInput, match="is revoked since"):
        revoked(after, name, now=at, reason="", successor=None)


def test_a_former_key_never_signs_again() -> None:
    """Its private half may be destroyed: a new one is needed."""
    assert heir(OVERLAP, "assertion-2", SWITCH) is None
    assert heir(FIRST, "assertion-1", NOW) is None
    new = OwnMethod(name="assertion-3", purpose="assertionMethod", public_jwk=jwk("a3"), signs_from=SWITCH)
    after = revoked(OVERLAP, "assertion-2", now=SWITCH, reason="", successor=new)
    assert signs(after, SWITCH) == ("assertion-3", "authentication-1")
    with pytest.raises(BadInput, match="no key 'assertion-9'"):
        heir(OVERLAP, "assertion-9", NOW)


def proving(number: int, signs_from: datetime | None, revoked_at: datetime | None = None) -> OwnMethod:
    return OwnMethod(
        name=f"authentication-{number}", purpose="authentication", public_jwk=jwk(f"b{number}"), signs_from=signs_from,
        revoked=revoked_at,
    )  # fmt: skip


def retired(methods: tuple[OwnMethod, ...], now: datetime) -> list[str]:
    return [one.key_id[-1] for one in published(methods, "authentication", OURS, now) if one.retired]


def test_a_former_authentication_key_retires_when_its_last_token_is_dead() -> None:
    """To the second; an assertion key never, because credentials rest on it."""
    methods = (proving(1, None), proving(2, SWITCH), FIRST[0], SECOND)
    before, at = SWITCH + RETIRES_AFTER - timedelta(seconds=1), SWITCH + RETIRES_AFTER
    assert (retired(methods, SWITCH), retired(methods, before), retired(methods, at)) == ([], [], ["1"])
    assert (standing(methods[0], methods, before), standing(methods[0], methods, at)) == ("verifies", "retired")
    long_after = at + timedelta(days=400)
    assert not any(one.retired for one in published(methods, "assertionMethod", OURS, long_after))
    longest = Limits.model_fields["token_lifetime_seconds"].metadata[1].le + 2 * 59
    assert timedelta(seconds=longest) < RETIRES_AFTER, "its last token is dead by then"


def test_what_never_signed_retires_nobody() -> None:
    """Revoked while it waited: the key before it signed on, and has its own hour after the next one's beginning."""
    later = SWITCH + timedelta(days=30)
    methods = (proving(1, None), proving(2, SWITCH, SWITCH - timedelta(hours=2)), proving(3, later))
    assert retired(methods, later) == []
    assert retired(methods, later + RETIRES_AFTER) == ["1"]
    signed = (proving(1, None), proving(2, SWITCH, later), proving(3, later))
    assert retired(signed, later) == ["1"], "it stopped a month ago"


def test_the_register_keeps_everything() -> None:
    """Written and read."""
    methods = revoked(OVERLAP, "assertion-1", now=NOW, reason="stolen", successor=None)
    assert parse_register(register(methods)) == methods


@pytest.mark.parametrize(
    "change",
    [
        {"id": "assertion-2"},
        {"id": "#authentication-7"},
        {"id": "#assertion-1"},
        {"purpose": "keyAgreement"},
        {"publicKeyJwk": {"kty": "oct", "k": "c2VjcmV0"}},
        {"signsFrom": "tomorrow"},
        {"signsFrom": 7},
    ],
)
def test_what_is_no_register_is_refused(change: JsonObject) -> None:
    """A key that stands there is believed to be ours."""
    said = orjson.loads(register(OVERLAP))
    said["verificationMethod"][2] |= change
    with pytest.raises(Refused):
        parse_register(orjson.dumps(said))


def test_one_key_of_each_purpose_is_always_left() -> None:
    """Nothing signs with none."""
    said = orjson.loads(register(FIRST))
    said["verificationMethod"][0]["revoked"] = "2027-03-15T09:00:00Z"
    with pytest.raises(Refused, match="no method for assertionMethod is left"):
        parse_register(orjson.dumps(said))
