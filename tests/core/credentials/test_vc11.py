"""Credentials and presentations of VC Data Model 1.1: read as those of 2.0, and no way to be two things at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from connector.credentials import jose
from connector.credentials.datamodel import RecordHeader, StatusEntry, credential_payload, parse_credential
from connector.credentials.did import DidDocument
from connector.credentials.issue import attach, prepare_older
from connector.credentials.presentation import bound_to, presentation_input, verify_presentation
from connector.credentials.refused import Refused
from connector.credentials.status_list import encode_list
from connector.credentials.token import peek
from connector.credentials.verify import Material, Report, needs, verify
from connector.keys.memory import MemorySigner
from connector.model import Did, JsonObject
from tests.core.credentials.conftest import LIST_URL, REFINER, VECTORS

CARMAKER = Did("did:web:cars.example")
OTHER = Did("did:web:other.example")
MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)
Forge = Callable[[MemorySigner, JsonObject, bytes], bytes]
Sign = Callable[[dict[str, Any]], bytes]
_FILE = json.loads((VECTORS / "vc11.json").read_text("utf-8"))
CASES: list[dict[str, Any]] = _FILE["cases"]
_GOOD = CASES[0]


def claims_of(case: dict[str, Any]) -> JsonObject:
    """The claims of the file, changed as the case says; of the registered ones null takes away."""
    claims, stated = {**_FILE["claims"], **case.get("claims", {})}, {**_FILE["claims"]["vc"], **case.get("vc", {})}
    if "status" in case:
        stated["credentialStatus"] = {**stated["credentialStatus"], "type": case["status"]}
    stated = {name: value for name, value in stated.items() if name not in case.get("without", [])}
    if isinstance(claims["vc"], dict):
        claims["vc"] = stated
    return {name: value for name, value in claims.items() if value is not None}


@pytest.fixture
def issued11(signer: MemorySigner, forged: Forge) -> Sign:
    """The refiner signs such a case."""

    def sign(case: dict[str, Any]) -> bytes:
        header: JsonObject = {"alg": signer.alg, "kid": signer.key_id, "typ": case.get("typ", "JWT")}
        return forged(signer, header, orjson.dumps(claims_of(case)))

    return sign


@pytest.fixture
def trusting(material: Material) -> Material:
    """Whoever takes the refiner for the dataspace's membership body."""
    return replace(material, trusted_issuers={"MembershipCredential": {REFINER}})


def code(report: Report) -> str:
    return next((one.code for one in report.checks if one.outcome in {"failed", "unchecked"}), "")


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["case"]))
def test_a_credential_of_1_1_is_judged(issued11: Sign, trusting: Material, now: datetime, case: dict[str, Any]) -> None:
    """Each case by itself; what only departs from the data model counts under the unsafe setting alone."""
    octets = issued11(case)
    report = verify(octets, at=now, now=now, material=trusting)
    verdict = {"": "valid", "status-unsupported": "indeterminate"}.get(case["code"], "invalid")
    assert (code(report), report.verdict) == (case["code"], verdict), report.checks
    if report.verdict == "valid":
        assert (report.checks[0].spec, report.checks[-1].code) == ("VC Data Model 1.1, 6.3.1", "no-shape")
    unsafe = verify(octets, at=now, now=now, material=replace(trusting, nonconforming=True))
    assert code(unsafe) == ("" if case.get("departs") else case["code"]), unsafe.checks


@pytest.mark.parametrize("member", ["@context", "type", "issuer", "credentialSubject", "validFrom", "validUntil", "vp"])
def test_a_member_of_2_0_beside_the_vc_claim_is_a_contradiction(
    issued11: Sign, trusting: Material, now: datetime, member: str
) -> None:
    """Each of these alone: somebody is to read one thing, and somebody else another."""
    report = verify(issued11({"claims": {member: []}}), at=now, now=now, material=trusting)
    assert (code(report), report.verdict) == ("bad-credential", "invalid")


