"""The VC API on loopback: what it signs it verifies, what anybody changes it does not, and nobody else gets in."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp.test_utils import TestClient, TestServer

from connector.credentials import data_integrity, disclosing, issue, jose
from connector.credentials.data_integrity import Cryptosuite, hash_data, proof_config
from connector.credentials.datamodel import VC_CONTEXT
from connector.credentials.did_web import did_of_key
from connector.credentials.disclosing import conceal
from connector.keys.memory import MemorySigner, throwaway_signer
from connector.model import JsonObject
from connector.server.vc_api import VcApi
from connector.vocabulary.bundle import load_bundle

NOW = datetime(2027, 3, 15, 9, tzinfo=UTC)
SUITES: tuple[Cryptosuite, ...] = ("eddsa-jcs-2022", "ecdsa-jcs-2019")
OURS = load_bundle().context_url
HOLDER = throwaway_signer("ES256")
VERIFY, PRESENTED = "/verifier/credentials/verify", "/verifier/presentations/verify"
ASSAY = Path(__file__).parents[2] / "vectors" / "documents" / "AssayCertificate.json"


class Noon:
    """The story's clock."""

    def now(self) -> datetime:
        """Now."""
        return NOW


class Face:
    """The face, and how the W3C's suites ask it."""

    def __init__(self, client: TestClient[Any, Any]) -> None:
        self.client = client

    async def post(self, path: str, **body: Any) -> tuple[int, Any]:
        """Status and answer."""
        async with self.client.post(path, json=body) as answer:
            return answer.status, await answer.json(content_type=None)

    async def ids(self) -> dict[str, str]:
        """Who issues under each suite."""
        async with self.client.get("/issuers") as answer:
            listed = await answer.json()
        assert all(one["endpoint"].endswith(f"/issuers/{suite}/credentials/issue") for suite, one in listed.items())
        return {suite: one["id"] for suite, one in listed.items()}

    async def issued(self, suite: str, **said: Any) -> dict[str, Any]:
        """A credential that it signed."""
        status, credential = await self.post(
            f"/issuers/{suite}/credentials/issue", credential=unsigned((await self.ids())[suite], **said)
        )
        assert status == 201, credential
        found: dict[str, Any] = credential
        return found


def unsigned(issuer: str, **said: Any) -> JsonObject:
    """The smallest credential."""
    return {
        "@context": [VC_CONTEXT], "type": ["VerifiableCredential"], "issuer": issuer,
        "credentialSubject": {"id": "urn:uuid:1"}, **said,
    }  # fmt: skip


def presented(*credentials: Any, by: MemorySigner = HOLDER, proof: JsonObject | None = None, **said: Any) -> JsonObject:
    """A presentation of these with the holder's proof, changed as told."""
    document: JsonObject = {
        "@context": [VC_CONTEXT], "type": ["VerifiablePresentation"], "holder": did_of_key(by.key_id),
        "verifiableCredential": list(credentials), **said,
    }  # fmt: skip
    config = proof_config(
        document, suite=issue.SUITES[by.alg], key_id=by.key_id, created="2027-03-15T09:00:00Z",
        purpose="authentication",
    )  # fmt: skip
    config = {name: value for name, value in {**config, **(proof or {})}.items() if value is not None}
    octets = data_integrity.attach(document, config, by.sign_now(hash_data(config, document)))
    whole: JsonObject = orjson.loads(octets)
    return whole


@pytest.fixture
async def face() -> AsyncIterator[Face]:
    """It, with fresh keys."""
    api = VcApi.of([throwaway_signer("EdDSA"), throwaway_signer("ES256")], load_bundle(), Noon())
    async with TestClient(TestServer(api.application())) as client:
        yield Face(client)


@pytest.mark.parametrize("suite", SUITES)
async def test_what_it_signs_it_verifies(face: Face, suite: str) -> None:
    """There and back; one change, and it is a 400 with the reason."""
    credential = await face.issued(suite, name="Grüße", validFrom="2027-01-01T00:00:00Z")
    assert credential["proof"]["cryptosuite"] == suite
    for options in ({}, {"checks": ["proof"]}):
        status, answer = await face.post(VERIFY, verifiableCredential=credential, options=options)
        assert (status, answer["verified"], answer.get("errors")) == (200, True, None)
    status, answer = await face.post(VERIFY, verifiableCredential={**credential, "name": "Gruss"})
    assert (status, answer["verified"], answer["errors"][0]["code"]) == (400, False, "bad-signature")


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"@context": [VC_CONTEXT, "https://evil.example"]}, "context-error"),
        ({"@context": [VC_CONTEXT, {"a": "https://a.example"}]}, "context-error"),
        ({"issuer": "did:web:other.example"}, "foreign-key"),
        ({"type": ["X"]}, "bad-credential"),
        ({"validFrom": "today"}, "bad-time"),
        ({"credentialSubject": None}, "bad-credential"),
    ],
)
async def test_it_signs_nothing_that_it_would_not_verify(face: Face, changed: JsonObject, code: str) -> None:
    """An issuer's slip is told to the issuer."""
    credential = {**unsigned((await face.ids())["eddsa-jcs-2022"]), **changed}
    status, answer = await face.post("/issuers/eddsa-jcs-2022/credentials/issue", credential=credential)
    assert (status, answer["errors"][0]["code"]) == (400, code)


