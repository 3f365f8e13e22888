"""The status check: bits for now, signed changes for a day, and what could not be had is neither good nor bad."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import orjson
import pytest

from connector.credentials import data_integrity, jose
from connector.credentials.data_integrity import Proof
from connector.credentials.datamodel import parse_credential
from connector.credentials.sd_jwt import SdJwt
from connector.credentials.status import Unobtained
from connector.credentials.status_list import CHANGES_TYPE, Change, list_payload
from connector.credentials.verify import Material, verify
from connector.keys.memory import MemorySigner, signer_from_seed
from connector.model import JsonObject
from tests.core.credentials.conftest import LIST_URL, REFINER
from tests.core.credentials.judging import OTHER, Forge, Issue, Listed, judged, listing, status_of, with_status


@pytest.fixture(params=["vc+jwt", "proof"])
def form(request: pytest.FixtureRequest) -> str:
    """One contract for both ways of securing: an envelope around the credential, a proof within it."""
    return str(request.param)


def test_a_mirrored_signature_is_judged_alike_and_does_not_escape_revocation(
    *,
    credential: JsonObject,
    material: Material,
    listed: Listed,
    changes: Callable[..., bytes],
    issued: Issue,
    signer: MemorySigner,
    now: datetime,
) -> None:
    """The other text of the same credential has another digest and the same index."""
    if signer.alg != "ES256":
        return
    octets = issued(credential)
    secured = parse_credential(octets).securing
    assert not isinstance(secured, SdJwt)
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    other = secured.signature[:32] + (order - int.from_bytes(secured.signature[32:], "big")).to_bytes(32, "big")
    if isinstance(secured, Proof):
        mirrored = data_integrity.attach(secured.document, secured.config, other)
    else:
        mirrored = jose.attach(secured.signing_input, other)
    good, twin = (verify(text, at=now, now=now, material=material) for text in (octets, mirrored))
    assert (good.verdict, twin.verdict) == ("valid", "valid")
    assert good.digest != twin.digest
    change = Change(digest=good.digest, index=7, purpose="revocation", effective=now - timedelta(days=1))
    revoked = replace(material, lists={LIST_URL: listed(7)}, changes={LIST_URL: changes(change)}, opened={})
    assert judged(mirrored, revoked, now) == ("invalid", "revoked", "revoked")


@pytest.mark.parametrize(
    ("purpose", "day", "expected"),
    [
        ("revocation", -2, ("invalid", "revoked")),
        ("revocation", 0, ("invalid", "revoked")),
        ("suspension", -2, ("invalid", "suspended")),
    ],
)
def test_a_change_that_was_in_effect_counts(
    *,
    issued: Issue,
    credential: JsonObject,
    material: Material,
    listed: Listed,
    changes: Callable[..., bytes],
    now: datetime,
    purpose: str,
    day: int,
    expected: tuple[str, str],
) -> None:
    """Withdrawn before the event, or at its very time; the changes count even where the bit is still clear."""
    octets = issued(credential)
    digest = verify(octets, at=now, now=now, material=material).digest
    change = Change(digest=digest, index=7, purpose=purpose, effective=now + timedelta(days=day), reason="withdrawn")
    for bits in ((7,), ()):
        verdict, outcome, _ = judged(octets, with_status(material, listed(*bits), changes(change)), now)
        assert (verdict, outcome) == expected


def test_a_change_after_the_event_leaves_it_good(
    *,
    issued: Issue,
    credential: JsonObject,
    material: Material,
    listed: Listed,
    changes: Callable[..., bytes],
    now: datetime,
) -> None:
    """The bit is set today, the permit was good on the day, and the report says both."""
    octets = issued(credential)
    digest = verify(octets, at=now, now=now, material=material).digest
    change = Change(digest=digest, index=7, purpose="revocation", effective=now + timedelta(days=2), reason="sold")
    later = with_status(material, listed(7), changes(change))
    report = verify(octets, at=now, now=now, material=later)
    assert report.verdict == "valid"
    assert status_of(report) == (
        "passed",
        "",
        "good at that time; revocation with effect from 2027-03-17T09:00:00Z: sold",
    )


def test_a_set_bit_without_a_time_is_read_as_the_worse(
    *,
    issued: Issue,
    credential: JsonObject,
    material: Material,
    listed: Listed,
    changes: Callable[..., bytes],
    now: datetime,
) -> None:
    """The changes do not explain the bit: revoked. There are no changes: revoked now, open for the past."""
    octets = issued(credential)
    silent = with_status(material, listed(7), changes())
    assert judged(octets, silent, now) == ("invalid", "revoked", "revoked")
    missing = with_status(material, listed(7), Unobtained(reason="404"))
    assert judged(octets, missing, now) == ("invalid", "revoked", "revoked")
    credential["validFrom"] = "2027-01-01T00:00:00Z"
    before = now - timedelta(days=1)
    assert judged(issued(credential), missing, now, before) == ("indeterminate", "unchecked", "status-time-unknown")


def test_a_clear_bit_without_changes_is_good(
    issued: Issue, credential: JsonObject, material: Material, listed: Listed, now: datetime
) -> None:
    """A revocation is never taken back, so what is clear now was clear before."""
    credential["validFrom"] = "2027-01-01T00:00:00Z"
    bare = with_status(material, listed(), Unobtained(reason="404"))
    for at in (now, now - timedelta(days=1)):
        report = verify(issued(credential), at=at, now=now, material=bare)
        assert (report.verdict, status_of(report)) == ("valid", ("passed", "", "the bit is clear; no changes: 404"))


def test_a_status_that_nobody_could_get_leaves_it_open(
    *,
    issued: Issue,
    credential: JsonObject,
    material: Material,
    listed: Listed,
    changes: Callable[..., bytes],
    signer: MemorySigner,
    forged: Forge,
    now: datetime,
) -> None:
    """Unreachable, not asked for, forged, somebody else's, stale, a bomb: never taken as good."""
    octets = issued(credential)
    subject: JsonObject = {"type": "BitstringStatusList", "statusPurpose": "revocation", "encodedList": "uAAAA"}
    payload = parse_credential(listed()).payload
    header: JsonObject = {"alg": signer.alg, "typ": "vc+jwt"}
    for unusable in (
        Unobtained(reason="no answer"),
        b"garbage",
        listed()[:-3] + b"AAA",
        issued(credential),
        listed(id="https://refiner.example/status/1"),
        listed(id="a-name-that-is-no-address"),
        listed(validUntil="2027-03-15T08:59:59Z"),
        listed(validFrom="2027-03-15T09:00:01Z"),
        listed(credentialSubject=subject),
        listed(credentialSubject={**subject, "encodedList": 1}),
        listed(credentialSubject={**listing("revocation"), "type": "StatusList"}),
        listed(credentialSubject={**listing("revocation"), "type": ["BitstringStatusList"]}),
        listed(
            credentialSubject={**listing("revocation"), "type": "List"}, type=["VerifiableCredential", "ListCredential"]
        ),
        listed(type=["VerifiableCredential", "StatusList2021Credential"]),
        listed(type=["VerifiableCredential", "BitstringStatusList"]),
        forged(signer, header, orjson.dumps(payload)),
        forged(signer, {**header, "kid": signer.key_id}, orjson.dumps({**payload, "issuer": OTHER})),
    ):
        verdict, outcome, _ = judged(octets, with_status(material, unusable, changes()), now)
        assert (verdict, outcome) == ("indeterminate", "unchecked")
    for times in ({"validUntil": "2027-03-15T08:59:59Z"}, {"validFrom": "2027-03-15T09:00:01Z"}):
        assert judged(octets, with_status(material, listed(**times), changes()), now)[2] == "status-list-stale"
    nothing = replace(material, lists={}, changes={}, opened={})
    assert judged(octets, nothing, now) == ("indeterminate", "unchecked", "status-unreachable")


