"""Verifiable presentations as JWT: a holder shows credentials to one verifier.

Form of VC-JOSE-COSE section 3.1.2: `typ` `vp+jwt`, the payload is the presentation itself, each credential enveloped in
a `data:` URL. Credentials that stand there as plain compact strings are read too, because peers send them. Only the
holder's proof is checked here; each credential inside must still pass `verify`, and `bound_to` the holder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from connector.credentials import jose
from connector.credentials.datamodel import VC_CONTEXT
from connector.credentials.did import DidDocument, key_for
from connector.credentials.did_web import did_of_key
from connector.credentials.jose import Jws
from connector.credentials.refused import Refused
from connector.credentials.securing import has_proof
from connector.credentials.signing import Algorithm
from connector.credentials.token import check_audience, check_jti, check_times
from connector.model import Did, Json, JsonObject

PRESENTATION_LIMIT_BYTES = 1 << 20
MAX_CREDENTIALS = 16

_DATA_URL = "data:application/vc+jwt,"
TYPE = "VerifiablePresentation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation:
    """What a holder shows: compact credentials, none of them checked yet."""

    holder: Did
    jti: str
    expires: int
    credentials: tuple[bytes, ...]


def presentation_input(
    *,
    audience: Did,
    credentials: Sequence[bytes],
    key_id: str,
    alg: Algorithm,
    jti: str,
    now: datetime,
    lifetime_seconds: int,
) -> bytes:
    """What the holder signs; `jose.attach` makes the presentation of it. The key says who the holder is."""
    holder = did_of_key(key_id)
    issued = int(now.timestamp())
    payload: JsonObject = {
        "@context": [VC_CONTEXT],
        "type": [TYPE],
        "holder": holder,
        "verifiableCredential": [_enveloped(octets) for octets in credentials],
        "iss": holder,
        "sub": holder,
        "aud": audience,
        "jti": jti,
        "iat": issued,
        "nbf": issued,
        "exp": issued + lifetime_seconds,
    }
    return jose.signing_input({"alg": alg, "kid": key_id, "typ": "vp+jwt", "cty": "vp"}, orjson.dumps(payload))


def verify_presentation(
    token: bytes | str,
    document: DidDocument,
    *,
    holder: Did,
    audience: Did,
    now: datetime,
    leeway_seconds: int,
) -> Presentation:
    """The checks of DCP section 5.4.3 that concern the presentation itself. Its `jti` is the store's to remember."""
    jws = jose.parse(token, PRESENTATION_LIMIT_BYTES)
    if jws.type != "vp+jwt":
        raise Refused("bad-typ", f"{jws.type:.40} instead of vp+jwt")
    payload = jws.claims(few=True)
    _check_holder(jws, payload, holder)
    jose.verify(jws, key_for(document, jws.key_id or "", "authentication"))
    check_audience(payload, audience)
    _, expires = check_times(payload, now=now, leeway_seconds=leeway_seconds)
    return Presentation(
        holder=holder,
        jti=check_jti(payload),
        expires=expires,
        credentials=_credentials(payload),
    )


def bound_to(credential: JsonObject, holder: Did) -> bool:
    """Whether a credential is about the holder: somebody else's role gives nobody a right (section 5.4.3)."""
    subject = credential.get("credentialSubject")
    return isinstance(subject, dict) and subject.get("id") == holder


def _check_holder(jws: Jws, payload: JsonObject, holder: Did) -> None:
    if not (jws.key_id or "").startswith(f"{holder}#"):
        raise Refused("holder-binding", "the presentation is not signed by a key of the expected holder")
    if payload.get("iss", holder) != holder or payload.get("holder", holder) != holder:
        raise Refused("holder-binding", "iss or holder is another party")
    if "vp" in payload or "vc" in payload:  # VC-JOSE-COSE section 3.1.3
        raise Refused("bad-presentation", "vc or vp claims are of an older form")
    kinds = payload.get("type")
    if kinds != TYPE and not (isinstance(kinds, list) and TYPE in kinds):
        raise Refused("bad-presentation", f"type does not say {TYPE}")
    contexts = payload.get("@context")
    if not isinstance(contexts, list) or not contexts or contexts[0] != VC_CONTEXT:
        raise Refused("bad-presentation", f"@context does not begin with {VC_CONTEXT}")


def _credentials(payload: JsonObject) -> tuple[bytes, ...]:
    listed = payload.get("verifiableCredential", [])
    entries: list[Json] = listed if isinstance(listed, list) else [listed]
    if len(entries) > MAX_CREDENTIALS:
        raise Refused("too-many-credentials", f"more than {MAX_CREDENTIALS}")
    return tuple(compact(entry) for entry in entries)


def compact(entry: Json) -> bytes:
    """The compact token of a credential as it stands in a presentation."""
    match entry:
        case str(text):
            return _ascii(text)
        case {"type": "EnvelopedVerifiableCredential" | ["EnvelopedVerifiableCredential"], "id": str(url)}:
            if url.startswith(_DATA_URL):
                return _ascii(url.removeprefix(_DATA_URL))
    raise Refused("bad-presentation", f"a credential that is neither a compact string nor enveloped as {_DATA_URL}")


def _enveloped(octets: bytes) -> JsonObject:
    return {
        "@context": VC_CONTEXT,
        "id": _DATA_URL + octets.decode("ascii"),
        "type": "EnvelopedVerifiableCredential",
    }


def _ascii(text: str) -> bytes:
    if not text.isascii() or has_proof(text.encode("ascii")):  # the profile `vc20-bssl/jwt` has no proofs inside
        raise Refused("bad-presentation", "a credential that is no compact token")
    return text.encode("ascii")
