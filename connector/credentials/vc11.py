"""Credentials of VC Data Model 1.1 as JWT (its section 6.3.1), the profile `vc11-sl2021/jwt` of DCP: what today's
dataspaces issue as memberships.

`document` puts one into the form of 2.0, so that whatever reads credentials reads one form; `claims` puts one of ours
into that of 1.1, for holders whose programs know no other. Such credentials are only read by name: their type, whom
they are about, and what `policy.facts` takes from our own three types. So their contexts need not be known, and none is
fetched. Nothing else of the `vc` claim is handed on: no record can be one.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from connector.credentials.refused import Refused
from connector.model import Json, JsonObject

CONTEXT = "https://www.w3.org/2018/credentials/v1"
TYPES = frozenset({"jwt", ""})
"""`typ` of such a token; that of 2.0 has its own (VC-JOSE-COSE section 3.1.1)."""
_ENTRY, _ENTRY_2021 = "BitstringStatusListEntry", "StatusList2021Entry"
_OF_20 = frozenset({"@context", "type", "issuer", "credentialSubject", "validFrom", "validUntil", "vp"})
"""What stands beside a `vc` claim only where somebody is to read one thing and somebody else another."""


def document(claims: JsonObject) -> JsonObject:
    """What the claims say, in the form of 2.0. What only a registered claim says is put where it belongs."""
    stated = claims.get("vc")
    if not isinstance(stated, dict):
        raise Refused("bad-typ", "a token without a vc claim is no credential")
    if not _OF_20.isdisjoint(claims):
        raise Refused("bad-credential", f"{', '.join(sorted(_OF_20 & claims.keys()))} beside a vc claim")
    issuer = stated.get("issuer", claims.get("iss"))
    if claims.get("iss") != (issuer.get("id") if isinstance(issuer, dict) else issuer):
        raise Refused("bad-credential", "iss and issuer differ")
    if stated.get("issuanceDate") is None and claims.get("nbf") is None:
        raise Refused("bad-credential", "neither issuanceDate nor nbf")
    subject, status = one_subject(stated), stated.get("credentialStatus")
    if isinstance(subject, dict) and "sub" in claims:
        subject = {"id": claims["sub"], **subject}
    said: JsonObject = {
        "@context": stated.get("@context"), "id": stated.get("id", claims.get("jti")), "type": stated.get("type"),
        "issuer": issuer, "validFrom": stated.get("issuanceDate"), "validUntil": stated.get("expirationDate"),
        "credentialSubject": subject,
        "credentialStatus": [_entry(one) for one in status] if isinstance(status, list) else _entry(status),
    }  # fmt: skip
    return {name: value for name, value in said.items() if value is not None}


def claims(credential: JsonObject) -> JsonObject:
    """One of ours, of 2.0, as the claims of such a token. Of its record it says the id alone, as its own."""
    contexts, subject, record = (credential[name] for name in ("@context", "credentialSubject", "record"))
    assert isinstance(contexts, list)
    assert isinstance(subject, dict)
    assert isinstance(record, dict)
    stated: JsonObject = {
        "@context": [CONTEXT, *contexts[1:]], "id": record["id"], "type": credential["type"],
        "issuer": credential["issuer"], "issuanceDate": credential["validFrom"],
        "expirationDate": credential.get("validUntil"), "credentialStatus": credential.get("credentialStatus"),
        "credentialSubject": subject,
    }  # fmt: skip
    said: JsonObject = {
        "iss": credential["issuer"], "sub": subject["id"], "jti": record["id"],
        "nbf": _seconds(credential["validFrom"]),
        "vc": {name: value for name, value in stated.items() if value is not None},
    }  # fmt: skip
    return {**said, "exp": _seconds(credential["validUntil"])} if "validUntil" in credential else said


def _seconds(time: Json) -> int:
    return int(datetime.fromisoformat(str(time)).timestamp())


def one_subject(stated: JsonObject) -> Json:
    """The subject; a list of one is that one (VC Data Model 2.0 section 4.8). More stay a list, which nobody takes."""
    subject = stated.get("credentialSubject")
    return subject[0] if isinstance(subject, list) and len(subject) == 1 else subject


def contradiction(claims: JsonObject, subject: JsonObject, types: Collection[str]) -> str:
    """How the token departs from section 6.3.1 or 4 of the data model, or empty. `subject`, `types`: what it says.

    Of two times the narrower counts (`datamodel`), so they need not be equal. A `jti` may be the token's own: Eclipse's
    issuer makes a new one beside `id`, and nothing here goes by either.
    """
    about = subject.get("id")
    if claims.get("sub", about) != about:
        return "sub is not the subject's id"
    return "" if "VerifiableCredential" in types else "type has no VerifiableCredential"


def context_problem(listed: Json) -> str:
    """What is wrong with the contexts, or empty: by name, in order, none inline."""
    if not isinstance(listed, list) or not listed or listed[0] != CONTEXT:
        return f"@context does not begin with {CONTEXT}"
    return "" if all(isinstance(one, str) for one in listed) else "an inline context"


def _entry(node: Json) -> Json:
    """A status entry: that of StatusList2021 says the same under another name."""
    return {**node, "type": _ENTRY} if isinstance(node, dict) and node.get("type") == _ENTRY_2021 else node
