"""The JSON of a passport's page held against the credentials in it, by whoever has that file and nothing else.

`passport` makes it: the credentials' terms merged, each beside the others, with what record they are of. So each value
must be one that a credential says, all of what they say must be there, and all must be of one version of one record
by the holder that the answer names: values of two batteries, each of them signed, make a passport of neither. Whether
the credentials are good is `credentials.verify`'s. What was left out together with its credential can't be seen here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from connector.credentials.canonical import canonical
from connector.model import Finding, Json, JsonObject, object_in
from connector.vocabulary.views import ENDED, HEAD, STATUS

HEADER: Final = frozenset({"record", "version", "holder", "withdrawn"})
"""What the answer says of itself, not of the battery."""
UNSIGNED: Final = "unsigned"
"""Code: an ended passport, which shows no credential. Nobody can tell whether that is so."""
_LONGEST_TOLD = 120


def held_against(said: JsonObject, credentials: Sequence[JsonObject]) -> list[Finding]:
    """Where an answer (without its credentials) is not what these credentials say."""
    values = {name: value for name, value in said.items() if name not in HEADER or _is_odd(name, value)}
    if not credentials and values == {STATUS: ENDED}:
        told = "it says that the passport has ended, and nothing more is shown of such a one: no credential says so"
        return [Finding(code=UNSIGNED, term=STATUS, message=told, hint="ask at the address that the QR code holds")]
    return [
        *_of_one(said, credentials),
        *_values(values, [object_in(one.get("credentialSubject")) for one in credentials]),
    ]


def _is_odd(name: str, value: Json) -> bool:
    """Of what nothing is compared with, whether it says more than that something was withdrawn."""
    return name == "withdrawn" and not isinstance(value, bool)


def _of_one(said: JsonObject, credentials: Sequence[JsonObject]) -> list[Finding]:
    """Whether all are of the record, version and holder that it names, or of one; without a record, of one thing."""
    findings = []
    recorded = all("record" in one for one in credentials)
    for name in ("record", "version", "holder", *(() if recorded else ("id",))):
        of_each = [_header(one, name) for one in credentials]
        claimed = said[name] if name in HEADER.intersection(said) else next(iter(of_each), None)
        for number, signed in enumerate(of_each, start=1):
            if signed != (str(claimed) if isinstance(claimed, int) else claimed):
                told = f"{name}: credential {number} is of {_told(signed)}, not of {_told(claimed)}"
                findings.append(Finding(code="of-another", term=name, message=told))
    return findings


def _header(credential: JsonObject, name: str) -> Json:
    if name == "id":
        return object_in(credential.get("credentialSubject")).get("id")
    if name == "holder":
        issuer = credential.get("issuer")
        return issuer.get("id") if isinstance(issuer, dict) else issuer
    return object_in(credential.get("record")).get("id" if name == "record" else name)


def _values(values: JsonObject, subjects: Sequence[JsonObject]) -> list[Finding]:
    findings = []
    for name in dict.fromkeys([*values, *(name for subject in subjects for name in subject if name not in HEAD)]):
        signed = [subject[name] for subject in subjects if name in subject and name not in HEAD]
        if not signed:
            told = f"{name}: the file says {_told(values[name])}, and none of its credentials has it"
            findings.append(Finding(code="not-signed", term=name, message=told))
        elif name not in values:
            told = f"{name}: a credential says {_told(signed[0])}, and the file leaves it out"
            findings.append(Finding(code="left-out", term=name, message=told))
        elif odd := [one for one in signed if _text(one) != _text(values[name])]:
            told = f"{name}: the file says {_told(values[name])}, a credential {_told(odd[0])}"
            findings.append(Finding(code="differs", term=name, message=told))
    return findings


def _text(value: Json) -> bytes:
    """One text for one value: Python holds 1 and true for the same."""
    return canonical({"": value})


def _told(value: Json) -> str:
    text = _text(value)[4:-1].decode()
    return text if len(text) <= _LONGEST_TOLD else f"{text[:_LONGEST_TOLD]}…"
