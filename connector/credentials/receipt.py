"""Receipts of protocol messages: a compact JWS in the answer's `Message-Receipt` header.

Who accepts a message signs what it got (SHA-256 of the request's body, type of message), for which process (both pids),
what became of it (the state) and when. So the sender can prove later what was acknowledged, to whoever resolves the
receiver's DID document. Our own extension: DSP 2025-1 says nothing of it, peers that give none are as good. The key is
that which proves who we are (`authentication`); `typ` keeps a receipt from being taken for a token (RFC 8725, 3.11).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import orjson

from connector.credentials import jose
from connector.credentials.datamodel import time_text
from connector.credentials.did import DidDocument, key_for
from connector.credentials.jose import Jws
from connector.credentials.refused import Refused
from connector.credentials.signing import Algorithm, PublicKey, key_from_jwk
from connector.model import Did, JsonObject

HEADER: Final = "Message-Receipt"
TYPE: Final = "message-receipt+jwt"
LIMIT_BYTES: Final = 8 * 1024
_SKEW: Final = timedelta(minutes=10)
_LATEST: Final = 253_402_300_799
"""The last second of the year 9999."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What is signed. `issuer` accepted the message that `audience` sent; `sha256` in hex."""

    issuer: Did
    audience: Did
    sha256: str
    message: str
    consumer_pid: str
    provider_pid: str
    state: str

    def claims(self, at: datetime) -> JsonObject:
        """As they stand in the token."""
        return {
            "iss": self.issuer, "aud": self.audience, "iat": int(at.timestamp()), "sha256": self.sha256,
            "message": self.message, "consumerPid": self.consumer_pid, "providerPid": self.provider_pid,
            "state": self.state,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A receipt as read; `jwk` is the key as JSON, to be kept."""

    claims: JsonObject
    jws: Jws
    key: PublicKey
    jwk: str


def receipt_input(receipt: Receipt, at: datetime, *, key_id: str, alg: Algorithm) -> bytes:
    """What is signed; `jose.attach` makes the receipt of it."""
    return jose.signing_input({"alg": alg, "kid": key_id, "typ": TYPE}, orjson.dumps(receipt.claims(at)))


def open_receipt(text: str, issuer: Did, document: DidDocument) -> Opened:
    """What a receipt says, and the issuer's key that it names. Its signature is `prove`'s to check."""
    jws = jose.parse(text, LIMIT_BYTES)
    if jws.type != TYPE:
        raise Refused("bad-typ", f"{jws.type:.40} is no receipt")
    key_id = jws.key_id
    if key_id is None or not key_id.startswith(f"{issuer}#"):
        raise Refused("foreign-key", "kid is not a key of the party that answered")
    key = key_for(document, key_id, "authentication", retired=True)  # an answer is repeated for days
    return Opened(claims=jws.claims(), jws=jws, key=key, jwk=document.methods[key_id].jwk)


def prove(opened: Opened) -> None:
    """The signature is the issuer's. Costs more than all else, and can wait."""
    jose.verify(opened.jws, opened.key)


def prove_kept(text: str, jwk: str) -> None:
    """The same for a receipt that was kept with the key as it was then."""
    jose.verify(jose.parse(text, LIMIT_BYTES), key_from_jwk(orjson.loads(jwk)))


def check_receipt(said: JsonObject, expected: Receipt, now: datetime) -> None:
    """It says what it has to, and was made by now. `Refused` names every difference."""
    wrong = [name for name, value in expected.claims(now).items() if name != "iat" and said.get(name) != value]
    if wrong:
        raise Refused("receipt-mismatch", f"{', '.join(wrong)} of another message or answer")
    at = said.get("iat")
    if isinstance(at, bool) or not isinstance(at, int) or not 0 <= at <= _LATEST:
        raise Refused("bad-time", "it has no time")
    if datetime.fromtimestamp(at, UTC) > now + _SKEW:
        raise Refused("bad-time", f"it was made at {time_text(datetime.fromtimestamp(at, UTC))}, which lies ahead")
