"""The messages of issuance: what a holder says, and what it takes from an issuer."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connector.credentials import issuance
from connector.credentials.issuance import Delivery, Request, Supported
from connector.credentials.query import DCP_CONTEXT
from connector.errors import BadMessage
from connector.model import Did, Json

ISSUER = Did("did:web:issuer.example")
ECLIPSE: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "credentials" / "eclipse-issuance.json").read_text("utf-8")
)
DCP = "https://w3id.org/dspace-dcp/v1.0/"
DELIVERY: dict[str, Any] = {
    "@context": [DCP_CONTEXT], "type": "CredentialMessage", "issuerPid": "i", "holderPid": "h", "status": "ISSUED",
    "credentials": [{"credentialType": "MembershipCredential", "payload": "a.b.c", "format": "jwt"}],
}  # fmt: skip
OFFER: dict[str, Any] = {
    "@context": [DCP_CONTEXT], "type": "CredentialOfferMessage", "issuer": ISSUER,
    "credentials": [{"id": "1"}, {"id": "2", "type": "CredentialObject", "credentialType": "X", "profile": "p"}],
}  # fmt: skip
METADATA: dict[str, Any] = {
    "@context": [DCP_CONTEXT], "type": "IssuerMetadata", "issuer": ISSUER, "credentialsSupported": OFFER["credentials"]
}  # fmt: skip
TWO = (Supported(id="1", credential_type=""), Supported(id="2", credential_type="X", profile="p"))


def test_what_comes_is_read() -> None:
    """As real issuers say it; of a rejection only the reason counts."""
    read = issuance.read_delivery(DELIVERY)
    assert read == Delivery(holder_pid="h", issuer_pid="i", status="ISSUED", credentials=(b"a.b.c",), reason="")
    rejected = issuance.read_delivery({**DELIVERY, "status": "REJECTED", "rejectionReason": "x" * 600})
    assert (rejected.status, rejected.credentials, rejected.reason) == ("REJECTED", (), "x" * 512)
    assert issuance.read_offer(OFFER, ISSUER) == TWO
    assert issuance.read_metadata(METADATA, ISSUER) == TWO
    assert issuance.read_metadata({**METADATA, "credentialsSupported": []}, ISSUER) == ()
    long: Json = {"id": "i" * 512, "credentialType": "t" * 512, "profile": "p" * 512}
    most = issuance.read_offer({**OFFER, "credentials": [long] * 16}, ISSUER)
    assert most == (Supported(id="i" * 512, credential_type="t" * 512, profile="p" * 512),) * 16


def test_what_we_ask_is_as_the_protocol_has_it() -> None:
    """Section 6.4.1."""
    assert issuance.request_message("h", ["1", "2"]) == {
        "@context": [DCP_CONTEXT], "type": "CredentialRequestMessage", "holderPid": "h",
        "credentials": [{"id": "1"}, {"id": "2"}],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("whole", "change"),
    [
        (DELIVERY, {"holderPid": None}),
        (DELIVERY, {"holderPid": ""}),
        (DELIVERY, {"holderPid": "x" * 513}),
        (DELIVERY, {"issuerPid": 1}),
        (DELIVERY, {"status": "INVALID_STATUS"}),
        (DELIVERY, {"status": None}),
        (DELIVERY, {"status": ["ISSUED"]}),
        (DELIVERY, {"credentials": []}),
        (DELIVERY, {"credentials": None}),
        (DELIVERY, {"credentials": DELIVERY["credentials"] * 17}),
        (DELIVERY, {"credentials": [{"payload": {"@context": []}}]}),
        (DELIVERY, {"credentials": [{"payload": "ä"}]}),
        (DELIVERY, {"credentials": ["a.b.c"]}),
        (DELIVERY, {"credentials": "a.b.c"}),
        (DELIVERY, {"type": "CredentialOfferMessage"}),
        (DELIVERY, {"@context": DCP_CONTEXT}),
        (OFFER, {"issuer": None}),
        (OFFER, {"issuer": "did:web:other.example"}),
        (OFFER, {"credentials": []}),
        (OFFER, {"credentials": ["1"]}),
        (OFFER, {"credentials": [{}]}),
        (OFFER, {"credentials": [{"id": "1", "credentialType": "x" * 513}]}),
        (OFFER, {"credentials": [{"id": "1", "credentialType": 7}]}),
        (OFFER, {"credentials": [{"id": "1", "profile": 7}]}),
        (OFFER, {"credentials": [{"id": "1", "profile": "x" * 513}]}),
        (OFFER, {"credentials": [{"id": "1", "credentialType": "MembershipCredential RoleCredential"}]}),
        (OFFER, {"credentials": [{"id": "1", "credentialType": "MembershipCredential\n"}]}),
        (METADATA, {"issuer": "did:web:other.example"}),
        (METADATA, {"credentialsSupported": {}}),
    ],
)
def test_other_messages_are_refused(whole: dict[str, Any], change: dict[str, Json]) -> None:
    """Without our id, with a state that there is not, too many, of another issuer."""
    message = {**whole, **change}
    readers = {id(OFFER): issuance.read_offer, id(METADATA): issuance.read_metadata}
    reader = readers.get(id(whole), lambda said, _: issuance.read_delivery(said))
    with pytest.raises(BadMessage):
        reader(message, ISSUER)


# --- as an issuer ----------------------------------------------------------------------------------------------------

REQUEST: dict[str, Any] = {
    "@context": [DCP_CONTEXT], "type": "CredentialRequestMessage", "holderPid": "h",
    "credentials": [{"id": "1"}, {"id": "2"}, {"id": "1"}],
}  # fmt: skip
OURS = (
    Supported(id="1", credential_type="MembershipCredential", profile="vc20-bssl/jwt"),
    Supported(id="2", credential_type="RoleCredential", profile="vc11-sl2021/jwt"),
)


def test_what_a_holder_asks_is_what_a_holder_says() -> None:
    """Each id once, in order; what we say as a holder is read by us as an issuer."""
    assert issuance.read_request(REQUEST) == Request(holder_pid="h", ids=("1", "2"))
    assert issuance.read_request(issuance.request_message("h", ["2"])) == Request(holder_pid="h", ids=("2",))


@pytest.mark.parametrize(
    "change",
    [
        {"holderPid": None}, {"holderPid": ""}, {"holderPid": "x" * 513}, {"credentials": None}, {"credentials": []},
        {"credentials": [{}]}, {"credentials": ["1"]}, {"credentials": [{"id": 1}]},
        {"credentials": [{"id": str(number)} for number in range(17)]}, {"type": "CredentialMessage"}, {"@context": []},
    ],
)  # fmt: skip
def test_what_is_no_request_is_refused(change: dict[str, Any]) -> None:
    """Section 6.4.1."""
    with pytest.raises(BadMessage):
        issuance.read_request({**REQUEST, **change})


@pytest.mark.parametrize("one", ECLIPSE["requests"], ids=[one["holderPid"] for one in ECLIPSE["requests"]])
def test_an_eclipse_hub_asks_with_full_names(one: dict[str, Any]) -> None:
    """As it was recorded; one credential also where the context leaves out its list."""
    assert issuance.read_request(one["message"]) == Request(holder_pid=one["holderPid"], ids=tuple(one["ids"]))


def test_an_eclipse_issuer_offers_with_full_names() -> None:
    """The same of an offer; it is still the sender's alone."""
    offered = Supported(id="membership-def", credential_type="MembershipCredential", profile="vc11-sl2021/jwt")
    assert issuance.read_offer(ECLIPSE["offer"], ISSUER) == (offered,)
    with pytest.raises(BadMessage, match="issuer"):
        issuance.read_offer(ECLIPSE["offer"], Did("did:web:other.example"))


