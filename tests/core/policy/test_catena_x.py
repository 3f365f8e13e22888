"""Policies of Catena-X (CX-0152): read in both namespaces of the field, decided on credentials, sent as written."""

from __future__ import annotations

import pytest

from connector.model import Json, JsonObject, objects_in
from connector.policy.doubts import doubts
from connector.policy.facts import number_claims, party_claims
from connector.policy.odrl import Policy, offer_json
from connector.policy.pinning import pinned
from connector.policy.reading import read
from tests.core.policy.policies import NOW, c, decide, facts, policy, rule, states

OLD, NEW = "https://w3id.org/catenax/policy/", "https://w3id.org/catenax/2025/9/policy/"
CONTEXT = f"{NEW}context.jsonld"
SIGNED = ("FrameworkAgreement", "eq", "DataExchangeGovernance:1.0")
NUMBERS = ["BPNL000000000001", "BPNL000000000002"]


def sent(context: Json, *constraints: JsonObject) -> list[JsonObject]:
    """The constraints of a file with this context, as the wire has them."""
    found, findings = read({"@context": context, "permission": [rule("use", *constraints)]})
    assert found is not None, findings
    return constraints_of(offer_json(found, offer_id="x"))


def constraints_of(offer: JsonObject) -> list[JsonObject]:
    """Of the one permission."""
    (permission,) = objects_in(offer["permission"])
    return objects_in(permission["constraint"])


@pytest.mark.parametrize(
    ("context", "written", "meant"),
    [
        (None, "cx-policy:Membership", OLD), (None, f"{OLD}Membership", OLD), (None, f"{NEW}Membership", NEW),
        ([CONTEXT], "Membership", NEW), (["https://x.example/odrl.jsonld", CONTEXT], "cx-policy:Membership", NEW),
        ([CONTEXT], f"{OLD}Membership", OLD), ({"cx-policy": NEW}, "cx-policy:Membership", NEW),
        ([{"cx": OLD}], "cx:Membership", OLD),
    ],
)  # fmt: skip
def test_a_name_means_what_the_context_of_its_file_says(context: Json, written: str, meant: str) -> None:
    """And goes out as that, because peers compare names."""
    assert sent(context, c(written, "eq", "active")) == [c(f"{meant}Membership", "eq", "active")]


@pytest.mark.parametrize(
    ("context", "written"),
    [
        (None, "Membership"), ({"cx-policy": "https://w3id.org/catenax/2025/9/policy"}, "cx-policy:Membership"),
        ([CONTEXT], "BusinessPartnerGroup"), ([CONTEXT], "UsageRestriction"), ([CONTEXT], "shoeSize"),
        ([{"cx-policy": {"@id": NEW}}, {"cx": 1}], "cx:Membership"),
    ],
)  # fmt: skip
def test_what_nobody_could_decide_is_a_finding(context: Json, written: str) -> None:
    """No name is guessed."""
    found, findings = read({"@context": context, "permission": [rule("use", c(written, "eq", "active"))]})
    assert found is None
    assert [one.code for one in findings] == ["unknown-operand"]


def test_our_own_names_stand_beside_them() -> None:
    """A context of Catena-X takes nothing away."""
    left = [one["leftOperand"] for one in sent([CONTEXT], c("role", "eq", "recycler"), c(*SIGNED))]
    assert left == ["https://w3id.org/battery-connector/v1#role", f"{NEW}FrameworkAgreement"]


@pytest.mark.parametrize("namespace", [OLD, NEW])
def test_who_proves_all_of_it_is_let_in(namespace: str) -> None:
    """Each term on its fact; of the purpose there is none, it is signed. Without one of them: no."""
    given = catena_x(namespace)
    good: dict[str, str | list[str]] = {
        "membership": "active", "frameworkAgreement": SIGNED[2], "businessPartnerNumber": NUMBERS[1]
    }  # fmt: skip
    assert states(decide(given, facts(**good))) == ["satisfied", "satisfied", "satisfied", "accepted"]
    assert decide(given, facts(**good)).permit
    for name in good:
        lacking = decide(given, facts(**{**good, name: []}))
        assert not lacking.permit
        (failed,) = lacking.failed_operands()
        assert failed.startswith(namespace)
        wrong = decide(given, facts(**{**good, name: "another"}))
        assert (wrong.permit, wrong.failed_operands()) == (False, (failed,))


