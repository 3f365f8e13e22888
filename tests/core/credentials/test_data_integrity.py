"""Credentials with a proof inside: others' vectors, and every way of saying something that nobody signed.

The numbered checks, which both ways of securing share, stand in `test_verify` and its neighbours.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from connector.credentials import data_integrity, issue
from connector.credentials.canonical import canonical
from connector.credentials.data_integrity import hash_data, parse, proof_config
from connector.credentials.datamodel import VC_CONTEXT, parse_credential
from connector.credentials.did import DidDocument, parse_document
from connector.credentials.multikey import encode_base58, key_from_multikey
from connector.credentials.refused import Refused
from connector.credentials.securing import as_served, media_type_of, suffix_of
from connector.credentials.verify import Material, Report, needs, verify
from connector.keys.memory import MemorySigner
from connector.model import Did, Json, JsonObject
from tests.core.credentials.conftest import OURS, REFINER, VECTORS
from tests.core.credentials.judging import first_no

LABORATORY = Did("did:web:laboratory.example")
LIMIT = 1 << 20
W3C = json.loads((VECTORS / "w3c-proofs.json").read_text("utf-8"))["vectors"]
OTHERS = json.loads((VECTORS / "others-proofs.json").read_text("utf-8"))["vectors"]
MADE = datetime(2027, 3, 2, tzinfo=UTC)

Sign = Callable[..., bytes]


def laboratory(vector: JsonObject, **method: Json) -> DidDocument:
    """The DID document of the one who signed the vector, with its key as Multikey, or as told."""
    key_id = f"{LABORATORY}#{vector['name']}"
    listed: JsonObject = {
        "id": key_id, "type": "Multikey", "controller": LABORATORY, "publicKeyMultibase": vector["multikey"]
    }  # fmt: skip
    listed |= method
    return parse_document(
        orjson.dumps({"id": LABORATORY, "verificationMethod": [listed], "assertionMethod": [key_id]}),
    )


def judged(octets: bytes, document: DidDocument) -> Report:
    material = Material(
        documents={LABORATORY: document}, trusted_issuers=None, check_shape=None,
        contexts=(VC_CONTEXT, "https://w3id.org/battery-connector/v1/context/1.0.0.jsonld", OURS),
    )  # fmt: skip
    return verify(octets, at=MADE, now=MADE, material=material)


# --- what others signed ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", W3C, ids=lambda vector: str(vector["name"]))
def test_the_vectors_of_the_standards(vector: JsonObject) -> None:
    """Their signatures hold with their keys, and with no other one."""
    proof = parse(orjson.dumps(vector["credential"]), LIMIT)
    data_integrity.verify(proof, key_from_multikey(str(vector["multikey"])))
    for other in W3C:
        if other is not vector:
            with pytest.raises(Refused, match=r"alg-key-mismatch|bad-signature"):
                data_integrity.verify(proof, key_from_multikey(other["multikey"]))


@pytest.mark.parametrize("vector", OTHERS, ids=lambda vector: str(vector["name"]))
def test_what_another_implementation_signed_is_valid(vector: JsonObject) -> None:
    """Emoji keys, small and large numbers, control characters; laid out as people do; Multikey and JsonWebKey alike."""
    octets = as_served(json.dumps(vector["credential"], indent=2).encode(), LIMIT)
    jwk = key_from_multikey(str(vector["multikey"])).as_jwk()
    as_jwk = laboratory(vector, type="JsonWebKey", publicKeyJwk=jwk)
    for document in (laboratory(vector), as_jwk):
        report = judged(octets, document)
        expected = "valid" if document is not as_jwk else "invalid"  # a method with two keys means neither
        assert report.verdict == expected
    listed: JsonObject = {"id": f"{LABORATORY}#{vector['name']}", "type": "JsonWebKey", "controller": LABORATORY}
    alone = {"id": LABORATORY, "assertionMethod": [{**listed, "publicKeyJwk": jwk}]}
    report = judged(octets, parse_document(orjson.dumps(alone)))
    assert report.verdict == "valid"
    assert report.credential is not None
    assert (report.credential.media_type, "proof" in report.credential.payload) == ("application/vc", False)
    assert {check.spec for check in report.checks if check.name in {"envelope", "algorithm", "signature"}} == {
        "VC Data Integrity 1.0, 2.1", "VC Data Integrity 1.0, 3.1", "VC Data Integrity 1.0, 4.4"
    }  # fmt: skip


def test_a_proof_of_ours_says_how_and_when_it_was_made() -> None:
    """With the contexts of what it secures, where that has any; what is no JSON has no proof at all."""
    made: JsonObject = {
        "type": "DataIntegrityProof", "cryptosuite": "eddsa-jcs-2022", "created": "2027-03-15T09:00:00Z",
        "verificationMethod": "did:web:a#1", "proofPurpose": "assertionMethod",
    }  # fmt: skip
    documents: tuple[JsonObject, ...] = ({}, {"@context": [VC_CONTEXT]})
    for document in documents:
        told = proof_config(document, suite="eddsa-jcs-2022", key_id="did:web:a#1", created="2027-03-15T09:00:00Z")
        assert told == {**document, **made}
    with pytest.raises(Refused, match=r"^bad-json: "):
        parse(b'{"proof":', LIMIT)


# --- signed, and yet no credential -----------------------------------------------------------------------------------


@pytest.fixture
def signed(signer: MemorySigner, now: datetime) -> Sign:
    """Signs as the refiner whatever proof it is told to make: what a hostile issuer, or a stolen proof, could say."""

    def sign(credential: JsonObject, without: str = "", **changed: Json) -> bytes:
        config = proof_config(
            credential, suite=issue.SUITES[signer.alg], key_id=signer.key_id, created="2027-03-15T09:00:00Z"
        )  # fmt: skip
        config = {name: value for name, value in {**config, **changed}.items() if name != without}
        return data_integrity.attach(credential, config, signer.sign_now(hash_data(config, credential)))

    return sign


@pytest.mark.parametrize(
    ("changed", "check", "code"),
    [
        ({"proofPurpose": "authentication"}, "envelope", "proof-purpose-mismatch"),
        ({"proofPurpose": "assertion"}, "envelope", "proof-purpose-mismatch"),
        ({"domain": "other.example"}, "envelope", "domain-mismatch"),
        ({"domain": []}, "envelope", "domain-mismatch"),
        ({"challenge": "abc"}, "envelope", "challenge-mismatch"),
        ({"challenge": ""}, "envelope", "challenge-mismatch"),
        ({"@context": [VC_CONTEXT]}, "envelope", "context-mismatch"),
        ({"@context": VC_CONTEXT}, "envelope", "context-mismatch"),
        ({"@context": []}, "envelope", "context-mismatch"),
        ({"@context": None}, "envelope", "context-mismatch"),
        ({"nonce": {"@context": {"a": "b"}}}, "envelope", "bad-proof"),
        ({"nonce": [{"@context": {"a": "b"}}]}, "envelope", "bad-proof"),
        ({"nonce": 1}, "envelope", "bad-proof"),
        ({"verificationMethod": {"id": "did:web:refiner.example#assertion-1"}}, "envelope", "bad-proof"),
        ({"verificationMethod": ["did:web:refiner.example#assertion-1"]}, "envelope", "bad-proof"),
        ({"verificationMethod": "did:web:other.example#assertion-1"}, "key", "foreign-key"),
        ({"verificationMethod": "did:web:refiner.example"}, "key", "foreign-key"),
        ({"verificationMethod": "did:web:refiner.example#other"}, "key", "method-not-found"),
        ({"verificationMethod": "did:web:refiner.example#authentication-1"}, "key", "relationship-missing"),
        ({"created": "2027-03-15"}, "data-model", "bad-time"),
        ({"created": "2027-03-15T09:00:00"}, "data-model", "bad-time"),
        ({"created": ["2027-03-15T09:00:00Z"]}, "data-model", "bad-credential"),
        ({"expires": "soon"}, "data-model", "bad-time"),
        ({"expires": "2027-03-15T08:59:59Z"}, "validity", "expired"),
        ({"type": ["DataIntegrityProof"]}, "envelope", "bad-proof"),
        ({"cryptosuite": ["eddsa-jcs-2022"]}, "envelope", "bad-proof"),
    ],
)
def test_a_good_signature_under_a_wrong_proof_is_refused(
    *,
    signed: Sign,
    credential: JsonObject,
    material: Material,
    now: datetime,
    changed: JsonObject,
    check: str,
    code: str,
) -> None:
    """Another purpose, domain or challenge; contexts that nobody signed; another's key; a time that is none or over."""
    report = verify(signed(credential, **changed), at=now, now=now, material=material)
    assert first_no(report) == ("invalid", check, code)