@pytest.mark.parametrize(
    "change",
    [
        {"@type": "https://example.com/CredentialRequestMessage"},
        {"@type": f"{DCP}CredentialMessage"},
        {"@type": [f"{DCP}CredentialRequestMessage", f"{DCP}CredentialMessage"]},
        {"@type": "CredentialRequestMessage"},
        {"@context": ["https://example.com/others.jsonld"]},
        {f"{DCP}holderPid": [{"@id": "one"}, {"@id": "another"}]},
        {f"{DCP}holderPid": {"@id": "one", f"{DCP}status": "x"}},
        {f"{DCP}holderPid": {"@value": 7}},
        {f"{DCP}holderPid": None, "holderPid": "h", "https://example.com/holderPid": "h"},
        {f"{DCP}credentials": []},
        {f"{DCP}credentials": [{"@type": "@json", "@value": ["membership"]}]},
        {f"{DCP}credentials": [{"@type": "@json", "@value": [{f"{DCP}id": "membership"}]}]},
        {f"{DCP}credentials": [{"@type": "@json", "@value": [{"id": str(number)} for number in range(17)]}]},
    ],
)
def test_full_names_say_no_more_than_short_ones(change: dict[str, Any]) -> None:
    """Other namespaces are nobody's; two values where one belongs are none; a context decides for itself."""
    with pytest.raises(BadMessage):
        issuance.read_request({**ECLIPSE["requests"][0]["message"], **change})


