"""The ten checks: what passes, what fails under which word, and what could not be checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.credentials.datamodel import VC_CONTEXT
from connector.credentials.did import DidDocument
from connector.credentials.sd_jwt import Challenge
from connector.credentials.status import Unobtained
from connector.credentials.verify import Material, Report, needs, verify
from connector.keys.memory import MemorySigner, signer_from_seed
from connector.model import Finding, Json, JsonObject
from tests.core.credentials.conftest import LIST_URL, OURS, REFINER
from tests.core.credentials.judging import OTHER, Forge, Issue, Listed, code, judged

ENTRY: JsonObject = {
    "type": "BitstringStatusListEntry", "statusPurpose": "revocation", "statusListIndex": "7",
    "statusListCredential": LIST_URL,
}  # fmt: skip


@pytest.fixture(params=["vc+jwt", "proof"])
def form(request: pytest.FixtureRequest) -> str:
    """One contract for both ways of securing: an envelope around the credential, a proof within it."""
    return str(request.param)


def outcomes(report: Report) -> dict[str, str]:
    return {check.name: check.outcome for check in report.checks}


def test_a_good_credential_is_valid(
    *, issued: Issue, credential: JsonObject, material: Material, now: datetime, form: str, signer: MemorySigner
) -> None:
    """All ten checks pass, numbered in order, in the published shape."""
    report = verify(issued(credential), at=now, now=now, material=material)
    assert set(outcomes(report).values()) == {"passed"}
    assert (report.verdict, report.outcome()) == ("valid", "verified")
    assert [check.step for check in report.checks] == list(range(1, 11))
    shape = report.as_json()
    checks = shape["checks"]
    assert shape["verdict"] == "valid"
    assert isinstance(checks, list)
    assert isinstance(checks[0], dict)
    assert list(checks[0]) == ["step", "name", "outcome", "code", "detail", "spec"]
    assert all(check.spec for check in report.checks)
    assert report.checks[0].spec == {"vc+jwt": "VC-JOSE-COSE 3.1", "proof": "VC Data Integrity 1.0, 2.1"}[form]
    suite = {"EdDSA": "eddsa-jcs-2022", "ES256": "ecdsa-jcs-2019"}[signer.alg]
    assert report.checks[1].detail == (suite if form == "proof" else signer.alg)
    assert (report.checks[4].detail, report.now) == (signer.key_id, now)
    assert report.credential is not None
    assert report.credential.subject["materialType"] == "NiSO4"


def test_a_tilde_makes_no_sd_jwt(issued: Issue, credential: JsonObject, material: Material, now: datetime) -> None:
    """The separator of an SD-JWT may stand in any text of a credential with a proof, whatever is expected."""
    octets = issued({**credential, "name": "about ~ 5 kg"})
    for challenge in (None, Challenge()):
        report = verify(octets, at=now, now=now, material=replace(material, challenge=challenge))
        assert (report.verdict, len(report.checks)) == ("valid", 10), "nor one with two checks more"


def test_needs_names_what_must_be_fetched(issued: Issue, credential: JsonObject) -> None:
    """Issuer and lists, each once; of garbage nothing."""
    status = credential["credentialStatus"]
    found = needs(issued({**credential, "credentialStatus": [status, status]}))
    assert (found.issuer, found.status_lists) == (REFINER, (LIST_URL,))
    assert (found.key_id, found.types) == (f"{REFINER}#assertion-1", ("VerifiableCredential", "MineralLotPassport"))
    assert needs(b"garbage").issuer is None


@settings(max_examples=250)
@given(data=st.data())
def test_one_changed_byte_anywhere_is_never_valid(
    data: st.DataObject, issued: Issue, credential: JsonObject, material: Material, now: datetime
) -> None:
    """Changed, removed or added: never valid, and never an exception."""
    octets = issued(credential)
    place = data.draw(st.integers(0, (1 << 16) - 1)) % len(octets)  # a base58 text is not always as long
    byte = bytes([data.draw(st.integers(0, 255))])
    tampered = data.draw(
        st.sampled_from(
            [
                octets[:place] + byte + octets[place + 1 :],
                octets[:place] + octets[place + 1 :],
                octets[:place] + byte + octets[place:],
            ]
        )
    )
    if tampered != octets:
        assert verify(tampered, at=now, now=now, material=material).verdict != "valid"


@pytest.mark.parametrize(
    ("octets", "expected"),
    [(b"", "not-a-jws"), (b"a.b.c", "bad-base64url"), (b"a" * ((1 << 20) + 1), "too-large"), (b"{}", "no-proof")],
)
def test_what_is_no_jws_fails_the_first_check(octets: bytes, expected: str, material: Material, now: datetime) -> None:
    """All other checks are skipped, and the verdict is not left open."""
    report = verify(octets, at=now, now=now, material=material)
    assert (report.verdict, report.outcome(), code(report)) == ("invalid", "bad-signature", expected)
    assert [name for name, outcome in outcomes(report).items() if outcome != "skipped"] == ["envelope"]
    assert Report(digest=report.digest, checks=(), credential=None).verdict == "invalid", (
        "nothing checked, nothing good"
    )


def test_an_algorithm_off_the_list_fails_the_second_check(
    signer: MemorySigner, forged: Forge, credential: JsonObject, material: Material, now: datetime
) -> None:
    """`none` and HMAC never reach a key."""
    for alg in ("none", "HS256"):
        header: JsonObject = {"alg": alg, "kid": signer.key_id, "typ": "vc+jwt"}
        octets = forged(signer, header, orjson.dumps(credential))
        assert judged(octets, material, now) == ("invalid", "bad-signature", "alg-not-allowed")
        told = outcomes(verify(octets, at=now, now=now, material=material))
        assert [name for name, outcome in told.items() if outcome != "skipped"] == ["algorithm"]


@pytest.mark.parametrize("kind", ["JWT", "vp+jwt", "dc+sd-jwt"])
def test_other_documents_are_no_credentials(
    *, signer: MemorySigner, forged: Forge, credential: JsonObject, material: Material, now: datetime, kind: str
) -> None:
    """What says that it is something else is no credential."""
    header: JsonObject = {"alg": signer.alg, "kid": signer.key_id, "typ": kind}
    assert judged(forged(signer, header, orjson.dumps(credential)), material, now)[2] == "bad-typ"


@pytest.mark.parametrize(
    "listed_contexts",
    [
        None,
        [],
        VC_CONTEXT,
        [OURS, VC_CONTEXT],
        [VC_CONTEXT, "https://evil.example/context"],
        [VC_CONTEXT, "http://169.254.169.254/"],
        [VC_CONTEXT, {"grade": "https://evil.example/grade"}],
        [VC_CONTEXT, VC_CONTEXT],
        [VC_CONTEXT, OURS, OURS],
        {"a": "b"},
        [VC_CONTEXT, "https://www.w3.org/ns/credentials/undefined-terms/v2"],
    ],
)
def test_contexts_are_the_known_ones(
    issued: Issue, credential: JsonObject, material: Material, now: datetime, listed_contexts: Json
) -> None:
    """Unknown, inline, doubled or disordered: the terms could mean anything, so the shape is not asked either."""
    octets = issued({**credential, "@context": listed_contexts})
    assert judged(octets, material, now) == ("invalid", "context-error", "context-error")
    assert outcomes(verify(octets, at=now, now=now, material=material))["shape"] == "skipped"


def test_a_context_further_inside_is_refused(
    signer: MemorySigner, forged: Forge, credential: JsonObject, material: Material, now: datetime
) -> None:
    """Also where the key is written with an escape."""
    header: JsonObject = {"alg": signer.alg, "kid": signer.key_id, "typ": "vc+jwt"}
    inner: JsonObject = {"id": "urn:uuid:1", "parts": [{"@context": {"a": "b"}}]}
    plain = orjson.dumps({**credential, "credentialSubject": inner})
    for payload in (plain, plain.replace(b'[{"@context"', b'[{"\\u0040context"')):
        assert judged(forged(signer, header, payload), material, now)[1:] == ("context-error", "context-error")


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": None},
        {"issuer": {"name": "x"}},
        {"type": "VerifiableCredential"},
        {"type": ["MineralLotPassport"]},
        {"type": ["VerifiableCredential", {"id": "MineralLotPassport"}]},
        {"credentialSubject": []},
        {"credentialSubject": [{"id": "urn:uuid:1"}, {"id": "urn:uuid:2"}]},
        {"credentialSubject": {}},
        {"validFrom": "2027-03-15"},
        {"validFrom": "2027-03-15T09:00:00"},
        {"validFrom": "2027-02-30T09:00:00Z"},
        {"validFrom": "9999-12-31T23:59:59-14:00"},
        {"validUntil": "0001-01-01T00:00:00+14:00"},
        {"validUntil": 1805101200},
        {"validUntil": None},
        {"iss": OTHER},
        {"sub": OTHER},
        {"jti": "x"},
        {"exp": "1"},
        {"vc": {}},
        {"vp": {}},
        {"issuer": ""},
        {"issuer": {"id": ""}},
        {"credentialStatus": [ENTRY] * 9},
        {"credentialStatus": {**ENTRY, "statusSize": 0}},
        {"credentialStatus": {**ENTRY, "statusSize": "1"}},
        {"credentialStatus": {**ENTRY, "statusListIndex": "01"}},
        {"credentialStatus": {**ENTRY, "statusListIndex": -1}},
        {"credentialStatus": "https://refiner.example/status/0#1"},
        {"credentialStatus": [{}]},
    ],
)
def test_the_data_model_is_checked(
    *,
    issued: Issue,
    signer: MemorySigner,
    forged: Forge,
    credential: JsonObject,
    material: Material,
    now: datetime,
    change: JsonObject,
) -> None:
    """What is missing, of the wrong kind, or contradicts itself."""
    header: JsonObject = {"alg": signer.alg, "kid": signer.key_id, "typ": "vc+jwt"}
    octets = forged(signer, header, orjson.dumps({**credential, **change}))
    verdict, outcome, _ = judged(octets, material, now)
    assert (verdict, outcome) == ("invalid", "schema-error")


def test_what_registered_claims_repeat_is_no_contradiction(
    issued: Issue, credential: JsonObject, material: Material, now: datetime
) -> None:
    """VC-JOSE-COSE section 3.1.3: `iss`, `sub` and `jti` may say once more what the credential says."""
    about = credential["credentialSubject"]
    assert isinstance(about, dict)
    said: JsonObject = {"iss": REFINER, "sub": about["id"], "jti": "urn:uuid:1", "id": "urn:uuid:1"}
    octets = issued({**credential, **said, "credentialStatus": [{**ENTRY, "statusListIndex": "0"}] * 8})
    assert verify(octets, at=now, now=now, material=material).verdict == "valid"


def test_an_issuer_as_object_is_read(issued: Issue, credential: JsonObject, material: Material, now: datetime) -> None:
    """VC Data Model 2.0 section 4.5 allows both."""
    octets = issued({**credential, "issuer": {"id": REFINER, "name": "Refiner"}})
    assert verify(octets, at=now, now=now, material=material).verdict == "valid"


def test_the_key_must_be_the_issuers_and_for_credentials(
    *,
    signer: MemorySigner,
    prover: MemorySigner,
    forged: Forge,
    credential: JsonObject,
    material: Material,
    now: datetime,
) -> None:
    """Another party's good signature, the key for tokens, an unknown key, no key."""
    thief = signer_from_seed(b"thief", "EdDSA", f"{OTHER}#1")
    payload = orjson.dumps(credential)
    cases: list[tuple[MemorySigner, Json, str]] = [
        (thief, thief.key_id, "foreign-key"),
        (prover, prover.key_id, "relationship-missing"),
        (signer, f"{REFINER}#unknown", "method-not-found"),
        (signer, f"{REFINER}#1#2", "bad-key-id"),
        (signer, 7, "bad-header"),
    ]
    for key, kid, expected in cases:
        octets = forged(key, {"alg": key.alg, "kid": kid, "typ": "vc+jwt"}, payload)
        assert judged(octets, material, now) == ("invalid", "bad-signature", expected)
    octets = forged(signer, {"alg": signer.alg, "typ": "vc+jwt"}, payload)
    assert judged(octets, material, now) == ("invalid", "bad-signature", "foreign-key")