@pytest.mark.parametrize("name", ["type", "cryptosuite", "verificationMethod", "proofPurpose"])
def test_a_proof_without_what_it_needs_is_refused(
    *, signed: Sign, credential: JsonObject, material: Material, now: datetime, name: str
) -> None:
    """Data Integrity 1.0 section 2.1: required members."""
    report = verify(signed(credential, without=name), at=now, now=now, material=material)
    assert report.verdict == "invalid"
    assert report.checks[0].outcome == "failed"


def test_what_a_proof_may_leave_out_or_add(
    signed: Sign, credential: JsonObject, material: Material, now: datetime
) -> None:
    """`created` and the contexts are optional; a later end, a nonce and an id of the proof take nothing away."""
    for octets in (
        signed(credential, without="created"),
        signed(credential, without="@context"),
        signed(credential, expires="2027-03-15T09:00:00Z", nonce="n", id="urn:uuid:2"),
    ):
        assert verify(octets, at=now, now=now, material=material).verdict == "valid"


def test_the_earlier_end_counts(signed: Sign, credential: JsonObject, material: Material, now: datetime) -> None:
    """Of the credential and of its proof, whichever comes first."""
    soon, late = "2027-03-15T10:00:00Z", "2027-04-15T09:00:00Z"
    for octets in (
        signed({**credential, "validUntil": late}, expires=soon),
        signed({**credential, "validUntil": soon}, expires=late),
    ):
        assert verify(octets, at=now, now=now, material=material).verdict == "valid"
        later = now + timedelta(hours=2)
        assert first_no(verify(octets, at=later, now=now, material=material)) == ("invalid", "validity", "expired")
    beyond = signed(credential, expires="0001-01-01T00:00:00+14:00")
    assert first_no(verify(beyond, at=now, now=now, material=material)) == ("invalid", "data-model", "bad-time")