def test_what_an_issuer_says_is_what_a_holder_reads() -> None:
    """Metadata and deliveries of ours, read by our own holder's side; and the members that their schemas ask for."""
    said = issuance.metadata_message(ISSUER, [replace(one, schema=f"https://x/{one.id}") for one in OURS])
    assert issuance.read_metadata(said, ISSUER) == OURS
    listed = said["credentialsSupported"]
    assert isinstance(listed, list)
    for one in listed:
        assert isinstance(one, dict)
        assert one["credentialSchema"] == f"https://x/{one['id']}"
        said_of = (one["type"], one["offerReason"], one["bindingMethods"])
        assert said_of == ("CredentialObject", "issue", ["did:web"]), "section 6.7"
    made = issuance.credential_message(
        issuer_pid="i", holder_pid="h", credentials=[(OURS[0], b"a.b.c"), (OURS[1], b"d.e.f")]
    )
    assert made["credentials"] == [
        {"credentialType": "MembershipCredential", "format": "VC2_0_JOSE", "payload": "a.b.c"},
        {"credentialType": "RoleCredential", "format": "VC1_0_JWT", "payload": "d.e.f"},
    ], "section 6.5.1, with the formats of Eclipse's IdentityHub"
    kept = Delivery(issuer_pid="i", holder_pid="h", status="ISSUED", credentials=(b"a.b.c", b"d.e.f"), reason="")
    assert issuance.read_delivery(made) == kept
    refused = issuance.credential_message(issuer_pid="i", holder_pid="h", reason="x" * 600)
    assert refused["rejectionReason"] == issuance.read_delivery(refused).reason == "x" * 512
    assert issuance.read_delivery(refused).status == "REJECTED"
    status = issuance.status_message(issuer_pid="i", holder_pid="h", status="RECEIVED")
    assert status == {
        "@context": [DCP_CONTEXT], "type": "CredentialStatus", "issuerPid": "i", "holderPid": "h", "status": "RECEIVED",
    }  # fmt: skip
    assert issuance.read_status(status, "h") == "RECEIVED"
    other: list[tuple[dict[str, Json], str]] = [
        ({}, "another"), ({"type": "CredentialMessage"}, "h"), ({"status": None}, "h"), ({"holderPid": None}, "h"),
    ]  # fmt: skip
    for change, pid in other:
        with pytest.raises(BadMessage):
            issuance.read_status({**status, **change}, pid)
