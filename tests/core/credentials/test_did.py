"""did:web names and DID documents: one form of each, and each failed test under its own name."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from connector.credentials.did import (
    DidDocument,
    MethodKey,
    build_document,
    key_for,
    parse_document,
    services_of,
)
from connector.credentials.did_web import base_url, did_of, did_of_key, document_url
from connector.credentials.multikey import multikey_of
from connector.credentials.refused import Refused
from connector.credentials.signing import key_from_jwk
from connector.keys.memory import MemorySigner
from connector.model import Did, Json, JsonObject

REFINER = Did("did:web:refiner.example")
VECTORS = Path(__file__).parents[2] / "vectors" / "dcp" / "edc-wire.jsonl"
WIRE = [orjson.loads(line) for line in VECTORS.read_bytes().splitlines()]


@pytest.mark.parametrize(
    ("address", "did", "document"),
    [
        ("https://mine.example", "did:web:mine.example", "https://mine.example/.well-known/did.json"),
        ("https://mine.example/", "did:web:mine.example", "https://mine.example/.well-known/did.json"),
        ("https://a.b.example:8443", "did:web:a.b.example%3A8443", "https://a.b.example:8443/.well-known/did.json"),
        ("https://a.example:1024", "did:web:a.example%3A1024", "https://a.example:1024/.well-known/did.json"),
        ("https://a.example:65535", "did:web:a.example%3A65535", "https://a.example:65535/.well-known/did.json"),
        ("https://x.example/t/one", "did:web:x.example:t:one", "https://x.example/t/one/did.json"),
        (
            "https://xn--bcher-kva.example",
            "did:web:xn--bcher-kva.example",
            "https://xn--bcher-kva.example/.well-known/did.json",
        ),
    ],
)
def test_addresses_and_identifiers_belong_together(address: str, did: str, document: str) -> None:
    """Each address gives one identifier, which leads back to it."""
    assert did_of(address) == did
    assert base_url(did) == address.rstrip("/")
    assert document_url(did) == document


@pytest.mark.parametrize("host", ["localhost", "refiner.localhost", "127.0.0.1"])
def test_loopback_needs_the_unsafe_setting(host: str) -> None:
    """Plain http is for loopback, and only where that was asked for."""
    did = did_of(f"http://{host}:8080", allow_http=True)
    assert did == f"did:web:{host}%3A8080"
    assert document_url(did, allow_http=True) == f"http://{host}:8080/.well-known/did.json"
    with pytest.raises(Refused):
        document_url(did)
    with pytest.raises(Refused):
        did_of(f"http://{host}:8080")


@pytest.mark.parametrize(
    "did",
    [
        "did:key:z6Mk",
        "did:WEB:a.example",
        "web:a.example",
        "urn:web:a.example",
        "",
        "did:web:",
        "did:web:A.example",
        "did:web:a.example:",
        "did:web:a.example::b",
        "did:web:a.example:..",
        "did:web:a.example:.hidden",
        "did:web:a.example:b%2Fc",
        "did:web:a.example%2Fb",
        "did:web:a.example/b",
        "did:web:a.example?x",
        "did:web:a.example#x",
        "did:web:user@a.example",
        "did:web:user%40a.example",
        "did:web:a.example%3A22",
        "did:web:a.example%3A443",
        "did:web:a.example%3A1023",
        "did:web:a.example%3A65536",
        "did:web:a.example%3A08443",
        "did:web:a.example%3A99999",
        "did:web:a.example%3A",
        "did:web:a.example%3a8443",
        "did:web:a.example%3A8443%3A1",
        "did:web:10.0.0.1",
        "did:web:169.254.169.254",
        "did:web:0x7f000001",
        "did:web:2130706433",
        "did:web:[::1]",
        "did:web:intranet",
        "did:web:a..example",
        "did:web:a.example.",
        "did:web:-a.example",
        "did:web:bücher.example",
        "did:web:①②⑦.example",
        "did:web:a.example\n",
        "did:web:" + "a" * 64 + ".example",
        "did:web:" + "a." * 200 + "example",
        "did:web:a.example:" + "b" * 495,
    ],
)
def test_tricks_in_identifiers_are_refused_before_any_fetch(did: str) -> None:
    """Addresses, user info, encoded slashes, other alphabets, privileged ports: no URL comes out."""
    with pytest.raises(Refused):
        document_url(did, allow_http=True)


@pytest.mark.parametrize(
    "address",
    [
        "http://mine.example",
        "ftp://a.example",
        "https://a.example?x=1",
        "https://u@a.example",
        "https://a.example:22",
        "https://[a.example",
        "mine",
    ],
)
def test_addresses_that_give_no_identifier_are_refused(address: str) -> None:
    """Plain http outside loopback, queries, user info."""
    with pytest.raises(Refused):
        did_of(address, allow_http=True)


@pytest.mark.parametrize(
    "key_id",
    ["did:web:a.example", "#1", "", "did:web:a.example#", "did:web:a.example#1#2", "did:web:a/b#1", "did:web:a?b#1"],
)
def test_a_key_id_is_a_did_with_a_fragment(key_id: str, document: DidDocument) -> None:
    """Nothing else names a key."""
    with pytest.raises(Refused):
        key_for(document, key_id, "assertionMethod")
    with pytest.raises(Refused, match="bad-key-id"):
        did_of_key(key_id)


def ours(signer: MemorySigner, prover: MemorySigner) -> JsonObject:
    old = MethodKey(key_id=f"{REFINER}#assertion-0", public_jwk=prover.public_jwk)
    return build_document(
        REFINER,
        assertion=[MethodKey(key_id=signer.key_id, public_jwk=signer.public_jwk), old],
        authentication=[MethodKey(key_id=prover.key_id, public_jwk=prover.public_jwk)],
        services=services_of(
            REFINER,
            data="https://refiner.example/.well-known/dspace-version",
            catalog="https://refiner.example/dsp/2025-1/catalog",
            credentials="https://refiner.example/dcp",
            audit="https://refiner.example/audit",
        ),
    )


def test_our_document_suits_strict_readers(signer: MemorySigner, prover: MemorySigner) -> None:
    """The DCP kit knows these members only, EDC this type; relationships are lists of texts, endpoints are texts."""
    built = ours(signer, prover)
    services, methods = built["service"], built["verificationMethod"]
    assert isinstance(services, list)
    assert isinstance(methods, list)
    for service in services:
        assert isinstance(service, dict)
        assert set(service) == {"id", "type", "serviceEndpoint"}
    for method in methods:
        assert isinstance(method, dict)
        assert set(method) == {"id", "type", "controller", "publicKeyJwk"}
        assert method["type"] == "JsonWebKey2020"
    assert built["capabilityInvocation"] == built["authentication"] == [prover.key_id]
    assert built["assertionMethod"] == [signer.key_id, f"{REFINER}#assertion-0"]


def test_our_document_says_where_we_are(signer: MemorySigner, prover: MemorySigner) -> None:
    """Five services, the one for issuing only of who issues; the contexts that a JSON-LD reader needs."""
    at = {name: f"https://refiner.example/{name}" for name in ("data", "catalog", "credentials", "audit")}
    named = [("data", "DataService"), ("catalog", "CatalogService"), ("credentials", "CredentialService")]
    named.append(("audit", "AuditService"))
    ordinary = services_of(REFINER, **at)
    expected = [(f"{REFINER}#{name}", kind, at[name]) for name, kind in named]
    assert [(one.id, one.type, one.endpoint) for one in ordinary] == expected
    issues, *others = services_of(REFINER, **at, issuer="https://refiner.example/issuer")
    assert (issues.id, issues.type) == (f"{REFINER}#issuer", "IssuerService")
    assert (issues.endpoint, tuple(others)) == ("https://refiner.example/issuer", ordinary)
    assert ours(signer, prover)["@context"] == [
        "https://www.w3.org/ns/did/v1", "https://w3id.org/security/suites/jws-2020/v1",
    ]  # fmt: skip


def test_a_retired_key_is_listed_for_nothing_and_proves_what_was(signer: MemorySigner, prover: MemorySigner) -> None:
    """Of either kind; it is good for what was signed before, where its reader asks for that."""
    built = build_document(
        REFINER,
        assertion=[MethodKey(key_id=signer.key_id, public_jwk=signer.public_jwk, retired=True)],
        authentication=[MethodKey(key_id=prover.key_id, public_jwk=prover.public_jwk, retired=True)],
        services=[],
    )
    assert (built["assertionMethod"], built["authentication"], built["capabilityInvocation"]) == ([], [], [])
    document = parse_document(orjson.dumps({**built, "keyAgreement": [f"{REFINER}#else"]}))
    for key in (signer, prover):
        assert key_for(document, key.key_id, "assertionMethod", retired=True).as_jwk() == key.public_jwk
        with pytest.raises(Refused, match="relationship-missing"):
            key_for(document, key.key_id, "assertionMethod")


@pytest.mark.parametrize(
    "listing",
    [
        {"authentication": ["#1"]},
        {"capabilityInvocation": [f"{REFINER}#1"]},
        {"keyAgreement": ["#1"]},
        {"keyAgreement": "#1"},
        {"keyAgreement": [7, {}, f"{REFINER}#1"]},
        {"keyAgreement": [{"id": "#1"}]},
        {"capabilityDelegation": [f"{REFINER}#1"]},
    ],
)
def test_a_key_that_is_listed_for_something_else_is_not_retired(signer: MemorySigner, listing: JsonObject) -> None:
    """It is in use, and for another purpose: what it signs as a credential is nobody's."""
    document = parse_document(orjson.dumps(minimal(signer, assertionMethod=[], **listing)))
    with pytest.raises(Refused, match="relationship-missing"):
        key_for(document, f"{REFINER}#1", "assertionMethod", retired=True)


