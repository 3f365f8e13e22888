"""Presentations with a Data Integrity proof inside: a holder shows credentials to one verifier, for one challenge.

VC Data Model 2.0 section 4.13 and VC Data Integrity 1.0. Only for the development face: what peers show each other are
`vp+jwt` (`presentation`). Only the holder's proof is checked here; each credential inside must still pass `verify`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from connector.credentials import data_integrity
from connector.credentials.canonical import canonical
from connector.credentials.data_integrity import Proof
from connector.credentials.datamodel import VC_CONTEXT, parse_time
from connector.credentials.did import DidDocument, key_for
from connector.credentials.did_web import did_of_key
from connector.credentials.presentation import MAX_CREDENTIALS, PRESENTATION_LIMIT_BYTES, TYPE, compact
from connector.credentials.refused import Refused
from connector.model import Did, Json, JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the verifier asked for: the proof must say the same, or nothing where nothing was asked."""

    domain: str | None
    challenge: str | None
    contexts: Collection[str]


def verify_proved(
    octets: bytes, document_of: Callable[[Did], DidDocument], expected: Expected, now: datetime
) -> tuple[bytes, ...]:
    """The credentials that the holder shows, none of them checked. `Refused` names the first thing that is wrong."""
    proof = data_integrity.parse(octets, PRESENTATION_LIMIT_BYTES)
    data_integrity.check_use(proof, "authentication", domain=expected.domain, challenge=expected.challenge)
    holder = Did(did_of_key(proof.key_id))
    _check_model(proof.document, holder, expected.contexts)
    data_integrity.verify(proof, key_for(document_of(holder), proof.key_id, "authentication"))
    _check_times(proof, now)
    listed = proof.document.get("verifiableCredential", [])
    entries: list[Json] = listed if isinstance(listed, list) else [listed]
    if len(entries) > MAX_CREDENTIALS:
        raise Refused("too-many-credentials", f"more than {MAX_CREDENTIALS}")
    return tuple(octets_of(entry) for entry in entries)


def octets_of(entry: Json) -> bytes:
    """A credential as it stands in a message: with a proof inside, enveloped, or a compact string."""
    return canonical(entry) if isinstance(entry, dict) and "proof" in entry else compact(entry)


def _check_model(document: JsonObject, holder: Did, contexts: Collection[str]) -> None:
    listed = document.get("@context")
    if not isinstance(listed, list) or not listed or listed[0] != VC_CONTEXT:
        raise Refused("bad-presentation", f"@context does not begin with {VC_CONTEXT}")
    for context in listed:
        if not isinstance(context, str) or context not in contexts:
            raise Refused("context-error", f"unknown context {context!s:.120}")
    kinds = document.get("type")
    if kinds != TYPE and not (isinstance(kinds, list) and TYPE in kinds):
        raise Refused("bad-presentation", f"type does not say {TYPE}")
    said = document.get("holder", holder)
    if (said.get("id") if isinstance(said, dict) else said) != holder:
        raise Refused("holder-binding", "the presentation is not signed by a key of its holder")


def _check_times(proof: Proof, now: datetime) -> None:
    for name in ("created", "expires"):
        said = proof.config.get(name)
        if said is None:
            continue
        if not isinstance(said, str):
            raise Refused("bad-time", f"{name} is not a text")
        if parse_time(said) < now and name == "expires":
            raise Refused("expired", f"the proof was good until {said}")