@pytest.mark.parametrize("case", _FILE["untyped_cases"], ids=lambda case: str(case["case"]))
def test_a_token_without_typ_is_what_it_says(
    *, signer: MemorySigner, forged: Forge, trusting: Material, now: datetime, case: dict[str, Any]
) -> None:  # fmt: skip
    """A credential of 2.0 or none; it is read as if it had the type, and may end sooner by `exp`, never later."""
    claims = {name: said for name, said in {**_FILE["untyped"], **case.get("claims", {})}.items() if said is not None}
    header: JsonObject = {"alg": signer.alg, "kid": signer.key_id}
    octets = forged(signer, header | ({"typ": case["typ"]} if "typ" in case else {}), orjson.dumps(claims))
    report = verify(octets, at=now, now=now, material=replace(trusting, check_shape=None))
    verdict = {"": "valid", "status-unsupported": "indeterminate"}.get(case["code"], "invalid")
    assert (code(report), report.verdict) == (case["code"], verdict), report.checks
    if not case["code"]:
        credential = parse_credential(octets)
        assert credential.subject["id"] == CARMAKER
        assert bound_to(credential.payload, CARMAKER)
    as_token = forged(signer, header, orjson.dumps({**claims, "iss": REFINER, "sub": REFINER, "aud": CARMAKER}))
    with pytest.raises(Refused, match="is not a token"):
        peek(as_token)


def test_it_is_read_as_one_of_2_0(issued11: Sign, trusting: Material, now: datetime) -> None:
    """By what the subject says, with no member that 1.1 does not have, and no shape of ours."""
    octets = issued11({"case": "", "vc": {"record": {"id": "x"}}})
    report = verify(octets, at=now, now=now, material=trusting)
    credential = report.credential
    assert credential is not None
    assert set(credential.payload) == {
        "@context", "id", "type", "issuer", "validFrom", "validUntil", "credentialSubject", "credentialStatus"
    }  # fmt: skip
    assert credential.subject == _FILE["claims"]["vc"]["credentialSubject"]
    assert credential.valid_from == now.replace(day=14, microsecond=123456)
    assert [one.outcome for one in report.checks] == ["passed"] * 9 + ["skipped"]
    assert [one.spec for one in report.checks][2] == "VC Data Model 1.1, 4.1"
    assert needs(octets).status_lists == (LIST_URL,)
    only_sub = parse_credential(issued11({"case": "", "vc": {"credentialSubject": {"memberOf": "x"}}}))
    assert only_sub.subject["id"] == CARMAKER
    assert parse_credential(issued11({"case": "", "without": ["id"]})).payload["id"] == _FILE["claims"]["jti"]


@pytest.mark.parametrize("bits", [(), (7,)])
@pytest.mark.parametrize("change", ["", "+/", "padded"])
def test_a_status_list_of_2021_is_read(
    *, issued11: Sign, forged: Forge, signer: MemorySigner, trusting: Material, now: datetime,
    bits: tuple[int, ...], change: str,
) -> None:  # fmt: skip
    """A JWT of 1.1 like the credential, its bits without a multibase prefix, in either alphabet."""
    text = encode_list(bits)[1:]
    text = text.translate(str.maketrans("-_", "+/")) if change else text
    text += "=" * (-len(text) % 4) if change == "padded" else ""
    subject: JsonObject = {
        "id": f"{LIST_URL}#list",
        "type": "StatusList2021",
        "statusPurpose": "revocation",
        "encodedList": text,
    }
    stated: JsonObject = {
        "@context": ["https://www.w3.org/2018/credentials/v1", "https://w3id.org/vc/status-list/2021/v1"],
        "id": LIST_URL, "type": ["VerifiableCredential", "StatusList2021Credential"], "issuer": REFINER,
        "issuanceDate": "2027-03-14T09:00:00Z", "credentialSubject": subject,
    }  # fmt: skip

    def found(claims: JsonObject) -> str:
        lists = {LIST_URL: forged(signer, {"alg": signer.alg, "kid": signer.key_id}, orjson.dumps(claims))}
        material = replace(trusting, lists=lists, opened={})
        return code(verify(issued11(_GOOD), at=now, now=now, material=material))

    assert found({"iss": REFINER, "jti": LIST_URL, "vc": stated}) == ("revoked" if bits else "")
    assert found({"iss": REFINER, "jti": "urn:x", "vc": stated}) == ("revoked" if bits else "")
    assert found({"iss": REFINER, "vc": {**stated, "id": "urn:x"}}) == "status-unreachable"
    assert found({"iss": REFINER, "vc": {**stated, "type": ["VerifiableCredential"]}}) == "status-unreachable"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, "revoked"),
        ({"id": "https://refiner.example/status/1"}, "status-unreachable"),
        ({"type": ["VerifiableCredential", "MembershipCredential"]}, "status-unreachable"),
        ({"issuer": OTHER}, "status-unreachable"),
    ],
)
def test_a_status_list_of_eclipse_s_issuer_is_read(
    *, issued11: Sign, forged: Forge, signer: MemorySigner, trusting: Material, now: datetime,
    change: JsonObject, expected: str,
) -> None:  # fmt: skip
    """It names no address and has the subject's type alone; one that names another or is something else is none."""
    claims: JsonObject = {**_FILE["list"], "vc": {**_FILE["list"]["vc"], **change}}
    stated = claims["vc"]
    assert isinstance(stated, dict)
    subject = stated["credentialSubject"]
    assert isinstance(subject, dict)
    subject["encodedList"] = encode_list([7])
    lists = {LIST_URL: forged(signer, {"alg": signer.alg, "kid": signer.key_id}, orjson.dumps(claims))}
    assert (
        code(verify(issued11(_GOOD), at=now, now=now, material=replace(trusting, lists=lists, opened={}))) == expected
    )