@pytest.mark.parametrize("added", [OURS, "https://www.w3.org/ns/credentials/v2", {"a": "b"}])
def test_a_context_added_after_signing_is_refused(
    *, signed: Sign, credential: JsonObject, material: Material, now: datetime, added: Json
) -> None:
    """vc-di-eddsa section 3.3.2 would let it pass: the signature covers the contexts of the proof alone."""
    short = orjson.loads(signed({**credential, "@context": [VC_CONTEXT]}))
    assert verify(canonical(short), at=now, now=now, material=material).verdict == "valid"
    grown = canonical({**short, "@context": [VC_CONTEXT, added]})
    assert first_no(verify(grown, at=now, now=now, material=material)) == ("invalid", "envelope", "context-mismatch")


@pytest.mark.parametrize("without", ["", "@context"])
def test_a_context_further_inside_is_refused(
    *, signed: Sign, credential: JsonObject, material: Material, now: datetime, without: str
) -> None:
    """Whether the proof names contexts as well or not."""
    inner: JsonObject = {"id": "urn:uuid:1", "parts": [{"@context": {"a": "b"}}]}
    report = verify(signed({**credential, "credentialSubject": inner}, without), at=now, now=now, material=material)
    assert first_no(report) == ("invalid", "contexts", "context-error")


