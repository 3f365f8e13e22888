"""What a real Eclipse EDC with an IdentityHub said about who it is (tests/vectors/dcp), read without Java."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from connector.credentials import jose
from connector.credentials.datamodel import parse_credential
from connector.credentials.did import parse_document
from connector.credentials.presentation import bound_to, verify_presentation
from connector.credentials.query import read_response
from connector.credentials.refused import Refused
from connector.credentials.token import peek, verify_self_issued
from connector.model import Did, JsonObject

VECTORS = Path(__file__).parents[2] / "vectors" / "dcp" / "edc-wire.jsonl"
WIRE: list[JsonObject] = [orjson.loads(line) for line in VECTORS.read_bytes().splitlines()]
HUB = parse_document(orjson.dumps(WIRE[0]["answer"]))
SAID = [line for line in WIRE if "authorization" in line]


def issued(claims: JsonObject) -> datetime:
    """When it was made."""
    at = claims["iat"]
    assert isinstance(at, int), claims
    return datetime.fromtimestamp(at, tz=UTC)


@pytest.mark.parametrize("said", SAID, ids=lambda line: str(line["story"]))
def test_its_tokens_are_believed(said: JsonObject) -> None:
    """Without a `typ`, by a key that its document lists for nothing; with what opens its hub, or what opens ours."""
    peeked = peek(str(said["authorization"]).removeprefix("Bearer "))
    now, to = issued(peeked.claims), Did(str(said["to"]))
    token = verify_self_issued(peeked, HUB, audience=to, now=now, leeway_seconds=0)
    assert (token.issuer, token.key_id) == (HUB.id, f"{HUB.id}#key-1")
    assert token.access_token
    with pytest.raises(Refused, match="audience-mismatch"):
        verify_self_issued(peeked, HUB, audience=Did("did:web:other.example"), now=now, leeway_seconds=0)


def test_its_hub_shows_a_membership() -> None:
    """Of VC Data Model 1.1, in a presentation whose contexts begin with another than that model's."""
    (answer,) = (line["answer"] for line in WIRE if line.get("status") == 200)
    (shown,) = read_response(answer)
    now = issued(jose.parse(shown, 1 << 16).claims())
    audience = Did(str(SAID[0]["to"]))
    read = verify_presentation(shown, HUB, holder=HUB.id, audience=audience, now=now, leeway_seconds=0)
    (credential,) = map(parse_credential, read.credentials)
    assert "MembershipCredential" in credential.types
    assert bound_to(credential.payload, HUB.id)
    assert not credential.contradiction
