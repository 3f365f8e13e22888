"""The messages of issuance: what a holder says, and what it takes from an issuer."""

from __future__ import annotations

from typing import Any

import pytest

from connector.credentials import issuance
from connector.credentials.issuance import Delivery, Supported
from connector.credentials.query import DCP_CONTEXT
from connector.errors import BadMessage
from connector.model import Did, Json

ISSUER = Did("did:web:issuer.example")
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
        (DELIVERY, {"type": "CredentialOfferMessage"}),
        (DELIVERY, {"@context": DCP_CONTEXT}),
        (OFFER, {"issuer": None}),
        (OFFER, {"issuer": "did:web:other.example"}),
        (OFFER, {"credentials": []}),
        (OFFER, {"credentials": ["1"]}),
        (OFFER, {"credentials": [{}]}),
        (OFFER, {"credentials": [{"id": "1", "credentialType": "x" * 513}]}),
        (OFFER, {"credentials": [{"id": "1", "profile": 7}]}),
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