# --- what we cannot check --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"cryptosuite": "eddsa-rdfc-2022"}, "cryptosuite-unsupported"),
        ({"cryptosuite": "ecdsa-rdfc-2019"}, "cryptosuite-unsupported"),
        ({"cryptosuite": "ecdsa-sd-2023"}, "cryptosuite-unsupported"),
        ({"cryptosuite": "EDDSA-JCS-2022"}, "cryptosuite-unsupported"),
        ({"cryptosuite": ""}, "cryptosuite-unsupported"),
        ({"type": "Ed25519Signature2020"}, "proof-type-unsupported"),
        ({"previousProof": "urn:uuid:1"}, "proof-chain-unsupported"),
    ],
)
def test_what_we_do_not_read_is_left_open(
    *, signed: Sign, credential: JsonObject, material: Material, now: datetime, changed: JsonObject, code: str
) -> None:
    """Neither good nor bad, and nothing is fetched for it."""
    octets = signed(credential, **changed)
    report = verify(octets, at=now, now=now, material=material)
    assert first_no(report) == ("indeterminate", "algorithm", code)
    assert report.outcome() == "unchecked"
    assert needs(octets).issuer is None
    passed = [check.name for check in report.checks if check.outcome == "passed"]
    assert passed == ["envelope"], "nothing else is said of it"


def test_several_proofs_are_left_open(signed: Sign, credential: JsonObject, material: Material, now: datetime) -> None:
    """One in a list as well: nothing signs that it is the only one."""
    whole = orjson.loads(signed(credential))
    for proofs in ([whole["proof"]], [whole["proof"], whole["proof"]], []):
        report = verify(canonical({**whole, "proof": proofs}), at=now, now=now, material=material)
        assert first_no(report) == ("indeterminate", "algorithm", "proof-set-unsupported")


@pytest.mark.parametrize("proof", ["x", 7, None, True])
def test_a_proof_that_is_no_object_is_none(
    *, signed: Sign, credential: JsonObject, material: Material, now: datetime, proof: Json
) -> None:
    """Said as such, for files of any making."""
    octets = canonical({**orjson.loads(signed(credential)), "proof": proof})
    assert first_no(verify(octets, at=now, now=now, material=material)) == ("invalid", "envelope", "no-proof")


# --- texts that two readers could read differently -------------------------------------------------------------------


def test_one_statement_has_one_text(signed: Sign, credential: JsonObject, material: Material, now: datetime) -> None:
    """Laid out, ordered or escaped otherwise, numbers spelt otherwise: the digest would be another one."""
    octets = signed({**credential, "credentialSubject": {"id": "urn:uuid:1", "n": 1, "name": "a/é"}})
    assert verify(octets, at=now, now=now, material=material).verdict == "valid"
    whole = orjson.loads(octets)
    odd = [
        orjson.dumps(whole, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS),
        orjson.dumps(dict(reversed(whole.items()))),
        octets + b"\n",
        octets.replace(b'"n":1', b'"n":1.0'),
        octets.replace(b'"n":1', b'"n":1e0'),
        octets.replace("é".encode(), b"\\u00e9"),
        octets.replace(b"a/", b"a\\/"),
    ]
    for other in odd:
        assert other != octets
        assert first_no(verify(other, at=now, now=now, material=material)) == ("invalid", "envelope", "not-canonical")
        assert as_served(other, LIMIT) == octets, "of a file it is the same credential"
    assert as_served(b" a.b.c\n", LIMIT) == b"a.b.c"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"n":1', b'"n":1,"n":1'),
        (b'"n":1', b'"n":2,"n":1'),
        (b'"n":1', b'"n":9007199254740993'),
        (b'"n":1', b'"n":1e400'),
        (b'"n":1', b'"n":NaN'),
        (b'"n":1', b'"n":"\\ud800"'),
        (b'"n":1', b'"n":"\xed\xa0\x80"'),
        (b'"n":1', b'"n":' + b"[" * 80 + b"]" * 80),
        (b'"n":1', b'"n":[' + b"0," * 20_000 + b"0]"),
        (b'"proof":', b'"proof":{},"proof":'),
        (b'"issuer":', b'"issuer":"did:web:other.example","issuer":'),
        (b'{"@context"', b'\xef\xbb\xbf{"@context"'),
        (b'"n":1', b'"n":"' + b"x" * LIMIT + b'"'),
    ],
)
def test_doubtful_json_is_refused_at_the_door(
    *, signed: Sign, credential: JsonObject, material: Material, now: datetime, old: bytes, new: bytes
) -> None:
    """Doubled keys, numbers beyond doubles, half letters, depth, size: as in tokens, and no file makes it better."""
    octets = signed({**credential, "credentialSubject": {"id": "urn:uuid:1", "n": 1}})
    assert old in octets
    doubtful = octets.replace(old, new, 1)
    for text in (doubtful, as_served(doubtful, LIMIT)):
        report = verify(text, at=now, now=now, material=material)
        assert (report.verdict, report.checks[0].outcome) == ("invalid", "failed")


