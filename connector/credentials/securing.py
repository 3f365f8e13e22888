"""How a credential is secured: by an envelope (`vc+jwt`, `jose`) or by a proof within (`data_integrity`).

A plain JWT can only be one of VC Data Model 1.1 (`vc11`); a token without `typ` is what its claims say. An SD-JWT
(`sd_jwt`), of which a holder shows a part, is read by those alone who say that they expect one; else it is refused.
The first octet tells which: a compact token never begins with a brace. Both sides answer the same questions: which key,
which algorithm, what is said, and does the signature hold. Octets are kept and served as they are hashed: the compact
token, or the canonical JSON with its proof (DECISIONS, "Credentials with a proof inside").
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

from connector.credentials import data_integrity, jose, sd_jwt, vc11
from connector.credentials.canonical import canonical
from connector.credentials.data_integrity import Proof, parse
from connector.credentials.jose import Jws, json_object
from connector.credentials.refused import Refused
from connector.credentials.sd_jwt import SdJwt, is_sd_jwt
from connector.credentials.signing import PublicKey

Securing: TypeAlias = Jws | Proof | SdJwt

ENVELOPED, WITH_PROOF, SELECTIVE = "application/vc+jwt", "application/vc", "application/vc+sd-jwt"
"""The media types (VC-JOSE-COSE section 6.1, VC Data Model 2.0 section 6.2)."""

_NOT_HERE = (
    "an SD-JWT, of which the holder shows a part as they choose: `credential verify` reads it, and it counts nowhere "
    "else; ask its issuer for a vc+jwt"
)
"""DECISIONS, "Credentials that are shown in part"."""


def has_proof(octets: bytes) -> bool:
    """Whether these octets are JSON with a proof in it, if they are a credential at all."""
    return octets.startswith(b"{")


def open_secured(octets: bytes, limit_bytes: int, *, selective: bool = False) -> Securing:
    """Read a credential's securing without checking its signature. `selective`: an SD-JWT may be shown as well."""
    if is_sd_jwt(octets):
        if not selective:
            raise Refused("selective-disclosure", _NOT_HERE)
        return sd_jwt.parse(octets, limit_bytes)
    if has_proof(octets):
        proof = parse(octets, limit_bytes)
        data_integrity.check_use(proof, "assertionMethod")
        return proof
    jws = jose.parse(octets, limit_bytes)
    if not jws.type and _says_20(jws):
        return replace(jws, unsaid="vc+jwt")
    if jws.type != "vc+jwt" and not is_vc11(jws):  # a presentation is no credential (RFC 8725 section 3.11)
        raise Refused("bad-typ", f"{jws.type:.40} instead of vc+jwt")
    return jws


def _says_20(jws: Jws) -> bool:
    """Whether a token without `typ` (a SHOULD of VC-JOSE-COSE section 3.1.1) can only be a credential of 2.0.

    A presentation or a self-issued token has another type, or none; `vc` and `vp` are of 1.1.
    """
    said = jws.claims()
    types = said.get("type")
    return (
        said.keys().isdisjoint({"vc", "vp", "verifiableCredential"})
        and "@context" in said
        and isinstance(types, list)
        and "VerifiableCredential" in types
        and "VerifiablePresentation" not in types
    )


def is_vc11(secured: Securing) -> bool:
    """Whether it can only be one of VC Data Model 1.1."""
    return isinstance(secured, Jws) and secured.type in vc11.TYPES


def media_type_of(octets: bytes) -> str:
    """The media type of a credential."""
    if is_sd_jwt(octets):
        return SELECTIVE
    return WITH_PROOF if has_proof(octets) else ENVELOPED


def suffix_of(octets: bytes) -> str:
    """How the name of a file with this credential ends."""
    if is_sd_jwt(octets):
        return ".sd-jwt"
    return ".json" if has_proof(octets) else ".jwt"


def key_id_of(octets: bytes) -> str | None:
    """The key that signed a credential of our own."""
    return parse(octets, len(octets)).key_id if has_proof(octets) else jose.key_id_in(octets)


def check_signature(secured: Securing, key: PublicKey) -> None:
    """`Refused` if the signature is not this key's over this content."""
    if isinstance(secured, Proof):
        data_integrity.verify(secured, key)
    else:
        jose.verify(secured.jws if isinstance(secured, SdJwt) else secured, key)


def as_served(octets: bytes, limit_bytes: int) -> bytes:
    """The octets that are kept, hashed and served, of a file that a person hands over: JSON may be laid out there.

    What is no JSON, or none that is admitted, stays as it is: verification says what is wrong with it.
    """
    stripped = octets.strip()
    try:
        return canonical(json_object(stripped, limit_bytes, "bad-json", few=True)) if has_proof(stripped) else stripped
    except Refused:
        return stripped


def check_served(octets: bytes, secured: Securing) -> None:
    """`Refused` if these are not such octets: else one statement would have many digests."""
    if not isinstance(secured, Proof):
        return
    if data_integrity.attach(secured.document, secured.config, secured.signature) != octets:
        raise Refused("not-canonical", "JSON that is not in the one form of RFC 8785")
