"""Presentations, queries and access tokens: what a holder shows, to whom, and what was asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import orjson
import pytest

from connector.credentials import jose, query
from connector.credentials.access import check_access, mint_access
from connector.credentials.datamodel import VC_CONTEXT, Credential, parse_credential
from connector.credentials.did import DidDocument
from connector.credentials.presentation import (
    SHOWN_LIMIT_BYTES,
    bound_to,
    portions,
    presentation_input,
    verify_presentation,
)
from connector.credentials.query import DCP_CONTEXT, Scope, UnsupportedQuery
from connector.credentials.refused import Refused
from connector.errors import BadMessage, NotAllowed
from connector.keys.memory import MemorySigner
from connector.model import Did, Json, JsonObject

REFINER = Did("did:web:refiner.example")
CARMAKER = Did("did:web:cars.example")
OTHER = Did("did:web:other.example")
MEMBER = "org.eclipse.dspace.dcp.vc.type:MembershipCredential"
Issue = Callable[[JsonObject], bytes]


def shown(prover: MemorySigner, now: datetime, credentials: list[bytes]) -> bytes:
    text = presentation_input(
        audience=CARMAKER,
        credentials=credentials,
        key_id=prover.key_id,
        alg=prover.alg,
        jti="urn:uuid:2",
        now=now,
        lifetime_seconds=60,
    )
    return jose.attach(text, prover.sign_now(text))


def changed(octets: bytes, prover: MemorySigner, header: JsonObject, payload: JsonObject) -> bytes:
    jws = jose.parse(octets, 1 << 20)
    text = jose.signing_input({**jws.header, **header}, orjson.dumps({**jws.claims(), **payload}))
    return jose.attach(text, prover.sign_now(text))


def refusal(octets: bytes, document: DidDocument, now: datetime, **other: str) -> str:
    with pytest.raises(Refused) as caught:
        verify_presentation(
            octets,
            document,
            holder=Did(other.get("holder", REFINER)),
            audience=CARMAKER,
            now=now,
            leeway_seconds=20,
        )
    return caught.value.reason


def test_a_presentation_gives_back_its_credentials(
    document: DidDocument, prover: MemorySigner, issued: Issue, credential: JsonObject, now: datetime
) -> None:
    """The exact octets come out, in order, and the enveloping is that of VC-JOSE-COSE."""
    octets = [issued(credential), issued({**credential, "id": "urn:uuid:3"})]
    token = shown(prover, now, octets)
    entries = jose.parse(token, 1 << 20).claims()["verifiableCredential"]
    assert isinstance(entries, list)
    first = entries[0]
    assert isinstance(first, dict)
    assert first["type"] == "EnvelopedVerifiableCredential"
    assert first["id"] == "data:application/vc+jwt," + octets[0].decode()
    read = verify_presentation(token, document, holder=REFINER, audience=CARMAKER, now=now, leeway_seconds=20)
    assert (read.holder, read.jti, read.credentials) == (REFINER, "urn:uuid:2", tuple(octets))


def test_plain_strings_and_a_single_entry_are_read(
    document: DidDocument, prover: MemorySigner, issued: Issue, credential: JsonObject, now: datetime
) -> None:
    """Peers send compact strings without an envelope, and types as one text."""
    octets = issued(credential)
    enveloped: Json = {
        "type": ["EnvelopedVerifiableCredential"],
        "id": "data:application/vc+jwt," + octets.decode(),
    }
    forms: tuple[Json, ...] = ([octets.decode()], octets.decode(), enveloped)
    for listed in forms:
        token = changed(
            shown(prover, now, []), prover, {}, {"verifiableCredential": listed, "type": "VerifiablePresentation"}
        )
        read = verify_presentation(token, document, holder=REFINER, audience=CARMAKER, now=now, leeway_seconds=20)
        assert read.credentials == (octets,)


def test_an_empty_presentation_is_one(document: DidDocument, prover: MemorySigner, now: datetime) -> None:
    """A holder without matching credentials shows none; whether that is enough is decided later."""
    read = verify_presentation(
        shown(prover, now, []), document, holder=REFINER, audience=CARMAKER, now=now, leeway_seconds=20
    )
    assert read.credentials == ()


def test_a_presentation_may_say_little(document: DidDocument, prover: MemorySigner, now: datetime) -> None:
    """Who shows it is said by its key; `iss` and `holder` may only say the same, and nothing shown is nothing."""
    jws = jose.parse(shown(prover, now, []), 1 << 20)
    said = {name: jws.claims()[name] for name in ("@context", "type", "aud", "jti", "iat", "exp")}
    text = jose.signing_input(jws.header, orjson.dumps(said))
    token = jose.attach(text, prover.sign_now(text))
    read = verify_presentation(token, document, holder=REFINER, audience=CARMAKER, now=now, leeway_seconds=20)
    assert (read.holder, read.credentials) == (REFINER, ())


def test_as_many_as_may_be_shown_are_read(document: DidDocument, prover: MemorySigner, now: datetime) -> None:
    """Sixteen; and other contexts behind the first are the holder's affair."""
    payload: JsonObject = {"verifiableCredential": ["x"] * 16, "@context": [VC_CONTEXT, "https://holder.example/more"]}
    token = changed(shown(prover, now, []), prover, {}, payload)
    read = verify_presentation(token, document, holder=REFINER, audience=CARMAKER, now=now, leeway_seconds=20)
    assert len(read.credentials) == 16