def test_our_document_reads_back(signer: MemorySigner, prover: MemorySigner) -> None:
    """Keys in use and old ones are found under their purposes, and under no other."""
    document = parse_document(orjson.dumps(ours(signer, prover)))
    assert key_for(document, signer.key_id, "assertionMethod").as_jwk() == signer.public_jwk
    assert key_for(document, f"{REFINER}#assertion-0", "assertionMethod").as_jwk() == prover.public_jwk
    assert key_for(document, prover.key_id, "capabilityInvocation").as_jwk() == prover.public_jwk
    assert document.endpoint("CredentialService") == "https://refiner.example/dcp"
    assert document.endpoint("IssuerService") is None
    for purpose in ("authentication", "capabilityInvocation"):
        with pytest.raises(Refused, match="relationship-missing"):
            key_for(document, signer.key_id, purpose)


def refusal(document: JsonObject, key_id: str) -> str:
    with pytest.raises(Refused) as caught:
        key_for(parse_document(orjson.dumps(document)), key_id, "assertionMethod")
    return caught.value.reason


def method(signer: MemorySigner, **other: Json) -> JsonObject:
    return {"id": "#1", "type": "JsonWebKey2020", "controller": REFINER, "publicKeyJwk": signer.public_jwk, **other}


def minimal(signer: MemorySigner, **other: Json) -> JsonObject:
    return {"id": REFINER, "verificationMethod": [method(signer)], "assertionMethod": ["#1"], **other}


