"""Facts from verified party credentials, under the names that the operands compare.

The caller has checked issuer, signature, time and status; this file only reads the subject: terms of `vocab/terms.csv`,
section of party credentials, and those of Catena-X (CX-0050). A mandate that names no site or material is not limited
by it, and says so: `any`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from connector.model import Claim, Json, JsonObject
from connector.policy.operands import ANY

_MEMBERSHIP: Final = "MembershipCredential"
_ROLE: Final = "RoleCredential"
_MANDATE: Final = "MandateCredential"
NUMBER: Final = "BpnCredential"
"""Who is believed to issue these is believed about business partner numbers, wherever one stands."""
_FRAMEWORK: Final = "DataExchangeGovernance"
OF_CATENA_X: Final = (NUMBER, f"{_FRAMEWORK}Credential")
"""What Catena-X proves beside memberships (CX-0050)."""
_SHOWN: Final = "active"
"""Value of `membership` and `mandate`: a verified credential that holds now was shown."""
_MANDATE_TERMS: Final = (
    ("chainRoot", "mandateRoot", ""),
    ("accessClassGranted", "mandateClass", ""),
    ("purpose", "mandatePurpose", ""),
    ("mandateRole", "mandateRole", ""),
    ("site", "mandateSite", ANY),
    ("material", "mandateMaterial", ANY),
)
"""Term of the credential, name of the fact, and what its absence means."""


def party_claims(credential_type: str, subject: JsonObject, source: str) -> tuple[Claim, ...]:
    """What a party credential's subject proves. `source` is the credential's digest; other types prove nothing here.

    Numbers are `number_claims`'.
    """
    if credential_type == _MEMBERSHIP:
        return (Claim(name="membership", value=_SHOWN, source=source),)
    if credential_type == _ROLE:
        return tuple(Claim(name="role", value=value, source=source) for value in _texts(subject.get("role")))
    if credential_type == _MANDATE:
        return tuple(_mandate_claims(subject, source))
    if credential_type == f"{_FRAMEWORK}Credential":
        signed = [_FRAMEWORK, *(f"{_FRAMEWORK}:{version}" for version in _texts(subject.get("contractVersion")))]
        return tuple(Claim(name="frameworkAgreement", value=value, source=source) for value in signed)
    return ()


def number_claims(subject: JsonObject, source: str) -> tuple[Claim, ...]:
    """The business partner number in a credential of Catena-X, by whichever of its names (CX-0050)."""
    numbers = dict.fromkeys(number for name in ("bpn", "holderIdentifier") for number in _texts(subject.get(name)))
    return tuple(Claim(name="businessPartnerNumber", value=number, source=source) for number in numbers)


def _mandate_claims(subject: JsonObject, source: str) -> Iterator[Claim]:
    yield Claim(name="mandate", value=_SHOWN, source=source)
    for term, name, absent in _MANDATE_TERMS:
        values = _texts(subject.get(term)) if term in subject else ([absent] if absent else [])
        for value in values:
            yield Claim(name=name, value=value, source=source)
    start, end = _texts(subject.get("periodStart")), _texts(subject.get("periodEnd"))
    if len(start) == len(end) == 1:
        yield Claim(name="mandatePeriod", value=f"{start[0]}/{end[0]}", source=source)


def _texts(value: Json) -> list[str]:
    """Texts and ids of one value or an array; a typed literal's text."""
    result: list[str] = []
    for item in value if isinstance(value, list) else [value]:
        text = item.get("@value", item.get("id")) if isinstance(item, dict) else item
        if isinstance(text, str):
            result.append(text)
    return result