def test_a_forged_signature_leaves_everything_behind_it_out(
    forged: Forge, signer: MemorySigner, credential: JsonObject, material: Material, now: datetime
) -> None:
    """The right names over a wrong key: status, trust and shape of an unproven document are not asked."""
    thief = signer_from_seed(b"thief", signer.alg, signer.key_id)
    octets = forged(thief, {"alg": thief.alg, "kid": thief.key_id, "typ": "vc+jwt"}, orjson.dumps(credential))
    report = verify(octets, at=now, now=now, material=material)
    assert (report.verdict, report.outcome(), code(report)) == ("invalid", "bad-signature", "bad-signature")
    assert {outcomes(report)[name] for name in ("validity", "status", "trust", "shape")} == {"skipped"}


def test_keys_that_nobody_could_get_leave_it_open(
    issued: Issue, credential: JsonObject, material: Material, now: datetime
) -> None:
    """Neither valid nor invalid, also when nobody asked."""
    nothing: dict[str, DidDocument | Unobtained] = {}
    for documents in (nothing, {**nothing, REFINER: Unobtained(reason="no answer")}):
        bare = replace(material, documents=documents)
        assert judged(issued(credential), bare, now) == ("indeterminate", "unchecked", "key-unreachable")


@pytest.mark.parametrize(
    ("days", "expected"), [(-1, "not-yet-valid"), (0, ""), (30, ""), (31, "expired"), (4000, "expired")]
)
def test_validity_is_judged_at_the_asked_time(
    *, issued: Issue, credential: JsonObject, material: Material, now: datetime, days: int, expected: str
) -> None:
    """Not now, but when it happened; both ends belong to it."""
    until = f"{now + timedelta(days=30):%Y-%m-%dT%H:%M:%SZ}"
    report = verify(
        issued({**credential, "validUntil": until}), at=now + timedelta(days=days), now=now, material=material
    )
    if expected:
        assert (report.verdict, report.outcome(), code(report)) == ("invalid", "expired-at-event-time", expected)
    else:
        assert report.verdict == "valid"