def test_each_mismatch_has_its_own_name(signer: MemorySigner) -> None:
    """Controlled Identifiers 1.0 section 3.3: document, method, controller, relationship, key."""
    assert refusal(minimal(signer, id="did:web:other.example"), f"{REFINER}#1") == "document-id-mismatch"
    assert refusal(minimal(signer), f"{REFINER}#2") == "method-not-found"
    foreign = method(signer, controller="did:web:other.example")
    assert refusal(minimal(signer, verificationMethod=[foreign]), f"{REFINER}#1") == "controller-mismatch"
    assert refusal(minimal(signer, assertionMethod=[], keyAgreement=["#1"]), f"{REFINER}#1") == "relationship-missing"
    strange = method(signer, publicKeyJwk={"kty": "RSA"})
    assert refusal(minimal(signer, verificationMethod=[strange]), f"{REFINER}#1") == "key-unsupported"
    untyped = method(signer, type="Ed25519VerificationKey2018")
    assert refusal(minimal(signer, verificationMethod=[untyped]), f"{REFINER}#1") == "key-unsupported"
    multikey: JsonObject = {"id": "#1", "type": "Multikey", "controller": REFINER, "publicKeyMultibase": "z6Mk"}
    assert refusal(minimal(signer, verificationMethod=[multikey]), f"{REFINER}#1") == "key-unsupported"


