"""The policies of the story decide what it tells: who is refused, who is sealed, who may read the books."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from connector.model import Claim, Did, Facts
from connector.policy.evaluate import Decision, compile_policy, evaluate
from connector.policy.operands import Stage
from connector.policy.reading import load

FOLDER = Path("examples/mine_to_recycler")
NOW = datetime(2027, 3, 15, 9, tzinfo=UTC)


def facts(party: str, role: str, **more: str) -> Facts:
    """A member in a role, and what else is known."""
    claims = {"membership": "active", "role": role, **more}
    return Facts(
        party=Did(f"did:web:{party}.example"),
        claims=tuple(Claim(name=name, value=value, source="test") for name, value in claims.items()),
    )


def auditor(access_class: str) -> Facts:
    """The auditor before one credential of that class."""
    classes = tuple(
        Claim(name="mandateClass", value=value, source="test")
        for value in ("PUB", "LI", "AUTH", "LI+AUTH", "B2B", "ORG")
    )
    mandate = {
        "mandate": "active",
        "mandateRole": "auditor",
        "mandatePurpose": "audit",
        "mandatePeriod": "2024-01-01T00:00:00Z/2027-04-01T00:00:00Z",
        "accessClass": access_class,
        "eventTime": "2026-09-14T16:00:00Z",
    }
    return facts("auditor", "auditor", **mandate).with_claims(*classes)


def decide(company: str, policy: str, stage: Stage, about: Facts) -> Decision:
    """The decision of that company's policy."""
    compiled = compile_policy(load((FOLDER / company / "policies" / f"{policy}.json").read_bytes()))
    return evaluate(compiled, about, NOW, stage=stage)


def test_the_competitor_sees_the_offer_and_is_refused_for_its_role() -> None:
    """The offer of composition data is in its catalogue; the negotiation ends with one failed operand."""
    competitor = facts("competitor", "trader")
    assert decide("cathode", "customers", Stage.CATALOGUE, competitor).permit
    refused = decide("cathode", "customers", Stage.NEGOTIATION, competitor)
    assert not refused.permit
    assert refused.failed_operands() == ("role",)


@pytest.mark.parametrize(
    ("supplier", "customer", "role"),
    [
        ("mine", "refiner", "refiner"),
        ("refiner", "cathode", "cathodeMaker"),
        ("recycler", "cathode", "cathodeMaker"),
        ("cathode", "cell", "cellMaker"),
        ("cell", "car", "economicOperator"),
        ("cell", "recycler", "recycler"),
    ],
)
def test_customers_get_their_units_and_no_others(supplier: str, customer: str, role: str) -> None:
    """The role opens the contract, the delivery row opens the unit."""
    buyer = {"unitBuyer": f"did:web:{customer}.example", "accessClass": "B2B"}
    assert decide(supplier, "customers", Stage.NEGOTIATION, facts(customer, role)).permit
    assert decide(supplier, "customers", Stage.DATA, facts(customer, role, **buyer)).permit
    other = {**buyer, "unitBuyer": "did:web:other.example"}
    assert not decide(supplier, "customers", Stage.DATA, facts(customer, role, **other)).permit
    books = {**buyer, "accessClass": "ORG"}
    assert not decide(supplier, "customers", Stage.DATA, facts(customer, role, **books)).permit


def test_one_supplier_is_sealed_for_a_customer_and_open_for_the_auditor() -> None:
    """The cell maker shows its customer its own records, not who supplied it; the cathode maker, nothing."""
    customer = {"unitBuyer": "did:web:car.example", "accessClass": "B2B"}
    own = facts("car", "economicOperator", **customer, leadsTo="own")
    assert decide("cell", "customers", Stage.AUDIT, own).permit
    supplier = facts("car", "economicOperator", **customer, leadsTo="supplier")
    assert not decide("cell", "customers", Stage.AUDIT, supplier).permit
    assert not decide("cathode", "customers", Stage.AUDIT, own).permit
    assert decide("cathode", "customers", Stage.AUDIT, auditor("B2B")).permit


@pytest.mark.parametrize("company", ["mine", "refiner", "cathode", "cell", "car", "recycler"])
def test_books_are_for_the_mandate_alone(company: str) -> None:
    """Make events and counts are offered to nobody."""
    assert decide(company, "books", Stage.AUDIT, auditor("ORG")).permit
    assert not decide(company, "books", Stage.NEGOTIATION, facts("car", "economicOperator")).permit
    assert not decide(company, "books", Stage.AUDIT, facts("car", "economicOperator", accessClass="ORG")).permit


def test_the_recycler_gets_what_legitimate_interest_opens() -> None:
    """Composition for recyclers, public values for every member, nothing for business partners."""
    recycler = {"accessClass": "LI+AUTH"}
    assert decide("car", "passports", Stage.DATA, facts("recycler", "recycler", **recycler)).permit
    assert not decide("car", "passports", Stage.DATA, facts("competitor", "trader", **recycler)).permit
    assert decide("car", "passports", Stage.DATA, facts("competitor", "trader", accessClass="PUB")).permit
    assert not decide("car", "passports", Stage.DATA, facts("recycler", "recycler", accessClass="AUTH")).permit