@pytest.mark.parametrize("value", ["", "z", "zz", "z" + "1" * 64, "u" + "A" * 86, "a" * 128, None, 7])
def test_a_value_that_is_no_signature_is_refused(
    *, signed: Sign, credential: JsonObject, material: Material, now: datetime, value: Json
) -> None:
    """Another base, too short, zeros, no text."""
    whole = orjson.loads(signed(credential))
    whole["proof"]["proofValue"] = value
    report = verify(canonical(whole), at=now, now=now, material=material)
    assert (report.verdict, report.outcome()) == ("invalid", "bad-signature")


def test_a_signature_in_der_is_refused(
    *, signed: Sign, credential: JsonObject, signer: MemorySigner, material: Material, now: datetime
) -> None:
    """R || S or nothing."""
    secured = parse_credential(signed(credential)).securing
    assert isinstance(secured, data_integrity.Proof)
    r, s = secured.signature[:32], secured.signature[32:]
    for odd in (b"\x30\x44" + r + s, r + s + b"\0", (r + s)[:63], r + b"\0" + s):
        octets = data_integrity.attach(secured.document, secured.config, odd)
        assert verify(octets, at=now, now=now, material=material).verdict == "invalid"


def test_a_key_of_another_kind_is_refused(
    *, signed: Sign, credential: JsonObject, signer: MemorySigner, material: Material, now: datetime
) -> None:
    """The suite says which kind it takes."""
    other = "ecdsa-jcs-2019" if signer.alg == "EdDSA" else "eddsa-jcs-2022"
    report = verify(signed(credential, cryptosuite=other), at=now, now=now, material=material)
    assert first_no(report) == ("invalid", "signature", "alg-key-mismatch")


def test_a_proof_beside_an_envelope_counts_for_nothing(
    *, signed: Sign, credential: JsonObject, signer: MemorySigner, material: Material, now: datetime
) -> None:
    """The envelope's signature is the one that is checked; a proof that stands within is content."""
    whole = orjson.loads(signed(credential, without="@context"))
    whole["proof"]["proofValue"] = encode_base58(bytes(64))
    text = issue.prepare(whole, key_id=signer.key_id, alg=signer.alg)
    report = verify(issue.attach(text, signer.sign_now(text)).octets, at=now, now=now, material=material)
    assert report.verdict == "valid"
    forged = issue.attach(text, bytes(64)).octets
    assert verify(forged, at=now, now=now, material=material).verdict == "invalid"


def test_a_published_private_key_signs_nothing(
    signed: Sign, credential: JsonObject, material: Material, now: datetime
) -> None:
    """Nor does a method of a type that says otherwise than its members."""
    vector = copy.deepcopy(OTHERS[0])
    octets = canonical(vector["credential"])
    assert judged(octets, laboratory(vector)).verdict == "valid"
    for odd in ({"secretKeyMultibase": "z2"}, {"type": "JsonWebKey"}, {"publicKeyMultibase": "u2"}):
        assert first_no(judged(octets, laboratory(vector, **odd))) == ("invalid", "key", "key-unsupported")
    whose = replace(material, documents={REFINER: laboratory(vector)})
    assert first_no(verify(signed(credential), at=now, now=now, material=whose))[1] == "key"


@pytest.mark.parametrize(
    ("octets", "media_type", "suffix"),
    [
        (b"a.b.c", "application/vc+jwt", ".jwt"), (b"a.b.c~d~", "application/vc+sd-jwt", ".sd-jwt"),
        (b'{"name":"~","proof":{}}', "application/vc", ".json"),
    ],
)  # fmt: skip
def test_each_form_has_its_media_type_and_suffix(octets: bytes, media_type: str, suffix: str) -> None:
    """VC-JOSE-COSE section 6.1, VC Data Model 2.0 section 6.2."""
    assert (media_type_of(octets), suffix_of(octets)) == (media_type, suffix)