def catena_x(namespace: str) -> Policy:
    """A policy with all kinds of it."""
    return policy(
        rule(
            "use", c(f"{namespace}Membership", "eq", "active"), c(f"{namespace}{SIGNED[0]}", *SIGNED[1:]),
            c(f"{namespace}BusinessPartnerNumber", "isAnyOf", [*NUMBERS]),
            c(f"{namespace}UsagePurpose", "isAnyOf", ["cx.circular.dpp:1"]),
        )
    )  # fmt: skip


@pytest.mark.parametrize(("shown", "let_in"), [("BPNL000000000003", True), (NUMBERS[0], False), ([], False)])
def test_whoever_is_shut_out_by_number_has_to_show_another(shown: str | list[str], let_in: bool) -> None:
    """Who shows none may be the one."""
    none_of = c("tx:BusinessPartnerNumber", "isNoneOf", [*NUMBERS])
    assert decide(policy(rule("use", none_of)), facts(businessPartnerNumber=shown)).permit is let_in
    forbidden = policy(rule("use"), prohibition=[rule("use", c("tx:BusinessPartnerNumber", "isAnyOf", [*NUMBERS]))])
    assert decide(forbidden, facts(businessPartnerNumber=shown)).permit is let_in


def test_the_numbers_of_customers_stay_home() -> None:
    """As DIDs do."""
    (only,) = sent([CONTEXT], c("BusinessPartnerNumber", "isAnyOf", [*NUMBERS]))
    assert only["rightOperand"] == "listedParties"
    by_number = policy(rule("use", c("tx:BusinessPartnerNumber", "isAnyOf", [*NUMBERS])))
    assert decide(by_number, facts(businessPartnerNumber="BPNL00000000000Z")).for_peer()["failed"] == ["party"]
    both = policy(rule("use", c("tx:BusinessPartnerNumber", "eq", NUMBERS[0]), c("party", "eq", "did:web:x.example")))
    assert decide(both, facts()).for_peer()["failed"] == ["party"], "nor is it told which list it is"


def test_a_pin_is_replaced_whatever_it_is_called() -> None:
    """By its name in full, or by a prefix of the file."""
    bound: JsonObject = {"b": "https://w3id.org/battery-connector/v1#"}
    given: JsonObject = {"@context": bound, "permission": [rule("use", c("b:contentDigest", "eq", "old"))]}
    found, findings = read(pinned(given, "new"))
    assert found is not None, findings
    assert [one["rightOperand"] for one in constraints_of(offer_json(found, offer_id="x"))] == ["new"]


def test_values_that_no_credential_has_are_asked_about() -> None:
    """A number that is none, an agreement that nobody can sign, a membership that is not active."""
    odd = policy(
        rule(
            "use", c("cx-policy:BusinessPartnerNumber", "isAnyOf", ["BPNL1", NUMBERS[0]]),
            c("cx-policy:FrameworkAgreement", "eq", "Traceability:1.0"), c("cx-policy:Membership", "eq", "gold"),
            c("accessClass", "eq", "PUB"),
        )
    )  # fmt: skip
    number, agreement, membership = doubts(odd, {}, NOW)
    assert number.endswith(f"such as {NUMBERS[0]}")
    assert "Traceability:1.0" in agreement
    assert membership.endswith("known: active")


def test_what_its_credentials_prove() -> None:
    """A version counts beside the agreement's name; a number stands under either of two names."""
    subject: JsonObject = {"id": "did:web:a", "holderIdentifier": NUMBERS[0], "contractVersion": "1.0"}
    signed = party_claims("DataExchangeGovernanceCredential", subject, "u")
    assert [(one.name, one.value) for one in signed] == [
        ("frameworkAgreement", "DataExchangeGovernance"), ("frameworkAgreement", "DataExchangeGovernance:1.0"),
    ]  # fmt: skip
    assert party_claims("BpnCredential", {"bpn": NUMBERS[0]}, "u") == ()
    numbers = number_claims({"bpn": NUMBERS[1], "holderIdentifier": NUMBERS[1]}, "u")
    assert [(one.name, one.value) for one in numbers] == [("businessPartnerNumber", NUMBERS[1])]
    assert number_claims({"holderIdentifier": 7}, "u") == ()