def test_a_member_that_is_null_is_not_there(signer: MemorySigner) -> None:
    """Real peers write so what a method lacks."""
    body = minimal(signer, verificationMethod=[method(signer, publicKeyMultibase=None, revoked=None)])
    key_for(parse_document(orjson.dumps(body)), f"{REFINER}#1", "assertionMethod")


@pytest.mark.parametrize("ends", ["revoked", "expires"])
def test_a_method_that_its_owner_ended_is_used_no_more(signer: MemorySigner, ends: str) -> None:
    """From its time on, whatever it signed; a time in no form counts as past."""
    body = orjson.dumps(minimal(signer, verificationMethod=[method(signer, **{ends: "2027-03-15T10:00:00+01:00"})]))
    before, after = (parse_document(body, now=datetime(2027, 3, 15, *at, tzinfo=UTC)) for at in ((8, 59), (9, 0)))
    for good in (before, parse_document(body)):
        key_for(good, f"{REFINER}#1", "assertionMethod")
    with pytest.raises(Refused, match=f"method-ended.*{ends} at 2027-03-15T09:00:00Z"):
        key_for(after, f"{REFINER}#1", "assertionMethod")
    odd_times: tuple[Json, ...] = ("yesterday", 7, "2027-03-15T09:00:00", {}, "0001-01-01T00:00:00+14:00")
    for odd in odd_times:
        entry = method(signer, **{ends: odd})
        parse_document(orjson.dumps(minimal(signer, verificationMethod=[entry])), now=datetime(2027, 3, 15, tzinfo=UTC))
        assert refusal(minimal(signer, verificationMethod=[entry]), f"{REFINER}#1") == "method-ended"


def test_the_keys_of_a_document_without_purposes_prove_who_their_party_is(signer: MemorySigner) -> None:
    """As an Eclipse IdentityHub publishes it. One named purpose, of whatever kind, and the lists count alone."""
    hub = WIRE[0]["answer"]
    assert isinstance(hub, dict)
    key_id = f"{hub['id']}#key-1"
    document = parse_document(orjson.dumps(hub))
    for purpose in ("authentication", "capabilityInvocation"):
        assert key_for(document, key_id, purpose).as_jwk()["crv"] == "P-256"
    with pytest.raises(Refused, match="relationship-missing"):
        key_for(document, key_id, "assertionMethod")
    for named in ("keyAgreement", "capabilityDelegation", "assertionMethod"):
        listed = parse_document(orjson.dumps({**hub, named: [key_id]}))
        with pytest.raises(Refused, match="relationship-missing"):
            key_for(listed, key_id, "capabilityInvocation")
    foreign = minimal(
        signer, assertionMethod=[], verificationMethod=[method(signer, controller="did:web:other.example")]
    )
    with pytest.raises(Refused, match="controller-mismatch"):
        key_for(parse_document(orjson.dumps(foreign)), f"{REFINER}#1", "capabilityInvocation")