def test_a_list_of_another_issuer_says_nothing(
    *,
    issued: Issue,
    credential: JsonObject,
    material: Material,
    changes: Callable[..., bytes],
    forged: Forge,
    now: datetime,
) -> None:
    """Somebody else's clean list must not wash a credential."""
    thief = signer_from_seed(b"thief", "EdDSA", f"{OTHER}#1")
    payload = list_payload(url=LIST_URL, issuer=OTHER, indices=[], valid_from=now, valid_until=now + timedelta(days=1))
    octets = forged(thief, {"alg": "EdDSA", "kid": thief.key_id, "typ": "vc+jwt"}, orjson.dumps(payload))
    report = judged(issued(credential), with_status(material, octets, changes()), now)
    assert report == ("indeterminate", "unchecked", "status-unreachable")


def test_changes_of_others_are_no_changes(
    *,
    issued: Issue,
    credential: JsonObject,
    material: Material,
    listed: Listed,
    changes: Callable[..., bytes],
    signer: MemorySigner,
    forged: Forge,
    now: datetime,
) -> None:
    """Signed by another party, in its name, for another list, or not at all: as if there were none."""
    credential["validFrom"] = "2027-01-01T00:00:00Z"
    thief = signer_from_seed(b"thief", "EdDSA", f"{OTHER}#1")
    fine = Change(digest="uEiA", index=7, purpose="revocation", effective=now + timedelta(days=9))
    claims = orjson.dumps({**jose.parse(changes(fine), 1 << 20).claims(), "iss": OTHER})
    named = forged(signer, {"alg": signer.alg, "kid": signer.key_id, "typ": CHANGES_TYPE}, claims)
    for foreign in (
        changes(fine, by=thief),
        named,
        changes(fine, url=f"{LIST_URL}1"),
        changes(fine)[:-3] + b"AAA",
        b"x",
    ):
        bare = with_status(material, listed(7), foreign)
        assert judged(issued(credential), bare, now, now - timedelta(days=1))[1] == "unchecked"


