"""Verifiable presentations as JWT: a holder shows credentials to one verifier.

Form of VC-JOSE-COSE section 3.1.2: `typ` `vp+jwt`, the payload is the presentation itself, each credential enveloped in
a `data:` URL. Credentials that stand there as plain compact strings are read too, because peers send them. Those of VC
Data Model 1.1 have a presentation of their own (its section 6.3.1; one presentation holds one model, DCP 1.0.1 appendix
A): a `vp` claim with plain compact strings. Only the holder's proof is checked here; each credential inside must still
pass `verify`, and `bound_to` the holder.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from connector.credentials import jose, vc11
from connector.credentials.datamodel import VC_CONTEXT, Credential
from connector.credentials.did import DidDocument, key_for
from connector.credentials.did_web import did_of_key
from connector.credentials.jose import Jws
from connector.credentials.refused import Refused
from connector.credentials.securing import has_proof, is_vc11
from connector.credentials.signing import Algorithm
from connector.credentials.token import check_audience, check_jti, check_times
from connector.model import Did, Json, JsonObject

PRESENTATION_LIMIT_BYTES = 1 << 20
PARTY_LIMIT_BYTES = 64 * 1024
"""Of a credential about a party: these are small, and reading one that a stranger shows must cost little."""
MAX_CREDENTIALS = 16
MAX_SHOWN = 48
"""In one answer. Two data models make at most four presentations of them, as many as a peer like us reads."""
SHOWN_LIMIT_BYTES = 160 * 1024
"""Of their octets: encoded once more, they stay below the 256 KiB of an answer."""

_DATA_URL = "data:application/vc+jwt,"
TYPE = "VerifiablePresentation"
_OF_A_PRESENTATION = frozenset({"@context", "type", "holder", "verifiableCredential", "vc"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation:
    """What a holder shows: compact credentials, none of them checked yet."""

    holder: Did
    jti: str
    expires: int
    credentials: tuple[bytes, ...]


def portions(credentials: Iterable[tuple[bytes, Credential]]) -> list[tuple[bool, list[bytes]]]:
    """What goes into each presentation of an answer, one at least; whether it is of VC Data Model 1.1 comes first.

    Who holds more than goes into an answer leaves out the oldest of those of which there are most, by issuer and types.
    """
    ever = datetime.min.replace(tzinfo=UTC)
    newer: Counter[tuple[Did, tuple[str, ...]]] = Counter()
    ranked: list[tuple[int, bytes, bool]] = []
    for octets, credential in sorted(credentials, key=lambda one: one[1].valid_from or ever, reverse=True):
        kind = credential.issuer, credential.types
        ranked.append((newer[kind], octets, is_vc11(credential.securing)))
        newer[kind] += 1
    ranked.sort(key=lambda one: one[0])
    chosen: dict[bool, list[bytes]] = {False: [], True: []}
    room = SHOWN_LIMIT_BYTES
    for _, octets, older in ranked[:MAX_SHOWN]:
        if len(octets) <= room:
            room -= len(octets)
            chosen[older].append(octets)
    return [
        (older, some[first : first + MAX_CREDENTIALS])
        for older, some in chosen.items()
        for first in range(0, len(some), MAX_CREDENTIALS)
    ] or [(False, [])]


def presentation_input(
    *,
    audience: Did,
    credentials: Sequence[bytes],
    key_id: str,
    alg: Algorithm,
    jti: str,
    now: datetime,
    lifetime_seconds: int,
    older: bool = False,
) -> bytes:
    """What the holder signs; `jose.attach` makes the presentation of it. The key says who the holder is.

    `older`: the credentials are of VC Data Model 1.1.
    """
    holder = did_of_key(key_id)
    issued = int(now.timestamp())
    registered: JsonObject = {
        "iss": holder,
        "sub": holder,
        "aud": audience,
        "jti": jti,
        "iat": issued,
        "nbf": issued,
        "exp": issued + lifetime_seconds,
    }
    shown: JsonObject = {"type": [TYPE], "holder": holder}
    if older:
        listed: list[Json] = [octets.decode("ascii") for octets in credentials]
        shown = {"@context": [vc11.CONTEXT], "id": jti, **shown, "verifiableCredential": listed}
        return jose.signing_input({"alg": alg, "kid": key_id, "typ": "JWT"}, orjson.dumps({**registered, "vp": shown}))
    listed = [_enveloped(octets) for octets in credentials]
    shown = {"@context": [VC_CONTEXT], **shown, "verifiableCredential": listed}
    header: JsonObject = {"alg": alg, "kid": key_id, "typ": "vp+jwt", "cty": "vp"}
    return jose.signing_input(header, orjson.dumps({**shown, **registered}))


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
    payload = jws.claims(few=True)
    shown = _shown(jws.type, payload)
    _check_holder(jws, payload, shown, holder)
    jose.verify(jws, key_for(document, jws.key_id or "", "authentication"))
    check_audience(payload, audience)
    _, expires = check_times(payload, now=now, leeway_seconds=leeway_seconds)
    return Presentation(
        holder=holder,
        jti=check_jti(payload),
        expires=expires,
        credentials=_credentials(shown),
    )


def bound_to(credential: JsonObject, holder: Did) -> bool:
    """Whether a credential is about the holder: somebody else's role gives nobody a right (section 5.4.3)."""
    subject = credential.get("credentialSubject")
    return isinstance(subject, dict) and subject.get("id") == holder


def _shown(kind: str, payload: JsonObject) -> JsonObject:
    """The presentation that a token of this `typ` is, or holds."""
    older = payload.get("vp")
    if kind in vc11.TYPES and isinstance(older, dict):
        if not _OF_A_PRESENTATION.isdisjoint(payload):
            raise Refused("bad-presentation", "a presentation beside a vp claim")
        contexts = older.get("@context")
        # a real kit's has none, and an Eclipse IdentityHub's begins with another; nothing here is read but by name
        if contexts is not None and not (isinstance(contexts, list) and vc11.CONTEXT in contexts):
            raise Refused("bad-presentation", f"@context does not hold {vc11.CONTEXT}")
        return older
    if kind != "vp+jwt":
        raise Refused("bad-typ", f"{kind:.40} instead of vp+jwt")
    if "vp" in payload or "vc" in payload:  # VC-JOSE-COSE section 3.1.3
        raise Refused("bad-presentation", "vc or vp claims are of an older form")
    contexts = payload.get("@context")
    if not isinstance(contexts, list) or not contexts or contexts[0] != VC_CONTEXT:
        raise Refused("bad-presentation", f"@context does not begin with {VC_CONTEXT}")
    return payload


def _check_holder(jws: Jws, payload: JsonObject, shown: JsonObject, holder: Did) -> None:
    if not (jws.key_id or "").startswith(f"{holder}#"):
        raise Refused("holder-binding", "the presentation is not signed by a key of the expected holder")
    if payload.get("iss", holder) != holder or shown.get("holder", holder) != holder:
        raise Refused("holder-binding", "iss or holder is another party")
    kinds = shown.get("type")
    if kinds != TYPE and not (isinstance(kinds, list) and TYPE in kinds):
        raise Refused("bad-presentation", f"type does not say {TYPE}")


def _credentials(shown: JsonObject) -> tuple[bytes, ...]:
    listed = shown.get("verifiableCredential", [])
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
    if not text.isascii() or has_proof(text.encode("ascii")):  # neither profile has proofs inside
        raise Refused("bad-presentation", "a credential that is no compact token")
    return text.encode("ascii")