def shown(prover: MemorySigner, now: datetime, credentials: list[bytes]) -> bytes:
    text = presentation_input(
        audience=CARMAKER, credentials=credentials, key_id=prover.key_id, alg=prover.alg, jti="urn:uuid:2", now=now,
        lifetime_seconds=60, older=True,
    )  # fmt: skip
    return jose.attach(text, prover.sign_now(text))


def test_what_we_show_of_1_1_has_the_older_form(document: DidDocument, prover: MemorySigner, now: datetime) -> None:
    """A `vp` claim with plain tokens, for one verifier; and it reads back."""
    token = shown(prover, now, [b"a.b.c", b"d.e.f"])
    jws = jose.parse(token, 1 << 20)
    said = jws.claims()
    assert jws.header == {"alg": prover.alg, "kid": prover.key_id, "typ": "JWT"}
    assert said == {
        "iss": REFINER, "sub": REFINER, "aud": CARMAKER, "jti": "urn:uuid:2", "iat": 1805101200, "nbf": 1805101200,
        "exp": 1805101260,
        "vp": {
            "@context": ["https://www.w3.org/2018/credentials/v1"], "id": "urn:uuid:2",
            "type": ["VerifiablePresentation"], "holder": REFINER, "verifiableCredential": ["a.b.c", "d.e.f"],
        },
    }  # fmt: skip
    read = verify_presentation(token, document, holder=REFINER, audience=CARMAKER, now=now, leeway_seconds=20)
    assert (read.holder, read.credentials) == (REFINER, (b"a.b.c", b"d.e.f"))


@pytest.mark.parametrize(
    ("claims", "inside", "reason"),
    [
        ({}, {"@context": None, "holder": None, "type": "VerifiablePresentation"}, ""),  # a real kit's form
        ({}, {"@context": ["https://www.w3.org/ns/credentials/v2"]}, "bad-presentation"),
        ({}, {"@context": "https://www.w3.org/2018/credentials/v1"}, "bad-presentation"),
        ({}, {"type": ["VerifiableCredential"]}, "bad-presentation"),
        ({}, {"holder": OTHER}, "holder-binding"),
        ({"iss": OTHER}, {}, "holder-binding"),
        ({"aud": OTHER}, {}, "audience-mismatch"),
        ({"aud": [CARMAKER, OTHER]}, {}, "audience-mismatch"),
        ({"exp": 1805101180}, {}, "expired"),
        ({"nbf": 1805101221}, {}, "not-yet-valid"),
        ({"jti": None}, {}, "bad-jti"),
        ({"vc": {}}, {}, "bad-presentation"),
        ({"verifiableCredential": ["a.b.c"]}, {}, "bad-presentation"),
        ({"holder": OTHER}, {}, "bad-presentation"),
        ({"@context": []}, {}, "bad-presentation"),
        ({"type": "VerifiablePresentation"}, {}, "bad-presentation"),
        ({}, {"verifiableCredential": ["x"] * 17}, "too-many-credentials"),
        ({}, {"verifiableCredential": [{"id": "urn:x"}]}, "bad-presentation"),
        ({"vp": "x"}, {}, "bad-typ"),
    ],
)
def test_presentations_of_1_1_are_checked(
    *, document: DidDocument, prover: MemorySigner, now: datetime, claims: JsonObject, inside: JsonObject, reason: str
) -> None:
    """The holder's, for us alone, now, and no second presentation beside it."""
    jws = jose.parse(shown(prover, now, [b"a.b.c"]), 1 << 20)
    said = jws.claims()
    kept = said["vp"]
    assert isinstance(kept, dict)
    said["vp"] = {name: value for name, value in {**kept, **inside}.items() if value is not None}
    said |= claims
    text = jose.signing_input(jws.header, orjson.dumps(said))
    token = jose.attach(text, prover.sign_now(text))
    found = ""
    try:
        verify_presentation(token, document, holder=REFINER, audience=CARMAKER, now=now, leeway_seconds=20)
    except Refused as error:
        found = error.reason
    assert found == reason