def test_a_credential_without_dates_is_always_valid(
    issued: Issue, credential: JsonObject, material: Material, now: datetime
) -> None:
    """VC Data Model 2.0 section 4.9: both may be left out."""
    del credential["validFrom"]
    assert verify(issued(credential), at=now, now=now, material=material).verdict == "valid"


def test_nothing_is_asked_of_an_issuer_that_nobody_trusts(
    issued: Issue, credential: JsonObject, material: Material, now: datetime
) -> None:
    """A stranger's credential is invalid for that alone, though its keys were never fetched: it costs no look-up."""
    stranger = replace(material, documents={}, trusted_issuers={})
    octets = issued(credential)
    assert judged(octets, stranger, now) == ("invalid", "issuer-not-anchored", "issuer-not-anchored")
    told = outcomes(verify(octets, at=now, now=now, material=stranger))
    assert (told["key"], told["signature"], told["trust"]) == ("skipped", "skipped", "failed")


def test_members_are_trusted_only_as_far_as_they_are_known(
    issued: Issue, credential: JsonObject, material: Material, now: datetime
) -> None:
    """Who is a member could not be found out: open. Found out, or named for another type: it stays a no."""
    octets = issued(credential)
    unknown = replace(
        material, trusted_issuers={"MineralLotPassport": {"members"}}, trust_unobtained=Unobtained(reason="no answer")
    )
    assert judged(octets, unknown, now) == ("indeterminate", "unchecked", "trust-unreachable")
    no = ("invalid", "issuer-not-anchored", "issuer-not-anchored")
    assert judged(octets, replace(unknown, trust_unobtained=None), now) == no
    assert judged(octets, replace(unknown, trusted_issuers={"MineralLotPassport": {OTHER}}), now) == no
    both = issued({**credential, "type": ["VerifiableCredential", "MineralLotPassport", "MinePermit"]})
    assert judged(both, unknown, now) == no


