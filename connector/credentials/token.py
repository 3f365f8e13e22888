"""Self-issued ID tokens (DCP 1.0.1 section 4.3): a party proves with its own key who it is.

`peek` reads a token before the sender's DID document is known; `verify_self_issued` makes the checks of section 4.3.3
in its order. That no token is accepted twice is left to the store: the issuer and `jti` are handed back, and nothing
else of the token may be used as its identity.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import orjson

from connector.credentials import jose
from connector.credentials.did import DidDocument, key_for
from connector.credentials.jose import Jws, numeric_date
from connector.credentials.refused import Refused
from connector.credentials.signing import Algorithm
from connector.model import Did, JsonObject

TOKEN_LIMIT_BYTES = 32_768
LONGEST_LIFETIME_SECONDS = 600
_BEARER = "bearer "
_LONGEST_JTI = 256
_LONGEST_NAME = 512
_OF_A_CREDENTIAL = frozenset({"vc", "vp", "credentialSubject", "verifiableCredential"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Peeked:
    """A token as it claims to be. Only good for finding the sender's DID document."""

    issuer: Did
    claims: JsonObject
    jws: Jws


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfIssued:
    """A token that its issuer signed for us, now. `access_token` lets us query the issuer's credential service."""

    issuer: Did
    jti: str
    issued: int
    expires: int
    key_id: str
    access_token: str | None
    claims: JsonObject


def bare(authorization: str) -> str:
    """The token without its scheme, whose case does not count (RFC 9110, 11.1); an EDC's clients show it bare."""
    return authorization[len(_BEARER) :] if authorization[: len(_BEARER)].lower() == _BEARER else authorization


def claims(
    *,
    issuer: Did,
    audience: Did,
    jti: str,
    now: datetime,
    lifetime_seconds: int,
    access_token: str | None = None,
) -> JsonObject:
    """What a token of ours says."""
    issued = int(now.timestamp())
    said: JsonObject = {
        "iss": issuer,
        "sub": issuer,
        "aud": audience,
        "jti": jti,
        "iat": issued,
        "nbf": issued,
        "exp": issued + lifetime_seconds,
    }
    if access_token is not None:
        said["token"] = access_token
    return said


def token_input(said: JsonObject, *, key_id: str, alg: Algorithm) -> bytes:
    """What is signed; `jose.attach` makes the token of it."""
    return jose.signing_input({"alg": alg, "kid": key_id, "typ": "JWT"}, orjson.dumps(said))


def peek(token: bytes | str) -> Peeked:
    """Read a token without trusting it. Its issuer is looked up next."""
    jws = jose.parse(token, TOKEN_LIMIT_BYTES)
    if jws.type not in {"jwt", ""}:  # a credential, a presentation or anything else is no token (RFC 8725, 3.11)
        raise Refused("bad-typ", f"{jws.type:.40} is not a token")
    said = jws.claims()
    if not _OF_A_CREDENTIAL.isdisjoint(said):
        # the same `typ` or none, perhaps the same key, and our name in `aud`
        raise Refused("bad-typ", "a credential or a presentation is not a token")
    issuer = said.get("iss")
    if not isinstance(issuer, str) or not 0 < len(issuer) <= _LONGEST_NAME:
        raise Refused("bad-issuer", "no iss")
    if said.get("sub") != issuer:  # DCP 4.3.3 (1)
        raise Refused("issuer-not-subject", "iss and sub differ")
    return Peeked(issuer=Did(issuer), claims=said, jws=jws)


def verify_self_issued(
    peeked: Peeked,
    document: DidDocument,
    *,
    audience: Did,
    now: datetime,
    leeway_seconds: int,
) -> SelfIssued:
    """The checks of DCP section 4.3.3 except replay. `Refused` names the first one that fails."""
    said = peeked.claims
    check_audience(said, audience)  # (2)
    key_id = _key_id(peeked, document)  # (4)
    key = key_for(document, key_id, "capabilityInvocation")  # (5)
    jose.verify(peeked.jws, key)  # (6)
    if document.id != peeked.issuer:  # (7)
        raise Refused("document-id-mismatch", "the document is of another party")
    issued, expires = check_times(said, now=now, leeway_seconds=leeway_seconds)  # (8)
    access_token = said.get("token")
    if access_token is not None and not isinstance(access_token, str):
        raise Refused("bad-claim", "token is not a string")
    return SelfIssued(
        issuer=peeked.issuer,
        jti=check_jti(said),
        issued=issued,
        expires=expires,
        key_id=key_id,
        access_token=access_token,
        claims=said,
    )


def check_audience(said: JsonObject, audience: Did) -> None:
    """Meant for us and nobody else: a list with others could be used against them, or by them against us."""
    named = said.get("aud")
    if named not in (audience, [audience]):
        raise Refused("audience-mismatch", "aud is not this connector alone")


def check_times(said: JsonObject, *, now: datetime, leeway_seconds: int) -> tuple[int, int]:
    """`nbf`, `exp` and `iat` (RFC 7519 section 4.1); the longest lifetime keeps the replay memory small."""
    moment = now.timestamp()
    issued, expires = numeric_date(said, "iat"), numeric_date(said, "exp")
    if issued is None or expires is None:
        raise Refused("bad-time", "iat and exp are required")
    not_before = numeric_date(said, "nbf")
    if max(issued, not_before or issued) > moment + leeway_seconds:
        raise Refused("not-yet-valid", "iat or nbf lies ahead: clock skew?")
    if expires <= moment - leeway_seconds:
        raise Refused("expired", "exp has passed")
    if not issued < expires <= issued + LONGEST_LIFETIME_SECONDS:
        raise Refused("bad-time", f"exp is not within {LONGEST_LIFETIME_SECONDS} s after iat")
    return int(issued), int(expires)


def check_jti(said: JsonObject) -> str:
    """The token's id: required, and short enough to be remembered."""
    jti = said.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= _LONGEST_JTI:
        raise Refused("bad-jti", "jti is missing or too long")
    return jti


def _key_id(peeked: Peeked, document: DidDocument) -> str:
    key_id = peeked.jws.key_id
    if key_id is not None:
        if not key_id.startswith(f"{peeked.issuer}#"):
            raise Refused("foreign-key", "kid is not a key of the issuer")
        return key_id
    if len(document.methods) != 1:
        raise Refused("no-key-id", "no kid, and not exactly one verification method")
    return next(iter(document.methods))