@pytest.mark.parametrize("typ", ["vp+jwt", "vc+jwt", "at+jwt", "kb+jwt"])
def test_a_presentation_of_1_1_has_no_other_type(
    document: DidDocument, prover: MemorySigner, now: datetime, typ: str
) -> None:
    """RFC 8725 section 3.11: a token that says what it is counts as that, whatever claim it holds."""
    jws = jose.parse(shown(prover, now, [b"a.b.c"]), 1 << 20)
    text = jose.signing_input({**jws.header, "typ": typ}, jws.payload)
    with pytest.raises(Refused, match=r"^bad-(typ|presentation): "):
        verify_presentation(
            jose.attach(text, prover.sign_now(text)), document, holder=REFINER, audience=CARMAKER, now=now,
            leeway_seconds=20,
        )  # fmt: skip


def test_keys_and_forms_do_not_stand_in_for_each_other(
    *, document: DidDocument, signer: MemorySigner, prover: MemorySigner, issued11: Sign,
    trusting: Material, forged: Forge, now: datetime,
) -> None:  # fmt: skip
    """All are JWTs of one party for one verifier: a credential needs the one key, presentation and token the other."""
    for octets in (issued11(_GOOD), shown(prover, now, [])):
        with pytest.raises(Refused, match="is not a token"):
            peek(octets)
    with pytest.raises(Refused, match="bad-typ"):
        verify_presentation(issued11(_GOOD), document, holder=REFINER, audience=CARMAKER, now=now, leeway_seconds=20)
    by_prover = forged(prover, {"alg": prover.alg, "kid": prover.key_id}, orjson.dumps(claims_of(_GOOD)))
    assert code(verify(by_prover, at=now, now=now, material=trusting)) == "relationship-missing"
    assert code(verify(shown(prover, now, []), at=now, now=now, material=trusting)) == "bad-typ"
    tomorrow = now + timedelta(days=2)
    assert code(verify(issued11(_GOOD), at=tomorrow, now=tomorrow, material=trusting)) == "expired"


@pytest.mark.parametrize("ends", [None, MOMENT + timedelta(days=30)])
def test_ours_in_the_older_model_says_the_same(signer: MemorySigner, ends: datetime | None) -> None:
    """Signed as 1.1 and read again: type, subject, times, status; `sub`, `jti`, `nbf` and `exp` agree with them."""
    payload = credential_payload(
        context="https://example.com/v1", credential_type="MembershipCredential", issuer=REFINER, valid_from=MOMENT,
        valid_until=ends, subject={"id": CARMAKER, "memberOf": "Register"},
        record=RecordHeader(id="urn:uuid:1", version=1, access_class="PUB", level="item"),
        status=[StatusEntry(purpose="revocation", index=7, list_url=LIST_URL)],
    )  # fmt: skip
    unsigned = prepare_older(payload, key_id=signer.key_id, alg=signer.alg)
    octets = attach(unsigned, signer.sign_now(unsigned)).octets
    assert jose.parse(octets, 10_000).header == {"alg": signer.alg, "kid": signer.key_id, "typ": "JWT"}
    claims = jose.parse(octets, 10_000).claims()
    listed = ["https://www.w3.org/2018/credentials/v1", "https://example.com/v1"]
    until: JsonObject = {} if ends is None else {"expirationDate": "2026-03-31T12:00:00Z"}
    assert claims.pop("vc") == {
        "@context": listed, "id": "urn:uuid:1", "type": ["VerifiableCredential", "MembershipCredential"],
        "issuer": REFINER, "issuanceDate": "2026-03-01T12:00:00Z", **until,
        "credentialStatus": payload["credentialStatus"], "credentialSubject": payload["credentialSubject"],
    }, "in full: other readers than ours take nothing from the registered claims"  # fmt: skip
    second = int(MOMENT.timestamp())
    ending: JsonObject = {} if ends is None else {"exp": second + 30 * 86400}
    assert claims == {"iss": REFINER, "sub": CARMAKER, "jti": "urn:uuid:1", "nbf": second, **ending}
    read = parse_credential(octets)
    assert (read.issuer, read.types) == (REFINER, ("VerifiableCredential", "MembershipCredential"))
    assert (read.valid_from, read.valid_until, read.contradiction) == (MOMENT, ends, "")
    assert read.subject == {"id": CARMAKER, "memberOf": "Register"}
    assert read.payload["id"] == "urn:uuid:1"
    assert read.status == (StatusEntry(purpose="revocation", index=7, list_url=LIST_URL),)
    with pytest.raises(Refused):
        prepare_older({**payload, "issuer": OTHER}, key_id=signer.key_id, alg=signer.alg)