def test_trust_is_per_credential_type(issued: Issue, credential: JsonObject, material: Material, now: datetime) -> None:
    """An empty table trusts nobody; a second type needs trust as well; no table at all is said."""
    for trusted in ({}, {"MineralLotPassport": {OTHER}}, {"MinePermit": {REFINER}}):
        nobody = replace(material, trusted_issuers=trusted)
        assert judged(issued(credential), nobody, now) == ("invalid", "issuer-not-anchored", "issuer-not-anchored")
    both = issued({**credential, "type": ["VerifiableCredential", "MineralLotPassport", "MinePermit"]})
    assert judged(both, material, now)[1] == "issuer-not-anchored"
    plain = issued({**credential, "type": ["VerifiableCredential"]})
    assert judged(plain, material, now)[1:] == ("issuer-not-anchored", "issuer-not-anchored")
    report = verify(issued(credential), at=now, now=now, material=replace(material, trusted_issuers=None))
    assert (report.verdict, outcomes(report)["trust"]) == ("valid", "skipped")
    assert next(check.code for check in report.checks if check.name == "trust") == "no-trust-list"


def test_findings_of_the_shape_are_handed_on(
    issued: Issue, credential: JsonObject, material: Material, now: datetime
) -> None:
    """All of them, and the check names the first."""
    missing = replace(material, check_shape=lambda *_: [Finding(code="missing-term", message="it needs netMass")])
    assert judged(issued(credential), missing, now) == ("invalid", "schema-error", "missing-term")
    found = [Finding(code="unit-missing", message="netMass has no unit"), Finding(code="x", message="y")]
    shaped = replace(material, check_shape=lambda kind, _document: found if kind == "MineralLotPassport" else [])
    report = verify(issued(credential), at=now, now=now, material=shaped)
    assert (report.verdict, report.outcome(), code(report)) == ("invalid", "schema-error", "unit-missing")
    assert report.findings == tuple(found)
    many = [Finding(code="x", message=f"finding {number}.") for number in range(1, 8)]
    asked: list[str] = []

    def flood(kind: str, _document: JsonObject) -> list[Finding]:
        asked.append(kind)
        return many

    flooded = replace(material, check_shape=flood)
    last = verify(issued(credential), at=now, now=now, material=flooded).checks[-1]
    assert last.detail == "7 findings: " + "; ".join(f"finding {number}." for number in range(1, 6))
    assert asked == ["MineralLotPassport"], "what every credential is has no shape of its own"
    unshaped = verify(issued(credential), at=now, now=now, material=replace(material, check_shape=None))
    assert (unshaped.verdict, unshaped.checks[-1].outcome, unshaped.checks[-1].code) == ("valid", "skipped", "no-shape")


def test_the_first_word_that_applies_is_taken(
    *,
    issued: Issue,
    credential: JsonObject,
    material: Material,
    listed: Listed,
    changes: Callable[..., bytes],
    now: datetime,
) -> None:
    """Of several faults the outcome is the first in the order of the audit; the report keeps all."""
    credential["@context"] = [VC_CONTEXT, "https://evil.example"]
    faulty = replace(
        material, lists={LIST_URL: listed(7)}, changes={LIST_URL: changes()}, trusted_issuers={}, opened={}
    )
    report = verify(issued(credential), at=now - timedelta(days=1), now=now, material=faulty)
    failed = [check.name for check in report.checks if check.outcome == "failed"]
    assert failed == ["contexts", "validity", "status", "trust"]
    assert report.outcome() == "context-error"