def test_a_multikey_is_read(signer: MemorySigner) -> None:
    """Controlled Identifiers 1.0 section 2.2.2: the form in which others publish keys for proofs."""
    text = multikey_of(key_from_jwk(signer.public_jwk))
    entry: JsonObject = {"id": "#1", "type": "Multikey", "controller": REFINER, "publicKeyMultibase": text}
    document = parse_document(orjson.dumps(minimal(signer, verificationMethod=[entry])))
    assert key_for(document, f"{REFINER}#1", "assertionMethod").as_jwk() == signer.public_jwk
    for odd in ({"publicKeyJwk": signer.public_jwk}, {"secretKeyMultibase": "z1"}, {"type": "JsonWebKey"}):
        assert refusal(minimal(signer, verificationMethod=[{**entry, **odd}]), f"{REFINER}#1") == "key-unsupported"


def test_relative_and_embedded_methods_are_read(signer: MemorySigner) -> None:
    """DID Core section 5.3: a method may stand in the relationship itself, and then serves that one only."""
    document = parse_document(orjson.dumps(minimal(signer, verificationMethod=[], assertionMethod=[method(signer)])))
    assert key_for(document, f"{REFINER}#1", "assertionMethod").as_jwk() == signer.public_jwk
    with pytest.raises(Refused, match="relationship-missing"):
        key_for(document, f"{REFINER}#1", "authentication")


@pytest.mark.parametrize(
    "change",
    [
        {"id": None},
        {"id": "https://refiner.example"},
        {"verificationMethod": {}},
        {"verificationMethod": ["#1"]},
        {"verificationMethod": [{"id": "#1"}]},
        {"verificationMethod": [{"id": 7, "controller": REFINER}]},
        {"assertionMethod": "#1"},
        {"assertionMethod": [1]},
        {"service": {}},
        {"service": ["x"]},
        {"service": [{}] * 101},
        {"assertionMethod": ["#1"] * 101},
    ],
)
def test_malformed_documents_are_refused(signer: MemorySigner, change: JsonObject) -> None:
    """Wrong kinds and too many entries."""
    with pytest.raises(Refused, match="bad-did-document"):
        parse_document(orjson.dumps({**minimal(signer), **change}))


def test_too_many_or_doubled_keys_are_refused(signer: MemorySigner) -> None:
    """10,000 keys cost time; two keys of one id could be read either way."""
    many: list[Json] = [method(signer, id=f"#{number}") for number in range(101)]
    twice: list[Json] = [method(signer), method(signer)]
    for methods in (many, twice):
        with pytest.raises(Refused, match="bad-did-document"):
            parse_document(orjson.dumps(minimal(signer, verificationMethod=methods)))


def test_large_documents_are_refused() -> None:
    """A limit that no honest document meets."""
    with pytest.raises(Refused):
        parse_document(b'{"id":"did:web:a.example","x":"' + b"a" * 300_000 + b'"}')


def test_services_of_other_shapes_are_left_out(signer: MemorySigner) -> None:
    """An endpoint that is an object or a list is legal elsewhere and of no use here."""
    odd: list[Json] = [{"id": "#a", "type": "X", "serviceEndpoint": {"uri": "https://x"}}, {"id": "#b", "type": ["Y"]}]
    good: Json = {"id": "#c", "type": "DataService", "serviceEndpoint": "https://d.example"}
    parse_document(orjson.dumps(minimal(signer, service=[{}] * 100, assertionMethod=["#1"] * 100)))
    document = parse_document(orjson.dumps(minimal(signer, service=[*odd, good])))
    assert [service.id for service in document.services] == [f"{REFINER}#c"]


def test_did_of_key_names_the_party() -> None:
    """The part before the fragment."""
    assert did_of_key("did:web:a.example:t#k") == "did:web:a.example:t"