def test_an_index_or_purpose_that_the_list_lacks_is_the_credentials_fault(
    issued: Issue, credential: JsonObject, material: Material, now: datetime
) -> None:
    """The list is fine, the entry is not."""
    entry = credential["credentialStatus"]
    assert isinstance(entry, dict)
    beyond = issued({**credential, "credentialStatus": {**entry, "statusListIndex": "131072"}})
    assert judged(beyond, material, now) == ("invalid", "schema-error", "status-index-out-of-range")
    other = issued({**credential, "credentialStatus": {**entry, "statusPurpose": "suspension"}})
    assert judged(other, material, now) == ("invalid", "schema-error", "status-purpose-mismatch")


@pytest.mark.parametrize("odd", [{"type": "StatusList2021Entry"}, {"type": "TokenStatusList"}, {"statusSize": 2}])
def test_a_status_that_we_do_not_read_leaves_it_open(
    *, issued: Issue, credential: JsonObject, material: Material, now: datetime, odd: JsonObject
) -> None:
    """VC Data Model 2.0 section 4.10 allows any type, Bitstring Status List 1.0 section 2.1 more bits than one."""
    entry = credential["credentialStatus"]
    assert isinstance(entry, dict)
    octets = issued({**credential, "credentialStatus": [entry, {**entry, **odd}]})
    assert judged(octets, material, now) == ("indeterminate", "unchecked", "status-unsupported")


def test_a_credential_without_status_is_skipped_there(
    issued: Issue, credential: JsonObject, material: Material, now: datetime
) -> None:
    """Some things are never withdrawn."""
    del credential["credentialStatus"]
    report = verify(issued(credential), at=now, now=now, material=material)
    assert (report.verdict, status_of(report)[:2]) == ("valid", ("skipped", "no-status"))


def test_lists_are_opened_once(issued: Issue, credential: JsonObject, material: Material, now: datetime) -> None:
    """Many credentials of one list share the work."""
    verify(issued(credential), at=now, now=now, material=material)
    opened = dict(material.opened)
    verify(issued({**credential, "id": "urn:uuid:9"}), at=now, now=now, material=material)
    assert list(opened) == [(LIST_URL, REFINER)]
    assert all(material.opened[key] is known for key, known in opened.items())