def test_an_answer_holds_what_a_peer_reads(issued: Issue, credential: JsonObject, now: datetime) -> None:
    """At most sixteen in each of four presentations, in all no more than an answer takes; the oldest of many go."""
    octets = issued(credential)
    one, jws = parse_credential(octets), jose.parse(octets, 1 << 20)
    older = replace(one, securing=replace(jws, header={**jws.header, "typ": "JWT"}))

    def made(count: int, like: Credential, kind: str) -> list[tuple[bytes, Credential]]:
        each = [replace(like, types=(kind,), valid_from=now - timedelta(days=age)) for age in range(count)]
        return [(f"{kind}{age}".encode(), like) for age, like in enumerate(each)]

    assert portions([]) == [(False, [])]
    found = portions(
        [*reversed(made(60, older, "M")), *made(17, one, "R"), *made(1, replace(one, valid_from=None), "X")]
    )
    assert [(kind, len(some)) for kind, some in found] == [(False, 16), (False, 2), (True, 16), (True, 14)]
    assert found[0][1][:3] == [b"R0", b"X0", b"R1"]
    assert (found[2][1][0], found[3][1][-1]) == (b"M0", b"M29")
    large = [(bytes(SHOWN_LIMIT_BYTES // 2), one), (bytes(SHOWN_LIMIT_BYTES // 2 + 1), one), (b"small", one)]
    assert [len(some) for _, some in portions(large)] == [2]


def test_the_only_one_of_its_kind_is_shown_however_old(issued: Issue, credential: JsonObject, now: datetime) -> None:
    """By issuer and types; of many of a kind the oldest go, and as much goes as there is room for."""
    one = parse_credential(issued(credential))
    many = [(f"M{age:02}".encode(), replace(one, valid_from=now - timedelta(days=age))) for age in range(60)]
    old = replace(one, valid_from=now - timedelta(days=9999))
    alone = [
        (b"kind", replace(old, types=("VerifiableCredential", "RoleCredential"))),
        (b"issuer", replace(old, issuer=OTHER)),
        (b"undated", replace(one, issuer=CARMAKER, valid_from=None)),
    ]
    for given in (many + alone, alone + many[::-1]):
        shown_ones = [octets for _, some in portions(given) for octets in some]
        assert {*shown_ones[:4]} == {b"M00", b"kind", b"issuer", b"undated"}
        assert shown_ones[4:] == [f"M{age:02}".encode() for age in range(1, 45)]
    halves = [(bytes([number]) * (SHOWN_LIMIT_BYTES // 2), one) for number in range(2)]
    assert [len(some) for _, some in portions(halves)] == [2]


def test_what_we_show_says_who_shows_it(prover: MemorySigner, now: datetime) -> None:
    """A peer may read the holder from any of these."""
    jws = jose.parse(shown(prover, now, [b"a.b.c"]), 1 << 20)
    payload = jws.claims()
    assert jws.header == {"alg": prover.alg, "kid": prover.key_id, "typ": "vp+jwt", "cty": "vp"}
    assert [payload[name] for name in ("holder", "iss", "sub", "aud")] == [REFINER, REFINER, REFINER, CARMAKER]
    assert (payload["iat"], payload["nbf"], payload["exp"]) == (1805101200, 1805101200, 1805101260)
    assert payload["verifiableCredential"] == [
        {"@context": VC_CONTEXT, "id": "data:application/vc+jwt,a.b.c", "type": "EnvelopedVerifiableCredential"}
    ]


@pytest.mark.parametrize(
    ("header", "payload", "reason"),
    [
        ({"typ": "JWT"}, {}, "bad-typ"),
        ({"typ": "vc+jwt"}, {}, "bad-typ"),
        ({"kid": f"{OTHER}#1"}, {}, "holder-binding"),
        ({"kid": f"{REFINER}#assertion-1"}, {}, "relationship-missing"),
        ({}, {"iss": OTHER}, "holder-binding"),
        ({}, {"holder": OTHER}, "holder-binding"),
        ({}, {"aud": OTHER}, "audience-mismatch"),
        ({}, {"aud": [CARMAKER, OTHER]}, "audience-mismatch"),
        ({}, {"jti": None}, "bad-jti"),
        ({}, {"exp": 1e300}, "bad-time"),
        ({}, {"vp": {}}, "bad-presentation"),
        ({}, {"vc": {}}, "bad-presentation"),
        ({}, {"type": "TheVerifiablePresentation"}, "bad-presentation"),
        ({}, {"type": ["VerifiableCredential"]}, "bad-presentation"),
        ({}, {"@context": []}, "bad-presentation"),
        ({}, {"@context": ["https://evil.example/context", VC_CONTEXT]}, "bad-presentation"),
        ({}, {"@context": {"holder": VC_CONTEXT}}, "bad-presentation"),
        ({}, {"verifiableCredential": ["x"] * 17}, "too-many-credentials"),
        ({}, {"termsOfUse": [0] * 20_001}, "bad-payload"),
        ({}, {"verifiableCredential": [1]}, "bad-presentation"),
        ({}, {"verifiableCredential": ["ä"]}, "bad-presentation"),
        ({}, {"verifiableCredential": ['{"proof":{}}']}, "bad-presentation"),
        ({}, {"verifiableCredential": [{"type": ["VerifiableCredential"], "proof": {}}]}, "bad-presentation"),
        ({}, {"verifiableCredential": [{"type": "VerifiableCredential"}]}, "bad-presentation"),
        (
            {},
            {"verifiableCredential": [{"type": "EnvelopedVerifiableCredential", "id": "data:text/plain,x"}]},
            "bad-presentation",
        ),
        (
            {},
            {"verifiableCredential": [{"type": ["Other"], "id": "data:application/vc+jwt,x"}]},
            "bad-presentation",
        ),
        (
            {},
            {"verifiableCredential": [{"type": "EnvelopedVerifiablePresentation", "id": "data:application/vp+jwt,x"}]},
            "bad-presentation",
        ),
    ],
)
def test_wrong_presentations_are_refused(
    document: DidDocument,
    prover: MemorySigner,
    now: datetime,
    *,
    header: JsonObject,
    payload: JsonObject,
    reason: str,
) -> None:
    """Tokens and credentials in its place, keys of others or for other uses, others' audience, nesting, too many."""
    assert refusal(changed(shown(prover, now, []), prover, header, payload), document, now) == reason


def test_another_holder_or_time_is_refused(document: DidDocument, prover: MemorySigner, now: datetime) -> None:
    """Signed by somebody else than who asked, or long ago."""
    token = shown(prover, now, [])
    assert refusal(token, document, now, holder=OTHER) == "holder-binding"
    assert refusal(token, replace(document, id=OTHER), now) == "document-id-mismatch"
    assert refusal(changed(token, prover, {"kid": None}, {}), document, now) == "holder-binding"
    assert refusal(token, document, now + timedelta(minutes=5)) == "expired"
    assert refusal(token[:-4] + b"AAAA", document, now) in {"bad-signature", "bad-base64url"}


def test_a_credential_of_somebody_else_is_not_the_holders() -> None:
    """Only what is about the holder gives rights."""
    assert bound_to({"credentialSubject": {"id": REFINER}}, REFINER)
    for subject in ({"id": OTHER}, {}, [], REFINER, [{"id": REFINER}]):
        assert not bound_to({"credentialSubject": subject}, REFINER)  # type: ignore[dict-item]  # odd on purpose


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        (MEMBER, Scope(kind="type", value="MembershipCredential")),
        (f"{MEMBER}:read", Scope(kind="type", value="MembershipCredential")),
        (f"{MEMBER}:*", Scope(kind="type", value="MembershipCredential")),
        ("org.eclipse.edc.vc.type:RoleCredential:read", Scope(kind="type", value="RoleCredential")),
        ("org.eclipse.tractusx.vc.type:RoleCredential:read", Scope(kind="type", value="RoleCredential")),
        ("org.eclipse.dspace.dcp.vc.id:urn:uuid:1", Scope(kind="id", value="urn:uuid:1")),
        ("org.eclipse.dspace.dcp.vc.id:urn:uuid:1:read", Scope(kind="id", value="urn:uuid:1")),
    ],
)
def test_scopes_have_two_or_three_parts(text: str, scope: Scope) -> None:
    """The specification has two, real peers three."""
    assert query.parse_scope(text) == scope
    assert query.parse_scope(str(scope)) == scope


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "MembershipCredential",
        "other:Type",
        f"{MEMBER}:write",
        f"{MEMBER}:a:read",
        f"{MEMBER}{'x' * 600}",
        "org.eclipse.dspace.dcp.vc.type:",
        "org.eclipse.dspace.dcp.vc.type::read",
    ],
)
def test_other_scopes_are_refused(text: str) -> None:
    """Unknown aliases, writing, nothing named."""
    with pytest.raises(BadMessage):
        query.parse_scope(text)


def test_who_asks_for_more_than_is_allowed_gets_nothing() -> None:
    """DCP 5.4, and its own kit; scopes of two and three parts are the same one. What is not held is passed over."""
    held = [(("VerifiableCredential", "RoleCredential"), "urn:uuid:1"), (("MembershipCredential",), None)]
    asked = query.read_query(query.query_message([MEMBER, f"{MEMBER}:read", query.type_scope("RoleCredential")]))
    assert asked[0] == Scope(kind="type", value="MembershipCredential")
    both = [f"{MEMBER}:read", "org.eclipse.dspace.dcp.vc.type:RoleCredential", MEMBER]
    assert query.granted(asked, both, held) == asked
    with pytest.raises(NotAllowed, match="RoleCredential"):
        query.granted(asked, [f"{MEMBER}:read"], held)
    with pytest.raises(NotAllowed, match="Membership"):
        query.granted(asked[:1], [], held)
    assert query.granted(asked, [f"{MEMBER}:read"], held[1:]) == asked[:1]
    by_id = Scope(kind="id", value="urn:uuid:1")
    with pytest.raises(NotAllowed, match="urn:uuid:1"):
        query.granted([by_id], both, held)
    assert asked[0].covers(types=("VerifiableCredential", "MembershipCredential"), credential_id=None)
    assert not asked[0].covers(types=("VerifiableCredential",), credential_id="MembershipCredential")
    by_id = Scope(kind="id", value="urn:uuid:1")
    assert by_id.covers(types=("VerifiableCredential",), credential_id="urn:uuid:1")
    assert not any(by_id.covers(types=("urn:uuid:1",), credential_id=other) for other in ("urn:uuid:2", None))


@pytest.mark.parametrize(
    "change",
    [
        {"type": "PresentationResponseMessage"},
        {"@type": "PresentationQueryMessage", "type": None},
        {"@context": DCP_CONTEXT},
        {"@context": []},
        {"scope": []},
        {"scope": "x"},
        {"scope": [1]},
        {"scope": [MEMBER] * 17},
        {"presentationDefinition": {"id": "1"}},
        {"presentationDefinition": {}},
    ],
)
def test_malformed_queries_are_refused(change: dict[str, Json]) -> None:
    """Both forms at once, none, empty ones (the kit wants 400 for these)."""
    with pytest.raises(BadMessage) as caught:
        query.read_query({**query.query_message([MEMBER]), **change})
    assert caught.value.code == "bad-message"
    bare = {name: said for name, said in query.query_message([MEMBER]).items() if name != "scope"}
    with pytest.raises(BadMessage):
        query.read_query({**bare, "presentationDefinition": {}})
    assert len(query.read_query(query.query_message([f"{MEMBER}{number}" for number in range(16)]))) == 16


def test_an_edc_says_its_query_in_plain_json_ld() -> None:
    """With `@type`, another context before ours, and the alias from before DCP 1.0, in which it is asked back."""
    recorded = Path(__file__).parents[2] / "vectors" / "dcp" / "edc-wire.jsonl"
    (asked,) = (
        line["body"] for line in map(orjson.loads, recorded.read_bytes().splitlines()) if line["story"] == "EDC asks us"
    )
    assert query.read_query(asked) == (Scope(kind="type", value="MembershipCredential"),)
    assert asked["scope"] in query.in_other_words([query.type_scope("MembershipCredential")])
    with pytest.raises(BadMessage):
        query.read_query({**asked, "type": "PresentationResponseMessage"})


@pytest.mark.parametrize("body", [None, [], "x", {}])
def test_things_that_are_no_messages_are_refused(body: Json) -> None:
    """Any JSON that is no message."""
    with pytest.raises(BadMessage):
        query.read_query(body)
    with pytest.raises(BadMessage):
        query.read_response(body)


def test_a_presentation_definition_is_named_unsupported() -> None:
    """501 and not 400: the caller may try again with scopes."""
    message = query.query_message([MEMBER])
    del message["scope"]
    with pytest.raises(UnsupportedQuery):
        query.read_query({**message, "presentationDefinition": {"id": "x"}})


def test_responses_read_back() -> None:
    """Zero, one, many; objects and floods are refused."""
    for presentations in ([], ["a.b.c"], ["a.b.c", "d.e.f"]):
        assert query.read_response(query.response_message(presentations)) == tuple(presentations)
    odd: tuple[Json, ...] = ([{}], ["x"] * 17, "x")
    for presentation in odd:
        with pytest.raises(BadMessage):
            query.read_response({**query.response_message([]), "presentation": presentation})


def test_an_access_token_is_good_for_one_verifier_until_it_expires(now: datetime) -> None:
    """Bound to the verifier and the scopes; another key, verifier, or time is refused, as is any changed text."""
    key = b"k" * 32
    token = mint_access(key, verifier=CARMAKER, scopes=[MEMBER], expires=now + timedelta(minutes=5))
    access = check_access(key, token, verifier=CARMAKER, now=now)
    assert (access.verifier, access.scopes) == (CARMAKER, (MEMBER,))
    with pytest.raises(Refused, match="foreign-access-token"):
        check_access(key, token, verifier=OTHER, now=now)
    with pytest.raises(Refused, match="expired"):
        check_access(key, token, verifier=CARMAKER, now=now + timedelta(minutes=5))
    body, mac = token.split(".")
    for odd in ("", ".", body, f"{body}.", f".{mac}", f"A{token}", token + "A", token + "ä", "a" * 9000):
        with pytest.raises(Refused, match="bad-access-token"):
            check_access(key, odd, verifier=CARMAKER, now=now)
    with pytest.raises(Refused, match="bad-access-token"):
        check_access(b"x" * 32, token, verifier=CARMAKER, now=now)
