"""SD-JWT as others make them, the RFC's among them: what is shown is what was signed, and every trick is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from connector.credentials import base64url, jose
from connector.credentials.datamodel import parse_credential
from connector.credentials.refused import Refused
from connector.credentials.sd_jwt import MAX_DISCLOSURES, Challenge, SdJwt, check_binding, digest_of, parse
from connector.credentials.signing import key_from_jwk
from connector.credentials.status_list import Change
from connector.credentials.verify import Material, Report, needs, verify
from connector.keys.memory import MemorySigner, signer_from_seed
from connector.model import Finding, Json, JsonObject
from tests.core.credentials.conftest import LIST_URL, VECTORS
from tests.core.credentials.judging import first_no

RFC = json.loads((VECTORS / "sd-jwt.json").read_text("utf-8"))
LIMIT = 1 << 20
NOW = datetime(2027, 3, 15, 9, tzinfo=UTC)
ASKED = Challenge(audience="did:web:buyer.example", nonce="n-0S6_WzA2Mj")

Secure = Callable[..., bytes]


def text(*members: Json) -> bytes:
    """A disclosure."""
    return base64url.encode(orjson.dumps(members))


def hidden(*texts: bytes) -> list[Json]:
    """The digests of these disclosures."""
    return [digest_of(one) for one in texts]


@pytest.fixture
def holder() -> MemorySigner:
    """The key to which the credential is bound."""
    return signer_from_seed(b"holder", "ES256", "did:web:holder.example#key-1")


@pytest.fixture
def secure(signer: MemorySigner) -> Secure:
    """Signs whatever claims it gets as the refiner, and puts these disclosures behind."""

    def make(claims: JsonObject, *texts: bytes, typ: str = "vc+sd-jwt", last: bytes = b"") -> bytes:
        signed = jose.signing_input({"alg": signer.alg, "kid": signer.key_id, "typ": typ}, orjson.dumps(claims))
        return b"~".join([jose.attach(signed, signer.sign_now(signed)), *texts, last])

    return make


@pytest.fixture
def asked(material: Material) -> Material:
    """A verifier that reads SD-JWTs, and asked nobody for one."""
    return replace(material, challenge=Challenge())


def with_subject(credential: JsonObject, **members: Json) -> JsonObject:
    """The credential with these members in its subject."""
    subject = credential["credentialSubject"]
    assert isinstance(subject, dict)
    return {**credential, "credentialSubject": {**subject, **members}}


# --- the RFC's own ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", RFC["vectors"], ids=lambda vector: str(vector["name"]))
def test_the_vectors_of_the_rfc(vector: JsonObject) -> None:
    """Signature, claims, hidden digests, and the key binding for its audience and nonce alone."""
    shown = parse(str(vector["sd_jwt"]).encode(), LIMIT, "example+sd-jwt")
    jose.verify(shown.jws, key_from_jwk(RFC["issuer"]))
    assert (shown.claims(), shown.hidden) == (vector["processed"], vector["hidden"])
    if "nonce" not in vector:
        assert shown.binding is None
        return
    challenge = Challenge(audience=str(vector["audience"]), nonce=str(vector["nonce"]))
    made = datetime.fromtimestamp(float(str(vector["iat"])), UTC)
    assert check_binding(shown, challenge, made) == ""
    for other in (replace(challenge, nonce="1234567891"), replace(challenge, audience="https://else.example")):
        with pytest.raises(Refused, match="binding-mismatch"):
            check_binding(shown, other, made)
    for in_time in (made + timedelta(days=1), made - timedelta(minutes=1)):
        assert check_binding(shown, challenge, in_time) == ""
    for late in (made + timedelta(days=1, seconds=1), made - timedelta(seconds=61)):
        with pytest.raises(Refused, match="binding-expired"):
            check_binding(shown, challenge, late)


# --- a credential of our own -----------------------------------------------------------------------------------------


def test_what_is_shown_is_checked_and_told(
    credential: JsonObject, secure: Secure, asked: Material, now: datetime, signer: MemorySigner
) -> None:
    """Members and elements, nested, with a decoy: twelve checks, and how much stays hidden."""
    street = text("c2FsdC0x", "street", "Valgatan 1")
    address = text("c2FsdC0y", "address", {"country": "FI", "_sd": hidden(street)})
    second = text("c2FsdC0z", "NMC")
    grades: list[Json] = [{"...": digest_of(b"decoy")}, "A", {"...": digest_of(second)}]
    claims = {**with_subject(credential, _sd=hidden(address), grades=grades), "_sd_alg": "sha-256"}
    report = verify(secure(claims, address, second, street), at=now, now=now, material=asked)
    assert (report.verdict, report.outcome(), len(report.checks)) == ("valid", "verified", 12)
    assert report.credential is not None
    assert report.credential.media_type == "application/vc+sd-jwt"
    subject = report.credential.subject
    assert (subject["address"], subject["grades"]) == ({"country": "FI", "street": "Valgatan 1"}, ["A", "NMC"])
    told = {check.name: check for check in report.checks}
    assert "3 disclosed: /credentialSubject/grades/1" in told["disclosures"].detail
    assert "1 digest stays hidden" in told["disclosures"].detail
    assert (told["disclosures"].spec, told["key-binding"].code) == ("RFC 9901, 7.1", "not-asked-for")
    assert (told["disclosures"].outcome, told["algorithm"].detail) == ("passed", signer.alg)
    assert told["envelope"].spec == "VC-JOSE-COSE 3.2"
    fewer = verify(secure(claims), at=now, now=now, material=asked)
    assert (fewer.verdict, fewer.credential and "address" in fewer.credential.subject) == ("valid", False)


def test_whoever_does_not_ask_for_one_refuses_it(
    credential: JsonObject, secure: Secure, material: Material, now: datetime
) -> None:
    """In audits, imports and logins it counts nowhere, and nothing that it names is asked for."""
    octets = secure(credential)
    report = verify(octets, at=now, now=now, material=material)
    assert (*first_no(report), len(report.checks)) == ("invalid", "envelope", "selective-disclosure", 10)
    assert "ask its issuer for a vc+jwt" in report.checks[0].detail
    assert (needs(octets).issuer, needs(octets, selective=True).issuer) == (None, credential["issuer"])
    with pytest.raises(Refused, match="selective-disclosure"):
        parse_credential(octets)


def test_a_revoked_one_is_revoked_however_it_is_shown(
    credential: JsonObject, secure: Secure, asked: Material, listed: Secure, changes: Secure
) -> None:
    """Each presentation has a digest of its own; its place in the list is one."""
    now = NOW
    one = text("c2FsdC0x", "grade", "A")
    claims = with_subject(credential, _sd=hidden(one))
    whole = verify(secure(claims, one), at=now, now=now, material=asked)
    change = Change(digest=whole.digest, index=7, purpose="revocation", effective=now)
    gone = replace(asked, lists={LIST_URL: listed(7)}, changes={LIST_URL: changes(change)}, opened={})
    for texts in ((), (one,)):
        assert first_no(verify(secure(claims, *texts), at=now, now=now, material=gone))[1:] == ("status", "revoked")


def test_what_is_withheld_is_not_called_missing(
    credential: JsonObject, secure: Secure, asked: Material, now: datetime
) -> None:
    """A required value that is not shown may be among the hidden ones; what is shown and wrong is wrong."""

    def shape(_kind: str, document: JsonObject) -> list[Finding]:
        subject = document["credentialSubject"]
        assert isinstance(subject, dict)
        if "grade" not in subject:
            missing = Finding(code="missing-term", message="MaterialLot needs grade")
            return [missing, Finding(code="wrong-value", message="site")] if "site" in subject else [missing]
        return [] if subject["grade"] == "A" else [Finding(code="wrong-value", message="grade")]

    judge = replace(asked, check_shape=shape)
    good, bad = text("c2FsdC0x", "grade", "A"), text("c2FsdC0x", "grade", "B")
    claims = with_subject(credential, _sd=hidden(good, bad))
    assert verify(secure(claims, good), at=now, now=now, material=judge).verdict == "valid"
    assert first_no(verify(secure(claims), at=now, now=now, material=judge)) == ("indeterminate", "shape", "withheld")
    beside = with_subject(credential, _sd=hidden(good), site="nowhere")
    for wrong in (secure(claims, bad), secure(credential), secure(beside)):
        assert first_no(verify(wrong, at=now, now=now, material=judge))[:2] == ("invalid", "shape")


# --- attacks ---------------------------------------------------------------------------------------------------------

GRADE = text("c2FsdC0x", "grade", "A")
ENTRY = text("c2FsdC0x", {"type": "BitstringStatusListEntry"})


@pytest.mark.parametrize(
    "case",
    [
        ({}, {"_sd": hidden(GRADE, GRADE)}, (GRADE,), "duplicate-digest"),
        ({"_sd": hidden(GRADE)}, {"_sd": hidden(GRADE)}, (), "duplicate-digest"),
        ({}, {"_sd": hidden(GRADE), "list": [{"...": digest_of(GRADE)}]}, (), "duplicate-digest"),
        ({}, {"_sd": hidden(GRADE)}, (GRADE, GRADE), "duplicate-disclosure"),
        ({}, {}, (GRADE,), "disclosure-unreferenced"),
        ({}, {"_sd": hidden(GRADE)}, (GRADE, text("c2FsdC0x", "grade", "B")), "disclosure-unreferenced"),
        ({}, {"_sd": hidden(GRADE), "grade": "C"}, (GRADE,), "claim-exists"),
        ({}, {"_sd": hidden(GRADE, text("s", "grade", 2))}, (GRADE, text("s", "grade", 2)), "claim-exists"),
        ({}, {"_sd": hidden(text("s", "_sd", []))}, (text("s", "_sd", []),), "reserved-name"),
        ({}, {"_sd": hidden(text("s", "...", "x"))}, (text("s", "...", "x"),), "reserved-name"),
        ({}, {"_sd": hidden(text("s", "_sd_alg", "x"))}, (text("s", "_sd_alg", "x"),), "reserved-name"),
        ({}, {"...": "x"}, (), "reserved-name"),
        ({}, {"_sd_alg": "sha-256"}, (), "reserved-name"),
        ({}, {"list": [{"...": digest_of(GRADE), "beside": 1}]}, (), "reserved-name"),
        ({}, {"list": [{"...": 7}]}, (), "reserved-name"),
        ({}, {"_sd": digest_of(GRADE)}, (), "bad-digests"),
        ({}, {"_sd": [7]}, (), "bad-digests"),
        ({"_sd_alg": "sha-1"}, {}, (), "sd-alg-not-allowed"),
        ({"_sd_alg": "sha-512"}, {"_sd": hidden(GRADE)}, (GRADE,), "sd-alg-not-allowed"),
        ({"_sd_alg": None}, {}, (), "sd-alg-not-allowed"),
        ({}, {"_sd": hidden(text("s", "v"))}, (text("s", "v"),), "bad-disclosure"),
        ({}, {"list": [{"...": digest_of(GRADE)}]}, (GRADE,), "bad-disclosure"),
        ({}, {"_sd": hidden(text("s"))}, (text("s"),), "bad-disclosure"),
        ({}, {"_sd": hidden(text(1, "a", 2))}, (text(1, "a", 2),), "bad-disclosure"),
        ({}, {}, (base64url.encode(b'["s","a",{"b":1,"b":2}]'),), "bad-disclosure"),
        ({}, {}, (GRADE + b"=",), "bad-disclosure"),
        ({}, {}, (b"",), "bad-disclosure"),
        ({"credentialStatus": [{"...": digest_of(ENTRY)}]}, {}, (), "not-disclosable"),
        ({"credentialStatus": {"type": "BitstringStatusListEntry", "_sd": hidden(GRADE)}}, {}, (), "not-disclosable"),
        ({"issuer": {"id": "did:web:refiner.example", "_sd": hidden(GRADE)}}, {}, (), "not-disclosable"),
        ({"issuer": {"id": "did:web:refiner.example", "at": {"_sd": hidden(GRADE)}}}, {}, (), "not-disclosable"),
        ({"@context": [{"...": digest_of(ENTRY)}]}, {}, (), "not-disclosable"),
        ({"type": ["VerifiableCredential", {"...": digest_of(ENTRY)}]}, {}, (), "not-disclosable"),
        ({}, {"type": ["MaterialLot", {"...": digest_of(ENTRY)}]}, (), "not-disclosable"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(
    credential: JsonObject,
    secure: Secure,
    asked: Material,
    now: datetime,
    case: tuple[JsonObject, JsonObject, tuple[bytes, ...], str],
) -> None:
    """Bad input 68 and RFC 9901 section 7.1: each with its word, and nothing of what it says is judged any more."""
    members, subject, texts, code = case
    claims = {**with_subject(credential, **subject), **members}
    report = verify(secure(claims, *texts), at=now, now=now, material=asked)
    assert first_no(report) == ("invalid", "disclosures", code)
    assert report.outcome() == "bad-signature"
    assert {check.outcome for check in report.checks if check.step < 3} == {"passed"}
    assert {check.outcome for check in report.checks if 3 <= check.step <= 10} == {"skipped"}


@pytest.mark.parametrize(
    "name",
    [
        "@context", "type", "@type", "issuer", "validFrom", "validUntil", "credentialStatus", "credentialSchema", "iss",
        "nbf", "exp", "iat", "cnf", "status", "vct", "record", "proof", "vc", "vp", "relatedResource", "termsOfUse",
    ],
)  # fmt: skip
def test_what_a_credential_is_judged_by_is_no_choice_of_the_holder(
    credential: JsonObject, secure: Secure, asked: Material, now: datetime, name: str
) -> None:
    """RFC 9901 section 9.7, whatever stands in the clear."""
    one = text("c2FsdC0x", name, "x")
    clear = {key: value for key, value in credential.items() if key != name}
    report = verify(secure({**clear, "_sd": hidden(one)}, one), at=now, now=now, material=asked)
    assert first_no(report) == ("invalid", "disclosures", "not-disclosable")


def test_it_is_bounded(credential: JsonObject, secure: Secure, asked: Material, now: datetime) -> None:
    """Depth over nested disclosures, their number, their values, the octets: refused before it is walked."""
    inner, texts = "leaf", list[bytes]()
    below: JsonObject = {"leaf": inner}
    for _ in range(80):
        texts.append(text("c2FsdC0x", "below", below))
        below = {"_sd": hidden(texts[-1])}
    cases = {
        "too-deep": secure(with_subject(credential, **below), *texts),
        "too-long": secure(with_subject(credential, **{"n" * 3000: 1}), GRADE),
        "too-many-disclosures": secure(credential, *[GRADE] * (MAX_DISCLOSURES + 1)),
        "too-large": secure(credential, *[text("c2FsdC0x", [0] * 5000)] * 5),
    }
    for code, octets in cases.items():
        found = "too-deep" if code == "too-long" else code
        assert first_no(verify(octets, at=now, now=now, material=asked))[2] == found
    huge = secure(credential) + b"A" * LIMIT
    assert first_no(verify(huge, at=now, now=now, material=asked))[1:] == ("envelope", "too-large")


@pytest.mark.parametrize("typ", ["vc+jwt", "dc+sd-jwt", "kb+jwt", "vp+sd-jwt", "JWT", "application/sd-jwt"])
def test_another_kind_of_token_is_none(
    credential: JsonObject, secure: Secure, asked: Material, now: datetime, typ: str
) -> None:
    """RFC 8725 section 3.11. Nor is one without its last separator a credential of any form."""
    report = verify(secure(credential, typ=typ), at=now, now=now, material=asked)
    assert first_no(report) == ("invalid", "envelope", "bad-typ")
    bare = verify(secure(credential).rstrip(b"~"), at=now, now=now, material=asked)
    assert first_no(bare) == ("invalid", "envelope", "bad-typ")
    with pytest.raises(Refused, match="not-an-sd-jwt"):
        parse(secure(credential).rstrip(b"~"), LIMIT)


def test_a_changed_disclosure_or_signature_is_found(
    credential: JsonObject, secure: Secure, asked: Material, now: datetime
) -> None:
    """A disclosure that was changed has no digest; digests that were changed have no signature."""
    claims = with_subject(credential, _sd=hidden(GRADE))
    octets = secure(claims, GRADE)
    changed = octets.replace(GRADE, text("c2FsdC0x", "grade", "B"))
    assert first_no(verify(changed, at=now, now=now, material=asked))[1:] == ("disclosures", "disclosure-unreferenced")
    other = secure(with_subject(credential, _sd=hidden(text("c2FsdC0x", "grade", "B"))))
    swapped = b".".join([*other.split(b"~")[0].split(b".")[:2], octets.split(b"~")[0].split(b".")[2]]) + b"~"
    assert first_no(verify(swapped, at=now, now=now, material=asked))[1:] == ("signature", "bad-signature")


# --- key binding -----------------------------------------------------------------------------------------------------


def bound(
    presented: bytes, by: MemorySigner, now: datetime, changed: JsonObject | None = None, typ: str = "kb+jwt"
) -> bytes:
    """What a holder puts behind a presentation."""
    said: JsonObject = {
        "iat": int(now.timestamp()), "aud": ASKED.audience, "nonce": ASKED.nonce, "sd_hash": digest_of(presented),
        **(changed or {}),
    }  # fmt: skip
    signed = jose.signing_input({"alg": by.alg, "typ": typ}, orjson.dumps(said))
    return presented + jose.attach(signed, by.sign_now(signed))


def binding_of(report: Report) -> tuple[str, str]:
    """Outcome and code of the last check."""
    return next((check.outcome, check.code) for check in report.checks if check.name == "key-binding")


def test_a_key_binding_counts_for_whom_it_was_asked(
    credential: JsonObject, secure: Secure, asked: Material, now: datetime, holder: MemorySigner
) -> None:
    """Asked for, it has to be there and to fit; not asked for, it is told as not checked."""
    claims = {**with_subject(credential, _sd=hidden(GRADE)), "cnf": {"jwk": holder.public_jwk}}
    presented = secure(claims, GRADE)
    strict = replace(asked, challenge=ASKED)

    def judged(octets: bytes, material: Material) -> tuple[str, str, str]:
        report = verify(octets, at=now, now=now, material=material)
        return report.verdict, *binding_of(report)

    good = bound(presented, holder, now)
    assert judged(good, strict) == ("valid", "passed", "")
    assert judged(good, asked) == ("valid", "skipped", "not-asked-for")
    assert judged(presented, asked) == ("valid", "skipped", "not-asked-for")
    assert judged(presented, strict) == ("invalid", "failed", "no-key-binding")
    fewer = secure(claims)
    moved = fewer + good.rpartition(b"~")[2]
    for material in (strict, asked):
        assert judged(moved, material) == ("invalid", "failed", "sd-hash-mismatch")
        stranger = signer_from_seed(b"stranger", "ES256", "did:web:holder.example#key-1")
        assert judged(bound(presented, stranger, now), material) == ("invalid", "failed", "bad-signature")
    cases: list[tuple[JsonObject, str]] = [
        ({"aud": "did:web:else.example"}, "binding-mismatch"),
        ({"aud": [ASKED.audience]}, "binding-mismatch"),
        ({"nonce": "another"}, "binding-mismatch"),
        ({"iat": int((now - timedelta(days=2)).timestamp())}, "binding-expired"),
        ({"iat": int((now + timedelta(hours=1)).timestamp())}, "binding-expired"),
        ({"iat": "now"}, "bad-time"),
        ({"iat": True}, "bad-time"),
        ({"exp": int(now.timestamp()) - 61}, "binding-expired"),
        ({"nbf": int(now.timestamp()) + 61}, "binding-expired"),
        ({"exp": "tomorrow"}, "bad-time"),
        ({"sd_hash": None}, "sd-hash-mismatch"),
    ]
    for changed, code in cases:
        assert judged(bound(presented, holder, now, changed), strict) == ("invalid", "failed", code)
    for half in (Challenge(audience=ASKED.audience), Challenge(nonce=ASKED.nonce)):
        assert judged(good, replace(asked, challenge=half)) == ("invalid", "failed", "binding-mismatch")
    for missing in ("aud", "nonce"):
        assert judged(bound(presented, holder, now, {missing: None}), strict)[2] == "binding-mismatch"
    moment = now.timestamp()
    fine: list[JsonObject] = [{"iat": moment - 0.5}, {"exp": moment - 59, "nbf": moment + 59}]  # RFC 7519 section 2
    for changed in fine:
        assert judged(bound(presented, holder, now, changed), strict) == ("valid", "passed", "")


def test_whose_key_it_is_says_the_issuer(
    credential: JsonObject, secure: Secure, asked: Material, now: datetime, holder: MemorySigner
) -> None:
    """No key: refused. One that we do not read: could not be checked. Another kind of token: refused."""
    strict = replace(asked, challenge=ASKED)

    def judged(claims: JsonObject, material: Material, typ: str = "kb+jwt") -> tuple[str, str, str]:
        return first_no(
            verify(bound(secure(claims), holder, now, typ=typ), at=now, now=now, material=material)
        )  # fmt: skip

    assert judged(credential, strict) == ("invalid", "key-binding", "no-holder-key")
    kid = "did:web:holder.example#key-1"
    unread: list[JsonObject] = [{"kid": kid}, {"jwk": holder.public_jwk, "kid": kid}]
    for cnf in unread:
        octets = bound(secure({**credential, "cnf": cnf}), holder, now)
        for material, outcome in ((strict, "unchecked"), (asked, "skipped")):
            report = verify(octets, at=now, now=now, material=material)
            assert binding_of(report) == (outcome, "holder-key-unsupported")
            assert report.verdict == ("valid" if material is asked else "indeterminate")
    own: JsonObject = {**credential, "cnf": {"jwk": holder.public_jwk}}
    for typ in ("vc+jwt", "vc+sd-jwt", "JWT"):
        assert judged(own, strict, typ) == ("invalid", "envelope", "bad-typ")


def test_what_it_says_is_told_with_its_pointers(credential: JsonObject, secure: Secure) -> None:
    """A name with a slash or a tilde is one step of a pointer (RFC 6901)."""
    one = text("c2FsdC0x", "a/b~c", 1)
    shown = parse(secure(with_subject(credential, _sd=hidden(one)), one), LIMIT)
    assert isinstance(shown, SdJwt)
    assert [*shown.places] == ["/credentialSubject/a~1b~0c"]