async def test_shapes_count_for_what_the_vocabulary_has(face: Face) -> None:
    """A record of ours is held to its shape, also here."""
    context = load_bundle().context_url
    said = {"@context": [VC_CONTEXT, context], "type": ["VerifiableCredential", "AssayCertificate"]}
    credential = await face.issued("eddsa-jcs-2022", **said)
    status, answer = await face.post(VERIFY, verifiableCredential=credential)
    assert (status, answer["verified"]) == (400, False)


async def test_a_status_is_left_open_unless_only_the_proof_is_asked_about(face: Face) -> None:
    """Nothing is fetched."""
    entry = {
        "type": "BitstringStatusListEntry", "statusPurpose": "revocation", "statusListIndex": "7",
        "statusListCredential": "https://issuer.example/status/0",
    }  # fmt: skip
    credential = await face.issued("ecdsa-jcs-2019", credentialStatus=entry)
    for checks, expected in ((["proof"], 200), (["proof", "credentialStatus"], 400), ([], 400)):
        assert (await face.post(VERIFY, verifiableCredential=credential, options={"checks": checks}))[0] == expected


async def test_an_issuer_of_the_web_is_left_open(face: Face) -> None:
    """Its keys would have to be fetched."""
    vectors = json.loads((ASSAY.parents[1] / "credentials" / "others-proofs.json").read_text("utf-8"))["vectors"]
    status, answer = await face.post(VERIFY, verifiableCredential=vectors[0]["credential"])
    assert (status, answer["errors"][0]["code"]) == (400, "key-unreachable")


async def test_a_presentation_is_for_one_domain_and_challenge(face: Face) -> None:
    """With credentials of either form; each of them counts."""
    good, token = await face.issued("eddsa-jcs-2022"), _token()
    asked = {"domain": "https://verifier.example", "challenge": "c1"}
    shown = presented(good, token, proof={**asked})
    status, answer = await face.post(PRESENTED, verifiablePresentation=shown, options=asked)
    assert (status, answer["verified"], len(answer["results"])) == (200, True, 2), answer
    for other in ({}, {**asked, "challenge": "c2"}, {**asked, "domain": "https://b.example"}, {"challenge": "c1"}):
        assert (await face.post(PRESENTED, verifiablePresentation=shown, options=other))[0] == 400
    for missing in ("domain", "challenge"):
        partly = presented(good, proof={**asked, missing: None})
        assert (await face.post(PRESENTED, verifiablePresentation=partly, options=asked))[0] == 400, missing
    for domain, expected in ((["https://verifier.example"], 200), ([asked["domain"], "https://b.example"], 400)):
        listed = presented(good, proof={**asked, "domain": [*domain]})
        assert (await face.post(PRESENTED, verifiablePresentation=listed, options=asked))[0] == expected
    bad = presented({**good, "name": "x"}, proof={**asked})
    assert (await face.post(PRESENTED, verifiablePresentation=bad, options=asked))[0] == 400
    stolen = {**shown, "verifiableCredential": [good]}
    assert (await face.post(PRESENTED, verifiablePresentation=stolen, options=asked))[0] == 400


def _token() -> JsonObject:
    issuer = throwaway_signer("EdDSA")
    text = issue.prepare(unsigned(did_of_key(issuer.key_id)), key_id=issuer.key_id, alg=issuer.alg)
    octets = issue.attach(text, issuer.sign_now(text)).octets
    assert jose.parse(octets, 1 << 20).type == "vc+jwt"
    return {"type": "EnvelopedVerifiableCredential", "id": f"data:application/vc+jwt,{octets.decode()}"}


