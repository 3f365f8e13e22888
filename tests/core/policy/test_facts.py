"""Facts from party credentials."""

from __future__ import annotations

from connector.model import JsonObject
from connector.policy.facts import party_claims


def pairs(credential_type: str, subject: JsonObject) -> list[tuple[str, str]]:
    """Name and value of each claim."""
    claims = party_claims(credential_type, subject, "uEi")
    assert all(claim.source == "uEi" for claim in claims)
    return [(claim.name, claim.value) for claim in claims]


def test_membership_and_roles() -> None:
    """A membership is active when it is shown and valid; each role is a claim."""
    assert pairs("MembershipCredential", {"id": "did:web:a"}) == [("membership", "active")]
    assert pairs("RoleCredential", {"role": ["refiner", {"@value": "recycler"}, 7]}) == [
        ("role", "refiner"),
        ("role", "recycler"),
    ]
    assert pairs("RoleCredential", {}) == []


def test_a_mandate_says_what_it_does_not_limit() -> None:
    """Absent sites and materials mean any; absent classes mean none."""
    subject: JsonObject = {
        "chainRoot": ["urn:b"], "accessClassGranted": ["PUB", "ORG"], "purpose": "audit", "mandateRole": "auditor",
        "material": ["Ni"], "periodStart": "2026-01-01T00:00:00Z", "periodEnd": "2027-12-31T00:00:00Z",
    }  # fmt: skip
    assert pairs("MandateCredential", subject) == [
        ("mandate", "active"),
        ("mandateRoot", "urn:b"),
        ("mandateClass", "PUB"),
        ("mandateClass", "ORG"),
        ("mandatePurpose", "audit"),
        ("mandateRole", "auditor"),
        ("mandateSite", "any"),
        ("mandateMaterial", "Ni"),
        ("mandatePeriod", "2026-01-01T00:00:00Z/2027-12-31T00:00:00Z"),
    ]
    assert ("mandateClass", "any") not in pairs("MandateCredential", {})
    assert ("mandateSite", "urn:smelter") in pairs("MandateCredential", {"site": [{"id": "urn:smelter"}]})
    assert pairs("MandateCredential", {"site": []}) == [("mandate", "active"), ("mandateMaterial", "any")]


def test_other_credentials_prove_nothing_here() -> None:
    """An unknown type gives no fact, whatever it says."""
    assert pairs("BatteryPassport", {"role": "authority"}) == []