@pytest.mark.parametrize(
    ("said", "proof", "code"),
    [
        ({}, {"proofPurpose": "assertionMethod"}, "proof-purpose-mismatch"),
        ({}, {"expires": "2027-03-15T08:59:59Z"}, "expired"),
        ({}, {"created": "today"}, "bad-time"),
        ({}, {"created": ["2027-03-15T09:00:00Z"]}, "bad-time"),
        ({"holder": "did:web:a.example"}, {"verificationMethod": "did:web:a.example#1"}, "did-method-unsupported"),
        ({}, {"verificationMethod": "did:key:z2"}, "bad-key-id"),
        ({"holder": "did:key:z6Mk"}, {}, "holder-binding"),
        ({"holder": {"id": "did:key:z6Mk"}}, {}, "holder-binding"),
        ({"type": ["VerifiableCredential"]}, {}, "bad-presentation"),
        ({"@context": []}, {"@context": []}, "bad-presentation"),
        ({"@context": [OURS, VC_CONTEXT]}, {"@context": [OURS, VC_CONTEXT]}, "bad-presentation"),
        ({"@context": [VC_CONTEXT, {"a": "b"}]}, {"@context": [VC_CONTEXT, {"a": "b"}]}, "context-error"),
        ({"verifiableCredential": [1]}, {}, "bad-presentation"),
        ({"verifiableCredential": [{"type": "VerifiableCredential"}]}, {}, "bad-presentation"),
        ({"verifiableCredential": ["x"] * 17}, {}, "too-many-credentials"),
    ],
)
async def test_a_presentation_that_is_none_is_refused(face: Face, said: Any, proof: Any, code: str) -> None:
    """Signed by its holder, and still not what it should be."""
    shown = presented(proof=proof, **said)
    status, answer = await face.post(PRESENTED, verifiablePresentation=shown)
    assert (status, answer["errors"][0]["code"]) == (400, code)


async def test_nobody_from_outside_and_no_page_of_a_browser_gets_in(face: Face) -> None:
    """Another name of this machine (rebinding), a form, another size, other JSON, another route."""
    client, path = face.client, "/issuers/eddsa-jcs-2022/credentials/issue"
    for host in ("evil.example", "127.0.0.1.evil.example", "localhost:x", "[", "localhost@evil.example", "a b", ""):
        async with client.get("/issuers", headers={"Host": host}) as answer:
            assert answer.status == 403, host
    good = orjson.dumps({"credential": unsigned((await face.ids())["eddsa-jcs-2022"])})
    for kind, expected in (("text/plain", 422), ("application/json", 201)):
        async with client.post(path, data=good, headers={"Content-Type": kind}) as answer:
            assert answer.status == expected, kind
    for octets, expected in (
        (b'{"credential":{},"credential":{}}', 400),
        (b'{"credential":' + b"[" * 80 + b"]" * 80 + b"}", 400),
        (b'{"a":[' + b"0," * 30_000 + b"0]}", 413),
        (b'{"a":"' + b"x" * (2 << 20) + b'"}', 413),
        (b"{}", 422),
        (b'{"credential":{"proof":{}}}', 422),
    ):
        async with client.post(path, data=BytesIO(octets), headers={"Content-Type": "application/json"}) as answer:
            assert answer.status == expected, octets[:40]
    assert (await face.post("/issuers/eddsa-rdfc-2022/credentials/issue", credential={}))[0] == 404
    assert (await face.post(VERIFY, verifiableCredential=1))[0] == 400
    assert (await face.post(VERIFY, verifiableCredential="a.b.c", options=1))[0] == 422
    assert (await face.post(PRESENTED, verifiablePresentation={}, options={"domain": 1}))[0] == 422


async def test_an_sd_jwt_is_verified_as_far_as_it_is_shown(face: Face) -> None:
    """Compact or enveloped; one that does not fit is a 400; in a presentation it is none of the credentials."""
    claims, texts = conceal(
        unsigned(did_of_key(HOLDER.key_id), name="Grüße"), ["/credentialSubject/id", "/name"], ["a" * 22, "b" * 22]
    )
    signed = disclosing.prepare(claims, key_id=HOLDER.key_id, alg=HOLDER.alg)
    whole = disclosing.attach(signed, HOLDER.sign_now(signed), texts).decode()
    less = whole.partition("~")[0] + "~"
    enveloped = {
        "@context": VC_CONTEXT, "type": "EnvelopedVerifiableCredential", "id": f"data:application/vc+sd-jwt,{whole}"
    }  # fmt: skip
    for shown in (whole, enveloped):
        status, answer = await face.post(VERIFY, verifiableCredential=shown)
        assert (status, len(answer["results"][0]["checks"])) == (200, 12), answer
    status, answer = await face.post(VERIFY, verifiableCredential=less)
    assert (status, answer["errors"][0]["code"]) == (400, "bad-credential"), "a subject of which nothing is said"
    status, answer = await face.post(VERIFY, verifiableCredential=f"{whole}{whole.split('~')[1]}~")
    assert (status, answer["errors"][0]["code"]) == (400, "duplicate-disclosure")
    for entry in (whole, enveloped):
        status, answer = await face.post(PRESENTED, verifiablePresentation=presented(entry))
        assert (status, answer["errors"][0]["code"]) in {(400, "selective-disclosure"), (400, "bad-presentation")}
